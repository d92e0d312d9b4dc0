/** Public documents in JSON that a client reads before it knows whom to trust: metadata, key sets. Read within bounds. */
import type { ExchangeError, MalformedTokenResponse, TokenEndpointError } from "@effect-auth/core/AuthError"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { inTime } from "./inTime.ts"

/** Without credentials and without following a redirect. */
export const fetched = <A, I>(
  client: HttpClient.HttpClient,
  url: string,
  schema: Schema.Schema<A, I>,
  { endpoint, mode }: Pick<TokenEndpoint.Options, "endpoint" | "mode">
): Effect.Effect<A, ExchangeError> => {
  const options: TokenEndpoint.Options = {
    mode,
    endpoint,
    // a document that is not there is looked for elsewhere; nobody is refused
    dialect: ({ status }) => status === 408 || status === 429 || status >= 500 ? "TryAgain" : "Unexpected"
  }
  return Effect.flatMap(
    TokenEndpoint.execute(client, HttpClientRequest.get(url, { acceptJson: true }), options),
    TokenEndpoint.json(schema, options)
  ).pipe(inTime({ mode, endpoint, url }))
}

/** A member that a document may lack. Servers whose framework writes every field write `null` for those they lack. */
export const member = <A, I>(schema: Schema.Schema<A, I>) => Schema.optionalWith(schema, { nullable: true })

export type Missing = TokenEndpointError | MalformedTokenResponse

/** Whether the document is not at that place, but may be at another. */
export const isMissing = (error: ExchangeError): error is Missing =>
  (error._tag === "TokenEndpointError" && error.reason === "Unexpected" && !isRedirect(error)) ||
  // a server that answers every path with its page
  (error._tag === "MalformedTokenResponse" && error.foreign === true)

/** It is not followed; without a status there was no answer. */
const isRedirect = ({ status = 300 }: TokenEndpointError): boolean => Math.floor(status / 100) === 3
