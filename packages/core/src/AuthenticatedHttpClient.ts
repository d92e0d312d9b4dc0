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
import { dual } from "effect/Function"
import * as Layer from "effect/Layer"
import * as MutableRef from "effect/MutableRef"
import type * as Scope from "effect/Scope"
import type { Authenticator, Places, Proof } from "./Authenticator.ts"
import type { AuthError, InsecureTransport, InvalidSetting } from "./AuthError.ts"
import { AuthenticationFailed, CredentialsRejected, isAuthError } from "./AuthError.ts"
import * as AuthEvent from "./AuthEvent.ts"
import * as AuthMode from "./AuthMode.ts"
import * as Body from "./internal/body.ts"
import * as Scrub from "./internal/scrub.ts"
import * as Telemetry from "./internal/telemetry.ts"
import * as Transport from "./internal/transport.ts"
import * as OriginPolicy from "./OriginPolicy.ts"
import * as RateLimit from "./RateLimit.ts"
import * as Redirect from "./Redirect.ts"
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
  /**
   * How the server's quotas are respected; default: not at all. A `Governor` is shared with the other clients that it is
   * given to, and can tell what it knows.
   */
  readonly limits?: RateLimit.Limits | RateLimit.Governor | undefined
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
    const plain = yield* HttpClient.HttpClient
    const transport = Transport.make(Telemetry.concealing(plain, authenticator.places))
    const origins = yield* OriginPolicy.make(options)
    const { maxReplays } = options.replay ?? ReplayPolicy.default
    const { ready } = authenticator

    const { limits } = options
    const governor = limits === undefined || "run" in limits ? limits : yield* RateLimit.make(limits)

    const send = (
      request: HttpClientRequest.HttpClientRequest,
      climbed: Rung,
      replays: number
    ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | AuthError> =>
      governor === undefined
        ? Effect.flatMap(authenticator.prove(request), (proof) => sendWith(proof, request, climbed, replays))
        : sendAdmitted(governor, request, climbed, replays)

    const sendWith = (
      proof: Proof,
      request: HttpClientRequest.HttpClientRequest,
      climbed: Rung,
      replays: number
    ): ReturnType<typeof send> =>
      Effect.matchCauseEffect(transport(proof.sign(request)), {
        onFailure: (cause) => Scrub.failure(cause, request),
        onSuccess: (response) => reviewed(request, proof, response, climbed, replays)
      })

    /** Each attempt that the quota admits is proved after the wait for that; the last one's proof is what is reviewed. */
    const sendAdmitted = (
      governor: RateLimit.Governor,
      request: HttpClientRequest.HttpClientRequest,
      climbed: Rung,
      replays: number
    ): ReturnType<typeof send> => {
      const latest = MutableRef.make<Proof | undefined>(undefined)
      const attempt = (proof: Proof) => {
        MutableRef.set(latest, proof)
        return transport(proof.sign(request))
      }
      const proved = (now: number) => {
        MutableRef.set(latest, undefined)
        const proof = ready?.(now)
        return proof === undefined ? Effect.flatMap(authenticator.prove(request), attempt) : attempt(proof)
      }
      return Effect.matchCauseEffect(governor.run(request, proved), {
        // without a proof nothing was sent
        onFailure: (cause) =>
          MutableRef.get(latest) === undefined ? Effect.failCause(cause) : Scrub.failure(cause, request),
        onSuccess: (response) => {
          const proof = MutableRef.get(latest)
          // a governor of the user's own may have known the answer already
          return proof === undefined
            ? Effect.succeed(Scrub.response(response, request))
            : reviewed(request, proof, response, climbed, replays)
        }
      })
    }

    const reviewed = (
      request: HttpClientRequest.HttpClientRequest,
      proof: Proof,
      response: HttpClientResponse.HttpClientResponse,
      climbed: Rung,
      replays: number
    ) => {
      const review = proof.review(response)
      switch (review._tag) {
        case "Accepted":
          return Effect.succeed(Scrub.response(response, request))
        case "Failed":
          return Effect.zipRight(Body.discard(response), Effect.fail(review.error))
        case "Refused":
          return refused(request, proof, response, climbed, replays)
      }
    }

    const refused = (
      request: HttpClientRequest.HttpClientRequest,
      proof: Proof,
      response: HttpClientResponse.HttpClientResponse,
      climbed: Rung,
      replays: number
    ) =>
      Effect.flatMap(proof.refuse(climbed), (rung) =>
        rung !== "fail" && replays < maxReplays && ReplayPolicy.isReplayable(request)
          ? Body.discard(response).pipe(
            Effect.zipRight(AuthEvent.publish(AuthEvent.AuthEvent.RequestReplayed({
              mode: proof.mode,
              status: response.status,
              rung
            }))),
            Effect.zipRight(send(request, rung, replays + 1))
          )
          : Effect.flatMap(proof.explain(Scrub.response(response, request)), (explanation) => {
            const facts = { ...explanation, mode: proof.mode, status: response.status }
            return Effect.zipRight(
              Body.discard(response),
              Effect.fail(
                rung === "fail" && replays === 0
                  ? new CredentialsRejected(facts)
                  : rung === "fail" || replays >= maxReplays
                  ? new AuthenticationFailed(facts)
                  : new AuthenticationFailed({ ...facts, detail: "the request's body cannot be sent a second time" })
              )
            )
          }))

    const client = fromExecute((request): ReturnType<typeof send> => {
      const admitted = OriginPolicy.admit(origins, request)
      if (Either.isLeft(admitted)) {
        return Effect.fail(admitted.left)
      }
      if (governor !== undefined || ready === undefined) {
        return send(admitted.right, "reuse", 0)
      }
      return Effect.clockWith((clock) => {
        const proof = ready(clock.unsafeCurrentTimeMillis())
        return proof === undefined
          ? send(admitted.right, "reuse", 0)
          : sendWith(proof, admitted.right, "reuse", 0)
      })
    })
    bindings.set(client, { transport: plain, origins: origins.origins, places: authenticator.places })
    return client
  })

/**
 * Follows redirects, as `Redirect.decide` rules: each hop to an origin of the client is signed anew, any other goes out
 * without a trace of the credentials. Without this a redirect is an ordinary answer, whatever the transport. Fails with
 * `RedirectRefused` where following is not safe, and after `maxRedirects` (default 10).
 *
 * Apply it to the authenticated client itself, before other combinators: it has to know where credentials may go.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   return yield* AuthenticatedHttpClient.followRedirects(client).get("/reports/latest")
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const followRedirects: {
  (maxRedirects?: number): (self: Service) => Service
  (self: Service, maxRedirects?: number): Service
} = dual(
  (args) => typeof args[0] === "object",
  (self: Service, maxRedirects = 10): Service => {
    const binding = bindings.get(self)
    const follow = (
      response: HttpClientResponse.HttpClientResponse,
      hop: Redirect.Hop
    ): ReturnType<Service["execute"]> => {
      const decision = binding === undefined
        ? Redirect.unbound(response)
        : Redirect.decide(hop, response, { ...binding, maxRedirects })
      switch (decision._tag) {
        case "Stay":
          return Effect.succeed(response)
        case "Refuse":
          return Effect.zipRight(Body.discard(response), Effect.fail(decision.error))
        case "Follow": {
          const { hop } = decision
          const answer = hop.authenticated || binding === undefined
            ? self.execute(hop.request)
            : Effect.matchCauseEffect(Transport.execute(binding.transport, hop.request), {
              onFailure: (cause) => Scrub.failure(cause, hop.request),
              onSuccess: (response) => Effect.succeed(Scrub.response(response, hop.request))
            })
          return Effect.zipRight(Body.discard(response), Effect.flatMap(answer, (response) => follow(response, hop)))
        }
      }
    }
    return fromExecute((request) =>
      Effect.flatMap(
        self.execute(request),
        (response) => follow(response, { request: response.request, authenticated: true, redirects: 0 })
      )
    )
  }
)

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

/**
 * What `followRedirects` has to know of a client. Not a property of it: whoever holds a client must not come by its
 * transport, which sends anything anywhere.
 */
interface Binding {
  readonly transport: HttpClient.HttpClient
  readonly origins: ReadonlyArray<string>
  readonly places: Places
}

const bindings = new WeakMap<Service, Binding>()

/**
 * A client that runs this for every attempt and every redirect, so that each of them is checked and signed anew. A request
 * that no combinator maps on its way here needs no effect around it.
 */
const fromExecute = <E>(
  execute: (request: HttpClientRequest.HttpClientRequest) => Effect.Effect<HttpClientResponse.HttpClientResponse, E>
): HttpClient.HttpClient.With<E> =>
  Object.assign(HttpClient.makeWith<never, never, E, never>(Effect.flatMap(execute), Effect.succeed), { execute })
