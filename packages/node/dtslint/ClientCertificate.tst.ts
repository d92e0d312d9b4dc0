import type { ClientCertificate as Credential } from "@effect-auth/core/ClientCertificate"
import { MutualTls } from "@effect-auth/core/MutualTls"
import * as ClientCertificate from "@effect-auth/node/ClientCertificate"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "tstyche"

declare const credential: Credential

// what a mode asks for whose proof is the certificate
const program = Effect.zipRight(MutualTls, HttpClient.HttpClient)

describe("ClientCertificate", () => {
  it("satisfies a mode that needs mutual TLS", () => {
    const layer = ClientCertificate.layerUndici({ credential })
    expect(Effect.provide(program, layer)).type.toBeAssignableTo<Effect.Effect<unknown, unknown>>()
  })

  it("cannot be forgotten", () => {
    expect(Effect.provide(program, NodeHttpClient.layerUndici)).type.not.toBeAssignableTo<
      Effect.Effect<unknown, unknown>
    >()
  })
})
