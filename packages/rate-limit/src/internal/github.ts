/**
 * GitHub's REST API.
 * https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type { RateLimitStatus } from "../RateLimitStatus.ts"
import * as Status from "../RateLimitStatus.ts"
import type { Head } from "./fields.ts"
import { and, type Body, make, nothing, type RateLimitHeaders, type Reading } from "./headers.ts"
import { retryAfter, xRateLimit } from "./numbers.ts"
import { presentable } from "./structured.ts"

/**
 * "If you continue to fail due to a secondary rate limit, wait for an exponentially increasing amount of time": at least
 * one minute.
 */
const secondaryLimit: Partial<RateLimitStatus> = { blocked: "rate", retryAfter: Duration.minutes(1), isGrowing: true }

/** A secondary limit says so in words only: the quota that the headers state is another one. */
const secondary: Body = {
  wanted: (head) => head.status === 403 && !Option.exists(readHead(head, 0).status, statesWait),
  read: (text) =>
    /secondary[ -]rate[ -]limit|abuse detection/i.test(text)
      ? { malformed: [], status: Option.some(Status.make(secondaryLimit)) }
      : nothing
}

export const github: RateLimitHeaders = make((head, now) => {
  const { malformed, status } = readHead(head, now)
  const read = Option.getOrElse(status, () => Status.empty)
  const resource = head.headers["x-ratelimit-resource"]
  const quotas = read.quotas.map((quota) => ({
    ...quota,
    name: resource === undefined ? resource : presentable(resource)
  }))
  if (head.status === 429 || (head.status === 403 && statesWait(read))) {
    const blocked = statesWait(read) ? { ...read, blocked: "rate" as const } : { ...read, ...secondaryLimit }
    return { malformed, status: Option.some({ ...blocked, quotas }) }
  }
  return { malformed, status: Option.map(status, (status) => ({ ...status, quotas })) }
}, secondary)

const fields = and(xRateLimit({ resetUnit: "epochSeconds" }), retryAfter)

/** A block is a 403 or a 429, with the same fields. */
const readHead = (head: Head, now: number): Reading =>
  fields.read(head.status === 403 ? { ...head, status: 429 } : head, now)

const statesWait = ({ quotas, retryAfter }: RateLimitStatus): boolean =>
  retryAfter !== undefined || quotas.some(({ remaining }) => remaining === 0)
