/**
 * Defects in what a user gives, such as a login or a reader of headers: each is a bug, and may quote what it was given. So its
 * words are shown to nobody, neither by an error nor in a log: only what it is and where it occurred.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"

/** The effect, of whose defects nothing but {@link wordless} is left. `what` is what it was asked for. */
export const withoutWords = <A, E, R>(self: Effect.Effect<A, E, R>, what: string): Effect.Effect<A, E, R> =>
  Effect.catchAllDefect(self, (defect) => Effect.die(wordless(defect, what)))

/** {@link withoutWords} of a stream, which runs in fibers whose ends are logged. */
export const streamWithoutWords = <A, E, R>(self: Stream.Stream<A, E, R>, what: string): Stream.Stream<A, E, R> =>
  Stream.catchAllCause(self, (cause) =>
    Option.match(Cause.dieOption(cause), {
      onNone: () => Stream.failCause(cause),
      onSome: (defect) => Stream.die(wordless(defect, what))
    }))

/** A defect without its message, which may quote a secret: its class, its system code and its stack frames. */
export const wordless = (defect: unknown, what = "the transport"): Error => {
  if (defect instanceof Error && wordlessOnes.has(defect)) return defect
  const code = systemCode(defect)
  const scrubbed = new Error(`${what} died${code === undefined ? "" : ` (${code})`}`)
  const frames = defect instanceof Error ? (defect.stack ?? "").match(/^ {4}at .*$/gmu) : null
  scrubbed.name = defect instanceof Error ? defect.name : "Error"
  scrubbed.stack = [`${scrubbed.name}: ${scrubbed.message}`, ...(frames ?? [])].join("\n")
  wordlessOnes.add(scrubbed)
  return scrubbed
}

/** A defect of our own words, which stay. */
export const known = (message: string): Error => {
  const defect = new Error(message)
  wordlessOnes.add(defect)
  return defect
}

/** What is in it keeps the message that says where the defect occurred. */
const wordlessOnes = new WeakSet<Error>()

/** `ECONNREFUSED`, `UND_ERR_SOCKET` and the like, at most a few causes deep (fetch wraps them). */
export const systemCode = (cause: unknown, depth = 3): string | undefined => {
  if (depth === 0) return undefined
  if (
    Predicate.hasProperty(cause, "code") && typeof cause.code === "string" && /^[A-Z][A-Z0-9_]{2,60}$/.test(cause.code)
  ) {
    return cause.code
  }
  return Predicate.hasProperty(cause, "cause") ? systemCode(cause.cause, depth - 1) : undefined
}
