/**
 * What an mqweb server reads from a request, independent of its state: the route, the headers, the credentials. Names and
 * values are read as strictly as the server reads them.
 */
import type * as Headers from "@effect/platform/Headers"
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/** The parts of a request that the server reads. */
export interface Facts {
  readonly method: string
  /** Path and query as sent, percent-encoded. */
  readonly url: string
  readonly headers: Headers.Headers
  readonly body: string
  /** Common name of the client certificate. */
  readonly certificate: Option.Option<string>
}

export type Route =
  | { readonly _tag: "Login" }
  | { readonly _tag: "Qmgrs" }
  | { readonly _tag: "Mqsc"; readonly qmgr: Option.Option<string> }
  | { readonly _tag: "Unknown" }

export const csrfHeader = "ibm-mq-rest-csrf-token"
export const gatewayHeader = "ibm-mq-rest-gateway-qmgr"

/** Versions 1 to 3 are alike; a double slash, or one at the end, is another resource. */
export const route = (url: string): Route => {
  const path = url.replace(/[?#].*$/, "")
  const [, resource = ""] = /^\/ibmmq\/rest\/v[123](\/.*)$/.exec(path) ?? []
  if (resource === "/login") return { _tag: "Login" }
  if (resource === "/admin/qmgr") return { _tag: "Qmgrs" }
  const [, qmgr] = /^\/admin\/action\/qmgr\/([^/]+)\/mqsc$/.exec(resource) ?? []
  // decodeURIComponent throws on a malformed escape
  return qmgr === undefined
    ? { _tag: "Unknown" }
    : { _tag: "Mqsc", qmgr: Option.liftThrowable(decodeURIComponent)(qmgr) }
}

/** Whether a request is a login, which is what `loginLatency` delays. */
export const isLogin = (facts: Facts): boolean => facts.method === "POST" && route(facts.url)._tag === "Login"

const mediaType = (value: string): string => value.replace(/;.*$/s, "").trim().toLowerCase()

/** `application/json`, in UTF-8 if a charset is named. */
export const isJson = (value: string | undefined): boolean =>
  value !== undefined && mediaType(value) === "application/json" &&
  (/;\s*charset\s*=\s*"?([^";\s]+)/i.exec(value)?.[1] ?? "utf-8").toLowerCase() === "utf-8"

/** `application/json` by name; a wildcard is not enough. */
export const acceptsJson = (value: string | undefined): boolean =>
  (value ?? "").split(",").some((range) => mediaType(range) === "application/json")

/**
 * The values of all cookies of this name, in order, byte for byte but for quotes around them. As Liberty reads them: upper
 * and lower case of a name are alike, and a comma separates as a semicolon does.
 */
export const cookieValues = (headers: Headers.Headers, name: string): ReadonlyArray<string> =>
  Arr.filterMap((headers.cookie ?? "").split(/[;,]/), (pair) => {
    const at = pair.indexOf("=")
    return at !== -1 && pair.slice(0, at).trim().toLowerCase() === name.toLowerCase()
      ? Option.some(pair.slice(at + 1).trim().replace(/^"(.*)"$/, "$1"))
      : Option.none()
  })

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

/** User and password of a Basic header: none if there is no such header, empty ones if it cannot be read. */
export const basicCredentials = (
  headers: Headers.Headers
): Option.Option<readonly [user: string, password: string]> => {
  const { authorization = "" } = headers
  // Liberty takes this spelling and one space alone; the padding may be left out
  if (!authorization.startsWith("Basic ")) return Option.none()
  const encoded = authorization.slice("Basic ".length)
  const padded = /^[A-Za-z0-9+/]*$/.test(encoded) ? encoded.padEnd(Math.ceil(encoded.length / 4) * 4, "=") : encoded
  const text = Option.getOrElse(
    Option.flatMap(
      Either.getRight(Encoding.decodeBase64(padded)),
      Option.liftThrowable((bytes: Uint8Array) => utf8.decode(bytes))
    ),
    () => ""
  )
  const at = text.indexOf(":")
  return Option.some(at === -1 ? ["", ""] : [text.slice(0, at), text.slice(at + 1)])
}
