/** Modes: exchanged in one line, required by a function, and made for an API of one's own. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { ConfigProvider, Context, Effect, Redacted } from "effect"
import { deepStrictEqual } from "node:assert"

// #region swap
const baseUrl = "https://yamcs.example"
const { apiKey, password, username } = FakeYamcs.canaries

const Password = Yamcs.layerPassword({ baseUrl, credential: { username, password: Redacted.make(password) } })
const ApiKey = Yamcs.layerApiKey({ baseUrl, credential: { key: Redacted.make(apiKey) } })

const instances = Effect.flatMap(Yamcs.Client, (http) => http.get("/api/instances"))

export const program = instances.pipe(Effect.provide(Password)) // or ApiKey
// #endregion

// #region evidence
// Effect<..., ..., AuthMode<"Yamcs/Password">>: with ApiKey it does not compile
export const ownInstances = Effect.flatMap(AuthMode.client("Yamcs/Password"), (http) => http.get("/api/user"))
// #endregion

// #region own
class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

// the token of ACME_TOKEN on every request to this host, and on no other
const AcmeLive = AuthenticatedHttpClient.layer(
  Effect.map(Credential.bearerConfig("ACME"), (credential) => Authenticator.bearer(credential)),
  { baseUrl: "https://api.acme.example", client: Acme }
)

// a token or a key that is at hand: Authenticator.bearer({ token: Redacted.make("...") }),
// Authenticator.apiKey({ key: Redacted.make("..."), in: "header", name: "x-api-key" })

export const things = Effect.flatMap(Acme, (http) => http.get("/things")).pipe(Effect.provide(AcmeLive))
// #endregion

export const test = Effect.gen(function*() {
  const statuses = [
    yield* program,
    yield* Effect.provide(instances, ApiKey),
    yield* Effect.provide(ownInstances, Password)
  ].map(({ status }) => status)
  deepStrictEqual(statuses, [200, 200, 200])
  const acme = ScriptedHttpClient.layer(({ headers }) => ({
    status: headers["authorization"] === "Bearer canary-acme" ? 200 : 401
  }))
  const { status } = yield* things.pipe(
    Effect.provide(acme),
    Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["ACME_TOKEN", "canary-acme"]])))
  )
  deepStrictEqual(status, 200)
}).pipe(Effect.provide(FakeYamcs.layer()))
