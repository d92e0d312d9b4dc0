import { assert, describe, it } from "@effect/vitest"
import type { KeyObject } from "node:crypto"
import { generateKeyPairSync } from "node:crypto"
import { toPkcs8 } from "../../src/internal/privateKey.ts"

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
      const ours = hexOf(toPkcs8(text, algorithm))
      // of an elliptic curve OpenSSL leaves out what is said twice
      assert.isDefined(identifierOf(ours))
      assert.strictEqual(identifierOf(ours), identifierOf(theirs))
      if (form === "pkcs1") assert.strictEqual(ours, theirs)
    }
  })

  it("CA12 leaves alone what is in another form, or is for another algorithm", () => {
    const key = generated("ES256")
    for (const [pem, algorithm] of [[pemOf(key, "pkcs8"), "ES256"], [pemOf(key, "sec1"), "RS256"], ["none", "RS256"]]) {
      assert.strictEqual(toPkcs8(pem ?? "", algorithm ?? ""), pem)
    }
  })
})
