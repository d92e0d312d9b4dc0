/**
 * How a request with credentials on it is handed to the transport: redirects are not followed there. Of the platform's
 * transports only fetch follows them by itself, and takes credentials along.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"

export const execute = (
  client: HttpClient.HttpClient,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.mapInputContext(
    client.execute(request),
    (context: Context.Context<never>) =>
      Context.add(context, FetchHttpClient.RequestInit, {
        ...Context.getOrElse(context, FetchHttpClient.RequestInit, () => undefined),
        redirect: "manual"
      })
  )
