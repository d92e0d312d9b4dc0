/**
 * What you hold: a token, when it was issued, when it expires if that is known, and its refresh token if there is one.
 * All times are of the client's own clock. What the server states is a lifetime, counted from the token's arrival, so
 * the two clocks need not agree.
 *
 * @example
 * ```ts
 * import * as Token from "@effect-auth/core/Token"
 *
 * // as a server answers: `{ access_token, expires_in, refresh_token }`
 * const token = (answer: { readonly access_token: string; readonly expires_in: number; readonly refresh_token: string }) =>
 *   Token.make({
 *     mode: "Acme/Password",
 *     value: answer.access_token,
 *     expiresIn: answer.expires_in,
 *     refreshToken: answer.refresh_token
 *   })
 * ```
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
import { construct, HeaderSecret, Secret } from "./Credential.ts"

/**
 * A token. Its value can be sent in a header (RFC 9110 section 5.5). Without `expiresAt` it is used until the server
 * rejects it.
 *
 * @since 0.1.0
 * @category models
 */
export class Token extends Schema.Class<Token>("@effect-auth/core/Token")({
  value: HeaderSecret,
  issuedAt: Schema.DateTimeUtcFromNumber,
  expiresAt: Schema.optional(Schema.DateTimeUtcFromNumber),
  /** From then on the server would have it renewed. Absent: the server does not say. */
  renewAt: Schema.optional(Schema.DateTimeUtcFromNumber),
  refreshToken: Schema.optionalWith(Secret, { exact: true }),
  /** From then on the refresh token is not redeemed any more. Absent: unknown. */
  refreshExpiresAt: Schema.optional(Schema.DateTimeUtcFromNumber),
  /** How the server calls it, such as `Bearer` (RFC 6749 section 7.1). */
  type: Schema.optional(Schema.String),
  /** What was granted (RFC 6749 section 3.3). */
  scope: Schema.optional(Schema.Array(Schema.String)),
  idToken: Schema.optionalWith(Secret, { exact: true }),
  /** The private key that the token is bound to, as a JWK in JSON (RFC 9449 section 5). */
  key: Schema.optionalWith(Secret, { exact: true }),
  /** Members of the server's answer that a mode keeps, such as `instance_url`. They are shown: no place for a secret. */
  extra: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown })),
  /** Whom it was issued to; see `TokenStores.audienceKey`. Set by the store of that audience. */
  audience: Schema.optional(Schema.String)
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly value: string | Redacted.Redacted
  /** How long the token lives from now on. Default: unknown, so it is used until the server rejects it. */
  readonly lifetime?: DurationWithUnit | undefined
  /**
   * The same in seconds, as servers state it (`expires_in`, RFC 6749 section 5.1): a number, or a number in a string. What
   * is neither, not positive or `null` is unknown. `lifetime` takes precedence.
   */
  readonly expiresIn?: unknown
  /** After how many seconds the server would have it renewed (`refresh_in` of Entra); like `expiresIn`. */
  readonly renewIn?: unknown
  /** An empty one, or `null`, is none. */
  readonly refreshToken?: string | Redacted.Redacted | null | undefined
  /** How long the refresh token lives, in seconds; like `expiresIn`. */
  readonly refreshExpiresIn?: unknown
  readonly type?: string | undefined
  readonly scope?: ReadonlyArray<string> | undefined
  readonly idToken?: string | Redacted.Redacted | null | undefined
  readonly key?: Redacted.Redacted | undefined
  readonly extra?: Readonly<Record<string, unknown>> | undefined
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
    const refreshToken = secret(options.refreshToken)
    const idToken = secret(options.idToken)
    const expiresAt = instantAfter(now, lifetimeOf(options))
    const renewAt = instantAfter(now, seconds(options.renewIn))
    const refreshExpiresAt = refreshToken === undefined
      ? undefined
      : instantAfter(now, seconds(options.refreshExpiresIn))
    const { extra, key, scope, type } = options
    return Either.mapLeft(
      construct(() =>
        new Token({
          value: redacted(options.value),
          issuedAt: DateTime.unsafeMake(now),
          ...(expiresAt === undefined ? undefined : { expiresAt }),
          ...(renewAt === undefined ? undefined : { renewAt }),
          ...(refreshToken === undefined ? undefined : { refreshToken }),
          ...(refreshExpiresAt === undefined ? undefined : { refreshExpiresAt }),
          ...(type === undefined ? undefined : { type }),
          ...(scope === undefined ? undefined : { scope }),
          ...(idToken === undefined ? undefined : { idToken }),
          ...(key === undefined ? undefined : { key }),
          ...(extra === undefined ? undefined : { extra })
        })
      ),
      malformed(options)
    )
  })

/**
 * A token that is a JWT and arrives now. Its lifetime is read from the JWT itself: `exp - iat`, or `exp` against the
 * server's clock (`serverTime`) when there is no `iat`, or against the client's when that is unknown too. If the JWT states
 * none, or one that is over, `lifetime` or `expiresIn` is used. The signature is not verified: that is the server's task, the client only plans
 * the renewal. Fails with `MalformedTokenResponse` when the text is not a JWT, such as the page of a proxy.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromJwt = (
  options: Options & {
    /** See `TokenEndpoint.serverTime`. */
    readonly serverTime?: Option.Option<DateTime.Utc> | undefined
  }
): Effect.Effect<Token, MalformedTokenResponse> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    Option.match(lifespan(Redacted.value(redacted(options.value))), {
      onNone: () =>
        Effect.fail(
          new MalformedTokenResponse({ mode: options.mode ?? "Token", foreign: true, detail: "the text is not a JWT" })
        ),
      onSome: (claims) => {
        const serverNow = Option.match(options.serverTime ?? Option.none(), {
          onNone: () => now,
          onSome: DateTime.toEpochMillis
        })
        return make({
          ...options,
          lifetime: Option.getOrElse(
            // what has just arrived has not expired: one of the clocks is wrong
            Option.filter(lifetime(claims, serverNow), Duration.greaterThan(0)),
            () => lifetimeOf(options)
          )
        })
      }
    }))

/**
 * Reads `iat` and `exp` from a JWT without verifying it. `None` when the text is not a JWT.
 *
 * @since 0.1.0
 * @category jwt
 */
export const lifespan = (jwt: string): Option.Option<Lifespan> => {
  const [header, payload, signature, ...rest] = jwt.split(".", 4)
  if (payload === undefined || signature === undefined || rest.length > 0) return Option.none()
  // a JWT in quotes or in JSON has three parts as well
  if (!/^[\w-]+$/.test(`${header}${signature}`)) return Option.none()
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

const malformed = ({ mode }: Options) => (problem: { readonly message: string }) =>
  new MalformedTokenResponse({ mode: mode ?? "Token", detail: problem.message })

const redacted = (value: string | Redacted.Redacted): Redacted.Redacted =>
  typeof value === "string" ? Redacted.make(value) : value

const secret = (value: string | Redacted.Redacted | null | undefined): Redacted.Redacted | undefined =>
  value === null || value === undefined || value === "" ? undefined : redacted(value)

/** The last instant a JavaScript date can represent (ECMA-262 section 21.4.1.1); a longer lifetime is no expiry. */
const lastInstant = 8.64e15

const lifetimeOf = ({ expiresIn, lifetime }: Options): Duration.Duration | undefined =>
  lifetime === undefined ? seconds(expiresIn) : Duration.decode(lifetime)

/** Zero is unknown, too: "expired now" would be a login for each request. */
const seconds = (stated: unknown): Duration.Duration | undefined => {
  const seconds = typeof stated === "string" && /^\s*\d+(?:\.\d+)?\s*$/.test(stated) ? Number(stated) : stated
  return typeof seconds === "number" && seconds > 0 && seconds * 1000 <= lastInstant
    ? Duration.millis(seconds * 1000)
    : undefined
}

/** A lifetime below zero is none. */
const instantAfter = (now: number, lifetime: Duration.Duration | undefined): DateTime.Utc | undefined => {
  const instant = lifetime === undefined ? Infinity : now + Math.max(0, Duration.toMillis(lifetime))
  return instant <= lastInstant ? DateTime.unsafeMake(instant) : undefined
}
