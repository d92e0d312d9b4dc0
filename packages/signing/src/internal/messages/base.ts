/** The signature base of HTTP Message Signatures (RFC 9421 section 2.5), and digests of content (RFC 9530). Pure. */
import { sha256, sha512 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import type { BareItem, Item, Parameters } from "structured-headers"
import * as Structured from "structured-headers"

/**
 * A part of a request that is signed, by its name: a header in lower case, or one of the derived components of RFC 9421
 * section 2.2, such as `@method`, `@authority`, `@path`, `@query`, `@target-uri`.
 *
 * @since 0.1.0
 * @category models
 */
export type Component = string | {
  readonly name: string
  /** The member of a header that is a dictionary (section 2.1.2). */
  readonly key?: string | undefined
  /** The header as it is serialized anew from its structure (section 2.1.1). */
  readonly sf?: boolean | undefined
  /** The header in Base64 (section 2.1.3). */
  readonly bs?: boolean | undefined
  /** Of `@query-param`: the parameter, as it is named when it is decoded (section 2.2.8). */
  readonly parameter?: string | undefined
  /** Whether it is left out where the request does not have it. Default: the request fails. */
  readonly ifPresent?: boolean | undefined
}

/**
 * What is stated beside the components (section 2.3), in the order that it is written.
 */
export type Stated = ReadonlyArray<readonly [name: string, value: BareItem]>

export interface Message {
  readonly method: string
  readonly url: URL
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Of a response. */
  readonly status?: number | undefined
}

export interface Base {
  /** What is signed. */
  readonly text: string
  /** The value of the label in `Signature-Input`. */
  readonly input: string
}

/** Left: what cannot be signed, in words. */
export const make = (
  components: ReadonlyArray<Component>,
  stated: Stated,
  message: Message
): Either.Either<Base, string> =>
  Either.gen(function*() {
    const lines: Array<readonly [identifier: Item, value: string]> = []
    for (const component of components.map(full)) {
      const value = yield* valueOf(component, message)
      if (value !== undefined) lines.push([identifierOf(component), value])
      else if (component.ifPresent !== true) return yield* Either.left(`the request has no ${component.name} to sign`)
    }
    const input = yield* serialized(
      () => Structured.serializeInnerList([lines.map(([identifier]) => identifier), new Map(stated)]),
      "a component or a parameter cannot be written"
    )
    const covered = yield* serialized(
      () => lines.map(([identifier, value]) => `${Structured.serializeItem(identifier)}: ${value}`),
      "a component cannot be written"
    )
    if (new Set(covered.map((line) => line.slice(0, line.indexOf(": ")))).size < covered.length) {
      return yield* Either.left("a component is named twice")
    }
    return { input, text: [...covered, `"@signature-params": ${input}`].join("\n") }
  })

/** A member of the dictionaries `Signature-Input` and `Signature`, after those of other signatures. */
export const added = (field: string | undefined, label: string, value: string): string =>
  [...field === undefined || field.trim() === "" ? [] : [field], `${label}=${value}`].join(", ")

/** Whether a text can name a member of a dictionary (RFC 9651 section 3.1.2). */
export const isKey = (text: string): boolean => /^[a-z*][a-z0-9_\-.*]*$/u.test(text)

export const bytesField = (bytes: Uint8Array): string => Structured.serializeByteSequence(new Uint8Array(bytes))

/** The algorithms of `Content-Digest` that are good for signatures (RFC 9530 section 5). */
export type DigestAlgorithm = "sha-256" | "sha-512"

/** The value of `Content-Digest`. */
export const contentDigest = (body: Uint8Array, algorithm: DigestAlgorithm): string =>
  `${algorithm}=${bytesField(algorithm === "sha-256" ? sha256(body) : sha512(body))}`

export const nameOf = (component: Component): string => full(component).name

type Full = Exclude<Component, string>

const full = (component: Component): Full => typeof component === "string" ? { name: component } : component

const identifierOf = ({ bs, key, name, parameter, sf }: Full): Item => {
  const parameters: Parameters = new Map()
  if (sf === true) parameters.set("sf", true)
  if (bs === true) parameters.set("bs", true)
  if (key !== undefined) parameters.set("key", key)
  if (parameter !== undefined) parameters.set("name", encoded(parameter))
  return [name, parameters]
}

/** `undefined`: the message does not have it. */
const valueOf = (component: Full, message: Message): Either.Either<string | undefined, string> => {
  const { name } = component
  const { method, status, url } = message
  switch (name) {
    case "@method":
      return Either.right(method)
    case "@target-uri":
      return Either.right(`${url.origin}${url.pathname}${url.search}`)
    case "@authority":
      return Either.right(url.host)
    case "@scheme":
      return Either.right(url.protocol.slice(0, -1))
    case "@request-target":
      return Either.right(`${url.pathname}${url.search}`)
    case "@path":
      return Either.right(url.pathname)
    case "@query":
      return Either.right(url.search === "" ? "?" : url.search)
    case "@query-param":
      return queryParameter(component, url)
    case "@status":
      return status === undefined ? Either.left("@status is of responses alone") : Either.right(String(status))
    default:
      return name.startsWith("@") ? Either.left(`${name} is no component of RFC 9421`) : headerValue(component, message)
  }
}

const queryParameter = ({ parameter }: Full, url: URL): Either.Either<string | undefined, string> => {
  if (parameter === undefined) return Either.left("@query-param needs the name of a parameter")
  const values = url.searchParams.getAll(parameter)
  return values.length > 1
    ? Either.left("a parameter that is there twice cannot be signed by itself (RFC 9421 section 2.2.8)")
    : Either.right(values[0] === undefined ? undefined : encoded(values[0]))
}

const headerValue = ({ bs, key, name, sf }: Full, { headers }: Message): Either.Either<string | undefined, string> => {
  const field = headers[name]
  if (field === undefined) return Either.right(undefined)
  // folded lines are one (section 2.1)
  const value = field.trim().replace(/[ \t]*\r?\n[ \t]+/gu, " ")
  // section 2.5; a field is sent byte by byte
  if (!(bs === true ? /^[\t\x20-\xff]*$/u : /^[\t\x20-\x7e]*$/u).test(value)) {
    return Either.left(
      `${name} has characters that cannot be signed as they are sent${bs === true ? "" : ", except with bs"}`
    )
  }
  if (bs === true) return Either.right(bytesField(Uint8Array.from(value, (character) => character.charCodeAt(0))))
  const notStructured = `${name} has not the structure to sign a part of it`
  if (key !== undefined) return serialized(() => member(value, key), notStructured)
  return sf === true ? serialized(() => structured(value), notStructured) : Either.right(value)
}

const member = (value: string, key: string): string | undefined => {
  const found = Structured.parseDictionary(value).get(key)
  if (found === undefined) return undefined
  return isInnerList(found) ? Structured.serializeInnerList(found) : Structured.serializeItem(found)
}

const isInnerList = (member: Item | Structured.InnerList): member is Structured.InnerList => Array.isArray(member[0])

/** An item is a list of one, and a list of tokens reads like a dictionary of flags. */
const structured = (value: string): string =>
  Either.getOrElse(
    Either.try(() => Structured.serializeList(Structured.parseList(value))),
    () => Structured.serializeDictionary(Structured.parseDictionary(value))
  )

const serialized = <A>(make: () => A, problem: string): Either.Either<A, string> =>
  Either.try({ try: make, catch: () => problem })

/** Form encoding, but for spaces (section 2.2.8). */
const encoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice(1).replace(/\+/gu, "%20")
