/** The texts that `docs/compile-errors.md` shows. Each comment is the last line of an error, as TypeScript prints it. */
import * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { describe, it } from "tstyche"

declare const credential: Qualys.Login
declare const token: Credential.Bearer
declare const decoded: Qualys.TaggedCredential
declare const mode: Qualys.ModeName

const Basic = Layer.provide(Qualys.layerBasic({ credential }), FetchHttpClient.layer)
const Jwt = Layer.provide(Qualys.layerJwt({ credential }), FetchHttpClient.layer)
const Bearer = Layer.provide(Qualys.layerBearer({ credential: token }), FetchHttpClient.layer)
const Decoded = Layer.provide(Qualys.layer({ credential: decoded }), FetchHttpClient.layer)

const needsJwt = Effect.flatMap(AuthMode.client("Qualys/Jwt"), (http) => http.get("/x"))
const listScans = Effect.map(Qualys.ApiAccess, ({ hosts }) => hosts.api)
const countAssets = Effect.map(Qualys.GatewayAccess, ({ hosts }) => hosts.gateway)

describe("Access that is missing", () => {
  it("is named", () => {
    // @ts-expect-error Type 'ApiAccess' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(listScans, Jwt))
    // @ts-expect-error Type 'GatewayAccess' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(countAssets, Basic))
    // @ts-expect-error Type 'Account' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(QualysRateLimit.get, Bearer))
    // @ts-expect-error Type 'ApiAccess' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(Qualys.requireGateway(listScans), Decoded))
  })
})

describe("A mode that is missing", () => {
  it("is named", () => {
    // @ts-expect-error Type 'AuthMode<"Qualys/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(needsJwt, Basic))
    // @ts-expect-error Type 'AuthMode<"Qualys/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(needsJwt, Decoded))
    // @ts-expect-error Type 'AuthMode<"Qualys/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(Qualys.require("Qualys/Basic")(needsJwt), Decoded))
    // @ts-expect-error Type 'AuthMode<"Qualys/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(Qualys.require(mode)(needsJwt), Decoded))
  })

  it("is in the line above the last one when the transport is missing, too", () => {
    // @ts-expect-error Type 'HttpClient | AuthMode<"Qualys/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(needsJwt, Qualys.layerBasic({ credential })))
  })
})
