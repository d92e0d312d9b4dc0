/**
 * What may be sent a second time; see `@effect-auth/rate-limit/ReplayPolicy`.
 *
 * @since 0.1.0
 */
export * from "@effect-auth/rate-limit/ReplayPolicy"
