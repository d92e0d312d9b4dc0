/** What becomes of a request whose credentials the server refused. Pure. */
import { AuthenticationFailed, CredentialsRejected } from "../../AuthError.ts"
import type { ServerMessage } from "../../ServerMessage.ts"
import type { RenewalStep } from "../token/rejection.ts"

/** What is known about a refused request. */
export interface Refusal {
  /** The step by which other credentials can be obtained. */
  readonly step: RenewalStep
  /** How often the request has been sent again after refusals. */
  readonly replays: number
  readonly maxReplays: number
  /** Whether the credentials are obtained from others: then it was not those that the server refused. */
  readonly renewable: boolean
  /** Whether its body can be sent again. */
  readonly replayable: boolean
}

/**
 * - `Replay`: send it again, with the credentials that the step brings
 * - `Rejected`: the credentials themselves are not accepted
 * - `Failed`: the credentials were renewed and the request is still refused, or may not be sent again
 * - `NotReplayable`: its body cannot be sent again
 */
export type Outcome = "Replay" | "Rejected" | "Failed" | "NotReplayable"

export const outcome = ({ maxReplays, renewable, replayable, replays, step }: Refusal): Outcome => {
  if (step === "fail") return replays === 0 && !renewable ? "Rejected" : "Failed"
  if (replays >= maxReplays) return "Failed"
  return replayable ? "Replay" : "NotReplayable"
}

/** The error of a refusal that is not replayed. */
export const error = (
  outcome: Exclude<Outcome, "Replay">,
  refused: { readonly mode: string; readonly url: string; readonly status: number },
  message: ServerMessage
): CredentialsRejected | AuthenticationFailed => {
  const facts = { ...message, ...refused }
  switch (outcome) {
    case "Rejected":
      return new CredentialsRejected(facts)
    case "Failed":
      return new AuthenticationFailed(facts)
    case "NotReplayable":
      return new AuthenticationFailed({ ...facts, advice: "the request's body cannot be sent a second time" })
  }
}
