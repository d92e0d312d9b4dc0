import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { Authenticator } from "@effect-auth/core/Authenticator"
import type { CallError, ClientError, RateLimited, RedirectRefused, SetupError } from "@effect-auth/core/AuthError"
import * as Token from "@effect-auth/core/Token"
import type { RateLimiter } from "@effect-auth/rate-limit/RateLimiter"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

declare const authenticator: Authenticator
declare const rateLimiter: RateLimiter
declare const options: AuthenticatedHttpClient.Options

type Makes<E> = Effect.Effect<AuthenticatedHttpClient.Service<E>, SetupError, HttpClient.HttpClient>

const baseUrl = "https://acme.example"

describe("AuthenticatedHttpClient.make", () => {
  it("fails with what its options enable, and nothing else", () => {
    expect(AuthenticatedHttpClient.make(authenticator, { baseUrl })).type.toBe<Makes<CallError>>()
    expect(AuthenticatedHttpClient.make(authenticator, { baseUrl, redirects: 3 })).type.toBe<
      Makes<CallError | RedirectRefused>
    >()
    expect(AuthenticatedHttpClient.make(authenticator, { baseUrl, rateLimiter })).type.toBe<
      Makes<CallError | RateLimited>
    >()
    expect(AuthenticatedHttpClient.make(authenticator, { baseUrl, rateLimiter: undefined })).type.toBe<
      Makes<CallError>
    >()
    expect(AuthenticatedHttpClient.make(authenticator, options)).type.toBe<Makes<ClientError>>()
  })

  it("a narrow client goes where the widest one is asked for, and not the other way round", () => {
    class Wide extends Context.Tag("test/Wide")<Wide, AuthenticatedHttpClient.Service>() {}
    class Narrow extends Context.Tag("test/Narrow")<Narrow, AuthenticatedHttpClient.Service<CallError>>() {}
    const plain = AuthenticatedHttpClient.make(authenticator, { baseUrl })
    const limited = AuthenticatedHttpClient.make(authenticator, { baseUrl, rateLimiter })
    expect(Layer.effect(Wide, plain)).type.toBe<Layer.Layer<Wide, SetupError, HttpClient.HttpClient>>()
    expect(plain).type.toBeAssignableTo<Effect.Effect<Context.Tag.Service<Narrow>, SetupError, HttpClient.HttpClient>>()
    expect(limited).type.not.toBeAssignableTo<
      Effect.Effect<Context.Tag.Service<Narrow>, SetupError, HttpClient.HttpClient>
    >()
  })
})

describe("Durations in options", () => {
  it("state their unit: a bare number is seconds in `expiresIn` and does not compile elsewhere", () => {
    expect(Token.make).type.toBeCallableWith({ value: "canary", lifetime: "1 hour" })
    expect(Token.make).type.toBeCallableWith({ value: "canary", expiresIn: 3600 })
    expect(Token.make).type.not.toBeCallableWith({ value: "canary", lifetime: 3600 })
  })
})
