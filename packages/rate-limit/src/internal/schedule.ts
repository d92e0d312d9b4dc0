/**
 * The only module that steps a Schedule: the parts of a Schedule are specific to Effect 3. A stepper keeps the state of
 * its schedule to itself, so no caller can take two steps from one state; to look ahead, start a second stepper.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as ScheduleDecision from "effect/ScheduleDecision"
import * as ScheduleInterval from "effect/ScheduleInterval"
import * as ScheduleIntervals from "effect/ScheduleIntervals"
import * as Defects from "./defects.ts"

/** One run of a schedule. */
export interface Stepper<in In> {
  readonly schedule: Schedule.Schedule<unknown, In>
  /** Written to by {@link step} alone; `None` once the schedule is done. */
  state: Option.Option<unknown>
}

/** A stepper at the beginning of the schedule. */
export const stepper = <In>(schedule: Schedule.Schedule<unknown, In>): Stepper<In> => ({
  schedule,
  state: Option.some(schedule.initial)
})

/**
 * Steps the schedule at `now` and gives the time at which its next interval starts, both in epoch milliseconds. `None`:
 * the schedule is done, now and at every later step. A defect in it loses its words, and leaves it where it was.
 */
export const step = <In>(
  self: Stepper<In>,
  now: number,
  input: In
): Effect.Effect<Option.Option<number>> =>
  Defects.withoutWords(
    Effect.suspend(() => {
      if (Option.isNone(self.state)) return Effect.succeedNone
      return Effect.map(self.schedule.step(now, input, self.state.value), ([next, , decision]) => {
        if (ScheduleDecision.isDone(decision)) {
          self.state = Option.none()
          return Option.none()
        }
        self.state = Option.some(next)
        return Option.some(ScheduleIntervals.start(decision.intervals))
      })
    }),
    "a schedule"
  )

/** A schedule that asks `delay` at each step how long its next interval is away; done when the answer is `None`. */
export const fromDelay = <In>(
  delay: (input: In, now: number) => Effect.Effect<Option.Option<Duration.Duration>>
): Schedule.Schedule<Duration.Duration, In> =>
  Schedule.makeWithState(undefined, (now, input: In) =>
    Effect.map(
      delay(input, now),
      Option.match({
        onNone: () => [undefined, Duration.zero, ScheduleDecision.done] as const,
        onSome: (delay) =>
          [
            undefined,
            delay,
            ScheduleDecision.continueWith(ScheduleInterval.after(now + Duration.toMillis(delay)))
          ] as const
      })
    ))

/** The schedule, each of whose delays is at least as long as `least` says when the delay begins. */
export const notBefore = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, R>,
  least: Effect.Effect<Duration.Duration>
): Schedule.Schedule<Out, In, R> =>
  Schedule.modifyDelayEffect(schedule, (_, delay) => Effect.map(least, (least) => Duration.max(delay, least)))

/** The schedule, done instead of a delay that is not shorter than `most` says when the delay would begin. */
export const within = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, R>,
  most: Effect.Effect<Duration.Duration>
): Schedule.Schedule<Out, In, R> =>
  Schedule.makeWithState(
    schedule.initial,
    (now, input: In, state) =>
      Effect.flatMap(schedule.step(now, input, state), ([next, out, decision]) =>
        Effect.map(most, (most) =>
          ScheduleDecision.isContinue(decision) &&
            ScheduleIntervals.start(decision.intervals) - now >= Duration.toMillis(most)
            ? [next, out, ScheduleDecision.done]
            : [next, out, decision]))
  )

/** The schedule, with an effect that is run whenever it decides to go on. */
export const onContinue = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, R>,
  effect: Effect.Effect<void>
): Schedule.Schedule<Out, In, R> =>
  Schedule.onDecision(schedule, (_, decision) => ScheduleDecision.isContinue(decision) ? effect : Effect.void)
