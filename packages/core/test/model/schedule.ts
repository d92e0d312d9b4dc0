/** What can happen to a token source: the world it lives in, and the weather of one schedule, action by action. */
import * as fc from "effect/FastCheck"

/**
 * What a token endpoint does with a request.
 *
 * - `grant`: answers with a token
 * - `lost`: has redeemed what was sent, but its answer does not arrive; `silent`: nor does any news of that
 * - `garbled`: the same, with an answer that cannot be read
 * - `unsent`: there is no connection
 * - `page`: a proxy answers in its place, with a status; `html`: with 200
 * - `busy`: 503 with Retry-After
 * - `hang`: nothing is redeemed, nothing comes back
 * - `refuse`: the grant is dead; `interact`: a person has to log in
 * - `setting`: the client, or what it asks for, is not accepted
 * - `missing`: there is no credential to send
 * - `bug`: the code that sends it has a defect
 */
export type Outcome =
  | "grant"
  | "lost"
  | "silent"
  | "garbled"
  | "unsent"
  | "page"
  | "html"
  | "busy"
  | "hang"
  | "refuse"
  | "interact"
  | "setting"
  | "missing"
  | "bug"

/** `slow`: within what is allowed. `sticks`: it hangs, and cannot be interrupted. */
export type StoreWeather = "fine" | "slow" | "fails" | "hangs" | "sticks"

/** `forbids`: it answers 401 where it means 403. `delays`: it learns of a new token a while after it was issued. */
export type ApiWeather = "fine" | "forbids" | "delays"

export interface World {
  /** How many processes share the session: each has a source of its own. Two share a store. */
  readonly processes: 1 | 2
  readonly store: boolean
  readonly strictStore: boolean
  /** The store option is an Effect that follows the account of a user interface. */
  readonly accounts: boolean
  /** A refresh brings a new refresh token; or none, as the old one stays good; or there is no refresh token at all. */
  readonly refreshTokens: "rotate" | "stay" | "none"
  /** A refresh brings a new access token, or the one that is still valid. */
  readonly accessTokens: "new" | "same"
  /** In milliseconds: how long a redeemed refresh token is honoured again. */
  readonly grace: number
  /** In seconds. */
  readonly lifetime: number
  /** In seconds. */
  readonly refreshLifetime: number | undefined
  readonly renewal: "early" | "always"
  readonly endReplaced: boolean
  /** There is a token from before, which has expired. */
  readonly initial: boolean
}

export type Action =
  | { readonly _tag: "Request"; readonly process: number; readonly callers: number; readonly latency: number }
  | { readonly _tag: "Crowd"; readonly process: number; readonly callers: number }
  | { readonly _tag: "Storm"; readonly process: number; readonly requests: number }
  | { readonly _tag: "Interrupt"; readonly caller: number }
  | { readonly _tag: "Advance"; readonly millis: number }
  | { readonly _tag: "Jump"; readonly millis: number }
  | {
    readonly _tag: "LateRefusal"
    readonly process: number
    readonly age: number
    readonly accepted: boolean | undefined
  }
  | {
    readonly _tag: "Serve"
    readonly login: Outcome
    readonly refresh: Outcome
    /** How many requests; each later one is granted. */
    readonly times: number
    readonly latency: number
    readonly retryAfter: number
  }
  | { readonly _tag: "Api"; readonly weather: ApiWeather }
  | { readonly _tag: "Store"; readonly operation: "read" | "write" | "lock"; readonly weather: StoreWeather }
  | { readonly _tag: "Forget" }
  | { readonly _tag: "StoreOther" }
  | { readonly _tag: "SwitchAccount" }
  | { readonly _tag: "RevokeAccess" }
  | { readonly _tag: "RevokeFamily" }
  | { readonly _tag: "Close"; readonly process: number }

export interface Schedule {
  readonly world: World
  readonly actions: ReadonlyArray<Action>
}

const weighted = <A>(...options: ReadonlyArray<readonly [weight: number, value: A]>): fc.Arbitrary<A> =>
  fc.oneof(...options.map(([weight, value]) => ({ weight, arbitrary: fc.constant(value) })))

const outcome = weighted<Outcome>(
  [8, "grant"],
  [3, "lost"],
  [1, "silent"],
  [1, "garbled"],
  [2, "unsent"],
  [2, "page"],
  [1, "html"],
  [3, "busy"],
  [2, "hang"],
  [3, "refuse"],
  [1, "interact"],
  [2, "setting"],
  [1, "missing"],
  [1, "bug"]
)

const world: fc.Arbitrary<World> = fc.record({
  processes: weighted<1 | 2>([1, 1], [1, 2]),
  store: weighted([2, true], [1, false]),
  strictStore: weighted([5, false], [1, true]),
  accounts: weighted([5, false], [1, true]),
  refreshTokens: weighted<World["refreshTokens"]>([8, "rotate"], [2, "stay"], [1, "none"]),
  accessTokens: weighted<World["accessTokens"]>([3, "new"], [1, "same"]),
  grace: weighted([2, 0], [1, 20_000]),
  lifetime: weighted([3, 500], [1, 70]),
  refreshLifetime: weighted<number | undefined>([3, undefined], [1, 900]),
  renewal: weighted<World["renewal"]>([5, "early"], [1, "always"]),
  endReplaced: weighted([3, false], [1, true]),
  initial: weighted([4, false], [1, true])
}).map((world) => ({
  ...world,
  processes: world.store ? world.processes : 1,
  // two tokens that have everything in common could not be told apart
  accessTokens: world.refreshTokens === "rotate" ? world.accessTokens : "new"
}))

const process = fc.nat(1)

const tagged = <const Tag extends Action["_tag"], Fields extends object>(
  _tag: Tag,
  fields: { readonly [K in keyof Fields]: fc.Arbitrary<Fields[K]> }
) => fc.record({ _tag: fc.constant(_tag), ...fields })

/** Odd, so that no step ends on the instant of a timeout by accident. */
const odd = (max: number) => fc.integer({ min: 0, max: max / 2 }).map((half) => half * 2 + 1)

const actions: ReadonlyArray<readonly [weight: number, arbitrary: fc.Arbitrary<Action>]> = [
  [
    22,
    tagged("Request", {
      process,
      callers: fc.integer({ min: 1, max: 4 }),
      latency: weighted([3, 0], [1, 7], [1, 45_001])
    })
  ],
  [0.25, tagged("Crowd", { process, callers: fc.integer({ min: 130, max: 140 }) })],
  [3, tagged("Storm", { process, requests: fc.integer({ min: 3, max: 12 }) })],
  [5, tagged("Interrupt", { caller: fc.nat(40) })],
  [24, tagged("Advance", { millis: fc.oneof(odd(900), odd(40_000), odd(700_000)) })],
  [2, tagged("Jump", { millis: fc.integer({ min: -9_000_000, max: 9_000_000 }) })],
  [
    4,
    tagged("LateRefusal", {
      process,
      age: fc.nat(6),
      accepted: weighted<boolean | undefined>([1, undefined], [1, true], [1, false])
    })
  ],
  [
    14,
    tagged("Serve", {
      login: outcome,
      refresh: outcome,
      times: weighted([3, 1], [1, 3], [1, 5], [1, Infinity]),
      // there and back again: the third is done shortly before the timeout
      latency: fc.oneof(odd(40), odd(40_000), fc.integer({ min: 6_700, max: 7_400 }).map((half) => half * 2 + 1)),
      retryAfter: fc.oneof(odd(28_000), odd(100_000))
    })
  ],
  [3, tagged("Api", { weather: weighted<ApiWeather>([2, "fine"], [2, "forbids"], [1, "delays"]) })],
  [
    5,
    tagged("Store", {
      operation: weighted<"read" | "write">([2, "read"], [3, "write"]),
      weather: weighted<StoreWeather>([4, "fine"], [2, "slow"], [3, "fails"], [1, "hangs"], [1, "sticks"])
    })
  ],
  [
    1,
    tagged("Store", {
      operation: fc.constant("lock" as const),
      weather: weighted<StoreWeather>([2, "fine"], [2, "fails"], [1, "hangs"])
    })
  ],
  [1, tagged("Forget", {})],
  [1, tagged("StoreOther", {})],
  [1, tagged("SwitchAccount", {})],
  [5, tagged("RevokeAccess", {})],
  [3, tagged("RevokeFamily", {})],
  [1, tagged("Close", { process })]
]

export const schedules: fc.Arbitrary<Schedule> = fc.record({
  world,
  actions: fc.array(fc.oneof(...actions.map(([weight, arbitrary]) => ({ weight: weight * 4, arbitrary }))), {
    minLength: 5,
    maxLength: 40,
    size: "max"
  })
})
