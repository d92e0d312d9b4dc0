/**
 * Fibers that wait for one result. A Deferred would do, but each of its waiters keeps what it needs to leave by itself
 * when it is interrupted, which is most of the memory that ten thousand of them take. Here interrupted waiters are
 * removed lazily, so at most twice the peak of concurrent waiters is retained.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"

export interface Waiters<in out A, in out E> {
  readonly waiting: MutableRef.MutableRef<Array<Waiter<A, E>>>
  readonly sweepAt: MutableRef.MutableRef<number>
  /** How many have joined, whether or not they still wait. */
  readonly joined: MutableRef.MutableRef<number>
  readonly result: MutableRef.MutableRef<Exit.Exit<A, E> | undefined>
}

interface Waiter<in A, in E> {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly resume: (exit: Exit.Exit<A, E>) => void
}

export const make = <A, E>(): Waiters<A, E> => ({
  waiting: MutableRef.make<Array<Waiter<A, E>>>([]),
  sweepAt: MutableRef.make(sweepThreshold),
  joined: MutableRef.make(0),
  result: MutableRef.make<Exit.Exit<A, E> | undefined>(undefined)
})

/** Waits for the result. */
export const join = <A, E>(waiters: Waiters<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    MutableRef.increment(waiters.joined)
    return MutableRef.get(waiters.result) ?? Effect.async<A, E>((resume) => {
      if (MutableRef.get(waiters.waiting).length >= MutableRef.get(waiters.sweepAt)) sweep(waiters)
      MutableRef.get(waiters.waiting).push({ fiber, resume })
    })
  })

/** Gives every waiter the result. */
export const complete = <A, E>(waiters: Waiters<A, E>, result: Exit.Exit<A, E>): void => {
  MutableRef.set(waiters.result, result)
  for (const { resume } of MutableRef.get(waiters.waiting)) resume(result)
  MutableRef.set(waiters.waiting, [])
}

/** Removes the fibers that have ended. */
const sweep = <A, E>({ sweepAt, waiting }: Waiters<A, E>): void => {
  const present = MutableRef.get(waiting).filter(({ fiber }) => fiber.unsafePoll() === null)
  MutableRef.set(waiting, present)
  MutableRef.set(sweepAt, Math.max(sweepThreshold, 2 * present.length))
}

/** Below this number of waiters a sweep costs more than it frees. */
const sweepThreshold = 64
