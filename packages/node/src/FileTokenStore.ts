/**
 * Token stores in files, for processes of one machine that share a session: a command that is run repeatedly, or the
 * workers of a service that share one rotating refresh token.
 *
 * The file holds the token **in the clear**, unless there is a `seal`, and is readable by its owner only. It is replaced as a whole, so that a
 * reader sees the old token or the new one, whatever crashes. Beside it lies `<path>.lock`, a directory.
 *
 * @since 0.1.0
 */
import { InvalidSetting, TokenStoreError } from "@effect-auth/core/AuthError"
import * as System from "@effect-auth/core/System"
import type { SessionSeal, TokenSeal } from "@effect-auth/core/TokenSeal"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import { resolve } from "node:path"
import * as FileChanges from "./internal/fileChanges.ts"
import * as FileLock from "./internal/fileLock.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends LockOptions {
  /**
   * The file, on a local file system: network file systems do not guarantee what the lock relies on. A missing directory
   * is created, for its owner only.
   */
  readonly path: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LayerOptions extends LockOptions {
  /** The directory of the files, on a local file system. It is created if missing, for its owner only. */
  readonly directory: string
}

interface LockOptions {
  /** Encrypts the tokens. Default: **they are written in the clear**, for their owner only. */
  readonly seal?: TokenSeal | undefined
  /**
   * How long a process that died during an exchange may delay the others. Default: 10 seconds. A living process gives a
   * sign of life every fifth of it. Choose it longer than a process may be suspended, and shorter than two thirds of the
   * `timeout` of the refresh policy, for which a waiting process waits before it does without the lock.
   */
  readonly staleness?: DurationWithUnit | undefined
}

/**
 * A store in one file. Fails with `InvalidSetting` when an option cannot be used. Nothing is read or written before the
 * store is used. A token that is stored outside of `withLock` waits while another process holds the lock.
 *
 * @example
 * ```ts
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
 * import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
 * import * as Effect from "effect/Effect"
 *
 * const tokens = Effect.gen(function*() {
 *   const store = yield* FileTokenStore.make({ path: "/var/lib/acme/session.json" })
 *   return yield* TokenSource.make({ login: Token.make({ value: "…", lifetime: "1 hour" }), store })
 * }).pipe(Effect.provide(NodeFileSystem.layer))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Effect.Effect<TokenStore.TokenStore, InvalidSetting, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { path } = options
    if (path === "") return yield* new InvalidSetting({ setting: "path", problem: "must not be empty" })
    const staleness = yield* checkedStaleness(options)
    return storeAt(fs, path, staleness, options.seal?.forSession(path))
  })

/**
 * `TokenStores` in files of one directory, on Node's file system: each session mode of the program that is given no
 * `store` keeps its tokens in a file of its own, `<directory>/<key of its audience>.json`.
 *
 * @example
 * ```ts
 * import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
 *
 * const Stores = FileTokenStore.layer({ directory: "/var/lib/acme/sessions" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: LayerOptions): Layer.Layer<TokenStores.TokenStores, InvalidSetting> =>
  Layer.effect(
    TokenStores.TokenStores,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { directory } = options
      if (directory === "") return yield* new InvalidSetting({ setting: "directory", problem: "must not be empty" })
      const staleness = yield* checkedStaleness(options)
      return TokenStores.make((key) =>
        storeAt(fs, `${directory}/${key}.json`, staleness, options.seal?.forSession(key))
      )
    })
  ).pipe(Layer.provide(NodeFileSystem.layer))

/**
 * {@link layer} with its options from Config; a seal is given as it is.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  options: Config.Config.Wrap<Omit<LayerOptions, "seal">>,
  plain?: Pick<LayerOptions, "seal">
): Layer.Layer<TokenStores.TokenStores, InvalidSetting | ConfigError> =>
  System.layerConfig(options, (options: Omit<LayerOptions, "seal">) => layer({ ...options, ...plain }))

/** The store in one file. */
const storeAt = (
  fs: FileSystem.FileSystem,
  given: string,
  staleness: Duration.Duration,
  seal: SessionSeal | undefined
): TokenStore.TokenStore => {
  // the fibers of this process queue here, so that one of them at a time looks at the files
  const queue = Effect.unsafeMakeSemaphore(1)

  /** Where symbolic links lead, or there would be two locks for one file, and a write would replace a link. */
  const located = Effect.orElse(fs.realPath(given), () => destination(fs, given, mostLinks))

  /** Says whether the lock that this process holds is still its own. */
  const ownership = MutableRef.make<Effect.Effect<boolean, TokenStoreError> | undefined>(undefined)

  /** What the disk has is complete, even after a power failure: the content first, then the name. */
  const replace = (
    text: string,
    isCurrent: Effect.Effect<boolean>
  ): Effect.Effect<boolean, TokenStoreError | PlatformError> =>
    Effect.gen(function*() {
      const path = yield* located
      const directory = lockOf(path)
      // within the lock's directory, whose next owner clears away what a killed process leaves
      const draft = `${directory}/draft-${(yield* Random.nextIntBetween(0, 2 ** 48)).toString(16)}`
      yield* fs.makeDirectory(directory, { recursive: true, mode: 0o700 })
      yield* Effect.scoped(Effect.gen(function*() {
        const file = yield* fs.open(draft, { flag: "wx", mode: 0o600 })
        yield* file.writeAll(new TextEncoder().encode(text))
        yield* file.sync
      }))
      // asked last, because this process may be suspended at any time; without the lock nobody is its owner
      const isOwner = MutableRef.get(ownership) ?? Effect.succeed(false)
      const isExpected = yield* isCurrent
      if (!isExpected || !(yield* isOwner)) {
        yield* fs.remove(draft, { force: true })
        return isExpected
          ? yield* new TokenStoreError({ operation: "write", place: given, detail: FileLock.lost })
          : false
      }
      yield* fs.rename(draft, path)
      // not every system can do this to a directory; the file is complete without it
      yield* Effect.ignore(
        Effect.scoped(Effect.flatMap(fs.open(parent(path), { flag: "r" }), (directory) => directory.sync))
      )
      return true
    })

  const failed = (operation: TokenStoreError["operation"]) => (error: PlatformError): TokenStoreError =>
    new TokenStoreError({ operation, place: given, detail: error.message })

  /** A file that someone else may have written tells nothing: its token would send this program's data to their account. */
  const readOwn = Effect.gen(function*() {
    const path = yield* located
    const { mode, size, type, uid } = yield* Effect.mapError(fs.stat(path), failed("read"))
    const owner = Option.getOrUndefined(uid)
    const doubt = (mode & 0o022) !== 0
      ? `may be written by others (mode ${(mode & 0o777).toString(8)})`
      : owner !== undefined && self !== undefined && owner !== self && owner !== root
      ? "belongs to another user"
      // reading a pipe would wait for its writer
      : type !== "File"
      ? "is not a regular file"
      : size > mostBytes
      ? "is too large for a token"
      : undefined
    return doubt === undefined
      ? yield* Effect.mapError(fs.readFileString(path), failed("read"))
      : yield* new TokenStoreError({ operation: "read", place: given, detail: `the file ${doubt}` })
  })

  const isStored = Effect.mapError(
    fs.stat(given).pipe(Effect.as(true), Effect.catchIf(isMissing, () => Effect.succeed(false))),
    failed("read")
  )

  const withLock: TokenStore.TokenStore["withLock"] = (self) =>
    queue.withPermits(1)(
      Effect.flatMap(located, (path) =>
        FileLock.withOwnership(fs, { directory: lockOf(path), staleness })((isOwner) =>
          Effect.ensuring(
            Effect.zipRight(
              Effect.sync(() =>
                MutableRef.set(ownership, isOwner)
              ),
              self
            ),
            Effect.sync(() => MutableRef.set(ownership, undefined))
          )
        ))
    )

  const store = TokenStore.make({
    place: given,
    seal,
    read: Effect.if(isStored, { onTrue: () => Effect.asSome(readOwn), onFalse: () => Effect.succeedNone }),
    write: (text, isCurrent) =>
      Effect.mapError(
        replace(text, isCurrent),
        (error) => error._tag === "TokenStoreError" ? error : failed("write")(error)
      ),
    remove: Effect.mapError(Effect.flatMap(located, (path) => fs.remove(path, { force: true })), failed("remove")),
    withLock,
    signals: Stream.unwrap(Effect.map(located, FileChanges.signals))
  })
  return {
    ...store,
    compareAndSet: (generation, token) =>
      Effect.suspend(() => {
        const comparing = store.compareAndSet(generation, token)
        return MutableRef.get(ownership) === undefined ? withLock(comparing) : comparing
      })
  }
}

/** Where a file that does not exist yet will be: the last of its links leads to it, from the directory that it really is in. */
const destination = (fs: FileSystem.FileSystem, path: string, links: number): Effect.Effect<string> =>
  Effect.flatMap(
    Effect.orElseSucceed(fs.realPath(parent(path)), () => parent(path)),
    (directory) =>
      Effect.matchEffect(fs.readLink(path), {
        onFailure: () => Effect.succeed(path),
        onSuccess: (target) => links > 0 ? destination(fs, resolve(directory, target), links - 1) : Effect.succeed(path)
      })
  )

/** As many as every POSIX system follows (`_POSIX_SYMLOOP_MAX`). */
const mostLinks = 8

const checkedStaleness = (
  { staleness: given }: LockOptions
): Effect.Effect<Duration.Duration, InvalidSetting> => {
  const staleness = Duration.decode(given ?? "10 seconds")
  return Duration.lessThan(staleness, "500 millis") || !Duration.isFinite(staleness)
    ? new InvalidSetting({ setting: "staleness", problem: "must be finite and at least half a second" })
    : Effect.succeed(staleness)
}

const lockOf = (path: string): string => `${path}.lock`

/** Not on Windows, where files have no such owner. */
const self = process.getuid?.()

const root = 0

const mostBytes = 1_048_576

const isMissing = (error: PlatformError): boolean => error._tag === "SystemError" && error.reason === "NotFound"

const parent = (path: string): string => path.replace(/[^/\\]*$/, "") || "."
