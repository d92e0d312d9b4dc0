/**
 * A fake Yamcs server for tests: `/auth/token` with its grants, its rotating refresh tokens and its rate limit, the login
 * page, Kerberos tickets, an OpenID provider, as much of `/api` as it takes to see whether credentials are accepted, in JSON
 * and Protocol Buffers, and its WebSocket with the topics `time`, `events` and `parameters` of the instance `simulator`. It
 * refuses what the real server refuses. Its time is that of the Clock, so that a test clock makes tokens and sessions
 * expire.
 *
 * @since 0.1.0
 */
import type { ConnectorService } from "@effect-auth/core/AuthenticatedSocket"
import { Connector } from "@effect-auth/core/AuthenticatedSocket"
import type * as Negotiate from "@effect-auth/core/Negotiate"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashSet from "effect/HashSet"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import type { Decision } from "./internal/oauthPerson.ts"
import * as App from "./internal/yamcsApp.ts"
import * as Connections from "./internal/yamcsConnections.ts"
import type { Call } from "./internal/yamcsSocket.ts"
import * as Spnego from "./internal/yamcsSpnego.ts"
import type { ServiceAccount, Stats } from "./internal/yamcsState.ts"
import * as State from "./internal/yamcsState.ts"

export type { Call, ServiceAccount, Stats }

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
  /**
   * Whether a service account gets tokens for itself, without `become`. Default: false. The request is then never answered:
   * Yamcs 5.13 accepts the grant and parks a worker for good.
   */
  readonly answersServiceAccounts?: boolean | undefined
  /** How long an answer of `/auth/token` takes to arrive, after the server has acted. Default: no time. */
  readonly tokenLatency?: Duration.DurationInput | undefined
  /**
   * Accepts Kerberos tickets: `true`, those for any server, or its name in the Kerberos database, such as
   * `HTTP@yamcs.example`. The tickets are those of {@link Service.negotiate}. Default: false.
   */
  readonly spnego?: boolean | string | undefined
  /** Has users log in at an OpenID provider, which the fake is too. Default: none, so that the server's own page is left. */
  readonly openId?: OpenIdOptions | undefined
  /** Admits requests without credentials as this user, as a server without security does. Default: they are refused. */
  readonly guest?: string | undefined
  /** Sends JSON errors as `{ "exception": { code, type, msg } }`, as some versions do. Default: false. */
  readonly wrapErrors?: boolean | undefined
}

/**
 * The OpenID provider of a fake Yamcs server.
 *
 * @since 0.1.0
 * @category models
 */
export interface OpenIdOptions {
  /** Default: `yamcs`. */
  readonly clientId?: string | undefined
  /** The page, whose path has to be `/idp/authorize`. Default: `https://idp.example/idp/authorize`. */
  readonly authorizationEndpoint?: string | undefined
  /** Default: `openid profile email offline_access`. */
  readonly scope?: string | undefined
  /** What redirects state as `iss`. Default: nothing. */
  readonly issuer?: string | undefined
  /** Whether the provider refuses codes in a page, so that the server answers 500 and not 401. Default: false. */
  readonly answersPages?: boolean | undefined
  /** Whether the server lists `SpnegoAuthModule` before `OpenIDAuthModule`, and so refuses every code. Default: false. */
  readonly afterSpnego?: boolean | undefined
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
  /** Opens WebSockets to this server, whatever their host, without a socket. */
  readonly connector: ConnectorService
  readonly stats: Effect.Effect<Stats>
  /** Makes the API refuse every access token issued so far. Sessions remain: a refresh gives a good token. */
  readonly revokeAll: Effect.Effect<void>
  /**
   * Ends every session without a sign: a refresh is still answered 200, with tokens that the API refuses. Only a new
   * login helps.
   */
  readonly killSessions: Effect.Effect<void>
  /**
   * Restarts the server: access tokens, refresh tokens and sessions, which it keeps in memory, are lost, and WebSockets
   * break.
   */
  readonly restart: Effect.Effect<void>
  /** From now on this is the user's password. Sessions stay good. */
  readonly changePassword: (username: string, password: string) => Effect.Effect<void>
  /** Refuses logins of the user from now on. Sessions and tokens stay good. */
  readonly block: (username: string) => Effect.Effect<void>
  /** Makes Kerberos tokens, of `operator` or of the principal that is asked for. A token is good once. */
  readonly negotiate: Negotiate.Service
  /** What the person at the OpenID provider does from now on. Default: agrees, as `operator`. */
  readonly person: (decision: Decision) => Effect.Effect<void>
  /** Answers the next `n` requests to `/auth/token` within the rate limit with `status`. */
  readonly failNext: (n: number, status: number) => Effect.Effect<void>
  /** What is subscribed to, of each WebSocket that is open. */
  readonly sockets: Effect.Effect<ReadonlyArray<ReadonlyArray<Call>>>
  /** Sends this to everyone who has subscribed to the topic. */
  readonly publish: (topic: string, data: unknown) => Effect.Effect<void>
  /** Counts a message to each of them that is not sent, as with low priority over a slow connection. */
  readonly drop: (topic: string) => Effect.Effect<void>
  /** Breaks every WebSocket. Sessions stay good. */
  readonly breakSockets: Effect.Effect<void>
  /** From now on nothing comes over the WebSockets that are open, which stay so. */
  readonly hangSockets: Effect.Effect<void>
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
    const state = yield* Ref.make(State.initial(accounts, yield* Clock.currentTimeMillis))
    const users = MutableRef.make(options.users ?? { [canaries.username]: canaries.password })
    const decision = yield* Ref.make<Decision>({ _tag: "Agrees" })
    const connections = yield* Connections.make
    const app = App.make({
      settings: settingsOf(options, users),
      state,
      connections,
      person: Ref.get(decision),
      defaultUser: canaries.username,
      contextPath: (options.contextPath ?? "").replace(/^\/*(?=.)/, "/").replace(/\/+$/, ""),
      tokenLatency: Duration.decode(options.tokenLatency ?? 0),
      wrapErrors: options.wrapErrors ?? false
    })
    return {
      app,
      httpClient: FakeServer.httpClient(app),
      connector: FakeServer.connector(app),
      stats: Effect.map(Ref.get(state), ({ stats }) => stats),
      revokeAll: Ref.update(state, State.revokeAccess),
      killSessions: Ref.update(state, State.killSessions),
      restart: Effect.zipRight(Ref.update(state, State.restart), connections.breakAll),
      sockets: connections.open,
      publish: (topic, data) => connections.publish(topic, data, true),
      drop: (topic) => connections.publish(topic, undefined, false),
      breakSockets: connections.breakAll,
      hangSockets: connections.hangAll,
      changePassword: (username, password) =>
        Effect.sync(() => MutableRef.update(users, (users) => Record.modify(users, username, () => password))),
      block: (username) => Ref.update(state, (state) => ({ ...state, blocked: HashSet.add(state.blocked, username) })),
      negotiate: {
        token: ({ principal = `${canaries.username}@EXAMPLE.COM`, service }) =>
          Effect.map(Ref.modify(state, Spnego.ticket(service, principal)), Redacted.make)
      },
      person: (next) => Ref.set(decision, next),
      failNext: (remaining, status) => Ref.update(state, (state) => ({ ...state, failures: { remaining, status } }))
    }
  })

/**
 * A fake server, and what reaches it in memory in place of a real transport: the client, and the connector of WebSockets.
 * Each call gives another server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeYamcs | HttpClient.HttpClient | Connector> =>
  Layer.effectContext(
    Effect.map(make(options), (fake) =>
      Context.make(FakeYamcs, fake).pipe(
        Context.add(HttpClient.HttpClient, fake.httpClient),
        Context.add(Connector, fake.connector)
      ))
  )

const settingsOf = (
  options: Options,
  users: MutableRef.MutableRef<Readonly<Record<string, string>>>
): State.Settings => ({
  // passwords may change while the server runs
  get users() {
    return MutableRef.get(users)
  },
  apiKeys: options.apiKeys ?? { [canaries.apiKey]: canaries.username },
  tokenLifetime: Duration.toMillis(options.tokenLifetime ?? "500 seconds"),
  sessionIdle: Duration.toMillis(options.sessionIdle ?? "30 minutes"),
  maxAuthRequestsPerSecond: options.maxAuthRequestsPerSecond ?? 5,
  answersServiceAccounts: options.answersServiceAccounts ?? false,
  guest: options.guest,
  spnego: options.spnego !== undefined && options.spnego !== false,
  service: typeof options.spnego === "string" ? options.spnego : undefined,
  openId: options.openId === undefined ? undefined : {
    clientId: options.openId.clientId ?? "yamcs",
    authorizationEndpoint: options.openId.authorizationEndpoint ?? "https://idp.example/idp/authorize",
    scope: options.openId.scope ?? "openid profile email offline_access",
    issuer: options.openId.issuer,
    answersPages: options.openId.answersPages ?? false,
    refusesCodes: options.openId.afterSpnego ?? false
  }
})
