/** A file system in memory, as far as sources of secrets read it. */
import { SystemError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** `undefined`: there is no such file. */
export const make = (contentOf: (path: string) => string | undefined): FileSystem.FileSystem =>
  FileSystem.makeNoop({
    stream: (path, options) =>
      Stream.unwrap(Effect.sync(() => {
        const content = contentOf(path)
        return content === undefined
          ? Stream.fail(
            new SystemError({ module: "FileSystem", method: "stream", reason: "NotFound", pathOrDescriptor: path })
          )
          : Stream.succeed(
            new TextEncoder().encode(content).subarray(0, Number(options?.bytesToRead?.toString() ?? Infinity))
          )
      }))
  })
