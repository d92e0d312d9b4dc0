import * as Token from "@effect-auth/core/Token"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Runtime from "effect/Runtime"
import * as ChildProcess from "node:child_process"
import * as Readline from "node:readline"
import { fileURLToPath } from "node:url"
import * as FileTokenStore from "../src/FileTokenStore.ts"
import * as Rotation from "./fixtures/rotation.ts"

/** A process of its own that watches the shared file: what it reports, line by line, and a way to tell it what to do. */
const observer = (path: string, staleness: string) =>
  Effect.gen(function*() {
    const lines = yield* Queue.unbounded<string>()
    const offer = Runtime.runSync(yield* Effect.runtime())
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const script = fileURLToPath(new URL("fixtures/observedStore.ts", import.meta.url))
        const child = ChildProcess.spawn(process.execPath, ["--import", "tsx", script, path, staleness], {
          stdio: ["pipe", "pipe", "inherit"]
        })
        Readline.createInterface({ input: child.stdout }).on("line", (line) => offer(Queue.offer(lines, line)))
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    return {
      tell: (command: string) => Effect.sync(() => child.stdin.write(`${command}\n`)),
      signal: (signal: NodeJS.Signals) => Effect.sync(() => child.kill(signal)),
      /** The next line that is not of the other kind: what it sees, or what it did. */
      reported: Effect.repeat(Queue.take(lines), { until: (line) => !line.startsWith("sees ") }),
      seen: Effect.repeat(Queue.take(lines), { until: (line) => line.startsWith("sees ") })
    }
  })

const storeWithSession = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = `${yield* fs.makeTempDirectoryScoped()}/session.json`
  const store = yield* FileTokenStore.make({ path })
  yield* TokenStore.set(
    store,
    yield* Token.make({ value: "access-0", lifetime: "0 millis", refreshToken: "refresh-0" })
  )
  return path
})

describe("FileTokenStore between processes", () => {
  it.scopedLive("four processes share one rotating session through 20 rotations: one login, and no refresh token used twice", () =>
    Effect.provide(Rotation.shareOneSession(20), NodeFileSystem.layer))

  it.scopedLive("each process is told what the others store and remove", () =>
    Effect.gen(function*() {
      const path = yield* storeWithSession
      const processes = yield* Effect.all([observer(path, "10000"), observer(path, "10000")])
      const expectSeen = (what: string) =>
        Effect.forEach(processes, ({ seen }) => Effect.map(seen, (line) => assert.strictEqual(line, `sees ${what}`)))
      yield* expectSeen("access-0")
      for (const [n, { tell }] of [...processes, ...processes].entries()) {
        yield* tell(`set canary-${n}`)
        yield* expectSeen(`canary-${n}`)
        yield* tell("remove")
        yield* expectSeen("nothing")
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("a process that is stopped while it holds the lock overwrites nothing when it goes on", () =>
    Effect.gen(function*() {
      const path = yield* storeWithSession
      const [stopped, successor] = yield* Effect.all([observer(path, "1000"), observer(path, "1000")])
      const store = yield* FileTokenStore.make({ path })
      const held = Effect.map(store.get, ({ token }) => Option.map(token, ({ value }) => Redacted.value(value)))
      for (const round of [1, 2]) {
        yield* stopped.tell("lock")
        assert.strictEqual(yield* stopped.reported, "locked")
        yield* stopped.signal("SIGSTOP")
        yield* successor.tell("lock")
        assert.strictEqual(yield* successor.reported, "locked")
        if (round === 1) {
          yield* successor.tell("commit canary-successor")
          assert.strictEqual(yield* successor.reported, "wrote true")
        }
        yield* stopped.signal("SIGCONT")
        yield* stopped.tell("commit canary-late")
        assert.strictEqual(yield* stopped.reported, round === 1 ? "wrote false" : "failed write")
        assert.deepStrictEqual(yield* held, Option.some("canary-successor"))
      }
      yield* successor.tell("commit canary-in-time")
      assert.strictEqual(yield* successor.reported, "wrote true")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("a process killed in the middle of an exchange blocks the others for no longer than the staleness", () =>
    Effect.gen(function*() {
      const path = yield* storeWithSession
      const done = yield* Deferred.make<void>()
      const complete = Runtime.runSync(yield* Effect.runtime())
      const staleness = 3000
      const delayMillis = 200
      const up = new Set<number>()
      const killedAt: Array<number> = []
      const server = yield* Rotation.rotating({
        lifetimeMillis: 500,
        delayMillis,
        onRefresh: (pid, { rotations }) => {
          // one of the four, and one of the three that are left
          if (up.size === 4 && (killedAt[0] === undefined || (killedAt.length === 1 && rotations > killedAt[0] + 3))) {
            killedAt.push(rotations)
            process.kill(pid, "SIGKILL")
          }
          if (killedAt[1] !== undefined && rotations > killedAt[1] + 3) complete(Deferred.succeed(done, undefined))
        }
      })
      const failures: Array<string> = []
      // two thirds of it are for the lock: more, and a caller would do without it and redeem a token a second time
      const timeout = 1.5 * (staleness + 2 * delayMillis)
      yield* Effect.forEach(
        Rotation.processes,
        (n) =>
          Rotation.worker([path, server.url, String(staleness), String(timeout)], (line) => {
            if (line === "token") return up.add(n)
            failures.push(line)
            complete(Deferred.succeed(done, undefined))
          })
      )
      yield* Deferred.await(done)
      assert.deepStrictEqual(failures, [])
      assert.deepInclude(server.seen, { reuses: 0, logins: 0 })
    }).pipe(Effect.provide(NodeFileSystem.layer)))
})
