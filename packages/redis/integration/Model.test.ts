/** The model of the session in Redis (`model/session.pml`), checked by spin. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Spin from "./fixtures/spin.ts"

const faults = (settings: Spin.Settings) => Spin.errors("session.pml", settings)

const title = (settings: Spin.Settings) => Object.entries(settings).map(([name, value]) => `${name}=${value}`).join(" ")

describe("three processes that share a session in Redis", () => {
  for (const settings of [{}, { LOSSES: 1 }]) {
    it.live(`redeem no refresh token twice: ${title(settings) || "no faults"}`, () =>
      Effect.map(faults({ ...settings, ONCE: 1 }), (errors) => assert.strictEqual(errors, 0)))
  }

  for (
    const settings of [
      { PAUSES: 1 },
      { SILENCES: 1 },
      { LOSSES: 2 },
      { DEATHS: 1, LOSSES: 1 },
      { PAUSES: 1, DEATHS: 1 },
      { TURNS: 1, PAUSES: 1, LOSSES: 1, DEATHS: 1, SILENCES: 1 }
    ]
  ) {
    it.live(`overwrite nothing by an older generation, and wait for ever never: ${title(settings)}`, () =>
      Effect.map(faults(settings), (errors) => assert.strictEqual(errors, 0)))
  }

  describe("the model finds", () => {
    for (
      const [what, settings] of [
        ["what a pause that is longer than the lease costs", { PAUSES: 1, ONCE: 1 }],
        ["what a death between sending and storing costs", { DEATHS: 1, ONCE: 1 }],
        ["what a write without a comparison overwrites", { PAUSES: 1, BLIND: 1 }],
        ["what becomes of a lock that is given at once after the store was lost", { LOSSES: 1, ONCE: 1, HASTY: 1 }]
      ] as const
    ) {
      it.live(what, () => Effect.map(faults(settings), (errors) => assert.isAbove(errors, 0)))
    }
  })
})
