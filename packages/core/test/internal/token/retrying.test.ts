import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import { TokenEndpointError } from "../../../src/AuthError.ts"
import * as Retrying from "../../../src/internal/token/retrying.ts"
import { missing, refusedLogin, unavailable } from "./fixtures.ts"

const lost = new TokenEndpointError({ mode: "Test", reason: "Unreachable", sent: true })
const unsent = new TokenEndpointError({ mode: "Test", reason: "Unreachable", sent: false })
const busy = new TokenEndpointError({ mode: "Test", reason: "Unavailable", retryAfter: Duration.seconds(10) })

const failed = (error: Retrying.Try["error"], options?: Partial<Retrying.Try>): Retrying.Try => ({
  kind: "refresh",
  error,
  at: 0,
  isLostBefore: false,
  ...options
})

describe("retries of an exchange", () => {
  it.each<[string, Retrying.Try, boolean]>([
    ["a server that is not available is asked again", failed(unavailable), true],
    ["a refusal is final", failed(refusedLogin), false],
    ["a credential that could not be read is read again", failed(missing, { kind: "login" }), true],
    ["a wait that ends within the time is waited", failed(busy, { at: 19_999 }), true],
    ["a wait that ends after it is left to the next exchange", failed(busy, { at: 20_000 }), false],
    ["a refresh whose answer was lost is sent once more", failed(lost), true],
    ["but not a third time", failed(lost, { isLostBefore: true }), false],
    ["a refresh that was never sent is", failed(unsent, { isLostBefore: true }), true],
    ["and so is a login", failed(lost, { kind: "login", isLostBefore: true }), true]
  ])("%s", (_, given, expected) => {
    assert.strictEqual(Retrying.isRepeated(given, 30_000), expected)
  })
})
