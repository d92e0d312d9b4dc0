/**
 * What may be sent a second time; see `@effect-auth/rate-limit/ReplayPolicy`.
 *
 * @example
 * ```ts
 * import * as ReplayPolicy from "@effect-auth/core/ReplayPolicy"
 *
 * const replay = ReplayPolicy.default
 * ```
 *
 * @since 0.1.0
 */
export * from "@effect-auth/rate-limit/ReplayPolicy"

export {
  /**
   * Three replays: one with a token that another request has renewed, one after a refresh, one after a login.
   *
   * @since 0.1.0
   * @category presets
   */
  default
} from "@effect-auth/rate-limit/ReplayPolicy"
