import { assert, describe, it } from "@effect/vitest"
import * as Refusal from "../../../src/internal/request/refusal.ts"
import type { RenewalStep } from "../../../src/TokenSource.ts"

const refused = { mode: "Acme/Session", url: "https://api.example/things", status: 401 }
const renewals: ReadonlyArray<RenewalStep> = ["reuse", "refresh", "login"]

describe("refusal", () => {
  describe("outcome", () => {
    const table: ReadonlyArray<readonly [situation: string, refusal: Partial<Refusal.Refusal>, Refusal.Outcome]> = [
      ["is Rejected if the first credentials cannot be renewed", { step: "fail" }, "Rejected"],
      [
        "is Failed if a token, which others can be obtained for, is not renewed",
        { step: "fail", renewable: true },
        "Failed"
      ],
      ["is Failed if renewed credentials cannot be renewed again", { step: "fail", replays: 1 }, "Failed"],
      ["is Failed once the replays are used up", { replays: 2 }, "Failed"],
      ["is Failed without a replay if none is allowed", { maxReplays: 0 }, "Failed"],
      ["is Replay before the replays are used up", { replays: 1 }, "Replay"],
      ["is NotReplayable if the body cannot be sent again", { replayable: false }, "NotReplayable"],
      [
        "is Rejected, whatever the body, if nothing can be renewed",
        { step: "fail", replayable: false },
        "Rejected"
      ],
      [
        "is Failed, whatever the body, once the replays are used up",
        { replays: 2, replayable: false },
        "Failed"
      ]
    ]
    for (const [situation, refusal, expected] of table) {
      it(situation, () => {
        const full = { step: "login", replays: 0, maxReplays: 2, renewable: false, replayable: true } as const
        assert.strictEqual(Refusal.outcome({ ...full, ...refusal }), expected)
      })
    }

    for (const step of renewals) {
      it(`is Replay if the next step is ${step}`, () => {
        assert.strictEqual(
          Refusal.outcome({ step, replays: 0, maxReplays: 1, renewable: true, replayable: true }),
          "Replay"
        )
      })
    }
  })

  describe("error", () => {
    it("of Rejected says that the credentials are not accepted, in the server's words", () => {
      const error = Refusal.error("Rejected", refused, { code: "E1", detail: "unknown user" })
      assert.deepInclude(error, { _tag: "CredentialsRejected", ...refused, code: "E1", detail: "unknown user" })
    })

    it("of Failed says that renewal did not help, in the server's words", () => {
      const error = Refusal.error("Failed", refused, { code: "E1" })
      assert.deepInclude(error, { _tag: "AuthenticationFailed", ...refused, code: "E1" })
    })

    it("of NotReplayable says that the body cannot be sent again, and keeps what the server says", () => {
      const error = Refusal.error("NotReplayable", refused, { code: "E1", detail: "expired" })
      assert.deepInclude(error, {
        _tag: "AuthenticationFailed",
        ...refused,
        code: "E1",
        detail: "expired",
        advice: "the request's body cannot be sent a second time"
      })
    })
  })
})
