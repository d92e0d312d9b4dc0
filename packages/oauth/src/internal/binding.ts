/** The model of what binds tokens to a key. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { AuthorizationServer } from "./server.ts"

/**
 * The keys of one source.
 *
 * @since 0.1.0
 * @category models
 */
export interface Bindings {
  /** For new tokens. */
  readonly current: (server: AuthorizationServer) => Effect.Effect<Binding, ExchangeError>
  /** For the session of a token that a key was kept with. */
  readonly restore: (kept: Redacted.Redacted) => Effect.Effect<Binding, ExchangeError>
}

/**
 * A key that tokens are bound to.
 *
 * @since 0.1.0
 * @category models
 */
export interface Binding {
  /** The private key as a JWK in JSON; `undefined` if it is not kept with tokens. */
  readonly kept: Redacted.Redacted | undefined
  /** RFC 7638. */
  readonly thumbprint: Effect.Effect<string>
  /**
   * Asks an authorization server with a proof, and once more where it wants a nonce in it, which is no refusal (section
   * 8). `ask` makes a request of its own each time, has it proved, and sends it by the given client.
   */
  readonly ask: <A, R>(
    http: HttpClient.HttpClient,
    ask: (http: HttpClient.HttpClient, prove: Prove) => Effect.Effect<A, ExchangeError, R>
  ) => Effect.Effect<A, ExchangeError, R>
}

/**
 * Adds what proves a request.
 *
 * @since 0.1.0
 * @category models
 */
export type Prove = (
  request: HttpClientRequest.HttpClientRequest
) => Effect.Effect<HttpClientRequest.HttpClientRequest, ExchangeError>
