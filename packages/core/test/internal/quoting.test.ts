import { assert, describe, it } from "@effect/vitest"
import * as Encoding from "effect/Encoding"
import * as FastCheck from "effect/FastCheck"
import * as Quoting from "../../src/internal/quoting.ts"

const secret = "canary-pässwörd&<>'\"/\\+ =%x"

const masked = (text: string, secrets: ReadonlyArray<string> = [secret]) =>
  Quoting.mask(text, Quoting.formsOf(secrets), "[…]")

const each = (characters: RegExp, write: (unit: string, hexadecimal: string) => string) => (text: string) =>
  text.replace(characters, (character) => write(character, character.charCodeAt(0).toString(16).padStart(4, "0")))

const json = (text: string) => JSON.stringify(text).slice(1, -1)
const percent = (text: string) => encodeURIComponent(text)
const octets = (text: string) =>
  Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("")
const named: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", "\"": "quot", "'": "apos" }

/** As the writers of the servers' languages do. */
const writers: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "in the URL of a browser": encodeURI,
  "percent-encoded with lower case": (text) => percent(text).replace(/%../g, (octet) => octet.toLowerCase()),
  "percent-encoded in every character": (text) =>
    octets(text).replace(/[^]/g, (it) => percent(it).replace(/^.$/, (it) => `%${it.charCodeAt(0).toString(16)}`)),
  "percent-encoded twice": (text) => percent(percent(text)),
  "in a form": (text) => new URLSearchParams({ p: text }).toString().slice(2),
  "in a form in JSON": (text) => json(new URLSearchParams({ p: text }).toString().slice(2)),
  "in the JSON of JavaScript": json,
  "in the JSON of Gson": (text) => each(/[<>&='\u2028]/g, (_, code) => `\\u${code}`)(json(text)),
  "in the JSON of .NET": (text) =>
    each(/[<>&'"+`\u0080-\uffff]/g, (_, code) => `\\u${code.toUpperCase()}`)(text.replaceAll("\\", "\\\\")),
  "in the JSON of PHP": (text) =>
    each(/[\u0080-\uffff]/g, (_, code) => `\\u${code}`)(json(text)).replaceAll("/", "\\/"),
  "in the JSON of Go": (text) => each(/[<>&]/g, (_, code) => `\\u${code}`)(json(text)),
  "in JSON in JSON": (text) => json(json(text)),
  "in XML": (text) => text.replace(/[&<>"']/g, (it) => `&${named[it]};`),
  "in the text of an XML element": (text) => text.replace(/[&<>]/g, (it) => `&${named[it]};`),
  "in the HTML of Go": (text) =>
    text.replace(/[&<>"']/g, (it) => /["']/.test(it) ? `&#${it.charCodeAt(0)};` : `&${named[it]};`),
  "in decimal references": each(/[^A-Za-z0-9]/g, (it) => `&#${it.charCodeAt(0)};`),
  "in hexadecimal references": each(/[^A-Za-z0-9]/g, (_, code) => `&#x${code};`),
  "in XML in JSON": (text) => json(text.replace(/[&<>"']/g, (it) => `&${named[it]};`)),
  "in Base64": (text) => Encoding.encodeBase64(text),
  "in Base64 for URLs": (text) => Encoding.encodeBase64Url(text),
  "in Base64, percent-encoded": (text) => percent(Encoding.encodeBase64(text)),
  "in Base64 in the JSON of Gson": (text) => Encoding.encodeBase64(text).replaceAll("=", "\\u003d"),
  "in UTF-8 that was read as Latin-1": octets,
  "in UTF-8 that was read as Latin-1, in JSON": (text) => json(octets(text))
}

describe("quoting", () => {
  for (const [how, write] of Object.entries(writers)) {
    it(`finds a secret ${how}`, () => {
      for (const it of [secret, "p@ss w/rd", "a\n\t\"b\"\\n", "100%25", "😀-&-😀"]) {
        assert.strictEqual(masked(`the value ${write(it)} is wrong`, [it]), "the value […] is wrong", it)
      }
    })
  }

  it("finds a secret percent-encoded in Latin-1", () => {
    const latin1 = each(/[^A-Za-z0-9]/g, (_, code) => `%${code.slice(2)}`)(secret)
    assert.strictEqual(masked(`the value ${latin1} is wrong`), "the value […] is wrong")
  })

  it("finds a secret in the Base64 of something longer, wherever it begins", () => {
    for (const before of ["", "a", "ab", "abc", "reader:"]) {
      for (const after of ["", ":", "::", ":more"]) {
        const text = masked(`<${Encoding.encodeBase64(before + secret + after)}>`)
        const shown = Encoding.decodeBase64String(text.replace(/\[…\].*/u, "").slice(1))
        assert.include(text, "[…]", before)
        assert.notInclude(String(shown), "can")
      }
    }
  })

  it("leaves everything else as it is, escapes too", () => {
    const text = "100% of a+b \\u0041 &amp; %41%zz &#0; &#9999999; \\ud83d é […]"
    assert.strictEqual(masked(text), text)
    assert.strictEqual(masked(`${text} ${secret} ${text}`), `${text} […] ${text}`)
    assert.strictEqual(masked(text, []), text)
    assert.strictEqual(masked(text, [""]), text)
  })

  it("takes secrets that touch or overlap for one after the other", () => {
    assert.strictEqual(masked("abcdefgh abcdabcd", ["abcd", "cdef"]), "[…]gh […][…]")
  })

  it("finds no more of a short secret than where it stands by itself", () => {
    assert.strictEqual(masked("p=a%26 xa&x 'a&amp;'", ["a&"]), "p=[…] xa&x '[…]'")
  })

  it("takes a time linear in a text of nothing but escapes", () => {
    for (const escape of ["%25", "\\\\", "&amp;", "+", "\\u005c", "%f0", "&#38;"]) {
      const begun = performance.now()
      masked(escape.repeat(20_000), ["\\".repeat(30) + "x", "&".repeat(30), "%".repeat(30)])
      assert.isBelow(performance.now() - begun, 5_000, escape)
    }
  })

  it("finds any secret, whoever writes it", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.string({
          minLength: 4,
          maxLength: 20,
          unit: FastCheck.constantFrom(...Array.from("aB3%\\\"'&<>+/= ;ä€😀\n"))
        }),
        FastCheck.constantFrom(...Object.values(writers)),
        (secret, write) => {
          assert.include(masked(`(${write(secret)})`, [secret]), "[…]")
        }
      ),
      { numRuns: 300 }
    )
  })
})
