import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import { TokenStores } from "@effect-auth/core/TokenStores"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as FileSystem from "@effect/platform/FileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as ChildProcess from "node:child_process"
import { keepsItsPromises } from "../../core/test/tokenStoreContract.ts"
import * as FileTokenStore from "../src/FileTokenStore.ts"

const token = Token.make({ value: "canary-access", lifetime: "1 hour", refreshToken: "canary-refresh" })

const inTemporaryDirectory = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const path = `${directory}/private/session.json`
  return { fs, path, store: yield* FileTokenStore.make({ path }) }
})

const value = (token: Token.Token) => Redacted.value(token.value)

const mode = (info: FileSystem.File.Info) => (info.mode & 0o777).toString(8)

describe("FileTokenStore", () => {
  keepsItsPromises(Effect.provide(Effect.map(inTemporaryDirectory, ({ store }) => store), NodeFileSystem.layer))

  it.scoped("keeps a token for the next process, readable by its owner only", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      const written = yield* token
      yield* store.withLock(TokenStore.set(store, written))
      const other = yield* FileTokenStore.make({ path })
      assert.deepStrictEqual((yield* other.get).token, Option.some(written))
      assert.strictEqual(mode(yield* fs.stat(path)), "600")
      assert.strictEqual(mode(yield* fs.stat(`${path}.lock`)), "700")
      assert.strictEqual(mode(yield* fs.stat(path.slice(0, path.lastIndexOf("/")))), "700")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("narrows the mode of a file that was there before", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      yield* store.withLock(Effect.void)
      yield* fs.writeFileString(path, "{}", { mode: 0o644 })
      yield* TokenStore.set(store, yield* token)
      assert.strictEqual(mode(yield* fs.stat(path)), "600")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("does not believe a file that others may have written", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      yield* TokenStore.set(store, yield* token)
      for (const others of [0o666, 0o620, 0o602]) {
        yield* fs.chmod(path, others)
        const error = yield* Effect.flip(store.get)
        assert.include(error.message, `${path}: the file may be written by others (mode ${others.toString(8)})`)
      }
      if (process.getuid?.() === 0) {
        yield* fs.chmod(path, 0o600)
        yield* fs.chown(path, 4711, 4711)
        // root's files are root's to judge, another user's are not
        assert.include((yield* Effect.flip(store.get)).message, "belongs to another user")
      }
      yield* TokenStore.set(store, yield* token)
      assert.isTrue(Option.isSome((yield* store.get).token))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scopedLive("reads no file without an end: neither a pipe nor one that is too large", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const pipe = `${directory}/pipe`
      ChildProcess.execFileSync("mkfifo", ["-m", "600", pipe])
      const large = `${directory}/large.json`
      yield* fs.writeFileString(large, " ".repeat(1_048_577), { mode: 0o600 })
      for (const [path, doubt] of [[pipe, "is not a regular file"], [large, "is too large for a token"]] as const) {
        const store = yield* FileTokenStore.make({ path })
        assert.include((yield* Effect.flip(store.get)).message, `${path}: the file ${doubt}`)
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("follows a symbolic link: the file behind it is locked and replaced, and the link stays", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      const written = yield* token
      yield* store.withLock(TokenStore.set(store, yield* Token.make({ value: "canary-before" })))
      for (const link of [`${path}.link`, `${path}.relative`]) {
        yield* fs.symlink(link.endsWith("relative") ? "session.json" : path, link)
        const linked = yield* FileTokenStore.make({ path: link })
        yield* linked.withLock(TokenStore.set(linked, written))
        assert.strictEqual(Redacted.value(Option.getOrThrow((yield* store.get).token).value), "canary-access")
        assert.strictEqual(yield* fs.readLink(link), link.endsWith("relative") ? "session.json" : path)
        assert.isFalse(yield* fs.exists(`${link}.lock`))
      }
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a link whose file does not exist yet leads to where it will be", () =>
    Effect.gen(function*() {
      const { fs, path } = yield* inTemporaryDirectory
      const link = `${path.slice(0, path.indexOf("/private"))}/link.json`
      yield* fs.symlink(path, link)
      const linked = yield* FileTokenStore.make({ path: link })
      assert.isTrue(Option.isNone((yield* linked.get).token))
      yield* linked.withLock(TokenStore.set(linked, yield* token))
      assert.isTrue(yield* fs.exists(path))
      assert.strictEqual(yield* fs.readLink(link), path)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("follows links to links, and from the directory that a link to a directory leads to", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const home = yield* fs.makeTempDirectoryScoped()
      for (const name of ["real/sessions", "run"]) yield* fs.makeDirectory(`${home}/${name}`, { recursive: true })
      yield* fs.symlink(`${home}/real/sessions`, `${home}/run/sessions`)
      yield* fs.symlink("second.json", `${home}/real/sessions/first.json`)
      yield* fs.symlink("../session.json", `${home}/real/sessions/second.json`)
      const store = yield* FileTokenStore.make({ path: `${home}/run/sessions/first.json` })
      for (const name of ["canary-1", "canary-2"]) {
        yield* store.withLock(TokenStore.set(store, yield* Token.make({ value: name })))
        assert.strictEqual(value(Option.getOrThrow((yield* store.get).token)), name)
      }
      assert.deepStrictEqual((yield* fs.readDirectory(`${home}/real`)).sort(), [
        "session.json",
        "session.json.lock",
        "sessions"
      ])
      assert.strictEqual(yield* fs.readLink(`${home}/real/sessions/second.json`), "../session.json")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a link that leads to itself ends the search, and gives way to the file", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      yield* store.withLock(Effect.void)
      yield* fs.symlink("session.json", path)
      assert.strictEqual((yield* Effect.flip(store.get))._tag, "TokenStoreError")
      yield* store.withLock(TokenStore.set(store, yield* token))
      assert.isTrue(Option.isSome((yield* store.get).token))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a reader sees the old token or the new one, never a part", () =>
    Effect.gen(function*() {
      const { store } = yield* inTemporaryDirectory
      const tokens = yield* Effect.forEach([1, 20_000], (length) => Token.make({ value: "x".repeat(length) }))
      yield* TokenStore.set(store, yield* token)
      const writer = yield* Effect.fork(Effect.forever(Effect.forEach(tokens, (token) => TokenStore.set(store, token))))
      const read = yield* Effect.replicateEffect(store.get, 200)
      yield* Fiber.interrupt(writer)
      assert.isTrue(read.every(({ token }) => Option.isSome(token)))
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("a crash while writing leaves the old token, and the next owner of the lock clears what is left over", () =>
    Effect.gen(function*() {
      const { fs, path } = yield* inTemporaryDirectory
      const written = yield* token
      const crashing = yield* Effect.provideService(FileTokenStore.make({ path }), FileSystem.FileSystem, {
        ...fs,
        rename: () => Effect.die("power failure")
      })
      const store = yield* FileTokenStore.make({ path })
      yield* TokenStore.set(store, written)
      yield* Effect.exit(crashing.withLock(TokenStore.set(crashing, yield* Token.make({ value: "canary-successor" }))))
      assert.deepStrictEqual((yield* store.get).token, Option.some(written))
      const drafts = Effect.map(
        fs.readDirectory(`${path}.lock`),
        (names) => names.filter((name) => name.startsWith("draft-")).length
      )
      assert.strictEqual(yield* drafts, 1)
      yield* store.withLock(Effect.void)
      assert.strictEqual(yield* drafts, 0)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("reads what the first version wrote: upgrading logs nobody out", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      yield* store.withLock(Effect.void)
      yield* fs.writeFileString(path, JSON.stringify({ value: "canary-access", issuedAt: 0 }), { mode: 0o600 })
      const { generation, token } = yield* store.get
      assert.deepStrictEqual([generation, Option.map(token, value)], [1, Option.some("canary-access")])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  describe("an owner that was suspended for so long that another one took over the lock", () => {
    /**
     * Two processes over one file: the first gives no sign of life, and does not notice its loss until it wants to write,
     * or until it has written the draft. Returns whether it wrote, and what the file holds.
     */
    const suspended = (options: {
      readonly when: "before the write" | "before the rename"
      readonly successor: (store: TokenStore.TokenStore) => Effect.Effect<unknown, unknown>
    }) =>
      Effect.gen(function*() {
        const { fs, path, store: setUp } = yield* inTemporaryDirectory
        yield* TokenStore.set(setUp, yield* Token.make({ value: "canary-before" }))
        const successor = yield* FileTokenStore.make({ path, staleness: "500 millis" })
        const resumed = yield* Deferred.make<void>()
        const takeOver = Effect.fork(successor.withLock(Effect.zipRight(
          options.successor(successor),
          Effect.zipRight(Deferred.succeed(resumed, undefined), Effect.never)
        )))
        const suspension = Effect.zipRight(takeOver, Deferred.await(resumed))
        const first = yield* FileTokenStore.make({ path, staleness: "1 day" }).pipe(
          Effect.provideService(FileSystem.FileSystem, {
            ...fs,
            utimes: () => Effect.void,
            open: (path, flags) =>
              Effect.zipLeft(
                fs.open(path, flags),
                options.when === "before the rename" && path.includes("draft-") ? suspension : Effect.void
              )
          })
        )
        const isWritten = yield* first.withLock(Effect.gen(function*() {
          const { generation } = yield* first.get
          if (options.when === "before the write") yield* suspension
          return yield* Effect.either(first.compareAndSet(generation, yield* Token.make({ value: "canary-late" })))
        }))
        const drafts = (yield* fs.readDirectory(`${path}.lock`)).filter((name) => name.startsWith("draft-"))
        return { isWritten, drafts, held: value(Option.getOrThrow((yield* setUp.get).token)) }
      }).pipe(Effect.provide(NodeFileSystem.layer))

    for (const when of ["before the write", "before the rename"] as const) {
      it.scopedLive(`${when}: does not overwrite what the other one stored`, () =>
        Effect.gen(function*() {
          const successor = (store: TokenStore.TokenStore) =>
            Effect.flatMap(Token.make({ value: "canary-successor" }), (token) => TokenStore.set(store, token))
          const { drafts, held, isWritten } = yield* suspended({ when, successor })
          assert.deepStrictEqual([isWritten, held, drafts], [Either.right(false), "canary-successor", []])
        }))

      it.scopedLive(`${when}: writes nothing while the other one is at it, and fails`, () =>
        Effect.gen(function*() {
          const { drafts, held, isWritten } = yield* suspended({ when, successor: () => Effect.void })
          assert.deepStrictEqual([held, drafts], ["canary-before", []])
          const error = Either.getOrThrow(Either.flip(isWritten))
          assert.deepInclude(error, { _tag: "TokenStoreError", operation: "write" })
          assert.include(error.message, "another one took over the lock")
        }))
    }
  })

  describe("changes", () => {
    it.scopedLive("are seen where another store of the same file made them, although they were made through a link", () =>
      Effect.gen(function*() {
        const { fs, path, store } = yield* inTemporaryDirectory
        const link = `${path.slice(0, path.indexOf("/private"))}/link.json`
        yield* fs.symlink(path, link)
        const linked = yield* FileTokenStore.make({ path: link })
        for (const [here, there] of [[store, linked], [linked, store]] as const) {
          const seen = yield* Queue.unbounded<string | undefined>()
          yield* Effect.forkScoped(
            Stream.runForEach(
              here.changes,
              ({ token }) => Queue.offer(seen, Option.getOrUndefined(Option.map(token, value)))
            )
          )
          assert.strictEqual(yield* Queue.take(seen), undefined)
          for (const name of ["canary-1", "canary-2", "canary-3"]) {
            yield* TokenStore.set(there, yield* Token.make({ value: name }))
            assert.strictEqual(yield* Queue.take(seen), name)
          }
          yield* there.remove
          assert.strictEqual(yield* Queue.take(seen), undefined)
        }
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.scopedLive("are seen although there is no directory to watch at first, and after it was replaced", () =>
      Effect.gen(function*() {
        const { fs, path, store } = yield* inTemporaryDirectory
        const other = yield* FileTokenStore.make({ path })
        const seen = yield* Queue.unbounded<string | undefined>()
        yield* Effect.forkScoped(
          Stream.runForEach(
            store.changes,
            ({ token }) => Queue.offer(seen, Option.getOrUndefined(Option.map(token, value)))
          )
        )
        assert.strictEqual(yield* Queue.take(seen), undefined)
        for (const name of ["canary-1", "canary-2"]) {
          yield* TokenStore.set(other, yield* Token.make({ value: name }))
          assert.strictEqual(yield* Queue.take(seen), name)
          yield* fs.remove(path.slice(0, path.lastIndexOf("/")), { recursive: true })
          assert.strictEqual(yield* Queue.take(seen), undefined)
        }
      }).pipe(Effect.provide(NodeFileSystem.layer)))

    it.scopedLive("end with their subscriber: nothing is watched any more", () =>
      Effect.gen(function*() {
        const { store } = yield* inTemporaryDirectory
        yield* TokenStore.set(store, yield* token)
        const watches = Effect.sync(() =>
          process.getActiveResourcesInfo().filter((resource) => resource === "FSEventWrap").length
        )
        const until = (isReached: (watches: number) => boolean) =>
          Effect.repeat(watches, { until: isReached, schedule: Schedule.spaced("1 milli") })
        const before = yield* watches
        yield* Stream.runHead(store.changes)
        const subscriber = yield* Effect.fork(Stream.runDrain(store.changes))
        yield* until((watches) => watches > before)
        yield* Fiber.interrupt(subscriber)
        yield* until((watches) => watches === before)
      }).pipe(Effect.provide(NodeFileSystem.layer)))
  })

  it.scoped("what is not a token is an error that does not quote it", () =>
    Effect.gen(function*() {
      const { fs, path, store } = yield* inTemporaryDirectory
      yield* store.withLock(Effect.void)
      yield* fs.writeFileString(path, "{ \"value\": \"canary-broken")
      const error = yield* Effect.flip(store.get)
      assert.strictEqual(error.message, `the token store failed to read ${path}: the stored text is not a token`)
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.scoped("failures of the file system are typed and name the file", () =>
    Effect.gen(function*() {
      const { fs, path } = yield* inTemporaryDirectory
      yield* fs.makeDirectory(path, { recursive: true })
      const store = yield* FileTokenStore.make({ path })
      const read = yield* Effect.flip(store.get)
      assert.deepInclude(read, { _tag: "TokenStoreError", operation: "read" })
      const write = yield* Effect.flip(Effect.flatMap(Effect.orDie(token), (token) => TokenStore.set(store, token)))
      assert.deepInclude(write, { _tag: "TokenStoreError", operation: "write" })
      assert.include(write.message, path)
      assert.notInclude(write.message, "canary")
      const below = yield* FileTokenStore.make({ path: "/dev/null/session.json" })
      assert.deepInclude(yield* Effect.flip(below.withLock(Effect.void)), {
        operation: "lock",
        place: "/dev/null/session.json.lock"
      })
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("options that cannot be used are named", () =>
    Effect.gen(function*() {
      const settings = yield* Effect.forEach(
        [{ path: "" }, { path: "x", staleness: Duration.zero }, { path: "x", staleness: Duration.infinity }],
        (options) => Effect.map(Effect.flip(FileTokenStore.make(options)), (error) => error.setting)
      )
      assert.deepStrictEqual(settings, ["path", "staleness", "staleness"])
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("a layer from Config says which variables to set, one on a line", () =>
    Effect.gen(function*() {
      const variables = { directory: Config.string("SESSIONS_PATH"), staleness: Config.duration("SESSIONS_STALENESS") }
      const layer = FileTokenStore.layerConfig(variables).pipe(
        Layer.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map())))
      )
      assert.strictEqual(
        String(yield* Effect.flip(Effect.scoped(Layer.build(layer)))),
        "(Missing data at SESSIONS: \"these variables are not set:\n  SESSIONS_PATH\n  SESSIONS_STALENESS\")"
      )
    }))

  it.scoped("a layer from Config: a second program takes over the session of the first", () =>
    Effect.gen(function*() {
      const { path } = yield* inTemporaryDirectory
      const source = (login: TokenSource.Options["login"]) =>
        Effect.flatMap(TokenStores, ({ forAudience }) => TokenSource.make({ login, store: forAudience("canary") }))
          .pipe(
            Effect.flatMap((tokens) => tokens.get),
            Effect.provide(FileTokenStore.layerConfig({ directory: Config.string("SESSIONS") })),
            Effect.provide(Layer.setConfigProvider(ConfigProvider.fromMap(new Map([["SESSIONS", path]]))))
          )
      yield* Effect.scoped(source(token))
      const adopted = yield* Effect.scoped(source(Effect.die("no second login")))
      assert.strictEqual(Redacted.value(adopted.value), "canary-access")
    }).pipe(Effect.provide(NodeFileSystem.layer)))

  it.effect("a layer from Config says which variables to set, each once and one on a line", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(FileTokenStore.layerConfig({
        directory: Config.string("SESSIONS"),
        staleness: Config.map(Config.integer("STALENESS"), Duration.seconds)
      })))
      assert.strictEqual(
        String(error),
        "(Missing data at the configuration: \"these variables are not set:\n  SESSIONS\n  STALENESS\")"
      )
    }).pipe(Effect.scoped, Effect.withConfigProvider(ConfigProvider.fromMap(new Map()))))
})
