import * as Browser from "@effect-auth/core/Browser"
import type * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import { PassThrough } from "node:stream"
import * as TerminalPrompt from "../src/TerminalPrompt.ts"

const login: LoginPrompt.BrowserLogin = {
  mode: "OAuth/AuthorizationCode",
  url: "https://as.example/authorize?state=canary-state"
}

/** A terminal as node sees it: a stream in and a stream out, and whether each key comes by itself. */
class Keyboard extends PassThrough {
  readonly isTTY: boolean
  isRaw = false
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }
  setRawMode(raw: boolean) {
    this.isRaw = raw
    return this
  }
}

class Screen extends PassThrough {
  readonly isTTY: boolean
  readonly columns = 80
  text = ""
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
    this.on("data", (chunk) => this.text += String(chunk))
  }
}

const desk = (
  { browser = Effect.void, input = true, output = true }: {
    readonly browser?: Effect.Effect<void, Browser.BrowserUnavailable>
    readonly input?: boolean
    readonly output?: boolean
  } = {}
) =>
  Effect.gen(function*() {
    const opened = yield* Ref.make<ReadonlyArray<string>>([])
    const keyboard = new Keyboard(input)
    const screen = new Screen(output)
    const prompt = yield* Effect.provideService(
      TerminalPrompt.make({ input: keyboard, output: screen }),
      Browser.Browser,
      { open: (url) => Effect.zipRight(Ref.update(opened, (all) => [...all, url]), browser) }
    )
    return {
      keyboard,
      screen,
      prompt,
      opened: Ref.get(opened),
      /** Returns once the screen shows it. */
      shown: (text: string) => until(() => screen.text.includes(text)),
      type: (text: string) => Effect.sync(() => keyboard.write(text))
    }
  })

const until = (condition: () => boolean) => Effect.repeat(turn, { until: condition })

/** Lets streams do what they do. */
const turn = Effect.async<void>((resume) => {
  setImmediate(() => resume(Effect.void))
})

const listeners = (stream: NodeJS.EventEmitter) =>
  ["data", "end", "keypress", "readable", "error"].map((event) => [event, stream.listenerCount(event)])

const problem = new Browser.BrowserUnavailable({ problem: "xdg-open: there is no such program" })

describe("TerminalPrompt", () => {
  it.effect("LB6 opens the browser, and prints the address as well", () =>
    Effect.gen(function*() {
      const { opened, prompt, screen, shown } = yield* desk()
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown("paste the address")
      assert.deepStrictEqual(yield* opened, [login.url])
      assert.include(
        screen.text,
        "OAuth/AuthorizationCode: log in with a browser at\n\n  https://as.example/authorize?state=canary-state\n"
      )
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("LB6 a browser that cannot be opened is no failure, and why is said", () =>
    Effect.gen(function*() {
      const { prompt, screen, shown, type } = yield* desk({ browser: problem })
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown("paste the address")
      assert.include(screen.text, login.url)
      assert.include(screen.text, "(no browser could be opened: xdg-open: there is no such program)")
      yield* type("canary-code\n")
      assert.strictEqual(yield* Fiber.join(fiber), "canary-code")
    }))

  it.effect("LB6 the address is there while the browser takes its time", () =>
    Effect.gen(function*() {
      const { prompt, shown } = yield* desk({ browser: Effect.never })
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown(login.url)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("LB7 returns the pasted line, however long, and passes over blank ones", () =>
    Effect.gen(function*() {
      const { prompt, shown, type } = yield* desk()
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown("> ")
      const pasted = `http://127.0.0.1:8976/callback?state=mine&code=${"c".repeat(6000)}`
      yield* type(`\n  \n${pasted}\nnext line\n`)
      assert.strictEqual(yield* Fiber.join(fiber), pasted)
    }))

  it.effect("LB7 asks again with what was wrong, and opens no second browser", () =>
    Effect.gen(function*() {
      const { opened, prompt, screen, shown, type } = yield* desk()
      const fiber = yield* Effect.fork(prompt.browse({ ...login, problem: "that is \u001b[2Jsomething else" }))
      yield* shown("that is [2Jsomething else; paste the whole address")
      assert.notInclude(screen.text, login.url)
      yield* type("second\n")
      assert.strictEqual(yield* Fiber.join(fiber), "second")
      assert.deepStrictEqual(yield* opened, [])
    }))

  it.effect("LB7 reads nothing where input is no terminal, and never returns", () =>
    Effect.gen(function*() {
      const { keyboard, opened, prompt, screen, shown, type } = yield* desk({ input: false })
      const before = listeners(keyboard)
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown(login.url)
      yield* type("not for us\n")
      yield* Effect.repeatN(turn, 10)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      assert.notInclude(screen.text, "paste")
      assert.deepStrictEqual(listeners(keyboard), before)
      assert.strictEqual(String(keyboard.read()), "not for us\n")
      assert.deepStrictEqual(yield* opened, [login.url])
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("LB7 what is pasted is not echoed to an output that is no terminal", () =>
    Effect.gen(function*() {
      const { prompt, screen, shown, type } = yield* desk({ output: false })
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown("paste the address")
      yield* type("canary-code\n")
      assert.strictEqual(yield* Fiber.join(fiber), "canary-code")
      yield* Effect.repeatN(turn, 10)
      assert.notInclude(screen.text, "canary-code")
    }))

  it.effect("LB7 the end of input is no answer: the wait goes on for the browser's", () =>
    Effect.gen(function*() {
      const { keyboard, prompt, shown } = yield* desk()
      const fiber = yield* Effect.fork(prompt.browse(login))
      yield* shown("> ")
      keyboard.end()
      yield* until(() => !keyboard.isRaw)
      yield* Effect.repeatN(turn, 10)
      assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
      yield* Fiber.interrupt(fiber)
    }))

  for (const ending of ["interruption", "a pasted line"]) {
    for (const { flowing, raw } of [{ flowing: false, raw: false }, { flowing: true, raw: true }]) {
      it.effect(
        `LB8 after ${ending} input is as it was: ${raw ? "raw" : "not raw"}, ${flowing ? "read" : "not read"}`,
        () =>
          Effect.gen(function*() {
            const { keyboard, prompt, shown, type } = yield* desk()
            const elsewhere: Array<string> = []
            if (flowing) keyboard.on("data", (chunk) => elsewhere.push(String(chunk)))
            keyboard.setRawMode(raw)
            yield* turn
            const before = listeners(keyboard)
            const fiber = yield* Effect.fork(prompt.browse(login))
            yield* shown("> ")
            assert.isTrue(keyboard.isRaw)
            if (ending === "interruption") yield* Fiber.interrupt(fiber)
            else {
              yield* type("pasted\n")
              yield* Fiber.join(fiber)
            }
            yield* turn
            assert.strictEqual(keyboard.isRaw, raw)
            assert.strictEqual(keyboard.readableFlowing === true, flowing)
            // readline's decoder of keys takes itself off with the next input
            yield* type("afterwards")
            if (!flowing) {
              yield* Effect.repeatN(turn, 5)
              keyboard.resume()
            }
            yield* turn
            assert.deepStrictEqual(listeners(keyboard), before)
            if (flowing) assert.strictEqual(elsewhere.at(-1), "afterwards")
          })
      )
    }
  }

  it.effect("LB8 of two logins at once both are shown, and one after the other reads", () =>
    Effect.gen(function*() {
      const { opened, prompt, screen, shown, type } = yield* desk()
      const one = yield* Effect.fork(prompt.browse({ ...login, url: "https://one.example/" }))
      yield* shown("> ")
      const two = yield* Effect.fork(prompt.browse({ ...login, url: "https://two.example/" }))
      yield* shown("https://two.example/")
      assert.deepStrictEqual(yield* opened, ["https://one.example/", "https://two.example/"])
      yield* type("first\n")
      assert.strictEqual(yield* Fiber.join(one), "first")
      yield* until(() => screen.text.split("> ").length > 2)
      yield* type("second\n")
      assert.strictEqual(yield* Fiber.join(two), "second")
    }))

  it.effect("DV3 shows the code and the address first, the complete link in addition, and until when the code is good", () =>
    Effect.gen(function*() {
      const { opened, prompt, screen, shown } = yield* desk()
      yield* prompt.showCode({
        mode: "OAuth/Device",
        userCode: "WDJB-MJHT",
        verificationUri: "https://as.example/device",
        verificationUriComplete: "https://as.example/device?user_code=WDJB-MJHT",
        expiresAt: DateTime.unsafeMake(15 * 60_000)
      })
      yield* shown("compare")
      assert.strictEqual(
        screen.text,
        "OAuth/Device: enter the code\n\n  WDJB-MJHT\n\nat https://as.example/device within 15 minutes.\n\n" +
          "Or open this address and compare the code:\n\n  https://as.example/device?user_code=WDJB-MJHT\n\n"
      )
      assert.deepStrictEqual(yield* opened, [])
    }))

  for (const [left, said] of [[60_000, " within 1 minute."], [59_999, "."], [-600_000, "."]] as const) {
    it.effect(`DV3 a code that is good for ${left} ms and has no complete link`, () =>
      Effect.gen(function*() {
        const { prompt, screen, shown } = yield* desk()
        yield* prompt.showCode({
          mode: "OAuth/Device",
          userCode: "WDJB",
          verificationUri: "https://as.example/device",
          verificationUriComplete: undefined,
          expiresAt: DateTime.unsafeMake(left)
        })
        yield* shown("device")
        assert.strictEqual(
          screen.text,
          `OAuth/Device: enter the code\n\n  WDJB\n\nat https://as.example/device${said}\n\n`
        )
      }))
  }

  it.effect("a server's words reach the terminal without what it would take for a command", () =>
    Effect.gen(function*() {
      const { prompt, screen, shown } = yield* desk()
      yield* prompt.showCode({
        mode: "OAuth/Device",
        userCode: "\u001b]0;x\u0007WD\u202eJB\r\n",
        verificationUri: "https://as.example/\u001b[2Jdevice",
        verificationUriComplete: "not a URL \u009b2J\u200b",
        expiresAt: DateTime.unsafeMake(60_000)
      })
      yield* shown("compare")
      assert.include(screen.text, "\n\n  ]0;xWDJB\n\nat https://as.example/%1B[2Jdevice ")
      assert.include(screen.text, "\n\n  not a URL 2J\n\n")
      // eslint-disable-next-line no-control-regex -- the pattern matches control characters on purpose
      assert.notMatch(screen.text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b\u202e]/)
    }))

  it.effect("the address, which holds the state, goes to the terminal and into no log", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make((entry) => void lines.push(JSON.stringify(Logger.structuredLogger.log(entry))))
      const { prompt, screen, shown } = yield* desk({ browser: problem })
      const fiber = yield* Effect.fork(
        Effect.zipRight(Effect.log("begins"), prompt.browse(login)).pipe(
          Effect.provide(Logger.replace(Logger.defaultLogger, logger))
        )
      )
      yield* shown("paste the address")
      yield* Fiber.interrupt(fiber)
      assert.include(screen.text, "canary-state")
      assert.strictEqual(lines.length, 1)
      assert.notInclude(lines.join(), "canary-state")
    }))
})
