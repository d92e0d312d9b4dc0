/** One process: a token source, the requests that use it, and what they may expect of it. */
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as RefreshPolicy from "../../src/RefreshPolicy.ts"
import type { Token } from "../../src/Token.ts"
import type { RenewalStep } from "../../src/TokenSource.ts"
import * as TokenSource from "../../src/TokenSource.ts"
import type { Claims } from "./claims.ts"
import type { World } from "./schedule.ts"
import type { Server } from "./server.ts"
import type { StoreModel } from "./store.ts"
import type { Watch } from "./watch.ts"
import { longestExchange } from "./watch.ts"

export interface Process {
  /** A request: a token, the API, and again as long as there is a step left. Tells whether the API accepted it. */
  readonly request: (latency: number, span?: Tracer.AnySpan) => Effect.Effect<boolean>
  /** The API refuses the token that was obtained this many tokens ago. */
  readonly refuse: (age: number, accepted: boolean | undefined) => Effect.Effect<void>
  /** The server has issued this access token again. */
  readonly reissued: (value: string) => void
  readonly jumped: (millis: number) => void
  readonly close: Effect.Effect<void>
  readonly isClosed: () => boolean
  /** How many tokens the source has held. */
  readonly generation: () => number
}

export const make = (options: {
  readonly claims: Claims
  readonly world: World
  readonly server: Server
  readonly store: StoreModel
  readonly watch: Watch
  readonly initial: Token | undefined
  readonly accountNow: () => string
  readonly running: () => number
  readonly wall: () => number
}): Effect.Effect<Process> =>
  Effect.gen(function*() {
    const { accountNow, claims: { claim, reached }, initial, running, server, store, wall, watch, world } = options
    const scope = yield* Scope.make()
    const ended = new Set<string>()
    const ofStore = Effect.sync(() => {
      watch.opens(accountNow())
      return Option.some(store.forAccount(watch.account()))
    })
    const policy = RefreshPolicy.default.pipe(
      RefreshPolicy.strictStore(world.strictStore),
      world.renewal === "always" ? RefreshPolicy.renewal(always) : (policy) => policy
    )
    const tokens = yield* TokenSource.make({
      mode: "Model",
      login: watch.login,
      refresh: world.refreshTokens === "none" ? undefined : watch.refresh,
      policy,
      store: !world.store ? undefined : world.accounts ? ofStore : store.forAccount(accountNow()),
      initial: initial === undefined ? undefined : Effect.succeedSome(initial),
      endReplaced: world.endReplaced,
      revoke: (token) =>
        Effect.suspend(() => {
          const value = Redacted.value(token.value)
          const held = watch.held()
          const byLogin = held?.kind === "login" && value !== held.value
          const stored = store.peek(watch.account())
          // it came while another was stored, and was not
          const byStored = stored !== undefined && !server.isSameSession(stored, token) &&
            !store.written().some((written) => server.isSameSession(written, token))
          claim(
            "only a session that a login replaced is ended, or one that nobody else knows and the store has another, " +
              "or the last one",
            closing || byLogin || byStored
          )
          if (!closing) reached(byLogin ? "a replaced session is ended" : "a session that was never stored is ended")
          ended.add(value)
          return server.end(token)
        })
    }).pipe(Scope.extend(scope))
    let closing = false
    let closed = false
    let jumpedAt = -Infinity
    let newest = 0
    const had: Array<Token> = []
    const rejected = new Map<string, { readonly order: number; readonly at: number }>()
    let order = 0
    const accepted = new Set<Token>()
    const results = new Map<number, Either.Either<Token, string>>()

    const received = (token: Token, waited: boolean, steady: boolean, asked: number) => {
      const value = Redacted.value(token.value)
      const number = server.numberOf(token)
      // one who found it in the store does not know that it is spent
      const isInitial = initial !== undefined && number === server.numberOf(initial)
      // a token may expire while it is being stored, if the clock is set forward by its lifetime
      claim("no expired token is handed out", !steady || DateTime.toEpochMillis(token.expiresAt!) > wall())
      const rejection = rejected.get(value)
      // the same value may come with another refresh token; and those who waited get it at one instant, and one of them may have it refused before another looks at it
      claim(
        "no rejected token is handed out",
        rejection === undefined || watch.hasForgotten() || world.accessTokens === "same" || isInitial ||
          (rejection.order > asked && rejection.at === running())
      )
      claim("no token is handed out whose session the source has ended", !ended.has(value) || isInitial)
      claim(
        "a token is never replaced by an older one",
        // a stored session that has ended gives way to the one given at the start
        number >= newest || watch.hasForgotten() || isInitial
      )
      claim(
        "no token of another account is handed out",
        // of those who waited for it, one may have it refused, and another account opened, before another looks at it
        !waited || server.access(token).family.account === watch.account() || watch.openedAt() === running()
      )
      if (had.at(-1) !== token) had.push(token)
      newest = Math.max(newest, number)
      watch.holds(token)
    }

    const get = Effect.gen(function*() {
      const settledBefore = watch.settled()
      const grantedBefore = watch.granted()
      const asked = running()
      const orderAsked = order += 1
      const wasClosed = closed
      const exit = yield* Effect.exit(tokens.get)
      const waited = running() - asked
      const result = Exit.match(exit, {
        onFailure: (cause) => Either.left(messageOf(cause)),
        onSuccess: (token) => Either.right(token)
      })
      claim("no caller waits beyond its bound", waited <= longestExchange)
      if (Either.isRight(result)) received(result.right, waited > 0, running() - jumpedAt > longestExchange, orderAsked)
      else {
        claim(
          "nothing costs a request but the server, unless the store is strict",
          world.strictStore || !result.left.startsWith("the token store failed")
        )
        if (waited > 0) {
          claim(
            "a token that arrived is handed to those who waited",
            watch.granted() === grantedBefore || closing || watch.obtainedAt() === running()
          )
        }
      }
      claim("nothing is handed out to one who asks after the end of the Scope", !wasClosed || Either.isLeft(result))
      if (waited > 0 && watch.settled() > settledBefore) {
        const other = results.get(watch.settled()) ?? result
        if (results.has(watch.settled())) reached("several callers wait for one exchange")
        claim(
          "every waiter gets the same result",
          Either.isRight(other) && Either.isRight(result)
            ? other.right === result.right
            : Either.isLeft(other) && Either.isLeft(result) && other.left === result.left
        )
        results.set(watch.settled(), result)
      }
      return result
    })

    const reject = (token: Token, attempted: RenewalStep | undefined, isAccepted: boolean | undefined) =>
      Effect.gen(function*() {
        const latest = had.at(-1)
        const isLate = latest !== undefined && latest !== token && server.numberOf(latest) > server.numberOf(token)
        const step = yield* tokens.reject(token, attempted, isAccepted)
        // the same access token may be good for one of them and not for the other
        if (
          isLate && world.accessTokens === "new" && !rejected.has(Redacted.value(latest.value)) &&
          !watch.hasForgotten() && !closing
        ) {
          reached("the API refuses an older token, late")
          claim("the refusal of an older token does not cost its successor", step === "reuse")
        }
        if (step !== "reuse" && step !== "fail") {
          rejected.set(Redacted.value(token.value), { order: order += 1, at: running() })
        }
        watch.refusedByApi(token, step)
        reached(`a refusal by the API leads to ${step}`)
        return step
      })

    const request = (latency: number): Effect.Effect<boolean> =>
      Effect.gen(function*() {
        let attempted: RenewalStep | undefined
        for (let replays = 0; replays <= 3; replays++) {
          const result = yield* get
          if (Either.isLeft(result)) return false
          const token = result.right
          if (latency > 0) yield* Effect.sleep(latency)
          if (server.accepts(token)) {
            accepted.add(token)
            watch.acceptedByApi()
            return true
          }
          attempted = yield* reject(token, attempted, accepted.has(token))
          if (attempted === "fail") return false
        }
        return false
      })

    const close = Effect.gen(function*() {
      closing = true
      const begun = running()
      yield* Scope.close(scope, Exit.void)
      // the exchange, the revocation, the end of a replaced session and the observer, 5 seconds each
      claim("the end of the Scope is bounded", running() - begun <= 20_000)
      closed = true
      watch.closed()
    })

    return {
      request: (latency, span) =>
        span === undefined ? request(latency) : Effect.provideService(request(latency), Tracer.ParentSpan, span),
      refuse: (age, isAccepted) => {
        const token = had.at(-1 - age)
        return token === undefined ? Effect.void : Effect.asVoid(reject(token, undefined, isAccepted))
      },
      reissued: (value) => void rejected.delete(value),
      jumped: (millis) => {
        jumpedAt = running()
        watch.jumped(millis)
      },
      close: Effect.suspend(() => closing ? Effect.void : close),
      isClosed: () => closing,
      generation: () => Effect.runSync(tokens.state.get).generation
    }
  })

/** Not printed prettily, which takes longer than all the rest. */
const messageOf = (cause: Cause.Cause<Error>): string => {
  const error = Cause.squash(cause)
  return error instanceof Error ? error.message : "interrupted"
}

/** Says of each token that it is due at once: the policy keeps renewals apart. */
const always = RefreshPolicy.afterIssue("0 seconds")
