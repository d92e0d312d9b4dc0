/** Every way of authenticating that core knows, for the leak suite. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"

export const secrets = {
  password: "canary password ?>/ wörd",
  clientSecret: "canary+client/secret=0123456789",
  apiKey: "canary-api-key-0123456789",
  cookie: "canary-cookie-0123456789",
  ticket: "canary+kerberos/ticket+0123456789=",
  bearer: "canary-bearer-token-that-is-long-enough-for-a-jwt-0123456789"
}

const made = <A>(credential: Either.Either<A, unknown>): A => Either.getOrThrow(credential)

const key = (where: "header" | "query" | "cookie", name: string, value: string) =>
  made(Credential.apiKey({ key: Redacted.make(value), in: where, name }))

const basic = made(Credential.basic({ username: "operator", password: Redacted.make(secrets.password) }))
const bearer = made(Credential.bearer({ token: Redacted.make(secrets.bearer) }))

/** A session as vendors make them: secrets in a JSON body, a form, a header and the query of the exchange. */
const session = (baseUrl: string) => {
  const TokenResponse = Schema.Struct({
    access_token: Schema.String,
    refresh_token: Schema.String,
    expires_in: Schema.Number
  })
  const exchange = (request: HttpClientRequest.HttpClientRequest) =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const response = yield* TokenEndpoint.execute(client, request, {
        mode: "Acme",
        explain: (response) => Effect.as(Effect.logInfo("refused", response), {})
      })
      yield* Effect.logInfo("answered", response)
      const answer = yield* TokenEndpoint.json(TokenResponse, { mode: "Acme" })(response)
      return yield* Token.make({
        mode: "Acme",
        value: answer.access_token,
        refreshToken: answer.refresh_token,
        lifetime: `${answer.expires_in} seconds`
      })
    })
  const url = `${baseUrl}/hostile/token`
  const headers = {
    authorization: `Basic ${btoa(`acme:${secrets.clientSecret}`)}`,
    "x-client-secret": secrets.clientSecret
  }
  return TokenSource.make({
    mode: "Acme",
    login: exchange(
      HttpClientRequest.post(url, { headers, urlParams: { client_secret: secrets.clientSecret } }).pipe(
        HttpClientRequest.bodyUnsafeJson({ password: secrets.password, client_secret: secrets.clientSecret })
      )
    ),
    refresh: (refreshToken) =>
      exchange(
        HttpClientRequest.post(`${url}?client_secret=${secrets.clientSecret}`, { headers }).pipe(
          HttpClientRequest.bodyUrlParams({ refresh_token: Redacted.value(refreshToken) })
        )
      ),
    policy: RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.recurs(1)))
  })
}

const fixed = (authenticator: Authenticator.Authenticator, print?: unknown) =>
  LeakDetector.mode({
    secrets,
    client: (setup) =>
      Effect.map(AuthenticatedHttpClient.make(authenticator, setup), (client) => ({
        client,
        authenticator,
        ...(print === undefined ? undefined : { print: Effect.succeed(print) })
      }))
  })

const withSession = (authenticatorOf: (tokens: TokenSource.TokenSource) => Authenticator.Authenticator) =>
  LeakDetector.mode({
    secrets,
    login: "POST /hostile/token",
    client: (setup) =>
      Effect.gen(function*() {
        const tokens = yield* session(setup.baseUrl)
        const authenticator = authenticatorOf(tokens)
        return {
          client: yield* AuthenticatedHttpClient.make(authenticator, setup),
          authenticator,
          print: Effect.all([
            Effect.exit(tokens.get),
            tokens.state.get,
            Stream.runCollect(Stream.take(tokens.state.changes, 1)).pipe(Effect.map(Chunk.toArray))
          ])
        }
      })
  })

export const modes = {
  "Basic": fixed(Authenticator.basic(basic), basic),
  "Bearer": fixed(Authenticator.bearer(bearer), bearer),
  "an API key in a well-known header": fixed(Authenticator.apiKey(key("header", "x-api-key", secrets.apiKey))),
  "an API key in a custom header": fixed(Authenticator.apiKey(key("header", "X-Acme-Key", secrets.apiKey))),
  "an API key in the query": fixed(Authenticator.apiKey(key("query", "api_key", secrets.apiKey))),
  "an API key in a cookie": fixed(Authenticator.apiKey(key("cookie", "sid", secrets.cookie))),
  "Negotiate": LeakDetector.mode({
    secrets,
    client: (setup) =>
      Effect.gen(function*() {
        const authenticator = yield* Negotiate.authenticator({ service: "HTTP@acme.example" })
        return { client: yield* AuthenticatedHttpClient.make(authenticator, setup), authenticator }
      }).pipe(
        Effect.provideService(Negotiate.Negotiate, { token: () => Effect.succeed(Redacted.make(secrets.ticket)) })
      )
  }),
  "a session": withSession(Authenticator.bearer),
  "a key and a session at once": withSession((tokens) =>
    Authenticator.all(
      Authenticator.bearer(tokens),
      Authenticator.apiKey(key("header", "x-acme-key", secrets.apiKey)),
      Authenticator.apiKey(key("query", "api_key", secrets.apiKey))
    )
  ),
  "a session after a mode that is not available": withSession((tokens) =>
    Authenticator.firstAvailable(
      Authenticator.unavailable({ mode: "Bearer", problem: "ACME_TOKEN is not set" }),
      Authenticator.bearer(tokens)
    )
  )
}

export const render: ReadonlyArray<(value: unknown) => string> = [
  (value) => inspect(value, { showHidden: true, depth: 10 }),
  (value) => inspect(value, { customInspect: false, depth: 10 })
]
