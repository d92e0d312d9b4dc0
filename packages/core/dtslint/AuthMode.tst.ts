import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

describe("AuthMode", () => {
  it("is no evidence for another mode", () => {
    expect<AuthMode.AuthMode<"Qualys/Basic">>().type.not.toBeAssignableTo<AuthMode.AuthMode<"Qualys/Jwt">>()
  })

  it("is no evidence for one mode when it may be another", () => {
    expect<AuthMode.AuthMode<"Qualys/Basic" | "Qualys/Jwt">>().type
      .not.toBeAssignableTo<AuthMode.AuthMode<"Qualys/Jwt">>()
    expect<AuthMode.AuthMode<"Qualys/Jwt">>().type
      .not.toBeAssignableTo<AuthMode.AuthMode<"Qualys/Basic" | "Qualys/Jwt">>()
  })

  it("is provided by the layer of the mode", () => {
    expect(AuthMode.layer("Qualys/Jwt")).type.toBe<Layer.Layer<AuthMode.AuthMode<"Qualys/Jwt">>>()
  })

  it("is required at run time without remaining a requirement", () => {
    type Program = Effect.Effect<
      number,
      never,
      AuthMode.AuthMode<"Qualys/Jwt"> | AuthenticatedHttpClient.AuthenticatedHttpClient
    >
    expect(AuthMode.require("Qualys/Jwt")({} as Program)).type.toBe<
      Effect.Effect<
        number,
        import("@effect-auth/core/AuthError").AuthModeMismatch,
        AuthenticatedHttpClient.AuthenticatedHttpClient
      >
    >()
  })

  it("is named by the compiler when the wrong mode was provided", () => {
    const countAssets = {} as Effect.Effect<number, never, AuthMode.AuthMode<"Qualys/Jwt">>
    const run = (program: Effect.Effect<number>) => program
    expect(run(Effect.provide(countAssets, AuthMode.layer("Qualys/Jwt")))).type.toBe<Effect.Effect<number>>()
    // @ts-expect-error Type 'AuthMode<"Qualys/Jwt">' is not assignable to type 'never'
    run(Effect.provide(countAssets, AuthMode.layer("Qualys/Basic")))
  })
})
