/**
 * Response bodies that this library reads before the caller does, or instead of the caller.
 */
import type * as Cookies from "@effect/platform/Cookies"
import type * as Headers from "@effect/platform/Headers"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Reads the rest of a body that no caller will see, so that its connection can be used again; 64 kB at most. Some
 * transports answer a second read of a body with a defect, which is ignored.
 */
export const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  response.stream.pipe(
    Stream.mapAccum(0, (read, chunk) => [read + chunk.length, read + chunk.length]),
    Stream.takeUntil((read) => read >= mostDiscarded),
    Stream.runDrain,
    Effect.ignore,
    Effect.catchAllDefect(() => Effect.void)
  )

/** Closing a connection is cheaper than reading a body longer than this. */
const mostDiscarded = 65_536

/** The response with its body in memory, which can be read any number of times and in any form. */
export const buffered = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.ResponseError> =>
  Effect.map(response.arrayBuffer, (bytes) => new BufferedResponse(response, bytes))

class BufferedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly #head: HttpClientResponse.HttpClientResponse
  readonly #bytes: ArrayBuffer

  constructor(head: HttpClientResponse.HttpClientResponse, bytes: ArrayBuffer) {
    super()
    this.#head = head
    this.#bytes = bytes
  }

  get request(): HttpClientRequest.HttpClientRequest {
    return this.#head.request
  }
  get status(): number {
    return this.#head.status
  }
  get headers(): Headers.Headers {
    return this.#head.headers
  }
  get cookies(): Cookies.Cookies {
    return this.#head.cookies
  }
  get remoteAddress(): Option.Option<string> {
    return this.#head.remoteAddress
  }
  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return this.#body.json
  }
  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return this.#body.text
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return this.#body.urlParamsBody
  }
  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return this.#body.formData
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return this.#body.arrayBuffer
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return this.#body.stream
  }

  toJSON(): unknown {
    return this.#head.toJSON()
  }

  /** A new response for each reading, because the platform's responses can be read only once. */
  get #body(): HttpClientResponse.HttpClientResponse {
    const type = this.headers["content-type"]
    return HttpClientResponse.fromWeb(
      this.request,
      new Response(this.#bytes, type === undefined ? {} : { headers: { "content-type": type } })
    )
  }
}
