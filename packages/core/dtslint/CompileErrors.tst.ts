/** The texts that `docs/compile-errors.md` shows. Each comment is the last line of an error, as TypeScript prints it. */
import type { AuthenticatedHttpClient, Service } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { describe, it } from "tstyche"

class Acme extends Context.Tag("test/Acme")<Acme, Service>() {}

declare const either: "Acme/Basic" | "Acme/Jwt"
declare const decoded: string
declare const Basic: Layer.Layer<AuthenticatedHttpClient | Acme | AuthMode.AuthMode<"Acme/Basic">>
declare const Decoded: Layer.Layer<AuthenticatedHttpClient | Acme>

const needsJwt = Effect.flatMap(AuthMode.client("Acme/Jwt"), (http) => http.get("/x"))

describe("A mode that is missing", () => {
  it("is named when nothing is provided", () => {
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(needsJwt)
  })

  it("is named when the layer has another mode", () => {
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(needsJwt, Basic))
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    needsJwt.pipe(Effect.provide(Basic), Effect.runPromise)
  })

  it("is named when the mode of the layer is known at run time only", () => {
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(Effect.provide(needsJwt, Decoded))
  })

  it("is named when another mode is checked", () => {
    const checked = needsJwt.pipe(AuthMode.require("Acme/Jvt"), Effect.provide(Decoded))
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(checked)
  })

  it("is named first, where a layer or a runtime has another one", () => {
    // @ts-expect-error Type '"Acme/Jwt"' is not assignable to type '"Acme/Basic"'.
    ManagedRuntime.make(Basic).runPromise(needsJwt)
    // @ts-expect-error Type '"Acme/Jwt"' is not assignable to type '"Acme/Basic"'.
    const layer: Layer.Layer<AuthMode.AuthMode<"Acme/Jwt">> = Basic
    void layer
  })
})

declare const encoded: Effect.Effect<HttpClientRequest.HttpClientRequest, HttpBody.HttpBodyError>
declare const bearer: Either.Either<Credential.Bearer, InvalidSetting>

describe("A name that is no mode", () => {
  it("is refused where the client is asked for", () => {
    // @ts-expect-error Type '"Acme/Basic"' is not assignable to type '"one mode at a time: choose it first"'.
    AuthMode.client(either)
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type '"a mode's name, written out"'.
    AuthMode.client(decoded)
  })

  it("is refused where the mode is checked", () => {
    // @ts-expect-error Type '"Acme/Basic"' is not assignable to type '"one mode at a time: choose it first"'.
    AuthMode.require(either)
    // @ts-expect-error Argument of type 'string' is not assignable to parameter of type '"a mode's name, written out"'.
    AuthMode.require(decoded)
  })

  it("leaves the requirement, where the client of a system is given", () => {
    const checked = needsJwt.pipe(AuthMode.require(either, Acme), Effect.provide(Decoded))
    // @ts-expect-error Type 'AuthMode<"Acme/Jwt">' is not assignable to type 'never'.
    Effect.runPromise(checked)
  })
})

describe("A type of the program's own", () => {
  it("is named, where an exchange fails with what no exchange does", () => {
    TokenSource.make({
      // @ts-expect-error Type 'HttpBodyError' is missing the following properties from type 'TokenEndpointError': message, [TypeId], mode, [Effect.EffectTypeId], and 8 more.
      login: Effect.zipRight(encoded, Token.make({ value: "canary" })),
      // @ts-expect-error Type 'RequestError' is missing the following properties from type 'TokenEndpointError': [TypeId], mode
      revoke: () => Effect.flatMap(HttpClient.HttpClient, (http) => http.del("/session"))
    })
  })

  it("is named, where a secret is no Redacted, a Scope is not closed, and an Either is not looked into", () => {
    // @ts-expect-error Type 'string' is not assignable to type 'Redacted<string>'.
    Authenticator.basic({ username: "ada", password: "canary" })
    // @ts-expect-error Type 'Scope' is not assignable to type 'never'.
    Effect.runPromise(TokenSource.make({ login: Token.make({ value: "canary" }) }))
    // @ts-expect-error Type 'Left<InvalidSetting, Bearer>' is not assignable to type 'TokenSource | Untagged<Bearer>'.
    Authenticator.bearer(bearer)
  })
})
