/**
 * The errors Qualys reports. It often does so with HTTP 200: for an expired account, or credentials that are not accepted
 * below `/qps`. The client leaves such answers to the caller, which reads the body anyway; {@link check} and
 * {@link fromBody} turn them into typed errors.
 *
 * @since 0.1.0
 */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import { peek } from "@effect-auth/rate-limit/internal/peek"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Xml from "./internal/xml.ts"

/**
 * Raised when an answer of Qualys, whatever its HTTP status, says that the call failed.
 *
 * - `CredentialsRejected`: wrong user name or password, or an account of another platform (CODE 2000,
 *   `INVALID_CREDENTIALS`)
 * - `Unauthorized`: there were no credentials, or the account may not do this (`UNAUTHORIZED`)
 * - `AccountExpired`: CODE 2001
 * - `RegistrationIncomplete`: CODE 2003; the user has to complete the registration, waiting does not help
 * - `SecureIdRequired`: CODE 2011; the account cannot use the API, waiting does not help
 * - `RateLimited`: CODE 1965; `items.SECONDS_TO_WAIT` says how long
 * - `ConcurrencyLimited`: CODE 1960; `items.CALLS_TO_FINISH` says how many
 * - `Failed`: everything else; `code` and `detail` say what
 *
 * @since 0.1.0
 * @category errors
 */
export class QualysError extends Schema.TaggedError<QualysError>("@effect-auth/qualys/QualysError")("QualysError", {
  reason: Schema.Literal(
    "CredentialsRejected",
    "Unauthorized",
    "AccountExpired",
    "RegistrationIncomplete",
    "SecureIdRequired",
    "RateLimited",
    "ConcurrencyLimited",
    "Failed"
  ),
  /** Origin and path of the request, without its query; unknown where only the body was read. */
  url: Schema.optional(Schema.String),
  /** The HTTP status that came with it. */
  status: Schema.Int,
  /** `CODE` of a SIMPLE_RETURN, or the `responseCode` of a ServiceResponse. */
  code: Schema.String,
  /** What Qualys said in words. */
  detail: Schema.optional(Schema.String),
  /** The `ITEM_LIST` of a SIMPLE_RETURN, by `KEY`. */
  items: Schema.Record({ key: Schema.String, value: Schema.String })
}) {
  override get message(): string {
    const hint = this.reason === "CredentialsRejected" ? " (is the account on another platform?)" : ""
    const at = this.url === undefined ? "" : ` at ${this.url}`
    return `Qualys ${this.code}${at}${this.detail === undefined ? "" : `: ${this.detail}`}${hint}`
  }
}

/**
 * Fails with {@link QualysError} when the body says that the call failed, and returns the response otherwise, with its
 * body to be read as if nobody had. It reads 16 KiB of it at most: what is longer is data. A body that neither ends nor
 * gets that long within a minute is a `ResponseError`.
 *
 * @example
 * ```ts
 * import * as Qualys from "@effect-auth/qualys/Qualys"
 * import * as QualysError from "@effect-auth/qualys/QualysError"
 * import * as Effect from "effect/Effect"
 *
 * const tags = Effect.gen(function*() {
 *   const http = yield* Qualys.Client
 *   const response = yield* http.post("/qps/rest/2.0/search/am/tag").pipe(Effect.flatMap(QualysError.check))
 *   return yield* response.text
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const check = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, QualysError | HttpClientError.ResponseError> =>
  Number(response.headers["content-length"] ?? 0) > Xml.longestEnvelope
    ? Effect.succeed(response)
    : Effect.flatMap(peek(response, bounds), (peeked) =>
      Option.match(
        Option.flatMap(peeked.whole, (body) =>
          read(
            { url: OriginPolicy.addressOf(response.request), status: response.status },
            body,
            ServerMessage.presenter(response)
          )),
        {
          onNone: () => Effect.succeed(peeked.response),
          onSome: Effect.fail
        }
      ))

/** A report may be made while it is sent, and take long to begin. */
const bounds = { size: Xml.longestEnvelope, time: Duration.minutes(1) }

/**
 * The failure a body reports, in XML or JSON. `None` for a success, and for everything that is not one of Qualys'
 * envelopes, such as a proxy's HTML page.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromBody = (status: number, body: string): Option.Option<QualysError> =>
  read({ status }, body, ServerMessage.make)

const read = (
  facts: { readonly url?: string; readonly status: number },
  body: string,
  present: (message: ServerMessage.ServerMessage) => ServerMessage.ServerMessage
): Option.Option<QualysError> =>
  Option.flatMap(Xml.parse(body), ({ code, items, text }) => {
    if (code === undefined || code === "SUCCESS") return Option.none()
    const said = present({ code, detail: text })
    return Option.some(
      new QualysError({
        reason: Object.hasOwn(reasons, code) ? reasons[code] ?? "Failed" : "Failed",
        ...facts,
        code: said.code ?? "",
        items: Object.fromEntries(
          Object.entries(items).slice(0, mostItems).map(([key, value]) => {
            const said = present({ code: key, detail: value })
            return [said.code ?? "", said.detail ?? ""]
          })
        ),
        ...(said.detail === undefined ? undefined : { detail: said.detail })
      })
    )
  })

/** Qualys sends up to five. */
const mostItems = 20

const reasons: Readonly<Record<string, QualysError["reason"]>> = {
  INVALID_CREDENTIALS: "CredentialsRejected",
  UNAUTHORIZED: "Unauthorized",
  1960: "ConcurrencyLimited",
  1965: "RateLimited",
  2000: "CredentialsRejected",
  2001: "AccountExpired",
  2003: "RegistrationIncomplete",
  2011: "SecureIdRequired"
}
