/** What an answer without a token comes to: the error that the dialect decides on, in the server's own words. */
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import type * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import {
  CredentialsRejected,
  InteractionRequired,
  MalformedTokenResponse,
  TokenEndpointError
} from "../../AuthError.ts"
import * as Challenge from "../../Challenge.ts"
import * as ServerMessage from "../../ServerMessage.ts"
import * as Json from "../json.ts"
import * as Masking from "../masking.ts"
import { addressOf } from "../request/address.ts"
import * as Scrub from "../request/scrub.ts"
import * as Content from "./content.ts"
import type { Answer, Dialect, Grant } from "./dialect.ts"
import * as Dialects from "./dialect.ts"

/**
 * How answers are read.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reading {
  readonly mode: string
  /** What is asked, for errors, where that is not the token endpoint: `the device authorization endpoint`. */
  readonly endpoint?: string | undefined
  /** The most that is read of an answer. Default: `ResponseBody.readingBounds`. */
  readonly reading?: ResponseBody.Bounds | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Reading {
  /** What is sent. Default: `login`. */
  readonly grant?: Grant | undefined
  /** What an answer without a token means. Default: `oauth`. */
  readonly dialect?: Dialect | undefined
  /**
   * Reads the server's own words from a refusal: its code and a sentence. They become presentable and lose the secrets
   * that were sent, whatever this returns. Default: `error` and `error_description` (RFC 6749 section 5.2), else those of
   * `WWW-Authenticate`.
   */
  readonly explain?:
    | ((response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ServerMessage.ServerMessage>)
    | undefined
  /** How long the server wants to be left alone, where it says so beside `Retry-After`. The longer one counts. */
  readonly retryAfter?:
    | ((response: HttpClientResponse.HttpClientResponse) => Effect.Effect<Option.Option<Duration.Duration>>)
    | undefined
}

export type Refusal = CredentialsRejected | InteractionRequired | MalformedTokenResponse | TokenEndpointError

export const of = (response: HttpClientResponse.HttpClientResponse, options: Options): Effect.Effect<Refusal> =>
  Effect.gen(function*() {
    const { dialect = Dialects.oauth, endpoint, grant = "login", mode } = options
    const { status } = response
    const body = yield* Effect.option(response.text)
    const json = Option.flatMap(body, Json.parseRecord)
    const members = Option.getOrElse(json, (): Members => ({}))
    const explain = options.explain ?? (() => Effect.succeed(explainOAuth(response, members)))
    const compressed = Option.flatMapNullable(body, (body) => Content.compression(response, body))
    const said = Option.isSome(compressed) ? { detail: compressed.value } : yield* explain(response)
    const facts = { mode, url: addressOf(response.request), status, ...ServerMessage.fromResponse(response, said) }
    const { error, suberror } = members
    const answer: Answer = {
      status,
      code: said.code,
      suberror: Predicate.isString(suberror) ? suberror : undefined,
      // a system with an explanation of its own may mean something by it
      unreadable: options.explain === undefined && Predicate.isNotNullable(error) && !Predicate.isString(error),
      challenged: status === 401 && Challenge.fromHeaders(response.headers).some(({ scheme }) => scheme === "basic"),
      content: Content.of(response, body, Option.isSome(json))
    }
    switch (dialect(answer, grant)) {
      case "GrantEnded":
        return new CredentialsRejected({ ...facts, reason: "Grant", grant: grant === "refresh" ? grant : undefined })
      case "WrongSetting":
        return new CredentialsRejected({ ...facts, reason: "Setting" })
      case "InteractionRequired":
        return new InteractionRequired({ ...facts, claims: Option.getOrUndefined(claimsOf(response, members)) })
      case "Unexpected":
        return new TokenEndpointError({ ...facts, endpoint, reason: "Unexpected" })
      case "Malformed":
        return new MalformedTokenResponse({ mode, url: facts.url, status, detail: "its `error` is no text" })
      case "TryAgain": {
        const waits = Arr.getSomes(
          yield* Effect.all([stated(response), options.retryAfter?.(response) ?? Effect.succeedNone])
        )
        return new TokenEndpointError({
          ...facts,
          endpoint,
          reason: status === 429 || status === 409 ? "TooManyRequests" : "Unavailable",
          retryAfter: waits.length === 0 ? undefined : waits.reduce((a, b) => Duration.max(a, b))
        })
      }
    }
  })

type Members = Readonly<Record<string, unknown>>

/** RFC 6749 section 5.2. What is beside the code cannot make it unreadable. */
const explainOAuth = (
  response: HttpClientResponse.HttpClientResponse,
  members: Members
): ServerMessage.ServerMessage => {
  const { error } = members
  return Predicate.isString(error) && error !== ""
    ? { code: error, detail: detailOf(members) }
    : explainHeader(response)
}

/** RFC 6750 section 3, for a server that says it there alone. */
const explainHeader = ({ headers }: HttpClientResponse.HttpClientResponse): ServerMessage.ServerMessage => {
  const stated = Challenge.fromHeaders(headers).find(({ params }) => params["error"] !== undefined)
  return { code: stated?.params["error"], detail: stated?.params["error_description"] }
}

/** The description, and what beside it a person, or the server's support, can find out more by. */
const detailOf = (members: Members): string | undefined => {
  const stated = members["error_description"]
  const description = Predicate.isString(stated) && stated !== "" ? stated : undefined
  const more = particulars.flatMap((name) => {
    const value = members[name]
    const text = Array.isArray(value) ? value.join(", ") : value
    return (Predicate.isString(text) || Predicate.isNumber(text)) && text !== "" && !description?.includes(String(text))
      ? [`${name}: ${text}`]
      : []
  }).join("; ")
  return more === "" ? description : description === undefined ? more : `${description} (${more})`
}

/** Of RFC 6749 section 5.2, of Google, and of Entra. */
const particulars = ["error_uri", "error_subtype", "suberror", "error_codes", "trace_id", "correlation_id"]

/**
 * The claims to ask for, as JSON. They go into an error as they are, because what is masked or cut could not be asked for:
 * so there are none that quote a secret, are not printable, or are longer than any server's.
 */
const claimsOf = (
  response: HttpClientResponse.HttpClientResponse,
  { claims }: Members
): Option.Option<string> =>
  Option.filter(
    Option.map(
      Option.flatMap(Option.filter(decodeText(claims), ({ length }) => length <= longestClaims), decodeClaims),
      (claims) => JSON.stringify(claims)
    ),
    (claims) => Masking.withoutSecrets(Masking.printable(claims, longestClaims), Scrub.secretsOf(response)) === claims
  )

const decodeText = Schema.decodeUnknownOption(Schema.String)

const decodeClaims = Schema.decodeOption(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
)

/** In characters. */
const longestClaims = 4096

/** RFC 9110 section 10.2.3, and its spellings in milliseconds. */
const stated = (
  { headers }: HttpClientResponse.HttpClientResponse
): Effect.Effect<Option.Option<Duration.Duration>> =>
  Effect.map(Clock.currentTimeMillis, (now) =>
    Option.flatMapNullable(
      RateLimitHeaders.retryAfter.read({ status: 429, headers }, now).status,
      ({ retryAfter }) => retryAfter
    ))
