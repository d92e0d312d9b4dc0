/**
 * Keeps a program within the quotas of a server. Each key (by default: each endpoint) has a state that is learned from
 * responses. Requests are held back before they are sent, go in the order in which they came, and no more at once than
 * the server admits.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type { RateLimiter } from "./internal/limiter.ts"
import * as Limiter from "./internal/limiter.ts"
import * as Upload from "./internal/upload.ts"
import type { RateLimited } from "./RateLimitError.ts"
import type { RateLimitPolicy } from "./RateLimitPolicy.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type Attempt,
  /**
   * @since 0.1.0
   * @category models
   */
  type Making
} from "./internal/attempts.ts"

export {
  /**
   * @since 0.1.0
   * @category models
   */
  type RateLimiter,
  /**
   * @since 0.1.0
   * @category models
   */
  type Snapshot
} from "./internal/limiter.ts"

/**
 * The limiter of a program that talks to one server. A program that talks to several gives each limiter a tag of its own.
 *
 * @since 0.1.0
 * @category tags
 */
export class CurrentRateLimiter extends Context.Tag("@effect-auth/rate-limit/RateLimiter/CurrentRateLimiter")<
  CurrentRateLimiter,
  RateLimiter
>() {}

/**
 * Makes a limiter. It needs no Scope: nothing runs but the requests themselves.
 *
 * @example
 * ```ts
 * import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
 * import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const limiter = yield* RateLimiter.make(RateLimitPolicy.default)
 *   const client = (yield* HttpClient.HttpClient).pipe(RateLimiter.withRateLimiter(limiter))
 *   return yield* client.get("https://api.example.com/things")
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (policy: RateLimitPolicy): Effect.Effect<RateLimiter> => Effect.sync(() => Limiter.make(policy))

/**
 * Provides a limiter as {@link CurrentRateLimiter}.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (policy: RateLimitPolicy): Layer.Layer<CurrentRateLimiter> =>
  Layer.effect(CurrentRateLimiter, make(policy))

/**
 * A client whose requests go through the limiter, with `RateLimited` among its errors. Apply it after the combinators that
 * make the URL absolute (`prependUrl`) and before those that retry, so each attempt is counted.
 *
 * @since 0.1.0
 * @category combinators
 */
export const withRateLimiter: {
  (limiter: RateLimiter): <E, R>(client: HttpClient.HttpClient.With<E, R>) => HttpClient.HttpClient.With<
    E | RateLimited,
    R
  >
  <E, R>(client: HttpClient.HttpClient.With<E, R>, limiter: RateLimiter): HttpClient.HttpClient.With<E | RateLimited, R>
} = dual(
  2,
  <E, R>(
    client: HttpClient.HttpClient.With<E, R>,
    limiter: RateLimiter
  ): HttpClient.HttpClient.With<E | RateLimited, R> =>
    HttpClient.transform(
      HttpClient.mapRequest(client, Upload.closable),
      (send, request) => limiter.run(request, () => Upload.closedByFailure(request, send))
    )
)

/**
 * Whether a value is a limiter, as opposed to a policy.
 *
 * @since 0.1.0
 * @category guards
 */
export const isRateLimiter = (u: unknown): u is RateLimiter => Predicate.hasProperty(u, Limiter.TypeId)
