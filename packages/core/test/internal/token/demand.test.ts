import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Challenge from "../../../src/Challenge.ts"
import * as Demand from "../../../src/internal/token/demand.ts"

const read = (field: string) => Option.getOrUndefined(Demand.fromChallenges(Challenge.parse(field)))
const claims = { access_token: { nbf: { essential: true, value: "1700000000" } } }
const encoded = Buffer.from(JSON.stringify(claims)).toString("base64")

describe("Demand", () => {
  describe("fromChallenges", () => {
    it("reads the scope that is missing (RFC 6750 section 3.1)", () => {
      assert.deepStrictEqual(read(`Bearer error="insufficient_scope", scope="read write"`)?.scope, ["read", "write"])
    })

    it("reads the authentication that is missing (RFC 9470 section 3)", () => {
      const demand = read(`Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="300"`)
      assert.deepStrictEqual(demand?.acrValues, ["gold", "silver"])
      assert.deepStrictEqual(demand?.maxAge, Duration.seconds(300))
    })

    it.each([encoded, encoded.replace(/=+$/, "")])("reads the claims that are missing, in Base64", (text) => {
      assert.deepStrictEqual(read(`Bearer error="insufficient_claims", claims="${text}"`)?.claims, claims)
    })

    it.each([
      "",
      "Bearer",
      `Bearer error="invalid_token", scope="read"`,
      `Bearer error="insufficient_scope"`,
      `Bearer error="insufficient_scope", scope="\u00e4\u0007"`,
      `Bearer error="insufficient_user_authentication", max_age="-1"`,
      `Bearer error="insufficient_claims", claims="not JSON"`,
      `Bearer error="insufficient_claims", claims="${Buffer.from("[1]").toString("base64")}"`
    ])("finds none in %j", (field) => assert.isUndefined(read(field)))

    it("takes no more than a hundred scopes", () => {
      const scope = Array.from({ length: 1000 }, (_, i) => `s${i}`).join(" ")
      assert.lengthOf(read(`Bearer error="insufficient_scope", scope="${scope}"`)?.scope ?? [], 100)
    })
  })

  describe("union", () => {
    it("joins what both ask for; of one claim the later request counts", () => {
      const union = Demand.union(
        { scope: ["a", "b"], acrValues: ["silver"], maxAge: Duration.minutes(5), claims: { x: { y: 1 }, z: 1 } },
        { scope: ["b", "c"], acrValues: ["gold"], maxAge: Duration.minutes(9), claims: { x: { w: 2 }, z: 2 } }
      )
      assert.deepStrictEqual(union, {
        scope: ["a", "b", "c"],
        acrValues: ["gold", "silver"],
        maxAge: Duration.minutes(5),
        claims: { x: { y: 1, w: 2 }, z: 2 }
      })
    })
  })

  describe("isCovered", () => {
    it.each<[string, Demand.Demand, Demand.Demand, number, boolean]>([
      ["nothing is covered by anything", {}, {}, 0, true],
      ["a scope by a wider one", { scope: ["a"] }, { scope: ["a", "b"] }, 0, true],
      ["not a scope by another", { scope: ["a", "c"] }, { scope: ["a", "b"] }, 0, false],
      ["claims by the same", { claims }, { claims }, 0, true],
      ["not claims with another value", { claims: { a: 2 } }, { claims: { a: 1 } }, 0, false],
      [
        "an age by a login that is young enough",
        { maxAge: Duration.seconds(9) },
        { maxAge: Duration.seconds(9) },
        8_999,
        true
      ],
      ["not an age by an older login", { maxAge: Duration.seconds(9) }, { maxAge: Duration.seconds(9) }, 9_000, false],
      ["not an age by a login that did not ask", { maxAge: Duration.seconds(9) }, {}, 0, false]
    ])("%s", (_, demand, asked, age, expected) => {
      assert.strictEqual(Demand.isCovered(demand, asked, age), expected)
    })
  })
})
