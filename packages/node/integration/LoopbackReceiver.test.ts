/** What takes the time of node's own limits. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Net from "node:net"
import * as LoopbackReceiver from "../src/LoopbackReceiver.ts"

/** Sends the text, and then a character every half second, until the connection is closed. */
const trickle = (port: number, text: string | undefined) =>
  Effect.async<string>((resume) => {
    let received = ""
    const socket = Net.connect(port, "127.0.0.1")
    if (text !== undefined) socket.write(text)
    const timer = setInterval(() => text !== undefined && socket.write("x"), 500)
    socket.on("data", (chunk) => received += String(chunk)).on("error", () => {})
    socket.on("close", () => {
      clearInterval(timer)
      resume(Effect.succeed(received))
    })
  })

describe("LoopbackReceiver against clients that take their time", () => {
  for (
    const [name, text] of [
      ["sends nothing", undefined],
      ["never ends its request line", "GET /callback?state="],
      ["never ends its header", "GET /callback?state=mine HTTP/1.1\r\nX: "],
      ["never ends its body", "POST /callback HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"]
    ] as const
  ) {
    it.scopedLive(`LB3 a connection that ${name} is closed within seconds, and the wait goes on`, () =>
      Effect.gen(function*() {
        const { receive, redirectUri } = yield* LoopbackReceiver.make().listen()
        const answer = yield* Effect.fork(receive((parameters) => parameters.get("state") === "mine"))
        const port = Number(new URL(redirectUri).port)
        const received = yield* Effect.timeout(trickle(port, text), "20 seconds")
        assert.match(received, /^$|^HTTP\/1\.1 4/)
        yield* Effect.promise(() => fetch(`${redirectUri}?state=mine`))
        assert.strictEqual((yield* Fiber.join(answer)).get("state"), "mine")
      }))
  }
})
