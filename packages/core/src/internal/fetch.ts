/** The Web's `fetch` over an `HttpClient`, for software that takes a fetch function. */
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpMethod from "@effect/platform/HttpMethod"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"

export const make = <E>(
  client: HttpClient.HttpClient.With<E>,
  runtime: Runtime.Runtime<never>
): typeof globalThis.fetch => {
  const run = Runtime.runPromiseExit(runtime)
  return (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
    const response = Effect.flatMap(
      toRequest(input, init),
      (request) => Effect.map(client.execute(request), toResponse(runtime, signal ?? undefined))
    )
    // runPromise would reject with a FiberFailure, whose tag no caller can see
    return run(response, signal === undefined || signal === null ? {} : { signal }).then(Exit.match({
      onSuccess: (response) => response,
      onFailure: (cause): Promise<Response> =>
        Promise.reject(signal?.aborted === true && Cause.isInterrupted(cause) ? signal.reason : Cause.squash(cause))
    }))
  }
}

type Input = Parameters<typeof globalThis.fetch>[0]

/** `init` takes precedence over a `Request`, as it does for fetch. A relative URL stays relative. */
const toRequest = (
  input: Input,
  init: RequestInit | undefined
): Effect.Effect<HttpClientRequest.HttpClientRequest> =>
  Effect.gen(function*() {
    const given = input instanceof Request ? input : undefined
    const method = (init?.method ?? given?.method ?? "GET").toUpperCase()
    if (!HttpMethod.isHttpMethod(method)) {
      return yield* Effect.die(new TypeError(`${method} is not a supported method`))
    }
    // the body of a Request is always a stream; read, so that it can be sent again
    const body = init?.body ?? (given === undefined || given.body === null
      ? undefined
      : yield* Effect.promise(() => given.arrayBuffer()))
    const headers = Headers.fromInput(new globalThis.Headers(init?.headers ?? given?.headers))
    const request = HttpClientRequest.make(method)(given?.url ?? String(input))
    if (body === undefined || body === null) return HttpClientRequest.setHeaders(request, headers)
    if (body instanceof ReadableStream) {
      const stream = Stream.fromReadableStream(() => body, (error) => error)
      return HttpClientRequest.setHeaders(HttpClientRequest.setBody(request, HttpBody.stream(stream)), headers)
    }
    // a Response knows the content type and the bytes of every other kind of body
    const encoded = new Response(body)
    const bytes = new Uint8Array(yield* Effect.promise(() => encoded.arrayBuffer()))
    const contentType = headers["content-type"] ?? encoded.headers.get("content-type") ?? undefined
    return HttpClientRequest.setBody(
      HttpClientRequest.setHeaders(request, headers),
      HttpBody.uint8Array(bytes, contentType)
    )
  })

const toResponse = (runtime: Runtime.Runtime<never>, signal: AbortSignal | undefined) =>
(
  response: HttpClientResponse.HttpClientResponse
): Response => {
  const headers = new globalThis.Headers()
  for (const [name, value] of Object.entries(response.headers)) {
    if (name !== "set-cookie") headers.set(name, inBytes(value))
  }
  for (const { name, valueEncoded } of Object.values(response.cookies.cookies)) {
    headers.append("set-cookie", inBytes(`${name}=${valueEncoded}`))
  }
  const stream = signal === undefined ? response.stream : untilAborted(response.stream, signal)
  const body = bodiless.has(response.status) ? null : Stream.toReadableStreamRuntime(stream, runtime)
  return new Response(body, { status: response.status, headers })
}

/** An abort also ends a body that is being read: it fails with the signal's reason, and the connection is closed. */
const untilAborted = <E>(
  stream: Stream.Stream<Uint8Array, E>,
  signal: AbortSignal
): Stream.Stream<Uint8Array, unknown> =>
  Stream.interruptWhen(
    stream,
    Effect.async<never, unknown>((resume) => {
      const abort = () => {
        const reason: unknown = signal.reason
        // @effect-diagnostics-next-line anyUnknownInErrorContext:off -- whatever the caller aborts with
        resume(Effect.fail(reason))
      }
      if (signal.aborted) return abort()
      signal.addEventListener("abort", abort, { once: true })
      return Effect.sync(() => signal.removeEventListener("abort", abort))
    })
  )

/** One character for each byte, which is all that a Response takes. Earlier versions of undici decode a server's UTF-8. */
const inBytes = (value: string): string =>
  /[^\0-\xff]/.test(value) ? String.fromCharCode(...new TextEncoder().encode(value)) : value

/** A Response with one of these statuses must not have a body (Fetch standard, "null body status"). */
const bodiless: ReadonlySet<number> = new Set([101, 204, 205, 304])
