/**
 * A login by Kerberos (`AuthHandler`, `SpnegoAuthModule` of Yamcs 5.13): a GSS token brings a code, and the code an access
 * token, which has no refresh token. The next access token is obtained in the same way, without a person.
 */
import { type ExchangeError, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import type { Untagged } from "@effect-auth/core/CredentialSource"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as YamcsApi from "../YamcsApi.ts"
import type { Spnego } from "../YamcsCredential.ts"
import * as Tokens from "./tokens.ts"

/**
 * Both steps. A code that the server does not know any more, as after a restart between them, is worth a second one; a
 * second refusal is meant for the account, such as one that is blocked.
 */
export const login = (
  endpoint: Tokens.Endpoint,
  { principal, service = Negotiate.serviceOf(endpoint.baseUrl) }: Untagged<Spnego>
): Tokens.Exchange<Negotiate.Negotiate> => {
  const code = codeFor(endpoint, { service, principal })
  const redeem = (code: Redacted.Redacted) => Tokens.authorizationCode(endpoint, Redacted.value(code))
  return Effect.flatMap(code, (first) =>
    Effect.catchTag(
      redeem(first),
      "CredentialsRejected",
      (error) => error.status === 401 ? Effect.flatMap(code, redeem) : Effect.fail(error)
    ))
}

/** Without the token that is in use, and on a connection that ends: the server closes it, whatever it says of it. */
const codeFor = (
  { baseUrl, mode }: Tokens.Endpoint,
  target: Negotiate.Target
): Effect.Effect<Redacted.Redacted, ExchangeError, HttpClient.HttpClient | Negotiate.Negotiate> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const authorization = yield* Negotiate.authorization({ ...target, mode })
    const request = HttpClientRequest.get(`${baseUrl}/auth/spnego`, {
      headers: { authorization: Redacted.value(authorization), connection: "close" }
    })
    const options = {
      mode,
      endpoint: "the SPNEGO endpoint",
      dialect,
      explain: () => Effect.map(isOffered(client, baseUrl), (isOffered) => ({ advice: adviceOf(isOffered, target) }))
    }
    const response = yield* TokenEndpoint.execute(client, request, options)
    const code = yield* TokenEndpoint.text(options)(response)
    return isCode(code) ? Redacted.make(code) : yield* new MalformedTokenResponse({
      mode,
      url: `${baseUrl}/auth/spnego`,
      status: response.status,
      foreign: true,
      detail: "the body is not a code"
    })
  })

/** Where Kerberos is not set up the route is not there. */
const dialect: TokenEndpoint.Dialect = (answer, grant) =>
  answer.status === 404 && answer.content === "Text" ? "WrongSetting" : Tokens.dialect(answer, grant)

const isOffered = (client: HttpClient.HttpClient, baseUrl: string): Effect.Effect<Option.Option<boolean>> =>
  YamcsApi.authInfo({ baseUrl }).pipe(
    Effect.map(({ spnego }) => spnego),
    Effect.provideService(HttpClient.HttpClient, client),
    Effect.option
  )

const adviceOf = (isOffered: Option.Option<boolean>, { service }: Negotiate.Target): string =>
  Option.contains(isOffered, false)
    ? "the server does not accept Kerberos tickets: its /auth does not say `spnego`"
    : `the server did not accept the ticket for ${service}`

/** Ten characters, most of which are no token of a header (`AuthHandler.handleSpnego`). */
const isCode = (text: string): boolean => /^[!-;=?-~]{1,128}$/u.test(text)
