/** JSON from a server, whose members are read by name. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/** Without members called `__proto__`: a copy of their object would inherit from them, and so have members of their choice. */
export const parse = Schema.decodeOption(
  Schema.parseJson({ reviver: (name, value: unknown) => name === "__proto__" ? undefined : value })
)

export const parseRecord = (text: string): Option.Option<Readonly<Record<string, unknown>>> =>
  Option.filter(parse(text), Predicate.isRecord)
