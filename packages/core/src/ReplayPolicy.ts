/**
 * What may be sent a second time. A refusal (401) or a quota block proves that the server did not act, so every method
 * may be repeated; whether the body still can be is a question of its kind.
 *
 * @since 0.1.0
 */
import type * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"

/**
 * @since 0.1.0
 * @category models
 */
export interface ReplayPolicy {
  /** How often one request is repeated after refusals at the most. */
  readonly maxReplays: number
}

const defaultPolicy: ReplayPolicy = { maxReplays: 3 }

export {
  /**
   * Three replays: one that finds the token renewed by somebody else, one after a refresh, one after a login.
   *
   * @since 0.1.0
   * @category presets
   */
  defaultPolicy as default
}

/**
 * Whether the request's body can be sent again: there is none, it is in memory, or it is a stream that was
 * {@link declareReplayable declared} so.
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
 * Declares that the request's body yields the same bytes each time it is read: a stream over a file, say, and not one
 * over a socket.
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

/** A mark on the body's identity: bodies are immutable values of the platform that cannot carry it themselves. */
const declared = new WeakSet<HttpBody.HttpBody>()

const isInMemory = (body: unknown): boolean =>
  typeof body === "string" || ArrayBuffer.isView(body) || body instanceof ArrayBuffer ||
  body instanceof URLSearchParams || body instanceof Blob || body instanceof FormData
