/**
 * The leak suite: every mode of authenticating through everything that can go wrong, under the leak detector. A case
 * runs one scenario of one mode over one transport, prints what comes out as a careless program does, and fails if a
 * secret shows anywhere.
 */
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as FakeServer from "../FakeServer.ts"
import * as VirtualClock from "../VirtualClock.ts"
import * as HostileServer from "./hostileServer.ts"
import type { Options } from "./leakDetector.ts"
import * as Detector from "./leakDetector.ts"
import type { Mode, Played, Scene } from "./leakModes.ts"
import type { Leak } from "./leakPatterns.ts"
import type { AnyError, Scenario } from "./leakScenarios.ts"
import { scenarios } from "./leakScenarios.ts"
import * as Relay from "./relay.ts"

/**
 * Real sockets for {@link suite}: the hostile server on one, with the mode's own, and the transports that reach it. Cases that share an
 * `HttpServer` must run one after another.
 *
 * @example
 * ```ts
 * import * as FakeServer from "@effect-auth/testing/FakeServer"
 * import type * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
 * import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
 * import type * as HttpServer from "@effect/platform/HttpServer"
 * import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
 * import * as Effect from "effect/Effect"
 *
 * // each case then needs an HttpServer, such as NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })
 * const sockets: LeakDetector.Sockets<HttpServer.HttpServer> = {
 *   serve: FakeServer.serve,
 *   reset: Effect.map(HttpServerRequest.HttpServerRequest, (request) =>
 *     NodeHttpServerRequest.toIncomingMessage(request).socket.destroy()),
 *   transports: { fetch: FetchHttpClient.layer, undici: NodeHttpClient.layerUndici }
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Sockets<R = never> {
  /** Serves the hostile server until the Scope closes, and returns its base URL, as `FakeServer.serve` does. */
  readonly serve: (app: HttpApp.Default) => Effect.Effect<string, never, R | Scope.Scope>
  /** Breaks the connection of a request. */
  readonly reset: Effect.Effect<unknown, never, HttpServerRequest.HttpServerRequest>
  /** By name. A layer that cannot be built is the failure of the scenario. */
  readonly transports: Readonly<Record<string, Layer.Layer<HttpClient.HttpClient, AnyError>>>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SuiteOptions<R = never> extends Options {
  /** Default: the suite runs in memory only. */
  readonly sockets?: Sockets<R> | undefined
}

/**
 * A test to hand to any test runner. Its effect brings its own Clock: virtual in memory, the real one over sockets.
 *
 * @since 0.1.0
 * @category models
 */
export interface Case<R = never> {
  readonly name: string
  readonly mode: string
  readonly scenario: string
  readonly transport: string
  readonly effect: Effect.Effect<void, LeakFound | CaseFailed | InvalidSetting, R>
}

/**
 * Raised when a secret shows where none may be.
 *
 * @since 0.1.0
 * @category errors
 */
export class LeakFound extends Data.TaggedError("LeakFound")<{
  /** The name of the case. */
  readonly name: string
  readonly leaks: ReadonlyArray<Leak>
}> {
  override get message(): string {
    return `${this.name}, but: ${
      this.leaks.map(({ encoding, secret, where }) => `${secret} (${encoding}) in ${where}`).join("; ")
    }`
  }
}

/**
 * Raised when a case proves nothing, because its scenario ended in another way or the detector saw nothing.
 *
 * @since 0.1.0
 * @category errors
 */
export class CaseFailed extends Data.TaggedError("CaseFailed")<{
  /** The name of the case. */
  readonly name: string
  readonly problem: string
}> {
  override get message(): string {
    return `${this.name}, but: ${this.problem}`
  }
}

/**
 * The cases of all modes: each mode through each scenario, in memory and over each transport of `sockets`. The server is
 * hostile: it repeats what it receives in bodies and `Location`, refuses, breaks off and redirects away. A case prints what
 * the client gives as a careless program would. It fails with `LeakFound` if a secret shows anywhere, and with
 * `CaseFailed` if it proves nothing.
 *
 * @example
 * ```ts
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import { inspect } from "node:util"
 *
 * declare const basic: LeakDetector.Mode
 * declare const ltpa: LeakDetector.Mode
 *
 * const cases = LeakDetector.suite({ "Basic": basic, "LTPA": ltpa }, {
 *   render: [(value) => inspect(value, { showHidden: true, depth: 10 })]
 * })
 *
 * // with @effect/vitest: for (const { effect, name } of cases) it.effect(name, () => effect)
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const suite = <R = never>(
  modes: Readonly<Record<string, Mode>>,
  options: SuiteOptions<R> = {}
): ReadonlyArray<Case<R>> =>
  Object.entries(modes).flatMap(([name, mode]) =>
    transportsOf(options).flatMap((transport) =>
      scenariosOf(mode).map(([what, scenario]) => {
        const over = transport.name === inMemory ? "" : ` over ${transport.name}`
        const title = `${name}${over} shows no secret when ${what}`
        return {
          name: title,
          mode: name,
          scenario: what,
          transport: transport.name,
          effect: runCase(title, mode, transport, what, scenario, options)
        }
      })
    )
  )

const inMemory = "memory"

/** How a case reaches the hostile server. */
interface Transport<R> {
  readonly name: string
  readonly reset: HostileServer.Options["reset"]
  readonly open: (mode: Mode, hostile: HostileServer.HostileServer) => Effect.Effect<Connection, never, R | Scope.Scope>
  readonly clock: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

interface Connection {
  readonly baseUrl: string
  readonly transport: Scene["transport"]
}

const memory: Transport<never> = {
  name: inMemory,
  reset: Effect.dieMessage("the connection was reset"), // a transport error by FakeServer
  open: ({ baseUrl }, hostile) =>
    Effect.succeed({ baseUrl, transport: (server) => Effect.succeed(inFrontOf(server, hostile)) }),
  clock: VirtualClock.run
}

const transportsOf = <R>({ sockets }: SuiteOptions<R>): ReadonlyArray<Transport<R>> => {
  if (sockets === undefined) return [memory]
  const overSockets = Object.entries(sockets.transports).map(([name, layer]): Transport<R> => ({
    name,
    reset: Effect.asVoid(sockets.reset),
    open: (mode, hostile) => overSocket(mode, hostile, sockets, layer),
    clock: Effect.withClock(Clock.make())
  }))
  return [memory, ...overSockets]
}

/** One socket for the hostile server and the mode's own one, which is there once the scenario begins. */
const overSocket = <R>(
  mode: Mode,
  hostile: HostileServer.HostileServer,
  sockets: Sockets<R>,
  layer: Layer.Layer<HttpClient.HttpClient, AnyError>
): Effect.Effect<Connection, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const { origin, pathname } = new URL(mode.baseUrl)
    const own = yield* Deferred.make<HttpClient.HttpClient>()
    const baseUrl = yield* sockets.serve(Effect.gen(function*() {
      const request = yield* HttpServerRequest.HttpServerRequest
      if (hostile.answers({ method: request.method, url: new URL(request.url, origin) })) return yield* hostile.app
      const client = yield* Deferred.await(own)
      return yield* Relay.app({ client, origin, reset: Effect.asVoid(sockets.reset) })
    }))
    return {
      baseUrl: baseUrl + pathname.replace(/\/$/u, ""),
      transport: (server) =>
        Effect.zipRight(
          Deferred.succeed(own, server),
          Effect.map(Layer.build(layer), Context.get(HttpClient.HttpClient))
        )
    }
  })

/** The suite's scenarios, but those of logins where there is none, and the mode's own. */
const scenariosOf = (mode: Mode): ReadonlyArray<readonly [what: string, scenario: Scenario | undefined]> => [
  ...Object.entries<Scenario>(scenarios).filter(([what, { login }]) =>
    (login === undefined || mode.login !== undefined) && !mode.skip.includes(what)
  ),
  ...mode.scenarios.map((what) => [what, undefined] as const)
]

const runCase = <R>(
  name: string,
  mode: Mode,
  transport: Transport<R>,
  what: string,
  scenario: Scenario | undefined,
  options: Options
): Effect.Effect<void, LeakFound | CaseFailed | InvalidSetting, R> =>
  Effect.gen(function*() {
    const detector = yield* Detector.make({ ...mode.secrets, ...HostileServer.secrets, [control]: control }, options)
    const hostile = yield* HostileServer.make({
      login: mode.login === undefined || scenario?.login === undefined
        ? undefined
        : { route: mode.login, failure: scenario.login },
      reset: transport.reset
    })
    const { baseUrl, transport: connect } = yield* transport.open(mode, hostile)
    const played = mode.play({
      setup: { baseUrl, redirects: scenario?.redirects },
      transport: scenario?.dyingTransport === true ? () => Effect.succeed(dying) : connect,
      run: scenario === undefined ? what : (client) => scenario.run(client, { baseUrl, prefix: mode.path })
    })
    const { exit, leaks } = yield* detector.watch(Effect.zipRight(printControl, Effect.tap(played, print)))
    const all = [
      ...leaks,
      ...(yield* hostile.heardElsewhere).flatMap((heard) => detector.inText("a request to another origin", heard))
    ]
    const controlled = new Set(all.filter(({ secret }) => secret === control).map(({ where }) => where))
    const found = all.filter(({ secret }) => secret !== control)
    if (found.length > 0) return yield* new LeakFound({ name, leaks: found })
    const blind = controlPlaces.filter((place) => !controlled.has(place))
    if (blind.length > 0) {
      return yield* new CaseFailed({ name, problem: `the detector saw nothing in: ${blind.join(", ")}` })
    }
    const problem = unexpected(scenario, mode, Exit.flatMap(exit, ({ exit }) => exit))
    if (problem !== undefined) return yield* new CaseFailed({ name, problem })
  }).pipe(Effect.scoped, transport.clock)

/** A client whose requests reach the hostile server where it answers them, and the other server where it does not. */
const inFrontOf = (
  server: HttpClient.HttpClient,
  hostile: HostileServer.HostileServer
): HttpClient.HttpClient => {
  const hostileClient = FakeServer.httpClient(hostile.app)
  return HttpClient.makeWith(
    Effect.flatMap((request) => {
      const url = HttpClientRequest.toUrl(request)
      const isHostile = Option.exists(url, (url) => hostile.answers({ method: request.method, url }))
      return (isHostile ? hostileClient : server).execute(request)
    }),
    Effect.succeed<HttpClientRequest.HttpClientRequest>
  )
}

/** Not made by the platform's constructor, whose own span would quote the defect before any client could hide it. */
const dying: HttpClient.HttpClient = HttpClient.makeWith<
  HttpClientError.HttpClientError,
  never,
  HttpClientError.HttpClientError,
  never
>(
  Effect.flatMap((request) =>
    Effect.die(Object.assign(new TypeError(`cannot send ${JSON.stringify(request.headers)}`), { request }))
  ),
  Effect.succeed
)

/** What a program does with what it gets: it prints it. */
const print = ({ exit, printed }: Played): Effect.Effect<void> =>
  Effect.forEach(printed === undefined ? [exit] : [exit, printed], (exit) =>
    Effect.gen(function*() {
      yield* Effect.logInfo("exit", exit)
      if (Exit.isFailure(exit)) {
        yield* Effect.logError("failed", exit.cause)
        yield* Effect.logError(Cause.pretty(exit.cause, { renderErrorCause: true }))
      } else {
        yield* Effect.logInfo(exit.value)
      }
      yield* Effect.annotateCurrentSpan("exit", exit)
    }).pipe(Effect.annotateLogs("exit", exit), Effect.withSpan("print", { attributes: { exit } })), { discard: true })

/** A secret that is printed on purpose, so that a detector that sees nothing is found out. */
const control = "canary-control-of-the-leak-suite"

const printControl = Effect.logInfo(control).pipe(Effect.withSpan("control", { attributes: { control } }))

const controlPlaces = ["string log", "logfmt log", "JSON log", "structured log", "console", "span attribute control"]

const outcomeOf = (exit: Exit.Exit<unknown, AnyError>): string =>
  Exit.match(exit, {
    onSuccess: () => "Success",
    onFailure: (cause) =>
      Cause.isInterruptedOnly(cause)
        ? "Interrupt"
        : Either.match(Cause.failureOrCause(cause), {
          onLeft: (error) => Predicate.hasProperty(error, "_tag") ? String(error._tag) : "Failure",
          onRight: () => "Defect"
        })
  })

/** Why a case proves nothing. No leak was found by then, so that the cause can be shown. */
const unexpected = (
  scenario: Scenario | undefined,
  mode: Mode,
  exit: Exit.Exit<unknown, AnyError>
): string | undefined => {
  const outcome = outcomeOf(exit)
  const ended = `ended with ${outcome}${Exit.isFailure(exit) ? ` (${Cause.pretty(exit.cause).split("\n")[0]})` : ""}`
  if (mode.mayEndWith.includes(outcome)) return undefined
  if (scenario === undefined) return outcome === "Defect" ? ended : undefined
  const expected = scenario.outcomes
  if (expected === undefined) {
    return ["Success", "Interrupt", "Defect"].includes(outcome) ? `${ended}, expected an error` : undefined
  }
  return expected.includes(outcome) ? undefined : `${ended}, expected ${expected.join(" or ")}`
}
