/**
 * The server of the leak suite: it repeats what it receives wherever a careless server might, in bodies and `Location`,
 * and breaks off where a broken one does. Its paths end in `/hostile/` and the name of what they do.
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Latency from "./latency.ts"
import * as Route from "./route.ts"

/** The secrets that it issues itself. */
export const secrets = {
  "hostile access token": "canary-hostile-access-token-that-is-long-enough-for-a-jwt-0123456789",
  "hostile refresh token": "canary-hostile-refresh-token-that-is-long-enough-for-a-jwt-0123456789",
  "hostile session": "canary-hostile-session-0123456789",
  /** Short, so that a parser that stumbles over it quotes all of it. */
  "hostile body": "canary42"
}

/** How a login goes wrong. */
export type LoginFailure =
  | "malformed"
  | "lacking"
  | "refused"
  | "echoed"
  | "echoed in XML"
  | "failing"
  | "redirected"
  | "reset"
  | "silent"

export interface Options {
  /** The route of a login that goes wrong, such as `POST /login`. */
  readonly login?: { readonly route: string; readonly failure: LoginFailure } | undefined
  /** Breaks the connection of a request. */
  readonly reset: Effect.Effect<void, never, HttpServerRequest.HttpServerRequest>
}

export interface HostileServer {
  readonly app: HttpApp.Default
  /** Whether a request is for this server, where it shares a client with another. */
  readonly answers: (target: Route.Target) => boolean
  /** What requests to `/hostile/elsewhere` carried, which belongs to another origin. */
  readonly heardElsewhere: Effect.Effect<ReadonlyArray<string>>
}

/** The path of a scenario's request. */
export const path = (prefix: string, name: string): string => `${prefix}/hostile/${name}`

export const make = ({ login, reset }: Options): Effect.Effect<HostileServer> =>
  Effect.gen(function*() {
    const heardElsewhere = yield* Ref.make<ReadonlyArray<string>>([])
    const refusals = yield* Ref.make(0)
    const isLogin = login === undefined ? () => false : Route.matcher(login.route)

    const app: HttpApp.Default = Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const target = { method: request.method, url: new URL(request.url, "http://hostile.example") }
      const body = yield* Effect.orElseSucceed(request.text, () => "")
      const heard = `${Object.values(request.headers).join(" ")} ${request.url} ${body}`
      const name = nameOf(target)
      if (login !== undefined && isLogin(target)) {
        const { failure } = login
        switch (failure) {
          case "reset":
            return yield* resetting(reset)
          case "silent":
            // longer than its caller waits, and shorter than the policy of a login does
            return yield* Effect.zipRight(Effect.sleep("100 millis"), resetting(reset))
          default:
            return failedLogin(failure, heard, target.url)
        }
      }
      switch (name) {
        case "elsewhere":
          yield* Ref.update(heardElsewhere, (all) => [...all, heard])
          return json({ ok: true })
        case "revoked":
          return (yield* Ref.getAndUpdate(refusals, (n) => n + 1)) === 0 ? refusal(heard) : json({ ok: true })
        case "reset":
          return yield* resetting(reset)
        case "silent":
          return yield* Latency.noAnswer
        default:
          return answer(name, heard, target.url)
      }
    })
    return {
      app,
      answers: (target) => nameOf(target) !== "" || isLogin(target),
      heardElsewhere: Ref.get(heardElsewhere)
    }
  })

/** An origin that is not the client's: on a loopback address its other name, which the same server answers. */
export const otherOrigin = (baseUrl: string): string => {
  const { hostname, port, protocol } = new URL(baseUrl)
  return hostname === "127.0.0.1" ? `${protocol}//localhost:${port}` : "https://other.example"
}

const nameOf = ({ url }: Route.Target): string => /\/hostile\/([^/]+)$/u.exec(url.pathname)?.[1] ?? ""

const answer = (name: string, heard: string, url: URL): HttpServerResponse.HttpServerResponse => {
  switch (name) {
    case "ok":
      return json({ ok: true })
    case "token":
      return json({
        access_token: secrets["hostile access token"],
        refresh_token: secrets["hostile refresh token"],
        token_type: "Bearer",
        expires_in: 3600
      })
    case "session":
      return HttpServerResponse.setHeader(json({ ok: true }), "set-cookie", `sid=${secrets["hostile session"]}; Path=/`)
    case "forbidden":
      return page(403, heard)
    case "failing":
      return page(500, heard)
    case "malformed":
      return HttpServerResponse.text(secrets["hostile body"], { contentType: "application/json" })
    case "undecodable":
      return json({ count: "many" })
    case "broken":
      return HttpServerResponse.stream(
        Stream.concat(Stream.make(new TextEncoder().encode(`{"heard":"${heard}`)), Stream.fail("the body breaks off")),
        { contentType: "application/json" }
      )
    case "echoed":
      return echo(heard)
    case "echoed-in-xml":
      return echoInXml(heard)
    case "redirect":
      return redirect(`ok${url.search}`, heard)
    case "away":
      return redirect(`${url.searchParams.get("to") ?? ""}/hostile/elsewhere${url.search}`, heard)
    case "downgrade":
      return redirect(`ftp://other.example/${url.search}`, heard)
    default:
      return refusal(heard)
  }
}

const failedLogin = (
  failure: Exclude<LoginFailure, "reset" | "silent">,
  heard: string,
  url: URL
): HttpServerResponse.HttpServerResponse => {
  switch (failure) {
    case "malformed":
      return HttpServerResponse.text(heard, { contentType: "application/json" })
    case "lacking":
      return json({ token: secrets["hostile access token"], refresh_token: heard })
    case "refused":
      return page(401, heard)
    case "echoed":
      return echo(heard)
    case "echoed in XML":
      return echoInXml(heard)
    case "failing":
      return page(503, heard)
    case "redirected":
      return redirect(`${url.pathname}${url.search}`, heard)
  }
}

const json = (body: unknown): HttpServerResponse.HttpServerResponse => HttpServerResponse.unsafeJson(body)

const page = (status: number, heard: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(heard, { status })

/** A refusal in which everything that a known server says about one repeats the request, with what breaks a log. */
const echo = (heard: string): HttpServerResponse.HttpServerResponse => {
  const words = `\u001b[31m${heard}\r\n${encodeURIComponent(heard)}\u202e`
  const problem = { type: words, msg: words }
  return HttpServerResponse.unsafeJson({
    ...problem,
    exception: problem,
    error: [{ msgId: words, messageId: words, type: words, message: words, explanation: words, action: words }],
    error_description: words
  }, {
    status: 401,
    headers: {
      "www-authenticate": `Bearer error="${encodeURIComponent(heard)}", error_description="${
        heard.replace(/[^\x20-\x7e]|["\\]/gu, "")
      }"`
    }
  })
}

const echoInXml = (heard: string): HttpServerResponse.HttpServerResponse => {
  const words = heard.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
  return HttpServerResponse.text(
    `<?xml version="1.0" encoding="UTF-8" ?><SIMPLE_RETURN><RESPONSE><CODE>${words}</CODE><TEXT>${words}</TEXT>` +
      `<ITEM_LIST><ITEM><KEY>${words}</KEY><VALUE>${words}</VALUE></ITEM></ITEM_LIST></RESPONSE></SIMPLE_RETURN>`,
    { status: 401, contentType: "text/xml" }
  )
}

const redirect = (location: string, heard: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(heard, { status: 302, headers: { location } })

const refusal = (heard: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(heard, {
    status: 401,
    headers: { "www-authenticate": `Bearer realm="acme", error="invalid_token"` }
  })

/** Nothing is sent over a connection that is gone; an application that ends without a response needs one to compile. */
const resetting = (
  reset: Options["reset"]
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest> =>
  Effect.as(reset, HttpServerResponse.empty())
