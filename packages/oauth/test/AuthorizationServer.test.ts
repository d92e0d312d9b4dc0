import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as ProtectedResource from "@effect-auth/oauth/ProtectedResource"
import * as Registration from "@effect-auth/oauth/Registration"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { Acme, baseUrl, credential, forms, issuer, me } from "./fixtures.ts"

describe("AuthorizationServer", () => {
  const document = { issuer, token_endpoint: `${issuer}/token` }
  const good = { json: { access_token: "canary-1", expires_in: 60 } }
  const other = { status: 400, json: { error: "invalid_grant" } }
  const wrong = { status: 401, json: { error: "invalid_client" } }

  const discovered = (table: Parameters<typeof ScriptedHttpClient.routes>[0], of = issuer, pattern?: string) =>
    Effect.gen(function*() {
      const client = ScriptedHttpClient.make(ScriptedHttpClient.routes(table, { status: 404 }))
      const result = yield* AuthorizationServer.discover(of, { mode: "Test", pattern }).pipe(
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

  it.effect("MD2 says in its own words that there is no metadata, not that a token was refused", () =>
    Effect.gen(function*() {
      for (const answer of [{ status: 404 }, { status: 401 }, { status: 200, body: "<html>welcome</html>" }]) {
        const { result } = yield* discovered({ "* /*": ScriptedHttpClient.repeatLast(answer) })
        assert.isTrue(result._tag === "Left" && result.left._tag === "TokenEndpointError")
        assert.strictEqual(
          result._tag === "Left" ? result.left.message : "",
          `Test: the authorization server answered unexpectedly at ${issuer}/.well-known/openid-configuration (HTTP ${answer.status}): ` +
            "it has no metadata there; is `server` its issuer, to the letter? If it has none, give its endpoints"
        )
      }
    }))

  it.effect("MD4 follows no redirect, as it may lead to another origin", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* discovered({
        "GET /.well-known/oauth-authorization-server": { status: 302, headers: { location: "https://evil.example/" } }
      })
      assert.lengthOf(lines, 1)
      assert.deepInclude(Either.isLeft(result) ? result.left : undefined, { _tag: "TokenEndpointError", status: 302 })
    }))

  it.effect("MD1 removes one slash from the end of an issuer's path, and MD3 none from its name", () =>
    Effect.gen(function*() {
      const of = `${issuer}/tenant/`
      const { lines, result } = yield* discovered({
        "GET /.well-known/oauth-authorization-server/tenant": { json: { ...document, issuer: of } }
      }, of)
      assert.lengthOf(lines, 1)
      assert.isTrue(Either.isRight(result) && result.right.issuer === of)
    }))

  it.effect("MD3 takes a document that names a pattern in the issuer's place where that is said, and knows no issuer then", () =>
    Effect.gen(function*() {
      const pattern = "https://as.acme.example/{tenantid}/v2.0"
      const at = {
        "GET /.well-known/oauth-authorization-server": ScriptedHttpClient.repeatLast({
          json: { ...document, issuer: pattern }
        })
      }
      const [plain, patterned] = [yield* discovered(at), yield* discovered(at, issuer, pattern)]
      assert.isTrue(Either.isLeft(plain.result) && plain.result.left._tag === "MalformedTokenResponse")
      assert.isTrue(Either.isRight(patterned.result) && patterned.result.right.issuer === undefined)
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
      for (const  of of[`${issuer}?a=1`, `${issuer}?`]) {
        const { lines, result } = yield* discovered({}, of)
        assert.isTrue(result._tag === "Left" && result.left._tag === "InvalidSetting")
        assert.lengthOf(lines, 0)
      }
      const clear = yield* discovered({
        "GET /.well-known/oauth-authorization-server": {
          json: { ...document, token_endpoint: "http://as.acme.example/token" }
        }
      })
      assert.isTrue(clear.result._tag === "Left" && clear.result.left._tag === "InsecureTransport")
    }))

  it.effect.each([
    ["https://good.example@evil.example", "InvalidSetting"],
    ["https://as.acme.example#", "InvalidSetting"],
    ["as.acme.example", "InvalidSetting"],
    ["http://as.acme.example", "InsecureTransport"]
  ])("MD4 %s is no issuer, and is not asked", ([of, tag]) =>
    Effect.gen(function*() {
      const { lines, result } = yield* discovered({}, of)
      assert.strictEqual(result._tag === "Left" ? result.left._tag : "Right", tag)
      assert.deepStrictEqual(lines, [])
    }))

  it.each([
    "tokenEndpoint",
    "authorizationEndpoint",
    "deviceAuthorizationEndpoint",
    "revocationEndpoint",
    "registrationEndpoint",
    "jwksUri"
  ])("MD4 user information, which makes a URL look like one of another host, is refused in %s", (name) => {
    const server = { tokenEndpoint: document.token_endpoint, [name]: "https://good.example:canary@evil.example/" }
    const result = AuthorizationServer.make(server)
    assert.deepInclude(Either.isLeft(result) ? result.left : undefined, { _tag: "InvalidSetting", setting: name })
    assert.notInclude(String(result), "canary")
  })

  it.each(["https://as.acme.example/token#", "https://as.acme.example/token#x", "/token", "mailto:token"])(
    "MD4 %s is no endpoint",
    (tokenEndpoint) => {
      const result = AuthorizationServer.make({ tokenEndpoint })
      assert.isTrue(Either.isLeft(result) && result.left._tag === "InvalidSetting")
    }
  )

  it("MD4 an endpoint may have a query, and may be in the clear on loopback", () => {
    const server = { tokenEndpoint: "https://as.acme.example/token?tenant=1", jwksUri: "http://127.0.0.1:8080/keys" }
    assert.deepStrictEqual(AuthorizationServer.make(server), Either.right(server))
  })

  it.effect("MD7 knows what the document says, and the defaults of RFC 8414 for what it does not", () =>
    Effect.gen(function*() {
      const at = "GET /.well-known/oauth-authorization-server"
      const full = yield* discovered({
        [at]: {
          json: {
            ...document,
            authorization_endpoint: `${issuer}/authorize?x=1`,
            grant_types_supported: ["client_credentials"],
            token_endpoint_auth_methods_supported: ["private_key_jwt"],
            code_challenge_methods_supported: ["S256"],
            scopes_supported: ["read"],
            dpop_signing_alg_values_supported: ["ES256"],
            mtls_endpoint_aliases: { token_endpoint: "https://mtls.acme.example/token", introspection_endpoint: "x" },
            authorization_response_iss_parameter_supported: true,
            client_id_metadata_document_supported: true,
            something_else: { of: "no concern" }
          }
        }
      })
      assert.deepInclude(Either.getOrThrow(full.result), {
        authorizationEndpoint: `${issuer}/authorize?x=1`,
        grantTypes: ["client_credentials"],
        clientAuthentications: ["private_key_jwt"],
        codeChallengeMethods: ["S256"],
        scopes: ["read"],
        dpopAlgorithms: ["ES256"],
        mtlsEndpoints: { token: "https://mtls.acme.example/token" },
        statesIssuer: true,
        clientMetadataDocuments: true
      })
      const result = Either.getOrThrow((yield* discovered({ [at]: { json: document } })).result)
      assert.deepInclude(result, {
        grantTypes: ["authorization_code", "implicit"],
        clientAuthentications: ["client_secret_basic"]
      })
      assert.doesNotHaveAnyKeys(result, ["codeChallengeMethods", "statesIssuer"])
    }))

  it.effect("MD7 a member that is null is absent", () =>
    Effect.gen(function*() {
      const names = [
        "authorization_endpoint",
        "device_authorization_endpoint",
        "revocation_endpoint",
        "registration_endpoint",
        "jwks_uri",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "scopes_supported",
        "code_challenge_methods_supported",
        "authorization_response_iss_parameter_supported",
        "client_id_metadata_document_supported",
        "dpop_signing_alg_values_supported",
        "mtls_endpoint_aliases"
      ]
      const at = "GET /.well-known/oauth-authorization-server"
      const without = yield* discovered({ [at]: { json: document } })
      const nulls = { ...Object.fromEntries(names.map((name) => [name, null])), ...document }
      assert.deepStrictEqual((yield* discovered({ [at]: { json: nulls } })).result, without.result)
      const aliases = { ...document, mtls_endpoint_aliases: { token_endpoint: null, revocation_endpoint: null } }
      const { result } = yield* discovered({ [at]: { json: aliases } })
      assert.isTrue(result._tag === "Right" && result.right.mtlsEndpoints?.token === undefined)
    }))

  it.effect("MD2 looks at the next place after an error with 200", () =>
    Effect.gen(function*() {
      const { lines, result } = yield* discovered({
        "GET /.well-known/oauth-authorization-server": { json: { error: "not found" } },
        "GET /.well-known/openid-configuration": { json: document }
      })
      assert.lengthOf(lines, 2)
      assert.isTrue(Either.isRight(result))
    }))

  it.effect("MD7 refuses a list that is none, or whose elements are no texts", () =>
    Effect.gen(function*() {
      const at = "GET /.well-known/oauth-authorization-server"
      for (const scopes_supported of ["read", ["read", 1], ["read", null], {}]) {
        const { result } = yield* discovered({ [at]: { json: { ...document, scopes_supported } } })
        assert.isTrue(result._tag === "Left" && result.left._tag === "MalformedTokenResponse")
      }
    }))

  it.effect("waits for no document and no registration longer than for a token", () =>
    Effect.gen(function*() {
      const late = { _tag: "TokenEndpointError", reason: "Timeout" } as const
      const all = yield* Effect.fork(Effect.all([
        Effect.flip(AuthorizationServer.discover(issuer, { mode: "Test" })),
        Effect.flip(ProtectedResource.discover(baseUrl, { mode: "Test" })),
        Effect.flip(Registration.register(
          { tokenEndpoint: `${issuer}/token`, registrationEndpoint: `${issuer}/register` },
          { redirectUris: ["http://127.0.0.1/callback"] },
          { mode: "Test" }
        ))
      ], { concurrency: "unbounded" }))
      yield* TestClock.adjust("31 seconds")
      for (const error of yield* all) assert.deepInclude(error, late)
    }).pipe(Effect.provide(ScriptedHttpClient.layer(() => Effect.never))))

  it.effect.each<[string, readonly [ScriptedHttpClient.Reply, ...Array<ScriptedHttpClient.Reply>], number]>([
    ["MD6 again where it no longer accepts a client that it has accepted", [good, wrong, good], 2],
    ["MD6 no more than once where it has never accepted the client", [wrong, wrong, wrong], 1],
    ["MD6 no more than once where it has refused something else", [good, other, good], 1]
  ])("reads the metadata %s", ([, answers, times]) =>
    Effect.gen(function*() {
      const client = ScriptedHttpClient.make(ScriptedHttpClient.routes({
        "GET /.well-known/oauth-authorization-server": ScriptedHttpClient.repeatLast({ json: document }),
        "POST /token": ScriptedHttpClient.repeatLast(...answers)
      }))
      const tokens = yield* ClientCredentials.makeTokens({ baseUrl, server: issuer, credential, logout: false }).pipe(
        Effect.provideService(HttpClient.HttpClient, client)
      )
      for (const _ of answers) {
        yield* Effect.either(tokens.get)
        yield* TestClock.adjust("2 minutes")
      }
      assert.lengthOf((yield* client.requests).filter(({ line }) => line.includes("well-known")), times)
    }).pipe(Effect.scoped))

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
      ClientCredentials.layer({ client: Acme, baseUrl, server: issuer, credential }),
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "GET /.well-known/oauth-authorization-server": ScriptedHttpClient.repeatLast({ json: document }),
        "POST /token": ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1", expires_in: 60 } }),
        "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
      }))
    ))))
})
