import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as Fault from "@effect-auth/testing/Fault"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { createServer } from "node:http"

const { clientId, clientSecret, password, username } = FakeOAuth.canaries

const encoded = (text: string) => new URLSearchParams([["", text]]).toString().slice(1)

const client = HttpClientRequest.basicAuth(encoded(clientId), encoded(clientSecret))

const nobody = (request: HttpClientRequest.HttpClientRequest) => request

const Answer = Schema.Struct({
  access_token: Schema.optional(Schema.String),
  refresh_token: Schema.optional(Schema.String),
  expires_in: Schema.optional(Schema.Number),
  scope: Schema.optional(Schema.String),
  error: Schema.optional(Schema.String)
})

const ask = (form: Record<string, string>, authenticate = client, url = "https://as.example/token") =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const response = yield* http.execute(
      HttpClientRequest.post(url).pipe(HttpClientRequest.bodyUrlParams(form), authenticate)
    )
    const body = yield* response.text
    return {
      status: response.status,
      headers: response.headers,
      ...Schema.decodeUnknownSync(Answer)(JSON.parse(body || "{}"))
    }
  })

const asAda = { grant_type: "password", username, password }

const refresh = (refreshToken: string | undefined) =>
  ask({ grant_type: "refresh_token", refresh_token: refreshToken ?? "none" })

const call = (token: string | undefined, path = "/me") =>
  Effect.flatMap(
    HttpClient.HttpClient,
    (http) => http.get(`https://api.example${path}`, { headers: { authorization: `Bearer ${token}` } })
  )

const withServer = <E>(
  options: FakeOAuth.Options,
  test: (server: FakeOAuth.Service) => Effect.Effect<void, E, HttpClient.HttpClient>
) =>
() => Effect.provide(Effect.flatMap(FakeOAuth.FakeOAuth, test), FakeOAuth.layer(options))

describe("FakeOAuth", () => {
  it.effect(
    "gives a user's token, which opens the API until it expires",
    withServer({}, ({ stats }) =>
      Effect.gen(function*() {
        const granted = yield* ask({ ...asAda, scope: "read" })
        assert.deepInclude(granted, { status: 200, expires_in: 3600, scope: "read" })
        assert.strictEqual(granted.headers["cache-control"], "no-store")
        assert.deepStrictEqual(yield* (yield* call(granted.access_token)).json, {
          client: clientId,
          user: username,
          scope: "read"
        })
        yield* TestClock.adjust("1 hour")
        const refused = yield* call(granted.access_token)
        assert.strictEqual(refused.status, 401)
        assert.strictEqual(refused.headers["www-authenticate"], `Bearer error="invalid_token"`)
        assert.deepInclude(yield* stats, { attempts: 1, logins: 1, requests: 1, refused: 1 })
      }))
  )

  it.effect(
    "begins a session for a user without a login, whose refresh token is good",
    withServer({}, ({ issue, stats }) =>
      Effect.gen(function*() {
        const { accessToken, refreshToken } = yield* issue({ scope: "read" })
        assert.deepStrictEqual(yield* (yield* call(Redacted.value(accessToken))).json, {
          client: clientId,
          user: username,
          scope: "read"
        })
        assert.deepInclude(yield* refresh(Redacted.value(refreshToken)), { status: 200, scope: "read" })
        assert.deepInclude(yield* stats, { attempts: 1, logins: 0, refreshes: 1 })
        const other = yield* issue({ user: "grace" })
        assert.deepInclude(yield* (yield* call(Redacted.value(other.accessToken))).json, { user: "grace", scope: null })
      }))
  )

  const metadata = (url: string) =>
    Effect.flatMap(
      HttpClient.HttpClient,
      (http) =>
        Effect.flatMap(http.get(url), (response) =>
          response.status === 200 ? response.json : Effect.succeed(response.status))
    )

  it.effect(
    "says who it is and where its endpoints are, at either well-known place and for an issuer with a path",
    withServer({ tokenPath: "/oauth/token" }, () =>
      Effect.gen(function*() {
        for (const place of ["oauth-authorization-server", "openid-configuration"]) {
          for (const path of ["", "/tenant"]) {
            assert.deepInclude(yield* metadata(`https://login.acme.example/.well-known/${place}${path}`), {
              issuer: `https://login.acme.example${path}`,
              token_endpoint: "https://login.acme.example/oauth/token",
              revocation_endpoint: "https://login.acme.example/revoke"
            })
          }
        }
      }))
  )

  it.effect(
    "has the issuer that it is told to have",
    withServer({ issuer: "https://other.example" }, () =>
      Effect.gen(function*() {
        const document = yield* metadata("https://login.acme.example/.well-known/openid-configuration")
        assert.deepInclude(document, { issuer: "https://other.example" })
      }))
  )

  it.effect(
    "has no metadata where it is told so",
    withServer({ issuer: false }, () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* metadata("https://login.acme.example/.well-known/openid-configuration"), 404)
      }))
  )

  it.effect(
    "gives a client's token without a refresh token",
    withServer({}, () =>
      Effect.gen(function*() {
        const granted = yield* ask({ grant_type: "client_credentials" })
        assert.isUndefined(granted.refresh_token)
        assert.deepStrictEqual(yield* (yield* call(granted.access_token)).json, {
          client: clientId,
          user: null,
          scope: null
        })
      }))
  )

  it.effect(
    "takes the client's secret from the form as well",
    withServer({}, () =>
      Effect.gen(function*() {
        const form = { client_id: clientId, client_secret: clientSecret, grant_type: "client_credentials" }
        assert.strictEqual((yield* ask(form, nobody)).status, 200)
      }))
  )

  it.each<[string, Record<string, string>, number, string]>([
    ["a wrong password", { ...asAda, password: "canary-wrong" }, 400, "invalid_grant"],
    ["an unknown user", { ...asAda, username: "eve" }, 400, "invalid_grant"],
    ["a missing password", { grant_type: "password", username }, 400, "invalid_request"],
    ["a missing grant type", {}, 400, "invalid_request"],
    ["an unknown grant type", { grant_type: "magic" }, 400, "unsupported_grant_type"],
    ["an unknown refresh token", { grant_type: "refresh_token", refresh_token: "canary" }, 400, "invalid_grant"]
  ])(
    "refuses %s",
    (_, form, status, error) =>
      Effect.runPromise(
        withServer({}, () => Effect.map(ask(form), (answer) => assert.deepInclude(answer, { status, error })))()
      )
  )

  it.effect(
    "refuses a wrong client secret, and no client at all",
    withServer({}, () =>
      Effect.gen(function*() {
        for (const authenticate of [HttpClientRequest.basicAuth(clientId, "canary-wrong"), nobody]) {
          const answer = yield* ask(asAda, authenticate)
          assert.deepInclude(answer, { status: 401, error: "invalid_client" })
          assert.strictEqual(answer.headers["www-authenticate"], "Basic realm=\"oauth\"")
        }
      }))
  )

  it.effect(
    "rotates refresh tokens, and ends the session in which one comes back",
    withServer({}, ({ stats }) =>
      Effect.gen(function*() {
        const first = yield* ask(asAda)
        const second = yield* refresh(first.refresh_token)
        assert.strictEqual((yield* call(first.access_token)).status, 200)
        assert.deepInclude(yield* refresh(first.refresh_token), { status: 400, error: "invalid_grant" })
        assert.deepInclude(yield* refresh(second.refresh_token), { status: 400, error: "invalid_grant" })
        assert.strictEqual((yield* call(second.access_token)).status, 401)
        assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, reuses: 1 })
      }))
  )

  it.effect(
    "leaves the session alone without the detection",
    withServer({ reuseDetection: false }, () =>
      Effect.gen(function*() {
        const first = yield* ask(asAda)
        const second = yield* refresh(first.refresh_token)
        assert.strictEqual((yield* refresh(first.refresh_token)).status, 400)
        assert.strictEqual((yield* refresh(second.refresh_token)).status, 200)
      }))
  )

  it.effect(
    "takes a redeemed refresh token once more within the grace",
    withServer({ grace: "5 seconds" }, () =>
      Effect.gen(function*() {
        const first = yield* ask(asAda)
        yield* refresh(first.refresh_token)
        yield* TestClock.adjust("4 seconds")
        assert.strictEqual((yield* refresh(first.refresh_token)).status, 200)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* refresh(first.refresh_token)).status, 400)
      }))
  )

  it.effect(
    "keeps refresh tokens where they do not rotate",
    withServer({ rotation: "never" }, () =>
      Effect.gen(function*() {
        const first = yield* ask(asAda)
        for (const _ of [1, 2]) {
          const next = yield* refresh(first.refresh_token)
          assert.deepInclude(next, { status: 200 })
          assert.isUndefined(next.refresh_token)
        }
      }))
  )

  it.effect(
    "lets refresh tokens expire",
    withServer({ refreshLifetime: "1 day" }, () =>
      Effect.gen(function*() {
        const { refresh_token } = yield* ask(asAda)
        yield* TestClock.adjust("1 day")
        assert.deepInclude(yield* refresh(refresh_token), { status: 400, error: "invalid_grant" })
      }))
  )

  it.effect(
    "revokes access tokens, ends sessions, and lets a client end its own",
    withServer({}, (server) =>
      Effect.gen(function*() {
        const first = yield* ask(asAda)
        yield* server.revokeAll
        assert.strictEqual((yield* call(first.access_token)).status, 401)
        const second = yield* refresh(first.refresh_token)
        assert.strictEqual((yield* call(second.access_token)).status, 200)
        yield* server.endSessions
        assert.strictEqual((yield* refresh(second.refresh_token)).error, "invalid_grant")
        const third = yield* ask(asAda)
        const revoked = yield* ask({ token: third.refresh_token ?? "" }, client, "https://as.example/revoke")
        assert.strictEqual(revoked.status, 200)
        assert.strictEqual((yield* call(third.access_token)).status, 401)
        assert.deepInclude(yield* server.stats, { revocations: 1 })
      }))
  )

  it.effect(
    "changes passwords and secrets while it runs, and sessions live on",
    withServer({}, (server) =>
      Effect.gen(function*() {
        const session = yield* ask(asAda)
        yield* server.changePassword(username, "canary-new")
        assert.strictEqual((yield* ask(asAda)).error, "invalid_grant")
        assert.strictEqual((yield* ask({ ...asAda, password: "canary-new" })).status, 200)
        assert.strictEqual((yield* refresh(session.refresh_token)).status, 200)
        yield* server.changeSecret(clientId, "canary-newer")
        assert.strictEqual((yield* ask(asAda)).error, "invalid_client")
      }))
  )

  it.effect(
    "answers by a script, suffers faults, and keeps a log",
    withServer({}, (server) =>
      Effect.gen(function*() {
        yield* server.answerNext(HttpServerResponse.empty({ status: 503 }), HttpServerResponse.empty({ status: 429 }))
        assert.strictEqual((yield* ask(asAda)).status, 503)
        assert.strictEqual((yield* ask(asAda)).status, 429)
        yield* server.inject(Fault.reset, { on: "POST /token" })
        assert.strictEqual((yield* Effect.flip(ask(asAda)))._tag, "RequestError")
        assert.strictEqual((yield* ask(asAda)).status, 200)
        yield* server.expect([{ status: 503 }, { status: 429 }, "POST /token", { line: "POST /token", status: 200 }])
        assert.deepInclude(yield* server.stats, { attempts: 3, logins: 1 })
      }))
  )

  it.effect(
    "puts an API of one's own behind its tokens",
    withServer({
      api: ({ user }) => Effect.succeed(HttpServerResponse.text(`hello, ${user}`))
    }, () =>
      Effect.gen(function*() {
        const { access_token } = yield* ask(asAda)
        assert.strictEqual(yield* (yield* call(access_token, "/greeting")).text, "hello, ada")
        assert.strictEqual((yield* call("canary-wrong")).status, 401)
      }))
  )

  it.scopedLive("is served on a socket", () =>
    Effect.gen(function*() {
      const server = yield* FakeOAuth.make()
      const url = yield* FakeServer.serve(server.app)
      const granted = yield* ask(asAda, client, `${url}/token`)
      assert.strictEqual(granted.status, 200)
    }).pipe(Effect.provide([
      NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }),
      FetchHttpClient.layer
    ])))
})
