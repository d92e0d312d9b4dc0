import * as AuthError from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as RateLimitEvent from "@effect-auth/rate-limit/RateLimitEvent"
import * as AuthTimeline from "@effect-auth/testing/AuthTimeline"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { XMLParser, XMLValidator } from "fast-xml-parser"
import * as Lanes from "../src/internal/timelineLanes.ts"

const mode = "Acme/Password"

const obtained = (at: number, generation: number, expiresIn: number | undefined): AuthTimeline.Timed => ({
  at,
  event: AuthEvent.AuthEvent.TokenObtained({
    mode,
    provenance: generation === 1 ? "login" : "refresh",
    generation,
    expiresIn: expiresIn === undefined ? undefined : Duration.millis(expiresIn),
    waiters: 1
  })
})
const rejected = (at: number, generation: number): AuthTimeline.Timed => ({
  at,
  event: AuthEvent.AuthEvent.TokenRejected({ mode, generation })
})
const loggedOut = (at: number): AuthTimeline.Timed => ({
  at,
  event: AuthEvent.AuthEvent.LoggedOut({ mode, succeeded: true })
})
const low = (at: number, remaining: number, limit: number | undefined, until: number): AuthTimeline.Timed => ({
  at,
  event: RateLimitEvent.RateLimitEvent.ApproachingLimit({
    key: "/scans",
    quota: "",
    limit,
    remaining,
    until: DateTime.unsafeMake(until)
  })
})
const waiting = (at: number, until: number, waiters: number): AuthTimeline.Timed => ({
  at,
  event: RateLimitEvent.RateLimitEvent.WaitingUntil({
    key: "/scans",
    reason: "concurrency",
    until: DateTime.unsafeMake(until),
    wait: Duration.millis(until - at),
    waiters
  })
})

/** From and to of each bar. */
const bars = (events: ReadonlyArray<AuthTimeline.Timed>) =>
  Lanes.make(Lanes.inOrder(events)).flatMap(({ bars }) => bars.map(({ from, to }) => [from, to]))

describe("the life of a token", () => {
  const cases: ReadonlyArray<
    readonly [string, ReadonlyArray<AuthTimeline.Timed>, ReadonlyArray<ReadonlyArray<number>>]
  > = [
    ["ends when it expires", [obtained(0, 1, 500), loggedOut(900)], [[0, 500]]],
    ["ends when the next one arrives", [obtained(0, 1, 500), obtained(400, 2, 500)], [[0, 400], [400, 900]]],
    ["ends when it is rejected", [obtained(0, 1, 500), rejected(100, 1), obtained(150, 2, 500)], [[0, 100], [
      150,
      650
    ]]],
    ["goes on when an earlier one is rejected", [obtained(0, 1, 500), obtained(50, 2, 500), rejected(60, 1)], [
      [0, 50],
      [
        50,
        550
      ]
    ]],
    ["ends with the session", [obtained(0, 1, 500), loggedOut(200)], [[0, 200]]],
    ["has no end that is known", [obtained(0, 1, undefined)], [[0, Infinity]]],
    ["does not depend on the order of the events", [obtained(400, 2, 500), obtained(0, 1, 500)], [[0, 400], [400, 900]]]
  ]
  for (const [name, events, expected] of cases) it(name, () => assert.deepStrictEqual(bars(events), expected))

  it("takes a quarter of the picture at most where it outlasts the events", () => {
    const range = (...events: ReadonlyArray<AuthTimeline.Timed>) => Lanes.range(Lanes.make(events))
    assert.deepStrictEqual(range(obtained(1000, 1, 1e9), rejected(1400, 0)), { from: 1000, to: 1500 })
    assert.deepStrictEqual(range(obtained(1000, 1, 50), loggedOut(1400)), { from: 1000, to: 1400 })
    assert.deepStrictEqual(range(), { from: 0, to: 1 })
  })
})

describe("the use of a quota", () => {
  it("is what the events state, until the quota opens", () => {
    const [lane] = Lanes.make([low(0, 25, 100, 1000), low(200, 0, 100, 1000), low(300, 1, undefined, 1000)])
    assert.deepStrictEqual(lane?.levels.filter(({ used }) => used > 0), [{ at: 0, used: 0.75 }, { at: 200, used: 1 }])
    assert.deepStrictEqual(lane?.levels.at(-1), { at: 1000, used: 0 })
  })

  it("shows each wait until its end, or until it is stated anew", () => {
    assert.deepStrictEqual(bars([waiting(0, 500, 1), waiting(200, 900, 3)]), [[0, 200], [200, 900]])
  })
})

/** Elements by name. */
const count = (svg: string, name: string) => svg.split(`<${name}`).length - 1

describe("AuthTimeline.svg", () => {
  const story = [
    obtained(0, 1, 60_000),
    obtained(55_000, 2, 60_000),
    rejected(70_000, 2),
    low(79_000, 0, 10, 120_000),
    waiting(80_000, 120_000, 4),
    loggedOut(130_000)
  ]

  it("has a title and a description, and neither font nor script nor address of anything else", () => {
    const svg = AuthTimeline.svg(story, { title: "A night" })
    assert.strictEqual(XMLValidator.validate(svg), true)
    const { svg: root } = new XMLParser({ ignoreAttributes: false }).parse(svg)
    assert.strictEqual(root["@_role"], "img")
    assert.strictEqual(root.title, "A night")
    assert.strictEqual(
      root.desc,
      "tokens by login: 1, tokens by refresh: 1, tokens rejected: 1, quotas running low: 1, waits for a quota: 1, logouts: 1."
    )
    assert.include(root.style, "prefers-color-scheme:dark")
    assert.notMatch(svg.replace("http://www.w3.org/2000/svg", ""), /https?:|url\(|href|<script|@import|@font-face/)
  })

  it("draws each token, each wait, each use and each mark", () => {
    const svg = AuthTimeline.svg(story)
    for (const [kind, n] of Object.entries({ token: 2, wait: 1, use: 1 })) {
      assert.strictEqual(count(svg, `rect class="${kind}"`), n, kind)
    }
    for (const kind of ["rejected", "low", "ended"]) {
      // itself and its legend
      assert.strictEqual(count(svg, `path class="mark ${kind}"`), 2, kind)
    }
  })

  it("is the same for the same events", () => {
    assert.strictEqual(AuthTimeline.svg(story), AuthTimeline.svg([...story].reverse()))
  })

  it("says so where there is nothing to draw", () => {
    assert.include(AuthTimeline.svg([]), "no events")
  })

  it("draws one mark for many in the same place", () => {
    const svg = AuthTimeline.svg([
      obtained(0, 1, 1e6),
      ...Array.from({ length: 10_000 }, (_, index) => rejected(500 + index / 1e6, 0)),
      loggedOut(1000)
    ])
    assert.include(svg, "and 9995 more")
    assert.isBelow(svg.length, 6000)
  })

  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string(),
    fc.constantFrom(
      "</title><script>alert(1)</script>",
      "]]>",
      "&amp;",
      "\u0000\u001b[31m",
      "\ud800",
      "\uffff",
      "\u{1f512}".repeat(200)
    )
  )
  const time = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, 1e15, Number.MAX_VALUE, -Number.MAX_VALUE))
  const event = fc.oneof(
    fc.record({ mode: text, expiresIn: fc.option(fc.nat(), { nil: undefined }) }).map(({ expiresIn, mode }) =>
      AuthEvent.AuthEvent.TokenObtained({
        mode,
        provenance: "store",
        generation: 1,
        expiresIn: expiresIn === undefined ? undefined : Duration.millis(expiresIn),
        waiters: 0
      })
    ),
    fc.record({ mode: text, detail: text }).map(({ detail, mode }) =>
      AuthEvent.AuthEvent.ExchangeFailed({
        mode,
        kind: "login",
        error: new AuthError.CredentialsRejected({ mode, detail })
      })
    ),
    fc.record({ key: text, limit: fc.integer(), remaining: fc.integer() }).map(({ key, limit, remaining }) =>
      RateLimitEvent.RateLimitEvent.ApproachingLimit({
        key,
        quota: key,
        limit,
        remaining,
        until: DateTime.unsafeMake(0)
      })
    )
  )

  it("is well-formed whatever the events say, and whenever they were", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ at: time, event })), text, (events, title) => {
        const svg = AuthTimeline.svg(events, { title })
        assert.strictEqual(XMLValidator.validate(svg), true)
        assert.notMatch(svg, /<script|NaN|Infinity|undefined/)
        // eslint-disable-next-line no-control-regex -- what XML does not allow
        assert.notMatch(svg, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/)
        assert.strictEqual(Buffer.from(svg).toString(), svg)
      }),
      { numRuns: 100 }
    )
  })
})

describe("AuthTimeline.layer", () => {
  it.effect("records the events with the times of the Clock, up to the one that was published last", () =>
    Effect.gen(function*() {
      const timeline = yield* AuthTimeline.AuthTimeline
      yield* AuthEvent.publish(obtained(0, 1, 500).event)
      yield* TestClock.adjust("1 second")
      yield* AuthEvent.publish(rejected(0, 1).event)
      yield* AuthEvent.publish(loggedOut(0).event)
      const events = yield* timeline.events
      assert.deepStrictEqual(events.map(({ at, event }) => [at, event._tag]), [
        [0, "TokenObtained"],
        [1000, "TokenRejected"],
        [1000, "LoggedOut"]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(AuthTimeline.layer, AuthEvent.layer))))
})
