import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import { RateLimitEvent } from "@effect-auth/rate-limit/RateLimitEvent"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as MutableRef from "effect/MutableRef"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as AuthError from "../src/AuthError.ts"
import * as AuthEvent from "../src/AuthEvent.ts"

const { AuthEvent: Event } = AuthEvent

const obtained = (mode: string, generation = 1) =>
  Event.TokenObtained({ mode, provenance: "login", generation, expiresIn: Duration.millis(3_599_600), waiters: 7 })
const rejected = (mode: string, generation: number) => Event.TokenRejected({ mode, generation })
const storeError = new AuthError.TokenStoreError({ operation: "write", detail: "the disk is full" })
const failure = new AuthError.TokenEndpointError({ mode: "Acme", reason: "Unavailable", status: 503 })

const certificate = { subject: "CN=acme", serialNumber: "4711" }
const certificateError = new AuthError.ClientCertificateError({
  reason: "Expired",
  source: "cert",
  problem: "it has expired"
})

/** Those of a client certificate, which belongs to no mode. */
const certificates: ReadonlyArray<readonly [AuthEvent.ClientEvent, string, LogLevel.LogLevel]> = [
  [
    Event.CertificateInstalled({ ...certificate, expiresIn: Duration.hours(60), replaced: false }),
    "presenting the client certificate CN=acme (4711), valid for 2 days",
    LogLevel.Debug
  ],
  [
    Event.CertificateInstalled({ ...certificate, expiresIn: Duration.days(90), replaced: true }),
    "now presenting the client certificate CN=acme (4711), valid for 90 days",
    LogLevel.Info
  ],
  [
    Event.CertificateNotReplaced({ subject: "CN=acme", error: certificateError }),
    "client certificate, cert: it has expired; the previous one (CN=acme) stays in use",
    LogLevel.Error
  ],
  ...([[7 * 24, "expires in 7 days"], [23, "expires in less than a day"], [0, "has expired"]] as const).map(
    ([hours, what]) =>
      [
        Event.CertificateExpiring({ ...certificate, expiresIn: Duration.hours(hours) }),
        `the client certificate CN=acme (4711) ${what}`,
        LogLevel.Warning
      ] as const
  )
]

/** One of each, with its sentence and the level it is logged at. */
const sentences = (mode: string): ReadonlyArray<readonly [AuthEvent.ClientEvent, string, LogLevel.LogLevel]> => [
  [obtained(mode), `${mode}: logged in, valid for 3600 s`, LogLevel.Debug],
  [
    Event.TokenObtained({ mode, provenance: "refresh", generation: 2, expiresIn: undefined, waiters: 0 }),
    `${mode}: refreshed the token`,
    LogLevel.Debug
  ],
  [
    Event.TokenObtained({ mode, provenance: "store", generation: 3, expiresIn: Duration.minutes(1), waiters: 0 }),
    `${mode}: took the stored token, valid for 60 s`,
    LogLevel.Debug
  ],
  [
    Event.TokenObtained({ mode, provenance: "initial", generation: 4, expiresIn: undefined, waiters: 0 }),
    `${mode}: took the token given at the start`,
    LogLevel.Debug
  ],
  [
    Event.RequestReplayed({ mode, status: 401, step: "refresh" }),
    `${mode}: refused with 401, sending the request again (refresh)`,
    LogLevel.Debug
  ],
  ...certificates,
  [rejected(mode, 3), `${mode}: the server rejected the token`, LogLevel.Debug],
  [Event.ExchangeFailed({ mode, kind: "refresh", error: failure }), failure.message, LogLevel.Warning],
  [
    Event.ExchangeRetried({ mode, kind: "login", error: failure }),
    `${failure.message}; trying again`,
    LogLevel.Warning
  ],
  [
    Event.ServedStale({ mode, generation: 3 }),
    `${mode}: the token is due for renewal and is used meanwhile`,
    LogLevel.Debug
  ],
  [
    Event.StoreFailed({ mode, error: storeError }),
    `${mode}: ${storeError.message}; the token is lost when this process ends`,
    LogLevel.Error
  ],
  [
    Event.StoreFailed({
      mode,
      error: new AuthError.TokenStoreError({ operation: "replace", detail: "another process has stored one" })
    }),
    `${mode}: the token store failed to replace: another process has stored one; the next exchange takes the stored one`,
    LogLevel.Error
  ],
  [Event.LoggedOut({ mode, succeeded: true }), `${mode}: logged out`, LogLevel.Debug],
  [Event.LoggedOut({ mode, succeeded: false }), `${mode}: logging out failed`, LogLevel.Warning]
]

describe("AuthEvent", () => {
  describe("format", () => {
    it("says what happened in one sentence", () => {
      for (const [event, sentence] of sentences("Acme/Password")) assert.strictEqual(AuthEvent.format(event), sentence)
    })
  })

  describe("publish", () => {
    it.effect("reaches every subscriber, in order, and none that subscribes later", () =>
      Effect.gen(function*() {
        yield* AuthEvent.publish(rejected("Acme/Order", 0))
        const first = yield* AuthEvent.subscribe
        const second = yield* AuthEvent.subscribe
        const events = [rejected("Acme/Order", 1), obtained("Acme/Order", 2), rejected("Acme/Order", 2)]
        yield* Effect.forEach(events, AuthEvent.publish)
        assert.deepStrictEqual(Chunk.toArray(yield* first.takeAll), events)
        assert.deepStrictEqual(Chunk.toArray(yield* second.takeAll), events)
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

    it.effect("is never delayed by a slow subscriber, which loses the oldest events", () =>
      Effect.gen(function*() {
        const slow = yield* AuthEvent.subscribe
        yield* Effect.forEach(Array.from({ length: 3000 }, (_, n) => rejected("Acme/Slow", n)), AuthEvent.publish)
        const kept = Chunk.toArray(yield* slow.takeAll)
        assert.isAtLeast(kept.length, 1000)
        assert.deepStrictEqual(kept.at(-1), rejected("Acme/Slow", 2999))
        assert.deepStrictEqual(kept[0], rejected("Acme/Slow", 3000 - kept.length))
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))

    it.effect("feeds the stream from its subscription on", () =>
      Effect.gen(function*() {
        const published = yield* Ref.make(0)
        const publisher = Ref.getAndUpdate(published, (n) => n + 1).pipe(
          Effect.flatMap((n) => AuthEvent.publish(rejected("Acme/Stream", n))),
          Effect.zipRight(Effect.yieldNow()),
          Effect.forever
        )
        const events = yield* Effect.raceFirst(Stream.runCollect(Stream.take(AuthEvent.stream, 3)), publisher)
        const generations = Chunk.toArray(events).map((event) => event._tag === "TokenRejected" ? event.generation : -1)
        const [first = -1] = generations
        assert.isAtLeast(first, 0)
        assert.deepStrictEqual(generations, [first, first + 1, first + 2])
      }).pipe(Effect.provide(AuthEvent.layer)))

    it.effect("logs the sentence, as a warning or an error when an operator should look", () =>
      Effect.gen(function*() {
        const lines = yield* Ref.make<ReadonlyArray<readonly [string, LogLevel.LogLevel]>>([])
        const logger = Logger.make(({ logLevel, message }) =>
          Effect.runSync(Ref.update(lines, (all) => [...all, [String(message), logLevel] as const]))
        )
        const expected = sentences("Acme/Log")
        yield* Effect.forEach(expected, ([event]) => AuthEvent.publish(event)).pipe(
          Logger.withMinimumLogLevel(LogLevel.All),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.deepStrictEqual(yield* Ref.get(lines), expected.map(([, sentence, level]) => [sentence, level] as const))
      }).pipe(Effect.provide(AuthEvent.layer)))

    it.effect("counts into the metrics, by mode", () =>
      Effect.gen(function*() {
        const mode = "Acme/Metrics"
        yield* Effect.forEach(sentences(mode), ([event]) => AuthEvent.publish(event))
        yield* AuthEvent.publish(obtained(mode))
        const of = <Type, In, Out>(metric: Metric.Metric<Type, In, Out>, tags: Record<string, string> = {}) =>
          Metric.value(
            Object.entries({ mode, ...tags }).reduce((m, [key, value]) => Metric.tagged(m, key, value), metric)
          )
        assert.deepInclude(yield* of(AuthEvent.metrics.exchanges, { provenance: "login" }), { count: 2 })
        assert.deepInclude(yield* of(AuthEvent.metrics.exchanges, { provenance: "refresh" }), { count: 1 })
        assert.deepInclude(yield* of(AuthEvent.metrics.exchanges, { provenance: "store" }), { count: 1 })
        assert.deepInclude(yield* of(AuthEvent.metrics.exchanges, { provenance: "initial" }), { count: 1 })
        const failed = { kind: "refresh", error: "TokenEndpointError" }
        assert.deepInclude(yield* of(AuthEvent.metrics.exchangeFailures, failed), { count: 1 })
        assert.deepInclude(yield* of(AuthEvent.metrics.servedStale), { count: 1 })
        assert.deepInclude(yield* of(AuthEvent.metrics.waiters), { value: 7 })
        assert.deepInclude(yield* of(AuthEvent.metrics.secondsToExpiry), { value: 3599.6 })
      }).pipe(Effect.provide(AuthEvent.layer)))
  })

  describe("publish, of a rate limiter's event", () => {
    it.effect("does not log it again", () =>
      Effect.gen(function*() {
        const logged = yield* Ref.make(0)
        const logger = Logger.make(() => Effect.runSync(Ref.update(logged, (n) => n + 1)))
        const events = yield* AuthEvent.subscribe
        const event = RateLimitEvent.MalformedHeaders({ key: "https://acme.example/", fields: ["ratelimit"] })
        yield* AuthEvent.publish(event).pipe(
          Logger.withMinimumLogLevel(LogLevel.All),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
        assert.deepStrictEqual(Chunk.toArray(yield* events.takeAll), [event])
        assert.strictEqual(yield* Ref.get(logged), 0)
        assert.include(AuthEvent.format(event), "ratelimit")
      }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer)))
  })

  describe("AuthEvents", () => {
    it.effect("is one hub for the process unless a layer provides another", () =>
      Effect.gen(function*() {
        const common = yield* AuthEvent.AuthEvents
        assert.strictEqual(yield* AuthEvent.AuthEvents, common)
        const own = yield* Effect.provide(AuthEvent.AuthEvents, AuthEvent.layer)
        assert.notStrictEqual(own, common)
      }))

    it.scoped("beside each other receive nothing of one another", () =>
      Effect.gen(function*() {
        const [one, other] = yield* Effect.all([Layer.build(AuthEvent.layer), Layer.build(AuthEvent.layer)])
        const events = yield* Effect.provide(AuthEvent.subscribe, one)
        yield* Effect.provide(AuthEvent.publish(obtained("Acme/Other")), other)
        assert.isTrue(Chunk.isEmpty(yield* events.takeAll))
      }))

    it.scoped("within one another receive the same events, wherever they are published", () =>
      Effect.gen(function*() {
        const outer = yield* AuthEvent.subscribe
        const inner = yield* Layer.build(AuthEvent.layer)
        const innerEvents = yield* Effect.provide(AuthEvent.subscribe, inner)
        yield* AuthEvent.publish(obtained("Acme/Outer"))
        yield* Effect.provide(AuthEvent.publish(obtained("Acme/Inner")), inner)
        const modes = [outer, innerEvents].map((events) =>
          Effect.map(events.takeAll, (chunk) => Chunk.toArray(chunk).map((event) => "mode" in event ? event.mode : ""))
        )
        assert.deepStrictEqual(yield* Effect.all(modes), [["Acme/Outer", "Acme/Inner"], ["Acme/Outer", "Acme/Inner"]])
      }).pipe(Effect.provide(AuthEvent.layer)))

    it.scoped("are forgotten by those around them when their Scope ends", () =>
      Effect.gen(function*() {
        const before = yield* AuthEvent.AuthEvents
        yield* Effect.scoped(Layer.build(AuthEvent.layer))
        assert.lengthOf(MutableRef.get(before.within), 0)
      }).pipe(Effect.provide(AuthEvent.layer)))

    const served = Effect.gen(function*() {
      const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      yield* client.get("/")
    })
    /** What each of two observers sees of a mode. */
    const observed = (mode: string) =>
      Effect.scoped(Effect.gen(function*() {
        const observers = yield* Effect.all([AuthEvent.subscribe, AuthEvent.subscribe])
        yield* served
        return yield* Effect.forEach(observers, (events) =>
          Effect.map(events.takeAll, (chunk) =>
            Chunk.toArray(chunk).filter((event) =>
              "mode" in event && event.mode === mode
            ).map(({ _tag }) =>
              _tag
            )))
      }))
    const modeNamed = (mode: string) =>
      AuthenticatedHttpClient.layer(
        Effect.map(
          TokenSource.make({ login: Token.make({ value: "canary-token", lifetime: "1 hour" }), mode }),
          (tokens) => Authenticator.bearer(tokens)
        ),
        { baseUrl: "https://acme.example" }
      ).pipe(Layer.provide(ScriptedHttpClient.layer({})))
    const orders: Record<string, (mode: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<string>>, unknown>> = {
      "above the client's layer": (mode) =>
        Effect.provide(Effect.provide(observed(mode), modeNamed(mode)), AuthEvent.layer),
      "below the client's layer": (mode) =>
        Effect.provide(Effect.provide(observed(mode), AuthEvent.layer), modeNamed(mode)),
      "beside the client's layer": (mode) =>
        Effect.provide(observed(mode), Layer.merge(modeNamed(mode), AuthEvent.layer)),
      "provided to the client's layer and to the program": (mode) =>
        Effect.provide(
          observed(mode),
          Layer.provideMerge(modeNamed(mode), AuthEvent.layer)
        ),
      "provided to the client's layer, and another to the program": (mode) =>
        Effect.provide(
          Effect.provide(observed(mode), Layer.provide(modeNamed(mode), Layer.fresh(AuthEvent.layer))),
          AuthEvent.layer
        ),
      "nowhere": (mode) => Effect.provide(observed(mode), modeNamed(mode))
    }
    for (const [where, program] of Object.entries(orders)) {
      it.effect(`serve every observer of a program whose hub is made ${where}`, () =>
        Effect.map(
          program(`Acme/${where}`),
          (seen) => assert.deepStrictEqual(seen, [["TokenObtained"], ["TokenObtained"]])
        ))
    }
    it.effect("need no observer", () => Effect.provide(served, modeNamed("Acme/Unobserved")))
  })
})
