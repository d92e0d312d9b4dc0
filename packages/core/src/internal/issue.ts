/** What a Schema says of the data that it refuses: the only module that knows how Effect reports it. */
import * as ParseResult from "effect/ParseResult"

/** The first thing that is wrong with the data. */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  /** May quote what was found in place of what is expected. */
  readonly message: string
}

/** `undefined`: the error is not one of a Schema. */
export const first = (error: unknown): Issue | undefined =>
  ParseResult.isParseError(error) ? ParseResult.ArrayFormatter.formatErrorSync(error)[0] : undefined
