/**
 * The way to a code and back: the URL that a person follows, and what the redirect means (RFC 6749 section 4.1, with PKCE,
 * RFC 7636, and the issuer of the answer, RFC 9207). Between the two stands a record that can be stored, so that another
 * instance of an application can go on.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import {
  CredentialsRejected,
  InteractionRequired,
  MalformedTokenResponse,
  TokenEndpointError
} from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type { Demand } from "@effect-auth/core/TokenSource"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { checkedUrl } from "./internal/checkedUrl.ts"
import * as Parameters from "./internal/parameters.ts"
import * as Pkce from "./internal/pkce.ts"
import * as Random from "./internal/random.ts"
import type { AuthorizationServer } from "./internal/server.ts"

/**
 * A login that was begun, from its URL to its redirect. It belongs to the browser that began it: keep it in that browser's
 * session, and use it once.
 *
 * @since 0.1.0
 * @category models
 */
export class PendingAuthorization
  extends Schema.Class<PendingAuthorization>("@effect-auth/oauth/PendingAuthorization")({
    /** Ties the redirect to this login (RFC 6749 section 10.12). */
    state: Credential.Secret,
    /** Ties the code to this client (RFC 7636 section 4.1). */
    verifier: Credential.Secret,
    /** Ties the ID token to this login, where one was asked for (OpenID Connect Core section 3.1.2.1). */
    nonce: Schema.optionalWith(Credential.Secret, { exact: true }),
    redirectUri: Schema.String,
    clientId: Schema.String,
    issuer: Schema.optional(Schema.String),
    /** The code is redeemed at the server that was asked for it, and nowhere else (RFC 9700 section 4.4.2). */
    tokenEndpoint: Schema.String,
    statesIssuer: Schema.Boolean,
    scope: Schema.optional(Schema.Array(Schema.String)),
    /** The private key that the code, and its tokens, are bound to, as a JWK in JSON (RFC 9449 section 10). */
    key: Schema.optionalWith(Credential.Secret, { exact: true })
  })
{}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Parameters.Wanted {
  /** Shown in errors. */
  readonly mode: string
  readonly server: AuthorizationServer
  readonly clientId: string
  /** Exactly as it is registered, but for the port of a loopback address (RFC 8252 section 7.3). */
  readonly redirectUri: string
  /**
   * Whether `offline_access` is asked for where the server lists it, so that there is a refresh token (OpenID Connect Core
   * section 11). Default: yes.
   */
  readonly offlineAccess?: boolean | undefined
  /** What the API demanded beyond the settings. Default: nothing. */
  readonly demand?: Demand | undefined
  /** What binds the code to a key (RFC 9449 section 10). Default: nothing. */
  readonly binding?: { readonly thumbprint: string; readonly kept: Redacted.Redacted | undefined } | undefined
}

/**
 * The URL to follow, and what has to be kept for the redirect. State, verifier and nonce are new each time. Fails with
 * `TokenEndpointError` where the server has no authorization endpoint, or one that is neither https nor on loopback.
 *
 * @example
 * ```ts
 * import * as AuthorizationRequest from "@effect-auth/oauth/AuthorizationRequest"
 * import * as Effect from "effect/Effect"
 *
 * // for a protocol of one's own; the mode `AuthorizationCode` does this, and redeems the code
 * const login = (redirect: (url: string) => Effect.Effect<URLSearchParams>) =>
 *   Effect.gen(function*() {
 *     const { pending, url } = yield* AuthorizationRequest.make({
 *       mode: "Acme",
 *       server: { tokenEndpoint: "https://login.acme.example/token", authorizationEndpoint: "https://login.acme.example/go" },
 *       clientId: "acme-cli",
 *       redirectUri: "http://127.0.0.1:8976/callback"
 *     })
 *     const code = yield* AuthorizationRequest.codeOf(pending, yield* redirect(url), { mode: "Acme" })
 *     return { code, verifier: pending.verifier }
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<{ readonly url: string; readonly pending: PendingAuthorization }, ExchangeError> =>
  Effect.gen(function*() {
    const { binding, clientId, demand = {}, mode, redirectUri, server } = options
    const { authorizationEndpoint, issuer, statesIssuer, tokenEndpoint } = server
    const unusable = (detail: string) =>
      new TokenEndpointError({ mode, reason: "Unexpected", endpoint: "the authorization server", detail })
    if (authorizationEndpoint === undefined) return yield* unusable("it has no authorization endpoint")
    const url = yield* Either.mapLeft(
      checkedUrl("authorizationEndpoint", authorizationEndpoint),
      ({ message }) => unusable(`its authorization endpoint is none to send a person to: ${message}`)
    )
    const state = yield* Random.token
    const verifier = yield* Random.token
    const scope = scopeOf(options, demand)
    const nonce = scope?.includes("openid") === true ? yield* Random.token : undefined
    const parameters = Parameters.make(
      { ...options, parameters: { ...consent(options, scope), ...options.parameters } },
      {
        response_type: "code",
        client_id: clientId,
        redirect_uri: redirectUri,
        state,
        nonce,
        code_challenge: yield* Pkce.challengeOf(verifier),
        code_challenge_method: "S256",
        ...(binding === undefined ? undefined : { dpop_jkt: binding.thumbprint }),
        ...demanded(demand)
      },
      scope
    )
    for (const [name, value] of Parameters.pairs(parameters)) url.searchParams.append(name, value)
    const pending = new PendingAuthorization({
      state: Redacted.make(state),
      verifier: Redacted.make(verifier),
      ...(nonce === undefined ? undefined : { nonce: Redacted.make(nonce) }),
      redirectUri,
      clientId,
      issuer,
      tokenEndpoint,
      statesIssuer: statesIssuer === true,
      scope,
      ...(binding?.kept === undefined ? undefined : { key: binding.kept })
    })
    return { url: url.href, pending }
  })

/**
 * Whether a redirect answers this login: its state is the one that was sent, and there is only one.
 *
 * @since 0.1.0
 * @category redirects
 */
export const isAnswer = ({ state }: PendingAuthorization, parameters: URLSearchParams): boolean => {
  const [stated, ...others] = parameters.getAll("state")
  return others.length === 0 && stated === Redacted.value(state)
}

/**
 * The code of a redirect. Fails before anything is sent: with `MalformedTokenResponse` for one that does not answer this
 * login, or states another issuer, and then says nothing of what it holds; with what the server said otherwise:
 * `CredentialsRejected` (such as `access_denied`), `InteractionRequired`, or `TokenEndpointError` if it cannot answer now.
 *
 * @since 0.1.0
 * @category redirects
 */
export const codeOf = (
  pending: PendingAuthorization,
  parameters: URLSearchParams,
  { mode }: { readonly mode: string }
): Either.Either<Redacted.Redacted, ExchangeError> => {
  const malformed = (detail: string) => Either.left(new MalformedTokenResponse({ mode, detail }))
  if (!isAnswer(pending, parameters)) return malformed("the redirect does not answer this login: its state differs")
  const issuers = parameters.getAll("iss")
  if (pending.statesIssuer || issuers.length > 0) {
    // RFC 9207 section 2.4: compared as texts
    if (pending.issuer === undefined ? pending.statesIssuer : issuers.length !== 1 || issuers[0] !== pending.issuer) {
      return malformed("the redirect does not come from the authorization server that was asked: its issuer differs")
    }
  }
  const own = queryOf(pending.redirectUri)
  if ([...parameters.keys()].some((name) => !own.has(name) && parameters.getAll(name).length > 1)) {
    return malformed("the redirect has a parameter twice")
  }
  const [code, error, description] = ["code", "error", "error_description"].map((name) => parameters.get(name) ?? "")
  if (error) {
    return code
      ? malformed("the redirect has both a code and an error")
      : Either.left(refusal(mode, error, description || undefined))
  }
  return code ? Either.right(Redacted.make(code)) : malformed("the redirect has no code")
}

/** RFC 6749 section 3.1: what a server adds is there once, and empty if it is nothing. A redirect URI may have a query too. */
const queryOf = (redirectUri: string): URLSearchParams =>
  URL.canParse(redirectUri) ? new URL(redirectUri).searchParams : new URLSearchParams()

/** RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6. */
const refusal = (mode: string, code: string, detail: string | undefined): ExchangeError => {
  const facts = { mode, ...ServerMessage.make({ code, detail }, []) }
  switch (TokenEndpoint.oauth({ status: 400, code, content: "Json" }, "login")) {
    case "InteractionRequired":
      return new InteractionRequired(facts)
    case "TryAgain":
      return new TokenEndpointError({ ...facts, endpoint: "the authorization server", reason: "Unavailable" })
    case "WrongSetting":
      return new CredentialsRejected({ ...facts, reason: "Setting" })
    default:
      return new CredentialsRejected({ ...facts, reason: "Grant" })
  }
}

const scopeOf = (options: Options, demand: Demand): ReadonlyArray<string> | undefined => {
  const scope = Parameters.scopeOf(options, demand)
  return wantsOfflineAccess(options) && scope !== undefined && !scope.includes(offlineAccess)
    ? [...scope, offlineAccess]
    : scope
}

const wantsOfflineAccess = ({ offlineAccess: wanted = true, server }: Options): boolean =>
  wanted && server.scopes?.includes(offlineAccess) === true

const offlineAccess = "offline_access"

/** OpenID Connect Core section 11: without consent, offline access is ignored. */
const consent = (options: Options, scope: ReadonlyArray<string> | undefined): Readonly<Record<string, string>> =>
  wantsOfflineAccess(options) && scope?.includes("openid") === true ? { prompt: "consent" } : {}

/** RFC 9470 section 3, OpenID Connect Core section 5.5. */
const demanded = ({ acrValues, claims, maxAge }: Demand): Parameters.Parameters => ({
  ...(acrValues === undefined ? undefined : { acr_values: acrValues.join(" ") }),
  ...(maxAge === undefined ? undefined : { max_age: String(Math.floor(Duration.toSeconds(maxAge))) }),
  ...(claims === undefined ? undefined : { claims: JSON.stringify(claims) })
})
