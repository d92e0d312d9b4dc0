/**
 * A fake mqweb server: the administrative REST API of IBM MQ with its three ways to authenticate (Basic, LTPA cookie,
 * client certificate). It refuses what the real server refuses. Its time is that of the Clock, so that a test clock
 * makes tokens expire. Sources: IBM's documentation of the REST API, and recordings of a real server.
 *
 * @since 0.1.0
 */
import * as Cookies from "@effect/platform/Cookies"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import * as Latency from "./internal/latency.ts"
import * as mqweb from "./internal/mqweb.ts"
import type { Answer } from "./internal/mqwebAnswers.ts"
import type { Facts } from "./internal/mqwebRequest.ts"
import { isLogin } from "./internal/mqwebRequest.ts"
import * as mqwebState from "./internal/mqwebState.ts"

/**
 * A role of the mqweb server. `MQWebAdmin` may run every command, `MQWebAdminRO` and `MQWebUser` may only display
 * (the real `MQWebUser` acts with the user's own authority, which is not modelled), the MFT roles may run none.
 *
 * @since 0.1.0
 * @category models
 */
export type Role = mqwebState.Role

/**
 * A user of the server's registry, under its name. A client certificate with that common name is the same user.
 *
 * @since 0.1.0
 * @category models
 */
export interface User extends mqwebState.User {}

/**
 * What the server has counted since it was made.
 *
 * - `requests`: authenticated calls below `/admin`, whatever their answer
 * - `logins`: logins answered 204
 * - `logouts`: logouts answered 204
 * - `refreshes`: always 0, LTPA tokens are not renewed
 * - `refused`: calls other than the login itself answered 401
 * - `attempts`: logins received, whatever their answer
 *
 * @since 0.1.0
 * @category models
 */
export interface Stats extends mqwebState.Stats {}

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
  /** The current name of the token cookie. It changes with `restart` unless `cookieName` is configured. */
  readonly cookieName: Effect.Effect<string>
  /** Replaces `ltpa.keys`: every cookie issued so far fails verification (401 MQWB0112E). */
  readonly revokeAll: Effect.Effect<void>
  /** From now on this is the user's password. Tokens stay good. */
  readonly changePassword: (username: string, password: string) => Effect.Effect<void>
  /** Restarts the server: the suffix of the cookie's name changes, so an old cookie is not recognised (401 MQWB0104E). */
  readonly restart: Effect.Effect<void>
  /**
   * Answers the next `n` requests, logins included, with `status`; as HTML if `htmlErrors` is set. A later call
   * replaces the rest of an earlier one.
   */
  readonly failNext: (n: number, status: number) => Effect.Effect<void>
}

/**
 * The service tag of a fake mqweb server.
 *
 * @since 0.1.0
 * @category tags
 */
export class FakeMqweb extends Context.Tag("@effect-auth/testing/FakeMqweb")<FakeMqweb, Service>() {}

/**
 * Settings of a fake mqweb server. The defaults are those of a current server.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The registry, by user name. Default: {@link defaultUsers}. */
  readonly users?: Readonly<Record<string, User>> | undefined
  /** Names of the queue managers. Each starts with the queue `DEV.QUEUE.1`. Default: `QM1`. */
  readonly qmgrs?: ReadonlyArray<string> | undefined
  /** How long a token lives, `ltpaExpiration` of the server. Default: 2 hours. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** Fixed name of the token cookie. Default: `LtpaToken2_` and a number that changes with a restart. */
  readonly cookieName?: string | undefined
  /**
   * What POST and DELETE require of the CSRF header: that it is there, even blank (`presence`, 9.0.5 and later), or that
   * it equals the `csrfToken` cookie of the login (`echo`, 9.0.4 and earlier, where who-am-i also states the
   * `authenticationMechanism`). Default: `presence`.
   */
  readonly csrf?: "presence" | "echo" | undefined
  /** The field of an error's identifier: `msgId` as recorded, `messageId` as documented. Default: `msgId`. */
  readonly errorIdField?: "msgId" | "messageId" | undefined
  /** Whether the failures of `failNext` are HTML, as a proxy in front of the server sends. Default: false. */
  readonly htmlErrors?: boolean | undefined
  /**
   * Whether a proxy in front of the server adds cookies to a login's answer, before and after the token, whose values do
   * not decode. Default: false.
   */
  readonly proxyCookies?: boolean | undefined
  /**
   * How long the server remembers a login, a call with Basic or one with a certificate, as Liberty's authentication cache
   * does: in that time the same user is given the same token. Default: 10 minutes.
   */
  readonly remembered?: Duration.DurationInput | undefined
  /**
   * Whether a logout ends the token for everyone who has it (`trackLoggedOutSSOCookies` of Liberty). Default: false, so that
   * a token works after its logout.
   */
  readonly trackLoggedOut?: boolean | undefined
  /**
   * Bearers and the users that they stand for, where an administrator has added them (`mpJwt` of Liberty). Basic is refused
   * then. Default: the server takes no bearers.
   */
  readonly bearers?: Readonly<Record<string, string>> | undefined
  /** How long a login takes. Default: no time. */
  readonly loginLatency?: Duration.DurationInput | undefined
  /** Common name of the request's client certificate, which in memory no TLS can tell. Default: none. */
  readonly clientCertificate?: ((request: HttpServerRequest.HttpServerRequest) => Option.Option<string>) | undefined
}

/**
 * The users of a server made without `users`: an administrator (`MQWebAdmin`), and a `reader` (`MQWebAdminRO` and
 * `MQWebUser`). The passwords are canaries, for tests that search logs for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const canaries: {
  readonly username: "mqadmin"
  readonly password: string
  readonly reader: { readonly username: "reader"; readonly password: string }
} = {
  username: "mqadmin",
  password: "canary-password-mq",
  reader: { username: "reader", password: "canary-password-mq-reader" }
}

const defaultUsers: Readonly<Record<string, User>> = {
  [canaries.username]: { password: canaries.password, roles: ["MQWebAdmin"] },
  [canaries.reader.username]: { password: canaries.reader.password, roles: ["MQWebAdminRO", "MQWebUser"] }
}

const render = (answer: Answer): HttpServerResponse.HttpServerResponse => {
  const options = {
    status: answer.status,
    headers: answer.headers,
    // from whole lines, which keep a value as it is: the platform's own setters encode it
    cookies: Cookies.fromSetCookie(answer.setCookie)
  }
  return Option.match(answer.body, {
    onNone: () => HttpServerResponse.empty(options),
    onSome: (body) => HttpServerResponse.text(body, { ...options, contentType: answer.contentType })
  })
}

/**
 * A fake server in memory. `FakeServer.serve` puts its `app` on a socket.
 *
 * @example
 * ```ts
 * import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeMqweb.make({ tokenLifetime: "10 minutes" })
 *   yield* server.httpClient.get("https://mq.example:9443/ibmmq/rest/v3/admin/qmgr") // 401: no credentials
 *   yield* server.failNext(2, 503)
 *   return yield* server.stats
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> => {
  const users = MutableRef.make(options.users ?? defaultUsers)
  const settings = (): mqwebState.Settings => ({
    users: MutableRef.get(users),
    qmgrs: options.qmgrs ?? ["QM1"],
    tokenLifetime: Duration.toMillis(options.tokenLifetime ?? "2 hours"),
    cookieName: Option.fromNullable(options.cookieName),
    csrf: options.csrf ?? "presence",
    errorIdField: options.errorIdField ?? "msgId",
    htmlErrors: options.htmlErrors ?? false,
    proxyCookies: options.proxyCookies ?? false,
    trackLoggedOut: options.trackLoggedOut ?? false,
    remembered: Duration.toMillis(options.remembered ?? "10 minutes"),
    bearers: Option.fromNullable(options.bearers)
  })
  const loginLatency = Duration.decode(options.loginLatency ?? Duration.zero)
  const commonName = options.clientCertificate ?? Option.none

  return Effect.map(Ref.make(mqwebState.initial(settings(), HashSet.make("DEV.QUEUE.1"))), (state): Service => {
    const app: HttpApp.Default = Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      const facts: Facts = {
        method: request.method,
        url: request.url,
        headers: request.headers,
        body: request.method === "POST" ? yield* Effect.orElseSucceed(request.text, () => "") : "",
        certificate: commonName(request)
      }
      const injected = yield* Ref.modify(state, (self) => mqweb.arrive(settings(), self, facts))
      if (Option.isSome(injected)) return render(injected.value)
      if (isLogin(facts)) yield* Latency.pass(loginLatency)
      const now = yield* Clock.currentTimeMillis
      return render(yield* Ref.modify(state, (self) => mqweb.answer(settings(), self, facts, now)))
    })
    return {
      app,
      httpClient: FakeServer.httpClient(app),
      stats: Effect.map(Ref.get(state), (self) => self.stats),
      cookieName: Effect.map(Ref.get(state), (self) => mqwebState.cookieName(settings(), self)),
      revokeAll: Ref.update(state, mqwebState.revokeAll),
      restart: Ref.update(state, mqwebState.restart),
      changePassword: (username, password) =>
        Effect.sync(() =>
          MutableRef.update(users, (users) => Record.modify(users, username, (user) => ({ ...user, password })))
        ),
      failNext: (n, status) => Ref.update(state, mqwebState.failNext(n, status))
    }
  })
}

/**
 * A fake server, and the client that reaches it in memory, in place of a real transport. Each call gives another server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeMqweb | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (service) =>
      Context.make(FakeMqweb, service).pipe(Context.add(HttpClient.HttpClient, service.httpClient)))
  )
