import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import type * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import type * as QualysCredential from "@effect-auth/qualys/QualysCredential"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

type Client = AuthenticatedHttpClient.AuthenticatedHttpClient

declare const countAssets: Effect.Effect<number, never, Client | Qualys.GatewayAccess>
declare const listScans: Effect.Effect<number, never, Client | Qualys.ApiAccess>
declare const onlyJwt: Effect.Effect<number, never, Client | AuthMode.AuthMode<"Qualys/Jwt">>

declare const login: Qualys.BasicOptions
declare const bearer: Qualys.BearerOptions
declare const decoded: { readonly credential: QualysCredential.QualysCredential }

type Runs<R, E = never> = Effect.Effect<number, Qualys.SetupError | E, R>

describe("Qualys", () => {
  it("lets a function for the gateway run with a JWT or a bearer", () => {
    expect(Effect.provide(countAssets, Qualys.layerJwt(login))).type.toBe<Runs<HttpClient.HttpClient>>()
    expect(Effect.provide(countAssets, Qualys.layerBearer(bearer))).type.toBe<Runs<HttpClient.HttpClient>>()
  })

  it("does not let a function for the gateway run with Basic or a session", () => {
    expect(Effect.provide(countAssets, Qualys.layerBasic(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess>
    >()
    expect(Effect.provide(countAssets, Qualys.layerSession(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess>
    >()
  })

  it("lets a function for the API run with Basic, a session or a bearer", () => {
    expect(Effect.provide(listScans, Qualys.layerBasic(login))).type.toBe<Runs<HttpClient.HttpClient>>()
    expect(Effect.provide(listScans, Qualys.layerSession(login))).type.toBe<Runs<HttpClient.HttpClient>>()
    expect(Effect.provide(listScans, Qualys.layerBearer(bearer))).type.toBe<Runs<HttpClient.HttpClient>>()
  })

  it("does not let a function for the API run with a JWT", () => {
    expect(Effect.provide(listScans, Qualys.layerJwt(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.ApiAccess>
    >()
  })

  it("does not let a function for one mode run with another", () => {
    expect(Effect.provide(onlyJwt, Qualys.layerBasic(login))).type.toBe<
      Runs<HttpClient.HttpClient | AuthMode.AuthMode<"Qualys/Jwt">>
    >()
  })

  it("is no evidence when the mode is chosen at run time, until it is checked", () => {
    expect(Effect.provide(countAssets, Qualys.layer(decoded))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess>
    >()
    expect(Effect.provide(Qualys.requireGateway(countAssets), Qualys.layer(decoded))).type.toBe<
      Runs<HttpClient.HttpClient, AuthModeMismatch>
    >()
    expect(Qualys.requireGateway(countAssets)).type.toBe<Effect.Effect<number, AuthModeMismatch, Client>>()
    expect(Qualys.requireApi(listScans)).type.toBe<Effect.Effect<number, AuthModeMismatch, Client>>()
  })

  it("names both modes that a decoded credential may ask for, and the only one of a certain credential", () => {
    expect<Qualys.Mode<QualysCredential.QualysCredential>>().type.toBe<"Qualys/Basic" | "Qualys/Jwt">()
    expect<Qualys.Mode<QualysCredential.Jwt>>().type.toBe<"Qualys/Jwt">()
  })

  it("takes every option from Config or as it is", () => {
    expect(Qualys.layerJwtConfig).type.toBeCallableWith({
      platform: Config.succeed("qg2" as const),
      credential: Qualys.credentialConfig("QUALYS")
    })
    expect(Qualys.layerBasicConfig).type.toBeCallableWith({
      credential: { username: Config.string("USER"), password: Config.redacted("PASSWORD") }
    })
  })

  it("takes the hosts of a private platform as a plain object", () => {
    expect<{ readonly api_url: string; readonly gateway_url: string; readonly qualysguard_url: string }>().type
      .toBeAssignableTo<Platform.Platform>()
    expect<"qg9">().type.not.toBeAssignableTo<Platform.Platform>()
  })

  it("takes core's Basic and this package's credentials as a login", () => {
    expect<Credential.Basic>().type.toBeAssignableTo<Qualys.Login>()
    expect<QualysCredential.QualysCredential>().type.toBeAssignableTo<Qualys.Login>()
  })

  it("provides a layer", () => {
    expect(Qualys.layerBasic(login)).type.toBeAssignableTo<
      Layer.Layer<
        Client | AuthMode.AuthMode<"Qualys/Basic"> | Qualys.ApiAccess,
        Qualys.SetupError,
        HttpClient.HttpClient
      >
    >()
  })
})
