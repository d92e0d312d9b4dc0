/**
 * Where credentials may go: to the client's own origins and nowhere else, never over plain http beyond loopback.
 * Checked before a connection is opened, for each attempt and each redirect. What counts is what the transports send, so
 * a URL that could mean more than one thing is read by the URL parser that all of them use.
 *
 * @example
 * ```ts
 * import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
 *
 * const policy = OriginPolicy.make({
 *   baseUrl: "https://api.acme.example/v2",
 *   origins: ["https://gateway.acme.example"]
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Array from "effect/Array"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { escape } from "effect/RegExp"
import { InsecureTransport, InvalidSetting, OriginRefused } from "./AuthError.ts"
import { addressOf } from "./internal/request/address.ts"

export {
  /**
   * Origin and path of a request, as errors show it: in one line of at most 500 characters, without user information and
   * without the query, which may hold secrets.
   *
   * @since 0.1.0
   * @category formatting
   */
  addressOf
}

/**
 * @since 0.1.0
 * @category models
 */
export interface OriginPolicy {
  /** Origin and path, without a trailing slash. Relative URLs stay below it. */
  readonly baseUrl: string
  /** Every origin that may see credentials (RFC 6454), the base URL's first. */
  readonly origins: Array.NonEmptyReadonlyArray<string>
  /** Absolute URLs with one of these origins as they stand, and no fragment: the authority ends right after it. */
  readonly plainUrl: RegExp
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * What relative URLs are relative to: its whole path comes before theirs, and no `..` of theirs leaves it. No query,
   * fragment or user information; a trailing slash is immaterial.
   */
  readonly baseUrl: string | URL
  /** Further origins that the same credentials are meant for, such as `https://gateway.example`. */
  readonly origins?: ReadonlyArray<string> | undefined
  /**
   * Sends credentials in the clear, for anyone on the way to read, when a URL says `http:`. Loopback hosts need no such
   * leave.
   */
  readonly dangerouslyAllowPlainHttp?: boolean | undefined
}

/**
 * Fails with `InvalidSetting` (a URL that cannot be used) or `InsecureTransport` (plain http beyond loopback).
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options): Either.Either<OriginPolicy, InvalidSetting | InsecureTransport> =>
  Either.gen(function*() {
    const base = yield* checkedUrl("baseUrl", String(options.baseUrl), options)
    if (base.search !== "" || base.hash !== "") {
      return yield* Either.left(
        new InvalidSetting({ setting: "baseUrl", problem: "must not have a query or fragment" })
      )
    }
    const others = yield* Either.all(
      (options.origins ?? []).map((origin, index) => checkedUrl(`origins[${index}]`, origin, options))
    )
    const origins: OriginPolicy["origins"] = [base.origin, ...others.map((url) => url.origin)]
    return {
      baseUrl: base.origin + base.pathname.replace(/\/+$/, ""),
      origins,
      plainUrl: new RegExp(`^(?:${origins.map(escape).join("|")})(?:[/?][^#]*)?$`, "u")
    }
  })

/**
 * The request with its URL made absolute and without a fragment, when credentials may go there; else `OriginRefused`.
 *
 * - An absolute URL goes to any path of the client's origins.
 * - A relative URL stays below the base URL. One whose dot segments lead out of it (`..`, `%2e%2e`, `..\`, RFC 3986
 *   section 5.2.4) is refused: an id in a path does not choose another tenant.
 * - A `Host` field has to name the host of the URL, because it is what a proxy or server chooses the recipient by.
 *   Fields that describe the message or its way so far (`X-Forwarded-Host`, `Connection`, `Transfer-Encoding`) are the
 *   caller's own affair.
 *
 * @since 0.1.0
 * @category decisions
 */
export const admit = (
  policy: OriginPolicy,
  request: HttpClientRequest.HttpClientRequest
): Either.Either<HttpClientRequest.HttpClientRequest, OriginRefused> => {
  const located = locate(policy, request)
  if (Either.isLeft(located) || !namesHost(request.headers)) return located
  const { url } = located.right
  return meantForHost(request.headers, new URL(url))
    ? located
    : refused(policy, { origin: new URL(url).origin, url: addressOf({ url }), problem: foreignHost })
}

const locate = (
  policy: OriginPolicy,
  request: HttpClientRequest.HttpClientRequest
): Either.Either<HttpClientRequest.HttpClientRequest, OriginRefused> => {
  if (policy.plainUrl.test(request.url)) return Either.right(at(request, request.url))
  const url = withoutFragment(request.url)
  if (isRelative(url)) {
    const separator = url === "" || url.startsWith("/") || url.startsWith("?") ? "" : "/"
    const absolute = policy.baseUrl + separator + url
    return !mayClimb.test(url) || isBelow(policy, new URL(absolute))
      ? Either.right(at(request, absolute))
      : refused(policy, {
        origin: policy.origins[0],
        url: addressOf({ url: new URL(absolute).href }),
        problem: `is not below ${policy.baseUrl}, where relative URLs stay: it was asked for by a path with \`..\` ` +
          "(if that is meant, make the URL absolute)"
      })
  }
  if (policy.plainUrl.test(url)) return Either.right(at(request, url))
  // not obviously ours: let the URL parser say what it means (default port, upper case, user information)
  return Option.match(parseUrl(url), {
    onNone: () => refused(policy, { origin: "a malformed URL", problem: "cannot be requested" }),
    onSome: (parsed) => {
      // not `URL.origin`: a blob: URL has the origin of the page that made it
      const origin = parsed.host === "" ? parsed.protocol : `${parsed.protocol}//${parsed.host}`
      return !policy.origins.includes(origin)
        ? refused(
          policy,
          parsed.host === "" ? { origin } : { origin, url: addressOf({ url: origin + parsed.pathname }) }
        )
        : parsed.username !== "" || parsed.password !== ""
        ? refused(policy, { origin, problem: "was asked for with user information in the URL" })
        : Either.right(at(request, parsed.href))
    }
  })
}

/**
 * A URL that credentials may be sent to, parsed. Fails with `InvalidSetting`, which names the setting and does not quote the text
 * (it is no absolute URL of the web, or has user information, which makes `https://good.example@evil.example` look like another
 * host), or with `InsecureTransport` (plain http beyond loopback).
 *
 * @since 0.1.0
 * @category decisions
 */
export const checkedUrl = (
  setting: string,
  text: string,
  options?: Pick<Options, "dangerouslyAllowPlainHttp">
): Either.Either<URL, InvalidSetting | InsecureTransport> => {
  const problem = (problem: string) => Either.left(new InvalidSetting({ setting, problem }))
  const parsed = parseUrl(text)
  if (Option.isNone(parsed)) return problem("is not an absolute URL, such as https://host.example/path")
  const url = parsed.value
  if (url.protocol !== "https:" && url.protocol !== "http:") return problem("must begin with https://")
  if (url.username !== "" || url.password !== "") {
    return problem("must not contain user information; give the credential by itself")
  }
  return url.protocol === "https:" || isLoopback(url.hostname) || options?.dangerouslyAllowPlainHttp === true
    ? Either.right(url)
    : Either.left(new InsecureTransport({ origin: url.origin }))
}

/**
 * Whether a host is this machine, so that plain http to it is seen by nobody else (RFC 6761 section 6.3, RFC 1122
 * section 3.2.1.3, RFC 4291 section 2.5.3).
 *
 * @since 0.1.0
 * @category guards
 */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
  /^127(\.\d{1,3}){3}$/.test(hostname)

const parseUrl: (text: string) => Option.Option<URL> = Option.liftThrowable((text) => new URL(text))

/** No scheme (RFC 3986 section 3.1) and no authority of its own; the URL parser takes `\` for `/`. */
const isRelative = (url: string): boolean => !/^(?:[a-z][a-z0-9+.-]*:|[/\\]{2})/iu.test(url)

/**
 * The forms a double-dot segment begins with (WHATWG URL, "double-dot URL path segment"), and what the parser removes
 * within them. A URL without any of these is not parsed, which would cost more than the rest of the decision.
 */
const mayClimb = /\.\.|%2[Ee]|[\t\n\r]/

const isBelow = (policy: OriginPolicy, url: URL): boolean =>
  url.href === policy.baseUrl || /^[/?]/u.test(url.href.slice(policy.baseUrl.length)) &&
    url.href.startsWith(policy.baseUrl)

/** The authority of HTTP/1.1 and its like in HTTP/2 (RFC 9113 section 8.3.1). */
const namesHost = (headers: Headers.Headers): boolean => "host" in headers || ":authority" in headers

const meantForHost = (headers: Headers.Headers, url: URL): boolean => {
  const port = url.port === "" ? defaultPorts[url.protocol] : url.port
  const names = [url.host, `${url.hostname}:${port}`]
  return [headers["host"], headers[":authority"]].every((named) =>
    named === undefined || names.includes(named.toLowerCase())
  )
}

const defaultPorts: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" }

const foreignHost = "was asked for with a Host header that names another host"

const withoutFragment = (url: string): string => {
  const hash = url.indexOf("#")
  return hash === -1 ? url : url.slice(0, hash)
}

/** The fragment is for the client's eyes only (RFC 9110 section 4.2.1), yet one transport would send it. */
const at = (request: HttpClientRequest.HttpClientRequest, url: string): HttpClientRequest.HttpClientRequest => {
  const here = request.url === url ? request : HttpClientRequest.setUrl(request, url)
  return Option.isNone(here.hash) ? here : HttpClientRequest.removeHash(here)
}

const refused = (policy: OriginPolicy, asked: Omit<ConstructorParameters<typeof OriginRefused>[0], "allowed">) =>
  Either.left(new OriginRefused({ ...asked, allowed: policy.origins }))
