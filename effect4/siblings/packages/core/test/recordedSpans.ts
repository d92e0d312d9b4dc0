/**
 * By hand for Effect 4, where a tracer is given the options of a span in one.
 * The spans an effect begins, with their attributes as a tracer exports them. */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Tracer from "effect/Tracer"

export interface RecordedSpan {
  readonly name: string
  readonly attributes: Readonly<Record<string, unknown>>
  /** With what it ended; `undefined` before. */
  readonly exit: Exit.Exit<unknown, unknown> | undefined
}

/** The result of the effect, and its spans in the order in which they began. */
export const recordSpans = <A, E, R>(
  self: Effect.Effect<A, E, R>
): Effect.Effect<readonly [A, ReadonlyArray<RecordedSpan>], E, R> =>
  Effect.gen(function*() {
    const spans: Array<RecordedSpan> = []
    const native = yield* Effect.tracer
    const tracer = Tracer.make({
      ...(native.context === undefined ? undefined : { context: native.context }),
      span: (options) => {
        const { name } = options
        const span = native.span(options)
        const attributes: Record<string, unknown> = {}
        span.attribute = (key, value) => void (attributes[key] = value)
        const index = spans.push({ name, attributes, exit: undefined }) - 1
        const end = span.end.bind(span)
        span.end = (endTime, exit) => {
          spans[index] = { name, attributes, exit }
          end(endTime, exit)
        }
        return span
      }
    })
    return [yield* Effect.withTracer(self, tracer), spans] as const
  })
