/** An answer that comes when a test lets it. */
import type * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

export const make = Effect.gen(function*() {
  const begun = yield* Deferred.make<void>()
  const released = yield* Deferred.make<void>()
  const hold = (answer: ScriptedHttpClient.Reply): Effect.Effect<ScriptedHttpClient.Reply> =>
    Deferred.succeed(begun, undefined).pipe(Effect.zipRight(Deferred.await(released)), Effect.as(answer))
  return { hold, begun: Deferred.await(begun), release: Deferred.succeed(released, undefined) }
})
