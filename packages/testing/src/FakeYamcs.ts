/**
 * A fake Yamcs server for tests: `/auth/token` with its grants, its rotating refresh tokens and its rate limit, and as
 * much of `/api` as it takes to see whether credentials are accepted. It refuses what the real server refuses. Its time
 * is that of the Clock, so that a test clock makes tokens and sessions expire.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import * as Api from "./internal/yamcsApi.ts"
import type { ServiceAccount, Stats } from "./internal/yamcsTokens.ts"
import * as Tokens from "./internal/yamcsTokens.ts"

export type { ServiceAccount, Stats }

/**
 * Settings of a fake Yamcs server. The defaults are those of a current server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Superusers: name to password. Default: `operator` with the password of `canaries`. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /** API key to user name. Default: the key of `canaries`, for `operator`. */
  readonly apiKeys?: Readonly<Record<string, string>> | undefined
  /** Accounts without privileges. Default: that of `canaries`. */
  readonly serviceAccounts?: ReadonlyArray<ServiceAccount> | undefined
  /** Lifetime of an access token, in whole seconds. Default: 500 seconds (`accessTokenLifespan`). */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** A session ends when it is not refreshed for this long. Default: 30 minutes (`SessionManager.SESSION_IDLE`). */
  readonly sessionIdle?: Duration.DurationInput | undefined
  /** Token requests per second before a 429; `Infinity`: no limit. Default: 5 (`maxAuthRequestsPerSecond`). */
  readonly maxAuthRequestsPerSecond?: number | undefined
  /** Path before `/auth` and `/api`, such as `/yamcs`. Default: none. */
  readonly contextPath?: string | undefined
  /** How long an answer of `/auth/token` takes to arrive, after the server has acted. Default: no time. */
  readonly tokenLatency?: Duration.DurationInput | undefined
  /** Sends JSON errors as `{ "exception": { code, type, msg } }`, as some versions do. Default: false. */
  readonly wrapErrors?: boolean | undefined
}

/**
 * A running fake: what serves it, what it has counted, and what changes its behaviour.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The server as an app, for any transport. */
  readonly app: HttpApp.Default
  /** A client that sends every request to this server, whatever its host, without a socket. */
  readonly httpClient: HttpClient.HttpClient
  readonly stats: Effect.Effect<Stats>
  /** Makes the API refuse every access token issued so far. Sessions remain: a refresh gives a good token. */
  readonly revokeAll: Effect.Effect<void>
  /**
   * Ends every session without a sign: a refresh is still answered 200, with tokens that the API refuses. Only a new
   * login helps.
   */
  readonly killSessions: Effect.Effect<void>
  /** Restarts the server: access tokens, refresh tokens and sessions, which it keeps in memory, are lost. */
  readonly restart: Effect.Effect<void>
  /** Answers the next `n` requests to `/auth/token` within the rate limit with `status`. */
  readonly failNext: (n: number, status: number) => Effect.Effect<void>
}

/**
 * The service tag of a fake Yamcs server.
 *
 * @since 0.1.0
 * @category tags
 */
export class FakeYamcs extends Context.Tag("@effect-auth/testing/FakeYamcs")<FakeYamcs, Service>() {}

/**
 * Names and secrets of the default accounts. The secrets are canaries, for tests that search logs for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const canaries: {
  readonly username: "operator"
  readonly password: string
  readonly apiKey: string
  readonly serviceAccount: ServiceAccount
} = {
  username: "operator",
  password: "canary-password-yamcs",
  apiKey: "canary-api-key-yamcs",
  serviceAccount: {
    name: "scheduler",
    applicationId: "canary-application-yamcs",
    // differs from its own URL-decoded form, as a quarter of the real ones do
    applicationSecret: "canary+secret%2Fyamcs"
  }
}

/**
 * A fake server in memory. `FakeServer.serve` puts its `app` on a socket.
 *
 * @example
 * ```ts
 * import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeYamcs.make({ tokenLifetime: "1 minute" })
 *   yield* server.httpClient.get("https://yamcs.example/api/user") // 401: no credentials
 *   yield* server.killSessions
 *   return yield* server.stats
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.gen(function*() {
    const accounts = options.serviceAccounts ?? [canaries.serviceAccount]
    const state = yield* Ref.make(Tokens.initial(accounts, yield* Clock.currentTimeMillis))
    const app = makeApp(options, state)
    return {
      app,
      httpClient: FakeServer.httpClient(app),
      stats: Effect.map(Ref.get(state), ({ stats }) => stats),
      revokeAll: Ref.update(state, Tokens.revokeAccess),
      killSessions: Ref.update(state, Tokens.killSessions),
      restart: Ref.update(state, Tokens.restart),
      failNext: (remaining, status) => Ref.update(state, (state) => ({ ...state, failures: { remaining, status } }))
    }
  })

/**
 * A fake server, and the client that reaches it in memory, in place of a real transport. Each call gives another server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeYamcs | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (fake) =>
      Context.make(FakeYamcs, fake).pipe(Context.add(HttpClient.HttpClient, fake.httpClient)))
  )

const makeApp = (options: Options, state: Ref.Ref<Tokens.State>): HttpApp.Default => {
  const contextPath = (options.contextPath ?? "").replace(/^\/*(?=.)/, "/").replace(/\/+$/, "")
  const tokenLatency = Duration.decode(options.tokenLatency ?? 0)
  const settings: Tokens.Settings = {
    users: options.users ?? { [canaries.username]: canaries.password },
    apiKeys: options.apiKeys ?? { [canaries.apiKey]: canaries.username },
    tokenLifetime: Duration.toMillis(options.tokenLifetime ?? "500 seconds"),
    sessionIdle: Duration.toMillis(options.sessionIdle ?? "30 minutes"),
    maxAuthRequestsPerSecond: options.maxAuthRequestsPerSecond ?? 5
  }

  const token = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const text = yield* Effect.orElseSucceed(request.text, () => "")
      const outcome = yield* Ref.modify(
        state,
        Tokens.receive(settings, {
          contentType: request.headers["content-type"],
          authorization: request.headers.authorization,
          form: Object.fromEntries(new URLSearchParams(text))
        }, yield* Clock.currentTimeMillis)
      )
      yield* Effect.when(Effect.sleep(tokenLatency), () => Duration.greaterThan(tokenLatency, Duration.zero))
      return outcome._tag === "Refused"
        ? statusLine(outcome.status)
        : tokenAnswer(outcome.token, request.headers.accept ?? "")
    })

  const api = (request: HttpServerRequest.HttpServerRequest, path: string) =>
    Effect.gen(function*() {
      const body = yield* Effect.option(request.json)
      const now = yield* Clock.currentTimeMillis
      const presented = {
        authorization: request.headers.authorization,
        apiKey: request.headers["x-api-key"],
        cookies: request.cookies
      }
      return yield* Ref.modify(state, (state) =>
        Either.match(Api.authenticate(settings, state, presented, now), {
          onLeft: ({ message, status }) => [
            plainText(status, message),
            status === 401 ? Tokens.count(state, { refused: state.stats.refused + 1 }) : state
          ],
          onRight: (caller) => {
            const counted = Tokens.count(state, { requests: state.stats.requests + 1 })
            const [answer, next] = Api.handle(settings, counted, caller, { method: request.method, path, body })
            const { body: content, status } = answer
            const wrapped = options.wrapErrors === true && status >= 400 ? { exception: content } : content
            return [HttpServerResponse.unsafeJson(wrapped, { status }), next]
          }
        }))
    })

  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const full = request.url.replace(/[?#].*$/, "")
    const path = full.startsWith(`${contextPath}/`) ? full.slice(contextPath.length) : ""
    if (path === "/auth/token") {
      return token(request)
    }
    if (path === "/auth" && request.method === "GET") {
      return Effect.succeed(HttpServerResponse.unsafeJson({ requireAuthentication: true }))
    }
    return path.startsWith("/api/") ? api(request, path) : Effect.succeed(statusLine(404))
  })
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
}

/** `HttpRequestHandler.sendPlainTextError`: outside of API routes the message is the status line, and no header adds to it. */
const statusLine = (status: number) => plainText(status, `${status} ${reasons[status] ?? "Error"}`)

const plainText = (status: number, message: string) =>
  HttpServerResponse.text(`${message}\r\n`, { status, contentType: "text/plain; charset=UTF-8" })

/** The server derives the media type from Accept; only a type that is named there is certain to be JSON. */
const tokenAnswer = (token: Tokens.TokenResponse, accept: string) =>
  accept.split(",").some((range) => range.split(";")[0]?.trim().toLowerCase() === "application/json")
    ? HttpServerResponse.unsafeJson(token)
    : HttpServerResponse.text(
      Object.entries(token).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`).join("")
    )
