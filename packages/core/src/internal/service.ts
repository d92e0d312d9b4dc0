/** The authenticated client as a service, below everything that provides or requires it. */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Context from "effect/Context"
import type { ClientError } from "../AuthError.ts"

/**
 * An `HttpClient` whose requests are authenticated, narrowed by what it can fail with. The default is the widest, which
 * is what every tag holds.
 *
 * @since 0.1.0
 * @category models
 */
export type Service<E = ClientError> = HttpClient.HttpClient.With<HttpClientError.HttpClientError | E>

/**
 * The client of a program that talks to one system. A program that talks to several uses each system's own tag.
 *
 * @since 0.1.0
 * @category tags
 */
// @effect-diagnostics-next-line deterministicKeys:off -- the key names the public module, not this internal one
export class AuthenticatedHttpClient
  extends Context.Tag("@effect-auth/core/AuthenticatedHttpClient")<AuthenticatedHttpClient, Service>()
{}
