import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import type { CredentialUnavailable } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import type * as QualysCredential from "@effect-auth/qualys/QualysCredential"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { describe, expect, it } from "tstyche"

declare const countAssets: Effect.Effect<number, never, Qualys.Client | Qualys.GatewayAccess>
declare const listScans: Effect.Effect<number, never, Qualys.Client | Qualys.ApiAccess>
declare const onlyJwt: Effect.Effect<number, never, AuthMode.AuthMode<"Qualys/Jwt">>

declare const login: { readonly credential: Qualys.Login }
declare const bearer: { readonly credential: Credential.Bearer }
declare const decoded: { readonly credential: QualysCredential.QualysCredential }

declare const chosen: boolean
declare const client: { readonly credential: QualysCredential.ClientCredentials }
declare const source: TokenSource
declare const made: Effect.Effect<TokenSource, ExchangeError, HttpClient.HttpClient | Scope.Scope | Vault>

class Vault extends Context.Tag("test/Vault")<Vault, {}>() {}
declare const fromVault: Effect.Effect<Qualys.Login, CredentialUnavailable, Vault>

declare const requirements: <Layers extends Record<string, Layer.Layer<any, any, any>>>(
  layers: Layers
) => Layer.Layer.Context<Layers[keyof Layers]>

type Runs<R, E = never> = Effect.Effect<number, SetupError | E, R>

describe("Qualys", () => {
  it("lets a function for the gateway run with a JWT or a bearer", () => {
    expect(Effect.provide(countAssets, Qualys.layerJwt(login))).type.toBe<Runs<HttpClient.HttpClient, ExchangeError>>()
    expect(Effect.provide(countAssets, Qualys.layerBearer(bearer))).type.toBe<Runs<HttpClient.HttpClient>>()
  })

  it("does not let a function for the gateway run with Basic or a session", () => {
    expect(Effect.provide(countAssets, Qualys.layerBasic(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess>
    >()
    expect(Effect.provide(countAssets, Qualys.layerSession(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess, ExchangeError>
    >()
  })

  it("lets a function for the API run with Basic, a session or a bearer", () => {
    expect(Effect.provide(listScans, Qualys.layerBasic(login))).type.toBe<Runs<HttpClient.HttpClient>>()
    expect(Effect.provide(listScans, Qualys.layerSession(login))).type.toBe<
      Runs<HttpClient.HttpClient, ExchangeError>
    >()
    expect(Effect.provide(listScans, Qualys.layerBearer(bearer))).type.toBe<Runs<HttpClient.HttpClient>>()
  })

  it("does not let a function for the API run with a JWT", () => {
    expect(Effect.provide(listScans, Qualys.layerJwt(login))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.ApiAccess, ExchangeError>
    >()
  })

  it("lets one for the API run with a JWT that goes there too, if that is known from the code", () => {
    expect(Effect.provide(listScans, Qualys.layerJwt({ ...login, alsoApi: true }))).type.toBe<
      Runs<HttpClient.HttpClient, ExchangeError>
    >()
    expect(Effect.provide(listScans, Qualys.layerJwt({ ...login, alsoApi: chosen }))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.ApiAccess, ExchangeError>
    >()
  })

  it("lets a function for either host run with client credentials", () => {
    const layer = Qualys.layerClientCredentials(client)
    expect(Effect.provide(listScans, layer)).type.toBe<Runs<HttpClient.HttpClient, ExchangeError>>()
    expect(Effect.provide(countAssets, layer)).type.toBe<Runs<HttpClient.HttpClient, ExchangeError>>()
  })

  it("takes the bearers of a token source, made or to be made, with what that needs beside a transport", () => {
    expect(Effect.provide(listScans, Qualys.layerBearer({ tokens: source }))).type.toBe<Runs<HttpClient.HttpClient>>()
    expect(Effect.provide(listScans, Qualys.layerBearer({ tokens: made }))).type.toBe<
      Runs<HttpClient.HttpClient | Vault, ExchangeError>
    >()
  })

  it("does not let a function for one mode run with another", () => {
    expect(Effect.provide(onlyJwt, Qualys.layerBasic(login))).type.toBe<
      Runs<HttpClient.HttpClient | AuthMode.AuthMode<"Qualys/Jwt">>
    >()
  })

  it("asks for the quota with a user name and password, which a bearer lacks", () => {
    expect(Effect.provide(QualysRateLimit.get, Qualys.layerJwt(login))).type.toBeAssignableTo<
      Effect.Effect<QualysRateLimit.QualysRateLimit, unknown, HttpClient.HttpClient>
    >()
    expect(Effect.provide(QualysRateLimit.get, Qualys.layerBearer(bearer))).type.not.toBeAssignableTo<
      Effect.Effect<QualysRateLimit.QualysRateLimit, unknown, HttpClient.HttpClient>
    >()
  })

  it("is no evidence when the mode is chosen at run time, until it is checked", () => {
    expect(Effect.provide(countAssets, Qualys.layer(decoded))).type.toBe<
      Runs<HttpClient.HttpClient | Qualys.GatewayAccess, ExchangeError>
    >()
    expect(Effect.provide(Qualys.requireGateway(countAssets), Qualys.layer(decoded))).type.toBe<
      Runs<HttpClient.HttpClient, ExchangeError | AuthModeMismatch>
    >()
    expect(Effect.provide(Qualys.require("Qualys/Jwt")(onlyJwt), Qualys.layer(decoded))).type.toBe<
      Runs<HttpClient.HttpClient, ExchangeError | AuthModeMismatch>
    >()
    expect(Qualys.require).type.not.toBeCallableWith("Qualys/Jvt")
  })

  it("names both modes that a decoded credential may ask for, and the only one of a certain credential", () => {
    expect<Qualys.Mode<QualysCredential.QualysCredential>>().type.toBe<"Qualys/Basic" | "Qualys/Jwt">()
    expect<Qualys.Mode<QualysCredential.Jwt>>().type.toBe<"Qualys/Jwt">()
  })

  it("takes every setting from Config, and what is no setting beside it", () => {
    expect(Qualys.layerJwtConfig).type.toBeCallableWith(
      { platform: Config.succeed("qg2" as const), credential: Qualys.credentialConfig("QUALYS") },
      { redirects: 3, onTokenChange: () => Effect.void }
    )
    expect(Qualys.layerBasicConfig).type.toBeCallableWith({
      credential: { username: Config.string("USER"), password: Config.redacted("PASSWORD") }
    })
  })

  it("takes a credential that is an Effect, and requires what it requires", () => {
    expect(Qualys.layerSession({ credential: fromVault })).type.toBeAssignableTo<
      Layer.Layer<Qualys.Client, SetupError | ExchangeError, HttpClient.HttpClient | Vault>
    >()
    expect(Qualys.layerSession({ credential: fromVault })).type.not.toBeAssignableTo<
      Layer.Layer<Qualys.Client, SetupError | ExchangeError, HttpClient.HttpClient>
    >()
  })

  it("keeps its requirements where the context asks for a layer of anything, and so does every mode", () => {
    const plain = requirements({
      basic: Qualys.layerBasic(login),
      jwt: Qualys.layerJwt(login),
      session: Qualys.layerSession(login),
      bearer: Qualys.layerBearer(bearer)
    })
    expect(plain).type.toBe<HttpClient.HttpClient>()
    const vault = requirements({
      basic: Qualys.layerBasic({ credential: fromVault }),
      jwt: Qualys.layerJwt({ credential: fromVault }),
      session: Qualys.layerSession({ credential: fromVault })
    })
    expect(vault).type.toBe<HttpClient.HttpClient | Vault>()
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

  it("provides the shared client, its own, the mode and the access", () => {
    expect(Qualys.layerBasic(login)).type.toBe<
      Layer.Layer<
        | AuthenticatedHttpClient.AuthenticatedHttpClient
        | Qualys.Client
        | AuthMode.AuthMode<"Qualys/Basic">
        | Qualys.ApiAccess
        | Qualys.Account,
        SetupError,
        HttpClient.HttpClient
      >
    >()
  })
})
