/**
 * The gates of a limiter that shares its quotas with other processes. Each has a fiber that reports to the others for as long
 * as requests come, and tells them that it goes when none has come for a while.
 */
import * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Queue from "effect/Queue"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { RateLimitPolicy } from "../RateLimitPolicy.ts"
import * as Defects from "./defects.ts"
import type { Gate, Gated, Gates } from "./gate.ts"
import * as Membership from "./membership.ts"
import * as Partition from "./partition.ts"
import * as Reporting from "./reporting.ts"
import type { News, Reply, Report } from "./sharedState.ts"
import * as Shared from "./sharedState.ts"

/**
 * Where processes report what they use of a quota, and are told their shares of it: memory that they have in common, or a
 * store that they all reach.
 */
export interface Exchange {
  /** Fails when no answer comes; the report may have arrived nevertheless. */
  readonly report: (key: string, report: Report) => Effect.Effect<Reply, unknown>
  /** Who is to report at once. Never ends. */
  readonly news: (key: string) => Stream.Stream<News>
}

export interface Options {
  readonly exchange: Exchange
  /** In milliseconds. */
  readonly lease: number
  readonly whenAway: Membership.WhenAway
  readonly policy: RateLimitPolicy
}

export const make = (options: Options): Effect.Effect<Gates, never, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    const started = yield* Queue.unbounded<Effect.Effect<void>>()
    const name = (yield* Random.nextIntBetween(36 ** 5, 36 ** 6)).toString(36)
    const count = MutableRef.make(0)
    yield* Effect.forkScoped(
      Effect.forever(Effect.flatMap(Queue.take(started), (process) => Effect.forkIn(process, scope)))
    )
    const newId = () => `${name}${MutableRef.getAndIncrement(count).toString(36)}`
    return (key, gated) => gateOf(options, key, gated, newId, (process) => void started.unsafeOffer(process))
  })

const gateOf = (
  { exchange, lease, policy, whenAway }: Options,
  key: string,
  gated: Gated,
  newId: () => string,
  start: (process: Effect.Effect<void>) => void
): Gate => {
  const rules = Partition.rulesOf(policy)
  const membership = MutableRef.make<Membership.Membership | undefined>(undefined)
  const wake = MutableRef.make(Deferred.unsafeMake<void>(FiberId.none))

  const signal = () => void Deferred.unsafeDone(MutableRef.get(wake), Effect.void)

  /** Joins the others with the first request. */
  const current = (now: number): Membership.Membership => {
    const known = MutableRef.get(membership)
    if (known !== undefined) return known
    const { initial, reserve } = policy
    const joined = Membership.make({ id: newId(), lease, whenAway, reserve, initial }, now)
    MutableRef.set(membership, joined)
    start(Effect.scoped(process))
    return joined
  }

  const update = (now: number, f: (self: Membership.Membership) => Membership.Membership) =>
    MutableRef.set(membership, f(current(now)))

  const heard = (news: News) =>
    Effect.sync(() => {
      const self = MutableRef.get(membership)
      if (self === undefined || !Shared.isFor(news, self.id)) return
      MutableRef.set(membership, Membership.asked(self))
      signal()
    })

  const report = (leaves: boolean) =>
    Effect.clockWith((clock) =>
      Effect.suspend(() => {
        const sentAt = timeOf(clock)
        const before = current(sentAt)
        const [after, report] = Membership.report(before, { ...gated.load(), leaves }, sentAt)
        MutableRef.set(membership, leaves ? undefined : after)
        // @effect-diagnostics-next-line anyUnknownInErrorContext:off -- whatever it is, there is no answer
        return Effect.flatMap(
          Effect.exit(Effect.timeout(Effect.suspend(() => exchange.report(key, report)), Duration.millis(lease / 3))),
          (answer) => {
            const now = timeOf(clock)
            if (leaves) return Effect.void
            update(now, (self) =>
              Exit.isFailure(answer)
                ? Membership.failed(self, before)
                : Membership.replied(self, report, answer.value, sentAt, now))
            gated.wake()
            return Exit.isFailure(answer) && before.failures === 0 ? unanswered(key, answer.cause) : Effect.void
          }
        )
      })
    )

  const look: Effect.Effect<void> = Effect.clockWith((clock) =>
    Effect.suspend(() => {
      MutableRef.set(wake, Deferred.unsafeMake<void>(FiberId.none))
      const now = timeOf(clock)
      const self = current(now)
      const load = gated.load()
      if (Reporting.isIdle(self, load, now)) return report(true)
      const due = Reporting.dueAt(self, load, now)
      if (due <= now) {
        return Effect.zipRight(
          self.failures === 0 ? report(false) : Effect.zipRight(pause(self.failures), report(false)),
          look
        )
      }
      const opensAt = load.waiting > 0 ? Membership.opensAt(self, load.inFlight, now) : Infinity
      const until = Math.min(due, opensAt > now ? opensAt : due)
      return Effect.timeoutOption(Deferred.await(MutableRef.get(wake)), Duration.millis(Math.max(1, until - now))).pipe(
        Effect.tap((woken) => Effect.sync(() => Option.isNone(woken) && gated.wake())),
        Effect.zipRight(look)
      )
    })
  )

  const news = Defects.streamWithoutWords(Stream.suspend(() => exchange.news(key)), "the exchange")

  const process = Effect.gen(function*() {
    yield* Effect.forkScoped(Stream.runForEach(news, heard))
    yield* look
  }).pipe(
    Effect.onInterrupt(() =>
      MutableRef.get(membership) === undefined
        ? Effect.void
        : Effect.ignore(Effect.timeout(Effect.interruptible(report(true)), goodbye))
    )
  )

  return {
    opensAt: (partition, now, clock) => {
      const time = timeOf(clock)
      const self = current(time)
      if (Membership.isAlone(self, time)) return Partition.opensAt(partition, rules, now)
      const own = Partition.opensAt({ ...partition, windows: [], concurrency: undefined }, rules, now)
      const shared = Membership.opensAt(self, partition.inFlight, time)
      if (shared > time && self.told.waiting === 0) signal()
      return Math.max(own, shared - time + now)
    },
    sent: (clock) => {
      const now = timeOf(clock)
      update(now, (self) => Membership.sent(self, now))
      if (Reporting.isDue(current(now))) signal()
    },
    abandoned: (clock) => {
      const now = timeOf(clock)
      update(now, (self) => Membership.ended(self, now))
      if (Reporting.isOver(current(now))) signal()
    },
    answered: (call, status, partition, now, clock) => {
      const time = timeOf(clock)
      update(time, (self) =>
        Membership.answered(
          Membership.ended(self, time),
          status,
          {
            sentAt: time - (now - call.sentAt),
            blockedFor: partition.blockedUntil - now,
            inFlight: partition.inFlight
          },
          time
        ))
      const self = current(time)
      if (self.isUrgent || Reporting.isOver(self)) signal()
    }
  }
}

/** Said once, until there is an answer again. */
const unanswered = (key: string, cause: Cause.Cause<unknown>): Effect.Effect<void> => {
  const error = Option.getOrElse(
    Cause.failureOption(cause),
    () => Defects.wordless(Cause.squash(cause), "the exchange")
  )
  const why = Predicate.isError(error) ? `: ${error.message}` : ""
  return Effect.logWarning(`${key}: what others use of the quota is not known, because there is no answer${why}`)
}

/** Of a clock that is never set, so that none that is makes a share longer or a window shorter. */
const timeOf = (clock: Clock.Clock): number => Number(clock.unsafeCurrentTimeNanos() / 1_000_000n)

/** Before another try. */
const pause = (failures: number): Effect.Effect<void> =>
  Effect.flatMap(
    Random.nextRange(0.75, 1.25),
    (factor) => Effect.sleep(Duration.millis(Math.round(factor * Math.min(500, 50 * 2 ** Math.min(failures - 1, 4)))))
  )

/** At the end of a program, nobody waits for longer. */
const goodbye = Duration.millis(500)
