import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as AuthenticatedHttpClient from "../src/AuthenticatedHttpClient.ts"
import * as AuthMode from "../src/AuthMode.ts"

class Qualys extends Context.Tag("test/Qualys")<Qualys, AuthenticatedHttpClient.Service>() {}

const layerOf = <const Name extends string>(mode: Name) => {
  const service: AuthenticatedHttpClient.Service = ScriptedHttpClient.make({ body: mode })
  return AuthenticatedHttpClient.layerMode({ mode, client: Qualys }, Effect.succeed(service))
}

const Jwt = layerOf("Qualys/Jwt")
const Basic = layerOf("Qualys/Basic")

const text = ({ text }: HttpClientResponse.HttpClientResponse) => text

/** Needs one mode, and says which mode's client it got. */
const jwtOnly = AuthMode.client("Qualys/Jwt").pipe(
  Effect.flatMap((http) => http.get("https://qualys.example/")),
  Effect.flatMap(text)
)

describe("AuthMode", () => {
  describe("client", () => {
    it.effect("is the client of the mode", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* jwtOnly, "Qualys/Jwt")
        assert.strictEqual(yield* AuthMode.client("Qualys/Jwt"), yield* Qualys)
        assert.strictEqual(yield* AuthMode.client("Qualys/Jwt"), yield* AuthenticatedHttpClient.AuthenticatedHttpClient)
      }).pipe(Effect.provide(Jwt)))

    it.effect("stays the client of its mode beside another mode of the system", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* jwtOnly, "Qualys/Jwt")
        const basic = yield* AuthMode.client("Qualys/Basic")
        assert.strictEqual(yield* Effect.flatMap(basic.get("https://qualys.example/"), text), "Qualys/Basic")
      }).pipe(Effect.provide(Layer.merge(Jwt, Basic))))

    it.effect("is that of the innermost layer", () =>
      Effect.gen(function*() {
        const outer = yield* AuthMode.client("Qualys/Jwt")
        const inner = yield* Effect.provide(AuthMode.client("Qualys/Jwt"), layerOf("Qualys/Jwt"))
        assert.notStrictEqual(inner, outer)
      }).pipe(Effect.provide(Jwt)))
  })

  describe("evidence", () => {
    it("is a context with the client under the tag of the mode", () => {
      const client: AuthenticatedHttpClient.Service = ScriptedHttpClient.make({})
      const context = AuthMode.evidence("Acme/Basic", client)
      assert.strictEqual(Context.get(context, AuthMode.client("Acme/Basic")), client)
      assert.deepStrictEqual(AuthMode.modes(context), ["Acme/Basic"])
    })
  })

  describe("modes", () => {
    it("lists the modes of a context, and says so if there is none", () => {
      const client: AuthenticatedHttpClient.Service = ScriptedHttpClient.make({})
      const both = Context.merge(AuthMode.evidence("Acme/Basic", client), AuthMode.evidence("Beta/Key", client))
      assert.deepStrictEqual(AuthMode.modes(both), ["Acme/Basic", "Beta/Key"])
      assert.deepStrictEqual(AuthMode.modes(Context.make(Qualys, client)), ["no mode"])
    })
  })

  describe("require", () => {
    it.effect("provides the client of a mode that was chosen at run time", () =>
      Effect.gen(function*() {
        const chosen: ReadonlyArray<Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient>> = [Jwt, Basic]
        const program = jwtOnly.pipe(AuthMode.require("Qualys/Jwt"), Effect.either)
        const outcomes = yield* Effect.forEach(chosen, (layer) => Effect.provide(program, layer))
        assert.deepStrictEqual(outcomes.map((outcome) => outcome._tag), ["Right", "Left"])
      }))

    it.effect("accepts the client of a system instead of the shared one", () =>
      Effect.gen(function*() {
        const chosen: Layer.Layer<Qualys> = AuthenticatedHttpClient.mergeSystems(Jwt)
        const program = jwtOnly.pipe(AuthMode.require("Qualys/Jwt", Qualys), Effect.provide(chosen))
        assert.strictEqual(yield* program, "Qualys/Jwt")
      }))

    it.effect("fails with what was expected and what is there, before the effect runs", () =>
      Effect.gen(function*() {
        const ran = yield* Ref.make(false)
        const error = yield* Ref.set(ran, true).pipe(AuthMode.require("Qualys/Jwt"), Effect.flip)
        assert.strictEqual(error._tag, "AuthModeMismatch")
        assert.strictEqual(error.message, "expected Qualys/Jwt, got Qualys/Basic")
        assert.isFalse(yield* Ref.get(ran))
      }).pipe(Effect.provide(Basic)))

    it.effect("says so if the client has no mode at all", () =>
      Effect.gen(function*() {
        const client: AuthenticatedHttpClient.Service = ScriptedHttpClient.make({})
        const error = yield* Effect.void.pipe(
          AuthMode.require("Qualys/Jwt"),
          Effect.provideService(AuthenticatedHttpClient.AuthenticatedHttpClient, client),
          Effect.flip
        )
        assert.strictEqual(error.message, "expected Qualys/Jwt, got no mode")
      }))
  })
})
