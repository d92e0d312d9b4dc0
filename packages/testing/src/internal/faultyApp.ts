/** An app that keeps a log of what it is asked and misbehaves as it is told. */
import * as Headers from "@effect/platform/Headers"
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import type { Fault } from "../Fault.ts"
import type { Received } from "../RequestLog.ts"
import * as Latency from "./latency.ts"
import * as Route from "./route.ts"

/** Which requests suffer a fault, and how often. */
export interface Rule {
  readonly fault: Fault
  readonly matches: (target: Route.Target) => boolean
  readonly left: number
}

export interface FaultyApp {
  readonly app: HttpApp.Default
  readonly log: Ref.Ref<ReadonlyArray<Received>>
  readonly rules: Ref.Ref<ReadonlyArray<Rule>>
}

/** What a request brings with it. */
export type OfRequest = HttpServerRequest.HttpServerRequest | Scope.Scope

export const make = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>
): Effect.Effect<FaultyApp, never, Exclude<R, OfRequest>> =>
  Effect.gen(function*() {
    const context = yield* Effect.context<Exclude<R, OfRequest>>()
    const log = yield* Ref.make<ReadonlyArray<Received>>([])
    const rules = yield* Ref.make<ReadonlyArray<Rule>>([])
    const answered = handled(app, context)

    const faulty = Effect.gen(function*() {
      const arrived = yield* HttpServerRequest.HttpServerRequest
      const { body, request } = yield* buffered(arrived)
      const received = yield* receive(request, body)
      const number = yield* Ref.modify(log, (log) => [log.length, [...log, received]])
      const fault = yield* Ref.modify(rules, (rules) => taken(rules, received))
      const answer = Effect.provideService(answered, HttpServerRequest.HttpServerRequest, request)
      const response = yield* fault === undefined ? answer : suffered(fault, arrived, answer)
      yield* Ref.update(log, (log) => log.map((it, i) => i === number ? { ...it, status: response.status } : it))
      return response
    })
    return { app: faulty, log, rules }
  })

export const rule = (
  fault: Fault,
  { on = "* *", times = 1 }: { readonly on?: string | undefined; readonly times?: number | undefined } = {}
): Rule => ({ fault, matches: Route.matcher(on), left: times })

/** The fault of the first rule that concerns the request, and what is left of the rules. */
export const taken = (
  rules: ReadonlyArray<Rule>,
  target: Route.Target
): readonly [Fault | undefined, ReadonlyArray<Rule>] => {
  const found = rules.find(({ left, matches }) => left > 0 && matches(target))
  return [found?.fault, rules.map((rule) => rule === found ? { ...rule, left: rule.left - 1 } : rule)]
}

/** Answers as a server of the platform does: what an app fails with, and a defect, become an answer too. */
const handled = <E, R>(
  app: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>,
  context: Context.Context<Exclude<R, OfRequest>>
): HttpApp.Default =>
  Effect.flatMap(Scope.make(), (scope) =>
    app.pipe(
      Effect.catchAllCause((cause) =>
        Cause.isInterruptedOnly(cause)
          ? Effect.interrupt
          : Effect.flatMap(HttpServerError.causeResponse(cause), ([response]) =>
            Effect.as(response.status < 500 ? Effect.void : Effect.logError(appFailed, cause), response))
      ),
      // what the app opens for a streamed answer is closed when that has been read
      Effect.flatMap((response) =>
        response.body._tag === "Stream"
          ? Effect.succeed(streamed(response, Stream.ensuring(response.body.stream, Scope.close(scope, Exit.void))))
          : Effect.as(Scope.close(scope, Exit.void), response)
      ),
      Effect.onInterrupt(() =>
        Scope.close(scope, Exit.void)
      ),
      Effect.mapInputContext((own: Context.Context<HttpServerRequest.HttpServerRequest>) =>
        // that `R` is made of these two is more than the types can tell
        Context.unsafeMake<R | HttpServerRequest.HttpServerRequest>(
          new Map([
            ...own.unsafeMap,
            ...context.unsafeMap,
            // an app that is a client itself has a transport of its own: of the caller's it gets what a request carries
            ...Context.pick(HttpServerRequest.HttpServerRequest, Tracer.ParentSpan)(own).unsafeMap,
            [Scope.Scope.key, scope]
          ])
        )
      )
    ))

/** A test sees no more than the status otherwise. */
const appFailed = "FakeServer: the app failed, which is answered with a status of 500 or more"

const streamed = (
  response: HttpServerResponse.HttpServerResponse,
  stream: Stream.Stream<Uint8Array, unknown>
): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setBody(
    response,
    HttpBody.stream(stream, response.body.contentType, response.body.contentLength)
  )

/** The body is read here, for the log, and once more by the app. */
const buffered = (
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<{ readonly request: HttpServerRequest.HttpServerRequest; readonly body: string }> =>
  request.method === "GET" || request.method === "HEAD"
    ? Effect.succeed({ request, body: "" })
    : Effect.map(Effect.orDie(request.arrayBuffer), (body) => {
      const source = new Request(urlOf(request), {
        method: request.method,
        headers: Headers.remove(request.headers, "content-length"),
        body: body.byteLength === 0 ? null : body
      })
      return {
        body: new TextDecoder().decode(body),
        request: HttpServerRequest.fromWeb(source).modify({
          headers: request.headers,
          url: request.url,
          ...(Option.isSome(request.remoteAddress) ? { remoteAddress: request.remoteAddress.value } : undefined)
        })
      }
    })

/** In memory a request has the URL of its client; on a socket a path, and a host. */
const urlOf = ({ headers, source, url }: HttpServerRequest.HttpServerRequest): string =>
  source instanceof Request ? source.url : `http://${headers["host"] ?? "fake.example"}${url}`

const receive = (request: HttpServerRequest.HttpServerRequest, body: string): Effect.Effect<Received> =>
  Effect.map(Clock.currentTimeMillis, (at) => {
    const url = new URL(request.url, `http://${request.headers["host"] ?? "fake.example"}`)
    return {
      method: request.method,
      url,
      line: `${request.method} ${url.pathname}${url.search}`,
      headers: { ...request.headers },
      body,
      at,
      status: undefined
    }
  })

const suffered = (
  fault: Fault,
  request: HttpServerRequest.HttpServerRequest,
  answer: HttpApp.Default
): HttpApp.Default => {
  switch (fault._tag) {
    case "BlackHole":
      return Latency.noAnswer
    case "Latency":
      return Effect.zipLeft(answer, Effect.sleep(fault.by))
    case "Status":
      return Effect.succeed(HttpServerResponse.text(fault.body ?? "", { status: fault.status, headers: fault.headers }))
    case "Truncate":
      return Effect.flatMap(answer, (response) => truncated(response, fault.bytes, request))
    case "Reset":
    case "Close":
    case "Garbage":
      return broken(fault._tag, request)
  }
}

/** A defect of an app in memory is a connection that breaks. */
class ConnectionBroken extends Data.TaggedError("ConnectionBroken")<{
  readonly message: string
  readonly code: "ECONNRESET"
}> {}

const connectionBroken = (message: string) => new ConnectionBroken({ message, code: "ECONNRESET" })

/** On a socket of Node.js the connection itself is broken, which ends this fiber. */
const broken = (
  how: keyof typeof messages,
  { source }: HttpServerRequest.HttpServerRequest
): Effect.Effect<never> => {
  const socket = Predicate.hasProperty(source, "socket") && Predicate.isObject(source.socket)
    ? source.socket
    : undefined
  const call = (method: string, ...args: ReadonlyArray<unknown>) =>
    Effect.sync(() => {
      if (socket === undefined || !Predicate.hasProperty(socket, method)) return
      const f = socket[method]
      if (Predicate.isFunction(f)) Reflect.apply(f, socket, args)
    })
  if (socket === undefined) return Effect.die(connectionBroken(messages[how]))
  switch (how) {
    case "Reset":
      return Effect.zipRight(call("resetAndDestroy"), Latency.noAnswer)
    case "Close":
      return Effect.zipRight(call("destroy"), Latency.noAnswer)
    case "Truncate":
      // once what was written is on its way
      return Effect.zipRight(Effect.zipRight(Effect.sleep("1 millis"), call("destroySoon")), Latency.noAnswer)
    case "Garbage":
      return Effect.zipRight(call("end", "this is not HTTP\r\n\r\n"), Latency.noAnswer)
  }
}

const messages = {
  Reset: "read ECONNRESET",
  Close: "socket hang up",
  Truncate: "the body ends early",
  Garbage: "Parse Error: Expected HTTP/"
}

const truncated = (
  response: HttpServerResponse.HttpServerResponse,
  bytes: number,
  request: HttpServerRequest.HttpServerRequest
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(Effect.runtime<never>(), (runtime) => {
    const { body } = HttpServerResponse.toWeb(response, { runtime })
    const whole: Stream.Stream<Uint8Array, unknown> = body === null
      ? Stream.empty
      : Stream.fromReadableStream(() => body, (error) => error)
    const beginning = whole.pipe(
      Stream.mapConcat((chunk) => chunk),
      Stream.take(bytes),
      Stream.chunks,
      Stream.map((chunk) => Uint8Array.from(chunk)),
      // sends the head, if nothing follows it
      Stream.prepend(Chunk.of(new Uint8Array()))
    )
    return streamed(response, Stream.concat(beginning, Stream.fromEffect(broken("Truncate", request))))
  })
