/**
 * By hand for Effect 4, which has no bounded MutableQueue, and whose streams are pulled as arrays.
 *
 * The bounded buffer between a connection and the reader of a subscription.
 */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Pull from "effect/Pull"
import { Element } from "./element.ts"

export interface Inbox<E> {
  /** Synchronous, so that messages are in the order in which they came. `false`: it is full, and does not slide. */
  readonly offer: (element: Element) => boolean
  /** Ends it when what is in it has been read. The first end counts. */
  readonly end: (cause: Cause.Cause<E>) => void
  /** The next few; waits for the first. */
  readonly take: Pull.Pull<Arr.NonEmptyReadonlyArray<Element>, E>
}

export const make = <E>(capacity: number, onFull: "fail" | "sliding"): Effect.Effect<Inbox<E>> =>
  Effect.sync(() => {
    const elements: Array<Element> = []
    const given = MutableRef.make<number | undefined>(undefined)
    const ended = MutableRef.make<Option.Option<Cause.Cause<E>>>(Option.none())
    const filled = Latch.makeUnsafe(false)

    const offer = (element: Element): boolean => {
      if (Option.isSome(MutableRef.get(ended))) return true
      if (elements.length >= capacity) {
        if (onFull === "fail") return false
        const oldest = elements.shift()
        // a notice that is given up counts for nothing: that something is missing is told all the same
        MutableRef.update(given, (count = 0) => count + (oldest?._tag === "Data" ? 1 : 0))
      }
      elements.push(element)
      filled.openUnsafe()
      return true
    }

    const end = (cause: Cause.Cause<E>): void => {
      if (Option.isNone(MutableRef.get(ended))) MutableRef.set(ended, Option.some(cause))
      filled.openUnsafe()
    }

    const take: Inbox<E>["take"] = Effect.suspend(() => {
      const count = MutableRef.getAndSet(given, undefined)
      const rest = elements.splice(0, atOnce)
      const taken = count === undefined ? rest : [Element.Lost({ reason: "Overflow", count }), ...rest]
      if (Arr.isReadonlyArrayNonEmpty(taken)) return Effect.succeed(taken)
      const end = MutableRef.get(ended)
      if (Option.isSome(end)) return Effect.failCause(end.value)
      filled.closeUnsafe()
      return Effect.andThen(filled.await, take)
    })

    return { offer, end, take }
  })

/** What the reader has taken is no longer in the buffer, so it takes no more than is worth a turn. */
const atOnce = 64
