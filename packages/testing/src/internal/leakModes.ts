/** A mode of authenticating, as the leak suite plays it: its secrets, its client, its own server and scenarios. */
import { AuthenticatedHttpClient, type Service } from "@effect-auth/core/AuthenticatedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as FakeServer from "../FakeServer.ts"
import type { Secrets } from "./leakDetector.ts"
import type { AnyError, ScenarioName } from "./leakScenarios.ts"

/**
 * What the client of a case is made with.
 *
 * @since 0.1.0
 * @category models
 */
export interface Setup {
  readonly baseUrl: string
  /** How many redirects the client follows; `undefined`: none. */
  readonly redirects: number | undefined
}

/**
 * A client, and what else a program might print.
 *
 * @since 0.1.0
 * @category models
 */
export interface Subject {
  readonly client: Service
  /** Such as the credential, the token source's state, or the token itself. Its result is printed after each scenario. */
  readonly print?: Effect.Effect<unknown, AnyError> | undefined
}

/**
 * A mode of authenticating, as the suite needs to know it. `R` are the services of a fake server.
 *
 * @since 0.1.0
 * @category models
 */
export interface ModeOptions<R = never> {
  /** The secrets of the mode by name, those that a fake server issues among them. */
  readonly secrets: Secrets
  /**
   * The client, as an Effect or as the layer of a system's mode. It must send its requests through the `HttpClient` of
   * the context. It is made anew for each case.
   */
  readonly client: (setup: Setup) =>
    | Effect.Effect<Service | Subject, AnyError, HttpClient.HttpClient | Scope.Scope | R>
    | Layer.Layer<AuthenticatedHttpClient, AnyError, HttpClient.HttpClient | R>
  /**
   * The client's base URL where the server is in memory; on a socket, its path alone. Default: `https://leaks.example`.
   */
  readonly baseUrl?: string | undefined
  /** Where below the base URL the suite's requests go, such as `/api`. Default: directly below it. */
  readonly path?: string | undefined
  /**
   * The route of the mode's login, such as `POST /auth/token`. With it, the suite also runs logins that go wrong. A route
   * that ends in `/hostile/token` is answered as an OAuth token endpoint does.
   */
  readonly login?: string | undefined
  /**
   * What any scenario may end with besides what is expected of it: a tag of an error, such as `CredentialsRejected` where
   * the secret is a wrong one, or `Success`, `Interrupt`, `Defect`.
   */
  readonly mayEndWith?: ReadonlyArray<string> | undefined
  /** Scenarios of the suite that say nothing about this mode. */
  readonly skip?: ReadonlyArray<ScenarioName> | undefined
  /** Further scenarios, by what happens in them, to be read after "when". They may end in any way but a defect. */
  readonly scenarios?: Readonly<Record<string, (client: Service) => Effect.Effect<unknown, AnyError, R>>> | undefined
}

/**
 * A mode for {@link suite}, made by {@link mode} or {@link modeWith}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mode {
  readonly secrets: Secrets
  readonly baseUrl: string
  readonly path: string
  readonly login: string | undefined
  readonly mayEndWith: ReadonlyArray<string>
  readonly skip: ReadonlyArray<string>
  readonly scenarios: ReadonlyArray<string>
  /** Makes the client and runs a scenario, one of its own by name. Whatever fails is the exit of what is played. */
  readonly play: (scene: Scene) => Effect.Effect<Played>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Scene {
  readonly setup: Setup
  /** The transport of the client, which hands on to the mode's own server what is not the hostile server's. */
  readonly transport: (
    server: HttpClient.HttpClient
  ) => Effect.Effect<HttpClient.HttpClient, AnyError, Scope.Scope>
  readonly run: string | ((client: Service) => Effect.Effect<unknown, AnyError>)
}

/**
 * What a program could print at the end.
 *
 * @since 0.1.0
 * @category models
 */
export interface Played {
  readonly exit: Exit.Exit<unknown, AnyError>
  readonly printed: Exit.Exit<unknown, AnyError> | undefined
  readonly subject: Subject | undefined
}

/**
 * A mode whose every request the hostile server answers.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import * as Redacted from "effect/Redacted"
 *
 * const password = Redacted.make("canary-password")
 *
 * const basic = LeakDetector.mode({
 *   secrets: { password },
 *   client: (setup) => AuthenticatedHttpClient.make(Authenticator.basic({ username: "operator", password }), setup)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const mode = (options: ModeOptions): Mode => modeWith(nothingElse, options)

/**
 * A mode of a system with a fake server, which answers what the hostile server does not: logins, and what the mode's own
 * scenarios ask for. Each case gets a fake of its own. Over sockets its client has to take the base URL of the `setup`,
 * which is on a loopback address and ends like `baseUrl`.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import type * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 * import type * as Layer from "effect/Layer"
 *
 * // the layer of a mode, here of IBM MQ
 * declare const layerLtpa: (
 *   options: LeakDetector.Setup
 * ) => Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, Error, HttpClient.HttpClient>
 *
 * const ltpa = LeakDetector.modeWith(FakeMqweb.layer({ csrf: "echo" }), {
 *   secrets: { password: "canary-password-mq", cookie: "canary-token-mq" },
 *   client: layerLtpa,
 *   baseUrl: "https://mq.example:9443/ibmmq/rest/v3",
 *   login: "POST /ibmmq/rest/v3/login",
 *   scenarios: {
 *     "the server's keys are replaced": (client) =>
 *       Effect.gen(function*() {
 *         const server = yield* FakeMqweb.FakeMqweb
 *         const before = yield* Effect.exit(client.get("/admin/qmgr"))
 *         yield* server.revokeAll
 *         return [before, yield* Effect.exit(client.get("/admin/qmgr"))]
 *       })
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const modeWith = <R>(
  server: Layer.Layer<R | HttpClient.HttpClient>,
  options: ModeOptions<R>
): Mode => ({
  secrets: options.secrets,
  baseUrl: options.baseUrl ?? "https://leaks.example",
  path: options.path ?? "",
  login: options.login,
  mayEndWith: options.mayEndWith ?? [],
  skip: options.skip ?? [],
  scenarios: Object.keys(options.scenarios ?? {}),
  play: (scene) => Effect.scoped(play(server, options, scene))
})

const play = <R>(
  server: Layer.Layer<R | HttpClient.HttpClient>,
  options: ModeOptions<R>,
  { run, setup, transport }: Scene
): Effect.Effect<Played, never, Scope.Scope> =>
  Effect.gen(function*() {
    const services = yield* Layer.build(server)
    const made = yield* transport(Context.get(services, HttpClient.HttpClient)).pipe(
      Effect.flatMap((transport) =>
        Effect.provide(build(options.client(setup)), Context.add(services, HttpClient.HttpClient, transport))
      ),
      Effect.exit
    )
    if (Exit.isFailure(made)) return { exit: made, printed: undefined, subject: undefined }
    const subject = made.value
    const scenario = typeof run === "string" ? options.scenarios?.[run] : run
    const exit = yield* Effect.suspend(() => scenario === undefined ? Effect.void : scenario(subject.client)).pipe(
      Effect.withSpan("scenario"),
      Effect.provide(services),
      Effect.exit
    )
    return { exit, printed: subject.print === undefined ? undefined : yield* Effect.exit(subject.print), subject }
  })

const build = <R>(
  made: ReturnType<ModeOptions<R>["client"]>
): Effect.Effect<Subject, AnyError, HttpClient.HttpClient | Scope.Scope | R> =>
  Effect.isEffect(made)
    ? Effect.map(made, (made) => "execute" in made ? { client: made } : made)
    : Effect.map(Layer.build(made), (context) => ({ client: Context.get(context, AuthenticatedHttpClient) }))

/** What is not the hostile server's, where there is no other server: nothing answers. */
const nothingElse = Layer.succeed(HttpClient.HttpClient, FakeServer.httpClient(Effect.dieMessage("no such server")))
