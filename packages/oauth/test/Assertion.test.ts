import * as Assertion from "@effect-auth/oauth/Assertion"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { decodeJwt } from "jose"
import { issuer, server } from "./fixtures.ts"

const start = Date.UTC(2026, 0, 1)

/** What an assertion states at the beginning of 2026. */
const claimsOf = (options: Partial<Assertion.Options>, at: AuthorizationServerLike = { ...server, issuer }) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(start)
    const key = SigningKey.make(() => Effect.succeed(new Uint8Array(64)), { algorithm: "ES256" })
    const assertion = yield* Assertion.signed({ key, issuer: "robot", ...options })(at)
    return decodeJwt(Redacted.value(assertion))
  })

type AuthorizationServerLike = Parameters<Assertion.Assertion>[0]

describe("Assertion", () => {
  it.effect("JB2 states who says it, whom it is about and for, and until when, under an id of its own", () =>
    Effect.gen(function*() {
      const { jti, ...claims } = yield* claimsOf({ subject: "alice", lifetime: "5 minutes" })
      const now = start / 1000
      assert.deepStrictEqual(claims, { iss: "robot", sub: "alice", aud: issuer, iat: now, exp: now + 300 })
      assert.notStrictEqual(jti, (yield* claimsOf({})).jti)
    }))

  it.effect("JB2 is about its issuer, for the token endpoint and for a minute, unless more is known", () =>
    Effect.gen(function*() {
      const { aud, exp, iat, sub } = yield* claimsOf({}, server)
      assert.deepStrictEqual([sub, aud, Number(exp) - Number(iat)], ["robot", server.tokenEndpoint, 60])
    }))

  it.effect.each<Partial<Assertion.Options>>([
    { lifetime: Duration.infinity },
    { lifetime: "0 seconds" },
    { backdate: Duration.infinity },
    { backdate: "1 minute" }
  ])("is not made where it would never be good, or for ever: %j", (options) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(claimsOf(options))
      assert.deepInclude(error, { _tag: "CredentialUnavailable", final: true })
      assert.include(error.message, "the lifetime of an assertion")
    }))

  it.effect("JB7 is set back for servers whose clock is behind, and has no `nbf` unless asked for", () =>
    Effect.gen(function*() {
      const claims = yield* claimsOf({ backdate: "30 seconds" })
      assert.deepInclude(claims, { iat: start / 1000 - 30, exp: start / 1000 + 30 })
      assert.notProperty(claims, "nbf")
      assert.deepInclude(yield* claimsOf({ claims: { nbf: 1, iss: "canary-other" } }), { nbf: 1, iss: "robot" })
    }))
})
