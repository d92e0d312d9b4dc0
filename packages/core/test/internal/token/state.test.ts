import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { CredentialsRejected, CredentialUnavailable, TokenEndpointError } from "../../../src/AuthError.ts"
import * as State from "../../../src/internal/token/state.ts"
import { Token } from "../../../src/Token.ts"

const secret = (text: string) => Redacted.make(`canary-${text}`)

/** Issued at 0, expires at 100,000. */
const token = (name: string, options?: { readonly expiresAt?: number; readonly refreshToken?: string }) =>
  new Token({
    value: secret(name),
    issuedAt: DateTime.unsafeMake(0),
    expiresAt: DateTime.unsafeMake(options?.expiresAt ?? 100_000),
    ...(options?.refreshToken === undefined ? undefined : { refreshToken: secret(options.refreshToken) })
  })

const first = token("a", { refreshToken: "refresh-a" })
const other = token("b", { refreshToken: "refresh-b" })

/** Of unknown lifetime. */
const eternal = new Token({ value: secret("eternal"), issuedAt: DateTime.unsafeMake(0) })

const rules: State.Rules = { canRefresh: true, coolDown: 30_000, refreshGracePeriod: 10_000 }

const held = (overrides?: Partial<State.Held>): State.Held => ({
  token: first,
  done: Exit.succeed(first),
  generation: 1,
  provenance: "login",
  issuedAt: 0,
  renewAt: 80_000,
  expiresAt: 100_000,
  rejected: false,
  refreshToken: first.refreshToken,
  loginNext: false,
  persisted: true,
  ...overrides
})

const state = (overrides?: Partial<State.TokenState<string>>): State.TokenState<string> => ({
  ...State.empty,
  held: held(),
  generation: 1,
  ...overrides
})

const refusedLogin = new CredentialsRejected({ mode: "Test", status: 401 })
const unavailable = new TokenEndpointError({ mode: "Test", reason: "Unavailable" })
const missing = new CredentialUnavailable({ mode: "Test", problem: "the vault is sealed" })

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
    const failure = (error: State.Failure["error"], at = 0): State.Failure => ({ error, at })
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
        state({ held: undefined, failure: failure(refusedLogin, 10) }),
        9,
        {
          _tag: "Begin"
        }
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
      assert.deepStrictEqual(State.decide(given, now, rules), expected)
    })
  })

  describe("plan", () => {
    const stored = (token: Token): State.Found => ({ token, provenance: "store" })
    const initial = (token: Token): State.Found => ({ token, provenance: "initial" })
    const expired = token("c", { expiresAt: 1, refreshToken: "refresh-c" })
    const refresh = (token: Token): State.Plan =>
      token.refreshToken === undefined
        ? { _tag: "Login" }
        : { _tag: "Refresh", token, refreshToken: token.refreshToken }

    it.each<[string, State.Held | undefined, State.Found | undefined, State.Rules, State.Plan]>([
      ["nothing held and nothing found lead to a login", undefined, undefined, rules, { _tag: "Login" }],
      ["a stored token is adopted", undefined, stored(other), rules, {
        _tag: "Adopt",
        token: other,
        provenance: "store"
      }],
      ["a token given at the start is adopted", undefined, initial(other), rules, {
        _tag: "Adopt",
        token: other,
        provenance: "initial"
      }],
      [
        "a stored token that has expired is refreshed",
        undefined,
        stored(expired),
        rules,
        refresh(expired)
      ],
      [
        "a stored token that has expired leads to a login where there is no refresh",
        undefined,
        stored(expired),
        { ...rules, canRefresh: false },
        {
          _tag: "Login"
        }
      ],
      ["a stored token of unknown lifetime is adopted", undefined, stored(eternal), rules, {
        _tag: "Adopt",
        token: eternal,
        provenance: "store"
      }],
      [
        "an expired token without a refresh token leads to a login",
        undefined,
        stored(token("d", { expiresAt: 1 })),
        rules,
        {
          _tag: "Login"
        }
      ],
      [
        "an expired token that another process stored has the refresh token to redeem",
        held(),
        stored(expired),
        rules,
        refresh(expired)
      ],
      ["a held token is not refreshed where there is no refresh", held(), undefined, { ...rules, canRefresh: false }, {
        _tag: "Login"
      }],
      ["the held token's refresh token is redeemed", held(), undefined, rules, refresh(first)],
      ["a token that another process stored is adopted", held(), stored(other), rules, {
        _tag: "Adopt",
        token: other,
        provenance: "store"
      }],
      ["the store's own copy of the held token is not news", held(), stored(first), rules, refresh(first)],
      [
        "a token that could not be stored is trusted over the store",
        held({ persisted: false }),
        stored(other),
        rules,
        refresh(first)
      ],
      ["a refused refresh token is not redeemed again", held({ refreshToken: undefined }), undefined, rules, {
        _tag: "Login"
      }],
      [
        "a token rejected within the refresh grace period leads to a login",
        held({ provenance: "refresh", rejected: true, issuedAt: 40_000 }),
        undefined,
        rules,
        { _tag: "Login" }
      ],
      [
        "a token rejected after the refresh grace period is refreshed",
        held({ provenance: "refresh", rejected: true, issuedAt: 39_999 }),
        undefined,
        rules,
        refresh(first)
      ]
    ])("%s", (_, given, found, rules, expected) => {
      assert.deepStrictEqual(State.plan(given, found, 49_999, rules), expected)
    })

    it("tokens that differ in their refresh token only are not the same token", () => {
      const rotated = token("a", { refreshToken: "refresh-a2" })
      assert.strictEqual(State.plan(held(), stored(rotated), 1, rules)._tag, "Adopt")
    })
  })

  describe("reject", () => {
    it.each<[string, State.TokenState<string>, Token, State.RenewalStep, State.RenewalStep, boolean]>([
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
      const rejection = { token: rejected, attempted, accepted: undefined }
      const [next, after] = State.reject(given, rejection, 1, rules)
      assert.strictEqual(next, step)
      assert.strictEqual(after !== given, marks)
      if (marks) assert.isTrue(after.held?.rejected)
    })

    it("of a refreshed token that was never accepted leads to a login, whatever its age", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: -100_000 }) })
      const step = (accepted: boolean) =>
        State.reject(given, { token: first, attempted: "reuse", accepted }, 1, rules)[0]
      assert.deepStrictEqual([step(false), step(true)], ["login", "refresh"])
    })

    it("of a refreshed token that was accepted leads to a refresh, however young it is", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: 1 }) })
      const rejection = { token: first, attempted: "reuse", accepted: true } as const
      assert.strictEqual(State.reject(given, rejection, 1, rules)[0], "refresh")
    })

    it("of tokens that logins brought leads to one login in a cool-down, and to three if they were of use", () => {
      const fromLogin = held({ refreshToken: undefined })
      const stepsAt = (accepted: boolean | undefined, ...times: ReadonlyArray<number>) =>
        times.reduce<readonly [ReadonlyArray<State.RenewalStep>, State.TokenState<string>]>(
          ([steps, before], now) => {
            const given = { ...before, held: fromLogin }
            const [step, after] = State.reject(given, { token: first, attempted: "reuse", accepted }, now, rules)
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
  })

  describe("furthest", () => {
    it.each<[ReadonlyArray<State.RenewalStep>, State.RenewalStep]>([
      [[], "fail"],
      [["fail"], "fail"],
      [["reuse", "fail"], "reuse"],
      [["refresh", "reuse"], "refresh"],
      [["fail", "login", "refresh"], "login"]
    ])("of %j is %s", (steps, expected) => assert.strictEqual(State.furthest(steps), expected))
  })

  describe("transitions", () => {
    const facts = { provenance: "login", renewAt: 80_000, persisted: true } as const

    it("a granted token has the next generation and clears the failure", () => {
      const after = State.granted({ ...State.empty, failure: { error: unavailable, at: 1 } }, first, facts)
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

    it("a refused refresh token is forgotten; it spends the token given at the start only if it was that one's", () => {
      assert.isUndefined(State.refreshRefused(state(), false).held?.refreshToken)
      assert.isFalse(State.refreshRefused(state(), false).initialSpent)
      assert.isTrue(State.refreshRefused(State.empty, true).initialSpent)
    })

    it("a refresh that brings no refresh token keeps the redeemed one", () => {
      const bare = token("d")
      const redeemed = { token: first, refreshToken: secret("kept") }
      assert.deepStrictEqual(State.refreshed(bare, redeemed).refreshToken, secret("kept"))
      assert.isTrue(Equal.equals(State.refreshed(first, redeemed), first))
    })

    it("what a refresh does not state stays as it was, but for what belongs to the old token alone", () => {
      const before = new Token({
        ...first,
        refreshExpiresAt: DateTime.unsafeMake(9),
        type: "DPoP",
        scope: ["read"],
        idToken: secret("canary-id"),
        key: secret("canary-key"),
        extra: { instance_url: "https://acme.example", region: "eu" },
        audience: "canary-audience"
      })
      const redeemed = { token: before, refreshToken: secret("kept") }
      const bare = State.refreshed(token("d"), redeemed)
      const { audience: _, ...carried } = before
      const expected = new Token({ ...carried, ...token("d"), refreshToken: secret("kept") })
      assert.deepStrictEqual(Schema.encodeSync(Token)(bare), Schema.encodeSync(Token)(expected))
      const stated = new Token({ ...token("e", { refreshToken: "new" }), scope: ["write"], extra: { region: "us" } })
      const { extra, idToken, refreshExpiresAt, refreshToken, scope, type } = State.refreshed(stated, redeemed)
      assert.deepStrictEqual([type, idToken, scope], ["DPoP", secret("canary-id"), ["write"]])
      assert.deepStrictEqual(extra, { instance_url: "https://acme.example", region: "us" })
      assert.deepStrictEqual([refreshToken, refreshExpiresAt], [secret("new"), undefined])
    })

    it("a refresh token that was passed over for a login has its turn again if that fails", () => {
      const given = state({ held: held({ provenance: "refresh", issuedAt: -100_000 }) })
      const rejection = { token: first, attempted: "reuse", accepted: false } as const
      const [, rejected] = State.reject(given, rejection, 1, rules)
      assert.strictEqual(State.plan(rejected.held, undefined, 1, rules)._tag, "Login")
      const failed = State.failed(rejected, refusedLogin, 2)
      assert.strictEqual(State.plan(failed.held, undefined, 2, rules)._tag, "Refresh")
    })

    it("a failure is remembered with its time", () => {
      assert.deepStrictEqual(State.failed(state(), unavailable, 5).failure, { error: unavailable, at: 5 })
    })
  })
})
