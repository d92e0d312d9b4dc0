import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Chaos from "../integration/fixtures/mcpChaos.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)
const times = Number(process.env["ROTATIONS"] ?? 200)

const shared = (options: Pick<Chaos.Options, "refuseAfter" | "script">) =>
  Effect.tap(
    Chaos.run({ ...options, times, seed }),
    (outcome) => Effect.sync(() => console.log(`${options.script}, SEED=${seed}: ${JSON.stringify(outcome)}`))
  )

describe("Mcp between processes, for long", () => {
  it.scopedLive(
    `RF2 RF3 eight processes share one session through ${times} rotations and random kills: it is lost only with the process that was given the next token, and that costs one login (seed ${seed})`,
    () =>
      Effect.map(
        shared({ script: "mcpProcess.ts" }),
        ({ kills, logins, lost, lostWithTheKilled, rotations, stillborn }) => {
          assert.isAtLeast(rotations, times)
          assert.isAbove(kills, 0)
          assert.strictEqual(lostWithTheKilled, lost)
          assert.strictEqual(logins, lost + stillborn + 1)
        }
      ),
    1_800_000
  )

  // its transport knows of an expiry only by a refusal
  it.scopedLive(
    `eight processes of the official SDK, with a store of thirty lines, for comparison (seed ${seed})`,
    () =>
      Effect.map(shared({ script: "mcpSdkProcess.ts", refuseAfter: 1000 }), ({ logins }) => assert.isAbove(logins, 0)),
    1_800_000
  )
})
