/**
 * The platform's `HttpClient`, bound to its origins and authenticated. A request goes one way: its origin is checked, a
 * rate limiter admits it, credentials are written on it, it is sent, its answer is reviewed, and everything that was
 * added is scrubbed from what comes back.
 *
 * @since 0.1.0
 */
import type * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import type * as Scope from "effect/Scope"
import type { AuthError, CallError, RateLimited, RedirectRefused, SetupError } from "./AuthError.ts"
import { InvalidSetting, isAuthError, isTransient } from "./AuthError.ts"
import * as AuthMode from "./AuthMode.ts"
import type { Inferred } from "./CredentialSource.ts"
import * as Fetch from "./internal/fetch.ts"
import type { Authenticator } from "./internal/request/activeCredentials.ts"
import * as Attempt from "./internal/request/attempt.ts"
import * as Sendable from "./internal/request/sendable.ts"
import * as Tracing from "./internal/request/tracing.ts"
import type { Service } from "./internal/service.ts"
import { AuthenticatedHttpClient } from "./internal/service.ts"
import * as OriginPolicy from "./OriginPolicy.ts"

export { AuthenticatedHttpClient, type Service }

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends OriginPolicy.Options {
  /**
   * Respects the server's quotas. One limiter may be shared by several clients whose requests the server counts
   * together. Default: quotas are not respected.
   */
  readonly rateLimiter?: RateLimiter.RateLimiter | undefined
  /**
   * How many redirects one request may follow. Each hop to an origin of the client gets credentials of its own, any
   * other goes out without a trace of them. Default: redirects are not followed, a redirect is an ordinary answer,
   * whatever the transport.
   */
  readonly redirects?: number | undefined
  /**
   * How often a refused request is sent again, and how much is read of what refuses it or redirects it. Default:
   * `ReplayPolicy.default`.
   */
  readonly replay?: ReplayPolicy.ReplayPolicy | undefined
  /** Headers for requests that do not set them, such as `accept`. */
  readonly defaultHeaders?: Readonly<Record<string, string>> | undefined
}

/**
 * What a client made with these options can fail with, beside the platform's `HttpClientError`.
 *
 * @since 0.1.0
 * @category models
 */
export type Failures<O> = CallError | When<O, "rateLimiter", RateLimited> | When<O, "redirects", RedirectRefused>

/**
 * Binds an authenticator to an origin. Fails with `InvalidSetting` or `InsecureTransport` if it cannot be used safely.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 *
 * const login = Token.make({ value: "eyJhbGciOi...", lifetime: "1 hour" })
 *
 * const acme = Effect.gen(function*() {
 *   const tokens = yield* TokenSource.make({ login })
 *   return yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
 *     baseUrl: "https://api.acme.example",
 *     redirects: 10
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options>(
  authenticator: Authenticator,
  options: O
): Effect.Effect<Service<Failures<O>>, SetupError, HttpClient.HttpClient> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- only what an option enables can fail, which the types of its branches do not show
  makeWidest(authenticator, options) as Effect.Effect<Service<Failures<O>>, SetupError, HttpClient.HttpClient>

const makeWidest = (
  authenticator: Authenticator,
  options: Options
): Effect.Effect<Service, SetupError, HttpClient.HttpClient> =>
  Effect.map(binderWidest(options), (bind) => bind(authenticator))

/**
 * Clients that differ in nothing but their authenticators, such as those of many users. The settings are checked once, and
 * a client costs no more than the object that it is.
 *
 * @since 0.1.0
 * @category constructors
 */
export const binder = <const O extends Options>(
  options: O
): Effect.Effect<(authenticator: Authenticator) => Service<Failures<O>>, SetupError, HttpClient.HttpClient> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- as in `make`
  binderWidest(options) as Effect.Effect<
    (authenticator: Authenticator) => Service<Failures<O>>,
    SetupError,
    HttpClient.HttpClient
  >

const binderWidest = (
  options: Options
): Effect.Effect<(authenticator: Authenticator) => Service, SetupError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const origins = yield* OriginPolicy.make(options)
    const shared: Omit<Attempt.Client, "authenticator"> = {
      transport: Tracing.make(yield* HttpClient.HttpClient),
      rateLimiter: options.rateLimiter,
      replay: options.replay ?? ReplayPolicy.default,
      redirects: options.redirects === undefined
        ? undefined
        : { origins: origins.origins, maxRedirects: options.redirects }
    }
    const withDefaults = yield* withDefaultHeaders(options.defaultHeaders)
    return (authenticator) => {
      const client: Attempt.Client = { authenticator, ...shared }
      return fromExecute((request) => {
        const admitted = OriginPolicy.admit(origins, withDefaults(request))
        if (Either.isLeft(admitted)) return Effect.fail(admitted.left)
        return Attempt.send(client, {
          request: admitted.right,
          attempted: "reuse",
          replays: 0,
          repeats: 0,
          redirects: 0
        })
      })
    }
  })

/**
 * What {@link layer} makes. It is inferred from the arguments alone, not from where it is used.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientLayer<Self = never, E = never, R = never> = Layer.Layer<
  AuthenticatedHttpClient | Inferred<Self>,
  Inferred<E> | SetupError,
  HttpClient.HttpClient | Exclude<Inferred<R>, Scope.Scope>
>

/**
 * A client as a layer: under the shared tag, and under the tag of the API if there is one. A program that talks to
 * several APIs names a tag for each.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Credential from "@effect-auth/core/Credential"
 * import * as Context from "effect/Context"
 * import * as Effect from "effect/Effect"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = AuthenticatedHttpClient.layer(
 *   Effect.map(Credential.bearerConfig("ACME"), (credential) => Authenticator.bearer(credential)),
 *   { baseUrl: "https://api.acme.example", client: Acme }
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, E = never, R = never>(
  authenticator: Authenticator | Effect.Effect<Authenticator, E, R>,
  options: Options & { readonly client?: Context.Tag<Self, Service> | undefined }
): ClientLayer<Self, E, R> => {
  const made = Effect.flatMap(
    Effect.isEffect(authenticator) ? authenticator : Effect.succeed(authenticator),
    (authenticator) => makeWidest(authenticator, options)
  )
  const layer = Layer.scopedContext(
    Effect.map(
      made,
      (service) => Context.merge(Context.make(AuthenticatedHttpClient, service), under(options.client, service))
    )
  )
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- the same type; unseen while they are open
  return layer as ClientLayer<Self, E, R>
}

/**
 * The layer of a system's mode: the shared client, the system's client, and the evidence of the mode. All three are one
 * client.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMode = <const Name extends string, Self, A extends Service, E, R>(
  options: { readonly mode: Name; readonly client: Context.Tag<Self, Service> },
  make: Effect.Effect<A, E, R>
): Layer.Layer<AuthenticatedHttpClient | Self | AuthMode.Evidence<Name>, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(make, (service) =>
      AuthMode.evidence(options.mode, service).pipe(
        Context.add(AuthenticatedHttpClient, service),
        Context.add(options.client, service)
      ))
  )

/**
 * Several systems in one program. Each keeps its own tags; the shared `AuthenticatedHttpClient`, which all of them claim,
 * is left out, so that a program cannot reach the wrong server by accident.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import type * as HttpClient from "@effect/platform/HttpClient"
 * import type * as Layer from "effect/Layer"
 *
 * declare const Mq: Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient | "Mq", never, HttpClient.HttpClient>
 * declare const Yamcs: Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient | "Yamcs", never, HttpClient.HttpClient>
 *
 * const Both = AuthenticatedHttpClient.mergeSystems(Mq, Yamcs) // Layer<"Mq" | "Yamcs", never, HttpClient>
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
// @effect-diagnostics-next-line anyUnknownInErrorContext:off -- the bound of any layer; the result keeps what each has
export const mergeSystems = <const Layers extends readonly [AnyLayer, ...Array<AnyLayer>]>(
  ...layers: Layers
): Layer.Layer<
  Exclude<{ [Key in keyof Layers]: Layer.Layer.Success<Layers[Key]> }[number], AuthenticatedHttpClient>,
  { [Key in keyof Layers]: Layer.Layer.Error<Layers[Key]> }[number],
  { [Key in keyof Layers]: Layer.Layer.Context<Layers[Key]> }[number]
> => Layer.map(Layer.mergeAll(...layers), Context.omit(AuthenticatedHttpClient))

/**
 * The authenticated client as the platform's `HttpClient`, for code that asks for one: the shared client, or that of a
 * tag. An error of this library becomes the cause of a `RequestError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: {
  (): Layer.Layer<HttpClient.HttpClient, never, AuthenticatedHttpClient>
  <Self>(client: Context.Tag<Self, Service>): Layer.Layer<HttpClient.HttpClient, never, Self>
} = (client: Context.Tag<AuthenticatedHttpClient, Service> = AuthenticatedHttpClient) =>
  Layer.effect(HttpClient.HttpClient, Effect.map(client, (service) => toHttpClient(service)))

/**
 * The authenticated client as the platform's `HttpClient`. An error of this library becomes the cause of a
 * `RequestError`, whose reason is `Transport` only if the same request may succeed later: `HttpClient.retryTransient`
 * repeats no refused password, and nothing else that is final.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toHttpClient = (client: Service): HttpClient.HttpClient =>
  fromExecute((request) =>
    Effect.mapError(client.execute(request), (error) =>
      isAuthError(error)
        ? new HttpClientError.RequestError({
          request,
          reason: reasonOf(error),
          cause: error,
          description: error.message
        })
        : error)
  )

/**
 * The authenticated client as the Web's `fetch`, for software that takes a fetch function. Relative URLs are below the
 * client's base URL. Aborting the signal interrupts the request, or the reading of its answer, which fail with the signal's
 * reason; a failure rejects with the client's error. Answers are streams, such as of server-sent events. Bodies that are
 * sent are read into memory first, so that they can be sent again, and so is the body of a `Request`; only a stream in
 * `init` stays one.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   const fetch = yield* AuthenticatedHttpClient.toFetch(client)
 *   return yield* Effect.promise(() => fetch("/reports/latest"))
 * })
 * ```
 *
 * @since 0.1.0
 * @category conversions
 */
export const toFetch = <E>(client: Service<E>): Effect.Effect<typeof globalThis.fetch> =>
  Effect.map(Effect.runtime<never>(), (runtime) => Fetch.make(client, runtime))

/** Of the platform's reasons, only `Transport` is one that its combinators take for transient. */
const reasonOf = (error: AuthError): "Transport" | "InvalidUrl" | "Encode" => {
  switch (error._tag) {
    case "CredentialUnavailable":
      return isTransient(error) ? "Transport" : "Encode"
    case "RateLimited":
      return "Transport"
    case "TokenEndpointError":
      // tried again by the token source already, and most likely a wrong base URL
      return error.reason !== "Unexpected" && isTransient(error) ? "Transport" : "Encode"
    case "TokenStoreError":
      return "Transport"
    case "OriginRefused":
      return "InvalidUrl"
    default:
      return "Encode"
  }
}

/** `Self` is `never` without a tag, which an empty context satisfies. */
const under = <Self>(tag: Context.Tag<Self, Service> | undefined, service: Service): Context.Context<Self> =>
  Context.unsafeMake<Self>(new Map(tag === undefined ? [] : [[tag.key, service]]))

type AnyLayer = Layer.Layer<never, unknown, unknown>

/** `E` if the options may have a value for `Key`. */
type When<O, Key extends string, E> = Key extends keyof O ? [O[Key]] extends [undefined] ? never : E : never

const withDefaultHeaders = (
  defaults: Options["defaultHeaders"]
): Either.Either<
  (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest,
  InvalidSetting
> => {
  const entries = Object.entries(defaults ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const)
  const problem = entries.map(([name, value]) => Sendable.headerProblem(name, value)).find(Predicate.isNotUndefined)
  if (problem !== undefined) {
    return Either.left(new InvalidSetting({ setting: "defaultHeaders", problem: `cannot be used: ${problem}` }))
  }
  return Either.right(
    entries.length === 0 ? (request) => request : (request) =>
      entries.reduce(
        (request, [name, value]) =>
          name in request.headers ? request : HttpClientRequest.setHeader(request, name, value),
        request
      )
  )
}

/**
 * A client that runs this for every attempt and every redirect, so that each of them is checked and authenticated anew.
 * A request that no combinator maps on its way here needs no effect around it.
 */
const fromExecute = <E>(
  execute: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, E>
): HttpClient.HttpClient.With<E> =>
  Object.assign(HttpClient.makeWith<never, never, E, never>(Effect.flatMap(execute), Effect.succeed), { execute })
