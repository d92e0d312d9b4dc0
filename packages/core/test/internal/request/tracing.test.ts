import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { recordSpans } from "../../recordedSpans.ts"

const key = (where: "header" | "query", name: string) =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make("canary-key"), in: where, name })))

/** Sends one request and gives the attributes of the spans that it causes, by name, and the headers that were sent. */
const trace = (
  authenticator: Authenticator.Authenticator,
  around: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect
) =>
  Effect.gen(function*() {
    const transport = ScriptedHttpClient.make({ headers: { location: "/?canary-key" } })
    const client = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://api.example:8443" }).pipe(
      Effect.provideService(HttpClient.HttpClient, transport)
    )
    const [, recorded] = yield* recordSpans(
      around(client.get("/things?page=2", { headers: { "x-caller": "shown" } }))
    )
    const [received] = transport.unsafeRequests()
    return {
      spans: recorded.map(({ attributes, name }) => [name, attributes] as const),
      headers: received?.headers ?? {}
    }
  })

describe("spans of a client", () => {
  it.effect("redact the custom header that it writes, and only that", () =>
    Effect.gen(function*() {
      const { spans } = yield* trace(key("header", "X-Acme-Key"))
      assert.lengthOf(spans, 1)
      const attributes = spans[0]![1]
      assert.strictEqual(attributes["http.request.header.x-acme-key"], "<redacted>")
      assert.strictEqual(attributes["http.request.header.x-caller"], "shown")
      assert.strictEqual(attributes["url.full"], "https://api.example:8443/things?page=2")
    }))

  it.effect("show the URL without the parameter that it writes, and are otherwise the platform's", () =>
    Effect.gen(function*() {
      const { headers, spans } = yield* trace(key("query", "api_key"))
      assert.deepStrictEqual(spans, [["http.client GET", {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": "https://api.example:8443",
        "server.port": 8443,
        "url.full": "https://api.example:8443/things?page=2",
        "url.path": "/things",
        "url.query": "page=2",
        "url.scheme": "https"
      }]])
      assert.match(headers["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    }))

  it.effect("are not begun when tracing is off", () =>
    Effect.gen(function*() {
      for (const authenticator of [key("header", "x-acme-key"), key("query", "api_key")]) {
        const { headers, spans } = yield* trace(authenticator, Effect.withTracerEnabled(false))
        assert.lengthOf(spans, 0)
        assert.isUndefined(headers["traceparent"])
      }
    }))
})
