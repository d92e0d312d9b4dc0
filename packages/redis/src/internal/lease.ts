/**
 * The lock of a session: a key with an owner, that ends by itself when its owner does not renew it.
 *
 * - The owner renews it every third of the lease. While Redis does not answer, it goes on trying: that alone is no loss.
 * - It gives the lock back only when what it had to store is stored.
 * - A waiter is woken by a message, or by the end of the lease.
 * - Where nothing is stored at all, the store may have lost it: everyone is asked, and gets a second to bring it back. Nobody
 *   gets the lock meanwhile but the one that had it.
 */
import { TokenStoreError } from "@effect-auth/core/AuthError"
import * as StateRef from "@effect-auth/rate-limit/internal/stateRef"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Stream from "effect/Stream"
import type { RedisError } from "../RedisClient.ts"
import * as Entry from "./entry.ts"
import * as Session from "./session.ts"
import * as Scripts from "./sessionScripts.ts"

export interface Lease {
  readonly session: Session.Session
  /** Tells this store from the others. */
  readonly owner: string
  readonly duration: Duration.Duration
  /** Counts the times that it was asked for. */
  readonly turns: MutableRef.MutableRef<number>
}

/**
 * Runs an effect while holding the lock, with what is stored then. An owner that finds itself replaced, because it was
 * suspended for longer than the lease, is interrupted and fails.
 */
export const withLock = <A, E, R>(
  lease: Lease,
  self: (stored: Entry.Entry) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | TokenStoreError, R> =>
  Effect.suspend(() => {
    const turn = MutableRef.incrementAndGet(lease.turns)
    return Effect.flatMap(
      Effect.mapError(acquire(lease), Session.failed(lease.session, "lock")),
      (stored) => Effect.flatMap(claimed(lease, stored), (lost) => Effect.raceFirst(self(stored), lost))
    ).pipe(
      // also where no answer came: the lock may have been given
      Effect.ensuring(giveBack(lease, turn))
    )
  })

/** The lock, and what is stored. Waits while Redis is away: without the lock a refresh token could be redeemed twice. */
const acquire = (lease: Lease): Effect.Effect<Entry.Entry, RedisError | TokenStoreError> => {
  const { duration, owner, session } = lease

  const attempt = (emptySince: number | undefined, isOver: boolean): Effect.Effect<
    Entry.Entry,
    RedisError | TokenStoreError
  > =>
    Effect.gen(function*() {
      const wakes = StateRef.get(session.wakes)
      const answer = yield* Effect.uninterruptible(
        Session.run(
          session,
          "lock",
          Scripts.acquire,
          [owner, millis(duration), isOver ? "anyway" : "", session.channel, Session.removalKept],
          Entry.Acquired
        )
      ).pipe(Effect.retry({ schedule: Session.patience, while: Session.isPassing }))
      switch (answer[0]) {
        case "granted": {
          // what this process had to store comes first
          yield* Session.written(session)
          return yield* Session.settled(session, { generation: answer[1], text: answer[2] })
        }
        case "held": {
          yield* wokenWithin(session, wakes, Math.max(shortest, answer[1] + 1))
          return yield* attempt(undefined, false)
        }
        case "empty": {
          const now = yield* Clock.currentTimeMillis
          const since = emptySince ?? now
          const left = Session.answersWithin - (now - since)
          if (left > 0) yield* wokenWithin(session, wakes, left)
          const later = yield* Clock.currentTimeMillis
          return yield* attempt(since, later - since >= Session.answersWithin)
        }
      }
    })

  return attempt(undefined, false)
}

/** Holds the lock from now on; what it gives fails when the lock is lost, and never succeeds. */
const claimed = (
  { duration, owner, session }: Lease,
  stored: Entry.Entry
): Effect.Effect<Effect.Effect<never, TokenStoreError>> =>
  Effect.gen(function*() {
    const lost = yield* Deferred.make<never, TokenStoreError>()
    const renew = Effect.suspend(() =>
      // once it is given back, it is not taken again
      MutableRef.get(session.claim) !== claim
        ? Effect.void
        : Effect.flatMap(
          Session.run(
            session,
            "lock",
            Scripts.renew,
            [owner, millis(duration), String(claim.generation)],
            Entry.Renewed
          ),
          ([answer]) => answer === "lost" ? Deferred.fail(lost, lostError(session)) : Effect.void
        )
    )
    const claim: Session.Claim = { generation: stored.generation, renew: Effect.ignore(renew) }
    MutableRef.set(session.claim, claim)
    const renewing = Effect.retry(renew, { schedule: Session.patience, while: Session.isPassing }).pipe(
      Effect.ignore,
      Effect.delay(Duration.times(duration, 1 / 3)),
      Effect.repeat({ while: () => MutableRef.get(session.claim) === claim })
    )
    // beyond the effect that it is for, as long as there is something to be stored
    yield* Effect.forkIn(renewing, session.scope)
    return Deferred.await(lost)
  })

/** The lock is given back when there is nothing more to be stored, and nobody of this process has asked for it again. */
const giveBack = ({ owner, session, turns }: Lease, turn: number): Effect.Effect<void> => {
  const release = Effect.suspend(() => {
    if (MutableRef.get(turns) !== turn) return Effect.void
    MutableRef.set(session.claim, undefined)
    return Effect.asVoid(Session.send(session, Scripts.release, [owner, session.channel]))
  })
  const persistently = Effect.ignore(
    Effect.retry(release, { schedule: Session.patience, while: Session.isPassing, times: mostReleases })
  )
  return Effect.suspend(() =>
    Session.isWriting(session)
      ? Effect.asVoid(Effect.forkIn(Effect.zipRight(Session.written(session), persistently), session.scope))
      : Effect.catchAll(release, () => Effect.asVoid(Effect.forkIn(persistently, session.scope)))
  )
}

/** Until something was told since, and not longer than this. */
const wokenWithin = ({ wakes }: Session.Session, seen: number, duration: number): Effect.Effect<void> =>
  Effect.asVoid(
    Effect.timeoutOption(
      Stream.runHead(Stream.filter(StateRef.changes(wakes), (count) => count !== seen)),
      Duration.millis(duration)
    )
  )

const lostError = (session: Session.Session): TokenStoreError =>
  new TokenStoreError({
    operation: "lock",
    place: session.key,
    detail: "this process was suspended for so long that another one took over the lock"
  })

const millis = (duration: Duration.Duration): string => String(Math.ceil(Duration.toMillis(duration)))

/** In milliseconds: Redis may say that no time is left. */
const shortest = 20

/** After these the lock ends by itself. */
const mostReleases = 20
