import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as Assertion from "@effect-auth/oauth/Assertion"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { decodeJwt } from "jose"
import type * as Http from "node:http"
import * as Pki from "../../node/test/fixtures/pki.ts"
import * as FirstLogin from "./fixtures/firstLogin.ts"
import * as OidcProvider from "./fixtures/oidcProvider.ts"
import * as Rotation from "./fixtures/rotation.ts"
import * as Wire from "./fixtures/wire.ts"

class Api extends Context.Tag("@effect-auth/oauth/integration/Api")<Api, AuthenticatedHttpClient.Service>() {}

class Server extends Context.Tag("@effect-auth/oauth/integration/OidcProvider")<
  Server,
  OidcProvider.OidcProvider
>() {}

const { basic, certificate, person, post, privateKey } = OidcProvider.clients
const secretOf = ({ secret }: { readonly secret: string }) => Redacted.make(secret)

const me = Effect.flatMap(Api, (http) => Effect.flatMap(http.get(""), ({ json }) => json))

/** Runs a program in a mode, and says which token requests there were. */
const through = <A, E, E2>(
  program: Effect.Effect<A, E, Api | Server>,
  mode: (server: OidcProvider.OidcProvider) => Layer.Layer<Api, E2, HttpClient.HttpClient>
) =>
  Effect.gen(function*() {
    const server = yield* Server
    const before = server.exchanges.length
    const exit = yield* Effect.exit(Effect.provide(program, mode(server)))
    return { exit, exchanges: server.exchanges.slice(before) }
  })

/** What an error says of a refusal. */
const said = (error: object) => ["_tag", "status", "code"].map((name) => Reflect.get(error, name) as unknown)

const clientCredentials = (
  options: Partial<Parameters<typeof ClientCredentials.layer<Api>>[0]> = {}
) =>
({ api, issuer }: OidcProvider.OidcProvider) =>
  ClientCredentials.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: basic.id, clientSecret: secretOf(basic) },
    scope: ["api:read"],
    ...options
  })

const byForm = {
  credential: { clientId: post.id },
  authentication: ClientAuthentication.post(secretOf(post))
}

const serverKey = Effect.flatMap(
  Server,
  ({ privateKey }) => SigningKey.fromText(Redacted.make(privateKey), { algorithm: "ES256", keyId: "client" })
)

/** The refresh token of a session that a person has begun. */
const begun = Effect.flatMap(Server, ({ authorizationEndpoint, tokenEndpoint }) =>
  FirstLogin.refreshToken({
    authorizationEndpoint,
    tokenEndpoint,
    client: person,
    scope: "openid offline_access api:read"
  }))

const refreshing = (
  refreshToken: Redacted.Redacted,
  options: Partial<Parameters<typeof RefreshToken.layer<Api>>[0]> = {}
) =>
({ api, issuer }: OidcProvider.OidcProvider) =>
  RefreshToken.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: person.id, refreshToken },
    logout: false,
    ...options
  })

/** A refresh without this library, and its status. */
const redeem = (refreshToken: Redacted.Redacted | string) =>
  Effect.flatMap(Server, ({ tokenEndpoint }) =>
    Effect.promise(async () => {
      const response = await fetch(tokenEndpoint, {
        method: "POST",
        body: new URLSearchParams({
          grant_type: "refresh_token",
          client_id: person.id,
          refresh_token: typeof refreshToken === "string" ? refreshToken : Redacted.value(refreshToken)
        })
      })
      await response.arrayBuffer()
      return response.status
    }))

/** Answers token requests in the place of the server while an effect runs. */
const meeting = (answer: (response: Http.ServerResponse) => void) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Server, ({ inFront }) =>
    Effect.acquireUseRelease(
      Effect.sync(() => {
        inFront.answer = answer
      }),
      () => effect,
      () =>
        Effect.sync(() => {
          inFront.answer = undefined
        })
    ))

/** One request for each exchange. */
const impatient = RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.stop))

const served = (options: OidcProvider.Options = {}) =>
  Layer.merge(Layer.scoped(Server, OidcProvider.start(options)), NodeHttpClient.layerUndici)

layer(served(), { excludeTestServices: true })("OAuth at oidc-provider: clients that act for themselves", (it) => {
  it.effect("CC1 CA1 CA4 logs in by Basic with an id and a secret that have to be encoded", () =>
    Effect.gen(function*() {
      const { exchanges, exit } = yield* through(me, clientCredentials())
      assert.deepStrictEqual(yield* exit, { client: basic.id, scope: "api:read", bound: false })
      assert.deepStrictEqual(exchanges.map(({ form, status }) => [form, status]), [
        [[["grant_type", "client_credentials"], ["scope", "api:read"]], 200]
      ])
    }))

  it.effect("CA2 is not let in where the secret is not encoded: this server decodes it", () =>
    Effect.gen(function*() {
      const raw = ClientAuthentication.basic(secretOf(basic), { raw: true })
      const { exit } = yield* through(me, clientCredentials({ authentication: raw }))
      assert.deepStrictEqual(said(yield* Effect.flip(exit)), ["CredentialsRejected", 400, "invalid_request"])
    }))

  it.effect("CA3 CA4 logs in by the form, which alone holds the secret", () =>
    Effect.gen(function*() {
      const { exchanges, exit } = yield* through(me, clientCredentials(byForm))
      assert.deepInclude(yield* exit, { client: post.id })
      assert.deepStrictEqual(exchanges.map(({ headers, path }) => [path, headers.authorization]), [
        ["/token", undefined]
      ])
    }))

  for (const audience of ["issuer", "token endpoint"] as const) {
    it.effect(`CA5 CA6 CA7 CA8 CA9 logs in by assertions for the ${audience}, each of which is accepted once`, () =>
      Effect.gen(function*() {
        const server = yield* Server
        const authentication = ClientAuthentication.privateKeyJwt(
          yield* serverKey,
          audience === "issuer" ? undefined : { audience: server.tokenEndpoint }
        )
        const { exchanges, exit } = yield* through(
          Effect.all([me, server.endLatestToken, me]),
          clientCredentials({ credential: { clientId: privateKey.id }, authentication })
        )
        assert.deepInclude((yield* exit)[2], { client: privateKey.id })
        const assertions = exchanges.map((exchange) => Wire.parameter(exchange, "client_assertion") ?? "")
        assert.strictEqual(new Set(assertions.map((assertion) => decodeJwt(assertion).jti)).size, 2)
        const replayed = yield* Effect.promise(() =>
          fetch(server.tokenEndpoint, { method: "POST", body: new URLSearchParams(exchanges[0]?.body) })
        )
        assert.strictEqual(replayed.status, 401)
      }))
  }

  it.effect("ER1 ER2 ER8 sends a wrong secret once in a cool-down, and says that the client is not accepted", () =>
    Effect.gen(function*() {
      const wrong = { credential: { clientId: basic.id, clientSecret: Redacted.make("canary-wrong") } }
      const { exchanges, exit } = yield* through(
        Effect.forEach([1, 2, 3], () => Effect.flip(me)),
        clientCredentials(wrong)
      )
      for (const error of yield* exit) {
        assert.deepStrictEqual(said(error), ["CredentialsRejected", 401, "invalid_client"])
        assert.propertyVal(error, "reason", "Setting")
      }
      assert.deepStrictEqual(exchanges.map(({ status }) => status), [401])
    }))

  it.effect("ER2 RI3 says which setting the server does not accept: the scope, the resource, the grant", () =>
    Effect.gen(function*() {
      const codes = yield* Effect.forEach([
        { ...byForm, scope: ["api:write"] },
        { resource: "urn:canary:unknown" },
        { credential: { clientId: person.id }, authentication: ClientAuthentication.none }
      ], (options) =>
        Effect.flatMap(
          through(me, clientCredentials(options)),
          ({ exit }) => Effect.map(Effect.flip(exit), said)
        ))
      assert.deepStrictEqual(codes, [
        ["CredentialsRejected", 400, "invalid_scope"],
        ["CredentialsRejected", 400, "invalid_target"],
        ["CredentialsRejected", 400, "invalid_request"]
      ])
    }))

  it.effect("RI1 RI2 TR9 gets a token for a resource, with the scope that the server grants there", () =>
    Effect.gen(function*() {
      const { exchanges, exit } = yield* through(
        me,
        clientCredentials({ resource: OidcProvider.resource, scope: ["api:read", "api:write"] })
      )
      assert.deepInclude(yield* exit, { scope: "api:read api:write" })
      assert.strictEqual(Wire.parameter(exchanges[0]!, "resource"), OidcProvider.resource)
    }))

  it.effect("RV1 RV2 ends its token with its scope, also where the server knows it no more", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const isAlive = Effect.promise(async () => {
        const token = server.seen.latest
        const response = await fetch(server.api, { headers: { authorization: `Bearer ${token}` } })
        return response.status
      })
      yield* through(
        Effect.zip(me, Effect.map(isAlive, (status) => assert.strictEqual(status, 200))),
        clientCredentials()
      )
      assert.strictEqual(yield* isAlive, 401)
      const { exit } = yield* through(Effect.zip(me, server.endLatestToken), clientCredentials())
      yield* exit
      assert.deepStrictEqual(server.seen.revocations.slice(-2), [200, 200])
    }))
})

layer(served(), { excludeTestServices: true })("OAuth at oidc-provider: assertions and exchanges", (it) => {
  const jwtBearer = (assertion: Assertion.Assertion) => ({ api, issuer }: OidcProvider.OidcProvider) =>
    JwtBearer.layer({
      client: Api,
      baseUrl: api,
      server: issuer,
      credential: { clientId: basic.id, clientSecret: secretOf(basic) },
      assertion,
      scope: ["api:read"]
    })

  it.effect("JB1 JB2 exchanges an assertion that is signed anew each time", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const assertion = Assertion.signed({ key: yield* serverKey, issuer: "canary-issuer", subject: "alice" })
      const { exchanges, exit } = yield* through(Effect.all([me, server.endLatestToken, me]), jwtBearer(assertion))
      assert.deepInclude((yield* exit)[2], { client: basic.id, scope: "api:read" })
      assert.deepStrictEqual(exchanges.map(({ status }) => status), [200, 200])
    }))

  it.effect("JB8 ER4 sends an assertion that was used once more, and no third time", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const signed = Assertion.signed({ key: yield* serverKey, issuer: "canary-issuer" })
      const kept = yield* signed(yield* AuthorizationServer.discover(server.issuer, { mode: "Test" }))
      const { exchanges, exit } = yield* through(
        Effect.all([me, server.endLatestToken, Effect.flip(me), Effect.flip(me)]),
        jwtBearer(() => Effect.succeed(kept))
      )
      const [, , ...errors] = yield* exit
      assert.deepStrictEqual(errors.map(said), [
        ["CredentialsRejected", 400, "invalid_grant"],
        ["CredentialsRejected", 400, "invalid_grant"]
      ])
      assert.deepStrictEqual(exchanges.map(({ status }) => status), [200, 400])
    }))

  const exchanging = Effect.map(Server, ({ api, issuer }) =>
    Layer.unwrapScoped(
      Effect.map(
        ClientCredentials.makeTokens({ ...byForm, baseUrl: api, server: issuer, scope: ["api:read"] }),
        (subject) =>
          TokenExchange.layer({
            client: Api,
            baseUrl: api,
            server: issuer,
            credential: { clientId: basic.id, clientSecret: secretOf(basic) },
            subject
          })
      )
    ))

  it.effect("TX1 TX2 TX3 exchanges the token of another client for one of its own", () =>
    Effect.gen(function*() {
      const layer = yield* exchanging
      const { exchanges, exit } = yield* through(me, () => layer)
      assert.deepInclude(yield* exit, { client: basic.id, scope: "api:read" })
      assert.deepStrictEqual(
        exchanges.map((exchange) => [
          Wire.parameter(exchange, "grant_type"),
          Wire.parameter(exchange, "subject_token_type")
        ]),
        [
          ["client_credentials", undefined],
          [
            "urn:ietf:params:oauth:grant-type:token-exchange",
            "urn:ietf:params:oauth:token-type:access_token"
          ]
        ]
      )
    }))

  it.effect("TX5 asks for a new subject token where the first has ended in the meantime, and exchanges that", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const layer = yield* exchanging
      const { exchanges, exit } = yield* through(
        Effect.all([me, server.endLatestToken, server.endSubjects, me]),
        () => layer
      )
      assert.deepInclude((yield* exit)[3], { client: basic.id })
      assert.deepStrictEqual(exchanges.map(({ status }) => status), [200, 200, 400, 200, 200])
    }))
})

layer(served(), { excludeTestServices: true })("OAuth at oidc-provider: sessions with a refresh token", (it) => {
  it.effect("RF1 RF2 redeems the refresh token, and then each successor, never one twice", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const refreshToken = yield* begun
      const { exchanges, exit } = yield* through(
        Effect.all([me, server.endLatestToken, me, server.endLatestToken, me]),
        refreshing(refreshToken)
      )
      assert.deepInclude((yield* exit)[4], { client: person.id })
      const redeemed = exchanges.map((exchange) => Wire.parameter(exchange, "refresh_token"))
      assert.strictEqual(redeemed[0], Redacted.value(refreshToken))
      assert.strictEqual(new Set(redeemed).size, 3)
      assert.deepStrictEqual(exchanges.map((exchange) => Wire.parameter(exchange, "scope")), [
        undefined,
        undefined,
        undefined
      ])
    }))

  it.effect("ER3 RF4 is over when somebody else has redeemed its refresh token, and says so", () =>
    Effect.gen(function*() {
      const refreshToken = yield* begun
      assert.strictEqual(yield* redeem(refreshToken), 200)
      const { exchanges, exit } = yield* through(Effect.zip(Effect.flip(me), Effect.flip(me)), refreshing(refreshToken))
      for (const error of yield* exit) {
        assert.propertyVal(error, "detail", "the session has ended; supply the refresh token of a new one")
      }
      assert.deepStrictEqual(exchanges.map(({ status }) => status), [400])
    }))

  it.effect("RV1 ends the session with its scope: the refresh token is good no more", () =>
    Effect.gen(function*() {
      const { seen } = yield* Server
      const { exit } = yield* through(me, refreshing(yield* begun, { logout: true }))
      yield* exit
      assert.strictEqual(seen.revocations.at(-1), 200)
      assert.strictEqual(yield* redeem(seen.refreshToken), 400)
    }))

  const strangers = {
    "a proxy's page with 200": (response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html><form>Sign in to the network</form></html>"),
    "a proxy's page with 403": (response) =>
      response.writeHead(403, { "content-type": "text/html" }).end("<html>Forbidden by policy</html>"),
    "an empty 403": (response) => response.writeHead(403).end(),
    "a 404": (response) => response.writeHead(404, { "content-type": "text/plain" }).end("no such service"),
    "a redirect": (response) => response.writeHead(302, { location: "http://127.0.0.1:1/login" }).end(),
    "a 503": (response) => response.writeHead(503).end(),
    "an error that is no text": (response) =>
      response.writeHead(400, { "content-type": "application/json" }).end("{\"error\":{\"code\":7}}")
  } satisfies Record<string, (response: Http.ServerResponse) => void>

  for (const [name, answer] of Object.entries(strangers)) {
    it.effect(`ER10 ER11 ER12 TR2 TR12 keeps the refresh token after ${name} in the place of the server`, () =>
      Effect.gen(function*() {
        const server = yield* Server
        const ended = server.seen.endedGrants
        const refreshToken = yield* begun
        const { exit } = yield* through(
          Effect.all([
            me,
            server.endLatestToken,
            Effect.flip(meeting(answer)(me)),
            Effect.sleep("60 millis"),
            me
          ]),
          refreshing(refreshToken, { refreshPolicy: impatient.pipe(RefreshPolicy.coolDown("50 millis")) })
        )
        const [, , error, , after] = yield* exit
        assert.include(["TokenEndpointError", "MalformedTokenResponse", "CredentialsRejected"], error._tag)
        assert.deepInclude(after, { client: person.id })
        assert.strictEqual(server.seen.endedGrants, ended)
      }))
  }
})

const lifetime = 1
const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

layer(served({ accessTokenLifetime: lifetime }), { excludeTestServices: true })(
  "OAuth at oidc-provider: tokens of a second",
  (it) => {
    it.scoped(`RF2 RF3 fifty callers, 20 rotations, and a first caller that loses patience: one refresh each (seed ${seed})`, () =>
      Effect.gen(function*() {
        console.log(`seed ${seed}: SEED=${seed} repeats this run`)
        const server = yield* Server
        const before = server.exchanges.length
        const ended = server.seen.endedGrants
        const tokens = yield* RefreshToken.makeTokens({
          baseUrl: server.api,
          server: server.issuer,
          credential: { clientId: person.id, refreshToken: yield* begun },
          refreshPolicy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))
        })
        const rotations = yield* Rotation.rotate(tokens, { seed, times: 20 })
        assert.deepStrictEqual(rotations.map((given) => given.size), Array.from({ length: 20 }, () => 1))
        // the login of the person, the first redemption, and the rotations
        assert.deepStrictEqual(
          server.exchanges.slice(before).map(({ status }) => status),
          Array.from({ length: 22 }, () => 200)
        )
        assert.deepStrictEqual([server.seen.endedGrants, server.seen.refusals], [ended, []])
      }))
  }
)

const authority = Pki.authority("Test CA")

layer(served({ tls: { ca: authority.pem, pair: authority.issue() } }), { excludeTestServices: true })(
  "OAuth at oidc-provider over TLS: clients with a certificate",
  (it) => {
    const transport = (pair: Pki.Pair) =>
      ClientCertificate.layerUndici({
        credential: new Certificate.ClientCertificate({
          certificate: Redacted.make(pair.certificate),
          key: Redacted.make(pair.key),
          ca: authority.pem,
          caOnly: true
        })
      })
    const client = authority.issue({ name: certificate.name, ownKey: true })
    const mode = clientCredentials({
      credential: { clientId: certificate.id },
      authentication: ClientAuthentication.certificate
    })

    it.effect("CA10 MT1 MT2 logs in at the server's endpoint for certificates, and the API takes the token with the same one", () =>
      Effect.gen(function*() {
        const { exchanges, exit } = yield* through(
          me,
          (server) => Layer.provide(mode(server), transport(client))
        )
        assert.deepStrictEqual(yield* exit, { client: certificate.id, scope: "api:read", bound: true })
        const { alias } = yield* Server
        assert.deepStrictEqual(exchanges.map(({ form, headers }) => [headers.host, form]), [
          [new URL(alias).host, [
            ["grant_type", "client_credentials"],
            ["scope", "api:read"],
            ["client_id", certificate.id]
          ]]
        ])
      }))

    it.effect("CA10 is refused with a certificate of another name", () =>
      Effect.gen(function*() {
        const stranger = authority.issue({ name: "stranger" })
        const { exit } = yield* through(me, (server) => Layer.provide(mode(server), transport(stranger)))
        assert.deepStrictEqual(said(yield* Effect.flip(exit)), ["CredentialsRejected", 401, "invalid_client"])
      }))
  }
)

layer(served(), { excludeTestServices: true })("OAuth at oidc-provider: discovery", (it) => {
  it.effect("MD1 MD2 MD3 MD7 reads the server's own document and nothing that calls itself another way", () =>
    Effect.gen(function*() {
      const { issuer, tokenEndpoint } = yield* Server
      const found = yield* AuthorizationServer.discover(issuer, { mode: "Test" })
      assert.deepInclude(found, { issuer, tokenEndpoint, statesIssuer: true, codeChallengeMethods: ["S256"] })
      const error = yield* Effect.flip(AuthorizationServer.discover(`${issuer}/`, { mode: "Test" }))
      assert.strictEqual(error._tag, "MalformedTokenResponse")
    }))
})
