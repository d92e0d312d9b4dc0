import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const canary = "canary/pa55 wörd?~>"
const detector = Either.getOrThrow(LeakDetector.make({ password: canary }, {
  render: [(value) => inspect(value, { showHidden: true, depth: 10 })]
}))

class Failure extends Data.TaggedError("Failure")<{ readonly detail: unknown }> {}

describe("LeakDetector", () => {
  it("refuses a secret that would be found everywhere, without showing it", () => {
    const result = LeakDetector.make({ pin: "1234" })
    assert.isTrue(Either.isLeft(result))
    assert.notInclude(String(result), "1234")
  })

  it("names the secret and never shows it", () => {
    assert.deepStrictEqual(detector.inText("log", `password=${canary}`), [
      { secret: "password", encoding: "raw", where: "log" }
    ])
  })

  it("knows a secret in every encoding, wherever in a base64 group it begins", () => {
    const bytes = Buffer.from(canary)
    const texts: ReadonlyArray<readonly [LeakDetector.Leak["encoding"], string]> = [
      ["raw", `x${canary}x`],
      ["json", JSON.stringify({ text: `"${canary}"` })],
      ["percent", `https://host.example/?key=${encodeURIComponent(canary)}`],
      ["percent", `https://host.example/?key=${encodeURIComponent(canary).toLowerCase()}`],
      ["percent", new URLSearchParams({ key: canary }).toString()],
      ...["", "u", "us", "use", "user:"].map((user) =>
        ["base64", Buffer.from(`${user}${canary}:tail`).toString("base64")] as const
      ),
      ["base64url", Buffer.from(canary).toString("base64url")],
      ["hex", bytes.toString("hex")],
      ["hex", inspect(bytes)],
      ["bytes", inspect(new Uint8Array(bytes))],
      ["bytes", JSON.stringify(Array.from(bytes))]
    ]
    for (const [encoding, text] of texts) {
      const found = detector.inText("here", text).map((leak) => leak.encoding)
      assert.isTrue(found.includes(encoding) || (encoding === "json" && found.includes("raw")), `${encoding}: ${text}`)
    }
  })

  it("finds nothing where the secret is not", () => {
    assert.deepStrictEqual(detector.inText("log", "canary/pa55 word"), [])
    assert.deepStrictEqual(detector.inValue("value", { password: Redacted.make(canary) }), [])
  })

  it("looks where a debugger would: symbols, hidden properties, maps, byte arrays, causes of errors", () => {
    const values = [
      { [Symbol("s")]: canary },
      Object.defineProperty({}, "hidden", { value: { deep: [canary] }, enumerable: false }),
      new Map([["key", new Set([canary])]]),
      { body: new TextEncoder().encode(canary) },
      new Error("outer", { cause: new Error(canary) }),
      Cause.parallel(Cause.empty, Cause.die({ request: { headers: { "x-key": canary } } }))
    ]
    for (const value of values) assert.isNotEmpty(detector.inValue("value", value), inspect(value))
  })

  const planted: Record<string, Effect.Effect<unknown, Failure>> = {
    "log": Effect.logTrace(`password ${canary}`),
    "log annotation": Effect.annotateLogs(Effect.logInfo("x"), "password", canary),
    "log of a structure": Effect.logInfo({ headers: { "x-custom": canary } }),
    "console": Console.error(canary),
    "span name": Effect.withSpan(Effect.void, canary),
    "span attribute": Effect.withSpan(Effect.void, "s", {
      attributes: { "url.full": `?key=${encodeURIComponent(canary)}` }
    }),
    "span event": Effect.withSpan(
      Effect.flatMap(Effect.currentSpan, (span) => Effect.sync(() => span.event(canary, 0n))),
      "s"
    ).pipe(Effect.orDie),
    "span status": Effect.ignore(
      Effect.withSpan(
        Effect.fail(new Failure({ detail: 1 })).pipe(Effect.orDieWith(() => new Error(canary)), Effect.sandbox),
        "s"
      )
    ),
    "metric": Effect.asVoid(
      Metric.update(
        Metric.tagged(Metric.counter("leak_detector_test"), "who", Buffer.from(canary).toString("base64")),
        1
      )
    ),
    "success": Effect.succeed({ token: canary }),
    "failure": Effect.fail(new Failure({ detail: { cause: canary } })),
    "defect": Effect.die(new Error(`GET ?key=${encodeURIComponent(canary)}`))
  }
  it.effect("is calm about a program without a leak, and alarmed by a leak planted on any surface", () =>
    Effect.gen(function*() {
      const calm = yield* detector.watch(
        Effect.logInfo(Redacted.make(canary)).pipe(Effect.as({ password: Redacted.make(canary) }), Effect.withSpan("s"))
      )
      assert.deepStrictEqual(calm.leaks, [])
      assert.isAbove(calm.looked, 5)
      for (const [where, effect] of Object.entries(planted)) {
        const { leaks } = yield* detector.watch(effect)
        assert.isNotEmpty(leaks, where)
      }
    }))
})
