/** Device authorization (RFC 8628): asking for a code, and how often to ask whether it was entered. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { isTransient, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import type * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Parameters from "./parameters.ts"
import type { OAuthClient } from "./tokenRequest.ts"
import * as TokenRequest from "./tokenRequest.ts"

/** RFC 8628 section 3.2. */
export interface DeviceAuthorization {
  readonly deviceCode: Redacted.Redacted
  readonly userCode: string
  readonly verificationUri: string
  readonly verificationUriComplete: string | undefined
  readonly lifetime: Duration.Duration
  readonly interval: Duration.Duration
}

export const request = (
  client: OAuthClient,
  endpoint: string,
  parameters: Parameters.Parameters
): Effect.Effect<DeviceAuthorization, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { mode } = client
    const { answer, url } = yield* TokenRequest.ask(client, endpoint, parameters, Answer, {
      mode,
      endpoint: "the device authorization endpoint",
      dialect: TokenRequest.oauth
    })
    const verificationUri = pageOf(answer.verification_uri) ?? pageOf(answer.verification_url)
    const lifetime = seconds(answer.expires_in)
    if (verificationUri === undefined || lifetime === undefined) {
      return yield* new MalformedTokenResponse({
        mode,
        url,
        detail: verificationUri === undefined
          ? "the answer names no page to enter the code"
          : "the code has no lifetime"
      })
    }
    return {
      deviceCode: Redacted.make(answer.device_code),
      userCode: answer.user_code,
      verificationUri,
      verificationUriComplete: pageOf(answer.verification_uri_complete),
      lifetime: Duration.min(lifetime, longest),
      interval: Duration.max(seconds(answer.interval) ?? Duration.seconds(5), shortest)
    }
  })

/**
 * "Not yet" is no refusal, whatever its status: GitHub says it with 200, Google with 428. Any other code ends the login at
 * once (section 3.5): who asks on would tell the person in the end that nobody had entered the code.
 */
export const dialect: TokenEndpoint.Dialect = (answer, grant) => {
  const { code, content, status } = answer
  if (code === pending || code === slowDown) return "TryAgain"
  // the second is Entra's word; nobody refused anything
  if (code === expired || code === "code_expired") return "InteractionRequired"
  if (code === "access_denied" || code === "authorization_declined") return "GrantEnded"
  const verdict = TokenRequest.oauth(answer, grant)
  const isOwn = code !== undefined && content === "Json" && !ofAnotherUrl.has(status)
  return verdict === "Unexpected" && isOwn ? "GrantEnded" : verdict
}

/** Statuses with which a proxy or a framework says, in JSON too, that there is nothing at a URL. */
const ofAnotherUrl: ReadonlySet<number> = new Set([404, 405])

/** GitHub states in its refusals how long to wait from now on. */
export const statedInterval = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Option.Option<Duration.Duration>> =>
  Effect.map(
    Effect.option(response.json),
    (body) =>
      Option.flatMap(Option.flatMap(body, decodeInterval), ({ interval }) => Option.fromNullable(seconds(interval)))
  )

/** How long to wait until the next question; `undefined`: there is none, for the error is the answer. */
export const nextInterval = (interval: Duration.Duration, error: ExchangeError): Duration.Duration | undefined => {
  if (error._tag === "TokenEndpointError" && error.code === pending) return interval
  if (error._tag === "TokenEndpointError" && error.code === slowDown) {
    // RFC 8628 section 3.5: for this and all later questions
    return Duration.max(Duration.sum(interval, Duration.seconds(5)), leftAlone(error))
  }
  // a proxy that answers is no reason to lose the login
  return isTransient(error) || (error._tag === "MalformedTokenResponse" && error.foreign === true)
    ? Duration.max(Duration.times(interval, 2), leftAlone(error))
    : undefined
}

const leftAlone = (error: ExchangeError): Duration.Duration =>
  (error._tag === "TokenEndpointError" ? error.retryAfter : undefined) ?? Duration.zero

/** RFC 8628 states intervals in seconds; less would be one question after the other. */
const shortest = Duration.seconds(1)

const pending = "authorization_pending"
const slowDown = "slow_down"
export const expired = "expired_token"

const Answer = Schema.Struct({
  device_code: Schema.NonEmptyString,
  // a person reads it, on a terminal perhaps
  user_code: Schema.String.pipe(Schema.pattern(/^[\x20-\x7e]{1,64}$/u)),
  verification_uri: Schema.optional(Schema.NullOr(Schema.String)),
  // Google's spelling
  verification_url: Schema.optional(Schema.NullOr(Schema.String)),
  verification_uri_complete: Schema.optional(Schema.NullOr(Schema.String)),
  expires_in: Schema.Unknown,
  interval: Schema.optional(Schema.Unknown)
})

const decodeInterval = Schema.decodeUnknownOption(Schema.Struct({ interval: Schema.Unknown }))

/** A page that a person may be sent to. User information would make it look like one of another host. */
const pageOf = (url: string | null | undefined): string | undefined => {
  const page = url === null || url === undefined || !URL.canParse(url) ? undefined : new URL(url)
  return page !== undefined && /^https?:$/u.test(page.protocol) && page.username === "" && page.password === ""
    ? page.href
    : undefined
}

const seconds = (stated: unknown): Duration.Duration | undefined => {
  const seconds = typeof stated === "string" && /^\s*\d+(?:\.\d+)?\s*$/u.test(stated) ? Number(stated) : stated
  return typeof seconds === "number" && seconds > 0 ? Duration.seconds(seconds) : undefined
}

/** What a code can be good for that a person enters; far more is beyond all dates. */
const longest = Duration.days(1)
