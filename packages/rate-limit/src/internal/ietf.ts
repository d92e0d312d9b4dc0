/** The fields of draft-ietf-httpapi-ratelimit-headers in its revisions, as quotas. */
import * as Encoding from "effect/Encoding"
import type { Concurrency, Quota } from "../RateLimitStatus.ts"
import * as Fields from "./fields.ts"
import * as Structured from "./structured.ts"

/** Draft 7: `limit=100, remaining=50, reset=30`. */
export const dictionary = (self: Fields.Reader, name: string): Quota | undefined =>
  Fields.read(self, name, (text) => {
    const members = Structured.dictionary(text)
    if (members === undefined) return undefined
    const limit = Structured.fewest((members.get("limit") ?? []).map(Structured.toCount))
    const left = members.get("remaining") ?? []
    // a server that states -1 for both has no limit
    if (members.has("limit") && limit === undefined && left.some((number) => Number(number) < 0)) return undefined
    const remaining = Structured.fewest(left.map(Structured.toLeft))
    const reset = Structured.latest((members.get("reset") ?? []).map(Structured.toDuration))
    return limit === undefined && remaining === undefined ? undefined : { limit, remaining, reset }
  })

/**
 * Drafts 6 and 7: the stated quota, beside the windows that `RateLimit-Policy: 10;w=1, 50;w=60` declares. Before there was
 * that field, `RateLimit-Limit` declared them itself.
 */
export const withPolicies = (self: Fields.Reader, stated: Quota, limitField?: string): ReadonlyArray<Quota> => {
  const all = [...policies(self, "ratelimit-policy"), ...inLimit(self, limitField)]
  const distinct = Array.from(byName(all).values())
  const binding = distinct.find(({ limit }) => limit === stated.limit)
  return [...distinct.filter((policy) => policy !== binding), { ...stated, ...binding }]
}

const policies = (self: Fields.Reader, name: string): ReadonlyArray<Quota> =>
  (Fields.read(self, name, Structured.items) ?? []).flatMap(([quota, parameters]): ReadonlyArray<Quota> =>
    Structured.isCount(quota) ? [toPolicy(quota, parameters.get("w"))] : []
  )

/** The members of the limit's field that state a window; whether the field makes sense was asked before. */
const inLimit = ({ headers }: Fields.Reader, name: string | undefined): ReadonlyArray<Quota> =>
  name === undefined || headers[name]?.includes(";") !== true
    ? []
    : policies({ headers, malformed: [] }, name).filter(({ window }) => window !== undefined)

const toPolicy = (limit: number, window: Structured.BareItem | undefined): Quota => ({
  name: window === undefined ? String(limit) : Structured.presentable(`${limit};w=${window}`),
  limit,
  window: Structured.toDuration(window)
})

/** Since draft 8: the items of `RateLimit` and `RateLimit-Policy`, joined by name. */
export const namedQuotas = (self: Fields.Reader): {
  readonly quotas: ReadonlyArray<Quota>
  readonly concurrency: Concurrency | undefined
} => {
  const service = named(self, "ratelimit")
  const policies = named(self, "ratelimit-policy")
  const stated = service.map(toNamed)
  const declared = policies.map(toNamed)
  if (
    service.some(([, parameters]) => isMalformedTime(parameters.get("t"))) ||
    stated.some(({ remaining }) => remaining === undefined)
  ) self.malformed.push("ratelimit")
  if (
    policies.some(([, parameters]) => isMalformedTime(parameters.get("w"))) ||
    declared.some(({ limit }) => limit === undefined)
  ) self.malformed.push("ratelimit-policy")
  return join(
    strictest(stated.filter(({ remaining }) => remaining !== undefined)),
    strictest(declared.filter(({ limit }) => limit !== undefined))
  )
}

const named = (self: Fields.Reader, name: string): ReadonlyArray<Structured.Item> =>
  (Fields.read(self, name, Structured.items) ?? []).filter(([name]) => !Structured.isCount(name))

const isMalformedTime = (value: Structured.BareItem | undefined): boolean =>
  value !== undefined && Structured.toDuration(value) === undefined

interface Named extends Quota {
  readonly name: string
  readonly unit: string
}

const toNamed = ([name, parameters]: Structured.Item): Named => ({
  name: Structured.presentable(String(name)),
  unit: String(parameters.get("qu") ?? "requests"),
  limit: Structured.toCount(parameters.get("q")),
  window: Structured.toDuration(parameters.get("w")),
  remaining: Structured.toLeft(parameters.get("r")),
  reset: Structured.toDuration(parameters.get("t")),
  partition: toBase64(parameters.get("pk"))
})

/** Each name once: what is stated of it twice, as by a server and a proxy, counts as the stricter of both. */
const strictest = (all: ReadonlyArray<Named>): ReadonlyArray<Named> => {
  const known = new Map<string, Named>()
  for (const quota of all) {
    const key = `${quota.unit} ${quota.name}`
    const first = known.get(key)
    known.set(
      key,
      first === undefined ? quota : {
        ...first,
        limit: Structured.fewest([first.limit, quota.limit]),
        remaining: Structured.fewest([first.remaining, quota.remaining]),
        window: Structured.latest([first.window, quota.window]),
        reset: Structured.latest([first.reset, quota.reset])
      }
    )
  }
  return Array.from(known.values())
}

const join = (stated: ReadonlyArray<Named>, declared: ReadonlyArray<Named>): ReturnType<typeof namedQuotas> => {
  const statedNames = new Set(stated.map(({ name }) => name))
  const policies = byName(declared)
  const all = [
    ...declared.filter(({ name }) => !statedNames.has(name)),
    ...stated.map((quota): Named => {
      const policy = policies.get(quota.name)
      return policy === undefined
        ? quota
        : { ...policy, remaining: quota.remaining, reset: quota.reset, partition: quota.partition ?? policy.partition }
    })
  ]
  const concurrent = all.find(({ limit, unit }) => unit === "concurrent-requests" && limit !== undefined)
  return {
    quotas: all.filter(({ unit }) => unit === "requests").map(({ unit: _, ...quota }) => quota),
    concurrency: concurrent?.limit === undefined ? undefined : {
      limit: concurrent.limit,
      running: concurrent.remaining === undefined ? undefined : Math.max(0, concurrent.limit - concurrent.remaining)
    }
  }
}

/** The first of each name. */
const byName = <Q extends Quota>(all: ReadonlyArray<Q>): ReadonlyMap<Q["name"], Q> => {
  const known = new Map<Q["name"], Q>()
  for (const quota of all) {
    if (!known.has(quota.name)) known.set(quota.name, quota)
  }
  return known
}

const toBase64 = (value: unknown): string | undefined =>
  value instanceof ArrayBuffer ? Structured.presentable(Encoding.encodeBase64(new Uint8Array(value))) : undefined
