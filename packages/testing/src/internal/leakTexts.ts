/** The texts in which a value may show a secret: what printing it gives, and what is reachable from it. */
import * as Cause from "effect/Cause"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"

/** A way to print a value. */
export type Render = (value: unknown) => string

/** What the built-in ways and the given ones print; nothing where printing throws, as JSON does for a cycle. */
export const printed = (value: unknown, renders: ReadonlyArray<Render>): ReadonlyArray<string> =>
  [...builtIn, ...renders].map((render) => Either.getOrElse(Either.try(() => render(value)), () => ""))

/** Every string, and every byte array as text, that a debugger would find over own properties, Maps and Sets. */
export const reachable = (root: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const seen = new Set<unknown>()
  const pending: Array<unknown> = [root]
  while (pending.length > 0 && seen.size < nodesAtMost) {
    const value = pending.pop()
    if (typeof value === "string") texts.push(value)
    if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Uint8Array) {
      texts.push(new TextDecoder().decode(value))
      continue
    }
    if (value instanceof Map || value instanceof Set) { for (const entry of value) pending.push(entry) }
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === "string") texts.push(key)
      const property = Object.getOwnPropertyDescriptor(value, key)
      if (property !== undefined && "value" in property) pending.push(property.value)
    }
  }
  return texts
}

const builtIn: ReadonlyArray<Render> = [
  (value) => String(value),
  (value) => JSON.stringify(value) ?? "",
  (value) => JSON.stringify(value, null, 2) ?? "",
  (value) => value instanceof Error ? [value.name, value.message, value.stack].join("\n") : "",
  (value) => Exit.isExit(value) && Exit.isFailure(value) ? pretty(value.cause) : "",
  (value) => Cause.isCause(value) ? pretty(value) : ""
]

const pretty = (cause: Cause.Cause<unknown>): string =>
  [cause, ...Cause.failures(cause), ...Cause.defects(cause)]
    .map((part) => Cause.isCause(part) ? Cause.pretty(part, { renderErrorCause: true }) : String(part))
    .join("\n")

/** A value from which the whole program is reachable is not searched to its end. */
const nodesAtMost = 20_000
