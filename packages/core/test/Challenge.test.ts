import * as Challenge from "@effect-auth/core/Challenge"
import * as Headers from "@effect/platform/Headers"
import { assert, describe, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"

const challenge = (scheme: string, params: Record<string, string> = {}, token68?: string) => ({
  scheme,
  params,
  token68
})

describe("Challenge", () => {
  describe("parse", () => {
    it("reads one challenge with quoted and unquoted parameters", () => {
      assert.deepStrictEqual(
        Challenge.parse(`Bearer realm="api, \\"v1\\"", error=invalid_token , error_description = "it expired"`),
        [challenge("bearer", { realm: `api, "v1"`, error: "invalid_token", error_description: "it expired" })]
      )
    })

    it("separates several challenges of one field (RFC 9110 section 11.6.1)", () => {
      assert.deepStrictEqual(
        Challenge.parse(`Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\"", Negotiate`),
        [
          challenge("basic", { realm: "simple" }),
          challenge("newauth", { realm: "apps", type: "1", title: `Login to "apps"` }),
          challenge("negotiate")
        ]
      )
    })

    it("reads token68, even if it ends the way a parameter begins", () => {
      assert.deepStrictEqual(Challenge.parse("Negotiate YWJj==, NTLM abc=, Basic"), [
        challenge("negotiate", {}, "YWJj=="),
        challenge("ntlm", {}, "abc="),
        challenge("basic")
      ])
    })

    it("reads values whose quotes a server leaves out", () => {
      assert.deepStrictEqual(Challenge.parse("Digest realm=a@b.c, nonce=ab+/cd==, qop=auth, Negotiate ab+/cd=="), [
        challenge("digest", { realm: "a@b.c", nonce: "ab+/cd==", qop: "auth" }),
        challenge("negotiate", {}, "ab+/cd==")
      ])
    })

    it("skips empty elements, stray parameters and malformed parts", () => {
      assert.deepStrictEqual(Challenge.parse(`, realm="nobody's",, Basic realm="a", ;;, =x, Digest nonce="unclosed`), [
        challenge("basic", { realm: "a" }),
        challenge("digest")
      ])
      assert.deepStrictEqual(Challenge.parse(""), [])
    })

    it("takes the first of two parameters with one name", () => {
      assert.deepStrictEqual(Challenge.parse(`Basic realm="a", Realm="b"`), [challenge("basic", { realm: "a" })])
    })

    it("does not let a server pollute a prototype", () => {
      const [parsed] = Challenge.parse(`Basic __proto__="x", constructor="y"`)
      assert.deepStrictEqual(Object.keys(parsed?.params ?? {}), ["__proto__", "constructor"])
      assert.strictEqual(Object.getPrototypeOf(parsed?.params), Object.prototype)
    })

    it("returns no challenges for a response without the field", () => {
      assert.deepStrictEqual(Challenge.fromHeaders(Headers.empty), [])
    })

    const token = FastCheck.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/)
    const written = FastCheck.record({
      scheme: token,
      params: FastCheck.dictionary(token.map((name) => name.toLowerCase()), FastCheck.string({ maxLength: 20 }), {
        maxKeys: 4
      })
    })
    const quoted = (text: string) => `"${text.replace(/["\\]/g, "\\$&")}"`

    it("reads back everything that follows the grammar", () => {
      FastCheck.assert(FastCheck.property(FastCheck.array(written), (challenges) => {
        const field = challenges.map(({ params, scheme }) =>
          [scheme, Object.entries(params).map(([name, value]) => `${name}=${quoted(value)}`).join(", ")].join(" ")
            .trim()
        ).join(", ")
        assert.deepStrictEqual(
          Challenge.parse(field).map(({ params, scheme }) => ({ scheme, params: { ...params } })),
          challenges.map(({ params, scheme }) => ({ scheme: scheme.toLowerCase(), params: { ...params } }))
        )
      }))
    })

    it("never throws, and explains anything in one bounded line without control characters", () => {
      const noise = FastCheck.oneof(
        FastCheck.string({ unit: "binary" }),
        FastCheck.array(
          FastCheck.constantFrom(
            "Basic",
            "Bearer ",
            "error",
            "error_description",
            "realm",
            "=",
            ",",
            `"`,
            "\\",
            " ",
            "\u0000",
            "\u001b[31m",
            "\r\n",
            "\u202e",
            "é"
          )
        ).map((parts) => parts.join(""))
      )
      FastCheck.assert(FastCheck.property(noise, (field) => {
        const { code, detail } = Challenge.explain(Challenge.parse(field))
        for (const text of [code ?? "", detail ?? ""]) {
          assert.isAtMost(text.length, 300)
          assert.notMatch(text, /[\p{Cc}\p{Cf}]/u)
        }
      }))
    })

    it("takes time in proportion to the length of a hostile field", () => {
      const fields = [
        `"`.repeat(50_000),
        `\\"`.repeat(50_000),
        `a="`.repeat(30_000),
        " ".repeat(100_000),
        "a ".repeat(50_000)
      ]
      for (const field of fields) assert.isArray(Challenge.parse(field))
    })

    it("reads the beginning of a field with more elements than anyone would", () => {
      const parameters = Array.from({ length: 300 }, (_, index) => `p${index}=v`).join(", ")
      const [challenge, ...others] = Challenge.parse(`Bearer ${parameters}, Negotiate`)
      assert.deepStrictEqual(others, [])
      assert.strictEqual(Object.keys(challenge?.params ?? {}).length, 256)
      assert.strictEqual(Challenge.parse("a,".repeat(300)).length, 256)
    })
  })

  describe("explain", () => {
    it("prefers the error that the server states (RFC 6750 section 3)", () => {
      const challenges = Challenge.parse(
        `Basic realm="x", Bearer error="invalid_token", error_description="it expired"`
      )
      assert.deepStrictEqual(Challenge.explain(challenges), { code: "invalid_token", detail: "it expired" })
    })

    it("says which scope is missing, where that is what is wrong", () => {
      const explained = (code: string, more: string) =>
        Challenge.explain(Challenge.parse(`Bearer error="${code}", scope="files:read files:write"${more}`)).detail
      assert.strictEqual(
        explained("insufficient_scope", ""),
        "the server asks for bearer (scope: files:read files:write)"
      )
      assert.strictEqual(
        explained("insufficient_scope", `, error_description="not yours"`),
        "not yours (scope: files:read files:write)"
      )
      assert.strictEqual(explained("invalid_token", ""), "the server asks for bearer")
    })

    it("otherwise says what the server asks for", () => {
      assert.deepStrictEqual(Challenge.explain(Challenge.parse(`Basic realm="staff", Negotiate`)), {
        detail: "the server asks for basic (staff) or negotiate"
      })
      assert.deepStrictEqual(Challenge.explain([]), {})
    })

    it("cuts out what may be a token quoted by the server", () => {
      const token = "canary-token-".repeat(4)
      const { detail } = Challenge.explain(
        Challenge.parse(`Bearer error=e, error_description="token ${token} expired"`)
      )
      assert.strictEqual(detail, "token […] expired")
    })
  })
})
