/**
 * By hand for Effect 4, whose undici is not that of the Node it runs on: it brings its own fetch.
 *
 * Servers on loopback sockets that record what they received, and the platform's three transports to reach them.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import * as SelfSigned from "selfsigned"

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

export interface Loopback {
  readonly port: number
  readonly received: Array<Received>
}

export type Handler = (request: Received, response: Http.ServerResponse) => void

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate for 127.0.0.1 that nobody signed but itself. */
export const certificate: Effect.Effect<Certificate> = Effect.map(
  Effect.promise(() =>
    SelfSigned.generate([{ name: "commonName", value: "127.0.0.1" }], {
      keyType: "ec",
      extensions: [{
        name: "subjectAltName",
        altNames: [{ type: 7, ip: "127.0.0.1" }, { type: 2, value: "localhost" }]
      }]
    })
  ),
  ({ cert, private: key }) => ({ cert, key })
)

/** Listens on every loopback address, so that it can be reached under two names. */
export const serve = (handler: Handler, tls?: Certificate): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<Loopback & { readonly server: Http.Server }>((resume) => {
      const received: Array<Received> = []
      const listener: Http.RequestListener = (request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const entry = {
            method: request.method ?? "",
            url: request.url ?? "",
            headers: request.headers,
            body: Buffer.concat(chunks).toString()
          }
          received.push(entry)
          handler(entry, response)
        })
      }
      const server = tls === undefined ? Http.createServer(listener) : Https.createServer(tls, listener)
      server.listen(0, () => resume(Effect.succeed({ server, received, port: (server.address() as AddressInfo).port })))
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )

export interface Transport {
  readonly name: string
  readonly layer: Layer.Layer<HttpClient.HttpClient>
}

/** Each of them trusts the certificate, where there is one. */
export const transports = (ca?: string): ReadonlyArray<Transport> => {
  const agent = Effect.acquireRelease(
    Effect.sync(() => new Undici.Agent({ connect: ca === undefined ? {} : { ca } })),
    (agent) => Effect.promise(() => agent.destroy())
  )
  return [
    {
      name: "fetch",
      layer: FetchHttpClient.layer.pipe(
        Layer.provideMerge(Layer.effect(
          FetchHttpClient.RequestInit,
          // the type of the web's fetch does not know the dispatcher
          Effect.map(agent, (dispatcher) => ({ dispatcher }) as RequestInit)
        )),
        Layer.provideMerge(Layer.succeed(FetchHttpClient.Fetch, Undici.fetch as unknown as typeof fetch))
      )
    },
    {
      name: "node:http",
      layer: NodeHttpClient.layerNodeHttpNoAgent.pipe(
        Layer.provide(NodeHttpClient.layerAgentOptions(ca === undefined ? {} : { ca }))
      )
    },
    {
      name: "undici",
      layer: NodeHttpClient.layerUndiciNoDispatcher.pipe(
        Layer.provide(Layer.effect(NodeHttpClient.Dispatcher, agent))
      )
    }
  ]
}
