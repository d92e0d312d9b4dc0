import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as Fault from "@effect-auth/testing/Fault"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
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

  describe("connector", () => {
    const repeating: HttpApp.Default = Effect.gen(function*() {
      const { headers, upgrade, url } = yield* HttpServerRequest.HttpServerRequest
      if (headers["authorization"] === undefined) return HttpServerResponse.text("who?", { status: 401 })
      const socket = yield* Effect.orDie(upgrade)
      const write = yield* socket.writer
      yield* Effect.ignore(socket.runRaw((message) => write(`${url} ${headers["upgrade"]} ${String(message)}`)))
      return HttpServerResponse.empty()
    }).pipe(Effect.scoped)

    const handshake = (headers: Readonly<Record<string, string>>) => ({
      address: "wss://any.example/events",
      url: Redacted.make("wss://any.example/events?a=1"),
      headers: Redacted.make(headers),
      protocols: []
    })

    it.effect("opens a WebSocket to an app that upgrades, whatever the host", () =>
      Effect.gen(function*() {
        const opening = yield* FakeServer.connector(repeating).open(handshake({ authorization: "Bearer canary" }))
        assert(opening._tag === "Opened")
        const { resume, webSocket } = opening.value
        const answer = yield* Effect.async<string>((done) => {
          webSocket.addEventListener("message", ({ data }) => done(Effect.succeed(String(data))))
          webSocket.send("hello")
          Effect.runSync(resume)
        })
        assert.strictEqual(answer, "/events?a=1 websocket hello")
      }).pipe(Effect.scoped))

    it.effect("an app that answers refuses the handshake, and one that breaks off opens nothing", () =>
      Effect.gen(function*() {
        const server = yield* FakeServer.make(repeating)
        const refused = yield* server.connector.open(handshake({}))
        assert(refused._tag === "Refused")
        assert.strictEqual(refused.response.status, 401)
        yield* server.inject(Fault.reset)
        const error = yield* Effect.flip(server.connector.open(handshake({})))
        assert.strictEqual(error.reason, "Open")
      }).pipe(Effect.scoped))

    it.effect("the server's end lives as long as the app, and breaks with it", () =>
      Effect.gen(function*() {
        const leaving = Effect.as(
          Effect.zipRight(Effect.orDie(HttpServerRequest.upgrade), Effect.sleep("1 minute")),
          HttpServerResponse.empty()
        )
        const opening = yield* FakeServer.connector(leaving).open(handshake({}))
        assert(opening._tag === "Opened")
        const { resume, webSocket } = opening.value
        yield* resume
        const code = yield* Effect.fork(Effect.async<number>((done) => {
          webSocket.addEventListener("close", ({ code }) => done(Effect.succeed(code)))
        }))
        yield* TestClock.adjust("1 minute")
        assert.strictEqual(yield* Fiber.join(code), 1006)
      }).pipe(Effect.scoped))
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

  describe("make", () => {
    const things = HttpRouter.empty.pipe(
      HttpRouter.get("/things", HttpServerResponse.json({ things: [1, 2, 3] })),
      HttpRouter.post("/things", echo),
      HttpRouter.get("/broken", Effect.die("a bug of the app"))
    )

    it.effect("answers as the app does, and as a server does where the app fails", () =>
      Effect.gen(function*() {
        const { httpClient, requests } = yield* FakeServer.make(things)
        const read = yield* httpClient.get("http://fake.test/things")
        assert.deepStrictEqual(yield* read.json, { things: [1, 2, 3] })
        const written = yield* httpClient.post("http://fake.test/things", { body: HttpBody.text("a thing") })
        assert.include(yield* written.text, "a thing")
        assert.strictEqual((yield* httpClient.get("http://fake.test/nothing")).status, 404)
        assert.strictEqual((yield* httpClient.get("http://fake.test/broken")).status, 500)
        assert.deepStrictEqual((yield* requests).map(({ line, status }) => [line, status]), [
          ["GET /things", 200],
          ["POST /things", 200],
          ["GET /nothing", 404],
          ["GET /broken", 500]
        ])
      }))

    it.effect("says in the log what the app failed with, and nothing of a path that it does not have", () =>
      Effect.gen(function*() {
        const logged: Array<string> = []
        const logger = Logger.make<unknown, void>(({ cause, logLevel }) => {
          logged.push(`${logLevel.label} ${Cause.pretty(cause)}`)
        })
        yield* Effect.gen(function*() {
          const { httpClient } = yield* FakeServer.make(things)
          yield* httpClient.get("http://fake.test/things")
          yield* httpClient.get("http://fake.test/nothing")
          yield* httpClient.get("http://fake.test/broken")
        }).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
        assert.lengthOf(logged, 1)
        assert.match(logged[0] ?? "", /^ERROR .*a bug of the app/u)
      }))

    it.effect("logs what arrived, and when", () =>
      Effect.gen(function*() {
        const { httpClient, requests } = yield* FakeServer.make(things)
        yield* TestClock.adjust("7 seconds")
        yield* httpClient.post("http://fake.test:81/things?a=1#part", {
          body: HttpBody.text("a thing"),
          headers: { "X-Key": "canary-key" }
        })
        const [received] = yield* requests
        assert.deepInclude(received, { method: "POST", line: "POST /things?a=1", body: "a thing", at: 7000 })
        assert.strictEqual(received?.url.href, "http://fake.test:81/things?a=1")
        assert.strictEqual(received?.headers["x-key"], "canary-key")
      }))

    it.effect("dies with the difference when the requests are not those that a test expects", () =>
      Effect.gen(function*() {
        const { expect, httpClient } = yield* FakeServer.make(things)
        yield* httpClient.get("http://fake.test/things")
        yield* expect(["GET /things"])
        const cause = yield* Effect.flip(Effect.sandbox(expect(["GET /things", "POST /things"])))
        assert.include(Cause.pretty(cause), "2. (no request): expected POST /things")
      }))

    it.effect("serves an HttpApi", () =>
      Effect.gen(function*() {
        const Api = HttpApi.make("Api").add(
          HttpApiGroup.make("users").add(HttpApiEndpoint.get("one", "/users/7").addSuccess(Schema.String))
        )
        const live = HttpApiBuilder.api(Api).pipe(
          Layer.provide(HttpApiBuilder.group(Api, "users", (group) => group.handle("one", () => Effect.succeed("Ada"))))
        )
        const app = yield* Effect.provide(HttpApiBuilder.httpApp, [
          live,
          HttpApiBuilder.Router.Live,
          HttpApiBuilder.Middleware.layer
        ])
        const { httpClient } = yield* FakeServer.make(app)
        const client = yield* HttpApiClient.make(Api, { baseUrl: "http://fake.test" }).pipe(
          Effect.provideService(HttpClient.HttpClient, httpClient)
        )
        assert.strictEqual(yield* client.users.one(), "Ada")
      }).pipe(Effect.provide([NodeHttpServer.layerContext])))

    it.scoped("serves an RpcServer, whose app needs a Scope, and streams its answers", () =>
      Effect.gen(function*() {
        class Counting extends RpcGroup.make(
          Rpc.make("Count", { payload: { to: Schema.Number }, success: Schema.Number, stream: true })
        ) {}
        const app = yield* RpcServer.toHttpApp(Counting).pipe(
          Effect.provide(Counting.toLayer({ Count: ({ to }) => Stream.range(1, to) })),
          Effect.provide(RpcSerialization.layerNdjson)
        )
        const { expect, httpClient } = yield* FakeServer.make(app)
        const protocol = RpcClient.layerProtocolHttp({ url: "http://fake.test/rpc" }).pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, httpClient)),
          Layer.provide(RpcSerialization.layerNdjson)
        )
        const counted = yield* Effect.gen(function*() {
          const client = yield* RpcClient.make(Counting)
          return yield* Stream.runCollect(client.Count({ to: 3 }))
        }).pipe(Effect.provide(protocol))
        assert.deepStrictEqual([...counted], [1, 2, 3])
        yield* expect([{ status: 200 }])
      }))

    it.effect("closes what a streamed answer has opened when it is read, and no sooner", () =>
      Effect.gen(function*() {
        const closed = yield* Ref.make(false)
        const app = Effect.as(
          Effect.addFinalizer(() => Ref.set(closed, true)),
          HttpServerResponse.stream(Stream.make("a", "b").pipe(Stream.encodeText))
        )
        const { httpClient } = yield* FakeServer.make(app)
        const response = yield* httpClient.get("http://fake.test/")
        assert.isFalse(yield* Ref.get(closed))
        assert.strictEqual(yield* response.text, "ab")
        assert.isTrue(yield* Ref.get(closed))
      }))

    it.effect("leaves an app that is a client itself its own transport", () => {
      const calling = Effect.orDie(
        Effect.flatMap(
          HttpClient.get("http://other.test/things"),
          ({ text }) => Effect.map(text, (text) => HttpServerResponse.text(`they say: ${text}`))
        )
      )
      return Effect.gen(function*() {
        assert.strictEqual(yield* (yield* HttpClient.get("http://fake.test/")).text, "they say: [1,2]")
      }).pipe(
        Effect.provide(FakeServer.layer(calling)),
        Effect.provideService(
          HttpClient.HttpClient,
          FakeServer.httpClient(Effect.orDie(HttpServerResponse.json([1, 2])))
        )
      )
    })

    it.effect("is a layer, with itself as the transport", () =>
      Effect.gen(function*() {
        yield* HttpClient.get("http://fake.test/things")
        yield* Effect.flatMap(FakeServer.FakeServer, ({ expect }) => expect(["GET /things"]))
      }).pipe(Effect.provide(FakeServer.layer(things))))
  })

  describe("inject", () => {
    const app = HttpRouter.empty.pipe(
      HttpRouter.get("/things", HttpServerResponse.text("0123456789")),
      HttpRouter.get("/others", HttpServerResponse.text("others"))
    )

    /** What a client sees of an answer. */
    const seen = (client: HttpClient.HttpClient, url: string) =>
      client.get(url).pipe(
        Effect.flatMap((response) =>
          Effect.match(response.text, {
            onFailure: ({ reason }) => `${response.status} ${reason}`,
            onSuccess: (text) => `${response.status} ${text}`
          })
        ),
        Effect.catchAll((error) => Effect.succeed(error.reason)),
        Effect.timeoutTo({ duration: "1 second", onSuccess: (text) => text, onTimeout: () => "nothing" })
      )

    const faults: ReadonlyArray<readonly [Fault.Fault, string]> = [
      [Fault.reset, "Transport"],
      [Fault.close, "Transport"],
      [Fault.truncate(4), "200 Decode"],
      [Fault.truncate(0), "200 Decode"],
      [Fault.blackHole, "nothing"],
      [Fault.latency("100 millis"), "200 0123456789"],
      [Fault.latency("1 minute"), "nothing"],
      [Fault.status(503), "503 "],
      [Fault.status(502, { body: "<html>", headers: { "retry-after": "7" } }), "502 <html>"],
      [Fault.garbage, "Transport"]
    ]

    for (const [fault, outcome] of faults) {
      const name = `${fault._tag}${"bytes" in fault ? ` ${fault.bytes}` : "status" in fault ? ` ${fault.status}` : ""}`
      it.scopedLive(`${name} is "${outcome}" in memory and on a socket, once`, () =>
        Effect.gen(function*() {
          const server = yield* FakeServer.make(app)
          const url = yield* FakeServer.serve(server.app)
          const socket = yield* HttpClient.HttpClient
          for (const client of [server.httpClient, socket]) {
            yield* server.inject(fault)
            assert.strictEqual(yield* seen(client, `${url}/things`), outcome)
            assert.strictEqual(yield* seen(client, `${url}/things`), "200 0123456789")
          }
        }).pipe(Effect.provide([
          NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }),
          NodeHttpClient.layerUndici
        ])))
    }

    it.effect("strikes as often as is said, where it is said, in the order of the injections", () =>
      Effect.gen(function*() {
        const { clearFaults, httpClient, inject } = yield* FakeServer.make(app)
        const statuses = (paths: ReadonlyArray<string>) =>
          Effect.forEach(paths, (path) => Effect.map(httpClient.get(`http://fake.test${path}`), ({ status }) => status))
        yield* inject(Fault.status(503), { times: 2, on: "GET /things" })
        yield* inject(Fault.status(500), { on: "* /oth*" })
        yield* inject(Fault.status(418), { times: Infinity })
        assert.deepStrictEqual(
          yield* statuses(["/others", "/others", "/things", "/things", "/things"]),
          [500, 418, 503, 503, 418]
        )
        yield* clearFaults
        assert.deepStrictEqual(yield* statuses(["/others", "/things"]), [200, 200])
      }))
  })
})
