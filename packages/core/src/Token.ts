/**
 * What you hold: a token, when it was issued, when it expires if that is known, and its refresh token if there is one.
 * All times are of the client's own clock. What the server states is a lifetime, counted from the token's arrival, so
 * the two clocks need not agree.
 *
 * @since 0.1.0
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { MalformedTokenResponse } from "./AuthError.ts"
import { construct, Secret } from "./Credential.ts"
import * as Grammar from "./internal/grammar.ts"

/**
 * A token. Its value can be sent in a header (RFC 9110 section 5.5). Without `expiresAt` it is used until the server
 * rejects it.
 *
 * @since 0.1.0
 * @category models
 */
export class Token extends Schema.Class<Token>("@effect-auth/core/Token")({
  value: Secret.pipe(Schema.filter((value) => Grammar.fieldValue(Redacted.value(value)))),
  issuedAt: Schema.DateTimeUtcFromNumber,
  expiresAt: Schema.optional(Schema.DateTimeUtcFromNumber),
  refreshToken: Schema.optionalWith(Secret, { exact: true })
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly value: string | Redacted.Redacted
  /** How long the token lives from now on. Default: unknown, so it is used until the server rejects it. */
  readonly lifetime?: DurationWithUnit | undefined
  /** The same in seconds, as servers state it (`expires_in`, RFC 6749 section 5.1). `lifetime` takes precedence. */
  readonly expiresIn?: number | undefined
  readonly refreshToken?: string | Redacted.Redacted | undefined
  /** The mode the token is for, such as `Yamcs/Password`; shown in errors. */
  readonly mode?: string | undefined
}

/**
 * The claims of a JWT that say how long it lives, in seconds since the epoch by the server's clock (RFC 7519 section
 * 4.1).
 */
interface Lifespan {
  readonly iat?: number | undefined
  readonly exp?: number | undefined
}

/**
 * A token that arrives now. Leave out `lifetime` and `expiresIn` when the server does not state them. Fails with
 * `MalformedTokenResponse` when a value is empty or could not be sent in a header.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Token, MalformedTokenResponse> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const expiresAt = instantAfter(now, lifetimeOf(options))
    return Either.mapLeft(
      construct(() =>
        new Token({
          value: redacted(options.value),
          issuedAt: DateTime.unsafeMake(now),
          ...(expiresAt === undefined ? undefined : { expiresAt }),
          ...(options.refreshToken === undefined ? undefined : { refreshToken: redacted(options.refreshToken) })
        })
      ),
      (problem) => new MalformedTokenResponse({ mode: options.mode ?? "Token", detail: problem.message })
    )
  })

/**
 * A token that is a JWT and arrives now. Its lifetime is read from the JWT itself (`exp - iat`, or `exp` against the
 * client's clock when there is no `iat`); if the JWT states none, `lifetime` or `expiresIn` is used. The signature is not
 * verified: that is the server's task, the client only plans the renewal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJwt = (options: Options): Effect.Effect<Token, MalformedTokenResponse> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const claims = lifespan(Redacted.value(redacted(options.value)))
    const stated = Option.flatMap(claims, (claims) => lifetime(claims, now))
    return make({ ...options, lifetime: Option.getOrElse(stated, () => lifetimeOf(options)) })
  })

/**
 * Reads `iat` and `exp` from a JWT without verifying it. `None` when the text is not a JWT.
 *
 * @since 0.1.0
 * @category jwt
 */
export const lifespan = (jwt: string): Option.Option<Lifespan> => {
  const [, payload, signature, ...rest] = jwt.split(".")
  if (payload === undefined || signature === undefined || rest.length > 0) return Option.none()
  return Encoding.decodeBase64UrlString(payload).pipe(
    Either.flatMap(decodeLifespan),
    Either.getRight
  )
}

/**
 * How long a token with these claims lives from now on (`now` in epoch milliseconds). A lifetime is never negative.
 *
 * @since 0.1.0
 * @category jwt
 */
export const lifetime = (claims: Lifespan, now: number): Option.Option<Duration.Duration> => {
  if (claims.exp === undefined) return Option.none()
  const millis = claims.iat === undefined ? claims.exp * 1000 - now : (claims.exp - claims.iat) * 1000
  return Option.some(Duration.millis(Math.max(0, millis)))
}

const decodeLifespan = Schema.decodeUnknownEither(Schema.parseJson(Schema.Struct({
  iat: Schema.optional(Schema.Finite),
  exp: Schema.optional(Schema.Finite)
})))

const redacted = (value: string | Redacted.Redacted): Redacted.Redacted =>
  typeof value === "string" ? Redacted.make(value) : value

/** The last instant a JavaScript date can represent (ECMA-262 section 21.4.1.1); a longer lifetime is no expiry. */
const lastInstant = 8.64e15

const lifetimeOf = ({ expiresIn, lifetime }: Options): Duration.Duration | undefined =>
  lifetime !== undefined
    ? Duration.decode(lifetime)
    : expiresIn === undefined
    ? undefined
    : Duration.seconds(expiresIn)

const instantAfter = (now: number, lifetime: Duration.Duration | undefined): DateTime.Utc | undefined => {
  const instant = lifetime === undefined ? Infinity : now + Duration.toMillis(lifetime)
  return instant <= lastInstant ? DateTime.unsafeMake(instant) : undefined
}
