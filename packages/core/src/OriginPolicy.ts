/**
 * Where credentials may go: to the client's own origins and nowhere else, never over plain http beyond loopback.
 * Checked before a connection is opened, for each attempt and each redirect.
 *
 * @since 0.1.0
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Array from "effect/Array"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { escape } from "effect/RegExp"
import { InsecureTransport, InvalidSetting, OriginRefused } from "./AuthError.ts"
import { addressOf } from "./internal/request/address.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface OriginPolicy {
  /** Origin and path, without a trailing slash. */
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
   * What relative URLs are relative to: its whole path comes before theirs. No query, fragment or user information; a
   * trailing slash is immaterial.
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
    const base = yield* parse("baseUrl", String(options.baseUrl), options)
    if (base.search !== "" || base.hash !== "") {
      return yield* Either.left(
        new InvalidSetting({ setting: "baseUrl", problem: "must not have a query or fragment" })
      )
    }
    const others = yield* Either.all(
      (options.origins ?? []).map((origin, index) => parse(`origins[${index}]`, origin, options))
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
 * @since 0.1.0
 * @category decisions
 */
export const admit = (
  policy: OriginPolicy,
  request: HttpClientRequest.HttpClientRequest
): Either.Either<HttpClientRequest.HttpClientRequest, OriginRefused> => {
  if (policy.plainUrl.test(request.url)) return Either.right(at(request, request.url))
  const url = withoutFragment(request.url)
  if (isRelative(url)) {
    const separator = url === "" || url.startsWith("/") || url.startsWith("?") ? "" : "/"
    return Either.right(at(request, policy.baseUrl + separator + url))
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
 * Whether a host is this machine, so that plain http to it is seen by nobody else (RFC 6761 section 6.3, RFC 1122
 * section 3.2.1.3, RFC 4291 section 2.5.3).
 *
 * @since 0.1.0
 * @category guards
 */
export const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname.endsWith(".localhost") || hostname === "[::1]" ||
  /^127(\.\d{1,3}){3}$/.test(hostname)

const parse = (
  setting: string,
  text: string,
  options: Options
): Either.Either<URL, InvalidSetting | InsecureTransport> => {
  const problem = (problem: string) => Either.left(new InvalidSetting({ setting, problem }))
  const parsed = parseUrl(text)
  if (Option.isNone(parsed)) return problem("is not an absolute URL, such as https://host.example/path")
  const url = parsed.value
  if (url.protocol !== "https:" && url.protocol !== "http:") return problem("must begin with https://")
  if (url.username !== "" || url.password !== "") {
    return problem("must not contain user information; give the credential by itself")
  }
  return url.protocol === "https:" || isLoopback(url.hostname) || options.dangerouslyAllowPlainHttp === true
    ? Either.right(url)
    : Either.left(new InsecureTransport({ origin: url.origin }))
}

const parseUrl: (text: string) => Option.Option<URL> = Option.liftThrowable((text) => new URL(text))

/** No scheme (RFC 3986 section 3.1) and no authority of its own; the URL parser takes `\` for `/`. */
const isRelative = (url: string): boolean => !/^(?:[a-z][a-z0-9+.-]*:|[/\\]{2})/iu.test(url)

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
