/**
 * The platform's HttpClient, bound to its origins and signed. A request goes one way: its origin is checked, it is
 * signed, sent, the answer reviewed, and scrubbed of everything that was added. A refusal renews the proof and sends
 * the request once more, as long as a higher rung of the ladder is left.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Authenticator, Proof } from "./Authenticator.ts"
import type { AuthError, InsecureTransport, InvalidSetting } from "./AuthError.ts"
import { AuthenticationFailed, CredentialsRejected, isAuthError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as AuthMode from "./AuthMode.ts"
import * as Scrub from "./internal/scrub.ts"
import * as Transport from "./internal/transport.ts"
import * as OriginPolicy from "./OriginPolicy.ts"
import * as ReplayPolicy from "./ReplayPolicy.ts"
import type { Rung } from "./TokenState.ts"

/**
 * An HttpClient whose requests are authenticated. Relative URLs are below the client's base URL.
 *
 * @since 0.1.0
 * @category models
 */
export type Service = HttpClient.HttpClient.With<HttpClientError.HttpClientError | AuthError>

/**
 * The client of a program that talks to one system. A program that talks to several gives each its own tag.
 *
 * @since 0.1.0
 * @category tags
 */
export class AuthenticatedHttpClient
  extends Context.Tag("@effect-auth/core/AuthenticatedHttpClient")<AuthenticatedHttpClient, Service>()
{}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends OriginPolicy.Options {
  readonly replay?: ReplayPolicy.ReplayPolicy | undefined
}

/**
 * Binds an authenticator to an origin. Fails with `InvalidSetting` or `InsecureTransport` when it could not be used
 * safely.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Authenticator from "@effect-auth/core/Authenticator"
 * import * as Token from "@effect-auth/core/Token"
 * import * as TokenSource from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const login = Token.make({ value: "eyJhbGciOi...", lifetime: "1 hour" })
 *
 * const Acme = Layer.scoped(AuthenticatedHttpClient.AuthenticatedHttpClient, Effect.gen(function*() {
 *   const tokens = yield* TokenSource.make({ login })
 *   return yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl: "https://api.acme.example" })
 * }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  authenticator: Authenticator,
  options: Options
): Effect.Effect<Service, InvalidSetting | InsecureTransport, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const transport = yield* HttpClient.HttpClient
    const origins = yield* OriginPolicy.make(options)
    const { maxReplays } = options.replay ?? ReplayPolicy.default

    const send = (
      request: HttpClientRequest.HttpClientRequest,
      climbed: Rung,
      replays: number
    ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | AuthError> =>
      Effect.flatMap(authenticator.prove(request), (proof) =>
        Effect.matchEffect(Transport.execute(transport, proof.sign(request)), {
          onFailure: (error) =>
            Effect.fail(Scrub.error(error, request)),
          onSuccess: (response) => {
            const review = authenticator.review(response)
            switch (review._tag) {
              case "Accepted":
                return Effect.succeed(Scrub.response(response, request))
              case "Failed":
                return Effect.zipRight(discard(response), Effect.fail(review.error))
              case "Refused":
                return refused(request, proof, response, climbed, replays)
            }
          }
        }))

    const refused = (
      request: HttpClientRequest.HttpClientRequest,
      proof: Proof,
      response: HttpClientResponse.HttpClientResponse,
      climbed: Rung,
      replays: number
    ) =>
      Effect.flatMap(proof.refuse(climbed), (rung) =>
        rung !== "fail" && replays < maxReplays && ReplayPolicy.isReplayable(request)
          ? discard(response).pipe(
            Effect.zipRight(AuthEvent.publish(AuthEvent.AuthEvent.RequestReplayed({
              mode: authenticator.mode,
              status: response.status,
              rung
            }))),
            Effect.zipRight(send(request, rung, replays + 1))
          )
          : Effect.flatMap(authenticator.explain(Scrub.response(response, request)), (explanation) => {
            const facts = { ...explanation, mode: authenticator.mode, status: response.status }
            return Effect.zipRight(
              discard(response),
              Effect.fail(
                rung === "fail" && replays === 0
                  ? new CredentialsRejected(facts)
                  : rung === "fail" || replays >= maxReplays
                  ? new AuthenticationFailed(facts)
                  : new AuthenticationFailed({ ...facts, detail: "the request's body cannot be sent a second time" })
              )
            )
          }))

    return fromExecute((request) => {
      const admitted = OriginPolicy.admit(origins, request)
      return Either.isLeft(admitted) ? Effect.fail(admitted.left) : send(admitted.right, "reuse", 0)
    })
  })

/**
 * The layer of a mode: its client, and the evidence that it is this mode.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMode = <const Name extends string, E, R>(
  mode: Name,
  make: Effect.Effect<Service, E, R>
): Layer.Layer<AuthenticatedHttpClient | AuthMode.AuthMode<Name>, E, Exclude<R, Scope.Scope>> =>
  Layer.scopedContext(
    Effect.map(make, (client) => Context.add(AuthMode.context(mode), AuthenticatedHttpClient, client))
  )

/**
 * The authenticated client as a plain `HttpClient`, for code that asks for one. An `AuthError` becomes the cause of a
 * `RequestError`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient, never, AuthenticatedHttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(AuthenticatedHttpClient, (client) => toHttpClient(client))
)

/**
 * @since 0.1.0
 * @category conversions
 */
export const toHttpClient = (client: Service): HttpClient.HttpClient =>
  fromExecute((request) =>
    Effect.mapError(client.execute(request), (error) =>
      isAuthError(error)
        ? new HttpClientError.RequestError({ request, reason: "Transport", cause: error, description: error.message })
        : error)
  )

/** The platform runs this for every attempt and every redirect, so that each of them is checked and signed anew. */
const fromExecute = <E>(
  execute: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, E>
): HttpClient.HttpClient.With<E> =>
  HttpClient.makeWith<never, never, E, never>(Effect.flatMap(execute), (request) => Effect.succeed(request))

/**
 * Reads what is left of a body that nobody will look at, so that its connection can be used again; 64 kB at the most. A
 * body that an explanation has read is no stream any more: some transports answer that with a defect.
 */
const discard = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<void> =>
  response.stream.pipe(
    Stream.mapAccum(0, (read, chunk) => [read + chunk.length, read + chunk.length]),
    Stream.takeUntil((read) => read >= 65_536),
    Stream.runDrain,
    Effect.ignore,
    Effect.catchAllDefect(() => Effect.void)
  )
