import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as SocketConnector from "@effect-auth/node/SocketConnector"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"
import { WebSocketServer } from "ws"

const platform = Layer.merge(NodeHttpClient.layerUndici, SocketConnector.layer({ maxMessage: 1_000 }))

/** A WebSocket server that says 200 messages with its handshake, and repeats what it gets. */
const serve = (isAccepted: (request: IncomingMessage) => boolean) =>
  Effect.acquireRelease(
    Effect.async<{ readonly baseUrl: string; readonly stop: () => void }>((resume) => {
      const sockets = new WebSocketServer({ noServer: true })
      const server = createServer()
      server.on("upgrade", (request, socket, head) => {
        if (!isAccepted(request)) {
          socket.end(
            `HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\nno: ${
              request.headers.authorization ?? ""
            }`
          )
          return
        }
        socket.cork() // so that the first messages travel with the answer to the handshake
        sockets.handleUpgrade(request, socket, head, (webSocket) => {
          for (let i = 0; i < 200; i++) webSocket.send(String(i))
          socket.uncork()
          webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }))
        })
      })
      const stop = () => {
        for (const client of sockets.clients) client.terminate()
        server.closeAllConnections()
        server.close()
      }
      server.listen(0, "127.0.0.1", () =>
        resume(Effect.succeed({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop })))
    }),
    ({ stop }) =>
      Effect.sync(stop)
  )

const socketOf = (baseUrl: string, authenticator: Authenticator.Authenticator) =>
  Effect.flatMap(
    AuthenticatedHttpClient.make(authenticator, { baseUrl }),
    (client) => AuthenticatedSocket.make(client, { url: "/events", closeCodeIsError: () => true })
  )

const canary = Authenticator.bearer({ token: Redacted.make("canary-token") })

describe("SocketConnector", () => {
  it.live("loses no message between the handshake and the listener, and keeps their order", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* serve(() => true)
      const socket = yield* socketOf(baseUrl, canary)
      const received = yield* Ref.make<ReadonlyArray<string>>([])
      const done = yield* Deferred.make<void>()
      yield* Effect.forkScoped(socket.runRaw((message) =>
        Effect.flatMap(
          Ref.updateAndGet(received, (all) => [...all, String(message)]),
          (all) => all.length === 201 ? Deferred.succeed(done, undefined) : Effect.void
        )
      ))
      const write = yield* socket.writer
      yield* write("after")
      yield* Deferred.await(done)
      assert.deepStrictEqual(yield* Ref.get(received), [...Array.from({ length: 200 }, (_, i) => String(i)), "after"])
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("holds messages back until somebody listens, however late", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* serve(() => true)
      const client = yield* AuthenticatedHttpClient.make(canary, { baseUrl })
      const connection = yield* AuthenticatedSocket.open(client, { url: "/events" })
      yield* Effect.sleep("200 millis")
      const socket = yield* AuthenticatedSocket.fromConnection(connection)
      const received = yield* Ref.make(0)
      const done = yield* Deferred.make<void>()
      yield* Effect.forkScoped(socket.runRaw(() =>
        Effect.flatMap(
          Ref.updateAndGet(received, (n) => n + 1),
          (n) => n === 200 ? Deferred.succeed(done, undefined) : Effect.void
        )
      ))
      yield* Deferred.await(done)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("tells the status of a refusal, so that the next token is tried", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* serve(({ headers }) => headers.authorization === "Bearer canary-2")
      const logins = yield* Ref.make(0)
      const tokens = yield* TokenSource.make({
        login: Effect.flatMap(Ref.updateAndGet(logins, (n) => n + 1), (n) => Token.make({ value: `canary-${n}` }))
      })
      const socket = yield* socketOf(baseUrl, Authenticator.bearer(tokens))
      const opened = yield* Deferred.make<void>()
      yield* Effect.forkScoped(socket.runRaw(() => {}, { onOpen: Effect.asVoid(Deferred.succeed(opened, undefined)) }))
      yield* Deferred.await(opened)
      assert.strictEqual(yield* Ref.get(logins), 2)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  const failing = (baseUrl: string) =>
    Effect.map(
      Effect.flatMap(socketOf(baseUrl, canary), (socket) => Effect.flip(socket.runRaw(() => {}))),
      (error) => {
        assert.notInclude(inspect(error, { depth: null, showHidden: true }), "canary-token")
        return error as Socket.SocketError
      }
    )

  it.live("a refusal that stays is told with its status, without the proof", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* serve(() => false)
      const error = yield* failing(baseUrl)
      assert.deepInclude(Option.getOrThrow(AuthenticatedSocket.authErrorOf(error)), {
        _tag: "CredentialsRejected",
        status: 401
      })
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("a server that is not there is an error that says so", () =>
    Effect.gen(function*() {
      const { baseUrl, stop } = yield* serve(() => true)
      stop()
      const error = yield* failing(baseUrl)
      assert.strictEqual(error.reason, "Open")
      assert.match(String("cause" in error ? error.cause : ""), /^ECONNREFUSED: nothing accepts connections there/u)
    }).pipe(Effect.scoped, Effect.provide(platform)))

  it.live("a connection that breaks, and a message that is too long, end the socket with an error", () =>
    Effect.gen(function*() {
      const { baseUrl, stop } = yield* serve(() => true)
      const run = (send: string | undefined) =>
        Effect.gen(function*() {
          const socket = yield* socketOf(baseUrl, canary)
          const write = yield* socket.writer
          return (yield* Effect.flip(
            socket.runRaw(() => {}, {
              onOpen: send === undefined ? Effect.sync(stop) : Effect.orDie(write(send))
            })
          )) as Socket.SocketError
        })
      const long = yield* run("x".repeat(1_001))
      assert.strictEqual(long.reason, "Read")
      assert.deepInclude(yield* run(undefined), { reason: "Close", code: 1006 })
    }).pipe(Effect.scoped, Effect.provide(platform)))
})
