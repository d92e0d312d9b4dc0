import type { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import type { CredentialUnavailable } from "@effect-auth/core/AuthError"
import type * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import type { MutualTls } from "@effect-auth/core/MutualTls"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import type { Ltpa, MqCredential } from "@effect-auth/ibm-mq/MqCredential"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { describe, expect, it } from "tstyche"

declare const baseUrl: string
declare const ltpa: Ltpa
declare const basic: Credential.Basic
declare const any: MqCredential
declare const program: Effect.Effect<number, never, AuthenticatedHttpClient | AuthMode.AuthMode<"IbmMq/Ltpa">>

describe("IbmMq", () => {
  it("takes either class of user name and password for Basic and for LTPA", () => {
    for (const credential of [ltpa, basic]) {
      expect(IbmMq.layerBasic).type.toBeCallableWith({ baseUrl, credential })
      expect(IbmMq.layerLtpa).type.toBeCallableWith({ baseUrl, credential })
    }
  })

  it("a program for one mode runs with that mode's layer alone", () => {
    type Runs = Effect.Effect<number, unknown, HttpClient.HttpClient>
    const options = { baseUrl, credential: ltpa }
    expect(Effect.provide(program, IbmMq.layerLtpa(options))).type.toBeAssignableTo<Runs>()
    expect(Effect.provide(program, IbmMq.layerBasic(options))).type.not.toBeAssignableTo<Runs>()
  })

  it("reads the mode from the type of the credential", () => {
    expect(IbmMq.layer({ baseUrl, credential: ltpa })).type.toBeAssignableTo<Provides<"IbmMq/Ltpa">>()
    expect(IbmMq.layer({ baseUrl, credential: basic })).type.toBeAssignableTo<Provides<"IbmMq/Basic">>()
    expect(IbmMq.layer({ baseUrl, credential: any })).type.not.toBeAssignableTo<Provides<"IbmMq/Basic">>()
  })

  it("wants evidence of a client certificate where that is the proof", () => {
    expect(IbmMq.layerClientCertificate({ baseUrl })).type
      .toBeAssignableTo<Provides<"IbmMq/ClientCertificate", MutualTls>>()
    expect(IbmMq.layerClientCertificate({ baseUrl })).type
      .not.toBeAssignableTo<Provides<"IbmMq/ClientCertificate">>()
  })
})

describe("A layer of a mode", () => {
  it("keeps its requirements where the context asks for a layer of anything", () => {
    const plain = requirements({
      basic: IbmMq.layerBasic({ baseUrl, credential: basic }),
      ltpa: IbmMq.layerLtpa({ baseUrl, credential: ltpa })
    })
    expect(plain).type.toBe<HttpClient.HttpClient>()
    const vault = requirements({
      basic: IbmMq.layerBasic({ baseUrl, credential: fromVault }),
      ltpa: IbmMq.layerLtpa({ baseUrl, credential: fromVault })
    })
    expect(vault).type.toBe<HttpClient.HttpClient | Vault>()
  })
})

class Vault extends Context.Tag("test/Vault")<Vault, {}>() {}
declare const fromVault: Effect.Effect<Ltpa, CredentialUnavailable, Vault>

declare const requirements: <Layers extends Record<string, Layer.Layer<any, any, any>>>(
  layers: Layers
) => Layer.Layer.Context<Layers[keyof Layers]>

type Provides<Mode extends string, R = never> = Layer.Layer<
  AuthenticatedHttpClient | AuthMode.AuthMode<Mode>,
  unknown,
  HttpClient.HttpClient | R
>
