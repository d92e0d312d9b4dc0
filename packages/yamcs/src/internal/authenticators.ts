/** How each credential of Yamcs is put on a request, and how a refusal is read. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { InsecureTransport, InvalidSetting } from "@effect-auth/core/AuthError"
import type * as Credential from "@effect-auth/core/Credential"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type { TokenStore } from "@effect-auth/core/TokenStore"
import * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { ApiKey, TokenCredential } from "../YamcsCredential.ts"
import * as YamcsError from "../YamcsError.ts"
import * as SlidingWindow from "./slidingWindow.ts"
import * as Tokens from "./tokens.ts"

/** A name of a mode. */
export interface Named {
  readonly mode: string
}

export interface TokenOptions extends OriginPolicy.Options, Named {
  readonly policy: RefreshPolicy.RefreshPolicy
  readonly store: TokenStore | undefined
  readonly onChange: ((change: TokenSource.TokenChange) => Effect.Effect<unknown>) | undefined
}

/** The server reads the scheme case-sensitively; this is how it wants it. */
export const basic = (credential: Credential.Basic, { mode }: Named): Authenticator.Authenticator =>
  Authenticator.basic(credential, { mode, explain })

/** An `Authorization` header that the caller left on the request would be believed over the key. */
export const apiKey = (credential: ApiKey, { mode }: Named): Authenticator.Authenticator => {
  const key = Authenticator.header("x-api-key", Redacted.value(credential.key))
  return Authenticator.fixed({ mode, explain }, {
    places: { ...key.places, headers: ["authorization", ...key.places.headers] },
    sign: (request) => key.sign(withoutAuthorization(request))
  })
}

export const bearer = (tokens: TokenSource.TokenSource, { mode }: Named): Authenticator.Authenticator =>
  Authenticator.bearer(tokens, { mode, explain })

/** A source of tokens by the credential's own grant. */
export const tokens = (
  credential: TokenCredential,
  { mode, onChange, policy, store, ...options }: TokenOptions
): Effect.Effect<TokenSource.TokenSource, InvalidSetting | InsecureTransport, HttpClient.HttpClient | Scope.Scope> =>
  Effect.gen(function*() {
    const { baseUrl } = yield* OriginPolicy.make(options)
    const endpoint = { baseUrl, mode, delaying: yield* SlidingWindow.make(tokenRequests) }
    return yield* TokenSource.make({
      mode,
      login: yield* login(endpoint, credential),
      refresh: Tokens.refresh(endpoint),
      policy,
      store,
      onChange
    })
  })

/**
 * The server answers 429 to the sixth token request of an address within a second (`maxAuthRequestsPerSecond`). A fifth
 * of a second more, because the network may bring requests closer together than they were sent.
 */
const tokenRequests: SlidingWindow.Limit = { starts: 5, within: "1200 millis" }

const login = (endpoint: Tokens.Endpoint, credential: TokenCredential): Effect.Effect<Tokens.Exchange> => {
  switch (credential._tag) {
    case "Password":
      return Effect.succeed(Tokens.password(endpoint, credential))
    case "ServiceAccount":
      return Effect.succeed(Tokens.clientCredentials(endpoint, credential))
    case "Bearer":
      return Tokens.resume(endpoint, credential)
  }
}

const explain: Authenticator.Proof["explain"] = (response) =>
  Effect.map(YamcsError.fromResponse(response), ({ msg, type }) => ({
    ...(type === undefined ? undefined : { code: type }),
    ...(msg === "" ? undefined : { detail: msg })
  }))

/** Built anew where there is something to take away: the platform has no way to remove a header from a request. */
const withoutAuthorization = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  Headers.has(request.headers, "authorization")
    ? HttpClientRequest.make(request.method)(request.url).pipe(
      HttpClientRequest.setUrlParams(request.urlParams),
      HttpClientRequest.setBody(request.body),
      // after the body, which brings its own
      HttpClientRequest.setHeaders(Headers.remove(request.headers, "authorization"))
    )
    : request
