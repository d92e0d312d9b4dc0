import type * as Negotiate from "@effect-auth/core/Negotiate"
import { assert, describe, it } from "@effect/vitest"
import * as GssProblem from "../../src/internal/gssProblem.ts"

const unspecified = "Unspecified GSS failure.  Minor code may provide more information: "

const none = "No credentials were supplied, or the credentials were unavailable or inaccessible: "

/** What MIT Kerberos 1.20 said. */
const said: ReadonlyArray<readonly [words: string, reason: Negotiate.NegotiateError["reason"], problem: string]> = [
  [`${unspecified}Ticket expired`, "TicketExpired", "Ticket expired (kinit"],
  [
    `${unspecified}Server HTTP/127.0.0.1@TEST.LOCAL not found in Kerberos database`,
    "UnknownService",
    "Server HTTP/127.0.0.1@TEST.LOCAL not found in Kerberos database (the name"
  ],
  [
    `${unspecified}Server krbtgt/EXAMPLE@TEST.LOCAL not found in Kerberos database`,
    "UnknownService",
    "Server krbtgt/EXAMPLE"
  ],
  [`${unspecified}Cannot contact any KDC for realm 'TEST.LOCAL'`, "KdcUnreachable", "Cannot contact any KDC for realm"],
  [`${none}Cannot contact any KDC for realm 'TEST.LOCAL'`, "KdcUnreachable", "No credentials were supplied"],
  [
    `${unspecified}Cannot find KDC for realm "TEST.LOCAL"`,
    "Failed",
    "Cannot find KDC for realm \"TEST.LOCAL\" (is the realm"
  ],
  [`${none}SPNEGO cannot find mechanisms to negotiate`, "NoCredentials", "No credentials were supplied"],
  [`${none}Can't find client principal bob@TEST.LOCAL in cache collection`, "NoCredentials", "No credentials were"],
  [
    `${unspecified}No Kerberos credentials available (default cache: FILE:/tmp/krb5cc_0)`,
    "NoCredentials",
    "No Kerberos"
  ],
  [`${unspecified}Clock skew too great`, "Failed", "Clock skew too great"],
  ["An invalid name was supplied: Unknown error", "Failed", "An invalid name was supplied: Unknown error"]
]

describe("The words of the GSS-API", () => {
  for (const [words, reason, problem] of said) {
    it(`"${words.replace(/^.*?: /u, "")}" is ${reason}`, () => {
      const found = GssProblem.of(words)
      assert.strictEqual(found.reason, reason)
      assert.include(found.problem, problem)
    })
  }

  it("are read as far as they are words", () => {
    const found = GssProblem.of(`Cannot contact any KDC ${"server ".repeat(100_000)}`)
    assert.strictEqual(found.reason, "KdcUnreachable")
    assert.isBelow(found.problem.length, 2000)
  })
})
