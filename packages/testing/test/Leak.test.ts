/** Every way of authenticating that core knows, through everything that can go wrong, under the leak detector. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { inspect } from "node:util"

const canaries = {
  password: "canary password ?>/ wörd",
  clientSecret: "canary+client/secret=0123456789",
  apiKey: "canary-api-key-0123456789",
  cookie: "canary-cookie-0123456789",
  bearer: "canary-bearer-token-that-is-long-enough-for-a-jwt-0123456789",
  accessToken: "canary-access-token-that-is-long-enough-for-a-jwt-0123456789",
  /** Short, so that a parser that stumbles over it quotes all of it. */
  body: "canary42",
  refreshToken: "canary-refresh-token-that-is-long-enough-for-a-jwt-0123456789"
}

const detector = Either.getOrThrow(LeakDetector.make(canaries, {
  render: [
    (value) => inspect(value),
    (value) => inspect(value, { showHidden: true, depth: 10 }),
    (value) => inspect(value, { customInspect: false, depth: 10 })
  ]
}))

/**
 * Says back what it was told wherever a careless server might: in bodies and in `Location`.
 */
const parrot: Http.RequestListener = (request, response) => {
  const chunks: Array<Buffer> = []
  request.on("data", (chunk: Buffer) => chunks.push(chunk))
  request.on("end", () => {
    const { headers, url = "" } = request
    const heard = `${headers.authorization} ${headers.cookie} ${url} ${Buffer.concat(chunks)}`
    const path = url.split("?")[0]
    const json = (body: unknown) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body))
    switch (path) {
      case "/token":
        return json({ access_token: canaries.accessToken, refresh_token: canaries.refreshToken, expires_in: 3600 })
      case "/token/malformed":
        return response.writeHead(200, { "content-type": "application/json" }).end(heard)
      case "/token/lacking":
        return json({ token: canaries.accessToken, refresh_token: heard })
      case "/token/refused":
        return response.writeHead(401).end(heard)
      case "/token/reset":
      case "/reset":
        return request.socket.destroy()
      case "/ok":
        return json({ ok: true })
      case "/session":
        response.setHeader("set-cookie", `sid=${canaries.cookie}; Path=/`)
        return json({ ok: true })
      case "/malformed":
        return response.writeHead(200, { "content-type": "application/json" }).end(canaries.body)
      case "/undecodable":
        return json({ count: "many" })
      case "/redirect":
        return response.writeHead(302, { location: `/ok?${url.split("?")[1] ?? ""}` }).end(heard)
      case "/downgrade":
        return response.writeHead(302, {
          location: `ftp://other.example/?${url.split("?")[1] ?? ""}`
        }).end(heard)
      case "/silent":
        return
      default:
        response.setHeader("www-authenticate", `Bearer realm="acme", error="invalid_token"`)
        return response.writeHead(401).end(heard)
    }
  })
}

const listen: Effect.Effect<string, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer(parrot)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  ),
  (server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
)

const transports = {
  "fetch": FetchHttpClient.layer,
  "node:http": NodeHttpClient.layer,
  "undici": NodeHttpClient.layerUndici
}

const made = <A>(credential: Either.Either<A, unknown>): A => Either.getOrThrow(credential)

const key = (where: "header" | "query" | "cookie", name: string, value: string) =>
  made(Credential.apiKey({ key: Redacted.make(value), in: where, name }))

const basic = made(Credential.basic({ username: "operator", password: Redacted.make(canaries.password) }))
const bearer = made(Credential.bearer({ token: Redacted.make(canaries.bearer) }))

/** A session as vendors make them: secrets in a JSON body, a form, a header and the query of the exchange. */
const session = (baseUrl: string, path: string) => {
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
  const headers = {
    authorization: `Basic ${btoa(`acme:${canaries.clientSecret}`)}`,
    "x-client-secret": canaries.clientSecret
  }
  return TokenSource.make({
    mode: "Acme",
    login: exchange(
      HttpClientRequest.post(`${baseUrl}${path}`, { headers, urlParams: { client_secret: canaries.clientSecret } })
        .pipe(
          HttpClientRequest.bodyUnsafeJson({ password: canaries.password, client_secret: canaries.clientSecret })
        )
    ),
    refresh: (refreshToken) =>
      exchange(
        HttpClientRequest.post(`${baseUrl}${path}?client_secret=${canaries.clientSecret}`, { headers }).pipe(
          HttpClientRequest.bodyUrlParams({ refresh_token: Redacted.value(refreshToken) })
        )
      ),
    policy: RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.recurs(1)))
  })
}

type Mode = (baseUrl: string) => Effect.Effect<
  { readonly authenticator: Authenticator.Authenticator; readonly extra?: Effect.Effect<unknown, unknown> },
  never,
  HttpClient.HttpClient | Scope.Scope
>

const modes: Record<string, Mode> = {
  "Basic": () => Effect.succeed({ authenticator: Authenticator.basic(basic), extra: Effect.succeed(basic) }),
  "Bearer": () => Effect.succeed({ authenticator: Authenticator.bearer(bearer), extra: Effect.succeed(bearer) }),
  "API key, well-known header": () =>
    Effect.succeed({ authenticator: Authenticator.apiKey(key("header", "x-api-key", canaries.apiKey)) }),
  "API key, custom header": () =>
    Effect.succeed({ authenticator: Authenticator.apiKey(key("header", "X-Acme-Key", canaries.apiKey)) }),
  "API key, query": () =>
    Effect.succeed({ authenticator: Authenticator.apiKey(key("query", "api_key", canaries.apiKey)) }),
  "API key, cookie": () =>
    Effect.succeed({ authenticator: Authenticator.apiKey(key("cookie", "sid", canaries.cookie)) }),
  "session": (baseUrl) =>
    Effect.map(session(baseUrl, "/token"), (tokens) => ({
      authenticator: Authenticator.bearer(tokens),
      extra: Effect.all([
        tokens.get,
        tokens.state,
        Stream.runCollect(Stream.take(tokens.changes, 1)).pipe(Effect.map(Chunk.toArray))
      ])
    })),
  "key and session at once": (baseUrl) =>
    Effect.map(session(baseUrl, "/token"), (tokens) => ({
      authenticator: Authenticator.all(
        Authenticator.bearer(tokens),
        Authenticator.apiKey(key("header", "x-acme-key", canaries.apiKey)),
        Authenticator.apiKey(key("query", "api_key", canaries.apiKey))
      )
    })),
  ...Object.fromEntries(
    ["malformed", "lacking", "refused", "reset"].map((failure): [string, Mode] => [
      `session whose login is ${failure}`,
      (baseUrl) =>
        Effect.map(session(baseUrl, `/token/${failure}`), (tokens) => ({
          authenticator: Authenticator.firstAvailable(
            Authenticator.unavailable({ mode: "Bearer", problem: "ACME_TOKEN is not set" }),
            Authenticator.bearer(tokens)
          ),
          extra: Effect.all([Effect.exit(tokens.get), tokens.state])
        }))
    ])
  )
}

type Client = AuthenticatedHttpClient.Service

interface Scenario {
  readonly run: (client: Client) => Effect.Effect<unknown, unknown>
  /** The tag that it ends with, in a mode whose login works. */
  readonly outcome: RegExp
}

const scenarios: Record<string, Scenario> = {
  "success": {
    run: (client) =>
      Effect.flatMap(client.get("/ok"), (response) => Effect.zip(Effect.succeed(response), response.json)),
    outcome: /^Success$/
  },
  "a session in the answer": { run: (client) => client.get("/session"), outcome: /^Success$/ },
  "wrong credentials": {
    run: (client) => client.get("/refused"),
    outcome: /^(CredentialsRejected|AuthenticationFailed)$/
  },
  "wrong credentials, as a plain HttpClient": {
    run: (client) => AuthenticatedHttpClient.toHttpClient(client).get("/refused"),
    outcome: /^RequestError$/
  },
  "a status that is filtered": {
    run: (client) => HttpClient.filterStatus(client, (status) => status === 204).get("/ok"),
    outcome: /^ResponseError$/
  },
  "a timeout": {
    run: (client) => Effect.timeout(client.get("/silent"), "50 millis"),
    outcome: /^TimeoutException$/
  },
  "a connection reset": { run: (client) => client.get("/reset"), outcome: /^RequestError$/ },
  "malformed JSON": {
    run: (client) => Effect.flatMap(client.get("/malformed"), (response) => response.json),
    outcome: /^ResponseError$/
  },
  "a failing decode": {
    run: (client) =>
      Effect.flatMap(
        client.get("/undecodable"),
        HttpClientResponse.schemaBodyJson(Schema.Struct({ count: Schema.Number }))
      ),
    outcome: /^ParseError$/
  },
  "a body of another kind": {
    run: (client) => Effect.flatMap(client.get("/malformed"), (response) => response.formData),
    outcome: /^ResponseError$/
  },
  "a redirect": { run: (client) => client.get("/redirect"), outcome: /^Success$/ },
  "a redirect that is followed": {
    run: (client) => AuthenticatedHttpClient.followRedirects(client).get("/redirect"),
    outcome: /^Success$/
  },
  "a redirect that is refused": {
    run: (client) => AuthenticatedHttpClient.followRedirects(client).get("/downgrade"),
    outcome: /^RedirectRefused$/
  },
  "another origin": { run: (client) => client.get("https://other.example/"), outcome: /^OriginRefused$/ },
  "an interrupt": {
    run: (client) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(client.get("/silent"))
        yield* Effect.sleep("20 millis")
        yield* Fiber.interrupt(fiber)
        return yield* Fiber.join(fiber)
      }),
    outcome: /^Interrupt$/
  }
}

const outcomeOf = Exit.match({
  onSuccess: () => "Success",
  onFailure: (cause: Cause.Cause<unknown>) =>
    Cause.isInterruptedOnly(cause) ? "Interrupt" : String(Object(Cause.squash(cause))._tag)
})

/** What a program does with what it gets: it prints it. */
const printed = (exit: Exit.Exit<unknown, unknown>) =>
  Effect.gen(function*() {
    yield* Effect.logInfo("exit", exit)
    if (Exit.isFailure(exit)) {
      yield* Effect.logError("failed", exit.cause)
      yield* Effect.logError(Cause.pretty(exit.cause, { renderErrorCause: true }))
    } else {
      yield* Effect.logInfo(exit.value)
    }
    yield* Effect.annotateCurrentSpan("exit", exit)
  }).pipe(Effect.annotateLogs("exit", exit), Effect.withSpan("printed", { attributes: { exit } }))

const run = (baseUrl: string, mode: Mode, scenario: Scenario["run"]) =>
  Effect.scoped(Effect.gen(function*() {
    const { authenticator, extra } = yield* mode(baseUrl)
    const client = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl })
    const exit = yield* scenario(client).pipe(Effect.withSpan("request"), Effect.exit)
    yield* printed(exit)
    const more = extra === undefined ? Exit.void : yield* Effect.exit(extra)
    yield* printed(more)
    return { exit, more, client, authenticator }
  }))

/** Whatever reaches the process's own streams or console in spite of Logger and Console. */
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

describe.sequential("core under the leak detector", () => {
  for (const [transport, layer] of Object.entries(transports)) {
    for (const [name, mode] of Object.entries(modes)) {
      it.scopedLive(`${name} over ${transport} leaks nothing, whatever goes wrong`, () =>
        Effect.gen(function*() {
          const baseUrl = yield* listen
          const context = yield* Layer.build(layer)
          for (const [what, scenario] of Object.entries(scenarios)) {
            const { exit, leaks, looked } = yield* detector.watch(
              Effect.provide(run(baseUrl, mode, scenario.run), context)
            )
            assert.deepStrictEqual(leaks, [], what)
            assert.isAbove(looked, 20, what)
            const outcome = Exit.isSuccess(exit) ? outcomeOf(exit.value.exit) : "the test itself failed"
            if (!name.includes("whose login is")) assert.match(outcome, scenario.outcome, what)
          }
        }), 60_000)
    }
  }

  it.effect("a transport that dies with the request in its hands leaks nothing", () =>
    Effect.gen(function*() {
      // not made by the platform's constructor, whose own span would quote the defect before anyone could scrub it
      const transport = HttpClient.makeWith<never, never, never, never>(
        Effect.flatMap((request) => Effect.die(Object.assign(new TypeError(inspect(request.headers)), { request }))),
        Effect.succeed
      )
      for (const [name, mode] of Object.entries(modes)) {
        const { exit, leaks } = yield* detector.watch(
          Effect.provideService(
            run("https://acme.example", mode, (client) => client.get("/ok")),
            HttpClient.HttpClient,
            transport
          )
        )
        assert.deepStrictEqual(leaks, [], name)
        assert.include(inspect(exit, { depth: 10 }), "the transport died", name)
      }
    }))

  it.effect("is alarmed when a signed request escapes", () =>
    Effect.gen(function*() {
      const transport = HttpClient.make((request) =>
        Effect.succeed(HttpClientResponse.fromWeb(request, new Response("{}")))
      )
      const leak: Mode = () =>
        Effect.succeed({
          authenticator: Authenticator.basic(basic),
          extra: transport.execute(
            HttpClientRequest.get("https://acme.example", { headers: { "x-acme-key": canaries.apiKey } })
          )
        })
      const { leaks } = yield* detector.watch(
        Effect.provideService(
          run("https://acme.example", leak, (client) => client.get("/ok")),
          HttpClient.HttpClient,
          transport
        )
      )
      for (const where of ["result", "structured log", "console", "span attribute exit"]) {
        assert.deepInclude(leaks, { secret: "apiKey", encoding: "raw", where })
      }
    }))

  it("nothing was written to the process's streams", () => {
    assert.deepStrictEqual(detector.inText("stdout and stderr", written.join("")), [])
  })
})
