/**
 * A token as the text that a store keeps: versioned, and with the generation by which a store tells one from the next.
 * Version 1 was the token alone.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { TokenStoreError } from "../../AuthError.ts"
import { Token } from "../../Token.ts"
import type { SessionSeal } from "../../TokenSeal.ts"

/**
 * What a store holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Stored {
  readonly token: Option.Option<Token>
  /**
   * Which of the tokens stored so far this is: greater with each token, never used again, and unchanged by time. 0:
   * nothing is stored, or what is stored cannot be read.
   */
  readonly generation: number
}

export const nothing: Stored = { token: Option.none(), generation: 0 }

/**
 * The generation of a token that takes the place of `previous` at a time (epoch milliseconds). Nothing has to be kept of
 * a token that was removed: the time alone makes the next generation another one.
 */
export const nextGeneration = (previous: number, now: number): number => Math.max(previous + 1, Math.floor(now))

/**
 * Reads a stored token. The stored text may be a secret, so an error does not show it; it names the `place`. With a seal, a
 * text that it does not open is none, and neither is one in the clear, which anybody may have put there.
 *
 * @since 0.1.0
 * @category encoding
 */
export const decode = (text: string, place?: string, seal?: SessionSeal): Effect.Effect<Stored, TokenStoreError> =>
  seal === undefined
    ? stored(read(text), place)
    : Effect.flatMap(
      seal.open(text),
      Option.match({
        onNone: () => stored(Either.left(notOpened), place),
        onSome: (opened) =>
          stored(
            Either.filterOrLeft(
              read(opened.text),
              ({ generation }) => generation === opened.generation,
              () => notAToken
            ),
            place
          )
      })
    )

const stored = (
  reading: Either.Either<{ readonly token: Token; readonly generation: number }, string>,
  place: string | undefined
): Effect.Effect<Stored, TokenStoreError> =>
  Either.match(reading, {
    onLeft: (detail) => new TokenStoreError({ operation: "read", place, detail }),
    onRight: ({ generation, token }) => Effect.succeed({ token: Option.some(token), generation })
  })

/**
 * A token and its generation as text, **with its secrets in the clear** unless there is a seal, for a store to write. An
 * error names the `place`.
 *
 * @since 0.1.0
 * @category encoding
 */
export const encode = (
  token: Token,
  generation: number,
  place?: string,
  seal?: SessionSeal
): Effect.Effect<string, TokenStoreError> =>
  Effect.mapError(
    Schema.encode(Schema.parseJson(Entry))({ version, generation, token }),
    () => new TokenStoreError({ operation: "write", place, detail: "the token cannot be encoded" })
  ).pipe((clear) => seal === undefined ? clear : Effect.flatMap(clear, (text) => seal.seal(text, generation)))

const version = 2

const Entry = Schema.Struct({
  version: Schema.Literal(version),
  // one less than the greatest, so that there is a next one
  generation: Schema.Int.pipe(Schema.between(1, Number.MAX_SAFE_INTEGER - 1)),
  token: Token
})

const read = (text: string): Either.Either<{ readonly token: Token; readonly generation: number }, string> =>
  Either.flatMap(Either.mapLeft(parse(text), () => notAToken), (json) =>
    Predicate.hasProperty(json, "sealed")
      ? Either.left(hasNoSeal)
      : !Predicate.hasProperty(json, "version")
      ? Either.map(Either.mapLeft(readToken(json), () => notAToken), (token) => ({ token, generation: 1 }))
      : Either.mapLeft(
        readEntry(json),
        () => Predicate.isNumber(json.version) && json.version > version ? isLater : notAToken
      ))

const parse = Schema.decodeEither(Schema.parseJson())
const readToken = Schema.decodeUnknownEither(Token)
const readEntry = Schema.decodeUnknownEither(Entry)

const hasNoSeal = "the stored text is sealed, and the store has no key to open it"
const notOpened = "the stored text was not sealed for this session with one of the keys"
const notAToken = "the stored text is not a token"
const isLater = "the stored text is of a later version of this library"
