/**
 * One request on its way through a client: credentials are obtained and written on it, it is sent (once a rate limiter
 * admits it), and its answer is reviewed. A refusal renews the credentials and sends the request again, as long as a
 * renewal step is left; a redirect leads to another hop. Decisions are made by `refusal.ts` and `redirect.ts`.
 */
import { peek } from "@effect-auth/rate-limit/internal/peek"
import * as Upload from "@effect-auth/rate-limit/internal/upload"
import type { Making, RateLimiter } from "@effect-auth/rate-limit/RateLimiter"
import type { ReplayPolicy } from "@effect-auth/rate-limit/ReplayPolicy"
import { isReplayable } from "@effect-auth/rate-limit/ReplayPolicy"
import * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import type { ClientError } from "../../AuthError.ts"
import * as AuthEvent from "../../AuthEvent.ts"
import type { Demand } from "../token/demand.ts"
import type { RenewalStep } from "../token/rejection.ts"
import type { ActiveCredentials, Authenticator, Review } from "./activeCredentials.ts"
import { isImmediate } from "./activeCredentials.ts"
import { addressOf } from "./address.ts"
import * as Redirect from "./redirect.ts"
import * as Refusal from "./refusal.ts"
import * as Scrub from "./scrub.ts"
import type { AnyFiber, Outgoing, Transport } from "./tracing.ts"

/** What all requests of one client share. */
export interface Client {
  readonly authenticator: Authenticator
  readonly transport: Transport
  readonly rateLimiter: RateLimiter | undefined
  readonly replay: ReplayPolicy
  /** `undefined`: a redirect is an ordinary answer. */
  readonly redirects: Redirect.Rules | undefined
}

/** How far a request has come. */
export interface RequestContext {
  /** As its caller made it, with an absolute URL. */
  readonly request: HttpClientRequest.HttpClientRequest
  /** The last renewal step that was attempted for it. */
  readonly attempted: RenewalStep
  /** How often it was sent again after refusals. */
  readonly replays: number
  /** How often it was sent again because the server asked for it, or for more than its token stood for. */
  readonly repeats: number
  /** How often in a row the server has just asked for it. Default: not at all. */
  readonly inARow?: number | undefined
  /** How many redirects led to it. */
  readonly redirects: number
  /** When it was made, as the rate limiter noted it; `undefined` before its first attempt. */
  readonly making?: Making | undefined
}

type Answer = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError | ClientError>

/** Sends a request that may carry credentials to its origin. */
export const send = (client: Client, context: RequestContext): Answer =>
  client.rateLimiter === undefined
    // its fiber is asked for once: for the clock, and for what the transport has to know
    ? Effect.withFiberRuntime((fiber) => {
      const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
      const proved = proving(client.authenticator, context.request, clock.unsafeCurrentTimeMillis())
      return isImmediate(proved)
        ? sendWith(client, fiber, proved.value, context)
        : Effect.flatMap(proved, (credentials) => sendWith(client, fiber, credentials, context))
    })
    : sendLimited(client, client.rateLimiter, context)

const sendWith = (client: Client, fiber: AnyFiber, credentials: ActiveCredentials, context: RequestContext): Answer => {
  const { request } = context
  return closing(
    request,
    (sent, closed) =>
      calling(
        "sending the request",
        () =>
          client.transport.sendMatched(fiber, outgoing(credentials, sent, request), {
            onFailure: (cause) => Scrub.failure(cause, request),
            onSuccess: (response) => closed(response, reviewed(client, credentials, context, response))
          })
      )
  )
}

/** A streamed body has a source that has to be closed in time; any other body is sent as it is. */
const closing = (
  request: HttpClientRequest.HttpClientRequest,
  sending: (sent: HttpClientRequest.HttpClientRequest, closed: Upload.Closing) => Answer
): Answer =>
  request.body._tag === "Stream"
    // suspended: a transport is asked only when nothing else comes before what it returns
    ? Upload.send(request, (sent, closed) => Effect.suspend(() => sending(sent, closed)))
    : sending(request, nothingToClose)

const nothingToClose: Upload.Closing = (_response, outcome) => outcome

const proving = (authenticator: Authenticator, request: HttpClientRequest.HttpClientRequest, now: number) => {
  const proved = calling("obtaining credentials", () => authenticator.prove(request, now))
  return isImmediate(proved) ? proved : Scrub.withoutWords(proved, "obtaining credentials")
}

/** What a function gives; what it throws loses its words, which may quote a secret. */
const calling = <A, E, R>(what: string, call: () => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => {
  try {
    return call()
  } catch (defect) {
    return Effect.die(Scrub.wordless(defect, what))
  }
}

const outgoing = (
  credentials: ActiveCredentials,
  sent: HttpClientRequest.HttpClientRequest,
  shown: HttpClientRequest.HttpClientRequest
): Outgoing => ({
  request: credentials.apply(sent),
  shown,
  credentials
})

/** Credentials are obtained for each attempt, after the wait for it; those of the last attempt are reviewed. */
const sendLimited = (client: Client, rateLimiter: RateLimiter, context: RequestContext): Answer => {
  const { authenticator } = client
  const { request } = context
  const latest = MutableRef.make<ActiveCredentials | undefined>(undefined)
  const making: Making = context.making ?? MutableRef.make<number | undefined>(undefined)
  const attemptWith = (sent: HttpClientRequest.HttpClientRequest, credentials: ActiveCredentials) => {
    MutableRef.set(latest, credentials)
    const sendIn = (fiber: AnyFiber) =>
      calling("sending the request", () => client.transport.send(fiber, outgoing(credentials, sent, request)))
    // called while its fiber runs, so that it need not be asked for by an effect
    const fiber = Option.getOrUndefined(Fiber.getCurrentFiber())
    return fiber === undefined ? Effect.withFiberRuntime(sendIn) : sendIn(fiber)
  }
  const limited = (sent: HttpClientRequest.HttpClientRequest) =>
    calling(limiting, () =>
      rateLimiter.run(
        sent,
        (now) => {
          MutableRef.set(latest, undefined)
          const proved = proving(authenticator, request, now)
          return isImmediate(proved)
            ? attemptWith(sent, proved.value)
            : Effect.flatMap(proved, (credentials) => attemptWith(sent, credentials))
        },
        AuthEvent.publish,
        making
      ))
  return closing(request, (sent, closed) =>
    Effect.matchCauseEffect(limited(sent), {
      // without credentials nothing was sent
      onFailure: (cause) =>
        MutableRef.get(latest) === undefined
          ? Scrub.withoutWords(Effect.failCause(cause), limiting)
          : Scrub.failure(cause, request),
      onSuccess: (response) => {
        const credentials = MutableRef.get(latest)
        // a rate limiter of the user's own may have had the answer already
        return credentials === undefined
          ? Effect.succeed(Scrub.response(response, request))
          : closed(response, reviewed(client, credentials, madeAt(context, making), response))
      }
    }))
}

/** A limiter may be of the user's own. */
const limiting = "the rate limiter"

/** Written out, because every limited request makes one. */
const madeAt = (
  { attempted, inARow, redirects, repeats, replays, request }: RequestContext,
  making: Making
): RequestContext => ({
  request,
  attempted,
  replays,
  repeats,
  inARow,
  redirects,
  making
})

const reviewed = (
  client: Client,
  credentials: ActiveCredentials,
  context: RequestContext,
  response: HttpClientResponse.HttpClientResponse
): Answer =>
  calling("reviewing an answer", () => {
    const review = credentials.review(response)
    const { reviewBody } = credentials
    return review._tag === "Accepted" && reviewBody?.wanted(response) === true
      ? Effect.matchEffect(peek(response, { ...ResponseBody.readingBounds, size: reviewedSize }), {
        onFailure: (error) => Effect.fail(Scrub.error(error, context.request)),
        onSuccess: ({ response, whole }) =>
          calling("reviewing an answer", () => {
            const ofBody = Option.map(whole, (body) => reviewBody.review(body, response))
            return judged(client, credentials, context, response, Option.getOrElse(ofBody, () => review))
          })
      })
      : judged(client, credentials, context, response, review)
  })

const judged = (
  client: Client,
  credentials: ActiveCredentials,
  context: RequestContext,
  response: HttpClientResponse.HttpClientResponse,
  review: Review
): Answer => {
  switch (review._tag) {
    case "Accepted": {
      const scrubbed = Scrub.response(response, context.request, credentials)
      const { redirects } = client
      if (redirects === undefined || Redirect.locationOf(scrubbed) === undefined) return Effect.succeed(scrubbed)
      return follow(client, redirects, { ...context, locations: credentials.locations }, scrubbed, context.making)
    }
    case "Failed":
      return Effect.zipRight(ResponseBody.discard(response, client.replay.discarding), Effect.fail(review.error))
    case "Refused":
      return refused(client, credentials, context, response, review.demand)
    case "Repeat": {
      const { inARow = 0, repeats, request } = context
      const { most = mostRepeats } = review
      return repeats < mostRepeats && inARow < most && client.replay.maxReplays > 0 && isReplayable(request)
        ? repeated(client, credentials, { ...context, repeats: repeats + 1, inARow: inARow + 1 }, response, "reuse")
        // it was not the credentials that the server refused, so they stay what they are
        : failed(client, credentials, context, response, isReplayable(request) ? "Failed" : "NotReplayable")
    }
  }
}

/** In bytes. A refusal is short; a longer body carries data. */
const reviewedSize = 16_384

/** Beside the replays of a policy: three for one request, as for authorizations of the Model Context Protocol. */
const mostRepeats = 3

/** Sends the request again, with the credentials that the step brings. */
const repeated = (
  client: Client,
  { mode }: ActiveCredentials,
  context: RequestContext,
  response: HttpClientResponse.HttpClientResponse,
  step: RenewalStep
): Answer =>
  ResponseBody.discard(response, client.replay.discarding).pipe(
    Effect.zipRight(AuthEvent.publish(AuthEvent.AuthEvent.RequestReplayed({ mode, status: response.status, step }))),
    Effect.zipRight(Effect.suspend(() => send(client, context)))
  )

const refused = (
  client: Client,
  credentials: ActiveCredentials,
  context: RequestContext,
  response: HttpClientResponse.HttpClientResponse,
  demand: Demand | undefined
): Answer =>
  Effect.flatMap(nextStep(credentials, context, demand), (step) => {
    const { repeats, request } = context
    // a demand is counted apart, and leaves the steps after a refusal; a schedule counts how often a token is sent again
    const replays = demand === undefined && step !== "again" ? context.replays : 0
    const { maxReplays } = client.replay
    const renewable = credentials.isRenewable === true
    const outcome = Refusal.outcome({ step, replays, maxReplays, renewable, replayable: isReplayable(request) })
    if (outcome === "Replay") {
      const next = step === "again"
        ? context
        : demand === undefined
        ? { ...context, attempted: step, replays: replays + 1, inARow: 0 }
        : { ...context, repeats: repeats + 1, inARow: 0 }
      return repeated(client, credentials, next, response, step)
    }
    return failed(client, credentials, context, response, outcome)
  })

/** The refusal as the caller gets it, in the words of the server. */
const failed = (
  client: Client,
  credentials: ActiveCredentials,
  { request }: RequestContext,
  response: HttpClientResponse.HttpClientResponse,
  outcome: Exclude<Refusal.Outcome, "Replay">
): Answer => {
  const { discarding, reading } = client.replay
  const { mode } = credentials
  const { status } = response
  const bounded = ResponseBody.bounded(response, reading)
  return Effect.flatMap(
    Scrub.withoutWords(
      Effect.suspend(() => credentials.explain(Scrub.response(bounded, request, credentials))),
      "explaining a refusal"
    ),
    (message) =>
      Effect.zipRight(
        ResponseBody.discard(response, discarding),
        Effect.fail(Refusal.error(outcome, { mode, url: addressOf(request), status }, message))
      )
  )
}

const nextStep = (
  credentials: ActiveCredentials,
  { attempted, repeats }: RequestContext,
  demand: Demand | undefined
): Effect.Effect<RenewalStep> =>
  demand !== undefined && repeats >= mostRepeats
    ? Effect.succeed("fail")
    : Scrub.withoutWords(credentials.reject(attempted, demand), "renewing credentials")

/** Each hop to an origin of the client has credentials of its own; any other goes out without a trace of them. */
const follow = (
  client: Client,
  rules: Redirect.Rules,
  hop: Redirect.Hop,
  response: HttpClientResponse.HttpClientResponse,
  making: Making | undefined
): Answer => {
  const decision = Redirect.decide(hop, response, rules)
  switch (decision._tag) {
    case "Stay":
      return Effect.succeed(response)
    case "Refuse":
      return Effect.zipRight(ResponseBody.discard(response, client.replay.discarding), Effect.fail(decision.error))
    case "Follow": {
      const { authenticated, request } = decision.next
      const redirects = hop.redirects + 1
      const next: Answer = authenticated
        ? send(client, { request, redirects, attempted: "reuse", replays: 0, repeats: 0, making })
        : Effect.withFiberRuntime((fiber) => {
          const hop = { request, redirects, locations: undefined }
          return closing(
            request,
            (sent, closed) =>
              calling("sending the request", () =>
                client.transport.sendMatched(
                  fiber,
                  { request: sent, shown: request, credentials: undefined },
                  {
                    onFailure: (cause) => Scrub.failure(cause, request),
                    onSuccess: (response) =>
                      closed(response, follow(client, rules, hop, Scrub.response(response, request), making))
                  }
                ))
          )
        })
      return Effect.zipRight(ResponseBody.discard(response, client.replay.discarding), next)
    }
  }
}
