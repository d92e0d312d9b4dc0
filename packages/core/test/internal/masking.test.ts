import { assert, describe, it } from "@effect/vitest"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"
import * as Masking from "../../src/internal/masking.ts"

const secret = "canary p@ss/wörd+\"<1>&'\\%"

const quoted: ReadonlyArray<readonly [how: string, text: string]> = [
  ["as it is", secret],
  ["percent-encoded", encodeURIComponent(secret)],
  ["percent-encoded in lower case", encodeURIComponent(secret).replace(/%../gu, (octet) => octet.toLowerCase())],
  ["in a form", new URLSearchParams({ p: secret }).toString().slice(2)],
  ["in Base64", Encoding.encodeBase64(secret)],
  ["in Base64 without padding", Encoding.encodeBase64(secret).replace(/=+$/u, "")],
  ["in Base64url", Encoding.encodeBase64Url(secret)],
  ["in JSON", JSON.stringify(secret)],
  ["in JSON in ASCII", JSON.stringify(secret).replace("ö", "\\u00f6")],
  ["in JSON with an escaped slash", JSON.stringify(secret).replace("/", "\\/")],
  [
    "in HTML",
    secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;").replace("'", "&#39;")
  ]
]

describe("masking", () => {
  describe("line", () => {
    for (const [how, text] of quoted) {
      it(`takes out a secret that is quoted ${how}`, () => {
        const line = Masking.line(`user=reader; ${text}; 403`, [secret], 500)
        assert.match(line, /^user=reader; "?\[…\]"?; 403$/u)
      })
    }

    it("takes out the inner one of two secrets and the outer one", () => {
      assert.strictEqual(
        Masking.line("a canary-1-long b canary-1 c", ["canary-1", "canary-1-long"], 500),
        "a […] b […] c"
      )
    })

    it("takes out a short secret where it stands by itself, and leaves it within words", () => {
      assert.strictEqual(
        Masking.line("the password abc of abcdef is not abc", ["abc"], 500),
        "the password […] of abcdef is not […]"
      )
    })

    it("takes out a secret that lies across the place where the text is cut", () => {
      for (let before = 0; before < 60; before++) {
        const line = Masking.line(`${"x ".repeat(before)}${secret}${" y".repeat(500)}`, [secret], 60)
        assert.notInclude(line, secret.slice(0, 6))
        assert.isAtMost(line.length, 60)
      }
    })

    it("takes out a secret that is broken up by nothing but its own line break", () => {
      assert.notInclude(Masking.line("got canary\nsecret", ["canary\nsecret"], 500), "canary")
    })

    it("replaces what could be a credential of someone else", () => {
      assert.strictEqual(Masking.line(`got ${"A1-".repeat(11)}`, [], 500), "got […]")
    })

    it("looks at no more of a text than it shows", () => {
      const line = Masking.line("x ".repeat(1_000_000), [secret], 500)
      assert.isAtMost(line.length, 500)
      assert.match(line, /…$/u)
    })

    it("removes control characters, escape sequences, marks of writing direction and line breaks", () => {
      const line = Masking.line("a\r\nb\u001b[31mc\u202ed\u2028e\u0000f\u200bg", [], 500)
      assert.strictEqual(line, "a b [31mc d e f g")
    })

    it("never shows a secret, whatever surrounds it", () => {
      FastCheck.assert(
        FastCheck.property(
          FastCheck.string({ minLength: 4, maxLength: 60, unit: "grapheme" }).filter((text) =>
            /^[^\s\p{C}\p{Z}…[\]]{4,}$/u.test(text)
          ),
          FastCheck.array(FastCheck.oneof(FastCheck.constant("§"), FastCheck.string({ maxLength: 8 })), {
            maxLength: 40
          }),
          FastCheck.integer({ min: 10, max: 120 }),
          (secret, parts, longest) => {
            const text = parts.map((part) => part === "§" ? secret : part).join(" ")
            const others = parts.filter((part) => part !== "§").join(" ")
            FastCheck.pre(!others.includes(secret))
            assert.notInclude(Masking.line(text, [secret], longest), secret)
          }
        ),
        { numRuns: 500 }
      )
    })

    it("cuts no character into halves", () => {
      for (const text of ["😀".repeat(300), `x${"😀".repeat(300)}`]) {
        for (const shown of [Masking.line(text, [], 100), Masking.printable(text, 100)]) {
          assert.notMatch(shown, /\p{Cs}/u)
          assert.match(shown, /^x?(?:😀){49}…$/u)
        }
      }
    })

    it("changes nothing the second time", () => {
      FastCheck.assert(
        FastCheck.property(FastCheck.string({ unit: "binary", maxLength: 200 }), (text) => {
          const once = Masking.line(text, [], 100)
          assert.strictEqual(Masking.line(once, [], 100), once)
        })
      )
    })
  })

  describe("printable", () => {
    it("is one bounded line of what it gets", () => {
      assert.strictEqual(Masking.printable("https://host.example/a\r\nb", 500), "https://host.example/a b")
      assert.strictEqual(Masking.printable("a".repeat(600), 500), `${"a".repeat(499)}…`)
    })
  })
})
