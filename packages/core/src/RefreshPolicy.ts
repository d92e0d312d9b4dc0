/**
 * When to renew a token and what to do when that fails, as Schedules and Durations. Every number in the life of a token
 * is here and can be replaced.
 *
 * @since 0.1.0
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import { fromDelay } from "@effect-auth/rate-limit/internal/schedule"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type { ExchangeError } from "./AuthError.ts"
import type { Token } from "./Token.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface RefreshPolicy extends Pipeable {
  /**
   * Fed each new token once: its delay is the time until the token's renewal, and when it is done the token is not
   * renewed early. A delay beyond the token's expiry means its expiry.
   */
  readonly renewal: Schedule.Schedule<unknown, Token>
  /** How a login or refresh that failed transiently is retried, within the `timeout`. */
  readonly retry: Schedule.Schedule<unknown, ExchangeError>
  /**
   * How long a refusal of the credentials is remembered and repeated without asking the server; also the pause after an
   * early renewal that failed.
   */
  readonly coolDown: Duration.Duration
  /**
   * How long one exchange may take, including its retries and the wait for a shared store. The lock of a store is waited
   * for two thirds of it, so choose it such that an exchange of another process usually ends within that. What happens
   * then, see {@link RefreshPolicy.strictStore}.
   */
  readonly timeout: Duration.Duration
  /** How long a person may take for an interactive login. */
  readonly interaction: Duration.Duration
  /** The least time between two early renewals, whatever `renewal` says. */
  readonly renewalInterval: Duration.Duration
  /** Whether the token is renewed even while no request needs it. */
  readonly keepAlive: boolean
  /** A token that is rejected this soon after a refresh shows that its session has ended: the next exchange is a login. */
  readonly refreshGracePeriod: Duration.Duration
  /** How long the store may take to read or write a token. */
  readonly storeTimeout: Duration.Duration
  /**
   * Whether a store that cannot be locked or read fails the request. If not, an event tells it, and a token is obtained
   * without the store. A lock that is not given within two thirds of the `timeout` cannot be had; a login
   * is made without it, but no refresh token is redeemed, which the owner of the lock may be redeeming.
   */
  readonly strictStore: boolean
  /** How long the end of the Scope waits for an exchange in flight, and again for the revocation. */
  readonly closing: Duration.Duration
}

/**
 * Renews a token the given time before it expires; not early when its lifetime is unknown or no longer than that time.
 * `jitter` varies the margin by up to this fraction either way (0.1 is a tenth), so that processes that started together
 * do not renew together. The renewal never falls after the expiry, which `Schedule.jittered` cannot promise: it varies
 * the whole delay instead of the margin.
 *
 * @since 0.1.0
 * @category schedules
 */
export const beforeExpiry = (
  margin: DurationWithUnit,
  options?: { readonly jitter?: number | undefined }
): Schedule.Schedule<Duration.Duration, Token> =>
  schedule((lifetime) => marginBefore(lifetime, () => Duration.decode(margin), options?.jitter ?? 0))

/**
 * Renews a token when it reaches the given age, or at its expiry if that is sooner. For servers that do not say how long
 * their tokens live.
 *
 * @since 0.1.0
 * @category schedules
 */
export const afterIssue = (age: DurationWithUnit): Schedule.Schedule<Duration.Duration, Token> =>
  schedule(() => Effect.succeed(Option.some(Duration.decode(age))))

/**
 * Renews five minutes before expiry, or after 80 % of the lifetime if that is later. The margin varies by a tenth, so
 * that processes that started together do not renew together. A server that says when to renew is obeyed, if that is earlier.
 *
 * @since 0.1.0
 * @category schedules
 */
export const early: Schedule.Schedule<Duration.Duration, Token> = schedule((lifetime, stated) =>
  Effect.map(
    marginBefore(lifetime, (lifetime) => Duration.min(Duration.minutes(5), Duration.times(lifetime, 0.2)), 0.1),
    (own) => Option.firstSomeOf([Option.zipWith(own, stated, Duration.min), own, stated])
  )
)

/**
 * Never renews early: a token is replaced when it has expired or was rejected.
 *
 * @since 0.1.0
 * @category schedules
 */
export const never: Schedule.Schedule<Duration.Duration, Token> = schedule(() => Effect.succeedNone)

const defaultPolicy: RefreshPolicy = make({
  renewal: early,
  retry: Schedule.exponential("500 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(3))),
  renewalInterval: Duration.seconds(1),
  coolDown: Duration.seconds(30),
  timeout: Duration.seconds(30),
  interaction: Duration.minutes(5),
  keepAlive: false,
  refreshGracePeriod: Duration.seconds(10),
  storeTimeout: Duration.seconds(5),
  strictStore: false,
  closing: Duration.seconds(5)
})

export {
  /**
   * Renews {@link early}, at most once a second; retries after 500 ms, 1 s and 2 s, each give or take a fifth; 30 s
   * cool-down; 30 s for an exchange, 5 min for an interactive login; no keep-alive; 10 s refresh grace period; 5 s for the
   * store, which is not strict; 5 s for closing.
   *
   * @example
   * ```ts
   * import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
   * import * as Schedule from "effect/Schedule"
   *
   * const patient = RefreshPolicy.default.pipe(
   *   RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("1 minute", { jitter: 0.1 })),
   *   RefreshPolicy.retry(Schedule.exponential("200 millis").pipe(Schedule.intersect(Schedule.recurs(5))))
   * )
   * ```
   *
   * @since 0.1.0
   * @category presets
   */
  defaultPolicy as default
}

/**
 * Replaces the schedule of early renewal, such as {@link early}, {@link beforeExpiry} or {@link never}.
 *
 * @since 0.1.0
 * @category combinators
 */
export const renewal: Setter<Schedule.Schedule<unknown, Token>> = dual(
  2,
  (self: RefreshPolicy, renewal: Schedule.Schedule<unknown, Token>) => make({ ...self, renewal })
)

/**
 * Replaces the schedule by which a transient failure of an exchange is retried.
 *
 * @since 0.1.0
 * @category combinators
 */
export const retry: Setter<Schedule.Schedule<unknown, ExchangeError>> = dual(
  2,
  (self: RefreshPolicy, retry: Schedule.Schedule<unknown, ExchangeError>) => make({ ...self, retry })
)

/**
 * Replaces the time for which a refusal is remembered.
 *
 * @since 0.1.0
 * @category combinators
 */
export const coolDown: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, coolDown: DurationWithUnit) => make({ ...self, coolDown: Duration.decode(coolDown) })
)

/**
 * Replaces the time that one exchange may take.
 *
 * @since 0.1.0
 * @category combinators
 */
export const timeout: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, timeout: DurationWithUnit) => make({ ...self, timeout: Duration.decode(timeout) })
)

/**
 * Replaces the time that a person may take for an interactive login.
 *
 * @since 0.1.0
 * @category combinators
 */
export const interaction: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, interaction: DurationWithUnit) => make({ ...self, interaction: Duration.decode(interaction) })
)

/**
 * Replaces the least time between two early renewals.
 *
 * @since 0.1.0
 * @category combinators
 */
export const renewalInterval: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, renewalInterval: DurationWithUnit) =>
    make({ ...self, renewalInterval: Duration.decode(renewalInterval) })
)

/**
 * Turns renewal without requests on or off.
 *
 * @since 0.1.0
 * @category combinators
 */
export const keepAlive: Setter<boolean> = dual(
  2,
  (self: RefreshPolicy, keepAlive: boolean) => make({ ...self, keepAlive })
)

/**
 * Replaces the time after a refresh in which a rejection leads to a login instead of another refresh.
 *
 * @since 0.1.0
 * @category combinators
 */
export const refreshGracePeriod: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, refreshGracePeriod: DurationWithUnit) =>
    make({ ...self, refreshGracePeriod: Duration.decode(refreshGracePeriod) })
)

/**
 * Replaces the time that the store may take to read or write a token.
 *
 * @since 0.1.0
 * @category combinators
 */
export const storeTimeout: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, storeTimeout: DurationWithUnit) =>
    make({ ...self, storeTimeout: Duration.decode(storeTimeout) })
)

/**
 * Says whether a store that cannot be locked or read fails the request.
 *
 * @since 0.1.0
 * @category combinators
 */
export const strictStore: Setter<boolean> = dual(
  2,
  (self: RefreshPolicy, strictStore: boolean) => make({ ...self, strictStore })
)

/**
 * Replaces the time that the end of the Scope may wait for an exchange, and again for the revocation.
 *
 * @since 0.1.0
 * @category combinators
 */
export const closing: Setter<DurationWithUnit> = dual(
  2,
  (self: RefreshPolicy, closing: DurationWithUnit) => make({ ...self, closing: Duration.decode(closing) })
)

/** A combinator that replaces one part of a policy, data-last or data-first. */
interface Setter<Part> {
  (part: Part): (self: RefreshPolicy) => RefreshPolicy
  (self: RefreshPolicy, part: Part): RefreshPolicy
}

function make(parts: Omit<RefreshPolicy, "pipe">): RefreshPolicy {
  return {
    ...parts,
    pipe() {
      // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
      return pipeArguments(this, arguments)
    }
  }
}

/**
 * A schedule whose delay after the token's issue is computed from its lifetime and from the age at which the server would have
 * it renewed (`None`: unknown); done without a delay.
 */
function schedule(
  delay: (
    lifetime: Option.Option<Duration.Duration>,
    stated: Option.Option<Duration.Duration>
  ) => Effect.Effect<Option.Option<Duration.Duration>>
): Schedule.Schedule<Duration.Duration, Token> {
  return fromDelay((token: Token, now) => {
    const issuedAt = DateTime.toEpochMillis(token.issuedAt)
    const ageAt = (instant: DateTime.Utc | undefined) =>
      Option.map(
        Option.fromNullable(instant),
        (instant) => Duration.millis(DateTime.toEpochMillis(instant) - issuedAt)
      )
    return Effect.map(
      delay(ageAt(token.expiresAt), ageAt(token.renewAt)),
      Option.map((delay) => Duration.millis(Math.max(0, issuedAt + Duration.toMillis(delay) - now)))
    )
  })
}

/** The lifetime less a margin, which is varied by a fraction; `None` when the lifetime is unknown or within the margin. */
function marginBefore(
  lifetime: Option.Option<Duration.Duration>,
  marginOf: (lifetime: Duration.Duration) => Duration.Duration,
  jitter: number
): Effect.Effect<Option.Option<Duration.Duration>> {
  const vary = jitter === 0 ? Effect.succeed(1) : Random.nextRange(1 - jitter, 1 + jitter)
  return Effect.map(vary, (factor) =>
    Option.flatMap(lifetime, (lifetime) => {
      const margin = Duration.times(marginOf(lifetime), factor)
      return Duration.greaterThan(lifetime, margin) ? Option.some(Duration.subtract(lifetime, margin)) : Option.none()
    }))
}
