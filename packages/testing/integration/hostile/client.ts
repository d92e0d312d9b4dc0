/**
 * The process that has to survive: plays every scenario of a seed against the servers whose ports it is given, and reports
 * what went wrong. Arguments: the seed and the ports. It ends by itself.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as QualysQuota from "@effect-auth/qualys/QualysQuota"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import type * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Scenario } from "./draw.ts"
import { describe, draw, isHeadAct, modes, transports } from "./draw.ts"

/** What a run is judged by. */
export interface Report {
  /** Sentences about what went wrong, each with its scenario. */
  readonly problems: ReadonlyArray<string>
  /** What the calls ended with, by the tag of the error. */
  readonly endings: Readonly<Record<string, number>>
  /** How much more memory is in use after collection than at the start. */
  readonly grownBy: number
  /** The most memory that the process ever had, in bytes. */
  readonly peak: number
  readonly longest: { readonly millis: number; readonly scenario: string }
}

const [seed = "0", ports = ""] = process.argv.slice(2)
const portOf = ports.split(",").map(Number)
const scenarios = draw(Number(seed), portOf.length)

const problems: Array<string> = []
const report = (scenario: Scenario, problem: string) => problems.push(`${describe(scenario)}: ${problem}`)
// as a finding beside others, with the seed that leads to it
process.on("uncaughtException", (error) => problems.push(`uncaught exception: ${error.stack}`))
process.on("unhandledRejection", (error) => problems.push(`unhandled rejection: ${String(error)}`))

const seconds = (count: number) => Duration.seconds(count)
const reading = { size: 1_048_576, time: seconds(2) }
const replay: ReplayPolicy.ReplayPolicy = { maxReplays: 3, reading }
const refreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.timeout("3 seconds"),
  RefreshPolicy.retry(Schedule.recurs(0)),
  RefreshPolicy.closing("1 second")
)
const limits = (policy: RateLimitPolicy.RateLimitPolicy) =>
  policy.pipe(
    RateLimitPolicy.maxReplays(1),
    RateLimitPolicy.maxWait("3 seconds"),
    RateLimitPolicy.bodies({ reading })
  )

/** How long a login may keep its caller, and how long the library may take over refusals of which each has a head. */
const loginBound = 3
const callBound = 10
/** What the program gives a call whose head may never come. */
const patience = 3
/** Grace for a machine that has other things to do. */
const grace = 5

const username = "operator"
const password = Redacted.make("canary-password")
const made = <A>(credential: Either.Either<A, unknown>): A => Either.getOrThrow(credential)
const key = (where: "header" | "query" | "cookie") =>
  Authenticator.apiKey(made(Credential.apiKey({ key: Redacted.make("canary-key"), in: where, name: "x-key" })))

const TokenResponse = Schema.Struct({
  access_token: Schema.String,
  refresh_token: Schema.String,
  expires_in: Schema.Number
})

const session = (baseUrl: string) => {
  const exchange = (form: Record<string, string>) =>
    Effect.gen(function*() {
      const client = yield* HttpClient.HttpClient
      const request = HttpClientRequest.bodyUrlParams(HttpClientRequest.post(`${baseUrl}/token`), form)
      const response = yield* TokenEndpoint.execute(client, request, {
        mode: "Session",
        explain: (response) => Effect.as(Effect.option(response.json), {})
      })
      const answer = yield* TokenEndpoint.json(TokenResponse, { mode: "Session" })(response)
      return yield* Token.make({
        value: answer.access_token,
        refreshToken: answer.refresh_token,
        lifetime: Duration.seconds(answer.expires_in)
      })
    })
  return TokenSource.make({
    login: exchange({ grant_type: "password", password: Redacted.value(password) }),
    refresh: (token) => exchange({ grant_type: "refresh_token", refresh_token: Redacted.value(token) }),
    policy: refreshPolicy
  })
}

const clientOf = ({ limited, mode }: Scenario, baseUrl: string) => {
  const redirects = limited ? 3 : undefined
  const limiter = limited ? RateLimiter.make(limits(RateLimitPolicy.default)) : Effect.succeed(undefined)
  const system = { replay, refreshPolicy, redirects, baseUrl }
  const core = <E, R>(authenticator: Effect.Effect<Authenticator.Authenticator, E, R>) =>
    Effect.flatMap(
      Effect.all([authenticator, limiter]),
      ([authenticator, rateLimiter]) =>
        AuthenticatedHttpClient.make(authenticator, {
          baseUrl,
          replay,
          ...(redirects === undefined ? undefined : { redirects }),
          ...(rateLimiter === undefined ? undefined : { rateLimiter })
        })
    )
  const vendor = <E>(layer: Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, E, HttpClient.HttpClient>) =>
    Effect.map(
      Layer.build(layer),
      (context) => Context.unsafeGet(context, AuthenticatedHttpClient.AuthenticatedHttpClient)
    )
  const platform = new Platform.Override({ api_url: baseUrl, gateway_url: baseUrl, qualysguard_url: baseUrl })
  const qualys = { ...system, platform, rateLimiter: limits(QualysQuota.policy) }
  const mq = { ...system, baseUrl: `${baseUrl}/ibmmq/rest/v3` }
  const user = { username, password }
  switch (mode) {
    case "Basic":
      return core(Effect.succeed(Authenticator.basic(user, {
        explain: (response) => Effect.as(Effect.option(response.text), {})
      })))
    case "Bearer":
      return core(
        Effect.succeed(Authenticator.bearer(made(Credential.bearer({ token: Redacted.make("canary-token") }))))
      )
    case "ApiKey/header":
      return core(Effect.succeed(key("header")))
    case "ApiKey/query":
      return core(Effect.succeed(key("query")))
    case "ApiKey/cookie":
      return core(Effect.succeed(key("cookie")))
    case "Session":
      return core(Effect.map(session(baseUrl), (tokens) => Authenticator.bearer(tokens)))
    case "Session and key":
      return core(
        Effect.map(session(baseUrl), (tokens) => Authenticator.all(Authenticator.bearer(tokens), key("query")))
      )
    case "IbmMq/Basic":
      return vendor(IbmMq.layerBasic({ ...mq, credential: user }))
    case "IbmMq/Ltpa":
      return vendor(IbmMq.layerLtpa({ ...mq, credential: user }))
    case "Yamcs/Password":
      return vendor(Yamcs.layerPassword({ ...system, credential: user }))
    case "Yamcs/ServiceAccount":
      return vendor(Yamcs.layerServiceAccount({
        ...system,
        credential: {
          clientId: "canary-client",
          clientSecret: Redacted.make("canary-secret"),
          become: "canary-account"
        }
      }))
    case "Yamcs/ApiKey":
      return vendor(Yamcs.layerApiKey({ ...system, credential: { key: Redacted.make("canary-key") } }))
    case "Yamcs/Basic":
      return vendor(Yamcs.layerBasic({ ...system, credential: user }))
    case "Qualys/Basic":
      return vendor(Qualys.layerBasic({ ...qualys, credential: user }))
    case "Qualys/Jwt":
      return vendor(Qualys.layerJwt({ ...qualys, credential: user }))
    case "Qualys/Session":
      return vendor(Qualys.layerSession({ ...qualys, credential: user }))
    case "Qualys/Bearer":
      return vendor(Qualys.layerBearer({ ...qualys, credential: { token: Redacted.make("canary-token") } }))
  }
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const begun = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(effect)
    return { exit, millis: (yield* Clock.currentTimeMillis) - begun }
  })

/** The guard is a hang's only end: nothing that is bounded should come near it. */
const within = (limit: number) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.timeoutTo(Effect.disconnect(effect), {
    duration: seconds(limit + grace),
    onSuccess: (value) => ({ hung: false, value }) as const,
    onTimeout: () => ({ hung: true }) as const
  })

const endings: Record<string, number> = {}
const longest = { millis: 0, scenario: "" }

const play = (scenario: Scenario, transport: Context.Context<HttpClient.HttpClient>) =>
  Effect.gen(function*() {
    const baseUrl = `http://127.0.0.1:${portOf[scenario.id]}`
    const path = scenario.mode.startsWith("IbmMq") ? "/ibmmq/rest/v3/admin/qmgr" : "/api/thing"
    const patient = scenario.place === "login" || !isHeadAct(scenario.act)
    const bound = scenario.place === "login" ? loginBound : patient ? callBound : patience
    const call = Effect.gen(function*() {
      const client = yield* clientOf(scenario, baseUrl)
      const answer = client.get(`${baseUrl}${path}`)
      const response = yield* patient ? answer : Effect.timeout(answer, seconds(patience))
      const checked = scenario.mode.startsWith("Qualys") && response.status === 413
        // which gives a report a minute to begin
        ? yield* Effect.timeout(QualysError.check(response), seconds(patience))
        : response
      // what the library has handed over is its caller's, who loses patience and with it the connection
      yield* Effect.ignore(Effect.timeout(Effect.disconnect(Stream.runDrain(checked.stream)), "50 millis"))
      return checked
    })
    // the end of the Scope, with its logout, is part of it
    const played = yield* within(bound + 1)(timed(Effect.scoped(call)))
    if (played.hung) return report(scenario, `still at it after ${bound + 1 + grace} s`)
    const { exit, millis } = played.value
    if (millis > longest.millis) Object.assign(longest, { millis, scenario: describe(scenario) })
    const ending = Exit.match(exit, {
      onSuccess: ({ status }) => `HTTP ${status}`,
      onFailure: (cause) =>
        Either.match(Cause.failureOrCause(cause), {
          onLeft: (error) => String((error as { readonly _tag?: unknown })._tag),
          onRight: (cause) => {
            report(scenario, `died: ${Cause.pretty(cause)}`)
            return "died"
          }
        })
    })
    endings[ending] = (endings[ending] ?? 0) + 1

    const after = yield* within(0)(Effect.exit(
      Effect.gen(function*() {
        const client = yield* AuthenticatedHttpClient.make(Authenticator.basic({ username, password }), { baseUrl })
        return yield* Effect.flatMap(client.get("/good"), (response) => response.text)
        // node:http keeps the connection of a 204, although a body follows, which the next request takes for its answer
      }).pipe(Effect.retry({ times: scenario.transport === "node:http" && scenario.status === 204 ? 1 : 0 }))
    ))
    if (after.hung) return report(scenario, "the good server afterwards does not answer")
    if (!Exit.isSuccess(after.value) || after.value.value !== "good") {
      report(scenario, `the good server afterwards fails: ${String(after.value)}`)
    }
  }).pipe(Effect.provide(transport))

const layers = {
  "fetch": FetchHttpClient.layer,
  "node:http": NodeHttpClient.layerWithoutAgent.pipe(
    Layer.provide(NodeHttpClient.makeAgentLayer({ keepAlive: true }))
  ),
  "undici": NodeHttpClient.layerUndici
}

const collect = globalThis.gc ?? (() => {
  throw new Error("needs --expose-gc")
})

/** Of the heap and beside it, once the collector has come to rest. */
const inUse = Effect.gen(function*() {
  for (let i = 0; i < 5; i++) {
    collect()
    yield* Effect.sleep("100 millis")
  }
  const { arrayBuffers, external, heapUsed } = process.memoryUsage()
  return heapUsed + external + arrayBuffers
})

/** Everything that is loaded or compiled late has been: each mode over each transport once. */
const warmUp = (contexts: Record<Scenario["transport"], Context.Context<HttpClient.HttpClient>>) =>
  Effect.forEach(scenarios.slice(0, 1), (scenario) => {
    const baseUrl = `http://127.0.0.1:${portOf[scenario.id]}`
    return Effect.forEach(
      modes.flatMap((mode) => transports.map((transport) => ({ ...scenario, mode, transport, limited: true }))),
      (scenario) =>
        Effect.flatMap(clientOf(scenario, baseUrl), (client) => client.get(`${baseUrl}/good`)).pipe(
          Effect.timeout("1 second"),
          Effect.scoped,
          Effect.exit,
          Effect.provide(contexts[scenario.transport])
        ),
      { concurrency: 8 }
    )
  })

const main = Effect.gen(function*() {
  const contexts = {
    "fetch": yield* Layer.build(layers.fetch),
    "node:http": yield* Layer.build(layers["node:http"]),
    "undici": yield* Layer.build(layers.undici)
  }
  yield* warmUp(contexts)
  const before = yield* inUse
  yield* Effect.forEach(scenarios, (scenario) => play(scenario, contexts[scenario.transport]), {
    concurrency: 24,
    discard: true
  })
  const after = yield* inUse
  return { problems, endings, longest, grownBy: after - before, peak: process.resourceUsage().maxRSS * 1024 }
}).pipe(Effect.scoped, Logger.withMinimumLogLevel(LogLevel.None))

Effect.runPromise(main).then(
  (report: Report) => process.send?.(report, () => process.disconnect()),
  (error) => {
    problems.push(`the run itself failed: ${String(error)}`)
    process.send?.({ problems, endings, longest, grownBy: 0, peak: 0 } satisfies Report, () => process.disconnect())
  }
)
