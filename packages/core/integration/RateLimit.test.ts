import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as RateLimit from "@effect-auth/core/RateLimit"
import * as RateLimitDialect from "@effect-auth/core/RateLimitDialect"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { assert, describe, it } from "@effect/vitest"
import fastifyRateLimit from "@fastify/rate-limit"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import express from "express"
import { rateLimit } from "express-rate-limit"
import fastify from "fastify"
import * as Http from "node:http"

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
  readonly dialect?: RateLimitDialect.Dialect
}> = [
  { name: "express-rate-limit, draft 6", start: expressServer("draft-6") },
  { name: "express-rate-limit, draft 7", start: expressServer("draft-7") },
  { name: "express-rate-limit, draft 8", start: expressServer("draft-8") },
  { name: "@fastify/rate-limit, draft", start: fastifyServer(true) },
  {
    name: "@fastify/rate-limit, X-RateLimit",
    start: fastifyServer(false),
    dialect: RateLimitDialect.xRateLimit({ resetUnit: "seconds" }).pipe(
      RateLimitDialect.and(RateLimitDialect.retryAfter)
    )
  }
]

describe("RateLimit, against servers as they are", () => {
  for (const { dialect = RateLimitDialect.standard, name, start } of servers) {
    it.scopedLive(`${name}: ten requests at once are all served and none is blocked`, () =>
      Effect.gen(function*() {
        const server = yield* start
        const credential = new Credential.Bearer({ token: Redacted.make("canary-token") })
        const http = yield* AuthenticatedHttpClient.make(Authenticator.bearer(credential), {
          baseUrl: server.url,
          limits: RateLimit.default.pipe(RateLimit.withDialect(dialect), RateLimit.probe(true))
        })
        const bodies = yield* Effect.all(
          Array.from({ length: 10 }, () => Effect.flatMap(http.get("/"), (response) => response.text)),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(bodies, Array.from({ length: 10 }, () => "served"))
        assert.deepStrictEqual(server.statuses.filter((status) => status !== 200), [])
      }).pipe(
        Effect.provide(FetchHttpClient.layer),
        Effect.provide(AuthEvent.layer),
        Logger.withMinimumLogLevel(LogLevel.None)
      ), 30_000)
  }
})
