import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as SharedSession from "./sharedSession.ts"

const seed = Number(process.env["SEED"] ?? 1)
const schedules = Number(process.env["SCHEDULES"] ?? 2)
const minutes = 4

const simulated = (options: Omit<SharedSession.Options, "duration">) =>
  VirtualClock.runFrom(SharedSession.run({ ...options, duration: minutes * 60_000 }), "2026-01-01T00:00:00Z")

describe("eight processes with one session in Redis", () => {
  for (
    const [name, weather] of [
      ["while nothing happens", { kills: false, back: undefined }],
      ["while Redis is away now and then", { kills: false, back: "whole" }],
      ["while Redis comes back empty now and then", { kills: false, back: "empty" }]
    ] as const
  ) {
    it.effect(`redeem each refresh token once, ${name}: one login, and no token refused`, () =>
      Effect.forEach(
        Array.from({ length: schedules }, (_, n) => seed + n),
        (seed) =>
          Effect.map(simulated({ ...weather, seed }), ({ failures, logins, lost, refused, rotations }) => {
            assert.deepStrictEqual({ seed, logins, lost, refused, failures }, {
              seed,
              logins: 1,
              lost: 0,
              refused: 0,
              failures: []
            })
            assert.isAtLeast(rotations, minutes * 2)
          })
      ))
  }

  for (
    const [name, back] of [
      ["killed", undefined],
      ["killed, and Redis comes back empty", "empty"]
    ] as const
  ) {
    it.effect(`that are ${name}: the session is lost only with the process that was given the next token`, () =>
      Effect.forEach(Array.from({ length: schedules }, (_, n) => seed + n), (seed) =>
        Effect.map(
          simulated({ kills: true, back, seed }),
          ({ failures, logins, lost, lostWithTheKilled, refused, rotations, stillborn }) => {
            assert.deepStrictEqual({ seed, failures, lost }, { seed, failures: [], lost: lostWithTheKilled })
            assert.strictEqual(logins, lost + stillborn + 1, `logins of seed ${seed}`)
            assert.isAtMost(refused, rotations)
          }
        )))
  }
})
