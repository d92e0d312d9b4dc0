/**
 * A person logs in with a browser (RFC 6749 section 4.1): the mode `OAuth/AuthorizationCode`, always with PKCE.
 *
 * - On the person's own machine: {@link layer} listens on loopback, sends the person to the server, and keeps the session.
 *   The receiver and the prompt are services; `@effect-auth/node` has those of a terminal.
 * - In a web application: {@link begin} gives the URL for a browser, and {@link complete} takes the redirect in the
 *   application's own route, on another instance if need be. {@link makeSession} is the session of one user; it asks nobody,
 *   and fails with `InteractionRequired` when that user has to log in again.
 *
 * @since 0.1.0
 */
import type { ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import type { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as System from "@effect-auth/core/System"
import type { Token } from "@effect-auth/core/Token"
import type { Demand } from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import { withoutWords } from "@effect-auth/rate-limit/internal/defects"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type { PendingAuthorization } from "./AuthorizationRequest.ts"
import * as AuthorizationRequest from "./AuthorizationRequest.ts"
import * as IdToken from "./IdToken.ts"
import { inTime } from "./internal/inTime.ts"
import * as Mode from "./internal/mode.ts"
import * as PushedRequest from "./internal/pushedRequest.ts"
import * as Resources from "./internal/resources.ts"
import * as Session from "./internal/session.ts"
import * as TokenRequest from "./internal/tokenRequest.ts"
import type { AuthorizationCode } from "./OAuthCredential.ts"
import * as Credentials from "./OAuthCredential.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<AuthorizationCode>, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Grant {
  /**
   * The name of the person, under which the session is stored. Without one, all who use the
   * store share one session: give each person a store of their own.
   */
  readonly account?: string | undefined
  /** See `AuthorizationRequest.Options`. Default: yes. */
  readonly offlineAccess?: boolean | undefined
  /**
   * Whether the request goes to the server before the person does (RFC 9126): the client is authenticated by then, and the
   * browser shows nothing of the request. Default: where the server takes no others.
   */
  readonly pushed?: boolean | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface LoopbackGrant extends Grant {
  /** Where the redirect is received. Default: `http://127.0.0.1:<any port>/callback`. */
  readonly redirect?: RedirectReceiver.Options | undefined
}

/**
 * The services that a login on a person's own machine needs.
 *
 * @since 0.1.0
 * @category models
 */
export type Person = RedirectReceiver.RedirectReceiver | LoginPrompt

/**
 * The tokens by themselves, for a person on this machine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & LoopbackGrant & Credential<R>
): Session.Tokens<R | Person> => Session.makeTokens(options, { ...modeOf(options), interactive: logIn(options) })

/**
 * The client by itself, for a person on this machine.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Mode.Options & LoopbackGrant, R = never>(
  options: O & Credential<R>
): Mode.Client<O, R | Person> => Mode.makeOf<O, R | Person>(name, makeTokens(options), options)

/**
 * The client as a layer, for a person on this machine. The first request opens the browser, and so does one whose session
 * the server has ended.
 *
 * @example
 * ```ts
 * import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
 *
 * const AcmeLive = AuthorizationCode.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "acme-cli" },
 *   scope: ["openid", "reports:read"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Mode.Options<Self> & LoopbackGrant & Credential<R>
): Mode.ModeLayer<Self, never, R | Person> => Mode.layerOf(name, makeTokens(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Session.Settings & { readonly credential: Untagged<AuthorizationCode> }>,
  options?: Mode.PlainOptions<Self> & LoopbackGrant
): Mode.ModeLayer<Self, ConfigError, Person> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

/**
 * The options of a web application.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebOptions<R = never> extends Session.TokenSettings, Session.TokenOptions, Grant, Credential<R> {
  /** The route that takes the redirect, exactly as it is registered. */
  readonly redirectUri: string
}

/**
 * Begins a login in a web application: send the browser to `url`, and keep `pending` in that browser's session, for
 * {@link complete}. It can be stored: `Schema.encode(PendingAuthorization)`.
 *
 * @example
 * ```ts
 * import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
 * import type { PendingAuthorization } from "@effect-auth/oauth/AuthorizationRequest"
 * import * as Effect from "effect/Effect"
 * import * as Redacted from "effect/Redacted"
 *
 * declare const keep: (pending: PendingAuthorization) => Effect.Effect<void>
 *
 * const options = (user: string) => ({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "acme-web", clientSecret: Redacted.make("...") },
 *   redirectUri: "https://app.example/callback",
 *   account: user
 * })
 *
 * const login = (user: string) =>
 *   Effect.gen(function*() {
 *     const { pending, url } = yield* AuthorizationCode.begin(options(user))
 *     yield* keep(pending)
 *     return url // the browser goes there, and comes back to the route of `complete`
 *   })
 *
 * const callback = (user: string, pending: PendingAuthorization, url: string) =>
 *   AuthorizationCode.complete(options(user), pending, url)
 * ```
 *
 * @since 0.1.0
 * @category web applications
 */
export const begin = <R = never>(
  options: WebOptions<R>
): Effect.Effect<
  { readonly url: string; readonly pending: PendingAuthorization },
  SetupError | ExchangeError,
  HttpClient.HttpClient | R
> =>
  Effect.gen(function*() {
    const { connect } = yield* Session.make(options, modeOf(options))
    return yield* requested(yield* bounded(options)(connect), options)
  })

/**
 * Completes a login: takes the URL of the redirect, or its query, redeems the code, once, and stores the token under the
 * `account` if there is a store, so that every {@link makeSession} of it goes on with it at once. The account may be told
 * from the token, such as from its ID token (`IdToken.verify`), because nobody is known before. A token that cannot be stored
 * is revoked, and the login has failed. Use the record that was kept for this browser, and remove it, whatever the outcome.
 *
 * @since 0.1.0
 * @category web applications
 */
export const complete = <R = never, E = never, R2 = never>(
  options: Omit<WebOptions<R>, "account"> & {
    /** Default: none, so that nothing is stored. */
    readonly account?: string | ((token: Token) => Effect.Effect<string, E, R2>) | undefined
  },
  pending: PendingAuthorization,
  redirect: string | URL | URLSearchParams
): Effect.Effect<Token, SetupError | ExchangeError | E, HttpClient.HttpClient | R | R2> =>
  Effect.gen(function*() {
    const { account, ...others } = options
    const code = yield* codeOf(pending, parametersOf(redirect), others)
    const session = yield* Session.make(others, modeOf(others))
    // before the code is redeemed, which it can be once
    if (account !== undefined) yield* Session.storeOf(session, name, others)
    const connection = yield* bounded(others)(session.connect)
    const { client } = connection
    if (pending.tokenEndpoint !== client.server.tokenEndpoint || pending.clientId !== client.clientId) {
      return yield* new MalformedTokenResponse({
        mode: name,
        detail: "the login was begun with another client, or at another authorization server"
      })
    }
    const stored = (token: Token, account: string) =>
      Effect.gen(function*() {
        const of = { ...others, account }
        const store = yield* yield* Session.storeOf(yield* Session.make(of, modeOf(of)), name, of)
        yield* store.withLock(TokenStore.set(store, token))
      })
    const kept = (token: Token) =>
      account === undefined
        ? Effect.void
        : Effect.suspend(() => typeof account === "string" ? Effect.succeed(account) : account(token)).pipe(
          Effect.flatMap((account) => stored(token, account)),
          // whatever knows the token may quote it
          (keeping) => withoutWords(keeping, "keeping a session"),
          bounded(others),
          Effect.onError(() => Effect.ignore(bounded(others)(TokenRequest.revoke(client, token))))
        )
    // once the token is here, nobody else has it: it is stored or revoked, even if the browser goes away
    return yield* Effect.uninterruptibleMask((restore) =>
      Effect.tap(
        restore(redeem(connection, pending, code)),
        // in a fiber of its own, because an interruption reaches the children of whom it is meant for
        (token) => Effect.flatMap(Effect.forkDaemon(Effect.interruptible(kept(token))), Fiber.join)
      )
    )
  })

/**
 * The tokens of one user of a web application, who has logged in by {@link complete}: they are found in the store, renewed,
 * and written back. Nobody is asked: without a session, or after its end, a request fails with `InteractionRequired`, and
 * succeeds as soon as the user has logged in again. Fails with `InvalidSetting` where there is no store: neither a `store` nor
 * `TokenStores`.
 *
 * @since 0.1.0
 * @category web applications
 */
export const makeSession = <R = never>(
  options: Session.TokenSettings & Session.TokenOptions & Credential<R> & Grant & { readonly account: string }
): Session.Tokens<R> =>
  Effect.zipRight(
    Effect.flatMap(Session.make(options, modeOf(options)), (session) => Session.storeOf(session, name, options)),
    Session.makeTokens(options, modeOf(options))
  )

const name = "OAuth/AuthorizationCode"

/** Of a web application's own route: no token source bounds what servers and stores take there. */
const bounded = ({ refreshPolicy }: Session.TokenOptions) => inTime({ mode: name, timeout: refreshPolicy?.timeout })

const modeOf = <R>({ account = "", credential: given }: Grant & Credential<R>) => ({
  name,
  given,
  make: Credentials.authorizationCode,
  account: () => account,
  refreshes: true
})

/** From listening to the token; see `BrowserLogin`. */
const logIn =
  (options: Session.TokenSettings & LoopbackGrant) =>
  (connection: Session.Connection<AuthorizationCode>, demand: Demand): Effect.Effect<
    Token,
    ExchangeError,
    HttpClient.HttpClient | Person
  > =>
    Effect.gen(function*() {
      const { answer, page: { pending } } = yield* BrowserLogin.run({
        ...options.redirect,
        mode: name,
        page: (redirectUri) =>
          Effect.map(
            requested(connection, { ...options, redirectUri, demand }),
            ({ pending, url }) => ({
              url,
              pending,
              isAnswer: (parameters: URLSearchParams) => AuthorizationRequest.isAnswer(pending, parameters)
            })
          )
      })
      const code = answer._tag === "Pasted"
        ? Redacted.make(answer.code)
        : yield* codeOf(pending, answer.parameters, options)
      return yield* redeem(connection, pending, code)
    })

const requested = (
  { binding, client, credential: { clientId } }: Session.Connection<AuthorizationCode>,
  { pushed, ...options }: Omit<AuthorizationRequest.Options, "mode" | "server" | "clientId"> & Pick<Grant, "pushed">
) =>
  Effect.gen(function*() {
    const { server } = client
    const bound = yield* binding
    const made = yield* AuthorizationRequest.make({
      ...options,
      mode: name,
      server,
      clientId,
      binding: bound === undefined ? undefined : { kept: bound.kept, thumbprint: yield* bound.thumbprint }
    })
    return pushed ?? PushedRequest.isRequired(server)
      ? { ...made, url: yield* PushedRequest.push({ ...client, binding: bound }, made.url) }
      : made
  })

const codeOf = (pending: PendingAuthorization, parameters: URLSearchParams, { resource }: Session.TokenSettings) =>
  Either.mapLeft(AuthorizationRequest.codeOf(pending, parameters, { mode: name }), Resources.named(resource))

/** Once, whatever comes of it: a code that comes back revokes its tokens (RFC 6749 section 4.1.2). */
const redeem = (
  { exchange }: Session.Connection<AuthorizationCode>,
  { key: kept, nonce, redirectUri, scope, verifier }: PendingAuthorization,
  code: Redacted.Redacted
): Effect.Effect<Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const token = yield* exchange({
      grant_type: "authorization_code",
      code: Redacted.value(code),
      redirect_uri: redirectUri,
      code_verifier: Redacted.value(verifier)
    }, { scope, kept })
    if (nonce !== undefined && token.idToken !== undefined && !states(token.idToken, nonce)) {
      return yield* new MalformedTokenResponse({ mode: name, detail: "the ID token answers another login" })
    }
    return token
  })

/** Whether an ID token states the nonce that was sent; one that is encrypted shows it to nobody but its reader. */
const states = (idToken: Redacted.Redacted, nonce: Redacted.Redacted): boolean =>
  Redacted.value(idToken).split(".").length === 5 ||
  Either.match(IdToken.decode(idToken), {
    onLeft: () => false,
    onRight: ({ claims }) => claims.nonce === Redacted.value(nonce)
  })

const parametersOf = (redirect: string | URL | URLSearchParams): URLSearchParams =>
  redirect instanceof URLSearchParams
    ? redirect
    : redirect instanceof URL
    ? redirect.searchParams
    : new URLSearchParams(queryOf(redirect))

/** The path of a URL may have a `=` or `&` in it, and a query by itself a `?`. */
const queryOf = (redirect: string): string => {
  const [text = ""] = redirect.split("#")
  return text.replace(/^(?:[a-z][a-z\d+.-]*:)?\/[^?]*/iu, "").replace(/^[^?=&]*\?/u, "")
}
