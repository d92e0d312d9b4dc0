/** Streamed bodies that are refused while they are sent, on real sockets: nobody goes on reading their source. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Loopback from "./Loopback.ts"

/** Answers when the head of a request is there, as servers do that check the credentials before they take the body. */
const hasty = Effect.acquireRelease(
  Effect.async<{ readonly server: Http.Server; readonly baseUrl: string }>((resume) => {
    const server = Http.createServer(({ socket, url }, response) => {
      const [, status = "", after = ""] = (url ?? "").split("/")
      if (status === "silent") return
      if (status === "reset") return socket.resetAndDestroy()
      response.writeHead(Number(status), {
        "content-length": 4,
        "retry-after": "0",
        "location": "/elsewhere",
        ...(after === "close" ? { connection: "close" } : undefined)
      }).end("nope")
    })
    server.listen(0, () => {
      const { port } = server.address() as AddressInfo
      resume(Effect.succeed({ server, baseUrl: `http://127.0.0.1:${port}` }))
    })
  }),
  ({ server }) =>
    Effect.async<void>((resume) => {
      server.closeAllConnections()
      server.close(() => resume(Effect.void))
    })
)

const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") })

/** Another token after each login. */
const renewable = Effect.gen(function*() {
  const logins = MutableRef.make(0)
  const login = Effect.suspend(() => Token.make({ value: `canary-token-${MutableRef.incrementAndGet(logins)}` }))
  return Authenticator.bearer(yield* TokenSource.make({ login }))
})

/** A source without an end, such as a live camera, and whether anyone still holds it. */
const endless = Effect.gen(function*() {
  const begun = yield* Deferred.make<void>()
  const closed = yield* Deferred.make<void>()
  const stream = Stream.repeatEffect(
    Effect.delay(Effect.as(Deferred.succeed(begun, undefined), new Uint8Array(1024)), "2 millis")
  ).pipe(Stream.ensuring(Deferred.succeed(closed, undefined)))
  return {
    request: (path: string) => HttpClientRequest.bodyStream(HttpClientRequest.post(path), stream),
    begun: Deferred.await(begun),
    /** Does not end, within a generous time, as long as the source is read. */
    closed: Effect.timeout(Deferred.await(closed), "10 seconds")
  }
})

const setup = (layer: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.gen(function*() {
    const server = yield* hasty
    const transport = yield* Layer.build(layer)
    const client = yield* AuthenticatedHttpClient.make(basic, { baseUrl: server.baseUrl, redirects: 3 }).pipe(
      Effect.provide(transport)
    )
    return { client, server, source: yield* endless, transport }
  })

const guarded = <A, E, R>(call: Effect.Effect<A, E, R>) => Effect.timeout(Effect.disconnect(call), "20 seconds")

describe("A streamed upload, on real sockets", () => {
  for (const { layer, name } of Loopback.transports()) {
    // node:http hands over an answer when the body has been sent, so nobody above it hears of an early refusal
    if (name !== "node:http") {
      for (const [path, tag] of Object.entries({ "401": "CredentialsRejected", "307": "RedirectRefused" })) {
        it.scopedLive(`over ${name}, ${path} closes the source and is ${tag}`, () =>
          Effect.gen(function*() {
            const { client, source } = yield* setup(layer)
            const error = yield* guarded(Effect.flip(client.execute(source.request(`/${path}`))))
            assert.strictEqual(error._tag, tag)
            yield* source.closed
          }))
      }

      it.scopedLive(`over ${name}, a server that hangs up after its refusal closes the source`, () =>
        Effect.gen(function*() {
          const { client, source } = yield* setup(layer)
          const error = yield* guarded(Effect.flip(client.execute(source.request("/401/close"))))
          // what was sent and not read makes it a reset, which may come before the answer is read (RFC 9112 section 9.6)
          assert.include(["CredentialsRejected", "RequestError"], error._tag)
          yield* source.closed
        }))

      it.scopedLive(`over ${name}, a body that cannot be sent again is the reason of a failed renewal`, () =>
        Effect.gen(function*() {
          const { server, source, transport } = yield* setup(layer)
          const client = yield* AuthenticatedHttpClient.make(yield* renewable, { baseUrl: server.baseUrl }).pipe(
            Effect.provide(transport)
          )
          const error = yield* guarded(Effect.flip(client.execute(source.request("/401"))))
          assert.include(error.message, "cannot be sent a second time")
          yield* source.closed
        }))

      it.scopedLive(`over ${name}, 429 closes the source and is RateLimited, with credentials or without`, () =>
        Effect.gen(function*() {
          const { server, source, transport } = yield* setup(layer)
          const rateLimiter = yield* RateLimiter.make(RateLimitPolicy.default)
          const client = yield* AuthenticatedHttpClient.make(basic, { baseUrl: server.baseUrl, rateLimiter }).pipe(
            Effect.provide(transport)
          )
          const error = yield* guarded(Effect.flip(client.execute(source.request("/429"))))
          assert.strictEqual(error._tag, "RateLimited")
          yield* source.closed

          const plain = RateLimiter.withRateLimiter(
            yield* Effect.provide(HttpClient.HttpClient, transport),
            yield* RateLimiter.make(RateLimitPolicy.default)
          )
          const another = yield* endless
          const same = yield* guarded(Effect.flip(plain.execute(another.request(`${server.baseUrl}/429`))))
          assert.strictEqual(same._tag, "RateLimited")
          yield* another.closed
        }))

      it.scopedLive(`over ${name}, 413 closes the source and is the caller's to read`, () =>
        Effect.gen(function*() {
          const { client, source } = yield* setup(layer)
          const response = yield* guarded(client.execute(source.request("/413")))
          assert.strictEqual(response.status, 413)
          assert.strictEqual(yield* guarded(response.text), "nope")
          yield* source.closed
        }))

      it.scopedLive(`over ${name}, a source that cannot be interrupted holds nobody`, () =>
        Effect.gen(function*() {
          const { client } = yield* setup(layer)
          const release = yield* Deferred.make<Uint8Array>()
          const blocked = Stream.concat(
            Stream.make(new Uint8Array(1024)),
            Stream.fromEffect(Effect.uninterruptible(Deferred.await(release)))
          )
          const error = yield* guarded(Effect.flip(
            client.execute(HttpClientRequest.bodyStream(HttpClientRequest.post("/401"), blocked))
          ))
          yield* Deferred.succeed(release, new Uint8Array(1))
          assert.strictEqual(error._tag, "CredentialsRejected")
        }))

      it.scopedLive(`over ${name}, an interruption does not wait for a source that cannot be interrupted`, () =>
        Effect.gen(function*() {
          const { client } = yield* setup(layer)
          const begun = yield* Deferred.make<void>()
          const release = yield* Deferred.make<Uint8Array>()
          const blocked = Stream.fromEffect(
            Effect.uninterruptible(Effect.zipRight(Deferred.succeed(begun, undefined), Deferred.await(release)))
          )
          const call = yield* Effect.fork(
            client.execute(HttpClientRequest.bodyStream(HttpClientRequest.post("/silent"), blocked))
          )
          yield* Deferred.await(begun)
          yield* guarded(Fiber.interrupt(call))
          yield* Deferred.succeed(release, new Uint8Array(1))
        }))
    }

    it.scopedLive(`over ${name}, an interruption closes the source`, () =>
      Effect.gen(function*() {
        const { client, source } = yield* setup(layer)
        const call = yield* Effect.fork(client.execute(source.request("/silent")))
        yield* source.begun
        yield* guarded(Fiber.interrupt(call))
        yield* source.closed
      }))

    it.scopedLive(`over ${name}, a lost connection closes the source`, () =>
      Effect.gen(function*() {
        const { client, source } = yield* setup(layer)
        const error = yield* guarded(Effect.flip(client.execute(source.request("/reset"))))
        assert.strictEqual(error._tag, "RequestError")
        yield* source.closed
      }))

    it.scopedLive(`over ${name}, a source with an end is sent again from its start if it may be`, () =>
      Effect.gen(function*() {
        const { transport } = yield* setup(layer)
        const received = yield* Loopback.serve(({ headers }, response) =>
          response.writeHead(headers.authorization === "Bearer canary-token-1" ? 401 : 200).end("stored")
        )
        const client = yield* AuthenticatedHttpClient.make(yield* renewable, {
          baseUrl: `http://127.0.0.1:${received.port}`
        }).pipe(Effect.provide(transport))
        const body = Stream.make("one", "two", "three").pipe(Stream.rechunk(1), Stream.encodeText)
        const request = HttpClientRequest.put("/things").pipe(
          HttpClientRequest.bodyStream(body, { contentType: "text/plain" }),
          HttpClientRequest.setHeader("content-type", "text/vnd.acme"),
          ReplayPolicy.declareReplayable
        )
        const response = yield* guarded(client.execute(request))
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(
          received.received.map(({ body, headers }) => [headers["content-type"], body]),
          [["text/vnd.acme", "onetwothree"], ["text/vnd.acme", "onetwothree"]]
        )
      }))
  }
})
