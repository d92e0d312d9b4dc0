import * as AuthorizationRequest from "@effect-auth/oauth/AuthorizationRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { clientId, issuer, server } from "./fixtures.ts"

const mode = "Test"
const redirectUri = "http://127.0.0.1:8976/callback"
const authorizing = { ...server, issuer, authorizationEndpoint: `${issuer}/authorize?tenant=one` }

const begun = (options: Partial<AuthorizationRequest.Options> = {}) =>
  Effect.map(
    AuthorizationRequest.make({ mode, server: authorizing, clientId, redirectUri, ...options }),
    ({ pending, url }) => ({ pending, url: new URL(url), state: Redacted.value(pending.state) })
  )

const read = (pending: AuthorizationRequest.PendingAuthorization, parameters: string | Record<string, string>) =>
  Either.match(AuthorizationRequest.codeOf(pending, new URLSearchParams(parameters), { mode }), {
    onLeft: (error) => error,
    onRight: Redacted.value
  })

describe("AuthorizationRequest.make", () => {
  it.effect("AC1 AC2 AC6 AC12 asks for a code with a challenge of its verifier, and keeps the endpoint's query", () =>
    Effect.gen(function*() {
      const { pending, state, url } = yield* begun({ scope: ["read", "write"] })
      const verifier = Redacted.value(pending.verifier)
      assert.match(verifier, /^[A-Za-z0-9._~-]{43,128}$/u)
      const digest = yield* Effect.promise(() =>
        globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))
      )
      assert.strictEqual(url.origin + url.pathname, `${issuer}/authorize`)
      assert.deepStrictEqual(Object.fromEntries(url.searchParams), {
        tenant: "one",
        response_type: "code",
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: "read write",
        state,
        code_challenge: Encoding.encodeBase64Url(new Uint8Array(digest)),
        code_challenge_method: "S256"
      })
    }))

  it.effect("AC3 makes state, verifier and nonce anew for each login, and shows none of them", () =>
    Effect.gen(function*() {
      const logins = yield* Effect.all(Array.from({ length: 20 }, () => begun({ scope: ["openid"] })))
      const secrets = logins.flatMap(({ pending: { nonce, state, verifier } }) =>
        [state, verifier, nonce ?? state].map(Redacted.value)
      )
      assert.strictEqual(new Set(secrets).size, 60)
      const shown = JSON.stringify(logins.map(({ pending }) => pending)) + logins.map(({ pending }) => String(pending))
      for (const secret of secrets) assert.notInclude(shown, secret)
    }))

  it.effect("AC9 asks for a nonce with an ID token, and only then", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* begun({ scope: ["openid"] })).url.searchParams.has("nonce"))
      assert.isFalse((yield* begun({ scope: ["read"] })).url.searchParams.has("nonce"))
    }))

  it.effect("AC13 takes further parameters, which do not replace the protocol's own", () =>
    Effect.gen(function*() {
      const { state, url } = yield* begun({
        parameters: {
          login_hint: "ada",
          state: "canary-fixed",
          redirect_uri: "https://evil.example",
          code_challenge: ""
        }
      })
      assert.strictEqual(url.searchParams.get("login_hint"), "ada")
      assert.deepStrictEqual(url.searchParams.getAll("state"), [state])
      assert.deepStrictEqual(url.searchParams.getAll("redirect_uri"), [redirectUri])
      assert.notStrictEqual(url.searchParams.get("code_challenge"), "")
    }))

  it.effect("RI2 names the resources that the token is for", () =>
    Effect.gen(function*() {
      const { url } = yield* begun({ resource: ["https://one.example", "https://two.example/"] })
      assert.deepStrictEqual(url.searchParams.getAll("resource"), ["https://one.example", "https://two.example/"])
    }))

  it.effect("SU4 ER5 asks for what the API demanded: scope, authentication, age and claims", () =>
    Effect.gen(function*() {
      const { pending, url } = yield* begun({
        scope: ["read"],
        demand: {
          scope: ["write"],
          acrValues: ["mfa", "hwk"],
          maxAge: Duration.minutes(5),
          claims: { access_token: { acrs: { essential: true } } }
        }
      })
      assert.deepInclude(Object.fromEntries(url.searchParams), {
        scope: "read write",
        acr_values: "mfa hwk",
        max_age: "300",
        claims: `{"access_token":{"acrs":{"essential":true}}}`
      })
      assert.deepStrictEqual(pending.scope, ["read", "write"])
    }))

  it.effect("AC17 asks for offline access where the server lists it, with consent for OpenID Connect; not if not wanted", () =>
    Effect.gen(function*() {
      const listed = { ...authorizing, scopes: ["openid", "offline_access"] }
      const asked = (options: Partial<AuthorizationRequest.Options>) =>
        Effect.map(
          begun(options),
          ({ url: { searchParams } }) => [searchParams.get("scope"), searchParams.get("prompt")]
        )
      assert.deepStrictEqual(
        yield* Effect.all([
          asked({ server: listed, scope: ["openid"] }),
          asked({ server: listed, scope: ["openid"], parameters: { prompt: "login consent" } }),
          asked({ server: listed, scope: ["read"] }),
          asked({ server: listed, scope: ["openid"], offlineAccess: false }),
          asked({ scope: ["openid"] })
        ]),
        [
          ["openid offline_access", "consent"],
          ["openid offline_access", "login consent"],
          ["read offline_access", null],
          ["openid", null],
          ["openid", null]
        ]
      )
    }))

  it.effect.each([undefined, [], ["plain"]])(
    "AC4 sends PKCE with S256 whatever the server says of it: %j",
    (codeChallengeMethods) =>
      Effect.gen(function*() {
        const { url } = yield* begun({ server: { ...authorizing, codeChallengeMethods } })
        assert.strictEqual(url.searchParams.get("code_challenge_method"), "S256")
      })
  )

  it.effect.each([
    "javascript:alert(1)",
    "file:///etc/passwd",
    "http://as.acme.example/authorize",
    "/authorize",
    "https://good.example@evil.example/authorize",
    "https://as.acme.example/authorize#part"
  ])("AC12 sends nobody to %s", (authorizationEndpoint) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(begun({ server: { ...authorizing, authorizationEndpoint } }))
      assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Unexpected" })
      assert.include(error.message, "its authorization endpoint is none to send a person to")
    }))

  it.effect("AC12 sends a person to loopback in the clear", () =>
    Effect.gen(function*() {
      const { url } = yield* begun({ server: { ...authorizing, authorizationEndpoint: "http://127.0.0.1:9/go" } })
      assert.strictEqual(url.origin, "http://127.0.0.1:9")
    }))

  it.effect("says that a server has no authorization endpoint", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(AuthorizationRequest.make({ mode, server, clientId, redirectUri }))
      assert.include(error.message, "no authorization endpoint")
    }))
})

describe("AuthorizationRequest.PendingAuthorization", () => {
  it.effect("AC16 can be stored, and goes on elsewhere", () =>
    Effect.gen(function*() {
      const { pending, state } = yield* begun({ scope: ["openid"] })
      const text = JSON.stringify(yield* Schema.encode(AuthorizationRequest.PendingAuthorization)(pending))
      const restored = yield* Schema.decodeUnknown(AuthorizationRequest.PendingAuthorization)(JSON.parse(text))
      assert.deepStrictEqual(restored, pending)
      assert.strictEqual(read(restored, { state, code: "canary-code" }), "canary-code")
    }))
})

describe("AuthorizationRequest.codeOf", () => {
  it.effect("AC5 AC8 takes the code of its own login only, and says nothing of another's", () =>
    Effect.gen(function*() {
      const { pending, state } = yield* begun()
      assert.strictEqual(read(pending, { state, code: "canary-code" }), "canary-code")
      for (
        const parameters of [
          { code: "canary-code" },
          { state: `${state}x`, code: "canary-code" },
          { state: "", error: "access_denied", error_description: "canary-words" },
          `state=${state}&state=other&code=canary-code`
        ]
      ) {
        const error = read(pending, parameters)
        assert.deepInclude(error, { _tag: "MalformedTokenResponse" })
        assert.notInclude(JSON.stringify(error) + String(error), "canary")
      }
    }))

  it.effect("AC7 AC8 compares the issuer as a text, wherever it is stated, and wants it where the server promises it", () =>
    Effect.gen(function*() {
      const silent = yield* begun()
      const stating = yield* begun({ server: { ...authorizing, statesIssuer: true } })
      const verdict = (login: typeof silent, iss: ReadonlyArray<string>) => {
        const parameters = new URLSearchParams([
          ["state", login.state],
          ["error", "access_denied"],
          ...iss.map((iss) => ["iss", iss])
        ])
        const error = read(login.pending, parameters.toString())
        return typeof error === "string" ? error : error._tag
      }
      const [believed, refused] = ["CredentialsRejected", "MalformedTokenResponse"]
      assert.deepStrictEqual([verdict(silent, []), verdict(silent, [issuer]), verdict(stating, [issuer])], [
        believed,
        believed,
        believed
      ])
      assert.deepStrictEqual([
        verdict(stating, []),
        verdict(stating, [issuer, issuer]),
        verdict(stating, [`${issuer}/`]),
        verdict(stating, [issuer.toUpperCase()]),
        verdict(silent, ["https://evil.example"])
      ], Array.from({ length: 5 }, () => refused))
    }))

  it.effect("AC10 is what the server said: a denial, a wrong setting, a person who has to act, a server that cannot", () =>
    Effect.gen(function*() {
      const { pending, state } = yield* begun()
      const refusal = (error: string) => read(pending, { state, error, error_description: "because" })
      assert.deepInclude(refusal("access_denied"), {
        _tag: "CredentialsRejected",
        reason: "Grant",
        code: "access_denied",
        detail: "because"
      })
      assert.deepInclude(refusal("invalid_scope"), { _tag: "CredentialsRejected", reason: "Setting" })
      assert.deepInclude(refusal("login_required"), { _tag: "InteractionRequired" })
      assert.deepInclude(refusal("server_error"), {
        _tag: "TokenEndpointError",
        reason: "Unavailable",
        endpoint: "the authorization server"
      })
      assert.notInclude(String(refusal("bad\u001b[31m\ncode")), "\u001b")
    }))

  it.effect("AC11 refuses what is there twice, and a code beside an error", () =>
    Effect.gen(function*() {
      const { pending, state } = yield* begun()
      for (
        const rest of [
          "code=a&code=b",
          "code=a&error=access_denied",
          "error=a&error=b",
          "error=a&error_uri=b&error_uri=c",
          "code=a&session_state=b&session_state=c",
          "",
          "code="
        ]
      ) {
        assert.deepInclude(read(pending, `state=${state}&${rest}`), { _tag: "MalformedTokenResponse" })
      }
      const silent = yield* begun({ server: { ...authorizing, issuer: undefined } })
      assert.deepInclude(read(silent.pending, `state=${silent.state}&code=a&iss=b&iss=b`), {
        _tag: "MalformedTokenResponse"
      })
    }))

  it.effect("AC11 takes what is empty for absent, and leaves the query of the redirect URI to whom it belongs", () =>
    Effect.gen(function*() {
      const { pending, state } = yield* begun({ redirectUri: "https://app.example/callback?tab=1&tab=2" })
      assert.strictEqual(read(pending, `tab=1&tab=2&state=${state}&code=canary-code&error=`), "canary-code")
      assert.deepInclude(read(pending, `tab=1&tab=2&state=${state}&code=&error=access_denied`), {
        _tag: "CredentialsRejected"
      })
    }))
})
