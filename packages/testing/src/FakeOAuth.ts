/**
 * A fake OAuth 2 authorization server (RFC 6749), with an API that its tokens open: every grant, a person who agrees or
 * denies, lifetimes, rotation of refresh tokens and the detection of those that come back, tokens that are bound to a key
 * (RFC 9449), revocation, and answers on demand. It takes the time from the Clock. `FakePerson` is the person's side of a
 * login.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import * as App from "./internal/oauthApp.ts"
import * as Logins from "./internal/oauthLogins.ts"
import type { Decision } from "./internal/oauthPerson.ts"
import * as Tokens from "./internal/oauthTokens.ts"
import type { Principal, Stats } from "./internal/oauthTokens.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Decision,
  Principal,
  Stats
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Clients: id to secret, which is empty for public ones. An assertion is good in place of a secret, whoever signed it.
   * Default: those of {@link canaries}.
   */
  readonly clients?: Readonly<Record<string, string>> | undefined
  /** Users of the password grant: name to password. Default: that of {@link canaries}. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /** Lifetime of an access token, in whole seconds. Default: 1 hour. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** Lifetime of a refresh token. Default: 30 days. */
  readonly refreshLifetime?: Duration.DurationInput | undefined
  /** Whether the grant of a user comes with a refresh token. Default: yes. */
  readonly refreshTokens?: boolean | undefined
  /** Whether a refresh replaces the refresh token, which is good once then. Default: `always`. */
  readonly rotation?: "always" | "never" | undefined
  /** Whether a redeemed refresh token that comes back ends its session (RFC 9700 section 4.14.2). Default: yes. */
  readonly reuseDetection?: boolean | undefined
  /** How long a redeemed refresh token is good once more, for a client that got no answer. Default: no time. */
  readonly grace?: Duration.DurationInput | undefined
  /**
   * Whether a proof of possession has to have the nonce that the server gave last, which changes every minute (RFC 9449 section
   * 8). What is asked for with a proof is bound to its key in any case. Default: no.
   */
  readonly nonces?: boolean | undefined
  /** What a person does who is asked to log in. Default: agrees, as the user of {@link canaries}. */
  readonly person?: Decision | undefined
  /** Where a login may end, but for the port of a loopback address. Default: anywhere. */
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** How long a person may take to enter a code. Default: 15 minutes. */
  readonly deviceLifetime?: Duration.DurationInput | undefined
  /** How long a device has to wait from one question to the next, in whole seconds. Default: 5 seconds. */
  readonly pollInterval?: Duration.DurationInput | undefined
  /** Further members of every token response, such as `{ instance_url: "https://eu.api.example" }`. Default: none. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** Where a browser is sent. Default: `/authorize`. */
  readonly authorizationPath?: string | undefined
  /** RFC 8628. Default: `/device_authorization`. */
  readonly deviceAuthorizationPath?: string | undefined
  /** Default: `/token`. */
  readonly tokenPath?: string | undefined
  /** RFC 7009. Default: `/revoke`. */
  readonly revocationPath?: string | undefined
  /**
   * Its name in redirects (RFC 9207) and in the metadata (RFC 8414), which it serves at `/.well-known/oauth-authorization-server` and
   * `/.well-known/openid-configuration`. Default: the origin at which it is asked, with the path of an issuer that is asked
   * for. `false`: it has no metadata.
   */
  readonly issuer?: string | false | undefined
  /** What answers calls with a good token, on all other paths. Default: says whom the token stands for, in JSON. */
  readonly api?: ((principal: Principal) => HttpApp.Default) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service extends FakeServer.Service {
  readonly stats: Effect.Effect<Stats>
  /**
   * Answers of the token endpoint, in place of its own, to the next requests in order. They leave its sessions as they
   * are.
   */
  readonly answerNext: (...answers: ReadonlyArray<HttpServerResponse.HttpServerResponse>) => Effect.Effect<void>
  /**
   * The tokens of a new session, without a login: for a client that begins with a refresh token. Default: the user and the
   * client of {@link canaries}.
   */
  readonly issue: (
    options?: {
      readonly user?: string | undefined
      readonly client?: string | undefined
      readonly scope?: string | undefined
    }
  ) => Effect.Effect<{ readonly accessToken: Redacted.Redacted; readonly refreshToken: Redacted.Redacted }>
  /** From now on this is what a person does who is asked to log in. */
  readonly person: (decision: Decision) => Effect.Effect<void>
  /**
   * A person enters the code that a device shows, and decides (default: as in {@link person}). Dies if nothing waits for
   * that code.
   */
  readonly enterCode: (userCode: string, decision?: Decision) => Effect.Effect<void>
  /** Makes the API refuse every access token issued so far. A refresh gives a good one. */
  readonly revokeAll: Effect.Effect<void>
  /** Ends every session: their refresh tokens are refused with `invalid_grant`. */
  readonly endSessions: Effect.Effect<void>
  /** From now on this is the user's password. Sessions live on. */
  readonly changePassword: (username: string, password: string) => Effect.Effect<void>
  /** From now on this is the client's secret. */
  readonly changeSecret: (client: string, secret: string) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class FakeOAuth extends Context.Tag("@effect-auth/testing/FakeOAuth")<FakeOAuth, Service>() {}

/**
 * @since 0.1.0
 * @category persons
 */
export const agrees = (options: { readonly user?: string; readonly scope?: string } = {}): Decision => ({
  _tag: "Agrees",
  ...options
})

/**
 * @since 0.1.0
 * @category persons
 */
export const denies: Decision = { _tag: "Denies" }

/**
 * The login stays open.
 *
 * @since 0.1.0
 * @category persons
 */
export const ignores: Decision = { _tag: "Ignores" }

/**
 * The default clients and user. The secrets are canaries, for tests that search logs for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const canaries: {
  readonly clientId: string
  readonly clientSecret: string
  /** A client without a secret, such as one on a person's own machine. */
  readonly publicClientId: string
  readonly username: string
  readonly password: string
} = {
  clientId: "reporting",
  // differs from its form-encoded text, which RFC 6749 section 2.3.1 asks for
  clientSecret: "canary client+secret%oauth",
  publicClientId: "acme-cli",
  username: "ada",
  password: "canary-password-oauth"
}

/**
 * A fake server in memory. `FakeServer.serve` puts its `app` on a socket.
 *
 * @example
 * ```ts
 * import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
 * import * as Fault from "@effect-auth/testing/Fault"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeOAuth.make({ tokenLifetime: "5 minutes" })
 *   yield* server.answerNext(HttpServerResponse.text("<html>maintenance</html>", { status: 503 }))
 *   yield* server.inject(Fault.reset, { on: "POST /token" })
 *   yield* server.revokeAll
 *   return yield* server.stats
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.gen(function*() {
    const { clientId, clientSecret, password, publicClientId, username } = canaries
    const state = yield* Ref.make(
      Tokens.initial(
        options.clients ?? { [clientId]: clientSecret, [publicClientId]: "" },
        options.users ?? { [username]: password }
      )
    )
    const person = yield* Ref.make(options.person ?? agrees())
    const scripted = yield* Ref.make<ReadonlyArray<HttpServerResponse.HttpServerResponse>>([])
    const settings = settingsOf(options)
    const server = yield* FakeServer.make(App.make(options, { settings, state, scripted, person }))
    return {
      ...server,
      stats: Effect.map(Ref.get(state), ({ stats }) => stats),
      answerNext: (...answers) => Ref.update(scripted, (before) => [...before, ...answers]),
      issue: ({ client = clientId, scope, user = username } = {}) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.map(Ref.modify(state, Tokens.begin(settings, { client, scope, user }, now)), (tokens) => ({
            accessToken: Redacted.make(tokens.accessToken),
            refreshToken: Redacted.make(tokens.refreshToken)
          }))),
      person: (decision) =>
        Ref.set(person, decision),
      enterCode: (userCode, decision) =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          const decided = decision ?? (yield* Ref.get(person))
          if (!(yield* Ref.modify(state, Logins.enterCode(userCode, decided, now)))) {
            return yield* Effect.dieMessage("FakeOAuth.enterCode: nothing waits for this code")
          }
        }),
      revokeAll: Ref.update(state, Tokens.revokeAccess),
      endSessions: Ref.update(state, Tokens.endSessions),
      changePassword: (username, password) =>
        Ref.update(state, Tokens.setSecret("users", username, password)),
      changeSecret: (client, secret) => Ref.update(state, Tokens.setSecret("clients", client, secret))
    }
  })

/**
 * A fake server, and the client that reaches it in memory, in place of a real transport. Each call gives another server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeOAuth | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (fake) =>
      Context.make(FakeOAuth, fake).pipe(Context.add(HttpClient.HttpClient, fake.httpClient)))
  )

const settingsOf = (options: Options): App.Settings => ({
  defaultUser: canaries.username,
  nonces: options.nonces ?? false,
  redirectUris: options.redirectUris,
  deviceLifetime: Duration.toMillis(options.deviceLifetime ?? "15 minutes"),
  pollInterval: Duration.toMillis(options.pollInterval ?? "5 seconds"),
  tokenLifetime: Duration.toMillis(options.tokenLifetime ?? "1 hour"),
  refreshLifetime: Duration.toMillis(options.refreshLifetime ?? "30 days"),
  rotation: options.rotation ?? "always",
  reuseDetection: options.reuseDetection ?? true,
  grace: Duration.toMillis(options.grace ?? 0),
  refreshTokens: options.refreshTokens ?? true
})
