import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Acme from "./Acme.ts"

/** Tokens are numbered; only the latest is accepted. */
const server = () => {
  let issued = 0
  const grants: Array<string> = []
  const app = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    if (request.url === "/token") {
      const form = new URLSearchParams(yield* request.text)
      grants.push(String(form.get("grant_type")))
      if (form.get("password") === "canary-wrong") return HttpServerResponse.empty({ status: 401 })
      issued++
      return HttpServerResponse.unsafeJson({
        access_token: `canary-access-${issued}`,
        expires_in: 600,
        refresh_token: `canary-refresh-${issued}`
      })
    }
    const accepted = request.headers["authorization"] === `Bearer canary-access-${issued}` ||
      request.headers["x-acme-key"] === "canary-key"
    return HttpServerResponse.empty({ status: accepted ? 200 : 401 })
  })
  return { grants, layer: Layer.succeed(HttpClient.HttpClient, FakeServer.httpClient(Effect.orDie(app))) }
}

const baseUrl = "https://acme.example"
const credential = { username: "reader", password: Redacted.make("canary-password") }
const things = Effect.flatMap(Acme.Client, (http) => http.get("/things"))

describe("Acme", () => {
  it.effect("logs in once, refreshes before expiry, and never sends a wrong password twice", () =>
    Effect.gen(function*() {
      const { grants, layer } = server()
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* things).status, 200)
        assert.strictEqual((yield* things).status, 200)
        yield* TestClock.adjust("11 minutes")
        assert.strictEqual((yield* things).status, 200)
        assert.deepStrictEqual(grants, ["password", "refresh_token"])
      }).pipe(Effect.provide(Acme.layerPassword({ baseUrl, credential })), Effect.provide(layer))
      const wrong = { ...credential, password: Redacted.make("canary-wrong") }
      yield* Effect.gen(function*() {
        const errors = yield* Effect.replicateEffect(Effect.flip(things), 3)
        assert.deepStrictEqual(errors.map(({ _tag }) => _tag), Array(3).fill("CredentialsRejected"))
        assert.strictEqual(grants.length, 3)
      }).pipe(Effect.provide(Acme.layerPassword({ baseUrl, credential: wrong })), Effect.provide(layer))
    }))

  it.effect("sends the key with every request", () =>
    Effect.gen(function*() {
      const { layer } = server()
      const { status } = yield* things.pipe(
        Effect.provide(Acme.layer({ baseUrl, credential: { _tag: "ApiKey", key: Redacted.make("canary-key") } })),
        Effect.provide(layer)
      )
      assert.strictEqual(status, 200)
    }))
})
