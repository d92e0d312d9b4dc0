import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as AuthenticatedHttpClient from "../src/AuthenticatedHttpClient.ts"
import * as Authenticator from "../src/Authenticator.ts"
import { CredentialsRejected, CredentialUnavailable, OriginRefused } from "../src/AuthError.ts"
import * as Credential from "../src/Credential.ts"
import * as CredentialSource from "../src/CredentialSource.ts"
import * as RequestCredentials from "../src/RequestCredentials.ts"
import * as Token from "../src/Token.ts"
import * as TokenSource from "../src/TokenSource.ts"
import { assertSecretFree } from "./printouts.ts"
import { recordSpans } from "./recordedSpans.ts"

const canary = "canary-secret-4711"
const secret = Redacted.make(canary)
const request = HttpClientRequest.get("https://api.example/user")

/** Credentials for the request as of now. */
const prove = (authenticator: Authenticator.Authenticator, on = request) =>
  Effect.clockWith((clock) => authenticator.prove(on, clock.unsafeCurrentTimeMillis()))

/** The request as it is sent. */
const written = (authenticator: Authenticator.Authenticator, on = request) =>
  Effect.map(prove(authenticator, on), ({ apply }) => apply(on))

const headersOf = (authenticator: Authenticator.Authenticator) =>
  Effect.map(written(authenticator), ({ headers }) => headers)

const answer = (status: number) => HttpClientResponse.fromWeb(request, new Response(null, { status }))

/** A client of an API with three origins. */
const clientOf = (
  authenticator: Authenticator.Authenticator,
  transport: HttpClient.HttpClient,
  options?: Partial<AuthenticatedHttpClient.Options>
) =>
  AuthenticatedHttpClient.make(authenticator, {
    baseUrl: "https://api.example",
    origins: ["https://gateway.example", "https://third.example"],
    ...options
  }).pipe(Effect.provideService(HttpClient.HttpClient, transport))

const get = (authenticator: Authenticator.Authenticator, transport: HttpClient.HttpClient, path = "/") =>
  Effect.flatMap(clientOf(authenticator, transport), (http) => http.get(path))

/** A server that admits requests with this header only. */
const admitting = (name: string, value: string) =>
  ScriptedHttpClient.make(({ headers }) => ({ status: headers[name] === value ? 200 : 401 }))

const key = (where: "header" | "query" | "cookie", name: string, value = "canary-key") =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make(value), in: where, name })))

const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") })

const unavailable = (mode: string) =>
  Authenticator.unavailable({ mode, problem: `${mode.toUpperCase()}_TOKEN is not set` })

/** Logs in for `name1`, `name2`, ...; each token lives for a minute. */
const numbered = (name: string) =>
  Effect.gen(function*() {
    const logins = yield* Ref.make(0)
    const login = Effect.flatMap(
      Ref.updateAndGet(logins, (n) => n + 1),
      (n) => Token.make({ value: `${name}${n}`, lifetime: "1 minute" })
    )
    return yield* TokenSource.make({ mode: name, login })
  })

/** A source that records which tokens it is told were rejected. */
const recording = Effect.gen(function*() {
  const rejections = yield* Ref.make<ReadonlyArray<Parameters<TokenSource.TokenSource["reject"]>>>([])
  const source = yield* numbered("canary-token-")
  const tokens: TokenSource.TokenSource = {
    ...source,
    reject: (...rejection) => Effect.as(Ref.update(rejections, (all) => [...all, rejection]), "refresh")
  }
  return { rejections: Ref.get(rejections), token: yield* source.get, tokens }
})

/** A secret manager with one password, which counts its reads. */
const vault = Effect.gen(function*() {
  const password = yield* Ref.make<string | undefined>("canary-1")
  const reads = yield* Ref.make(0)
  const read = Effect.zipRight(
    Ref.update(reads, (n) => n + 1),
    Effect.flatMap(Ref.get(password), (password) =>
      password === undefined
        ? Effect.fail(new CredentialUnavailable({ mode: "Acme/Basic", problem: "the vault is sealed" }))
        : Effect.succeed({ username: "reader", password: Redacted.make(password) }))
  )
  const source = yield* CredentialSource.make(read, { mode: "Acme/Basic", make: Credential.basic })
  return { password, reads: Ref.get(reads), source }
})

const passwordHeader = {
  mode: "Acme/Basic",
  credentials: ({ password }: Credential.Basic) => RequestCredentials.header("x-password", password)
}

describe("Authenticator", () => {
  describe("prove", () => {
    it("returns an Exit for fixed credentials", () => {
      const bearer = new Credential.Bearer({ token: secret })
      for (const authenticator of [basic, Authenticator.bearer(bearer), key("query", "api_key")]) {
        const proved = authenticator.prove(request, 0)
        assert.isTrue(Exit.isExit(proved) && Exit.isSuccess(proved))
        assert.strictEqual(authenticator.prove(request, 1), proved)
      }
    })

    it.scoped("returns an Exit for a fresh token, and an effect otherwise", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.bearer(yield* numbered("canary-token-"))
        assert.isFalse(Exit.isExit(authenticator.prove(request, 0)))
        yield* prove(authenticator)
        const proved = authenticator.prove(request, 0)
        assert.isTrue(Exit.isExit(proved) && Exit.isSuccess(proved))
        assert.strictEqual(authenticator.prove(request, 1), proved)
        assert.isFalse(Exit.isExit(authenticator.prove(request, 61_000)))
      }))
  })

  describe("basic", () => {
    it.effect("writes the user name and the password", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.basic({ username: "Aladdin", password: Redacted.make("open sesame") })
        assert.strictEqual((yield* headersOf(authenticator))["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
      }))

    it.effect("cannot be renewed: a refusal is final", () =>
      Effect.gen(function*() {
        const { reject } = yield* prove(basic)
        assert.strictEqual(yield* reject("reuse"), "fail")
      }))
  })

  describe("bearer", () => {
    it.effect("writes a fixed token", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.bearer(new Credential.Bearer({ token: secret }))
        assert.strictEqual((yield* headersOf(authenticator))["authorization"], `Bearer ${canary}`)
      }))

    it.scoped("writes the current token of a source", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.bearer(yield* numbered("canary-token-"))
        const header = Effect.map(headersOf(authenticator), (headers) => headers["authorization"])
        assert.strictEqual(yield* header, "Bearer canary-token-1")
        assert.strictEqual(yield* header, "Bearer canary-token-1")
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual(yield* header, "Bearer canary-token-2")
      }))
  })

  describe("apiKey", () => {
    it.effect("writes the key where the credential says", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* headersOf(key("header", "X-Api-Key", canary)))["x-api-key"], canary)
        assert.strictEqual((yield* headersOf(key("cookie", "session", canary)))["cookie"], `session=${canary}`)
        const { url } = yield* written(key("query", "key", "a&b=ключ"))
        assert.deepStrictEqual([...new URL(url).searchParams], [["key", "a&b=ключ"]])
      }))
  })

  describe("cookie", () => {
    it.scoped("writes the current token of a source as a cookie", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.cookie(yield* numbered("canary-token-"), { name: "LtpaToken2" })
        assert.strictEqual(authenticator.mode, "Cookie")
        assert.strictEqual((yield* headersOf(authenticator))["cookie"], "LtpaToken2=canary-token-1")
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* headersOf(authenticator))["cookie"], "LtpaToken2=canary-token-2")
      }))
  })

  describe("fromTokens", () => {
    it.scoped("makes credentials once for a token, not once for a request", () =>
      Effect.gen(function*() {
        const made: Array<string> = []
        const authenticator = Authenticator.fromTokens(yield* numbered("canary-token-"), {
          mode: "Acme",
          credentials: ({ value }) => {
            made.push(Redacted.value(value))
            return RequestCredentials.header("X-Session", value)
          }
        })
        for (const _ of [1, 2, 3]) yield* written(authenticator)
        yield* TestClock.adjust("2 minutes")
        assert.strictEqual((yield* headersOf(authenticator))["x-session"], "canary-token-2")
        assert.deepStrictEqual(made, ["canary-token-1", "canary-token-2"])
      }))

    it.scoped("reports to the source which token was refused, and the step the request has attempted", () =>
      Effect.gen(function*() {
        const { rejections, token, tokens } = yield* recording
        const { reject } = yield* prove(Authenticator.bearer(tokens))
        assert.strictEqual(yield* reject("reuse"), "refresh")
        assert.strictEqual(yield* reject("login"), "refresh")
        assert.deepStrictEqual(yield* rejections, [
          [token, "reuse", false, undefined],
          [token, "login", false, undefined]
        ])
      }))

    it.scoped("reports whether the server had accepted the token, of which an error is no sign", () =>
      Effect.gen(function*() {
        const { rejections, tokens } = yield* recording
        const { reject, review } = yield* prove(Authenticator.bearer(tokens))
        for (const status of [401, 404, 502, 200, 401]) {
          review(answer(status))
          yield* reject("reuse")
        }
        assert.deepStrictEqual((yield* rejections).map(([, , accepted]) => accepted), [false, false, false, true, true])
      }))

    it.scoped("fails with the error of the exchange", () =>
      Effect.gen(function*() {
        const error = new CredentialsRejected({ mode: "Acme" })
        const tokens = yield* TokenSource.make({ login: Effect.fail(error) })
        assert.isTrue(Equal.equals(yield* Effect.flip(prove(Authenticator.bearer(tokens))), error))
      }))

    it.scoped("keeps the token in a header of any name out of spans, without a declaration of where it is", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.fromTokens(yield* numbered("canary-token-"), {
          mode: "Acme",
          credentials: ({ value }) => RequestCredentials.header("X-Acme-Session", value)
        })
        const server = ScriptedHttpClient.make({})
        const [, spans] = yield* recordSpans(get(authenticator, server))
        const [sent] = yield* server.requests
        assert.strictEqual(sent?.headers["x-acme-session"], "canary-token-1")
        const attributes = spans.find(({ name }) => name === "http.client GET")?.attributes
        assert.strictEqual(attributes?.["http.request.header.x-acme-session"], "<redacted>")
        assertSecretFree(spans, ["canary-token-1"])
      }))
  })

  describe("fromCredential, of a value", () => {
    it("is fixed", () => {
      const source = CredentialSource.succeed(new Credential.Basic({ username: "reader", password: secret }))
      const proved = Authenticator.fromCredential(source, passwordHeader).prove(request, 0)
      assert.isTrue(Exit.isExit(proved) && Exit.isSuccess(proved))
    })

    it.effect("cannot be renewed: a refusal is final", () =>
      Effect.gen(function*() {
        const source = CredentialSource.succeed(new Credential.Basic({ username: "reader", password: secret }))
        const server = ScriptedHttpClient.make({ status: 401 })
        const error = yield* Effect.flip(get(Authenticator.fromCredential(source, passwordHeader), server))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Acme/Basic" })
        assert.strictEqual(yield* server.count, 1)
      }))
  })

  describe("fromCredential, of an Effect", () => {
    it.effect("reads before the first request, and not before the next ones", () =>
      Effect.gen(function*() {
        const { reads, source } = yield* vault
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), ScriptedHttpClient.make({}))
        assert.strictEqual(yield* reads, 0)
        yield* Effect.all([http.get("/a"), http.get("/b"), http.get("/c")], { concurrency: "unbounded" })
        yield* http.get("/d")
        assert.strictEqual(yield* reads, 1)
      }))

    it.effect("is at hand without an effect once it is read", () =>
      Effect.gen(function*() {
        const { source } = yield* vault
        const authenticator = Authenticator.fromCredential(source, passwordHeader)
        assert.isFalse(Exit.isExit(authenticator.prove(request, 0)))
        const proved = yield* authenticator.prove(request, 0)
        assert.deepStrictEqual(authenticator.prove(request, 0), Exit.succeed(proved))
      }))

    it.effect("keeps a request that arrives during a second read waiting for the new value", () =>
      Effect.gen(function*() {
        const reading = yield* Deferred.make<void>()
        const rotated = yield* Deferred.make<string>()
        const passwords = [
          Effect.succeed("canary-1"),
          Effect.zipRight(Deferred.succeed(reading, void 0), Deferred.await(rotated))
        ]
        const read = Effect.suspend(() => passwords.shift() ?? Effect.die("read a third time"))
        const source = yield* CredentialSource.make(
          Effect.map(read, (password) => ({ username: "reader", password: Redacted.make(password) })),
          { mode: "Acme/Basic", make: Credential.basic }
        )
        const server = ScriptedHttpClient.make(({ headers }) => ({
          status: headers["x-password"] === "canary-2" ? 200 : 401
        }))
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), server)
        const first = yield* Effect.fork(http.get("/"))
        yield* Deferred.await(reading)
        const second = yield* Effect.fork(http.get("/"))
        yield* Deferred.succeed(rotated, "canary-2")
        assert.strictEqual((yield* Fiber.join(first)).status, 200)
        assert.strictEqual((yield* Fiber.join(second)).status, 200)
        assert.strictEqual(yield* server.count, 3)
      }))

    it.effect("reads again after a refusal, and sends the new value at once", () =>
      Effect.gen(function*() {
        const { password, reads, source } = yield* vault
        const server = ScriptedHttpClient.make(({ headers, url }) => ({
          status: url.pathname === "/before" || headers["x-password"] === "canary-2" ? 200 : 401
        }))
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), server)
        yield* http.get("/before")
        yield* Ref.set(password, "canary-2")
        assert.strictEqual((yield* http.get("/after")).status, 200)
        assert.deepStrictEqual(
          (yield* server.requests).map(({ headers, url }) => [url.pathname, headers["x-password"]]),
          [["/before", "canary-1"], ["/after", "canary-1"], ["/after", "canary-2"]]
        )
        assert.strictEqual(yield* reads, 2)
      }))

    it.effect("makes the refusal final if the value is the same", () =>
      Effect.gen(function*() {
        const { reads, source } = yield* vault
        const server = ScriptedHttpClient.make({ status: 401 })
        const error = yield* Effect.flip(get(Authenticator.fromCredential(source, passwordHeader), server))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Acme/Basic", status: 401 })
        assert.strictEqual(yield* server.count, 1)
        assert.strictEqual(yield* reads, 2)
      }))

    it.effect("reads again at most once per cool-down, whatever is refused meanwhile", () =>
      Effect.gen(function*() {
        const { password, reads, source } = yield* vault
        const server = ScriptedHttpClient.make({ status: 401 })
        const http = yield* clientOf(
          Authenticator.fromCredential(source, { ...passwordHeader, coolDown: Duration.minutes(1) }),
          server
        )
        yield* Effect.flip(http.get("/"))
        assert.strictEqual(yield* reads, 2)
        yield* Ref.set(password, "canary-2")
        yield* TestClock.adjust("59 seconds")
        assert.strictEqual((yield* Effect.flip(http.get("/")))._tag, "CredentialsRejected")
        assert.strictEqual(yield* reads, 2)
        yield* TestClock.adjust("1 second")
        // the new value is tried, and refused within the cool-down of its own read
        assert.strictEqual((yield* Effect.flip(http.get("/")))._tag, "AuthenticationFailed")
        assert.strictEqual(yield* reads, 3)
      }))

    it.effect("reads once for concurrent refusals, each of which gets the new value", () =>
      Effect.gen(function*() {
        const { password, reads, source } = yield* vault
        const allArrived = yield* Deferred.make<void>()
        const server = ScriptedHttpClient.make(({ headers, url }, earlier) => {
          if (url.pathname === "/first" || headers["x-password"] === "canary-2") return {}
          const refusal = Effect.as(Deferred.await(allArrived), { status: 401 })
          return earlier.length === 5 ? Effect.zipRight(Deferred.succeed(allArrived, void 0), refusal) : refusal
        })
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), server)
        yield* http.get("/first")
        yield* Ref.set(password, "canary-2")
        const responses = yield* Effect.all(
          Array.from({ length: 5 }, () => http.get("/")),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(responses.map(({ status }) => status), [200, 200, 200, 200, 200])
        assert.strictEqual(yield* server.count, 11)
        assert.strictEqual(yield* reads, 2)
      }))

    it.effect("fails with CredentialUnavailable while there is none, and reads again for the next request", () =>
      Effect.gen(function*() {
        const { password, reads, source } = yield* vault
        yield* Ref.set(password, undefined)
        const server = ScriptedHttpClient.make({})
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), server)
        const error = yield* Effect.flip(http.get("/"))
        assert.deepInclude(error, { _tag: "CredentialUnavailable", problem: "the vault is sealed" })
        assert.strictEqual(yield* server.count, 0)
        yield* Ref.set(password, "canary-1")
        yield* http.get("/")
        assert.strictEqual(yield* reads, 2)
      }))

    it.effect("reports the server's refusal if it cannot be read again", () =>
      Effect.gen(function*() {
        const { password, source } = yield* vault
        const server = ScriptedHttpClient.make([{}, { status: 401 }])
        const http = yield* clientOf(Authenticator.fromCredential(source, passwordHeader), server)
        yield* http.get("/")
        yield* Ref.set(password, undefined)
        assert.strictEqual((yield* Effect.flip(http.get("/")))._tag, "CredentialsRejected")
      }))
  })

  describe("perRequestFromCredential", () => {
    it.effect("makes credentials of the current value, reads it again after a refusal, and reads each answer by what was made for it", () =>
      Effect.gen(function*() {
        const values = yield* Ref.make(["canary-old", "canary-new"])
        const reviewed: Array<string> = []
        const source = yield* CredentialSource.make(
          Effect.map(
            Ref.modify(values, ([first = "none", ...rest]) => [first, rest.length === 0 ? [first] : rest] as const),
            (value) => ({ token: Redacted.make(value) })
          ),
          { mode: "Signed", make: Credential.bearer }
        )
        const authenticator = Authenticator.perRequestFromCredential(source, ({ token }, { url }) =>
          Effect.succeed({
            credentials: RequestCredentials.header("x-signature", token),
            review: (response: HttpClientResponse.HttpClientResponse) => {
              reviewed.push(`${url} ${response.status}`)
              return Authenticator.reviewStatus(response)
            }
          }), { mode: "Signed" })
        const http = yield* clientOf(authenticator, admitting("x-signature", "canary-new"))
        yield* http.get("/a")
        yield* http.get("/b")
        assert.deepStrictEqual(reviewed, [
          "https://api.example/a 401",
          "https://api.example/a 200",
          "https://api.example/b 200"
        ])
      }))

    it.effect("writes the request anew as it was made, from its caller's each time", () =>
      Effect.gen(function*() {
        const made = yield* Ref.make(0)
        const authenticator = Authenticator.perRequestFromCredential(
          CredentialSource.succeed("canary"),
          (value) =>
            Effect.map(Ref.updateAndGet(made, (n) => n + 1), (n) => ({
              credentials: RequestCredentials.header("x-signature", value),
              rewrite: HttpClientRequest.bodyText(`${n}`),
              review: ({ status }: HttpClientResponse.HttpClientResponse) =>
                status === 401 ? { _tag: "Repeat" } : Authenticator.accepted
            })),
          { mode: "Signed" }
        )
        const server = ScriptedHttpClient.make([{ status: 401 }, {}])
        const http = yield* clientOf(authenticator, server)
        const response = yield* http.post("/a", { body: HttpBody.text("the caller's") })
        assert.deepStrictEqual((yield* server.requests).map(({ body }) => body), ["1", "2"])
        assert.deepStrictEqual(response.request.body, HttpBody.text("the caller's"))
      }))
  })

  describe("perRequest", () => {
    /** Signs the method and the URL, and counts its signatures. */
    const signing = Effect.gen(function*() {
      const signed = yield* Ref.make<ReadonlyArray<string>>([])
      const authenticator = Authenticator.perRequest(
        ({ method, url }, now) =>
          Effect.as(
            Ref.update(signed, (all) => [...all, `${method} ${url} ${now}`]),
            RequestCredentials.header("x-signature", `canary ${method} ${url}`)
          ),
        { mode: "Signed" }
      )
      return { authenticator, signed: Ref.get(signed) }
    })

    it.effect("makes credentials for each request, at its time", () =>
      Effect.gen(function*() {
        const { authenticator, signed } = yield* signing
        const server = ScriptedHttpClient.make({})
        const http = yield* clientOf(authenticator, server)
        yield* http.get("/a")
        yield* TestClock.adjust("1 second")
        yield* http.post("/b")
        assert.deepStrictEqual(yield* signed, ["GET https://api.example/a 0", "POST https://api.example/b 1000"])
        assert.deepStrictEqual((yield* server.requests).map(({ headers }) => headers["x-signature"]), [
          "canary GET https://api.example/a",
          "canary POST https://api.example/b"
        ])
      }))

    it.scoped("makes them anew for each attempt after a refusal", () =>
      Effect.gen(function*() {
        const { authenticator, signed } = yield* signing
        const session = Authenticator.bearer(yield* numbered("session"))
        yield* get(Authenticator.all(authenticator, session), admitting("authorization", "Bearer session2"))
        assert.lengthOf(yield* signed, 2)
      }))

    it.effect("makes them anew for each attempt of a rate limiter, after the wait", () =>
      Effect.gen(function*() {
        const { authenticator, signed } = yield* signing
        const server = ScriptedHttpClient.make([{ status: 429, headers: { "retry-after": "5" } }, {}])
        const http = yield* clientOf(authenticator, server, {
          rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default)
        })
        const fiber = yield* Effect.fork(http.get("/a"))
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(fiber)
        const times = (yield* signed).map((text) => Number(text.split(" ").at(-1)))
        assert.lengthOf(times, 2)
        assert.isAtLeast(times[1] ?? 0, 5000)
      }))

    it.effect("makes them for the request that is sent, after a redirect", () =>
      Effect.gen(function*() {
        const { authenticator, signed } = yield* signing
        const server = ScriptedHttpClient.make(ScriptedHttpClient.routes({
          "GET /a": { status: 302, headers: { location: "https://gateway.example/b" } },
          "GET /b": { status: 302, headers: { location: "https://elsewhere.example/c" } },
          "GET /c": {}
        }))
        const http = yield* clientOf(authenticator, server, { redirects: 10 })
        yield* http.get("/a")
        assert.deepStrictEqual(yield* signed, ["GET https://api.example/a 0", "GET https://gateway.example/b 0"])
        assert.deepStrictEqual((yield* server.requests).map(({ headers }) => headers["x-signature"]), [
          "canary GET https://api.example/a",
          "canary GET https://gateway.example/b",
          undefined
        ])
      }))

    it.effect("fails the request with its own error", () =>
      Effect.gen(function*() {
        const errors = [
          new CredentialUnavailable({ mode: "Signed", problem: "the key is not loaded" }),
          new OriginRefused({ origin: "https://api.example", allowed: [] })
        ]
        for (const error of errors) {
          const server = ScriptedHttpClient.make({})
          const authenticator = Authenticator.perRequest(() => Effect.fail(error), { mode: "Signed" })
          assert.strictEqual(yield* Effect.flip(get(authenticator, server)), error)
          assert.strictEqual(yield* server.count, 0)
        }
      }))

    it.effect("cannot be renewed: a refusal is final", () =>
      Effect.gen(function*() {
        const { authenticator } = yield* signing
        const server = ScriptedHttpClient.make({ status: 401 })
        const error = yield* Effect.flip(get(authenticator, server))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Signed" })
        assert.strictEqual(yield* server.count, 1)
      }))
  })

  describe("perRequestFromTokens", () => {
    /** Proves possession of a token for a request, with the nonce that the server gave last. */
    const proving = (tokens: TokenSource.TokenSource) =>
      Effect.map(Ref.make("none"), (nonce) => {
        const authenticator = Authenticator.perRequestFromTokens(
          tokens,
          (token, { method, url }, now) =>
            Effect.map(Ref.get(nonce), (nonce) => ({
              credentials: RequestCredentials.all(
                RequestCredentials.bearer(token.value),
                RequestCredentials.header("x-proof", `canary ${method} ${url} ${now} ${nonce}`)
              )
            })),
          {
            mode: "Proved",
            review: (response) => {
              const given = response.headers["x-nonce"]
              if (given === undefined || given === Effect.runSync(Ref.get(nonce))) {
                return Authenticator.reviewStatus(response)
              }
              Effect.runSync(Ref.set(nonce, given))
              return { _tag: "Repeat" }
            }
          }
        )
        return authenticator
      })

    const proofs = (server: ScriptedHttpClient.ScriptedHttpClient["Type"]) =>
      Effect.map(
        server.requests,
        (requests) => requests.map(({ headers }) => [headers["authorization"], headers["x-proof"]])
      )

    it.scoped("makes credentials of the current token for each request, at its time", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const http = yield* clientOf(yield* proving(yield* numbered("canary-token-")), server)
        yield* http.get("/a")
        yield* TestClock.adjust("1 second")
        yield* http.post("/b")
        yield* TestClock.adjust("2 minutes")
        yield* http.get("/c")
        assert.deepStrictEqual(yield* proofs(server), [
          ["Bearer canary-token-1", "canary GET https://api.example/a 0 none"],
          ["Bearer canary-token-1", "canary POST https://api.example/b 1000 none"],
          ["Bearer canary-token-2", "canary GET https://api.example/c 121000 none"]
        ])
      }))

    it.scoped("writes what is the same for all requests of a token beside it, made and checked once", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make([{}, { status: 401 }, {}, {
          status: 403,
          body: "canary-token-2 and canary-proof-4"
        }])
        let made = 0
        let proofs = 0
        const authenticator = Authenticator.perRequestFromTokens(
          yield* numbered("canary-token-"),
          () => Effect.succeed({ credentials: RequestCredentials.header("x-proof", `canary-proof-${++proofs}`) }),
          {
            mode: "Proved",
            credentials: ({ value }) => {
              made++
              return RequestCredentials.all(
                RequestCredentials.bearer(value),
                RequestCredentials.queryParameter("v", "1")
              )
            },
            review: (response) =>
              response.status === 403
                ? { _tag: "Refused" }
                : Authenticator.reviewStatus(response),
            explain: (response) => Effect.map(Effect.orDie(response.text), (detail) => ({ detail }))
          }
        )
        const http = yield* clientOf(authenticator, server, { replay: { maxReplays: 1 } })
        yield* http.get("/a")
        yield* http.get("/b")
        const error = yield* Effect.flip(http.post("/c", { body: HttpBody.stream(Stream.make(new Uint8Array(3))) }))
        assert.deepStrictEqual(
          (yield* server.requests).map(({ headers, line }) => [line, headers["authorization"], headers["x-proof"]]),
          [
            ["GET /a?v=1", "Bearer canary-token-1", "canary-proof-1"],
            ["GET /b?v=1", "Bearer canary-token-1", "canary-proof-2"],
            ["GET /b?v=1", "Bearer canary-token-2", "canary-proof-3"],
            ["POST /c?v=1", "Bearer canary-token-2", "canary-proof-4"]
          ]
        )
        assert.strictEqual(made, 2)
        assert.notMatch(error.message, /canary/u)
        assert.deepStrictEqual((yield* prove(authenticator)).locations, {
          headers: ["authorization", "x-proof"],
          queryParameters: ["v"],
          cookies: []
        })
      }))

    it.scoped("sends nothing where what is the same for all requests cannot be sent", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const authenticator = Authenticator.perRequestFromTokens(
          yield* numbered("canary-token-"),
          () => Effect.succeed({ credentials: RequestCredentials.none }),
          { mode: "Proved", credentials: ({ value }) => RequestCredentials.header("x\n", value) }
        )
        const error = yield* Effect.flip(get(authenticator, server))
        assert.deepInclude(error, { _tag: "CredentialUnavailable", mode: "Proved" })
        assert.strictEqual(yield* server.count, 0)
      }))

    it.scoped("reports to the source which token was refused, and whether the server had accepted it", () =>
      Effect.gen(function*() {
        const { rejections, token, tokens } = yield* recording
        const authenticator = yield* proving(tokens)
        for (const status of [401, 200, 401]) {
          const { reject, review } = yield* prove(authenticator)
          review(answer(status))
          if (status === 401) yield* reject("reuse")
        }
        assert.deepStrictEqual(yield* rejections, [
          [token, "reuse", false, undefined],
          [token, "reuse", true, undefined]
        ])
      }))

    it.scoped("leaves the token as it is where the server goes on asking, or the body cannot be sent again", () =>
      Effect.gen(function*() {
        let nonce = 0
        const asking = ScriptedHttpClient.make(() => ({
          status: 401,
          headers: { "x-nonce": `n${++nonce}`, "www-authenticate": `Proof error="nonce", error_description="as said"` }
        }))
        const http = yield* clientOf(yield* proving(yield* numbered("canary-token-")), asking)
        assert.deepInclude(yield* Effect.flip(http.get("/a")), { _tag: "AuthenticationFailed", status: 401 })
        const streamed = HttpBody.stream(Stream.make(new Uint8Array(3)))
        const error = yield* Effect.flip(http.post("/b", { body: streamed }))
        assert.include(error.message, "(HTTP 401, nonce): as said; the request's body cannot be sent a second time")
        assert.deepInclude(error, { code: "nonce", detail: "as said" })
        assert.deepStrictEqual(
          (yield* proofs(asking)).map(([authorization]) => authorization),
          Array.from({ length: 5 }, () => "Bearer canary-token-1")
        )
      }))

    it.scoped("answers a demand for a nonce with the same token, and spends no replay on it", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make([
          { status: 401, headers: { "x-nonce": "n1" } },
          { status: 401 },
          { status: 401, headers: { "x-nonce": "n2" } },
          {}
        ])
        const http = yield* clientOf(yield* proving(yield* numbered("canary-token-")), server, {
          replay: { maxReplays: 1 }
        })
        yield* http.get("/a")
        assert.deepStrictEqual(yield* proofs(server), [
          ["Bearer canary-token-1", "canary GET https://api.example/a 0 none"],
          ["Bearer canary-token-1", "canary GET https://api.example/a 0 n1"],
          ["Bearer canary-token-2", "canary GET https://api.example/a 0 n1"],
          ["Bearer canary-token-2", "canary GET https://api.example/a 0 n2"]
        ])
      }))

    it.scoped("gives up when a server asks for one nonce after another", () =>
      Effect.gen(function*() {
        const nonces = yield* Ref.make(0)
        const server = ScriptedHttpClient.make(() => ({
          status: 401,
          headers: { "x-nonce": `n${Effect.runSync(Ref.updateAndGet(nonces, (n) => n + 1))}` }
        }))
        const http = yield* clientOf(yield* proving(yield* numbered("canary-token-")), server)
        const error = yield* Effect.flip(http.get("/a"))
        assert.deepInclude(error, { _tag: "AuthenticationFailed", mode: "Proved" })
        assert.isAtMost(yield* server.count, 10)
      }))
  })

  describe("unavailable", () => {
    it.effect("fails every request, and nothing is sent", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const error = yield* Effect.flip(get(unavailable("Bearer"), server))
        assert.strictEqual(error._tag, "CredentialUnavailable")
        assert.strictEqual(error.message, "Bearer: BEARER_TOKEN is not set")
        assert.strictEqual(yield* server.count, 0)
      }))
  })

  describe("all", () => {
    it.effect("writes all credentials on a request and lists every location", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const authenticator = Authenticator.all(basic, key("header", "x-acme-key"), key("query", "api_key"))
        yield* get(authenticator, server)
        const [sent] = yield* server.requests
        assert.include(sent?.headers["authorization"], "Basic ")
        assert.strictEqual(sent?.headers["x-acme-key"], "canary-key")
        assert.strictEqual(sent?.line, "GET /?api_key=canary-key")
        assert.strictEqual(authenticator.mode, "Basic+ApiKey+ApiKey")
        assert.deepStrictEqual((yield* prove(authenticator)).locations, {
          headers: ["authorization", "x-acme-key"],
          queryParameters: ["api_key"],
          cookies: []
        })
      }))

    it.scoped("renews the credentials that can be renewed and sends the request again", () =>
      Effect.gen(function*() {
        const server = admitting("authorization", "Bearer session2")
        const session = Authenticator.bearer(yield* numbered("session"))
        const response = yield* get(Authenticator.all(key("header", "x-acme-key"), session), server)
        assert.strictEqual(response.status, 200)
        const sent = yield* server.requests
        assert.deepStrictEqual(sent.map(({ headers }) => headers["authorization"]), [
          "Bearer session1",
          "Bearer session2"
        ])
        assert.isTrue(sent.every(({ headers }) => headers["x-acme-key"] === "canary-key"))
      }))

    it.scoped("gives up if renewal does not help, with the words of the authenticator that reads the answer", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({ status: 401 })
        const session = Authenticator.bearer(yield* numbered("session"), {
          explain: () => Effect.succeed({ code: "E42" })
        })
        const error = yield* Effect.flip(get(Authenticator.all(key("header", "x-acme-key"), session), server))
        assert.deepInclude(error, { _tag: "AuthenticationFailed", mode: "ApiKey+Bearer", code: "E42" })
        assert.strictEqual(yield* server.count, 2)
      }))

    it.effect("does not send a request if one of the credentials is missing", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const error = yield* Effect.flip(get(Authenticator.all(basic, unavailable("Key")), server))
        assert.strictEqual(error._tag, "CredentialUnavailable")
        assert.strictEqual(yield* server.count, 0)
      }))
  })

  describe("firstAvailable", () => {
    it.effect("skips what is unavailable and uses the first that is there", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        yield* get(Authenticator.firstAvailable(unavailable("A"), basic, key("header", "x-acme-key")), server)
        const [sent] = yield* server.requests
        assert.include(sent?.headers["authorization"], "Basic ")
        assert.isUndefined(sent?.headers["x-acme-key"])
      }))

    it.effect("lists every attempt if nothing is available, those of a nested choice included", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const authenticator = Authenticator.firstAvailable(
          unavailable("A"),
          Authenticator.firstAvailable(unavailable("B"), unavailable("C"))
        )
        const error = yield* Effect.flip(get(authenticator, server))
        assert.instanceOf(error, CredentialUnavailable)
        assert.strictEqual(
          error.message,
          "A|B|C: no credential is available; A: A_TOKEN is not set; B: B_TOKEN is not set; C: C_TOKEN is not set"
        )
        assert.strictEqual(yield* server.count, 0)
      }))

    it.effect("does not try the next one after the server rejects a credential", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({ status: 401 })
        const error = yield* Effect.flip(get(Authenticator.firstAvailable(basic, key("header", "x-acme-key")), server))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Basic" })
        assert.strictEqual(yield* server.count, 1)
      }))

    it.scoped("does not try the next one after a login is rejected", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const tokens = yield* TokenSource.make({ login: Effect.fail(new CredentialsRejected({ mode: "Session" })) })
        const error = yield* Effect.flip(get(Authenticator.firstAvailable(Authenticator.bearer(tokens), basic), server))
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.strictEqual(yield* server.count, 0)
      }))

    it.scoped("tries the next one if a login has no credential", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const tokens = yield* TokenSource.make({
          login: Effect.fail(
            new CredentialUnavailable({ mode: "Session", problem: "the vault is sealed", final: true })
          )
        })
        yield* get(Authenticator.firstAvailable(Authenticator.bearer(tokens), basic), server)
        assert.include((yield* server.requests)[0]?.headers["authorization"], "Basic ")
      }))

    it.effect("reads an answer the way the chosen one does", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({ status: 403 })
        const strict = Authenticator.basic(
          { username: "operator", password: Redacted.make("canary-password") },
          { review: ({ status }) => status === 403 ? Authenticator.refused : Authenticator.accepted }
        )
        const error = yield* Effect.flip(get(Authenticator.firstAvailable(unavailable("A"), strict), server))
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.strictEqual((yield* get(Authenticator.firstAvailable(basic, strict), server)).status, 403)
      }))
  })

  describe("byOrigin", () => {
    const made = Either.getOrThrow(Authenticator.byOrigin({
      "https://API.example:443/ignored": basic,
      "https://gateway.example": key("query", "api_key")
    }))

    it.effect("uses the authenticator of the request's origin", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        yield* get(made, server, "/a")
        yield* get(made, server, "https://gateway.example/b")
        const [api, gateway] = yield* server.requests
        assert.include(api?.headers["authorization"], "Basic ")
        assert.isUndefined(gateway?.headers["authorization"])
        assert.deepStrictEqual([api?.url.href, gateway?.url.href], [
          "https://api.example/a",
          "https://gateway.example/b?api_key=canary-key"
        ])
      }))

    it("returns the Exit of the authenticator it chooses", () => {
      assert.strictEqual(made.prove(request, 0), basic.prove(request, 0))
    })

    it.effect("refuses an origin that has none", () =>
      Effect.gen(function*() {
        const server = ScriptedHttpClient.make({})
        const error = yield* Effect.flip(get(made, server, "https://third.example/"))
        assert.deepInclude(error, { _tag: "OriginRefused", origin: "https://third.example" })
        assert.strictEqual(yield* server.count, 0)
      }))

    it("refuses keys that are not origins", () => {
      for (const url of ["api.example", "mailto:a@b", "/path", ""]) {
        assert.isTrue(Either.isLeft(Authenticator.byOrigin({ [url]: basic })), url)
      }
    })
  })

  describe("reading the answer", () => {
    it("takes a 401 as a refusal and nothing else, 403 in particular", () => {
      for (const status of [200, 204, 302, 400, 403, 404, 407, 419, 429, 500, 503]) {
        assert.deepStrictEqual(Authenticator.reviewStatus(answer(status)), Authenticator.accepted)
      }
      assert.deepStrictEqual(Authenticator.reviewStatus(answer(401)), Authenticator.refused)
    })

    it.effect("uses a mode's own review and explanation if it has them", () =>
      Effect.gen(function*() {
        const authenticator = Authenticator.basic({ username: "a", password: Redacted.make("b") }, {
          mode: "Acme/Basic",
          review: () => Authenticator.refused,
          explain: () => Effect.succeed({ code: "E1" })
        })
        assert.strictEqual(authenticator.mode, "Acme/Basic")
        const active = yield* prove(authenticator)
        assert.strictEqual(active.mode, "Acme/Basic")
        assert.strictEqual(active.review(answer(200)), Authenticator.refused)
        assert.deepStrictEqual(yield* active.explain(answer(401)), { code: "E1" })
        const plain = yield* prove(basic)
        assert.strictEqual(plain.mode, "Basic")
        assert.deepStrictEqual(yield* plain.explain(answer(401)), {})
      }))

    it.effect("puts the server's challenge into a message a person can act on", () =>
      Effect.gen(function*() {
        const challenge =
          `Basic realm="staff", Bearer realm="api", error="invalid_token", error_description="it\texpired"`
        const server = ScriptedHttpClient.make({ status: 401, headers: { "www-authenticate": challenge } })
        const error = yield* Effect.flip(get(basic, server))
        assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Basic", status: 401, code: "invalid_token" })
        assert.strictEqual(
          error.message,
          "Basic: the server rejected the credentials at https://api.example/ (HTTP 401, invalid_token): it expired"
        )
      }))
  })

  describe("reviewBody", () => {
    const says = (words: string): Authenticator.BodyReview => ({
      wanted: ({ headers }) => headers["x-review"] === "yes",
      review: (body) => body.includes(words) ? Authenticator.refused : Authenticator.accepted
    })
    const expired = JSON.stringify({ error: "token expired" })

    /** The answer of an API to a session whose first request is answered with this body, and the number of logins. */
    const session = (
      body: string,
      headers: Record<string, string>,
      others: ReadonlyArray<Authenticator.Authenticator> = []
    ) =>
      Effect.gen(function*() {
        const logins = yield* Ref.make(0)
        const login = Effect.flatMap(
          Ref.updateAndGet(logins, (count) => count + 1),
          (count) => Token.make({ value: `canary-token-${count}` })
        )
        const tokens = yield* TokenSource.make({ login })
        const transport = ScriptedHttpClient.make(({ headers: { authorization } }) =>
          authorization === "Bearer canary-token-1" ? new Response(body, { headers }) : new Response("fine")
        )
        const bearer = Authenticator.bearer(tokens, { reviewBody: says("token expired") })
        const response = yield* get(Authenticator.all(bearer, ...others), transport)
        return { text: yield* response.text, logins: yield* Ref.get(logins) }
      }).pipe(Effect.scoped)

    it.effect("renews a token that the server refuses in the body of a 200", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* session(expired, { "x-review": "yes" }), { text: "fine", logins: 2 })
      }))

    it.effect("is asked by each of several authenticators", () =>
      Effect.gen(function*() {
        const key = Authenticator.apiKey(new Credential.ApiKey({ key: secret, in: "header", name: "x-key" }))
        assert.deepStrictEqual(yield* session(expired, { "x-review": "yes" }, [key]), { text: "fine", logins: 2 })
      }))

    it.effect("reads no body whose head does not ask for it", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* session(expired, {}), { text: expired, logins: 1 })
      }))

    it.effect("leaves an answer it accepts, or that is longer than 16 KiB, whole to its caller", () =>
      Effect.gen(function*() {
        for (const text of ["all is well", "", `${expired}${"x".repeat(20_000)}`]) {
          assert.deepStrictEqual(yield* session(text, { "x-review": "yes" }), { text, logins: 1 })
        }
      }))
  })

  describe("a printout", () => {
    it.effect("shows no secret, of an authenticator or of its active credentials", () =>
      Effect.gen(function*() {
        const authenticators = [
          Authenticator.basic({ username: "a", password: secret }),
          Authenticator.bearer(new Credential.Bearer({ token: secret })),
          key("header", "x-api-key", canary),
          key("query", "key", canary),
          key("cookie", "session", canary),
          Authenticator.fromCredential(
            { ...CredentialSource.succeed(secret), fixed: Option.none() },
            { mode: "Acme", credentials: (key) => RequestCredentials.header("x-key", key) }
          ),
          Authenticator.all(basic, key("query", "key", canary))
        ]
        for (const authenticator of authenticators) {
          assertSecretFree(authenticator, [canary, `a:${canary}`])
          assertSecretFree(yield* prove(authenticator), [canary, `a:${canary}`])
        }
      }))
  })

  describe("credentials that no transport could send", () => {
    const unsendable = RequestCredentials.header("x-api-key", "canary\u200bsecret")
    const tokens = Effect.flatMap(
      Token.make({ value: "canary" }),
      (token) => TokenSource.make({ login: Effect.succeed(token) })
    )
    const authenticators: Record<string, Effect.Effect<Authenticator.Authenticator, unknown, Scope.Scope>> = {
      "fixed ones": Effect.succeed(Authenticator.fixed(unsendable, { mode: "Acme" })),
      "those of a token": Effect.map(
        tokens,
        (tokens) => Authenticator.fromTokens(tokens, { mode: "Acme", credentials: () => unsendable })
      ),
      "those made for a request": Effect.succeed(
        Authenticator.perRequest(() => Effect.succeed(unsendable), { mode: "Acme" })
      ),
      "those made for a request with a token": Effect.map(
        tokens,
        (tokens) =>
          Authenticator.perRequestFromTokens(tokens, () => Effect.succeed({ credentials: unsendable }), {
            mode: "Acme"
          })
      ),
      "those of a credential that is read": Effect.map(
        CredentialSource.make(Effect.succeed({}), { mode: "Acme", make: Either.right }),
        (source) => Authenticator.fromCredential(source, { mode: "Acme", credentials: () => unsendable })
      ),
      "a cookie whose name is none": Effect.map(
        tokens,
        (tokens) => Authenticator.cookie(tokens, { mode: "Acme", name: "canary\n" })
      )
    }
    it.scoped.each(Object.entries(authenticators))(
      "fail the request before it is sent: %s",
      ([, make]) =>
        Effect.gen(function*() {
          const server = ScriptedHttpClient.make({})
          const error = yield* Effect.flip(get(yield* make, server))
          assert.deepInclude(error, { _tag: "CredentialUnavailable", mode: "Acme", final: true })
          assertSecretFree(error, ["canary"])
          assert.lengthOf(yield* server.requests, 0)
        })
    )
  })
})
