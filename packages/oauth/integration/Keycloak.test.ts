import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Device from "@effect-auth/oauth/Device"
import * as Dpop from "@effect-auth/oauth/Dpop"
import type * as OAuth from "@effect-auth/oauth/OAuth"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as Registration from "@effect-auth/oauth/Registration"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { createRemoteJWKSet, jwtVerify } from "jose"
import * as Pki from "../../node/test/fixtures/pki.ts"
import * as Apis from "./fixtures/api.ts"
import * as Desktop from "./fixtures/desktop.ts"
import * as FirstLogin from "./fixtures/firstLogin.ts"
import * as Keycloak from "./fixtures/keycloak.ts"
import * as Realm from "./fixtures/keycloakRealm.ts"
import * as Rotation from "./fixtures/rotation.ts"

class Api extends Context.Tag("@effect-auth/oauth/integration/Api")<Api, AuthenticatedHttpClient.Service>() {}

const { basic, certificate, exchange, person, privateKey } = Realm.clients
const secretOf = ({ secret }: { readonly secret: string }) => Redacted.make(secret)

const authority = Pki.authority("Test CA")
const tls = { ca: authority.pem, pair: authority.issue() }

const me = Effect.flatMap(Api, (http) => Effect.flatMap(http.get(""), ({ json }) => json))

/** Reads a token as an API does that trusts the keys of the realm. */
const claimsOf = ({ issuer }: Keycloak.Service): Apis.ClaimsOf => {
  const keys = createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`))
  return (token) =>
    jwtVerify<TokenClaims>(token, keys).then(
      ({ payload }) => ({
        client: payload.azp ?? "",
        scope: payload.scope,
        certificate: payload.cnf?.["x5t#S256"],
        key: payload.cnf?.jkt
      }),
      () => undefined
    )
}

interface TokenClaims {
  readonly azp?: string
  readonly scope?: string
  readonly cnf?: { readonly "x5t#S256"?: string; readonly jkt?: string }
}

/** Runs a program in a mode, at an API that takes Keycloak's tokens. */
const through = <A, E, E2, Services>(
  program: Effect.Effect<A, E, Services>,
  mode: (server: Keycloak.Service & { readonly api: string }) => Layer.Layer<Services, E2, HttpClient.HttpClient>,
  tls?: Apis.TlsOptions
) =>
  Effect.scoped(Effect.gen(function*() {
    const server = yield* Keycloak.Keycloak
    const api = yield* Apis.start(claimsOf(server), tls)
    return yield* Effect.exit(Effect.provide(program, mode({ ...server, api })))
  }))

const clientCredentials = (
  options: Partial<Parameters<typeof ClientCredentials.layer<Api>>[0]> = {}
) =>
({ api, issuer }: Keycloak.Service & { readonly api: string }) =>
  ClientCredentials.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: basic.id, clientSecret: secretOf(basic) },
    ...options
  })

/** What an error says of a refusal. */
const said = (error: object) => ["_tag", "status", "code"].map((name) => Reflect.get(error, name) as unknown)

/** The token source of a session that a person has begun. */
const session = (options: Partial<OAuth.Settings & OAuth.TokenOptions> = {}) =>
  Effect.gen(function*() {
    const { authorizationEndpoint, issuer, tokenEndpoint } = yield* Keycloak.Keycloak
    const refreshToken = yield* FirstLogin.refreshToken({
      authorizationEndpoint,
      tokenEndpoint,
      client: person,
      scope: "openid"
    })
    const tokens = yield* RefreshToken.makeTokens({
      baseUrl: issuer,
      server: issuer,
      credential: { clientId: person.id, refreshToken },
      ...options
    })
    return { tokens, refreshToken }
  })

/** What a session says that nobody can begin again here. */
const over = "the session has ended; supply the refresh token of a new one"

const never = RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

layer(Layer.merge(Keycloak.layer(tls), NodeHttpClient.layerUndici), {
  timeout: "10 minutes",
  excludeTestServices: true
})("OAuth at Keycloak", (it) => {
  it.effect("CC1 CA1 CA11 logs in by Basic, as the metadata allows, with a secret that has to be encoded", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* yield* through(me, clientCredentials()), { client: basic.id })
    }))

  it.effect("TR16 TR3 takes its members beyond the standard, and a refresh expiry of 0 for none", () =>
    Effect.gen(function*() {
      const { issuer } = yield* Keycloak.Keycloak
      const tokens = yield* ClientCredentials.makeTokens({
        baseUrl: issuer,
        server: issuer,
        credential: { clientId: basic.id, clientSecret: secretOf(basic) },
        keep: ["not-before-policy", "refresh_expires_in"]
      })
      const token = yield* tokens.get
      assert.deepStrictEqual(token.extra, { "not-before-policy": 0, refresh_expires_in: 0 })
      assert.isUndefined(token.refreshExpiresAt)
    }).pipe(Effect.scoped))

  it.effect("CA5 CA6 CA7 CA8 logs in by an assertion for the issuer", () =>
    Effect.gen(function*() {
      const server = yield* Keycloak.Keycloak
      const key = yield* SigningKey.fromText(Redacted.make(server.privateKey), { algorithm: "ES256", keyId: "client" })
      const exit = yield* through(
        me,
        clientCredentials({
          credential: { clientId: privateKey.id },
          authentication: ClientAuthentication.privateKeyJwt(key)
        })
      )
      assert.deepInclude(yield* exit, { client: privateKey.id })
    }))

  it.effect("CA10 MT1 MT2 logs in with a certificate, and the API takes the token with the same one", () =>
    Effect.gen(function*() {
      const pair = authority.issue({ name: certificate.name, ownKey: true })
      const transport = ClientCertificate.layerUndici({
        credential: new Certificate.ClientCertificate({
          certificate: Redacted.make(pair.certificate),
          key: Redacted.make(pair.key),
          ca: authority.pem,
          caOnly: true
        })
      })
      const exit = yield* through(
        me,
        ({ secureIssuer, ...server }) =>
          Layer.provide(
            clientCredentials({
              server: secureIssuer,
              credential: { clientId: certificate.id },
              authentication: ClientAuthentication.certificate
            })({ ...server, secureIssuer }),
            transport
          ),
        tls
      )
      assert.deepInclude(yield* exit, { client: certificate.id, bound: true })
    }))

  it.effect("ER1 ER2 says that the client is not accepted where the server says 401 unauthorized_client: a wrong secret", () =>
    Effect.gen(function*() {
      const exit = yield* through(
        me,
        clientCredentials({ credential: { clientId: basic.id, clientSecret: Redacted.make("canary-wrong") } })
      )
      const error = yield* Effect.flip(exit)
      assert.deepStrictEqual(said(error), ["CredentialsRejected", 401, "unauthorized_client"])
      assert.propertyVal(error, "reason", "Setting")
    }))

  it.effect("ER1 ER2 says which setting the server does not accept: the client, the scope, the grant", () =>
    Effect.gen(function*() {
      const refusals = yield* Effect.forEach([
        { credential: { clientId: "nobody", clientSecret: secretOf(basic) } },
        { scope: ["canary:unknown"] },
        { credential: { clientId: person.id }, authentication: ClientAuthentication.none }
      ], (options) =>
        Effect.flatMap(
          through(me, clientCredentials(options)),
          (exit) => Effect.map(Effect.flip(exit), said)
        ))
      assert.deepStrictEqual(refusals, [
        ["CredentialsRejected", 401, "invalid_client"],
        ["CredentialsRejected", 400, "invalid_scope"],
        ["CredentialsRejected", 401, "unauthorized_client"]
      ])
    }))

  it.effect(`RF1 RF2 RF3 fifty callers, 4 rotations, and a first caller that loses patience: one refresh each (seed ${seed})`, () =>
    Effect.gen(function*() {
      const { tokens } = yield* session({ refreshPolicy: never })
      const rotations = yield* Rotation.rotate(tokens, { seed, times: 4 })
      assert.deepStrictEqual(rotations.map((given) => given.size), [1, 1, 1, 1])
    }).pipe(Effect.scoped))

  it.effect("ER3 is over when somebody else has redeemed its refresh token, and says so", () =>
    Effect.gen(function*() {
      const first = yield* session({ logout: false })
      yield* first.tokens.get
      const { issuer } = yield* Keycloak.Keycloak
      const second = yield* RefreshToken.makeTokens({
        baseUrl: issuer,
        server: issuer,
        credential: { clientId: person.id, refreshToken: first.refreshToken },
        logout: false
      })
      assert.propertyVal(yield* Effect.flip(second.get), "detail", over)
    }).pipe(Effect.scoped))

  it.effect("RV1 ends the session with its scope: the refresh token is good no more", () =>
    Effect.gen(function*() {
      const refreshToken = yield* Effect.scoped(Effect.gen(function*() {
        const { tokens } = yield* session()
        const token = yield* tokens.get
        return token.refreshToken ?? Redacted.make("none")
      }))
      const { issuer } = yield* Keycloak.Keycloak
      const tokens = yield* RefreshToken.makeTokens({
        baseUrl: issuer,
        server: issuer,
        credential: { clientId: person.id, refreshToken },
        logout: false
      })
      assert.propertyVal(yield* Effect.flip(tokens.get), "detail", over)
    }).pipe(Effect.scoped))

  const exchanging =
    (tokens: Parameters<typeof TokenExchange.layer>[0]["subject"]) =>
    ({ api, issuer }: Keycloak.Service & { readonly api: string }) =>
      TokenExchange.layer({
        client: Api,
        baseUrl: api,
        server: issuer,
        credential: { clientId: exchange.id, clientSecret: secretOf(exchange) },
        subject: tokens
      })

  it.effect("TX1 TX2 TX3 exchanges the token of a person's session, and a new one after that has been renewed", () =>
    Effect.gen(function*() {
      const { tokens } = yield* session()
      const exit = yield* through(
        Effect.all([me, Effect.sleep("3200 millis"), me]),
        exchanging(tokens)
      )
      const [first, , second] = yield* exit
      assert.deepInclude(first, { client: exchange.id })
      assert.deepInclude(second, { client: exchange.id })
    }).pipe(Effect.scoped))

  it.effect("TX5 says what the server says where the subject's token is not for this client", () =>
    Effect.gen(function*() {
      const { issuer } = yield* Keycloak.Keycloak
      const tokens = yield* ClientCredentials.makeTokens({
        baseUrl: issuer,
        server: issuer,
        credential: { clientId: basic.id, clientSecret: secretOf(basic) }
      })
      const error = yield* Effect.flip(yield* through(me, exchanging(tokens)))
      assert.deepStrictEqual(said(error), ["CredentialsRejected", 403, "access_denied"])
    }).pipe(Effect.scoped))

  const atDesktop = <A, E, E2>(
    program: Effect.Effect<A, E, Api | Desktop.Desktop>,
    mode: (
      server: Keycloak.Service & { readonly api: string }
    ) => Layer.Layer<Api, E2, HttpClient.HttpClient | AuthorizationCode.Person>
  ) =>
    Effect.flatMap(
      through(
        Effect.zip(program, Effect.flatMap(Desktop.Desktop, ({ asked }) => asked)),
        (server) => Layer.provideMerge(mode(server), Desktop.layer)
      ),
      (exit) => exit
    )

  const code =
    (credential: { readonly clientId: string }, options: Pick<OAuth.Options, "dpop"> & AuthorizationCode.Grant = {}) =>
    ({ api, issuer }: Keycloak.Service & { readonly api: string }) =>
      AuthorizationCode.layer({
        client: Api,
        baseUrl: api,
        server: issuer,
        credential,
        scope: ["openid"],
        ...options
      })
  const bound = { clientId: Realm.clients.bound.id }

  it.effect("AC1 AC2 AC6 AC7 RF1 logs a person in at a port that is free, and refreshes from then on without them", () =>
    Effect.gen(function*() {
      const [answers, pages] = yield* atDesktop(
        Effect.all([me, Effect.sleep("3200 millis"), me]),
        code({ clientId: person.id })
      )
      assert.deepInclude(answers[0], { client: person.id })
      assert.deepInclude(answers[2], { client: person.id })
      assert.strictEqual(pages.length, 1)
    }))

  it.effect("DP1 DP2 DP3 DP5 DP6 RF8 binds the tokens of a session to one key, from the login on", () =>
    Effect.gen(function*() {
      const [answers, pages] = yield* atDesktop(
        Effect.all([me, Effect.sleep("3200 millis"), me]),
        code(bound, { dpop: Dpop.generated() })
      )
      assert.deepInclude(answers[0], { client: bound.clientId, bound: true })
      assert.deepInclude(answers[2], { client: bound.clientId, bound: true })
      assert.strictEqual(pages.length, 1)
    }))

  it.effect("AC14 DP5 binds a request that was pushed to the same key", () =>
    Effect.gen(function*() {
      const [answer, pages] = yield* atDesktop(me, code(bound, { dpop: Dpop.generated(), pushed: true }))
      assert.deepInclude(answer, { client: bound.clientId, bound: true })
      assert.deepStrictEqual([...new URL(pages[0] ?? "").searchParams.keys()], ["client_id", "request_uri"])
    }))

  it.effect("RG4 says that the server registers nobody, where it says 403 to whoever asks", () =>
    Effect.gen(function*() {
      const { issuer } = yield* Keycloak.Keycloak
      const server = yield* AuthorizationServer.discover(issuer, { mode: "Test" })
      const error = yield* Effect.flip(
        Registration.register(server, { redirectUris: [person.redirectUri] }, { mode: "Test" })
      )
      assert.deepStrictEqual(Registration.refusal(error), Option.some("Closed"))
    }))

  const device =
    (options: { readonly clientId: string; readonly pkce: boolean }) =>
    ({ api, issuer }: Keycloak.Service & { readonly api: string }) =>
      Device.layer({
        client: Api,
        baseUrl: api,
        server: issuer,
        credential: { clientId: options.clientId },
        scope: ["openid"],
        pkce: options.pkce
      })

  it.effect("DV1 DV3 DV4 DV6 waits until a person has entered the code on the server's pages", () =>
    Effect.gen(function*() {
      const [answer] = yield* atDesktop(me, device({ clientId: Realm.clients.device.id, pkce: false }))
      assert.deepInclude(answer, { client: Realm.clients.device.id })
    }))

  it.effect("DV10 ties the code of a device to the client, without which this server gives none to a client with PKCE", () =>
    Effect.gen(function*() {
      const [answer] = yield* atDesktop(me, device({ clientId: person.id, pkce: true }))
      assert.deepInclude(answer, { client: person.id })
      const error = yield* Effect.flip(atDesktop(me, device({ clientId: person.id, pkce: false })))
      assert.deepStrictEqual(said(error), ["CredentialsRejected", 400, "invalid_request"])
    }))

  it.effect("MD1 MD2 MD3 MD7 finds the metadata of an issuer with a path, and refuses it under another name", () =>
    Effect.gen(function*() {
      const { issuer, tokenEndpoint } = yield* Keycloak.Keycloak
      const found = yield* AuthorizationServer.discover(issuer, { mode: "Test" })
      assert.deepInclude(found, { issuer, tokenEndpoint, statesIssuer: true })
      assert.includeMembers([...found.clientAuthentications ?? []], ["private_key_jwt", "client_secret_basic"])
      const error = yield* Effect.flip(AuthorizationServer.discover(`${issuer}/`, { mode: "Test" }))
      assert.strictEqual(error._tag, "MalformedTokenResponse")
    }))
})
