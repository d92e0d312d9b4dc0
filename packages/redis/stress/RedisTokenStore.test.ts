import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Chaos from "../integration/fixtures/chaos.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)
const times = Number(process.env["ROTATIONS"] ?? 200)

describe("RedisTokenStore between processes, for long", () => {
  it.scopedLive(
    `eight processes share one session through ${times} rotations, random kills and a Redis that comes back empty: it is lost only with the process that was given the next token, and that costs one login (seed ${seed})`,
    () =>
      Effect.gen(function*() {
        const outcome = yield* Chaos.run({ times, seed })
        console.log(`SEED=${seed}: ${JSON.stringify(outcome)}`)
        assert.isAtLeast(outcome.rotations, times)
        assert.strictEqual(outcome.lostWithTheKilled, outcome.lost)
        assert.strictEqual(outcome.logins, outcome.lost + outcome.stillborn + 1)
        assert.isAbove(outcome.kills, 0)
        assert.isAbove(outcome.restarts, 0)
        assert.isAtMost(outcome.refused, outcome.rotations)
      }),
    1_800_000
  )
})
