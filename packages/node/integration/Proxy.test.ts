/** Through Squid, to servers whose names only Squid knows. */
import { ProxyFailed } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/ClientCertificate"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as Tls from "../src/Tls.ts"
import * as MutualTlsServer from "../test/fixtures/mutualTls.ts"
import * as Pki from "../test/fixtures/pki.ts"
import * as Squid from "./fixtures/squid.ts"

const ours = Pki.authority("Test CA")
const clientPair = ours.issue({ name: "client" })
const user = { username: "agent", password: "canary-proxy-password" }
const hosts = ["mq.test", "yamcs.test"]
const known = { username: user.username, password: Redacted.make(user.password) }

const get = (url: string) =>
  Effect.flatMap(
    HttpClient.HttpClient,
    (client) =>
      Effect.flatMap(
        client.get(url, { headers: { authorization: "Bearer canary-token" } }),
        (response) => response.text
      )
  )

/** Over TLS, for the name `mq.test`. */
const secure = Effect.map(
  MutualTlsServer.server({ pair: ours.issue({ name: "mq.test" }), trusts: ours.pem, rejectUnauthorized: false }),
  ({ url }) => url.replace("localhost", "mq.test")
)

/** Answers with the header fields that it received. */
const plain = Effect.map(
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server: Http.Server = Http.createServer((request, response) => {
        response.end(JSON.stringify(request.headers))
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close().closeAllConnections())
  ),
  (server) => `http://yamcs.test:${(server.address() as AddressInfo).port}/`
)

const failure = (request: Effect.Effect<unknown, unknown>) =>
  Effect.map(Effect.flip(request), (error) => {
    const cause = (error as { readonly cause?: unknown }).cause
    assert.instanceOf(cause, ProxyFailed, String(error))
    assert.notInclude(cause.message, "canary")
    return cause
  })

describe("Proxies, with Squid", () => {
  it.scopedLive("without and with a user: TLS in the tunnel is verified, plain http is tunnelled too", () =>
    Effect.gen(function*() {
      const url = yield* secure
      const open = yield* plain
      const squids = [{ proxy: yield* Squid.start({ hosts }), given: {} }, {
        proxy: yield* Squid.start({ hosts, user }),
        given: known
      }]
      for (const { given, proxy } of squids) {
        const layer = Tls.layerUndici({ ca: ours.pem, proxy: { https: proxy.url, http: proxy.url, ...given } })
        assert.strictEqual(yield* Effect.provide(get(url), layer), "none Bearer canary-token")
        const received = yield* Effect.provide(get(open), layer)
        assert.include(received, "Bearer canary-token")
        assert.notMatch(received, /proxy-|via|x-forwarded/i)
        const log = yield* Effect.repeat(Effect.delay(proxy.log, "50 millis"), {
          until: (log) => log.split("\n").length > 2
        })
        assert.match(log, /CONNECT mq\.test:\d+ 200/)
        assert.match(log, /CONNECT yamcs\.test:\d+ 200/)
        assert.notInclude(log, "canary-token")
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("a client certificate goes through the tunnel", () =>
    Effect.gen(function*() {
      const url = yield* secure
      const proxy = yield* Squid.start({ hosts, user })
      const credential = new Credential.ClientCertificate({
        certificate: Redacted.make(clientPair.certificate),
        key: Redacted.make(clientPair.key),
        ca: ours.pem
      })
      const layer = ClientCertificate.layerUndici({ credential, proxy: { https: proxy.url, ...known } })
      assert.strictEqual(yield* Effect.provide(get(url), layer), `${clientPair.serial} Bearer canary-token`)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("what Squid refuses is told as the proxy's, with what to do", () =>
    Effect.gen(function*() {
      const url = yield* secure
      const port = Number(new URL(url).port)
      const proxy = yield* Squid.start({ hosts, user })
      const closed = yield* Squid.start({ hosts, closed: [port] })
      const through = (url: string, proxy: Tls.Proxy) =>
        failure(Effect.provide(get(url), Tls.layerUndici({ ca: ours.pem, proxy })))

      const nobody = yield* through(url, { https: proxy.url })
      assert.deepInclude(nobody, { reason: "AuthenticationRequired", status: 407, proxy: proxy.url })
      assert.include(nobody.message, "requires a user name and a password")

      const wrong = yield* through(url, {
        https: Redacted.make(proxy.url.replace("//", "//agent:canary-wrong@"))
      })
      assert.deepInclude(wrong, { reason: "AuthenticationRequired", status: 407 })
      assert.include(wrong.message, "does not accept the user name and the password")

      const forbidden = yield* through(url, { https: closed.url })
      assert.deepInclude(forbidden, { reason: "Refused", status: 403 })
      assert.include(forbidden.message, `does not allow a connection to mq.test:${port}`)

      const unknown = yield* through("https://nowhere.invalid/", { https: proxy.url, ...known })
      assert.deepInclude(unknown, { reason: "OriginUnreachable" })
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("the environment says which proxy, and what is reached without it", () =>
    Effect.gen(function*() {
      const url = yield* secure
      const proxy = yield* Squid.start({ hosts, user })
      const environment = (noProxy: string) =>
        Layer.setConfigProvider(ConfigProvider.fromMap(
          new Map([
            ["MQ_CA", ours.pem],
            ["HTTPS_PROXY", proxy.url.replace("//", `//${user.username}:${user.password}@`)],
            ["NO_PROXY", noProxy]
          ])
        ))
      const layer = Tls.layerUndiciConfig(Tls.config("MQ"))
      assert.strictEqual(
        yield* get(url).pipe(Effect.provide(layer), Effect.provide(environment("other.test"))),
        "none Bearer canary-token"
      )
      // without the proxy nobody knows the name
      const error = yield* get(url).pipe(Effect.provide(layer), Effect.provide(environment(".test")), Effect.flip)
      assert.notInstanceOf((error as { readonly cause?: unknown }).cause, ProxyFailed)
      const log = yield* Effect.repeat(Effect.delay(proxy.log, "50 millis"), { until: (log) => log !== "" })
      assert.lengthOf(log.trim().split("\n").filter((line) => line.startsWith("CONNECT")), 1)
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
