/** The beginning of a body, for a decision about a response that stays its caller's to read, however long it is. */
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Bounds } from "./bodyBounds.ts"
import { outOfBounds } from "./bodyBounds.ts"
import * as Pull from "./pull.ts"
import { joined, restored } from "./restoredResponse.ts"
import { undecodable } from "./undecodable.ts"

export interface Peeked {
  /** The whole body, if it is no longer than the bound. */
  readonly whole: Option.Option<string>
  /** The response with a body that is read from its start: any number of times if it is whole, else once. */
  readonly response: HttpClientResponse.HttpClientResponse
}

/**
 * Reads up to so many bytes. A body that neither ends nor exceeds them within the time is given up, with the same error as
 * in `ResponseBody.bounded`.
 */
export const peek = (
  response: HttpClientResponse.HttpClientResponse,
  bounds: Bounds
): Effect.Effect<Peeked, HttpClientError.ResponseError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Scope.make(), (scope) =>
      restore(beginning(response, scope, bounds)).pipe(
        Effect.onExit((exit) =>
          Exit.isSuccess(exit) && Option.isNone(exit.value.whole)
            ? Effect.void
            // a connection that cannot even be given up holds nobody
            : Effect.forkDaemon(Scope.close(scope, exit))
        )
      ))
  )

const beginning = (
  response: HttpClientResponse.HttpClientResponse,
  scope: Scope.CloseableScope,
  bounds: Bounds
): Effect.Effect<Peeked, HttpClientError.ResponseError> =>
  Effect.gen(function*() {
    const pull = yield* undecodable(response)(
      Scope.extend(Effect.suspend(() => Stream.toPull(response.stream)), scope)
    )
    const parts: Array<Uint8Array> = []
    const isWanted = (read: number) => read <= bounds.size
    const isLonger = yield* Pull.whileWanted(pull, isWanted, (part) => parts.push(part)).pipe(
      undecodable(response),
      Effect.disconnect,
      Effect.timeoutFail({
        duration: bounds.time,
        onTimeout: () => outOfBounds(response, "TooSlow", bounds)
      })
    )
    return isLonger
      ? { whole: Option.none(), response: continued(response, parts, pull, scope) }
      : wholly(response, parts)
  })

const wholly = (response: HttpClientResponse.HttpClientResponse, parts: ReadonlyArray<Uint8Array>): Peeked => {
  const bytes = joined(parts)
  return {
    whole: Option.some(new TextDecoder().decode(bytes)),
    response: restored(response, { content: Effect.succeed(bytes) })
  }
}

const continued = (
  response: HttpClientResponse.HttpClientResponse,
  parts: ReadonlyArray<Uint8Array>,
  pull: Pull.Pull<HttpClientError.ResponseError>,
  scope: Scope.CloseableScope
): HttpClientResponse.HttpClientResponse => {
  const stream = Stream.concat(Stream.fromIterable(parts), Stream.fromPull(Effect.succeed(pull))).pipe(
    Stream.ensuringWith((exit) => Scope.close(scope, exit))
  )
  const content = Effect.map(Stream.runCollect(stream), (chunks) => joined(Chunk.toReadonlyArray(chunks)))
  return restored(response, { content, stream })
}
