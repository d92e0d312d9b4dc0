import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import type { KeyObject } from "node:crypto"
import { generateKeyPairSync } from "node:crypto"
import { problemOf, toPkcs8 } from "../../src/internal/privateKey.ts"

const generated = (algorithm: string): KeyObject =>
  algorithm.startsWith("ES")
    ? generateKeyPairSync("ec", { namedCurve: algorithm.replace("ES", "P-").replace("512", "521") }).privateKey
    : generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey

const pemOf = (key: KeyObject, type: "pkcs1" | "sec1" | "pkcs8") => String(key.export({ type, format: "pem" }))

const hexOf = (pem: string) => Buffer.from(pem.replace(/-----.*-----|\s/gu, ""), "base64").toString("hex")

/** The version and what says of which kind a key is. */
const identifierOf = (hex: string) => hex.match(/02010030(?:0d.{26}|1[03].{32})/u)?.[0]

describe("privateKey", () => {
  it.each<[string, "pkcs1" | "sec1"]>([
    ["RS256", "pkcs1"],
    ["PS256", "pkcs1"],
    ["ES256", "sec1"],
    ["ES384", "sec1"],
    ["ES512", "sec1"]
  ])("CA12 wraps a key for %s in the form of %s as OpenSSL does", (algorithm, form) => {
    const key = generated(algorithm)
    const pem = pemOf(key, form)
    const theirs = hexOf(pemOf(key, "pkcs8"))
    for (const text of [pem, pem.replaceAll("\n", "\n  ")]) {
      const ours = hexOf(Option.getOrThrow(toPkcs8(text, algorithm)))
      // of an elliptic curve OpenSSL leaves out what is said twice
      assert.isDefined(identifierOf(ours))
      assert.strictEqual(identifierOf(ours), identifierOf(theirs))
      if (form === "pkcs1") assert.strictEqual(ours, theirs)
    }
  })

  it("CA12 takes PKCS#8 as it is, also in quotes", () => {
    const pem = pemOf(generated("ES256"), "pkcs8")
    for (const text of [pem, `"${pem}"`, `\u201c${pem}\u201d`]) {
      assert.strictEqual(hexOf(Option.getOrThrow(toPkcs8(text, "ES256"))), hexOf(pem))
    }
  })

  it("CA12 has nothing of an older form for another algorithm, or of what is no private key", () => {
    const pem = pemOf(generated("ES256"), "sec1")
    for (const text of [pem, "none", pem.slice(0, 100), "-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----"]) {
      assert.deepStrictEqual(toPkcs8(text, "RS256"), Option.none())
    }
  })

  it.each([
    ["-----BEGIN ENCRYPTED PRIVATE KEY-----\nY2FuYXJ5", "is encrypted: decrypt it with `openssl pkey -in key.pem`"],
    ["-----BEGIN PRIVATE KEY-----", "ends within a PEM block"],
    ["-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n", "ends within a PEM block"],
    ["-----BEGIN PUBLIC KEY-----\nY2FuYXJ5\n-----END PUBLIC KEY-----", "is a public key, and no private key for RS256"],
    [
      "-----BEGIN CERTIFICATE-----\nY2FuYXJ5\n-----END CERTIFICATE-----",
      "is a certificate, and no private key for RS256"
    ],
    ["-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----", "is no private key for RS256, or is damaged"],
    [
      "-----BEGIN EC PRIVATE KEY-----\nY2FuYXJ5\n-----END EC PRIVATE KEY-----",
      "is no private key for RS256 in PKCS#1 or SEC 1"
    ],
    ["/etc/canary.pem", "is no private key for RS256 in PEM (PKCS#8) or as a JWK"]
  ])("says why there is no key in a text, and quotes nothing of it (%#)", (text, said) => {
    const problem = problemOf(text, "RS256")
    assert.include(problem, said)
    assert.notMatch(problem, /Y2FuYXJ5|canary/u)
  })
})
