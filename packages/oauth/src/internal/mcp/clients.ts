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
import * as RedirectUris from "../redirectUris.ts"
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
  /** If it was registered. */
  readonly registered?: RegisteredClients.RegisteredClient | undefined
}

export interface Identities {
  /** A server that a session began with: a known client without an issuer is its. */
  readonly met: (issuer: string) => void
  /** `redirectUri`: where a login may end; `undefined` if a session goes on, or nobody logs in. */
  readonly of: (
    server: AuthorizationServer,
    redirectUri?: string
  ) => Effect.Effect<Identity, ExchangeError, HttpClient.HttpClient>
  /** Keeps the registered client that a session has begun as, which another process may have registered too. */
  readonly keep: (identity: Identity) => Effect.Effect<void, ExchangeError>
  /** Forgets a registered client, if nobody has registered another one since. */
  readonly forget: (client: RegisteredClients.RegisteredClient) => Effect.Effect<void, ExchangeError>
}

export const make = (
  { initialAccessToken, known = [], metadata, metadataUrl }: Clients,
  registered: RegisteredClients.Service,
  mode: string
): Identities => {
  const pinned = MutableRef.make<string | undefined>(undefined)
  const knownClients: ReadonlyArray<KnownClient> = "clientId" in known ? [known] : known

  const met = (issuer: string): void => {
    if (MutableRef.get(pinned) === undefined) MutableRef.set(pinned, issuer)
  }

  const knownAt = (issuer: string): KnownClient | undefined =>
    knownClients.find((client) => client.issuer === issuer) ??
      knownClients.find((client) => {
        if (client.issuer !== undefined) return false
        met(issuer)
        return MutableRef.get(pinned) === issuer
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
        Effect.catchTags(
          Registration.register(server, { ...metadata, redirectUris: [redirectUri] }, { mode, initialAccessToken }),
          {
            InvalidSetting: ({ message }) => unavailable(mode, message),
            InsecureTransport: ({ message }) => unavailable(mode, message)
          }
        ),
        registered.set
      )

  return {
    met,
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
        const isGood = kept !== undefined && !(yield* RegisteredClients.isExpired(kept)) &&
          RedirectUris.mayUse(kept.redirectUris, redirectUri === undefined ? [] : [redirectUri])
        const client = isGood ? kept : yield* registeredAnew(server, redirectUri)
        const authentication = yield* Effect.mapError(
          RegisteredClients.authentication(client),
          ({ problem }) => new MalformedTokenResponse({ mode, detail: `the registered client ${problem}` })
        )
        return { clientId: client.clientId, authentication, registered: client }
      })
    },
    keep: ({ registered: client }) =>
      client === undefined
        ? Effect.void
        : Effect.flatMap(
          registered.get(client.issuer),
          (kept) => Option.exists(kept, isSame(client)) ? Effect.void : registered.set(client)
        ),
    forget: (client) =>
      Effect.flatMap(
        registered.get(client.issuer),
        (kept) => Option.exists(kept, isSame(client)) ? registered.remove(client.issuer) : Effect.void
      )
  }
}

export const issuerOf = ({ issuer, tokenEndpoint }: AuthorizationServer): string => issuer ?? tokenEndpoint

const isSame = (client: RegisteredClients.RegisteredClient) => (other: RegisteredClients.RegisteredClient): boolean =>
  client.clientId === other.clientId

const unavailable = (mode: string, problem: string) =>
  Effect.fail(new CredentialUnavailable({ mode, problem, final: true }))
