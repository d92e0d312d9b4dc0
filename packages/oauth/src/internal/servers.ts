/** The authorization server of a mode: given, or read from its issuer before it is first needed, and again after a while. */
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import { TokenEndpointError } from "@effect-auth/core/AuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { AuthorizationServer } from "../AuthorizationServer.ts"
import * as Discovery from "../AuthorizationServer.ts"

export interface Servers {
  /** The issuer, or where tokens are asked for: what tells the tokens of servers apart. */
  readonly origin: string
  readonly read: Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient>
  /** What is known may be outdated: the server no longer accepts the client. */
  readonly forget: Effect.Effect<void>
}

export const make = (
  server: string | AuthorizationServer,
  mode: string
): Effect.Effect<Servers, InvalidSetting | InsecureTransport> => {
  if (typeof server !== "string") {
    return Effect.map(Discovery.make(server), (server) => ({
      origin: server.issuer ?? server.tokenEndpoint,
      read: Effect.succeed(server),
      forget: Effect.void
    }))
  }
  return Effect.zipRight(
    Discovery.issuerUrl(server),
    Effect.map(
      Ref.make<{ readonly server: AuthorizationServer; readonly until: number } | undefined>(undefined),
      (known) => ({
        origin: server,
        read: Effect.flatMap(
          Effect.zip(Ref.get(known), Clock.currentTimeMillis),
          ([latest, now]) =>
            latest !== undefined && now < latest.until ?
              Effect.succeed(latest.server) :
              Discovery.discover(server, { mode }).pipe(
                Effect.catchTags({
                  // the settings were good: it is the document that is not
                  InvalidSetting: (error) => unusable(mode, error),
                  InsecureTransport: (error) => unusable(mode, error)
                }),
                Effect.tap((server) => Ref.set(known, { server, until: now + Duration.toMillis(lifetime) }))
              )
        ),
        forget: Ref.set(known, undefined)
      })
    )
  )
}

const unusable = (mode: string, error: InvalidSetting | InsecureTransport): TokenEndpointError =>
  new TokenEndpointError({
    mode,
    reason: "Unexpected",
    detail: `the metadata of the authorization server: ${error.message}`
  })

/** How long metadata is believed. */
const lifetime = Duration.hours(1)
