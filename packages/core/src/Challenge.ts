/**
 * The `WWW-Authenticate` field: what a server says it wants instead of the proof that it refused (RFC 9110 section
 * 11.6.1). Read tolerantly, because its only use here is to tell a person: what is malformed is passed over and the
 * rest still counts.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import type { Explanation } from "./Authenticator.ts"

/**
 * One way in which the server would let the client in.
 *
 * @since 0.1.0
 * @category models
 */
export interface Challenge {
  /** In lower case, such as `bearer`: schemes are case-insensitive. */
  readonly scheme: string
  /** What follows the scheme as a whole, as with `Negotiate` (RFC 9110 section 11.2). */
  readonly token68: string | undefined
  /** Parameters by name in lower case. Of a name that occurs twice, which it must not, the first one. */
  readonly params: Readonly<Record<string, string>>
}

/**
 * Every challenge of a field, in order. Several fields joined by `, `, as the platform gives them, are one field.
 *
 * @example
 * ```ts
 * import * as Challenge from "@effect-auth/core/Challenge"
 *
 * Challenge.parse(`Negotiate abc==, Bearer realm="api", error="invalid_token"`)
 * // [{ scheme: "negotiate", token68: "abc==", params: {} },
 * //  { scheme: "bearer", token68: undefined, params: { realm: "api", error: "invalid_token" } }]
 * ```
 *
 * @since 0.1.0
 * @category parsing
 */
export const parse = (field: string): ReadonlyArray<Challenge> => {
  const challenges: Array<Challenge> = []
  for (const element of field.match(listElement) ?? []) {
    const parameter = parseParameter(element.trim())
    const last = challenges.at(-1)
    if (parameter !== undefined) {
      if (last !== undefined) challenges[challenges.length - 1] = withParameter(last, parameter)
      continue
    }
    const [, scheme, rest = ""] = schemeAndRest.exec(element.trim()) ?? []
    if (scheme === undefined) continue
    const challenge = { scheme: scheme.toLowerCase(), token68: token68.test(rest) ? rest : undefined, params: {} }
    const first = parseParameter(rest)
    challenges.push(first === undefined ? challenge : withParameter(challenge, first))
  }
  return challenges
}

/**
 * The challenges of a response; none when it has no such field.
 *
 * @since 0.1.0
 * @category parsing
 */
export const fromHeaders = (headers: Headers.Headers): ReadonlyArray<Challenge> =>
  parse(headers["www-authenticate"] ?? "")

/**
 * What challenges tell a person: the error and its description where one states them (RFC 6750 section 3), else the
 * schemes that the server accepts, with their realms. One line of bounded length, and no run of characters that could
 * be a token.
 *
 * @since 0.1.0
 * @category formatting
 */
export const explain = (challenges: ReadonlyArray<Challenge>): Explanation => {
  const stated = challenges.find(({ params }) => params["error"] !== undefined)
  const code = stated?.params["error"]
  const description = stated?.params["error_description"] ??
    (challenges.length === 0 ? undefined : `the server asks for ${challenges.map(format).join(" or ")}`)
  return {
    ...(code === undefined ? undefined : { code: presentable(code, 80) }),
    ...(description === undefined ? undefined : { detail: presentable(description, 300) })
  }
}

type Parameter = readonly [name: string, value: string]

/** Commas within quotes separate nothing (RFC 9110 section 5.6.1). An unclosed quote lasts to the end. */
const listElement = /(?:[^",]|"(?:[^"\\]|\\[^])*"?)+/gu

/** RFC 9110 section 11.2: `token BWS "=" BWS ( token / quoted-string )`. */
const parameter =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z]+))$/u

const schemeAndRest = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]+([^]*))?$/u

const token68 = /^[A-Za-z0-9\-._~+/]+=*$/u

const parseParameter = (text: string): Parameter | undefined => {
  const [, name, quoted, token] = parameter.exec(text) ?? []
  if (name === undefined) return undefined
  return [name.toLowerCase(), quoted?.replace(/\\([^])/gu, "$1") ?? token ?? ""]
}

const withParameter = (challenge: Challenge, [name, value]: Parameter): Challenge =>
  Object.hasOwn(challenge.params, name)
    ? challenge
    // a computed key, unlike an assignment, is a property of its own even when the server says `__proto__`
    : { ...challenge, params: { ...challenge.params, [name]: value } }

const format = ({ params, scheme }: Challenge): string =>
  params["realm"] === undefined ? scheme : `${scheme} (${params["realm"]})`

/** A server may quote what it refused, and what it says ends up in logs and terminals. */
const presentable = (text: string, length: number): string => {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").replace(/[A-Za-z0-9\-._~+/=]{32,}/gu, "[…]").trim()
  return line.length <= length ? line : `${line.slice(0, length - 1)}…`
}
