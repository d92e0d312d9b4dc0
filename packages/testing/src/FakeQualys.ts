/**
 * A fake of the Qualys platform for tests: its three hosts, the JWT of the gateway, the session cookie and Basic
 * authentication of the API, sliding quotas per endpoint, and the refusals that Qualys hides in a 200. It enforces what
 * the vendor documents. Its time is that of the Clock, so that a test clock drives it.
 *
 * The path determines the host: `/api/`, `/msp/` and `/qps/` belong to the API, `/cloudview-api/` to the UI, `/auth` and
 * everything else to the gateway. A host name that begins with `qualysapi`, `gateway` or `qualysguard` must be the one of
 * the path (else 404); any other host, such as a loopback address, stands for all three.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import * as Latency from "./internal/latency.ts"
import * as Answers from "./internal/qualysAnswers.ts"
import * as Calls from "./internal/qualysCalls.ts"
import * as Login from "./internal/qualysLogin.ts"
import type { Limits } from "./internal/qualysQuota.ts"
import * as Quota from "./internal/qualysQuota.ts"
import * as QualysRequest from "./internal/qualysRequest.ts"
import type { Settings } from "./internal/qualysState.ts"
import * as State from "./internal/qualysState.ts"

/** The quota of an endpoint. The vendor's Standard subscription admits 300 calls in any hour, 2 at once. */
interface EndpointLimits {
  /** Calls in any window. Default: 300. */
  readonly limit?: number | undefined
  /** Length of the sliding window. Default: 1 hour. */
  readonly window?: Duration.DurationInput | undefined
  /** Calls at the same time. Default: 2. */
  readonly concurrency?: number | undefined
}

/**
 * Settings of a fake. The defaults are those of a Standard subscription.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends EndpointLimits {
  /** Default: `canary-username-qualys`. */
  readonly username?: string | undefined
  /** Default: `canary-password-qualys`. */
  readonly password?: string | undefined
  /** Lifetime of a JWT, rounded up to whole seconds. Default: 4 hours. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** Limits of single endpoints, by path without query; what they leave out is that of all endpoints. */
  readonly endpoints?: Readonly<Record<string, EndpointLimits>> | undefined
  /** How long an accepted call runs, for all paths or by path. Default: no time. */
  readonly callLatency?: Duration.DurationInput | ((path: string) => Duration.DurationInput) | undefined
  /** How long `/auth` and the session call take. Default: no time. */
  readonly loginLatency?: Duration.DurationInput | undefined
  /** Tokens of another identity provider, accepted on `/api/` and on the gateway, as the gateway's JWTs are. Default: none. */
  readonly externalBearers?: ReadonlyArray<string> | undefined
  /**
   * Clients that Qualys manages, by id. The gateway gives a JWT to one of a user at `/auth/oidc`, and to one of the
   * subscription at `/auth/oauth`. Default: none.
   */
  readonly clients?: Readonly<Record<string, Client>> | undefined
  /** The form of the answer to a client: the JWT as text with a 201, or in JSON with a 200. Default: `text`. */
  readonly clientAnswers?: "text" | "json" | undefined
  /** Whether answers of the gateway have `X-RateLimit-ToWait-Sec`, which it often leaves out. Default: true. */
  readonly gatewayToWait?: boolean | undefined
  /** How the gateway refuses a bearer: some of its services say 500 "JWT parsing failed". Default: 401. */
  readonly unknownJwt?: 401 | 500 | undefined
  /**
   * `expired` answers the right credentials with a 200 and CODE 2001 on the API, `eula` with a 401 and CODE 2002. Below
   * `/qps/rest` both are UNAUTHORIZED inside a 200, on the gateway a 401. Default: `ok`.
   */
  readonly accountState?: "ok" | "expired" | "eula" | undefined
  /** Sessions that may be open at once. Default: 2. */
  readonly maxSessions?: number | undefined
  /** `dashed` is `X-Concurrency-Limit-*`, `joined` is `X-ConcurrencyLimit-*`. Default: `dashed`. */
  readonly concurrencyHeaders?: "dashed" | "joined" | undefined
  /** Leaves `X-RateLimit-*` off a block for concurrency (CODE 1960), as the vendor may. Default: false. */
  readonly bareConcurrencyBlocks?: boolean | undefined
}

/**
 * A client that Qualys manages.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client extends State.Client {}

/** An answer that a test prescribes. */
interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

/** What the fake has counted. A call is a request to an API; `/auth` and the session call are logins, not calls. */
interface Stats {
  /** Calls whose credentials were accepted, whatever the answer. */
  readonly requests: number
  /** JWTs and sessions issued. */
  readonly logins: number
  /** Always 0: Qualys has no refresh tokens, a renewal is a new login. */
  readonly refreshes: number
  /** Sessions closed by `action=logout`. */
  readonly logouts: number
  /** Calls answered 401, or with a 200 that refuses the credentials or the account. */
  readonly refused: number
  /** Requests to `/auth` and to the session call, logouts among them, whatever the answer. */
  readonly attempts: number
  /** Calls answered 409 or 429. */
  readonly blocked: number
  /** How many calls the server executed, by method and path, such as `POST /api/2.0/fo/scan/`. */
  readonly executed: Readonly<Record<string, number>>
  /** The most calls that ran at once, by path. */
  readonly maxInFlight: Readonly<Record<string, number>>
  readonly openSessions: number
}

/**
 * A running fake: what serves it, what it has counted, and what changes its behaviour.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The fake as an app, for `FakeServer.serve`. */
  readonly app: HttpApp.Default
  /** A client that reaches the fake in memory. */
  readonly httpClient: HttpClient.HttpClient
  readonly stats: Effect.Effect<Stats>
  /** Ends every JWT and every session. */
  readonly revokeAll: Effect.Effect<void>
  /** From now on this is the account's password. Tokens and sessions stay good. */
  readonly changePassword: (username: string, password: string) => Effect.Effect<void>
  /**
   * Answers the next call with accepted credentials (or the next login), which is neither executed nor metered. Answers
   * given earlier come first.
   */
  readonly answerNext: (answer: Answer, on?: "call" | "login") => Effect.Effect<void>
  /** Answers the next `n` calls (or logins) with an HTML page of this status, as a proxy in front of the server does. */
  readonly failNext: (n: number, status: number, on?: "call" | "login") => Effect.Effect<void>
  /** Takes `n` calls of the endpoint's quota now, as another user of the same subscription does. */
  readonly spend: (path: string, n: number) => Effect.Effect<void>
}

/**
 * The service tag of a fake Qualys platform.
 *
 * @since 0.1.0
 * @category tags
 */
export class FakeQualys extends Context.Tag("@effect-auth/testing/FakeQualys")<FakeQualys, Service>() {}

/**
 * The credentials that a fake accepts by default. They are canaries, for tests that search logs for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const canaries: { readonly username: string; readonly password: string } = {
  username: "canary-username-qualys",
  password: "canary-password-qualys"
}

/**
 * For `answerNext`: a 409 that waiting does not end, because the user has not completed the registration (CODE 2003).
 *
 * @since 0.1.0
 * @category constants
 */
export const registrationIncomplete: Answer = Answers.simpleReturn({
  status: 409,
  now: 0,
  code: 2003,
  text: "Registration must be completed before API requests will be served for this account."
})

/**
 * For `answerNext`: a 409 that waiting does not end, because the account requires SecureID (CODE 2011).
 *
 * @since 0.1.0
 * @category constants
 */
export const secureIdRequired: Answer = Answers.simpleReturn({
  status: 409,
  now: 0,
  code: 2011,
  text: "SecureID authentication is required for this account, so API access is blocked."
})

const limits = (options: EndpointLimits, defaults: Limits): Limits => ({
  limit: options.limit ?? defaults.limit,
  windowMillis: options.window === undefined ? defaults.windowMillis : Duration.toMillis(options.window),
  concurrency: options.concurrency ?? defaults.concurrency
})

const settingsOf = (options: Options): Settings => {
  const standard = limits(options, { limit: 300, windowMillis: 3_600_000, concurrency: 2 })
  const endpoints = HashMap.fromIterable(Object.entries(options.endpoints ?? {}))
  return {
    username: options.username ?? canaries.username,
    password: options.password ?? canaries.password,
    tokenLifetimeSeconds: Math.ceil(Duration.toSeconds(options.tokenLifetime ?? "4 hours")),
    externalBearers: options.externalBearers ?? [],
    clients: options.clients ?? {},
    clientAnswers: options.clientAnswers ?? "text",
    toWait: options.gatewayToWait ?? true,
    unknownJwt: options.unknownJwt ?? 401,
    accountState: options.accountState ?? "ok",
    maxSessions: options.maxSessions ?? 2,
    limitsOf: (path) => limits(HashMap.get(endpoints, path).pipe(Option.getOrElse(() => ({}))), standard),
    spelling: options.concurrencyHeaders ?? "dashed",
    bareConcurrencyBlocks: options.bareConcurrencyBlocks ?? false
  }
}

const statsOf = (state: State.State): Stats => ({
  ...state.counts,
  refreshes: 0,
  executed: Record.fromEntries(HashMap.entries(state.executed)),
  maxInFlight: Record.fromEntries(
    HashMap.entries(HashMap.map(state.usages, (usage) => usage.maxRunning))
  ),
  openSessions: state.sessions.length
})

/**
 * A fake in memory. `FakeServer.serve` puts its `app` on a socket.
 *
 * @example
 * ```ts
 * import * as FakeQualys from "@effect-auth/testing/FakeQualys"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const qualys = yield* FakeQualys.make({ limit: 10, window: "1 minute", callLatency: "2 seconds" })
 *   yield* qualys.spend("/api/2.0/fo/scan/", 9) // one call is left
 *   yield* qualys.answerNext(FakeQualys.secureIdRequired)
 *   return yield* qualys.stats
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.gen(function*() {
    const ref = yield* Ref.make(State.initial)
    const settings = yield* Ref.make(settingsOf(options))
    const { callLatency = 0, loginLatency = 0 } = options
    const callLatencyOf = typeof callLatency === "function" ? callLatency : () => callLatency

    const step = <A>(
      f: (state: State.State, now: number, settings: Settings) => readonly [A, State.State]
    ): Effect.Effect<A> =>
      Effect.flatMap(
        Effect.zip(Clock.currentTimeMillis, Ref.get(settings)),
        ([now, settings]) => Ref.modify(ref, (state) => f(state, now, settings))
      )

    const login = (facts: QualysRequest.Facts): Effect.Effect<Answers.Answer> =>
      Ref.update(ref, (state) => State.count(state, "attempts")).pipe(
        Effect.zipRight(Latency.pass(loginLatency)),
        Effect.zipRight(step((state, now, settings) => Login.login(settings, state, facts, now)))
      )

    // the call runs from here to its answer, or until its caller is interrupted
    const call = (facts: QualysRequest.Facts): Effect.Effect<Answers.Answer> =>
      Effect.acquireUseRelease(
        step((state, now, settings) => Calls.begin(settings, state, facts, now)),
        (answer) =>
          answer !== undefined ? Effect.succeed(answer) : Effect.zipRight(
            Latency.pass(callLatencyOf(facts.path)),
            step((state, now, settings) => [Calls.succeed(settings, state, facts, now), state])
          ),
        (answer) =>
          answer !== undefined
            ? Effect.void
            : Ref.update(ref, (state) => State.setUsage(state, facts.path, Quota.finish))
      ).pipe(Effect.tap((answer) => Ref.update(ref, (state) => State.record(state, answer))))

    const app: HttpApp.Default = QualysRequest.read.pipe(
      Effect.flatMap((facts) => {
        switch (facts.area) {
          case "misdirected":
            return Effect.succeed(Answers.html(404))
          case "login":
          case "client":
          case "session":
            return login(facts)
          default:
            return call(facts)
        }
      }),
      Effect.map(Answers.toResponse)
    )

    const script = (added: ReadonlyArray<State.Scripted>): Effect.Effect<void> =>
      Ref.update(ref, (state) => ({ ...state, scripted: [...state.scripted, ...added] }))

    return {
      app,
      httpClient: FakeServer.httpClient(app),
      stats: Effect.map(Ref.get(ref), statsOf),
      revokeAll: Ref.update(ref, (state) => ({ ...state, jwts: HashMap.empty(), sessions: [] })),
      changePassword: (username, password) =>
        Ref.update(settings, (settings) => settings.username === username ? { ...settings, password } : settings),
      answerNext: (answer, on = "call") => script([{ on, answer }]),
      failNext: (n, status, on = "call") =>
        script(Array.from({ length: n }, () => ({ on, answer: Answers.html(status) }))),
      spend: (path, n) =>
        step((state, now) => [undefined, State.setUsage(state, path, (usage) => Quota.spend(usage, n, now))])
    }
  })

/**
 * A fake, and the client that reaches it in memory, in place of a real transport. Each call gives another fake.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeQualys | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (fake) =>
      Context.make(FakeQualys, fake).pipe(Context.add(HttpClient.HttpClient, fake.httpClient)))
  )
