/**
 * By hand for Effect 4, where a response has its URL, can be piped, and gives JSON a type.
 *
 * A response whose body was read, or begun, by the library, and can be read by its caller all the same.
 */
import * as Effect from "effect/Effect"
import type * as Cookies from "effect/http/Cookies"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Pipeable from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"

/** Where the body comes from now. */
export interface Body {
  readonly content: Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError>
  /** Default: the content as one chunk. */
  readonly stream?: Stream.Stream<Uint8Array, HttpClientError.HttpClientError> | undefined
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
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
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
  get url(): string {
    return this.#head.url
  }
  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return this.#head.upgrade
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
  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#read, (read) => read.json)
  }
  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#read, (read) => read.text)
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#read, (read) => read.urlParamsBody)
  }
  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#read, (read) => read.formData)
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.#read, (read) => read.arrayBuffer)
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return this.#body.stream ?? Stream.unwrap(Effect.map(this.#read, (read) => read.stream))
  }

  pipe() {
    // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
    return Pipeable.pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return this.#head.toJSON()
  }

  /** A new response for each reading, because the platform's responses can be read only once. */
  get #read(): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> {
    return Effect.map(this.#body.content, (bytes) => {
      const type = this.headers["content-type"]
      return HttpClientResponse.fromWeb(
        this.request,
        new Response(bytes, type === undefined ? {} : { headers: { "content-type": type } })
      )
    })
  }
}
