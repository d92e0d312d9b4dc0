/**
 * What is known of one partition, and whether one more request may be sent. Pure; times in epoch milliseconds.
 */
import type { Limits } from "../RateLimit.ts"
import type { Quota, Signal } from "../RateLimitSignal.ts"
import * as RateLimitSignal from "../RateLimitSignal.ts"
import * as Ledger from "./quotaLedger.ts"

export interface State {
  readonly ledgers: ReadonlyArray<Ledger.Ledger>
  readonly inFlight: number
  /** Calls that the server runs at once, in its own words. */
  readonly concurrency: number | undefined
  /** Calls that may be on their way at once after a block, or as a probe. */
  readonly tolerated: number
  /** Half of those that were on their way at the last block: from there on `tolerated` grows slowly. */
  readonly cautious: number
  /** Nothing is sent before. */
  readonly blockedUntil: number
  /** Blocks since the last call that was served. */
  readonly strikes: number
  readonly touchedAt: number
}

/** A request between its sending and its answer. */
export interface Call {
  readonly sentAt: number
}

type Rules = Pick<Limits, "probe" | "reserve" | "initial">

/** A quota that has fallen below a threshold. */
export interface Approach {
  readonly quota: string
  readonly limit: number | undefined
  readonly remaining: number
  /** When there will be more. */
  readonly moreAt: number
}

export const make = ({ initial, probe }: Rules, now: number): State => ({
  ledgers: (initial?.quotas ?? []).map((quota) => Ledger.open(quota, now)),
  inFlight: 0,
  concurrency: initial?.concurrency?.limit,
  tolerated: probe ? 1 : Infinity,
  cautious: Infinity,
  blockedUntil: initial === undefined ? 0 : now + RateLimitSignal.wait(initial),
  strikes: 0,
  touchedAt: now
})

/**
 * When one more request may be sent: now or before, at a time, or not before one of those in flight is answered
 * (`Infinity`).
 */
export const opensAt = (state: State, rules: Rules, now: number): number => {
  if (state.blockedUntil > now) return state.blockedUntil
  if (state.inFlight > 0) {
    const admitted = Math.max(1, Math.floor(Math.min(state.concurrency ?? Infinity, state.tolerated)))
    if (state.inFlight >= admitted) return Infinity
  }
  return state.ledgers.reduce(
    (latest, ledger) => Math.max(latest, Ledger.opensAt(ledger, state.inFlight, rules.reserve, now)),
    now
  )
}

export const sent = (state: State, now: number): State =>
  counted(state, state.inFlight + 1, each(state.ledgers, (ledger) => Ledger.take(ledger, now)), now)

/** No answer came; the server may have executed the request all the same. */
export const abandoned = (state: State, now: number): State =>
  counted(state, state.inFlight - 1, each(state.ledgers, (ledger) => Ledger.charge(ledger, now)), now)

/**
 * An answer came, with or without a word on quotas.
 *
 * A block does not say how many more the server would have served. So what comes after it begins with one call, and grows
 * as TCP does after a loss (RFC 5681 section 3.1): each that is served makes room for two up to half of what was on its
 * way at the block, and from there on for one more in each round. Not everybody who was held back runs into the next
 * block. An answer to a call that was sent before the block was known proves nothing of the time after it.
 */
export const answered = (state: State, call: Call, signal: Signal, now: number): State => {
  const others = state.inFlight - 1
  const executed = signal.blocked === "none"
  const isNews = call.sentAt >= state.blockedUntil
  const facts: Ledger.Call = { sentAt: call.sentAt, answeredAt: now, executed, others }
  const stated = signal.quotas.reduce((ledgers, quota) => withStatement(ledgers, quota, facts), state.ledgers)
  const concurrency = signal.concurrency?.limit ?? state.concurrency
  switch (signal.blocked) {
    case "none":
      return {
        ledgers: each(stated, (ledger) => Ledger.charge(ledger, now)),
        inFlight: others,
        concurrency,
        tolerated: isNews ? grown(state) : state.tolerated,
        cautious: state.cautious,
        // a server that is unavailable for a while says so too (503 with Retry-After)
        blockedUntil: signal.retryAfter === undefined
          ? state.blockedUntil
          : Math.max(state.blockedUntil, now + signal.retryAfter),
        strikes: isNews ? 0 : state.strikes,
        touchedAt: now
      }
    case "rate": {
      const strikes = isNews ? state.strikes + 1 : state.strikes
      const until = Math.max(state.blockedUntil, now + pause(strikes, signal))
      return {
        ...counted(state, others, stated, now),
        concurrency,
        strikes,
        tolerated: 1,
        cautious: isNews ? Math.max(1, state.inFlight / 2) : state.cautious,
        blockedUntil: until,
        ledgers: stated.map((ledger) =>
          signal.quotas.length === 0 || Ledger.opensAt(ledger, others, 0, now) > now
            ? Ledger.spend(ledger, others, until, now)
            : ledger
        )
      }
    }
    case "concurrency":
      // whoever is running will finish: with none of ours among them, all that helps is to ask again later
      return {
        ...counted(state, others, stated, now),
        concurrency,
        strikes: state.strikes + 1,
        tolerated: Math.max(1, others),
        blockedUntil: others > 0
          ? state.blockedUntil
          : Math.max(state.blockedUntil, now + pause(state.strikes + 1, signal))
      }
  }
}

/** The quotas that this answer brought below a threshold, each remembered so that it is told once in its window. */
export const approaching = (
  state: State,
  signal: Signal,
  thresholds: ReadonlyArray<number>,
  now: number
): readonly [ReadonlyArray<Approach>, State] => {
  if (thresholds.length === 0 || signal.quotas.every(({ remaining }) => remaining === undefined)) return [[], state]
  const approaches: Array<Approach> = []
  const ledgers = state.ledgers.map((ledger) => {
    const stated = signal.quotas.find((quota) => RateLimitSignal.nameOf(quota) === ledger.name)?.remaining
    if (stated === undefined) return ledger
    const [crossed, warned] = Ledger.warn(ledger, stated, thresholds, now)
    if (crossed) {
      const moreAt = Ledger.moreAt(ledger, now)
      approaches.push({ quota: ledger.name, limit: ledger.limit, remaining: stated, moreAt })
    }
    return warned
  })
  return [approaches, approaches.length === 0 ? state : { ...state, ledgers }]
}

/** What is known now in the terms of an answer, with `wait` milliseconds still to wait. */
export const toSignal = (state: State, wait: number, now: number): Signal => ({
  blocked:
    state.blockedUntil > now || state.ledgers.some((ledger) => Ledger.remaining(ledger, state.inFlight, now) === 0)
      ? "rate"
      : state.inFlight >= (state.concurrency ?? Infinity)
      ? "concurrency"
      : "none",
  quotas: quotas(state, now),
  concurrency: state.concurrency === undefined ? undefined : { limit: state.concurrency, running: state.inFlight },
  retryAfter: wait
})

export const quotas = (state: State, now: number): ReadonlyArray<Quota> =>
  state.ledgers.map((ledger) => ({
    name: ledger.name,
    limit: ledger.limit,
    remaining: Ledger.remaining(ledger, state.inFlight, now),
    window: ledger.window,
    reset: Math.max(0, Ledger.moreAt(ledger, now) - now),
    partition: ledger.partition
  }))

/** Whether nothing would be lost by forgetting the state. */
export const isIdle = (state: State, now: number): boolean =>
  state.inFlight === 0 &&
  state.ledgers.reduce(
      (latest, ledger) => Math.max(latest, Ledger.staleAt(ledger)),
      Math.max(state.blockedUntil, state.touchedAt + keptFor)
    ) < now

const keptFor = 600_000

const withStatement = (
  ledgers: ReadonlyArray<Ledger.Ledger>,
  quota: Quota,
  call: Ledger.Call
): ReadonlyArray<Ledger.Ledger> => {
  const name = RateLimitSignal.nameOf(quota)
  const known = ledgers.find((ledger) => ledger.name === name)
  return known === undefined
    // a server that invents a name for each answer shall not fill the memory
    ? [
      ...ledgers.slice(1 - mostLedgers),
      Ledger.state(Ledger.open({ ...quota, remaining: undefined }, call.sentAt), quota, call)
    ]
    : ledgers.map((ledger) => ledger === known ? Ledger.state(ledger, quota, call) : ledger)
}

/** Written out, because every request makes two: a spread would take ten times as long. */
const counted = (state: State, inFlight: number, ledgers: State["ledgers"], now: number): State => ({
  ledgers,
  inFlight,
  concurrency: state.concurrency,
  tolerated: state.tolerated,
  cautious: state.cautious,
  blockedUntil: state.blockedUntil,
  strikes: state.strikes,
  touchedAt: now
})

const mostLedgers = 4

/** Most partitions have none: nothing is made for them. */
const each = (
  ledgers: ReadonlyArray<Ledger.Ledger>,
  f: (ledger: Ledger.Ledger) => Ledger.Ledger
): ReadonlyArray<Ledger.Ledger> => ledgers.length === 0 ? ledgers : ledgers.map(f)

const grown = ({ cautious, tolerated }: State): number => tolerated + (tolerated < cautious ? 1 : 1 / tolerated)

/** How long a block lasts: in the server's words, else a second, doubled with each further block up to a minute. */
const pause = (strikes: number, signal: Signal): number => {
  const said = RateLimitSignal.wait(signal)
  return said > 0 ? said : Math.min(60_000, 1000 * 2 ** Math.max(0, strikes - 1))
}
