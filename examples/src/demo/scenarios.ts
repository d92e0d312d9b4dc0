/** One scenario per mode that needs no person: its server, the layer of the mode, what goes wrong, and what that may cost. */
import type { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as Credential from "@effect-auth/core/Credential"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as HttpServer from "@effect/platform/HttpServer"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { createServer } from "node:https"
import { TLSSocket } from "node:tls"
import * as SelfSigned from "selfsigned"

export interface Scenario {
  readonly mode: string
  readonly story: string
  /** What the program asks for, twice five times. */
  readonly path: string
  /** What happens between the calls. */
  readonly trouble: Trouble
  /** What that means for this mode. */
  readonly means: string
  readonly start: Effect.Effect<Stage, Error, HttpServer.HttpServer | Scope.Scope>
  readonly expected: { readonly logins: number; readonly refreshes: number; readonly replays: boolean }
}

type Trouble = "every token expires" | "the server revokes every token" | "the server restarts"

export interface Server {
  readonly revokeAll: Effect.Effect<void>
  readonly restart?: Effect.Effect<void>
  readonly stats: Effect.Effect<{ readonly logins: number; readonly refreshes: number }>
}

interface Stage {
  readonly layer: Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
  readonly server: Server
}

const noLogin = { logins: 0, refreshes: 0, replays: false }

const mq = (
  layer: (options: {
    readonly baseUrl: string
    readonly credential: Credential.Basic
  }) => Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
) =>
  Effect.gen(function*() {
    const server = yield* FakeMqweb.make()
    const url = yield* FakeServer.serve(server.app)
    const credential = yield* Credential.basic({
      username: "reader",
      password: Redacted.make(FakeMqweb.canaries.reader.password)
    })
    return { layer: layer({ baseUrl: `${url}/ibmmq/rest/v3`, credential }), server }
  })

/** A certificate that nobody signed but itself, for a name. */
const certificate = (name: string, options: SelfSigned.SelfsignedOptions) =>
  Effect.promise(() => SelfSigned.generate([{ name: "commonName", value: name }], { keyType: "ec", ...options }))

const mqCertificate = Effect.gen(function*() {
  const own = yield* certificate("127.0.0.1", {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }]
  })
  const client = yield* certificate("reader", {})
  const server = yield* FakeMqweb.make({
    clientCertificate: (request) => {
      const { socket } = NodeHttpServerRequest.toIncomingMessage(request)
      return socket instanceof TLSSocket
        ? Option.fromNullable(socket.getPeerX509Certificate()).pipe(
          Option.map(({ subject }) => subject.replace(/^CN=/, ""))
        )
        : Option.none()
    }
  })
  const tls = { cert: own.cert, key: own.private, ca: client.cert, requestCert: true }
  const listening = yield* Layer.build(
    NodeHttpServer.layer(() => createServer(tls), { port: 0, host: "127.0.0.1" })
  )
  const url = yield* Effect.provide(FakeServer.serve(server.app), listening)
  const baseUrl = `${url.replace("http:", "https:")}/ibmmq/rest/v3`
  const credential = yield* Certificate.make({
    certificate: Redacted.make(client.cert),
    key: Redacted.make(client.private),
    ca: own.cert
  })
  return {
    layer: Layer.provide(IbmMq.layerClientCertificate({ baseUrl }), ClientCertificate.layerUndici({ credential })),
    server
  }
})

const { canaries } = FakeYamcs

const yamcs = <C extends YamcsCredential.YamcsCredential>(
  credential: () => Either.Either<C, Error>,
  tokenLifetime: Duration.DurationInput = "500 seconds"
) =>
  Effect.gen(function*() {
    const server = yield* FakeYamcs.make({ tokenLifetime })
    const url = yield* FakeServer.serve(server.app)
    return { layer: Yamcs.layer({ baseUrl: url, credential: yield* credential() }), server }
  })

/** The tokens of a login that another program did. */
const yamcsBearer = Effect.gen(function*() {
  const server = yield* FakeYamcs.make({ tokenLifetime: "2 seconds" })
  const url = yield* FakeServer.serve(server.app)
  const response = yield* server.httpClient.execute(
    HttpClientRequest.post(`${url}/auth/token`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUrlParams({
        grant_type: "password",
        username: canaries.username,
        password: canaries.password
      })
    )
  )
  const tokens = yield* HttpClientResponse.schemaBodyJson(
    Schema.Struct({ access_token: Schema.String, refresh_token: Schema.String })
  )(response)
  const stats = Effect.map(server.stats, ({ logins, refreshes }) => ({ logins: logins - 1, refreshes }))
  return {
    layer: Yamcs.layerBearer({
      baseUrl: url,
      credential: {
        accessToken: Redacted.make(tokens.access_token),
        refreshToken: Redacted.make(tokens.refresh_token)
      }
    }),
    server: { ...server, stats }
  }
})

/** The ticket of a person who is logged in at a domain. */
const yamcsSpnego = Effect.gen(function*() {
  const server = yield* FakeYamcs.make({ spnego: true })
  const url = yield* FakeServer.serve(server.app)
  const ticket = Layer.succeed(Negotiate.Negotiate, server.negotiate)
  return { layer: Layer.provide(Yamcs.layerSpnego({ baseUrl: url }), ticket), server }
})

const yamcsAnonymous = Effect.gen(function*() {
  const server = yield* FakeYamcs.make({ guest: "guest" })
  const url = yield* FakeServer.serve(server.app)
  return { layer: Yamcs.layerAnonymous({ baseUrl: url }), server }
})

const externalToken = "canary-token-of-another-provider"

const client = { clientId: "reporting", clientSecret: "canary-client-secret-qualys", level: "user" } as const

const qualys = (
  layer: (options: {
    readonly platform: Platform.Platform
    readonly credential: Credential.Basic
  }) => Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
) =>
  Effect.gen(function*() {
    const server = yield* FakeQualys.make({
      concurrency: 10,
      externalBearers: [externalToken],
      clients: { [client.clientId]: { secret: client.clientSecret, level: client.level } }
    })
    const url = yield* FakeServer.serve(server.app)
    const credential = yield* Credential.basic({
      username: FakeQualys.canaries.username,
      password: Redacted.make(FakeQualys.canaries.password)
    })
    const platform = new Platform.Override({ api_url: url, gateway_url: url, qualysguard_url: url })
    return { layer: layer({ platform, credential }), server }
  })

const oauth = (
  layer: (
    baseUrl: string,
    server: FakeOAuth.Service
  ) => Effect.Effect<Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>>
) =>
  Effect.gen(function*() {
    const server = yield* FakeOAuth.make({ tokenLifetime: "2 seconds" })
    const url = yield* FakeServer.serve(server.app)
    return { layer: yield* layer(url, server), server }
  })

/** A service, at a server that is its API as well. */
const service = (baseUrl: string) => {
  const { clientId, clientSecret } = FakeOAuth.canaries
  return { baseUrl, server: baseUrl, credential: { clientId, clientSecret: Redacted.make(clientSecret) } }
}

export const scenarios: ReadonlyArray<Scenario> = [
  {
    mode: "ibm-mq/basic",
    story: "user name and password on every request",
    path: "/admin/qmgr",
    trouble: "the server revokes every token",
    means: "a password is checked on every request, there is no token",
    start: mq(IbmMq.layerBasic),
    expected: noLogin
  },
  {
    mode: "ibm-mq/ltpa",
    story: "one login, then a cookie",
    path: "/admin/qmgr",
    trouble: "the server revokes every token",
    means: "the cookie is refused, and one login serves all five calls, which are sent again",
    start: mq(IbmMq.layerLtpa),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "ibm-mq/client-certificate",
    story: "a certificate in the TLS handshake, and nothing in the requests",
    path: "/admin/qmgr",
    trouble: "the server revokes every token",
    means: "a certificate is no token, the connection is the proof",
    start: mqCertificate,
    expected: noLogin
  },
  {
    mode: "yamcs/password",
    story: "one login, then an access token that is refreshed",
    path: "/api/user",
    trouble: "every token expires",
    means: "the access token is refreshed once before the five calls, without the password",
    start: yamcs(
      () => YamcsCredential.password({ username: canaries.username, password: Redacted.make(canaries.password) }),
      "2 seconds"
    ),
    expected: { logins: 1, refreshes: 1, replays: false }
  },
  {
    mode: "yamcs/bearer",
    story: "an access token and a refresh token from elsewhere",
    path: "/api/user",
    trouble: "every token expires",
    means: "the given token is refreshed as one's own would be",
    start: yamcsBearer,
    expected: { logins: 0, refreshes: 1, replays: false }
  },
  {
    mode: "yamcs/service-account",
    story: "client id and secret, as another account; no refresh token",
    path: "/api/user",
    trouble: "the server restarts",
    means: "the token is refused, and the client id and secret log in again",
    start: yamcs(() =>
      YamcsCredential.serviceAccount({
        clientId: canaries.serviceAccount.applicationId,
        clientSecret: Redacted.make(canaries.serviceAccount.applicationSecret),
        become: canaries.username
      })
    ),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "yamcs/api-key",
    story: "a key on every request",
    path: "/api/user",
    trouble: "the server restarts",
    means: "a key is in the server's configuration and outlives a restart",
    start: yamcs(() => YamcsCredential.apiKey({ key: Redacted.make(canaries.apiKey) })),
    expected: noLogin
  },
  {
    mode: "yamcs/basic",
    story: "user name and password on every request",
    path: "/api/user",
    trouble: "the server restarts",
    means: "a password is checked on every request and outlives a restart",
    start: yamcs(() => Credential.basic({ username: canaries.username, password: Redacted.make(canaries.password) })),
    expected: noLogin
  },
  {
    mode: "yamcs/spnego",
    story: "a Kerberos ticket, exchanged for an access token that is refreshed",
    path: "/api/user",
    trouble: "the server restarts",
    means: "the token is refused, and the ticket logs in again",
    start: yamcsSpnego,
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "yamcs/anonymous",
    story: "nothing, for a server that admits everyone",
    path: "/api/user",
    trouble: "the server restarts",
    means: "there is nothing that could be refused",
    start: yamcsAnonymous,
    expected: noLogin
  },
  {
    mode: "qualys/basic",
    story: "user name and password on every request",
    path: "/api/2.0/fo/scan/?action=list",
    trouble: "the server revokes every token",
    means: "a password is checked on every request, there is no token",
    start: qualys(Qualys.layerBasic),
    expected: noLogin
  },
  {
    mode: "qualys/session",
    story: "one login, then a session cookie; a logout at the end",
    path: "/api/2.0/fo/scan/?action=list",
    trouble: "the server revokes every token",
    means: "the session is refused, and one login serves all five calls, which are sent again",
    start: qualys(Qualys.layerSession),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "qualys/jwt",
    story: "one login at the gateway, then a JWT",
    path: "/rest/2.0/count/am/asset",
    trouble: "the server revokes every token",
    means: "the JWT is refused, and one login serves all five calls, which are sent again",
    start: qualys(Qualys.layerJwt),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "qualys/client-credentials",
    story: "client id and secret at the gateway, then a JWT",
    path: "/rest/2.0/count/am/asset",
    trouble: "the server revokes every token",
    means: "the JWT is refused, and one login serves all five calls, which are sent again",
    start: qualys(({ platform }) =>
      Qualys.layerClientCredentials({
        platform,
        credential: { ...client, clientSecret: Redacted.make(client.clientSecret) }
      })
    ),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "qualys/bearer",
    story: "a token of another identity provider",
    path: "/rest/2.0/count/am/asset",
    trouble: "the server revokes every token",
    means: "the gateway did not issue this token, and does not revoke it",
    start: qualys(({ platform }) =>
      Qualys.layerBearer({ platform, credential: { token: Redacted.make(externalToken) } })
    ),
    expected: noLogin
  },
  {
    mode: "oauth/client-credentials",
    story: "a service that acts for itself: one login, then an access token",
    path: "/reports",
    trouble: "every token expires",
    means: "there is no refresh token: one login before the five calls",
    start: oauth((baseUrl) => Effect.succeed(ClientCredentials.layer(service(baseUrl)))),
    expected: { logins: 2, refreshes: 0, replays: false }
  },
  {
    mode: "oauth/dpop",
    story: "the same, and each request proves that its sender has the key that the token is bound to",
    path: "/reports",
    trouble: "the server revokes every token",
    means: "the access token is refused, and one login serves all five calls, which are sent again with new proofs",
    start: oauth((baseUrl) => Effect.succeed(ClientCredentials.layer({ ...service(baseUrl), dpop: Dpop.generated() }))),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "oauth/refresh-token",
    story: "a refresh token from elsewhere, which is good once: each access token comes with the next one",
    path: "/reports",
    trouble: "the server revokes every token",
    means: "the access token is refused, and one refresh serves all five calls, which are sent again",
    start: oauth((baseUrl, server) =>
      Effect.map(server.issue(), ({ refreshToken }) => {
        const { credential, ...settings } = service(baseUrl)
        return RefreshToken.layer({ ...settings, credential: { ...credential, refreshToken } })
      })
    ),
    expected: { logins: 0, refreshes: 2, replays: true }
  }
]
