/**
 * Every way known to us by which a URL or a redirect could take credentials to an origin they are not meant for, as
 * products of what it is made of: each case is data, and what was sent for it is judged without knowledge of how the
 * client decides.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

/** The hosts that the forms are about, with a port where there is one. */
export interface World {
  readonly scheme: "https" | "http"
  readonly own: string
  /** Another origin of the client. */
  readonly allied: string
  readonly foreign: string
}

export const imaginary: World = {
  scheme: "https",
  own: "api.example",
  allied: "gateway.example:8443",
  foreign: "evil.example"
}

const origins = ({ allied, own, scheme }: World) => [`${scheme}://${own}`, `${scheme}://${allied}`]

/** A request on the wire. */
export interface Sent {
  readonly url: string
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
  readonly body: string
}

const canary = "canary-Secret/0123+456789"
const callers = "canary-Caller-9876543210"

const apiKey = (where: "header" | "query" | "cookie", name: string) =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make(canary), in: where, name })))

const basic = Authenticator.basic({ username: "operator", password: Redacted.make(canary) })

/** Everywhere a credential can be on a request. */
const credentials: Readonly<Record<string, Authenticator.Authenticator>> = {
  basic,
  bearer: Authenticator.bearer(new Credential.Bearer({ token: Redacted.make(canary) })),
  header: apiKey("header", "x-acme-key"),
  query: apiKey("query", "api_key"),
  cookie: apiKey("cookie", "sid"),
  all: Authenticator.all(basic, apiKey("header", "x-acme-key"), apiKey("query", "api_key"), apiKey("cookie", "sid"))
}

const credentialNames = Object.keys(credentials)

const authenticatorOf = (name: string): Authenticator.Authenticator => credentials[name] ?? basic

/** How a secret may be written, each without what depends on its surroundings. */
const needles = [canary, callers].flatMap((secret) => [
  secret,
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  Buffer.from(secret).toString("base64url"),
  Buffer.from(secret).toString("hex")
])

const decoded = (text: string): string =>
  text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = Buffer.from(run.replaceAll("%", ""), "hex")
    return bytes.toString()
  })

/** Whether a secret is anywhere in a request, raw, percent-encoded (also twice), in Base64 or in hex. */
export const carries = ({ body, headers, url }: Sent): boolean => {
  const text = [url, JSON.stringify({ ...headers }), body].join("\n")
  const forms = [text, decoded(text), decoded(decoded(text))]
  return needles.some((needle) => forms.some((form) => form.includes(needle)))
}

const originOf = (url: string) => {
  const { host, protocol } = new URL(url)
  return `${protocol}//${host}`
}

/** What is wrong with these requests, in the order in which they were sent; nothing, if all is well. */
const leaks = (world: World, sent: ReadonlyArray<Sent>): ReadonlyArray<string> => {
  const left = sent.findIndex(({ url }) => !origins(world).includes(originOf(url)))
  return sent.flatMap((request, index) => {
    const origin = originOf(request.url)
    const { host } = request.headers
    return [
      // once a chain has left, an outsider chooses where it goes on
      ...(left !== -1 && index >= left && carries(request) ? [`${origin} got a credential`] : []),
      ...(host !== undefined && host !== new URL(request.url).host ? [`${origin} got a Host of ${String(host)}`] : []),
      ...(new URL(request.url).username === "" ? [] : ["user information was sent"]),
      ...(world.scheme === "https" && origin.startsWith("http:") ? [`${origin} is plain http`] : []),
      ...(new URL(request.url).searchParams.getAll("api_key").length > 1 ? ["two keys were sent"] : [])
    ]
  })
}

/* ------------------------------------------------------------------------------------------------------- redirects */

/** The places that `{...}` stands for; `{query}` is the query of the request that is redirected, as servers repeat it. */
const filled = (template: string, world: World, query: string): string =>
  template
    .replaceAll("{scheme}", world.scheme)
    .replaceAll("{SCHEME}", world.scheme.toUpperCase())
    .replaceAll("{own}", world.own)
    .replaceAll("{OWN}", world.own.toUpperCase())
    .replaceAll("{allied}", world.allied)
    .replaceAll("{foreign}", world.foreign)
    .replaceAll("{FOREIGN}", world.foreign.toUpperCase())
    .replaceAll("{foreign wide}", world.foreign.replaceAll(".", "\u3002"))
    .replaceAll("{foreign port}", world.foreign.replace(/^[^:]*/, ""))
    .replaceAll("{query}", query)

/** The `Location` fields of a chain, each in answer to the request before it. */
const chains: ReadonlyArray<ReadonlyArray<string>> = [
  // within the client's origins
  ["{scheme}://{own}/x{query}"],
  ["/x{query}"],
  ["?x=1"],
  [""],
  ["{scheme}://{OWN}/x"],
  ["{scheme}://{allied}/x{query}"],
  // to another
  ["{scheme}://{foreign}/x{query}"],
  ["{SCHEME}://{FOREIGN}/x{query}"],
  ["//{foreign}/x{query}"],
  ["\\\\{foreign}/x"],
  ["/\\{foreign}/x"],
  ["///{foreign}/x"],
  ["{scheme}:\\\\{foreign}\\x"],
  ["{scheme}:/{foreign}/x"],
  ["{scheme}:\t//{foreign}/x"],
  ["{scheme}://{foreign wide}/x"],
  ["{scheme}://{own}.{foreign}/x"],
  ["{scheme}://sub.{own}/x"],
  ["{scheme}://{own}./x"],
  ["{scheme}://{own}:444/x"],
  ["{scheme}://b\u00fccher.example/x"],
  ["{scheme}://xn--bcher-kva.example/x"],
  ["{scheme}://[::1]{foreign port}/x"],
  ["{scheme}://2130706433{foreign port}/x"],
  // with user information, or by another scheme
  ["{scheme}://{own}@{foreign}/x"],
  ["{scheme}://user:password@{own}/x"],
  ["http://{own}/x"],
  ["data:text/html,x"],
  ["javascript:alert(1)"],
  ["blob:{scheme}://{own}/x"],
  ["{scheme}://["],
  // in several steps
  ["/y{query}", "{scheme}://{foreign}/x{query}"],
  ["{scheme}://{allied}/y{query}", "//{foreign}/x{query}"],
  ["{scheme}://{foreign}/x{query}", "{scheme}://{own}/back{query}"],
  ["//{foreign}/x", "{scheme}://{allied}/back?api_key=mine", "{scheme}://{own}/back"],
  ["{scheme}://{foreign}/x", "/y", "\\\\{own}/back"]
]

const statuses = [301, 302, 303, 307, 308]

const requests: ReadonlyArray<readonly [name: string, request: (url: string) => HttpClientRequest.HttpClientRequest]> =
  [
    ["GET", (url) => HttpClientRequest.get(url)],
    ["HEAD", (url) => HttpClientRequest.head(url)],
    ["POST text", (url) => HttpClientRequest.bodyText(HttpClientRequest.post(url), "payload")],
    [
      "POST stream",
      (url) => HttpClientRequest.post(url, { body: HttpBody.stream(Stream.make(new TextEncoder().encode("payload"))) })
    ],
    ["PUT JSON", (url) => HttpClientRequest.bodyUnsafeJson(HttpClientRequest.put(url), { pay: "load" })],
    ["PATCH form", (url) => HttpClientRequest.bodyUrlParams(HttpClientRequest.patch(url), { pay: "load" })],
    ["DELETE", (url) => HttpClientRequest.del(url)]
  ]

export interface RedirectCase {
  readonly status: number
  readonly request: number
  readonly credential: string
  readonly chain: ReadonlyArray<string>
}

/** 5 statuses, 7 requests, 6 places of a credential, 36 chains: 7,560. */
export const redirectCases: ReadonlyArray<RedirectCase> = statuses.flatMap((status) =>
  requests.flatMap((_, request) =>
    credentialNames.flatMap((credential) => chains.map((chain) => ({ status, request, credential, chain })))
  )
)

export const showRedirect = ({ chain, credential, request, status }: RedirectCase): string =>
  `${requests[request]?.[0]}, ${credential}, ${status} to ${chain.join(" and ")}`

/** Secrets of the caller's own, which are meant for the first host only. */
const callersHeaders = ({ own }: World) => ({
  "proxy-authorization": `Bearer ${callers}`,
  cookie: `own=${callers}`,
  host: own
})

export interface Redirection {
  readonly status: number
  /** One character for each byte. */
  readonly location: string
}

/** The answer to the n-th request of a chain; `undefined`: it is not redirected. */
export const redirection = (
  world: World,
  { chain, status }: RedirectCase,
  n: number,
  url: string
): Redirection | undefined => {
  const template = chain[n]
  return template === undefined
    ? undefined
    : { status, location: Buffer.from(filled(template, world, new URL(url).search)).toString("latin1") }
}

/** Whether a chain stays on this machine, so that it can be followed on sockets. */
export const staysLocal = (world: World) => ({ chain }: RedirectCase): boolean =>
  chain.every((template) => {
    const location = filled(template, world, "")
    const base = `${world.scheme}://${world.own}`
    return !URL.canParse(location, base) ||
      ["", "127.0.0.1", "localhost", "[::1]"].includes(new URL(location, base).hostname)
  })

/** Sends the request of a case over the transport; what becomes of it does not matter. */
export const follow = (world: World, { credential, request }: RedirectCase) =>
  Effect.gen(function*() {
    const [baseUrl, ...others] = origins(world)
    const client = yield* AuthenticatedHttpClient.make(authenticatorOf(credential), {
      baseUrl: `${baseUrl}/v1`,
      origins: others,
      redirects: 5
    })
    const made = (requests[request] ?? requests[0])?.[1]("/go?a=%20&flag&api_key=callers")
    if (made === undefined) return
    yield* Effect.exit(client.execute(HttpClientRequest.setHeaders(made, callersHeaders(world))))
  })

/** What is wrong with what a case sent. */
export const judgeRedirect = (world: World, sent: ReadonlyArray<Sent>): ReadonlyArray<string> => {
  const [first] = sent
  return [
    ...(first === undefined ? ["nothing was sent"] : carries(first) ? [] : ["the first request has no credential"]),
    ...leaks(world, sent)
  ]
}

export const runRedirect = (redirect: RedirectCase): Effect.Effect<ReadonlyArray<string>, unknown> => {
  const { sent, transport } = recording(({ url }, n) => {
    const answer = redirection(imaginary, redirect, n, url)
    return answer === undefined
      ? new Response(null)
      : new Response(null, { status: answer.status, headers: { location: answer.location } })
  })
  return follow(imaginary, redirect).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map(() => judgeRedirect(imaginary, sent))
  )
}

const recording = (answer: (sent: Sent, n: number) => Response) => {
  const sent: Array<Sent> = []
  const transport = HttpClient.make((request, url) =>
    Effect.sync(() => {
      const received = {
        url: url.href,
        headers: request.headers,
        body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      }
      return HttpClientResponse.fromWeb(request, answer(received, sent.push(received) - 1))
    })
  )
  return { sent, transport }
}

/* ------------------------------------------------------------------------------------------------------------- URLs */

/** What a caller may be made to put into a URL. */
const forms: ReadonlyArray<string> = [
  // harmless
  "",
  "x",
  "/x",
  "?a=1",
  "#x",
  ".",
  "./x",
  "..x/x..",
  "a..b",
  "....//x",
  "%252e%252e/x",
  // out of the base path
  "..",
  "../",
  "../../x",
  "/../../../x",
  "x/../..",
  "%2e%2e",
  "%2E%2e/x",
  ".%2e/.%2E/x",
  "%2e./x",
  "..\\x",
  "\\..\\..\\x",
  "..%2fx",
  "..%5c..%5cx",
  "..;/x",
  ";/../../x",
  ".\t./x",
  "%2\ne%\r2e/x",
  "..?a",
  "..#a",
  " ../x",
  // with an authority, but no scheme
  "//{foreign}",
  "//{foreign}/x",
  "///{foreign}/x",
  "\\\\{foreign}/x",
  "/\\{foreign}/x",
  "\\/{foreign}/x",
  "/\t/{foreign}/x",
  "\n//{foreign}/x",
  " //{foreign}/x",
  "/.//{foreign}/x",
  "/..//{foreign}/x",
  "//{own}@{foreign}/x",
  "//{own}/x",
  "@{foreign}/x",
  ":@{foreign}/x",
  ".{foreign}/x",
  ":444/x",
  // absolute
  "{scheme}://{own}/x",
  "{SCHEME}://{OWN}/x",
  "{scheme}://{own}:443/x",
  "{scheme}:{own}/x",
  "{scheme}://{allied}/x",
  "{scheme}://{foreign}/x",
  "{SCHEME}://{FOREIGN}/x",
  "{scheme}:{foreign}/x",
  "{scheme}:/{foreign}/x",
  "{scheme}:///{foreign}/x",
  "{scheme}:\\\\{foreign}\\x",
  "{scheme}\t://{foreign}/x",
  " {scheme}://{foreign}/x",
  "\0{scheme}://{foreign}/x",
  "{scheme}://{own}@{foreign}/x",
  "{scheme}://{own}:443@{foreign}/x",
  "{scheme}://{own}%5c@{foreign}/x",
  "{scheme}://{own}\\@{foreign}/x",
  "{scheme}://{own}#@{foreign}/x",
  "{scheme}://{foreign}#@{own}/x",
  "{scheme}://{foreign}?@{own}/x",
  "{scheme}://{own}.{foreign}/x",
  "{scheme}://{own}./x",
  "{scheme}://sub.{own}/x",
  "{scheme}://{foreign wide}/x",
  "{scheme}://user:password@{own}/x",
  "{scheme}://[::1]{foreign port}/x",
  "http://{own}:80/x",
  "blob:{scheme}://{own}/x",
  "data:text/plain,x",
  "javascript:alert(1)"
]

const basePaths = ["", "/v1", "/tenants/a/v1/", "/a%2fb/", "/~%C3%A9;v=1"]

/** Where in a call the form is. */
type Place = (form: string, world: World) => Call

interface Call {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly over?: "fetch"
}

const places: Readonly<Record<string, Place>> = {
  "the whole URL": (form) => ({ url: form }),
  "an id in a path": (form) => ({ url: `/users/${form}/roles` }),
  "behind the origin": (form, { own, scheme }) => ({ url: `${scheme}://${own}${form}` }),
  "in the query": (form) => ({ url: `/go?next=${form}&api_key=callers` }),
  "the URL of a fetch": (form) => ({ url: form, over: "fetch" }),
  "beside a Host header": (form, { foreign }) => ({ url: form, headers: { Host: foreign } })
}

export interface UrlCase {
  readonly form: string
  readonly basePath: string
  readonly credential: string
  readonly place: string
}

/** 79 forms, 5 base paths, 6 places of a credential, 6 places of the form: 14,220. */
export const urlCases: ReadonlyArray<UrlCase> = forms.flatMap((form) =>
  basePaths.flatMap((basePath) =>
    credentialNames.flatMap((credential) => Object.keys(places).map((place) => ({ form, basePath, credential, place })))
  )
)

export const showUrl = ({ basePath, credential, form, place }: UrlCase): string =>
  `${JSON.stringify(form)} as ${place}, ${credential}, below ${JSON.stringify(basePath)}`

const call = (world: World, { form, place }: UrlCase): Call => {
  const url = filled(form, world, "")
  return places[place]?.(url, world) ?? { url }
}

/** Calls with the URL of a case over the transport; what becomes of it does not matter. */
export const ask = (world: World, url: UrlCase) =>
  Effect.gen(function*() {
    const [origin, ...others] = origins(world)
    const client = yield* AuthenticatedHttpClient.make(authenticatorOf(url.credential), {
      baseUrl: `${origin}${url.basePath}`,
      origins: others
    })
    const asked = call(world, url)
    if (asked.over === "fetch") {
      const fetch = yield* AuthenticatedHttpClient.toFetch(client)
      yield* Effect.exit(Effect.tryPromise(() => fetch(asked.url)))
    } else yield* Effect.exit(client.get(asked.url, { headers: asked.headers }))
  })

/** What is wrong with what a case sent. */
export const judgeUrl = (world: World, url: UrlCase, sent: ReadonlyArray<Sent>): ReadonlyArray<string> => {
  const { headers = {}, url: asked } = call(world, url)
  const isAbsolute = URL.canParse(asked)
  const base = new URL(`${world.scheme}://${world.own}${url.basePath}`).pathname.replace(/\/$/, "")
  return [
    ...leaks(world, sent),
    ...(sent.length > 1 ? ["it was sent more than once"] : []),
    ...sent.flatMap((request) => {
      const { pathname } = new URL(request.url)
      const origin = originOf(request.url)
      return [
        ...(origins(world).includes(origin) ? [] : [`it was sent to ${origin}`]),
        ...(carries(request) ? [] : ["it has no credential"]),
        ...(isAbsolute || pathname === (base === "" ? "/" : base) || pathname.startsWith(`${base}/`)
          ? []
          : [`it left the base path for ${pathname}`]),
        ...("Host" in headers ? ["it was sent for another host"] : [])
      ]
    })
  ]
}

export const runUrl = (url: UrlCase): Effect.Effect<ReadonlyArray<string>, unknown> => {
  const { sent, transport } = recording(() => new Response(null))
  return ask(imaginary, url).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map(() => judgeUrl(imaginary, url, sent))
  )
}

/* ------------------------------------------------------------------------------------------------------------- runs */

/** What is wrong with which of the cases; at most ten, because the first says most. */
export const problems = <Case, R>(
  cases: ReadonlyArray<Case>,
  run: (self: Case) => Effect.Effect<ReadonlyArray<string>, unknown, R>,
  show: (self: Case) => string
): Effect.Effect<ReadonlyArray<string>, unknown, R> =>
  Effect.map(
    Effect.forEach(cases, (self) =>
      Effect.map(run(self), (wrong) => wrong.length === 0 ? [] : [`${show(self)}: ${wrong.join(", ")}`])),
    (all) =>
      all.flat().slice(0, 10)
  )

/** So many of the cases, chosen by a seed (mulberry32). */
export const sample = <Case>(cases: ReadonlyArray<Case>, count: number, seed: number): ReadonlyArray<Case> => {
  const rest = cases.slice()
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    const a = Math.imul(state ^ (state >>> 15), state | 1)
    const b = a ^ (a + Math.imul(a ^ (a >>> 7), a | 61))
    return ((b ^ (b >>> 14)) >>> 0) / 2 ** 32
  }
  return Array.from({ length: Math.min(count, cases.length) }, () => rest.splice(Math.floor(next() * rest.length), 1))
    .flat()
}
