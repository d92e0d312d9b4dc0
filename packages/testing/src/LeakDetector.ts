/**
 * Finds secrets where none may be. It gets the secrets of a test, runs a program under its watch, and reports in which
 * log, span, metric, event, error or result one of them shows, in whatever encoding. {@link suite} does this for whole
 * modes of authenticating, against a server that repeats whatever it receives.
 *
 * @example
 * ```ts
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import * as Effect from "effect/Effect"
 *
 * declare const program: Effect.Effect<void>
 *
 * const test = Effect.gen(function*() {
 *   const detector = yield* LeakDetector.make({ password: "canary-password" })
 *   const { leaks } = yield* detector.watch(program)
 *   return leaks // one for each place in which a secret shows
 * })
 * ```
 *
 * @since 0.1.0
 */
export { type LeakDetector, make } from "./internal/leakDetector.ts"
export { type Mode, mode, type ModeOptions, modeWith, type Setup } from "./internal/leakModes.ts"
export { type Leak } from "./internal/leakPatterns.ts"
export { LeakFound, type Sockets, suite } from "./internal/leakSuite.ts"
