import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, MalformedTokenResponse, TokenEndpointError } from "@effect-auth/core/AuthError"
import { assert, describe, it } from "@effect/vitest"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import { isAnswered } from "../../src/internal/once.ts"

const mode = "Yamcs/ServiceAccount"

describe("A login that a server may leave without an answer", () => {
  const failed = (error: ExchangeError) => Exit.fail(error)
  const table: ReadonlyArray<readonly [what: string, exit: Exit.Exit<unknown, ExchangeError>, answered: boolean]> = [
    ["a token", Exit.void, true],
    ["a refusal", failed(new CredentialsRejected({ mode, status: 401 })), true],
    ["an answer that is no token", failed(new MalformedTokenResponse({ mode })), true],
    ["429", failed(new TokenEndpointError({ mode, reason: "TooManyRequests", status: 429 })), true],
    ["503", failed(new TokenEndpointError({ mode, reason: "Unavailable", status: 503 })), true],
    [
      "a connection that was refused",
      failed(new TokenEndpointError({ mode, reason: "Unreachable", sent: false })),
      true
    ],
    ["a connection that broke", failed(new TokenEndpointError({ mode, reason: "Unreachable", sent: true })), false],
    ["a timeout", failed(new TokenEndpointError({ mode, reason: "Timeout", sent: true })), false],
    ["a proxy's 504", failed(new TokenEndpointError({ mode, reason: "Unavailable", status: 504 })), false],
    ["a 408", failed(new TokenEndpointError({ mode, reason: "Unavailable", status: 408 })), false],
    ["an interruption", Exit.interrupt(FiberId.none), false]
  ]
  for (const [what, exit, answered] of table) {
    it(`${what} ${answered ? "is an answer" : "is none, so that it is not sent again"}`, () => {
      assert.strictEqual(isAnswered(exit), answered)
    })
  }
})
