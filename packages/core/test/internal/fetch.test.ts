import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"

const transports = {
  "the Web's fetch": FetchHttpClient.layer,
  undici: NodeHttpClient.layerUndici,
  "node:http": NodeHttpClient.layer
}

/** A server that sends an event at once and another when it is told to, and knows whether its reader is still there. */
const events = Effect.gen(function*() {
  const closed = yield* Deferred.make<void>()
  const complete = Runtime.runSync(yield* Effect.runtime())
  const open: Array<Http.ServerResponse> = []
  const server = yield* Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((_, response) => {
        open.push(response)
        response.writeHead(200, { "content-type": "text/event-stream" })
        response.write("data: first\n\n")
        response.on("close", () => complete(Deferred.succeed(closed, undefined)))
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    closed: Deferred.await(closed),
    send: (text: string) => Effect.sync(() => open.forEach((response) => response.write(text)))
  }
})

const fetching = (transport: keyof typeof transports, baseUrl: string) =>
  Effect.flatMap(Layer.build(transports[transport]), (context) =>
    AuthenticatedHttpClient.make(
      Authenticator.basic({ username: "operator", password: Redacted.make("canary") }),
      { baseUrl }
    ).pipe(Effect.flatMap(AuthenticatedHttpClient.toFetch), Effect.provide(context)))

const read = (reader: ReadableStreamDefaultReader<Uint8Array>) =>
  Effect.map(Effect.promise(() => reader.read()), ({ value }) => new TextDecoder().decode(value))

const readerOf = (response: Response) =>
  response.body === null ? Effect.dieMessage("there is no body") : Effect.succeed(response.body.getReader())

describe("AuthenticatedHttpClient > toFetch, over a socket", () => {
  for (const transport of Object.keys(transports) as Array<keyof typeof transports>) {
    it.scopedLive(`${transport}: an event is there before the server has sent the next one`, () =>
      Effect.gen(function*() {
        const server = yield* events
        const fetch = yield* fetching(transport, server.baseUrl)
        const reader = yield* Effect.flatMap(Effect.promise(() => fetch("/events")), readerOf)
        assert.strictEqual(yield* read(reader), "data: first\n\n")
        yield* server.send("data: second\n\n")
        assert.strictEqual(yield* read(reader), "data: second\n\n")
      }))

    it.scopedLive(`${transport}: an abort while the body is read fails it with the signal's reason, and closes the connection`, () =>
      Effect.gen(function*() {
        const server = yield* events
        const fetch = yield* fetching(transport, server.baseUrl)
        const abort = new AbortController()
        const reader = yield* Effect.flatMap(
          Effect.promise(() => fetch("/events", { signal: abort.signal })),
          readerOf
        )
        assert.strictEqual(yield* read(reader), "data: first\n\n")
        const pending = reader.read().then(() => undefined, (error: unknown) => error)
        abort.abort(new Error("canary-reason"))
        assert.strictEqual(yield* Effect.promise(() => pending), abort.signal.reason)
        yield* server.closed
      }))

    it.scopedLive(`${transport}: a body that its reader cancels closes the connection`, () =>
      Effect.gen(function*() {
        const server = yield* events
        const fetch = yield* fetching(transport, server.baseUrl)
        const reader = yield* Effect.flatMap(Effect.promise(() => fetch("/events")), readerOf)
        assert.strictEqual(yield* read(reader), "data: first\n\n")
        yield* Effect.promise(() => reader.cancel())
        yield* server.closed
      }))
  }

  it.scopedLive("a signal that has been aborted before the body is read leaves nothing of it", () =>
    Effect.gen(function*() {
      const server = yield* events
      const fetch = yield* fetching("undici", server.baseUrl)
      const abort = new AbortController()
      const response = yield* Effect.promise(() => fetch("/events", { signal: abort.signal }))
      abort.abort()
      assert.strictEqual(
        yield* Effect.promise(() => response.text().then(() => undefined, (error: unknown) => error)),
        abort.signal.reason
      )
      yield* server.closed
    }))
})
