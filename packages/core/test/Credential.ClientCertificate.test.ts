import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Credential from "../src/Credential.ts"

const fromUnknown = Credential.fromUnknown(Credential.ClientCertificate)
const combined = { _tag: "ClientCertificate", certificate: "canary-pem\nwith lines\n" }

describe("Credential.ClientCertificate", () => {
  it("decodes from JSON, compares by value and shows no secret", () => {
    const json = JSON.stringify({ ...combined, passphrase: "canary-passphrase", caFile: "ca.pem", caOnly: true })
    const credential = Either.getOrThrow(Credential.fromJson(Credential.ClientCertificate)(json))
    assert.isTrue(Equal.equals(credential, Either.getOrThrow(Credential.fromJson(Credential.ClientCertificate)(json))))
    assert.notInclude(`${String(credential)} ${JSON.stringify(credential)}`, "canary")
    assert.deepStrictEqual(
      JSON.parse(Credential.revealJson(Credential.ClientCertificate)(credential)),
      JSON.parse(json)
    )
  })

  it("refuses fields that contradict each other, by name and without their values", () => {
    const cases: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
      [{ certificate: undefined }, "credential.certificateFile"],
      [{ certificateFile: "canary.pem" }, "credential.certificate"],
      [{ pkcs12File: "canary.p12" }, "credential.pkcs12File"],
      [{ certificate: undefined, pkcs12: "canary", keyFile: "canary.key" }, "credential.keyFile"],
      [{ key: "canary", keyFile: "canary.key" }, "credential.key"],
      [{ ca: "canary", caFile: "canary.pem" }, "credential.ca"],
      [{ caOnly: true }, "credential.caOnly"],
      [{ key: " \n" }, "credential.key"]
    ]
    for (const [fields, setting] of cases) {
      const refused = Either.flip(fromUnknown({ ...combined, ...fields }))
      const error = Either.getOrThrow(refused)
      assert.strictEqual(error.setting, setting)
      assert.notInclude(error.message, "canary")
    }
  })

  it.effect("reads from Config what is set, and names what is missing", () =>
    Effect.gen(function*() {
      const load = (entries: Record<string, string>) =>
        Effect.withConfigProvider(
          Credential.clientCertificateConfig("MQ"),
          ConfigProvider.fromMap(new Map(Object.entries(entries)))
        )
      const credential = yield* load({ MQ_PKCS12_FILE: "client.p12", MQ_PASSPHRASE: "canary", MQ_CA_FILE: "ca.pem" })
      assert.isTrue(Equal.equals(
        credential,
        new Credential.ClientCertificate({
          pkcs12File: "client.p12",
          passphrase: Redacted.make("canary"),
          caFile: "ca.pem"
        })
      ))
      const error = yield* Effect.flip(load({ MQ_CA_FILE: "ca.pem" }))
      assert.include(String(error), "credential.certificateFile")
      assert.isTrue(Config.isConfig(Credential.clientCertificateConfig("MQ")))
    }))
})
