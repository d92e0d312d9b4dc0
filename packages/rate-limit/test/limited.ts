/** Limited clients of scripted servers. */
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"

export const policy = RateLimitPolicy.default

export const origin = "https://api.example"

/** The client as programs have it: relative URLs, and a limiter. */
export const limitedBy = (transport: HttpClient.HttpClient, limiter: RateLimiter.RateLimiter) =>
  transport.pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(origin)),
    RateLimiter.withRateLimiter(limiter)
  )

export const limited = (transport: HttpClient.HttpClient, policy: RateLimitPolicy.RateLimitPolicy) =>
  Effect.map(RateLimiter.make(policy), (limiter) => limitedBy(transport, limiter))

/** A transport that answers by the script, and then with its last answer again and again. */
export const scripted = (
  ...[first = {}, ...others]: ReadonlyArray<ScriptedHttpClient.Reply>
): ScriptedHttpClient.Service => ScriptedHttpClient.make(ScriptedHttpClient.repeatLast(first, ...others))

/** When the requests arrived, in milliseconds. */
export const timesOf = (server: ScriptedHttpClient.Service) =>
  Effect.map(server.requests, (requests) => requests.map(({ at }) => at))
