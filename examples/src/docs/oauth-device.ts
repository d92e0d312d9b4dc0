/** A login on a machine without a browser: the person enters a code on another device. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as Device from "@effect-auth/oauth/Device"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import { Context, Effect, Layer } from "effect"
import { deepStrictEqual } from "node:assert"

// #region layer
class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const AcmeLive = Device.layer({
  client: Acme,
  baseUrl: "https://api.acme.example",
  server: "https://login.acme.example",
  credential: { clientId: "acme-cli" },
  scope: ["things:read"]
})

// waits until the code was entered; TerminalLogin.layer of @effect-auth/node shows it on a terminal
const me = Effect.flatMap(Acme, (acme) => Effect.flatMap(acme.get("/me"), ({ json }) => json))
// #endregion

/** A person who reads the code, and enters it after a while. */
const Slow = Layer.scoped(
  LoginPrompt.LoginPrompt,
  Effect.gen(function*() {
    const { enterCode } = yield* FakeOAuth.FakeOAuth
    return {
      browse: () => Effect.never,
      showCode: ({ userCode }) => Effect.delay(enterCode(userCode), "28 seconds")
    }
  })
)

export const test = Effect.gen(function*() {
  const { requests, stats } = yield* FakeOAuth.FakeOAuth
  deepStrictEqual(yield* me, {
    client: "acme-cli",
    user: "ada",
    scope: "things:read"
  })
  deepStrictEqual((yield* stats).prompts, 1)
  // every five seconds, as the server says
  deepStrictEqual((yield* requests).filter(({ line }) => line === "POST /token").length, 6)
}).pipe(
  Effect.provide(AcmeLive),
  Effect.provide(Layer.provideMerge(Slow, FakeOAuth.layer())),
  VirtualClock.run
)
