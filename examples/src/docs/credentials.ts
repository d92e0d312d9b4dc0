/** Where credentials come from: the environment, another Config, data, and a secret manager that rotates them. */
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { YamcsCredential } from "@effect-auth/yamcs/YamcsCredential"
import { Config, ConfigProvider, Context, Effect, Layer, Redacted, Ref } from "effect"
import { deepStrictEqual, match } from "node:assert"

const { canaries } = FakeYamcs

// #region env
const FromEnvironment = Yamcs.layerPasswordConfig({
  baseUrl: Config.string("YAMCS_URL"),
  credential: { username: Config.string("OPERATOR"), password: Config.redacted("OPERATOR_PASSWORD") }
})
// #endregion

// #region provider
const settings = ConfigProvider.fromJson({ YAMCS: { URL: "https://yamcs.example", USERNAME: "operator" } }).pipe(
  ConfigProvider.orElse(() => ConfigProvider.fromEnv()) // YAMCS_PASSWORD
)

const FromFile = Yamcs.layerConfig({
  baseUrl: Config.string("YAMCS_URL"),
  credential: Yamcs.credentialConfig("YAMCS")
}).pipe(Layer.provide(Layer.setConfigProvider(settings)))
// #endregion

// #region data
const fromData = (input: unknown) =>
  Effect.map(
    Credential.fromUnknown(YamcsCredential)(input),
    (credential) => Yamcs.layer({ baseUrl: "https://yamcs.example", credential })
  )
// #endregion

// #region vault
class Vault extends Context.Tag("app/Vault")<
  Vault,
  { readonly read: (name: string) => Effect.Effect<string, Error> }
>() {}

const fromVault = Effect.flatMap(Vault, ({ read }) => read("yamcs/operator")).pipe(
  Effect.map((password) => ({ username: "operator", password: Redacted.make(password) })),
  Effect.mapError(() => new CredentialUnavailable({ mode: "Yamcs/Password", problem: "the vault does not answer" }))
)

const Rotating = Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential: fromVault })
// #endregion

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

const configured = (variables: Record<string, string>) =>
  Effect.withConfigProvider(
    ConfigProvider.fromMap(new Map(Object.entries({ YAMCS_URL: "https://yamcs.example", ...variables })))
  )

export const test = Effect.gen(function*() {
  const server = yield* FakeYamcs.FakeYamcs
  deepStrictEqual(
    yield* whoAmI.pipe(
      Effect.provide(FromEnvironment),
      configured({ OPERATOR: canaries.username, OPERATOR_PASSWORD: canaries.password })
    ),
    "operator"
  )
  const missing = yield* whoAmI.pipe(Effect.provide(FromFile), Effect.flip)
  match(String(missing), /YAMCS_PASSWORD/)
  const refused = yield* Effect.flip(fromData({ _tag: "Password", username: "operator", password: "" }))
  deepStrictEqual(refused.message.includes("credential.password"), true)
  const given = yield* fromData({ _tag: "ApiKey", key: canaries.apiKey })
  deepStrictEqual(yield* Effect.provide(whoAmI, given), "operator")

  const reads = yield* Ref.make(0)
  yield* Effect.gen(function*() {
    yield* whoAmI
    yield* whoAmI
    deepStrictEqual(yield* Ref.get(reads), 1)
    yield* server.restart // its sessions are lost
    deepStrictEqual(yield* whoAmI, "operator")
    deepStrictEqual(yield* Ref.get(reads), 2)
  }).pipe(
    Effect.provide(Rotating),
    Effect.provideService(Vault, { read: () => Effect.as(Ref.update(reads, (n) => n + 1), canaries.password) })
  )
}).pipe(Effect.provide(FakeYamcs.layer()))
