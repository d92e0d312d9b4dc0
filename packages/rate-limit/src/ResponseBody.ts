/**
 * Response bodies that are read by the library and not by its caller: refusals, blocks, answers to logins. A server may
 * send more than fits in memory, or never come to an end, so each of them is read within bounds of size and time, and its
 * connection is given up beyond these. What a caller asked for is the caller's to read.
 *
 * @since 0.1.0
 */
import type * as Cookies from "@effect/platform/Cookies"
import type * as Headers from "@effect/platform/Headers"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage"
import type * as UrlParams from "@effect/platform/UrlParams"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as MutableRef from "effect/MutableRef"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

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
 * The part of a policy that bounds bodies.
 *
 * @since 0.1.0
 * @category models
 */
export interface Limits {
  /** For a body that says why something was refused. Default: {@link readingBounds}. */
  readonly reading?: Bounds | undefined
  /** For a body that nobody reads, before its connection is given up. Default: {@link discardingBounds}. */
  readonly discarding?: Bounds | undefined
}

/**
 * For a body that says something: 1 MiB and 10 seconds.
 *
 * @since 0.1.0
 * @category constants
 */
export const readingBounds: Bounds = { size: 1_048_576, time: Duration.seconds(10) }

/**
 * For a body that nobody reads: 64 KiB and 1 second. To open a new connection costs less than to read more.
 *
 * @since 0.1.0
 * @category constants
 */
export const discardingBounds: Bounds = { size: 65_536, time: Duration.seconds(1) }

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

/**
 * Whether a value is a {@link BodyOutOfBounds} error.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBodyOutOfBounds = (u: unknown): u is BodyOutOfBounds => Predicate.isTagged(u, "BodyOutOfBounds")

/**
 * The response with a body that is read within bounds, once, whenever it is first asked for, and can then be read any
 * number of times and in any form. Beyond the bounds every way to read it fails with a `ResponseError` whose cause is
 * {@link BodyOutOfBounds}, and the connection is given up.
 *
 * @since 0.1.0
 * @category combinators
 */
export const bounded = (
  response: HttpClientResponse.HttpClientResponse,
  bounds: Bounds = readingBounds
): HttpClientResponse.HttpClientResponse => new BoundedResponse(response, bounds)

/**
 * Reads the rest of a body that nobody reads, so that its connection can be used again, or gives the connection up. Never
 * fails: some transports answer a second read of a body with a defect.
 *
 * @since 0.1.0
 * @category combinators
 */
export const discard = (
  response: HttpClientResponse.HttpClientResponse,
  { size, time }: Bounds = discardingBounds
): Effect.Effect<void> =>
  response.stream.pipe(
    Stream.mapAccum(0, (read, chunk) => [read + chunk.length, read + chunk.length]),
    Stream.takeUntil((read) => read >= size),
    Stream.runDrain,
    Effect.catchAllCause(() => Effect.void),
    Effect.disconnect,
    Effect.timeoutOption(time),
    Effect.asVoid
  )

const read = (
  response: HttpClientResponse.HttpClientResponse,
  bounds: Bounds
): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> => {
  const { request } = response
  const outOf = (reason: BodyOutOfBounds["reason"]) => {
    const cause = new BodyOutOfBounds({ reason, ...bounds })
    return new HttpClientError.ResponseError({ request, response, reason: "Decode", cause, description: cause.message })
  }
  return response.stream.pipe(
    Stream.mapAccum(0, (before, chunk) => [before + chunk.length, { chunk, length: before + chunk.length }]),
    Stream.takeUntil(({ length }) => length > bounds.size),
    Stream.runCollect,
    Effect.flatMap((parts) => {
      const all = Array.from(parts)
      const length = all.at(-1)?.length ?? 0
      return length > bounds.size ? Effect.fail(outOf("TooLong")) : Effect.succeed(joined(all, length))
    }),
    // some transports answer a second read of a body with a defect
    Effect.catchAllDefect((cause) =>
      Effect.fail(new HttpClientError.ResponseError({ request, response, reason: "Decode", cause }))
    ),
    // a connection that cannot even be given up holds nobody
    Effect.disconnect,
    Effect.timeoutFail({ duration: bounds.time, onTimeout: () => outOf("TooSlow") })
  )
}

const joined = (
  parts: ReadonlyArray<{ readonly chunk: Uint8Array; readonly length: number }>,
  length: number
): ArrayBuffer => {
  const bytes = new Uint8Array(length)
  for (const { chunk, length } of parts) bytes.set(chunk, length - chunk.length)
  return bytes.buffer
}

class BoundedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly #head: HttpClientResponse.HttpClientResponse
  readonly #bounds: Bounds
  readonly #bytes = MutableRef.make<Exit.Exit<ArrayBuffer, HttpClientError.ResponseError> | undefined>(undefined)

  constructor(head: HttpClientResponse.HttpClientResponse, bounds: Bounds) {
    super()
    this.#head = head
    this.#bounds = bounds
  }

  get request(): HttpClientRequest.HttpClientRequest {
    return this.#head.request
  }
  get status(): number {
    return this.#head.status
  }
  get headers(): Headers.Headers {
    return this.#head.headers
  }
  get cookies(): Cookies.Cookies {
    return this.#head.cookies
  }
  get remoteAddress(): Option.Option<string> {
    return this.#head.remoteAddress
  }
  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#body, (body) => body.json)
  }
  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#body, (body) => body.text)
  }
  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#body, (body) => body.urlParamsBody)
  }
  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#body, (body) => body.formData)
  }
  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.flatMap(this.#body, (body) => body.arrayBuffer)
  }
  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return Stream.unwrap(Effect.map(this.#body, (body) => body.stream))
  }

  toJSON(): unknown {
    return this.#head.toJSON()
  }

  /** A new response for each reading, because the platform's responses can be read only once. */
  get #body(): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.ResponseError> {
    return Effect.map(this.#read, (bytes) => {
      const type = this.headers["content-type"]
      return HttpClientResponse.fromWeb(
        this.request,
        new Response(bytes, type === undefined ? {} : { headers: { "content-type": type } })
      )
    })
  }

  get #read(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.suspend(() =>
      MutableRef.get(this.#bytes) ?? read(this.#head, this.#bounds).pipe(
        Effect.onExit((exit) =>
          Effect.sync(() => {
            if (!Exit.isInterrupted(exit)) MutableRef.set(this.#bytes, exit)
          })
        )
      )
    )
  }
}
