import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Loopback from "./Loopback.ts"

const canary = "canary-Secret-0123456789"
const statuses = [301, 302, 303, 307, 308] as const

const apiKey = (where: "header" | "query" | "cookie", name: string) =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make(canary), in: where, name })))

const credentials = {
  basic: Authenticator.basic({ username: "operator", password: Redacted.make(canary) }),
  header: apiKey("header", "x-acme-key"),
  query: apiKey("query", "api_key"),
  cookie: apiKey("cookie", "sid")
}

/** Redirects `/go/<status>/<target>` there, and repeats the query, as servers do; answers anything else. */
const redirecting: Loopback.Handler = ({ url }, response) => {
  const [path = "", query] = url.split("?")
  const [, go, status, target] = path.split("/")
  if (go !== "go") return response.end("ok")
  const location = decodeURIComponent(target ?? "") + (query === undefined ? "" : `?${query}`)
  response.writeHead(Number(status), { location }).end("moved")
}

const encodings = [canary, Buffer.from(`operator:${canary}`).toString("base64")]
const carries = ({ headers, url }: Loopback.Received) =>
  encodings.some((secret) => url.includes(secret) || JSON.stringify(headers).includes(secret))

describe("AuthenticatedHttpClient > redirects, on real sockets", () => {
  const world = Effect.gen(function*() {
    const tls = yield* Loopback.certificate
    const own = yield* Loopback.serve(redirecting)
    const secure = yield* Loopback.serve(redirecting, tls)
    const other = yield* Loopback.serve(redirecting)
    const transports = Loopback.transports(tls.cert)
    return { own, secure, other, transports }
  })

  const seen = (server: Loopback.Loopback, path: string) => server.received.filter(({ url }) => url.startsWith(path))

  for (const [kind, authenticator] of Object.entries(credentials)) {
    it.scopedLive(
      `no ${kind} credential leaves the origin, on any transport, for any status`,
      () =>
        Effect.gen(function*() {
          const { other, own, secure, transports } = yield* world
          for (const { layer, name } of transports) {
            const transport = yield* Layer.build(layer)
            for (const status of statuses) {
              const label = `${name} ${status}`
              const slug = `/${name.replace(":", "")}-${status}`
              const go = (origin: string, target: string) =>
                Effect.gen(function*() {
                  const client = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: origin, redirects: 10 })
                  return yield* client.post(
                    `/go/${status}/${encodeURIComponent(target)}`,
                    { body: HttpBody.text("payload"), headers: { "proxy-authorization": canary } }
                  )
                }).pipe(Effect.provide(transport))
              const base = `http://127.0.0.1:${own.port}`
              const method = status === 307 || status === 308 ? "POST" : "GET"
              const body = method === "POST" ? "payload" : ""

              // the same origin: signed anew, once
              assert.strictEqual((yield* go(base, `${slug}-same`)).status, 200, label)
              const [same, ...rest] = seen(own, `${slug}-same`)
              assert.isDefined(same, label)
              assert.lengthOf(rest, 0, label)
              assert.isTrue(carries(same!), label)
              assert.deepInclude(same, { method, body }, label)
              assert.lengthOf(same!.url.match(/api_key/g) ?? [], kind === "query" ? 1 : 0, label)

              // another port, and the same port under another name
              for (
                const [server, target] of [
                  [other, `http://127.0.0.1:${other.port}${slug}-port`],
                  [own, `http://localhost:${own.port}${slug}-host`],
                  // another host over TLS
                  [secure, `https://localhost:${secure.port}${slug}-tls`]
                ] as const
              ) {
                assert.strictEqual((yield* go(base, target)).status, 200, label)
                const [received, ...rest] = seen(server, new URL(target).pathname)
                assert.isDefined(received, label)
                assert.lengthOf(rest, 0, label)
                assert.isFalse(carries(received!), `${label} ${target}`)
                assert.deepInclude(received, { method, body }, label)
              }

              // plain http
              const error = yield* Effect.flip(
                go(`https://127.0.0.1:${secure.port}`, `http://127.0.0.1:${own.port}${slug}-plain`)
              )
              assert.deepInclude(error, { _tag: "RedirectRefused", reason: "Downgrade" }, label)
              assert.lengthOf(seen(own, `${slug}-plain`), 0, label)
            }
          }
        }),
      60_000
    )
  }

  it.scopedLive(
    "a redirect is an ordinary answer unless redirects are followed, on any transport",
    () =>
      Effect.gen(function*() {
        const { other, own, transports } = yield* world
        for (const { layer, name } of transports) {
          const baseUrl = `http://127.0.0.1:${own.port}`
          const target = `http://127.0.0.1:${other.port}/x`
          for (const status of statuses) {
            const response = yield* Effect.flatMap(
              AuthenticatedHttpClient.make(credentials.basic, { baseUrl }),
              (client) => client.get(`/go/${status}/${encodeURIComponent(target)}`)
            ).pipe(Effect.provide(layer))
            assert.deepStrictEqual([response.status, response.headers["location"]], [status, target], name)
          }
        }
        assert.lengthOf(other.received, 0)
      }),
    60_000
  )

  it.scopedLive("ends with RedirectRefused after the given number of hops", () =>
    Effect.gen(function*() {
      const { own, transports } = yield* world
      const loop = `http://127.0.0.1:${own.port}/go/302/`
      const baseUrl = `http://127.0.0.1:${own.port}`
      const nested = Array.from({ length: 5 }).reduce<string>((url) => loop + encodeURIComponent(url), "/end")
      const at = (redirects: number) =>
        Effect.flatMap(
          AuthenticatedHttpClient.make(credentials.header, { baseUrl, redirects }),
          (client) => client.get(nested)
        ).pipe(Effect.provide(transports[2]!.layer))
      assert.strictEqual((yield* at(5)).status, 200)
      const error = yield* Effect.flip(at(4))
      assert.deepInclude(error, { _tag: "RedirectRefused", reason: "TooMany" })
    }))

  it.scopedLive("the platform's own followRedirects leaks nothing over the client either", () =>
    Effect.gen(function*() {
      const { other, own, transports } = yield* world
      for (const { layer } of transports) {
        const error = yield* AuthenticatedHttpClient.make(credentials.query, {
          baseUrl: `http://127.0.0.1:${own.port}`
        }).pipe(
          Effect.map(HttpClient.followRedirects()),
          Effect.flatMap((client) => client.get(`/go/302/${encodeURIComponent(`http://127.0.0.1:${other.port}/x`)}`)),
          Effect.provide(layer),
          Effect.flip
        )
        assert.strictEqual(error._tag, "OriginRefused")
      }
      assert.lengthOf(other.received, 0)
    }))
})

const scripted = (answer: (request: HttpClientRequest.HttpClientRequest, n: number) => Response) => {
  const sent: Array<HttpClientRequest.HttpClientRequest> = []
  const transport = HttpClient.make((request) =>
    Effect.sync(() => {
      sent.push(request)
      return HttpClientResponse.fromWeb(request, answer(request, sent.length))
    })
  )
  return { sent, layer: Layer.succeed(HttpClient.HttpClient, transport) }
}

const ok = () => new Response("{}", { status: 200 })

const baseUrl = "https://api.example/v1"

describe("AuthenticatedHttpClient > refusal", () => {
  const session = TokenSource.make({
    login: Token.make({ value: "canary-login" }),
    refresh: () => Token.make({ value: "canary-refreshed" })
  })

  it.scoped("renews the token and sends the request again, with its body", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted((_, n) => new Response(null, { status: n === 1 ? 401 : 200 }))
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* session), { baseUrl }),
        layer
      )
      const { status } = yield* client.post("/things", { body: HttpBody.text("payload") })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(sent.map(({ body, method, url }) => [method, url, body._tag]), [
        ["POST", "https://api.example/v1/things", "Uint8Array"],
        ["POST", "https://api.example/v1/things", "Uint8Array"]
      ])
    }))

  it.scoped("does not send a stream a second time, and says so", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted(() => new Response(null, { status: 401 }))
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* session), { baseUrl }),
        layer
      )
      const error = yield* Effect.flip(
        client.post("/things", { body: HttpBody.stream(Stream.make(new Uint8Array(1))) })
      )
      assert.strictEqual(error._tag, "AuthenticationFailed")
      assert.include(error.message, "cannot be sent a second time")
      assert.lengthOf(sent, 1)
    }))

  it.scoped("ends after the policy's number of replays", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted(() => new Response(null, { status: 401 }))
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* session), { baseUrl, replay: { maxReplays: 0 } }),
        layer
      )
      assert.strictEqual((yield* Effect.flip(client.get("/things")))._tag, "AuthenticationFailed")
      assert.lengthOf(sent, 1)
    }))
})

describe("AuthenticatedHttpClient > rate limiter", () => {
  it.scoped("credentials are obtained after the wait, and replays of refusals are not used up by blocks", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted((_, n) =>
        n <= 5 ? new Response(null, { status: 429, headers: { "retry-after": "60" } }) : ok()
      )
      const tokens = yield* TokenSource.make({
        login: Effect.flatMap(
          Clock.currentTimeMillis,
          (now) => Token.make({ value: `canary-${now / 1000}`, lifetime: "90 seconds" })
        ),
        policy: RefreshPolicy.renewal(RefreshPolicy.default, RefreshPolicy.never)
      })
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
          baseUrl,
          replay: { maxReplays: 1 },
          rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default)
        }),
        layer
      )
      const fiber = yield* Effect.fork(client.get("/things"))
      yield* TestClock.adjust("5 minutes")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
      assert.deepStrictEqual(sent.map(({ headers }) => headers["authorization"]), [
        "Bearer canary-0",
        "Bearer canary-0",
        "Bearer canary-120",
        "Bearer canary-120",
        "Bearer canary-240",
        "Bearer canary-240"
      ])
    }))

  it.effect("a mode whose credentials throw gives its slot back", () =>
    Effect.gen(function*() {
      const { layer } = scripted(ok)
      const limiter = yield* RateLimiter.make(RateLimitPolicy.default)
      const broken = Authenticator.perRequest(() => {
        throw new Error("canary-defect")
      }, { mode: "Test" })
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(broken, { baseUrl, rateLimiter: limiter }),
        layer
      )
      yield* Effect.exit(client.get("/things"))
      const [snapshot] = yield* limiter.snapshot
      assert.strictEqual(snapshot?.inFlight, 0)
    }))

  it.scoped("its events are on the bus of the client's program", () =>
    Effect.gen(function*() {
      const { layer } = scripted(() => new Response(null, { status: 429, headers: { "retry-after": "canary" } }))
      const events = yield* PubSub.subscribe(yield* AuthEvent.AuthEvents)
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(credentials.basic, {
          baseUrl,
          rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default.pipe(RateLimitPolicy.maxReplays(0)))
        }),
        layer
      )
      assert.strictEqual((yield* Effect.flip(client.get("/things")))._tag, "RateLimited")
      const tags = Chunk.toReadonlyArray(yield* Queue.takeAll(events)).map(({ _tag }) => _tag)
      assert.include(tags, "MalformedHeaders")
    }).pipe(Effect.provide(AuthEvent.layer)))
})

describe("AuthenticatedHttpClient > default headers", () => {
  it.effect("are on requests that do not set them", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted(ok)
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(credentials.basic, { baseUrl, defaultHeaders: { Accept: "application/json" } }),
        layer
      )
      yield* client.get("/a")
      yield* client.get("/b", { headers: { accept: "text/csv" } })
      assert.deepStrictEqual(sent.map(({ headers }) => headers["accept"]), ["application/json", "text/csv"])
    }))
})

describe("AuthenticatedHttpClient > layers", () => {
  class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

  it.effect("layer provides the shared client and that of a tag, which are one", () =>
    Effect.gen(function*() {
      const { layer } = scripted(ok)
      const both = Effect.all([AuthenticatedHttpClient.AuthenticatedHttpClient, Acme])
      const [shared, acme] = yield* both.pipe(
        Effect.provide(AuthenticatedHttpClient.layer(credentials.basic, { baseUrl, client: Acme })),
        Effect.provide(layer)
      )
      assert.strictEqual(shared, acme)
    }))

  it.effect("layerHttpClient turns the client of a tag into the platform's, with errors as causes", () =>
    Effect.gen(function*() {
      const { layer } = scripted(() => new Response(null, { status: 401 }))
      const error = yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get("/things")).pipe(
        Effect.provide(AuthenticatedHttpClient.layerHttpClient(Acme)),
        Effect.provide(AuthenticatedHttpClient.layer(credentials.basic, { baseUrl, client: Acme })),
        Effect.provide(layer),
        Effect.flip
      )
      assert.strictEqual(error._tag, "RequestError")
      assert.deepInclude(error.cause, { _tag: "CredentialsRejected" })
    }))
})

describe("AuthenticatedHttpClient > toFetch", () => {
  const fetching = (answer: (request: HttpClientRequest.HttpClientRequest, n: number) => Response) =>
    Effect.gen(function*() {
      const { layer, sent } = scripted(answer)
      const client = yield* Effect.provide(AuthenticatedHttpClient.make(credentials.basic, { baseUrl }), layer)
      return { fetch: yield* AuthenticatedHttpClient.toFetch(client), sent }
    })

  it.live("takes a relative URL, an absolute one, a URL and a Request", () =>
    Effect.gen(function*() {
      const { fetch, sent } = yield* fetching(ok)
      for (
        const input of [
          "/things?a=1",
          "https://api.example/v1/things",
          new URL("https://api.example/v1/things"),
          new Request("https://api.example/v1/things", { method: "PUT", headers: { "x-trace": "1" }, body: "canary" })
        ]
      ) {
        assert.strictEqual((yield* Effect.promise(() => fetch(input))).status, 200)
      }
      assert.deepStrictEqual(sent.map(({ method }) => method), ["GET", "GET", "GET", "PUT"])
      assert.strictEqual(sent[0]?.url, "https://api.example/v1/things?a=1")
      assert.strictEqual(sent[3]?.headers["x-trace"], "1")
      assert.isTrue(sent.every(({ headers }) => headers["authorization"]?.startsWith("Basic ")))
    }))

  it.live("sends bodies with their content type, and gives status, headers and body back", () =>
    Effect.gen(function*() {
      const { fetch, sent } = yield* fetching(() =>
        new Response("pong", { status: 201, headers: { "x-answer": "1", "set-cookie": "sid=1" } })
      )
      const response = yield* Effect.promise(() =>
        fetch("/things", { method: "POST", body: new URLSearchParams({ a: "1" }) })
      )
      assert.strictEqual(response.status, 201)
      assert.strictEqual(response.headers.get("x-answer"), "1")
      assert.include(response.headers.get("set-cookie"), "sid=1")
      assert.strictEqual(yield* Effect.promise(() => response.text()), "pong")
      const body = sent[0]?.body
      assert.strictEqual(body?._tag, "Uint8Array")
      assert.include(
        String(sent[0]?.headers["content-type"] ?? (body as HttpBody.Uint8Array).contentType),
        "urlencoded"
      )
    }))

  it.live("an answer without a body has none, and a failure rejects with the client's error", () =>
    Effect.gen(function*() {
      const { fetch } = yield* fetching((_, n) => new Response(null, { status: n === 1 ? 204 : 401 }))
      assert.isNull((yield* Effect.promise(() => fetch("/things"))).body)
      const error = yield* Effect.flip(Effect.tryPromise(() => fetch("/things")))
      assert.include(String(error.error), "the server rejected the credentials")
    }))

  it.live("aborting the signal interrupts the request", () =>
    Effect.gen(function*() {
      const interrupted = yield* Deferred.make<void>()
      const hanging = HttpClient.make(() =>
        Effect.onInterrupt(Effect.never, () => Deferred.succeed(interrupted, undefined))
      )
      const client = yield* Effect.provideService(
        AuthenticatedHttpClient.make(credentials.basic, { baseUrl }),
        HttpClient.HttpClient,
        hanging
      )
      const fetch = yield* AuthenticatedHttpClient.toFetch(client)
      const abort = new AbortController()
      const pending = yield* Effect.fork(
        Effect.exit(Effect.tryPromise(() => fetch("/things", { signal: abort.signal })))
      )
      yield* Effect.sleep("20 millis")
      abort.abort()
      yield* Deferred.await(interrupted)
      assert.isTrue(Exit.isFailure(yield* Fiber.join(pending)))
    }))
})
