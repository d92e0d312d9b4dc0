/** With programs that are really started. */
import * as Browser from "@effect-auth/core/Browser"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import { inspect } from "node:util"
import * as SystemBrowser from "../src/SystemBrowser.ts"

const url = "https://as.example/authorize?state=canary-state&b=$(touch injected)"

const href = "https://as.example/authorize?state=canary-state&b=$(touch%20injected)"

/** A program that runs a script of the shell with the URL as its last parameter; `$here` is a directory of its own. */
const program = (script: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const here = yield* fs.makeTempDirectoryScoped()
    const path = `${here}/browser`
    yield* fs.writeFileString(path, `#!/bin/sh\nhere='${here}'\n${script}\n`)
    yield* fs.chmod(path, 0o700)
    return {
      path,
      here,
      written: (name: string) =>
        Effect.retry(
          Effect.filterOrFail(fs.readFileString(`${here}/${name}`), (text) => text.endsWith("\n"), () => "unfinished"),
          Schedule.spaced("5 millis")
        )
    }
  })

const run = <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem>) => Effect.provide(effect, NodeFileSystem.layer)

describe("SystemBrowser", () => {
  it.scopedLive("LB6 starts the program with the URL as one parameter, normalised, and the parameters before it", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { here, path, written } = yield* program(`printf '%s\\n' "$#" "$@" > "$here/parameters"`)
      yield* SystemBrowser.make({ command: [path, "--new-window"] }).open(url)
      assert.strictEqual(yield* written("parameters"), `2\n--new-window\n${href}\n`)
      const fs = yield* FileSystem.FileSystem
      assert.deepStrictEqual((yield* fs.readDirectory(here)).sort(), ["browser", "parameters"])
    }))))

  it.scopedLive("LB6 the program has a session of its own, and none of our input and output", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { path, written } = yield* program(
        `readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 > "$here/made"; ` +
          `cut -d' ' -f6 /proc/$$/stat >> "$here/made"; echo $$ >> "$here/made"; mv "$here/made" "$here/streams"`
      )
      yield* SystemBrowser.make({ command: [path] }).open(url)
      const [input, , error, session, self] = (yield* written("streams")).split("\n")
      // the second is the file that readlink itself writes to
      assert.deepStrictEqual([input, error], ["/dev/null", "/dev/null"])
      assert.strictEqual(session, self)
    }))))

  for (
    const [name, script, expected] of [
      ["says that it failed", "exit 3", "ended with code 3"],
      ["is killed", "kill -9 $$", "ended by SIGKILL"]
    ] as const
  ) {
    it.scopedLive(`LB6 a program that ${name} is BrowserUnavailable, without the URL`, () =>
      run(Effect.scoped(Effect.gen(function*() {
        const { path } = yield* program(script)
        const error = yield* Effect.flip(SystemBrowser.make({ command: [path] }).open(url))
        assert.instanceOf(error, Browser.BrowserUnavailable)
        assert.strictEqual(error.problem, `${path}: ${expected}`)
        assert.notInclude(inspect(error), "canary")
      }))))
  }

  for (
    const [name, command, problem] of [
      ["is missing", "/nowhere/browser", "/nowhere/browser: there is no such program"],
      ["is none", "/etc", "/etc: EACCES"],
      ["has a name that no program can have", "brow\0ser", "brow\0ser: ERR_INVALID_ARG_VALUE"]
    ] as const
  ) {
    it.live(`LB6 a program that ${name} is BrowserUnavailable, without the URL`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(SystemBrowser.make({ command: [command] }).open(url))
        assert.strictEqual(error.problem, problem)
        assert.notInclude(inspect(error), "canary")
      }))
  }

  it.live("LB6 a URL that is longer than the system takes is BrowserUnavailable", () =>
    Effect.gen(function*() {
      const open = SystemBrowser.make({ command: ["/bin/true"] }).open(`${url}${"x".repeat(4_000_000)}`)
      assert.strictEqual((yield* Effect.flip(open)).problem, "/bin/true: E2BIG")
    }))

  it.live("AC12 nothing is started for a URL that is not http or https", () =>
    Effect.gen(function*() {
      const { open } = SystemBrowser.make({ command: ["/nowhere/browser"] })
      for (const url of ["file:///canary", "--canary", "javascript:canary", "canary"]) {
        const { problem } = yield* Effect.flip(open(url))
        assert.notInclude(problem, "/nowhere/browser")
        assert.notInclude(problem, "canary")
      }
    }))

  it.effect("LB6 a program that still runs after 3 seconds is the browser: it counts as opened, and runs on", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { path, written } = yield* program(
        `echo started > "$here/started"; while [ -d "$here" ] && [ ! -e "$here/go" ]; do sleep 0.02; done; echo on > "$here/ran"`
      )
      const fiber = yield* Effect.fork(SystemBrowser.make({ command: [path] }).open(url))
      yield* live(written("started"))
      yield* TestClock.adjust("2999 millis")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      yield* release(path)
      assert.strictEqual(yield* live(written("ran")), "on\n")
    }))))

  it.effect("LB8 interruption ends the wait, and the browser runs on", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { path, written } = yield* program(
        `echo started > "$here/started"; while [ -d "$here" ] && [ ! -e "$here/go" ]; do sleep 0.02; done; echo on > "$here/ran"`
      )
      const fiber = yield* Effect.fork(SystemBrowser.make({ command: [path] }).open(url))
      yield* live(written("started"))
      yield* Fiber.interrupt(fiber)
      yield* release(path)
      assert.strictEqual(yield* live(written("ran")), "on\n")
    }))))

  it.effect("the wait may be chosen", () =>
    run(Effect.scoped(Effect.gen(function*() {
      const { path } = yield* program(`while [ -d "$here" ] && [ ! -e "$here/go" ]; do sleep 0.02; done`)
      const fiber = yield* Effect.fork(SystemBrowser.make({ command: [path], patience: "1 minute" }).open(url))
      yield* TestClock.adjust("59 seconds")
      assert.strictEqual((yield* Fiber.poll(fiber))._tag, "None")
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      yield* release(path)
    }))))
})

/** In the time of the programs, which is no test's. */
const live = <A, E, R>(effect: Effect.Effect<A, E, R>) => TestServices.provideLive(effect)

const release = (path: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString(path.replace(/browser$/, "go"), ""))
