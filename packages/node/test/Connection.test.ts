/** What a request fails with when its connection is lost, over real sockets. */
import { HandshakeFailed } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/ClientCertificate"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Net from "node:net"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as LosingServer from "./fixtures/losingServer.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const serverPair = ours.issue()
const clientPair = ours.issue({ name: "client" })

const credential = new Credential.ClientCertificate({
  certificate: Redacted.make(clientPair.certificate),
  key: Redacted.make(clientPair.key),
  ca: ours.pem,
  caOnly: true
})

const transports = [
  { name: "undici", make: ClientCertificate.makeUndici },
  { name: "node:http", make: ClientCertificate.makeNodeHttp }
].map(({ make, name }) => ({
  name,
  make: (options: ClientCertificate.Options) => Effect.provide(make(options), NodeFileSystem.layer)
}))

/** How a server gives up a connection. */
const losses: Record<string, (socket: Net.Socket) => void> = {
  "ends the connection": (socket) => socket.end(),
  "resets the connection": LosingServer.reset,
  "ends it in the middle of the answer's head": (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Le")
}

const answer = (socket: Net.Socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")

const closedCodes = ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]

transports.forEach(({ make, name }) =>
  describe(`A lost connection over ${name}`, () => {
    for (const tls of [{ maxVersion: "TLSv1.2" }, { maxVersion: "TLSv1.3" }, undefined] as const) {
      const protocol = tls === undefined ? "plain http" : tls.maxVersion
      const start = (options: LosingServer.Options) =>
        LosingServer.server(options, tls === undefined ? undefined : { ...tls, pair: serverPair, trusts: ours.pem })

      for (const [loss, lose] of Object.entries(losses)) {
        for (const waited of [false, true]) {
          it.scopedLive(
            `${protocol}: a server that ${loss} which it had kept alive does not refuse the certificate` +
              (waited ? ", also for a request that waited for the connection" : ""),
            () =>
              Effect.gen(function*() {
                const asked = yield* Effect.makeLatch()
                const server = yield* start({
                  onRequest: (socket, count) => {
                    if (count > 1) return lose(socket)
                    Effect.runSync(asked.open)
                    setTimeout(() => answer(socket), waited ? 50 : 0)
                  }
                })
                const get = Effect.provide(text(server.url), yield* make({ credential, connections: 1 }))
                const first = yield* Effect.fork(get)
                yield* waited ? asked.await : Fiber.join(first)
                const error = yield* Effect.flip(get)
                assert.strictEqual(yield* Fiber.join(first), "OK")
                // node:http limits the connections of https only
                if (tls !== undefined) assert.strictEqual(server.connections(), 1)
                assertOrdinary(error)
              })
          )
        }
      }

      it.scopedLive(`${protocol}: an answer that breaks off in its body is an error of the answer`, () =>
        Effect.gen(function*() {
          for (const lose of [losses["ends the connection"], losses["resets the connection"]]) {
            const server = yield* start({
              onRequest: (socket) => {
                socket.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
                setTimeout(() => lose?.(socket), 20)
              }
            })
            const error = yield* Effect.flip(Effect.provide(text(server.url), yield* make({ credential })))
            assert.strictEqual(error._tag, "ResponseError")
            assert.notInstanceOf(error.cause, HandshakeFailed)
          }
        }))

      it.scopedLive(`${protocol}: a first answer that breaks off in its head is not blamed on the certificate`, () =>
        Effect.gen(function*() {
          for (const head of ["HTTP/1.1 20", "HTTP/1.1 103 Early Hints\r\n\r\n"]) {
            const server = yield* start({ onRequest: (socket) => socket.end(head) })
            assertOrdinary(yield* Effect.flip(Effect.provide(text(server.url), yield* make({ credential }))))
          }
        }))

      if (tls !== undefined) {
        it.scopedLive(`${protocol}: the end of this client is not blamed on the server`, () =>
          Effect.gen(function*() {
            const asked = yield* Effect.makeLatch()
            const server = yield* start({ onRequest: () => Effect.runSync(asked.open) })
            const waiting = yield* Effect.scoped(Effect.gen(function*() {
              const services = yield* make({ credential })
              const fiber = yield* Effect.forkDaemon(Effect.flip(Effect.provide(text(server.url), services)))
              yield* asked.await
              return fiber
            }))
            assert.notInstanceOf((yield* Fiber.join(waiting)).cause, HandshakeFailed)
          }))
      }

      it.scopedLive(
        tls === undefined
          ? "plain http: a new connection that is closed before an answer is not blamed on a certificate"
          : `${protocol}: a new connection that is closed before an answer names the certificate and the other reasons`,
        () =>
          Effect.gen(function*() {
            const servers: ReadonlyArray<Effect.Effect<LosingServer.Server, never, Scope.Scope>> = [
              start({ onRequest: (socket) => socket.end() }),
              start({ onRequest: LosingServer.reset }),
              start({ onConnection: (socket) => socket.end() }),
              start({ onConnection: (socket) => socket.destroy() }),
              start({ onHello: (socket) => socket.end() }),
              start({ onHello: LosingServer.reset })
            ]
            for (const [index, server] of servers.entries()) {
              const { url } = yield* server
              const error = yield* Effect.flip(Effect.provide(text(url), yield* make({ credential })))
              assert.strictEqual(error._tag, "RequestError")
              if (tls === undefined) assertOrdinary(error)
              else {
                assert.instanceOf(error.cause, HandshakeFailed, `server ${index}: ${String(error.cause)}`)
                assert.deepInclude(error.cause, { reason: "Closed", url: `${url}/` })
                assert.include(error.message, "either it does not accept the client certificate CN=client")
                assert.include(error.message, "or it was interrupted (a restart, an overload, a time limit)")
              }
            }
          })
      )
    }

    it.scopedLive("a connection that failed before does not excuse a new one that is closed", () =>
      Effect.gen(function*() {
        const server = yield* LosingServer.server(
          { onRequest: (socket, count) => count === 1 ? answer(socket) : socket.end() },
          { pair: serverPair, trusts: ours.pem }
        )
        const get = Effect.provide(text(server.url), yield* make({ credential, connections: 1 }))
        yield* get
        assertOrdinary(yield* Effect.flip(get))
        const error = yield* Effect.flip(get)
        assert.strictEqual(server.connections(), 2)
        assert.instanceOf(error.cause, HandshakeFailed)
      }))
  })
)

const text = (url: string) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => Effect.flatMap(client.get(url), (response) => response.text))

/** The platform's own error, with the system's code. */
const assertOrdinary = (error: HttpClientError.HttpClientError) => {
  assert.deepInclude(error, { _tag: "RequestError", reason: "Transport" })
  assert.notInstanceOf(error.cause, HandshakeFailed)
  assert.isTrue(Predicate.hasProperty(error.cause, "code"), String(error.cause))
  assert.include(closedCodes, (error.cause as { readonly code: string }).code)
}
