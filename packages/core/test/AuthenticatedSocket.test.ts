import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import * as Authenticator from "@effect-auth/core/Authenticator"
import { isAuthError } from "@effect-auth/core/AuthError"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as Fault from "@effect-auth/testing/Fault"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { assertSecretFree } from "./printouts.ts"
import { recordSpans } from "./recordedSpans.ts"

const baseUrl = "https://acme.example/v1"

const secret = "canary-secret"

/** Accepts a WebSocket whose handshake has an accepted proof, says something at once, and then repeats what it gets. */
const makeServer = Effect.gen(function*() {
  const accepted = yield* Ref.make<ReadonlyArray<string>>(["Bearer canary-1"])
  const handshakes = yield* Ref.make<ReadonlyArray<HttpServerRequest.HttpServerRequest>>([])
  const app = Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    yield* Ref.update(handshakes, (all) => [...all, request])
    const { authorization, cookie, "x-api-key": apiKey } = request.headers
    const proof = authorization ?? apiKey ?? cookie ?? new URL(request.url, baseUrl).searchParams.get("key") ?? ""
    if (!(yield* Ref.get(accepted)).includes(proof)) {
      return HttpServerResponse.text(`who is ${proof}?`, { status: 401 })
    }
    if (request.headers["upgrade"] === undefined) return HttpServerResponse.text("no upgrade", { status: 400 })
    const socket = yield* Effect.orDie(request.upgrade)
    const write = yield* socket.writer
    yield* Effect.ignore(socket.runRaw(write, { onOpen: Effect.orDie(write("welcome")) }))
    return HttpServerResponse.empty()
  }).pipe(Effect.scoped)
  const server = yield* FakeServer.make(app)
  const transport = Layer.merge(
    Layer.succeed(HttpClient.HttpClient, server.httpClient),
    Layer.succeed(AuthenticatedSocket.Connector, server.connector)
  )
  return { ...server, accepted, handshakes, transport }
})

/** Tokens `canary-1`, `canary-2` and so on, one for each login. */
const makeTokens = Effect.gen(function*() {
  const logins = yield* Ref.make(0)
  const tokens = yield* TokenSource.make({
    login: Effect.flatMap(
      Ref.updateAndGet(logins, (n) => n + 1),
      (n) => Token.make({ value: `canary-${n}`, lifetime: "1 hour" })
    )
  })
  return { tokens, logins }
})

/** What a socket receives until it has as many messages; each but the first answers one that was sent. */
const exchange = (socket: Socket.Socket, sent: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const received = yield* Ref.make<ReadonlyArray<string>>([])
    const done = yield* Deferred.make<void>()
    const write = yield* socket.writer
    const running = yield* Effect.fork(socket.runRaw((message) =>
      Effect.flatMap(
        Ref.updateAndGet(received, (all) => [...all, String(message)]),
        (all) => all.length > sent.length ? Deferred.succeed(done, undefined) : Effect.void
      )
    ))
    yield* Effect.forEach(sent, (text) => write(text))
    yield* Effect.raceFirst(Deferred.await(done), Fiber.join(running))
    yield* Fiber.interrupt(running)
    return yield* Ref.get(received)
  }).pipe(Effect.scoped)

const clientOf = (authenticator: Authenticator.Authenticator) =>
  AuthenticatedHttpClient.make(authenticator, { baseUrl })

describe("AuthenticatedSocket", () => {
  const kinds: ReadonlyArray<readonly [string, Authenticator.Authenticator, proof: string]> = [
    ["a bearer token", Authenticator.bearer({ token: Redacted.make(secret) }), `Bearer ${secret}`],
    [
      "a user name and a password",
      Authenticator.basic({ username: "ada", password: Redacted.make(secret) }),
      `Basic ${btoa(`ada:${secret}`)}`
    ],
    [
      "an API key in a header",
      Authenticator.apiKey({ key: Redacted.make(secret), in: "header", name: "x-api-key" }),
      secret
    ],
    ["an API key in the query", Authenticator.apiKey({ key: Redacted.make(secret), in: "query", name: "key" }), secret],
    [
      "a cookie",
      Authenticator.fixed(RequestCredentials.cookie("session", secret), { mode: "Session" }),
      `session=${secret}`
    ]
  ]
  for (const [name, authenticator, proof] of kinds) {
    it.effect(`opens with ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* makeServer
        yield* Ref.set(server.accepted, [proof])
        yield* Effect.gen(function*() {
          const socket = yield* AuthenticatedSocket.make(yield* clientOf(authenticator), { url: "/events" })
          assert.deepStrictEqual(yield* exchange(socket, ["a", "b"]), ["welcome", "a", "b"])
        }).pipe(Effect.provide(server.transport))
      }))
  }

  it.effect("takes a path below the base URL, and URLs of both kinds of scheme at an origin of the client", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const client = yield* Effect.provide(
        clientOf(Authenticator.bearer({ token: Redacted.make("canary-1") })),
        server.transport
      )
      const opened = (url: string) =>
        Effect.map(AuthenticatedSocket.signed(client, { url }), ({ url }) => Redacted.value(url))
      assert.strictEqual(yield* opened("/events?of=all"), "wss://acme.example/v1/events?of=all")
      assert.strictEqual(yield* opened("wss://acme.example/events"), "wss://acme.example/events")
      assert.strictEqual(yield* opened("https://acme.example/events"), "wss://acme.example/events")
      for (const url of ["ws://acme.example/events", "wss://evil.example/events", "/../events"]) {
        const error = yield* Effect.flip(opened(url))
        assert.strictEqual(error._tag, "OriginRefused")
      }
      assert.deepStrictEqual(yield* server.requests, [])
    }))

  it.effect("a refused handshake renews the token, once for all sockets and requests of a client", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const { logins, tokens } = yield* makeTokens
      yield* Effect.gen(function*() {
        const client = yield* clientOf(Authenticator.bearer(tokens))
        yield* tokens.get
        yield* Ref.set(server.accepted, ["Bearer canary-2"])
        const socket = AuthenticatedSocket.make(client, { url: "/events" })
        const results = yield* Effect.all([
          ...Array.from({ length: 8 }, () => Effect.flatMap(socket, (socket) => exchange(socket, ["a"]))),
          Effect.map(client.get("/events"), ({ status }) => [String(status)])
        ], { concurrency: "unbounded" })
        assert.deepStrictEqual(results, [...Array.from({ length: 8 }, () => ["welcome", "a"]), ["400"]])
        assert.strictEqual(yield* Ref.get(logins), 2)
      }).pipe(Effect.provide(server.transport))
    }).pipe(Effect.scoped, VirtualClock.run))

  it.effect("takes the token that is current at each run", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const { tokens } = yield* makeTokens
      yield* Effect.gen(function*() {
        const socket = yield* AuthenticatedSocket.make(yield* clientOf(Authenticator.bearer(tokens)), {
          url: "/events"
        })
        yield* exchange(socket, ["a"])
        yield* Ref.set(server.accepted, ["Bearer canary-2"])
        yield* Effect.sleep("2 hours")
        yield* exchange(socket, ["a"])
        const sent = (yield* Ref.get(server.handshakes)).map(({ headers }) => headers["authorization"])
        assert.deepStrictEqual(sent, ["Bearer canary-1", "Bearer canary-2"])
      }).pipe(Effect.provide(server.transport))
    }).pipe(Effect.scoped, VirtualClock.run))

  it.effect("a refusal that stays is the client's error, and the cause of the socket's", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      yield* Ref.set(server.accepted, [])
      const [, spans] = yield* Effect.gen(function*() {
        const client = yield* clientOf(Authenticator.bearer({ token: Redacted.make(secret) }))
        const socket = yield* AuthenticatedSocket.make(client, { url: "/events" })
        const error = yield* Effect.flip(socket.runRaw(() => {}))
        assert.deepInclude(error, { _tag: "SocketError", reason: "Open" })
        const known = Option.getOrThrow(AuthenticatedSocket.authErrorOf(error as Socket.SocketError))
        assert.deepInclude(known, { _tag: "CredentialsRejected", status: 401 })
        assertSecretFree(error, [secret])
      }).pipe(Effect.provide(server.transport), recordSpans)
      assertSecretFree(spans, [secret])
      const upgrade = spans.find(({ name }) => name === "http.client GET")
      assert.strictEqual(upgrade?.attributes["http.response.status_code"], 401)
    }))

  it.effect("an answer that is neither is an UpgradeRefused, in the server's words without the proof", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      yield* server.inject(
        Fault.status(503, { body: `busy, ${secret}`, headers: { location: "https://evil.example" } })
      )
      yield* server.inject(Fault.status(302, { headers: { location: "https://evil.example" } }))
      yield* Effect.gen(function*() {
        const client = yield* AuthenticatedHttpClient.make(
          Authenticator.bearer({ token: Redacted.make(secret) }),
          { baseUrl, redirects: 5 }
        )
        const open = Effect.flip(Effect.scoped(AuthenticatedSocket.open(client, { url: "/events" })))
        const busy = yield* open
        assert.strictEqual(
          busy.message,
          "https://acme.example/v1/events did not become a WebSocket: HTTP 503: busy, […]"
        )
        assertSecretFree(busy, [secret])
        assert.deepInclude(yield* open, { _tag: "UpgradeRefused", status: 302 })
        assert.lengthOf(yield* server.requests, 2)
      }).pipe(Effect.provide(server.transport))
    }))

  it.effect("a rate limiter admits handshakes, and waits when the server says so", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      yield* server.inject(Fault.status(429, { headers: { "retry-after": "7" } }))
      yield* Effect.gen(function*() {
        const rateLimiter = yield* RateLimiter.make(RateLimitPolicy.default)
        const client = yield* AuthenticatedHttpClient.make(
          Authenticator.bearer({ token: Redacted.make("canary-1") }),
          { baseUrl, rateLimiter }
        )
        const socket = yield* AuthenticatedSocket.make(client, { url: "/events" })
        assert.deepStrictEqual(yield* exchange(socket, ["a"]), ["welcome", "a"])
        assert.lengthOf(yield* server.requests, 2)
      }).pipe(Effect.provide(server.transport))
    }).pipe(Effect.scoped, VirtualClock.run))

  it.effect("an opening that is not answered in time fails, and says where", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      yield* server.inject(Fault.blackHole)
      const error = yield* Effect.gen(function*() {
        const client = yield* clientOf(Authenticator.bearer({ token: Redacted.make(secret) }))
        const socket = yield* AuthenticatedSocket.make(client, { url: "/events", openTimeout: "3 seconds" })
        return yield* Effect.flip(socket.runRaw(() => {}))
      }).pipe(Effect.provide(server.transport))
      assert.deepInclude(error, {
        reason: "OpenTimeout",
        cause: "https://acme.example/v1/events did not answer in time"
      })
    }).pipe(VirtualClock.run))

  it.effect("gives what a handshake of one's own needs, and renews it when that is refused", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const { logins, tokens } = yield* makeTokens
      yield* Effect.gen(function*() {
        const client = yield* clientOf(Authenticator.bearer(tokens))
        const proofs = yield* Ref.make<ReadonlyArray<string | undefined>>([])
        const value = yield* AuthenticatedSocket.handshake(
          client,
          { url: "/events" },
          ({ headers }): Effect.Effect<AuthenticatedSocket.Opening<string>> => {
            const { authorization, upgrade } = Redacted.value(headers)
            assert.isUndefined(upgrade)
            return Effect.as(
              Ref.update(proofs, (proofs) => [...proofs, authorization]),
              authorization === "Bearer canary-2"
                ? { _tag: "Opened", value: "open" }
                : { _tag: "Refused", response: new Response(null, { status: 401 }) }
            )
          }
        )
        assert.strictEqual(value, "open")
        assert.deepStrictEqual(yield* Ref.get(proofs), ["Bearer canary-1", "Bearer canary-2"])
        const own = yield* Effect.flip(AuthenticatedSocket.handshake(client, { url: "/x" }, () => Effect.fail("own")))
        assert.strictEqual(own, "own")
        assert.strictEqual(yield* Ref.get(logins), 2)
      }).pipe(Effect.provide(server.transport))
    }).pipe(Effect.scoped))

  it.effect("nothing of a handshake is shown unless it is asked for", () =>
    Effect.gen(function*() {
      const server = yield* makeServer
      const client = yield* Effect.provide(
        clientOf(Authenticator.apiKey({ key: Redacted.make(secret), in: "query", name: "key" })),
        server.transport
      )
      const signed = yield* AuthenticatedSocket.signed(client, { url: "/events" })
      assertSecretFree(signed, [secret])
      assert.strictEqual(signed.address, "https://acme.example/v1/events")
      assert.include(Redacted.value(signed.url), secret)
    }))

  it.effect("the reason of a close is presentable", () =>
    Effect.gen(function*() {
      const closing = FakeServer.connector(
        Effect.gen(function*() {
          const socket = yield* Effect.orDie(HttpServerRequest.upgrade)
          const write = yield* socket.writer
          yield* Effect.ignore(socket.runRaw(() => {}, {
            onOpen: Effect.orDie(write(new Socket.CloseEvent(4000, "bye\u001b[31m")))
          }))
          return HttpServerResponse.empty()
        }).pipe(Effect.scoped)
      )
      const client = yield* clientOf(Authenticator.bearer({ token: Redacted.make(secret) })).pipe(
        Effect.provideService(HttpClient.HttpClient, FakeServer.httpClient(Effect.never))
      )
      const socket = yield* AuthenticatedSocket.make(client, { url: "/events" }).pipe(
        Effect.provideService(AuthenticatedSocket.Connector, closing)
      )
      const error = yield* Effect.flip(socket.runRaw(() => {}))
      assert.deepInclude(error, { reason: "Close", code: 4000, closeReason: "bye [31m" })
    }))

  describe("layerCookie", () => {
    /** As a browser: its sockets send the cookie that was written last, and tell nothing of a refusal. */
    const browser = (server: FakeServer.Service) =>
      Effect.gen(function*() {
        const cookies = yield* Ref.make<ReadonlyArray<string>>([])
        const construct = (url: string) => {
          const target = new EventTarget()
          const socket = Object.assign(target, { readyState: 0, send: () => {}, close: () => {} })
          Effect.runFork(
            Effect.gen(function*() {
              const [pair = ""] = ((yield* Ref.get(cookies)).at(-1) ?? "").split("; ")
              const opening = yield* server.connector.open({
                address: url,
                url: Redacted.make(url),
                headers: Redacted.make({ cookie: pair }),
                protocols: []
              })
              socket.readyState = opening._tag === "Opened" ? 1 : 3
              target.dispatchEvent(new Event(opening._tag === "Opened" ? "open" : "error"))
              if (opening._tag === "Opened") target.dispatchEvent(new MessageEvent("message", { data: "welcome" }))
            }).pipe(Effect.scoped)
          )
          return socket as unknown as WebSocket
        }
        const write = (cookie: string) => Ref.update(cookies, (cookies) => [...cookies, cookie])
        const layer = AuthenticatedSocket.layerCookie({ name: "access_token", path: "/ops", write }).pipe(
          Layer.provide(Layer.succeed(Socket.WebSocketConstructor, construct))
        )
        return { cookies, layer: Layer.merge(layer, Layer.succeed(HttpClient.HttpClient, server.httpClient)) }
      })

    it.live("writes the token as a cookie, asks why it was refused, and opens with another", () =>
      Effect.gen(function*() {
        const server = yield* makeServer
        yield* Ref.set(server.accepted, ["access_token=canary-2", "Bearer canary-2"])
        const { cookies, layer } = yield* browser(server)
        const { logins, tokens } = yield* makeTokens
        yield* Effect.gen(function*() {
          const socket = yield* AuthenticatedSocket.make(
            yield* clientOf(Authenticator.bearer(tokens)),
            { url: "/events" }
          )
          assert.deepStrictEqual(yield* exchange(socket, []), ["welcome"])
        }).pipe(Effect.provide(layer))
        assert.deepStrictEqual(
          yield* Ref.get(cookies),
          ["canary-1", "canary-2"].map((token) => `access_token=${token}; path=/ops; SameSite=Strict; Secure`)
        )
        assert.strictEqual(yield* Ref.get(logins), 2)
      }).pipe(Effect.scoped))

    it.live("cannot carry another credential, and says so", () =>
      Effect.gen(function*() {
        const server = yield* makeServer
        const { cookies, layer } = yield* browser(server)
        const error = yield* Effect.gen(function*() {
          const client = yield* clientOf(Authenticator.basic({ username: "ada", password: Redacted.make(secret) }))
          const socket = yield* AuthenticatedSocket.make(client, { url: "/events" })
          return yield* Effect.flip(socket.runRaw(() => {}))
        }).pipe(Effect.provide(layer))
        assertSecretFree(error, [secret])
        assert.deepStrictEqual(yield* Ref.get(cookies), [])
        assert.isFalse(isAuthError(error))
      }))
  })
})
