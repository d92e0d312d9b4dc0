/**
 * A plain HttpClient within the quota of a server, without authentication: ten requests at once to a server that admits
 * four per second. None is blocked, because the limiter learns the quota from the first response.
 *
 *     tsx examples/src/rate-limit-plain.ts
 */
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import { createServer } from "node:http"
import { runMain } from "./runMain.ts"

const perSecond = 4

/** A server that counts requests in windows of one second, and states its quota in the IETF's fields. */
const Server = Effect.gen(function*() {
  const usage = yield* Ref.make({ window: 0, used: 0 })
  const handler = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    const window = Math.floor(now / 1000)
    const { used } = yield* Ref.updateAndGet(
      usage,
      (usage) => usage.window === window ? { window, used: usage.used + 1 } : { window, used: 1 }
    )
    const { url } = yield* HttpServerRequest.HttpServerRequest
    return HttpServerResponse.text(used > perSecond ? "too many requests" : `served ${url}`, {
      status: used > perSecond ? 429 : 200,
      headers: {
        "ratelimit-policy": `"second";q=${perSecond};w=1`,
        ratelimit: `"second";r=${Math.max(0, perSecond - used)};t=1`
      }
    })
  })
  return HttpServer.serve(handler)
}).pipe(Layer.unwrapEffect, Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })))

const program = Effect.gen(function*() {
  // the limiter logs its waits
  const policy = RateLimitPolicy.default.pipe(RateLimitPolicy.probe(true), RateLimitPolicy.warnBelow([]))
  const limiter = yield* RateLimiter.make(policy)
  const baseUrl = yield* HttpServer.addressFormattedWith(Effect.succeed)
  const http = (yield* HttpClient.HttpClient).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(baseUrl)),
    RateLimiter.withRateLimiter(limiter)
  )

  const begun = yield* Clock.currentTimeMillis
  yield* Effect.forEach(
    Array.from({ length: 10 }, (_, n) => n),
    (n) =>
      Effect.gen(function*() {
        const response = yield* http.get(`/things?n=${n}`)
        const elapsed = (yield* Clock.currentTimeMillis) - begun
        yield* Console.log(`${response.status} ${yield* response.text} after ${elapsed} ms`)
      }),
    { concurrency: "unbounded" }
  )
  for (const { key, quotas } of yield* limiter.snapshot) {
    for (const { limit, name, remaining, reset = Duration.zero } of quotas) {
      yield* Console.log(`${key}, quota "${name}": ${remaining} of ${limit} left, more in ${Duration.format(reset)}`)
    }
  }
})

runMain(program.pipe(Effect.scoped, Effect.provide([Server, FetchHttpClient.layer])))
