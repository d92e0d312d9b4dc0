/**
 * A login in a browser: at the OpenID provider that the server names, or at the server's own page. Either gives a code,
 * which the server redeems with a secret of its own. There is no PKCE, because the server sends no verifier.
 */
import {
  CredentialsRejected,
  type ExchangeError,
  isTransient,
  MalformedTokenResponse,
  TokenEndpointError
} from "@effect-auth/core/AuthError"
import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
import type { Untagged } from "@effect-auth/core/CredentialSource"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as YamcsApi from "../YamcsApi.ts"
import type { OpenId } from "../YamcsCredential.ts"
import type { Person } from "./mode.ts"
import * as Tokens from "./tokens.ts"

export interface Options {
  readonly redirect?: RedirectReceiver.Options | undefined
  readonly dangerouslyAllowPlainHttp?: boolean | undefined
  /** How the question before the login is repeated. */
  readonly retry: RefreshPolicy.RefreshPolicy["retry"]
}

/** Once: a code that comes back may end what it has brought, so that another try begins with the person. */
export const login = (
  endpoint: Tokens.Endpoint,
  { issuer }: Untagged<OpenId>,
  { dangerouslyAllowPlainHttp, redirect, retry }: Options
): Tokens.Exchange<Person> =>
  Effect.gen(function*() {
    const { baseUrl, mode } = endpoint
    const { openid, spnego } = yield* infoOf(endpoint, retry)
    const { clientId, page, scope } = openid === undefined
      ? { clientId: "effect-auth", page: `${baseUrl}/auth/authorize`, scope: "openid" }
      : { clientId: openid.clientId, page: openid.authorizationEndpoint, scope: openid.scope }
    if (!isSafe(page, dangerouslyAllowPlainHttp)) {
      return yield* new TokenEndpointError({
        mode,
        reason: "Unexpected",
        final: true,
        endpoint: "the server",
        detail: "its authorization endpoint is not an https URL, so that a password would go over plain http"
      })
    }
    const state = yield* randomState
    const { answer, page: { redirectUri } } = yield* BrowserLogin.run({
      ...redirect,
      mode,
      page: (redirectUri) =>
        Effect.succeed({
          redirectUri,
          url: withParameters(page, {
            client_id: clientId,
            redirect_uri: redirectUri,
            response_type: "code",
            response_mode: "query",
            scope,
            state
          }),
          isAnswer: (parameters: URLSearchParams) => only(parameters, "state") === state
        })
    })
    const code = answer._tag === "Pasted"
      ? answer.code
      : yield* codeOf(answer.parameters, { mode, issuer, page })
    const redeeming = openid === undefined
      ? Tokens.authorizationCode(endpoint, code)
      : Tokens.authorizationCode(endpoint, oidcCode(code, redirectUri), {
        dialect,
        explain: ({ status }) => Effect.succeed({ advice: adviceOf(status, spnego) })
      })
    return yield* inTime(redeeming, { mode, url: `${baseUrl}/auth/token` })
  })

/** The code of a redirect, or why there is none. */
export const codeOf = (
  parameters: URLSearchParams,
  { issuer, mode, page }: { readonly mode: string; readonly issuer: string | undefined; readonly page: string }
): Either.Either<string, ExchangeError> => {
  const malformed = (detail: string) => Either.left(new MalformedTokenResponse({ mode, detail }))
  const stated = parameters.getAll("iss")
  // RFC 9207 section 2.4; the server tells no issuer, so that without a setting only its host can be compared
  if (stated.length > 1 || stated.some((iss) => issuer === undefined ? !isOfOrigin(iss, page) : iss !== issuer)) {
    return malformed("the redirect does not come from the provider that was asked: its issuer differs")
  }
  const error = parameters.get("error")
  if (error !== null) {
    const detail = parameters.get("error_description") ?? undefined
    return Either.left(new CredentialsRejected({ mode, ...ServerMessage.make({ code: error, detail }) }))
  }
  const code = only(parameters, "code")
  return code === undefined ? malformed("the redirect has no code") : Either.right(code)
}

/** In the form in which a script of the server's own pages sends it: of three parts, of which the second is read. */
export const oidcCode = (code: string, redirectUri: string): string =>
  `oidc e30.${Encoding.encodeBase64Url(JSON.stringify({ code, redirect_uri: redirectUri }))}.`

/** The provider's refusal of a code comes as 401, or as 500 where it answers the server with a page. */
const dialect: TokenEndpoint.Dialect = (answer, grant) =>
  answer.status === 500 && answer.content === "Text" ? "GrantEnded" : Tokens.dialect(answer, grant)

const adviceOf = (status: number, spnego: boolean): string | undefined =>
  status === 500
    ? "the provider refused the code; one that demands PKCE cannot be used, because the server sends no verifier"
    : status !== 401
    ? undefined
    : spnego
    ? "the provider refused the code or cannot be reached; or the server has SpnegoAuthModule before OpenIDAuthModule in security.yaml, and then refuses every code"
    : "the provider refused the code or cannot be reached"

/** How the server authenticates its clients. It is asked again as a login would be: no person has been asked by then. */
const infoOf = (
  { baseUrl, mode }: Tokens.Endpoint,
  retry: RefreshPolicy.RefreshPolicy["retry"]
): Effect.Effect<YamcsApi.AuthInfo, ExchangeError, HttpClient.HttpClient> => {
  const options: TokenEndpoint.Options = {
    mode,
    endpoint: "the server",
    dialect: ({ status }) => status === 408 || status === 429 || status >= 500 ? "TryAgain" : "Unexpected",
    explain: () => Effect.succeed(ServerMessage.empty)
  }
  const asking = Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.get(`${baseUrl}/auth`, { acceptJson: true })
    const response = yield* TokenEndpoint.execute(client, request, options)
    return yield* TokenEndpoint.json(YamcsApi.AuthInfo, options)(response)
  })
  return Effect.retry(inTime(asking, { mode, url: `${baseUrl}/auth`, endpoint: "the server" }), {
    schedule: retry,
    while: isTransient
  })
}

/** A server that never answers must not take the time that the person has. */
const inTime = <A, E, R>(
  self: Effect.Effect<A, E, R>,
  asked: { readonly mode: string; readonly url: string; readonly endpoint?: string }
): Effect.Effect<A, E | TokenEndpointError, R> => {
  const { timeout } = RefreshPolicy.default
  const detail = `no answer within ${Duration.format(timeout)}`
  return Effect.timeoutFail(self, {
    duration: timeout,
    onTimeout: () => new TokenEndpointError({ ...asked, reason: "Timeout", sent: true, detail })
  })
}

const isSafe = (url: string, allowed = false): boolean => {
  if (!URL.canParse(url)) return false
  const { hostname, protocol } = new URL(url)
  return protocol === "https:" || (protocol === "http:" && (allowed || OriginPolicy.isLoopback(hostname)))
}

const isOfOrigin = (issuer: string, page: string): boolean =>
  URL.canParse(issuer) && new URL(issuer).origin === new URL(page).origin

const withParameters = (page: string, parameters: Readonly<Record<string, string>>): string => {
  const url = new URL(page)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.append(name, value)
  return url.href
}

const only = (parameters: URLSearchParams, name: string): string | undefined => {
  const [value, ...others] = parameters.getAll(name)
  return others.length === 0 && value !== "" ? value : undefined
}

/** From the platform's cryptographic source, not `Random`. */
const randomState: Effect.Effect<string> = Effect.sync(() =>
  Encoding.encodeBase64Url(globalThis.crypto.getRandomValues(new Uint8Array(32)))
)
