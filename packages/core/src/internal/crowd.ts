/**
 * Fibers that wait for one result. A Deferred would do, but each of its waiters carries the means to leave by itself when
 * it is interrupted, which is most of what ten thousand of them keep in memory. Here who has left is swept out now and
 * then, so that no more are remembered than twice the most who waited at once.
 */
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"

export interface Crowd<in out A, in out E> {
  readonly waiters: MutableRef.MutableRef<Array<Waiter<A, E>>>
  readonly sweepAt: MutableRef.MutableRef<number>
  /** How many have come, whether or not they are still there. */
  readonly joined: MutableRef.MutableRef<number>
  readonly result: MutableRef.MutableRef<Exit.Exit<A, E> | undefined>
}

interface Waiter<in A, in E> {
  readonly fiber: Fiber.RuntimeFiber<unknown, unknown>
  readonly resume: (exit: Exit.Exit<A, E>) => void
}

export const make = <A, E>(): Crowd<A, E> => ({
  waiters: MutableRef.make<Array<Waiter<A, E>>>([]),
  sweepAt: MutableRef.make(fewestSwept),
  joined: MutableRef.make(0),
  result: MutableRef.make<Exit.Exit<A, E> | undefined>(undefined)
})

/** Waits for the result. */
export const join = <A, E>(crowd: Crowd<A, E>): Effect.Effect<A, E> =>
  Effect.withFiberRuntime((fiber) => {
    MutableRef.increment(crowd.joined)
    return MutableRef.get(crowd.result) ?? Effect.async<A, E>((resume) => {
      if (MutableRef.get(crowd.waiters).length >= MutableRef.get(crowd.sweepAt)) sweep(crowd)
      MutableRef.get(crowd.waiters).push({ fiber, resume })
    })
  })

/** Gives all of them the result. */
export const release = <A, E>(crowd: Crowd<A, E>, result: Exit.Exit<A, E>): void => {
  MutableRef.set(crowd.result, result)
  for (const { resume } of MutableRef.get(crowd.waiters)) resume(result)
  MutableRef.set(crowd.waiters, [])
}

/** A fiber that was interrupted has ended, or is about to. */
const sweep = <A, E>({ sweepAt, waiters }: Crowd<A, E>): void => {
  const present = MutableRef.get(waiters).filter(({ fiber }) => fiber.unsafePoll() === null)
  MutableRef.set(waiters, present)
  MutableRef.set(sweepAt, Math.max(fewestSwept, 2 * present.length))
}

const fewestSwept = 64
