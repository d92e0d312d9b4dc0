/** When the content of a path may have changed, whichever process did it, and however often the file is replaced. */
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodeFileSystem from "node:fs"
import { basename, dirname } from "node:path"

/**
 * Emits when it begins to watch, and whenever the path may name another file or content than before: once for what happens
 * within some milliseconds. Where watching is not possible it emits every second.
 */
export const signals = (path: string): Stream.Stream<void> =>
  Stream.merge(
    watched(path).pipe(
      // there is no such directory yet, or no more, or the system has no watches left
      Stream.catchAll(() => Stream.make(undefined)),
      Stream.repeat(Schedule.spaced("1 second"))
    ),
    // some file systems, such as those that containers mount, tell nothing and do not say so
    Stream.fromSchedule(Schedule.spaced("10 seconds"))
  ).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.mapEffect(() => Effect.sleep("10 millis"))
  )

/**
 * The directory is watched, because a file that is replaced takes its watch with it. Ends when the directory may be gone.
 */
const watched = (path: string): Stream.Stream<void, Unwatchable> =>
  Stream.asyncPush<void, Unwatchable>(
    (emit) =>
      Effect.acquireRelease(
        Effect.try({
          try: () => {
            const directory = dirname(path)
            const watcher = NodeFileSystem.watch(directory, (event, name) => {
              if (name === null || name === basename(path)) emit.single(undefined)
              else if (event === "rename" && name === basename(directory)) emit.end()
            })
            watcher.on("error", () => emit.end()).on("close", () => emit.end())
            emit.single(undefined)
            return watcher
          },
          catch: (): Unwatchable => "unwatchable"
        }),
        (watcher) => Effect.sync(() => watcher.close())
      ),
    { bufferSize: 1, strategy: "sliding" }
  )

type Unwatchable = "unwatchable"
