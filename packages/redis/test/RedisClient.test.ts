import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { createHash } from "node:crypto"
import { EventEmitter } from "node:events"
import { untilDone } from "../../testing/test/untilDone.ts"
import * as RedisClient from "../src/RedisClient.ts"

const script: RedisClient.Script = { name: "canary", lua: "return 'canary'" }
const hash = createHash("sha1").update(script.lua).digest("hex")

/** As ioredis fails when Redis answers with an error; what it was sent is in the error. */
const answered = (message: string) =>
  Object.assign(new Error(message), { name: "ReplyError", command: { name: "evalsha", args: ["canary-secret"] } })

/** A client that answers the commands one after the other. */
const scripted = (...answers: ReadonlyArray<unknown>) => {
  const sent: Array<ReadonlyArray<unknown>> = []
  const subscribers: Array<Subscriber> = []
  const answer = (...command: ReadonlyArray<unknown>) => {
    const next = answers[sent.length]
    sent.push(command)
    return next instanceof Error
      ? Promise.reject(next)
      : next === undefined
      ? new Promise(() => {})
      : Promise.resolve(next)
  }
  const client: RedisClient.Ioredis = {
    evalsha: (...args) => answer("evalsha", ...args),
    eval: (...args) => answer("eval", ...args),
    duplicate: () => {
      const subscriber = new Subscriber()
      subscribers.push(subscriber)
      return subscriber
    }
  }
  return { client, sent, subscribers }
}

class Subscriber extends EventEmitter implements RedisClient.IoredisSubscriber {
  readonly commands: Array<string> = []
  isConnected = true
  isOpen = true
  subscribe(...channels: Array<string>) {
    this.commands.push(`subscribe ${channels.join(" ")}`)
    return this.isConnected ? Promise.resolve(channels.length) : Promise.reject(new Error("no connection"))
  }
  unsubscribe(...channels: Array<string>) {
    this.commands.push(`unsubscribe ${channels.join(" ")}`)
    return Promise.resolve(0)
  }
  disconnect() {
    this.isOpen = false
  }
}

const run = (client: RedisClient.Ioredis) =>
  Effect.scoped(Effect.flatMap(RedisClient.fromIoredis(client), ({ run }) => run(script, ["key"], ["canary-secret"])))

describe("RedisClient over ioredis", () => {
  describe("a script", () => {
    it.effect("is named by its hash, with its keys and arguments", () =>
      Effect.gen(function*() {
        const { client, sent } = scripted("answer")
        assert.strictEqual(yield* run(client), "answer")
        assert.deepStrictEqual(sent, [["evalsha", hash, 1, "key", "canary-secret"]])
      }))

    it.effect("is sent as a whole where Redis does not know it", () =>
      Effect.gen(function*() {
        const { client, sent } = scripted(answered("NOSCRIPT No matching script"), "answer")
        assert.strictEqual(yield* run(client), "answer")
        assert.deepStrictEqual(sent[1], ["eval", script.lua, 1, "key", "canary-secret"])
      }))

    it.effect("is given up after two seconds without an answer", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.flip(run(scripted().client)))
        assert.deepInclude({ ...(yield* untilDone(fiber)) }, { reason: "Unavailable", detail: "no answer within 2s" })
      }))

    for (
      const [what, error, reason, detail] of [
        ["no connection", new Error("connect ECONNREFUSED canary-secret"), "Unavailable", "there is no connection"],
        ["Redis starts", answered("LOADING Redis is loading"), "Unavailable", "the answer is LOADING"],
        ["a replica", answered("READONLY You can't write"), "Unavailable", "the answer is READONLY"],
        ["no right", answered("NOPERM canary-secret"), "Refused", "the answer is NOPERM"],
        ["no password", answered("NOAUTH Authentication required."), "Refused", "the answer is NOAUTH"],
        ["an error of the script", answered("user_script:1: canary-secret"), "Refused", "the answer is ERR"]
      ] as const
    ) {
      it.effect(`fails for ${what}: ${reason}, without the words`, () =>
        Effect.gen(function*() {
          const failure = yield* Effect.flip(run(scripted(error).client))
          assert.deepInclude({ ...failure }, { reason, detail })
          assert.notInclude(`${failure.message} ${JSON.stringify(failure)} ${String(failure.cause)}`, "canary-secret")
        }))
    }
  })

  describe("a subscription", () => {
    const listening = (channel: string) =>
      Effect.gen(function*() {
        const { client, subscribers } = scripted()
        const scope = yield* Scope.make()
        const service = yield* Scope.extend(RedisClient.fromIoredis(client), scope)
        const listen = (channel: string) =>
          Effect.gen(function*() {
            const heard = yield* Queue.unbounded<string>()
            const fiber = yield* Effect.forkScoped(
              Stream.runForEach(
                service.subscribe(channel),
                (signal) => Queue.offer(heard, signal._tag === "Message" ? signal.text : signal._tag)
              )
            )
            return { next: Queue.take(heard), stop: Fiber.interrupt(fiber), heard }
          })
        const first = yield* listen(channel)
        assert.strictEqual(yield* first.next, "Subscribed")
        const [subscriber = new Subscriber()] = subscribers
        return { ...first, listen, subscriber, subscribers, close: Scope.close(scope, Exit.void) }
      })

    it.scoped("has a connection of its own, and one for all channels", () =>
      Effect.gen(function*() {
        const { heard, listen, next, subscriber, subscribers } = yield* listening("a")
        const other = yield* listen("b")
        assert.strictEqual(yield* other.next, "Subscribed")
        assert.strictEqual(subscribers.length, 1)
        subscriber.emit("message", "b", "for b")
        subscriber.emit("message", "a", "for a")
        assert.strictEqual(yield* next, "for a")
        assert.strictEqual(yield* other.next, "for b")
        assert.strictEqual(yield* Queue.size(heard), 0)
      }))

    it.scoped("is made anew when the connection is back, and says so", () =>
      Effect.gen(function*() {
        const { next, subscriber } = yield* listening("a")
        subscriber.isConnected = false
        subscriber.emit("ready")
        yield* Effect.yieldNow()
        subscriber.isConnected = true
        yield* Effect.promise(() => Promise.resolve())
        subscriber.emit("ready")
        assert.strictEqual(yield* next, "Subscribed")
        assert.deepStrictEqual(subscriber.commands, ["subscribe a", "subscribe a", "subscribe a"])
      }))

    it.scoped("has another connection a second after the last one has ended for good", () =>
      Effect.gen(function*() {
        const { next, subscriber, subscribers } = yield* listening("a")
        subscriber.emit("end")
        yield* Effect.yieldNow()
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* next, "Subscribed")
        assert.isFalse(subscriber.isOpen)
        assert.strictEqual(subscribers.length, 2)
      }))

    it.scoped("has a connection as soon as the client makes one that threw", () =>
      Effect.gen(function*() {
        const { client } = scripted()
        let tries = 0
        const duplicate = () => {
          if (tries++ === 0) throw new Error("canary-secret")
          return client.duplicate()
        }
        const { subscribe } = yield* RedisClient.fromIoredis({ ...client, duplicate })
        const heard = yield* Effect.fork(Stream.runHead(subscribe("a")))
        yield* Effect.yieldNow()
        yield* TestClock.adjust("1 second")
        assert.isTrue(Option.isSome(yield* Fiber.join(heard)))
      }))

    it.scoped("ends with its reader, and the connection with the Scope", () =>
      Effect.gen(function*() {
        const { close, listen, stop, subscriber } = yield* listening("a")
        const second = yield* listen("a")
        yield* second.next
        yield* stop
        assert.notInclude(subscriber.commands, "unsubscribe a")
        yield* second.stop
        assert.include(subscriber.commands, "unsubscribe a")
        assert.isTrue(subscriber.isOpen)
        yield* close
        assert.isFalse(subscriber.isOpen)
      }))

    it.scoped("lets no error of the connection reach the process", () =>
      Effect.gen(function*() {
        const { subscriber } = yield* listening("a")
        assert.isTrue(subscriber.emit("error", new Error("canary")))
      }))
  })

  it.scoped.each([" ", "\n", "Infinity", "canary-host:6379", "http://canary-host", "6379"])(
    "%j is not taken for the name of a host",
    (url) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.build(RedisClient.layerIoredis({ url: Redacted.make(url) })))
        assert.strictEqual(
          error.message,
          "Redis: the url must begin with redis:// or rediss://, or be the path of a socket"
        )
      })
  )

  it.scoped("a line end around a URL, as of a file, is no part of it", () =>
    Layer.build(RedisClient.layerIoredis({ url: Redacted.make("\trediss://u:canary-secret@127.0.0.1:1/0\n") })))

  it.scoped("a URL that is none is refused without being quoted", () =>
    Effect.gen(function*() {
      const error = yield* Layer.build(
        RedisClient.layerIoredis({ url: Redacted.make("redis://canary-secret@:not-a-port") })
      ).pipe(
        Effect.flip
      )
      assert.strictEqual(error.reason, "Refused")
      assert.notInclude(error.message, "canary-secret")
    }))
})
