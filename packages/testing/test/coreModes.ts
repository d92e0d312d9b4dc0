/** Every way of authenticating that core knows, and the tests of all of them under the leak suite. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import { inspect } from "node:util"

const secrets = {
  password: "canary password ?>/ wörd",
  clientSecret: "canary+client/secret=0123456789",
  apiKey: "canary-api-key-0123456789",
  cookie: "canary-cookie-0123456789",
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

const modes = {
  "Basic": fixed(Authenticator.basic(basic), basic),
  "Bearer": fixed(Authenticator.bearer(bearer), bearer),
  "an API key in a well-known header": fixed(Authenticator.apiKey(key("header", "x-api-key", secrets.apiKey))),
  "an API key in a custom header": fixed(Authenticator.apiKey(key("header", "X-Acme-Key", secrets.apiKey))),
  "an API key in the query": fixed(Authenticator.apiKey(key("query", "api_key", secrets.apiKey))),
  "an API key in a cookie": fixed(Authenticator.apiKey(key("cookie", "sid", secrets.cookie))),
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

const cases = LeakDetector.suite(modes, {
  render: [
    (value) => inspect(value, { showHidden: true, depth: 10 }),
    (value) => inspect(value, { customInspect: false, depth: 10 })
  ],
  sockets: {
    serve: FakeServer.serve,
    reset: Effect.map(
      HttpServerRequest.HttpServerRequest,
      (request) => NodeHttpServerRequest.toIncomingMessage(request).socket.destroy()
    ),
    transports: {
      "fetch": FetchHttpClient.layer,
      "node:http": NodeHttpClient.layer,
      "undici": NodeHttpClient.layerUndici
    }
  }
})

const transports = ["fetch", "node:http", "undici"]

/**
 * Declares the tests: all scenarios of a mode over a transport are one, and its error names the scenario. Every mode runs
 * in memory, and over all transports or over one of them in turn.
 */
export const declareTests = (options: { readonly overEveryTransport: boolean }): void => {
  /** What reaches the process's own streams in spite of Logger and Console. */
  const written: Array<string> = []
  const restore: Array<() => void> = []

  beforeAll(() => {
    for (const stream of [process.stdout, process.stderr]) {
      const write = stream.write
      stream.write = ((chunk: unknown, ...rest: Array<never>) => {
        written.push(String(chunk))
        return write.call(stream, chunk as string, ...rest)
      }) as typeof write
      restore.push(() => {
        stream.write = write
      })
    }
  })

  afterAll(() => restore.forEach((undo) => undo()))

  describe.sequential("core under the leak suite", () => {
    for (const [index, [mode, ofMode]] of Object.entries(Arr.groupBy(cases, ({ mode }) => mode)).entries()) {
      for (const [transport, group] of Object.entries(Arr.groupBy(ofMode, ({ transport }) => transport))) {
        const isInTurn = transport === "memory" || transport === transports[index % transports.length]
        if (!options.overEveryTransport && !isInTurn) continue
        it.effect(`${mode} over ${transport} shows no secret, whatever goes wrong`, () =>
          Effect.forEach(group, ({ effect }) => effect, { discard: true }).pipe(
            Effect.provide(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
          ))
      }
    }

    it("nothing was written to the process's streams", () => {
      const detector = Either.getOrThrow(LeakDetector.make(secrets))
      assert.deepStrictEqual(detector.inText("stdout and stderr", written.join("")), [])
    })
  })
}
