// Processes that share the quotas of one server, as what they decide: without an effect, by the events of a random history.
// Reports take time, get lost and arrive twice as late; processes are killed and pause; the state is lost.
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import { exchange } from "../src/internal/exchange.ts"
import * as Membership from "../src/internal/membership.ts"
import * as Reporting from "../src/internal/reporting.ts"
import * as Share from "../src/internal/share.ts"
import type { News, Reply, Report, SharedState } from "../src/internal/sharedState.ts"
import * as Shared from "../src/internal/sharedState.ts"
import type { RateLimitStatus } from "../src/RateLimitStatus.ts"
import * as Status from "../src/RateLimitStatus.ts"

export const lease = 3000

export interface Setting {
  readonly kind: "sliding" | "fixed"
  readonly limit: number
  /** In milliseconds. */
  readonly window: number
  readonly concurrency: number | null
  readonly processes: number
  readonly latency: number
  readonly trip: number
}

export type Step =
  | { readonly _tag: "Want"; readonly process: number; readonly calls: number }
  | { readonly _tag: "Pass"; readonly millis: number }
  | { readonly _tag: "Kill"; readonly process: number }
  /** It does nothing for a while that is shorter than the lease. */
  | { readonly _tag: "Pause"; readonly process: number; readonly millis: number }
  /** The next replies to this process do not arrive. */
  | { readonly _tag: "Lose"; readonly process: number; readonly replies: number }
  /** The place of the state does not answer for so long, and has what it had, or nothing. */
  | { readonly _tag: "Away"; readonly millis: number; readonly isEmpty: boolean }
  /** Another consumer makes so many calls. */
  | { readonly _tag: "Spend"; readonly calls: number }
  | { readonly _tag: "Limit"; readonly limit: number }

export const settings: FastCheck.Arbitrary<Setting> = FastCheck.record({
  kind: FastCheck.constantFrom("sliding", "fixed"),
  limit: FastCheck.integer({ min: 1, max: 40 }),
  window: FastCheck.constantFrom(1000, 2000, 5000),
  concurrency: FastCheck.option(FastCheck.integer({ min: 1, max: 8 })),
  processes: FastCheck.integer({ min: 1, max: 6 }),
  latency: FastCheck.integer({ min: 2, max: 200 }),
  trip: FastCheck.integer({ min: 1, max: 20 })
})

export const steps: FastCheck.Arbitrary<ReadonlyArray<Step>> = FastCheck.array(
  FastCheck.oneof(
    {
      weight: 6,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Want" as const),
        process: FastCheck.nat(5),
        calls: FastCheck.integer({ min: 1, max: 60 })
      })
    },
    {
      weight: 6,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Pass" as const),
        millis: FastCheck.oneof(FastCheck.nat(300), FastCheck.nat(6000))
      })
    },
    {
      weight: 1,
      arbitrary: FastCheck.record({ _tag: FastCheck.constant("Kill" as const), process: FastCheck.nat(5) })
    },
    {
      weight: 1,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Pause" as const),
        process: FastCheck.nat(5),
        millis: FastCheck.nat(lease - 500)
      })
    },
    {
      weight: 1,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Lose" as const),
        process: FastCheck.nat(5),
        replies: FastCheck.integer({ min: 1, max: 3 })
      })
    },
    {
      weight: 1,
      arbitrary: FastCheck.record({
        _tag: FastCheck.constant("Away" as const),
        millis: FastCheck.nat(8000),
        isEmpty: FastCheck.boolean()
      })
    }
  ),
  { minLength: 1, maxLength: 40, size: "max" }
)

/** Also what makes a server block. */
export const allSteps: FastCheck.Arbitrary<ReadonlyArray<Step>> = FastCheck.tuple(
  steps,
  FastCheck.array(FastCheck.oneof(
    FastCheck.record({ _tag: FastCheck.constant("Spend" as const), calls: FastCheck.integer({ min: 1, max: 20 }) }),
    FastCheck.record({ _tag: FastCheck.constant("Limit" as const), limit: FastCheck.integer({ min: 1, max: 40 }) })
  ))
).map(([steps, others]) => steps.flatMap((step, i) => [step, ...others.slice(i, i + 1)]))

interface Call {
  readonly sentAt: number
  readonly arrivesAt: number
  readonly answeredAt: number
  status: RateLimitStatus | undefined
}

interface Exchange {
  readonly report: Report
  readonly before: Membership.Membership
  readonly sentAt: number
  arrivesAt: number
  reply: Reply | undefined
  endsAt: number
}

interface Process {
  membership: Membership.Membership | undefined
  calls: Array<Call>
  exchange: Exchange | undefined
  waiting: number
  isDead: boolean
  pausedUntil: number
  retryAt: number
  lostReplies: number
  served: number
}

/** An exchange as it was made. */
export interface Exchanged {
  readonly isNew: boolean
  readonly report: Report
  readonly now: number
  readonly isSettled: boolean
  readonly state: SharedState
  readonly reply: Reply
  readonly news: News
}

/** The world of one history. */
export class World {
  now = 1_000_000
  state: SharedState | undefined
  readonly processes: Array<Process>
  /** What must not happen. */
  readonly broken: Array<string> = []
  readonly log: Array<Exchanged> = []
  served: Array<{ readonly at: number; readonly by: number }> = []
  readonly #setting: Setting
  readonly #whenAway: Membership.WhenAway
  #counted: Array<number> = []
  #running = 0
  #isStated = false
  #awayUntil = 0
  /** Its clock is another one. */
  readonly #offset = 77_000_000
  #ids = 0
  #startedAt = 0
  #limit: number

  constructor(setting: Setting, whenAway: Membership.WhenAway = "block") {
    this.#setting = setting
    this.#limit = setting.limit
    this.#whenAway = whenAway
    this.processes = Array.from({ length: setting.processes }, () => ({
      membership: undefined,
      calls: [],
      exchange: undefined,
      waiting: 0,
      isDead: false,
      pausedUntil: 0,
      retryAt: 0,
      lostReplies: 0,
      served: 0
    }))
  }

  perform(step: Step): void {
    const process = "process" in step ? this.processes[step.process % this.processes.length] : undefined
    switch (step._tag) {
      case "Want":
        if (process !== undefined && !process.isDead) process.waiting += step.calls
        return this.#act()
      case "Pass":
        return this.pass(step.millis)
      case "Kill":
        if (process !== undefined) {
          process.isDead = true
          process.waiting = 0
        }
        return
      case "Pause":
        if (process !== undefined) process.pausedUntil = this.now + step.millis
        return
      case "Lose":
        if (process !== undefined) process.lostReplies = step.replies
        return
      case "Away":
        this.#awayUntil = this.now + step.millis
        if (step.isEmpty) this.state = undefined
        // a place that has begun anew and hangs at once seems to have been there for long: that is not told apart
        if (this.state === undefined) this.#startedAt = this.#awayUntil
        return
      case "Spend":
        for (let n = 0; n < step.calls && this.#count() < this.#limit; n++) this.#counted.push(this.now)
        return
      case "Limit":
        this.#limit = step.limit
        return
    }
  }

  pass(millis: number): void {
    const until = this.now + millis
    for (;;) {
      const next = this.#next()
      if (next > until) break
      this.now = Math.max(this.now, next)
      this.#act()
    }
    this.now = until
  }

  /** What each process may have: of the first quota. */
  shares(): ReadonlyArray<number> {
    return this.processes.filter(({ isDead }) => !isDead).map(({ membership }) =>
      membership?.holdings.find((holding) => !Share.isSlots(holding))?.granted.share ?? 0
    )
  }

  #load({ calls, waiting }: Process) {
    return { inFlight: calls.length, waiting }
  }

  #next(): number {
    let next = Infinity
    for (const process of this.processes) {
      for (const call of process.calls) {
        next = Math.min(next, call.status === undefined ? call.arrivesAt : this.#wakes(process, call.answeredAt))
      }
      const { exchange, membership } = process
      if (exchange !== undefined) {
        next = Math.min(
          next,
          exchange.reply === undefined ? exchange.arrivesAt : Infinity,
          this.#wakes(process, exchange.endsAt)
        )
      }
      if (!process.isDead && membership === undefined && process.waiting > 0) next = Math.min(next, process.pausedUntil)
      if (process.isDead || membership === undefined) continue
      if (exchange === undefined) {
        next = Math.min(
          next,
          this.#wakes(process, Math.max(process.retryAt, Reporting.dueAt(membership, this.#load(process), this.now)))
        )
      }
      if (process.waiting > 0) {
        next = Math.min(next, this.#wakes(process, Membership.opensAt(membership, process.calls.length, this.now)))
      }
    }
    return Math.max(next, this.now + 1)
  }

  /** A process that pauses sees later what has happened. */
  #wakes(process: Process, at: number): number {
    return process.isDead ? Infinity : Math.max(at, process.pausedUntil)
  }

  #act(): void {
    const { now } = this
    for (const process of this.processes) {
      for (const call of process.calls) {
        if (call.status === undefined && call.arrivesAt <= now) this.#arrive(process, call)
      }
      const { exchange } = process
      if (exchange !== undefined && exchange.reply === undefined && exchange.arrivesAt <= now) {
        this.#reported(process, exchange)
      }
    }
    for (const process of this.processes) {
      if (process.isDead) {
        for (const call of process.calls) {
          if (call.answeredAt <= now && call.status !== undefined) this.#left(process, call)
        }
        continue
      }
      if (process.pausedUntil > now) continue
      for (const call of process.calls) {
        if (call.status !== undefined && call.answeredAt <= now) this.#answered(process, call, call.status)
      }
      const { exchange } = process
      if (exchange !== undefined && exchange.endsAt <= now) this.#replied(process, exchange)
      if (process.waiting > 0 || process.membership !== undefined) this.#go(process)
    }
  }

  #go(process: Process): void {
    const { now } = this
    const membership = process.membership ??= Membership.make(
      {
        id: `p${this.processes.indexOf(process)}-${this.#ids++}`,
        lease,
        whenAway: this.#whenAway,
        reserve: 0,
        initial: undefined
      },
      now
    )
    while (process.waiting > 0 && Membership.opensAt(process.membership, process.calls.length, now) <= now) {
      process.waiting--
      process.membership = Membership.sent(process.membership, now)
      const half = Math.max(1, Math.floor(this.#setting.latency / 2))
      process.calls.push({ sentAt: now, arrivesAt: now + half, answeredAt: now + 2 * half, status: undefined })
    }
    if (process.exchange !== undefined || process.retryAt > now) return
    const load = this.#load(process)
    const leaves = Reporting.isIdle(membership, load, now)
    if (!leaves && Reporting.dueAt(process.membership, load, now) > now) return
    const before = process.membership
    const [after, report] = Membership.report(before, { ...load, leaves }, now)
    process.membership = leaves ? undefined : after
    const { trip } = this.#setting
    process.exchange = { report, before, sentAt: now, arrivesAt: now + trip, reply: undefined, endsAt: now + lease / 3 }
  }

  #reported(process: Process, exchanging: Exchange): void {
    const { now } = this
    if (now < this.#awayUntil) {
      // what was sent before arrives when it answers again
      exchanging.arrivesAt = this.#awayUntil
      return
    }
    const isSettled = now - this.#startedAt > lease
    const { report } = exchanging
    const at = now + this.#offset
    const [state, reply, news] = exchange(this.state, report, at, isSettled)
    this.log.push({ isNew: this.state === undefined, report, now: at, isSettled, state, reply, news })
    this.state = state
    this.#check(state, report, reply)
    exchanging.reply = reply
    if (process.lostReplies > 0) process.lostReplies--
    else if (exchanging.endsAt > now) exchanging.endsAt = Math.min(exchanging.endsAt, now + this.#setting.trip)
    this.#publish(news)
  }

  #publish(news: News): void {
    for (const process of this.processes) {
      if (process.membership !== undefined && Shared.isFor(news, process.membership.id)) {
        process.membership = Membership.asked(process.membership)
      }
    }
  }

  #replied(process: Process, exchange: Exchange): void {
    const { now } = this
    const { before, reply, report, sentAt } = exchange
    process.exchange = undefined
    if (process.membership === undefined || report.leaves === 1 || report.id !== process.membership.id) return
    const isInTime = reply !== undefined && process.lostReplies === 0 && exchange.endsAt < sentAt + lease / 3
    if (isInTime) {
      process.membership = Membership.replied(process.membership, report, reply, sentAt, now)
    } else {
      process.membership = Membership.failed(process.membership, before)
      process.retryAt = now + 100
    }
  }

  #count(): number {
    const { kind, window } = this.#setting
    this.#counted = this.#counted.filter((at) =>
      kind === "sliding" ? at + window > this.now : Math.floor(at / window) === Math.floor(this.now / window)
    )
    return this.#counted.length
  }

  #arrive(process: Process, call: Call): void {
    const { concurrency, kind, window } = this.#setting
    const limit = this.#limit
    const isTooMany = this.#count() >= limit
    const isBlocked = isTooMany || this.#running >= (concurrency ?? Infinity)
    if (isBlocked) {
      if (this.#isStated) this.broken.push(`blocked at ${this.now}: ${isTooMany ? "rate" : "concurrency"}`)
    } else {
      this.#counted.push(this.now)
      this.served.push({ at: this.now, by: this.processes.indexOf(process) })
      this.#running++
      process.served++
    }
    const remaining = Math.max(0, limit - this.#count())
    const reset = kind === "fixed"
      ? window - this.now % window
      : remaining > 0
      ? 0
      : (this.#counted[0] ?? 0) + window - this.now
    call.status = {
      ...Status.empty,
      blocked: isBlocked ? isTooMany ? "rate" : "concurrency" : "none",
      quotas: [{
        name: "a",
        limit,
        remaining,
        window: Duration.millis(window),
        reset: Duration.millis(Math.ceil(reset / 1000) * 1000)
      }],
      concurrency: concurrency === null ? undefined : { limit: concurrency },
      retryAfter: isBlocked ? Duration.seconds(1) : undefined
    }
  }

  #left(process: Process, call: Call): void {
    process.calls = process.calls.filter((other) => other !== call)
    if (call.status?.blocked === "none") this.#running--
  }

  #answered(process: Process, call: Call, status: RateLimitStatus): void {
    const { now } = this
    this.#left(process, call)
    this.#isStated = true
    const membership = process.membership
    if (membership === undefined) return
    const blockedFor = Duration.toMillis(Status.wait({ ...status, quotas: [] }))
    process.membership = Membership.answered(
      Membership.ended(membership, now),
      status,
      { sentAt: call.sentAt, blockedFor, inFlight: process.calls.length },
      now
    )
  }

  /** What is granted is never more than what may be in use, what is out and what others use leave. */
  #check(state: SharedState, report: Report, reply: Reply): void {
    state.quotas.forEach((quota, i) => {
      const held = report.holds.find((held) => Shared.isOf(quota, held))
      const share = reply.quotas[i]?.share ?? 0
      const bound = Object.values(state.members).reduce((sum, member) => sum + (member[7][i]?.[1] ?? 0), 0)
      const total = bound + Shared.sum(quota.out)
      if (share > Math.max(held?.share ?? 0, held?.used ?? 0) && total > quota.limit) {
        this.broken.push(`${total} of ${quota.limit} ${quota.kind} at ${this.now}`)
      }
    })
  }
}

/** What must not happen in a history. */
export const run = (
  setting: Setting,
  history: ReadonlyArray<Step>,
  whenAway?: Membership.WhenAway
): ReadonlyArray<string> => {
  const world = new World(setting, whenAway)
  for (const step of history) {
    world.perform(step)
    if (world.broken.length > 0) break
  }
  return world.broken
}
