import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as RateLimitSignal from "@effect-auth/core/RateLimitSignal"
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import { PCGRandom } from "effect/Utils"

const now = Date.UTC(2026, 0, 1)

const read = (
  dialect: RateLimitDialect.Dialect,
  headers: Record<string, string>,
  status = 200
): RateLimitDialect.Reading => RateLimitDialect.read(dialect, { status, headers }, now)

const signal = (...args: Parameters<typeof read>): RateLimitSignal.Signal => {
  const { malformed, signal } = read(...args)
  assert.deepStrictEqual(malformed, [])
  return Option.getOrThrow(signal)
}

/** The stated parts of the quotas. */
const quotas = (...args: Parameters<typeof read>) =>
  signal(...args).quotas.map((quota) =>
    Object.fromEntries(Object.entries(quota).filter(([, value]) => value !== undefined))
  )

describe("RateLimitDialect.ietf", () => {
  it("joins a quota with its policy by name", () => {
    assert.deepStrictEqual(
      quotas(RateLimitDialect.ietf, {
        ratelimit: `"qualys-like"; r=1; t=2`,
        "ratelimit-policy": `"qualys-like"; q=2; w=2; pk=:MTJj:`
      }),
      [{ name: "qualys-like", limit: 2, remaining: 1, window: 2000, reset: 2000, partition: "MTJj" }]
    )
  })

  it("reads several policies, whether or not their rest is stated", () => {
    assert.deepStrictEqual(
      quotas(RateLimitDialect.ietf, {
        ratelimit: `"burst";r=50;t=30`,
        "ratelimit-policy": `"burst";q=100;w=60,"daily";q=1000;w=86400`
      }),
      [
        { name: "daily", limit: 1000, window: 86_400_000 },
        { name: "burst", limit: 100, remaining: 50, window: 60_000, reset: 30_000 }
      ]
    )
  })

  it("takes concurrent-requests for a concurrency and leaves other units alone", () => {
    const { concurrency, quotas } = signal(RateLimitDialect.ietf, {
      ratelimit: `"c";r=3, "b";r=1000`,
      "ratelimit-policy": `"c";q=5;qu="concurrent-requests", "b";q=9000;w=60;qu="content-bytes"`
    })
    assert.deepStrictEqual(concurrency, { limit: 5, running: 2 })
    assert.deepStrictEqual(quotas, [])
  })

  it("ignores and names what it cannot understand", () => {
    const { malformed, signal } = read(RateLimitDialect.ietf, {
      ratelimit: `"a";r=x;t=1, "b";r=3`,
      "ratelimit-policy": `"b";q=`
    })
    assert.sameMembers([...malformed], ["ratelimit", "ratelimit-policy"])
    assert.deepStrictEqual(
      Option.map(signal, ({ quotas }) => quotas.map(({ remaining }) => remaining)),
      Option.some([3])
    )
  })

  it("ignores a time that no server can mean", () => {
    const { malformed, signal } = read(RateLimitDialect.ietf, { ratelimit: `"a";r=0;t=1767225600` })
    assert.deepStrictEqual(malformed, ["ratelimit"])
    assert.strictEqual(RateLimitSignal.wait(Option.getOrThrow(signal)), 0)
  })
})

describe("RateLimitDialect, earlier drafts", () => {
  it("reads the dictionary of draft 7", () => {
    assert.deepStrictEqual(
      quotas(RateLimitDialect.ietfDraft7, {
        ratelimit: "limit=1, remaining=0, reset=60",
        "ratelimit-policy": "1;w=60"
      }),
      [{ name: "1;w=60000", limit: 1, remaining: 0, reset: 60_000, window: 60_000 }]
    )
  })

  it("reads the three headers of draft 6, beside the policies that are not stated", () => {
    assert.deepStrictEqual(
      quotas(RateLimitDialect.ietfDraft6, {
        "ratelimit-limit": "10",
        "ratelimit-remaining": "4",
        "ratelimit-reset": "1",
        "ratelimit-policy": "10;w=1, 50;w=60"
      }),
      [
        { name: "50;w=60000", limit: 50, window: 60_000 },
        { name: "10;w=1000", limit: 10, remaining: 4, reset: 1000, window: 1000 }
      ]
    )
  })

  it("tells the revisions apart without being told", () => {
    for (
      const headers of [
        { ratelimit: `"a";r=7;t=2` },
        { ratelimit: "limit=10, remaining=7, reset=2" },
        { "ratelimit-limit": "10", "ratelimit-remaining": "7", "ratelimit-reset": "2" }
      ]
    ) {
      assert.strictEqual(signal(RateLimitDialect.standard, headers).quotas[0]?.remaining, 7)
      assert.strictEqual(signal(RateLimitDialect.standard, headers).quotas[0]?.reset, 2000)
    }
  })
})

describe("RateLimitDialect.xRateLimit", () => {
  const headers = (reset: string) => ({ "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset })

  it("reads the reset as it is told to, never as it looks", () => {
    const seconds = RateLimitDialect.xRateLimit({ resetUnit: "seconds" })
    const epoch = RateLimitDialect.xRateLimit({ resetUnit: "epochSeconds" })
    const inAMinute = String(now / 1000 + 60)
    assert.strictEqual(signal(seconds, headers("60")).quotas[0]?.reset, 60_000)
    assert.strictEqual(signal(epoch, headers(inAMinute)).quotas[0]?.reset, 60_000)
    assert.deepStrictEqual(read(seconds, headers(inAMinute)).malformed, ["x-ratelimit-reset"])
    assert.deepStrictEqual(read(epoch, headers("60")).malformed, ["x-ratelimit-reset"])
  })

  it("compares an epoch with the server's clock when the answer tells it", () => {
    const epoch = RateLimitDialect.xRateLimit({ resetUnit: "epochSeconds" })
    const date = new Date(now - 3_600_000).toUTCString()
    const reset = String((now - 3_600_000) / 1000 + 60)
    assert.strictEqual(signal(epoch, { ...headers(reset), date }).quotas[0]?.reset, 60_000)
  })

  it("takes a reset that has just passed for now", () => {
    const epoch = RateLimitDialect.xRateLimit({ resetUnit: "epochSeconds" })
    assert.strictEqual(signal(epoch, headers(String(now / 1000 - 5))).quotas[0]?.reset, 0)
  })
})

describe("RateLimitDialect.retryAfter", () => {
  const wait = (headers: Record<string, string>, status = 429) =>
    Option.match(read(RateLimitDialect.retryAfter, headers, status).signal, {
      onNone: () => undefined,
      onSome: RateLimitSignal.wait
    })

  it("reads seconds and each of the three forms of a date", () => {
    assert.strictEqual(wait({ "retry-after": "120" }), 120_000)
    assert.strictEqual(wait({ "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }), 30_000)
    assert.strictEqual(wait({ "retry-after": "Thursday, 01-Jan-26 00:00:30 GMT" }), 30_000)
    assert.strictEqual(wait({ "retry-after": "Thu Jan  1 00:00:30 2026" }), 30_000)
  })

  it("prefers milliseconds", () => {
    assert.strictEqual(wait({ "retry-after": "2", "retry-after-ms": "1500" }), 1500)
    assert.strictEqual(wait({ "x-ms-retry-after-ms": "250" }), 250)
  })

  it("does not take the polling hint of a 202 for a quota", () => {
    assert.strictEqual(wait({ "retry-after": "5" }, 202), undefined)
  })

  it("wins over t", () => {
    const headers = { "retry-after": "9", ratelimit: `"a";r=0;t=2` }
    assert.strictEqual(RateLimitSignal.wait(signal(RateLimitDialect.standard, headers, 429)), 9000)
  })

  it("is a pause and no block on a 503: the request may have been executed", () => {
    const { blocked, retryAfter } = signal(RateLimitDialect.standard, { "retry-after": "3" }, 503)
    assert.deepStrictEqual({ blocked, retryAfter }, { blocked: "none", retryAfter: 3000 })
  })
})

describe("RateLimitDialect.github", () => {
  const spent = {
    "x-ratelimit-limit": "5000",
    "x-ratelimit-remaining": "0",
    "x-ratelimit-reset": String(now / 1000 + 90),
    "x-ratelimit-resource": "core"
  }

  it("takes a 403 with a spent quota for a block", () => {
    const found = signal(RateLimitDialect.github, spent, 403)
    assert.strictEqual(found.blocked, "rate")
    assert.strictEqual(RateLimitSignal.wait(found), 90_000)
    assert.strictEqual(found.quotas[0]?.name, "core")
  })

  it("leaves a 403 for lack of permission alone", () => {
    const headers = { ...spent, "x-ratelimit-remaining": "4000" }
    assert.strictEqual(signal(RateLimitDialect.github, headers, 403).blocked, "none")
  })

  it("waits a minute after a 429 that does not say how long", () => {
    assert.strictEqual(RateLimitSignal.wait(signal(RateLimitDialect.github, {}, 429)), 60_000)
  })
})

describe("RateLimitDialect, combined", () => {
  it("takes 429 for a block whatever else it finds", () => {
    assert.strictEqual(signal(RateLimitDialect.ietf, {}, 429).blocked, "rate")
  })

  it("takes further statuses for blocks when told so", () => {
    const dialect = RateLimitDialect.standard.pipe(RateLimitDialect.withStatus(420, 509))
    const { blocked, retryAfter } = signal(dialect, { "retry-after": "4" }, 420)
    assert.deepStrictEqual({ blocked, retryAfter }, { blocked: "rate", retryAfter: 4000 })
    assert.isTrue(Option.isNone(read(RateLimitDialect.standard, { "retry-after": "4" }, 420).signal))
  })

  it("reads headers under other names", () => {
    const dialect = RateLimitDialect.xRateLimit({ resetUnit: "seconds" }).pipe(
      RateLimitDialect.renameHeaders({ "X-Acme-Left": "X-RateLimit-Remaining" })
    )
    assert.strictEqual(signal(dialect, { "x-acme-left": "3" }).quotas[0]?.remaining, 3)
  })
})

describe("RateLimitDialect, whatever comes", () => {
  const dialects: ReadonlyArray<RateLimitDialect.Dialect> = [
    RateLimitDialect.standard,
    RateLimitDialect.github,
    RateLimitDialect.xRateLimit({ resetUnit: "seconds" }).pipe(RateLimitDialect.and(RateLimitDialect.retryAfter)),
    RateLimitDialect.xRateLimit({ resetUnit: "millis" }).pipe(RateLimitDialect.withStatus(409)),
    RateLimitDialect.ietfDraft7.pipe(RateLimitDialect.and(RateLimitDialect.ietfDraft6))
  ]
  const value = FastCheck.oneof(
    FastCheck.string(),
    FastCheck.integer().map(String),
    FastCheck.double().map(String),
    FastCheck.bigInt().map(String),
    FastCheck.date().map(String),
    FastCheck.constantFrom("", " ", "-1", "1e9", "0x10", "NaN", "Infinity", "9".repeat(400), "12, 12", "\u0000"),
    FastCheck.tuple(FastCheck.string(), FastCheck.integer(), FastCheck.integer()).map(([name, r, t]) =>
      `"${name}";r=${r};t=${t}`
    ),
    FastCheck.tuple(FastCheck.integer(), FastCheck.integer(), FastCheck.integer()).map(([limit, remaining, reset]) =>
      `limit=${limit}, remaining=${remaining}, reset=${reset}`
    ),
    FastCheck.tuple(FastCheck.integer(), FastCheck.integer()).map(([q, w]) => `"a";q=${q};w=${w}, ${q};w=${w}`)
  )
  const names = [
    ...["ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "date"],
    ...["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "retry-after", "retry-after-ms"],
    "x-ratelimit-resource"
  ]
  const statuses = [200, 202, 403, 409, 429, 503]

  it("no header makes it throw, nor wait for less than nothing or for ever", () => {
    // drawn from a pool, because drawing each anew takes longer than reading it a hundred times
    const random = new PCGRandom(4)
    const draw = <A>(from: ReadonlyArray<A>): A => {
      const drawn = from[random.integer(from.length)]
      return drawn ?? assert.fail("empty pool")
    }
    const values = FastCheck.sample(value, { numRuns: 5000, seed: 4 })
    for (let run = 0; run < 100_000; run++) {
      const headers = Object.fromEntries(
        Array.from({ length: 1 + random.integer(5) }, () => [draw(names), draw(values)] as const)
      )
      const { malformed, signal } = RateLimitDialect.read(draw(dialects), { status: draw(statuses), headers }, now)
      const { concurrency, quotas, retryAfter } = Option.getOrElse(signal, () => RateLimitSignal.empty)
      const numbers = [
        retryAfter,
        ...quotas.flatMap(({ limit, remaining, reset, window }) => [limit, remaining, reset, window]),
        concurrency?.limit,
        concurrency?.running
      ]
      const times = [retryAfter, ...quotas.flatMap(({ reset, window }) => [reset, window])]
      if (
        malformed.some((field) => !(field in headers)) ||
        numbers.some((number) => number !== undefined && !(number >= 0 && Number.isFinite(number))) ||
        times.some((time) => time !== undefined && time > 366 * 86_400_000)
      ) assert.fail(JSON.stringify({ headers, malformed, signal }))
    }
  }, 60_000)
})
