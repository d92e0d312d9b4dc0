/** `jose`, an optional peer: only what signs or verifies loads it. */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"

export const load = Effect.tryPromise({
  try: () => import("jose"),
  catch: () => new InvalidSetting({ setting: "key", problem: "needs the package `jose`, which is not installed" })
})
