/**
 * Which proxy a request takes, and what its refusals mean. Pure.
 *
 * A host of this machine is never asked of a proxy, because it would be the proxy's own: the promise that plain http to
 * loopback is seen by nobody else would be broken. Go's `ProxyFromEnvironment` does the same.
 */
import type { ProxyFailed } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"

/**
 * Proxies, and what is reached without them. Every connection is a tunnel (`CONNECT`, RFC 9110 section 9.3.6), for plain
 * http too: the proxy sees host and port, and its own answers cannot be taken for the server's. Hosts of this machine
 * (`localhost`, `127.0.0.1`, `[::1]`) are always reached directly.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proxy {
  /**
   * The proxy for https: `http://host:port`, or `https://host:port` for TLS to the proxy itself. It may contain a user
   * name and a password; then give it as `Redacted`.
   */
  readonly https?: string | Redacted.Redacted | undefined
  /** The proxy for plain http. */
  readonly http?: string | Redacted.Redacted | undefined
  /**
   * What is reached directly, separated by commas: a host (`acme.example`) and the hosts below it, also written with a
   * leading dot, an address, a range (`10.0.0.0/8`), any of them with a port, or `*` for everything.
   */
  readonly noProxy?: string | undefined
  /** The user name for the proxies (Basic, RFC 7617), in place of one in their URLs. */
  readonly username?: string | undefined
  readonly password?: Redacted.Redacted | undefined
}

/** A proxy as it is used. */
export interface Server {
  /** Without user name and password. */
  readonly origin: string
  /** The value of `Proxy-Authorization`. */
  readonly authorization: Redacted.Redacted | undefined
}

/** Proxies that can be used. */
export interface Routes {
  readonly https: Server | undefined
  readonly http: Server | undefined
  readonly isDirect: (url: URL) => boolean
}

/** Checks the settings of proxies. */
export const routes = (proxy: Proxy): Either.Either<Routes, InvalidSetting> => {
  const { password, username } = proxy
  const problem = (setting: string, problem: string) =>
    Either.left(new InvalidSetting({ setting: `proxy.${setting}`, problem }))
  if (username === undefined && password !== undefined) return problem("password", "needs username")
  if (username?.includes(":") === true) return problem("username", "must not contain a colon (RFC 7617 section 2)")
  const own = username === undefined
    ? undefined
    : { username, password: password === undefined ? "" : Redacted.value(password) }
  const server = (setting: "https" | "http"): Either.Either<Server | undefined, InvalidSetting> => {
    const given = proxy[setting]
    if (given === undefined) return Either.right(undefined)
    return Either.match(parse(Redacted.isRedacted(given) ? Redacted.value(given) : given), {
      onLeft: (text) => problem(setting, text),
      onRight: (url) => Either.right({ origin: url.origin, authorization: authorization(own ?? userOf(url)) })
    })
  }
  return Either.all({
    https: server("https"),
    http: server("http"),
    isDirect: Either.right(exceptions(proxy.noProxy ?? ""))
  })
}

/** A proxy's URL, or what is wrong with it, without quoting it. One without a scheme is `http://`, as for curl. */
export const parse = (text: string): Either.Either<URL, string> => {
  const url = Option.liftThrowable((text: string) => new URL(text))(text.includes("://") ? text : `http://${text}`)
  return Option.match(url, {
    onNone: () => Either.left("is not a URL, such as http://proxy.example:3128"),
    onSome: (url) =>
      url.protocol === "http:" || url.protocol === "https:"
        ? Either.right(url)
        : Either.left("must begin with http:// or https://; other kinds of proxies are not supported")
  })
}

/** The proxy that a URL is requested through, if there is one. */
export const route = (routes: Routes, url: URL): Server | undefined => {
  if (OriginPolicy.isLoopback(url.hostname) || routes.isDirect(url)) return undefined
  return url.protocol === "https:" ? routes.https : routes.http
}

/** What a proxy did instead of opening a tunnel. */
export interface Refusal {
  readonly server: Server
  /** Host and port that were asked for. */
  readonly target: string
  readonly outcome:
    | { readonly _tag: "Answered"; readonly status: number; readonly challenges: string }
    /** The system's error code, if there is one. */
    | { readonly _tag: "Failed"; readonly code: string | undefined }
}

/** What it means, and what to do about it. */
export const explain = (
  { outcome, server, target }: Refusal
): Pick<ProxyFailed, "proxy" | "reason" | "status" | "problem"> => {
  const proxy = server.origin
  if (outcome._tag === "Failed") {
    return { proxy, reason: "Unreachable", status: undefined, problem: unreachable(outcome.code) }
  }
  const { challenges, status } = outcome
  if (status === 407) {
    return { proxy, status, reason: "AuthenticationRequired", problem: unauthenticated(server, challenges) }
  }
  return status >= 500
    ? { proxy, status, reason: "OriginUnreachable", problem: `cannot reach ${target}` }
    : {
      proxy,
      status,
      reason: "Refused",
      problem:
        `does not allow a connection to ${target}; allow CONNECT to this host and port there, or add the host to ` +
        "noProxy (NO_PROXY) if it can be reached directly"
    }
}

const unauthenticated = (server: Server, challenges: string): string =>
  challenges !== "" && !/\bbasic\b/i.test(challenges)
    ? "does not offer the Basic scheme, which is the only one that this client has for proxies"
    : server.authorization === undefined
    ? "requires a user name and a password; set username and password of proxy, or write them into its URL"
    : "does not accept the user name and the password"

const unreachable = (code: string | undefined): string => {
  const said = code === undefined ? "" : ` (${code})`
  if (code === "UND_ERR_HEADERS_TIMEOUT") return "did not answer in time: it, or the server behind it, does not react"
  return code !== undefined && /CERT|ISSUER|SIGNATURE|^INVALID_CA$|MISMATCH/.test(code)
    ? `has a certificate that this client does not accept; set ca or caFile to the authority that signed it${said}`
    : `cannot be reached, or is not a proxy; check its URL${said}`
}

interface User {
  readonly username: string
  readonly password: string
}

const userOf = (url: URL): User | undefined =>
  url.username === "" && url.password === ""
    ? undefined
    : { username: decoded(url.username), password: decoded(url.password) }

/** A `%` that begins no escape is one. */
const decoded = (text: string): string => Option.getOrElse(Option.liftThrowable(decodeURIComponent)(text), () => text)

const authorization = (user: User | undefined): Redacted.Redacted | undefined =>
  user === undefined
    ? undefined
    : Redacted.make(`Basic ${Buffer.from(`${user.username}:${user.password}`).toString("base64")}`)

/**
 * There is no standard for `NO_PROXY`. As in curl, a leading dot means nothing; ports and ranges are those of Go. What
 * cannot be understood matches nothing, because the variable is written for other programs too.
 */
const exceptions = (noProxy: string): (url: URL) => boolean => {
  const entries = noProxy.split(/[\s,]+/).filter((entry) => entry !== "").map(exception)
  return (url) => {
    const host = hostOf(url)
    const port = Number(url.port === "" ? defaultPort(url) : url.port)
    return entries.some((matches) => matches(host, port))
  }
}

type Matches = (host: string, port: number) => boolean

const exception = (entry: string): Matches => {
  if (entry === "*") return () => true
  // an IPv6 address has a port only in brackets (RFC 3986 section 3.2.2)
  const [, bracketed, plain, given] = /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? []
  const name = (bracketed ?? plain ?? entry).toLowerCase().replace(/^\*?\./, "").replace(/\.$/, "")
  const matches = address(name) ?? ((host: string) => host === name || host.endsWith(`.${name}`))
  return name === ""
    ? () => false
    : (host, port) => (given === undefined || Number(given) === port) && matches(host)
}

/** Matches an address or a range of addresses. */
const address = (text: string): ((host: string) => boolean) | undefined => {
  const [base = "", bits] = text.split("/")
  const family = familyOf(base)
  if (family === undefined) return undefined
  const most = family === "ipv4" ? 32 : 128
  const prefix = bits === undefined ? most : /^\d+$/.test(bits) ? Number(bits) : most + 1
  if (prefix > most) return () => false
  const list = new Net.BlockList()
  list.addSubnet(base, prefix, family)
  return (host) => {
    const family = familyOf(host)
    return family !== undefined && list.check(host, family)
  }
}

const familyOf = (text: string): "ipv4" | "ipv6" | undefined =>
  Net.isIPv4(text) ? "ipv4" : Net.isIPv6(text) ? "ipv6" : undefined

/** Without the brackets of an IPv6 address and without the dot of the root. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$|\.$/g, "")

const defaultPort = ({ protocol }: URL): number => protocol === "https:" ? 443 : 80
