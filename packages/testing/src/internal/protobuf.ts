/**
 * Messages of Protocol Buffers, as JSON, in their binary encoding and as text. Fields have their numbers with them, so
 * that no schema is needed. A message says what it is in all three, and reads none.
 */
import * as Arr from "effect/Array"
import * as Record from "effect/Record"

export type Value = string | boolean | number | Enum | Message | ReadonlyArray<Message>

/** Fields by name; those that are undefined are left out. Numbers are whole and not negative. */
export interface Message {
  readonly _tag: "Message"
  readonly fields: Readonly<Record<string, readonly [number: number, value: Value | undefined]>>
}

interface Enum {
  readonly _tag: "Enum"
  readonly name: string
  readonly number: number
}

export const message = (fields: Message["fields"]): Message => ({ _tag: "Message", fields })

export const enumeration = (name: string, number: number): Value => ({ _tag: "Enum", name, number })

/** The fields that are set; a list is set once for each of its messages. */
const entries = ({ fields }: Message): ReadonlyArray<readonly [name: string, number: number, value: Single]> =>
  Arr.flatMap(Record.toEntries(fields), ([name, [number, value]]) =>
    value === undefined
      ? []
      : isList(value)
      ? Arr.map(value, (each) => [name, number, each])
      : [[name, number, value]])

const isList = (value: Value | undefined): value is ReadonlyArray<Message> => Array.isArray(value)

type Single = Exclude<Value, ReadonlyArray<Message>>

/** A list without messages is left out, as the server's printer leaves it out. */
export const toJson = ({ fields }: Message): Readonly<Record<string, unknown>> =>
  Record.map(
    Record.filter(fields, ([, value]) => value !== undefined && !(isList(value) && value.length === 0)),
    ([, value]) => isList(value) ? value.map(toJson) : singleToJson(value)
  )

const singleToJson = (value: Single | undefined): unknown =>
  typeof value !== "object" ? value : value._tag === "Enum" ? value.name : toJson(value)

/** protobuf.dev/programming-guides/encoding */
export const encode = (self: Message): Uint8Array =>
  Uint8Array.from(Arr.flatMap(entries(self), ([, number, value]) => {
    switch (typeof value) {
      case "string":
        return delimited(number, new TextEncoder().encode(value))
      case "number":
        return [...varint(number << 3), ...varint(value)]
      case "boolean":
        return [...varint(number << 3), value ? 1 : 0]
      default:
        return value._tag === "Enum"
          ? [...varint(number << 3), ...varint(value.number)]
          : delimited(number, encode(value))
    }
  }))

const delimited = (number: number, bytes: Uint8Array): ReadonlyArray<number> => [
  ...varint(number << 3 | 2),
  ...varint(bytes.length),
  ...bytes
]

const varint = (value: number): ReadonlyArray<number> =>
  value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))]

/** Java's `Message.toString`. */
export const toText = (self: Message, indent = ""): string =>
  entries(self).map(([name, , value]) =>
    typeof value !== "object"
      ? `${indent}${name}: ${JSON.stringify(value)}\n`
      : value._tag === "Enum"
      ? `${indent}${name}: ${value.name}\n`
      : `${indent}${name} {\n${toText(value, `${indent}  `)}${indent}}\n`
  ).join("")
