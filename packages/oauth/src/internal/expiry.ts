/** When a token expires of a server that states an instant and no lifetime. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

/**
 * Reads how long a token lives from the members of an answer that states no `expires_in`; `undefined`: it is not known.
 *
 * @since 0.1.0
 * @category models
 */
export type Expiry = (answer: Readonly<Record<string, unknown>>) => Effect.Effect<Duration.Duration | undefined>

/**
 * By a member that states when the token expires, in seconds since the epoch or as a date (ISO 8601), such as `expires_on` or
 * `expires_at`. The server's clock has to be right for it.
 *
 * @example
 * ```ts
 * import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
 * import * as OAuth from "@effect-auth/oauth/OAuth"
 * import * as Redacted from "effect/Redacted"
 *
 * const AcmeLive = ClientCredentials.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "reporting", clientSecret: Redacted.make("...") },
 *   expiry: OAuth.expiryIn("expires_on")
 * })
 * ```
 *
 * @since 0.1.0
 * @category settings
 */
export const expiryIn = (member: string): Expiry => (answer) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const left = instantOf(answer[member]) - now
    // what has just arrived has not expired: one of the clocks is wrong
    return left > 0 ? Duration.millis(left) : undefined
  })

/** In epoch milliseconds; `NaN` if it is neither. */
const instantOf = (stated: unknown): number =>
  typeof stated === "number" || (typeof stated === "string" && /^\d+(?:\.\d+)?$/u.test(stated))
    ? Number(stated) * 1000
    : typeof stated === "string"
    ? Option.match(DateTime.make(stated), { onNone: () => NaN, onSome: DateTime.toEpochMillis })
    : NaN
