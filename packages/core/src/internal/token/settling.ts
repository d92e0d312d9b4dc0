/**
 * A token that was just issued may not be known yet to every server that has to accept it. A request to which it is
 * refused waits, as the mode's schedule says, and sends the same token again; only then is the refusal believed.
 *
 * The waits belong to the token, not to a request: all requests that are refused meanwhile wait for the same instant.
 */
import * as Schedule from "@effect-auth/rate-limit/internal/schedule"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FiberId from "effect/FiberId"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as EffectSchedule from "effect/Schedule"
import type { Token } from "../../Token.ts"
import * as Moment from "./moment.ts"
import type { Held } from "./state.ts"

/** Its input is the age of the token. */
export type Settling = EffectSchedule.Schedule<unknown, Duration.Duration>

/** The schedule of a source, and how far it has come with the token that was refused last. */
export interface Progress {
  readonly schedule: Settling
  readonly latest: MutableRef.MutableRef<Wait | undefined>
}

interface Wait {
  readonly token: Token
  readonly stepper: Schedule.Stepper<Duration.Duration>
  /** The answer of the schedule, once it is there. */
  readonly answer: Deferred.Deferred<Until>
  readonly until: MutableRef.MutableRef<Until | undefined>
}

/** When the token is tried again, in milliseconds of a clock that nobody sets; `None`: never. */
type Until = Option.Option<number>

export const make = (schedule: Settling): Progress => ({
  schedule,
  latest: MutableRef.make<Wait | undefined>(undefined)
})

/** Waits until it is worth trying a refused token again; tells at once if it is not. */
export const wait = (progress: Progress, held: Held, now: Moment.Moment): Effect.Effect<boolean> =>
  Effect.flatMap(
    nextTry(progress, held, now),
    Option.match({
      onNone: () => Effect.succeed(false),
      onSome: (at) =>
        Effect.flatMap(Moment.now, ({ steady }) => Effect.as(Effect.sleep(Duration.millis(at - steady)), true))
    })
  )

const nextTry = (progress: Progress, held: Held, now: Moment.Moment): Effect.Effect<Until> =>
  Effect.suspend(() => {
    const latest = MutableRef.get(progress.latest)
    if (latest === undefined || latest.token !== held.token) {
      return begin(progress, held, now, Schedule.stepper(progress.schedule))
    }
    const until = MutableRef.get(latest.until)
    if (until === undefined) return Deferred.await(latest.answer)
    return Option.isNone(until) || until.value > now.steady
      ? Effect.succeed(until)
      // the token was tried again, and refused again
      : begin(progress, held, now, latest.stepper)
  })

/** Synchronous up to the step of the schedule, so that two requests do not take it twice. */
const begin = (
  { latest }: Progress,
  { issuedAt, token }: Held,
  now: Moment.Moment,
  stepper: Schedule.Stepper<Duration.Duration>
): Effect.Effect<Until> => {
  const wait: Wait = {
    token,
    stepper,
    answer: Deferred.unsafeMake(FiberId.none),
    until: MutableRef.make<Until | undefined>(undefined)
  }
  MutableRef.set(latest, wait)
  const age = Duration.millis(Math.max(0, now.wall - issuedAt))
  const settle = (until: Until) => Effect.sync(() => MutableRef.set(wait.until, until))
  // after a defect, later refusals of the token are believed
  const step = Effect.tapDefect(
    Effect.tap(Schedule.step(stepper, now.steady, age), settle),
    () => settle(Option.none())
  )
  return Effect.uninterruptible(Effect.zipRight(Deferred.complete(wait.answer, step), Deferred.await(wait.answer)))
}
