import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import * as NFS from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as FileLock from "../../src/internal/fileLock.ts"

const staleness = Duration.seconds(10)

describe("decide", () => {
  it("takes a lock that was never used or is released", () => {
    assert.deepStrictEqual(FileLock.decide(undefined, { _tag: "Unused" }, 0, staleness), { _tag: "Take", epoch: 1 })
    assert.deepStrictEqual(FileLock.decide(undefined, { _tag: "Released", epoch: 6 }, 0, staleness), {
      _tag: "Take",
      epoch: 7
    })
  })

  it("waits for an owner however old its file looks, and replaces it when it has been seen untouched", () => {
    const sight: FileLock.Sight = { _tag: "Held", epoch: 6, touched: 0 }
    assert.deepStrictEqual(FileLock.decide(undefined, sight, 900, staleness), {
      _tag: "Wait",
      watch: { epoch: 6, touched: 0, idle: 0, lookedAt: 900 }
    })
    const watch = { epoch: 6, touched: 0, idle: 7000, lookedAt: 900 }
    assert.deepStrictEqual(FileLock.decide(watch, sight, 1899, staleness), {
      _tag: "Wait",
      watch: { epoch: 6, touched: 0, idle: 7999, lookedAt: 1899 }
    })
    assert.deepStrictEqual(FileLock.decide(watch, sight, 1900, staleness), { _tag: "Take", epoch: 7 })
  })

  it("starts its patience anew when the owner gave a sign of life or another one owns it", () => {
    const watch = { epoch: 6, touched: 5, idle: 7999, lookedAt: 0 }
    for (const sight of [{ epoch: 6, touched: 6 }, { epoch: 7, touched: 5 }]) {
      assert.deepStrictEqual(FileLock.decide(watch, { _tag: "Held", ...sight }, 100, staleness), {
        _tag: "Wait",
        watch: { ...sight, idle: 0, lookedAt: 100 }
      })
    }
  })

  it("a clock that jumps, in either direction, does not make an owner dead", () => {
    const watch = { epoch: 6, touched: 5, idle: 1000, lookedAt: 0 }
    for (const [now, idle] of [[3_600_000, 3000], [-3_600_000, 1000]] as const) {
      assert.deepStrictEqual(FileLock.decide(watch, { _tag: "Held", epoch: 6, touched: 5 }, now, staleness), {
        _tag: "Wait",
        watch: { epoch: 6, touched: 5, idle, lookedAt: now }
      })
    }
  })
})

/** A directory, with a file system that answers at once: nothing but the TestClock has to pass for the lock to proceed. */
const inStep = Effect.gen(function*() {
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => NFS.mkdtempSync(path.join(os.tmpdir(), "lock-"))),
    (directory) => Effect.sync(() => NFS.rmSync(directory, { recursive: true }))
  )
  const call = <A>(run: () => A): Effect.Effect<A, SystemError> =>
    Effect.try({
      try: run,
      catch: (error) =>
        new SystemError({
          reason: String(error).includes("EEXIST") ? "AlreadyExists" : "NotFound",
          module: "FileSystem",
          method: "test"
        })
    })
  const fs = FileSystem.makeNoop({
    makeDirectory: (path, options) => call(() => void NFS.mkdirSync(path, options)),
    readDirectory: (path) => call(() => NFS.readdirSync(path)),
    utimes: (path, atime, mtime) => call(() => NFS.utimesSync(path, atime, mtime)),
    writeFileString: (path, text, options) => call(() => NFS.writeFileSync(path, text, options)),
    remove: (path) => call(() => NFS.rmSync(path, { force: true })),
    stat: (path) =>
      Effect.map(call(() => NFS.statSync(path)), ({ mtime, size }): FileSystem.File.Info => ({
        type: "File",
        mtime: Option.some(mtime),
        atime: Option.none(),
        birthtime: Option.none(),
        dev: 0,
        rdev: Option.none(),
        ino: Option.none(),
        mode: 0,
        nlink: Option.none(),
        uid: Option.none(),
        gid: Option.none(),
        size: FileSystem.Size(size),
        blksize: Option.none(),
        blocks: Option.none()
      }))
  })
  // each call makes another contender, as another process would be
  return { directory, fs, contender: () => FileLock.withLock(fs, { directory, staleness: Duration.seconds(1) }) }
})

describe("withLock", () => {
  it.scoped("lets one in at a time, whoever comes", () =>
    Effect.gen(function*() {
      const { contender } = yield* inStep
      const inside = yield* Ref.make(0)
      const most = yield* Ref.make(0)
      const work = Ref.updateAndGet(inside, (n) => n + 1).pipe(
        Effect.tap((n) => Ref.update(most, (most) => Math.max(most, n))),
        Effect.zipRight(Effect.sleep("3 millis")),
        Effect.zipRight(Ref.update(inside, (n) => n - 1))
      )
      const all = yield* Effect.fork(
        Effect.forEach(Array.from({ length: 20 }, contender), (lock) => lock(work), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(all)
      assert.strictEqual(yield* Ref.get(most), 1)
    }))

  it.scoped("replaces an owner that died before the staleness is over, and not long before", () =>
    Effect.gen(function*() {
      const { contender, directory } = yield* inStep
      NFS.writeFileSync(path.join(directory, "7"), "")
      const waiting = yield* Effect.fork(contender()(Effect.succeed("entered")))
      yield* TestClock.adjust("790 millis")
      assert.isNull(waiting.unsafePoll())
      yield* TestClock.adjust("210 millis")
      assert.strictEqual(yield* Fiber.join(waiting), "entered")
    }))

  it.scoped("of many who find a dead owner one enters at a time", () =>
    Effect.gen(function*() {
      const { contender, directory } = yield* inStep
      NFS.writeFileSync(path.join(directory, "7"), "")
      const inside = yield* Ref.make<ReadonlyArray<number>>([])
      const work = (n: number) =>
        Ref.update(inside, (all) => [...all, n]).pipe(
          Effect.zipRight(Effect.sleep("100 millis")),
          Effect.zipRight(Ref.get(inside)),
          Effect.map((all) => assert.strictEqual(all.at(-1), n))
        )
      const all = yield* Effect.fork(
        Effect.forEach([1, 2, 3, 4], (n) => contender()(work(n)), { concurrency: "unbounded", discard: true })
      )
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(all)
      assert.strictEqual((yield* Ref.get(inside)).length, 4)
    }))

  it.scoped("an owner that lives is not replaced, however long it takes", () =>
    Effect.gen(function*() {
      const { contender } = yield* inStep
      const done = yield* Deferred.make<void>()
      const owner = yield* Effect.fork(contender()(Deferred.await(done)))
      yield* Effect.yieldNow()
      const waiting = yield* Effect.fork(contender()(Effect.void))
      yield* TestClock.adjust("5 seconds")
      assert.isNull(waiting.unsafePoll())
      yield* Deferred.succeed(done, undefined)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(owner)
      yield* Fiber.join(waiting)
    }))

  it.scoped("an owner that was replaced while it was suspended stops and says so", () =>
    Effect.gen(function*() {
      const { contender, directory } = yield* inStep
      const interrupted = yield* Ref.make(false)
      const owner = yield* Effect.fork(
        contender()(Effect.onInterrupt(Effect.never, () => Ref.set(interrupted, true)))
      )
      yield* TestClock.adjust("500 millis")
      NFS.writeFileSync(path.join(directory, "2"), "")
      yield* TestClock.adjust("200 millis")
      const error = yield* Effect.flip(Fiber.join(owner))
      assert.strictEqual(error._tag, "TokenStoreError")
      assert.include(error.message, "took over the lock")
      assert.isTrue(yield* Ref.get(interrupted))
      // it released its own epoch and not its successor's
      assert.strictEqual(NFS.readFileSync(path.join(directory, "2"), "utf8"), "")
    }))

  it.scoped("an interrupted owner releases the lock, an interrupted waiter leaves nothing behind", () =>
    Effect.gen(function*() {
      const { contender } = yield* inStep
      const owner = yield* Effect.fork(contender()(Effect.never))
      yield* Effect.yieldNow()
      const waiter = yield* Effect.fork(contender()(Effect.void))
      yield* TestClock.adjust("100 millis")
      yield* Fiber.interrupt(waiter)
      yield* Fiber.interrupt(owner)
      yield* contender()(Effect.void)
    }))

  it.scoped("takes names for epochs that it may have written itself, and removes nothing else", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const foreign = [
        "007",
        "0",
        "9007199254740993",
        "99999999999999999999999",
        "1e9",
        "-1",
        "notes.txt",
        "draft-of-mine"
      ]
      for (const name of foreign) yield* fs.writeFileString(`${directory}/${name}`, "")
      yield* fs.writeFileString(`${directory}/draft-0af`, "")
      const lock = FileLock.withLock(fs, { directory, staleness: Duration.seconds(1) })
      for (let times = 0; times < 3; times++) yield* lock(Effect.void)
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [...foreign, "1", "2", "3"].sort())
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("directories with such names are nobody's epoch or draft: they stay, and the lock is given all the same", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const foreign = ["1", "draft-0af"]
      for (const name of foreign) yield* fs.makeDirectory(`${directory}/${name}`)
      yield* fs.writeFileString(`${directory}/2`, "released")
      const lock = FileLock.withLock(fs, { directory, staleness: Duration.seconds(1) })
      for (let times = 0; times < 10; times++) yield* lock(Effect.void)
      assert.includeMembers(yield* fs.readDirectory(directory), foreign)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("the greatest number has no successor, which is an error and no endless search", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const greatest = "9".repeat(15)
      yield* fs.writeFileString(`${directory}/${greatest}`, "released")
      const error = yield* Effect.flip(
        FileLock.withLock(fs, { directory, staleness: Duration.seconds(1) })(Effect.void)
      )
      assert.deepInclude(error, { _tag: "TokenStoreError", operation: "lock" })
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [greatest])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a dangling link in its directory is an error, not an endless search", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      yield* fs.symlink(`${directory}/nowhere`, `${directory}/5`)
      const error = yield* Effect.flip(
        FileLock.withLock(fs, { directory, staleness: Duration.seconds(1) })(Effect.void)
      )
      assert.deepInclude(error, { _tag: "TokenStoreError", operation: "lock" })
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("who acts on a sight of long ago does not enter by a number that was swept away", () =>
    Effect.gen(function*() {
      const { contender, directory, fs } = yield* inStep
      NFS.writeFileSync(path.join(directory, "1"), "released")
      const late = yield* Deferred.make<void>()
      const sleepy = FileLock.withLock(
        {
          ...fs,
          // falls asleep between its look at epoch 1 and the creation of epoch 2
          writeFileString: (path, text, options) =>
            path.endsWith("/2")
              ? Effect.zipRight(Deferred.await(late), fs.writeFileString(path, text, options))
              : fs.writeFileString(path, text, options)
        },
        { directory, staleness: Duration.seconds(1) }
      )
      const entered = yield* Ref.make(false)
      const sleeper = yield* Effect.fork(sleepy(Ref.set(entered, true)))
      yield* Effect.yieldNow()
      yield* Effect.repeatN(contender()(Effect.void), 20)
      assert.isFalse(NFS.existsSync(path.join(directory, "2")))
      const owner = yield* Effect.fork(contender()(Effect.never))
      yield* Effect.yieldNow()
      yield* Deferred.succeed(late, undefined)
      yield* TestClock.adjust("3 seconds")
      assert.isFalse(yield* Ref.get(entered))
      yield* Fiber.interrupt(owner)
      yield* TestClock.adjust("100 millis")
      yield* Fiber.join(sleeper)
      assert.isTrue(yield* Ref.get(entered))
    }))
})
