/**
 * The exchange over HTTP: sending a login or refresh, and deciding what its answer means. Request and response are
 * separate steps, so that a system writes the first and reads the second in its own way.
 *
 * @since 0.1.0
 */
import { httpDate } from "@effect-auth/rate-limit/internal/httpDate"
import * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type ExchangeError, isAuthError, MalformedTokenResponse, TokenEndpointError } from "./AuthError.ts"
import * as Json from "./internal/json.ts"
import { addressOf } from "./internal/request/address.ts"
import { secretsOf } from "./internal/request/exchangeSecrets.ts"
import * as ManualRedirect from "./internal/request/manualRedirect.ts"
import * as Scrub from "./internal/request/scrub.ts"
import * as Content from "./internal/token/content.ts"
import type { Answer, Dialect, Grant, Verdict } from "./internal/token/dialect.ts"
import type { Options, Reading } from "./internal/token/refusal.ts"
import * as Refusal from "./internal/token/refusal.ts"

export type { Answer, Dialect, Grant, Options, Reading, Verdict }

export {
  /**
   * The dialect of OAuth 2 (RFC 6749 section 5.2). The code decides first, the status second. Without a code a login is
   * refused by 400, 401 and 403, but not by a page in HTML, unless that is a 401 that asks for Basic; a refresh token is
   * given up after an empty 400 only.
   *
   * @example
   * ```ts
   * import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
   *
   * // a server that says 401 in plain text, and nothing else, when a refresh token is good no more
   * const dialect: TokenEndpoint.Dialect = (answer, grant) =>
   *   answer.status === 401 && answer.content === "Text" ? "GrantEnded" : TokenEndpoint.oauth(answer, grant)
   * ```
   *
   * @since 0.1.0
   * @category dialects
   */
  oauth
} from "./internal/token/dialect.ts"

/**
 * Sends an exchange and returns the answer if it is 2xx; its body has to be read, or given to `ResponseBody.discard`. What
 * any other answer means is decided by the dialect: `CredentialsRejected`, `InteractionRequired`, `MalformedTokenResponse`, or
 * `TokenEndpointError`, whose reason says what is wrong. The request, which holds the credentials, is in no error and in no span of the
 * platform.
 *
 * @since 0.1.0
 * @category requests
 */
export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest,
  options: Options
): Effect.Effect<HttpClientResponse.HttpClientResponse, Refusal.Refusal> => {
  const { endpoint, mode } = options
  const url = addressOf(request)
  // what the answer and its errors refer to, without the body, headers and query of the exchange
  const shown = HttpClientRequest.make(request.method)(url)
  const sent = { secrets: () => secretsOf(request) }
  return Effect.suspend(() => ManualRedirect.make(client)(request)).pipe(
    Effect.catchAllCause((cause) => Scrub.failure(cause, shown)),
    Effect.mapError((error) =>
      new TokenEndpointError({
        mode,
        url,
        endpoint,
        // a redirect that the transport hides or has followed is an answer
        reason: isAuthError(error.cause) && error.cause._tag === "RedirectRefused" ? "Unexpected" : "Unreachable",
        sent: Scrub.mayHaveBeenSent(error),
        ...(Scrub.isFinal(error) ? { final: true } : undefined),
        detail: Scrub.describe(error)
      })
    ),
    Effect.withTracerEnabled(false),
    Effect.flatMap((answer) => {
      const response = Scrub.response(ResponseBody.bounded(answer, options.reading), shown, sent)
      readings.set(response, options.reading)
      const isSuccess = response.status >= 200 && response.status < 300
      return isSuccess ? Effect.succeed(response) : Effect.flatMap(Refusal.of(response, options), Effect.fail)
    })
  )
}

/**
 * Reads a JSON answer. One that does not match is a `MalformedTokenResponse`, which does not quote it; one that states an
 * `error` is a refusal (RFC 6749 section 5.2), whatever its status and its other members; see {@link text} for one that
 * cannot be read.
 *
 * @since 0.1.0
 * @category responses
 */
export const json = <A, I, R>(schema: Schema.Schema<A, I, R>, options: Options) => {
  const decode = Schema.decodeUnknown(schema)
  const read = text(options)
  return (response: HttpClientResponse.HttpClientResponse): Effect.Effect<A, ExchangeError, R> => {
    const facts = { mode: options.mode, url: addressOf(response.request), status: response.status }
    return Effect.flatMap(read(response), (body) =>
      Option.match(Json.parse(body), {
        onNone: () =>
          Effect.fail(
            new MalformedTokenResponse({
              ...facts,
              foreign: true,
              detail: "the body is not JSON"
            })
          ),
        onSome: (json): Effect.Effect<A, ExchangeError, R> =>
          Predicate.hasProperty(json, "error") && Predicate.isString(json.error) && json.error !== ""
            ? Effect.flatMap(Refusal.of(response, options), Effect.fail)
            : Effect.mapError(
              decode(json),
              () => new MalformedTokenResponse({ ...facts, detail: "the JSON lacks what is needed" })
            )
      }))
  }
}

/**
 * Reads a plain text answer, without surrounding white space and within the bounds of `ResponseBody`. A connection lost
 * on the way is a `TokenEndpointError` with reason `Unreachable`, an answer that does not end one with `Timeout`, and one
 * that is too long, or compressed although nobody asked for it, a `MalformedTokenResponse`.
 *
 * @since 0.1.0
 * @category responses
 */
export const text = ({ endpoint, mode, reading }: Reading) =>
(
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<string, MalformedTokenResponse | TokenEndpointError> =>
  Effect.matchEffect(within(response, reading).text, {
    onFailure: (error) => {
      const facts = { mode, url: addressOf(response.request), detail: Scrub.describe(error) }
      if (!ResponseBody.isBodyOutOfBounds(error.cause)) {
        return Effect.fail(new TokenEndpointError({ ...facts, endpoint, reason: "Unreachable", sent: true }))
      }
      return Effect.fail(
        error.cause.reason === "TooLong"
          ? new MalformedTokenResponse({ ...facts, status: response.status, foreign: true })
          : new TokenEndpointError({ ...facts, endpoint, reason: "Timeout", sent: true })
      )
    },
    onSuccess: (body) => {
      const detail = Content.compression(response, body)
      return detail === undefined
        ? Effect.succeed(body.trim())
        : Effect.fail(
          new MalformedTokenResponse({ mode, url: addressOf(response.request), status: response.status, detail })
        )
    }
  })

/**
 * The cookies an answer sets, without those it deletes: by an empty value, by a `Max-Age` of zero or less, or, where it
 * gives none, by an `Expires` that is past (RFC 6265 section 5.3) by the clock of the server, or by the Clock if the answer
 * has no `Date`. None in a browser, which hides `Set-Cookie` from programs (Fetch standard, "forbidden response-header
 * name").
 *
 * @since 0.1.0
 * @category responses
 */
export const cookies = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Cookies.Cookies> =>
  Effect.map(Clock.currentTimeMillis, (clock) => {
    const now = Option.match(serverTime(response), { onNone: () => clock, onSome: DateTime.toEpochMillis })
    return Cookies.fromIterable(Object.values(response.cookies.cookies).filter((cookie) => isSet(cookie, now)))
  })

/**
 * Whether the body is a page for people, such as a proxy's or a captive portal's, whatever its content type says.
 *
 * @since 0.1.0
 * @category responses
 */
export const isPage = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<boolean> =>
  Effect.map(Effect.option(response.text), (body) => Content.of(response, body, false) === "Html")

/**
 * The time of an answer by the server's clock (RFC 9110 section 6.6.1), for a token whose expiry is an instant and not a
 * lifetime.
 *
 * @since 0.1.0
 * @category responses
 */
export const serverTime = ({ headers }: HttpClientResponse.HttpClientResponse): Option.Option<DateTime.Utc> =>
  Option.map(Option.fromNullable(httpDate(headers["date"] ?? "")), DateTime.unsafeMake)

/** The bounds of what {@link execute} has answered: a body that is read within them twice is read for twice the price. */
const readings = new WeakMap<HttpClientResponse.HttpClientResponse, ResponseBody.Bounds | undefined>()

const within = (
  response: HttpClientResponse.HttpClientResponse,
  reading: ResponseBody.Bounds | undefined
): HttpClientResponse.HttpClientResponse =>
  readings.has(response) && readings.get(response) === reading ? response : ResponseBody.bounded(response, reading)

const isSet = ({ options, valueEncoded }: Cookies.Cookie, now: number): boolean => {
  // some write nothing as a pair of quotes
  if (/^"?"?$/.test(valueEncoded)) return false
  if (options?.maxAge !== undefined) return Duration.greaterThan(Duration.decode(options.maxAge), Duration.zero)
  return options?.expires === undefined || options.expires.getTime() > now
}
