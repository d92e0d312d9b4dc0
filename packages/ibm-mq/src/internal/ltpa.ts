/**
 * The life of an LTPA token: what is sent to obtain one, which cookie of the answer it is, how it goes on a request,
 * and its end.
 *
 * The value of the token is what goes into the `Cookie` header (`LtpaToken2_x=...; csrfToken=...`), because the
 * cookie's name can change with each restart of the server and belongs to the token.
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Arr from "effect/Array"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { UserPassword } from "../MqCredential.ts"
import * as MqError from "../MqError.ts"
import * as Csrf from "./csrf.ts"

/** Where tokens are to be had, and what is known about them beforehand. */
export interface Endpoint {
  readonly baseUrl: string
  readonly mode: string
  /** The whole name of the token's cookie; undefined: it begins with `LtpaToken2`. */
  readonly cookieName: string | undefined
  readonly lifetime: Duration.DurationInput
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
      Csrf.signature(endpoint.csrfToken).sign
    )
    const response = yield* TokenEndpoint.execute(client, request, { mode, explain: MqError.explain })
    const found = pick(response.cookies, endpoint.cookieName)
    return yield* Option.match(found, {
      onNone: () =>
        Effect.fail(
          new MalformedTokenResponse({
            mode,
            status: response.status,
            detail: `the login succeeded without a cookie named ${endpoint.cookieName ?? `${prefix}...`}; ` +
              "if the server names it otherwise, set cookieName"
          })
        ),
      onSome: (value) => Token.make({ mode, value, lifetime: endpoint.lifetime })
    })
  })

/** mqweb's tokens are stateless: one that was logged out would still be accepted, it just is not sent any more. */
export const logout =
  (endpoint: Endpoint) => (token: Token.Token): Effect.Effect<unknown, ExchangeError, HttpClient.HttpClient> =>
    Effect.flatMap(HttpClient.HttpClient, (client) =>
      TokenEndpoint.execute(
        client,
        sign(endpoint)(token).sign(HttpClientRequest.del(`${endpoint.baseUrl}/login`, { acceptJson: true })),
        { mode: endpoint.mode, explain: MqError.explain }
      ))

/** Puts the token's cookies and the CSRF header on requests. */
export const sign = ({ csrfToken }: Endpoint) => (token: Token.Token): Authenticator.Signature => {
  const cookies = parse(Redacted.value(token.value))
  const echo = cookies.find(([name]) => name === Csrf.cookieName)
  return Authenticator.signatures(
    ...cookies.map(([name, value]) => Authenticator.cookie(name, value)),
    Csrf.signature(csrfToken === null || echo === undefined ? csrfToken : echo[1])
  )
}

/** Any cookie may be the token's, so it is the whole header. */
export const places: Authenticator.Places = { headers: ["cookie", Csrf.headerName], urlParams: [], cookies: [] }

/** The default name is `LtpaToken2`, with a suffix that the server makes up when it starts. */
const prefix = "LtpaToken2"

const pick = (cookies: Cookies.Cookies, cookieName: string | undefined): Option.Option<string> => {
  // a server that clears a cookie sets it to nothing, which some write as a pair of quotes
  const set = Arr.filter(Object.values(cookies.cookies), ({ valueEncoded }) => !/^"?"?$/.test(valueEncoded))
  const token = Arr.findLast(
    set,
    ({ name }) => cookieName === undefined ? name.startsWith(prefix) : name === cookieName
  )
  const csrf = Arr.filter(set, ({ name }) => name === Csrf.cookieName)
  return Option.map(token, (token) => Cookies.toCookieHeader(Cookies.fromIterable([token, ...csrf])))
}

const parse = (pairs: string): ReadonlyArray<readonly [name: string, value: string]> =>
  pairs.split("; ").map((pair) => {
    const end = pair.indexOf("=")
    return [pair.slice(0, end), pair.slice(end + 1)]
  })
