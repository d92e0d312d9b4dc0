/**
 * The same flows by `oauth4webapi` and `openid-client` at the same server: the requests are the same, but for what is
 * listed here as meant to be another.
 */
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { decodeJwt, decodeProtectedHeader, importPKCS8 } from "jose"
import * as oauth from "oauth4webapi"
import * as openid from "openid-client"
import * as Desktop from "./fixtures/desktop.ts"
import * as FirstLogin from "./fixtures/firstLogin.ts"
import * as OidcProvider from "./fixtures/oidcProvider.ts"
import * as Person from "./fixtures/person.ts"
import type * as Wire from "./fixtures/wire.ts"

class Server extends Context.Tag("@effect-auth/oauth/integration/OidcProvider")<
  Server,
  OidcProvider.OidcProvider
>() {}

const { basic, person, post, privateKey } = OidcProvider.clients
const scope = "openid offline_access api:read"

/** The token requests that an effect makes. */
const requestsOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const { exchanges } = yield* Server
    const before = exchanges.length
    yield* effect
    return exchanges.slice(before)
  })

/** What has to be the same. The order of parameters means nothing, and Basic is compared as the server decodes it. */
const shape = ({ form, headers, method, path }: Wire.Exchange) => ({
  method,
  path,
  type: headers["content-type"]?.replace(/;.*/u, ""),
  accept: headers.accept,
  client: credentials(headers.authorization),
  form: Object.fromEntries(form.map(([name, value]) => [name, name === "client_assertion" ? claims(value) : value])),
  parameters: form.length
})

const credentials = (field: string | undefined) =>
  field === undefined ? undefined : Buffer.from(field.replace(/^Basic /u, ""), "base64").toString().split(":").map(
    (part) => new URLSearchParams(`_=${part}`).get("_")
  )

/**
 * Of an assertion: what is not made anew each time. Meant to be another: `nbf`, which a server whose clock is behind would
 * take amiss, and `typ`, which RFC 7519 section 5.1 recommends.
 */
const claims = (assertion: string) => {
  const { exp, iat, jti, nbf: _, ...rest } = decodeJwt(assertion)
  const { typ: __, ...header } = decodeProtectedHeader(assertion)
  return { header, ...rest, lifetime: Number(exp) - Number(iat), isUnique: typeof jti === "string" && jti.length > 20 }
}

const http = { [oauth.allowInsecureRequests]: true }

/** What `oauth4webapi` knows of the server. */
const metadata = Effect.flatMap(Server, ({ issuer }) =>
  Effect.promise(async () => {
    const url = new URL(issuer)
    return oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { ...http, algorithm: "oauth2" }))
  }))

/** A client of `openid-client`. */
const configuration = (clientId: string, authentication: openid.ClientAuth) =>
  Effect.flatMap(
    Server,
    ({ issuer }) =>
      Effect.promise(() =>
        openid.discovery(new URL(issuer), clientId, undefined, authentication, {
          execute: [openid.allowInsecureRequests],
          algorithm: "oauth2"
        })
      )
  )

const served = Layer.merge(Layer.scoped(Server, OidcProvider.start()), NodeHttpClient.layerUndici)

layer(served, { excludeTestServices: true })("Token requests of oauth4webapi, openid-client and OAuth", (it) => {
  const ways = {
    "CA1 Basic": {
      client: basic.id,
      ours: () => Effect.succeed(ClientAuthentication.basic(Redacted.make(basic.secret))),
      panva: () => Effect.succeed(oauth.ClientSecretBasic(basic.secret)),
      openid: () => Effect.succeed(openid.ClientSecretBasic(basic.secret))
    },
    "CA3 the form": {
      client: post.id,
      ours: () => Effect.succeed(ClientAuthentication.post(Redacted.make(post.secret))),
      panva: () => Effect.succeed(oauth.ClientSecretPost(post.secret)),
      openid: () => Effect.succeed(openid.ClientSecretPost(post.secret))
    },
    "CA5 an assertion": {
      client: privateKey.id,
      ours: (pem: string) =>
        Effect.map(
          SigningKey.fromText(Redacted.make(pem), { algorithm: "ES256", keyId: "client" }),
          (key) => ClientAuthentication.privateKeyJwt(key)
        ),
      panva: (pem: string) =>
        Effect.promise(async () => oauth.PrivateKeyJwt({ key: await importPKCS8(pem, "ES256"), kid: "client" })),
      openid: (pem: string) =>
        Effect.promise(async () => openid.PrivateKeyJwt({ key: await importPKCS8(pem, "ES256"), kid: "client" }))
    }
  }

  for (const [name, { client, openid: openidWay, ours, panva }] of Object.entries(ways)) {
    it.effect(`CC1 TR1 ${name}: client credentials`, () =>
      Effect.gen(function*() {
        const server = yield* Server
        const as = yield* metadata
        const parameters = { scope: "api:read", resource: OidcProvider.resource }
        const [own] = yield* requestsOf(
          Effect.gen(function*() {
            const tokens = yield* ClientCredentials.makeTokens({
              baseUrl: server.api,
              server: server.issuer,
              credential: { clientId: client },
              authentication: yield* ours(server.privateKey),
              scope: ["api:read"],
              resource: OidcProvider.resource,
              logout: false
            })
            yield* tokens.get
          }).pipe(Effect.scoped)
        )
        const panvaAuthentication = yield* panva(server.privateKey)
        const [theirs] = yield* requestsOf(Effect.promise(() =>
          oauth.clientCredentialsGrantRequest(as, { client_id: client }, panvaAuthentication, parameters, http)
        ))
        const config = yield* configuration(client, yield* openidWay(server.privateKey))
        const [others] = yield* requestsOf(Effect.promise(() =>
          openid.clientCredentialsGrant(config, parameters)
        ))
        assert.deepStrictEqual(shape(own!), shape(theirs!))
        assert.deepStrictEqual(shape(own!), shape(others!))
        assert.deepStrictEqual([own!.status, theirs!.status, others!.status], [200, 200, 200])
      }))
  }

  it.effect("RF1 CA3 a refresh of a public client", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const as = yield* metadata
      const begun = Effect.map(FirstLogin.refreshToken({ ...server, client: person, scope }), Redacted.value)
      const [first, second, third] = yield* Effect.all([begun, begun, begun])
      const [own] = yield* requestsOf(
        Effect.gen(function*() {
          const tokens = yield* RefreshToken.makeTokens({
            baseUrl: server.api,
            server: server.issuer,
            credential: { clientId: person.id, refreshToken: Redacted.make(first) },
            logout: false
          })
          yield* tokens.get
        }).pipe(Effect.scoped)
      )
      const [theirs] = yield* requestsOf(
        Effect.promise(() => oauth.refreshTokenGrantRequest(as, { client_id: person.id }, oauth.None(), second, http))
      )
      const config = yield* configuration(person.id, openid.None())
      const [others] = yield* requestsOf(Effect.promise(() => openid.refreshTokenGrant(config, third)))
      const same = (exchange: Wire.Exchange) => {
        const { form, ...rest } = shape(exchange)
        return { ...rest, form: { ...form, refresh_token: typeof form["refresh_token"] } }
      }
      assert.deepStrictEqual(same(own!), same(theirs!))
      assert.deepStrictEqual(same(own!), same(others!))
      assert.deepStrictEqual([own!.status, theirs!.status, others!.status], [200, 200, 200])
    }))

  it.effect("AC2 AC6 a code with its verifier, and the authorization request that led to it", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const as = yield* metadata
      const own = yield* Effect.gen(function*() {
        const [request] = yield* requestsOf(
          Effect.gen(function*() {
            const tokens = yield* AuthorizationCode.makeTokens({
              baseUrl: server.api,
              server: server.issuer,
              credential: { clientId: person.id },
              scope: ["openid", "offline_access", "api:read"],
              logout: false
            })
            yield* tokens.get
          }).pipe(Effect.scoped)
        )
        const [url] = yield* (yield* Desktop.Desktop).asked
        return { request: request!, url: new URL(url ?? "") }
      }).pipe(Effect.provide(Desktop.layer))

      const redirectUri = own.url.searchParams.get("redirect_uri") ?? ""
      const verifier = oauth.generateRandomCodeVerifier()
      const parameters = {
        scope,
        redirect_uri: redirectUri,
        state: oauth.generateRandomState(),
        nonce: oauth.generateRandomNonce(),
        code_challenge: yield* Effect.promise(() => oauth.calculatePKCECodeChallenge(verifier)),
        code_challenge_method: "S256",
        prompt: "consent"
      }
      const config = yield* configuration(person.id, openid.None())
      const url = openid.buildAuthorizationUrl(config, parameters)
      const answer = yield* Person.logIn(url.href, redirectUri)
      const [theirs] = yield* requestsOf(Effect.promise(() =>
        oauth.authorizationCodeGrantRequest(
          as,
          { client_id: person.id },
          oauth.None(),
          oauth.validateAuthResponse(as, { client_id: person.id }, answer, parameters.state),
          redirectUri,
          verifier,
          http
        )
      ))
      const random = ["state", "nonce", "code_challenge", "code", "code_verifier"]
      const same = (pairs: Iterable<readonly [string, unknown]>) =>
        Object.fromEntries(
          Array.from(pairs, ([name, value]) => [name, random.includes(name) ? String(value).length : value])
        )
      assert.deepStrictEqual(same(own.url.searchParams), same(url.searchParams))
      const { form: ownForm, ...ownRest } = shape(own.request)
      const { form: theirForm, ...theirRest } = shape(theirs!)
      assert.deepStrictEqual(ownRest, theirRest)
      assert.deepStrictEqual(same(Object.entries(ownForm)), same(Object.entries(theirForm)))
      assert.deepStrictEqual([own.request.status, theirs!.status], [200, 200])
    }))
})
