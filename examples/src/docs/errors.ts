/** Errors are handled by their tag. */
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { Duration, Effect, Redacted } from "effect"
import { deepStrictEqual } from "node:assert"

// #region handle
const status = Effect.flatMap(Yamcs.Client, (http) => http.get("/api/instances")).pipe(
  Effect.map(({ status }) => `answered ${status}`),
  Effect.catchTags({
    CredentialsRejected: ({ mode }) =>
      Effect.succeed(`${mode}: correct the credentials; trying again may lock the account`),
    AuthenticationFailed: ({ status }) => Effect.succeed(`this account may not do that (${status})`),
    TokenEndpointError: ({ message, retryAfter }) =>
      Effect.succeed(`${message}; again in ${Duration.format(retryAfter ?? Duration.minutes(1))}`)
  })
)
// #endregion

const as = (password: string) =>
  Yamcs.layerPassword({
    baseUrl: "https://yamcs.example",
    credential: { username: "operator", password: Redacted.make(password) }
  })

export const test = Effect.gen(function*() {
  deepStrictEqual(yield* Effect.provide(status, as(FakeYamcs.canaries.password)), "answered 200")
  deepStrictEqual(
    yield* Effect.provide(status, as("canary-wrong")),
    "Yamcs/Password: correct the credentials; trying again may lock the account"
  )
}).pipe(Effect.provide(FakeYamcs.layer()))
