import { assert, describe, it } from "@effect/vitest"
import * as State from "../../../src/internal/token/state.ts"
import {
  eternal,
  failure,
  first,
  held,
  missing,
  moment,
  refusedLogin,
  rules,
  secret,
  state,
  unavailable
} from "./fixtures.ts"

describe("token state", () => {
  describe("freshness", () => {
    it.each<[string, State.Freshness, State.Held, number]>([
      ["before its renewal", "Fresh", held(), 79_999],
      ["from its renewal on", "Stale", held(), 80_000],
      ["until its expiry", "Stale", held(), 99_999],
      ["from its expiry on", "Expired", held(), 100_000],
      ["that was rejected", "Expired", held({ rejected: true }), 1],
      ["of unknown lifetime", "Fresh", held({ renewAt: Infinity, expiresAt: Infinity }), 1e12],
      ["issued a minute ahead of a clock that was set back", "Fresh", held({ issuedAt: 60_000 }), 0],
      ["issued more than a minute ahead of a clock that was set back", "Stale", held({ issuedAt: 60_001 }), 0]
    ])("a token %s is %s", (_, expected, given, now) => {
      assert.strictEqual(State.freshness(given, now), expected)
      assert.strictEqual(State.freshToken(state({ held: given }), now), expected === "Fresh" ? given.done : undefined)
    })

    it("an empty source has no fresh token", () => assert.isUndefined(State.freshToken(State.empty, 0)))
  })

  describe("decide", () => {
    it.each<[string, State.TokenState<string>, number, State.Decision<string>]>([
      ["an exchange begins when nothing is held", State.empty, 0, { _tag: "Begin" }],
      ["a caller joins the exchange in flight", { ...State.empty, exchange: "x" }, 0, {
        _tag: "Join",
        exchange: "x"
      }],
      ["a fresh token is used", state(), 1, { _tag: "Use", token: first }],
      ["a stale token is used and renewed", state(), 80_000, { _tag: "UseAndRenew", token: first }],
      ["a stale token is used while its renewal is in flight", state({ exchange: "x" }), 80_000, {
        _tag: "Use",
        token: first
      }],
      [
        "a stale token is used during the pause after a failed renewal",
        state({ failure: failure(unavailable, 79_000) }),
        80_000,
        {
          _tag: "Use",
          token: first
        }
      ],
      ["an expired token leads to an exchange", state(), 100_000, { _tag: "Begin" }],
      [
        "a refusal is repeated during the cool-down",
        state({ held: undefined, failure: failure(refusedLogin) }),
        29_999,
        {
          _tag: "Refuse",
          error: refusedLogin
        }
      ],
      [
        "a refusal is not repeated after the cool-down",
        state({ held: undefined, failure: failure(refusedLogin) }),
        30_000,
        { _tag: "Begin" }
      ],
      [
        "a refusal is not repeated when the clock was set back before it",
        state({ held: undefined, failure: failure(refusedLogin, 1_010) }),
        9,
        {
          _tag: "Begin"
        }
      ],
      [
        "a refusal is repeated when the clock was corrected by a moment",
        state({ held: undefined, failure: failure(refusedLogin, 10) }),
        9,
        { _tag: "Refuse", error: refusedLogin }
      ],
      ["a transient failure is not repeated", state({ held: undefined, failure: failure(unavailable) }), 1, {
        _tag: "Begin"
      }],
      ["a missing credential is looked for again", state({ held: undefined, failure: failure(missing) }), 1, {
        _tag: "Begin"
      }],
      [
        "an expired token with a refused renewal repeats the refusal",
        state({ failure: failure(refusedLogin, 99_000) }),
        100_000,
        {
          _tag: "Refuse",
          error: refusedLogin
        }
      ],
      [
        "a caller joins an exchange even during the cool-down",
        {
          ...State.empty,
          exchange: "x",
          failure: failure(refusedLogin)
        },
        1,
        { _tag: "Join", exchange: "x" }
      ],
      ["a fresh token is used whatever failed", state({ exchange: "x", failure: failure(refusedLogin) }), 1, {
        _tag: "Use",
        token: first
      }],
      ["a closed source gives nothing", state({ closed: true }), 1, { _tag: "Closed" }]
    ])("%s", (_, given, now, expected) => {
      assert.deepStrictEqual(State.decide(given, moment(now), rules, true), expected)
    })
  })

  describe("transitions", () => {
    const facts = { provenance: "login", renewAt: 80_000, saved: "Kept" } as const

    it("a granted token has the next generation and clears the failure", () => {
      const after = State.granted({ ...State.empty, failure: failure(unavailable, 1) }, first, facts)
      assert.deepStrictEqual(after, { ...State.empty, generation: 1, initialSpent: true, held: held() })
    })

    it("a renewal after the expiry means the expiry, and an unknown lifetime no expiry", () => {
      assert.strictEqual(State.granted(State.empty, first, { ...facts, renewAt: Infinity }).held?.renewAt, 100_000)
      assert.strictEqual(State.granted(State.empty, eternal, facts).held?.expiresAt, Infinity)
    })

    it("every token but a stored one spends the token given at the start", () => {
      for (const provenance of ["login", "refresh", "initial"] as const) {
        assert.isTrue(State.granted(State.empty, first, { ...facts, provenance }).initialSpent)
      }
      assert.isFalse(State.granted(State.empty, first, { ...facts, provenance: "store" }).initialSpent)
    })

    it("nobody else has the session of a login that was not stored, and of what was refreshed from it", () => {
      const rows = [
        ["login", "Lost", State.empty, true],
        ["login", "Superseded", State.empty, true],
        ["login", "Kept", State.empty, false],
        ["login", "Unanswered", State.empty, false],
        ["refresh", "Lost", state(), false],
        ["refresh", "Lost", state({ held: held({ persisted: false, unshared: true }) }), true],
        ["refresh", "Kept", state({ held: held({ persisted: false, unshared: true }) }), false],
        // what was refreshed is the token of another process
        ["refresh", "Lost", state({ held: held({ persisted: true, unshared: true }) }), false],
        ["store", "Kept", state({ held: held({ persisted: false, unshared: true }) }), false]
      ] as const
      for (const [provenance, saved, before, unshared] of rows) {
        const after = State.granted(before, first, { provenance, saved, renewAt: 80_000 }).held
        assert.strictEqual(after?.unshared, unshared, `${provenance}, ${saved}`)
        assert.strictEqual(after?.persisted, saved === "Kept" || saved === "Superseded")
      }
    })

    it("a refused refresh token is forgotten; it spends the token given at the start only if it was that one's", () => {
      assert.isUndefined(State.refreshRefused(state(), secret("ended"), false).held?.refreshToken)
      assert.isFalse(State.refreshRefused(state(), secret("ended"), false).initialSpent)
      assert.isTrue(State.refreshRefused(State.empty, secret("ended"), true).initialSpent)
    })

    it("a cool-down ends when one of the clocks says so", () => {
      const cooling = state({ held: undefined, failure: failure(refusedLogin, 100_000) })
      const decision = (wall: number, steady: number) => State.decide(cooling, { wall, steady }, rules, true)._tag
      assert.strictEqual(decision(101_000, 101_000), "Refuse")
      // set forward, asleep, set back, and set back so that its time comes again
      assert.strictEqual(decision(130_000, 101_000), "Begin")
      assert.strictEqual(decision(101_000, 130_000), "Begin")
      assert.strictEqual(decision(50_000, 101_000), "Begin")
    })

    it("a failure is remembered with its time", () => {
      assert.deepStrictEqual(State.failed(state(), failure(unavailable, 5)).failure, failure(unavailable, 5))
    })
  })
})
