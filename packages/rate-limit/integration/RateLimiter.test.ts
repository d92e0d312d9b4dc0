import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import fastifyRateLimit from "@fastify/rate-limit"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import express from "express"
import { rateLimit } from "express-rate-limit"
import fastify from "fastify"
import * as Http from "node:http"
import * as RateLimiter from "../src/RateLimiter.ts"
import * as RateLimitHeaders from "../src/RateLimitHeaders.ts"
import * as RateLimitPolicy from "../src/RateLimitPolicy.ts"

const limit = 4
const windowMs = 1000

interface Running {
  readonly url: string
  /** The statuses that the server answered with. */
  readonly statuses: ReadonlyArray<number>
}

const expressServer = (draft: "draft-6" | "draft-7" | "draft-8"): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function*() {
    const statuses: Array<number> = []
    const app = express()
    app.use((_, response, next) => {
      response.on("finish", () => statuses.push(response.statusCode))
      next()
    })
    app.use(rateLimit({ limit, windowMs, standardHeaders: draft, legacyHeaders: false }))
    app.get("/", (_, response) => void response.send("served"))
    const server = yield* Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const server = Http.createServer(app).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    const address = server.address()
    return {
      url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      statuses
    }
  })

const fastifyServer = (enableDraftSpec: boolean): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function*() {
    const statuses: Array<number> = []
    const app = yield* Effect.acquireRelease(
      Effect.sync(() => fastify({ forceCloseConnections: true })),
      (app) => Effect.promise(() => app.close())
    )
    const url = yield* Effect.promise(async () => {
      await app.register(fastifyRateLimit, { max: limit, timeWindow: windowMs, enableDraftSpec })
      app.addHook("onResponse", async (_, reply) => void statuses.push(reply.statusCode))
      app.get("/", async () => "served")
      return app.listen({ port: 0, host: "127.0.0.1" })
    })
    return { url, statuses }
  })

const servers: ReadonlyArray<{
  readonly name: string
  readonly start: Effect.Effect<Running, never, Scope.Scope>
  readonly headers?: RateLimitHeaders.RateLimitHeaders
}> = [
  { name: "express-rate-limit, draft 6", start: expressServer("draft-6") },
  { name: "express-rate-limit, draft 7", start: expressServer("draft-7") },
  { name: "express-rate-limit, draft 8", start: expressServer("draft-8") },
  { name: "@fastify/rate-limit, draft", start: fastifyServer(true) },
  {
    name: "@fastify/rate-limit, X-RateLimit",
    start: fastifyServer(false),
    headers: RateLimitHeaders.xRateLimit({ resetUnit: "seconds" }).pipe(
      RateLimitHeaders.and(RateLimitHeaders.retryAfter)
    )
  }
]

describe("RateLimiter", () => {
  describe("against real servers", () => {
    for (const { headers = RateLimitHeaders.standard, name, start } of servers) {
      it.scopedLive(`${name}: serves ten requests at once and blocks none`, () =>
        Effect.gen(function*() {
          const server = yield* start
          const limiter = yield* RateLimiter.make(
            RateLimitPolicy.default.pipe(RateLimitPolicy.headers(headers), RateLimitPolicy.probe(true))
          )
          const http = (yield* HttpClient.HttpClient).pipe(RateLimiter.withRateLimiter(limiter))
          const bodies = yield* Effect.all(
            Array.from({ length: 10 }, () => Effect.flatMap(http.get(server.url), (response) => response.text)),
            { concurrency: "unbounded" }
          )
          assert.deepStrictEqual(bodies, Array.from({ length: 10 }, () => "served"))
          assert.deepStrictEqual(server.statuses.filter((status) => status !== 200), [])
        }).pipe(Effect.provide(FetchHttpClient.layer), Logger.withMinimumLogLevel(LogLevel.None)), 30_000)
    }
  })
})
