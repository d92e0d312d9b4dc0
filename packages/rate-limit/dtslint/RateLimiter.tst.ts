import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import type { RateLimited } from "@effect-auth/rate-limit/RateLimitError"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as RateLimitStatus from "@effect-auth/rate-limit/RateLimitStatus"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

declare const limiter: RateLimiter.RateLimiter
declare const plain: HttpClient.HttpClient
declare const special: HttpClient.HttpClient.With<"special", "service">
declare const request: HttpClientRequest.HttpClientRequest

describe("RateLimiter", () => {
  describe("withRateLimiter", () => {
    it("adds RateLimited to the errors of a client", () => {
      expect(plain.pipe(RateLimiter.withRateLimiter(limiter))).type.toBe<
        HttpClient.HttpClient.With<HttpClientError.HttpClientError | RateLimited>
      >()
      expect(RateLimiter.withRateLimiter(plain, limiter)).type.toBe<
        HttpClient.HttpClient.With<HttpClientError.HttpClientError | RateLimited>
      >()
    })

    it("keeps the errors and requirements of any client", () => {
      expect(special.pipe(RateLimiter.withRateLimiter(limiter))).type.toBe<
        HttpClient.HttpClient.With<"special" | RateLimited, "service">
      >()
    })

    it("takes a limiter and no policy", () => {
      expect(RateLimiter.withRateLimiter).type.not.toBeCallableWith(plain, RateLimitPolicy.default)
    })
  })

  describe("run", () => {
    it("fails and requires as the attempt does, or fails with RateLimited", () => {
      const attempt = {} as RateLimiter.Attempt<"canary", "service">
      expect(limiter.run(request, attempt)).type.toBe<
        Effect.Effect<HttpClientResponse.HttpClientResponse, "canary" | RateLimited, "service">
      >()
    })
  })
})

describe("RateLimitPolicy", () => {
  it("takes no duration without a unit", () => {
    expect(RateLimitPolicy.maxWait).type.toBeCallableWith(RateLimitPolicy.default, "5 minutes")
    expect(RateLimitPolicy.maxWait).type.toBeCallableWith(RateLimitPolicy.default, Duration.minutes(5))
    expect(RateLimitPolicy.maxWait).type.not.toBeCallableWith(RateLimitPolicy.default, 300)
    expect(RateLimitStatus.make).type.not.toBeCallableWith({ retryAfter: 60 })
  })
})
