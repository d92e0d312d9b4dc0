/**
 * When to renew a token and what to do when that fails, as Schedules and Durations. Every number that decides the life
 * of a token is here and can be replaced.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import { pipeArguments } from "effect/Pipeable"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import type { ExchangeError } from "./AuthError.ts"
import type { Token } from "./Token.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface RefreshPolicy extends Pipeable {
  /**
   * Fed each new token once, its delay is the time from now to the token's renewal; when it is done, the token is not
   * renewed early. A delay beyond the token's expiry means its expiry.
   */
  readonly renewal: Schedule.Schedule<unknown, Token>
  /** How a login or refresh that failed transiently is tried again, within the `timeout`. */
  readonly retry: Schedule.Schedule<unknown, ExchangeError>
  /**
   * How long a refusal of the credentials is remembered and answered without asking the server; also the pause after a
   * failed early renewal.
   */
  readonly coolDown: Duration.Duration
  /** How long one exchange may take, its retries and the wait for a shared store included. */
  readonly timeout: Duration.Duration
  /** Whether the token is renewed even while nobody asks for it. */
  readonly keepAlive: boolean
  /**
   * A token that is rejected this soon after a refresh shows that its session is dead: the next exchange is a login.
   */
  readonly probation: Duration.Duration
  /** At the end of the Scope: how long to wait for an exchange in flight, and again for the logout. */
  readonly closing: Duration.Duration
}

/**
 * Renews a token the given time before it expires; not early when its lifetime is unknown or no longer than that time.
 *
 * @since 0.1.0
 * @category schedules
 */
export const beforeExpiry = (margin: Duration.DurationInput): Schedule.Schedule<Duration.Duration, Token> =>
  renewal((lifetime) =>
    Effect.succeed(
      Option.filter(lifetime, Duration.greaterThan(margin)).pipe(Option.map(Duration.subtract(margin)))
    )
  )

/**
 * Renews a token when it is the given age, or at its expiry when that is sooner; for servers that do not tell how long
 * their tokens live.
 *
 * @since 0.1.0
 * @category schedules
 */
export const afterIssue = (age: Duration.DurationInput): Schedule.Schedule<Duration.Duration, Token> =>
  renewal(() => Effect.succeed(Option.some(Duration.decode(age))))

/**
 * Renews five minutes before expiry, or 20 % of the lifetime when that is less; give or take a tenth of that margin, so
 * that a fleet that started together does not renew together.
 *
 * @since 0.1.0
 * @category schedules
 */
export const early: Schedule.Schedule<Duration.Duration, Token> = renewal(Option.match({
  onNone: () => Effect.succeedNone,
  onSome: (lifetime) =>
    Effect.map(Random.nextRange(0.9, 1.1), (jitter) => {
      const margin = Duration.min(Duration.minutes(5), Duration.times(lifetime, 0.2))
      return Option.some(Duration.subtract(lifetime, Duration.times(margin, jitter)))
    })
}))

/**
 * Never renews early: a token is replaced when it has expired or was rejected.
 *
 * @since 0.1.0
 * @category schedules
 */
export const never: Schedule.Schedule<Duration.Duration, Token> = renewal(() => Effect.succeedNone)

const defaultPolicy: RefreshPolicy = make({
  renewal: early,
  retry: Schedule.exponential("500 millis").pipe(
    Schedule.union(Schedule.spaced("10 seconds")),
    Schedule.intersect(Schedule.recurs(3))
  ),
  coolDown: Duration.seconds(30),
  timeout: Duration.seconds(30),
  keepAlive: false,
  probation: Duration.seconds(10),
  closing: Duration.seconds(5)
})

export {
  /**
   * Renews {@link early}; retries after 500 ms, 1 s and 2 s (never more than 10 s apart); 30 s cool-down; 30 s for an
   * exchange; no keep-alive; 10 s probation; 5 s for closing.
   *
   * @example
   * ```ts
   * import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
   * import * as Schedule from "effect/Schedule"
   *
   * const patient = RefreshPolicy.default.pipe(
   *   RefreshPolicy.renew(RefreshPolicy.beforeExpiry("1 minute").pipe(Schedule.jittered)),
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
export const renew: Setter<Schedule.Schedule<unknown, Token>> = dual(
  2,
  (self: RefreshPolicy, renewal: Schedule.Schedule<unknown, Token>) => make({ ...self, renewal })
)

/**
 * Replaces the schedule by which a transient failure of an exchange is tried again.
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
export const coolDown: Setter<Duration.DurationInput> = dual(
  2,
  (self: RefreshPolicy, coolDown: Duration.DurationInput) => make({ ...self, coolDown: Duration.decode(coolDown) })
)

/**
 * Replaces the time that one exchange may take.
 *
 * @since 0.1.0
 * @category combinators
 */
export const timeout: Setter<Duration.DurationInput> = dual(
  2,
  (self: RefreshPolicy, timeout: Duration.DurationInput) => make({ ...self, timeout: Duration.decode(timeout) })
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
 * Replaces the time in which a rejection right after a refresh leads to a login.
 *
 * @since 0.1.0
 * @category combinators
 */
export const probation: Setter<Duration.DurationInput> = dual(
  2,
  (self: RefreshPolicy, probation: Duration.DurationInput) => make({ ...self, probation: Duration.decode(probation) })
)

/**
 * Replaces the time that the end of the Scope may wait for an exchange, and again for the logout.
 *
 * @since 0.1.0
 * @category combinators
 */
export const closing: Setter<Duration.DurationInput> = dual(
  2,
  (self: RefreshPolicy, closing: Duration.DurationInput) => make({ ...self, closing: Duration.decode(closing) })
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

/** A schedule whose delay is computed from each token's lifetime (`None`: unknown); done when there is no delay. */
function renewal(
  delay: (lifetime: Option.Option<Duration.Duration>) => Effect.Effect<Option.Option<Duration.Duration>>
): Schedule.Schedule<Duration.Duration, Token> {
  return Schedule.makeWithState(undefined, (now, token: Token) => {
    const lifetime = Option.map(
      Option.fromNullable(token.expiresAt),
      (expiresAt) => Duration.millis(DateTime.toEpochMillis(expiresAt) - DateTime.toEpochMillis(token.issuedAt))
    )
    return Effect.map(
      delay(lifetime),
      Option.match({
        onNone: () => [undefined, Duration.infinity, ScheduleDecision.done],
        onSome: (delay) => [
          undefined,
          delay,
          ScheduleDecision.continueWith(ScheduleInterval.after(
            Math.max(now, DateTime.toEpochMillis(token.issuedAt) + Duration.toMillis(delay))
          ))
        ]
      })
    )
  })
}
