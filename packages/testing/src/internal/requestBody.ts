/** The body of a client's request, as a server on the other end would read it. */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** What a Web `Request` takes as its body. */
export type WebBody =
  | ArrayBuffer
  | Blob
  | FormData
  | ReadableStream
  | string
  | Uint8Array<ArrayBuffer>
  | URLSearchParams

/**
 * The body for a Web `Request`. A stream is read to its end first, in the calling fiber: its failure is then the
 * client's, as with a real upload.
 */
export const web = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<WebBody | undefined, HttpClientError.RequestError> => {
  const body = request.body
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "Uint8Array":
      return Effect.succeed(new Uint8Array(body.body))
    case "FormData":
      return Effect.succeed(body.formData)
    case "Stream":
      return bytes(request, body.stream)
    case "Raw":
      return raw(request, body.body)
  }
}

/** The body as text. Text, JSON and forms are read without leaving the fiber. */
export const text = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<string, HttpClientError.RequestError> =>
  Effect.flatMap(web(request), (body) => {
    if (body === undefined) return Effect.succeed("")
    if (typeof body === "string") return Effect.succeed(body)
    return body instanceof Uint8Array
      ? Effect.succeed(new TextDecoder().decode(body))
      : Effect.tryPromise({ try: () => new Response(body).text(), catch: transportError(request) })
  })

/** The request with its body in memory, if it was a stream: it can be read more than once then. */
export const buffered = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.RequestError> => {
  const { body } = request
  return body._tag !== "Stream"
    ? Effect.succeed(request)
    : Effect.map(
      bytes(request, body.stream),
      (bytes) => HttpClientRequest.setBody(request, HttpBody.uint8Array(bytes, body.contentType))
    )
}

/** An error of the network, on this request. */
export const transportError =
  (request: HttpClientRequest.HttpClientRequest) => (cause: unknown): HttpClientError.RequestError =>
    new HttpClientError.RequestError({ request, reason: "Transport", cause })

const bytes = (
  request: HttpClientRequest.HttpClientRequest,
  stream: Stream.Stream<Uint8Array, unknown>
): Effect.Effect<Uint8Array<ArrayBuffer>, HttpClientError.RequestError> =>
  Stream.runFold(Stream.mapError(stream, transportError(request)), new Uint8Array(0), concat)

const raw = (
  request: HttpClientRequest.HttpClientRequest,
  body: unknown
): Effect.Effect<WebBody | undefined, HttpClientError.RequestError> => {
  if (body === undefined || body === null) {
    return Effect.succeed(undefined)
  }
  if (body instanceof ReadableStream) {
    return Effect.tryPromise({ try: () => new Response(body).arrayBuffer(), catch: transportError(request) })
  }
  if (body instanceof Uint8Array) {
    return Effect.succeed(new Uint8Array(body))
  }
  if (
    typeof body === "string" || body instanceof ArrayBuffer || body instanceof Blob || body instanceof FormData ||
    body instanceof URLSearchParams
  ) {
    return Effect.succeed(body)
  }
  return Effect.fail(
    new HttpClientError.RequestError({ request, reason: "Encode", description: "no transport can send this raw body" })
  )
}

const concat = (left: Uint8Array<ArrayBuffer>, right: Uint8Array): Uint8Array<ArrayBuffer> => {
  const out = new Uint8Array(left.length + right.length)
  out.set(left, 0)
  out.set(right, left.length)
  return out
}
