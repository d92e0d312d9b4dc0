import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import { assertSecretFree } from "../../printouts.ts"
import { recordSpans } from "../../recordedSpans.ts"

const key = (where: "header" | "query" | "cookie", name: string) =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make("canary-key"), in: where, name })))

/** Sends one request and gives the attributes of the spans that it causes, by name, and the headers that were sent. */
const trace = (
  authenticator: Authenticator.Authenticator,
  around: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R> = (effect) => effect,
  script: ScriptedHttpClient.Script = { headers: { location: "/?canary-key" } }
) =>
  Effect.gen(function*() {
    const transport = ScriptedHttpClient.make(script)
    const client = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://api.example:8443" }).pipe(
      Effect.provideService(HttpClient.HttpClient, transport)
    )
    const [, recorded] = yield* recordSpans(
      around(Effect.exit(client.get("/things?page=2", { headers: { "x-caller": "shown" } })))
    )
    const [received] = transport.unsafeRequests()
    return {
      exits: recorded.flatMap(({ exit }) => exit === undefined ? [] : [exit]),
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
        "http.request.header.x-caller": "shown",
        "http.request.method": "GET",
        "http.response.header.content-type": "text/plain;charset=UTF-8",
        "http.response.header.location": "/?…",
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

  it.effect("show no control character of the server's", () =>
    Effect.gen(function*() {
      const { spans } = yield* trace(key("header", "x-acme-key"), undefined, { headers: { "x-said": "a\u009b2Jb" } })
      assert.strictEqual(spans[0]?.[1]["http.response.header.x-said"], "a 2Jb")
    }))

  it.effect("redact what is known to be secret, whatever the program's list of names says", () =>
    Effect.gen(function*() {
      const basic = Authenticator.basic({ username: "reader", password: Redacted.make("canary-key") })
      const { spans } = yield* trace(
        Authenticator.all(basic, key("header", "X-Acme-Key"), key("cookie", "sid")),
        Effect.locally(Headers.currentRedactedNames, [])
      )
      const attributes = spans[0]![1]
      for (const name of ["authorization", "cookie", "x-acme-key"]) {
        assert.strictEqual(attributes[`http.request.header.${name}`], "<redacted>")
      }
    }))

  it.effect("redact what the program's list of names says", () =>
    Effect.gen(function*() {
      const { spans } = yield* trace(
        key("header", "x-acme-key"),
        Effect.locally(Headers.currentRedactedNames, ["x-caller"])
      )
      assert.strictEqual(spans[0]![1]["http.request.header.x-caller"], "<redacted>")
    }))

  it.effect("mask what a server repeats in its headers", () =>
    Effect.gen(function*() {
      const basic = Authenticator.basic({ username: "reader", password: Redacted.make("canary-key") })
      const { spans } = yield* trace(basic, (effect) => effect, {
        headers: { "www-authenticate": `Basic realm="canary-key"`, "x-echo": btoa("reader:canary-key") }
      })
      const attributes = spans[0]![1]
      assert.strictEqual(attributes["http.response.header.www-authenticate"], `Basic realm="[…]"`)
      assert.strictEqual(attributes["http.response.header.x-echo"], "[…]")
    }))

  it.effect("end with an exit that refers to the request as its caller made it", () =>
    Effect.gen(function*() {
      const answers: ReadonlyArray<ScriptedHttpClient.Script> = [
        {},
        { status: 401 },
        ScriptedHttpClient.fail(new Error("canary-key"))
      ]
      for (const script of answers) {
        for (const authenticator of [key("header", "x-acme-key"), key("query", "api_key"), key("cookie", "sid")]) {
          const { exits } = yield* trace(authenticator, (effect) => effect, script)
          assert.lengthOf(exits, 1)
          assertSecretFree(exits, ["canary-key"])
        }
      }
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
