/**
 * One session in Redis, as this process sees it: what it has read and written of it, and what the others tell. Whatever was
 * seen last is kept, because it may be the only copy: a Redis that comes back empty gets it again.
 */
import { TokenStoreError } from "@effect-auth/core/AuthError"
import { streamWithoutWords, wordless } from "@effect-auth/rate-limit/internal/defects"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Script, Service, Signal } from "../RedisClient.ts"
import { RedisError } from "../RedisClient.ts"
import * as Entry from "./entry.ts"
import * as Scripts from "./sessionScripts.ts"

export interface Session {
  readonly client: Service
  readonly scope: Scope.Scope
  readonly key: string
  readonly keys: ReadonlyArray<string>
  readonly channel: string
  /** The latest that this process has seen in Redis. */
  readonly known: StateRef.StateRef<Entry.Entry>
  /** Counts what may have made the lock free, or the session known. */
  readonly wakes: StateRef.StateRef<number>
  /** The lock, while this process holds it. */
  readonly claim: MutableRef.MutableRef<Claim | undefined>
  /** One write at a time: each goes on until Redis has answered, also when nobody waits for it any more. */
  readonly writing: Effect.Semaphore
  /** How many writes are under way or wait. */
  readonly writes: MutableRef.MutableRef<number>
  readonly isFollowed: MutableRef.MutableRef<boolean>
  /** 1: it is read because of what others told; 2: and once more after that, because they have told more. */
  readonly looks: MutableRef.MutableRef<number>
}

/** The lock, as the process that holds it sees it. */
export interface Claim {
  /** The generation that was stored last, as far as the owner knows. */
  generation: number
  /** Keeps it now. */
  readonly renew: Effect.Effect<void>
}

export const make = (client: Service, scope: Scope.Scope, key: string): Session => ({
  client,
  scope,
  key,
  // the braces make one slot of a cluster of them
  keys: [`${key}:session`, `${key}:lock`],
  channel: `${key}:news`,
  known: StateRef.make(Entry.unknown),
  wakes: StateRef.make(0),
  claim: MutableRef.make<Claim | undefined>(undefined),
  writing: Effect.unsafeMakeSemaphore(1),
  writes: MutableRef.make(0),
  isFollowed: MutableRef.make(false),
  looks: MutableRef.make(0)
})

/**
 * Runs a script. A defect in the client is a refusal, so that it ends neither the lock nor what listens to the others: it may
 * quote the session.
 */
export const send = (
  session: Session,
  script: Script,
  args: ReadonlyArray<string>
): Effect.Effect<unknown, RedisError> =>
  Effect.catchAllDefect(Effect.suspend(() => session.client.run(script, session.keys, args)), (defect) => {
    const shown = wordless(defect, "the client")
    return Effect.zipRight(
      Effect.logError(`${session.key}: the Redis client failed`, shown),
      new RedisError({ reason: "Refused", detail: shown.message })
    )
  })

/** Runs a script and reads its answer. */
export const run = <A, I>(
  session: Session,
  operation: TokenStoreError["operation"],
  script: Script,
  args: ReadonlyArray<string>,
  answer: Schema.Schema<A, I>
): Effect.Effect<A, RedisError | TokenStoreError> =>
  Effect.flatMap(
    send(session, script, args),
    (reply) =>
      Effect.mapError(Schema.decodeUnknown(answer)(reply), () =>
        new TokenStoreError({ operation, place: session.key, detail: "Redis gave an answer that means nothing here" }))
  )

/** What Redis did not do, as a store says it. */
export const failed = (session: Session, operation: TokenStoreError["operation"]) =>
(
  error: RedisError | TokenStoreError
): TokenStoreError =>
  error._tag === "TokenStoreError"
    ? error
    : new TokenStoreError({ operation, place: session.key, detail: error.message })

/** Whether it may be otherwise in a moment. */
export const isPassing = (error: RedisError | TokenStoreError): boolean =>
  error._tag === "RedisError" && error.reason === "Unavailable"

/** Between two tries while Redis is away. */
export const patience = Schedule.jittered(
  Schedule.union(Schedule.exponential("50 millis"), Schedule.spaced("500 millis"))
)

/** What Redis holds; what it has lost is brought back. */
export const read = (session: Session): Effect.Effect<Entry.Entry, RedisError | TokenStoreError> =>
  Effect.flatMap(
    run(session, "read", Scripts.read, [], Entry.Read),
    ([generation, text]) => settled(session, { generation, text })
  )

/** What was read, or what this process knows if the store has lost it. */
export const settled = (
  session: Session,
  entry: Entry.Entry
): Effect.Effect<Entry.Entry, RedisError | TokenStoreError> =>
  Effect.suspend(() => {
    learn(session, entry)
    return entry.generation < StateRef.get(session.known).generation ? restore(session) : Effect.succeed(entry)
  })

/** Brings back what this process has seen last, unless Redis has that or a later one. */
export const restore = (session: Session): Effect.Effect<Entry.Entry, RedisError | TokenStoreError> =>
  Effect.suspend(() => {
    const known = StateRef.get(session.known)
    return Effect.map(
      run(
        session,
        "write",
        Scripts.restore,
        [String(known.generation), known.text, session.channel, removalKept, String(answersWithin)],
        Entry.Restored
      ),
      (answer) => {
        if (answer[0] === "restored") return known
        const kept = { generation: answer[1], text: answer[2] }
        learn(session, kept)
        return kept
      }
    )
  })

/** In milliseconds: how long everyone has to answer when the store has lost what it had. */
export const answersWithin = 1000

/** Something was seen in Redis. */
export const learn = (session: Session, entry: Entry.Entry): void => {
  const known = StateRef.get(session.known)
  const latest = Entry.learned(known, entry)
  if (latest !== known) StateRef.set(session.known, latest)
}

/**
 * Writes a text in the place of a generation. While Redis is away it is tried again, also when nobody waits for it any more:
 * nothing else has the token. `textOf` makes the text of a generation.
 */
export const write = (
  session: Session,
  expected: number,
  textOf: (generation: number) => Effect.Effect<string, TokenStoreError>,
  isReadable: (entry: Entry.Entry) => Effect.Effect<boolean>
): Effect.Effect<boolean, TokenStoreError> => {
  if (!Number.isSafeInteger(expected) || expected < 0) return Effect.succeed(false)
  const writeIn = (place: number, tries: number): Effect.Effect<boolean, RedisError | TokenStoreError> =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const generation = Math.max(StateRef.get(session.known).generation + 1, place + 1, Math.floor(now))
      const text = yield* textOf(generation)
      const put = run(
        session,
        "write",
        Scripts.put,
        [String(place), String(generation), text, session.channel],
        Entry.Put
      )
      const answer = yield* Effect.retry(put, { schedule: patience, while: isPassing })
      if (answer[0] === "stored") {
        learn(session, { generation, text })
        const claim = MutableRef.get(session.claim)
        if (claim !== undefined) claim.generation = generation
        return true
      }
      const stored = { generation: answer[1], text: answer[2] }
      const retry = Entry.onRefusal(expected, stored, StateRef.get(session.known), yield* isReadable(stored))
      learn(session, stored)
      if (retry._tag === "GiveUp" || tries === 0) return false
      if (retry._tag === "Replace") return yield* writeIn(retry.generation, tries - 1)
      yield* Effect.retry(restore(session), { schedule: patience, while: isPassing })
      return yield* writeIn(place, tries - 1)
    })

  return Effect.uninterruptibleMask((interruptible) =>
    Effect.gen(function*() {
      MutableRef.increment(session.writes)
      const fiber = yield* session.writing.withPermits(1)(writeIn(expected, mostRefusals)).pipe(
        Effect.ensuring(Effect.sync(() => MutableRef.decrement(session.writes))),
        Effect.interruptible,
        Effect.forkIn(session.scope)
      )
      return yield* Effect.mapError(interruptible(Fiber.join(fiber)), failed(session, "write"))
    })
  )
}

/** Each is one in which another process has changed what is stored. */
const mostRefusals = 3

/** Waits for the writes that are under way. */
export const written = ({ writing }: Session): Effect.Effect<void> => writing.withPermits(1)(Effect.void)

export const isWriting = ({ writes }: Session): boolean => MutableRef.get(writes) > 0

/** Removes the token of a generation, and none that was stored after it. */
export const remove = (session: Session, generation: number): Effect.Effect<void, TokenStoreError> =>
  Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const next = Math.max(generation + 1, StateRef.get(session.known).generation + 1, Math.floor(now))
    const answer = yield* run(
      session,
      "remove",
      Scripts.remove,
      [String(generation), String(next), session.channel, removalKept],
      Entry.Removed
    )
    learn(session, answer[0] === "kept" ? { generation: answer[1], text: answer[2] } : { generation: next, text: "" })
  }).pipe(Effect.mapError(failed(session, "remove")))

/** In milliseconds: long enough for every process that knows the session to hear of its end. */
export const removalKept = String(Duration.toMillis("1 day"))

/** From the first use on, until the Scope ends: listens to the others, and answers them. */
export const follow = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() =>
    MutableRef.getAndSet(session.isFollowed, true)
      ? Effect.void
      : Effect.asVoid(Effect.forkIn(
        Stream.runForEach(
          streamWithoutWords(Stream.suspend(() => session.client.subscribe(session.channel)), "the client"),
          (signal) => heard(session, signal)
        ),
        session.scope
      ))
  )

const heard = (session: Session, signal: Signal): Effect.Effect<void> => {
  // messages may have been missed, or the store may be another one
  if (signal._tag === "Subscribed") return showUp(session)
  const message = Entry.message(signal.text)
  switch (message?._tag) {
    case undefined:
      return Effect.void
    case "Released":
      return woken(session)
    case "Who":
      return Entry.isKnown(StateRef.get(session.known)) || MutableRef.get(session.claim) !== undefined
        ? showUp(session)
        : Effect.void
    case "Stored":
      return message.generation > StateRef.get(session.known).generation
        ? looked(session)
        : Effect.void
  }
}

/** Claims the lock again if it is held, and brings back what is known if the store has lost it. */
const showUp = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const claim = MutableRef.get(session.claim)
    return Effect.zipRight(claim === undefined ? Effect.void : claim.renew, looked(session))
  })

/**
 * Reads, and wakes who waits. Nobody waits for that: who asks for a lock is to be answered although a read takes long. One at a
 * time, however much is told while Redis is slow to answer.
 */
const looked = (session: Session): Effect.Effect<void> =>
  Effect.suspend(() => {
    const looks = MutableRef.get(session.looks)
    MutableRef.set(session.looks, Math.min(looks + 1, 2))
    return looks > 0 ? Effect.void : Effect.asVoid(Effect.forkIn(looking(session), session.scope))
  })

const looking = (session: Session): Effect.Effect<void> =>
  Effect.ignore(retried(read(session))).pipe(
    Effect.zipRight(woken(session)),
    Effect.zipRight(
      Effect.suspend(() => MutableRef.decrementAndGet(session.looks) > 0 ? looking(session) : Effect.void)
    )
  )

const woken = ({ wakes }: Session): Effect.Effect<void> => Effect.sync(() => StateRef.update(wakes, (n) => n + 1))

const retried = <A>(self: Effect.Effect<A, RedisError | TokenStoreError>) =>
  Effect.retry(self, { schedule: patience, while: isPassing, times: 5 })
