/** JSON from a server, whose members are read by name. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * Without members called `__proto__`: a copy of their object would inherit from them, and so have members of their choice.
 * None where the text is no JSON, or is nested as no answer is: such a text takes longest to parse.
 */
export const parse = (text: string): Option.Option<unknown> => {
  const parsed = isDeep(text) ? Option.none() : decode(text)
  if (mayNamePrototype.test(text)) Option.map(parsed, removePrototypes)
  return parsed
}

export const parseRecord = (text: string): Option.Option<Readonly<Record<string, unknown>>> =>
  Option.filter(parse(text), Predicate.isRecord)

const decode = Schema.decodeOption(Schema.parseJson())

const isDeep = (text: string): boolean => {
  let depth = 0
  let quoted = false
  for (let index = 0; index < text.length; index++) {
    const character = text[index]
    if (quoted) {
      if (character === "\\") index++
      else if (character === "\"") quoted = false
    } else if (character === "\"") quoted = true
    else if (character === "[" || character === "{") {
      if (++depth > deepest) return true
    } else if (character === "]" || character === "}") depth--
  }
  return false
}

const deepest = 100

/** As it is, or with a letter of it escaped. */
const mayNamePrototype = /__proto__|\\u00/u

/** In place. A reviver would take ten times as long. */
const removePrototypes = (value: unknown): void => {
  if (!isObject(value)) return
  delete value["__proto__"]
  for (const member of Object.values(value)) removePrototypes(member)
}

const isObject = (value: unknown): value is Record<string, unknown> => Predicate.isRecord(value) || Array.isArray(value)
