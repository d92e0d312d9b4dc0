/** Tunnels through proxies, over real sockets. Every host name leads to this machine by way of the proxy alone. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import { HandshakeFailed, ProxyFailed, TokenEndpointError } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/ClientCertificate"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as Net from "node:net"
import { inspect } from "node:util"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as Tls from "../src/Tls.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"
import * as ProxyServer from "./fixtures/proxy.ts"

const ours = Pki.authority("Test CA")
const theirs = Pki.authority("Foreign CA")
const pair = ours.issue({ name: "mq.test" })
const clientPair = ours.issue({ name: "client" })
const credential = new Credential.ClientCertificate({
  certificate: Redacted.make(clientPair.certificate),
  key: Redacted.make(clientPair.key),
  ca: ours.pem,
  caOnly: true
})

const password = Redacted.make("canary-proxy-password")
const authorization = `Basic ${Buffer.from("me:canary-proxy-password").toString("base64")}`

/** The server by the name that only the proxy leads to this machine. */
const origin = (options: { readonly pair?: Pki.Pair; readonly rejectUnauthorized?: boolean } = {}) =>
  Effect.map(
    MutualTlsServer.server({ pair, trusts: ours.pem, rejectUnauthorized: false, ...options }),
    (server) => ({ ...server, url: server.url.replace("localhost", "mq.test") })
  )

const text = (url: string, headers: Record<string, string> = {}) =>
  Effect.flatMap(
    HttpClient.HttpClient,
    (client) => Effect.flatMap(client.get(url, { headers }), (response) => response.text)
  )

const refused = <A, E, R>(request: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(request), (error) => {
    const cause = (error as { readonly cause?: unknown }).cause
    assert.instanceOf(cause, ProxyFailed, String(error))
    assert.include(String((error as { readonly message?: unknown }).message), cause.message)
    return cause
  })

const transports = [
  { name: "Tls", layer: (options: Tls.UndiciOptions) => Tls.layerUndici({ ca: ours.pem, caOnly: true, ...options }) },
  {
    name: "ClientCertificate",
    layer: (options: Tls.UndiciOptions) => ClientCertificate.layerUndici({ credential, ...options })
  }
]

transports.forEach(({ layer, name }) =>
  describe(`Proxies with ${name}.layerUndici`, () => {
    const client = name === "Tls" ? "none" : clientPair.serial

    it.scopedLive("the server is verified in the tunnel, and what is said there is not the proxy's to read", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start()
        const { url } = yield* origin()
        const seen = yield* text(url, { authorization: "Bearer canary-token" }).pipe(
          Effect.provide(layer({ proxy: { https: proxy.url } }))
        )
        assert.strictEqual(seen, `${client} Bearer canary-token`)
        assert.deepStrictEqual(proxy.asked.map(({ target }) => target), [new URL(url).host])
        assert.notInclude(`${inspect(proxy.asked)} ${proxy.carried()}`, "canary-token")
      }))

    it.scopedLive("one tunnel carries many requests", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start()
        const server = yield* origin()
        yield* Effect.provide(
          Effect.repeatN(text(server.url), 9),
          layer({ proxy: { https: proxy.url }, connections: 1 })
        )
        assert.lengthOf(proxy.asked, 1)
        assert.strictEqual(server.connections(), 1)
      }))

    it.scopedLive("the proxy's user and password go to the proxy alone", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start({ authorization })
        const headers: Array<unknown> = []
        const server = yield* plain((request) => headers.push(request.rawHeaders))
        const inUrl = Redacted.make(proxy.url.replace("//", "//me:canary-proxy-password@"))
        for (const settings of [{ http: inUrl }, { http: proxy.url, username: "me", password }]) {
          assert.strictEqual(yield* Effect.provide(text(server), layer({ proxy: settings })), "plain")
        }
        assert.deepStrictEqual(proxy.asked.map(({ headers }) => headers["proxy-authorization"]), [
          authorization,
          authorization
        ])
        assert.lengthOf(headers, 2)
        assert.notMatch(`${inspect(headers, { depth: 5 })} ${proxy.carried()}`, /proxy-/i)
      }))

    it.scopedLive("the caller's request stays as it was, so that the next server is asked by its own name", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start()
        const hosts: Array<string | undefined> = []
        const servers = [
          yield* plain(({ headers }) => hosts.push(headers.host)),
          yield* plain(({ headers }) => hosts.push(headers.host))
        ]
        const request = HttpClientRequest.setHeader(HttpClientRequest.get("/"), "x-test", "1")
        yield* Effect.gen(function*() {
          const client = HttpClient.withTracerPropagation(yield* HttpClient.HttpClient, false)
          for (const server of servers) {
            yield* Effect.flatMap(client.execute(HttpClientRequest.prependUrl(request, server)), ({ text }) => text)
            yield* Effect.flatMap(client.get(server), ({ text }) => text)
          }
        }).pipe(Effect.provide(layer({ proxy: { http: proxy.url } })))
        assert.deepStrictEqual(hosts, servers.flatMap((server) => [new URL(server).host, new URL(server).host]))
        assert.deepStrictEqual(Object.keys(request.headers), ["x-test"])
        assert.deepStrictEqual(Object.keys(HttpClientRequest.get("/").headers), [])
      }))

    it.scopedLive("what is said to be reached directly does not ask the proxy, nor does a host of this machine", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start()
        const { url } = yield* MutualTlsServer.server({
          pair: ours.issue(),
          trusts: ours.pem,
          rejectUnauthorized: false
        })
        assert.strictEqual(yield* Effect.provide(text(url), layer({ proxy: { https: proxy.url } })), client)
        const elsewhere = "https://nowhere.invalid/"
        const error = yield* Effect.flip(
          Effect.provide(text(elsewhere), layer({ proxy: { https: proxy.url, noProxy: "invalid" } }))
        )
        assert.include(inspect(error), "nowhere.invalid")
        assert.lengthOf(proxy.asked, 0)
      }))

    it.scopedLive("a refusal names the proxy, what it was asked and what to do, and no password", () =>
      Effect.gen(function*() {
        const { url } = yield* origin()
        const { host } = new URL(url)
        const cases: ReadonlyArray<readonly [ProxyServer.Options, Partial<Tls.Proxy>, ProxyFailed["reason"], string]> =
          [
            [{ authorization }, {}, "AuthenticationRequired", "requires a user name and a password; set username"],
            [
              { authorization: "other" },
              { username: "me", password },
              "AuthenticationRequired",
              "does not accept the user name and the password (HTTP 407)"
            ],
            [{ authorization, challenge: "NTLM" }, {}, "AuthenticationRequired", "does not offer the Basic scheme"],
            [{ refuses: { status: 403 } }, {}, "Refused", `does not allow a connection to ${host}; allow CONNECT`],
            [{ refuses: { status: 401 } }, {}, "Refused", "(HTTP 401)"],
            [{ refuses: { status: 302, headers: { location: url } } }, {}, "Refused", "(HTTP 302)"],
            [{ refuses: { status: 502 } }, {}, "OriginUnreachable", `cannot reach ${host} (HTTP 502)`]
          ]
        for (const [options, settings, reason, words] of cases) {
          const proxy = yield* ProxyServer.start(options)
          const failed = yield* refused(
            Effect.provide(text(`${url}/things?q=canary`), layer({ proxy: { https: proxy.url, ...settings } }))
          )
          assert.deepInclude(failed, { reason, proxy: proxy.url, url: `${url}/things` })
          assert.include(failed.message, words)
          assert.notInclude(`${inspect(failed)} ${failed.message}`, "canary")
        }
      }))

    it.scopedLive("gets a refused password once, whatever repeats what is transient", () =>
      Effect.gen(function*() {
        const { url } = yield* origin()
        const proxies = [
          [yield* ProxyServer.start({ authorization: "other" }), 1],
          [yield* ProxyServer.start({ refuses: { status: 403 } }), 1],
          [yield* ProxyServer.start({ refuses: { status: 502 } }), 3]
        ] as const
        for (const [proxy, times] of proxies) {
          const transport = layer({ proxy: { https: proxy.url, username: "me", password } })
          const retrying = Effect.map(HttpClient.HttpClient, HttpClient.retryTransient({ times: 2 }))
          yield* refused(Effect.provide(Effect.flatMap(retrying, (client) => client.get(url)), transport))
          assert.lengthOf(proxy.asked, times)
        }
      }))

    it.scopedLive("a proxy that is not there is named, and not taken for the server", () =>
      Effect.gen(function*() {
        const { url } = yield* origin()
        const failed = yield* refused(Effect.provide(text(url), layer({ proxy: { https: yield* nobody } })))
        assert.strictEqual(failed.reason, "Unreachable")
        assert.include(failed.message, "cannot be reached, or is not a proxy; check its URL (ECONNREFUSED)")
      }))

    it.scopedLive("a server that is not trusted in the tunnel is the server's fault, not the proxy's", () =>
      Effect.gen(function*() {
        const proxy = yield* ProxyServer.start()
        const wrong: ReadonlyArray<readonly [Pki.Pair, HandshakeFailed["reason"]]> = [
          [theirs.issue({ name: "mq.test" }), "ServerUntrusted"],
          [ours.issue({ name: "other.test" }), "ServerNameMismatch"]
        ]
        for (const [pair, reason] of wrong) {
          const { url } = yield* origin({ pair })
          const error = yield* Effect.flip(Effect.provide(text(url), layer({ proxy: { https: proxy.url } })))
          assert.instanceOf((error as { readonly cause?: unknown }).cause, HandshakeFailed)
          assert.include(inspect(error), reason)
        }
      }))

    it.scopedLive("the proxy itself can be reached over TLS, and is verified by its own name", () =>
      Effect.gen(function*() {
        const { url } = yield* origin()
        const good = yield* ProxyServer.start({ pair: ours.issue(), authorization })
        const settings = { username: "me", password }
        const reach = (proxy: ProxyServer.Proxy) =>
          // what is accepted of any server is not accepted of the proxy
          Effect.provide(
            text(url),
            layer({ proxy: { https: proxy.url, ...settings }, dangerouslyAcceptAnyServerCertificate: true })
          )
        assert.strictEqual(yield* reach(good), client)
        for (const pair of [theirs.issue(), ours.issue({ name: "other.test" }), ours.issue({ from: -3, to: -1 })]) {
          const bad = yield* ProxyServer.start({ pair, authorization })
          const failed = yield* refused(reach(bad))
          assert.strictEqual(failed.reason, "Unreachable")
          assert.include(failed.message, "has a certificate that this client does not accept")
          assert.lengthOf(bad.asked, 0)
        }
      }))

    it.scopedLive("no password of a proxy is in a log, span, event, error or result", () =>
      Effect.gen(function*() {
        const { url } = yield* origin()
        for (const options of [{ authorization }, { authorization: "other" }]) {
          const proxy = yield* ProxyServer.start(options)
          const detector = yield* LeakDetector.make(
            { password: "canary-proxy-password", header: authorization.slice(6) },
            { render: [(value) => inspect(value, { depth: 10, showHidden: true })] }
          )
          const https = Redacted.make(proxy.url.replace("//", "//me:canary-proxy-password@"))
          const { leaks, looked } = yield* detector.watch(
            Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url)).pipe(
              Effect.flatMap((response) => Effect.as(response.text, response)),
              Effect.provide(layer({ proxy: { https } }))
            )
          )
          assert.deepStrictEqual(leaks, [])
          assert.isAbove(looked, 0)
        }
      }))
  })
)

describe("A proxy's refusal behind an authenticated client", () => {
  it.scopedLive("ends no session: the request was not sent, and the token stays", () =>
    Effect.gen(function*() {
      let logins = 0
      const tokens = yield* TokenSource.make({
        login: Effect.flatMap(Effect.sync(() => ++logins), () => Token.make({ value: "canary-token" }))
      })
      const authenticator = Authenticator.fromTokens(tokens, {
        mode: "Test/Session",
        credentials: (token) => RequestCredentials.bearer(token.value)
      })
      const { url } = yield* origin()
      for (const status of [401, 403, 407, 502]) {
        const proxy = yield* ProxyServer.start({ refuses: { status } })
        const failed = yield* refused(
          AuthenticatedHttpClient.make(authenticator, { baseUrl: url }).pipe(
            Effect.flatMap((client) => client.get("/")),
            Effect.provide(Tls.layerUndici({ ca: ours.pem, caOnly: true, proxy: { https: proxy.url } }))
          )
        )
        assert.strictEqual(failed.status, status)
        assert.lengthOf(proxy.asked, 1)
      }
      assert.strictEqual(logins, 1)
    }))

  it.scopedLive("at a login it is a token endpoint that cannot be reached, to which nothing was sent", () =>
    Effect.gen(function*() {
      const { url } = yield* origin()
      const proxy = yield* ProxyServer.start({ authorization })
      const error = yield* Effect.flatMap(
        HttpClient.HttpClient,
        (client) => TokenEndpoint.execute(client, HttpClientRequest.post(url), { mode: "Test/Session" })
      ).pipe(
        Effect.flip,
        Effect.provide(Tls.layerUndici({ ca: ours.pem, caOnly: true, proxy: { https: proxy.url } }))
      )
      assert.instanceOf(error, TokenEndpointError)
      assert.deepInclude(error, { reason: "Unreachable", sent: false, final: true })
      assert.include(error.message, `the proxy ${proxy.url} requires a user name and a password`)
    }))

  it.scopedLive("is not asked again for a login that it refuses", () =>
    Effect.gen(function*() {
      const { url } = yield* origin()
      const proxy = yield* ProxyServer.start({ authorization })
      const login = Effect.gen(function*() {
        const client = yield* HttpClient.HttpClient
        yield* TokenEndpoint.execute(client, HttpClientRequest.post(url), { mode: "Test/Session" })
        return yield* Token.make({ value: "canary-token" })
      })
      const tokens = yield* TokenSource.make({ login }).pipe(
        Effect.provide(yield* Layer.build(Tls.layerUndici({ ca: ours.pem, caOnly: true, proxy: { https: proxy.url } })))
      )
      assert.instanceOf(yield* Effect.flip(tokens.get), TokenEndpointError)
      assert.lengthOf(proxy.asked, 1)
    }))
})

/** A server of plain http, by a name that only the proxy knows. */
const plain = (onRequest: (request: Http.IncomingMessage) => void) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const server: Http.Server = Http.createServer((request, response) => {
          onRequest(request)
          response.end("plain")
        }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close().closeAllConnections())
    ),
    (server) => `http://yamcs.test:${(server.address() as AddressInfo).port}`
  )

/** The address of a port that nobody listens on. */
const nobody = Effect.async<string>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo
    server.close(() => resume(Effect.succeed(`http://127.0.0.1:${port}`)))
  })
})
