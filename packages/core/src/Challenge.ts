/**
 * The `WWW-Authenticate` field: the authentication a server asks for (RFC 9110 section 11.6.1). It is only read to be
 * shown to a person, so malformed parts are skipped and the rest still counts.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import * as ServerMessage from "./ServerMessage.ts"

/**
 * One way to authenticate that the server offers.
 *
 * @since 0.1.0
 * @category models
 */
export interface Challenge {
  /** In lower case, such as `bearer`, because schemes are case-insensitive. */
  readonly scheme: string
  /** The value after the scheme, if it is a single one as with `Negotiate` (RFC 9110 section 11.2). */
  readonly token68: string | undefined
  /** Parameters by lower-case name. If a name is repeated, which RFC 9110 forbids, the first one counts. */
  readonly params: Readonly<Record<string, string>>
}

/**
 * The challenges of a field, in order; of a field with more than 256 elements those at its beginning. Several fields may be joined by `, `, as the platform joins them.
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
  const challenges: Array<Growing> = []
  let elements = 0
  for (const [element] of field.matchAll(listElement)) {
    if (++elements > mostElements) break
    const parameter = parseParameter(element.trim())
    const last = challenges.at(-1)
    if (parameter !== undefined) {
      if (last !== undefined) add(last, parameter)
      continue
    }
    const [, scheme, rest = ""] = schemeAndRest.exec(element.trim()) ?? []
    if (scheme === undefined) continue
    const challenge: Growing = {
      scheme: scheme.toLowerCase(),
      token68: token68.test(rest) ? rest : undefined,
      params: new Map()
    }
    const first = parseParameter(rest)
    if (first !== undefined) add(challenge, first)
    challenges.push(challenge)
  }
  // unlike an assignment, this makes a property of its own even of `__proto__`
  return challenges.map(({ params, ...challenge }) => ({ ...challenge, params: Object.fromEntries(params) }))
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
 * What challenges say to a person: the error and its description if one states them (RFC 6750 section 3), with the scope that
 * is missing, else the schemes the server accepts, with their realms.
 *
 * @since 0.1.0
 * @category formatting
 */
export const explain = (challenges: ReadonlyArray<Challenge>): ServerMessage.ServerMessage => {
  const stated = challenges.find(({ params }) => params["error"] !== undefined)
  const code = stated?.params["error"]
  const description = stated?.params["error_description"] ??
    (challenges.length === 0 ? undefined : `the server asks for ${challenges.map(format).join(" or ")}`)
  const scope = code === "insufficient_scope" ? stated?.params["scope"] : undefined
  return ServerMessage.make({
    code,
    detail: scope === undefined || scope === "" ? description : `${description ?? ""} (scope: ${scope})`.trim()
  })
}

type Parameter = readonly [name: string, value: string]

/** A comma within quotes is not a separator (RFC 9110 section 5.6.1). An unclosed quote extends to the end. */
const listElement = /(?:[^",]|"(?:[^"\\]|\\[^])*"?)+/gu

/** Servers send a few; of thousands nobody would read more. */
const mostElements = 256

/**
 * RFC 9110 section 11.2: `token BWS "=" BWS ( token / quoted-string )`. Servers leave out the quotes of what is no token, such as
 * a nonce in Base64. What begins with another `=` is the end of a `token68`.
 */
const parameter = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\[^])*)"|([^\s"=][^\s"]*))$/u

const schemeAndRest = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)(?:[ \t]+([^]*))?$/u

const token68 = /^[A-Za-z0-9\-._~+/]+=*$/u

const parseParameter = (text: string): Parameter | undefined => {
  const [, name, quoted, token] = parameter.exec(text) ?? []
  if (name === undefined) return undefined
  return [name.toLowerCase(), quoted?.replace(/\\([^])/gu, "$1") ?? token ?? ""]
}

/** A challenge whose parameters are being read; copied for each of them, a long field would take quadratic time. */
interface Growing extends Omit<Challenge, "params"> {
  readonly params: Map<string, string>
}

/** The first of a name counts. */
const add = ({ params }: Growing, [name, value]: Parameter): void => {
  if (!params.has(name)) params.set(name, value)
}

const format = ({ params, scheme }: Challenge): string =>
  params["realm"] === undefined ? scheme : `${scheme} (${params["realm"]})`
