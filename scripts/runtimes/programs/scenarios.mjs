/**
 * What is tried under every runtime, with nothing but `fetch`: each scenario has a server of its own, and fails with a
 * sentence if that saw anything else than it should.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"

/** A user's session at a server. */
export const session = ({ baseUrl, form }, options = {}) =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const exchange = (grant) =>
      HttpClientRequest.post(`${baseUrl}/token`, { acceptJson: true }).pipe(
        HttpClientRequest.bodyUrlParams({ ...form.client, ...grant }),
        (request) => TokenEndpoint.execute(http, request, { mode }),
        Effect.flatMap(TokenEndpoint.json(Answer, { mode })),
        Effect.flatMap((answer) =>
          Token.make({
            mode,
            value: answer.access_token,
            expiresIn: answer.expires_in,
            refreshToken: answer.refresh_token
          })
        )
      )
    return yield* TokenSource.make({
      mode,
      login: exchange({ grant_type: "password", ...form.user }),
      refresh: (refreshToken) => exchange({ grant_type: "refresh_token", refresh_token: Redacted.value(refreshToken) }),
      // when it is needed, so that what the server counts does not depend on the time that a runtime takes
      policy: RefreshPolicy.renewal(RefreshPolicy.default, RefreshPolicy.never),
      ...options
    })
  })

/** A client on a session of its own. */
export const client = (server, options = {}) =>
  Effect.flatMap(
    session(server, options),
    (tokens) => AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl: server.baseUrl, ...options })
  )

/** A limiter for servers that state their quota. */
export const rateLimiter = RateLimiter.make(RateLimitPolicy.default)

/** Makes a server: it lives as long as the process of the servers. */
export const makeServer = (origin, settings = {}) =>
  Effect.map(control(`${origin}/new?${new URLSearchParams(settings)}`), (server) => ({
    ...server,
    stats: control(`${server.baseUrl}/-/stats`),
    refuseAccessTokens: control(`${server.baseUrl}/-/refuse-access-tokens`)
  }))

const control = (url) =>
  Effect.promise(async () => {
    const response = await globalThis.fetch(url)
    if (!response.ok) throw new Error(`${url}: ${await response.text()}`)
    return response.json()
  })

export const expect = (what, actual, expected) =>
  JSON.stringify(actual) === JSON.stringify(expected)
    ? Effect.void
    : Effect.dieMessage(`${what}: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`)

/** What the server counted of a session, by the names of what is expected. */
export const expectStats = (server, expected) =>
  Effect.flatMap(
    server.stats,
    (stats) =>
      expect(
        "the server counted",
        Object.fromEntries(Object.keys(expected).map((name) => [name, stats[name]])),
        expected
      )
  )

export const get = (http, path) =>
  Effect.flatMap(http.get(path), (response) =>
    response.status === 200
      ? response.json
      : Effect.dieMessage(`GET ${path}: ${response.status}`))

/** By the name that the table shows. */
export const portable = {
  login: (origin) =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const http = yield* client(server)
      const answers = yield* Effect.all([get(http, "/a"), get(http, "/b"), get(http, "/c")], {
        concurrency: "unbounded"
      })
      yield* expect("the API knows the user", answers[2].user, server.form.user.username)
      yield* expectStats(server, { logins: 1, refreshes: 0, requests: 3, refused: 0 })
    }),

  refresh: (origin) =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin, { lifetime: 1 })
      const http = yield* client(server)
      yield* get(http, "/a")
      yield* Effect.sleep("1200 millis")
      yield* get(http, "/b")
      yield* expectStats(server, { logins: 1, refreshes: 1, reuses: 0 })
    }),

  "401 replay": (origin) =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const http = yield* client(server)
      yield* get(http, "/a")
      yield* server.refuseAccessTokens
      yield* get(http, "/b")
      yield* expectStats(server, { logins: 1, refreshes: 1, refused: 1 })
    }),

  "proof of possession": (origin) =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const { baseUrl, form: { client } } = server
      const http = yield* ClientCredentials.make({
        baseUrl,
        server: { tokenEndpoint: `${baseUrl}/token` },
        credential: { clientId: client.client_id, clientSecret: Redacted.make(client.client_secret) },
        dpop: Dpop.generated()
      })
      yield* get(http, "/a")
      yield* get(http, "/b")
      yield* expectStats(server, { logins: 1, requests: 2, refused: 0 })
    }),

  "quota wait": (origin) =>
    Effect.gen(function*() {
      const server = yield* makeServer(origin)
      const http = yield* client(server, { rateLimiter: yield* rateLimiter })
      yield* get(http, "/quota")
      yield* get(http, "/quota")
      yield* expectStats(server, { overruns: 0 })
      // what the server said of itself came too late for this one: it is refused once
      yield* get(http, "/busy")
      yield* expectStats(server, { overruns: 1 })
    })
}

/** Whether it succeeded, and what went wrong in one line. */
export const attempt = (effect) =>
  effect.pipe(
    Effect.scoped,
    Effect.timeoutFail({ duration: "20 seconds", onTimeout: () => new Error("it hangs") }),
    Effect.exit,
    Effect.map(Exit.match({
      onSuccess: () => ({ ok: true }),
      onFailure: (cause) => ({ ok: false, detail: String(Cause.squash(cause)).split("\n", 1)[0] })
    }))
  )

/** Runs each by its name, one after another, and reports on each. */
export const runAll = (scenarios, origin) =>
  Effect.forEach(
    Object.entries(scenarios),
    ([name, scenario]) => Effect.map(attempt(scenario(origin)), (result) => ({ name, ...result }))
  ).pipe(
    Effect.provide(FetchHttpClient.layer)
  )

const mode = "Fake/Password"

const Answer = Schema.Struct({
  access_token: Schema.NonEmptyString,
  expires_in: Schema.optional(Schema.Unknown),
  refresh_token: Schema.optional(Schema.NonEmptyString)
})
