import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { Authenticator } from "@effect-auth/core/Authenticator"
import type { CallError, ClientError, RateLimited, RedirectRefused, SetupError } from "@effect-auth/core/AuthError"
import type { AuthMode } from "@effect-auth/core/AuthMode"
import * as Token from "@effect-auth/core/Token"
import type { RateLimiter } from "@effect-auth/rate-limit/RateLimiter"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
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

describe("Where the context asks for a layer of anything", () => {
  const layer = <L extends Layer.Layer<any, any, any>>(layer: L) => layer

  it("a layer keeps its tag, errors and requirements", () => {
    expect(layer(AuthenticatedHttpClient.layer(authenticator, { baseUrl }))).type.toBe<
      Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, SetupError, HttpClient.HttpClient>
    >()
    expect(layer(AuthenticatedHttpClient.layer({} as Effect.Effect<Authenticator, "e", "r">, { baseUrl }))).type.toBe<
      Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, SetupError | "e", HttpClient.HttpClient | "r">
    >()
    class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
    expect(layer(AuthenticatedHttpClient.layer(authenticator, { baseUrl, client: Acme }))).type.toBe<
      AuthenticatedHttpClient.ClientLayer<Acme>
    >()
  })

  it("a union of requirements can be provided in parts", () => {
    const made = AuthenticatedHttpClient.layer({} as Effect.Effect<Authenticator, never, "a" | "b">, { baseUrl })
    expect(Layer.provide(made, {} as Layer.Layer<"a">)).type.toBe<
      Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, SetupError, HttpClient.HttpClient | "b">
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

describe("AuthenticatedHttpClient.mergeSystems", () => {
  class Mq extends Context.Tag("test/Mq")<Mq, AuthenticatedHttpClient.Service>() {}
  class Yamcs extends Context.Tag("test/Yamcs")<Yamcs, AuthenticatedHttpClient.Service>() {}
  type Shared = AuthenticatedHttpClient.AuthenticatedHttpClient
  const mq = {} as Layer.Layer<Shared | Mq | AuthMode<"Mq/Basic">, "mq", HttpClient.HttpClient>
  const yamcs = {} as Layer.Layer<Shared | Yamcs | AuthMode<"Yamcs/Password">, "yamcs", "transport">
  const run = (_: Effect.Effect<void>) => {}

  it("keeps the tags, errors and requirements of each system, and drops the shared client", () => {
    expect(AuthenticatedHttpClient.mergeSystems(mq, yamcs)).type.toBe<
      Layer.Layer<
        Mq | Yamcs | AuthMode<"Mq/Basic"> | AuthMode<"Yamcs/Password">,
        "mq" | "yamcs",
        HttpClient.HttpClient | "transport"
      >
    >()
  })

  it("a program with two systems cannot use the shared client, nor a mode that neither has", () => {
    const transport = {} as Layer.Layer<HttpClient.HttpClient | "transport">
    const Both = Layer.orDie(
      Layer.provide(Layer.mapError(AuthenticatedHttpClient.mergeSystems(mq, yamcs), String), transport)
    )
    const needs = <R>() => ({}) as Effect.Effect<void, never, R>
    run(Effect.provide(needs<Mq | Yamcs | AuthMode<"Mq/Basic"> | AuthMode<"Yamcs/Password">>(), Both))
    // @ts-expect-error Type 'AuthenticatedHttpClient' is not assignable to type 'never'
    run(Effect.provide(needs<Shared>(), Both))
    // @ts-expect-error Type 'AuthMode<"Yamcs/ApiKey">' is not assignable to type 'never'
    run(Effect.provide(needs<AuthMode<"Yamcs/ApiKey">>(), Both))
  })
})
