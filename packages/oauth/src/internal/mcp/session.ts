/** The session with an MCP server: what its refusals teach, and whose tokens are held. */
import type { Authenticator } from "@effect-auth/core/Authenticator"
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, CredentialUnavailable, InvalidSetting } from "@effect-auth/core/AuthError"
import type * as Challenge from "@effect-auth/core/Challenge"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as System from "@effect-auth/core/System"
import { Token } from "@effect-auth/core/Token"
import type { Demand } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as ClientMetadata from "../../ClientMetadata.ts"
import type { Dpop } from "../../Dpop.ts"
import type { ProtectedResource } from "../../ProtectedResource.ts"
import * as RegisteredClients from "../../RegisteredClients.ts"
import type { Bindings } from "../binding.ts"
import * as Parameters from "../parameters.ts"
import type { AuthorizationServer } from "../server.ts"
import * as Servers from "../servers.ts"
import * as TokenRequest from "../tokenRequest.ts"
import * as Authenticators from "./authenticator.ts"
import type { Clients } from "./clients.ts"
import * as Identities from "./clients.ts"
import * as Discovery from "./discovery.ts"
import type { Grant, Target } from "./grants.ts"
import * as Logins from "./logins.ts"

/**
 * What is known of a server beforehand, and what is to be done otherwise than by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.PlainOptions {
  /** The MCP server, such as `https://mcp.acme.example/mcp`. */
  readonly url: string
  /** Who this client is at authorization servers. Default: it is registered with each. */
  readonly clients?: Clients | undefined
  /** Scopes to ask for beside those that the server names. Default: none. */
  readonly scope?: ReadonlyArray<string> | undefined
  /**
   * The name of the person, under which the session is stored. Without one, all who use the
   * store share one session: give each person a store of their own.
   */
  readonly account?: string | undefined
  /** Binds tokens to a key (RFC 9449). Default: bearer tokens, which anyone who has one can use. */
  readonly dpop?: Dpop | undefined
  /** Which of the authorization servers to use. Default: the one that is in use, else the first. */
  readonly authorizationServer?: ((metadata: ProtectedResource) => string) | undefined
  /** Origins beside the server's own where its metadata may be. Default: none. */
  readonly metadataOrigins?: ReadonlyArray<string> | undefined
  /**
   * Whether a server without metadata is taken for its own authorization server, as in the protocol's edition of 2025-03-26.
   * Default: no.
   */
  readonly withoutMetadata?: boolean | undefined
  /** See `System.Settings`. Default: yes, unless a store keeps the session. */
  readonly logout?: boolean | undefined
}

export interface Options<R> extends Settings {
  readonly grant: Grant<R>
}

type Needs<R> = HttpClient.HttpClient | Scope.Scope | R

export const make = <R>(
  options: Options<R>
): Effect.Effect<Authenticator, SetupError | ExchangeError, Needs<R>> =>
  Effect.gen(function*() {
    const { account = "", dpop, grant, url } = options
    yield* OriginPolicy.make({ baseUrl: url })
    const { metadataUrl } = options.clients ?? {}
    if (metadataUrl !== undefined) {
      yield* Either.mapLeft(
        ClientMetadata.documentUrl(metadataUrl),
        ({ problem }) => new InvalidSetting({ setting: "clients.metadataUrl", problem })
      )
    }
    const clients = yield* Effect.serviceOption(RegisteredClients.RegisteredClients)
    const session: Session = {
      options,
      discovery: {
        mode,
        url,
        metadataOrigins: options.metadataOrigins ?? [],
        authorizationServer: options.authorizationServer,
        withoutMetadata: options.withoutMetadata === true
      },
      identities: Identities.make(
        options.clients ?? {},
        Option.isSome(clients) ? clients.value : yield* RegisteredClients.makeMemory,
        mode
      ),
      bindings: dpop?.bindings(mode),
      servers: MutableRef.make<ReadonlyMap<string, Servers.Cache>>(new Map()),
      refusal: MutableRef.make<ReadonlyArray<Challenge.Challenge> | undefined>(undefined),
      latest: MutableRef.make<Held | undefined>(undefined),
      logins: MutableRef.make(Logins.none)
    }
    const logIn = (demand: Demand) => loggedIn(session, grant, demand)
    const tokens = yield* System.makeTokens({
      mode,
      origin: url,
      account: dpop?.keeping === "Nowhere" ? undefined : Effect.succeed(JSON.stringify([account, dpop?.keeping])),
      ...(grant.isInteractive
        ? {
          interactive: logIn,
          refresh: (refreshToken: Redacted.Redacted, token: Token) => refreshed(session, refreshToken, token)
        }
        : { login: logIn }),
      revoke: (token: Token) => revoked(session, token)
    }, options)
    return Authenticators.make({
      mode,
      tokens,
      dpop,
      isInteractive: grant.isInteractive,
      refusal: session.refusal,
      logins: session.logins,
      goesOn: (token) => {
        const held = heldOf(token)
        if (held !== undefined) session.identities.met(held.issuer)
        MutableRef.set(session.latest, held)
      }
    })
  })

export const mode = "OAuth/Mcp"

interface Session {
  readonly options: Settings
  readonly discovery: Discovery.Options
  readonly identities: Identities.Identities
  readonly bindings: Bindings | undefined
  /** What is known of authorization servers, by issuer. */
  readonly servers: MutableRef.MutableRef<ReadonlyMap<string, Servers.Cache>>
  /** What the last refusal said, until a token has come of it. */
  readonly refusal: MutableRef.MutableRef<ReadonlyArray<Challenge.Challenge> | undefined>
  readonly latest: MutableRef.MutableRef<Held | undefined>
  /** The logins since the server has last accepted anything. */
  readonly logins: MutableRef.MutableRef<Logins.Logins>
}

/** What belongs to the token in use. */
interface Held {
  readonly issuer: string
  readonly resource: string
  readonly clientId: string
  /** What was asked for; of a stored token, what was granted. */
  readonly scope: ReadonlyArray<string> | undefined
}

/** Who issued a token, and for what: nobody else is shown it. */
const heldOf = ({ extra, scope }: Token): Held | undefined => {
  const [issuer, resource, clientId] = [extra?.["issuer"], extra?.["resource"], extra?.["clientId"]]
  return typeof issuer === "string" && typeof resource === "string" && typeof clientId === "string"
    ? { issuer, resource, clientId, scope }
    : undefined
}

const loggedIn = <R>(
  session: Session,
  grant: Grant<R>,
  demand: Demand
): Effect.Effect<Token, ExchangeError, HttpClient.HttpClient | R> =>
  Effect.gen(function*() {
    const { bindings, discovery, latest, logins, options, refusal } = session
    const now = yield* Clock.currentTimeMillis
    MutableRef.update(logins, Logins.oneMore(now))
    const challenges = MutableRef.get(refusal) ?? []
    const held = MutableRef.get(latest)
    const { issuer, metadata } = yield* Discovery.resource(discovery, challenges, held?.issuer)
    if (metadata.dpopRequired && bindings === undefined) {
      return yield* new CredentialUnavailable({
        mode,
        problem: "the MCP server takes only tokens that are bound to a key: give it `dpop`",
        final: true
      })
    }
    const server = yield* serverOf(session, issuer)
    const before = held?.issuer === issuer && demand.scope !== undefined ? held.scope : undefined
    const scope = union(before, options.scope, scopeOf(challenges) ?? metadata.scopes, demand.scope)
    const { resource } = metadata
    const binding = yield* bindings === undefined ? Effect.succeed(undefined) : bindings.current(server)
    const used = MutableRef.make<Identities.Identity | undefined>(undefined)
    const target = targetOf(session, { server, resource, scope, demand, binding })
    const logIn = grant.logIn({
      ...target,
      exchange: (identity, parameters, options) => {
        MutableRef.set(used, identity)
        // as late as can be, so that what is kept is the client of the session that is stored next
        return Effect.zipRight(
          Effect.ignore(session.identities.keep(identity)),
          target.exchange(identity, parameters, options)
        )
      }
    })
    const token = yield* Effect.catchIf(logIn, isUnknownClient, (error) => {
      const client = MutableRef.get(used)?.registered
      // the server has forgotten whom it registered, which is registered once more
      return client === undefined ? Effect.fail(error) : Effect.zipRight(session.identities.forget(client), logIn)
    })
    return arrived(session, token, {
      issuer,
      resource,
      clientId: MutableRef.get(used)?.clientId ?? "",
      scope: union(scope, token.scope)
    })
  })

const refreshed = (
  session: Session,
  refreshToken: Redacted.Redacted,
  token: Token
): Effect.Effect<Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const { bindings, discovery, identities, refusal } = session
    const held = heldOf(token)
    if (held === undefined) return yield* over("the stored token does not say who issued it")
    identities.met(held.issuer)
    const challenges = MutableRef.get(refusal)
    if (challenges !== undefined) {
      const { issuer } = yield* Discovery.resource(discovery, challenges, held.issuer)
      if (issuer !== held.issuer) return yield* over("the MCP server has moved to another authorization server")
    }
    const server = yield* serverOf(session, held.issuer)
    const identity = yield* Effect.catchTag(
      identities.of(server),
      "CredentialUnavailable",
      () => over("the client that the session belongs to is not known any more")
    )
    // a refresh token is its client's alone (RFC 6749 section 10.4)
    if (identity.clientId !== held.clientId) return yield* over("the session belongs to another client")
    const binding = bindings === undefined
      ? undefined
      : token.key === undefined
      ? yield* bindings.current(server)
      : yield* bindings.restore(token.key)
    const { resource } = held
    const target = targetOf(session, { server, resource, scope: token.scope, demand: {}, binding })
    const parameters = { grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) }
    const fresh = yield* Effect.catchIf(
      target.exchange(identity, parameters, { grant: "refresh" }),
      isUnknownClient,
      (error) =>
        identity.registered === undefined
          ? Effect.fail(error)
          : Effect.zipRight(identities.forget(identity.registered), over("the server has forgotten the client"))
    )
    return arrived(session, fresh, held)
  })

const isUnknownClient = (error: ExchangeError): boolean =>
  error._tag === "CredentialsRejected" && error.code === "invalid_client"

const revoked = (session: Session, token: Token): Effect.Effect<void, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const held = heldOf(token)
    if (held === undefined) return
    const server = yield* serverOf(session, held.issuer)
    const { authentication, clientId } = yield* session.identities.of(server)
    if (clientId !== held.clientId) return
    yield* TokenRequest.revoke({ mode, server, clientId, authentication, timeout: timeoutOf(session) }, token)
  })

/** A session that goes on nowhere: a person has to begin another one. */
const over = (detail: string) => Effect.fail(new CredentialsRejected({ mode, reason: "Grant", detail }))

const arrived = (session: Session, token: Token, held: Held): Token => {
  MutableRef.set(session.refusal, undefined)
  MutableRef.set(session.latest, held)
  const { clientId, issuer, resource } = held
  return new Token({ ...token, extra: { ...token.extra, issuer, resource, clientId } })
}

const serverOf = (
  { discovery, servers }: Session,
  issuer: string
): Effect.Effect<AuthorizationServer, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const cache = MutableRef.get(servers).get(issuer) ?? (yield* Servers.cache)
    MutableRef.update(servers, (servers) => new Map([...servers, [issuer, cache]]))
    return yield* cache.through(Discovery.server(discovery, issuer))
  })

const timeoutOf = ({ options }: Session): Duration.Duration => (options.refreshPolicy ?? RefreshPolicy.default).timeout

const targetOf = (
  session: Session,
  { binding, demand, resource, scope, server }: Pick<Target, "binding" | "demand" | "resource" | "scope" | "server">
): Target => ({
  mode,
  server,
  resource,
  scope,
  demand,
  binding,
  identify: (redirectUri) => session.identities.of(server, redirectUri),
  exchange: ({ authentication, clientId }, parameters, { grant = "login", isAgreed = grant === "refresh" } = {}) =>
    TokenRequest.send(
      { mode, server, clientId, authentication, binding, timeout: timeoutOf(session) },
      Parameters.make({ resource }, parameters, isAgreed ? undefined : scope),
      {
        grant,
        scope,
        types: binding === undefined
          ? ["bearer"]
          : ["dpop", ...session.options.dpop?.orBearer === true ? ["bearer"] : []]
      }
    )
})

/** The scope that a refusal names (RFC 6750 section 3). */
const scopeOf = (challenges: ReadonlyArray<Challenge.Challenge>): ReadonlyArray<string> | undefined => {
  const stated = challenges.map(({ params }) => params["scope"]).find((scope) => scope !== undefined && scope !== "")
  return stated?.split(" ").filter((word) => word !== "")
}

const union = (...scopes: ReadonlyArray<ReadonlyArray<string> | undefined>): ReadonlyArray<string> | undefined => {
  const all = [...new Set(scopes.flatMap((scope) => scope ?? []))]
  return all.length === 0 ? undefined : all
}
