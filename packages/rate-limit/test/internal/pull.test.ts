import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as Pull from "../../src/internal/pull.ts"

/** What is read of a body while fewer than so many bytes were, the lengths of its parts, and how it ended. */
const reading = <E>(body: Stream.Stream<Uint8Array, E>, wanted: number) =>
  Effect.gen(function*() {
    const parts: Array<number> = []
    const exit = yield* Effect.exit(Effect.scoped(Effect.flatMap(Stream.toPull(body), (pull) =>
      Pull.whileWanted(pull, (read) =>
        read < wanted, (part) =>
        parts.push(part.length)))))
    return [parts, exit] as const
  })

const bytes = (...lengths: ReadonlyArray<number>) =>
  Stream.fromIterable(lengths.map((length) => new Uint8Array(length))).pipe(Stream.rechunk(1))

describe("pull", () => {
  it.effect.each<[name: string, body: Stream.Stream<Uint8Array>, parts: ReadonlyArray<number>, isStopped: boolean]>([
    ["an empty body to its end", Stream.empty, [], false],
    ["a short body to its end", bytes(3, 4), [3, 4], false],
    ["a long body until enough was read", bytes(3, 4, 4, 4), [3, 4, 4], true],
    [
      "an endless body until enough was read",
      Stream.repeatValue(new Uint8Array(5)).pipe(Stream.rechunk(1)),
      [5, 5],
      true
    ]
  ])("reads %s", ([, body, parts, isStopped]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* reading(body, 10), [[...parts], Exit.succeed(isStopped)])
    }))

  it.effect("fails and dies as the body does, after what came before", () =>
    Effect.gen(function*() {
      for (const cause of [Cause.fail("lost"), Cause.die("broken")]) {
        const body = Stream.concat(bytes(3), Stream.failCause(cause))
        assert.deepStrictEqual(yield* reading(body, 10), [[3], Exit.failCause(cause)])
      }
    }))
})
