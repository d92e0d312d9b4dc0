import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as AuthMode from "../src/AuthMode.ts"

const Jwt = AuthMode.layer("Qualys/Jwt")
const Basic = AuthMode.layer("Qualys/Basic")

describe("AuthMode", () => {
  it.effect("names the mode that stands behind the evidence", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* AuthMode.AuthMode("Qualys/Jwt"), { mode: "Qualys/Jwt" })
    }).pipe(Effect.provide(Jwt)))

  it.effect("is one per program: the layer provided last inside wins", () =>
    Effect.gen(function*() {
      const required = yield* Effect.void.pipe(AuthMode.require("Qualys/Jwt"), Effect.provide(Jwt))
      assert.isUndefined(required)
    }).pipe(Effect.provide(Basic)))
})

describe("AuthMode.require", () => {
  it.effect("fails with what was expected and what is there, before the effect runs", () =>
    Effect.gen(function*() {
      const ran = yield* Ref.make(false)
      const error = yield* Ref.set(ran, true).pipe(AuthMode.require("Qualys/Jwt"), Effect.flip)
      assert.strictEqual(error._tag, "AuthModeMismatch")
      assert.strictEqual(error.message, "expected Qualys/Jwt, got Qualys/Basic")
      assert.isFalse(yield* Ref.get(ran))
    }).pipe(Effect.provide(Basic)))

  it.effect("says so when no mode is provided at all", () =>
    Effect.gen(function*() {
      const error = yield* Effect.void.pipe(AuthMode.require("Qualys/Jwt"), Effect.flip)
      assert.strictEqual(error.message, "expected Qualys/Jwt, got no mode")
    }))

  it.effect("runs the effect with the evidence when a layer chosen at run time has the mode", () =>
    Effect.gen(function*() {
      // whoever decodes the mode from data has a layer, and no type that says of which mode it is
      const chosen: ReadonlyArray<Layer.Layer<never>> = [Jwt, Basic]
      const program = Effect.map(AuthMode.AuthMode("Qualys/Jwt"), ({ mode }) => mode).pipe(
        AuthMode.require("Qualys/Jwt"),
        Effect.either
      )
      const outcomes = yield* Effect.forEach(chosen, (layer) => Effect.provide(program, layer))
      assert.deepStrictEqual(outcomes.map((outcome) => outcome._tag), ["Right", "Left"])
    }))
})
