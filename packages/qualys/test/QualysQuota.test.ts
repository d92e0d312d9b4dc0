import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import type * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as QualysQuota from "../src/QualysQuota.ts"

const ofHead = (status: number, headers: Record<string, string>): RateLimitStatus.RateLimitStatus | undefined =>
  Option.getOrUndefined(RateLimitHeaders.read(QualysQuota.headers, { status, headers }, 0).status)

const ofBody = (status: number, text: string): RateLimitStatus.RateLimitStatus | undefined => {
  const { body } = QualysQuota.headers
  const head = { status, headers: {} }
  return body !== undefined && body.wanted(head)
    ? Option.getOrUndefined(body.read(text, head, 0).status)
    : undefined
}

const simpleReturn = (code: number, item = "") =>
  `<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE SIMPLE_RETURN SYSTEM "https://qualysapi.qualys.com/api/2.0/simple_return.dtd">
<SIMPLE_RETURN><RESPONSE><CODE>${code}</CODE><TEXT>canary</TEXT>${item}</RESPONSE></SIMPLE_RETURN>`

const waitFor = (seconds: string) =>
  `<ITEM_LIST><ITEM><KEY>SECONDS_TO_WAIT</KEY><VALUE>${seconds}</VALUE></ITEM></ITEM_LIST>`

const quota = {
  "x-ratelimit-limit": "300",
  "x-ratelimit-window-sec": "3600",
  "x-ratelimit-remaining": "0",
  "x-ratelimit-towait-sec": "51"
}

describe("QualysQuota.headers", () => {
  it("reads the quota and when there is more of it", () => {
    assert.deepStrictEqual(ofHead(200, quota), {
      blocked: "none",
      quotas: [{ limit: 300, remaining: 0, window: Duration.hours(1), reset: Duration.seconds(51) }],
      concurrency: undefined,
      retryAfter: undefined
    })
  })

  it.each(["x-concurrency-limit", "x-concurrencylimit"])("reads the concurrency as %s", (name) => {
    assert.deepStrictEqual(ofHead(200, { [`${name}-limit`]: "2", [`${name}-running`]: "1" })?.concurrency, {
      limit: 2,
      running: 1
    })
  })

  it("takes the gateway's 429 for a block", () => {
    assert.deepInclude(ofHead(429, quota), { blocked: "rate" })
    assert.deepInclude(ofHead(429, {}), { blocked: "rate" })
  })

  it("reads nothing where Qualys sends nothing, and ignores what is malformed", () => {
    assert.isUndefined(ofHead(200, {}))
    assert.isUndefined(ofHead(200, { "x-ratelimit-limit": "canary", "x-ratelimit-remaining": "-3" }))
  })

  it("reads from a 409 that the quota is spent, and for how long", () => {
    assert.deepInclude(ofBody(409, simpleReturn(1965, waitFor("51"))), {
      blocked: "rate",
      retryAfter: Duration.seconds(51)
    })
    assert.deepInclude(ofBody(409, simpleReturn(1965)), { blocked: "rate", retryAfter: undefined })
    assert.deepInclude(ofBody(409, simpleReturn(1965, waitFor("soon"))), { blocked: "rate", retryAfter: undefined })
  })

  it("reads from a 409 that too many calls are running", () => {
    assert.deepInclude(ofBody(409, simpleReturn(1960)), { blocked: "concurrency" })
  })

  it.each([
    ["an incomplete registration", simpleReturn(2003)],
    ["a required SecureID", simpleReturn(2011)],
    ["an HTML page", "<html><body>409</body></html>"]
  ])("does not take a 409 for %s as a block", (_, body) => {
    assert.isUndefined(ofBody(409, body))
  })

  it("leaves the bodies of all other answers alone", () => {
    assert.isUndefined(ofBody(200, simpleReturn(1965, waitFor("51"))))
  })
})
