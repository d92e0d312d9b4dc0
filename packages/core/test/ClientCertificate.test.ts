import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as Credential from "../src/Credential.ts"
import { assertSecretFree } from "./printouts.ts"

const Certificate = ClientCertificate.ClientCertificate
const combined = { _tag: "ClientCertificate", certificate: "canary-pem\nwith lines\n" }

describe("ClientCertificate", () => {
  describe("from data", () => {
    it("decodes from JSON, compares by value and shows no secret", () => {
      const json = JSON.stringify({ ...combined, passphrase: "canary-passphrase", caFile: "ca.pem", caOnly: true })
      const credential = Either.getOrThrow(Credential.fromJson(Certificate)(json))
      assert.isTrue(Equal.equals(credential, Either.getOrThrow(Credential.fromJson(Certificate)(json))))
      assertSecretFree(credential, ["canary-passphrase", "canary-pem"])
      assert.deepStrictEqual(JSON.parse(Credential.revealJson(Certificate)(credential)), JSON.parse(json))
    })

    it("names fields that contradict each other, without their values", () => {
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
        const error = Either.getOrThrow(Either.flip(Credential.fromUnknown(Certificate)({ ...combined, ...fields })))
        assert.strictEqual(error.setting, setting)
        assert.notInclude(error.message, "canary")
      }
    })
  })

  describe("make", () => {
    it("makes a certificate of its fields", () => {
      const fields = { certificateFile: "client.pem", keyFile: "client.key" }
      assert.isTrue(Equal.equals(ClientCertificate.make(fields), Either.right(new Certificate(fields))))
    })

    it("fails with InvalidSetting instead of throwing", () => {
      const error = Either.getOrThrow(Either.flip(ClientCertificate.make({ keyFile: "client.key" })))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.certificateFile" })
    })
  })

  describe("config", () => {
    const load = (entries: Record<string, string>) =>
      Effect.withConfigProvider(
        ClientCertificate.config("MQ"),
        ConfigProvider.fromMap(new Map(Object.entries(entries)))
      )

    it.effect("reads the variables that are set", () =>
      Effect.gen(function*() {
        const credential = yield* load({ MQ_PKCS12_FILE: "client.p12", MQ_PASSPHRASE: "canary", MQ_CA_FILE: "ca.pem" })
        const expected = new Certificate({
          pkcs12File: "client.p12",
          passphrase: Redacted.make("canary"),
          caFile: "ca.pem"
        })
        assert.isTrue(Equal.equals(credential, expected))
      }))

    it.effect("takes empty variables for unset ones", () =>
      Effect.gen(function*() {
        const credential = yield* load({
          MQ_CERTIFICATE_FILE: "client.pem",
          MQ_KEY: "",
          MQ_PKCS12: "",
          MQ_PASSPHRASE: "",
          MQ_CA_ONLY: ""
        })
        assert.isTrue(Equal.equals(credential, new Certificate({ certificateFile: "client.pem" })))
      }))

    it.effect("may be missing as a whole, and then lists what can be set", () =>
      Effect.gen(function*() {
        const provider = ConfigProvider.fromMap(new Map<string, string>())
        assert.isTrue(Option.isNone(yield* provider.load(Config.option(ClientCertificate.config("MQ")))))
        assert.deepStrictEqual(String(yield* Effect.flip(load({}))).split("\n").slice(1), [
          "  MQ_CERTIFICATE_FILE",
          "or",
          "  MQ_CERTIFICATE",
          "or",
          "  MQ_PKCS12_FILE",
          "or",
          "  MQ_PKCS12\")"
        ])
      }))

    const wrong: Record<string, readonly [Record<string, string>, string]> = {
      "that is missing while another is set": [
        { MQ_CA_FILE: "ca.pem" },
        "(Invalid data at MQ_CERTIFICATE_FILE: \"or MQ_CERTIFICATE, MQ_PKCS12_FILE or MQ_PKCS12 must be given\")"
      ],
      "that contradicts another": [
        { MQ_CERTIFICATE_FILE: "client.pem", MQ_PKCS12: "canary" },
        "(Invalid data at MQ_PKCS12: \"must not be given together with MQ_CERTIFICATE_FILE\")"
      ],
      "that needs another": [
        { MQ_CERTIFICATE_FILE: "client.pem", MQ_CA_ONLY: "yes" },
        "(Invalid data at MQ_CA_ONLY: \"needs MQ_CA or MQ_CA_FILE\")"
      ],
      "that is neither true nor false, without its value": [
        { MQ_CERTIFICATE_FILE: "client.pem", MQ_CA_ONLY: "canary".repeat(1000) },
        "(Invalid data at MQ_CA_ONLY: \"must be true or false\")"
      ]
    }
    Object.entries(wrong).forEach(([what, [variables, message]]) =>
      it.effect(`names the variable ${what}`, () =>
        Effect.map(Effect.flip(load(variables)), (error) => assert.strictEqual(String(error), message)))
    )
  })
})
