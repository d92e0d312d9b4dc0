/**
 * A lock between processes that share a directory. Each time it is held is an epoch: a file named by a number, and the
 * highest number is the lock.
 *
 * - No process frees or steals another's epoch: a process that wants the lock creates the next one, exclusively
 *   (`O_EXCL`), so of two who find a dead owner one wins. There is no moment at which a lock is taken away and not yet
 *   given.
 * - The owner touches its file while it lives. A waiter measures on its own clock how long the file has been untouched;
 *   the clocks of the file system and of other processes do not matter.
 * - Released means: the file is not empty. The file stays, because the highest number must never go back.
 */
import { TokenStoreError } from "@effect-auth/core/AuthError"
import type { PlatformError, SystemErrorReason } from "@effect/platform/Error"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"

/** Where and how patiently. */
export interface Options {
  /** The lock's own directory. */
  readonly directory: string
  /** An owner without a sign of life is replaced before this time is over. */
  readonly staleness: Duration.Duration
}

/** What a look at the lock finds: nothing yet, or its latest epoch and when (ms) its owner touched it. */
export type Sight =
  | { readonly _tag: "Unused" }
  | { readonly _tag: "Released"; readonly epoch: number }
  | { readonly _tag: "Held"; readonly epoch: number; readonly touched: number }

/** An epoch under observation: for how long (ms) its file has been seen as it is, up to the last look. */
export interface Watch {
  readonly epoch: number
  readonly touched: number
  readonly idle: number
  readonly lookedAt: number
}

export type Decision =
  | { readonly _tag: "Take"; readonly epoch: number }
  | { readonly _tag: "Wait"; readonly watch: Watch }

/**
 * What to do after a look at the lock, given what was watched before. An owner is presumed dead after four fifths of
 * the staleness, so that a last look and the taking over fit into the rest. The time between two looks counts for a
 * fifth of it at most: when the clock jumped or the machine slept, the owner could not give signs of life either.
 */
export const decide = (
  watch: Watch | undefined,
  sight: Sight,
  now: number,
  staleness: Duration.Duration
): Decision => {
  switch (sight._tag) {
    case "Unused":
      return { _tag: "Take", epoch: 1 }
    case "Released":
      return { _tag: "Take", epoch: sight.epoch + 1 }
    case "Held": {
      const { epoch, touched } = sight
      const fifth = Duration.toMillis(staleness) / 5
      const idle = watch !== undefined && watch.epoch === epoch && watch.touched === touched
        ? watch.idle + Math.min(fifth, Math.max(0, now - watch.lookedAt))
        : 0
      return idle >= 4 * fifth
        ? { _tag: "Take", epoch: epoch + 1 }
        : { _tag: "Wait", watch: { epoch, touched, idle, lookedAt: now } }
    }
  }
}

/**
 * Runs an effect while holding the lock. An owner that finds itself replaced (it was suspended for longer than the
 * staleness) is interrupted and fails.
 */
export const withLock = (fs: FileSystem.FileSystem, options: Options) => {
  const owning = withOwnership(fs, options)
  return <A, E, R>(self: Effect.Effect<A, E, R>) => owning(() => self)
}

/** {@link withLock}, with a way to ask whether the lock is still held: an interruption may come later than its loss. */
export const withOwnership = (fs: FileSystem.FileSystem, options: Options) => {
  const { directory, staleness } = options
  const file = (epoch: number) => `${directory}/${epoch}`
  const failed = (detail: string) => new TokenStoreError({ operation: "lock", place: directory, detail })
  const toLockError = (error: PlatformError) => failed(error.message)

  const latest: Effect.Effect<number, PlatformError> = Effect.map(
    fs.readDirectory(directory),
    (names) => names.reduce((latest, name) => isEpoch(name) ? Math.max(latest, Number(name)) : latest, none)
  )

  const look = (retries: number): Effect.Effect<Sight, PlatformError> =>
    Effect.flatMap(
      latest,
      (epoch) =>
        epoch === none ? Effect.succeed<Sight>({ _tag: "Unused" }) : fs.stat(file(epoch)).pipe(
          Effect.map((info): Sight =>
            info.size > 0
              ? { _tag: "Released", epoch }
              : { _tag: "Held", epoch, touched: Option.match(info.mtime, { onNone: () => 0, onSome: Number }) }
          ),
          // swept since it was listed: there are later ones. A dangling link is listed for ever
          Effect.catchIf(hasReason("NotFound"), (error) => retries > 0 ? look(retries - 1) : Effect.fail(error))
        )
    )

  /**
   * Creates an epoch; `false` when another was faster. Who acts on an old sight may create a number that was swept away
   * long ago: it counts only if it is the highest afterwards.
   */
  const take = (epoch: number): Effect.Effect<boolean, PlatformError> =>
    fs.writeFileString(file(epoch), "", { flag: "wx", mode: 0o600 }).pipe(
      Effect.zipRight(Effect.onError(latest, () => Effect.ignore(removeFile(file(epoch))))),
      Effect.flatMap((highest) =>
        highest === epoch ? Effect.as(sweep(epoch), true) : Effect.as(removeFile(file(epoch)), false)
      ),
      Effect.catchIf(hasReason("AlreadyExists"), () => Effect.succeed(false))
    )

  const removeFile = (path: string) => fs.remove(path, { force: true })

  /**
   * Keeps the last epochs for processes that are listing the directory; removes what killed owners left half done. What
   * cannot be removed, such as a directory of such a name, is no reason to give up the lock.
   */
  const sweep = (epoch: number): Effect.Effect<void> =>
    Effect.ignore(Effect.flatMap(fs.readDirectory(directory), (names) =>
      Effect.forEach(
        // nothing of others, who may have put it there by mistake
        names.filter((name) => isDraft(name) || (isEpoch(name) && Number(name) <= epoch - epochsKept)),
        (name) => Effect.ignore(removeFile(`${directory}/${name}`)),
        { discard: true }
      )))

  /** One look, and the lock if it is free. */
  const attempt = (watched: Ref.Ref<Watch | undefined>, held: Ref.Ref<number>) =>
    Effect.gen(function*() {
      const sight = yield* look(mostLooks)
      const now = yield* Clock.currentTimeMillis
      const decision = decide(yield* Ref.get(watched), sight, now, staleness)
      if (decision._tag === "Wait") yield* Ref.set(watched, decision.watch)
      else if (!isEpoch(String(decision.epoch))) {
        return yield* failed("its directory has no number left; remove what is in it")
      } else if (yield* take(decision.epoch)) yield* Ref.set(held, decision.epoch)
      return yield* Ref.get(held)
    })

  const pause = Duration.min(Duration.times(staleness, 0.05), Duration.millis(20))
  const pauses = Schedule.jittered(Schedule.spaced(pause))

  /** Never succeeds: fails when the lock is lost. */
  const stayAlive = (epoch: number): Effect.Effect<never, TokenStoreError> =>
    Clock.currentTimeMillis.pipe(
      Effect.flatMap((now) => fs.utimes(file(epoch), now / 1000, now / 1000)),
      Effect.catchIf(hasReason("NotFound"), () => Effect.void),
      Effect.mapError(toLockError),
      Effect.zipRight(isOwner(epoch)),
      Effect.filterOrFail((isOwner) => isOwner, () => failed(lost)),
      Effect.delay(Duration.times(staleness, 0.2)),
      Effect.forever
    )

  /** Writes to its own epoch only. If that fails, the epoch ends by its staleness. */
  const release = (epoch: number): Effect.Effect<void> =>
    epoch === none ? Effect.void : Effect.ignore(fs.writeFileString(file(epoch), "released\n", { flag: "r+" }))

  const isOwner = (epoch: number): Effect.Effect<boolean, TokenStoreError> =>
    Effect.mapBoth(latest, { onFailure: toLockError, onSuccess: (latest) => latest === epoch })

  return <A, E, R>(
    self: (isOwner: Effect.Effect<boolean, TokenStoreError>) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | TokenStoreError, R> =>
    Effect.gen(function*() {
      yield* Effect.mapError(fs.makeDirectory(directory, { recursive: true, mode: 0o700 }), toLockError)
      const watched = yield* Ref.make<Watch | undefined>(undefined)
      const held = yield* Ref.make(none)
      // what is taken is known to the release, wherever an interrupt strikes
      const acquire = Effect.uninterruptible(attempt(watched, held)).pipe(
        Effect.repeat({ until: (epoch) => epoch !== none, schedule: pauses }),
        Effect.zipRight(Ref.get(held)),
        Effect.mapError((error) => error._tag === "TokenStoreError" ? error : toLockError(error))
      )
      return yield* acquire.pipe(
        Effect.flatMap((epoch) => Effect.raceFirst(self(isOwner(epoch)), stayAlive(epoch))),
        Effect.ensuring(Effect.flatMap(Ref.get(held), release))
      )
    })
}

/** Epochs are counted from 1. */
const none = 0

const epochsKept = 8

/** In one attempt; each but the first finds that a file which was listed is gone. */
const mostLooks = 10

/** Canonical and exact: neither `007` nor a number beyond 2^53 is one, so that a name and its number are the same. */
const isEpoch = (name: string): boolean => /^[1-9]\d{0,14}$/.test(name)

/** What a killed owner left half written; see the file store. */
const isDraft = (name: string): boolean => /^draft-[0-9a-f]+$/.test(name)

const hasReason = (reason: SystemErrorReason) => (error: PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === reason

/** Said of a lock that another process has taken over, and of what can no more be written for that reason. */
export const lost = "this process was suspended for so long that another one took over the lock"
