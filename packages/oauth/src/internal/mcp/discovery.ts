/** From the URL of an MCP server to the authorization server that issues its tokens. */
import type { ExchangeError, InsecureTransport, InvalidSetting, OriginRefused } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import type { Challenge } from "@effect-auth/core/Challenge"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import type { ProtectedResource } from "../../ProtectedResource.ts"
import * as ProtectedResources from "../../ProtectedResource.ts"
import * as Discovery from "../discovery.ts"
import * as Document from "../document.ts"
import type { AuthorizationServer } from "../server.ts"
import * as PrivateAddress from "./privateAddress.ts"

export interface Options {
  readonly mode: string
  readonly url: string
  readonly metadataOrigins: ReadonlyArray<string>
  readonly authorizationServer: ((metadata: ProtectedResource) => string) | undefined
  readonly withoutMetadata: boolean
}

/** What is known of the server after a refusal. `inUse`: the issuer of the session that goes on, if there is one. */
export const resource = (
  { authorizationServer, metadataOrigins, mode, url, withoutMetadata }: Options,
  challenges: ReadonlyArray<Challenge>,
  inUse: string | undefined
): Effect.Effect<
  { readonly metadata: ProtectedResource; readonly issuer: string },
  ExchangeError,
  HttpClient.HttpClient
> =>
  ProtectedResources.discover(url, { mode, challenges, origins: metadataOrigins }).pipe(
    Effect.catchAll((error) =>
      withoutMetadata && isAnswer(error) && Document.isMissing(error)
        ? Effect.succeed(ownMetadata(url))
        : Effect.fail(error)
    ),
    Effect.mapError(settled(mode)),
    Effect.map((metadata) => ({
      metadata,
      issuer: authorizationServer?.(metadata) ??
        ProtectedResources.authorizationServer(metadata, inUse === undefined ? [] : [inUse])
    }))
  )

/** The metadata of an authorization server that an MCP server named. */
export const server = (
  { mode, url, withoutMetadata }: Options,
  issuer: string
): Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient> =>
  PrivateAddress.isBehind(url, issuer)
    ? neighbour(mode)
    : Discovery.discover(issuer, { mode }).pipe(
      Effect.catchAll((error) =>
        withoutMetadata && error._tag === "TokenEndpointError" && error.reason === "Unexpected" &&
          issuer === new URL(url).origin
          ? Effect.succeed(ownServer(issuer))
          : Effect.fail(error)
      ),
      Effect.mapError(settled(mode)),
      Effect.filterOrElse(
        (server) => !endpoints(server).some((endpoint) => PrivateAddress.isBehind(url, endpoint)),
        () => neighbour(mode)
      )
    )

const neighbour = (mode: string) =>
  Effect.fail(
    new MalformedTokenResponse({
      mode,
      detail: "the authorization server has a private address, although the MCP server has none"
    })
  )

/** What is asked by this program. The authorization endpoint is for a browser, but one on the person's own machine. */
const endpoints = (server: AuthorizationServer): ReadonlyArray<string> =>
  [
    server.tokenEndpoint,
    server.authorizationEndpoint,
    server.registrationEndpoint,
    server.revocationEndpoint,
    server.mtlsEndpoints?.token,
    server.mtlsEndpoints?.revocation
  ].filter((endpoint) => endpoint !== undefined)

/** The edition of 2025-03-26: the server is its own authorization server. */
const ownMetadata = (url: string): ProtectedResource => ({
  resource: url,
  authorizationServers: [new URL(url).origin],
  dpopRequired: false,
  certificateRequired: false
})

/** Its places, where it publishes none. */
const ownServer = (origin: string): AuthorizationServer => ({
  issuer: origin,
  authorizationEndpoint: `${origin}/authorize`,
  tokenEndpoint: `${origin}/token`,
  registrationEndpoint: `${origin}/register`,
  codeChallengeMethods: ["S256"]
})

type Trouble = ExchangeError | InvalidSetting | InsecureTransport | OriginRefused

const isAnswer = (error: Trouble): error is ExchangeError =>
  error._tag === "TokenEndpointError" || error._tag === "MalformedTokenResponse"

/** What a server's documents say is no setting of this program. */
const settled = (mode: string) => (error: Trouble): ExchangeError =>
  error._tag === "InvalidSetting" || error._tag === "InsecureTransport" || error._tag === "OriginRefused"
    ? new MalformedTokenResponse({
      mode,
      ...("url" in error && error.url !== undefined ? { url: OriginPolicy.addressOf({ url: error.url }) } : undefined),
      detail: error.message
    })
    : error
