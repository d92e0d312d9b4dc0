/**
 * The life of an LTPA token: the login, which cookie of its answer is the token, how it is written on a request, and the
 * logout.
 *
 * The value of the token is what goes into the `Cookie` header (`LtpaToken2_x=...; csrfToken=...`), because the cookie's
 * name belongs to the token: it can change with each restart of the server.
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { UserPassword } from "../MqCredential.ts"
import * as MqError from "../MqError.ts"
import * as Csrf from "./csrf.ts"
import { prefix } from "./proof.ts"

/** Where tokens are obtained, and what is known about them beforehand. */
export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
  /** The whole name of the token's cookie; `undefined`: it begins with `LtpaToken2`. */
  readonly cookieName: string | undefined
  readonly lifetime: DurationWithUnit
  readonly csrfToken: string | null
}

export const login = (
  endpoint: Endpoint,
  credential: UserPassword
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const { baseUrl, mode } = endpoint
    const request = HttpClientRequest.post(`${baseUrl}/login`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUnsafeJson({
        username: credential.username,
        password: Redacted.value(credential.password)
      }),
      RequestCredentials.apply(Csrf.credentials(endpoint.csrfToken))
    )
    const response = yield* TokenEndpoint.execute(client, request, { mode, explain: MqError.explain })
    const found = pick(yield* TokenEndpoint.cookies(response), endpoint.cookieName)
    if (Option.isSome(found)) {
      yield* ResponseBody.discard(response)
      return yield* Token.make({ mode, value: found.value, lifetime: endpoint.lifetime })
    }
    return yield* new MalformedTokenResponse({
      mode,
      url: response.request.url,
      status: response.status,
      // mqweb answers without a body, or in JSON
      foreign: yield* TokenEndpoint.isPage(response),
      detail: whyNone(response.cookies, endpoint.cookieName)
    })
  })

/** mqweb's tokens are stateless: the server would still accept one that was logged out, but it is not sent any more. */
export const logout =
  (endpoint: Endpoint) => (token: Token.Token): Effect.Effect<unknown, ExchangeError, HttpClient.HttpClient> =>
    HttpClient.HttpClient.pipe(
      Effect.flatMap((client) =>
        TokenEndpoint.execute(
          client,
          RequestCredentials.apply(credentials(endpoint.csrfToken)(token))(
            HttpClientRequest.del(`${endpoint.baseUrl}/login`, { acceptJson: true })
          ),
          { mode: endpoint.mode, explain: MqError.explain }
        )
      ),
      Effect.flatMap((response) => ResponseBody.discard(response))
    )

/** The token's cookies and the CSRF header. A caller's `Authorization` would be a second proof. */
export const credentials =
  (csrfToken: string | null) => (token: Token.Token): RequestCredentials.RequestCredentials => {
    const cookies = parse(Redacted.value(token.value))
    const echo = cookies.find(([name]) => name === Csrf.cookieName)
    return RequestCredentials.all(
      RequestCredentials.noHeader("authorization"),
      ...cookies.map(([name, value]) => RequestCredentials.cookie(name, value)),
      Csrf.credentials(csrfToken === null || echo === undefined ? csrfToken : echo[1])
    )
  }

const pick = (set: Cookies.Cookies, cookieName: string | undefined): Option.Option<string> => {
  const csrf = Option.toArray(Cookies.get(set, Csrf.cookieName))
  return Option.map(
    find(set, cookieName),
    (token) => Cookies.toCookieHeader(Cookies.fromIterable([token, ...csrf]))
  )
}

const find = ({ cookies }: Cookies.Cookies, cookieName: string | undefined): Option.Option<Cookies.Cookie> =>
  Arr.findLast(
    Object.values(cookies),
    ({ name }) => cookieName === undefined ? name.startsWith(prefix) : name === cookieName
  )

/** Why there is no token among the cookies of a login that succeeded. */
const whyNone = (cookies: Cookies.Cookies, cookieName: string | undefined): string => {
  if (Cookies.isEmpty(cookies)) {
    return "the login succeeded without a cookie that could be read; a browser hides Set-Cookie from programs, and " +
      "LTPA cannot be used there (use IbmMq/Basic)"
  }
  return Option.match(find(cookies, cookieName), {
    onNone: () =>
      `the login succeeded without a cookie named ${cookieName ?? `${prefix}...`}; ` +
      "if the server names it otherwise, set cookieName",
    onSome: ({ name }) =>
      `the answer to the login deletes the cookie ${name}, by an empty value or an expiry that is past ` +
      "(is the clock of this machine right?)"
  })
}

const parse = (pairs: string): ReadonlyArray<readonly [name: string, value: string]> =>
  pairs.split("; ").map((pair) => {
    const end = pair.indexOf("=")
    return [pair.slice(0, end), pair.slice(end + 1)]
  })
