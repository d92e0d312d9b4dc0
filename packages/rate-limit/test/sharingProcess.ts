// One process that shares quotas, as it is told by the others and by the server.
import * as Duration from "effect/Duration"
import * as Membership from "../src/internal/membership.ts"
import type { GrantedQuota, Reply } from "../src/internal/sharedState.ts"
import * as Status from "../src/RateLimitStatus.ts"

export const idle = { inFlight: 0, waiting: 0 }

export const busy = { inFlight: 0, waiting: 3 }

export const quota = (parts: Partial<GrantedQuota> = {}): GrantedQuota => ({
  name: "a",
  kind: "sliding",
  limit: 40,
  window: 1000,
  end: 0,
  begin: 0,
  countedFrom: 0,
  others: 0,
  out: {},
  share: 10,
  ...parts
})

const reply = (parts: Partial<Reply> = {}): Reply => ({
  now: 5_000,
  epoch: 5_000,
  members: 4,
  claims: 0,
  mode: "open",
  blocked: 0,
  again: 0,
  more: 0,
  quotas: [quota()],
  ...parts
})

export const joined = (whenAway: Membership.WhenAway = "share", reserve = 0) =>
  Membership.make({ id: "me", lease: 3000, whenAway, reserve, initial: undefined }, 0)

/** Reports at `at`, and is answered at once. */
export const told = (self: Membership.Membership, at: number, parts: Partial<Reply> = {}, load = busy) => {
  const [after, report] = Membership.report(self, { ...load, leaves: false }, at)
  return Membership.replied(after, report, reply({ now: at + 5_000, ...parts }), at, at)
}

export const lost = (self: Membership.Membership, at: number) =>
  Membership.failed(Membership.report(self, { ...busy, leaves: false }, at)[0], self)

export const stated = (parts: Partial<Status.RateLimitStatus> = {}) =>
  Status.make({ quotas: [{ name: "a", limit: 40, remaining: 30, window: Duration.seconds(1) }], ...parts })
