/** Every bound on what the library reads for itself can be set: each of these reads as much as its policy says. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import type * as ResponseBody from "@effect-auth/rate-limit/ResponseBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"

const chunk = new Uint8Array(1024)

/** A transport whose answers have a body without an end, and how many kilobytes of all of them were read. */
const endless = (status: number) => {
  const read = MutableRef.make(0)
  const body = Stream.repeatEffect(Effect.sync(() => {
    MutableRef.increment(read)
    return chunk
  }))
  const client = HttpClient.make((request) => {
    const head = HttpClientResponse.fromWeb(request, new Response(null, { status, headers: { location: "/next" } }))
    return Effect.succeed(Object.create(head, { stream: { value: body } }))
  })
  return { client, read: () => MutableRef.get(read) }
}

const kilobytes = (count: number): ResponseBody.Bounds => ({ size: count * 1024, time: Duration.seconds(1) })
const baseUrl = "https://api.acme.example"
const basic = Authenticator.basic({ username: "operator", password: Redacted.make("canary-password") }, {
  explain: (response) => Effect.as(Effect.option(response.text), {})
})

describe("The bounds of bodies", () => {
  it.effect("a refusal is read for its reason, and discarded, as the replay policy says", () =>
    Effect.gen(function*() {
      const { client, read } = endless(401)
      const http = yield* AuthenticatedHttpClient.make(basic, {
        baseUrl,
        replay: { maxReplays: 3, reading: kilobytes(3), discarding: kilobytes(2) }
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      yield* Effect.flip(http.get("/"))
      // what is beyond the bound is known by the first chunk that goes beyond it
      assert.strictEqual(read(), 4 + 2)
    }))

  it.effect("a redirect is discarded as the replay policy says", () =>
    Effect.gen(function*() {
      const { client, read } = endless(302)
      const http = yield* AuthenticatedHttpClient.make(basic, {
        baseUrl,
        redirects: 1,
        replay: { maxReplays: 3, discarding: kilobytes(2) }
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
      yield* Effect.flip(http.get("/"))
      assert.strictEqual(read(), 2 * 2)
    }))

  it.effect("a block is discarded as the policy of the limiter says", () =>
    Effect.gen(function*() {
      const { client, read } = endless(429)
      const limiter = yield* RateLimiter.make(
        RateLimitPolicy.default.pipe(
          RateLimitPolicy.maxReplays(0),
          RateLimitPolicy.bodies({ discarding: kilobytes(2) })
        )
      )
      yield* Effect.flip(RateLimiter.withRateLimiter(client, limiter).get(baseUrl))
      assert.strictEqual(read(), 2)
    }))

  it.effect("the answer to an exchange is read as its options say", () =>
    Effect.gen(function*() {
      const { client, read } = endless(200)
      const options = { mode: "Acme", reading: kilobytes(2 * 1024) }
      const error = yield* TokenEndpoint.execute(client, HttpClientRequest.post(baseUrl), options).pipe(
        Effect.flatMap(TokenEndpoint.text(options)),
        Effect.flip
      )
      assert.strictEqual(error._tag, "MalformedTokenResponse")
      assert.strictEqual(read(), 2 * 1024 + 1)
    }))
})
