/**
 * Token stores in Redis, for the machines of a service that share a session: one of them renews a rotating refresh token at
 * a time, and the others adopt what it has stored.
 *
 * The token is kept **in the clear** unless it is sealed; see `seal`. Each session has a key of its own, with a lock
 * beside it in the same slot of a cluster.
 *
 * A Redis that has lost what it had gets it again from the process that knows the latest token. While Redis is away, tokens
 * are used as long as they are valid, and what has to be stored is stored when it is back; nobody redeems a refresh token
 * meanwhile.
 *
 * @since 0.1.0
 */
import { InvalidSetting, TokenStoreError } from "@effect-auth/core/AuthError"
import * as System from "@effect-auth/core/System"
import type { TokenSeal } from "@effect-auth/core/TokenSeal"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Entry from "./internal/entry.ts"
import * as Lease from "./internal/lease.ts"
import * as Session from "./internal/session.ts"
import type { Service } from "./RedisClient.ts"
import { RedisClient } from "./RedisClient.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface LockOptions {
  /** What every key begins with. Default: `effect-auth`. */
  readonly prefix?: string | undefined
  /**
   * How long a process that died during an exchange may delay the others. Default: 10 seconds; at least half a second. A
   * living process renews it every third of it. Choose it longer than a process may be suspended or be without Redis, and
   * shorter than two thirds of the `timeout` of the refresh policy, for which a waiting process waits before it does
   * without the lock.
   */
  readonly lease?: DurationWithUnit | undefined
  /** Encrypts the tokens. Default: **they are written in the clear**. */
  readonly seal?: TokenSeal | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends LockOptions {
  /** Names the session. Without braces, which name the slot of a cluster. */
  readonly key: string
}

/**
 * A store of one session. It listens to the others from its first use on, until the Scope ends.
 *
 * @example
 * ```ts
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as RedisTokenStore from "@effect-auth/redis/RedisTokenStore"
 * import * as Effect from "effect/Effect"
 *
 * const tokens = Effect.gen(function*() {
 *   const store = yield* RedisTokenStore.make({ key: "acme" })
 *   return yield* TokenSource.make({ login: Token.make({ value: "…", lifetime: "1 hour" }), store })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<TokenStore.TokenStore, InvalidSetting, RedisClient | Scope.Scope> =>
  Effect.gen(function*() {
    const checked = yield* check(options)
    const key = yield* named("key", options.key)
    return storeOf(yield* RedisClient, yield* Effect.scope, checked, key)
  })

/**
 * `TokenStores` in Redis: each session mode of the program that is given no `store` keeps its tokens under the key of its
 * audience.
 *
 * @example
 * ```ts
 * import * as RedisClient from "@effect-auth/redis/RedisClient"
 * import * as RedisTokenStore from "@effect-auth/redis/RedisTokenStore"
 * import * as Config from "effect/Config"
 * import * as Layer from "effect/Layer"
 *
 * const Stores = RedisTokenStore.layer().pipe(
 *   Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: LockOptions = {}
): Layer.Layer<TokenStores.TokenStores, InvalidSetting, RedisClient> =>
  Layer.scoped(
    TokenStores.TokenStores,
    Effect.gen(function*() {
      const checked = yield* check(options)
      const client = yield* RedisClient
      const scope = yield* Effect.scope
      return TokenStores.make((key) => storeOf(client, scope, checked, key))
    })
  )

/**
 * {@link layer} with its options from Config; a seal is given as it is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Omit<LockOptions, "seal">>,
  plain?: Pick<LockOptions, "seal">
): Layer.Layer<TokenStores.TokenStores, InvalidSetting | ConfigError, RedisClient> =>
  System.layerConfig(options, (options: Omit<LockOptions, "seal">) => layer({ ...options, ...plain }))

interface Checked {
  readonly prefix: string
  readonly lease: Duration.Duration
  readonly seal: TokenSeal | undefined
}

const storeOf = (
  client: Service,
  scope: Scope.Scope,
  { lease, prefix, seal: ring }: Checked,
  key: string
): TokenStore.TokenStore => {
  const session = Session.make(client, scope, `${prefix}:{${key}}`)
  const place = session.key
  const seal = ring?.forSession(key)
  // of this object, which is made once for each process and session
  const owner = globalThis.crypto.randomUUID()
  const lock: Lease.Lease = { session, owner, duration: lease, turns: MutableRef.make(0) }
  // the fibers of this process queue here, so that one of them at a time asks Redis for the lock
  const queue = Effect.unsafeMakeSemaphore(1)
  /** What the lock was given with, until it is asked for. */
  const given = MutableRef.make<Entry.Entry | undefined>(undefined)
  /** The generation that the users of this store have seen last: it is the one that they remove. */
  const seen = MutableRef.make(0)

  const decoded = ({ generation, text }: Entry.Entry) =>
    Entry.isRemoved({ generation, text })
      ? Effect.succeed<TokenStore.Stored>({ token: Option.none(), generation: 0 })
      : Effect.filterOrFail(
        TokenStore.decode(text, place, seal),
        (stored) => stored.generation === generation,
        () => new TokenStoreError({ operation: "read", place, detail: "the stored text is of another generation" })
      )
  const isReadable = (entry: Entry.Entry) => Effect.isSuccess(decoded(entry))
  const using = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.zipRight(Session.follow(session), self)

  const current = Effect.suspend(() => {
    const entry = MutableRef.getAndSet(given, undefined)
    return entry === undefined
      ? Effect.mapError(
        Effect.zipRight(Session.written(session), Session.read(session)),
        Session.failed(session, "read")
      )
      : Effect.succeed(entry)
  })

  return {
    place,
    announces: true,
    get: using(
      Effect.tap(
        Effect.flatMap(current, decoded),
        ({ generation }) => Effect.sync(() => MutableRef.set(seen, generation))
      )
    ),
    compareAndSet: (generation, token) =>
      using(
        Effect.tap(
          Session.write(session, generation, (next) => TokenStore.encode(token, next, place, seal), isReadable),
          (isWritten) =>
            Effect.sync(() => {
              MutableRef.set(given, undefined)
              if (isWritten) MutableRef.set(seen, StateRef.get(session.known).generation)
            })
        )
      ),
    remove: using(Effect.suspend(() => {
      MutableRef.set(given, undefined)
      const known = MutableRef.get(seen)
      return known > 0
        ? Session.remove(session, known)
        : Effect.flatMap(
          Effect.mapError(Session.read(session), Session.failed(session, "remove")),
          (entry) => Entry.isRemoved(entry) ? Effect.void : Session.remove(session, entry.generation)
        )
    })),
    changes: Stream.unwrap(
      using(Effect.as(
        Effect.ignore(Session.read(session)),
        StateRef.changes(session.known).pipe(
          Stream.buffer({ capacity: 1, strategy: "sliding" }),
          Stream.mapEffect((entry) =>
            Effect.orElseSucceed(decoded(entry), (): TokenStore.Stored => ({ token: Option.none(), generation: 0 }))
          ),
          Stream.changesWith((a, b) => a.generation === b.generation)
        )
      ))
    ),
    withLock: (self) =>
      using(
        queue.withPermits(1)(
          Lease.withLock(lock, (stored) => {
            MutableRef.set(given, stored)
            return Effect.ensuring(self, Effect.sync(() => MutableRef.set(given, undefined)))
          })
        )
      )
  }
}

const check = (options: LockOptions): Effect.Effect<Checked, InvalidSetting> =>
  Effect.gen(function*() {
    const lease = Duration.decode(options.lease ?? "10 seconds")
    if (Duration.lessThan(lease, "500 millis") || !Duration.isFinite(lease)) {
      return yield* new InvalidSetting({ setting: "lease", problem: "must be finite and at least half a second" })
    }
    return { lease, seal: options.seal, prefix: yield* named("prefix", options.prefix ?? "effect-auth") }
  })

const named = (setting: string, value: string): Effect.Effect<string, InvalidSetting> =>
  value === ""
    ? new InvalidSetting({ setting, problem: "must not be empty" })
    : /[{}]/u.test(value)
    ? new InvalidSetting({ setting, problem: "must be without braces, which name the slot of a Redis Cluster" })
    : Effect.succeed(value)
