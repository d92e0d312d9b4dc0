import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stepping from "../src/internal/schedule.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"

const policy = RateLimitPolicy.default

/** The delays of a schedule in seconds, each step taken when the delay before it is over. */
const delays = (schedule: RateLimitPolicy.RateLimitPolicy["backoff"], statuses: ReadonlyArray<number>) => {
  const stepper = Stepping.stepper(schedule)
  return Effect.map(
    Effect.reduce(statuses, { now: 0, all: new Array<number>() }, ({ all, now }, wait) =>
      Effect.map(
        Stepping.step(stepper, now, RateLimitStatus.make({ retryAfter: Duration.seconds(wait) })),
        (next) => {
          const at = Option.getOrThrow(next)
          return { now: at, all: [...all, (at - now) / 1000] }
        }
      )),
    ({ all }) => all
  )
}

describe("RateLimitPolicy", () => {
  describe("default", () => {
    it("has the documented numbers", () => {
      assert.deepInclude(policy, {
        maxWait: Duration.minutes(5),
        maxReplays: 100,
        warnBelow: [0.1],
        warnEvery: Duration.minutes(1),
        believe: Duration.hours(24),
        reserve: 0,
        probe: false,
        initial: undefined
      })
      assert.strictEqual(policy.key, RateLimitPolicy.byEndpoint)
      assert.strictEqual(policy.headers, RateLimitHeaders.standard)
      assert.strictEqual(policy.waiting, RateLimitPolicy.asStated)
    })

    it.effect("backs off for one second, doubled with each block up to a minute", () =>
      Effect.gen(function*() {
        const statuses = Array.from({ length: 9 }, () => 0)
        assert.deepStrictEqual(yield* delays(policy.backoff, statuses), [1, 2, 4, 8, 16, 32, 60, 60, 60])
      }))
  })

  describe("asStated", () => {
    it.effect("waits as long as the status asks for", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* delays(RateLimitPolicy.asStated, [7, 0, 90]), [7, 0, 90])
      }))
  })

  describe("combinators", () => {
    const status = RateLimitStatus.make({ quotas: [{ limit: 300 }] })
    const schedule = Schedule.spaced("1 second")
    const bodies = { discarding: { size: 1000, time: Duration.seconds(2) } }

    it.each<[field: keyof RateLimitPolicy.RateLimitPolicy, changed: RateLimitPolicy.RateLimitPolicy, value: unknown]>([
      ["key", RateLimitPolicy.key(policy, RateLimitPolicy.byOrigin), RateLimitPolicy.byOrigin],
      ["headers", RateLimitPolicy.headers(policy, RateLimitHeaders.github), RateLimitHeaders.github],
      ["waiting", RateLimitPolicy.waiting(policy, schedule), schedule],
      ["backoff", RateLimitPolicy.backoff(policy, schedule), schedule],
      ["maxWait", RateLimitPolicy.maxWait(policy, "1 hour"), Duration.hours(1)],
      ["maxReplays", RateLimitPolicy.maxReplays(policy, 3), 3],
      ["warnBelow", RateLimitPolicy.warnBelow(policy, [1]), [1]],
      ["warnEvery", RateLimitPolicy.warnEvery(policy, "1 hour"), Duration.hours(1)],
      ["believe", RateLimitPolicy.believe(policy, "1 hour"), Duration.hours(1)],
      ["reserve", RateLimitPolicy.reserve(policy, 4), 4],
      ["probe", RateLimitPolicy.probe(policy, true), true],
      ["initial", RateLimitPolicy.initial(policy, status), status],
      ["bodies", RateLimitPolicy.bodies(policy, bodies), bodies]
    ])("%s replaces its field and nothing else", (field, changed, value) => {
      assert.deepStrictEqual({ ...changed, pipe: policy.pipe }, { ...policy, [field]: value })
    })

    it("change nothing that another has set, in whatever order", () => {
      const all: ReadonlyArray<(self: RateLimitPolicy.RateLimitPolicy) => RateLimitPolicy.RateLimitPolicy> = [
        RateLimitPolicy.key(RateLimitPolicy.byOrigin),
        RateLimitPolicy.headers(RateLimitHeaders.github),
        RateLimitPolicy.waiting(schedule),
        RateLimitPolicy.backoff(schedule),
        RateLimitPolicy.maxWait("1 hour"),
        RateLimitPolicy.maxReplays(3),
        RateLimitPolicy.warnBelow([1]),
        RateLimitPolicy.warnEvery("1 hour"),
        RateLimitPolicy.believe("1 hour"),
        RateLimitPolicy.reserve(4),
        RateLimitPolicy.probe(true),
        RateLimitPolicy.initial(status),
        RateLimitPolicy.bodies(bodies)
      ]
      const built = (order: ReadonlyArray<(typeof all)[number]>) => ({
        ...order.reduce((policy, combinator) => combinator(policy), policy),
        pipe: policy.pipe
      })
      // as many as the policy has fields
      assert.lengthOf(all, Object.keys(policy).length - 1)
      FastCheck.assert(
        FastCheck.property(FastCheck.shuffledSubarray([...all], { minLength: all.length }), (order) => {
          assert.deepStrictEqual(built(order), built(all))
        })
      )
    })

    it("can be piped", () => {
      const piped = policy.pipe(RateLimitPolicy.key(RateLimitPolicy.byOrigin), RateLimitPolicy.reserve(2))
      assert.deepInclude(piped, { key: RateLimitPolicy.byOrigin, reserve: 2 })
    })
  })

  describe("keys", () => {
    it.each([
      ["https://api.example/a/b?page=1", "https://api.example/a/b", "https://api.example"],
      ["https://api.example/a/b", "https://api.example/a/b", "https://api.example"],
      ["https://api.example:8443/?q=/", "https://api.example:8443/", "https://api.example:8443"],
      ["https://api.example?q=1", "https://api.example", "https://api.example"],
      ["https://api.example?q=/", "https://api.example", "https://api.example"],
      ["https://user:canary@api.example/a#canary", "https://api.example/a", "https://api.example"],
      ["https://api.example", "https://api.example", "https://api.example"]
    ])("of %s", (url, endpoint, origin) => {
      for (const request of [HttpClientRequest.get(url), HttpClientRequest.post(url)]) {
        assert.strictEqual(RateLimitPolicy.byEndpoint(request), endpoint)
        assert.strictEqual(RateLimitPolicy.byOrigin(request), origin)
      }
    })

    const uuid = "01890f3c-7b1a-7cc0-8a5e-3f2d1c0b9a8e"
    it.each([
      ["/users/1/posts/22", "/users/{id}/posts/{id}"],
      ["/users/1/2", "/users/{id}/{id}"],
      ["/users/1/", "/users/{id}/"],
      [`/users/${uuid}`, "/users/{id}"],
      [`/users/${uuid.toUpperCase()}/posts`, "/users/{id}/posts"],
      ["/api/2.0/v1/x9/9x", "/api/2.0/v1/x9/9x"],
      [`/users/x${uuid}`, `/users/x${uuid}`],
      ["/users?id=/1", "/users"]
    ])("by endpoint fold the ids of %s", (path, expected) => {
      for (const origin of ["https://api.example", "http://127.0.0.1:8080", "http://10"]) {
        assert.strictEqual(RateLimitPolicy.byEndpoint(HttpClientRequest.get(origin + path)), origin + expected)
      }
    })

    it.each([
      ["/repos/effect-ts/effect", "/repos/{owner}/{repo}"],
      ["/repos/effect-ts/effect/?page=1", "/repos/{owner}/{repo}"],
      ["/repos/effect-ts/effect/issues/1", "/repos/:owner/:repo/issues/*"],
      ["/repos/effect-ts/effect/issues/1/comments", "/repos/:owner/:repo/issues/*"],
      ["/a.b/c", "/a.b/{c}"],
      ["/aXb/c", "/aXb/c"],
      ["/users/1", "/users/{id}"],
      ["/repos/effect-ts", "/repos/effect-ts"]
    ])("by route are the first template of %s, else the endpoint", (path, expected) => {
      const key = RateLimitPolicy.byRoute([
        "/repos/{owner}/{repo}",
        "/repos/:owner/:repo/issues/*",
        "/repos/{owner}/{other}",
        "/a.b/{c}"
      ])
      assert.strictEqual(key(HttpClientRequest.get(`https://api.example${path}`)), `https://api.example${expected}`)
    })
  })
})
