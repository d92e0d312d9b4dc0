/** Over real sockets: what counts as an answer is a fact of the transport. */
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Net from "node:net"
import * as LoopbackReceiver from "../src/LoopbackReceiver.ts"

const receiver = LoopbackReceiver.make()

const isMine = (parameters: URLSearchParams) => parameters.get("state") === "mine"

const good = "code=canary-code&state=mine"

/** Connects and sends; `received` is everything that came, once the connection is closed. */
const connect = (redirectUri: string, text: string, address?: string) =>
  Effect.acquireRelease(
    Effect.async<{ readonly received: Effect.Effect<string>; readonly leave: Effect.Effect<void> }>((resume) => {
      const { hostname, port } = new URL(redirectUri)
      let received = ""
      const connection = {
        received: Effect.async<string>((resume) => {
          const end = () => resume(Effect.succeed(received))
          if (socket.closed) end()
          else socket.on("close", end)
        }),
        leave: Effect.sync(() => socket.destroy())
      }
      const socket = Net.connect(Number(port), address ?? hostname.replace(/[[\]]/g, ""), () => {
        socket.write(text, () => resume(Effect.succeed(connection)))
      })
      socket.setEncoding("utf8").on("data", (chunk) => received += chunk)
      socket.on("error", () => resume(Effect.succeed(connection)))
    }),
    ({ leave }) => leave
  )

const exchange = (redirectUri: string, text: string, address?: string) =>
  Effect.scoped(Effect.flatMap(connect(redirectUri, text, address), ({ received }) => received))

/** Returns once what others have sent is read: it came before two requests that are answered. */
const settled = (redirectUri: string) => Effect.repeatN(send(redirectUri, { target: "/elsewhere" }), 1)

const request = (redirectUri: string, query = good) =>
  `GET /callback?${query} HTTP/1.1\r\nHost: ${new URL(redirectUri).host}\r\n\r\n`

const statusOf = (answer: string) => Number(answer.split(" ")[1])

interface Sent {
  readonly method?: string
  readonly target?: string
  readonly host?: string | undefined
  readonly fields?: ReadonlyArray<string>
  readonly address?: string
}

const send = (redirectUri: string, { address, fields = [], host, method = "GET", target }: Sent) => {
  const url = new URL(redirectUri)
  const lines = [
    `${method} ${target ?? `${url.pathname}?${good}`} HTTP/1.1`,
    `Host: ${host ?? url.host}`,
    ...fields,
    "",
    ""
  ]
  return Effect.map(exchange(redirectUri, lines.join("\r\n"), address), (answer) => {
    const [head = "", body = ""] = answer.split("\r\n\r\n")
    const [line = "", ...rest] = head.split("\r\n")
    return {
      status: statusOf(line),
      headers: new Headers(rest.map((field): [string, string] => {
        const colon = field.indexOf(":")
        return [field.slice(0, colon), field.slice(colon + 1).trim()]
      })),
      body,
      answer
    }
  })
}

const canListen = (port: number, address = "127.0.0.1") =>
  Effect.async<boolean>((resume) => {
    const server = Net.createServer()
    server.on("error", () => resume(Effect.succeed(false)))
    server.listen(port, address, () => server.close(() => resume(Effect.succeed(true))))
  })

const portOf = (redirectUri: string) => Number(new URL(redirectUri).port)

/** Waits for an answer, and sees that it is the one of this login. */
const waiting = (options?: RedirectReceiver.Options) =>
  Effect.gen(function*() {
    const { receive, redirectUri } = yield* receiver.listen(options)
    const fiber = yield* Effect.fork(receive(isMine))
    return {
      redirectUri,
      stillWaits: Effect.gen(function*() {
        assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
        assert.strictEqual((yield* send(redirectUri, {})).status, 200)
        assert.strictEqual((yield* Fiber.join(fiber)).get("code"), "canary-code")
      }),
      answer: Fiber.join(fiber)
    }
  })

describe("LoopbackReceiver", () => {
  it.scopedLive("LB1 says and listens on 127.0.0.1 and no other address, at a port that is free", () =>
    Effect.gen(function*() {
      const { redirectUri } = yield* receiver.listen()
      assert.match(redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/)
      assert.isTrue(yield* canListen(portOf(redirectUri), "::1"))
      assert.isTrue(yield* canListen(portOf(redirectUri), "127.0.0.2"))
      assert.isFalse(yield* canListen(portOf(redirectUri)))
    }))

  it.scopedLive("LB1 says and listens on [::1] by option", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting({ host: "[::1]" })
      assert.match(redirectUri, /^http:\/\/\[::1\]:\d+\/callback$/)
      assert.isTrue(yield* canListen(portOf(redirectUri)))
      yield* stillWaits
    }))

  for (const address of ["127.0.0.1", "::1"]) {
    it.scopedLive(`LB1 says localhost by option, and an answer may come to ${address}`, () =>
      Effect.gen(function*() {
        const { answer, redirectUri } = yield* waiting({ host: "localhost" })
        assert.match(redirectUri, /^http:\/\/localhost:\d+\/callback$/)
        const { status } = yield* send(redirectUri, { address })
        assert.strictEqual(status, 200)
        assert.strictEqual((yield* answer).get("code"), "canary-code")
      }))
  }

  for (
    const [path, said, requested] of [
      ["/acme/back", "/acme/back", "/acme/back"],
      ["acme", "/acme", "/acme"],
      ["/with space", "/with%20space", "/with%20space"],
      ["//elsewhere.example/x", "//elsewhere.example/x", "//elsewhere.example/x"],
      ["/a?b#c", "/a%3Fb%23c", "/a%3Fb%23c"],
      ["/", "/", "/"],
      ["", "", "/"]
    ] as const
  ) {
    it.scopedLive(`LB9 the path ${JSON.stringify(path)} by option is said as ${JSON.stringify(said)}, and counts`, () =>
      Effect.gen(function*() {
        const { answer, redirectUri } = yield* waiting({ path })
        assert.strictEqual(redirectUri, `http://127.0.0.1:${portOf(redirectUri)}${said}`)
        assert.strictEqual((yield* send(redirectUri, { target: `${requested}?${good}` })).status, 200)
        assert.strictEqual((yield* answer).get("code"), "canary-code")
      }))
  }

  it.scopedLive("LB2 an answer that comes between listening and receiving is kept", () =>
    Effect.gen(function*() {
      const { receive, redirectUri } = yield* receiver.listen()
      const other = yield* connect(redirectUri, request(redirectUri, "code=canary-other&state=other"))
      const mine = yield* connect(redirectUri, request(redirectUri))
      yield* settled(redirectUri)
      assert.strictEqual((yield* receive(isMine)).get("code"), "canary-code")
      assert.strictEqual(statusOf(yield* other.received), 400)
      assert.strictEqual(statusOf(yield* mine.received), 200)
    }))

  it.scopedLive("LB2 the browser gets its page, although the end of the Scope destroys the connection at once", () =>
    Effect.forEach(
      Array.from({ length: 5 }),
      () =>
        Effect.gen(function*() {
          const browser = yield* Effect.scoped(Effect.gen(function*() {
            const { receive, redirectUri } = yield* receiver.listen()
            const browser = yield* Effect.fork(send(redirectUri, {}))
            yield* receive(isMine)
            return browser
          }))
          const { body, headers, status } = yield* Fiber.join(browser)
          assert.strictEqual(status, 200)
          assert.strictEqual(Buffer.byteLength(body), Number(headers.get("content-length")))
        }),
      { discard: true }
    ))

  it.scopedLive("LB2 an answer counts although the browser is gone before it is looked at", () =>
    Effect.gen(function*() {
      const { receive, redirectUri } = yield* receiver.listen()
      const browser = yield* connect(redirectUri, request(redirectUri))
      yield* settled(redirectUri)
      yield* browser.leave
      yield* settled(redirectUri)
      assert.strictEqual((yield* receive(isMine)).get("code"), "canary-code")
    }))

  it.scopedLive("LB2 the end of the Scope destroys connections, silent and unanswered ones, and frees the port", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { redirectUri } = yield* Scope.extend(receiver.listen(), scope)
      const silent = yield* connect(redirectUri, "")
      const begun = yield* connect(redirectUri, "GET /callback?state=mi")
      const unanswered = yield* connect(redirectUri, request(redirectUri))
      yield* settled(redirectUri)
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* canListen(portOf(redirectUri)))
      for (const { received } of [silent, begun, unanswered]) assert.strictEqual(yield* received, "")
    }))

  it.scopedLive("LB3 HEAD, POST and other methods at the exact path are 405, and the wait goes on", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting()
      for (const method of ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
        const { body, headers, status } = yield* send(redirectUri, { method })
        assert.deepStrictEqual([method, status, headers.get("allow")], [method, 405, "GET"])
        if (method === "HEAD") assert.strictEqual(body, "")
        assert.isNull(headers.get("access-control-allow-origin"))
      }
      yield* stillWaits
    }))

  it.scopedLive("LB3 only the exact path counts: favicon, the root and what looks like the path are 404, and the wait goes on", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting()
      for (
        const path of [
          "/",
          "/favicon.ico",
          "/callback/",
          "/Callback",
          "/callback2",
          "/callback;x",
          "//callback",
          "/x/../callback",
          "/%63allback",
          `${redirectUri}`,
          "*"
        ]
      ) {
        const { status } = yield* send(redirectUri, { target: `${path}?${good}` })
        assert.deepStrictEqual([path, status], [path, 404])
      }
      assert.strictEqual((yield* send(redirectUri, { method: "POST", target: "/favicon.ico" })).status, 404)
      yield* stillWaits
    }))

  it.scopedLive("LB3 a request for another Host is refused, also a name that leads to loopback (DNS rebinding)", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting()
      const port = portOf(redirectUri)
      for (
        const host of [
          "attacker.example",
          `attacker.example:${port}`,
          `localhost:${port}`,
          `[::1]:${port}`,
          "127.0.0.1",
          `127.0.0.1:${port + 1}`,
          `127.0.0.1:${port}.attacker.example`,
          `2130706433:${port}`,
          ""
        ]
      ) {
        const { status } = yield* send(redirectUri, { host })
        assert.deepStrictEqual([host, status], [host, 421])
      }
      assert.match(yield* exchange(redirectUri, `GET /callback?${good} HTTP/1.0\r\n\r\n`), /^HTTP\/1\.1 421 /)
      assert.match(yield* exchange(redirectUri, `GET /callback?${good} HTTP/1.1\r\n\r\n`), /^HTTP\/1\.1 400 /)
      yield* stillWaits
    }))

  it.scopedLive("LB3 with localhost the Host is localhost, in whatever case, and no address", () =>
    Effect.gen(function*() {
      const { answer, redirectUri } = yield* waiting({ host: "localhost" })
      const port = portOf(redirectUri)
      assert.strictEqual((yield* send(redirectUri, { host: `127.0.0.1:${port}` })).status, 421)
      assert.strictEqual((yield* send(redirectUri, { host: `LocalHost:${port}` })).status, 200)
      yield* answer
    }))

  for (const expectation of ["100-continue", "something-else"]) {
    it.scopedLive(`LB3 a request with Expect: ${expectation} does not count, and is not asked to continue`, () =>
      Effect.gen(function*() {
        const { redirectUri, stillWaits } = yield* waiting()
        const { status } = yield* send(redirectUri, { fields: [`Expect: ${expectation}`] })
        assert.strictEqual(status, 417)
        yield* stillWaits
      }))
  }

  it.scopedLive("LB3 what is not HTTP, or too long, ends with an error, and the wait goes on", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting()
      assert.match(yield* exchange(redirectUri, "\u0016\u0003\u0001 canary\r\n\r\n"), /^HTTP\/1\.1 400 /)
      const long = yield* send(redirectUri, { fields: [`Cookie: ${"c".repeat(70_000)}`] })
      assert.isTrue(long.answer === "" || long.status === 431)
      yield* stillWaits
    }))

  it.scopedLive("LB3 cookies of other servers on this machine, 40 KB of them, are not too long", () =>
    Effect.gen(function*() {
      const { answer, redirectUri } = yield* waiting()
      assert.strictEqual((yield* send(redirectUri, { fields: [`Cookie: ${"c".repeat(40_000)}`] })).status, 200)
      yield* answer
    }))

  it.scopedLive("LB3 there are no more than 64 connections at a time", () =>
    Effect.gen(function*() {
      const { redirectUri } = yield* waiting()
      const held = yield* Effect.forEach(Array.from({ length: 64 }), () => connect(redirectUri, "GET "))
      assert.strictEqual((yield* send(redirectUri, {})).answer, "")
      yield* Effect.forEach(held, ({ leave }) => leave)
      yield* Effect.repeat(send(redirectUri, {}), { until: ({ status }) => status === 200 })
    }))

  it.scopedLive("LB4 every answer is an HTML page that is not stored, tells no referrer, loads nothing and echoes nothing", () =>
    Effect.gen(function*() {
      const { redirectUri } = yield* waiting()
      const evil = "<script>canary</script>"
      const answers = [
        yield* send(redirectUri, { target: `/${evil}?${evil}` }),
        yield* send(redirectUri, { target: `/callback?state=other&error_description=${evil}&code=canary-code` }),
        yield* send(redirectUri, { method: "POST", target: `/callback?${evil}` }),
        yield* send(redirectUri, { host: "canary.example" }),
        yield* send(redirectUri, { fields: ["Expect: canary"] }),
        yield* send(redirectUri, { target: `/callback?${good}&x=${evil}&redirect=https://canary.example` })
      ]
      assert.deepStrictEqual(answers.map(({ status }) => status), [404, 400, 405, 421, 417, 200])
      for (const { answer, body, headers } of answers) {
        assert.strictEqual(headers.get("content-type"), "text/html; charset=utf-8")
        assert.strictEqual(headers.get("cache-control"), "no-store")
        assert.strictEqual(headers.get("referrer-policy"), "no-referrer")
        assert.strictEqual(headers.get("connection"), "close")
        assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
        assert.isNull(headers.get("location"))
        assert.notInclude(answer, "canary")
        const script = /<script>(.*)<\/script>/.exec(body)?.[1] ?? ""
        assert.include(script, "history.replaceState(")
        assert.strictEqual(
          headers.get("content-security-policy"),
          "default-src 'none'; " +
            `script-src 'sha256-${Crypto.createHash("sha256").update(script).digest("base64")}'; ` +
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
      }
    }))

  for (const path of ["/callback", "//elsewhere.example/callback"]) {
    it.scopedLive(`LB4 the page's script leaves nothing but the address up to the path in the address bar: ${path}`, () =>
      Effect.gen(function*() {
        const { redirectUri } = yield* waiting({ path })
        const { body } = yield* send(redirectUri, {})
        const script = /<script>(.*)<\/script>/.exec(body)?.[1] ?? ""
        const shown: Array<string> = []
        const location = new URL(`${redirectUri}?${good}#fragment`)
        new Function("history", "location", script)(
          { replaceState: (_: unknown, __: unknown, url: string) => shown.push(new URL(url, location).href) },
          location
        )
        assert.deepStrictEqual(shown, [redirectUri])
      }))
  }

  it.scopedLive("LB5 a port by option is listened on, and is a typed failure when it is in use", () =>
    Effect.gen(function*() {
      const { redirectUri } = yield* Effect.scoped(receiver.listen())
      const port = portOf(redirectUri)
      const again = yield* receiver.listen({ port })
      assert.strictEqual(again.redirectUri, `http://127.0.0.1:${port}/callback`)
      const error = yield* Effect.flip(receiver.listen({ port }))
      assert.strictEqual(error.reason, "PortInUse")
      assert.strictEqual(error.message, `cannot listen on 127.0.0.1:${port}: the port is in use`)
      const named = yield* Effect.flip(receiver.listen({ host: "localhost", port }))
      assert.strictEqual(named.reason, "PortInUse")
      assert.strictEqual(named.address, `localhost:${port}`)
      assert.isTrue(yield* canListen(port, "::1"))
    }))

  for (const port of [-1, 65_536, 80.5, NaN]) {
    it.scopedLive(`LB5 ${port} is no port, which is a typed failure`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(receiver.listen({ port }))
        assert.strictEqual(error.reason, "Unavailable")
        assert.include(error.message, "a port is a number from 0 to 65535")
      }))
  }

  it.scopedLive("LB8 two at once have two ports, and neither takes the answer of the other", () =>
    Effect.gen(function*() {
      const [first, second] = yield* Effect.all([receiver.listen(), receiver.listen()])
      assert.notStrictEqual(first.redirectUri, second.redirectUri)
      const one = yield* Effect.fork(first.receive((parameters) => parameters.get("state") === "one"))
      const two = yield* Effect.fork(second.receive((parameters) => parameters.get("state") === "two"))
      assert.strictEqual((yield* send(second.redirectUri, { target: "/callback?state=one&code=1" })).status, 400)
      assert.strictEqual((yield* send(second.redirectUri, { target: "/callback?state=two&code=2" })).status, 200)
      assert.strictEqual((yield* send(first.redirectUri, { target: "/callback?state=one&code=1" })).status, 200)
      assert.strictEqual((yield* Fiber.join(one)).get("code"), "1")
      assert.strictEqual((yield* Fiber.join(two)).get("code"), "2")
    }))

  it.scopedLive("LB8 interruption frees the port and leaves no connection", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { receive, redirectUri } = yield* Scope.extend(receiver.listen(), scope)
      const login = yield* Effect.fork(
        Effect.ensuring(receive(isMine), Scope.close(scope, Exit.void))
      )
      const held = yield* connect(redirectUri, "GET /")
      yield* settled(redirectUri)
      yield* Fiber.interrupt(login)
      assert.strictEqual(yield* held.received, "")
      assert.isTrue(yield* canListen(portOf(redirectUri)))
    }))

  it.scopedLive("LB8 a wait that was interrupted can begin again", () =>
    Effect.gen(function*() {
      const { receive, redirectUri } = yield* receiver.listen()
      const fiber = yield* Effect.fork(receive(isMine))
      yield* settled(redirectUri)
      yield* Fiber.interrupt(fiber)
      const again = yield* Effect.fork(receive(isMine))
      assert.strictEqual((yield* send(redirectUri, {})).status, 200)
      assert.strictEqual((yield* Fiber.join(again)).get("code"), "canary-code")
    }))

  it.scopedLive("AC5 a redirect with another state or none gets an error page, and the wait goes on", () =>
    Effect.gen(function*() {
      const { redirectUri, stillWaits } = yield* waiting()
      for (const query of ["?code=canary-code&state=other", "?code=canary-code", "?", "", "?error=access_denied"]) {
        const { body, status } = yield* send(redirectUri, { target: `/callback${query}` })
        assert.deepStrictEqual([query, status], [query, 400])
        assert.include(body, "Not the answer to this login")
        // AC8: nothing of an error that is not this login's
        assert.notInclude(body, "access_denied")
      }
      yield* stillWaits
    }))

  it.scopedLive("AC5 an answer is taken once: the same again is refused, while it is looked at and later", () =>
    Effect.gen(function*() {
      const { receive, redirectUri } = yield* receiver.listen()
      const both = [
        yield* connect(redirectUri, request(redirectUri)),
        yield* connect(redirectUri, request(redirectUri))
      ]
      yield* settled(redirectUri)
      yield* receive(isMine)
      const statuses = yield* Effect.forEach(both, ({ received }) => Effect.map(received, statusOf))
      assert.deepStrictEqual(statuses.sort(), [200, 400])
      assert.strictEqual((yield* send(redirectUri, {})).status, 400)
    }))

  it.scopedLive("AC11 the parameters are handed on as they came, duplicates too, decoded as a form", () =>
    Effect.gen(function*() {
      const { answer, redirectUri } = yield* waiting()
      yield* send(redirectUri, { target: "/callback?state=mine&code=a%2Bb&code=c+d&error=x&bad=%zz?%23" })
      assert.deepStrictEqual([...(yield* answer)], [
        ["state", "mine"],
        ["code", "a+b"],
        ["code", "c d"],
        ["error", "x"],
        ["bad", "%zz?#"]
      ])
    }))
})
