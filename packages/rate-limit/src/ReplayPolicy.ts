/**
 * What may be sent a second time. A refusal (401) or a rate limit (429) proves that the server did not act, so every
 * method may be repeated. Whether the body can be sent again depends on its kind.
 *
 * @since 0.1.0
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type { Limits } from "./ResponseBody.ts"

/**
 * How often a request is sent again after refusals, and how much is read of their bodies before that.
 *
 * @example
 * ```ts
 * import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
 * import * as Duration from "effect/Duration"
 *
 * // connections are expensive here, so more of a refusal is read to keep one
 * const policy: ReplayPolicy.ReplayPolicy = {
 *   maxReplays: 1,
 *   discarding: { size: 1_048_576, time: Duration.seconds(5) }
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface ReplayPolicy extends Limits {
  /** The most replays of one request. */
  readonly maxReplays: number
}

const defaultPolicy: ReplayPolicy = { maxReplays: 3 }

export {
  /**
   * Three replays: one with a token that another request has renewed, one after a refresh, one after a login. Bodies are
   * read within the default bounds.
   *
   * @since 0.1.0
   * @category presets
   */
  defaultPolicy as default
}

/**
 * Whether the request's body can be sent again: there is none, it is in memory, or the program has
 * {@link declareReplayable declared} it replayable.
 *
 * @since 0.1.0
 * @category guards
 */
export const isReplayable = ({ body }: HttpClientRequest.HttpClientRequest): boolean => {
  switch (body._tag) {
    case "Empty":
    case "Uint8Array":
    case "FormData":
      return true
    case "Raw":
      return isInMemory(body.body) || declared.has(body)
    case "Stream":
      return declared.has(body)
  }
}

/**
 * Declares that the request's body yields the same bytes each time it is read, as a stream over a file does and a stream
 * over a socket does not.
 *
 * @since 0.1.0
 * @category combinators
 */
export const declareReplayable = (
  request: HttpClientRequest.HttpClientRequest
): HttpClientRequest.HttpClientRequest => {
  declared.add(request.body)
  return request
}

/** By identity, because bodies are immutable values of the platform and cannot carry the mark themselves. */
const declared = new WeakSet<HttpBody.HttpBody>()

const isInMemory = (body: unknown): boolean =>
  typeof body === "string" || ArrayBuffer.isView(body) || body instanceof ArrayBuffer ||
  body instanceof URLSearchParams || body instanceof Blob || body instanceof FormData
