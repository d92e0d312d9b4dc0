import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import type * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
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

  it("is bounded by the window when nothing remains and the answer does not say how long to wait", () => {
    const gateway = { "x-ratelimit-limit": "5", "x-ratelimit-window-sec": "100" }
    const resetOf = (remaining: string, more: Record<string, string> = {}) =>
      ofHead(200, { ...gateway, "x-ratelimit-remaining": remaining, ...more })?.quotas[0]?.reset
    assert.deepStrictEqual(resetOf("0"), Duration.seconds(100))
    assert.deepStrictEqual(resetOf("0", { "x-ratelimit-towait-sec": "7" }), Duration.seconds(7))
    assert.deepStrictEqual(resetOf("0", { "x-ratelimit-towait-sec": "0" }), Duration.seconds(100))
    assert.isUndefined(resetOf("4"))
  })

  it.each([["9", 51], ["90", 90]])("honours the longer of Retry-After: %s and ToWait-Sec: 51", (retryAfter, wait) => {
    const status = ofHead(429, { ...quota, "retry-after": retryAfter }) ?? assert.fail("nothing was read")
    assert.deepStrictEqual(RateLimitStatus.wait(status), Duration.seconds(wait))
  })

  it("reads nothing where Qualys sends nothing, and ignores what is malformed", () => {
    assert.isUndefined(ofHead(200, {}))
    assert.isUndefined(ofHead(200, { "x-ratelimit-limit": "canary", "x-ratelimit-remaining": "some" }))
  })

  it("takes less than nothing left for nothing left", () => {
    assert.deepInclude(ofHead(200, { "x-ratelimit-remaining": "-3" })?.quotas[0], { remaining: 0 })
  })

  it("reads from a 409 that the quota is spent, and for how long", () => {
    assert.deepInclude(ofBody(409, simpleReturn(1965, waitFor("51"))), {
      blocked: "rate",
      retryAfter: Duration.seconds(51)
    })
    assert.deepInclude(ofBody(409, simpleReturn(1965)), { blocked: "rate", retryAfter: undefined })
    for (const absurd of ["soon", "31622401", "999999999"]) {
      assert.deepInclude(ofBody(409, simpleReturn(1965, waitFor(absurd))), { blocked: "rate", retryAfter: undefined })
      const reading = QualysQuota.headers.body?.read(
        simpleReturn(1965, waitFor(absurd)),
        { status: 409, headers: {} },
        0
      )
      assert.deepStrictEqual(reading?.malformed, ["SECONDS_TO_WAIT"])
    }
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

describe("QualysQuota.policy", () => {
  const left = (remaining: number): ScriptedHttpClient.Reply => ({
    headers: { ...quota, "x-ratelimit-remaining": String(remaining), "x-ratelimit-towait-sec": "0" }
  })

  it.effect("counts down the last calls, however fast they come, once for each number and window", () =>
    Effect.gen(function*() {
      const server = ScriptedHttpClient.make([12, 11, 10, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 9, 8].map(left))
      const limiter = yield* RateLimiter.make(QualysQuota.policy)
      const said = yield* Ref.make<ReadonlyArray<number>>([])
      const onEvent = (event: RateLimitEvent.RateLimitEvent) =>
        event._tag === "ApproachingLimit" ? Ref.update(said, (said) => [...said, event.remaining]) : Effect.void
      const request = HttpClientRequest.get("https://qualysapi.example/api/2.0/fo/scan/")
      const call = limiter.run(request, () => server.execute(request), onEvent)
      yield* Effect.fork(Effect.replicateEffect(call, 13, { discard: true }))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* server.count, 13)
      assert.deepStrictEqual(yield* Ref.getAndSet(said, []), [9, 8, 7, 6, 5, 4, 3, 2, 1])
      yield* TestClock.adjust("1 hour")
      yield* Effect.fork(Effect.replicateEffect(call, 2, { discard: true }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* Ref.get(said), [9, 8])
    }))

  it.effect.each<[where: string, block: ScriptedHttpClient.Reply]>([
    ["in the body of a 409", { status: 409, body: simpleReturn(1965, waitFor("31622400")) }],
    ["in the head of a 429", { status: 429, headers: { ...quota, "x-ratelimit-towait-sec": "31622400" } }],
    ["as the window of a gateway", {
      status: 429,
      headers: { "x-ratelimit-limit": "5", "x-ratelimit-remaining": "0", "x-ratelimit-window-sec": "31622400" }
    }]
  ])("asks again after a day, if a year is stated %s", ([, block]) =>
    Effect.gen(function*() {
      const server = ScriptedHttpClient.make([block, {}])
      const limiter = yield* RateLimiter.make(QualysQuota.policy)
      const request = HttpClientRequest.get("https://qualysapi.example/api/2.0/fo/scan/")
      const response = yield* VirtualClock.run(limiter.run(request, () => server.execute(request)))
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual((yield* server.requests).map(({ at }) => at), [0, 86_400_000])
    }))

  const keyOf = (url: string) => QualysQuota.policy.key(HttpClientRequest.post(url))

  it.each([
    ["/api/2.0/fo/scan/?action=list", "/api/2.0/fo/scan/"],
    ["/api/2.0/fo/scan?action=list", "/api/2.0/fo/scan/"],
    ["/api/3.0/fo/scan/", "/api/3.0/fo/scan/"],
    ["/qps/rest/2.0/get/am/hostasset/123", "/qps/rest/2.0/get/am/hostasset/{id}"],
    ["/qps/rest/2.0/get/am/hostasset/456/", "/qps/rest/2.0/get/am/hostasset/{id}"],
    ["/rest/2.0/search/am/asset", "/rest/2.0/search/am/asset"],
    ["/msp/about.php", "/msp/about.php"],
    ["/authors/auth", "/authors/auth"]
  ])("counts the API of %s", (path, expected) => {
    assert.strictEqual(keyOf(`https://qualysapi.example${path}`), `https://qualysapi.example${expected}`)
  })

  it.each([
    "/auth",
    "/auth/",
    "/auth/oidc",
    "/auth/oauth",
    "/api/2.0/fo/session/",
    "/api/2.0/fo/session",
    "/api/3.0/fo/session/",
    "/api/4.0/fo/session"
  ])(
    "does not limit %s",
    (path) => {
      assert.isUndefined(keyOf(`https://gateway.example${path}`))
    }
  )
})
