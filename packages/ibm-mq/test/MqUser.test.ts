import type * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as IbmMq from "../src/IbmMq.ts"
import * as MqUser from "../src/MqUser.ts"
import { baseUrl, credential, wire } from "./wire.ts"

const old: FakeMqweb.Options = { csrf: "echo" }
const withCertificate: FakeMqweb.Options = { ...old, clientCertificate: () => Option.some("mqadmin") }
const asked = MqUser.whoAmI.pipe(Effect.map((user) => ({ ...user })))

describe("MqUser", () => {
  it.effect("an old server tells how the user proved who he is, in each mode", () =>
    Effect.gen(function*() {
      const options = { baseUrl, credential }
      const user = { name: "mqadmin", roles: ["MQWebAdmin"] }
      assert.deepStrictEqual(yield* Effect.provide(asked, wire(IbmMq.layerLtpa(options), old).layer), {
        ...user,
        authenticationMechanism: "form"
      })
      assert.deepStrictEqual(yield* Effect.provide(asked, wire(IbmMq.layerBasic(options), old).layer), {
        ...user,
        authenticationMechanism: "basic"
      })
      const certificate = wire(IbmMq.layerClientCertificate(options), withCertificate).layer
      assert.deepStrictEqual(yield* Effect.provide(asked, certificate), {
        ...user,
        authenticationMechanism: "clientCertificate"
      })
    }))

  it.effect("a current server tells name and roles", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* asked, { name: "mqadmin", roles: ["MQWebAdmin"] })
    }).pipe(Effect.provide(wire(IbmMq.layerLtpa({ baseUrl, credential })).layer)))
})
