import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitStatus from "../src/RateLimitStatus.ts"
import * as RandomHeaders from "./randomHeaders.ts"

const now = Date.UTC(2026, 0, 1)

const { millis, minutes, seconds } = Duration

const read = (
  headers: RateLimitHeaders.RateLimitHeaders,
  fields: Record<string, string>,
  status = 200
): RateLimitHeaders.Reading => RateLimitHeaders.read(headers, { status, headers: fields }, now)

const statusOf = (...args: Parameters<typeof read>): RateLimitStatus.RateLimitStatus => {
  const { malformed, status } = read(...args)
  assert.deepStrictEqual(malformed, [])
  return Option.getOrThrow(status)
}

/** The stated parts of the quotas. */
const quotasOf = (...args: Parameters<typeof read>) =>
  statusOf(...args).quotas.map((quota) =>
    Object.fromEntries(Object.entries(quota).filter(([, value]) => value !== undefined))
  )

const waitOf = (...args: Parameters<typeof read>): Duration.Duration | undefined =>
  Option.getOrUndefined(Option.map(read(...args).status, RateLimitStatus.wait))

describe("RateLimitHeaders", () => {
  describe("ietf", () => {
    const { ietf } = RateLimitHeaders

    it("joins a quota with its policy by name", () => {
      assert.deepStrictEqual(
        quotasOf(ietf, {
          ratelimit: `"qualys-like"; r=1; t=2`,
          "ratelimit-policy": `"qualys-like"; q=2; w=2; pk=:MTJj:`
        }),
        [{ name: "qualys-like", limit: 2, remaining: 1, window: seconds(2), reset: seconds(2), partition: "MTJj" }]
      )
    })

    it("reads several policies, whether or not their rest is stated", () => {
      assert.deepStrictEqual(
        quotasOf(ietf, {
          ratelimit: `"burst";r=50;t=30`,
          "ratelimit-policy": `"burst";q=100;w=60,"daily";q=1000;w=86400`
        }),
        [
          { name: "daily", limit: 1000, window: Duration.days(1) },
          { name: "burst", limit: 100, remaining: 50, window: minutes(1), reset: seconds(30) }
        ]
      )
    })

    it("reads the unit concurrent-requests as a concurrency and ignores other units", () => {
      const { concurrency, quotas } = statusOf(ietf, {
        ratelimit: `"c";r=3, "b";r=1000`,
        "ratelimit-policy": `"c";q=5;qu="concurrent-requests", "b";q=9000;w=60;qu="content-bytes"`
      })
      assert.deepStrictEqual(concurrency, { limit: 5, running: 2 })
      assert.deepStrictEqual(quotas, [])
    })

    it("ignores and names what makes no sense", () => {
      const { malformed, status } = read(ietf, {
        ratelimit: `"a";r=x;t=1, "b";r=3`,
        "ratelimit-policy": `"b";q=`
      })
      assert.sameMembers([...malformed], ["ratelimit", "ratelimit-policy"])
      assert.deepStrictEqual(
        Option.map(status, ({ quotas }) => quotas.map(({ remaining }) => remaining)),
        Option.some([3])
      )
    })

    it("ignores a time that no server can mean", () => {
      const { malformed, status } = read(ietf, { ratelimit: `"a";r=0;t=1767225600` })
      assert.deepStrictEqual(Array.from(new Set(malformed)), ["ratelimit"])
      assert.deepStrictEqual(RateLimitStatus.wait(Option.getOrThrow(status)), Duration.zero)
    })

    it("reads the dictionary of draft 7", () => {
      assert.deepStrictEqual(
        quotasOf(ietf, { ratelimit: "limit=1, remaining=0, reset=60", "ratelimit-policy": "1;w=60" }),
        [{ name: "1;w=60", limit: 1, remaining: 0, reset: minutes(1), window: minutes(1) }]
      )
    })

    it("reads the three headers of draft 6, beside the policies that are not stated", () => {
      assert.deepStrictEqual(
        quotasOf(ietf, {
          "ratelimit-limit": "10",
          "ratelimit-remaining": "4",
          "ratelimit-reset": "1",
          "ratelimit-policy": "10;w=1, 50;w=60, 500"
        }),
        [
          { name: "50;w=60", limit: 50, window: minutes(1) },
          { name: "500", limit: 500 },
          { name: "10;w=1", limit: 10, remaining: 4, reset: seconds(1), window: seconds(1) }
        ]
      )
    })

    it.each<[revision: string, fields: Record<string, string>]>([
      ["draft 8", { ratelimit: `"a";r=7;t=2` }],
      ["draft 7", { ratelimit: "limit=10, remaining=7, reset=2" }],
      ["draft 6", { "ratelimit-limit": "10", "ratelimit-remaining": "7", "ratelimit-reset": "2" }]
    ])("recognises %s by its fields", (_, fields) => {
      const [quota] = statusOf(ietf, fields).quotas
      assert.deepInclude(quota, { remaining: 7, reset: seconds(2) })
    })
  })

  describe("spelled otherwise", () => {
    const { ietf } = RateLimitHeaders
    const xRateLimit = RateLimitHeaders.xRateLimit({ resetUnit: "seconds" })
    const policies = [
      { name: "50;w=60", limit: 50, window: minutes(1) },
      { name: "10;w=1", limit: 10, remaining: 4, reset: seconds(1), window: seconds(1) }
    ]
    const of = (prefix: string, limit: string, remaining: string, reset: string) => ({
      [`${prefix}-limit`]: limit,
      [`${prefix}-remaining`]: remaining,
      [`${prefix}-reset`]: reset
    })

    it.each<[string, RateLimitHeaders.RateLimitHeaders, Record<string, string>, ReadonlyArray<unknown>]>([
      [
        "with the window in the limit",
        ietf,
        { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "76;w=21600" },
        [
          { name: "100;w=21600", limit: 100, remaining: 76, window: Duration.hours(6) }
        ]
      ],
      ["with all windows in the limit", ietf, of("ratelimit", "10, 10;w=1, 50;w=60", "4", "1"), policies],
      ["with the windows in both", ietf, {
        ...of("ratelimit", "10, 10;w=1", "4", "1"),
        "ratelimit-policy": "10;w=1, 50;w=60"
      }, policies],
      ["each field twice", ietf, of("ratelimit", "10, 10", "3, 4", "5, 9"), [
        { limit: 10, remaining: 3, reset: seconds(9) }
      ]],
      ["each field of a hub twice", xRateLimit, of("x-ratelimit", "3, 3", "2, 1", "9, 5"), [
        { limit: 3, remaining: 1, reset: seconds(9) }
      ]],
      ["with a window in a hub's limit", xRateLimit, of("x-ratelimit", "10, 10;w=1, 50;w=60", "4", "1"), [
        { limit: 10, remaining: 4, window: seconds(1), reset: seconds(1) }
      ]],
      ["the dictionary of draft 7 twice", ietf, {
        ratelimit: "limit=10, remaining=7, reset=2, limit=10, remaining=6, reset=1"
      }, [{ limit: 10, remaining: 6, reset: seconds(2) }]],
      ["the list of draft 8 twice", ietf, {
        ratelimit: `"a";r=7;t=2, "a";r=6;t=1`,
        "ratelimit-policy": `"a";q=10;w=60, "a";q=9;w=60`
      }, [{ name: "a", limit: 9, remaining: 6, reset: seconds(2), window: minutes(1) }]],
      ["below zero", ietf, of("ratelimit", "10", "-1", "9"), [{ limit: 10, remaining: 0, reset: seconds(9) }]],
      ["below zero at a hub", xRateLimit, of("x-ratelimit", "10", "-1", "9"), [
        { limit: 10, remaining: 0, reset: seconds(9) }
      ]],
      ["below zero in draft 7", ietf, { ratelimit: "limit=10, remaining=-2, reset=9" }, [
        { limit: 10, remaining: 0, reset: seconds(9) }
      ]],
      ["below zero in draft 8", ietf, { ratelimit: `"a";r=-2;t=9` }, [{ name: "a", remaining: 0, reset: seconds(9) }]]
    ])("is read %s", (_, headers, fields, expected) => {
      assert.deepStrictEqual(quotasOf(headers, fields), [...expected])
    })

    it("reads no quota from a server that says by -1 that it has none", () => {
      assert.isTrue(Option.isNone(read(xRateLimit, of("x-ratelimit", "-1", "-1", "0")).status))
      assert.isTrue(Option.isNone(read(ietf, { ratelimit: "limit=-1, remaining=-1, reset=0" }).status))
    })
  })

  describe("from a cache", () => {
    const quota = { "ratelimit-limit": "10", "ratelimit-remaining": "0", "ratelimit-reset": "60" }

    it.each(["600", "0", "soon"])("are not believed (Age: %s)", (age) => {
      assert.isTrue(Option.isNone(read(RateLimitHeaders.standard, { ...quota, age }).status))
      assert.isTrue(Option.isNone(
        read(RateLimitHeaders.github, {
          "x-ratelimit-limit": "10",
          "x-ratelimit-remaining": "0",
          "x-ratelimit-reset": String(now / 1000 + 60),
          age
        }).status
      ))
    })

    it("leave a block a block, with what is left of its Retry-After", () => {
      const blocked = (age: string) => statusOf(RateLimitHeaders.standard, { ...quota, age, "retry-after": "90" }, 429)
      assert.deepInclude(blocked("30"), { blocked: "rate", quotas: [], retryAfter: minutes(1) })
      assert.deepInclude(blocked("90"), { blocked: "rate", quotas: [], retryAfter: undefined })
    })

    it("leave a server that is unavailable alone for what is left of its Retry-After", () => {
      const unavailable = (age: string) => waitOf(RateLimitHeaders.standard, { age, "retry-after": "90" }, 503)
      assert.deepStrictEqual(unavailable("30"), minutes(1))
      assert.isUndefined(unavailable("600"))
    })
  })

  describe("xRateLimit", () => {
    const inSeconds = RateLimitHeaders.xRateLimit({ resetUnit: "seconds" })
    const inMillis = RateLimitHeaders.xRateLimit({ resetUnit: "millis" })
    const atEpoch = RateLimitHeaders.xRateLimit({ resetUnit: "epochSeconds" })
    const atEpochMillis = RateLimitHeaders.xRateLimit({ resetUnit: "epochMillis" })
    const inAMinute = String(now / 1000 + 60)

    const resetOf = (headers: RateLimitHeaders.RateLimitHeaders, reset: string, more: Record<string, string> = {}) =>
      statusOf(headers, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset, ...more }).quotas[0]?.reset

    it("reads the reset in the unit it is given", () => {
      assert.deepStrictEqual(resetOf(inSeconds, "60"), minutes(1))
      assert.deepStrictEqual(resetOf(inMillis, "60"), millis(60))
      assert.deepStrictEqual(resetOf(atEpoch, inAMinute), minutes(1))
      assert.deepStrictEqual(resetOf(atEpochMillis, String(now + 60_000)), minutes(1))
    })

    it.each(
      [
        ["seconds", inSeconds, inAMinute],
        ["millis", inMillis, String(now + 60_000)],
        ["epochSeconds", atEpoch, "60"],
        ["epochSeconds", atEpoch, String(now + 60_000)],
        ["epochMillis", atEpochMillis, inAMinute]
      ] as const
    )(
      "reports a reset that makes no sense in the unit %s",
      (_, headers, reset) => {
        const { malformed } = read(headers, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset })
        assert.deepStrictEqual(malformed, ["x-ratelimit-reset"])
      }
    )

    it("compares an epoch with the server's clock if the response states it", () => {
      const date = new Date(now - 3_600_000).toUTCString()
      assert.deepStrictEqual(resetOf(atEpoch, String((now - 3_600_000) / 1000 + 60), { date }), minutes(1))
    })

    it("reads a reset that has just passed as now", () => {
      assert.deepStrictEqual(resetOf(atEpoch, String(now / 1000 - 5)), Duration.zero)
    })
  })

  describe("numbers", () => {
    it("reads each number under its name, the first name that is present", () => {
      const headers = RateLimitHeaders.numbers({
        limit: "x-limit",
        remaining: ["x-left", "x-remaining"],
        window: "x-window",
        reset: "x-wait",
        concurrencyLimit: "x-parallel",
        running: "x-running"
      })
      const fields = {
        ...{ "x-limit": "300", "x-remaining": "7", "x-window": "3600", "x-wait": "1.5" },
        ...{ "x-parallel": "2", "x-running": "1" }
      }
      assert.deepStrictEqual(quotasOf(headers, fields), [
        { limit: 300, remaining: 7, window: Duration.hours(1), reset: millis(1500) }
      ])
      assert.deepStrictEqual(quotasOf(headers, { ...fields, "x-left": "6" })[0]?.["remaining"], 6)
      assert.deepStrictEqual(statusOf(headers, fields).concurrency, { limit: 2, running: 1 })
    })

    it("says nothing about a response without these headers", () => {
      const headers = RateLimitHeaders.numbers({ remaining: "x-left" })
      assert.isTrue(Option.isNone(read(headers, { "x-ratelimit-remaining": "1" }).status))
    })
  })

  describe("retryAfter", () => {
    const { retryAfter } = RateLimitHeaders

    it.each([
      ["seconds", "120", 120],
      ["a date", "Thu, 01 Jan 2026 00:00:30 GMT", 30],
      ["a date of RFC 850", "Thursday, 01-Jan-26 00:00:30 GMT", 30],
      ["a date of asctime", "Thu Jan  1 00:00:30 2026", 30]
    ])("reads %s", (_, text, wait) => {
      assert.deepStrictEqual(waitOf(retryAfter, { "retry-after": text }, 429), seconds(wait))
    })

    it("prefers milliseconds", () => {
      assert.deepStrictEqual(waitOf(retryAfter, { "retry-after": "2", "retry-after-ms": "1500" }, 429), millis(1500))
      assert.deepStrictEqual(waitOf(retryAfter, { "x-ms-retry-after-ms": "250" }, 429), millis(250))
    })

    it("ignores the polling hint of a 202", () => {
      assert.isUndefined(waitOf(retryAfter, { "retry-after": "5" }, 202))
    })

    it("wins over the reset of a quota", () => {
      const fields = { "retry-after": "9", ratelimit: `"a";r=0;t=2` }
      assert.deepStrictEqual(waitOf(RateLimitHeaders.standard, fields, 429), seconds(9))
    })

    it("is a pause and no block on a 503, because the server may have executed the request", () => {
      const { blocked, retryAfter } = statusOf(RateLimitHeaders.standard, { "retry-after": "3" }, 503)
      assert.deepStrictEqual({ blocked, retryAfter }, { blocked: "none", retryAfter: seconds(3) })
    })
  })

  describe("github", () => {
    const { github } = RateLimitHeaders
    const usedUp = {
      "x-ratelimit-limit": "5000",
      "x-ratelimit-remaining": "0",
      "x-ratelimit-reset": String(now / 1000 + 90),
      "x-ratelimit-resource": "core"
    }

    it("reads a 403 with a used-up quota as a block", () => {
      const status = statusOf(github, usedUp, 403)
      assert.strictEqual(status.blocked, "rate")
      assert.deepStrictEqual(RateLimitStatus.wait(status), seconds(90))
      assert.strictEqual(status.quotas[0]?.name, "core")
    })

    it("reads no block from a 403 for lack of permission", () => {
      assert.strictEqual(statusOf(github, { ...usedUp, "x-ratelimit-remaining": "4000" }, 403).blocked, "none")
    })

    it("asks for a minute after a 429 that states no wait, and for more after the next", () => {
      assert.deepStrictEqual(waitOf(github, {}, 429), minutes(1))
      assert.isTrue(statusOf(github, {}, 429).isGrowing)
    })

    const quotaLeft = { ...usedUp, "x-ratelimit-remaining": "4000" }
    const bodyOf = (text: string, fields: Record<string, string>, status = 403) => {
      const head = { status, headers: fields }
      const { body } = github
      return body?.wanted(head) === true ? Option.getOrUndefined(body.read(text, head, now).status) : undefined
    }

    it.each([
      "{\"message\":\"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.\"}",
      "{\"message\":\"You have triggered an abuse detection mechanism.\"}",
      "{\"documentation_url\":\"https://docs.github.com/rest/overview/rate-limits#about-secondary-rate-limits\"}"
    ])("reads a secondary limit from %s", (text) => {
      assert.deepInclude(bodyOf(text, quotaLeft), { blocked: "rate", retryAfter: minutes(1), isGrowing: true })
      assert.deepInclude(bodyOf(text, {}), { blocked: "rate", retryAfter: minutes(1), isGrowing: true })
    })

    it("reads no secondary limit where the headers state a wait, or the body something else", () => {
      const secondary = "You have exceeded a secondary rate limit."
      assert.isUndefined(bodyOf(secondary, { ...quotaLeft, "retry-after": "30" }))
      assert.isUndefined(bodyOf(secondary, usedUp))
      assert.isUndefined(bodyOf(secondary, quotaLeft, 404))
      assert.isUndefined(bodyOf("{\"message\":\"Resource not accessible by integration\"}", quotaLeft))
    })
  })

  describe("combined", () => {
    const inSeconds = RateLimitHeaders.xRateLimit({ resetUnit: "seconds" })
    const quota = (remaining: string) => ({ "x-ratelimit-limit": "10", "x-ratelimit-remaining": remaining })

    it("read every 429 as a block", () => {
      assert.strictEqual(statusOf(RateLimitHeaders.ietf, {}, 429).blocked, "rate")
    })

    it("withStatus read further statuses as blocks", () => {
      const headers = RateLimitHeaders.standard.pipe(RateLimitHeaders.withStatus(420, 509))
      const { blocked, retryAfter } = statusOf(headers, { "retry-after": "4" }, 420)
      assert.deepStrictEqual({ blocked, retryAfter }, { blocked: "rate", retryAfter: seconds(4) })
      assert.isTrue(Option.isNone(read(RateLimitHeaders.standard, { "retry-after": "4" }, 420).status))
    })

    it("rename read headers under other names", () => {
      const headers = inSeconds.pipe(RateLimitHeaders.rename({ "X-Acme-Left": "X-RateLimit-Remaining" }))
      assert.strictEqual(statusOf(headers, { "x-acme-left": "3" }).quotas[0]?.remaining, 3)
    })

    it("orElse read with the second what the first does not find", () => {
      const headers = RateLimitHeaders.orElse(RateLimitHeaders.ietf, inSeconds)
      assert.strictEqual(statusOf(headers, { ...quota("3"), ratelimit: `"a";r=7` }).quotas[0]?.remaining, 7)
      assert.strictEqual(statusOf(headers, quota("3")).quotas[0]?.remaining, 3)
      const { malformed } = read(headers, { ratelimit: "?", "x-ratelimit-remaining": "?" })
      assert.includeMembers([...malformed], ["ratelimit", "x-ratelimit-remaining"])
    })

    it("orElse read no quota with the second where the first finds a Retry-After, which comes last for that", () => {
      const blocked = { ...quota("0"), "retry-after": "4" }
      const { ietf, retryAfter, standard } = RateLimitHeaders
      assert.deepStrictEqual(statusOf(RateLimitHeaders.orElse(standard, inSeconds), blocked, 429).quotas, [])
      const status = statusOf(
        ietf.pipe(RateLimitHeaders.orElse(inSeconds), RateLimitHeaders.and(retryAfter)),
        blocked,
        429
      )
      assert.deepStrictEqual([status.quotas[0]?.remaining, status.retryAfter], [0, seconds(4)])
    })

    it("and read with both", () => {
      const headers = RateLimitHeaders.and(inSeconds, RateLimitHeaders.retryAfter)
      const status = statusOf(headers, { ...quota("0"), "retry-after": "4" }, 429)
      assert.deepInclude(status, { blocked: "rate", retryAfter: seconds(4) })
      assert.strictEqual(status.quotas[0]?.limit, 10)
    })

    it("read the body that either of them wants", () => {
      const bodyOf = (status: number) =>
        RateLimitHeaders.withBody(RateLimitHeaders.standard, {
          wanted: (head) => head.status === status,
          read: (text) => ({
            malformed: [],
            status: Option.some(RateLimitStatus.make({ retryAfter: seconds(Number(text) + status) }))
          })
        })
      const { body } = RateLimitHeaders.orElse(bodyOf(400), bodyOf(409))
      const waitOfBody = (status: number) => {
        const head = { status, headers: {} }
        return body?.wanted(head) === true
          ? Option.getOrUndefined(Option.map(body.read("1", head, now).status, RateLimitStatus.wait))
          : undefined
      }
      assert.deepStrictEqual([400, 409, 404].map(waitOfBody), [seconds(401), seconds(410), undefined])
    })

    it("reads more bodies beside those that are read already", () => {
      const { body } = RateLimitHeaders.github.pipe(RateLimitHeaders.withBody({
        wanted: ({ status }) => status === 409,
        read: () => ({ malformed: ["409"], status: Option.none() })
      }))
      const wanted = [403, 409, 404].map((status) => body?.wanted({ status, headers: {} }))
      assert.deepStrictEqual(wanted, [true, true, false])
      const secondary = body?.read("secondary rate limit", { status: 403, headers: {} }, now)
      assert.isTrue(Option.isSome(secondary?.status ?? Option.none()))
      assert.deepStrictEqual(body?.read("", { status: 409, headers: {} }, now).malformed, ["409"])
    })
  })

  describe("names from the server", () => {
    const { github, ietf } = RateLimitHeaders
    const numbers = RateLimitHeaders.xRateLimit({ resetUnit: "seconds" })
    const draft6 = { "ratelimit-limit": "10", "ratelimit-remaining": "5" }
    const hub = { "x-ratelimit-limit": "10", "x-ratelimit-remaining": "5" }
    const hex = (text: string) =>
      Array.from(new TextEncoder().encode(text), (byte) => `%${byte.toString(16).padStart(2, "0")}`).join("")

    /** Every place of a field in which a server can put a text of its choice. */
    const places: ReadonlyArray<
      [place: string, headers: RateLimitHeaders.RateLimitHeaders, fields: (text: string) => Record<string, string>]
    > = [
      ["draft 8, a quoted name", ietf, (text) => ({ ratelimit: `"${text}";r=1`, "ratelimit-policy": `"${text}";q=2` })],
      ["draft 8, a token", ietf, (text) => ({ ratelimit: `a${text};r=1` })],
      ["draft 8, a display string", ietf, (text) => ({ ratelimit: `%"${hex(text)}";r=1` })],
      ["draft 8, a partition", ietf, (text) => ({ ratelimit: `"a";r=1;pk=:${btoa(hex(text))}:` })],
      ["draft 8, a policy alone", ietf, (text) => ({ "ratelimit-policy": `"${text}";q=2;w=${text};qu=requests` })],
      ["draft 7, limit", ietf, (text) => ({ ratelimit: `limit=10${text}, remaining=5, reset=${text}` })],
      ["draft 7, the window of a policy", ietf, (text) => ({
        ratelimit: "limit=10, remaining=5",
        "ratelimit-policy": `10;w="${text}", 20;w=%"${hex(text)}", 30;w=a${text}`
      })],
      ["draft 6, the window of a policy", ietf, (text) => ({
        ...draft6,
        "ratelimit-policy": `10;w=%"${hex(text)}", 20;w="${text}"`
      })],
      ["draft 6, numbers", ietf, (text) => ({ ...draft6, "ratelimit-limit": text, "ratelimit-reset": text })],
      ["x-ratelimit, numbers", numbers, (text) => ({ ...hub, "x-ratelimit-limit": text, "x-ratelimit-reset": text })],
      ["x-ratelimit-resource", github, (text) => ({ ...hub, "x-ratelimit-resource": text })],
      ["retry-after", RateLimitHeaders.retryAfter, (text) => ({ "retry-after": text })]
    ]
    const hostile: ReadonlyArray<[name: string, text: string]> = [
      ["CR and LF", "a\r\nWARN canary"],
      ["ESC", "a\u001b[2Jcanary"],
      ["C1 controls", "a\u0085b\u009b2Jcanary"],
      ["bidi controls", "a\u202e\u2066\u200fcanary"],
      ["zero-width characters", "a\u200b\u200d\ufeff\u00adcanary"],
      ["separators of lines", "a\u2028\u2029canary"],
      ["half a character", "a\ud83dcanary"],
      ["4 kB", "canary ".repeat(500)],
      ["4 kB without a space", "a".repeat(3500)],
      ["4 kB of controls", "\u202e".repeat(1200)],
      ["a character in two halves at the cut", `${"a".repeat(38)}\u{1f600}${"a".repeat(60)}`]
    ]

    for (const [place, headers, fields] of places) {
      it.each(hostile)(`are one short line of visible characters: ${place}, %s`, (_, text) => {
        const { malformed, status } = read(headers, fields(text), 429)
        const { quotas } = Option.getOrElse(status, () => RateLimitStatus.empty)
        for (const shown of [...quotas.flatMap(({ name, partition }) => [name ?? "", partition ?? ""]), ...malformed]) {
          assert.isAtMost(shown.length, 80)
          assert.notMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
        }
      })
    }

    it("of more than 4 kB are not read: the field is reported", () => {
      const { malformed, status } = read(ietf, { ratelimit: `"${"n".repeat(2_000_000)}";r=1` }, 200)
      assert.deepStrictEqual(Array.from(new Set(malformed)), ["ratelimit"])
      assert.isTrue(Option.isNone(status))
    })

    const long = "x".repeat(100)
    it.each([
      ["at their ends", `${long}-burst`, `${long}-daily`],
      ["at their beginnings", `burst-${long}`, `daily-${long}`],
      ["in a character that is not shown", "ab", "a\u200bb"]
    ])("stay two when they differ %s", (_, a, b) => {
      const nameOf = (resource: string) => quotasOf(github, { ...hub, "x-ratelimit-resource": resource })[0]?.["name"]
      assert.notStrictEqual(nameOf(a), nameOf(b))
      const ratelimit = [a, b].map((name) => `%"${hex(name)}";r=1`).join(", ")
      assert.lengthOf(new Set(quotasOf(ietf, { ratelimit }).map(({ name }) => name)), 2)
    })

    it("of 80 characters and of any script are left as they are", () => {
      for (const name of ["n".repeat(80), "Größe 配额 😀"]) {
        assert.deepStrictEqual(
          quotasOf(ietf, { ratelimit: `%"${hex(name)}";r=1` }).map(({ name }) => name),
          [name]
        )
      }
    })
  })

  describe("of any kind", () => {
    it(
      "are read as something that makes sense, and a limiter goes on that gets them",
      () => RandomHeaders.assertSurvival(500, 4),
      60_000
    )
  })
})
