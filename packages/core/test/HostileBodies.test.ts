/** Bodies that never end, or do not fit in memory, on real sockets: no call hangs on one, and none is read whole. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Http from "node:http"
import * as Zlib from "node:zlib"
import * as Loopback from "./Loopback.ts"

const chunk = Buffer.alloc(65_536, "x")

/** Writes as fast as the client reads, until that is gone. */
const flood = (response: Http.ServerResponse, part: Buffer = chunk) => {
  const more = () => {
    while (!response.destroyed && response.write(part)) { /* until the buffer is full */ }
  }
  response.on("drain", more)
  more()
}

/** How a body can fail to end. */
const bodies: Record<
  string,
  (response: Http.ServerResponse, status: number, headers: Http.OutgoingHttpHeaders) => void
> = {
  "stops in the middle": (response, status, headers) =>
    response.writeHead(status, { ...headers, "content-length": 20_000 }).write("39 bytes".repeat(5)),
  "comes a byte at a time": (response, status, headers) => {
    response.writeHead(status, headers)
    const timer = setInterval(() => response.write("."), 100)
    response.on("close", () => clearInterval(timer))
  },
  "floods": (response, status, headers) => flood(response.writeHead(status, headers)),
  "is a bomb": (response, status, headers) => {
    response.writeHead(status, { ...headers, "content-encoding": "gzip" })
    const bomb = Zlib.createGzip({ level: 9 })
    bomb.pipe(response)
    response.on("close", () => bomb.destroy())
    const more = () => {
      while (!bomb.destroyed && bomb.write(Buffer.alloc(1_048_576))) { /* until the buffer is full */ }
    }
    bomb.on("drain", more)
    more()
  }
}

const answers: Loopback.Handler = ({ headers, url }, response) => {
  const [, path = "", body = ""] = url.split("/")
  const hostile = bodies[decodeURIComponent(body)]
  if (hostile === undefined) return response.end("good")
  switch (path) {
    case "refused":
      return hostile(response, 401, {})
    case "blocked":
      // the second attempt finds the limit gone
      return headers["x-attempt"] === undefined ? hostile(response, 429, { "retry-after": "0" }) : response.end("good")
    case "moved":
      return hostile(response, 302, { location: "/good" })
    default:
      return hostile(response, 200, { "content-type": "application/json" })
  }
}

class Hung extends Data.TaggedError("Hung")<{ readonly limit: string }> {}

/** A hang guard: what is bounded by a second must not take much longer, on any machine. */
const within = (limit: Duration.DurationInput) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.timeoutFail(self, {
    duration: limit,
    onTimeout: () => new Hung({ limit: Duration.format(limit) })
  })

const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") })

describe("Hostile bodies, on real sockets", () => {
  for (const { layer, name } of Loopback.transports()) {
    for (const body of Object.keys(bodies)) {
      // the others do not decode: to them it is a flood
      if (body === "is a bomb" && name !== "fetch") continue
      it.scopedLive(`over ${name}, a call outlives no body that ${body}`, () =>
        Effect.gen(function*() {
          const server = yield* Loopback.serve(answers)
          const baseUrl = `http://127.0.0.1:${server.port}`
          const transport = yield* Layer.build(layer)
          const client = yield* AuthenticatedHttpClient.make(basic, {
            baseUrl,
            redirects: 3,
            rateLimiter: yield* RateLimiter.make(RateLimitPolicy.default.pipe(RateLimitPolicy.maxReplays(0)))
          }).pipe(Effect.provide(transport))
          const path = encodeURIComponent(body)
          const plain = yield* Effect.provide(HttpClient.HttpClient, transport)
          const exchange = { mode: "Acme", reading: { size: 1_048_576, time: Duration.seconds(1) } }

          const [refused, blocked, moved, token] = yield* Effect.all([
            Effect.flip(within("8 seconds")(client.get(`/refused/${path}`))),
            Effect.flip(within("8 seconds")(client.get(`/blocked/${path}`))),
            Effect.flatMap(within("8 seconds")(client.get(`/moved/${path}`)), (moved) => moved.text),
            TokenEndpoint.execute(plain, HttpClientRequest.post(`${baseUrl}/token/${path}`), exchange).pipe(
              Effect.flatMap(TokenEndpoint.text(exchange)),
              Effect.flip,
              within("20 seconds")
            )
          ], { concurrency: "unbounded" })
          assert.strictEqual(refused._tag, "CredentialsRejected")
          assert.strictEqual(blocked._tag, "RateLimited")
          assert.strictEqual(moved, "good")
          assert.include(["MalformedTokenResponse", "TokenEndpointError"], token._tag)
          assert.match(token.message, /longer than 1048576 bytes|did not end within 1s/u)

          // the process is well, and so are its connections
          assert.strictEqual(yield* (yield* within("5 seconds")(client.get("/good"))).text, "good")
        }), 60_000)
    }
  }
})
