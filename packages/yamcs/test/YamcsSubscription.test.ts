import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Fault from "@effect-auth/testing/Fault"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { assertSecretFree } from "../../core/test/printouts.ts"
import { recordSpans } from "../../core/test/recordedSpans.ts"
import * as Yamcs from "../src/Yamcs.ts"
import { ApiKey, Password, ServiceAccount, Session } from "../src/YamcsCredential.ts"
import * as YamcsSubscription from "../src/YamcsSubscription.ts"

const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries

const baseUrl = "https://yamcs.example/ops"

const credential = new Password({ username, password: Redacted.make(password) })

const simulator = { options: { instance: "simulator" } }

/** A fake server, and what reaches it. */
const setUp = (options?: FakeYamcs.Options) =>
  Effect.gen(function*() {
    const fake = yield* FakeYamcs.make({ contextPath: "/ops", ...options })
    const server = yield* FakeServer.make(fake.app)
    const transport = Layer.merge(
      Layer.succeed(HttpClient.HttpClient, server.httpClient),
      Layer.succeed(AuthenticatedSocket.Connector, server.connector)
    )
    return { ...server, ...fake, connector: server.connector, transport }
  })

/** The subscriptions of a client in the mode of a credential. */
const subscriptionsOf = (
  transport: Layer.Layer<HttpClient.HttpClient | AuthenticatedSocket.Connector>,
  options?: YamcsSubscription.Options,
  given: Yamcs.TaggedCredential = credential
) =>
  Effect.map(
    Layer.build(
      Yamcs.layerSubscriptions(options).pipe(
        Layer.provideMerge(Yamcs.layer({ baseUrl, credential: given })),
        Layer.provide(transport)
      )
    ),
    (context) => ({
      ...Context.get(context, YamcsSubscription.Subscriptions),
      client: Context.get(context, Yamcs.Client)
    })
  )

type Line = string

/** An element in a word or two. */
const line = (element: YamcsSubscription.Element): Line => {
  switch (element._tag) {
    case "Data":
      return typeof element.data === "string" ? element.data : "tick"
    case "Lost":
      return `lost: ${element.reason}${element.count === undefined ? "" : ` ${element.count}`}`
    case "Reconnected":
      return "reconnected"
  }
}

/** Reads a subscription all the time. */
const reading = (stream: Stream.Stream<YamcsSubscription.Element, YamcsSubscription.SubscriptionFailure>) =>
  Effect.gen(function*() {
    const lines = yield* Ref.make<ReadonlyArray<Line>>([])
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (element) => Ref.update(lines, (lines) => [...lines, line(element)]))
    )
    return { lines: Ref.get(lines), fiber }
  })

const second = Effect.sleep("1 second")

const run = <A, E>(self: Effect.Effect<A, E, Scope.Scope>) => VirtualClock.run(Effect.scoped(self))

describe("YamcsSubscription", () => {
  const kinds: ReadonlyArray<readonly [name: string, Yamcs.TaggedCredential]> = [
    ["a user name and a password", credential],
    [
      "a service account",
      new ServiceAccount({
        clientId: serviceAccount.applicationId,
        clientSecret: Redacted.make(serviceAccount.applicationSecret),
        become: username
      })
    ],
    ["an API key", new ApiKey({ key: Redacted.make(apiKey) })],
    ["HTTP Basic", new Credential.Basic({ username, password: Redacted.make(password) })]
  ]
  for (const [name, given] of kinds) {
    it.effect(`subscribes with ${name}`, () =>
      Effect.gen(function*() {
        const { transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, {}, given)
        const elements = yield* Stream.runCollect(Stream.take(subscribe("time", simulator), 2))
        assert.deepStrictEqual(
          Array.from(elements).map((element) => element._tag === "Data" ? element.seq : element._tag),
          [1, 2]
        )
      }).pipe(run))
  }

  it.effect("subscribes as the guest of a server without security", () =>
    Effect.gen(function*() {
      const { transport } = yield* setUp({ guest: "guest" })
      const { subscribe } = yield* subscriptionsOf(transport, {}, { _tag: "Anonymous" })
      assert.lengthOf(Array.from(yield* Stream.runCollect(Stream.take(subscribe("time", simulator), 1))), 1)
    }).pipe(run))

  it.effect("subscribes with the tokens of a session that began elsewhere", () =>
    Effect.gen(function*() {
      const { httpClient, transport } = yield* setUp()
      const scope = yield* Effect.scope
      const tokens = yield* Yamcs.makeTokens({ baseUrl, credential }).pipe(
        Effect.provideService(HttpClient.HttpClient, httpClient),
        Scope.extend(scope)
      )
      const { refreshToken, value } = yield* tokens.get
      const { subscribe } = yield* subscriptionsOf(transport, {}, new Session({ accessToken: value, refreshToken }))
      assert.deepStrictEqual(
        Chunk.toArray(Chunk.map(yield* Stream.runCollect(Stream.take(subscribe("time", simulator), 1)), line)),
        ["tick"]
      )
    }).pipe(run))

  it.effect("one connection carries all subscriptions; it opens with the first and closes with the last", () =>
    Effect.gen(function*() {
      const { publish, requests, sockets, stats, transport } = yield* setUp()
      const { client, subscribe } = yield* subscriptionsOf(transport)
      yield* client.get("/api/user")
      assert.deepStrictEqual(yield* sockets, [])
      const scopes = yield* Effect.replicateEffect(Scope.make(), 3)
      const readers = yield* Effect.forEach(
        scopes,
        (scope) => Scope.extend(reading(subscribe("events", simulator)), scope)
      )
      yield* second
      yield* publish("events", "a")
      yield* second
      assert.deepStrictEqual((yield* sockets).map((calls) => calls.length), [3])
      for (const [index, scope] of scopes.entries()) {
        yield* Scope.close(scope, Exit.void)
        yield* second
        yield* publish("events", "b")
        yield* second
        assert.deepStrictEqual((yield* sockets).map((calls) => calls.length), index < 2 ? [2 - index] : [])
      }
      assert.deepStrictEqual(yield* Effect.all(readers.map(({ lines }) => lines)), [["a"], ["a", "b"], ["a", "b", "b"]])
      assert.deepInclude(yield* stats, { handshakes: 1, logins: 1 })
      assert.deepStrictEqual((yield* requests).map(({ line }) => line), [
        "POST /ops/auth/token",
        "GET /ops/api/user",
        "GET /ops/api/websocket"
      ])
    }).pipe(run))

  it.effect(
    "20 subscriptions tell every gap through ten restarts and ten expiries, with one login for each restart",
    () =>
      Effect.gen(function*() {
        const { inject, publish, restart, sockets, stats, transport } = yield* setUp({ tokenLifetime: "10 seconds" })
        const { client, subscribe } = yield* subscriptionsOf(transport)
        const readers = yield* Effect.replicateEffect(reading(subscribe("events", simulator)), 20)
        const expected: Array<Line> = []
        const tell = (text: string) => Effect.zipRight(publish("events", text), Effect.sync(() => expected.push(text)))
        yield* second
        for (let round = 0; round < 10; round++) {
          // the token expires; the connection outlives them
          yield* tell(`${round}: before`)
          yield* Effect.sleep("12 seconds")
          assert.strictEqual((yield* client.get("/api/user")).status, 200)
          yield* tell(`${round}: expired`)
          const { logins } = yield* stats
          // a restart, during which nobody answers
          yield* inject(Fault.reset, { times: round % 3 })
          yield* restart
          yield* publish("events", `${round}: missed`)
          expected.push("lost: Disconnected", "reconnected")
          yield* Effect.sleep("25 seconds")
          assert.deepStrictEqual((yield* sockets).map((calls) => calls.length), [20])
          yield* tell(`${round}: after`)
          assert.strictEqual((yield* client.get("/api/user")).status, 200)
          assert.strictEqual((yield* stats).logins, logins + 1)
        }
        yield* second
        for (const { fiber, lines } of readers) {
          assert.deepStrictEqual(yield* lines, expected)
          assert.isNull(fiber.unsafePoll())
        }
        assert.deepInclude(yield* stats, { handshakes: 11, logins: 11 })
      }).pipe(run)
  )

  it.effect("messages that the server drops are told within two seconds", () =>
    Effect.gen(function*() {
      const { drop, publish, transport } = yield* setUp()
      const { subscribe } = yield* subscriptionsOf(transport)
      const { lines } = yield* reading(subscribe("events", { ...simulator, lowPriority: true }))
      yield* second
      yield* publish("events", "a")
      yield* drop("events")
      yield* drop("events")
      yield* publish("events", "b")
      yield* Effect.sleep("2 seconds")
      yield* publish("events", "c")
      yield* second
      assert.deepStrictEqual(yield* lines, ["a", "b", "lost: Dropped 2", "c"])
    }).pipe(run))

  describe("a refusal ends its subscription alone", () => {
    const refusals: ReadonlyArray<readonly [string, string, Record<string, unknown>, object]> = [
      ["an unknown topic", "nope", { anything: 1 }, { status: 404, type: "NotFoundException", msg: "No topic 'nope'" }],
      ["an unknown instance", "time", { instance: "x" }, { status: 404, msg: "No instance named 'x'" }],
      ["a missing privilege", "events", simulator.options, {
        status: 403,
        type: "ForbiddenException",
        msg: "Missing system privilege 'ReadEvents'"
      }]
    ]
    for (const [name, topic, options, error] of refusals) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const { stats, transport } = yield* setUp({ answersServiceAccounts: true })
          const { subscribe } = yield* subscriptionsOf(
            transport,
            {},
            new ServiceAccount({
              clientId: serviceAccount.applicationId,
              clientSecret: Redacted.make(serviceAccount.applicationSecret),
              asItself: true
            })
          )
          const other = yield* reading(subscribe("time", simulator))
          const refused = yield* Effect.flip(Stream.runDrain(subscribe(topic, { options })))
          assert.deepInclude(refused, { _tag: "YamcsError", ...error })
          yield* Effect.sleep("3500 millis")
          assert.deepStrictEqual(yield* other.lines, ["tick", "tick", "tick"])
          assert.deepInclude(yield* stats, { handshakes: 1 })
        }).pipe(run))
    }
  })

  describe("options that the server cannot read", () => {
    const unreadable = { options: { instance: "simulator", bogus: true } }

    it.effect("end their subscription; the others go on over another connection", () =>
      Effect.gen(function*() {
        const { stats, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const others = yield* Effect.replicateEffect(reading(subscribe("time", simulator)), 19)
        yield* second
        const error = yield* Effect.flip(Stream.runDrain(subscribe("time", unreadable)))
        assert.deepInclude(error, { _tag: "UnreadableOptions", topic: "time" })
        yield* Effect.sleep("5 seconds")
        for (const { lines } of others) {
          const all = yield* lines
          assert.deepStrictEqual(all.filter((line) => line !== "tick"), ["lost: Disconnected", "reconnected"])
          assert.strictEqual(all.at(-1), "tick")
        }
        assert.deepInclude(yield* stats, { handshakes: 2, logins: 1 })
      }).pipe(run))

    it.effect("are found among many that are subscribed at once", () =>
      Effect.gen(function*() {
        const { transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const readers = yield* Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => reading(subscribe("time", index % 7 === 3 ? unreadable : simulator))
        )
        yield* Effect.sleep("1 minute")
        for (const [index, { fiber, lines }] of readers.entries()) {
          if (index % 7 === 3) {
            assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "UnreadableOptions" })
          } else {
            assert.include(yield* lines, "tick")
            assert.isNull(fiber.unsafePoll())
          }
        }
      }).pipe(run))

    it.effect("that are no JSON, or too long for a message, are not sent at all", () =>
      Effect.gen(function*() {
        const { sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        for (const options of [{ count: 1n }, { text: "x".repeat(65_536) }]) {
          const error = yield* Effect.flip(Stream.runDrain(subscribe("time", { options })))
          assert.deepInclude(error, { _tag: "InvalidSetting", setting: "options of time" })
        }
        for (const buffer of [0, 1.5, Infinity]) {
          const error = yield* Effect.flip(Stream.runDrain(subscribe("time", { ...simulator, buffer })))
          assert.deepInclude(error, { _tag: "InvalidSetting", setting: "buffer" })
        }
        assert.deepStrictEqual(yield* sockets, [])
      }).pipe(run))
  })

  describe("a reader that is too slow", () => {
    /** Takes one element, and then nothing for a minute. */
    const slow = (
      stream: Stream.Stream<YamcsSubscription.Element, YamcsSubscription.SubscriptionFailure>,
      lines: Ref.Ref<ReadonlyArray<Line>>
    ) =>
      Effect.forkScoped(
        Stream.runForEach(stream, (element) =>
          Ref.updateAndGet(lines, (lines) => [...lines, line(element)]).pipe(
            Effect.flatMap((lines) => lines.length === 1 ? Effect.sleep("1 minute") : Effect.void)
          ))
      )

    it.effect("ends its subscription with what it has got, and no other", () =>
      Effect.gen(function*() {
        const { publish, sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const other = yield* reading(subscribe("events", simulator))
        const lines = yield* Ref.make<ReadonlyArray<Line>>([])
        const fiber = yield* slow(subscribe("events", { ...simulator, buffer: 3 }), lines)
        yield* second
        for (const text of ["a", "b", "c", "d", "e", "f"]) {
          yield* publish("events", text)
          yield* second
        }
        // its call is cancelled at once, whenever it reads on
        assert.deepStrictEqual((yield* sockets).map((calls) => calls.length), [1])
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* Ref.get(lines), ["a", "b", "c", "d"])
        assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "SlowReader", topic: "events", buffer: 3 })
        assert.deepStrictEqual(yield* other.lines, ["a", "b", "c", "d", "e", "f"])
      }).pipe(run))

    it.effect("is told how much it has missed if the buffer slides", () =>
      Effect.gen(function*() {
        const { publish, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const lines = yield* Ref.make<ReadonlyArray<Line>>([])
        yield* slow(subscribe("events", { ...simulator, buffer: 3, onFull: "sliding" }), lines)
        yield* second
        for (const text of ["a", "b", "c", "d", "e", "f"]) {
          yield* publish("events", text)
          yield* second
        }
        yield* Effect.sleep("1 minute")
        yield* publish("events", "g")
        yield* second
        assert.deepStrictEqual(yield* Ref.get(lines), ["a", "lost: Overflow 2", "d", "e", "f", "g"])
      }).pipe(run))
  })

  describe("a server that hangs", () => {
    it.effect("is left after two periods of silence", () =>
      Effect.gen(function*() {
        const { hangSockets, sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, { silence: "20 seconds" })
        const { lines } = yield* reading(subscribe("time", simulator))
        yield* Effect.sleep("2500 millis")
        yield* hangSockets
        yield* Effect.sleep("39 seconds")
        assert.deepStrictEqual(yield* lines, ["tick", "tick"])
        yield* Effect.sleep("30 seconds")
        assert.deepStrictEqual((yield* lines).slice(0, 5), [
          "tick",
          "tick",
          "lost: Disconnected",
          "reconnected",
          "tick"
        ])
        assert.lengthOf(yield* sockets, 1)
      }).pipe(run))

    it.effect("is not left for having nothing to say", () =>
      Effect.gen(function*() {
        const { publish, stats, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, { silence: "2 seconds" })
        const { lines } = yield* reading(subscribe("events", simulator))
        yield* Effect.sleep("1 minute")
        yield* publish("events", "a")
        yield* second
        assert.deepStrictEqual(yield* lines, ["a"])
        assert.deepInclude(yield* stats, { handshakes: 1 })
      }).pipe(run))
  })

  it.effect("a connection is replaced at its greatest age, which is told", () =>
    Effect.gen(function*() {
      const { stats, transport } = yield* setUp()
      const { subscribe } = yield* subscriptionsOf(transport, { maxAge: "10 seconds" })
      const { lines } = yield* reading(subscribe("events", simulator))
      yield* Effect.sleep("35 seconds")
      assert.deepStrictEqual(
        yield* lines,
        Array.from({ length: 3 }, () => ["lost: Disconnected", "reconnected"]).flat()
      )
      assert.deepInclude(yield* stats, { handshakes: 4, logins: 1 })
    }).pipe(run))

  it.effect.each<YamcsSubscription.Options>([
    { silence: "0 seconds" },
    { maxAge: "10 millis" },
    { openTimeout: Duration.zero }
  ])(
    "a time in which no connection can be used is refused, and nothing is sent: %j",
    (options) =>
      Effect.gen(function*() {
        const { requests, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, options)
        const error = yield* Effect.flip(Stream.runDrain(subscribe("time", simulator)))
        assert.strictEqual(error._tag, "InvalidSetting")
        assert.include(error.message, String(Object.keys(options)[0]))
        assert.lengthOf(yield* requests, 0)
      }).pipe(run)
  )

  describe("updates", () => {
    const parameters = (...names: ReadonlyArray<string>) => ({
      instance: "simulator",
      processor: "realtime",
      id: names.map((name) => ({ name }))
    })
    const add = (name: string, ...all: ReadonlyArray<string>): YamcsSubscription.Update => ({
      change: { action: "ADD", id: [{ name }] },
      options: parameters(...all)
    })
    const names = (sockets: ReadonlyArray<ReadonlyArray<FakeYamcs.Call>>) =>
      sockets.map((calls) =>
        calls.map(({ options }) => (options["id"] as Array<{ name: string }>).map(({ name }) => name))
      )

    it.effect("change a subscription, which comes back as it was changed", () =>
      Effect.gen(function*() {
        const { breakSockets, sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const updates = Stream.make(add("/b", "/a", "/b"), add("/c", "/a", "/b", "/c")).pipe(
          Stream.schedule(Schedule.spaced("10 seconds"))
        )
        const { lines } = yield* reading(subscribe("parameters", { options: parameters("/a"), updates }))
        yield* second
        assert.deepStrictEqual(names(yield* sockets), [[["/a"]]])
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(names(yield* sockets), [[["/a", "/b"]]])
        yield* breakSockets
        yield* Effect.sleep("5 seconds")
        assert.deepStrictEqual(names(yield* sockets), [[["/a", "/b"]]])
        yield* Effect.sleep("10 seconds")
        assert.deepStrictEqual(names(yield* sockets), [[["/a", "/b", "/c"]]])
        assert.deepStrictEqual(yield* lines, ["lost: Disconnected", "reconnected"])
      }).pipe(run))

    it.effect("that come before the subscription is there are not lost", () =>
      Effect.gen(function*() {
        const { sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const updates = Stream.make(add("/b", "/a", "/b"))
        yield* reading(subscribe("parameters", { options: parameters("/a"), updates }))
        yield* second
        assert.deepStrictEqual(names(yield* sockets), [[["/a", "/b"]]])
      }).pipe(run))

    it.effect("that the server cannot read end the subscription", () =>
      Effect.gen(function*() {
        const { transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const other = yield* reading(subscribe("time", simulator))
        const updates = Stream.schedule(
          Stream.make({ change: { bogus: 1 }, options: parameters("/a") }),
          Schedule.spaced("10 seconds")
        )
        const error = yield* Effect.flip(
          Stream.runDrain(subscribe("parameters", { options: parameters("/a"), updates }))
        )
        assert.deepInclude(error, { _tag: "UnreadableOptions", topic: "parameters" })
        yield* Effect.sleep("5 seconds")
        assert.strictEqual((yield* other.lines).at(-1), "tick")
      }).pipe(run))

    it.effect("to a topic that takes none are its refusal", () =>
      Effect.gen(function*() {
        const { transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const updates = Stream.schedule(
          Stream.make({ change: simulator.options, options: simulator.options }),
          Schedule.spaced("10 seconds")
        )
        const error = yield* Effect.flip(Stream.runDrain(subscribe("events", { ...simulator, updates })))
        assert.deepInclude(error, { _tag: "YamcsError", status: 400, msg: "Cannot find matching call" })
      }).pipe(run))
  })

  describe("what no other try can heal ends every subscription", () => {
    it.effect("a refused password, at once and with one login", () =>
      Effect.gen(function*() {
        const { stats, transport } = yield* setUp()
        const wrong = new Password({ username, password: Redacted.make("canary-wrong") })
        const { subscribe } = yield* subscriptionsOf(transport, {}, wrong)
        const errors = yield* Effect.all(
          Array.from({ length: 20 }, () => Effect.flip(Stream.runDrain(subscribe("time", simulator)))),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(errors.map(({ _tag }) => _tag)), new Set(["CredentialsRejected"]))
        assert.deepInclude(yield* stats, { attempts: 1 })
      }).pipe(run))

    it.effect("a password that is changed while the server is down", () =>
      Effect.gen(function*() {
        const { changePassword, restart, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        const { fiber, lines } = yield* reading(subscribe("events", simulator))
        yield* second
        yield* changePassword(username, "canary-new")
        yield* restart
        const error = yield* Effect.flip(Fiber.join(fiber))
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.deepStrictEqual(yield* lines, ["lost: Disconnected"])
      }).pipe(run))

    it.effect("an API key that has ended", () =>
      Effect.gen(function*() {
        const { transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, {}, new ApiKey({ key: Redacted.make("canary-ended") }))
        const error = yield* Effect.flip(Stream.runDrain(subscribe("time", simulator)))
        assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401, detail: "Invalid API key" })
      }).pipe(run))

    it.effect("a server without this route", () =>
      Effect.gen(function*() {
        const { inject, transport } = yield* setUp()
        yield* inject(Fault.status(404), { on: "GET /ops/api/websocket" })
        const { subscribe } = yield* subscriptionsOf(transport)
        const error = yield* Effect.flip(Stream.runDrain(subscribe("time", simulator)))
        assert.deepInclude(error, { _tag: "UpgradeRefused", status: 404 })
      }).pipe(run))

    it.effect("the end of the schedule, with the last failure", () =>
      Effect.gen(function*() {
        const { inject, requests, restart, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport, {
          reconnect: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(3))
        })
        const { fiber } = yield* reading(subscribe("time", simulator))
        yield* Effect.sleep("45 seconds")
        yield* inject(Fault.status(503), { times: Infinity, on: "GET /ops/api/websocket" })
        const before = (yield* requests).length
        yield* restart
        assert.deepInclude(yield* Effect.flip(Fiber.join(fiber)), { _tag: "UpgradeRefused", status: 503 })
        const websockets = (yield* requests).slice(before).filter(({ line }) => line.endsWith("/websocket"))
        assert.lengthOf(websockets, 3)
      }).pipe(run))

    it.effect("and whoever subscribes afterwards has another connection", () =>
      Effect.gen(function*() {
        const { clearFaults, inject, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        yield* inject(Fault.status(404), { times: Infinity, on: "GET /ops/api/websocket" })
        const failed = yield* Effect.forkScoped(
          Effect.scoped(Effect.zipRight(
            Effect.flip(Stream.runDrain(subscribe("time", simulator))),
            Effect.never
          ))
        )
        const kept = yield* Stream.toPull(subscribe("time", simulator))
        yield* Effect.flip(kept)
        yield* clearFaults
        const elements = yield* Stream.runCollect(Stream.take(subscribe("time", simulator), 1))
        assert.lengthOf(Array.from(elements), 1)
        yield* Fiber.interrupt(failed)
      }).pipe(run))

    it.effect("and those that try again share the next one", () =>
      Effect.gen(function*() {
        const { inject, requests, sockets, transport } = yield* setUp()
        const { subscribe } = yield* subscriptionsOf(transport)
        yield* inject(Fault.status(404), { on: "GET /ops/api/websocket" })
        const once = Stream.retry(subscribe("time", simulator), Schedule.recurs(1))
        yield* Effect.forEach(Array.from({ length: 20 }), () => reading(once))
        yield* Effect.sleep("5 seconds")
        assert.deepStrictEqual((yield* sockets).map((calls) => calls.length), [20])
        assert.lengthOf((yield* requests).filter(({ line }) => line.endsWith("/websocket")), 2)
      }).pipe(run))
  })

  it.effect("a server that closes each connection at once is not asked more and more", () =>
    Effect.gen(function*() {
      const { breakSockets, stats, transport } = yield* setUp()
      const { subscribe } = yield* subscriptionsOf(transport)
      const { lines } = yield* reading(subscribe("events", simulator))
      yield* Effect.forkScoped(Effect.repeat(breakSockets, Schedule.spaced("400 millis")))
      yield* Effect.sleep("4 minutes")
      // after half a second, one, two, four, eight, sixteen, and then every 30, each of them 50 % more or less
      assert.isBelow((yield* stats).handshakes, 25)
      assert.isAbove((yield* stats).handshakes, 8)
      assert.strictEqual((yield* lines)[0], "lost: Disconnected")
    }).pipe(run))

  it.effect("a subscription that is left while it is asked for is cancelled when the server answers", () =>
    Effect.gen(function*() {
      const { sockets, transport } = yield* setUp()
      const { subscribe } = yield* subscriptionsOf(transport)
      yield* reading(subscribe("time", simulator))
      yield* second
      for (let turns = 0; turns < 20; turns++) {
        const fiber = yield* Effect.fork(Stream.runDrain(subscribe("events", simulator)))
        yield* Effect.repeatN(Effect.yieldNow(), turns)
        yield* Fiber.interrupt(fiber)
      }
      yield* second
      assert.deepStrictEqual((yield* sockets).map((calls) => calls.map(({ topic }) => topic)), [["time"]])
    }).pipe(run))

  it.effect("no failure and no span shows what was sent", () =>
    Effect.gen(function*() {
      const secrets = [
        "canary-wrong-secret",
        password,
        apiKey,
        serviceAccount.applicationSecret,
        "eyJhbGciOiJIUzI1NiJ9"
      ]
      const secret = Redacted.make("canary-wrong-secret")
      const all: ReadonlyArray<readonly [Yamcs.TaggedCredential, sent: string]> = [
        [credential, "eyJhbGciOiJIUzI1NiJ9.e30.Y2FuYXJ5LXNpZ25hdHVyZQ"],
        [{ _tag: "Password", username, password: secret }, ""],
        [{ _tag: "Basic", username, password: secret }, "canary-wrong-secret"],
        [{ _tag: "ApiKey", key: secret }, "canary-wrong-secret"],
        [{ _tag: "Bearer", accessToken: secret }, "canary-wrong-secret"]
      ]
      const [errors, spans] = yield* Effect.forEach(all, ([given, sent]) =>
        Effect.gen(function*() {
          const quoting = (status: number) => Fault.status(status, { body: `what is ${sent}?` })
          const { inject, transport } = yield* setUp()
          const { subscribe } = yield* subscriptionsOf(transport, { reconnect: Schedule.stop }, given)
          const fail = Effect.flip(Stream.runDrain(subscribe("nope", simulator)))
          const first = yield* fail
          yield* inject(quoting(400), { on: "GET /ops/api/websocket" })
          const second = yield* fail
          yield* inject(quoting(503), { on: "GET /ops/api/websocket" })
          const third = yield* fail
          yield* inject(Fault.reset, { on: "GET /ops/api/websocket" })
          return [first, second, third, yield* fail]
        })).pipe(recordSpans)
      assert.isAbove(spans.length, 10)
      assertSecretFree(errors, secrets)
      assertSecretFree(spans, secrets)
    }).pipe(run))

  it.effect("data is decoded, and notices stay", () =>
    Effect.gen(function*() {
      const { breakSockets, publish, transport } = yield* setUp()
      const { subscribe } = yield* subscriptionsOf(transport)
      const Event = Schema.Struct({ at: Schema.Date })
      const fiber = yield* subscribe("events", simulator).pipe(
        YamcsSubscription.decode(Event),
        Stream.take(3),
        Stream.runCollect,
        Effect.fork
      )
      yield* second
      yield* publish("events", { at: "2026-01-01T00:00:00Z" })
      yield* breakSockets
      yield* Effect.sleep("5 seconds")
      const [first, ...rest] = Array.from(yield* Fiber.join(fiber))
      assert.deepStrictEqual(
        first,
        YamcsSubscription.Element.Data({ seq: 1, data: { at: new Date("2026-01-01T00:00:00Z") } })
      )
      assert.deepStrictEqual(rest.map(({ _tag }) => _tag), ["Lost", "Reconnected"])
    }).pipe(run))
})
