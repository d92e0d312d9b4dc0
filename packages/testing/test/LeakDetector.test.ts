import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"

const canary = "canary/pa55 wörd?~>"
const detector = Either.getOrThrow(LeakDetector.make({ password: canary }, {
  render: [(value) => inspect(value, { showHidden: true, depth: 10 })]
}))

class Failure extends Data.TaggedError("Failure")<{ readonly detail: unknown }> {}

describe("LeakDetector", () => {
  describe("make", () => {
    it("refuses a secret so short that it turns up everywhere, without showing it", () => {
      const result = LeakDetector.make({ pin: "1234" })
      assert.isTrue(Either.isLeft(result))
      assert.notInclude(String(result), "1234")
    })
  })

  describe("inText", () => {
    it("names the secret and never shows it", () => {
      assert.deepStrictEqual(detector.inText("log", `password=${canary}`), [
        { secret: "password", encoding: "raw", where: "log" }
      ])
    })

    it("finds a secret in every encoding, wherever in a base64 group it begins", () => {
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
        assert.isTrue(
          found.includes(encoding) || (encoding === "json" && found.includes("raw")),
          `${encoding}: ${text}`
        )
      }
    })

    it("finds nothing where the secret is not", () => {
      assert.deepStrictEqual(detector.inText("log", "canary/pa55 word"), [])
    })
  })

  describe("inValue", () => {
    it("finds nothing in a Redacted", () => {
      assert.deepStrictEqual(detector.inValue("value", { password: Redacted.make(canary) }), [])
    })

    it("finds no secret that only two texts side by side make up", () => {
      assert.deepStrictEqual(detector.inValue("value", { a: canary.slice(0, 9), b: canary.slice(9) }), [])
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
  })

  describe("watch", () => {
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
    it.effect("finds nothing in a program without a leak", () =>
      Effect.gen(function*() {
        const { leaks, looked } = yield* detector.watch(
          Effect.logInfo(Redacted.make(canary)).pipe(
            Effect.as({ password: Redacted.make(canary) }),
            Effect.withSpan("s")
          )
        )
        assert.deepStrictEqual(leaks, [])
        assert.isAbove(looked, 5)
      }))

    for (const [where, effect] of Object.entries(planted)) {
      it.effect(`finds a leak in a ${where}`, () =>
        Effect.gen(function*() {
          const { leaks } = yield* detector.watch(effect)
          assert.isNotEmpty(leaks)
        }))
    }

    it.effect("gives the exit of the program", () =>
      Effect.gen(function*() {
        const { exit } = yield* detector.watch(Effect.fail("no"))
        assert.deepStrictEqual(exit, Exit.fail("no"))
      }))
  })

  describe("suite", () => {
    const secrets = { password: "canary-password", key: "canary-api-key" }
    const basic = Authenticator.basic({ username: "operator", password: Redacted.make(secrets.password) })
    const sound = LeakDetector.mode({ secrets, client: (setup) => AuthenticatedHttpClient.make(basic, setup) })

    /** A client that writes its key on every request, wherever it goes, and hides nothing. */
    const careless = ({ baseUrl }: LeakDetector.Setup) =>
      Effect.map(
        HttpClient.HttpClient,
        (client) =>
          HttpClient.mapRequest(client, (request) =>
            HttpClientRequest.setHeader(
              request.url.startsWith("/") ? HttpClientRequest.prependUrl(request, baseUrl) : request,
              "x-acme-key",
              secrets.key
            ))
      )

    const run = (mode: LeakDetector.Mode, scenario: string) => {
      const found = LeakDetector.suite({ "a mode": mode }).find((one) => one.scenario === scenario)
      return found === undefined ? Effect.dieMessage(`no scenario ${scenario}`) : found.effect
    }

    it("names each case after its mode, its transport and what happens", () => {
      const cases = LeakDetector.suite({ "Basic": sound }, {
        sockets: { serve: FakeServer.serve, reset: Effect.void, transports: { "fetch": FetchHttpClient.layer } }
      })
      assert.lengthOf(new Set(cases.map(({ name }) => name)), cases.length)
      assert.deepInclude(cases.map(({ name }) => name), "Basic over fetch shows no secret when a request is forbidden")
      assert.deepInclude(cases.map(({ name }) => name), "Basic shows no secret when a request is forbidden")
    })

    it.effect("passes for a client that shows no secret", () =>
      Effect.forEach(LeakDetector.suite({ "Basic": sound }), ({ effect }) => effect, { discard: true }))

    it.effect("takes the layer of a mode", () =>
      Effect.forEach(
        LeakDetector.suite({
          "Basic": LeakDetector.mode({ secrets, client: (setup) => AuthenticatedHttpClient.layer(basic, setup) })
        }),
        ({ effect }) => effect,
        { discard: true }
      ))

    it.effect("finds a request with credentials that escapes, and says where without showing it", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(run(LeakDetector.mode({ secrets, client: careless }), "a request succeeds"))
        assert.isTrue(error._tag === "LeakFound")
        for (const where of ["result", "structured log", "console", "span attribute exit"]) {
          assert.deepInclude(error._tag === "LeakFound" ? error.leaks : [], { secret: "key", encoding: "raw", where })
        }
        assert.include(error.message, "a mode shows no secret when a request succeeds, but: key (raw) in ")
        assert.notInclude(error.message, secrets.key)
      }))

    it.effect("finds a secret in what the mode prints besides its client", () =>
      Effect.gen(function*() {
        const mode = LeakDetector.mode({
          secrets,
          client: (setup) =>
            Effect.map(AuthenticatedHttpClient.make(basic, setup), (client) => ({
              client,
              print: Effect.fail({ key: secrets.key })
            }))
        })
        assert.strictEqual((yield* Effect.flip(run(mode, "a request succeeds")))._tag, "LeakFound")
      }))

    it.effect("finds credentials on the way to another origin", () =>
      Effect.gen(function*() {
        const mode = LeakDetector.mode({ secrets, client: careless })
        const error = yield* Effect.flip(run(mode, "a request is for another origin"))
        const where = "a request to another origin"
        assert.deepInclude(error._tag === "LeakFound" ? error.leaks : [], { secret: "key", encoding: "raw", where })
      }))

    it.effect("finds what the hostile server issues: the session that a client shows with a response", () =>
      Effect.gen(function*() {
        const mode = LeakDetector.mode({
          secrets,
          client: ({ baseUrl }) =>
            Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.prependUrl(baseUrl)))
        })
        const error = yield* Effect.flip(run(mode, "a response sets a session"))
        assert.include(error.message, "hostile session (raw) in ")
      }))

    it.effect("fails where a scenario ends in another way than it should, unless the mode says that it may", () =>
      Effect.gen(function*() {
        const options: LeakDetector.ModeOptions = {
          secrets,
          client: () => Effect.fail(new Failure({ detail: "no client" }))
        }
        const error = yield* Effect.flip(run(LeakDetector.mode(options), "a request succeeds"))
        assert.match(
          error.message,
          /^a mode shows no secret when a request succeeds, but: ended with Failure \(.*\), expected Success$/
        )
        yield* run(LeakDetector.mode({ ...options, mayEndWith: ["Failure"] }), "a request succeeds")
      }))

    it.effect("refuses a secret that is too short", () =>
      Effect.gen(function*() {
        const mode = LeakDetector.mode({ secrets: { pin: "1234" }, client: careless })
        assert.strictEqual((yield* Effect.flip(run(mode, "a request succeeds")))._tag, "InvalidSetting")
      }))

    it("runs logins that go wrong where a mode logs in, and skips what the mode skips", () => {
      const scenarios = (mode: LeakDetector.Mode) => LeakDetector.suite({ mode }).map(({ scenario }) => scenario)
      const options: LeakDetector.ModeOptions = { secrets, client: careless }
      assert.notInclude(scenarios(LeakDetector.mode(options)), "a login is refused")
      assert.include(scenarios(LeakDetector.mode({ ...options, login: "POST /login" })), "a login is refused")
      const skipping = LeakDetector.mode({ ...options, skip: ["a request is forbidden"] })
      assert.notInclude(scenarios(skipping), "a request is forbidden")
    })

    describe("with a fake server", () => {
      const { password, username } = FakeYamcs.canaries
      const yamcs = (scenario: NonNullable<LeakDetector.ModeOptions<FakeYamcs.FakeYamcs>["scenarios"]>[string]) =>
        LeakDetector.modeWith(FakeYamcs.layer(), {
          secrets: { password },
          path: "/api",
          client: (setup) =>
            AuthenticatedHttpClient.make(Authenticator.basic({ username, password: Redacted.make(password) }), setup),
          scenarios: { "the user is asked for": scenario }
        })

      it.effect("plays the mode's own scenarios against a fake of their own", () =>
        Effect.gen(function*() {
          const mode = yamcs((client) =>
            Effect.gen(function*() {
              const response = yield* client.get("/api/user")
              assert.strictEqual(response.status, 200)
              const fake = yield* FakeYamcs.FakeYamcs
              assert.strictEqual((yield* fake.stats).requests, 1)
            })
          )
          yield* run(mode, "the user is asked for")
          yield* run(mode, "the user is asked for")
        }))

      it.effect("plays the suite's scenarios too", () =>
        Effect.forEach(
          LeakDetector.suite({ "Yamcs/Basic": yamcs(() => Effect.void) }),
          ({ effect }) => effect,
          { discard: true }
        ))

      it.effect("fails where a scenario dies", () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(run(yamcs(() => Effect.die("bug")), "the user is asked for"))
          assert.include(error.message, "ended with Defect (Error: bug)")
        }))
    })
  })
})
