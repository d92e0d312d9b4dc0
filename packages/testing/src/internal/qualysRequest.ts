/** What the fake of Qualys reads from a request: the host and area it is for, and the credentials it carries. */
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"

/**
 * The parts of the platform. `login` is the gateway's /auth, `client` its logins of clients, `session` the API's session call; the others are calls.
 * `misdirected`: the host is not that of the path.
 */
export type Area = "login" | "client" | "session" | "fo" | "msp" | "qps" | "gateway" | "ui" | "misdirected"

export interface Facts {
  readonly method: string
  readonly path: string
  readonly area: Area
  /** The fields of a form body; empty when the body is not `application/x-www-form-urlencoded`. */
  readonly form: URLSearchParams
  readonly action: string | undefined
  readonly accept: string | undefined
  readonly requestedWith: string | undefined
  readonly authorized: boolean
  /** `username:password`, decoded as UTF-8. */
  readonly basic: string | undefined
  readonly bearer: string | undefined
  readonly session: string | undefined
  readonly clientId: string | undefined
  readonly clientSecret: string | undefined
}

const areaOfPath = (path: string): Exclude<Area, "misdirected"> =>
  path === "/auth"
    ? "login"
    : path === "/auth/oidc" || path === "/auth/oauth"
    ? "client"
    : /^\/api\/\d+\.\d+\/fo\/session\/?$/.test(path)
    ? "session"
    : path.startsWith("/api/")
    ? "fo"
    : path.startsWith("/msp/")
    ? "msp"
    : path.startsWith("/qps/")
    ? "qps"
    : path.startsWith("/cloudview-api/")
    ? "ui"
    : "gateway"

const hosts = {
  login: "gateway",
  client: "gateway",
  gateway: "gateway",
  session: "qualysapi",
  fo: "qualysapi",
  msp: "qualysapi",
  qps: "qualysapi",
  ui: "qualysguard"
} as const

/**
 * The path determines the area. A host name that begins like one of the vendor's (qualysapi, gateway, qualysguard) must
 * be the host of that area; any other, such as a loopback address, stands for all three.
 */
export const areaOf = (host: string, path: string): Area => {
  const area = areaOfPath(path)
  const prefix = ["qualysapi", "gateway", "qualysguard"].find((prefix) => host.startsWith(prefix))
  return prefix === undefined || prefix === hosts[area] ? area : "misdirected"
}

/** Scheme names are case-insensitive (RFC 9110, section 11.1). */
const credentials = (header: string | undefined, scheme: "basic" | "bearer"): string | undefined => {
  const [name, value] = header?.trim().split(/ +/) ?? []
  return name?.toLowerCase() === scheme ? value : undefined
}

/** In memory a request has its whole URL; over a socket it has the path and a Host header. */
const urlOf = (request: HttpServerRequest.HttpServerRequest): Option.Option<URL> =>
  Option.liftThrowable(() =>
    new URL(
      request.originalUrl.startsWith("/")
        ? `http://${request.headers.host ?? "localhost"}${request.originalUrl}`
        : request.originalUrl
    )
  )()

const isForm = (request: HttpServerRequest.HttpServerRequest): boolean =>
  request.method === "POST" &&
  request.headers["content-type"]?.toLowerCase().startsWith("application/x-www-form-urlencoded") === true

/** Reads a request. A body that cannot be read counts as none. */
export const read: Effect.Effect<Facts, never, HttpServerRequest.HttpServerRequest> = Effect.gen(function*() {
  const request = yield* HttpServerRequest.HttpServerRequest
  const url = urlOf(request)
  const path = Option.match(url, { onNone: () => "/", onSome: (url) => url.pathname })
  const body = isForm(request) ? yield* Effect.orElseSucceed(request.text, () => "") : ""
  const form = new URLSearchParams(body)
  const basic = credentials(request.headers.authorization, "basic")
  return {
    method: request.method,
    path,
    area: Option.match(url, { onNone: () => "misdirected", onSome: (url) => areaOf(url.hostname, url.pathname) }),
    form,
    action: form.get("action") ?? Option.getOrUndefined(url)?.searchParams.get("action") ?? undefined,
    accept: request.headers.accept,
    requestedWith: request.headers["x-requested-with"],
    authorized: request.headers.authorization !== undefined,
    basic: basic === undefined ? undefined : Either.getOrUndefined(Encoding.decodeBase64String(basic)),
    bearer: credentials(request.headers.authorization, "bearer"),
    session: request.cookies.QualysSession,
    clientId: request.headers.clientid,
    clientSecret: request.headers.clientsecret
  }
})
