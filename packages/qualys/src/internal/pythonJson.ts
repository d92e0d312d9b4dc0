/**
 * JSON to the byte as `json.dumps` of Python writes it, so that files which a program in Python keeps do not change: a
 * space after each comma and colon, and ASCII only. Pure.
 */

/** The values a credential is made of. */
export type Value = string | null | { readonly [key: string]: Value }

/** On one line, or with an indentation of so many spaces. */
export const write = (value: Value, indent?: number): string => text(value, indent, "\n")

const text = (value: Value, indent: number | undefined, newLine: string): string => {
  if (value === null) return "null"
  if (typeof value === "string") return string(value)
  const inner = indent === undefined ? "" : newLine + " ".repeat(indent)
  const members = Object.entries(value).map(([key, member]) => `${inner}${string(key)}: ${text(member, indent, inner)}`)
  if (members.length === 0) return "{}"
  return indent === undefined ? `{${members.join(", ")}}` : `{${members.join(",")}${newLine}}`
}

/** `ensure_ascii`: all but printable ASCII as escapes of UTF-16, in lower case. JSON itself escapes control characters. */
const string = (value: string): string =>
  JSON.stringify(value).replace(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`
  )
