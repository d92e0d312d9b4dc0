/**
 * An `HttpClient` that answers by a script and keeps a log of what it was asked: the transport below the client under
 * test, without a server.
 *
 * A script is one answer for every request, a list of answers in order, a function of the request, or a table of routes.
 * The log shows each request as it was sent, secrets in headers, query and body included, because a test compares them.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as RequestBody from "./internal/requestBody.ts"
import * as Route from "./internal/route.ts"
import type * as RequestLog from "./RequestLog.ts"

/**
 * An answer as data. A body is dropped where HTTP allows none: for HEAD and with status 204, 205 and 304.
 *
 * @since 0.1.0
 * @category models
 */
export interface Reply {
  /** Default: 200. */
  readonly status?: number | undefined
  /** Pairs repeat a name, as several `set-cookie` do. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | ReadonlyArray<readonly [name: string, value: string]>
    | undefined
  readonly body?: string | undefined
  /** A body in JSON, with its content type; instead of `body`. */
  readonly json?: unknown
  /** How long the answer takes, on the Clock. Default: no time. */
  readonly after?: Duration.DurationInput | undefined
}

/**
 * How one request is answered: with data, with a `Response` of the Web (read from a copy, so that it may answer several
 * requests), or with what an Effect does. `Effect.never` is a server that never answers; a defect is a bug of the
 * transport.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer =
  | Reply
  | Response
  | HttpClientResponse.HttpClientResponse
  | Effect.Effect<Reply | Response | HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/**
 * Answers a request by what it asks and by the requests before it.
 *
 * @since 0.1.0
 * @category models
 */
export type Handler = (request: Received, earlier: ReadonlyArray<Received>) => Answer

/**
 * One answer for every request; a list that answers the first request with its first entry, and so on; or a function.
 * A request for which a list has no entry left ends with a defect that names it, so that no code under test takes the end
 * of the script for a failure of the network.
 *
 * @since 0.1.0
 * @category models
 */
export type Script = Answer | Handler | ReadonlyArray<Answer | Handler>

/**
 * A request as the transport got it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received extends RequestLog.Received {
  /** The request itself, for a handler that hands it on to another client. A streamed body is in memory by now. */
  readonly request: HttpClientRequest.HttpClientRequest
}

/**
 * The client, and what it was asked.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service extends HttpClient.HttpClient {
  /** The requests so far, in the order in which they arrived. */
  readonly requests: Effect.Effect<ReadonlyArray<Received>>
  /** How many requests have arrived. */
  readonly count: Effect.Effect<number>
  /** {@link Service.requests}, for assertions outside of an Effect. */
  readonly unsafeRequests: () => ReadonlyArray<Received>
}

/**
 * The service tag of a scripted client, for tests that build it as a layer.
 *
 * @since 0.1.0
 * @category tags
 */
export class ScriptedHttpClient
  extends Context.Tag("@effect-auth/testing/ScriptedHttpClient")<ScriptedHttpClient, Service>()
{}

/**
 * A client that answers by this script. It holds its log: make one for each test.
 *
 * @example
 * ```ts
 * import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const client = ScriptedHttpClient.make([{ status: 503 }, { json: { count: 1 } }])
 *   yield* client.get("https://api.example/scans?page=1") // 503
 *   yield* client.get("https://api.example/scans?page=2") // 200, {"count":1}
 *   return (yield* client.requests).map(({ line }) => line) // ["GET /scans?page=1", "GET /scans?page=2"]
 * })
 * ```
 *
 * @example
 * ```ts
 * import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
 *
 * // a function of the request
 * const picky = ScriptedHttpClient.make(({ headers }) =>
 *   headers["x-api-key"] === "canary-key" ? { body: "ok" } : { status: 401 }
 * )
 *
 * // every answer takes a second of the Clock
 * const slow = ScriptedHttpClient.make({ body: "late", after: "1 second" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (script: Script): Service => {
  const handler = toHandler(script)
  const log: Array<Received> = []

  const client = HttpClient.make((request, url) =>
    Effect.gen(function*() {
      const received = yield* receive(request, url)
      const earlier = log.slice()
      log.push(received)
      const response = yield* respond(received.request, handler(received, earlier))
      log[earlier.length] = { ...received, status: response.status }
      return response
    })
  )
  return Object.assign(client, {
    requests: Effect.sync(() => log.slice()),
    count: Effect.sync(() => log.length),
    unsafeRequests: () => log.slice()
  })
}

/**
 * A scripted client as the transport of a program. Each build has a log of its own.
 *
 * @example
 * ```ts
 * import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
 * import type * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 *
 * declare const program: Effect.Effect<void, Error, HttpClient.HttpClient>
 *
 * const test = Effect.gen(function*() {
 *   yield* program
 *   return yield* Effect.flatMap(ScriptedHttpClient.ScriptedHttpClient, ({ count }) => count)
 * }).pipe(Effect.provide(ScriptedHttpClient.layer({ status: 503 })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (script: Script): Layer.Layer<ScriptedHttpClient | HttpClient.HttpClient> =>
  Layer.effectContext(Effect.sync(() => {
    const client = make(script)
    return Context.make(ScriptedHttpClient, client).pipe(Context.add(HttpClient.HttpClient, client))
  }))

/**
 * A script for each route, each with a count of its own: a list answers the requests of its route in order. The first
 * route that matches answers; other requests go to `otherwise` (default: they die with a defect that names them).
 *
 * A route is a method and a path without a query, such as `POST /login`. `*` stands for every method, and at the end of
 * a path for every ending. A path that begins with an origin is compared with it.
 *
 * @example
 * ```ts
 * import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
 * import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
 * import * as Effect from "effect/Effect"
 *
 * // a server whose API refuses every token that it issues
 * const test = Effect.gen(function*() {
 *   const fake = yield* FakeYamcs.make()
 *   return ScriptedHttpClient.make(ScriptedHttpClient.routes({
 *     "GET /api/user": [{ json: { name: "operator" } }, { status: 401 }],
 *     "* /api/*": { status: 401, body: "Token expired" }
 *   }, ({ request }) => fake.httpClient.execute(request)))
 * })
 * ```
 *
 * @since 0.1.0
 * @category scripts
 */
export const routes = (table: Readonly<Record<string, Script>>, otherwise: Script = []): Handler => {
  const entries = Object.entries(table).map(([route, script]) => ({
    matches: Route.matcher(route),
    handler: toHandler(script)
  }))
  const others = { matches: () => true, handler: toHandler(otherwise) }
  const entryOf = (received: Received) => entries.find(({ matches }) => matches(received)) ?? others
  return (received, earlier) => {
    const entry = entryOf(received)
    return entry.handler(received, earlier.filter((request) => entryOf(request) === entry))
  }
}

/**
 * Answers in order, and then with the last answer again and again.
 *
 * @since 0.1.0
 * @category scripts
 */
export const repeatLast = (first: Answer | Handler, ...others: ReadonlyArray<Answer | Handler>): Handler => {
  const answers = [first, ...others]
  return (received, earlier) =>
    toHandler(answers[Math.min(earlier.length, answers.length - 1)] ?? first)(received, earlier)
}

/**
 * The connection breaks: the request fails with a `RequestError` of reason `Transport` and this cause.
 *
 * @since 0.1.0
 * @category answers
 */
export const fail = (cause?: unknown): Handler => ({ request }) =>
  Effect.fail(RequestBody.transportError(request)(cause))

/** A client that hides the words of its transport's defects still shows the `code`. */
class ScriptExhausted extends Data.TaggedError("ScriptExhausted")<{
  readonly message: string
  readonly code: "SCRIPT_EXHAUSTED"
}> {}

const exhausted: Handler = ({ method, url }, earlier) =>
  Effect.die(
    new ScriptExhausted({
      message: `the script has no answer for ${method} ${url.origin}${url.pathname}, request ${earlier.length + 1}`,
      code: "SCRIPT_EXHAUSTED"
    })
  )

const toHandler = (script: Script): Handler => {
  if (typeof script === "function") return script
  if (!isList(script)) return () => script
  return (received, earlier) => toHandler(script[earlier.length] ?? exhausted)(received, earlier)
}

const isList = (script: Answer | ReadonlyArray<Answer | Handler>): script is ReadonlyArray<Answer | Handler> =>
  Array.isArray(script)

const receive = (
  original: HttpClientRequest.HttpClientRequest,
  target: URL
): Effect.Effect<Received, HttpClientError.RequestError> =>
  Effect.gen(function*() {
    const request = yield* RequestBody.buffered(original)
    const url = new URL(target)
    url.hash = ""
    return {
      method: request.method,
      url,
      line: `${request.method} ${url.pathname}${url.search}`,
      headers: { ...original.headers },
      body: yield* RequestBody.text(request),
      at: yield* Clock.currentTimeMillis,
      status: undefined,
      request
    }
  })

const respond = (
  request: HttpClientRequest.HttpClientRequest,
  answer: Answer
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> => {
  if (Effect.isEffect(answer)) return Effect.flatMap(answer, (answer) => respond(request, answer))
  if (answer instanceof Response) return Effect.sync(() => HttpClientResponse.fromWeb(request, answer.clone()))
  if (isClientResponse(answer)) return Effect.succeed(answer)
  const response = Effect.sync(() => HttpClientResponse.fromWeb(request, toWeb(request, answer)))
  return answer.after === undefined ? response : Effect.delay(response, answer.after)
}

const isClientResponse = (answer: Answer): answer is HttpClientResponse.HttpClientResponse =>
  Predicate.hasProperty(answer, HttpClientResponse.TypeId)

const toWeb = (
  { method }: HttpClientRequest.HttpClientRequest,
  { body, headers = [], json, status = 200 }: Reply
): Response => {
  const fields = new Headers()
  for (const [name, value] of isPairs(headers) ? headers : Object.entries(headers)) fields.append(name, value)
  if (json !== undefined && !fields.has("content-type")) fields.set("content-type", "application/json")
  const content = json === undefined ? body : JSON.stringify(json)
  const bodiless = method === "HEAD" || [204, 205, 304].includes(status)
  return new Response(bodiless ? null : content ?? "", { status, headers: fields })
}

const isPairs = (
  headers: NonNullable<Reply["headers"]>
): headers is ReadonlyArray<readonly [name: string, value: string]> => Array.isArray(headers)
