import * as Credential from "@effect-auth/core/ClientCertificate"
import * as HttpClient from "@effect/platform/HttpClient"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as Tls from "../src/Tls.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const theirs = Pki.authority("Foreign CA")
const clientPair = ours.issue({ name: "client" })
const credential = new Credential.ClientCertificate({
  certificate: Redacted.make(clientPair.certificate),
  key: Redacted.make(clientPair.key),
  ca: ours.pem
})

const foreign = MutualTlsServer.server({ pair: theirs.issue(), trusts: ours.pem, rejectUnauthorized: false })

const text = (url: string) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => Effect.flatMap(client.get(url), (response) => response.text))

const transports = [
  {
    name: "ClientCertificate over undici",
    layer: (options: { readonly dangerouslyAcceptAnyServerCertificate?: boolean }) =>
      ClientCertificate.layerUndici({ credential, ...options })
  },
  {
    name: "ClientCertificate over node:http",
    layer: (options: { readonly dangerouslyAcceptAnyServerCertificate?: boolean }) =>
      ClientCertificate.layerNodeHttp({ credential, ...options })
  },
  {
    name: "Tls over undici",
    layer: (options: { readonly dangerouslyAcceptAnyServerCertificate?: boolean }) =>
      Tls.layerUndici({ ca: ours.pem, ...options })
  },
  {
    name: "Tls over node:http",
    layer: (options: { readonly dangerouslyAcceptAnyServerCertificate?: boolean }) =>
      Tls.layerNodeHttp({ ca: ours.pem, ...options })
  }
]

describe("NODE_TLS_REJECT_UNAUTHORIZED=0", () => {
  const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"]
  beforeAll(() => {
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0"
  })
  afterAll(() => {
    if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"]
    else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before
  })

  transports.forEach(({ layer, name }) => {
    it.scopedLive(`${name} refuses the server of a foreign authority all the same`, () =>
      Effect.gen(function*() {
        const server = yield* foreign
        const error = yield* Effect.flip(Effect.provide(text(server.url), layer({})))
        assert.include(String(error), "not signed by an authority that this client trusts")
      }))
  })
})

describe("dangerouslyAcceptAnyServerCertificate", () => {
  transports.forEach(({ layer, name }) => {
    it.scopedLive(`${name} accepts any server, and the log warns once, when the client is built`, () =>
      Effect.gen(function*() {
        const server = yield* foreign
        const lines: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => {
          lines.push(`${logLevel.label} ${String(message)}`)
        })
        yield* Effect.zipRight(text(server.url), text(server.url)).pipe(
          Effect.provide(layer({ dangerouslyAcceptAnyServerCertificate: true })),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        const warnings = lines.filter((line) => line.includes("dangerouslyAcceptAnyServerCertificate"))
        assert.lengthOf(warnings, 1)
        assert.match(warnings[0] ?? "", /^WARN /)
      }))
  })
})
