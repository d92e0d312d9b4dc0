/** The bounds within which the library reads a body, and the error beyond them. */
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"

/**
 * How much of a body is read, and how long that may take.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bounds {
  /** In bytes, decoded. */
  readonly size: number
  readonly time: Duration.Duration
}

/**
 * Why a body was not read to its end; the cause of a `ResponseError`.
 *
 * @since 0.1.0
 * @category errors
 */
export class BodyOutOfBounds
  extends Schema.TaggedError<BodyOutOfBounds>("@effect-auth/rate-limit/BodyOutOfBounds")("BodyOutOfBounds", {
    /** `TooLong`: it is longer than `size` bytes; `TooSlow`: it did not end within `time`. */
    reason: Schema.Literal("TooLong", "TooSlow"),
    size: Schema.Int,
    time: Schema.DurationFromMillis
  })
{
  override get message(): string {
    return this.reason === "TooLong"
      ? `the body is longer than ${this.size} bytes`
      : `the body did not end within ${Duration.format(this.time)}`
  }
}

/** The error of a reading that was given up. */
export const outOfBounds = (
  response: HttpClientResponse.HttpClientResponse,
  reason: BodyOutOfBounds["reason"],
  bounds: Bounds
): HttpClientError.ResponseError => {
  const cause = new BodyOutOfBounds({ reason, ...bounds })
  const { request } = response
  return new HttpClientError.ResponseError({ request, response, reason: "Decode", cause, description: cause.message })
}
