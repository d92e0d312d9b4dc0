import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as Credential from "../src/Credential.ts"
import * as OriginPolicy from "../src/OriginPolicy.ts"
import * as System from "../src/System.ts"

/** What Effect 3 and Effect 4 do differently although types do not say so: these hold on both lines. */
describe("On the lines for Effect 3 and Effect 4 alike", () => {
  it.effect("a fiber that is forked where nothing may interrupt cannot be interrupted", () =>
    Effect.gen(function*() {
      const task = Effect.as(Effect.repeatN(Effect.yieldNow(), 3), "done")
      for (const fork of [Effect.fork(task), Effect.forkDaemon(task)]) {
        const fiber = yield* Effect.uninterruptible(fork)
        const exit = yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.isSuccess(exit))
      }
    }))

  it.effect("a fiber that goes on has no exit, and one that has ended has", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.sleep("1 second"))
      assert.isTrue(fiber.unsafePoll() === null)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      assert.isTrue(Option.isSome(yield* Fiber.poll(fiber)))
    }))

  it("the schemas of times, secrets and JSON decode texts", () => {
    const decoded = Schema.decodeSync(Schema.parseJson(Schema.Struct({
      at: Schema.DateTimeUtc,
      secret: Schema.Redacted(Schema.String)
    })))("{\"at\":\"2030-01-31T12:00:00Z\",\"secret\":\"canary\"}")
    assert.strictEqual(DateTime.formatIso(decoded.at), "2030-01-31T12:00:00.000Z")
    assert.strictEqual(Redacted.value(decoded.secret), "canary")
  })

  it("a class that cannot be made names the field and not its value", () => {
    const made = Credential.basic({ username: "a:canary", password: Redacted.make("canary") })
    assert.isTrue(Either.isLeft(made))
    assert.notInclude(String(Either.isLeft(made) ? made.left : ""), "canary")
  })

  it.effect("a variable that is empty is missing, and every variable that is missing is named", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(System.readConfig({
        url: Config.string("ACME_URL"),
        credential: Credential.basicConfig("ACME")
      }))
      for (const name of ["ACME_URL", "ACME_USERNAME", "ACME_PASSWORD"]) assert.include(String(error), name)
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["ACME_URL", ""]])))))

  it.effect("a store of keys answers what it has not with None", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      assert.isTrue(Option.isNone(yield* store.get("canary-key")))
      yield* store.set("canary-key", "text")
      assert.deepStrictEqual(yield* store.get("canary-key"), Option.some("text"))
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))

  it.effect("the nanoseconds of a clock are never set back", () =>
    Effect.gen(function*() {
      const clock = VirtualClock.make(0)
      const read = Effect.clockWith((clock) => Effect.sync(() => clock.unsafeCurrentTimeNanos()))
      const before = yield* Effect.withClock(read, clock)
      yield* clock.jumpBack("1 hour")
      assert.isTrue((yield* Effect.withClock(read, clock)) >= before)
      assert.isTrue((yield* Effect.withClock(Clock.currentTimeMillis, clock)) < 0)
    }))

  it("a duration is never less than none", () => {
    assert.strictEqual(Duration.toMillis(Duration.millis(Math.max(0, -1))), 0)
  })

  it.effect("to take all of an empty queue does not wait", () =>
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<number>()
      assert.lengthOf(Array.from(yield* Queue.takeAll(queue)), 0)
      yield* Queue.offer(queue, 1)
      assert.deepStrictEqual(Array.from(yield* Queue.takeAll(queue)), [1])
    }))

  it.scoped("a stream that is subscribed to at once misses nothing until it is run", () =>
    Effect.gen(function*() {
      const hub = yield* PubSub.unbounded<number>()
      const stream = yield* Stream.fromPubSub(hub, { scoped: true })
      yield* PubSub.publish(hub, 1)
      assert.deepStrictEqual(Array.from(yield* Stream.runCollect(Stream.take(stream, 1))), [1])
    }))

  it.effect("time passes once every fiber waits for it", () =>
    Effect.gen(function*() {
      const woken = yield* Ref.make(0)
      const sleeper = Effect.zipRight(Effect.sleep("1 second"), Ref.update(woken, (n) => n + 1))
      // each forks the next before it sleeps
      const chain = Effect.zipRight(Effect.forkDaemon(Effect.zipRight(Effect.forkDaemon(sleeper), sleeper)), sleeper)
      const fiber = yield* Effect.fork(Effect.zipRight(chain, Effect.never))
      yield* TestClock.adjust("1 second")
      yield* VirtualClock.settled
      assert.strictEqual(yield* Ref.get(woken), 3)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("a request that is not traced carries no trace of it", () =>
    Effect.gen(function*() {
      const headers = yield* Ref.make<ReadonlyArray<string>>([])
      const client = HttpClient.make((request) =>
        Effect.as(
          Ref.set(headers, Object.keys(request.headers)),
          HttpClientResponse.fromWeb(request, new Response(null))
        )
      )
      yield* Effect.withTracerEnabled(client.get("https://acme.example/"), false)
      assert.deepStrictEqual(yield* Ref.get(headers), [])
    }))

  it.effect("a schedule that is to be over after some time is", () =>
    Effect.gen(function*() {
      const runs = yield* Ref.make(0)
      yield* Effect.repeat(
        Ref.update(runs, (n) => n + 1),
        Schedule.spaced("1 second").pipe(Schedule.upTo("2500 millis"), Schedule.intersect(Schedule.recurs(9)))
      )
      assert.isBelow(yield* Ref.get(runs), 5)
    }).pipe(VirtualClock.run))

  it.effect("a client that tries errors again takes an answer as it is", () =>
    Effect.gen(function*() {
      const requests = yield* Ref.make(0)
      const client = HttpClient.make((request) =>
        Effect.as(
          Ref.update(requests, (n) => n + 1),
          HttpClientResponse.fromWeb(request, new Response(null, { status: 503 }))
        )
      )
      yield* HttpClient.retryTransient(client, { times: 2, mode: "errors-only" }).get("https://acme.example/")
      assert.strictEqual(yield* Ref.get(requests), 1)
    }))

  it.effect("a check of the parts of a value is an effect among others", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* OriginPolicy.make({ baseUrl: "https://acme.example" })
      assert.include(String(baseUrl), "acme.example")
    }))
})
