import { assert, describe, it } from "@effect/vitest"
import * as Crypto from "node:crypto"
import * as Pem from "../../src/internal/pem.ts"

const block = (label: string, body: string) => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`
const line = "MIIC".repeat(16)

describe("contentOf", () => {
  it("gives back clean PEM as it was", () => {
    for (const label of ["CERTIFICATE", "PRIVATE KEY"]) {
      const pem = block(label, `${line}\n${line}\nAA==`)
      assert.strictEqual(Pem.contentOf(Buffer.from(pem)).bytes.toString(), pem)
    }
  })

  it("keeps all blocks and drops what is between them", () => {
    const all = block("CERTIFICATE", line) + block("CERTIFICATE", "AA==") + block("EC PRIVATE KEY", line)
    const content = Pem.contentOf(
      Buffer.from(`Bag Attributes\n${all.replaceAll("-----BEGIN", "subject=x\n-----BEGIN")}`)
    )
    assert.strictEqual(content.bytes.toString(), all)
    assert.deepStrictEqual(content.kinds, ["Certificate", "Certificate", "Key"])
  })

  it("knows an encrypted key by its label or by its header", () => {
    assert.deepStrictEqual(Pem.contentOf(Buffer.from(block("ENCRYPTED PRIVATE KEY", line))).kinds, ["EncryptedKey"])
    const old = block("RSA PRIVATE KEY", `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n${line}`)
    assert.deepStrictEqual(Pem.contentOf(Buffer.from(old)).kinds, ["EncryptedKey"])
    assert.strictEqual(Pem.contentOf(Buffer.from(old.replaceAll("\n", "\\n"))).bytes.toString(), old)
  })

  it("knows the structure of every key in DER", () => {
    const rsa = Crypto.generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey
    const ec = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey
    const ed25519 = Crypto.generateKeyPairSync("ed25519").privateKey
    const keys = [
      [rsa.export({ type: "pkcs8", format: "der" }), "pkcs8"],
      [rsa.export({ type: "pkcs1", format: "der" }), "pkcs1"],
      [ec.export({ type: "pkcs8", format: "der" }), "pkcs8"],
      [ec.export({ type: "sec1", format: "der" }), "sec1"],
      [ed25519.export({ type: "pkcs8", format: "der" }), "pkcs8"]
    ] as const
    for (const [der, keyType] of keys) {
      assert.deepInclude(Pem.contentOf(der), { der: true, keyType, kinds: ["Key"] })
      assert.deepInclude(Pem.contentOf(Buffer.from(der.toString("base64"))), { der: true, keyType, kinds: ["Key"] })
    }
  })

  it("tells a block that is cut off, whatever comes before it", () => {
    const whole = block("CERTIFICATE", line)
    assert.isFalse(Pem.contentOf(Buffer.from(whole)).cutOff)
    assert.isTrue(Pem.contentOf(Buffer.from(`${whole}-----BEGIN PRIVATE KEY-----\n`)).cutOff)
  })

  it("makes nothing of what is neither", () => {
    for (const text of ["", "canary", "0".repeat(100), "A".repeat(100)]) {
      assert.deepInclude(Pem.contentOf(Buffer.from(text)), { der: false, kinds: [], bytes: Buffer.from(text) })
    }
  })
})
