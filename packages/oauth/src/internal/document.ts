/** Public documents in JSON that a client reads before it knows whom to trust: metadata, key sets. Read within bounds. */
import type {
  ExchangeError,
  InsecureTransport,
  MalformedTokenResponse,
  TokenEndpointError
} from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"

/** Without credentials and without following a redirect. */
export const fetched = <A, I>(
  client: HttpClient.HttpClient,
  url: string,
  schema: Schema.Schema<A, I>,
  { endpoint = "the server of a public document", mode }: Pick<TokenEndpoint.Options, "endpoint" | "mode">
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
  )
}

export type Missing = TokenEndpointError | MalformedTokenResponse

/** Whether the document is not at that place, but may be at another. */
export const isMissing = (error: ExchangeError): error is Missing =>
  (error._tag === "TokenEndpointError" && error.reason === "Unexpected" && (error.status ?? 0) >= 400) ||
  // a server that answers every path with its page
  (error._tag === "MalformedTokenResponse" && error.foreign === true)

/** A URL that can be requested: https, or http on loopback; no fragment, no user information. A query is allowed. */
export const checkedUrl = (setting: string, url: string): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(
    Either.try({
      try: () => new URL(url),
      catch: () => new InvalidSetting({ setting, problem: "is not an absolute URL, such as https://host.example/path" })
    }),
    (parsed) =>
      url.includes("#")
        ? Either.left(new InvalidSetting({ setting, problem: "must not have a fragment" }))
        : Either.mapBoth(OriginPolicy.make({ baseUrl: `${parsed.protocol}//${authorityOf(parsed)}` }), {
          onLeft: (error) =>
            error._tag === "InvalidSetting" ? new InvalidSetting({ setting, problem: error.problem }) : error,
          onRight: () => parsed
        })
  )

const authorityOf = ({ host, password, username }: URL): string =>
  username === "" && password === "" ? host : `${username}:${password}@${host}`
