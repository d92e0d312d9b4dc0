/**
 * A key that the system's keychain keeps for a program. Where there is none, reading says that there is no entry, and only
 * writing shows it: a new key counts once it has been read again.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/** An entry of the keychain. */
export interface Entry {
  readonly getPassword: () => Promise<string | null | undefined>
  readonly setPassword: (password: string) => Promise<unknown>
}

/** The key of the entry, made when there is none; `None`: there is no keychain that this program can use. */
export const keyOf = (open: () => Promise<Entry>): Effect.Effect<Option.Option<Redacted.Redacted>> =>
  Effect.gen(function*() {
    const entry = yield* Effect.tryPromise(open)
    const read = Effect.map(Effect.tryPromise(() => entry.getPassword()), (text) => text === "" ? undefined : text)
    const known = yield* read
    if (known !== null && known !== undefined) return Option.some(Redacted.make(known))
    const made = Encoding.encodeBase64(globalThis.crypto.getRandomValues(new Uint8Array(32)))
    yield* Effect.tryPromise(() => entry.setPassword(made))
    // that of another process, if that was as fast
    return Option.map(Option.fromNullable(yield* read), (text) => Redacted.make(text))
  }).pipe(
    Effect.timeout(patience),
    // its words may quote what it was given
    Effect.orElseSucceed(() => Option.none())
  )

/** A person may be asked to unlock it. */
const patience = Duration.minutes(1)
