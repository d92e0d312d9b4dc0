import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stepping from "../../src/internal/schedule.ts"

/** The delays of a schedule that is stepped as soon as each of them is over; `undefined` once it is done. */
const delays = (schedule: Schedule.Schedule<unknown, string>, steps: number) => {
  const stepper = Stepping.stepper(schedule)
  const next = (now: number, all: ReadonlyArray<number | undefined>): Effect.Effect<typeof all> =>
    all.length === steps
      ? Effect.succeed(all)
      : Effect.flatMap(
        Stepping.step(stepper, now, "input"),
        Option.match({
          onNone: () => next(now, [...all, undefined]),
          onSome: (at) => next(at, [...all, at - now])
        })
      )
  return next(1000, [])
}

describe("schedule", () => {
  describe("stepper", () => {
    it.effect("gives the time of each next interval", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* delays(Schedule.exponential("1 second"), 4), [1000, 2000, 4000, 8000])
      }))

    it.effect("is done for good once the schedule is done", () =>
      Effect.gen(function*() {
        const twice = Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2))
        assert.deepStrictEqual(yield* delays(twice, 4), [1000, 1000, undefined, undefined])
      }))

    it.effect("runs the effects of the schedule once for each step, and none after it is done", () =>
      Effect.gen(function*() {
        const inputs = yield* Ref.make<ReadonlyArray<string>>([])
        const schedule = Schedule.recurs(1).pipe(
          Schedule.tapInput((input: string) => Ref.update(inputs, (all) => [...all, input]))
        )
        yield* delays(schedule, 4)
        assert.deepStrictEqual(yield* Ref.get(inputs), ["input", "input"])
      }))

    it.effect("shares no state with another stepper of the same schedule", () =>
      Effect.gen(function*() {
        const schedule = Schedule.exponential("1 second")
        const first = Stepping.stepper(schedule)
        yield* Stepping.step(first, 0, undefined)
        const [second, third] = yield* Effect.all([
          Stepping.step(first, 0, undefined),
          Stepping.step(Stepping.stepper(schedule), 0, undefined)
        ])
        assert.deepStrictEqual([second, third], [Option.some(2000), Option.some(1000)])
      }))
  })

  describe("fromDelay", () => {
    it.effect("asks for each delay with the input and the time, and ends when there is none", () =>
      Effect.gen(function*() {
        const schedule = Stepping.fromDelay((input: string, now) =>
          Effect.succeed(now < 3000 ? Option.some(Duration.millis(input.length * 200)) : Option.none())
        )
        assert.deepStrictEqual(yield* delays(schedule, 3), [1000, 1000, undefined])
      }))
  })
})
