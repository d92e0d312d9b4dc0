/** The runtime itself shows what these tests pretend: `npm run test:runtimes`. */
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"

/**
 * Makes something as the first request of a Worker, where sockets belong to the request that made them; `enter` goes on
 * as another one. Synchronous, so that no other test sees the global.
 */
const inWorker = <A, E>(made: Effect.Effect<A, E, Scope.Scope>) => {
  const runtime = { request: 1 }
  Reflect.set(
    globalThis,
    "WebSocketPair",
    class {
      readonly 0 = {
        request: runtime.request,
        get readyState() {
          if (this.request !== runtime.request) throw new Error("Cannot perform I/O on behalf of a different request.")
          return 1
        }
      }
    }
  )
  try {
    const value = Effect.runSync(Scope.extend(made, Effect.runSync(Scope.make())))
    return { value, enter: (request: number) => runtime.request = request }
  } finally {
    Reflect.deleteProperty(globalThis, "WebSocketPair")
  }
}

describe("TokenSource in a Cloudflare Worker", () => {
  const login = Token.make({ value: "canary-token", lifetime: "1 hour" })

  it.effect("serves the request that made it, and tells every other one at once what to do instead", () =>
    Effect.gen(function*() {
      const { enter, value: tokens } = inWorker(TokenSource.make({ mode: "Acme/Password", login }))
      yield* tokens.get
      enter(2)
      const failures = yield* Effect.all([
        Effect.flip(tokens.get),
        Effect.flip(tokens.getAt(0)),
        Effect.flip(tokens.end)
      ])
      for (const failure of failures) {
        assert.deepInclude(failure, { _tag: "TokenEndpointError", reason: "OtherRequest" })
        assert.strictEqual(
          failure.message,
          "Acme/Password: the token source belongs to another request: in a Cloudflare Worker a request cannot wait for " +
            "what another one does. Build the layer within each request, over a store that they share, or keep it in a " +
            "Durable Object"
        )
      }
      enter(1)
      yield* tokens.get
    }))

  it.effect("a rate limiter ends the fiber of another request, rather than let it wait for ever", () =>
    Effect.gen(function*() {
      const { enter, value: limiter } = inWorker(RateLimiter.make(RateLimitPolicy.default))
      const request = HttpClientRequest.get("https://acme.example/")
      const run = limiter.run(request, () => Effect.succeed(HttpClientResponse.fromWeb(request, new Response())))
      yield* run
      enter(2)
      const cause = yield* Effect.flip(Effect.sandbox(run))
      assert.isTrue(Cause.isDie(cause))
      assert.include(Cause.pretty(cause), "the rate limiter belongs to another request")
    }))
})
