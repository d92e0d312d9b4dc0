import * as Credential from "@effect-auth/core/Credential"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { Ltpa, ltpa, ltpaConfig, MqCredential } from "../src/MqCredential.ts"

const password = "canary-password-mq"
const fields = { username: "domain:reader", password: Redacted.make(password) }

describe("MqCredential", () => {
  it.effect("an Ltpa survives JSON, compares by value and prints no secret", () =>
    Effect.gen(function*() {
      const credential = yield* ltpa(fields)
      const decoded = yield* Credential.fromJson(MqCredential)(Credential.revealJson(Ltpa)(credential))
      assert.isTrue(Equal.equals(credential, decoded))
      for (const printed of [String(credential), JSON.stringify(credential), inspect(credential, { depth: 10 })]) {
        assert.notInclude(printed, password)
      }
    }))

  it.effect("a field that cannot be used is named, and its value is not", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(ltpa({ ...fields, password: Redacted.make(`${password}\n`) }))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.password" })
      assert.notInclude(error.message, password)
    }))

  it.effect("comes from Config", () =>
    Effect.gen(function*() {
      const credential = yield* ltpaConfig("MQ")
      assert.isTrue(Equal.equals(credential, new Ltpa(fields)))
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map([["MQ_USERNAME", fields.username], ["MQ_PASSWORD", password]])
    ))))
})
