/**
 * Response bodies read within bounds; see `@effect-auth/rate-limit/ResponseBody`.
 *
 * @since 0.1.0
 */
export * from "@effect-auth/rate-limit/ResponseBody"
