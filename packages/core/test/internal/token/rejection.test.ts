import { assert, describe, it } from "@effect/vitest"
import type * as Demand from "../../../src/internal/token/demand.ts"
import * as Plan from "../../../src/internal/token/plan.ts"
import * as Rejection from "../../../src/internal/token/rejection.ts"
import * as State from "../../../src/internal/token/state.ts"
import { Token } from "../../../src/Token.ts"
import { failure, first, held, moment, other, refusedLogin, rules, state } from "./fixtures.ts"

describe("rejections of tokens", () => {
  describe("reject", () => {
    it.each<[string, State.TokenState<string>, Token, Rejection.RenewalStep, Rejection.RenewalStep, boolean]>([
      ["leads to a refresh, and marks the token", state(), first, "reuse", "refresh", true],
      [
        "leads to a login without a refresh token",
        state({ held: held({ refreshToken: undefined }) }),
        first,
        "reuse",
        "login",
        true
      ],
      [
        "within the refresh grace period leads to a login",
        state({ held: held({ provenance: "refresh", issuedAt: 1 }) }),
        first,
        "reuse",
        "login",
        true
      ],
      [
        "after the refresh grace period leads to a refresh",
        state({ held: held({ provenance: "refresh", issuedAt: -9_999 }) }),
        first,
        "reuse",
        "refresh",
        true
      ],
      ["of a token that has been renewed since leads to its successor", state(), other, "reuse", "reuse", false],
      [
        "after a refresh was attempted leads to a login, although a refresh token is left",
        state({ held: held({ provenance: "refresh", issuedAt: -100_000 }) }),
        first,
        "refresh",
        "login",
        true
      ],
      [
        "after every step was attempted ends, and keeps the token",
        state({ held: held({ refreshToken: undefined }) }),
        first,
        "login",
        "fail",
        false
      ],
      [
        "of a token that is marked already changes nothing",
        state({ held: held({ rejected: true }) }),
        first,
        "reuse",
        "refresh",
        false
      ],
      ["on an empty source leads to a login", State.empty, first, "reuse", "login", false]
    ])("%s", (_, given, rejected, attempted, step, marks) => {
      const rejection = { token: rejected, attempted, accepted: undefined, demand: undefined }
      const [next, after] = Rejection.reject(given, rejection, moment(1), rules)
      assert.strictEqual(next, step)
      assert.strictEqual(after !== given, marks)
      if (marks) assert.isTrue(after.held?.rejected)
    })

    it("of a refreshed token that was never accepted leads to a login, whatever its age", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: -100_000 }) })
      const step = (accepted: boolean) =>
        Rejection.reject(given, { token: first, attempted: "reuse", accepted, demand: undefined }, moment(1), rules)[0]
      assert.deepStrictEqual([step(false), step(true)], ["login", "refresh"])
    })

    it("of a refreshed token that was accepted leads to a refresh, however young it is", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: 1 }) })
      const rejection = { token: first, attempted: "reuse", accepted: true, demand: undefined } as const
      const [step, after] = Rejection.reject(given, rejection, moment(1), rules)
      assert.strictEqual(step, "refresh")
      assert.strictEqual(Plan.plan(after, undefined, 1, rules)._tag, "Refresh")
    })

    it("of accepted tokens that were revoked one after the other leads to refreshes, three times in a cool-down", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: 1 }) })
      const rejection = { token: first, attempted: "refresh", accepted: true, demand: undefined } as const
      const steps = [1, 2, 3, 4, 30_001].reduce<readonly [ReadonlyArray<string>, State.TokenState<string>]>(
        ([steps, before], now) => {
          const [step, after] = Rejection.reject({ ...before, held: given.held }, rejection, moment(now), rules)
          return [[...steps, step], after]
        },
        [[], given]
      )[0]
      assert.deepStrictEqual(steps, ["refresh", "refresh", "refresh", "login", "refresh"])
      const [step] = Rejection.reject(given, { ...rejection, accepted: false }, moment(1), rules)
      assert.strictEqual(step, "login")
    })

    it("of what another process has stored begins at the first step, whatever was attempted", () => {
      const given = state({ held: held({ provenance: "store", refreshToken: undefined }) })
      const rejection = { token: first, attempted: "login", accepted: false, demand: undefined } as const
      assert.strictEqual(Rejection.reject(given, rejection, moment(1), rules)[0], "login")
    })

    describe("with a demand", () => {
      const wider = { scope: ["write"] }
      const demanding = (demand: Demand.Demand) =>
        ({ token: first, attempted: "reuse", accepted: true, demand }) as const

      it("leads to a login that asks for it and for what was asked before; until then the token is not used", () => {
        const given = state({ asked: { demand: { scope: ["read"] }, at: moment(0) } })
        const [step, after] = Rejection.reject(given, demanding(wider), moment(1), rules)
        assert.strictEqual(step, "login")
        assert.deepStrictEqual(Plan.nextDemand(after).scope, ["read", "write"])
        assert.strictEqual(State.freshness(held({ demand: wider }), 1), "Expired")
        assert.strictEqual(Plan.plan(after, undefined, 1, rules)._tag, "Login")
      })

      it("joins a demand that is waiting for its login", () => {
        const [, one] = Rejection.reject(state(), demanding(wider), moment(1), rules)
        const [step, both] = Rejection.reject(one, demanding({ scope: ["delete"] }), moment(2), rules)
        assert.deepStrictEqual([step, Plan.nextDemand(both).scope], ["login", ["write", "delete"]])
      })

      it("ends where the last login asked for it already, or none can ask", () => {
        const asked = state({ asked: { demand: wider, at: moment(0) } })
        assert.deepStrictEqual(Rejection.reject(asked, demanding(wider), moment(1), rules), ["fail", asked])
        const given = state()
        assert.deepStrictEqual(Rejection.reject(given, demanding(wider), moment(1), { ...rules, canDemand: false }), [
          "fail",
          given
        ])
      })

      it("leads to three logins in a cool-down, whatever the server thinks of next", () => {
        const steps = [1, 2, 3, 4, 30_001].reduce<readonly [ReadonlyArray<string>, State.TokenState<string>]>(
          ([steps, before], now) => {
            const [step, after] = Rejection.reject(before, demanding({ scope: [`scope-${now}`] }), moment(now), rules)
            return [[...steps, step], { ...after, held: held() }]
          },
          [[], state()]
        )[0]
        assert.deepStrictEqual(steps, ["login", "login", "login", "fail", "login"])
      })

      it("leaves the token good for other requests if its login fails, and is not tried again in the cool-down", () => {
        const [, after] = Rejection.reject(state(), demanding(wider), moment(1), rules)
        const failed = State.failed(after, failure(refusedLogin, 2))
        assert.deepStrictEqual(State.decide(failed, moment(3), rules, true), { _tag: "Use", token: first })
        assert.strictEqual(Rejection.reject(failed, demanding(wider), moment(3), rules)[0], "fail")
      })

      it("is satisfied by a stored token of that scope only", () => {
        const [, after] = Rejection.reject(state(), demanding(wider), moment(1), rules)
        const found = (scope: ReadonlyArray<string>) =>
          Plan.plan(after, { token: new Token({ ...other, scope }), provenance: "store" }, 1, rules)._tag
        assert.deepStrictEqual([found(["read"]), found(["read", "write"])], ["Login", "Adopt"])
      })
    })

    it("of tokens that logins brought leads to one login in a cool-down, and to three if they were of use", () => {
      const fromLogin = held({ refreshToken: undefined })
      const stepsAt = (accepted: boolean | undefined, ...times: ReadonlyArray<number>) =>
        times.reduce<readonly [ReadonlyArray<Rejection.RenewalStep>, State.TokenState<string>]>(
          ([steps, before], now) => {
            const given = { ...before, held: fromLogin }
            const [step, after] = Rejection.reject(
              given,
              { token: first, attempted: "reuse", accepted, demand: undefined },
              moment(now),
              rules
            )
            if (step === "fail") assert.strictEqual(after, given)
            return [[...steps, step], after]
          },
          [[], state({ held: fromLogin })]
        )[0]
      const { coolDown } = rules
      for (const accepted of [false, undefined]) {
        assert.deepStrictEqual(stepsAt(accepted, 1, 2, coolDown, coolDown + 1), ["login", "fail", "fail", "login"])
      }
      assert.deepStrictEqual(
        stepsAt(true, 1, 2, 3, 4, coolDown, coolDown + 1),
        ["login", "login", "login", "fail", "fail", "login"]
      )
    })

    it("a refresh token that was passed over for a login has its turn again if that fails", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: -100_000 }) })
      const rejection = { token: first, attempted: "reuse", accepted: false, demand: undefined } as const
      const [, rejected] = Rejection.reject(given, rejection, moment(1), rules)
      assert.strictEqual(Plan.plan(rejected, undefined, 1, rules)._tag, "Login")
      const failed = State.failed(rejected, failure(refusedLogin, 2))
      assert.strictEqual(Plan.plan(failed, undefined, 2, rules)._tag, "Refresh")
    })
  })

  describe("furthest", () => {
    it.each<[ReadonlyArray<Rejection.RenewalStep>, Rejection.RenewalStep]>([
      [[], "fail"],
      [["fail"], "fail"],
      [["reuse", "fail"], "reuse"],
      [["refresh", "reuse"], "refresh"],
      [["fail", "login", "refresh"], "login"]
    ])("of %j is %s", (steps, expected) => assert.strictEqual(Rejection.furthest(steps), expected))
  })
})
