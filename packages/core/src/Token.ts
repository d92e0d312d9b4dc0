/**
 * What you hold: a token with the time it was issued, the time it expires where that is known, and its refresh token
 * where there is one. All times are of the client's own clock; what the server says is a lifetime, counted from the
 * moment the token arrived, so that the two clocks need not agree.
 *
 * @since 0.1.0
 */
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
  /** How long the token lives from now on; left out, it is used until it is rejected. */
  readonly lifetime?: Duration.DurationInput | undefined
  readonly refreshToken?: string | Redacted.Redacted | undefined
  /** The mode that the token is for, such as `Yamcs/Password`; shown in errors. */
  readonly mode?: string | undefined
}

/**
 * The claims of a JWT that say how long it lives, in seconds since the epoch of the server (RFC 7519 section 4.1).
 *
 * @since 0.1.0
 * @category models
 */
export interface Lifespan {
  readonly iat?: number | undefined
  readonly exp?: number | undefined
}

/**
 * A token that arrives now. Leave `lifetime` out when the server does not tell it. Fails with `MalformedTokenResponse`
 * when a value is empty or could not be sent in a header; `mode` says in that message who received it.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<Token, MalformedTokenResponse> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const expiresAt = instantAfter(now, options.lifetime)
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
 * client's clock when there is no `iat`); where it states none, `lifetime` holds. The signature is not verified: that
 * is the server's business, the client only plans its renewal.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJwt = (options: Options): Effect.Effect<Token, MalformedTokenResponse> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const claims = lifespan(Redacted.value(redacted(options.value)))
    const stated = Option.flatMap(claims, (claims) => lifetime(claims, now))
    return make({ ...options, lifetime: Option.getOrElse(stated, () => options.lifetime) })
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
 * How long a token with such claims lives from now on (`now` in ms). A lifetime that is not positive is zero.
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

/** The last instant that a JavaScript date can name (ECMA-262 section 21.4.1.1); a longer lifetime is no expiry. */
const lastInstant = 8.64e15

const instantAfter = (now: number, lifetime: Duration.DurationInput | undefined): DateTime.Utc | undefined => {
  const instant = lifetime === undefined ? Infinity : now + Duration.toMillis(lifetime)
  return instant <= lastInstant ? DateTime.unsafeMake(instant) : undefined
}
