/** `jose`, an optional peer: only what reads a key or verifies a token loads it. */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"

export const load = Effect.tryPromise({
  try: () => import("jose"),
  catch: () => new InvalidSetting({ setting: "key", problem: "needs the package `jose`, which is not installed" })
})
