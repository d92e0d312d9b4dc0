/**
 * What happens, as one stream: logins, refreshes, rejections, waits. Logs and metrics are made from the same events. No
 * event holds a secret.
 *
 * @example
 * ```ts
 * import * as AuthEvent from "@effect-auth/core/AuthEvent"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const watching = Effect.gen(function*() {
 *   const events = yield* AuthEvent.subscribe // none from here on is missed
 *   yield* Effect.forkScoped(
 *     Stream.runForEach(Stream.fromQueue(events), (event) => Effect.logInfo(AuthEvent.format(event)))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import type * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ClientCertificateError, ExchangeError, TokenStoreError } from "./AuthError.ts"
import * as EventTree from "./internal/eventTree.ts"
import type { RenewalStep } from "./internal/token/rejection.ts"
import type { Provenance } from "./internal/token/state.ts"

/**
 * What happened to a token, a request or a client certificate. `mode` is the mode it belongs to, such as
 * `Yamcs/Password`.
 *
 * - `TokenObtained`: a token arrived, for `waiters` callers that had been waiting for it
 * - `TokenRejected`: the server rejected a token before it expired
 * - `ExchangeFailed`: a login or refresh failed; a token that is still valid stays in use
 * - `ExchangeRetried`: a login or refresh failed for the first time and is tried again as the policy says
 * - `ServedStale`: a token was used while its renewal began
 * - `StoreFailed`: the store cannot be locked, or a token not be read or written; the program goes on without it
 * - `RequestReplayed`: a refused request is sent again, with the credentials that the `step` brings
 * - `LoggedOut`: the session was ended at the server, or that failed within the policy's time
 * - `CertificateInstalled`: new connections present this client certificate; `replaced`: instead of another one
 * - `CertificateNotReplaced`: a new client certificate cannot be used; the previous one stays in use
 * - `CertificateExpiring`: a client certificate expires soon, or has expired (`expiresIn` is zero)
 *
 * @since 0.1.0
 * @category models
 */
export type ClientEvent = Data.TaggedEnum<{
  TokenObtained: {
    readonly mode: string
    readonly provenance: Provenance
    readonly generation: number
    /** `undefined`: unknown. */
    readonly expiresIn: Duration.Duration | undefined
    readonly waiters: number
  }
  TokenRejected: { readonly mode: string; readonly generation: number }
  ExchangeFailed: { readonly mode: string; readonly kind: "login" | "refresh"; readonly error: ExchangeError }
  ExchangeRetried: { readonly mode: string; readonly kind: "login" | "refresh"; readonly error: ExchangeError }
  ServedStale: { readonly mode: string; readonly generation: number }
  StoreFailed: { readonly mode: string; readonly error: TokenStoreError }
  RequestReplayed: { readonly mode: string; readonly status: number; readonly step: RenewalStep }
  LoggedOut: { readonly mode: string; readonly succeeded: boolean }
  CertificateInstalled: {
    readonly subject: string
    /** In hexadecimal digits. */
    readonly serialNumber: string
    readonly expiresIn: Duration.Duration
    readonly replaced: boolean
  }
  CertificateNotReplaced: { readonly subject: string; readonly error: ClientCertificateError }
  CertificateExpiring: {
    readonly subject: string
    readonly serialNumber: string
    readonly expiresIn: Duration.Duration
  }
}>

/**
 * Every event: those of this package, and those of the rate limiters its clients have.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthEvent = ClientEvent | RateLimitEvent.RateLimitEvent

/**
 * Constructors and matchers of the events of this package.
 *
 * @since 0.1.0
 * @category constructors
 */
export const AuthEvent = Data.taggedEnum<ClientEvent>()

/**
 * The hub of the program's events: one for the process, unless a {@link layer} gives a part of it its own. Hubs are
 * nested like the layers that make them, and an event is seen in its own hub, in those around it and in those within it.
 * So it does not matter whether an observer's hub is made before a client, after it, or around the call.
 *
 * @since 0.1.0
 * @category references
 */
export class AuthEvents extends Context.Reference<AuthEvents>()("@effect-auth/core/AuthEvents", {
  defaultValue: (): EventTree.EventTree<AuthEvent> => Effect.runSync(EventTree.make<AuthEvent>())
}) {}

/**
 * A hub for one program, so that its events do not mix with those of other programs of the process.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<AuthEvents> = Layer.scoped(AuthEvents, Effect.flatMap(AuthEvents, EventTree.makeWithin))

/**
 * The events from the start of the stream on. A subscriber more than a thousand events behind loses the oldest ones and
 * delays nothing.
 *
 * @since 0.1.0
 * @category streams
 */
export const stream: Stream.Stream<AuthEvent> = Stream.unwrap(
  Effect.map(AuthEvents, ({ hub }) => Stream.fromPubSub(hub))
)

/**
 * The events from now on, until the Scope ends: unlike those of a {@link stream}, which begins when it is run, none that
 * is published after this effect is missed.
 *
 * @since 0.1.0
 * @category streams
 */
export const subscribe: Effect.Effect<Queue.Dequeue<AuthEvent>, never, Scope.Scope> = Effect.flatMap(
  AuthEvents,
  ({ hub }) => PubSub.subscribe(hub)
)

/**
 * Publishes an event. Those of this package are logged and counted, too; a rate limiter has done that with its own.
 *
 * @since 0.1.0
 * @category publishing
 */
export const publish = (event: AuthEvent): Effect.Effect<void> => {
  const published = Effect.flatMap(AuthEvents, (events) => EventTree.publish(events, event))
  return RateLimitEvent.isRateLimitEvent(event) ? published : Effect.zipRight(published, record(event))
}

/**
 * One sentence about an event, for a person.
 *
 * @since 0.1.0
 * @category formatting
 */
export const format = (event: AuthEvent): string =>
  RateLimitEvent.isRateLimitEvent(event) ? RateLimitEvent.format(event) : formatClientEvent(event)

/**
 * Counted from the events of this package. Each metric is tagged with what its description names.
 *
 * @since 0.1.0
 * @category metrics
 */
export const metrics = {
  exchanges: Metric.counter("effect_auth_exchanges", {
    description: "Tokens obtained, by mode and provenance",
    incremental: true
  }),
  exchangeFailures: Metric.counter("effect_auth_exchange_failures", {
    description: "Logins and refreshes that failed, by mode, kind and error tag",
    incremental: true
  }),
  servedStale: Metric.counter("effect_auth_served_stale", {
    description: "Renewals that began while the token was still in use, by mode",
    incremental: true
  }),
  waiters: Metric.gauge("effect_auth_waiters", {
    description: "Callers that waited for the last exchange, by mode"
  }),
  secondsToExpiry: Metric.gauge("effect_auth_seconds_to_expiry", {
    description: "Seconds the last token was valid for when it arrived, by mode"
  }),
  certificateDaysLeft: Metric.gauge("effect_auth_client_certificate_days_left", {
    description: "Days until the client certificate expires, by subject"
  })
}

const obtained: Record<Provenance, string> = {
  login: "logged in",
  refresh: "refreshed the token",
  store: "took the stored token",
  initial: "took the token given at the start"
}

const formatClientEvent: (event: ClientEvent) => string = AuthEvent.$match({
  TokenObtained: ({ expiresIn, mode, provenance }) =>
    `${mode}: ${obtained[provenance]}${
      expiresIn === undefined ? "" : `, valid for ${Math.round(Duration.toSeconds(expiresIn))} s`
    }`,
  TokenRejected: ({ mode }) => `${mode}: the server rejected the token`,
  ExchangeFailed: ({ error }) => error.message,
  ExchangeRetried: ({ error }) => `${error.message}; trying again`,
  ServedStale: ({ mode }) => `${mode}: the token is due for renewal and is used meanwhile`,
  StoreFailed: ({ error, mode }) => `${mode}: ${error.message}; ${withoutStore[error.operation]}`,
  RequestReplayed: ({ mode, status, step }) => `${mode}: refused with ${status}, sending the request again (${step})`,
  LoggedOut: ({ mode, succeeded }) => succeeded ? `${mode}: logged out` : `${mode}: logging out failed`,
  CertificateInstalled: ({ expiresIn, replaced, serialNumber, subject }) =>
    `${replaced ? "now presenting" : "presenting"} the client certificate ${subject} (${serialNumber}), ` +
    `valid for ${Math.floor(Duration.toDays(expiresIn))} days`,
  CertificateNotReplaced: ({ error, subject }) => `${error.message}; the previous one (${subject}) stays in use`,
  CertificateExpiring: ({ expiresIn, serialNumber, subject }) =>
    `the client certificate ${subject} (${serialNumber}) ${
      Duration.equals(expiresIn, Duration.zero) ? "has expired" : `expires in ${days(expiresIn)}`
    }`
})

const withoutStore: Record<TokenStoreError["operation"], string> = {
  lock: "without it no token is stored",
  read: "the next token takes the place of what is stored",
  write: "the token is lost when this process ends",
  replace: "the next exchange takes the stored one",
  remove: "the token stays there"
}

const days = (duration: Duration.Duration): string =>
  Duration.lessThan(duration, "1 day") ? "less than a day" : `${Math.round(Duration.toDays(duration))} days`

const record: (event: ClientEvent) => Effect.Effect<void> = AuthEvent.$match({
  TokenObtained: (event) =>
    Effect.all([
      Metric.update(
        metrics.exchanges.pipe(Metric.tagged("mode", event.mode), Metric.tagged("provenance", event.provenance)),
        1
      ),
      Metric.update(Metric.tagged(metrics.waiters, "mode", event.mode), event.waiters),
      event.expiresIn === undefined
        ? Effect.void
        : Metric.update(
          Metric.tagged(metrics.secondsToExpiry, "mode", event.mode),
          Duration.toSeconds(event.expiresIn)
        ),
      Effect.logDebug(format(event))
    ], { discard: true }),
  TokenRejected: (event) => Effect.logDebug(format(event)),
  ExchangeFailed: (event) =>
    Effect.zipRight(
      Metric.update(
        metrics.exchangeFailures.pipe(
          Metric.tagged("mode", event.mode),
          Metric.tagged("kind", event.kind),
          Metric.tagged("error", event.error._tag)
        ),
        1
      ),
      Effect.logWarning(format(event))
    ),
  ExchangeRetried: (event) => Effect.logWarning(format(event)),
  ServedStale: (event) =>
    Effect.zipRight(
      Metric.update(Metric.tagged(metrics.servedStale, "mode", event.mode), 1),
      Effect.logDebug(format(event))
    ),
  StoreFailed: (event) => Effect.logError(format(event)),
  RequestReplayed: (event) => Effect.logDebug(format(event)),
  LoggedOut: (event) => event.succeeded ? Effect.logDebug(format(event)) : Effect.logWarning(format(event)),
  CertificateInstalled: (event) => event.replaced ? Effect.logInfo(format(event)) : Effect.logDebug(format(event)),
  CertificateNotReplaced: (event) => Effect.logError(format(event)),
  CertificateExpiring: (event) => Effect.logWarning(format(event))
})
