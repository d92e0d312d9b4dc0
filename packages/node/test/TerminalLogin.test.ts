import * as Browser from "@effect-auth/core/Browser"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TerminalLogin from "../src/TerminalLogin.ts"

describe("TerminalLogin", () => {
  it.scopedLive("provides the receiver on loopback, the system's browser and the prompt", () =>
    Effect.gen(function*() {
      const { redirectUri } = yield* Effect.flatMap(RedirectReceiver.RedirectReceiver, ({ listen }) => listen())
      assert.match(redirectUri, /^http:\/\/127\.0\.0\.1:\d+\/callback$/)
      const error = yield* Effect.flip(Effect.flatMap(Browser.Browser, ({ open }) => open("file:///canary")))
      assert.strictEqual(error.problem, "only http and https URLs are opened")
      assert.isFunction((yield* LoginPrompt.LoginPrompt).showCode)
    }).pipe(Effect.provide(TerminalLogin.layer)))
})
