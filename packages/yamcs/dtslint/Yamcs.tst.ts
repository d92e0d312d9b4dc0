import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthModeMismatch, CredentialUnavailable, ExchangeError, SetupError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type { Negotiate } from "@effect-auth/core/Negotiate"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import type { Password, YamcsCredential } from "@effect-auth/yamcs/YamcsCredential"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as LayerMap from "effect/LayerMap"
import type * as Redacted from "effect/Redacted"
import { describe, expect, it } from "tstyche"

declare const baseUrl: string
declare const password: Redacted.Redacted
declare const any: YamcsCredential

const credential = { username: "reader", password }
const Mq = IbmMq.layerBasic({ baseUrl, credential })
const ByPassword = Yamcs.layerPassword({ baseUrl, credential })
const Any = Yamcs.layer({ baseUrl, credential: any })

const shared = Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get("/x"))
const needsKey = Effect.flatMap(AuthMode.client("Yamcs/ApiKey"), (http) => http.get("/x"))
const both = Effect.gen(function*() {
  const mq = yield* AuthMode.client("IbmMq/Basic")
  const yamcs = yield* AuthMode.client("Yamcs/Password")
  yield* mq.get("/a")
  yield* yamcs.get("/b")
  yield* Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR" })
  return yield* Yamcs.user
})

declare const requirements: <Layers extends Record<string, Layer.Layer<any, any, any>>>(
  layers: Layers
) => Layer.Layer.Context<Layers[keyof Layers]>

type Runs = Effect.Effect<unknown, unknown, HttpClient.HttpClient>

declare const tickets: Layer.Layer<Negotiate>
declare const person: Layer.Layer<Yamcs.Person>

class Vault extends Context.Tag("test/Vault")<Vault, {}>() {}
declare const fromVault: Effect.Effect<Password, CredentialUnavailable, Vault>
declare const refused: Effect.Effect<Password, string>
declare const checked: Either.Either<Password, SetupError>
declare const configured: Config.Config<Password>
declare const configuredAny: Config.Config<YamcsCredential>

describe("Two systems in one program", () => {
  it("each function reaches the client of its own system or mode", () => {
    expect(Effect.provide(both, Layer.merge(Mq, ByPassword))).type.toBeAssignableTo<Runs>()
    expect(Effect.provide(both, AuthenticatedHttpClient.mergeSystems(Mq, ByPassword))).type.toBeAssignableTo<Runs>()
    expect(Effect.provide(both, ByPassword)).type.not.toBeAssignableTo<Runs>()
  })

  it("mergeSystems leaves out the client that both would claim", () => {
    expect(Effect.provide(shared, AuthenticatedHttpClient.mergeSystems(Mq, ByPassword))).type
      .not.toBeAssignableTo<Runs>()
  })
})

describe("Yamcs", () => {
  it("does not let a function for one mode run with another, or with one that is known at run time only", () => {
    expect(Effect.provide(needsKey, ByPassword)).type.not.toBeAssignableTo<Runs>()
    expect(Effect.provide(needsKey, Any)).type.not.toBeAssignableTo<Runs>()
    expect(Effect.provide(Yamcs.require("Yamcs/ApiKey")(needsKey), Any)).type.toBeAssignableTo<Runs>()
    expect(Yamcs.require("Yamcs/ApiKey")(needsKey)).type.not.toBeAssignableTo<Runs>()
    expect(Yamcs.require).type.not.toBeCallableWith("Yamcs/ApiKei")
    type Required = typeof needsKey extends Effect.Effect<infer A, infer E, infer _R> ? readonly [A, E] : never
    expect(Yamcs.require("Yamcs/ApiKey")(needsKey)).type.toBe<
      Effect.Effect<Required[0], Required[1] | AuthModeMismatch, Yamcs.Client>
    >()
  })

  it("a layer by credential provides the mode of the credential's type, and no mode for a union", () => {
    expect(Yamcs.layer({ baseUrl, credential: { _tag: "Password", ...credential } })).type.toBe<
      Yamcs.ModeLayer<"Yamcs/Password", ExchangeError>
    >()
    expect(Any).type.toBe<
      Layer.Layer<
        AuthenticatedHttpClient.AuthenticatedHttpClient | Yamcs.Client,
        SetupError | ExchangeError,
        HttpClient.HttpClient
      >
    >()
    expect(Yamcs.layerConfig({ baseUrl: Config.string("U"), credential: configured }, { redirects: 3 })).type
      .toBeAssignableTo<Layer.Layer<AuthMode.AuthMode<"Yamcs/Password">, unknown, HttpClient.HttpClient>>()
    expect(Yamcs.layerConfig({ baseUrl: Config.string("U"), credential: configuredAny })).type
      .not.toBeAssignableTo<Layer.Layer<AuthMode.AuthMode<"Yamcs/Password">, unknown, HttpClient.HttpClient>>()
  })

  it("keeps its requirements where the context asks for a layer of anything, and so does every mode", () => {
    const tokenFields = { accessToken: password }
    const accountFields = { clientId: "c", clientSecret: password, become: "operator" }
    const layers = requirements({
      password: Yamcs.layerPassword({ baseUrl, credential }),
      bearer: Yamcs.layerBearer({ baseUrl, credential: tokenFields }),
      serviceAccount: Yamcs.layerServiceAccount({ baseUrl, credential: accountFields }),
      apiKey: Yamcs.layerApiKey({ baseUrl, credential: { key: password } }),
      basic: Yamcs.layerBasic({ baseUrl, credential })
    })
    expect(layers).type.toBe<HttpClient.HttpClient>()
    const vault = requirements({
      password: Yamcs.layerPassword({ baseUrl, credential: fromVault }),
      basic: Yamcs.layerBasic({ baseUrl, credential: fromVault })
    })
    expect(vault).type.toBe<HttpClient.HttpClient | Vault>()
  })

  it("a layer for each key of a LayerMap needs what the layers need, and no less", () => {
    class Accounts extends LayerMap.Service<Accounts>()("test/Accounts", {
      lookup: (_user: string) => Yamcs.layerPassword({ baseUrl, credential })
    }) {}
    expect(Accounts.Default).type.toBe<Layer.Layer<Accounts, never, HttpClient.HttpClient>>()
    expect(Effect.provide(shared, [Yamcs.layerPassword({ baseUrl, credential })])).type
      .not.toBeAssignableTo<Effect.Effect<unknown, unknown>>()
  })

  it("takes a credential as a class, as a plain object of its fields, or as an Effect", () => {
    expect(Yamcs.layerPassword).type.toBeCallableWith({ baseUrl, credential: {} as Password })
    expect(Yamcs.layerPassword).type.toBeCallableWith({ baseUrl, credential })
    expect(Yamcs.layerPassword({ baseUrl, credential: fromVault })).type.toBe<
      Yamcs.ModeLayer<"Yamcs/Password", ExchangeError, Vault>
    >()
    expect(Yamcs.layer).type.not.toBeCallableWith({ baseUrl, credential })
    expect(Yamcs.layerPasswordConfig).type.toBeCallableWith({
      baseUrl: Config.string("U"),
      credential: { username: Config.string("N"), password: Config.redacted("P") }
    })
    expect(Yamcs.layerPasswordConfig).type.toBeCallableWith({ baseUrl: Config.string("U"), credential: configured })
    expect(Yamcs.layerPassword).type.not.toBeCallableWith({ baseUrl, credential: { username: "u", password: "p" } })
    expect(Yamcs.layerPassword).type.not.toBeCallableWith({ baseUrl, credential: refused })
    expect(Yamcs.layerPassword).type.not.toBeCallableWith({ baseUrl, credential: checked })
    expect(Yamcs.layerPassword).type.not.toBeCallableWith({ baseUrl, credential: configured })
  })

  it("asks for the tickets and the person that a mode needs, and takes those modes by their layers alone", () => {
    const ByTicket = Yamcs.layerSpnego({ baseUrl })
    const InBrowser = Yamcs.layerOpenId({ baseUrl })
    expect(Effect.provide(Yamcs.user, ByTicket)).type.not.toBeAssignableTo<Runs>()
    expect(Effect.provide(Yamcs.user, Layer.provide(ByTicket, tickets))).type.toBeAssignableTo<Runs>()
    expect(Effect.provide(Yamcs.user, InBrowser)).type.not.toBeAssignableTo<Runs>()
    expect(Effect.provide(Yamcs.user, Layer.provide(InBrowser, person))).type.toBeAssignableTo<Runs>()
    expect(Yamcs.layer).type.not.toBeCallableWith({ baseUrl, credential: { _tag: "Spnego" } })
    expect(Yamcs.layer({ baseUrl, credential: Yamcs.anonymous })).type.toBe<
      Yamcs.ModeLayer<"Yamcs/Anonymous", ExchangeError>
    >()
  })
})
