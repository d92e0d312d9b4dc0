import { CredentialsRejected, InteractionRequired } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { baseUrl, clientId, credential, revoking, scripted, server } from "../fixtures.ts"

const now = Date.UTC(2026, 0, 1)
const exchange = "urn:ietf:params:oauth:grant-type:token-exchange"

const begun = { clientId, refreshToken: Redacted.make("canary-refresh") }

/** A login, or a refresh, that is answered like this until it gives up. */
const answered = (
  grant: "login" | "refresh",
  answer: ScriptedHttpClient.Answer | ScriptedHttpClient.Handler,
  more: Partial<OAuth.TokenOptions & OAuth.TokenSettings> = {}
) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(now)
    const client = ScriptedHttpClient.make(ScriptedHttpClient.repeatLast(answer))
    const options = { baseUrl, server, logout: false, ...more }
    const tokens = grant === "login"
      ? ClientCredentials.makeTokens({ ...options, credential })
      : RefreshToken.makeTokens({ ...options, credential: begun })
    const fiber = yield* tokens.pipe(
      Effect.flatMap(({ get }) => get),
      Effect.scoped,
      Effect.either,
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.fork
    )
    yield* TestClock.adjust("1 minute")
    return { result: yield* fiber, requests: yield* client.requests }
  })

describe("tokenRequest", () => {
  const token = { access_token: "canary-1" }
  const absent = {
    expiresAt: undefined,
    renewAt: undefined,
    refreshToken: undefined,
    scope: undefined,
    idToken: undefined
  }

  it.effect.each<[string, ScriptedHttpClient.Reply, object]>([
    ["TR3 members that are not known, whatever they are called", {
      body: `{"access_token":"canary-1","__proto__":{"refresh_token":"canary-2","token_type":"mac"},"constructor":1}`
    }, { type: "Bearer", refreshToken: undefined }],
    ["TR5 a type in any case", { json: { ...token, token_type: "BEARER" } }, { type: "Bearer" }],
    ["TR5 no type, or an empty one", { json: { ...token, token_type: "" } }, { type: "Bearer" }],
    ["TR6 a lifetime in a text, with a fraction", { json: { ...token, expires_in: "3600.5" } }, {
      expiresAt: DateTime.unsafeMake(now + 3_600_500)
    }],
    ["TR6 a lifetime of zero, which is none", { json: { ...token, expires_in: 0 } }, { expiresAt: undefined }],
    ["TR6 a lifetime beyond all dates", { body: `{"access_token":"canary-1","expires_in":1e400}` }, {
      expiresAt: undefined
    }],
    ["TR7 an instant that nobody asked for", { json: { ...token, expires_at: 1_900_000_000 } }, {
      expiresAt: undefined
    }],
    ["TR8 TR9 TR16 null for all that there is not", {
      json: {
        ...token,
        token_type: null,
        expires_in: null,
        refresh_token: null,
        refresh_expires_in: null,
        scope: null,
        id_token: null
      }
    }, { type: "Bearer", expiresAt: undefined, refreshToken: undefined, scope: undefined, idToken: undefined }],
    ["TR16 when Entra would have it renewed", { json: { ...token, expires_in: 86_399, refresh_in: "43199" } }, {
      expiresAt: DateTime.unsafeMake(now + 86_399_000),
      renewAt: DateTime.unsafeMake(now + 43_199_000)
    }],
    ["TR16 no time of a renewal where it is no number", { json: { ...token, refresh_in: "soon" } }, {
      renewAt: undefined
    }],
    ["TR12 JSON under another content type, with a byte order mark", {
      headers: { "content-type": "text/html; charset=ISO-8859-1" },
      body: `\uFEFF${JSON.stringify(token)}\r\n`
    }, { type: "Bearer" }],
    ["TR17 any status of success", { status: 201, json: token }, { type: "Bearer" }],
    ["TR11 an error that is empty", { json: { ...token, error: "", error_description: null } }, { type: "Bearer" }]
  ])("takes %s", ([, answer, expected]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* answered("login", answer)
      assert.isTrue(Either.isRight(result))
      const { value, ...facts } = Either.getOrThrow(result)
      assert.strictEqual(Redacted.value(value), "canary-1")
      assert.deepInclude({ ...absent, ...facts }, expected)
      assert.lengthOf(requests, 1)
    }))

  it.effect.each<
    [string, "login" | "refresh", ScriptedHttpClient.Answer | ScriptedHttpClient.Handler, object, number]
  >([
    ["TR4 a token that is empty", "login", { json: { access_token: "" } }, { _tag: "MalformedTokenResponse" }, 1],
    ["TR4 a token that is no text", "login", { json: { access_token: 5 } }, { _tag: "MalformedTokenResponse" }, 1],
    ["TR4 a token that no header can hold", "login", { json: { access_token: "canary-\n" } }, {
      _tag: "MalformedTokenResponse"
    }, 1],
    ["TR5 a type that is not known", "login", { json: { ...token, token_type: "mac" } }, {
      _tag: "MalformedTokenResponse"
    }, 1],
    ["TR5 a token that is none", "login", { json: { ...token, token_type: "N_A" } }, {
      _tag: "MalformedTokenResponse"
    }, 1],
    ["TR11 an error beside a token", "login", { json: { ...token, error: "invalid_scope" } }, {
      _tag: "CredentialsRejected",
      reason: "Setting",
      code: "invalid_scope"
    }, 1],
    [
      "TR2 a redirect, which would carry the secret away",
      "login",
      {
        status: 307,
        headers: { location: "https://evil.example/token" }
      },
      { _tag: "TokenEndpointError", reason: "Unexpected", status: 307 },
      4
    ],
    ...["invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_request"].map((
      code
    ): [string, "refresh", ScriptedHttpClient.Reply, object, number] => [
      `ER2 ${code} to a refresh token, which stays`,
      "refresh",
      { status: 400, json: { error: code } },
      { _tag: "CredentialsRejected", reason: "Setting", code },
      1
    ]),
    [
      "ER1 ER2 a code that decides, whatever the status",
      "refresh",
      { status: 503, json: { error: "invalid_target" } },
      {
        _tag: "CredentialsRejected",
        reason: "Setting"
      },
      1
    ],
    ["ER6 a server that is busy, in a 400", "login", { status: 400, json: { error: "temporarily_unavailable" } }, {
      _tag: "TokenEndpointError",
      reason: "Unavailable"
    }, 4],
    [
      "ER8 a 401 whose header alone says why",
      "login",
      {
        status: 401,
        headers: { "www-authenticate": `Basic realm="as", error="invalid_client", error_description="who is that"` }
      },
      { _tag: "CredentialsRejected", reason: "Setting", code: "invalid_client", detail: "who is that" },
      1
    ],
    ["ER10 an empty 403 to a refresh token, which stays", "refresh", { status: 403 }, {
      _tag: "CredentialsRejected",
      reason: "Setting"
    }, 1],
    ...[401, 403].map((status): [string, "login", ScriptedHttpClient.Reply, object, number] => [
      `ER10 an empty ${status} to a client, which is not accepted`,
      "login",
      { status },
      { _tag: "CredentialsRejected", reason: "Setting" },
      1
    ]),
    [
      "ER11 an empty 400 to a refresh token, in the form of a fetch",
      "refresh",
      () => new Response(null, { status: 400 }),
      {
        _tag: "CredentialsRejected",
        detail: "the session has ended; supply the refresh token of a new one"
      },
      1
    ],
    ["TR12 nothing", "refresh", () => new Response(null, { status: 204 }), {
      _tag: "MalformedTokenResponse",
      status: 204
    }, 4],
    ["ER12 an error that is no text", "login", { status: 400, json: { error: { code: 7 } } }, {
      _tag: "MalformedTokenResponse",
      status: 400
    }, 1],
    ["ER12 an error that is no text to a refresh token, which stays", "refresh", { status: 400, json: { error: 7 } }, {
      _tag: "MalformedTokenResponse",
      status: 400
    }, 1]
  ])("is refused by %s", ([, grant, answer, expected, times]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* answered(grant, answer)
      assert.isTrue(Either.isLeft(result))
      const error = Either.isLeft(result) ? result.left : undefined
      assert.deepInclude(error, expected)
      assert.notInclude(`${String(error)}${JSON.stringify(error)}`, "canary-")
      assert.lengthOf(requests, times)
    }))

  it.effect.each<["login" | "refresh", number]>([["login", 4], ["refresh", 2]])(
    "TR14 RF6 sends a %s again after an answer that broke off, %d times in all: a refresh token may have been redeemed",
    ([grant, times]) =>
      Effect.gen(function*() {
        const broken = () =>
          new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("canary-reset")) }))
        const { requests, result } = yield* answered(grant, broken)
        assert.deepInclude(Either.isLeft(result) ? result.left : undefined, {
          _tag: "TokenEndpointError",
          reason: "Unreachable",
          sent: true
        })
        assert.lengthOf(requests, times)
      })
  )

  it.effect.each([
    new CredentialsRejected({ mode: "Workload", status: 400, reason: "Grant" }),
    new InteractionRequired({ mode: "Workload" })
  ])(
    "ER3 keeps a refresh token although another server gives no proof of the client: %s",
    (refusal) =>
      Effect.gen(function*() {
        const isRefused = yield* Ref.make(true)
        const authentication: ClientAuthentication.ClientAuthentication = {
          _tag: "PrivateKeyJwt",
          prove: () =>
            Effect.flatMap(Ref.get(isRefused), (is) => is ? Effect.fail(refusal) : Effect.succeed({ form: {} }))
        }
        const client = ScriptedHttpClient.make(ScriptedHttpClient.repeatLast({ json: token }))
        const tokens = yield* RefreshToken.makeTokens({
          baseUrl,
          server,
          logout: false,
          credential: begun,
          authentication
        })
          .pipe(Effect.provideService(HttpClient.HttpClient, client))
        const fiber = yield* Effect.fork(Effect.flip(tokens.get))
        yield* TestClock.adjust("1 minute")
        assert.include((yield* fiber).message, "Workload")
        yield* Ref.set(isRefused, false)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(Redacted.value((yield* tokens.get).value), "canary-1")
        const [sent] = yield* client.requests
        assert.include(String(sent?.body), "canary-refresh")
      }).pipe(Effect.scoped)
  )

  it.effect("RI3 says for which resource there is no token, as the server does not", () =>
    Effect.gen(function*() {
      const resource = ["https://one.example", "https://two.example/"]
      const refusal = { status: 400, json: { error: "invalid_target", error_description: "unknown" } }
      const { requests, result } = yield* answered("login", refusal, { resource })
      assert.deepInclude(Either.isLeft(result) ? result.left : undefined, {
        _tag: "CredentialsRejected",
        code: "invalid_target",
        detail: "unknown (asked for https://one.example, https://two.example/)"
      })
      assert.lengthOf(requests, 1)
    }))

  it.effect.each(["api", "/orders", "https://api.example/#part", "https://api.example#", "https://a b.example"])(
    "RI1 %s is no resource",
    (resource) =>
      Effect.gen(function*() {
        const { requests, result } = yield* answered("login", { json: token }, { resource: ["urn:orders", resource] })
        assert.deepInclude(Either.isLeft(result) ? result.left : undefined, {
          _tag: "InvalidSetting",
          setting: "resource"
        })
        assert.lengthOf(requests, 0)
      })
  )

  it.effect.each<[unknown, object, number | undefined]>([
    [now / 1000 + 60, {}, 60],
    [String(now / 1000 + 60.5), {}, 60.5],
    ["2026-01-01T00:01:00Z", {}, 60],
    ["2026-01-01T02:01:00+02:00", {}, 60],
    [now / 1000 + 60, { expires_in: null }, 60],
    [now / 1000 + 60, { expires_in: 30 }, 30],
    [now / 1000 + 60, { expires_in: 0 }, undefined],
    [now / 1000 - 60, {}, undefined],
    ["tomorrow", {}, undefined],
    [null, {}, undefined]
  ])(
    "TR7 reads by option when a token expires that states no lifetime: %j beside %j",
    ([expires_on, more, seconds]) =>
      Effect.gen(function*() {
        const { result } = yield* answered("login", { json: { ...token, expires_on, ...more } }, {
          expiry: OAuth.expiryIn("expires_on")
        })
        const { expiresAt } = Either.getOrThrow(result)
        assert.strictEqual(
          expiresAt === undefined ? undefined : (DateTime.toEpochMillis(expiresAt) - now) / 1000,
          seconds
        )
      })
  )

  const failing: Record<string, () => Effect.Effect<never>> = {
    throws: () => {
      throw new Error("canary-words")
    },
    dies: () => Effect.dieMessage("canary-words")
  }
  for (const [how, bug] of Object.entries(failing)) {
    it.effect(`shows no word of what reads when a token expires and ${how}`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(answered("login", { json: token }, { expiry: bug }))
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "obtaining a token died")
        assert.notInclude(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "canary")
      }))

    it.effect(`shows no word of a client's authentication that ${how}`, () =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(
          answered("login", { json: token }, { authentication: { ...ClientAuthentication.none, prove: bug } })
        )
        assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "obtaining a token died")
        assert.notInclude(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "canary")
      }))
  }

  it.effect("TR1 keeps the query of the endpoint, and asks for JSON in a form", () =>
    Effect.gen(function*() {
      const tokenEndpoint = `${server.tokenEndpoint}?tenant=a%20b`
      const [request] = (yield* answered("login", { json: token }, { server: { tokenEndpoint } })).requests
      assert.strictEqual(request?.url.href, tokenEndpoint)
      assert.deepInclude(request?.headers, {
        accept: "application/json",
        "content-type": "application/x-www-form-urlencoded"
      })
    }))

  it.effect("CA3 CA4 takes no secret as a parameter: a client authenticates in one way, and not in a URL", () =>
    Effect.gen(function*() {
      const parameters = { client_secret: "canary-1", client_assertion: "canary-2", tenant: "one" }
      const [request] = (yield* answered("login", { json: token }, { parameters })).requests
      assert.deepStrictEqual([...new URLSearchParams(request?.body)], [
        ["grant_type", "client_credentials"],
        ["tenant", "one"]
      ])
    }))

  const scopeOf = (scope: unknown, scopeSeparator?: ",") =>
    Effect.gen(function*() {
      const options = { baseUrl, server, credential, scope: ["asked"], scopeSeparator }
      const tokens = yield* ClientCredentials.makeTokens(options)
      return (yield* tokens.get).scope
    }).pipe(Effect.scoped, Effect.provide(scripted({ scope })))

  it.effect("TR9 reads the scope: split at spaces, at commas by option, an array as it is, absent as asked", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.all([
          scopeOf("a,b c"),
          scopeOf("a,b c", ","),
          scopeOf(["a", "b"]),
          scopeOf(undefined),
          scopeOf(null)
        ]),
        [["a,b", "c"], ["a", "b", "c"], ["a", "b"], ["asked"], ["asked"]]
      )
    }))

  it.effect("keeps the members that are asked for, and no others", () =>
    Effect.gen(function*() {
      const tokens = yield* ClientCredentials.makeTokens({
        baseUrl,
        server,
        credential,
        keep: ["instance_url", "absent"]
      })
      assert.deepStrictEqual((yield* tokens.get).extra, { instance_url: "https://i.example" })
    }).pipe(Effect.scoped, Effect.provide(scripted({ instance_url: "https://i.example", other: 1 }))))

  /** What is asked when a session ends with its Scope, and the seconds at which. */
  const revoked = (...answers: ReadonlyArray<ScriptedHttpClient.Reply>) =>
    Effect.gen(function*() {
      const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
        "POST /token": { json: token },
        "POST /revoke": [...answers]
      }))
      const events = yield* AuthEvent.subscribe
      const fiber = yield* RefreshToken.makeTokens({ baseUrl, server: revoking, credential: begun }).pipe(
        Effect.flatMap(({ get }) => get),
        Effect.scoped,
        Effect.zipRight(Clock.currentTimeMillis),
        Effect.provideService(HttpClient.HttpClient, client),
        Effect.fork
      )
      yield* TestClock.adjust("1 minute")
      return {
        over: (yield* fiber) / 1000,
        times: (yield* client.requests).filter(({ line }) => line === "POST /revoke").map(({ at }) => at / 1000),
        forms: (yield* client.requests).slice(1).map(({ body }) => Object.fromEntries(new URLSearchParams(body))),
        succeeded: [...yield* events.takeAll].flatMap((event) =>
          // events of other tests come from the hub around all
          event._tag === "LoggedOut" && event.mode === "OAuth/RefreshToken" ? [event.succeeded] : []
        )
      }
    }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer))

  it.effect.each<[string, ReadonlyArray<ScriptedHttpClient.Reply>, ReadonlyArray<number>, boolean]>([
    ["RV2 once where the server knows the token no more, whatever it says", [{ body: "<html>" }], [0], true],
    ["RV2 once more where it is busy", [{ status: 503 }, {}], [0, 1], true],
    [
      "RV2 once more where it is busy, when it wants",
      [{ status: 503, headers: { "retry-after": "3" } }, {}],
      [0, 3],
      true
    ],
    [
      "RV2 no third time, and the end of the scope is no failure",
      [{ status: 503 }, { status: 503 }, {}],
      [0, 1],
      false
    ],
    [
      "RV2 not again after the end of its patience",
      [{ status: 503, headers: { "retry-after": "60" } }, {}],
      [0],
      false
    ],
    ["RV2 once where it fails in another way", [{ status: 500 }, {}], [0], false],
    ["RV3 once where it cannot end such a token", [{ status: 400, json: { error: "unsupported_token_type" } }, {}], [
      0
    ], false]
  ])("revokes %s", ([, answers, times, succeeded]) =>
    Effect.gen(function*() {
      const seen = yield* revoked(...answers)
      assert.deepStrictEqual([seen.times, seen.succeeded], [times, [succeeded]])
      // the program ends with the last answer
      assert.strictEqual(seen.over, times.at(-1))
      for (const form of seen.forms) {
        assert.deepInclude(form, { token: "canary-refresh", token_type_hint: "refresh_token", client_id: clientId })
      }
    }))

  it.effect("MT2 logs in again where a session is bound to a certificate that was changed, as its refresh token is too", () =>
    Effect.gen(function*() {
      const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
        "POST /token": [
          { json: { ...token, issued_token_type: "urn:x", refresh_token: "canary-refresh" } },
          { status: 400, json: { error: "invalid_grant" } },
          { json: { access_token: "canary-2", issued_token_type: "urn:x" } }
        ],
        "GET /me": [
          { status: 401, headers: { "www-authenticate": `Bearer error="invalid_token"` } },
          { json: "me" }
        ]
      }))
      const subject = yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
      const http = yield* TokenExchange.make({
        baseUrl,
        server,
        credential: { clientId },
        authentication: ClientAuthentication.certificate,
        subject,
        refresh: true,
        logout: false
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      yield* http.get("/me")
      assert.deepStrictEqual(
        (yield* client.requests).map(({ body, line }) => new URLSearchParams(body).get("grant_type") ?? line),
        [exchange, "GET /me", "refresh_token", exchange, "GET /me"]
      )
    }).pipe(Effect.scoped))

  it.effect.each([
    ClientAuthentication.certificate,
    ClientAuthentication.withCertificate(ClientAuthentication.post(credential.clientSecret))
  ])(
    "MT1 RV1 goes to the endpoints for certificates, to revoke as well: $_tag",
    (authentication) =>
      Effect.gen(function*() {
        const mtlsEndpoints = {
          token: "https://mtls.acme.example/token",
          revocation: "https://mtls.acme.example/revoke"
        }
        const client = ScriptedHttpClient.make({ json: { access_token: "canary-1" } })
        yield* ClientCredentials.makeTokens({
          baseUrl,
          server: { ...revoking, mtlsEndpoints },
          credential: { clientId },
          authentication
        }).pipe(
          Effect.flatMap(({ get }) => get),
          Effect.scoped,
          Effect.provideService(HttpClient.HttpClient, client)
        )
        assert.deepStrictEqual(
          (yield* client.requests).map(({ url }) => url.href),
          Object.values(mtlsEndpoints)
        )
      })
  )
})
