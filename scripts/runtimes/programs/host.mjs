/**
 * The program of Node, Bun and Deno: what is tried everywhere, and what takes a file system or certificates.
 *
 *     host.mjs <origin of the servers over http> <over https> <file of their authority> <file of a client certificate>
 *       <file of its key> <folder for files>
 */
import * as Certificate from "@effect-auth/core/ClientCertificate"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as Tls from "@effect-auth/node/Tls"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import { join } from "node:path"
import { client, expect, expectStats, get, makeServer, portable, runAll } from "./scenarios.mjs"

const [origin, tlsOrigin, caFile, certificateFile, keyFile, folder] = process.argv.slice(2)

/** A login over TLS, at a server whose authority only this transport trusts. */
const overTls = (layer) => () =>
  Effect.gen(function*() {
    const server = yield* makeServer(origin)
    const secure = { ...server, baseUrl: server.baseUrl.replace(origin, tlsOrigin) }
    const http = yield* client(secure)
    yield* get(http, "/a")
    yield* expectStats(server, { logins: 1, requests: 1 })
  }).pipe(Effect.provide(layer({ caFile })))

/** The server sees who connects. */
const withCertificate = (layer) => () =>
  Effect.gen(function*() {
    const credential = yield* Certificate.make({ certificateFile, keyFile, caFile })
    const { name } = yield* Effect.flatMap(HttpClient.HttpClient, (http) => get(http, `${tlsOrigin}/peer`)).pipe(
      Effect.provide(layer({ credential }))
    )
    yield* expect("the server knows the client", name, "client")
  })

const scenarios = {
  ...portable,

  "token store in a file": () =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const path = join(folder, "session.json")
      const call = Effect.gen(function*() {
        const store = yield* FileTokenStore.make({ path })
        yield* get(yield* client(server, { store }), "/a")
      })
      yield* Effect.scoped(call)
      // as after a restart
      yield* Effect.scoped(call)
      yield* expectStats(server, { logins: 1, requests: 2 })
    }).pipe(Effect.provide(NodeFileSystem.layer)),

  "TLS by undici": overTls(Tls.layerUndici),

  "TLS by node:http": overTls(Tls.layerNodeHttp),

  "client certificate by undici": withCertificate(ClientCertificate.layerUndici),

  "client certificate by node:http": withCertificate(ClientCertificate.layerNodeHttp)
}

/** Bun and Deno say a version of Node, too. */
const { Bun, Deno } = globalThis
const version = Bun?.version ?? Deno?.version.deno ?? process.versions.node

console.log(JSON.stringify({ version, results: await Effect.runPromise(runAll(scenarios, origin)) }))
process.exit(0)
