/** Who an MCP client is at an authorization server: known there, named by a metadata document, or registered with it. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { ClientAuthentication } from "../../ClientAuthentication.ts"
import * as ClientAuthentications from "../../ClientAuthentication.ts"
import type { ClientMetadata } from "../../ClientMetadata.ts"
import * as RegisteredClients from "../../RegisteredClients.ts"
import * as Registration from "../../Registration.ts"
import type { AuthorizationServer } from "../server.ts"

/**
 * What is tried in this order: a client that the server knows, the URL of a metadata document where the server takes one,
 * and registration.
 *
 * @since 0.1.0
 * @category models
 */
export interface Clients {
  readonly known?: KnownClient | ReadonlyArray<KnownClient> | undefined
  /** The client's id where servers take the URL of a document; see `ClientMetadata.document`. */
  readonly metadataUrl?: string | undefined
  /** What a server is told of the client that it registers, beside the redirect URI. */
  readonly metadata?: Omit<ClientMetadata, "redirectUris"> | undefined
  /** What lets the client register where that is not open to all. */
  readonly initialAccessToken?: Redacted.Redacted | undefined
}

/**
 * A client that an authorization server knows.
 *
 * @since 0.1.0
 * @category models
 */
export interface KnownClient {
  /** Whose client it is. Default: that of the first server met; it is not shown to another one. */
  readonly issuer?: string | undefined
  readonly clientId: string
  readonly clientSecret?: Redacted.Redacted | undefined
  /** Default: by the secret, as the server's metadata allows; without one not at all. */
  readonly authentication?: ClientAuthentication | undefined
}

/** A client at one server. */
export interface Identity {
  readonly clientId: string
  readonly authentication: ClientAuthentication
}

export interface Identities {
  /** `redirectUri`: where a login may end; `undefined` if a session goes on, or nobody logs in. */
  readonly of: (
    server: AuthorizationServer,
    redirectUri?: string
  ) => Effect.Effect<Identity, ExchangeError, HttpClient.HttpClient>
  /** Forgets who was registered, and says whether anybody was. */
  readonly forget: (server: AuthorizationServer) => Effect.Effect<boolean, ExchangeError>
}

export const make = (
  { initialAccessToken, known = [], metadata, metadataUrl }: Clients,
  registered: RegisteredClients.Service,
  mode: string
): Identities => {
  const pinned = MutableRef.make<string | undefined>(undefined)
  const knownClients: ReadonlyArray<KnownClient> = "clientId" in known ? [known] : known

  const knownAt = (issuer: string): KnownClient | undefined =>
    knownClients.find((client) => client.issuer === issuer) ??
      knownClients.find((client) => {
        if (client.issuer !== undefined) return false
        const first = MutableRef.get(pinned) ?? issuer
        MutableRef.set(pinned, first)
        return first === issuer
      })

  const registeredAnew = (
    server: AuthorizationServer,
    redirectUri: string | undefined
  ): Effect.Effect<RegisteredClients.RegisteredClient, ExchangeError, HttpClient.HttpClient> =>
    redirectUri === undefined || server.registrationEndpoint === undefined
      ? unavailable(
        mode,
        `${
          issuerOf(server)
        } knows no client of this program and registers none: ask its operator for an id, and give it ` +
          "as `clients.known`"
      )
      : Effect.tap(
        Effect.catchTag(
          Registration.register(server, { ...metadata, redirectUris: [redirectUri] }, { mode, initialAccessToken }),
          "InvalidSetting",
          ({ message }) => unavailable(mode, message)
        ),
        registered.set
      )

  return {
    of: (server, redirectUri) => {
      const issuer = issuerOf(server)
      const client = knownAt(issuer)
      if (client !== undefined) {
        return Effect.succeed({
          clientId: client.clientId,
          authentication: client.authentication ?? ClientAuthentications.forSecret(client.clientSecret, server)
        })
      }
      if (metadataUrl !== undefined && server.clientMetadataDocuments === true) {
        return Effect.succeed({
          clientId: metadataUrl,
          authentication: ClientAuthentications.none
        })
      }
      if (knownClients.length > 0 && (metadata === undefined || server.registrationEndpoint === undefined)) {
        return unavailable(mode, `none of the known clients is one of ${issuer}`)
      }
      return Effect.gen(function*() {
        const kept = Option.getOrUndefined(yield* registered.get(issuer))
        const isGood = kept !== undefined && !(yield* RegisteredClients.isExpired(kept))
        const client = isGood ? kept : yield* registeredAnew(server, redirectUri)
        const authentication = yield* Effect.mapError(
          RegisteredClients.authentication(client),
          ({ problem }) => new MalformedTokenResponse({ mode, detail: `the registered client ${problem}` })
        )
        return { clientId: client.clientId, authentication }
      })
    },
    forget: (server) =>
      Effect.flatMap(
        registered.get(issuerOf(server)),
        (kept) => Effect.as(registered.remove(issuerOf(server)), Option.isSome(kept))
      )
  }
}

export const issuerOf = ({ issuer, tokenEndpoint }: AuthorizationServer): string => issuer ?? tokenEndpoint

const unavailable = (mode: string, problem: string) =>
  Effect.fail(new CredentialUnavailable({ mode, problem, final: true }))
