import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as TestClock from "effect/TestClock"

const { clientId, clientSecret, publicClientId, username } = FakeOAuth.canaries

const issuer = "https://as.example"
const redirectUri = "http://127.0.0.1:4000/callback"

// RFC 7636 appendix B
const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
const challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

const wanted = {
  response_type: "code",
  client_id: publicClientId,
  redirect_uri: redirectUri,
  state: "canary-state",
  scope: "read",
  code_challenge: challenge,
  code_challenge_method: "S256"
}

const get = (url: string, headers = {}) => Effect.flatMap(HttpClient.HttpClient, (http) => http.get(url, { headers }))

/** What the browser comes to: a page, or a redirect with these parameters. */
const browse = (query: Record<string, string>, more = "") =>
  Effect.gen(function*() {
    const { headers, status, text } = yield* get(`${issuer}/authorize?${new URLSearchParams(query)}${more}`)
    const [to, answer] = (headers["location"] ?? "").split("?")
    return { status, to, answer: Object.fromEntries(new URLSearchParams(answer)), text: yield* text }
  })

const post = (path: string, form: Record<string, string>) =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const response = yield* http.execute(
      HttpClientRequest.post(`${issuer}${path}`).pipe(HttpClientRequest.bodyUrlParams(form))
    )
    const body = (yield* response.json) as Record<string, string | number>
    return { ...body, status: response.status } as Record<string, string | number>
  })

const redeem = (code: unknown, form: Record<string, string> = {}) =>
  post("/token", {
    grant_type: "authorization_code",
    client_id: publicClientId,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    code: String(code),
    ...form
  })

const me = (token: unknown) => get("https://api.example/me", { authorization: `Bearer ${token}` })

const whoIs = (token: unknown) => Effect.flatMap(me(token), ({ json }) => json)

const withServer = <E>(
  options: FakeOAuth.Options,
  test: (server: FakeOAuth.Service) => Effect.Effect<void, E, HttpClient.HttpClient>
) =>
() => Effect.provide(Effect.flatMap(FakeOAuth.FakeOAuth, test), FakeOAuth.layer(options))

describe("FakeOAuth, a login in a browser", () => {
  it.effect(
    "brings back a code, the state and the issuer, and gives the user's token for it once",
    withServer({}, ({ stats }) =>
      Effect.gen(function*() {
        const { answer, status, to } = yield* browse(wanted)
        assert.deepStrictEqual({ status, to }, { status: 302, to: redirectUri })
        assert.deepInclude(answer, { state: "canary-state", iss: issuer })
        const token = yield* redeem(answer["code"])
        assert.deepStrictEqual(yield* whoIs(token["access_token"]), {
          client: publicClientId,
          user: username,
          scope: "read"
        })
        assert.strictEqual(
          (yield* post("/token", {
            grant_type: "refresh_token",
            client_id: publicClientId,
            refresh_token: String(token["refresh_token"])
          }))["status"],
          200
        )
        assert.deepInclude(yield* stats, { prompts: 1, logins: 1, refreshes: 1 })
      }))
  )

  it.effect(
    "ends the session of a code that comes back",
    withServer({}, () =>
      Effect.gen(function*() {
        const { answer } = yield* browse(wanted)
        const token = yield* redeem(answer["code"])
        assert.strictEqual((yield* me(token["access_token"])).status, 200)
        assert.deepInclude(yield* redeem(answer["code"]), { status: 400, error: "invalid_grant" })
        assert.strictEqual((yield* me(token["access_token"])).status, 401)
      }))
  )

  it.effect.each<[string, Record<string, string>]>([
    ["another verifier", { code_verifier: `${verifier}x` }],
    ["another redirect URI", { redirect_uri: "http://127.0.0.1:4001/callback" }],
    ["another client", { client_id: clientId, client_secret: clientSecret }],
    ["a code that it has not given", { code: "canary-theirs" }]
  ])("gives no token for %s", ([, form]) =>
    withServer({}, () =>
      Effect.gen(function*() {
        const { answer } = yield* browse(wanted)
        assert.deepInclude(yield* redeem(answer["code"], form), { status: 400, error: "invalid_grant" })
        // the right request still gets it
        assert.strictEqual((yield* redeem(answer["code"]))["status"], 200)
      }))())

  it.effect(
    "gives no token for a code that is older than a minute",
    withServer({}, () =>
      Effect.gen(function*() {
        const { answer } = yield* browse(wanted)
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* redeem(answer["code"]))["error"], "invalid_grant")
      }))
  )

  it.effect(
    "does what the person decides: another user, less scope, a denial, nothing",
    withServer({ person: FakeOAuth.agrees({ user: "bob", scope: "little" }) }, (server) =>
      Effect.gen(function*() {
        const { answer } = yield* browse(wanted)
        assert.deepInclude(yield* whoIs((yield* redeem(answer["code"]))["access_token"]), {
          user: "bob",
          scope: "little"
        })
        yield* server.person(FakeOAuth.denies)
        assert.deepStrictEqual((yield* browse(wanted)).answer, {
          error: "access_denied",
          state: "canary-state",
          iss: issuer
        })
        yield* server.person(FakeOAuth.ignores)
        assert.deepInclude(yield* browse(wanted), { status: 200, to: "" })
        assert.deepInclude(yield* server.stats, { prompts: 3, logins: 1 })
      }))
  )

  it.effect(
    "states the issuer that its metadata has, with the path by which it was asked",
    withServer({}, () =>
      Effect.gen(function*() {
        const document = yield* (yield* get(`${issuer}/.well-known/openid-configuration/tenant`)).json
        assert.deepInclude(document, {
          issuer: `${issuer}/tenant`,
          device_authorization_endpoint: `${issuer}/device_authorization`,
          authorization_response_iss_parameter_supported: true
        })
        const { authorization_endpoint } = document as Record<string, string>
        const { headers } = yield* get(`${authorization_endpoint}?${new URLSearchParams(wanted)}`)
        assert.strictEqual(new URL(headers["location"] ?? "").searchParams.get("iss"), `${issuer}/tenant`)
      }))
  )

  it.effect.each<[string, Record<string, string>, string]>([
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["no PKCE", { code_challenge: "", code_challenge_method: "" }, "invalid_request"],
    ["PKCE in the clear", { code_challenge_method: "plain" }, "invalid_request"]
  ])("sends the browser back with an error for %s", ([, query, error]) =>
    withServer({}, () =>
      Effect.gen(function*() {
        const { answer } = yield* browse({ ...wanted, ...query })
        assert.deepInclude(answer, { error, state: "canary-state" })
        assert.notProperty(answer, "code")
      }))())

  it.effect.each<[string, Record<string, string>, string]>([
    ["an unknown client", { client_id: "theirs" }, ""],
    ["a redirect URI that is not registered", { redirect_uri: "https://evil.example/callback" }, ""],
    ["a redirect URI that is none", { redirect_uri: "callback" }, ""],
    ["a parameter that is there twice", {}, "&state=theirs"]
  ])(
    "sends the browser nowhere for %s",
    ([, query, more]) =>
      withServer({ redirectUris: ["http://127.0.0.1/callback"] }, ({ stats }) =>
        Effect.gen(function*() {
          assert.strictEqual((yield* browse(wanted)).status, 302) // its port is free
          assert.deepInclude(yield* browse({ ...wanted, ...query }, more), { status: 400, to: "" })
          assert.deepInclude(yield* stats, { prompts: 1 })
        }))()
  )
})

describe("FakeOAuth, a login on another device", () => {
  const authorize = (form: Record<string, string> = {}) =>
    post("/device_authorization", { client_id: publicClientId, scope: "read", ...form })
  const ask = (device: Record<string, string | number>, form: Record<string, string> = {}) =>
    post("/token", {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      client_id: publicClientId,
      device_code: String(device["device_code"]),
      ...form
    })
  const codeOf = (device: Record<string, string | number>) => String(device["user_code"])

  it.effect(
    "is pending until the person has entered the code, however it is typed",
    withServer({}, ({ enterCode, stats }) =>
      Effect.gen(function*() {
        const device = yield* authorize()
        assert.deepInclude(device, {
          expires_in: 900,
          interval: 5,
          verification_uri: `${issuer}/device`,
          verification_uri_complete: `${issuer}/device?user_code=${codeOf(device)}`
        })
        assert.deepInclude(yield* ask(device), { status: 400, error: "authorization_pending" })
        yield* enterCode(codeOf(device).toLowerCase().replace("-", ""))
        yield* TestClock.adjust("5 seconds")
        const token = yield* ask(device)
        assert.deepInclude(yield* whoIs(token["access_token"]), { user: username, scope: "read" })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* ask(device))["error"], "invalid_grant")
        assert.deepInclude(yield* stats, { prompts: 1, logins: 1 })
      }))
  )

  it.effect(
    "tells a device to slow down that asks too early, by five seconds each time",
    withServer({ pollInterval: "2 seconds" }, () =>
      Effect.gen(function*() {
        const device = yield* authorize()
        const answers: Array<unknown> = []
        for (const wait of [0, 1, 6, 7] as const) {
          yield* TestClock.adjust(`${wait} seconds`)
          answers.push((yield* ask(device))["error"])
        }
        assert.deepStrictEqual(answers, ["authorization_pending", "slow_down", "slow_down", "slow_down"])
        yield* TestClock.adjust("17 seconds")
        assert.strictEqual((yield* ask(device))["error"], "authorization_pending")
      }))
  )

  it.effect(
    "says that the person denies, and that a code has expired",
    withServer({ deviceLifetime: "1 minute" }, ({ enterCode }) =>
      Effect.gen(function*() {
        const [denied, late] = [yield* authorize(), yield* authorize()]
        assert.notStrictEqual(codeOf(denied), codeOf(late))
        yield* enterCode(codeOf(denied), FakeOAuth.denies)
        assert.strictEqual((yield* ask(denied))["error"], "access_denied")
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* ask(late))["error"], "expired_token")
        const exit = yield* Effect.exit(enterCode(codeOf(late)))
        assert.include(String(exit), "nothing waits for this code")
      }))
  )

  it.effect(
    "gives the code to its client alone, with the verifier where there is a challenge",
    withServer({}, ({ enterCode }) =>
      Effect.gen(function*() {
        const device = yield* authorize({ code_challenge: challenge, code_challenge_method: "S256" })
        yield* enterCode(codeOf(device))
        const other = { client_id: clientId, client_secret: clientSecret }
        for (const form of [{}, { code_verifier: "canary-wrong" }, { ...other, code_verifier: verifier }]) {
          assert.strictEqual((yield* ask(device, form))["error"], "invalid_grant")
        }
        assert.strictEqual((yield* ask(device, { code_verifier: verifier }))["status"], 200)
        assert.strictEqual((yield* authorize({ client_id: "theirs" }))["error"], "invalid_client")
      }))
  )
})

describe("FakeOAuth, assertions and other tokens", () => {
  const jwt = (claims: object) =>
    `${Encoding.encodeBase64Url("{}")}.${Encoding.encodeBase64Url(JSON.stringify(claims))}.-`
  const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
  const good = { iss: "reader@acme.example", sub: "bob", aud: issuer, exp: 60, scope: "read" }

  it.effect(
    "takes an assertion whoever signed it, for the one whom it is about, until it expires",
    withServer({}, () =>
      Effect.gen(function*() {
        const asserted = (claims: object) => post("/token", { grant_type: jwtBearer, assertion: jwt(claims) })
        const token = yield* asserted(good)
        assert.notProperty(token, "refresh_token")
        assert.deepStrictEqual(yield* whoIs(token["access_token"]), {
          client: "reader@acme.example",
          user: "bob",
          scope: "read"
        })
        for (const wrong of [{ ...good, exp: undefined }, { ...good, aud: undefined }, { ...good, iss: undefined }]) {
          assert.strictEqual((yield* asserted(wrong))["error"], "invalid_grant")
        }
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* asserted(good))["error"], "invalid_grant")
      }))
  )

  it.effect(
    "takes an assertion of a client in place of its secret",
    withServer({}, () =>
      Effect.gen(function*() {
        const as = (claims: object) =>
          post("/token", { grant_type: "client_credentials", client_id: clientId, client_assertion: jwt(claims) })
        assert.strictEqual((yield* as({ iss: clientId, sub: clientId, exp: 60 }))["status"], 200)
        for (
          const claims of [{ iss: "theirs", sub: clientId, exp: 60 }, { iss: clientId, sub: clientId, exp: 0 }]
        ) {
          assert.deepInclude(yield* as(claims), { status: 401, error: "invalid_client" })
        }
      }))
  )

  it.effect(
    "exchanges a good token of its own for one of another client, and no other token",
    withServer({}, ({ revokeAll }) =>
      Effect.gen(function*() {
        const { answer } = yield* browse(wanted)
        const subject = (yield* redeem(answer["code"]))["access_token"]
        const exchange = post("/token", {
          grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
          client_id: clientId,
          client_secret: clientSecret,
          subject_token: String(subject),
          subject_token_type: "urn:ietf:params:oauth:token-type:access_token"
        })
        const token = yield* exchange
        assert.strictEqual(token["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token")
        assert.deepStrictEqual(yield* whoIs(token["access_token"]), { client: clientId, user: username, scope: "read" })
        yield* revokeAll
        assert.deepInclude(yield* exchange, { status: 400, error: "invalid_request" })
      }))
  )

  it.effect(
    "puts further members into its token responses",
    withServer(
      { members: { instance_url: "https://eu.api.example", access_token: "canary-mine" } },
      () =>
        Effect.gen(function*() {
          const token = yield* post("/token", {
            grant_type: "client_credentials",
            client_id: clientId,
            client_secret: clientSecret
          })
          assert.strictEqual(token["instance_url"], "https://eu.api.example")
          assert.notStrictEqual(token["access_token"], "canary-mine")
        })
    )
  )
})
