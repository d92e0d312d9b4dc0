// The state of one key against a reference server that counts the calls itself: random calls, answers that overtake each other,
// statements in every dialect, other consumers, calls that are given up, clocks that are set.
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Partition from "../src/internal/partition.ts"
import * as Timeline from "../src/internal/timeline.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"

type Step =
  /** A call is sent if the key is open, reaches the server after `there` milliseconds, and is answered after `back` more. */
  | { readonly _tag: "Call"; readonly there: number; readonly back: number }
  | { readonly _tag: "Pass"; readonly millis: number }
  /** Time passes until the key opens, or an answer arrives. */
  | { readonly _tag: "PassUntilOpen" }
  | { readonly _tag: "GiveUp"; readonly which: number }
  | { readonly _tag: "OthersCall"; readonly calls: number }
  | { readonly _tag: "SetBack"; readonly millis: number }

interface Setting {
  readonly dialect: keyof typeof dialects
  readonly kind: "sliding" | "fixed"
  readonly limit: number
  /** In seconds. */
  readonly window: number
}

/** What the server counts when it states its quota; times in milliseconds. */
interface Facts {
  readonly limit: number
  readonly window: number
  readonly remaining: number
  readonly reset: number
  readonly now: number
  readonly isBlocked: boolean
}

const seconds = (millis: number): number => Math.ceil(millis / 1000)

const hubFields = ({ limit, remaining }: Facts, reset: number) => ({
  "x-ratelimit-limit": String(limit),
  "x-ratelimit-remaining": String(remaining),
  "x-ratelimit-reset": String(reset)
})

const hub = (resetUnit: "seconds" | "millis" | "epochSeconds" | "epochMillis") =>
  RateLimitHeaders.xRateLimit({ resetUnit }).pipe(RateLimitHeaders.and(RateLimitHeaders.retryAfter))

const date = ({ now }: Facts) => ({ date: new Date(now).toUTCString() })

/** How a quota is stated, and how that is read. */
const dialects = {
  draft8: [
    RateLimitHeaders.standard,
    ({ limit, remaining, reset, window }: Facts) => ({
      ratelimit: `"a";r=${remaining};t=${seconds(reset)}`,
      "ratelimit-policy": `"a";q=${limit};w=${window / 1000}`
    })
  ],
  draft7: [
    RateLimitHeaders.standard,
    ({ limit, remaining, reset, window }: Facts) => ({
      ratelimit: `limit=${limit}, remaining=${remaining}, reset=${seconds(reset)}`,
      "ratelimit-policy": `${limit};w=${window / 1000}`
    })
  ],
  draft6: [
    RateLimitHeaders.standard,
    ({ limit, remaining, reset, window }: Facts) => ({
      "ratelimit-limit": `${limit}, ${limit};w=${window / 1000}`,
      "ratelimit-remaining": String(remaining),
      "ratelimit-reset": String(seconds(reset))
    })
  ],
  "draft6 without a window": [
    RateLimitHeaders.standard,
    ({ limit, remaining, reset }: Facts) => ({
      "ratelimit-limit": String(limit),
      "ratelimit-remaining": String(remaining),
      "ratelimit-reset": String(seconds(reset))
    })
  ],
  seconds: [hub("seconds"), (facts: Facts) => hubFields(facts, seconds(facts.reset))],
  millis: [hub("millis"), (facts: Facts) => hubFields(facts, facts.reset)],
  epochSeconds: [
    hub("epochSeconds"),
    (facts: Facts) => ({ ...hubFields(facts, seconds(facts.now + facts.reset)), ...date(facts) })
  ],
  epochMillis: [
    hub("epochMillis"),
    (facts: Facts) => ({ ...hubFields(facts, facts.now + facts.reset), ...date(facts) })
  ],
  github: [
    RateLimitHeaders.github,
    (facts: Facts) => ({
      ...hubFields(facts, seconds(facts.now + facts.reset)),
      ...date(facts),
      "x-ratelimit-resource": "core"
    })
  ]
} as const

const settings: FastCheck.Arbitrary<Setting> = FastCheck.record({
  dialect: FastCheck.constantFrom(
    "draft8",
    "draft7",
    "draft6",
    "draft6 without a window",
    "seconds",
    "millis",
    "epochSeconds",
    "epochMillis",
    "github"
  ),
  kind: FastCheck.constantFrom("sliding", "fixed"),
  limit: FastCheck.integer({ min: 1, max: 8 }),
  window: FastCheck.integer({ min: 1, max: 60 })
})

const steps = (isAlone: boolean): FastCheck.Arbitrary<ReadonlyArray<Step>> => {
  const upTo = (max: number, min = 0) => FastCheck.integer({ min, max })
  const call = FastCheck.tuple(upTo(300), upTo(300)).map(([there, back]): Step => ({ _tag: "Call", there, back }))
  const pass = FastCheck.oneof(upTo(500), upTo(40_000)).map((millis): Step => ({ _tag: "Pass", millis }))
  const passUntilOpen = FastCheck.constant<Step>({ _tag: "PassUntilOpen" })
  const giveUp = upTo(5).map((which): Step => ({ _tag: "GiveUp", which }))
  const othersCall = upTo(4, 1).map((calls): Step => ({ _tag: "OthersCall", calls }))
  const setBack = upTo(3 * 86_400_000, 1).map((millis): Step => ({ _tag: "SetBack", millis }))
  return FastCheck.array(
    FastCheck.oneof(
      { weight: 8, arbitrary: call },
      { weight: 4, arbitrary: pass },
      { weight: 3, arbitrary: passUntilOpen },
      { weight: 1, arbitrary: giveUp },
      { weight: 1, arbitrary: setBack },
      { weight: isAlone ? 0 : 2, arbitrary: othersCall }
    ),
    { minLength: 1, maxLength: stepsOfRun, size: "max" }
  )
}

/** At most: half of it on average. */
const stepsOfRun = 100

interface Call {
  readonly sentAt: number
  /** When it reaches the server, and when its answer arrives; in true time. */
  readonly arrivesAt: number
  readonly answeredAt: number
  /** Whether the quota had been stated when it was sent. */
  readonly isInformed: boolean
}

interface Answer {
  readonly status: number
  readonly headers: Record<string, string>
}

const rules: Partition.Rules = { probe: true, reserve: 0, initial: undefined, believe: 86_400_000 }

/** Counts calls as the setting says. */
class Server {
  readonly #setting: Setting
  #counted: ReadonlyArray<number> = []
  constructor(setting: Setting) {
    this.#setting = setting
  }
  get #window(): number {
    return this.#setting.window * 1000
  }
  #recent(now: number): ReadonlyArray<number> {
    const window = this.#window
    return this.#counted.filter((at) =>
      this.#setting.kind === "sliding" ? at + window > now : Math.floor(at / window) === Math.floor(now / window)
    )
  }
  spend(now: number): boolean {
    this.#counted = this.#recent(now)
    if (this.#counted.length >= this.#setting.limit) return false
    this.#counted = [...this.#counted, now]
    return true
  }
  answer(now: number, isBlocked: boolean): Answer {
    const { dialect, kind, limit } = this.#setting
    const recent = this.#recent(now)
    const window = this.#window
    const reset = kind === "fixed"
      ? window - now % window
      : recent[0] === undefined
      ? 0
      : recent[0] + window - now
    const facts = { limit, window, remaining: limit - recent.length, reset, now, isBlocked }
    const headers = dialects[dialect][1](facts)
    return isBlocked
      ? { status: 429, headers: { ...headers, "retry-after": String(Math.max(1, seconds(reset))) } }
      : { status: 200, headers }
  }
}

/** Blocks of calls that knew better, and waits that are longer than any window. */
export const run = (setting: Setting, steps: ReadonlyArray<Step>): ReadonlyArray<string> => {
  let now = 1_000_000_000_000
  let offset = 0
  const clock: Clock.Clock = {
    ...Clock.make(),
    unsafeCurrentTimeMillis: () => now + offset,
    unsafeCurrentTimeNanos: () => BigInt(now) * 1_000_000n
  }
  const timeline = Timeline.make(() => {})
  const time = () => Timeline.now(timeline, clock)
  const server = new Server(setting)
  const [headers] = dialects[setting.dialect]
  const answers = new Map<Call, Answer>()
  const broken: Array<string> = []
  let partition = Partition.make(rules, time())
  let inFlight: ReadonlyArray<Call> = []
  let isStated = false

  const next = (): number => Math.min(...inFlight.map((call) => answers.has(call) ? call.answeredAt : call.arrivesAt))

  const happen = () => {
    for (const call of inFlight) {
      if (!answers.has(call) && call.arrivesAt <= now) {
        const isServed = server.spend(call.arrivesAt)
        if (!isServed && call.isInformed) broken.push(`blocked at ${call.arrivesAt}`)
        answers.set(call, server.answer(call.arrivesAt, !isServed))
      }
    }
    for (const call of inFlight) {
      const answer = answers.get(call)
      if (answer === undefined || call.answeredAt > now) continue
      inFlight = inFlight.filter((other) => other !== call)
      const at = time()
      const { malformed, status } = RateLimitHeaders.read(headers, answer, Timeline.toWall(timeline, at))
      if (malformed.length > 0) broken.push(`malformed: ${malformed.join()}`)
      const read = Option.getOrElse(status, () => RateLimitStatus.empty)
      partition = Partition.answered(partition, call, read, 0, rules, at)
      isStated = true
    }
  }

  const passUntil = (target: number) => {
    while (next() <= target) {
      now = Math.max(now, next())
      happen()
    }
    now = Math.max(now, target)
  }

  const longest = Math.max(setting.window * 1000, 60_000) + 2000
  for (const step of steps) {
    switch (step._tag) {
      case "Call": {
        const at = time()
        if (Partition.opensAt(partition, rules, at) > at) break
        partition = Partition.sent(partition, rules, at)
        const arrivesAt = now + step.there
        inFlight = [...inFlight, { sentAt: at, arrivesAt, answeredAt: arrivesAt + step.back, isInformed: isStated }]
        happen()
        break
      }
      case "Pass":
        passUntil(now + step.millis)
        break
      case "PassUntilOpen": {
        const at = time()
        const opensAt = Partition.opensAt(partition, rules, at)
        passUntil(Math.min(now + Math.max(0, opensAt - at), next()))
        break
      }
      case "GiveUp": {
        const call = inFlight[step.which]
        if (call === undefined) break
        inFlight = inFlight.filter((other) => other !== call)
        partition = Partition.abandoned(partition, time())
        break
      }
      case "OthersCall":
        for (let i = 0; i < step.calls; i++) server.spend(now)
        break
      case "SetBack":
        offset -= step.millis
        break
    }
    const at = time()
    const wait = Partition.opensAt(partition, rules, at) - at
    if (partition.inFlight !== inFlight.length) broken.push("lost count of the calls in flight")
    if (inFlight.length === 0 && !(wait <= longest)) broken.push(`waits for ${wait} ms`)
  }
  return broken
}

export const assertModel = (numRuns: number, seed: number): void => {
  FastCheck.assert(
    FastCheck.property(settings, steps(true), (setting, steps) => assert.deepStrictEqual(run(setting, steps), [])),
    { numRuns, seed }
  )
  FastCheck.assert(
    FastCheck.property(
      settings,
      steps(false),
      (setting, steps) => assert.deepStrictEqual(run(setting, steps).filter((line) => !line.startsWith("blocked")), [])
    ),
    { numRuns, seed }
  )
}
