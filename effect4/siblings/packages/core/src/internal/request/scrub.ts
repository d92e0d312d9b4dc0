/**
 * By hand for Effect 4, where the errors of the client hold a reason, and a response has more members.
 *
 * Nothing that leaves the client refers to a request with credentials on it. The platform's responses and errors hold
 * the request that was sent, and print it; here they are rebuilt on the request as the caller made it.
 */
import { systemCode, withoutWords, wordless } from "@effect-auth/rate-limit/internal/defects"
import { isBodyOutOfBounds } from "@effect-auth/rate-limit/ResponseBody"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Cookies from "effect/http/Cookies"
import type * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import type * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import * as Pipeable from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import * as Redactable from "effect/Redactable"
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import type { AuthError } from "../../AuthError.ts"
import { isAuthError } from "../../AuthError.ts"
import * as Masking from "../masking.ts"
import * as Locations from "./locations.ts"
import * as SystemErrors from "./systemErrors.ts"

export { withoutWords, wordless }

/** The response, on the request as the caller made it. What was written on that is kept for {@link secretsOf}. */
export const response = (
  original: HttpClientResponse.HttpClientResponse,
  request: HttpClientRequest.HttpClientRequest,
  sent?: Sent
): HttpClientResponse.HttpClientResponse => new ScrubbedResponse(original, request, sent)

/** What was sent beside the request as the caller made it. */
export interface Sent {
  readonly secrets: () => ReadonlyArray<string>
}

/** The secrets of the request that a response answers; none if the response is not one of {@link response}. */
export const secretsOf = (response: HttpClientResponse.HttpClientResponse): ReadonlyArray<string> =>
  response instanceof ScrubbedResponse ? ScrubbedResponse.secrets(response) : []

/**
 * The error, on the request as the caller made it. Its cause is dropped, because a parser's message quotes the body and
 * a transport's error may hold the request. What is known to be safe stays: an error of this library, or the system's
 * error code.
 */
export const error = (
  error: HttpClientError.HttpClientError,
  request: HttpClientRequest.HttpClientRequest
): HttpClientError.HttpClientError => {
  const { reason } = error
  if ("response" in reason) return responseError(error, request, response(reason.response, request))
  const made = (options: { readonly cause?: unknown; readonly description?: string }) => {
    const fields = { request, ...options }
    return new HttpClientError.HttpClientError({
      reason: reason._tag === "TransportError"
        ? new HttpClientError.TransportError(fields)
        : reason._tag === "EncodeError"
        ? new HttpClientError.EncodeError(fields)
        : new HttpClientError.InvalidUrlError(fields)
    })
  }
  const { cause } = reason
  if (isAuthError(cause)) return made({ cause, description: cause.message })
  const description = described(cause)
  return made(description === undefined ? {} : { description })
}

/**
 * The failure of an attempt: an error of this library as it is, a transport's on the request as the caller made it. A
 * defect is a bug, and may hold the request or quote it: its class and its stack frames are kept, its message is not.
 */
export const failure = <E extends HttpClientError.HttpClientError | AuthError>(
  cause: Cause.Cause<E>,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<never, E | HttpClientError.HttpClientError> =>
  Result.match(Result.flip(Cause.findError(cause)), {
    onFailure: (failed) => Effect.fail(isAuthError(failed) ? failed : error(failed, request)),
    onSuccess: (cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.failCause(cause) : Effect.die(wordless(Cause.squash(cause)))
  })

/** What became of a request, without the request; of an error that is scrubbed or not. */
export const describe = ({ reason }: HttpClientError.HttpClientError): string => {
  const { cause } = reason
  if (isAuthError(cause)) return cause.message
  return described(cause) ??
    (ownCode(reason) === undefined ? reasons[reason._tag] : reason.description ?? reasons[reason._tag])
}

/** Whether it is of no use to send the request again, as the transport says by its reason. */
export const isFinal = ({ reason }: HttpClientError.HttpClientError): boolean =>
  !("response" in reason) && reason._tag !== "TransportError"

/** Whether the server may have received the request; of an error that is scrubbed or not. */
export const mayHaveBeenSent = ({ reason }: HttpClientError.HttpClientError): boolean => {
  if ("response" in reason) return true
  if (reason._tag !== "TransportError" || isConnectionFailed(reason.cause)) return false
  const code = systemCode(reason.cause) ?? ownCode(reason)
  return code === undefined || !SystemErrors.isBeforeSending(code)
}

/** The system's code in the description of a scrubbed error: only what is known to be of this library's words. */
const ownCode = ({ description }: HttpClientError.HttpClientErrorReason): string | undefined => {
  const [code] = /^[A-Z][A-Z0-9_]+/u.exec(description ?? "") ?? []
  return code !== undefined && SystemErrors.describe(code) === description ? code : undefined
}

/** There was no connection to send it on. One that was closed may have carried the request. */
const isConnectionFailed = (cause: unknown): boolean =>
  isAuthError(cause) &&
  (cause._tag === "ProxyFailed" || (cause._tag === "HandshakeFailed" && cause.reason !== "Closed"))

const reasons: Record<HttpClientError.HttpClientErrorReason["_tag"], string> = {
  TransportError: "the connection failed",
  EncodeError: "the request could not be encoded",
  InvalidUrlError: "the URL is not valid",
  StatusCodeError: "the status is not the expected one",
  DecodeError: "the body could not be read",
  EmptyBodyError: "the body is empty"
}

const responseError = (
  { reason }: HttpClientError.HttpClientError,
  request: HttpClientRequest.HttpClientRequest,
  response: HttpClientResponse.HttpClientResponse
) => {
  const description = described(reason.cause)
  const fields = {
    request,
    response,
    ...(isBodyOutOfBounds(reason.cause) ? { cause: reason.cause } : undefined),
    ...(description === undefined ? undefined : { description })
  }
  return new HttpClientError.HttpClientError({
    reason: reason._tag === "StatusCodeError"
      ? new HttpClientError.StatusCodeError(fields)
      : reason._tag === "EmptyBodyError"
      ? new HttpClientError.EmptyBodyError(fields)
      : new HttpClientError.DecodeError(fields)
  })
}

/** What is known to be safe of a cause: its system code and what that means. */
export const described = (cause: unknown): string | undefined => {
  if (isBodyOutOfBounds(cause)) return cause.message
  const code = systemCode(cause)
  return code === undefined ? undefined : SystemErrors.describe(code)
}

/**
 * The platform redacts headers only in a log. Printed anywhere else, a response must not show the session it sets, nor
 * what a server repeats of the request: the query in a `Location`, secrets in any field.
 */
const printable = (headers: Headers.Headers, secrets: ReadonlyArray<string>): Record<string, unknown> => {
  const inLog = Redactable.redact(headers)
  return Object.fromEntries(
    Object.entries(Predicate.isObject(inLog) ? inLog : headers).map(([name, value]) => [
      name,
      Locations.wellKnownHeaders.has(name)
        ? "<redacted>"
        : typeof value === "string"
        ? Masking.field(name === "location" ? withoutQuery(value) : value, secrets)
        : value
    ])
  )
}

/** A redirect may repeat the query, with the secrets in it. */
export const withoutQuery = (location: string): string => location.replace(/[?#][^]*$/u, "?…")

class ScrubbedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  // private by #: neither `inspect` nor a walk over the properties reaches the signed request behind it
  readonly #original: HttpClientResponse.HttpClientResponse
  readonly #sent: Sent | undefined
  readonly request: HttpClientRequest.HttpClientRequest

  constructor(
    original: HttpClientResponse.HttpClientResponse,
    request: HttpClientRequest.HttpClientRequest,
    sent: Sent | undefined
  ) {
    super()
    this.#original = original
    this.#sent = sent
    this.request = request
  }

  static secrets(self: ScrubbedResponse): ReadonlyArray<string> {
    return self.#sent?.secrets() ?? []
  }

  get [HttpClientResponse.TypeId](): typeof HttpClientResponse.TypeId {
    return HttpClientResponse.TypeId
  }
  get [HttpIncomingMessage.TypeId](): typeof HttpIncomingMessage.TypeId {
    return HttpIncomingMessage.TypeId
  }
  /** Without its query, which may hold credentials. */
  get url(): string {
    return withoutQuery(this.#original.url)
  }
  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.upgrade)
  }
  get status(): number {
    return this.#original.status
  }
  get headers(): Headers.Headers {
    return this.#original.headers
  }
  get cookies(): Cookies.Cookies {
    return this.#original.cookies
  }
  get remoteAddress(): Option.Option<string> {
    return this.#original.remoteAddress
  }
  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.json)
  }
  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.text)
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.urlParamsBody)
  }
  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.formData)
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return this.#scrubbed(this.#original.arrayBuffer)
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    return Stream.mapError(this.#original.stream, (error) => responseError(error, this.request, this))
  }

  pipe() {
    // eslint-disable-next-line prefer-rest-params -- the way Effect's own data types are pipeable
    return Pipeable.pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
      headers: printable(this.headers, ScrubbedResponse.secrets(this))
    }
  }

  #scrubbed<A>(
    body: Effect.Effect<A, HttpClientError.HttpClientError>
  ): Effect.Effect<A, HttpClientError.HttpClientError> {
    return Effect.mapError(body, (error) => responseError(error, this.request, this))
  }
}
