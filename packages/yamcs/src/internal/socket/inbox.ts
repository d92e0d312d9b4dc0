/** The bounded buffer between a connection and the reader of a subscription. */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as MutableQueue from "effect/MutableQueue"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import { Element } from "./element.ts"

export interface Inbox<E> {
  /** Synchronous, so that messages are in the order in which they came. `false`: it is full, and does not slide. */
  readonly offer: (element: Element) => boolean
  /** Ends it when what is in it has been read. The first end counts. */
  readonly end: (cause: Cause.Cause<E>) => void
  /** The next few; waits for the first. */
  readonly take: Effect.Effect<Chunk.Chunk<Element>, Option.Option<E>>
}

export const make = <E>(capacity: number, onFull: "fail" | "sliding"): Effect.Effect<Inbox<E>> =>
  Effect.sync(() => {
    const elements = MutableQueue.bounded<Element>(capacity)
    const given = MutableRef.make<number | undefined>(undefined)
    const ended = MutableRef.make<Option.Option<Cause.Cause<E>>>(Option.none())
    const filled = Effect.unsafeMakeLatch(false)

    const offer = (element: Element): boolean => {
      if (Option.isSome(MutableRef.get(ended))) return true
      if (!MutableQueue.offer(elements, element)) {
        if (onFull === "fail") return false
        const oldest = MutableQueue.poll(elements, undefined)
        // a notice that is given up counts for nothing: that something is missing is told all the same
        MutableRef.update(given, (count = 0) => count + (oldest?._tag === "Data" ? 1 : 0))
        MutableQueue.offer(elements, element)
      }
      filled.unsafeOpen()
      return true
    }

    const end = (cause: Cause.Cause<E>): void => {
      if (Option.isNone(MutableRef.get(ended))) MutableRef.set(ended, Option.some(cause))
      filled.unsafeOpen()
    }

    const take: Inbox<E>["take"] = Effect.suspend(() => {
      const count = MutableRef.getAndSet(given, undefined)
      const rest = MutableQueue.pollUpTo(elements, atOnce)
      const taken = count === undefined ? rest : Chunk.prepend(rest, Element.Lost({ reason: "Overflow", count }))
      if (Chunk.isNonEmpty(taken)) return Effect.succeed(taken)
      const end = MutableRef.get(ended)
      if (Option.isSome(end)) return Effect.failCause(Cause.map(end.value, Option.some))
      filled.unsafeClose()
      return Effect.zipRight(filled.await, take)
    })

    return { offer, end, take }
  })

/** What the reader has taken is no longer in the buffer, so it takes no more than is worth a turn. */
const atOnce = 64
