/** A server that hands each request on to a client, as a reverse proxy does, so that a fake in memory is on a socket. */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"

export interface Options {
  readonly client: HttpClient.HttpClient
  /** Where the client sends what it is given, such as `https://mq.example:9443`. */
  readonly origin: string
  /** Breaks the connection of a request that the client gets no answer for. */
  readonly reset: Effect.Effect<void, never, HttpServerRequest.HttpServerRequest>
}

export const app = ({ client, origin, reset }: Options): HttpApp.Default =>
  Effect.gen(function*() {
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = new Uint8Array(yield* request.arrayBuffer)
    const response = yield* client.execute(
      HttpClientRequest.make(request.method)(origin + request.url).pipe(
        body.length === 0
          ? (request) => request
          : HttpClientRequest.bodyUint8Array(body, request.headers["content-type"]),
        HttpClientRequest.setHeaders(request.headers)
      )
    )
    return HttpServerResponse.uint8Array(new Uint8Array(yield* response.arrayBuffer), {
      status: response.status,
      headers: Headers.remove(response.headers, ofTheConnection),
      cookies: response.cookies,
      contentType: response.headers["content-type"]
    })
  }).pipe(Effect.catchAll(() => Effect.as(reset, HttpServerResponse.empty())))

/** What the new connection says anew, and cookies, which are given apart. */
const ofTheConnection = [
  "connection",
  "content-encoding",
  "content-length",
  "content-type",
  "set-cookie",
  "transfer-encoding"
]
