/** Bodies that cannot be read, whatever it is that says so. */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

/**
 * Some transports answer a second read of a body with a defect. No word of it is left, because it may quote the body, and the
 * ends of fibers are logged.
 */
export const undecodable =
  (response: HttpClientResponse.HttpClientResponse) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | HttpClientError.ResponseError, R> =>
    Effect.catchAllDefect(
      self,
      () => Effect.fail(new HttpClientError.ResponseError({ request: response.request, response, reason: "Decode" }))
    )
