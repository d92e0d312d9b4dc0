import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Equal from "effect/Equal"
import * as Schema from "effect/Schema"
import * as Plan from "../../../src/internal/token/plan.ts"
import * as State from "../../../src/internal/token/state.ts"
import { Token } from "../../../src/Token.ts"
import { eternal, first, held, other, rules, secret, state, token } from "./fixtures.ts"

describe("plan", () => {
  const stored = (token: Token): Plan.Found => ({ token, provenance: "store" })
  const initial = (token: Token): Plan.Found => ({ token, provenance: "initial" })
  const expired = token("c", { expiresAt: 1, refreshToken: "refresh-c" })
  const refresh = (token: Token): Plan.Plan =>
    token.refreshToken === undefined
      ? { _tag: "Login" }
      : { _tag: "Refresh", token, refreshToken: token.refreshToken }

  it.each<[string, State.Held | undefined, Plan.Found | undefined, State.Rules, Plan.Plan]>([
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
      "a refresh token is passed over for a login if the rejection said so",
      held({ rejected: true, loginNext: true }),
      undefined,
      rules,
      { _tag: "Login" }
    ],
    [
      "a rejected token is refreshed, however young it is",
      held({ provenance: "refresh", rejected: true, issuedAt: 49_999 }),
      undefined,
      rules,
      refresh(first)
    ]
  ])("%s", (_, given, found, rules, expected) => {
    assert.deepStrictEqual(Plan.plan(state({ held: given }), found, 49_999, rules), expected)
  })

  it("tokens that differ in their refresh token only are not the same token", () => {
    const rotated = token("a", { refreshToken: "refresh-a2" })
    assert.strictEqual(Plan.plan(state(), stored(rotated), 1, rules)._tag, "Adopt")
  })

  it("a refused refresh token is not redeemed when it is found in the store", () => {
    const expired = token("c", { expiresAt: 1, refreshToken: "refresh-c" })
    const refused = State.refreshRefused(State.empty, secret("refresh-c"), false)
    assert.strictEqual(Plan.plan(refused, { token: expired, provenance: "store" }, 2, rules)._tag, "Login")
    assert.strictEqual(Plan.plan(State.empty, { token: expired, provenance: "store" }, 2, rules)._tag, "Refresh")
  })

  it("a refresh that brings no refresh token keeps the redeemed one", () => {
    const bare = token("d")
    const redeemed = { token: first, refreshToken: secret("kept") }
    assert.deepStrictEqual(Plan.refreshed(bare, redeemed).refreshToken, secret("kept"))
    assert.isTrue(Equal.equals(Plan.refreshed(first, redeemed), first))
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
    const bare = Plan.refreshed(token("d"), redeemed)
    const { audience: _, ...carried } = before
    const expected = new Token({ ...carried, ...token("d"), refreshToken: secret("kept") })
    assert.deepStrictEqual(Schema.encodeSync(Token)(bare), Schema.encodeSync(Token)(expected))
    const stated = new Token({ ...token("e", { refreshToken: "new" }), scope: ["write"], extra: { region: "us" } })
    const { extra, idToken, refreshExpiresAt, refreshToken, scope, type } = Plan.refreshed(stated, redeemed)
    assert.deepStrictEqual([type, idToken, scope], ["DPoP", secret("canary-id"), ["write"]])
    assert.deepStrictEqual(extra, { instance_url: "https://acme.example", region: "us" })
    assert.deepStrictEqual([refreshToken, refreshExpiresAt], [secret("new"), undefined])
  })
})
