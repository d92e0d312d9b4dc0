/**
 * The exchange over HTTP: sending a login or refresh, and deciding what its answer means. Request and response are
 * separate steps, so that a system writes the first and reads the second in its own way.
 *
 * @since 0.1.0
 */
import * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { CredentialsRejected, isAuthError, MalformedTokenResponse, TokenEndpointError } from "./AuthError.ts"
import * as Masking from "./internal/masking.ts"
import { addressOf } from "./internal/request/address.ts"
import { secretsOf } from "./internal/request/exchangeSecrets.ts"
import * as ManualRedirect from "./internal/request/manualRedirect.ts"
import * as Scrub from "./internal/request/scrub.ts"
import * as ServerMessage from "./ServerMessage.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly mode: string
  /** The statuses that mean the credentials are wrong. Default: 400, 401 and 403 (RFC 6749 section 5.2). */
  readonly rejected?: ReadonlyArray<number> | undefined
  /**
   * Reads the server's own words from a refusal: its code and a sentence. They become presentable and lose the secrets
   * that were sent, whatever this returns.
   */
  readonly explain?:
    | ((response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ServerMessage.ServerMessage>)
    | undefined
}

/**
 * Sends an exchange and returns the answer if it is 2xx. Any other answer is `CredentialsRejected`, or
 * `TokenEndpointError`, whose reason says whether trying again makes sense. The request, which holds the credentials, is
 * in no error and in no span of the platform.
 *
 * @since 0.1.0
 * @category requests
 */
export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  options: Options
): Effect.Effect<HttpClientResponse.HttpClientResponse, CredentialsRejected | TokenEndpointError> => {
  const { mode } = options
  const url = addressOf(request)
  // what the answer and its errors refer to, without the body, headers and query of the exchange
  const shown = HttpClientRequest.make(request.method)(url)
  const sent = { secrets: Redacted.make(secretsOf(request)) }
  return ManualRedirect.make(client)(request).pipe(
    Effect.catchAllCause((cause) => Scrub.failure(cause, shown)),
    Effect.mapError((error) =>
      new TokenEndpointError({
        mode,
        url,
        // a redirect that the transport hides or has followed is an answer, and the next one will be no other
        reason: isAuthError(error.cause) && error.cause._tag === "RedirectRefused" ? "Unexpected" : "Unreachable",
        detail: Scrub.describe(error)
      })
    ),
    Effect.withTracerEnabled(false),
    Effect.flatMap((answer) => {
      const response = Scrub.response(ResponseBody.bounded(answer), shown, sent)
      const { status } = response
      if (status >= 200 && status < 300) return Effect.succeed(response)
      const explain = options.explain ?? (() => Effect.succeed(ServerMessage.empty))
      return Effect.flatMap(explain(response), (message) => {
        const facts = { mode, url, status, ...ServerMessage.fromResponse(response, message) }
        return Effect.fail(
          (options.rejected ?? [400, 401, 403]).includes(status)
            ? new CredentialsRejected(facts)
            : new TokenEndpointError({ ...facts, reason: reasonOf(status) })
        )
      })
    })
  )
}

const reasonOf = (status: number): TokenEndpointError["reason"] =>
  status === 429 ? "TooManyRequests" : status === 408 || status >= 500 ? "Unavailable" : "Unexpected"

/**
 * Reads a JSON answer. One that does not match is a `MalformedTokenResponse`, which does not quote it; see {@link text}
 * for one that cannot be read.
 *
 * @since 0.1.0
 * @category responses
 */
export const json = <A, I, R>(schema: Schema.Schema<A, I, R>, options: { readonly mode: string }) => {
  const decode = Schema.decodeUnknown(schema)
  const read = text(options)
  return (
    response: HttpClientResponse.HttpClientResponse
  ): Effect.Effect<A, MalformedTokenResponse | TokenEndpointError, R> => {
    const malformed = (detail: string) => () =>
      new MalformedTokenResponse({
        mode: options.mode,
        url: addressOf(response.request),
        status: response.status,
        detail
      })
    return Effect.flatMap(read(response), (body) =>
      parseJson(body).pipe(
        Effect.mapError(malformed(`the body is not JSON${encodedAs(response)}`)),
        Effect.flatMap((json) => Effect.mapError(decode(json), malformed("the JSON lacks what is needed")))
      ))
  }
}

const parseJson = Schema.decode(Schema.parseJson())

/**
 * Reads a plain text answer, without surrounding white space and within the bounds of `ResponseBody`. A connection lost
 * on the way is a `TokenEndpointError` with reason `Unreachable`, an answer that does not end one with `Timeout`, and one
 * that is too long a `MalformedTokenResponse`.
 *
 * @since 0.1.0
 * @category responses
 */
export const text = ({ mode }: { readonly mode: string }) =>
(
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string, MalformedTokenResponse | TokenEndpointError> =>
  Effect.mapBoth(ResponseBody.bounded(response).text, {
    onFailure: (error) => {
      const facts = { mode, url: addressOf(response.request), detail: Scrub.describe(error) }
      if (!ResponseBody.isBodyOutOfBounds(error.cause)) {
        return new TokenEndpointError({ ...facts, reason: "Unreachable" })
      }
      return error.cause.reason === "TooLong"
        ? new MalformedTokenResponse({ ...facts, status: response.status })
        : new TokenEndpointError({ ...facts, reason: "Timeout" })
    },
    onSuccess: (body) => body.trim()
  })

/**
 * The cookies an answer sets, without those it deletes: by an empty value, by a `Max-Age` of zero or less, or, where it
 * gives none, by an `Expires` that is past on the Clock (RFC 6265 section 5.3). None in a browser, which hides
 * `Set-Cookie` from programs (Fetch standard, "forbidden response-header name").
 *
 * @since 0.1.0
 * @category responses
 */
export const cookies = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Cookies.Cookies> =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => Cookies.fromIterable(Object.values(response.cookies.cookies).filter((cookie) => isSet(cookie, now)))
  )

const isSet = ({ options, valueEncoded }: Cookies.Cookie, now: number): boolean => {
  // some write nothing as a pair of quotes
  if (/^"?"?$/.test(valueEncoded)) return false
  if (options?.maxAge !== undefined) return Duration.greaterThan(options.maxAge, Duration.zero)
  return options?.expires === undefined || options.expires.getTime() > now
}

/** Of the transports only fetch decodes what a server compresses unasked. */
const encodedAs = ({ headers }: HttpClientResponse.HttpClientResponse): string => {
  const encoding = headers["content-encoding"]
  return encoding === undefined || encoding === "identity"
    ? ""
    : `; the server compressed it (${Masking.printable(encoding, 20)}), which this transport does not decode`
}
