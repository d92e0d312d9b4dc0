import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"

const base = "https://api.example"

const statuses = (client: HttpClient.HttpClient, ...paths: ReadonlyArray<string>) =>
  Effect.forEach(paths, (path) => Effect.map(client.get(base + path), ({ status }) => status))

describe("ScriptedHttpClient", () => {
  describe("an answer", () => {
    it.effect("as data has status 200 and no body by default", () =>
      Effect.gen(function*() {
        const response = yield* ScriptedHttpClient.make({}).get(base)
        assert.strictEqual(response.status, 200)
        assert.strictEqual(yield* response.text, "")
      }))

    it.effect("as data has the status, headers and body that it states", () =>
      Effect.gen(function*() {
        const reply = { status: 429, headers: { "retry-after": "7" }, body: "slow down" }
        const response = yield* ScriptedHttpClient.make(reply).get(base)
        assert.strictEqual(response.status, 429)
        assert.strictEqual(response.headers["retry-after"], "7")
        assert.strictEqual(yield* response.text, "slow down")
      }))

    it.effect("in JSON has its content type, unless the headers state another", () =>
      Effect.gen(function*() {
        const response = yield* ScriptedHttpClient.make({ json: { count: 1 } }).get(base)
        assert.deepStrictEqual(yield* response.json, { count: 1 })
        assert.strictEqual(response.headers["content-type"], "application/json")
        const headers = { "content-type": "application/problem+json" }
        const problem = yield* ScriptedHttpClient.make({ json: {}, headers }).get(base)
        assert.strictEqual(problem.headers["content-type"], headers["content-type"])
      }))

    it.effect("repeats a header that is given twice", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make({ headers: [["set-cookie", "a=1; Path=/"], ["set-cookie", "b=2"]] })
        const response = yield* client.get(base)
        assert.deepStrictEqual(Cookies.toSetCookieHeaders(response.cookies), ["a=1; Path=/", "b=2"])
      }))

    it.effect("has no body for HEAD and with status 204", () =>
      Effect.gen(function*() {
        const head = yield* ScriptedHttpClient.make({ body: "dropped" }).head(base)
        assert.strictEqual(yield* head.text, "")
        const none = yield* ScriptedHttpClient.make({ status: 204, body: "dropped" }).get(base)
        assert.deepStrictEqual([none.status, yield* none.text], [204, ""])
      }))

    it.effect("may be a Response of the Web, for several requests", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(new Response("ok", { status: 201 }))
        for (const _ of [1, 2]) {
          const response = yield* client.get(base)
          assert.deepStrictEqual([response.status, yield* response.text], [201, "ok"])
        }
      }))

    it.effect("may be an Effect", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(Effect.map(Clock.currentTimeMillis, (now) => ({ json: now })))
        yield* TestClock.setTime(42)
        assert.strictEqual(yield* Effect.flatMap(client.get(base), ({ json }) => json), 42)
      }))

    it.effect("comes after the time that it takes, on the Clock", () =>
      VirtualClock.run(Effect.gen(function*() {
        const client = ScriptedHttpClient.make({ after: "3 seconds" })
        yield* client.get(base)
        assert.strictEqual(yield* Clock.currentTimeMillis, 3000)
      })))

    it.effect("that breaks the connection is a transport error with its cause", () =>
      Effect.gen(function*() {
        const cause = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" })
        const error = yield* Effect.flip(ScriptedHttpClient.make(ScriptedHttpClient.fail(cause)).get(base))
        assert.deepInclude(error, { _tag: "RequestError", reason: "Transport", cause })
        assert.strictEqual(error.request.url, base)
      }))

    it.effect("that never comes leaves the request to a timeout", () =>
      VirtualClock.run(Effect.gen(function*() {
        const client = ScriptedHttpClient.make(Effect.never)
        const error = yield* Effect.flip(Effect.timeout(client.get(base), "1 minute"))
        assert.strictEqual(error._tag, "TimeoutException")
        assert.deepStrictEqual((yield* client.requests).map(({ status }) => status), [undefined])
      })))
  })

  describe("a list", () => {
    it.effect("answers in order, whatever kinds of answers it mixes", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make([
          { status: 503 },
          ScriptedHttpClient.fail(),
          ({ url }) => ({ status: Number(url.searchParams.get("status")) })
        ])
        assert.deepStrictEqual(yield* statuses(client, "/"), [503])
        assert.strictEqual((yield* Effect.flip(client.get(base)))._tag, "RequestError")
        assert.deepStrictEqual(yield* statuses(client, "/?status=418"), [418])
      }))

    it.effect("dies at its end with a defect that names the request, without its query", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make([{}])
        yield* client.get(base)
        const cause = yield* Effect.flip(Effect.sandbox(client.get(`${base}/scans?api_key=canary-key`)))
        assert.isTrue(Cause.isDie(cause))
        assert.include(Cause.pretty(cause), `the script has no answer for GET ${base}/scans, request 2`)
        assert.notInclude(Cause.pretty(cause), "canary-key")
      }))

    it.effect("answers in the order in which concurrent requests arrive", () =>
      VirtualClock.run(Effect.gen(function*() {
        const client = ScriptedHttpClient.make([{ status: 201, after: "2 seconds" }, { status: 202 }])
        const first = yield* Effect.fork(client.get(base))
        yield* VirtualClock.settled
        assert.deepStrictEqual(yield* statuses(client, "/"), [202])
        assert.strictEqual((yield* Fiber.join(first)).status, 201)
      })))

    it.effect("may repeat its last answer", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(ScriptedHttpClient.repeatLast({ status: 401 }, { status: 200 }))
        assert.deepStrictEqual(yield* statuses(client, "/", "/", "/"), [401, 200, 200])
      }))
  })

  describe("a function", () => {
    it.effect("sees the request and those before it", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(({ headers }, earlier) => ({
          json: { key: headers["x-api-key"], earlier: earlier.map(({ line, status }) => `${line} ${status}`) }
        }))
        yield* client.get(`${base}/a`)
        const response = yield* client.get(`${base}/b`, { headers: { "X-API-Key": "canary-key" } })
        assert.deepStrictEqual(yield* response.json, { key: "canary-key", earlier: ["GET /a 200"] })
      }))

    it.effect("may hand the request on to another client, with a streamed body", () =>
      Effect.gen(function*() {
        const behind = ScriptedHttpClient.make(({ body }) => ({ body }))
        const client = ScriptedHttpClient.make(({ request }) => behind.execute(request))
        const body = HttpBody.stream(Stream.make(new TextEncoder().encode("streamed")), "text/plain")
        const response = yield* client.post(base, { body })
        assert.strictEqual(yield* response.text, "streamed")
        assert.strictEqual(client.unsafeRequests()[0]?.body, "streamed")
      }))
  })

  describe("routes", () => {
    it.effect("answer by method and path, whatever the query", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
          "POST /login": { status: 201 },
          "GET /login": { status: 202 }
        }))
        assert.strictEqual((yield* client.post(`${base}/login?next=%2F`)).status, 201)
        assert.deepStrictEqual(yield* statuses(client, "/login"), [202])
      }))

    it.effect("have a list of their own each", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
          "GET /a": [{ status: 201 }, { status: 202 }],
          "GET /b": [{ status: 203 }]
        }))
        assert.deepStrictEqual(yield* statuses(client, "/a", "/b", "/a"), [201, 203, 202])
        assert.isTrue(Cause.isDie(yield* Effect.flip(Effect.sandbox(client.get(`${base}/b`)))))
      }))

    it.effect("match any method and any ending by a star, and an origin where they state one", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
          "GET https://login.example/api/*": { status: 203 },
          "* /api/*": { status: 202 },
          "* *": { status: 201 }
        }))
        assert.deepStrictEqual(yield* statuses(client, "/api/a/b", "/apis", "/"), [202, 201, 201])
        assert.strictEqual((yield* client.get("https://login.example/api/a")).status, 203)
      }))

    it.effect("leave other requests to another script, or die", () =>
      Effect.gen(function*() {
        const table = { "GET /a": { status: 201 } }
        const open = ScriptedHttpClient.make(ScriptedHttpClient.routes(table, { status: 404 }))
        assert.deepStrictEqual(yield* statuses(open, "/a", "/b"), [201, 404])
        const closed = ScriptedHttpClient.make(ScriptedHttpClient.routes(table))
        assert.include(Cause.pretty(yield* Effect.flip(Effect.sandbox(closed.get(`${base}/b`)))), `GET ${base}/b`)
      }))
  })

  describe("the log", () => {
    it.effect("shows each request as it was sent, secrets included, and the status it was answered with", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1000)
        const client = ScriptedHttpClient.make([{ status: 201 }, ScriptedHttpClient.fail()])
        yield* client.post(`${base}/scans?api_key=canary-key#fragment`, {
          headers: { "X-Secret": "canary-secret" },
          body: HttpBody.unsafeJson({ password: "canary-password" })
        })
        yield* Effect.ignore(client.get(base))
        const [first, second] = yield* client.requests
        assert.strictEqual(first?.line, "POST /scans?api_key=canary-key")
        assert.strictEqual(first?.url.href, `${base}/scans?api_key=canary-key`)
        assert.deepInclude(first?.headers, { "x-secret": "canary-secret", "content-type": "application/json" })
        assert.deepInclude(first, { method: "POST", body: `{"password":"canary-password"}`, at: 1000, status: 201 })
        assert.deepInclude(second, { line: "GET /", body: "", status: undefined })
        assert.strictEqual(yield* client.count, 2)
      }))

    it.effect("reads forms, form data and nothing as text", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make({})
        const form = new FormData()
        form.append("field", "form data")
        yield* client.execute(HttpClientRequest.bodyUrlParams(HttpClientRequest.post(base), { a: "b c" }))
        yield* client.post(base, { body: HttpBody.formData(form) })
        yield* client.post(base)
        const [urlParams, formData, empty] = client.unsafeRequests().map(({ body }) => body)
        assert.strictEqual(urlParams, "a=b+c")
        assert.include(formData, "form data")
        assert.strictEqual(empty, "")
      }))

    it.effect("does not change once it was read", () =>
      Effect.gen(function*() {
        const client = ScriptedHttpClient.make({})
        const before = yield* client.requests
        yield* client.get(base)
        assert.lengthOf(before, 0)
        assert.lengthOf(client.unsafeRequests(), 1)
      }))
  })

  describe("layer", () => {
    it.effect("is the transport of a program, and gives its log", () =>
      Effect.gen(function*() {
        yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get(`${base}/a`))
        const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
        assert.deepStrictEqual((yield* requests).map(({ line }) => line), ["GET /a"])
      }).pipe(Effect.provide(ScriptedHttpClient.layer({ status: 503 }))))
  })
})
