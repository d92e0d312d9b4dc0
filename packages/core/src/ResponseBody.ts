/**
 * Response bodies read within bounds; see `@effect-auth/rate-limit/ResponseBody`.
 *
 * @example
 * ```ts
 * import * as ResponseBody from "@effect-auth/core/ResponseBody"
 * import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
 * import * as Duration from "effect/Duration"
 *
 * const text = (response: HttpClientResponse.HttpClientResponse) =>
 *   ResponseBody.bounded(response, { size: 65_536, time: Duration.seconds(2) }).text
 * ```
 *
 * @since 0.1.0
 */
export * from "@effect-auth/rate-limit/ResponseBody"
