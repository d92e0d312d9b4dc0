/** One place where tokens are stored, which fails, hangs, forgets, and holds another account's token. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { TokenStoreError } from "../../src/AuthError.ts"
import type { Token } from "../../src/Token.ts"
import * as TokenStore from "../../src/TokenStore.ts"
import type { Claims } from "./claims.ts"
import type { Action, StoreWeather } from "./schedule.ts"

type Operation = Extract<Action, { _tag: "Store" }>["operation"]

export interface StoreModel {
  /** The store as the processes of an account use it: the same one whenever it is asked for. */
  readonly forAccount: (account: string) => TokenStore.TokenStore
  readonly setWeather: (operation: Operation, weather: StoreWeather) => void
  /** The stored token is gone, or is that of another account. */
  readonly forget: Effect.Effect<void>
  readonly storeOther: (token: Token) => Effect.Effect<void>
  /** Every token that was ever stored by a process, for others to find. */
  readonly written: () => ReadonlyArray<Token>
  /** What is stored for an account. */
  readonly peek: (account: string) => Token | undefined
  /** Whether anything ever went wrong: until then, processes that share the store and an account never differ. */
  readonly hasFailed: () => boolean
  /** Whether another account's token ever took the place of this one's. */
  readonly hasLost: (account: string) => boolean
}

export const make = ({ reached }: Claims): Effect.Effect<StoreModel> =>
  Effect.map(TokenStore.makeMemory, (memory) => {
    const weather: Record<Operation, StoreWeather> = { read: "fine", write: "fine", lock: "fine" }
    let failed = false
    const written: Array<Token> = []
    const lost = new Set<string>()
    const stored = Effect.map(Effect.orDie(memory.get), ({ token }) => Option.getOrUndefined(token))

    const under = <A, E, R>(
      operation: Operation,
      self: Effect.Effect<A, E, R>
    ): Effect.Effect<A, E | TokenStoreError, R> =>
      Effect.suspend((): Effect.Effect<A, E | TokenStoreError, R> => {
        if (weather[operation] === "fine") return self
        if (weather[operation] !== "slow") failed = true
        reached(`the store ${weather[operation]}: ${operation}`)
        switch (weather[operation]) {
          case "slow":
            return Effect.delay(self, "3 seconds")
          case "fails":
            return Effect.fail(new TokenStoreError({ operation, detail: "weather" }, { disableValidation: true }))
          case "hangs":
            return Effect.never
          case "sticks":
            return Effect.uninterruptible(Effect.never)
        }
      })

    const place: TokenStore.TokenStore = {
      ...memory,
      get: under("read", memory.get),
      compareAndSet: (generation, token) =>
        under(
          "write",
          Effect.flatMap(stored, (before) =>
            Effect.tap(
              memory.compareAndSet(generation, token),
              (isStored) =>
                Effect.sync(() => {
                  if (!isStored) return
                  written.push(token)
                  if (before?.audience === undefined || before.audience === token.audience) return
                  reached("the store's token gives way to another account's")
                  lost.add(before.audience)
                })
            ))
        ),
      withLock: (self) => under("lock", memory.withLock(self))
    }
    const stores = new Map<string, TokenStore.TokenStore>()

    return {
      forAccount: (account) => {
        const store = stores.get(account) ?? TokenStore.forAudience(place, account)
        stores.set(account, store)
        return store
      },
      setWeather: (operation, now) => {
        weather[operation] = now
      },
      forget: Effect.flatMap(Effect.orDie(memory.get), ({ token }) => {
        if (Option.isNone(token)) return Effect.void
        failed = true
        reached("the store forgets")
        return Effect.orDie(memory.remove)
      }),
      storeOther: (token) => {
        failed = true
        reached("the store holds another account's token")
        return Effect.orDie(TokenStore.set(TokenStore.forAudience(memory, "another program"), token))
      },
      written: () => written,
      peek: (account) =>
        Option.getOrUndefined(Option.filter(Effect.runSync(memory.get).token, ({ audience }) => audience === account)),
      hasFailed: () => failed,
      hasLost: (account) => lost.has(account)
    }
  })
