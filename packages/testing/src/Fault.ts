/**
 * What goes wrong between a client and a server, as data: for a fake server that is told to misbehave.
 *
 * @example
 * ```ts
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import * as Fault from "@effect-auth/testing/Fault"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const { inject } = yield* FakeServer.FakeServer
 *   yield* inject(Fault.status(503, { headers: { "retry-after": "7" } }), { times: 2, on: "GET /things" })
 *   yield* inject(Fault.reset, { on: "POST /token" })
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"

/**
 * - `Reset`: the connection breaks before there is an answer
 * - `Close`: the server closes it without one
 * - `Truncate`: the answer's body ends after this many bytes, although its head promised more
 * - `BlackHole`: the request arrives, and nothing comes back
 * - `Latency`: the answer is as it should be, and late
 * - `Status`: an answer of its own, as of a proxy; the server does not see the request
 * - `Garbage`: what comes back is not HTTP
 *
 * @since 0.1.0
 * @category models
 */
export type Fault = Data.TaggedEnum<{
  Reset: {}
  Close: {}
  Truncate: { readonly bytes: number }
  BlackHole: {}
  Latency: { readonly by: Duration.DurationInput }
  Status: {
    readonly status: number
    readonly headers?: Readonly<Record<string, string>> | undefined
    readonly body?: string | undefined
  }
  Garbage: {}
}>

const { BlackHole, Close, Garbage, Latency, Reset, Status, Truncate } = Data.taggedEnum<Fault>()

/**
 * @since 0.1.0
 * @category constructors
 */
export const reset: Fault = Reset()

/**
 * @since 0.1.0
 * @category constructors
 */
export const close: Fault = Close()

/**
 * @since 0.1.0
 * @category constructors
 */
export const truncate = (bytes: number): Fault => Truncate({ bytes })

/**
 * @since 0.1.0
 * @category constructors
 */
export const blackHole: Fault = BlackHole()

/**
 * @since 0.1.0
 * @category constructors
 */
export const latency = (by: Duration.DurationInput): Fault => Latency({ by })

/**
 * @since 0.1.0
 * @category constructors
 */
export const status = (
  status: number,
  answer?: { readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
): Fault => Status({ status, ...answer })

/**
 * @since 0.1.0
 * @category constructors
 */
export const garbage: Fault = Garbage()
