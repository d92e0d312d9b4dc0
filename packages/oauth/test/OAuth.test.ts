import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as Assertion from "@effect-auth/oauth/Assertion"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as OAuthCredential from "@effect-auth/oauth/OAuthCredential"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { decodeJwt, decodeProtectedHeader, exportPKCS8, generateKeyPair, jwtVerify } from "jose"

class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const { clientId, clientSecret, password, username } = FakeOAuth.canaries
const secret = Redacted.make(clientSecret)
const credential = { clientId, clientSecret: secret }

const baseUrl = "https://api.acme.example"
const issuer = "https://as.acme.example"
const server = { tokenEndpoint: `${issuer}/token` }
const revoking = { ...server, revocationEndpoint: `${issuer}/revoke` }

const me = Effect.flatMap(Acme, (http) => Effect.flatMap(http.get("/me"), ({ json }) => json))

const fake = FakeOAuth.FakeOAuth

/** A token endpoint that gives tokens, and an API that takes them; and what was asked of it. */
const scripted = (answer: Record<string, unknown> = {}) =>
  ScriptedHttpClient.layer(ScriptedHttpClient.routes({
    "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1", expires_in: 60, ...answer } }),
    "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
  }))

const forms = Effect.flatMap(
  ScriptedHttpClient.ScriptedHttpClient,
  ({ requests }) =>
    Effect.map(
      requests,
      (requests) =>
        requests.filter(({ line }) => line.startsWith("POST")).map(({ body }) => [...new URLSearchParams(body)])
    )
)

describe("OAuth, client credentials", () => {
  const layer = OAuth.layerClientCredentials({
    client: Acme,
    baseUrl,
    server: revoking,
    credential,
    scope: ["read", "write"]
  })

  it.effect("CC1 logs in for the scope, and is the client itself", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* me, { client: clientId, user: null, scope: "read write" })
    }).pipe(Effect.provide(Layer.provideMerge(layer, FakeOAuth.layer()))))

  it.effect("logs in again when the token has expired, and revokes the last one at the end", () =>
    Effect.gen(function*() {
      const { stats } = yield* fake
      yield* Effect.scoped(Effect.gen(function*() {
        const context = yield* Layer.build(layer)
        yield* Effect.provide(me, context)
        yield* TestClock.adjust("1 hour")
        yield* Effect.provide(me, context)
        assert.deepInclude(yield* stats, { logins: 2, refreshes: 0, revocations: 0 })
      }))
      assert.deepInclude(yield* stats, { revocations: 1 })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("a wrong secret is sent once in a cool-down", () =>
    Effect.gen(function*() {
      const { changeSecret, stats } = yield* fake
      yield* changeSecret(clientId, "canary-changed")
      for (const _ of [1, 2, 3]) {
        const error = yield* Effect.flip(me)
        assert.deepInclude(error, {
          _tag: "CredentialsRejected",
          mode: "OAuth/ClientCredentials",
          code: "invalid_client"
        })
      }
      assert.deepInclude(yield* stats, { attempts: 1 })
    }).pipe(Effect.provide(Layer.provideMerge(layer, FakeOAuth.layer()))))

  it.effect("CC2 does not redeem a refresh token that comes with the answer", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("1 hour")
      yield* me
      assert.deepStrictEqual((yield* forms).map(([first]) => first), [
        ["grant_type", "client_credentials"],
        ["grant_type", "client_credentials"]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerClientCredentials({ client: Acme, baseUrl, server, credential }),
      scripted({ refresh_token: "canary-refresh" })
    ))))

  it.effect("TR1 RI1 sends what was asked for: scope, resources as they are spelled, further parameters; nothing empty", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "client_credentials"],
        ["scope", "a b"],
        ["resource", "https://api.acme.example"],
        ["resource", "https://api.acme.example/two"],
        ["audience", "https://tenant.example"]
      ]])
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerClientCredentials({
        client: Acme,
        baseUrl,
        server,
        credential,
        scope: ["a", "b"],
        resource: ["https://api.acme.example", "https://api.acme.example/two"],
        parameters: { audience: "https://tenant.example", empty: "", grant_type: "magic" }
      }),
      scripted()
    ))))

  it.effect("reads its settings from Config", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* me, { client: clientId, user: null, scope: null })
    }).pipe(
      Effect.provide(Layer.provide(
        OAuth.layerClientCredentialsConfig(
          {
            baseUrl: Config.succeed(baseUrl),
            server: Config.succeed(server),
            credential: OAuthCredential.clientCredentialsConfig("ACME")
          },
          { client: Acme }
        ),
        FakeOAuth.layer()
      )),
      Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["ACME_CLIENT_ID", clientId], ["ACME_CLIENT_SECRET", clientSecret]]))
      )
    ))

  it.effect("SU3 asks for the scope that the API demands, together with its own", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual((yield* forms).map((form) => new Map(form.map(([k, v]) => [k, v])).get("scope")), [
        "read",
        "read write"
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerClientCredentials({ client: Acme, baseUrl, server, credential, scope: ["read"] }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": [{ json: { access_token: "canary-1" } }, { json: { access_token: "canary-2" } }],
        "GET /me": [
          { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` } },
          { json: "me" }
        ]
      }))
    ))))
})

describe("OAuth, client authentication", () => {
  const sentWith = (authentication: ClientAuthentication.ClientAuthentication) =>
    Effect.gen(function*() {
      yield* me
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const [request] = yield* requests
      return { authorization: request?.headers["authorization"], form: new URLSearchParams(request?.body) }
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerClientCredentials({
        client: Acme,
        baseUrl,
        server: { ...server, issuer },
        credential,
        authentication
      }),
      scripted()
    )))

  it.effect("CA1 form-encodes id and secret before Base64", () =>
    Effect.gen(function*() {
      const { authorization, form } = yield* sentWith(ClientAuthentication.basic(secret))
      assert.strictEqual(authorization, `Basic ${btoa("reporting:canary+client%2Bsecret%25oauth")}`)
      assert.isFalse(form.has("client_secret")) // CA4
    }))

  it.effect("CA2 sends them as they are, where that is asked for", () =>
    Effect.gen(function*() {
      const { authorization } = yield* sentWith(ClientAuthentication.basic(secret, { raw: true }))
      assert.strictEqual(authorization, `Basic ${btoa(`${clientId}:${clientSecret}`)}`)
    }))

  it.effect("CA3 puts the secret, or the id alone, into the form", () =>
    Effect.gen(function*() {
      const post = yield* sentWith(ClientAuthentication.post(secret))
      assert.deepStrictEqual(
        [post.authorization, post.form.get("client_id"), post.form.get("client_secret")],
        [undefined, clientId, clientSecret]
      )
      for (const method of [ClientAuthentication.none, ClientAuthentication.certificate]) { // CA10
        const { authorization, form } = yield* sentWith(method)
        assert.deepStrictEqual([authorization, form.get("client_id"), form.get("client_secret")], [
          undefined,
          clientId,
          null
        ])
      }
    }))

  it.effect("CA5 CA6 CA7 CA8 signs an assertion about itself, for the issuer, good for a minute", () =>
    Effect.gen(function*() {
      const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair("ES256", { extractable: true }))
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const key = SigningKey.fromCryptoKey(privateKey, {
        algorithm: "ES256",
        keyId: "key-1",
        header: { x5t: "canary" }
      })
      const { authorization, form } = yield* sentWith(ClientAuthentication.privateKeyJwt(key))
      assert.isUndefined(authorization)
      assert.strictEqual(form.get("client_id"), clientId)
      assert.strictEqual(
        form.get("client_assertion_type"),
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
      )
      const assertion = form.get("client_assertion") ?? ""
      const { payload, protectedHeader } = yield* Effect.promise(() =>
        jwtVerify(assertion, publicKey, { currentDate: new Date(Date.UTC(2026, 0, 1)) })
      )
      assert.deepInclude(protectedHeader, { alg: "ES256", kid: "key-1", x5t: "canary" })
      const now = Date.UTC(2026, 0, 1) / 1000
      assert.deepInclude(payload, { iss: clientId, sub: clientId, aud: issuer, iat: now, exp: now + 60 })
      const again = yield* sentWith(ClientAuthentication.privateKeyJwt(key, { audience: server.tokenEndpoint }))
      const second = decodeJwt(again.form.get("client_assertion") ?? "")
      assert.notStrictEqual(second.jti, payload.jti)
      assert.strictEqual(second.aud, server.tokenEndpoint)
    }))

  it("CA11 takes the method for a secret from the metadata", () => {
    const methodFor = (clientAuthentications: ReadonlyArray<string> | undefined, given = true) =>
      ClientAuthentication.forSecret(given ? secret : undefined, { ...server, clientAuthentications })._tag
    assert.deepStrictEqual([
      methodFor(undefined),
      methodFor(["client_secret_post", "client_secret_basic"]),
      methodFor(["client_secret_post"]),
      methodFor(["none"], false)
    ], ["Basic", "Basic", "Post", "None"])
  })
})

describe("OAuth, keys", () => {
  const algorithms: ReadonlyArray<SigningKey.Algorithm> = ["ES256", "ES384", "EdDSA", "RS256", "PS256"]
  for (const algorithm of algorithms) {
    it.effect(`CA12 reads a key for ${algorithm} in PEM, with line ends as in a variable, and signs with it`, () =>
      Effect.gen(function*() {
        const { privateKey, publicKey } = yield* Effect.promise(() => generateKeyPair(algorithm, { extractable: true }))
        const pem = yield* Effect.promise(() => exportPKCS8(privateKey))
        const key = yield* SigningKey.fromText(Redacted.make(pem.replaceAll("\n", "\\n")), { algorithm })
        const token = yield* SigningKey.sign(key, {}, { sub: "ada" }, { mode: "Test" })
        const { payload } = yield* Effect.promise(() => jwtVerify(Redacted.value(token), publicKey))
        assert.strictEqual(payload.sub, "ada")
        assert.strictEqual(decodeProtectedHeader(Redacted.value(token)).alg, algorithm)
      }))
  }

  it.effect.each<[string, string, string]>([
    ["in PKCS#1", "-----BEGIN RSA PRIVATE KEY-----\nY2FuYXJ5\n-----END RSA PRIVATE KEY-----", "openssl pkcs8 -topk8"],
    [
      "that is encrypted",
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5\n-----END ENCRYPTED PRIVATE KEY-----",
      "is encrypted"
    ],
    ["that is none", "canary-key", "is no private key for RS256"],
    ["that is public", `{"kty":"RSA","n":"canary","e":"AQAB"}`, "is no private key for RS256"]
  ])("says what is wrong with a key %s, and does not quote it", ([, text, said]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(SigningKey.fromText(Redacted.make(text), { algorithm: "RS256" }))
      assert.include(error.message, said)
      assert.notInclude(error.message, "canary")
      assert.notInclude(error.message, "Y2FuYXJ5")
    }))
})

describe("OAuth, refresh token", () => {
  const begun = Effect.gen(function*() {
    const { httpClient } = yield* fake
    const response = yield* httpClient.post(server.tokenEndpoint, {
      headers: {
        authorization: `Basic ${btoa("reporting:canary+client%2Bsecret%25oauth")}`,
        "content-type": "application/x-www-form-urlencoded"
      },
      body: HttpBody.text(
        new URLSearchParams({ grant_type: "password", username, password }).toString(),
        "application/x-www-form-urlencoded"
      )
    })
    const { refresh_token } = (yield* response.json) as { readonly refresh_token: string }
    return { ...credential, refreshToken: Redacted.make(refresh_token) }
  })

  it.effect("redeems the refresh token before the first request, and each successor once", () =>
    Effect.gen(function*() {
      const { stats } = yield* fake
      const layer = OAuth.layerRefreshToken({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* Effect.gen(function*() {
        assert.deepStrictEqual(yield* me, { client: clientId, user: username, scope: null })
        yield* TestClock.adjust("1 hour")
        yield* me
      }).pipe(Effect.provide(layer))
      assert.deepInclude(yield* stats, { logins: 1, refreshes: 2, reuses: 0, refused: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("ER3 is over when the server says invalid_grant, and says so", () =>
    Effect.gen(function*() {
      const { endSessions } = yield* fake
      const layer = OAuth.layerRefreshToken({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* endSessions
      const error = yield* Effect.flip(Effect.provide(me, layer))
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "OAuth/RefreshToken" })
      assert.include(error.message, "supply the refresh token of a new one")
    }).pipe(Effect.provide(FakeOAuth.layer())))

  it.effect("SU3 fails at once where the API demands more: a refresh cannot widen, and nobody can log in", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "AuthenticationFailed", status: 403 })
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerRefreshToken({
        client: Acme,
        baseUrl,
        server,
        credential: { clientId, refreshToken: Redacted.make("canary-refresh") }
      }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1" } }),
        "GET /me": {
          status: 403,
          headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` }
        }
      }))
    ))))

  it.effect("ER11 TR12 survives a proxy's page, a 404 and a redirect", () =>
    Effect.gen(function*() {
      const { answerNext, stats } = yield* fake
      const layer = OAuth.layerRefreshToken({ client: Acme, baseUrl, server, credential: yield* begun })
      yield* answerNext(
        HttpServerResponse.html("<html>log in</html>"),
        HttpServerResponse.empty({ status: 404 }),
        HttpServerResponse.empty({ status: 302, headers: { location: "https://portal.example/" } })
      )
      yield* Effect.gen(function*() {
        const call = yield* Effect.fork(me)
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(yield* call, { user: username })
      }).pipe(Effect.provide(layer))
      assert.deepInclude(yield* stats, { refreshes: 1, reuses: 0 })
    }).pipe(Effect.provide(FakeOAuth.layer())))
})

describe("OAuth, JWT bearer", () => {
  it.effect("JB1 JB2 exchanges an assertion that is signed anew each time", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      const assertions = (yield* forms).map((form) => new Map(form.map(([k, v]) => [k, v])))
      assert.deepStrictEqual(assertions.map((form) => form.get("grant_type")), [
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
      ])
      const [first, second] = assertions.map((form) => decodeJwt(form.get("assertion") ?? ""))
      assert.deepInclude(first, {
        iss: "robot@acme.example",
        sub: "ada@acme.example",
        aud: issuer,
        iat: -30,
        exp: 3570,
        scope: "mail"
      }) // JB7
      assert.notStrictEqual(first?.jti, second?.jti)
      assert.isFalse(assertions[0]?.has("client_id"))
    }).pipe(Effect.provide(Layer.provideMerge(
      Layer.unwrapEffect(Effect.map(Effect.promise(() => generateKeyPair("RS256")), ({ privateKey }) =>
        OAuth.layerJwtBearer({
          client: Acme,
          baseUrl,
          server: { ...server, issuer },
          assertion: Assertion.signed({
            key: SigningKey.fromCryptoKey(privateKey, { algorithm: "RS256" }),
            issuer: "robot@acme.example",
            subject: "ada@acme.example",
            lifetime: "1 hour",
            backdate: "30 seconds",
            claims: { scope: "mail" }
          })
        }))),
      scripted()
    ))))

  it.effect("JB3 JB8 takes one from elsewhere, and sends a refused one once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "invalid_grant" })
      yield* Effect.flip(me)
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerJwtBearer({
        client: Acme,
        baseUrl,
        server,
        assertion: () => Effect.succeed(Redacted.make("canary-assertion"))
      }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": { status: 400, json: { error: "invalid_grant" } }
      }))
    ))))
})

describe("OAuth, token exchange", () => {
  const exchanging = (answers: ScriptedHttpClient.Script) =>
    Layer.provideMerge(
      Layer.unwrapScoped(Effect.map(
        TokenSource.make({ login: Token.make({ value: "canary-subject", lifetime: "10 minutes" }) }),
        (subject) =>
          OAuth.layerTokenExchange({
            client: Acme,
            baseUrl,
            server,
            credential,
            subject,
            audience: "billing",
            requestedTokenType: "urn:ietf:params:oauth:token-type:jwt"
          })
      )),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /token": answers,
        "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
      }))
    )
  const token = {
    access_token: "canary-1",
    issued_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_type: "bearer"
  }

  it.effect("TX1 TX4 sends the subject's token, and takes its expiry where the answer has none", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual(yield* forms, [[
        ["grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"],
        ["subject_token", "canary-subject"],
        ["subject_token_type", "urn:ietf:params:oauth:token-type:access_token"],
        ["requested_token_type", "urn:ietf:params:oauth:token-type:jwt"],
        ["audience", "billing"]
      ]])
      yield* TestClock.adjust("10 minutes")
      yield* me
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide(exchanging(ScriptedHttpClient.repeatLast({ json: token })))))

  it.effect("TX5 asks for a new subject token once when the first is not accepted", () =>
    Effect.gen(function*() {
      yield* me
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide(exchanging([{ status: 400, json: { error: "invalid_request" } }, { json: token }]))))

  it.effect("TX2 keeps the type of the issued token, and takes no answer without it", () =>
    Effect.gen(function*() {
      const { issued_token_type: _, ...untyped } = token
      const error = yield* Effect.flip(Effect.provide(me, exchanging(ScriptedHttpClient.repeatLast({ json: untyped }))))
      assert.deepInclude(error, { _tag: "MalformedTokenResponse", detail: "the answer has no issued_token_type" })
      const tokens = yield* OAuth.tokenExchangeTokens({
        baseUrl,
        server,
        credential,
        subject: yield* TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
      })
      assert.deepStrictEqual((yield* tokens.get).extra, { issued_token_type: token.issued_token_type })
    }).pipe(Effect.scoped, Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.repeatLast({ json: token })))))

  it.effect("TX2 TR5 does not send as a bearer what is none", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "MalformedTokenResponse" })
    }).pipe(Effect.provide(exchanging(ScriptedHttpClient.repeatLast({ json: { ...token, token_type: "N_A" } })))))
})

describe("OAuth, stored tokens", () => {
  const subject = TokenSource.make({ login: Token.make({ value: "canary-subject" }) })
  const assertion = () => Effect.succeed(Redacted.make("canary-assertion"))
  const common = { client: Acme, baseUrl, server }
  const answers = { access_token: "canary-1", issued_token_type: "urn:ietf:params:oauth:token-type:jwt" }

  /** How many exchanges the second of two programs needs that share one store. */
  const exchanges = (
    first: (store: TokenStore.TokenStore) => Layer.Layer<Acme, unknown, HttpClient.HttpClient>,
    second: (store: TokenStore.TokenStore) => Layer.Layer<Acme, unknown, HttpClient.HttpClient>
  ) =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      yield* Effect.provide(me, first(store))
      yield* Effect.provide(me, second(store))
      return (yield* forms).length
    }).pipe(Effect.provide(scripted(answers)))

  const exchangeOf =
    (options: { readonly account?: string; readonly audience?: string }) => (store: TokenStore.TokenStore) =>
      Layer.unwrapScoped(
        Effect.map(
          subject,
          (subject) => OAuth.layerTokenExchange({ ...common, credential, subject, store, ...options })
        )
      )
  const assertionOf = (account: string) => (store: TokenStore.TokenStore) =>
    OAuth.layerJwtBearer({ ...common, assertion, store, account })
  const clientOf =
    (options: Pick<OAuth.Settings, "parameters" | "resource" | "scope">) => (store: TokenStore.TokenStore) =>
      OAuth.layerClientCredentials({ ...common, credential, store, ...options })

  it.effect("RI3 are taken up by the same subject, and by no other subject, audience, scope, resource or parameter", () =>
    Effect.gen(function*() {
      const ada = { account: "ada", audience: "billing" }
      assert.deepStrictEqual(
        yield* Effect.all([
          exchanges(exchangeOf(ada), exchangeOf(ada)),
          exchanges(exchangeOf(ada), exchangeOf({ ...ada, account: "bob" })),
          exchanges(exchangeOf(ada), exchangeOf({ ...ada, audience: "payroll" })),
          exchanges(assertionOf("ada"), assertionOf("ada")),
          exchanges(assertionOf("ada"), assertionOf("bob")),
          exchanges(clientOf({}), clientOf({})),
          exchanges(clientOf({ scope: ["a b"] }), clientOf({ scope: ["a", "b"] })),
          exchanges(clientOf({ resource: "https://one.example" }), clientOf({ resource: "https://two.example" })),
          exchanges(clientOf({ parameters: { audience: "one" } }), clientOf({ parameters: { audience: "two" } }))
        ]),
        [1, 2, 2, 1, 2, 1, 2, 2, 2]
      )
    }))

  it.effect("are refused where nobody says whose they are", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const layers = [exchangeOf({})(store), OAuth.layerJwtBearer({ ...common, assertion, store })]
      for (const layer of layers) {
        const error = yield* Effect.flip(Effect.provide(me, layer))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "store" })
      }
    }).pipe(Effect.provide(scripted(answers))))

  it.effect("are kept from the stores of the program too", () =>
    Effect.gen(function*() {
      const layer = OAuth.layerJwtBearer({ ...common, assertion })
      yield* Effect.provide(me, layer)
      yield* Effect.provide(me, layer)
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide([scripted(answers), TokenStores.layerMemory])))
})

describe("OAuth, token response", () => {
  const scopeOf = (scope: unknown, scopeSeparator?: ",") =>
    Effect.gen(function*() {
      const options = { baseUrl, server, credential, scope: ["asked"], scopeSeparator }
      const tokens = yield* OAuth.clientCredentialsTokens(options)
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
      const tokens = yield* OAuth.clientCredentialsTokens({
        baseUrl,
        server,
        credential,
        keep: ["instance_url", "absent"]
      })
      assert.deepStrictEqual((yield* tokens.get).extra, { instance_url: "https://i.example" })
    }).pipe(Effect.scoped, Effect.provide(scripted({ instance_url: "https://i.example", other: 1 }))))

  it.effect("MT1 RV1 goes to the endpoints for certificates, to revoke as well", () =>
    Effect.gen(function*() {
      const mtlsEndpoints = { token: "https://mtls.acme.example/token", revocation: "https://mtls.acme.example/revoke" }
      const client = ScriptedHttpClient.make({ json: { access_token: "canary-1" } })
      yield* OAuth.clientCredentialsTokens({
        baseUrl,
        server: { ...revoking, mtlsEndpoints },
        credential: { clientId },
        authentication: ClientAuthentication.certificate
      }).pipe(
        Effect.flatMap(({ get }) => get),
        Effect.scoped,
        Effect.provideService(HttpClient.HttpClient, client)
      )
      assert.deepStrictEqual(
        (yield* client.requests).map(({ url }) => url.href),
        Object.values(mtlsEndpoints)
      )
    }))
})

describe("OAuth, discovery", () => {
  const document = { issuer, token_endpoint: `${issuer}/token` }

  const discovered = (table: Parameters<typeof ScriptedHttpClient.routes>[0], of = issuer) =>
    Effect.gen(function*() {
      const client = ScriptedHttpClient.make(ScriptedHttpClient.routes(table, { status: 404 }))
      const result = yield* AuthorizationServer.discover(of, { mode: "Test" }).pipe(
        Effect.provideService(HttpClient.HttpClient, client),
        Effect.either
      )
      return { result, lines: (yield* client.requests).map(({ line }) => line) }
    })

  it.effect("MD1 MD2 looks in the three places of an issuer with a path, in order", () =>
    Effect.gen(function*() {
      const of = `${issuer}/tenant`
      const { lines, result } = yield* discovered({
        "GET /tenant/.well-known/openid-configuration": { json: { ...document, issuer: of } }
      }, of)
      assert.deepStrictEqual(lines, [
        "GET /.well-known/oauth-authorization-server/tenant",
        "GET /.well-known/openid-configuration/tenant",
        "GET /tenant/.well-known/openid-configuration"
      ])
      assert.isTrue(result._tag === "Right" && result.right.tokenEndpoint === document.token_endpoint)
    }))

  it.effect("MD2 does not skip a server that is not available", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* discovered({
        "GET /.well-known/oauth-authorization-server": { status: 503 }
      })
      assert.lengthOf(lines, 1)
      assert.isTrue(result._tag === "Left" && result.left._tag === "TokenEndpointError")
    }))

  it.effect.each([`${issuer}/`, "https://as.acme.example.evil.example", `${issuer}:443`])(
    "MD3 refuses the document of %s",
    (other) =>
      Effect.gen(function*() {
        const { result } = yield* discovered({
          "GET /.well-known/oauth-authorization-server": { json: { ...document, issuer: other } }
        })
        assert.isTrue(result._tag === "Left" && result.left._tag === "MalformedTokenResponse")
      })
  )

  it.effect("MD4 refuses an issuer with a query, and an endpoint in the clear", () =>
    Effect.gen(function*() {
      const query = yield* discovered({}, `${issuer}?a=1`)
      assert.isTrue(query.result._tag === "Left" && query.result.left._tag === "InvalidSetting")
      const clear = yield* discovered({
        "GET /.well-known/oauth-authorization-server": {
          json: { ...document, token_endpoint: "http://as.acme.example/token" }
        }
      })
      assert.isTrue(clear.result._tag === "Left" && clear.result.left._tag === "InsecureTransport")
    }))

  it.effect("MD6 reads the metadata once an hour, however many logins there are", () =>
    Effect.gen(function*() {
      for (const _ of [1, 2, 3]) {
        yield* me
        yield* TestClock.adjust("2 minutes")
      }
      yield* TestClock.adjust("1 hour")
      yield* me
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const asked = (yield* requests).filter(({ line }) => line.includes("well-known"))
      assert.lengthOf(asked, 2)
      assert.lengthOf(yield* forms, 4)
    }).pipe(Effect.provide(Layer.provideMerge(
      OAuth.layerClientCredentials({ client: Acme, baseUrl, server: issuer, credential }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "GET /.well-known/oauth-authorization-server": ScriptedHttpClient.repeatLast({ json: document }),
        "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1", expires_in: 60 } }),
        "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
      }))
    ))))
})
