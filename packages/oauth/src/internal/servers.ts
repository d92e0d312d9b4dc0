/** The authorization server of a mode: given, or read from its issuer before it is first needed, and again after a while. */
import type { ExchangeError, InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import { TokenEndpointError } from "@effect-auth/core/AuthError"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Discovery from "./discovery.ts"
import type { AuthorizationServer } from "./server.ts"
import * as Server from "./server.ts"

/**
 * A server whose metadata is read when it is first needed, and then at most hourly, once for all who share it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Remembered {
  readonly _tag: "Remembered"
  readonly issuer: string
  /** `mode` is shown in errors. */
  readonly read: (mode: string) => Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient>
  /** The server accepts the client by what is known of it. */
  readonly confirm: Effect.Effect<void>
  /** What is known may be outdated: the server no longer accepts the client. Nothing is forgotten that was never good. */
  readonly forget: Effect.Effect<void>
}

export interface Servers extends Pick<Remembered, "confirm" | "forget"> {
  /** The issuer, or where tokens are asked for: what tells the tokens of servers apart. */
  readonly origin: string
  readonly read: Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient>
}

export const make = (
  server: string | AuthorizationServer | Remembered,
  mode: string
): Effect.Effect<Servers, InvalidSetting | InsecureTransport> =>
  typeof server !== "string" && !("_tag" in server)
    ? Effect.map(Server.make(server), (server) => ({
      origin: server.issuer ?? server.tokenEndpoint,
      read: Effect.succeed(server),
      confirm: Effect.void,
      forget: Effect.void
    }))
    : Effect.map(
      typeof server === "string" ? remember(server) : Effect.succeed(server),
      (remembered) => ({ ...remembered, origin: remembered.issuer, read: remembered.read(mode) })
    )

/**
 * A server that many sources share: its metadata is read when one of them first needs it, and again after an hour.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 *
 * const server = AuthorizationServer.remember("https://as.acme.example")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const remember = (issuer: string): Effect.Effect<Remembered, InvalidSetting | InsecureTransport> =>
  Effect.gen(function*() {
    yield* Server.issuerUrl(issuer)
    const { through, ...known } = yield* cache
    return {
      ...known,
      _tag: "Remembered",
      issuer,
      read: (mode) =>
        through(
          Effect.mapError(Discovery.discover(issuer, { mode }), (error) =>
            error._tag === "InvalidSetting" || error._tag === "InsecureTransport"
              // the settings were good: it is the document that is not
              ? new TokenEndpointError({
                mode,
                reason: "Unexpected",
                detail: `the metadata of the authorization server: ${error.message}`
              })
              : error)
        )
    }
  })

/** What is known of one server, for an hour. It is read by one at a time. */
export interface Cache extends Pick<Remembered, "confirm" | "forget"> {
  /** What is known, or else what this reads. */
  readonly through: (
    read: Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient>
  ) => Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient>
}

interface Known {
  readonly server: AuthorizationServer
  readonly until: number
  readonly isGood: boolean
}

export const cache: Effect.Effect<Cache> = Effect.gen(function*() {
  const known = yield* Ref.make<Known | undefined>(undefined)
  const oneAtATime = (yield* Effect.makeSemaphore(1)).withPermits(1)
  const orElse = <E, R>(read: Effect.Effect<AuthorizationServer, E, R>): Effect.Effect<AuthorizationServer, E, R> =>
    Effect.flatMap(
      Effect.zip(Ref.get(known), Clock.currentTimeMillis),
      ([known, now]) => known !== undefined && now < known.until ? Effect.succeed(known.server) : read
    )
  const keep = (server: AuthorizationServer) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Ref.set(known, { server, until: now + Duration.toMillis(lifetime), isGood: false })
    )
  return {
    through: (read) => orElse(oneAtATime(orElse(Effect.tap(read, keep)))),
    confirm: Ref.update(known, (known) => known === undefined || known.isGood ? known : { ...known, isGood: true }),
    forget: Ref.update(known, (known) => known?.isGood === true ? undefined : known)
  }
})

/** How long metadata is believed. */
const lifetime = Duration.hours(1)
