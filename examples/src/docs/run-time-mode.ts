/** A mode that is chosen while the program runs. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { Config, Effect, Redacted } from "effect"
import { ConfigProvider } from "effect"
import { deepStrictEqual, match } from "node:assert"

// #region config
const baseUrl = "https://yamcs.example"

// the environment decides: YAMCS_API_KEY, YAMCS_CLIENT_ID, YAMCS_ACCESS_TOKEN or YAMCS_USERNAME
const Decided = Yamcs.layerConfig({ baseUrl: Config.succeed(baseUrl), credential: Yamcs.credentialConfig("YAMCS") })

const instances = Effect.flatMap(Yamcs.Client, (http) => http.get("/api/instances"))

const program = Effect.provide(instances, Decided)
// #endregion

// #region branch
const chosen = (key: string | undefined): Yamcs.ModeLayer<string, ExchangeError> =>
  key === undefined
    ? Yamcs.layerPassword({
      baseUrl,
      credential: { username: "operator", password: Redacted.make("canary-password-yamcs") }
    })
    : Yamcs.layerApiKey({ baseUrl, credential: { key: Redacted.make(key) } })
// #endregion

// #region require
const needsPassword = Effect.flatMap(AuthMode.client("Yamcs/Password"), (http) => http.get("/api/user"))

const checked = Yamcs.require("Yamcs/Password")(needsPassword).pipe(
  Effect.catchTag("AuthModeMismatch", ({ actual, expected }) => Effect.fail(`needs ${expected}, and has ${actual}`))
)
// #endregion

export const test = Effect.gen(function*() {
  const { apiKey } = FakeYamcs.canaries
  const environment = ConfigProvider.fromMap(new Map([["YAMCS_API_KEY", apiKey]]))
  deepStrictEqual((yield* Effect.withConfigProvider(program, environment)).status, 200)
  deepStrictEqual((yield* Effect.provide(instances, chosen(apiKey))).status, 200)
  deepStrictEqual((yield* Effect.provide(checked, chosen(undefined))).status, 200)
  match(
    String(yield* Effect.flip(Effect.provide(checked, chosen(apiKey)))),
    /needs Yamcs\/Password, and has Yamcs\/ApiKey/
  )
}).pipe(Effect.provide(FakeYamcs.layer()))
