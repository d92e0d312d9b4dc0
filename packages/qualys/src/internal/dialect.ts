/** What the answers of Qualys' two logins mean. */
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import type * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Xml from "./xml.ts"

/**
 * A 409 of the session API may be the block of a quota; the other codes of a 409 (2003, 2011) are about the account. A
 * page in HTML is that of a proxy.
 */
export const dialect: TokenEndpoint.Dialect = ({ code, content, status }) => {
  if (status === 408 || status === 429 || status >= 500) return "TryAgain"
  if (status === 409) return code === undefined ? "Unexpected" : blocks.has(code) ? "TryAgain" : "WrongSetting"
  return (status === 401 || status === 403) && content !== "Html" ? "GrantEnded" : "Unexpected"
}

/** What a block says in its body, else what the head of any answer says of the quota, as the API host and the gateway do. */
export const retryAfter = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<Option.Option<Duration.Duration>> =>
  ResponseBody.bounded(response).text.pipe(
    Effect.map((body) => seconds(Option.flatMapNullable(Xml.parse(body), ({ items }) => items["SECONDS_TO_WAIT"]))),
    Effect.orElseSucceed(() => Option.none<Duration.Duration>()),
    Effect.map(Option.orElse(() => seconds(Option.fromNullable(response.headers["x-ratelimit-towait-sec"]))))
  )

const seconds = (stated: Option.Option<string>): Option.Option<Duration.Duration> =>
  Option.map(Option.filter(stated, (text) => /^\d{1,9}$/.test(text)), (text) => Duration.seconds(Number(text)))

/** Too many calls in a time, too many at once, too many sessions. */
const blocks = new Set(["1965", "1960", "1920"])
