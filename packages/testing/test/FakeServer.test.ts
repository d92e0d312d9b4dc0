import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createServer } from "node:http"

const echo: HttpApp.Default = Effect.flatMap(
  HttpServerRequest.HttpServerRequest,
  (request) =>
    Effect.map(
      Effect.orDie(request.text),
      (text) =>
        HttpServerResponse.unsafeJson({
          method: request.method,
          url: request.url,
          type: request.headers["content-type"] ?? "",
          cookie: request.headers.cookie ?? "",
          host: request.headers.host ?? "",
          text
        })
    )
)

const send = (body: HttpBody.HttpBody) =>
  FakeServer.httpClient(echo).execute(
    HttpClientRequest.post("http://fake.test/echo?a=1#fragment").pipe(HttpClientRequest.setBody(body))
  ).pipe(Effect.flatMap((response) => response.json), Effect.map((json) => json as Record<string, string>))

describe("FakeServer", () => {
  describe("httpClient", () => {
    it.effect("delivers every kind of body", () =>
      Effect.gen(function*() {
        const bytes = new TextEncoder().encode("bytes")
        const form = new FormData()
        form.append("field", "form data")
        const readable = () => new Blob(["readable"]).stream()
        const cases: Array<[HttpBody.HttpBody, string]> = [
          [HttpBody.empty, ""],
          [HttpBody.text("text", "text/plain"), "text"],
          [HttpBody.unsafeJson({ a: 1 }), "{\"a\":1}"],
          [HttpBody.uint8Array(bytes), "bytes"],
          [HttpBody.raw("raw"), "raw"],
          [HttpBody.raw(bytes), "bytes"],
          [HttpBody.raw(bytes.slice().buffer), "bytes"],
          [HttpBody.raw(new URLSearchParams({ a: "b c" })), "a=b+c"],
          [HttpBody.raw(readable()), "readable"],
          [HttpBody.stream(Stream.make(bytes, bytes)), "bytesbytes"]
        ]
        for (const [body, text] of cases) {
          assert.strictEqual((yield* send(body)).text, text)
        }
        const formData = yield* send(HttpBody.formData(form))
        assert.match(formData.type!, /^multipart\/form-data; boundary=/)
        assert.include(formData.text, "form data")
        assert.strictEqual((yield* send(HttpBody.text("x", "application/odd"))).type, "application/odd")
      }))

    it.effect("keeps a request's method, query and headers, and drops its fragment", () =>
      Effect.gen(function*() {
        const response = yield* FakeServer.httpClient(echo).execute(
          HttpClientRequest.patch("http://fake.test:81/echo?a=1#fragment").pipe(
            HttpClientRequest.setHeader("cookie", "a=1; b=2")
          )
        )
        assert.deepStrictEqual(yield* response.json, {
          method: "PATCH",
          url: "/echo?a=1",
          type: "",
          cookie: "a=1; b=2",
          host: "fake.test:81",
          text: ""
        })
      }))

    it.effect("turns a body stream that fails into a transport error", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(send(HttpBody.stream(Stream.fail("broken"))))
        assert.strictEqual(error._tag === "RequestError" ? error.reason : "", "Transport")
      }))

    it.effect("keeps several set-cookie headers apart", () =>
      Effect.gen(function*() {
        const app = Effect.succeed(
          HttpServerResponse.empty({ status: 204 }).pipe(
            HttpServerResponse.unsafeSetCookie("first", "1", { path: "/", expires: new Date(0) }),
            HttpServerResponse.unsafeSetCookie("second", "2", { httpOnly: true, secure: true, sameSite: "strict" }),
            HttpServerResponse.unsafeSetCookie("third", "3")
          )
        )
        const response = yield* FakeServer.httpClient(app).get("http://fake.test/")
        assert.deepStrictEqual(Cookies.toSetCookieHeaders(response.cookies), [
          "first=1; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
          "second=2; HttpOnly; Secure; SameSite=Strict",
          "third=3"
        ])
      }))

    it.effect("reads a streamed response to its end", () =>
      Effect.gen(function*() {
        const app = Effect.succeed(HttpServerResponse.stream(Stream.make("a", "b").pipe(Stream.encodeText)))
        const response = yield* FakeServer.httpClient(app).get("http://fake.test/")
        assert.strictEqual(yield* response.text, "ab")
      }))

    it.effect("gives no body for HEAD and with status 204", () =>
      Effect.gen(function*() {
        const client = FakeServer.httpClient(Effect.succeed(HttpServerResponse.text("body", { status: 204 })))
        assert.strictEqual(yield* Effect.flatMap(client.get("http://fake.test/"), (_) => _.text), "")
        const head = FakeServer.httpClient(Effect.succeed(HttpServerResponse.text("body")))
        assert.strictEqual(yield* Effect.flatMap(head.head("http://fake.test/"), (_) => _.text), "")
      }))

    it.effect("turns a defect of the application into a transport error", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(FakeServer.httpClient(Effect.die("boom")).get("http://fake.test/"))
        assert.strictEqual(error._tag, "RequestError")
        assert.strictEqual(error.reason, "Transport")
        assert.strictEqual(error.cause, "boom")
      }))

    it.effect("fails for what no transport can send", () =>
      Effect.gen(function*() {
        const client = FakeServer.httpClient(echo)
        const header = yield* Effect.flip(client.get("http://fake.test/", { headers: { "x-bad": "a\nb" } }))
        assert.strictEqual(header._tag, "RequestError")
        const body = yield* Effect.flip(send(HttpBody.raw({ not: "a body" })))
        assert.strictEqual(body._tag === "RequestError" ? body.reason : "", "Encode")
      }))

    it.effect("runs the application on the caller's Clock, and ends it at the caller's timeout", () =>
      Effect.gen(function*() {
        const app = Effect.as(Effect.sleep("1 hour"), HttpServerResponse.text("late"))
        const client = FakeServer.httpClient(app)
        const patient = yield* Effect.fork(client.get("http://fake.test/"))
        const hasty = yield* Effect.fork(Effect.timeout(client.get("http://fake.test/"), "1 minute"))
        yield* TestClock.adjust("1 minute")
        assert.isTrue(Exit.isFailure(yield* Fiber.await(hasty)))
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* Fiber.join(patient)).status, 200)
      }))
  })

  describe("serve", () => {
    it.scopedLive("serves the same application on a socket", () =>
      Effect.gen(function*() {
        const url = yield* FakeServer.serve(echo)
        assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/)
        const client = yield* HttpClient.HttpClient
        const response = yield* client.post(`${url}/echo`, { body: HttpBody.text("hello") })
        assert.strictEqual(((yield* response.json) as { readonly text: string }).text, "hello")
      }).pipe(Effect.provide([
        NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }),
        NodeHttpClient.layerUndici
      ])))
  })
})
