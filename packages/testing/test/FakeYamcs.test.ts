import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { createServer } from "node:http"

const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries
const { applicationId, applicationSecret } = serviceAccount

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

interface Tokens {
  readonly access_token: string
  readonly token_type: string
  readonly expires_in: number
  readonly refresh_token?: string
  readonly user: { readonly name: string; readonly active: boolean; readonly superuser: boolean }
}

type HeaderRecord = Readonly<Record<string, string>>

const reply = (method: "GET" | "POST" | "DELETE", path: string, headers: HeaderRecord = {}, body?: HttpBody.HttpBody) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const options = { headers, ...(body === undefined ? {} : { body }) }
    const url = path.startsWith("http") ? path : `http://yamcs.test${path}`
    const send = method === "GET"
      ? client.get(url, { headers })
      : method === "POST"
      ? client.post(url, options)
      : client.del(url, { headers })
    const response = yield* send
    const result: Reply = { status: response.status, headers: response.headers, text: yield* response.text }
    return result
  })

const form = "application/x-www-form-urlencoded"

const token = (fields: Readonly<Record<string, string>>, headers: HeaderRecord = {}, contentType = form, base = "") =>
  reply(
    "POST",
    `${base}/auth/token`,
    headers,
    HttpBody.text(new URLSearchParams(fields).toString(), contentType)
  )

const parse = <A>(reply: Reply): A => JSON.parse(reply.text) as A

const passwordFields = { grant_type: "password", username, password }

const granted = (reply: Reply): Tokens => {
  assert.strictEqual(reply.status, 200)
  return parse<Tokens>(reply)
}

const login = Effect.map(token(passwordFields), granted)

const refresh = (refreshToken: string | undefined) =>
  token({ grant_type: "refresh_token", refresh_token: refreshToken ?? "" })

const whoAmI = (headers: HeaderRecord) => reply("GET", "/api/user", headers)

const bearer = (accessToken: string) => whoAmI({ authorization: `Bearer ${accessToken}` })

const basic = (user: string, pass: string) => ({ authorization: `Basic ${btoa(`${user}:${pass}`)}` })

const assertStatusLine = (reply: Reply, status: number, line: string) => {
  assert.strictEqual(reply.status, status)
  assert.strictEqual(reply.text, `${line}\r\n`)
  assert.match(reply.headers["content-type"]!, /^text\/plain/)
  assert.notProperty(reply.headers, "www-authenticate")
  assert.notProperty(reply.headers, "retry-after")
}

const assertRefused = (reply: Reply, message: string) => {
  assert.strictEqual(reply.status, 401)
  assert.strictEqual(reply.text, `${message}\r\n`)
  assert.match(reply.headers["content-type"]!, /^text\/plain/)
}

const claims = (accessToken: string): unknown => JSON.parse(atob(accessToken.split(".")[1]!))

const stats = Effect.flatMap(FakeYamcs.FakeYamcs, (fake) => fake.stats)

// No rate limit, for tests of something else.
const fake = (options?: FakeYamcs.Options) =>
  Effect.provide(FakeYamcs.layer({ maxAuthRequestsPerSecond: Infinity, ...options }))

describe("FakeYamcs", () => {
  describe("the token endpoint", () => {
    it.effect("answers a password grant with a JWT, its lifetime, a refresh token and the user", () =>
      Effect.gen(function*() {
        yield* TestClock.adjust("1000 seconds")
        const tokens = yield* login
        assert.strictEqual(tokens.token_type, "bearer")
        assert.strictEqual(tokens.expires_in, 500)
        assert.isString(tokens.refresh_token)
        assert.deepStrictEqual(tokens.user, { name: username, active: true, superuser: true })
        assert.match(tokens.access_token, /^[\w-]+\.[\w-]+\.[\w-]{43}$/)
        assert.deepStrictEqual(JSON.parse(atob(tokens.access_token.split(".")[0]!)), { alg: "HS256" })
        assert.deepStrictEqual(claims(tokens.access_token), { iss: "Yamcs", sub: username, iat: 1000, exp: 1500 })
        assert.strictEqual((yield* bearer(tokens.access_token)).status, 200)
        assert.notStrictEqual((yield* login).access_token, tokens.access_token)
      }).pipe(fake()))

    it.effect("accepts exactly the content type of a form", () =>
      Effect.gen(function*() {
        assertStatusLine(yield* token(passwordFields, {}, `${form}; charset=UTF-8`), 400, "400 Bad Request")
        assertStatusLine(yield* token(passwordFields, {}, "application/json"), 400, "400 Bad Request")
        assertStatusLine(yield* reply("POST", "/auth/token"), 400, "400 Bad Request")
        assert.strictEqual((yield* stats).logins, 0)
      }).pipe(fake()))

    it.effect("answers in JSON, unless Accept is exactly another type that the server has", () =>
      Effect.gen(function*() {
        for (const accept of [undefined, "*/*", "application/json", "text/html", "application/protobuf;q=1"]) {
          const answer = yield* token(passwordFields, { ...(accept === undefined ? undefined : { accept }) })
          assert.strictEqual(answer.headers["content-type"], "application/json")
          assert.strictEqual(granted(answer).user.name, username)
        }
        const text = yield* token(passwordFields, { accept: "plain/text" }) // the server's own spelling
        assert.strictEqual(text.headers["content-type"], "plain/text")
        assert.match(text.text, /^access_token: "[^"]+"\ntoken_type: "bearer"\nexpires_in: 500\n/)
        assert.match(text.text, /\nuser \{\n {2}superuser: true\n {2}active: true\n {2}name: "operator"\n\}\n$/)
        const binary = yield* token(passwordFields, { accept: "application/protobuf" })
        assert.strictEqual(binary.headers["content-type"], "application/protobuf")
        // field 2, of 6 bytes; field 3, 500; field 4, a UUID of 36 bytes
        assert.include(binary.text, "\u0012\u0006bearer")
        assert.match(binary.text, /\$ca9a4700-0000-4000-8000-[0-9a-f]{12}\*/)
      }).pipe(fake()))

    it.effect("distinguishes unknown grants and missing parameters from refused credentials", () =>
      Effect.gen(function*() {
        for (
          const fields of [
            {},
            { grant_type: "magic" },
            { grant_type: "authorization_code" },
            { grant_type: "password", username },
            { grant_type: "password", password },
            { grant_type: "client_credentials" },
            { grant_type: "client_credentials", client_id: applicationId }
          ]
        ) {
          assertStatusLine(yield* token(fields), 400, "400 Bad Request")
        }
        assertStatusLine(yield* token({ grant_type: "refresh_token" }), 500, "500 Internal Server Error")
        assertStatusLine(yield* token({ ...passwordFields, password: "wrong" }), 401, "401 Unauthorized")
        assertStatusLine(yield* token({ ...passwordFields, username: "constructor" }), 401, "401 Unauthorized")
        assertStatusLine(yield* refresh("unknown"), 401, "401 Unauthorized")
        assertStatusLine(yield* token({ grant_type: "authorization_code", code: "x" }), 401, "401 Unauthorized")
        const { attempts, logins } = yield* stats
        assert.deepStrictEqual([attempts, logins], [12, 0])
      }).pipe(fake()))

    it.effect("takes client credentials in a form as they are, and issues no refresh token for them", () =>
      Effect.gen(function*() {
        const fields = { grant_type: "client_credentials", client_id: applicationId, client_secret: applicationSecret }
        const tokens = granted(yield* token(fields))
        assert.notProperty(tokens, "refresh_token")
        assert.deepStrictEqual(tokens.user, { name: serviceAccount.name, active: true, superuser: false })
        // A stale Bearer header does not stand in the way of the form.
        granted(yield* token(fields, { authorization: "Bearer stale" }))
        assertStatusLine(yield* token({ ...fields, client_secret: "x" }), 401, "401 Unauthorized")
      }).pipe(fake({ answersServiceAccounts: true })))

    it.effect("URL-decodes client credentials in Basic", () =>
      Effect.gen(function*() {
        const fields = { grant_type: "client_credentials" }
        const encoded = basic(applicationId, encodeURIComponent(applicationSecret))
        granted(yield* token(fields, encoded))
        const plain = basic(applicationId, applicationSecret)
        assertStatusLine(yield* token(fields, plain), 401, "401 Unauthorized")
        assertStatusLine(yield* token(fields, basic(applicationId, "50%")), 500, "500 Internal Server Error")
        assertStatusLine(yield* token(fields, { authorization: "Basic ?" }), 400, "400 Bad Request")
        assertStatusLine(yield* token(fields, { authorization: `Basic ${btoa("no colon")}` }), 400, "400 Bad Request")
      }).pipe(fake({ answersServiceAccounts: true })))

    it.effect("never answers a service account that wants tokens for itself", () =>
      Effect.gen(function*() {
        const fields = { grant_type: "client_credentials", client_id: applicationId, client_secret: applicationSecret }
        const alone = yield* Effect.fork(Effect.timeoutOption(token(fields), "1 day"))
        yield* TestClock.adjust("1 day")
        assert.strictEqual((yield* Fiber.join(alone))._tag, "None")
        assertStatusLine(yield* token({ ...fields, client_secret: "x" }), 401, "401 Unauthorized")
        const { attempts, logins, unanswered } = yield* stats
        assert.deepStrictEqual([attempts, logins, unanswered], [2, 0, 1])
      }).pipe(fake()))

    it.effect("redeems a code of the login page for a minute, as often as it is asked", () =>
      Effect.gen(function*() {
        const page = "client_id=c&response_type=code&scope=openid&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&state=a+b"
        const shown = yield* reply("GET", `/auth/authorize?${page}`)
        assert.match(shown.text, /action="\/auth\/actions\/login"[^]*name="state" value="a b"/)
        const sent = (fields: Readonly<Record<string, string>>) =>
          reply(
            "POST",
            "/auth/actions/login",
            {},
            HttpBody.text(
              new URLSearchParams({ client_id: "c", redirect_uri: "https://app.test/cb", state: "a b", ...fields })
                .toString(),
              form
            )
          )
        assert.match((yield* sent({ username, password: "x" })).text, /Invalid username or password/)
        const { headers, status } = yield* sent({ username, password })
        assert.strictEqual(status, 302)
        const [, code = ""] = /^https:\/\/app\.test\/cb\?code=([\w-]{14})&state=a%20b$/.exec(headers["location"] ?? "")!
        const redeem = token({ grant_type: "authorization_code", code })
        assert.isString(granted(yield* redeem).refresh_token)
        yield* TestClock.adjust("59999 millis")
        assert.strictEqual((yield* bearer(granted(yield* redeem).access_token)).status, 200)
        yield* TestClock.adjust("1 millis")
        assertStatusLine(yield* redeem, 401, "401 Unauthorized")
        assert.strictEqual((yield* stats).logins, 2)
      }).pipe(fake()))

    it.effect("lets a service account become any account that exists", () =>
      Effect.gen(function*() {
        const fields = { grant_type: "client_credentials", client_id: applicationId, client_secret: applicationSecret }
        const tokens = granted(yield* token({ ...fields, become: username }))
        assert.strictEqual(tokens.user.name, username)
        assert.strictEqual(parse<{ name: string }>(yield* bearer(tokens.access_token)).name, username)
        assertStatusLine(yield* token({ ...fields, become: "nobody" }), 401, "401 Unauthorized")
      }).pipe(fake()))

    it.effect("refuses the sixth request of a second, and does not state how long to wait", () =>
      Effect.gen(function*() {
        for (let i = 0; i < 5; i++) {
          granted(yield* token(passwordFields))
        }
        assertStatusLine(yield* token(passwordFields), 429, "429 Too Many Requests")
        yield* TestClock.adjust("1000 millis")
        assertStatusLine(yield* token(passwordFields), 429, "429 Too Many Requests")
        yield* TestClock.adjust("1 millis")
        granted(yield* token(passwordFields))
        const { attempts, logins, maxTokenRequestsInAnySecond } = yield* stats
        assert.deepStrictEqual([attempts, logins, maxTokenRequestsInAnySecond], [8, 6, 6])
      }).pipe(Effect.provide(FakeYamcs.layer())))

    it.effect("acts before its answer arrives, which takes its latency on the Clock", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(token(passwordFields))
        yield* TestClock.adjust("9999 millis")
        assert.strictEqual((yield* stats).logins, 1)
        assert.isNull(fiber.unsafePoll())
        yield* TestClock.adjust("1 millis")
        const first = granted(yield* Fiber.join(fiber))

        // a caller that gives up on a refresh loses the rotated token, which only a replay gives back
        const lost = yield* Effect.fork(Effect.timeout(refresh(first.refresh_token), "1 second"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.await(lost))._tag, "Failure")
        const again = yield* Effect.fork(refresh(first.refresh_token))
        yield* TestClock.adjust("10 seconds")
        granted(yield* Fiber.join(again))
        assert.strictEqual((yield* stats).refreshesReplayed, 1)
      }).pipe(fake({ tokenLatency: Duration.seconds(10) })))
  })

  describe("a refresh", () => {
    it.effect("rotates the token, and the old one gives the same result for five seconds", () =>
      Effect.gen(function*() {
        const first = yield* login
        const second = granted(yield* refresh(first.refresh_token))
        assert.notStrictEqual(second.refresh_token, first.refresh_token)
        assert.notStrictEqual(second.access_token, first.access_token)
        yield* TestClock.adjust("4999 millis")
        const replay = granted(yield* refresh(first.refresh_token))
        assert.strictEqual(replay.refresh_token, second.refresh_token)
        assert.strictEqual((yield* bearer(replay.access_token)).status, 200)
        yield* TestClock.adjust("1 millis")
        assertStatusLine(yield* refresh(first.refresh_token), 401, "401 Unauthorized")
        granted(yield* refresh(second.refresh_token))
        const { logins, refreshes, refreshesReplayed } = yield* stats
        assert.deepStrictEqual([logins, refreshes, refreshesReplayed], [1, 2, 1])
      }).pipe(fake()))

    it.effect("with a redeemed token gives the newest refresh token of the chain", () =>
      Effect.gen(function*() {
        const first = yield* login
        const second = granted(yield* refresh(first.refresh_token))
        const third = granted(yield* refresh(second.refresh_token))
        assert.strictEqual(granted(yield* refresh(first.refresh_token)).refresh_token, third.refresh_token)
      }).pipe(fake()))

    it.effect("gives an access token with a lifetime of its own", () =>
      Effect.gen(function*() {
        const first = yield* login
        assert.strictEqual(first.expires_in, 60)
        yield* TestClock.adjust("59999 millis")
        assert.strictEqual((yield* bearer(first.access_token)).status, 200)
        yield* TestClock.adjust("1 millis")
        assertRefused(yield* bearer(first.access_token), "Token expired")
        const second = granted(yield* refresh(first.refresh_token))
        assert.strictEqual((yield* bearer(second.access_token)).status, 200)
        const { refused, requests } = yield* stats
        assert.deepStrictEqual([requests, refused], [2, 1])
      }).pipe(fake({ tokenLifetime: "1 minute" })))

    it.effect("extends the session, which ends after half an hour without one", () =>
      Effect.gen(function*() {
        let tokens = yield* login
        for (let i = 0; i < 4; i++) {
          yield* TestClock.adjust("29 minutes")
          tokens = granted(yield* refresh(tokens.refresh_token))
        }
        yield* TestClock.adjust("30 minutes")
        assertStatusLine(yield* refresh(tokens.refresh_token), 401, "401 Unauthorized")
        assert.strictEqual((yield* bearer(tokens.access_token)).status, 200) // the access token outlives its session
      }).pipe(fake({ tokenLifetime: "3 hours" })))
  })

  describe("revocation", () => {
    it.effect("of sessions still allows a refresh, whose tokens the API refuses", () =>
      Effect.gen(function*() {
        const { killSessions } = yield* FakeYamcs.FakeYamcs
        const first = yield* login
        yield* killSessions
        assertRefused(yield* bearer(first.access_token), "Invalid access token")
        const second = granted(yield* refresh(first.refresh_token))
        assertRefused(yield* bearer(second.access_token), "Invalid access token")
        assert.strictEqual((yield* bearer((yield* login).access_token)).status, 200)
      }).pipe(fake()))

    it.effect("of access tokens leaves sessions, whose refresh gives good tokens", () =>
      Effect.gen(function*() {
        const { revokeAll } = yield* FakeYamcs.FakeYamcs
        const first = yield* login
        yield* revokeAll
        assertRefused(yield* bearer(first.access_token), "Invalid access token")
        const second = granted(yield* refresh(first.refresh_token))
        assert.strictEqual((yield* bearer(second.access_token)).status, 200)
      }).pipe(fake()))

    it.effect("by a restart ends all tokens and sessions", () =>
      Effect.gen(function*() {
        const { restart } = yield* FakeYamcs.FakeYamcs
        const first = yield* login
        const second = granted(yield* refresh(first.refresh_token))
        yield* restart
        assertRefused(yield* bearer(second.access_token), "Invalid access token")
        assertStatusLine(yield* refresh(first.refresh_token), 401, "401 Unauthorized")
        assertStatusLine(yield* refresh(second.refresh_token), 401, "401 Unauthorized")
        assert.strictEqual((yield* bearer((yield* login).access_token)).status, 200)
      }).pipe(fake()))
  })

  describe("the API", () => {
    it.effect("matches the Authorization scheme case-sensitively", () =>
      Effect.gen(function*() {
        const { access_token } = yield* login
        for (const scheme of ["bearer", "BEARER", "basic", "ApiKey"]) {
          const answer = yield* whoAmI({ authorization: `${scheme} ${access_token}` })
          assert.strictEqual(answer.status, 400)
          assert.match(answer.text, /^Unsupported Authorization header/)
        }
        assert.strictEqual((yield* stats).refused, 0)
      }).pipe(fake()))

    it.effect("prefers Authorization to the API key, and the API key to the cookie", () =>
      Effect.gen(function*() {
        const { access_token } = yield* login
        const key = { "x-api-key": apiKey }
        const cookie = { cookie: `other=1; access_token=${access_token}` }
        assert.strictEqual((yield* whoAmI(key)).status, 200)
        assert.strictEqual((yield* whoAmI(cookie)).status, 200)
        const stale = yield* whoAmI({ authorization: "Bearer stale", ...key, ...cookie })
        assertRefused(stale, "Failed to decode JWT: JWT should consist of three sections separated by dots")
        assertRefused(yield* whoAmI({ "x-api-key": "wrong", ...cookie }), "Invalid API key")
        assertRefused(yield* whoAmI({ cookie: "access_token=a.b" }), "Failed to decode JWT: Signature missing")
        assertRefused(yield* bearer(`${access_token}x`), "Failed to decode JWT: Invalid signature")
        assertRefused(yield* whoAmI({}), "Missing authentication")
      }).pipe(fake()))

    it.effect("does not URL-decode Basic", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* whoAmI(basic("ops", "a+b%20:c"))).status, 200)
        assertRefused(yield* whoAmI(basic("ops", encodeURIComponent("a+b%20:c"))), "Password does not match")
        assertRefused(yield* whoAmI(basic("nobody", "x")), "Cannot identify account for token")
        assert.strictEqual((yield* whoAmI({ authorization: "Basic ?" })).status, 400)
      }).pipe(fake({ users: { ops: "a+b%20:c" } })))

    it.effect("lets users create and delete service accounts, whose secrets need encoding", () =>
      Effect.gen(function*() {
        const auth = basic(username, password)
        const create = (name: unknown) => reply("POST", "/api/service-accounts", auth, HttpBody.unsafeJson({ name }))
        const created = parse<FakeYamcs.ServiceAccount>(yield* create("night shift"))
        assert.strictEqual(created.name, "night shift")
        assert.match(created.applicationSecret, /\+.*%/)
        const fields = { grant_type: "client_credentials" }
        const encoded = basic(created.applicationId, encodeURIComponent(created.applicationSecret))
        const tokens = granted(yield* token(fields, encoded))
        assert.strictEqual(tokens.user.name, "night shift")
        assert.strictEqual((yield* create("night shift")).status, 400)
        assert.strictEqual((yield* create(undefined)).status, 400)
        assert.strictEqual(parse<FakeYamcs.ServiceAccount>(yield* create(1)).name, "1")
        const denied = yield* reply("DELETE", "/api/service-accounts/x", {
          authorization: `Bearer ${tokens.access_token}`
        })
        assert.strictEqual(denied.status, 403)
        assert.strictEqual((yield* reply("DELETE", "/api/service-accounts/night%20shift", auth)).status, 200)
        assert.strictEqual((yield* reply("DELETE", "/api/service-accounts/night%20shift", auth)).status, 404)
        assertStatusLine(yield* token(fields, encoded), 401, "401 Unauthorized")
      }).pipe(fake({ answersServiceAccounts: true })))

    it.effect("answers other errors in JSON, wrapped if the options say so", () =>
      Effect.gen(function*() {
        const problem = { code: 404, type: "NotFoundException", msg: "Resource not found" }
        const ask = reply("GET", "/api/service-accounts/nobody", { "x-api-key": apiKey })
        const plain = yield* ask.pipe(fake())
        assert.strictEqual(plain.status, 404)
        assert.deepStrictEqual(parse(plain), problem)
        assert.deepStrictEqual(parse(yield* ask.pipe(fake({ wrapErrors: true }))), { exception: problem })
      }))

    it.effect("answers routes that it does not have, and methods, with their status line, to those who may call", () =>
      Effect.gen(function*() {
        const auth = { "x-api-key": apiKey }
        for (const path of ["/api/nothing", "/api/user/x", "/auth/", "/auth/spnego", "/", "/apix", "/.well-known/x"]) {
          assertStatusLine(yield* reply("GET", path, auth), 404, "404 Not Found")
        }
        for (const path of ["/api", "/api/user", "/auth", "/.well-known/oauth-authorization-server"]) {
          assertStatusLine(yield* reply("POST", path, auth), 405, "405 Method Not Allowed")
        }
        assertStatusLine(yield* reply("GET", "/auth/actions/login"), 405, "405 Method Not Allowed")
        assertRefused(yield* reply("GET", "/api/nothing"), "Missing authentication")
        assertRefused(yield* reply("POST", "/api/user"), "Missing authentication")
      }).pipe(fake()))

    it.effect("says who the server is, with and without a slash at the end", () =>
      Effect.gen(function*() {
        const auth = { "x-api-key": apiKey }
        const info = yield* reply("GET", "/api", auth)
        assert.strictEqual(parse<{ yamcsVersion: string }>(info).yamcsVersion, "5.13.2")
        assert.strictEqual((yield* reply("GET", "/api/", auth)).text, info.text)
        assert.strictEqual((yield* reply("GET", "/api/user/", auth)).text, (yield* whoAmI(auth)).text)
      }).pipe(fake()))

    it.effect("answers in Protocol Buffers where Accept is exactly that", () =>
      Effect.gen(function*() {
        const auth = { "x-api-key": apiKey, accept: "application/protobuf" }
        // superuser = 13, active = 16, name = 17
        assert.strictEqual(
          (yield* whoAmI(auth)).text,
          "h\u0001\u0080\u0001\u0001\u008a\u0001\u0008operator".replace(/[\u0080\u008a]/g, "\ufffd")
        )
        const problem = yield* reply("GET", "/api/service-accounts/nobody", auth)
        assert.strictEqual(problem.headers["content-type"], "application/protobuf")
        assert.match(problem.text, /NotFoundException.*Resource not found/u)
      }).pipe(fake()))

    it.effect("is below the context path, as is GET /auth, which needs no credentials", () =>
      Effect.gen(function*() {
        const info = yield* reply("GET", "/yamcs/auth")
        assert.deepStrictEqual(parse(info), { requireAuthentication: true })
        const tokens = granted(yield* token(passwordFields, {}, form, "http://other.test/yamcs"))
        const authorization = `Bearer ${tokens.access_token}`
        assert.strictEqual((yield* reply("GET", "/yamcs/api/instances?x=1", { authorization })).status, 200)
        assertStatusLine(yield* reply("GET", "/api/instances", { authorization }), 404, "404 Not Found")
        assertStatusLine(yield* reply("GET", "/yamcsx/auth"), 404, "404 Not Found")
        assertStatusLine(yield* token(passwordFields), 404, "404 Not Found")
      }).pipe(fake({ contextPath: "yamcs/" })))
  })

  describe("failNext", () => {
    it.effect("answers the next token requests, and no more", () =>
      Effect.gen(function*() {
        const { failNext } = yield* FakeYamcs.FakeYamcs
        yield* failNext(2, 503)
        assertStatusLine(yield* token(passwordFields), 503, "503 Service Unavailable")
        assertStatusLine(yield* token(passwordFields), 503, "503 Service Unavailable")
        granted(yield* token(passwordFields))
      }).pipe(fake()))
  })

  describe("Kerberos", () => {
    const service = "HTTP@yamcs.test"
    const ticket = (principal?: string) =>
      Effect.flatMap(
        FakeYamcs.FakeYamcs,
        ({ negotiate }) =>
          Effect.map(negotiate.token({ service, principal }), (token) => `Negotiate ${Redacted.value(token)}`)
      )
    const spnego = (authorization?: string) =>
      reply("GET", "/auth/spnego", authorization === undefined ? {} : { authorization })
    const redeem = (code: string) => token({ grant_type: "authorization_code", code })

    it.effect("exchanges a ticket for a code without a type, and the code for a token without a refresh token", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(parse(yield* reply("GET", "/auth")), { requireAuthentication: true, spnego: true })
        const code = yield* spnego(yield* ticket("robot@EXAMPLE.COM"))
        assert.deepStrictEqual([code.status, code.text.length, code.headers["content-type"]], [200, 10, undefined])
        const tokens = granted(yield* redeem(code.text))
        assert.isUndefined(tokens.refresh_token)
        assert.strictEqual(tokens.user.name, "robot")
        granted(yield* redeem(code.text))
        yield* TestClock.adjust("10 seconds")
        assertStatusLine(yield* redeem(code.text), 401, "401 Unauthorized")
        const { stats } = yield* FakeYamcs.FakeYamcs
        assert.deepInclude(yield* stats, { tickets: 1, logins: 2 })
      }).pipe(fake({ spnego: true })))

    it.effect("accepts a ticket once, for its own server, and asks for one where there is none", () =>
      Effect.gen(function*() {
        const once = yield* ticket()
        assert.strictEqual((yield* spnego(once)).status, 200)
        const again = yield* spnego(once)
        assertStatusLine(again, 401, "401 Unauthorized")
        assert.isUndefined(again.headers["www-authenticate"])
        for (const absent of [undefined, "Bearer canary", (yield* ticket()).replace("Negotiate", "negotiate")]) {
          const asked = yield* spnego(absent)
          assert.deepStrictEqual([asked.status, asked.headers["www-authenticate"]], [401, "Negotiate"])
        }
        assertStatusLine(yield* spnego("Negotiate !!!"), 400, "400 Bad Request")
        assertStatusLine(yield* spnego(`Negotiate ${btoa("canary")}`), 401, "401 Unauthorized")
      }).pipe(fake({ spnego: service })))

    it.effect("refuses the ticket of another server", () =>
      Effect.gen(function*() {
        assertStatusLine(yield* spnego(yield* ticket()), 401, "401 Unauthorized")
      }).pipe(fake({ spnego: "HTTP@other.test" })))

    it.effect("is not there unless it is set up", () =>
      Effect.gen(function*() {
        assertStatusLine(yield* spnego(yield* ticket()), 404, "404 Not Found")
      }).pipe(fake()))

    it.effect("has no sessions for accounts that are blocked, by a password neither", () =>
      Effect.gen(function*() {
        const { block } = yield* FakeYamcs.FakeYamcs
        yield* block(username)
        const code = yield* spnego(yield* ticket())
        assert.strictEqual(code.status, 200)
        assertStatusLine(yield* redeem(code.text), 401, "401 Unauthorized")
        assertStatusLine(yield* token(passwordFields), 401, "401 Unauthorized")
      }).pipe(fake({ spnego: true })))
  })

  describe("an OpenID provider", () => {
    const redirectUri = "http://127.0.0.1:1/cb"
    const page = (query: Readonly<Record<string, string>> = {}) =>
      reply(
        "GET",
        `https://idp.example/idp/authorize?${new URLSearchParams({
          client_id: "yamcs",
          redirect_uri: redirectUri,
          response_type: "code",
          state: "s",
          ...query
        })}`
      )
    const answerOf = ({ headers }: Reply) => Object.fromEntries(new URL(headers["location"] ?? "").searchParams)
    const redeem = (code: string, redirect = redirectUri) =>
      token({
        grant_type: "authorization_code",
        code: `oidc x.${Encoding.encodeBase64Url(JSON.stringify({ code, redirect_uri: redirect }))}.`
      })

    it.effect("is named by the server, and brings a code that is good once, for its redirect", () =>
      Effect.gen(function*() {
        const { openid } = parse<{ openid: Readonly<Record<string, string>> }>(yield* reply("GET", "/auth"))
        assert.deepStrictEqual(openid, {
          clientId: "yamcs",
          authorizationEndpoint: "https://idp.example/idp/authorize",
          scope: "openid profile email offline_access"
        })
        const { code = "", iss, state } = answerOf(yield* page())
        assert.deepStrictEqual([iss, state], ["https://idp.example", "s"])
        assertStatusLine(yield* redeem(code, `${redirectUri}/`), 401, "401 Unauthorized")
        assert.isDefined(granted(yield* redeem(code)).refresh_token)
        assertStatusLine(yield* redeem(code), 401, "401 Unauthorized")
        assertStatusLine(
          yield* token({ grant_type: "authorization_code", code: "oidc x" }),
          500,
          "500 Internal Server Error"
        )
      }).pipe(fake({ openId: { issuer: "https://idp.example" } })))

    it.effect("has a person who agrees as somebody, denies or does nothing", () =>
      Effect.gen(function*() {
        const { person } = yield* FakeYamcs.FakeYamcs
        yield* person({ _tag: "Denies" })
        assert.deepStrictEqual(answerOf(yield* page()), { error: "access_denied", state: "s" })
        yield* person({ _tag: "Agrees", user: "ada" })
        const { code = "" } = answerOf(yield* page())
        assert.strictEqual(granted(yield* redeem(code)).user.name, "ada")
        yield* person({ _tag: "Ignores" })
        assert.strictEqual((yield* page()).status, 200)
      }).pipe(fake({ openId: {} })))

    it.effect("shows what is wrong with a request, a challenge among it, which the server could not answer", () =>
      Effect.gen(function*() {
        for (const query of [{ client_id: "other" }, { response_type: "token" }, { code_challenge: "canary" }]) {
          assert.strictEqual((yield* page(query as Readonly<Record<string, string>>)).status, 400)
        }
      }).pipe(fake({ openId: {} })))

    it.effect("refuses codes by 500 where it answers in pages, and every code where the server has Kerberos first", () =>
      Effect.gen(function*() {
        assertStatusLine(yield* redeem("canary"), 500, "500 Internal Server Error")
        const { code = "" } = answerOf(yield* page())
        const other = yield* FakeYamcs.make({ openId: { afterSpnego: true } })
        assertStatusLine(
          yield* Effect.provideService(redeem(code), HttpClient.HttpClient, other.httpClient),
          401,
          "401 Unauthorized"
        )
      }).pipe(fake({ openId: { answersPages: true } })))

    it.effect("is not there unless it is set up", () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* page()).status, 404)
      }).pipe(fake()))
  })

  describe("a guest", () => {
    it.effect("is whoever has no credentials; those that are there count", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(parse(yield* reply("GET", "/auth")), { requireAuthentication: false })
        assert.strictEqual(parse<{ name: string }>(yield* reply("GET", "/api/user")).name, "visitor")
        assert.strictEqual((yield* reply("GET", "/api/user", { "x-api-key": "canary" })).status, 401)
      }).pipe(fake({ guest: "visitor" })))
  })

  describe("on a socket", () => {
    it.scopedLive("answers as in memory", () =>
      Effect.gen(function*() {
        const fake = yield* FakeYamcs.make({ contextPath: "/yamcs" })
        const base = `${yield* FakeServer.serve(fake.app)}/yamcs`
        const tokens = granted(yield* token(passwordFields, {}, form, base))
        const user = yield* reply("GET", `${base}/api/user`, { authorization: `Bearer ${tokens.access_token}` })
        assert.strictEqual(parse<{ name: string }>(user).name, username)
        assertRefused(yield* reply("GET", `${base}/api/user`), "Missing authentication")
        assertStatusLine(yield* token(passwordFields, {}, `${form};charset=UTF-8`, base), 400, "400 Bad Request")
        const { refused, requests } = yield* fake.stats
        assert.deepStrictEqual([requests, refused], [1, 1])
      }).pipe(Effect.provide([
        NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }),
        NodeHttpClient.layerUndici
      ])))
  })

  describe("its WebSocket", () => {
    const open = (fake: FakeYamcs.Service, headers: Readonly<Record<string, string>>, path = "/api/websocket") =>
      fake.connector.open({
        address: `wss://yamcs.test${path}`,
        url: Redacted.make(`wss://yamcs.test${path}`),
        headers: Redacted.make(headers),
        protocols: ["json"]
      })

    const basicHeader = { authorization: `Basic ${btoa(`${username}:${password}`)}` }

    it.effect("is opened by every proof of the API, and refused in its words", () =>
      Effect.gen(function*() {
        const fake = yield* FakeYamcs.make()
        for (const headers of [basicHeader, { "x-api-key": apiKey }]) {
          assert.strictEqual((yield* open(fake, headers))._tag, "Opened")
        }
        const refusals: ReadonlyArray<readonly [Record<string, string>, number, string]> = [
          [{}, 401, "Missing authentication"],
          [
            { authorization: "Bearer x" },
            401,
            "Failed to decode JWT: JWT should consist of three sections separated by dots"
          ],
          [{ "x-api-key": "x" }, 401, "Invalid API key"],
          [{ authorization: "bearer x" }, 400, "Unsupported Authorization header 'bearer x'"]
        ]
        for (const [headers, status, text] of refusals) {
          const refused = yield* open(fake, headers)
          assert(refused._tag === "Refused")
          const said = (yield* Effect.promise(() => refused.response.text())).trim()
          assert.deepStrictEqual([refused.response.status, said], [status, text])
        }
        assert.deepInclude(yield* fake.stats, { handshakes: 2, refused: 3 })
      }).pipe(Effect.scoped))

    it.effect("is at one path only, and says to an ordinary request what is missing", () =>
      Effect.gen(function*() {
        const fake = yield* FakeYamcs.make({ contextPath: "/ops" })
        for (const path of ["/api/websocket", "/ops/api/websocket/", "/ops/api/websocket/simulator", "/ops"]) {
          const refused = yield* open(fake, basicHeader, path)
          assert(refused._tag === "Refused")
          assert.strictEqual(refused.response.status, 404)
        }
        assert.strictEqual((yield* open(fake, basicHeader, "/ops/api/websocket?a=b"))._tag, "Opened")
        const plain = yield* fake.httpClient.get("http://yamcs.test/ops/api/websocket", { headers: basicHeader })
        assert.strictEqual(plain.status, 400)
        assert.include(yield* plain.text, "missing upgrade")
      }).pipe(Effect.scoped))
  })
})
