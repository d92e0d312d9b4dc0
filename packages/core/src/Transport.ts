/**
 * What an authenticated client needs to know about the `HttpClient` below it.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as ManualRedirect from "./internal/request/manualRedirect.ts"

/**
 * Declares that this very client never follows a redirect by itself, as those over `node:http` and undici do not. An
 * authenticated client then sends requests through it without switching redirects off for each one, which saves most of
 * its cost. Clients derived from it by combinators are not covered by the declaration. Never declare it for fetch: fetch
 * follows redirects, and would take an API key in a custom header to another host.
 *
 * @example
 * ```ts
 * import * as Transport from "@effect-auth/core/Transport"
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * const Undici = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, Transport.withoutRedirects)).pipe(
 *   Layer.provide(NodeHttpClient.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const withoutRedirects = (client: HttpClient.HttpClient): HttpClient.HttpClient => ManualRedirect.mark(client)
