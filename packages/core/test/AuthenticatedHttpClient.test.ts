import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import {
  CredentialsRejected,
  CredentialUnavailable,
  InteractionRequired,
  MalformedTokenResponse,
  OriginRefused,
  TokenEndpointError
} from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as PlatformHeaders from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
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

/** Answers the first request with n = 1, and so on. */
const scripted = (answer: (n: number) => Response) => {
  const transport = ScriptedHttpClient.make((_, earlier) => answer(earlier.length + 1))
  return {
    sent: () => transport.unsafeRequests().map(({ request }) => request),
    layer: Layer.succeed(HttpClient.HttpClient, transport)
  }
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
      const { layer, sent } = scripted((n) => new Response(null, { status: n === 1 ? 401 : 200 }))
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* session), { baseUrl }),
        layer
      )
      const { status } = yield* client.post("/things", { body: HttpBody.text("payload") })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(sent().map(({ body, method, url }) => [method, url, body._tag]), [
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
      assert.lengthOf(sent(), 1)
    }))

  it.scoped("ends after the policy's number of replays", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted(() => new Response(null, { status: 401 }))
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* session), { baseUrl, replay: { maxReplays: 0 } }),
        layer
      )
      assert.strictEqual((yield* Effect.flip(client.get("/things")))._tag, "AuthenticationFailed")
      assert.lengthOf(sent(), 1)
    }))
})

describe("AuthenticatedHttpClient > rate limiter", () => {
  it.scoped("credentials are obtained after the wait, and replays of refusals are not used up by blocks", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted((n) =>
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
      assert.deepStrictEqual(sent().map(({ headers }) => headers["authorization"]), [
        "Bearer canary-0",
        "Bearer canary-0",
        "Bearer canary-120",
        "Bearer canary-120",
        "Bearer canary-240",
        "Bearer canary-240"
      ])
    }))

  it.scoped("the longest wait counts from the making of the request, through replays of refusals too", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted((n) =>
        n === 2
          ? new Response(null, { status: 401 })
          : new Response(null, { status: 429, headers: { "retry-after": "50" } })
      )
      const tokens = yield* TokenSource.make({ login: Token.make({ value: canary, lifetime: "1 hour" }) })
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
          baseUrl,
          rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default.pipe(RateLimitPolicy.maxWait("1 minute")))
        }),
        layer
      )
      // 0 s, 50 s, and the replay at 50 s, after which it may wait for ten seconds more
      const fiber = yield* Effect.fork(Effect.flip(client.get("/things")))
      yield* TestClock.adjust("50 seconds")
      assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
      assert.lengthOf(sent(), 3)
    }))

  it.scoped("the longest wait counts from the making of the request, through redirects too", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted((n) =>
        n === 2
          ? new Response(null, { status: 302, headers: { location: "/elsewhere" } })
          : new Response(null, { status: 429, headers: { "retry-after": "50" } })
      )
      const client = yield* Effect.provide(
        AuthenticatedHttpClient.make(Authenticator.bearer(yield* Credential.bearer({ token: Redacted.make(canary) })), {
          baseUrl,
          redirects: 1,
          rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default.pipe(RateLimitPolicy.maxWait("1 minute")))
        }),
        layer
      )
      // 0 s, 50 s, and the target at 50 s, after which it may wait for ten seconds more
      const fiber = yield* Effect.fork(Effect.flip(client.get("/things")))
      yield* TestClock.adjust("50 seconds")
      assert.propertyVal(yield* Fiber.join(fiber), "_tag", "RateLimited")
      assert.lengthOf(sent(), 3)
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
      const events = yield* AuthEvent.subscribe
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

  it.scoped("shows whose bug a defect is, without its words, which may quote a secret", () =>
    Effect.gen(function*() {
      const rateLimiter = yield* RateLimiter.make(RateLimitPolicy.default)
      const clientOf = (authenticator: Authenticator.Authenticator, transport: HttpClient.HttpClient) =>
        Effect.provideService(
          Effect.forEach([{ rateLimiter }, {}], (options) =>
            AuthenticatedHttpClient.make(authenticator, { baseUrl, ...options })),
          HttpClient.HttpClient,
          transport
        )
      const defectOf = (clients: ReadonlyArray<AuthenticatedHttpClient.Service>) =>
        Effect.map(
          Effect.forEach(clients, (client) =>
            Effect.flip(Effect.sandbox(client.get("/a")))),
          (causes) => causes.map((cause) => Cause.pretty(cause)).join("\n")
        )
      const tokens = yield* TokenSource.make({ login: Effect.dieMessage(canary) })
      const buggyLogin = yield* clientOf(Authenticator.bearer(tokens), HttpClient.make(() => Effect.never))
      assert.include(yield* defectOf(buggyLogin), "obtaining a token died")
      assert.notInclude(yield* defectOf(buggyLogin), "canary")
      const thrown = () => {
        throw new Error(canary)
      }
      const good = yield* TokenSource.make({ login: Token.make({ value: "good" }) })
      const rewritten = Effect.succeed({ credentials: RequestCredentials.none, rewrite: thrown })
      for (
        const [make, died] of [[thrown, "obtaining credentials"], [() => rewritten, "sending the request"]] as const
      ) {
        const buggyProof = yield* clientOf(
          Authenticator.perRequestFromTokens(good, make, { mode: "Test" }),
          HttpClient.make(() => Effect.never)
        )
        assert.include(yield* defectOf(buggyProof), `${died} died`)
        assert.notInclude(yield* defectOf(buggyProof), "canary")
      }
      const answering = HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, ok())))
      for (
        const options of [{ review: thrown }, { reviewBody: { wanted: thrown, review: thrown } }, {
          reviewBody: { wanted: () => true, review: thrown }
        }]
      ) {
        const buggyReview = yield* clientOf(Authenticator.bearer({ token: Redacted.make("good") }, options), answering)
        assert.include(yield* defectOf(buggyReview), "reviewing an answer died")
        assert.notInclude(yield* defectOf(buggyReview), "canary")
      }
      const buggyTransport = yield* clientOf(credentials.basic, HttpClient.make(() => Effect.dieMessage(canary)))
      const shown = yield* defectOf(buggyTransport)
      assert.include(shown, "the transport died")
      assert.notInclude(shown, "canary")
    }))
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
      assert.deepStrictEqual(sent().map(({ headers }) => headers["accept"]), ["application/json", "text/csv"])
    }))

  it.effect("refuses headers that no transport could send when the client is made", () =>
    Effect.gen(function*() {
      const { layer } = scripted(ok)
      const refused = (defaultHeaders: Record<string, string>) =>
        Effect.flip(AuthenticatedHttpClient.make(credentials.basic, { baseUrl, defaultHeaders })).pipe(
          Effect.provide(layer),
          Effect.map(({ message }) => message)
        )
      assert.match(yield* refused({ "x-a": "canary\u200b" }), /^defaultHeaders: .* the value of x-a /)
      assert.match(yield* refused({ "x-a": "canary\nx-b: c" }), /^defaultHeaders: .* the value of x-a /)
      assert.match(yield* refused({ "canary a": "b" }), /^defaultHeaders: .* the name of a header must be a token/)
      for (const message of [yield* refused({ "x-a": "canary“" }), yield* refused({ "canary:": "b" })]) {
        assert.notInclude(message, "canary")
      }
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

describe("AuthenticatedHttpClient > toHttpClient", () => {
  const repeated = (failure: Effect.Effect<never, ExchangeError | OriginRefused>) =>
    Effect.gen(function*() {
      const attempts = yield* Ref.make(0)
      const authenticator: Authenticator.Authenticator = {
        mode: "Acme/Test",
        prove: () => Effect.zipRight(Ref.update(attempts, (n) => n + 1), failure)
      }
      const client = yield* Effect.provideService(
        AuthenticatedHttpClient.make(authenticator, { baseUrl }),
        HttpClient.HttpClient,
        ScriptedHttpClient.make({})
      )
      const platform = AuthenticatedHttpClient.toHttpClient(client)
      const clients = [
        HttpClient.retryTransient(platform, { times: 5 }),
        HttpClient.retryTransient(platform, { times: 5, mode: "errors-only" }),
        HttpClient.retryTransient(platform, { times: 5, mode: "both" })
      ]
      for (const client of clients) {
        const error = yield* Effect.flip(client.get("/things"))
        assert.strictEqual(error._tag, "RequestError")
      }
      return (yield* Ref.get(attempts)) / clients.length
    })

  const facts = { mode: "Acme/Test" }
  const final: Record<string, ExchangeError | OriginRefused> = {
    "a refused password": new CredentialsRejected({ ...facts, status: 401 }),
    "an answer that is no token": new MalformedTokenResponse({ ...facts, status: 200 }),
    "a token endpoint that is none": new TokenEndpointError({ ...facts, reason: "Unexpected", status: 404 }),
    "a credential that is not configured": new CredentialUnavailable({ ...facts, problem: "not set", final: true }),
    "a person who has to log in": new InteractionRequired(facts),
    "a token endpoint behind a proxy that refuses": new TokenEndpointError({
      ...facts,
      reason: "Unreachable",
      final: true
    }),
    "a source of another request": new TokenEndpointError({ ...facts, reason: "OtherRequest" }),
    "a closed source": new TokenEndpointError({ ...facts, reason: "Closed" }),
    "another origin": new OriginRefused({ origin: "https://evil.example", allowed: [] })
  }
  for (const [what, error] of Object.entries(final)) {
    it.effect(`the platform's retryTransient does not repeat ${what}`, () =>
      Effect.map(repeated(Effect.fail(error)), (attempts) => assert.strictEqual(attempts, 1)))
  }

  const transient: Record<string, ExchangeError> = {
    "a token endpoint that cannot be reached": new TokenEndpointError({ ...facts, reason: "Unreachable" }),
    "one that is unavailable": new TokenEndpointError({ ...facts, reason: "Unavailable", status: 503 }),
    "a secret manager that does not answer": new CredentialUnavailable({ ...facts, problem: "the vault is sealed" })
  }
  for (const [what, error] of Object.entries(transient)) {
    it.effect(`the platform's retryTransient repeats ${what}`, () =>
      Effect.map(repeated(Effect.fail(error)), (attempts) => assert.strictEqual(attempts, 6)))
  }

  it.effect("a refused request is sent once, whatever repeats what is transient", () =>
    Effect.gen(function*() {
      for (const authenticator of Object.values(credentials)) {
        const transport = ScriptedHttpClient.make({ status: 401 })
        const client = yield* Effect.provideService(
          AuthenticatedHttpClient.make(authenticator, { baseUrl }),
          HttpClient.HttpClient,
          transport
        )
        yield* Effect.flip(
          HttpClient.retryTransient(AuthenticatedHttpClient.toHttpClient(client), { times: 5 }).get("/things")
        )
        assert.strictEqual(yield* transport.count, 1)
      }
    }))
})

describe("AuthenticatedHttpClient > answers that nobody reads", () => {
  /** An answer whose body goes on for ever without a byte. */
  const endless = (status: number, headers: Record<string, string> = {}) =>
    new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), { status, headers })

  const tokens = Effect.map(
    TokenSource.make({ login: Token.make({ value: canary }) }),
    (source) =>
      Authenticator.fromTokens(source, {
        mode: "Test/Bearer",
        credentials: ({ value }) => RequestCredentials.bearer(value)
      })
  )
  const failing = Authenticator.fixed(RequestCredentials.none, {
    mode: "Test/Failed",
    review: () => ({ _tag: "Failed", error: new OriginRefused({ origin: "https://api.example", allowed: [] }) })
  })

  const cases: Record<string, {
    readonly authenticator: Effect.Effect<Authenticator.Authenticator, unknown, Scope.Scope>
    readonly answers: ReadonlyArray<() => Response>
    readonly outcome: string
  }> = {
    "a refusal that leads to a replay": {
      authenticator: tokens,
      answers: [() => endless(401), () => new Response("ok")],
      outcome: "200"
    },
    "a refusal that ends a request": {
      authenticator: Effect.succeed(credentials.header),
      answers: [() => endless(401)],
      outcome: "CredentialsRejected"
    },
    "an answer that fails a request": {
      authenticator: Effect.succeed(failing),
      answers: [() => endless(200)],
      outcome: "OriginRefused"
    },
    "a redirect that is followed": {
      authenticator: Effect.succeed(credentials.header),
      answers: [() => endless(302, { location: "/x" }), () => new Response("ok")],
      outcome: "200"
    },
    "a redirect that is refused": {
      authenticator: Effect.succeed(credentials.header),
      answers: [() => endless(302, { location: "http://api.example/x" })],
      outcome: "RedirectRefused"
    }
  }

  for (const [name, { answers, authenticator, outcome }] of Object.entries(cases)) {
    it.scoped(`${name} is given up after its bound, and holds nobody up`, () =>
      Effect.gen(function*() {
        const transport = ScriptedHttpClient.make(
          answers.map((answer) => ({ request }) => Effect.sync(() => HttpClientResponse.fromWeb(request, answer())))
        )
        const client = yield* Effect.provideService(
          AuthenticatedHttpClient.make(yield* authenticator, { baseUrl, redirects: 1 }),
          HttpClient.HttpClient,
          transport
        )
        const call = yield* client.get("/things").pipe(
          Effect.match({ onFailure: ({ _tag }) => _tag, onSuccess: ({ status }) => String(status) }),
          Effect.fork
        )
        // a second for each body, with time for the stream, which runs on promises
        for (let n = 0; n < 20; n++) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* TestClock.adjust("1 second")
        }
        const exit = Option.getOrElse(yield* Fiber.poll(call), () => Exit.succeed("is held up"))
        assert.strictEqual(Exit.getOrElse(exit, String), outcome)
      }))
  }
})

describe("AuthenticatedHttpClient > a redirect that a browser hides", () => {
  /** Status 0, no headers, no body (Fetch standard, "opaque-redirect filtered response"). */
  const browser = HttpClient.make((request) =>
    Effect.succeed(HttpClientResponse.fromWeb(
      request,
      Object.defineProperties(new Response(null), { status: { value: 0 }, type: { value: "opaqueredirect" } })
    ))
  )
  const client = (options: { readonly redirects?: number }) =>
    Effect.provideService(
      AuthenticatedHttpClient.make(credentials.header, { baseUrl, ...options }),
      HttpClient.HttpClient,
      browser
    )
  const words = `the redirect of ${baseUrl}/things (HTTP 0) was not followed: a browser hides where it leads`

  it.effect("is an error that says why, whether redirects are followed or not, and no retry repeats it", () =>
    Effect.gen(function*() {
      for (const options of [{}, { redirects: 3 }]) {
        const error = yield* Effect.flip((yield* client(options)).get("/things?key=1"))
        assert.deepInclude(error, { _tag: "RequestError", reason: "InvalidUrl" })
        assert.include(error.message, words)
        const plain = AuthenticatedHttpClient.toHttpClient(yield* client(options))
        assert.include(
          (yield* Effect.flip(HttpClient.retryTransient(plain, { times: 5 }).get("/things"))).message,
          words
        )
      }
    }))

  it.live("rejects a fetch", () =>
    Effect.gen(function*() {
      const fetch = yield* AuthenticatedHttpClient.toFetch(yield* client({}))
      const { error } = yield* Effect.flip(Effect.tryPromise(() => fetch("/things")))
      assert.include(String(error), words)
    }))
})

describe("AuthenticatedHttpClient > toFetch", () => {
  const fetching = (answer: (n: number) => Response) =>
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
      assert.deepStrictEqual(sent().map(({ method }) => method), ["GET", "GET", "GET", "PUT"])
      assert.strictEqual(sent()[0]?.url, "https://api.example/v1/things?a=1")
      assert.strictEqual(sent()[3]?.headers["x-trace"], "1")
      assert.isTrue(sent().every(({ headers }) => headers["authorization"]?.startsWith("Basic ")))
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
      const body = sent()[0]?.body
      assert.strictEqual(body?._tag, "Uint8Array")
      assert.include(
        String(sent()[0]?.headers["content-type"] ?? (body as HttpBody.Uint8Array).contentType),
        "urlencoded"
      )
    }))

  it.live("gives headers back in bytes, even where the transport has decoded them", () =>
    Effect.gen(function*() {
      const transport = HttpClient.make((request) =>
        Effect.succeed(Object.defineProperty(HttpClientResponse.fromWeb(request, new Response("")), "headers", {
          value: PlatformHeaders.fromInput({ "x-name": "caf\u00e9 \u20ac" })
        }))
      )
      const client = yield* Effect.provideService(
        AuthenticatedHttpClient.make(credentials.basic, { baseUrl }),
        HttpClient.HttpClient,
        transport
      )
      const fetch = yield* AuthenticatedHttpClient.toFetch(client)
      const { headers } = yield* Effect.promise(() => fetch("/things"))
      assert.strictEqual(Buffer.from(headers.get("x-name") ?? "", "latin1").toString(), "caf\u00e9 \u20ac")
    }))

  it.live("an answer without a body has none, and a failure rejects with the client's error", () =>
    Effect.gen(function*() {
      const { fetch } = yield* fetching((n) => new Response(null, { status: n === 1 ? 204 : 401 }))
      assert.isNull((yield* Effect.promise(() => fetch("/things"))).body)
      const error = yield* Effect.flip(Effect.tryPromise(() => fetch("/things")))
      assert.instanceOf(error.error, CredentialsRejected)
    }))

  it.live("aborting the signal interrupts the request and rejects with the signal's reason", () =>
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
        Effect.flip(Effect.tryPromise(() => fetch("/things", { signal: abort.signal })))
      )
      yield* Effect.sleep("20 millis")
      abort.abort()
      yield* Deferred.await(interrupted)
      assert.strictEqual((yield* Fiber.join(pending)).error, abort.signal.reason)
    }))
})

describe("AuthenticatedHttpClient > origin", () => {
  it.effect("relative URLs are below the base URL, and other origins are refused before anything is sent", () =>
    Effect.gen(function*() {
      const transport = ScriptedHttpClient.make({})
      const client = yield* Effect.provideService(
        AuthenticatedHttpClient.make(credentials.header, { baseUrl, origins: ["https://gateway.example"] }),
        HttpClient.HttpClient,
        transport
      )
      yield* client.get("/a?b=1")
      yield* client.get("https://gateway.example/c")
      const error = yield* Effect.flip(client.get(`https://evil.example/things?key=${canary}`))
      assert.deepInclude(error, {
        _tag: "OriginRefused",
        origin: "https://evil.example",
        url: "https://evil.example/things"
      })
      assert.notInclude(error.message, canary)
      const sent = yield* transport.requests
      assert.deepStrictEqual(sent.map(({ url }) => url.href), [
        "https://api.example/v1/a?b=1",
        "https://gateway.example/c"
      ])
      assert.isTrue(sent.every(({ headers }) => headers["x-acme-key"] === canary))
    }))

  it.effect("settings that cannot be used safely fail the construction", () =>
    Effect.gen(function*() {
      const failure = (baseUrl: string) =>
        AuthenticatedHttpClient.make(credentials.basic, { baseUrl }).pipe(
          Effect.provideService(HttpClient.HttpClient, ScriptedHttpClient.make([])),
          Effect.flip,
          Effect.map(({ _tag }) => _tag)
        )
      assert.strictEqual(yield* failure("api.example"), "InvalidSetting")
      assert.strictEqual(yield* failure("http://api.example"), "InsecureTransport")
    }))
})

describe("AuthenticatedHttpClient > several clients in one program", () => {
  class Mq extends Context.Tag("test/Mq")<Mq, AuthenticatedHttpClient.Service>() {}
  class Yamcs extends Context.Tag("test/Yamcs")<Yamcs, AuthenticatedHttpClient.Service>() {}

  const basicOf = (password: string) => Authenticator.basic({ username: "operator", password: Redacted.make(password) })

  /** The layer of a system's mode over a server of its own. */
  const system = <const Mode extends string, Self>(
    mode: Mode,
    client: Context.Tag<Self, AuthenticatedHttpClient.Service>,
    options: { readonly baseUrl: string; readonly transport: HttpClient.HttpClient }
  ) =>
    AuthenticatedHttpClient.layerMode(
      { mode, client },
      AuthenticatedHttpClient.make(basicOf(`canary-${mode}`), { baseUrl: options.baseUrl })
    ).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, options.transport)))

  const servers = () => {
    const mq = ScriptedHttpClient.make({ body: "mq" })
    const yamcs = ScriptedHttpClient.make({ body: "yamcs" })
    return {
      mq,
      yamcs,
      Mq: system("Mq/Basic", Mq, { baseUrl: "https://mq.example", transport: mq }),
      Yamcs: system("Yamcs/Basic", Yamcs, { baseUrl: "https://yamcs.example", transport: yamcs })
    }
  }

  it.effect("layerMode provides one client under the shared tag, the system's tag and the mode", () =>
    Effect.gen(function*() {
      const { Mq: layer, mq } = servers()
      const [shared, ofSystem, ofMode] = yield* Effect.provide(
        Effect.all([AuthenticatedHttpClient.AuthenticatedHttpClient, Mq, AuthMode.client("Mq/Basic")]),
        layer
      )
      assert.strictEqual(shared, ofSystem)
      assert.strictEqual(shared, ofMode)
      yield* shared.get("/a")
      assert.strictEqual(yield* mq.count, 1)
    }))

  it.effect("mergeSystems lets each system reach its own server with its own credentials", () =>
    Effect.gen(function*() {
      const { Mq: mqLayer, Yamcs: yamcsLayer, mq, yamcs } = servers()
      yield* Effect.gen(function*() {
        yield* Effect.flatMap(AuthMode.client("Mq/Basic"), (http) => http.get("/mode"))
        yield* Effect.flatMap(Mq, (http) => http.get("/system"))
        yield* Effect.flatMap(AuthMode.client("Yamcs/Basic"), (http) => http.get("/mode"))
        yield* Effect.flatMap(Yamcs, (http) => http.get("/system"))
      }).pipe(Effect.provide(AuthenticatedHttpClient.mergeSystems(mqLayer, yamcsLayer)))
      const seen = (requests: ReadonlyArray<ScriptedHttpClient.Received>) =>
        requests.map((
          { headers, url }
        ) => [url.href, Buffer.from(headers["authorization"]?.slice(6) ?? "", "base64").toString()])
      assert.deepStrictEqual(seen(yield* mq.requests), [
        ["https://mq.example/mode", "operator:canary-Mq/Basic"],
        ["https://mq.example/system", "operator:canary-Mq/Basic"]
      ])
      assert.deepStrictEqual(seen(yield* yamcs.requests), [
        ["https://yamcs.example/mode", "operator:canary-Yamcs/Basic"],
        ["https://yamcs.example/system", "operator:canary-Yamcs/Basic"]
      ])
    }))

  it.effect("mergeSystems leaves out the shared client, and Layer.merge does not confuse the others", () =>
    Effect.gen(function*() {
      const { Mq: mqLayer, Yamcs: yamcsLayer, mq, yamcs } = servers()
      const merged = yield* Effect.scoped(Layer.build(AuthenticatedHttpClient.mergeSystems(mqLayer, yamcsLayer)))
      assert.isTrue(Option.isNone(Context.getOption(merged, AuthenticatedHttpClient.AuthenticatedHttpClient)))
      const both = Effect.all([
        Effect.flatMap(Mq, (http) => http.get("/a")),
        Effect.flatMap(AuthMode.client("Yamcs/Basic"), (http) => http.get("/b"))
      ])
      yield* Effect.provide(both, Layer.merge(mqLayer, yamcsLayer))
      assert.deepStrictEqual((yield* mq.requests).map(({ line }) => line), ["GET /a"])
      assert.deepStrictEqual((yield* yamcs.requests).map(({ line }) => line), ["GET /b"])
    }))

  it.effect("two clients of one system, under tags of one's own, keep their servers and accounts apart", () =>
    Effect.gen(function*() {
      class Production extends Context.Tag("test/Production")<Production, AuthenticatedHttpClient.Service>() {}
      class Staging extends Context.Tag("test/Staging")<Staging, AuthenticatedHttpClient.Service>() {}
      const transport = ScriptedHttpClient.make({})
      const Clients = Layer.merge(
        Layer.effect(Production, AuthenticatedHttpClient.make(basicOf("canary-p"), { baseUrl: "https://p.example" })),
        Layer.effect(Staging, AuthenticatedHttpClient.make(basicOf("canary-s"), { baseUrl: "https://s.example" }))
      ).pipe(Layer.provide(Layer.succeed(HttpClient.HttpClient, transport)))
      yield* Effect.gen(function*() {
        yield* (yield* Production).get("/a")
        yield* (yield* Staging).get("/b")
        const crossed = yield* Effect.flip((yield* Staging).get("https://p.example/c"))
        assert.strictEqual(crossed._tag, "OriginRefused")
      }).pipe(Effect.provide(Clients))
      const sent = (yield* transport.requests).map(({ headers, url }) => [url.href, headers["authorization"]])
      assert.deepStrictEqual(sent, [
        ["https://p.example/a", `Basic ${Buffer.from("operator:canary-p").toString("base64")}`],
        ["https://s.example/b", `Basic ${Buffer.from("operator:canary-s").toString("base64")}`]
      ])
    }))
})

describe("AuthenticatedHttpClient > toFetch, with a body", () => {
  const serving = (script: ScriptedHttpClient.Script) =>
    Effect.gen(function*() {
      const transport = ScriptedHttpClient.make(script)
      const tokens = yield* TokenSource.make({
        login: Token.make({ value: "canary-login" }),
        refresh: () => Token.make({ value: "canary-refreshed" })
      })
      const client = yield* Effect.provideService(
        AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl }),
        HttpClient.HttpClient,
        transport
      )
      return { fetch: yield* AuthenticatedHttpClient.toFetch(client), transport }
    })

  it.scopedLive("sends JSON byte for byte, with the caller's content type", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving({})
      const init = { method: "POST", body: `{"a": 1}`, headers: { "content-type": "application/json" } }
      yield* Effect.promise(() => fetch("/things", init))
      const [sent] = yield* transport.requests
      assert.deepInclude(sent, { method: "POST", body: `{"a": 1}` })
      assert.strictEqual(sent?.headers["content-type"], "application/json")
    }))

  it.scopedLive("sends FormData with its boundary, and again after a refusal", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving([{ status: 401 }, {}])
      const body = new FormData()
      body.append("file", new Blob(["canary-content"]), "a.txt")
      const { status } = yield* Effect.promise(() => fetch("/things", { method: "POST", body }))
      assert.strictEqual(status, 200)
      const sent = yield* transport.requests
      assert.lengthOf(sent, 2)
      const [, boundary = ""] = /boundary=(\S+)/u.exec(sent[0]?.headers["content-type"] ?? "") ?? []
      assert.isNotEmpty(boundary)
      for (const { body } of sent) {
        assert.include(body, boundary)
        assert.include(body, "canary-content")
      }
    }))

  it.scopedLive("sends the body of a Request again after a refusal", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving([{ status: 401 }, {}])
      const request = new Request("https://api.example/v1/things", { method: "POST", body: "canary-content" })
      assert.strictEqual((yield* Effect.promise(() => fetch(request))).status, 200)
      const sent = yield* transport.requests
      assert.deepStrictEqual(sent.map(({ body }) => body), ["canary-content", "canary-content"])
      assert.include(sent[1]?.headers["content-type"], "text/plain")
    }))

  it.scopedLive("sends a stream once: a refusal fails the promise", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving([{}, { status: 401 }])
      const upload = () =>
        Effect.tryPromise(() => {
          const body = new Blob(["canary-content"]).stream()
          return fetch("/things", { method: "POST", body, duplex: "half" } as RequestInit)
        })
      assert.strictEqual((yield* upload()).status, 200)
      const error = yield* Effect.flip(upload())
      assert.include(String(error.error), "cannot be sent a second time")
      assert.deepStrictEqual((yield* transport.requests).map(({ body }) => body), ["canary-content", "canary-content"])
    }))

  it.scopedLive("init takes precedence over a Request", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving({})
      const request = new Request("https://api.example/v1/things", { method: "PUT", headers: { "x-trace": "1" } })
      yield* Effect.promise(() => fetch(request, { method: "POST", headers: { "x-trace": "2" }, body: "canary" }))
      const [sent] = yield* transport.requests
      assert.deepInclude(sent, { method: "POST", line: "POST /v1/things", body: "canary" })
      assert.strictEqual(sent?.headers["x-trace"], "2")
    }))

  it.scopedLive("refuses other origins, as the client does", () =>
    Effect.gen(function*() {
      const { fetch, transport } = yield* serving({})
      const error = yield* Effect.flip(Effect.tryPromise(() => fetch("https://evil.example/")))
      assert.include(String(error.error), "is not an origin of this client")
      assert.strictEqual(yield* transport.count, 0)
    }))
})
