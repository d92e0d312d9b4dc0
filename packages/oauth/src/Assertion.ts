/**
 * Assertions: signed statements that are exchanged for a token (RFC 7523 section 2.1).
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as Random from "./internal/random.ts"
import type { AuthorizationServer } from "./internal/server.ts"
import type { SigningKey } from "./SigningKey.ts"
import * as SigningKeys from "./SigningKey.ts"

/**
 * Gives an assertion for each exchange.
 *
 * @since 0.1.0
 * @category models
 */
export type Assertion = (server: AuthorizationServer) => Effect.Effect<Redacted.Redacted, ExchangeError>

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly key: SigningKey
  /** Who says it: `iss`. */
  readonly issuer: string
  /** Whom it is about: `sub`. Default: the issuer. */
  readonly subject?: string | undefined
  /** Whom it is for: `aud`. Default: the server's issuer; where that is unknown, its token endpoint. */
  readonly audience?: string | undefined
  /** How long it is good: finite, at least a second, and longer than it is set back. Default: 1 minute. */
  readonly lifetime?: DurationWithUnit | undefined
  /** How far its time is set back, for servers whose clock is behind. Default: not at all. */
  readonly backdate?: DurationWithUnit | undefined
  /** Further claims, such as Google's `scope`. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
}

/**
 * Assertions that are signed here, each anew, with an id of its own.
 *
 * @example
 * ```ts
 * import * as Assertion from "@effect-auth/oauth/Assertion"
 * import type { SigningKey } from "@effect-auth/oauth/SigningKey"
 *
 * declare const key: SigningKey
 *
 * const assertion = Assertion.signed({
 *   key,
 *   issuer: "robot@acme.example",
 *   subject: "ada@acme.example",
 *   lifetime: "5 minutes",
 *   backdate: "10 seconds"
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const signed = (options: Options): Assertion => ({ issuer, tokenEndpoint }) =>
  Effect.gen(function*() {
    const lifetime = Duration.toSeconds(options.lifetime ?? "1 minute")
    const backdate = Duration.toSeconds(options.backdate ?? 0)
    if (!(lifetime >= 1 && lifetime < Infinity && backdate < lifetime)) {
      return yield* new CredentialUnavailable({
        mode,
        problem: "the lifetime of an assertion must be finite, at least a second, and longer than it is set back",
        final: true
      })
    }
    const now = Math.floor((yield* Clock.currentTimeMillis) / 1000 - backdate)
    return yield* SigningKeys.sign(options.key, {}, {
      ...options.claims,
      iss: options.issuer,
      sub: options.subject ?? options.issuer,
      aud: options.audience ?? issuer ?? tokenEndpoint,
      iat: now,
      exp: Math.floor(now + lifetime),
      jti: yield* Random.token
    }, { mode })
  })

const mode = "OAuth/JwtBearer"
