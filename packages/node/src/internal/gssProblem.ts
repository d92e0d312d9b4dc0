/**
 * What the words of a GSS-API mean. They have no codes that reach us: the minor status of Kerberos is in the text, in the
 * wording of MIT Kerberos, of Heimdal (macOS), or of Windows.
 */
import type { NegotiateError } from "@effect-auth/core/Negotiate"

interface Problem {
  readonly reason: NegotiateError["reason"]
  readonly problem: string
}

export const of = (said: string): Problem => {
  const words = said.slice(0, longest)
  const minor = words.replace(/^[^]*Minor code may provide more information:\s*/u, "").trim()
  const [, reason, advice] = table.find(([pattern]) => pattern.test(words)) ?? [undefined, "Failed", undefined] as const
  return { reason, problem: advice === undefined ? minor : `${minor} (${advice})` }
}

/** In characters; some are from a center, and a pattern may look at each line many times. */
const longest = 1024

/** The first that fits. That no center answers stands beside "No credentials were supplied" where a keytab is there. */
const table: ReadonlyArray<readonly [pattern: RegExp, reason: NegotiateError["reason"], advice: string | undefined]> = [
  [/cannot contact any kdc|unable to reach any kdc|no logon servers/iu, "KdcUnreachable", undefined],
  [/cannot find kdc/iu, "Failed", "is the realm in krb5.conf?"],
  [/expired/iu, "TicketExpired", "kinit gets a new ticket"],
  [
    /server .* not found in kerberos database|server not found|target is unknown/iu,
    "UnknownService",
    "the name of the server is that of its entry in the Kerberos database; see the option `service`"
  ],
  [
    /no (?:kerberos )?credentials|credentials cache|client principal/iu,
    "NoCredentials",
    "kinit gets a ticket, or KRB5_CLIENT_KTNAME names a keytab"
  ]
]
