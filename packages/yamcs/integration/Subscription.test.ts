/** Subscriptions against the real server: what restarts, expiries, slow readers and unreadable messages do to them. */
import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import * as Credential from "@effect-auth/core/Credential"
import * as SocketConnector from "@effect-auth/node/SocketConnector"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import { NodeContext, NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { randomBytes } from "node:crypto"
import { createServer } from "node:http"
import * as Yamcs from "../src/Yamcs.ts"
import { ApiKey, Password } from "../src/YamcsCredential.ts"
import * as YamcsError from "../src/YamcsError.ts"
import * as YamcsSubscription from "../src/YamcsSubscription.ts"
import * as RawMessages from "./rawMessages.ts"
import * as RealYamcs from "./RealYamcs.ts"
import * as StallingRelay from "./stallingRelay.ts"

const platform = Layer.mergeAll(NodeContext.layer, NodeHttpClient.layerUndici, SocketConnector.layer())

const credential = new Password({
  username: RealYamcs.admin.username,
  password: Redacted.make(RealYamcs.admin.password)
})

const basic = new Credential.Basic({ username: credential.username, password: credential.password })

/** In milliseconds of a busy machine. */
const slow = 300_000

/** One for all, because each takes its time to start. */
class Server extends Context.Tag("test/Server")<Server, RealYamcs.RealYamcs>() {
  static readonly layer = Layer.scoped(
    Server,
    Effect.tap(RealYamcs.makeWith(RealYamcs.simulator), ({ start }) => Effect.orDie(start))
  )
}

const started = Server

const simulator = { options: { instance: "simulator" } }

const subscriptionsOf = (
  baseUrl: string,
  given: Yamcs.TaggedCredential = credential,
  options?: YamcsSubscription.Options
) =>
  Effect.map(
    Layer.build(
      Yamcs.layerSubscriptions(options).pipe(Layer.provideMerge(Yamcs.layer({ baseUrl, credential: given })))
    ),
    (context) => ({
      ...Context.get(context, YamcsSubscription.Subscriptions),
      client: Context.get(context, Yamcs.Client)
    })
  )

/** Sends an event as another client, so that what is counted of the first is not disturbed. */
const eventSender = (baseUrl: string) =>
  Effect.map(Yamcs.make({ baseUrl, credential: basic }), (client) => (message: string) =>
    Effect.flatMap(
      HttpClientRequest.bodyJson(HttpClientRequest.post("/api/archive/simulator/events"), { message }),
      (request) => YamcsError.filterStatusOk(client.execute(request))
    ))

const messageOf = (data: unknown): string =>
  Predicate.hasProperty(data, "message") && typeof data.message === "string" ? data.message : "tick"

/** Events by their message, notices by what they tell, ticks not at all. */
const line = (element: YamcsSubscription.Element): string => {
  switch (element._tag) {
    case "Data":
      return messageOf(element.data)
    case "Lost":
      return `lost: ${element.reason}`
    case "Reconnected":
      return "reconnected"
  }
}

const reading = (stream: Stream.Stream<YamcsSubscription.Element, YamcsSubscription.SubscriptionFailure>) =>
  Effect.gen(function*() {
    const elements = yield* Ref.make<ReadonlyArray<YamcsSubscription.Element>>([])
    const fiber = yield* Effect.forkScoped(
      Stream.runForEach(stream, (element) => Ref.update(elements, (elements) => [...elements, element]))
    )
    return { fiber, elements: Ref.get(elements), lines: Effect.map(Ref.get(elements), (all) => all.map(line)) }
  })

/** Waits until it holds, for a minute at the most. */
const eventually = <E, R>(what: string, holds: Effect.Effect<boolean, E, R>) =>
  Effect.flatMap(holds, (holds) => holds ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry(Schedule.spaced("50 millis")),
    Effect.timeoutFail({ duration: "1 minute", onTimeout: () => `it did not come to this: ${what}` })
  )

/** Whether the numbers of the messages go up by one from 1, and start anew after each reconnection only. */
const isWithoutGap = (elements: ReadonlyArray<YamcsSubscription.Element>): boolean => {
  let expected = 1
  for (const element of elements) {
    if (element._tag === "Reconnected") expected = 1
    else if (element._tag === "Data" && element.seq !== expected++) return false
  }
  return true
}

layer(Layer.provideMerge(Server.layer, platform), { excludeTestServices: true, timeout: slow })(
  "Subscriptions of a real Yamcs server",
  (it) => {
    it.scoped(
      "20 of them tell every gap of two restarts, which cost one login each, and outlive two expiries",
      () =>
        Effect.gen(function*() {
          const { baseUrl, end, start, tokenAnswers } = yield* started
          const before = (yield* tokenAnswers).length
          const { client, subscribe } = yield* subscriptionsOf(baseUrl)
          const send = yield* eventSender(baseUrl)
          const readers = yield* Effect.forEach(
            Array.from({ length: 20 }, (_, index) => index % 2 === 0 ? "events" : "time"),
            (topic) => Effect.map(reading(subscribe(topic, simulator)), (reader) => ({ ...reader, topic }))
          )
          const events = readers.filter(({ topic }) => topic === "events")
          const every = (predicate: (lines: ReadonlyArray<string>) => boolean, of = readers) =>
            Effect.map(Effect.all(of.map(({ lines }) => lines)), (all) => all.every(predicate))
          const told: Array<string> = []
          const tell = (message: string) =>
            Effect.gen(function*() {
              yield* send(message)
              told.push(message)
              yield* eventually(`everyone has ${message}`, every((lines) => lines.at(-1) === message, events))
            })

          yield* eventually(
            "the clocks tick",
            every((lines) => lines.length > 0, readers.filter(({ topic }) => topic === "time"))
          )
          yield* tell("first")
          for (const signal of ["TERM", "KILL"] as const) {
            // the token expires after three seconds; the connection outlives it, and what is new is granted on it
            yield* Effect.sleep("4 seconds")
            yield* tell(`expired before ${signal}`)
            const late = yield* Effect.fork(Stream.runCollect(Stream.take(subscribe("time", simulator), 2)))
            assert.lengthOf(Array.from(yield* Fiber.join(late)), 2)
            yield* end(signal)
            yield* eventually("everyone knows of the loss", every((lines) => lines.at(-1) === "lost: Disconnected"))
            yield* start
            told.push("lost: Disconnected", "reconnected")
            yield* eventually(
              "everyone is back",
              every((lines) => lines.lastIndexOf("reconnected") > lines.lastIndexOf("lost: Disconnected"))
            )
            yield* tell(`after ${signal}`)
          }
          for (const { elements, fiber, lines, topic } of readers) {
            assert.deepStrictEqual(
              (yield* lines).filter((line) => line !== "tick"),
              topic === "events" ? told : told.filter((line) => /^lost|^reconnected/u.test(line))
            )
            assert.isTrue(isWithoutGap(yield* elements))
            assert.isNull(fiber.unsafePoll())
          }
          // the first login; after each restart a refresh token that the server does not know, and one login
          assert.deepStrictEqual((yield* tokenAnswers).slice(before), ["200", "401", "200", "401", "200"])
          // the requests of the same client go on with the session of the socket
          assert.strictEqual((yield* client.get("/api/user")).status, 200)
          assert.notInclude((yield* tokenAnswers).slice(before + 5), "401")
        }),
      slow
    )

    it.scoped(
      "options that it cannot read end one of 20, and the others go on",
      () =>
        Effect.gen(function*() {
          const { baseUrl } = yield* started
          const { subscribe } = yield* subscriptionsOf(baseUrl)
          const readers = yield* Effect.replicateEffect(reading(subscribe("time", simulator)), 19)
          const every = (predicate: (lines: ReadonlyArray<string>) => boolean) =>
            Effect.map(Effect.all(readers.map(({ lines }) => lines)), (all) => all.every(predicate))
          yield* eventually("the clocks tick", every((lines) => lines.length > 0))
          const error = yield* Effect.flip(
            Stream.runDrain(subscribe("time", { options: { instance: "simulator", bogus: 1 } }))
          )
          assert.deepInclude(error, { _tag: "UnreadableOptions", topic: "time" })
          yield* eventually(
            "the clocks tick again",
            every((lines) => lines.includes("reconnected") && lines.at(-1) === "tick")
          )
          for (const { lines } of readers) {
            assert.deepStrictEqual(
              (yield* lines).filter((line) => line !== "tick"),
              ["lost: Disconnected", "reconnected"]
            )
          }
        }),
      slow
    )

    it.scoped("refuses topics, instances and updates in its own words", () =>
      Effect.gen(function*() {
        const { baseUrl } = yield* started
        const { subscribe } = yield* subscriptionsOf(baseUrl, basic)
        const refusal = (topic: string, options: YamcsSubscription.SubscribeOptions) =>
          Effect.map(Effect.flip(Stream.runDrain(subscribe(topic, options))), (error) => error.message)
        assert.strictEqual(
          yield* refusal("nope", simulator),
          "Yamcs answered HTTP 404 (NotFoundException): No topic 'nope'"
        )
        assert.strictEqual(
          yield* refusal("time", { options: { instance: "none" } }),
          "Yamcs answered HTTP 404 (NotFoundException): No instance named 'none'"
        )
        const updates = Stream.schedule(
          Stream.make({ change: simulator.options, options: simulator.options }),
          Schedule.spaced("1 second")
        )
        assert.strictEqual(
          yield* refusal("time", { ...simulator, updates }),
          "Yamcs answered HTTP 400 (BadRequestException): Cannot find matching call"
        )
      }), slow)

    it.scoped("takes up parameters as they were changed", () =>
      Effect.gen(function*() {
        const { baseUrl, end, start } = yield* started
        const { subscribe } = yield* subscriptionsOf(baseUrl, basic)
        const parameters = (...names: ReadonlyArray<string>) => ({
          instance: "simulator",
          processor: "realtime",
          abortOnInvalid: false,
          id: names.map((name) => ({ name }))
        })
        const updates = Stream.make({
          change: { action: "ADD", id: [{ name: "/b" }] },
          options: parameters("/a", "/b")
        })
        const { elements } = yield* reading(subscribe("parameters", { options: parameters("/a"), updates }))
        /** No parameter is defined, so the server says of each that it is invalid. */
        const invalid = Effect.map(elements, (elements) =>
          elements.flatMap((element) =>
            element._tag === "Data" && Predicate.hasProperty(element.data, "invalid")
              ? [JSON.stringify(element.data.invalid)]
              : []
          ))
        yield* eventually(
          "both are known",
          Effect.map(invalid, (all) =>
            all.some((text) =>
              text.includes("/b")
            ))
        )
        const before = (yield* invalid).length
        yield* end("KILL")
        yield* start
        yield* eventually("both are subscribed to", Effect.map(invalid, (all) => all.length > before))
        assert.strictEqual((yield* invalid)[before], "[{\"name\":\"/a\"},{\"name\":\"/b\"}]")
      }), slow)

    it.scoped(
      "a reader that is too slow ends its own subscription, or is told what it has missed",
      () =>
        Effect.gen(function*() {
          const { baseUrl } = yield* started
          const { subscribe } = yield* subscriptionsOf(baseUrl)
          const send = yield* eventSender(baseUrl)
          const stalling = (options: YamcsSubscription.SubscribeOptions) =>
            Effect.gen(function*() {
              const lines = yield* Ref.make<ReadonlyArray<YamcsSubscription.Element>>([])
              const stream = subscribe("events", { ...simulator, ...options })
              const fiber = yield* Effect.forkScoped(
                Stream.runForEach(
                  stream,
                  (element) =>
                    Effect.zipRight(Ref.update(lines, (lines) => [...lines, element]), Effect.sleep("1 second"))
                )
              )
              return { fiber, elements: Ref.get(lines) }
            })
          const failing = yield* stalling({ buffer: 5 })
          const sliding = yield* stalling({ buffer: 5, onFull: "sliding" })
          // the last to be subscribed is the last to get anything
          const other = yield* reading(subscribe("events", simulator))
          yield* eventually(
            "all are there",
            Effect.zipRight(send("ready"), Effect.map(other.lines, (lines) => lines.length > 0))
          )
          yield* Effect.forEach(Array.from({ length: 40 }, (_, index) => `${index}`), send)
          yield* eventually("the other has all", Effect.map(other.lines, (lines) => lines.at(-1) === "39"))
          assert.deepInclude(yield* Effect.flip(Fiber.join(failing.fiber)), { _tag: "SlowReader", buffer: 5 })
          yield* eventually(
            "the last has come",
            Effect.map(sliding.elements, (all) => all.some((element) => line(element) === "39"))
          )
          const counted = (yield* sliding.elements).map((element) => element._tag === "Lost" ? element.count ?? 0 : 1)
          // whatever came before the other was there comes on top
          assert.isAtLeast(counted.reduce((sum, n) => sum + n, 0), (yield* other.lines).length)
          assert.isTrue(
            (yield* sliding.elements).some((element) => element._tag === "Lost" && element.reason === "Overflow")
          )
        }),
      slow
    )

    it.scoped(
      "a connection that does not keep up is ended by the server, or loses messages of low priority: both are told",
      () =>
        Effect.gen(function*() {
          const { baseUrl } = yield* started
          const send = yield* eventSender(baseUrl)
          const relay = yield* StallingRelay.make(baseUrl)
          const total = 300
          // the connection is compressed, so it takes what cannot be
          const flood = Effect.forEach(
            Array.from({ length: total }, (_, index) => `${index}: ${randomBytes(45_000).toString("base64")}`),
            send,
            { concurrency: 4 }
          )
          const stalled = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
            Effect.zipRight(relay.stall, Effect.ensuring(effect, relay.resume))

          const low = yield* Effect.flatMap(
            subscriptionsOf(relay.baseUrl),
            ({ subscribe }) => reading(subscribe("events", { ...simulator, lowPriority: true }))
          )
          yield* Effect.sleep("2 seconds")
          yield* stalled(flood)
          yield* eventually("they come again", Effect.map(low.elements, (all) => all.length > 10))
          // later ones show how many were left out before them; some of these may be left out too
          const sent = yield* Ref.make(total)
          const accounted = Effect.map(low.elements, (elements) =>
            elements.map((element) =>
              element._tag === "Lost" ? element.count ?? 0 : 1
            ).reduce((sum, n) => sum + n, 0))
          yield* eventually(
            "all are accounted for",
            Effect.gen(function*() {
              yield* send("later")
              yield* Ref.update(sent, (sent) => sent + 1)
              yield* Effect.sleep("3 seconds")
              return (yield* accounted) === (yield* Ref.get(sent))
            })
          )
          const elements = yield* low.elements
          assert.isFalse(elements.some((element) => element._tag === "Reconnected"))
          assert.isTrue(elements.some((element) => element._tag === "Lost" && element.reason === "Dropped"))

          const normal = yield* Effect.flatMap(
            subscriptionsOf(relay.baseUrl),
            ({ subscribe }) => reading(subscribe("events", simulator))
          )
          yield* Effect.sleep("2 seconds")
          yield* stalled(flood)
          yield* eventually("it is back", Effect.map(normal.lines, (lines) => lines.includes("reconnected")))
          assert.include(yield* normal.lines, "lost: Disconnected")
        }),
      slow
    )

    it.scoped("opens with an API key of its own, and keeps the socket when the key ends", () =>
      Effect.gen(function*() {
        const { baseUrl, directory } = yield* started
        const files = yield* FileSystem.FileSystem
        const admin = yield* Yamcs.make({ baseUrl, credential: basic })
        const keyFile = `${directory}/key`
        yield* Effect.flatMap(
          HttpClientRequest.bodyJson(HttpClientRequest.post("/api/activities/simulator/activities"), {
            type: "SCRIPT",
            args: { script: "key.sh", args: [keyFile] }
          }),
          (request) => YamcsError.filterStatusOk(admin.execute(request))
        )
        yield* eventually(
          "there is a key",
          Effect.map(Effect.orElseSucceed(files.readFileString(keyFile), () => ""), (key) => key !== "")
        )
        const key = new ApiKey({ key: Redacted.make(yield* files.readFileString(keyFile)) })
        const { subscribe } = yield* subscriptionsOf(baseUrl, key)
        const { lines } = yield* reading(subscribe("time", simulator))
        yield* eventually("the clock ticks", Effect.map(lines, (lines) => lines.length > 1))
        assert.notInclude(yield* lines, "lost: Disconnected")
      }), slow)

    it.scoped("reads messages as the fake does", () =>
      Effect.gen(function*() {
        const { baseUrl } = yield* started
        const { password, username } = RealYamcs.admin
        const fake = yield* FakeYamcs.make({ users: { [username]: password } })
        const server = yield* Layer.build(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
        const fakeUrl = yield* Effect.provide(FakeServer.serve(fake.app), server)
        const transcripts = (baseUrl: string) =>
          Effect.flatMap(Yamcs.make({ baseUrl, credential: basic }), (client) =>
            RawMessages.transcripts((run) =>
              Effect.flatMap(
                AuthenticatedSocket.make(client, {
                  url: "/api/websocket",
                  protocols: ["json"],
                  closeCodeIsError: () =>
                    true
                }),
                run
              )
            ))
        const [ofFake, real] = yield* Effect.all([transcripts(fakeUrl), transcripts(baseUrl)])
        assert.deepStrictEqual(ofFake, real)
        assert.isAbove(Object.keys(real).length, 20)
      }), slow)
  }
)
