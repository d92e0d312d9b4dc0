/** A response whose body was read, or begun, by the library, and can be read by its caller all the same. */
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

/** Where the body comes from now. */
export interface Body {
  readonly content: Effect.Effect<ArrayBuffer, HttpClientError.ResponseError>
  /** Default: the content as one chunk. */
  readonly stream?: Stream.Stream<Uint8Array, HttpClientError.ResponseError> | undefined
}

export const restored = (
  head: HttpClientResponse.HttpClientResponse,
  body: Body
): HttpClientResponse.HttpClientResponse => new RestoredResponse(head, body)

export const joined = (parts: ReadonlyArray<Uint8Array>): ArrayBuffer => {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  parts.reduce((at, part) => {
    bytes.set(part, at)
    return at + part.length
  }, 0)
  return bytes.buffer
}

class RestoredResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly #head: HttpClientResponse.HttpClientResponse
  readonly #body: Body

  constructor(head: HttpClientResponse.HttpClientResponse, body: Body) {
    super()
    this.#head = head
    this.#body = body
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
    return Effect.flatMap(this.#read, (read) => read.json)
  }
  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#read, (read) => read.text)
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#read, (read) => read.urlParamsBody)
  }
  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#read, (read) => read.formData)
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#read, (read) => read.arrayBuffer)
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return this.#body.stream ?? Stream.unwrap(Effect.map(this.#read, (read) => read.stream))
  }

  toJSON(): unknown {
    return this.#head.toJSON()
  }

  /** A new response for each reading, because the platform's responses can be read only once. */
  get #read(): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.ResponseError> {
    return Effect.map(this.#body.content, (bytes) => {
      const type = this.headers["content-type"]
      return HttpClientResponse.fromWeb(
        this.request,
        new Response(bytes, type === undefined ? {} : { headers: { "content-type": type } })
      )
    })
  }
}
