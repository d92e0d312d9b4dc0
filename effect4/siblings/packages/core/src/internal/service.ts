/**
 * By hand for Effect 4, whose clients can be used in place of others that fail with the same errors only, because of the
 * type of `postprocess`. Here it is a method, so that a client that fails with less can be used as one that fails with more.
 *
 * The authenticated client as a service, below everything that provides or requires it.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type { ClientError } from "../AuthError.ts"

/**
 * An `HttpClient` whose requests are authenticated, narrowed by what it can fail with. The default is the widest, which
 * is what every tag holds.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service<E = ClientError>
  extends Omit<HttpClient.HttpClient.With<HttpClientError.HttpClientError | E>, "postprocess">
{
  postprocess(
    request: Effect.Effect<HttpClientRequest.HttpClientRequest, HttpClientError.HttpClientError | E>
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | E>
}

/**
 * The client of a program that talks to one system. A program that talks to several uses each system's own tag.
 *
 * @since 0.1.0
 * @category tags
 */
export class AuthenticatedHttpClient
  extends Context.Service<AuthenticatedHttpClient, Service>()("@effect-auth/core/AuthenticatedHttpClient")
{}
