/** Authorization requests that the server has before the person comes, so that a browser shows nothing of them (RFC 9126). */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { TokenEndpointError } from "@effect-auth/core/AuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { AuthorizationServer } from "./server.ts"
import type { OAuthClient } from "./tokenRequest.ts"
import * as TokenRequest from "./tokenRequest.ts"

/** Whether a request is pushed, if a program leaves that to the server. */
export const isRequired = ({ requiresPushedRequests }: AuthorizationServer): boolean => requiresPushedRequests === true

/** The URL that takes the place of one that holds the whole request. The server forgets it in a minute or so. */
export const push = (
  client: OAuthClient,
  request: string
): Effect.Effect<string, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { mode, server: { authorizationEndpoint = request, pushedAuthorizationRequestEndpoint: endpoint } } = client
    if (endpoint === undefined) {
      return yield* new TokenEndpointError({
        mode,
        reason: "Unexpected",
        final: true,
        endpoint: "the authorization server",
        detail: "it has no endpoint for pushed authorization requests"
      })
    }
    const url = new URL(authorizationEndpoint)
    const parameters = beyond(url, new URL(request))
    const { answer } = yield* TokenRequest.ask(client, endpoint, parameters, Answer, {
      mode,
      endpoint: "the endpoint for pushed authorization requests",
      dialect: TokenRequest.oauth
    })
    for (const id of parameters["client_id"] ?? []) url.searchParams.append("client_id", id)
    url.searchParams.append("request_uri", answer.request_uri)
    return url.href
  })

/** The parameters of the request that its endpoint does not have by itself. */
const beyond = (endpoint: URL, { searchParams }: URL): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    [...new Set(searchParams.keys())]
      .filter((name) => !endpoint.searchParams.has(name))
      .map((name) => [name, searchParams.getAll(name)])
  )

const Answer = Schema.Struct({ request_uri: Schema.NonEmptyString })
