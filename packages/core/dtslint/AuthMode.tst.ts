import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

declare const service: AuthenticatedHttpClient.Service
declare const either: "Acme/Basic" | "Acme/Jwt"

const layerOf = <const Name extends string>(mode: Name) =>
  AuthenticatedHttpClient.layerMode({ mode, client: Acme }, Effect.succeed(service))

describe("AuthMode", () => {
  it("is no evidence for another mode", () => {
    expect<AuthMode.AuthMode<"Acme/Basic">>().type.not.toBeAssignableTo<AuthMode.AuthMode<"Acme/Jwt">>()
  })

  it("is no evidence for another mode under another name, nor with more members", () => {
    interface Named extends AuthMode.AuthMode<"Acme/Basic"> {}
    expect<Named>().type.not.toBeAssignableTo<AuthMode.AuthMode<"Acme/Jwt">>()
    expect<AuthMode.AuthMode<"Acme/Basic"> & { readonly more: true }>().type.not.toBeAssignableTo<
      AuthMode.AuthMode<"Acme/Jwt">
    >()
  })

  it("of a union is no evidence for one of its modes, nor the other way round", () => {
    expect<AuthMode.AuthMode<"Acme/Basic" | "Acme/Jwt">>().type.not.toBeAssignableTo<AuthMode.AuthMode<"Acme/Jwt">>()
    expect<AuthMode.AuthMode<"Acme/Jwt">>().type.not.toBeAssignableTo<AuthMode.AuthMode<"Acme/Basic" | "Acme/Jwt">>()
  })

  it("has the client of the mode behind its tag, one mode at a time", () => {
    expect(Effect.map(AuthMode.client("Acme/Jwt"), (client) => client)).type.toBe<
      Effect.Effect<AuthenticatedHttpClient.Service, never, AuthMode.AuthMode<"Acme/Jwt">>
    >()
    expect(AuthMode.client).type.not.toBeCallableWith(either)
  })
})

describe("AuthenticatedHttpClient.layerMode", () => {
  it("provides the shared client, the system's and the mode", () => {
    expect(layerOf("Acme/Jwt")).type.toBe<
      Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient | Acme | AuthMode.AuthMode<"Acme/Jwt">>
    >()
  })

  it("provides no mode when it is known at run time only", () => {
    type WithoutMode = Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient | Acme>
    expect(layerOf(either)).type.toBe<WithoutMode>()
    expect(layerOf("Acme/Jwt" as string)).type.toBe<WithoutMode>()
  })
})

describe("AuthMode.require", () => {
  type Program = Effect.Effect<number, never, AuthMode.AuthMode<"Acme/Jwt">>

  it("takes the mode out of the requirements, in exchange for a client and an error", () => {
    expect(AuthMode.require("Acme/Jwt")({} as Program)).type.toBe<
      Effect.Effect<number, AuthModeMismatch, AuthenticatedHttpClient.AuthenticatedHttpClient>
    >()
    expect(AuthMode.require("Acme/Jwt", Acme)({} as Program)).type.toBe<
      Effect.Effect<number, AuthModeMismatch, Acme>
    >()
  })
})
