import { HandshakeFailed } from "@effect-auth/core/AuthError"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import type * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Tls from "../src/Tls.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const pair = ours.issue()

/** A server that asks nobody for a certificate. */
const server = (pair: Pki.Pair) => MutualTlsServer.server({ pair, trusts: ours.pem, requestCert: false })

const text = (url: string) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => Effect.flatMap(client.get(url), (response) => response.text))

const file = (content: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = `${yield* fs.makeTempDirectoryScoped()}/ca.pem`
    yield* fs.writeFileString(path, content)
    return path
  }).pipe(Effect.provide(NodeFileSystem.layer))

const transports = [
  { name: "undici", layer: Tls.layerUndici, layerConfig: Tls.layerUndiciConfig },
  { name: "node:http", layer: Tls.layerNodeHttp, layerConfig: Tls.layerNodeHttpConfig }
]

transports.forEach(({ layer, layerConfig, name }) =>
  describe(`Tls over ${name}`, () => {
    const handshake = (url: string, options: Tls.Options) =>
      Effect.map(Effect.flip(Effect.provide(text(url), layer(options))), (error) => {
        assert.strictEqual(error._tag, "RequestError")
        const cause = "cause" in error ? error.cause : undefined
        assert.instanceOf(cause, HandshakeFailed)
        return cause
      })

    it.scopedLive("trusts an authority of one's own, from a file or inline, without a client certificate", () =>
      Effect.gen(function*() {
        const { url } = yield* server(pair)
        for (const options of [{ caFile: yield* file(ours.pem) }, { ca: ours.pem }, { ca: ours.pem, caOnly: true }]) {
          assert.strictEqual(yield* Effect.provide(text(url), layer(options)), "none")
        }
      }))

    it.scopedLive("trusts a certificate that a container signed itself, by the name that is written in it", () =>
      Effect.gen(function*() {
        const own = Pki.selfSigned("mqweb.internal")
        const { url } = yield* server(own)
        const caFile = yield* file(own.certificate)
        const options = { caFile, serverName: "mqweb.internal" }
        assert.strictEqual(yield* Effect.provide(text(url), layer(options)), "none")
        const unnamed = yield* handshake(url, { caFile })
        assert.strictEqual(unnamed.reason, "ServerNameMismatch")
        assert.include(unnamed.message, "set serverName")
      }))

    it.scopedLive("says what to set where the server is not trusted", () =>
      Effect.gen(function*() {
        const { url } = yield* server(pair)
        const unknown = yield* handshake(url, {})
        assert.strictEqual(unknown.reason, "ServerUntrusted")
        assert.include(unknown.message, "(those that come with Node); set ca or caFile to the authority that signed it")
        const other = yield* handshake(url, { ca: Pki.authority("Foreign CA").pem, caOnly: true })
        assert.include(other.message, "(only the given ca)")
      }))

    it.scopedLive("says that a server requires a certificate, and which transport presents one", () =>
      Effect.gen(function*() {
        const { url } = yield* MutualTlsServer.server({ pair, trusts: ours.pem, rejectUnauthorized: true })
        const failed = yield* handshake(url, { ca: ours.pem })
        assert.include(["CertificateRequired", "CertificateRefused", "Closed"], failed.reason)
        assert.include(failed.message, "use a transport of ClientCertificate")
      }))

    it.scopedLive("keeps connections: no handshake per request, no more of them than allowed", () =>
      Effect.gen(function*() {
        const { connections, url } = yield* server(pair)
        yield* Effect.provide(
          Effect.forEach(Array.from({ length: 50 }), () => text(url), { concurrency: 20 }),
          layer({ ca: ours.pem, connections: 5 })
        )
        assert.isAtMost(connections(), 5)
      }))

    it.scopedLive("takes its options from the environment, where an empty variable is an unset one", () =>
      Effect.gen(function*() {
        const { url } = yield* server(ours.issue({ name: "mqweb.internal" }))
        const environment = new Map([
          ["MQ_CA_FILE", yield* file(ours.pem)],
          ["MQ_CA", ""],
          ["MQ_CA_ONLY", "yes"],
          ["MQ_SERVER_NAME", "mqweb.internal"],
          ["https_proxy", ""]
        ])
        const seen = yield* text(url).pipe(
          Effect.provide(layerConfig(Tls.config("MQ"))),
          Effect.provide(Layer.setConfigProvider(ConfigProvider.fromMap(environment)))
        )
        assert.strictEqual(seen, "none")
      }))

    it.scopedLive("refuses settings that cannot be used while the layer is built", () =>
      Effect.gen(function*() {
        const key = yield* file(pair.key)
        const cases: ReadonlyArray<readonly [Tls.Options, string]> = [
          [{ caFile: "/nowhere/ca.pem" }, "caFile /nowhere/ca.pem: the file does not exist"],
          [{ caFile: key }, `caFile ${key}: it is a private key, not the certificate of an authority`],
          [{ ca: "canary" }, "ca: there is no PEM certificate of an authority in it"],
          [{ ca: ours.pem, caFile: key }, "ca: must not be given together with caFile"],
          [{ caOnly: true }, "caOnly: needs ca or caFile"]
        ]
        for (const [options, message] of cases) {
          const error = yield* Effect.flip(Layer.build(layer(options)))
          assert.strictEqual(error._tag, "InvalidSetting")
          assert.include(error.message, message)
        }
      }))
  })
)

const read = <A>(config: Config.Config<A>, environment: Record<string, string>) =>
  Effect.withConfigProvider(Effect.either(config), ConfigProvider.fromMap(new Map(Object.entries(environment))))

describe("Tls.config", () => {
  it.effect("names the variable that cannot be used", () =>
    Effect.gen(function*() {
      const failed = yield* read(Tls.config("MQ"), { MQ_CA_ONLY: "perhaps", HTTPS_PROXY: "socks5://me:canary@a" })
      const message = Either.match(failed, { onLeft: String, onRight: () => "read" })
      assert.include(message, "MQ_CA_ONLY: must be true or false")
      assert.include(message, "HTTPS_PROXY: must begin with http:// or https://")
      assert.notInclude(message, "canary")
    }))
})

describe("Tls.proxyConfig", () => {
  const proxies = (environment: Record<string, string>) =>
    Effect.map(Effect.flatMap(read(Tls.proxyConfig, environment), (read) => read), ({ http, https, noProxy }) => ({
      https: Redacted.isRedacted(https) ? Redacted.value(https) : https,
      http: Redacted.isRedacted(http) ? Redacted.value(http) : http,
      noProxy
    }))

  it.effect("reads the variables of other programs, lower case first, and takes an empty one for unset", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* proxies({}), { https: undefined, http: undefined, noProxy: undefined })
      assert.deepStrictEqual(
        yield* proxies({
          HTTPS_PROXY: "http://upper:1",
          https_proxy: "http://lower:1",
          HTTP_PROXY: "http://upper:2",
          http_proxy: "",
          no_proxy: "",
          NO_PROXY: ".acme.example"
        }),
        { https: "http://lower:1", http: "http://upper:2", noProxy: ".acme.example" }
      )
    }))

  it.effect("does not believe HTTP_PROXY in a CGI program, where a client can set it", () =>
    Effect.gen(function*() {
      const cgi = { HTTP_PROXY: "http://evil:1", REQUEST_METHOD: "GET" }
      assert.isUndefined((yield* proxies(cgi)).http)
      assert.strictEqual((yield* proxies({ ...cgi, http_proxy: "http://good:1" })).http, "http://good:1")
    }))

  it.effect("shows no password of a proxy", () =>
    Effect.gen(function*() {
      const read = yield* Effect.withConfigProvider(
        Tls.proxyConfig,
        ConfigProvider.fromMap(new Map([["HTTPS_PROXY", "http://me:canary@proxy:1"]]))
      )
      assert.notInclude(`${String(read.https)} ${JSON.stringify(read)}`, "canary")
    }))
})
