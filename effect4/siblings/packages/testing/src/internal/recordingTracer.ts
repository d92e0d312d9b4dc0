/**
 * By hand for Effect 4, where a tracer is given the options of a span in one.
 *
 * A tracer that records what an exporter would send.
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import type * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"

/** Passes every text of a span to `note`, as soon as it is known. */
export const make = (note: (where: string, value: unknown) => void): Tracer.Tracer => {
  const count = MutableRef.make(0)
  return Tracer.make({
    span: (options) => new RecordedSpan(note, MutableRef.incrementAndGet(count), options)
  })
}

class RecordedSpan implements Tracer.Span {
  readonly _tag = "Span"
  readonly sampled = true
  readonly attributes = new Map<string, unknown>()
  readonly links: Array<Tracer.SpanLink> = []
  readonly spanId: string
  readonly traceId: string
  readonly name: string
  readonly parent: Option.Option<Tracer.AnySpan>
  readonly annotations: Context.Context<never>
  readonly kind: Tracer.SpanKind
  status: Tracer.SpanStatus
  readonly #note: (where: string, value: unknown) => void

  constructor(
    note: (where: string, value: unknown) => void,
    id: number,
    { annotations, kind, links, name, parent, startTime }: Parameters<Tracer.Tracer["span"]>[0]
  ) {
    this.#note = note
    this.spanId = id.toString(16).padStart(16, "0")
    this.traceId = parent._tag === "Some" ? parent.value.traceId : id.toString(16).padStart(32, "0")
    this.name = name
    this.parent = parent
    this.annotations = annotations
    this.kind = kind
    this.status = { _tag: "Started", startTime }
    note("span name", name)
    this.addLinks(links)
  }

  attribute(key: string, value: unknown): void {
    this.attributes.set(key, value)
    this.#note(`span attribute ${key}`, value)
  }

  event(name: string, _startTime: bigint, attributes?: Record<string, unknown>): void {
    this.#note(`span event ${name}`, [name, attributes])
  }

  addLinks(links: ReadonlyArray<Tracer.SpanLink>): void {
    for (const link of links) {
      this.links.push(link)
      this.#note("span link", link.attributes)
    }
  }

  /** An exporter records the text of a failure; a result never leaves the process. */
  end(endTime: bigint, exit: Exit.Exit<unknown, unknown>): void {
    this.status = { _tag: "Ended", startTime: this.status.startTime, endTime, exit }
    if (Exit.isFailure(exit)) {
      this.#note("span status", Cause.pretty(exit.cause))
      for (const error of Cause.prettyErrors(exit.cause)) {
        this.#note("span status", [error.name, error.message, error.stack])
      }
    }
  }
}
