/** A program at a terminal, as a process of its own: with a browser by the name of the system's, and real signals. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as ChildProcess from "node:child_process"
import * as Net from "node:net"
import { fileURLToPath } from "node:url"
import * as Terminal from "./fixtures/terminal.ts"

const script = fileURLToPath(new URL("fixtures/browserLogin.ts", import.meta.url))

const command = `${process.execPath} --import tsx ${script}`

const idle = "exit 0"

/** A browser in which a person logs in at once: it goes where the authorization server would send it. */
const answers = `exec ${process.execPath} -e '
  const { searchParams } = new URL(process.argv[1])
  fetch(searchParams.get("redirect_uri") + "?code=canary-code&state=" + searchParams.get("state"))
' "$1"`

/** The program, with a `xdg-open` of ours before the system's, and what it has written until now. */
const program = (browser: string | undefined, [file = "", ...parameters]: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const here = yield* fs.makeTempDirectoryScoped()
    if (browser !== undefined) {
      yield* fs.writeFileString(`${here}/xdg-open`, `#!/bin/sh\n${browser}\n`)
      yield* fs.chmod(`${here}/xdg-open`, 0o700)
    }
    const written = { out: "", err: "" }
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        ChildProcess.spawn(file, parameters, {
          env: { ...process.env, HERE: here, PATH: browser === undefined ? here : `${here}:${process.env["PATH"]}` }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    child.stdout.on("data", (chunk) => written.out += String(chunk))
    child.stderr.on("data", (chunk) => written.err += String(chunk))
    const exited = Effect.async<number | string | null>((resume) => {
      const end = () => resume(Effect.succeed(child.exitCode ?? child.signalCode))
      if (child.exitCode !== null || child.signalCode !== null) end()
      else child.on("close", end)
    })
    return {
      here,
      written,
      child,
      exited,
      /** Returns the port once the address of the login is shown, in whichever stream, and the text after it. */
      shown: (text = "https://as.example/") =>
        Effect.retry(
          Effect.suspend(() => {
            const all = written.out + written.err
            const port = /127\.0\.0\.1%3A(\d+)/.exec(all)?.[1]
            return port !== undefined && all.includes(text) ? Effect.succeed(Number(port)) : Effect.fail(all)
          }),
          { schedule: Schedule.spaced("10 millis"), while: () => child.exitCode === null }
        )
    }
  })

const isFree = (port: number) =>
  Effect.async<boolean>((resume) => {
    const server = Net.createServer().on("error", () => resume(Effect.succeed(false)))
    server.listen(port, "127.0.0.1", () => server.close(() => resume(Effect.succeed(true))))
  })

const direct = command.split(" ")

/** On a terminal of its own, whose settings are kept from before and after. */
const programOnTerminal = (browser: string) =>
  Effect.flatMap(
    Terminal.running(
      `stty -g > "$HERE/before"; ${command} > "$HERE/result"; echo $? > "$HERE/status"; stty -g > "$HERE/after"`
    ),
    (onTerminal) => program(browser, onTerminal)
  )

const lines = (here: string) =>
  Effect.flatMap(
    FileSystem.FileSystem,
    (fs) =>
      Effect.forEach(["before", "after", "status", "result"], (name) =>
        Effect.map(fs.readFileString(`${here}/${name}`), (text) => text.trim()))
  )

describe("A login at a terminal, in a process of its own", () => {
  it.scopedLive("LB6 the browser is opened, brings the answer back, and the process ends with its port free", () =>
    Effect.gen(function*() {
      const { exited, shown, written } = yield* program(answers, direct)
      const port = yield* shown()
      assert.strictEqual(yield* exited, 0)
      assert.strictEqual(written.out, "redirected 11 canary-code\n")
      assert.isTrue(yield* isFree(port))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("LB6 without a browser the address is printed to standard error, and the wait goes on", () =>
    Effect.gen(function*() {
      const { child, exited, shown, written } = yield* program(undefined, direct)
      const port = yield* shown("(no browser could be opened: xdg-open: there is no such program)")
      assert.strictEqual(written.out, "")
      assert.isFalse(yield* isFree(port))
      assert.strictEqual(
        (yield* Effect.promise(() => fetch(`http://127.0.0.1:${port}/callback?state=canary-state&code=canary`))).status,
        200
      )
      assert.strictEqual(yield* exited, 0)
      assert.strictEqual(child.signalCode, null)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it.scopedLive(`LB8 ${signal} ends the process, and its port is free`, () =>
      Effect.gen(function*() {
        const { child, exited, shown, written } = yield* program(idle, direct)
        const port = yield* shown()
        assert.isFalse(yield* isFree(port))
        child.kill(signal)
        assert.strictEqual(yield* exited, 0)
        assert.isTrue(yield* isFree(port))
        assert.strictEqual(written.out, "")
        assert.strictEqual(written.err.split("canary-state").length, 2)
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  }

  it.scopedLive.skipIf(!Terminal.isSupported)(
    "LB8 ctrl-C ends the process, its port is free, and the terminal is as it was",
    () =>
      Effect.gen(function*() {
        const { child, exited, here, shown } = yield* programOnTerminal(idle)
        const port = yield* shown("> ")
        child.stdin.write("half a line\u0003")
        yield* exited
        assert.isTrue(yield* isFree(port))
        const [before, after, status, result] = yield* lines(here)
        assert.strictEqual(after, before)
        assert.deepStrictEqual([status, result], ["0", ""])
      }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.scopedLive.skipIf(!Terminal.isSupported)(
    "LB7 an address of 6 KB is pasted whole, and the terminal is as it was",
    () =>
      Effect.gen(function*() {
        const { child, exited, here, shown } = yield* programOnTerminal(idle)
        const port = yield* shown("> ")
        child.stdin.write(
          `http://127.0.0.1:${port}/callback?state=canary-state&code=canary-code${"c".repeat(6000)}\r`
        )
        yield* exited
        const [before, after, status, result] = yield* lines(here)
        assert.strictEqual(after, before)
        assert.deepStrictEqual([status, result], ["0", "redirected 6011 canary-code"])
      }).pipe(Effect.provide(NodeFileSystem.layer))
  )

  it.scopedLive.skipIf(!Terminal.isSupported)(
    "LB8 the browser's answer ends the reading, and nothing keeps the process alive",
    () =>
      Effect.gen(function*() {
        const { exited, here } = yield* programOnTerminal(`(sleep 1; ${answers}) &`)
        yield* exited
        const [before, after, status, result] = yield* lines(here)
        assert.strictEqual(after, before)
        assert.deepStrictEqual([status, result], ["0", "redirected 11 canary-code"])
      }).pipe(Effect.provide(NodeFileSystem.layer))
  )
})
