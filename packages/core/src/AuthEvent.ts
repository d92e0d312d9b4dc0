/**
 * What happened, as one stream: logins, refreshes, rejections, waits. Logs and metrics are made from the same events.
 * No event holds a secret.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { ClientCertificateError, ExchangeError, TokenStoreError } from "./AuthError.ts"
import type { Blocked } from "./RateLimitSignal.ts"
import type { Rung } from "./TokenState.ts"

/**
 * `mode` is the mode that the event belongs to, such as `Yamcs/Password`.
 *
 * - `TokenObtained`: a login or refresh brought a token, or another process had stored one; `waiters` callers had been
 *   waiting for it
 * - `TokenRejected`: the server rejected a token before it expired
 * - `ExchangeFailed`: a login or refresh failed; a token that is still valid goes on being used
 * - `ServedStale`: a token was used while its renewal began
 * - `StoreFailed`: a new token could not be stored; it is used, and lost with this process
 * - `RequestReplayed`: a request that was refused is sent again, with the proof that the ladder's `rung` brings
 * - `LoggedOut`: the session was ended at the server, or that failed within the policy's time
 * - `CertificateInstalled`: new connections present this client certificate, `replaced` instead of another one
 * - `CertificateNotReplaced`: what was to replace a client certificate cannot be used; the old one goes on being used
 * - `CertificateExpiring`: a client certificate expires soon, or has expired (`daysLeft` is not positive)
 *
 * The events of quotas name the partition (`key`), by default the endpoint, since it is not a mode that has a quota.
 *
 * - `ApproachingLimit`: few calls are left; once they are used, requests sleep until `until`
 * - `SleepingUntil`: requests are held back, `waiters` of them
 * - `MalformedQuota`: an answer's quota fields could not be understood, and were ignored
 *
 * @since 0.1.0
 * @category models
 */
export type AuthEvent = Data.TaggedEnum<{
  TokenObtained: {
    readonly mode: string
    readonly origin: "login" | "refresh" | "store"
    readonly generation: number
    /** Seconds until it expires; `undefined`: unknown. */
    readonly expiresIn: number | undefined
    readonly waiters: number
  }
  TokenRejected: { readonly mode: string; readonly generation: number }
  ExchangeFailed: { readonly mode: string; readonly kind: "login" | "refresh"; readonly error: ExchangeError }
  ServedStale: { readonly mode: string; readonly generation: number }
  StoreFailed: { readonly mode: string; readonly error: TokenStoreError }
  RequestReplayed: { readonly mode: string; readonly status: number; readonly rung: Rung }
  LoggedOut: { readonly mode: string; readonly succeeded: boolean }
  CertificateInstalled: {
    readonly subject: string
    /** As hexadecimal digits. */
    readonly serialNumber: string
    readonly daysLeft: number
    readonly replaced: boolean
  }
  CertificateNotReplaced: { readonly subject: string; readonly error: ClientCertificateError }
  CertificateExpiring: { readonly subject: string; readonly serialNumber: string; readonly daysLeft: number }
  ApproachingLimit: {
    readonly key: string
    /** The server's name of the quota; the empty string if it has none. */
    readonly quota: string
    readonly limit: number | undefined
    readonly remaining: number
    readonly until: DateTime.Utc
  }
  SleepingUntil: {
    readonly key: string
    readonly reason: Blocked
    readonly until: DateTime.Utc
    readonly waiters: number
  }
  MalformedQuota: { readonly key: string; readonly fields: ReadonlyArray<string> }
}>

/**
 * Constructors and matchers of the events.
 *
 * @since 0.1.0
 * @category constructors
 */
export const AuthEvent = Data.taggedEnum<AuthEvent>()

/**
 * The hub that events are published to: one for the process unless a {@link layer} gives a program its own. A
 * subscriber that falls behind by more than a thousand events loses the oldest and delays nobody.
 *
 * @since 0.1.0
 * @category references
 */
export class AuthEvents extends Context.Reference<AuthEvents>()("@effect-auth/core/AuthEvents", {
  defaultValue: (): PubSub.PubSub<AuthEvent> => Effect.runSync(makeHub)
}) {}

const makeHub = PubSub.sliding<AuthEvent>(1024)

/**
 * A hub of its own for a program, so that its events do not mix with others of the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AuthEvents> = Layer.effect(AuthEvents, makeHub)

/**
 * The events from now on.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream: Stream.Stream<AuthEvent> = Stream.unwrap(Effect.map(AuthEvents, (hub) => Stream.fromPubSub(hub)))

/**
 * Publishes an event, and updates log and metrics by it.
 *
 * @since 0.1.0
 * @category publishing
 */
export const publish = (event: AuthEvent): Effect.Effect<void> =>
  Effect.zipRight(
    Effect.flatMap(AuthEvents, (hub) => PubSub.publish(hub, event)),
    record(event)
  )

/**
 * One sentence about an event, for a person.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format: (event: AuthEvent) => string = AuthEvent.$match({
  TokenObtained: ({ expiresIn, mode, origin }) =>
    `${mode}: ${obtained[origin]}${expiresIn === undefined ? "" : `, good for ${Math.round(expiresIn)} s`}`,
  TokenRejected: ({ mode }) => `${mode}: the server rejected the token`,
  ExchangeFailed: ({ error }) => error.message,
  ServedStale: ({ mode }) => `${mode}: the token is due, renewing it while it is used`,
  StoreFailed: ({ error, mode }) => `${mode}: ${error.message}; the token is lost when this process ends`,
  RequestReplayed: ({ mode, rung, status }) => `${mode}: refused with ${status}, sending the request again (${rung})`,
  LoggedOut: ({ mode, succeeded }) => succeeded ? `${mode}: logged out` : `${mode}: logging out failed`,
  CertificateInstalled: ({ daysLeft, replaced, serialNumber, subject }) =>
    `${replaced ? "now presenting" : "presenting"} the client certificate ${subject} (${serialNumber}), ` +
    `valid for ${Math.floor(daysLeft)} days`,
  CertificateNotReplaced: ({ error, subject }) => `${error.message}; the previous one (${subject}) stays in use`,
  CertificateExpiring: ({ daysLeft, serialNumber, subject }) =>
    `the client certificate ${subject} (${serialNumber}) ` +
    (daysLeft <= 0 ? "has expired" : `expires in ${daysLeft < 1 ? "less than a day" : `${Math.round(daysLeft)} days`}`),
  ApproachingLimit: ({ key, limit, quota, remaining, until }) => {
    const left = `${remaining}${limit === undefined ? "" : ` of ${limit}`} calls left`
    const of = quota === "" ? "" : ` of the quota "${quota}"`
    const then = remaining === 0 ? "requests sleep" : "once they are used, requests sleep"
    return `${key}: ${left}${of}; ${then} until ${DateTime.formatIso(until)}`
  },
  SleepingUntil: ({ key, reason, until, waiters }) =>
    `${key}: ${waiters} ${waiters === 1 ? "request sleeps" : "requests sleep"} until ${DateTime.formatIso(until)}, ${
      reason === "concurrency" ? "because too many are running" : "because the quota is spent"
    }`,
  MalformedQuota: ({ fields, key }) => `${key}: the server's quota fields could not be understood: ${fields.join(", ")}`
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const exchanges = Metric.counter("effect_auth_exchanges", {
  description: "Tokens obtained, by mode and origin",
  incremental: true
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const exchangeFailures = Metric.counter("effect_auth_exchange_failures", {
  description: "Logins and refreshes that failed, by mode, kind and error tag",
  incremental: true
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const servedStale = Metric.counter("effect_auth_served_stale", {
  description: "Renewals that began while the token was still in use, by mode",
  incremental: true
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const waiters = Metric.gauge("effect_auth_waiters", {
  description: "Callers who waited for the last exchange, by mode"
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const secondsToExpiry = Metric.gauge("effect_auth_seconds_to_expiry", {
  description: "Seconds that the last token was good for when it arrived, by mode"
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const certificateDaysLeft = Metric.gauge("effect_auth_client_certificate_days_left", {
  description: "Days until the client certificate expires, by subject"
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const quotaSleeps = Metric.counter("effect_auth_quota_sleeps", {
  description: "Sleeps until a quota admits requests again, by reason",
  incremental: true
})

/**
 * @since 0.1.0
 * @category metrics
 */
export const malformedQuotas = Metric.counter("effect_auth_malformed_quotas", {
  description: "Quota fields that could not be understood and were ignored, by field",
  incremental: true
})

const obtained: Record<"login" | "refresh" | "store", string> = {
  login: "logged in",
  refresh: "refreshed the token",
  store: "took the stored token"
}

const record: (event: AuthEvent) => Effect.Effect<void> = AuthEvent.$match({
  TokenObtained: (event) =>
    Effect.all([
      Metric.update(exchanges.pipe(Metric.tagged("mode", event.mode), Metric.tagged("origin", event.origin)), 1),
      Metric.update(Metric.tagged(waiters, "mode", event.mode), event.waiters),
      event.expiresIn === undefined
        ? Effect.void
        : Metric.update(Metric.tagged(secondsToExpiry, "mode", event.mode), event.expiresIn),
      Effect.logDebug(format(event))
    ], { discard: true }),
  TokenRejected: (event) => Effect.logDebug(format(event)),
  ExchangeFailed: (event) =>
    Effect.zipRight(
      Metric.update(
        exchangeFailures.pipe(
          Metric.tagged("mode", event.mode),
          Metric.tagged("kind", event.kind),
          Metric.tagged("error", event.error._tag)
        ),
        1
      ),
      Effect.logWarning(format(event))
    ),
  ServedStale: (event) =>
    Effect.zipRight(
      Metric.update(Metric.tagged(servedStale, "mode", event.mode), 1),
      Effect.logDebug(format(event))
    ),
  StoreFailed: (event) => Effect.logError(format(event)),
  RequestReplayed: (event) => Effect.logDebug(format(event)),
  LoggedOut: (event) => event.succeeded ? Effect.logDebug(format(event)) : Effect.logWarning(format(event)),
  CertificateInstalled: (event) => event.replaced ? Effect.logInfo(format(event)) : Effect.logDebug(format(event)),
  CertificateNotReplaced: (event) => Effect.logError(format(event)),
  CertificateExpiring: (event) => Effect.logWarning(format(event)),
  ApproachingLimit: (event) => Effect.logWarning(format(event)),
  SleepingUntil: (event) =>
    Effect.zipRight(
      Metric.update(Metric.tagged(quotaSleeps, "reason", event.reason), 1),
      Effect.logInfo(format(event))
    ),
  MalformedQuota: (event) =>
    Effect.zipRight(
      Effect.forEach(event.fields, (field) => Metric.update(Metric.tagged(malformedQuotas, "field", field), 1), {
        discard: true
      }),
      Effect.logDebug(format(event))
    )
})
