/**
 * What a session is in Redis, and what the scripts answer about it. Pure.
 */
import * as Schema from "effect/Schema"

/** A generation and its text; the empty text: removed. */
export interface Entry {
  readonly generation: number
  readonly text: string
}

/** Nothing was ever stored, as far as is known. */
export const unknown: Entry = { generation: 0, text: "" }

/** Whether something was ever stored. Generation 1 says no more than that everyone was asked. */
export const isKnown = ({ generation }: Entry): boolean => generation > 1

export const isRemoved = ({ text }: Entry): boolean => text === ""

/** What is known after one more look: a store that has lost what it had may show an earlier entry again. */
export const learned = (known: Entry, seen: Entry): Entry =>
  isKnown(seen) && seen.generation > known.generation ? seen : known

/** What one process tells the others. */
export type Message =
  | { readonly _tag: "Stored"; readonly generation: number }
  | { readonly _tag: "Released" }
  /** The store has nothing: who does? */
  | { readonly _tag: "Who" }

/** `undefined`: a message of a later version, or of somebody else. */
export const message = (text: string): Message | undefined => {
  if (text === "released") return { _tag: "Released" }
  if (text === "who") return { _tag: "Who" }
  const generation = /^stored ([1-9]\d{0,15})$/u.exec(text)?.[1]
  return generation === undefined ? undefined : { _tag: "Stored", generation: Number(generation) }
}

const Generation = Schema.compose(Schema.NumberFromString, Schema.NonNegativeInt)

/** `{generation, text}`. */
export const Read = Schema.Tuple(Generation, Schema.String)

export const Acquired = Schema.Union(
  Schema.Tuple(Schema.Literal("granted"), Generation, Schema.String),
  Schema.Tuple(Schema.Literal("held"), Schema.NumberFromString),
  Schema.Tuple(Schema.Literal("empty"))
)

export const Renewed = Schema.Tuple(Schema.Literal("renewed", "lost"))

export const Put = Schema.Union(
  Schema.Tuple(Schema.Literal("stored")),
  Schema.Tuple(Schema.Literal("refused"), Generation, Schema.String)
)

export const Restored = Schema.Union(
  Schema.Tuple(Schema.Literal("restored")),
  Schema.Tuple(Schema.Literal("kept"), Generation, Schema.String)
)

export const Removed = Schema.Union(
  Schema.Tuple(Schema.Literal("removed")),
  Schema.Tuple(Schema.Literal("kept"), Generation, Schema.String)
)

/** What to do about a write that was refused. */
export type Retry =
  /** The store has lost what this process knows: bring it back, and write again. */
  | { readonly _tag: "RestoreFirst" }
  /** What is stored counts as nothing: write in the place of it. */
  | { readonly _tag: "Replace"; readonly generation: number }
  | { readonly _tag: "GiveUp" }

/**
 * A write in the place of generation `expected` (0: of nothing) was refused because of what is stored.
 * `isReadable`: whether that is a token.
 */
export const onRefusal = (expected: number, stored: Entry, known: Entry, isReadable: boolean): Retry => {
  if (expected !== 0) {
    return stored.generation < expected && known.generation === expected
      ? { _tag: "RestoreFirst" }
      : { _tag: "GiveUp" }
  }
  return isRemoved(stored)
    ? { _tag: "Replace", generation: 0 }
    : isReadable
    ? { _tag: "GiveUp" }
    : { _tag: "Replace", generation: stored.generation }
}
