/**
 * By hand for Effect 4, where a step of a Schedule is a function that keeps its state to itself, gives a delay instead of
 * intervals, and ends by failing with `Done`.
 *
 * The only module that steps a Schedule. A stepper keeps the state of its schedule to itself, so no caller can take two
 * steps from one state; to look ahead, start a second stepper.
 */
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import * as Defects from "./defects.ts"

/** One run of a schedule. */
export interface Stepper<in In> {
  readonly schedule: Schedule.Schedule<unknown, In>
  /** Written to by {@link step} alone. */
  state: Step<In> | "Initial" | "Done"
}

type Step<in In> = (now: number, input: In) => Pull.Pull<[unknown, Duration.Duration], never, unknown>

/** A stepper at the beginning of the schedule. */
export const stepper = <In>(schedule: Schedule.Schedule<unknown, In>): Stepper<In> => ({ schedule, state: "Initial" })

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
      const { state } = self
      if (state === "Done") return Effect.succeedNone
      if (state !== "Initial") return stepWith(self, state, now, input)
      return Effect.flatMap(Schedule.toStep(self.schedule), (first) => {
        self.state = first
        return stepWith(self, first, now, input)
      })
    }),
    "a schedule"
  )

const stepWith = <In>(
  self: Stepper<In>,
  step: Step<In>,
  now: number,
  input: In
): Effect.Effect<Option.Option<number>> =>
  Pull.matchEffect(step(now, input), {
    onSuccess: ([, delay]) => Effect.succeedSome(now + Duration.toMillis(delay)),
    onFailure: Effect.failCause,
    onDone: () => {
      self.state = "Done"
      return Effect.succeedNone
    }
  })

/** A schedule that asks `delay` at each step how long its next interval is away; done when the answer is `None`. */
export const fromDelay = <In>(
  delay: (input: In, now: number) => Effect.Effect<Option.Option<Duration.Duration>>
): Schedule.Schedule<Duration.Duration, In> =>
  Schedule.fromStep(Effect.succeed((now: number, input: In) =>
    Effect.flatMap(
      delay(input, now),
      Option.match({
        onNone: () => Cause.done(Duration.zero),
        onSome: (delay) => Effect.succeed<[Duration.Duration, Duration.Duration]>([delay, delay])
      })
    )
  ))

/** The schedule, each of whose delays is at least as long as `least` says when the delay begins. */
export const notBefore = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, never, R>,
  least: Effect.Effect<Duration.Duration>
): Schedule.Schedule<Out, In, never, R> =>
  Schedule.modifyDelay(schedule, ({ duration }) => Effect.map(least, (least) => Duration.max(duration, least)))

/** The schedule, done instead of a delay that is not shorter than `most` says when the delay would begin. */
export const within = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, never, R>,
  most: Effect.Effect<Duration.Duration>
): Schedule.Schedule<Out, In, never, R> =>
  Schedule.fromStep(
    Effect.map(Schedule.toStep(schedule), (step) => (now: number, input: In) =>
      Effect.flatMap(step(now, input), ([out, delay]) =>
        Effect.flatMap(most, (most) =>
          Duration.isLessThan(delay, most)
            ? Effect.succeed<[Out, Duration.Duration]>([out, delay])
            : Cause.done(out))))
  )

/** The schedule, with an effect that is run whenever it decides to go on. */
export const onContinue = <Out, In, R>(
  schedule: Schedule.Schedule<Out, In, never, R>,
  effect: Effect.Effect<void>
): Schedule.Schedule<Out, In, never, R> => Schedule.tap(schedule, () => effect)
