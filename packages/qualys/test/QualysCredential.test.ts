import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as QualysCredential from "../src/QualysCredential.ts"

const override = {
  api_url: "https://qualysapi.private.example",
  gateway_url: "https://gateway.private.example",
  qualysguard_url: "https://qualysguard.private.example"
}

const dictionary = {
  username: "canary-user",
  password: "canary-password",
  token: null,
  auth_type: "basic",
  platform: "eu1",
  override_platform: null
}

const written = {
  "a Basic": dictionary,
  "a Basic on a private platform": { ...dictionary, platform: "CUSTOM", override_platform: override },
  "a Jwt": { ...dictionary, auth_type: "token" },
  "a Jwt with its token": { ...dictionary, auth_type: "token", token: "canary-token", platform: null },
  "a Jwt with its token on a private platform": {
    ...dictionary,
    auth_type: "token",
    token: "canary-token",
    platform: "qg4",
    override_platform: override
  }
}

const decoded = (input: unknown) => Either.getOrThrow(QualysCredential.fromUnknown(input))
const problem = (input: unknown) => Either.getOrThrow(Either.flip(QualysCredential.fromUnknown(input))).message

describe("QualysCredential", () => {
  it.each(Object.entries(written))("writes %s exactly as it was read", (_, input) => {
    const json = JSON.stringify(input)
    const credential = Either.getOrThrow(QualysCredential.fromJson(json))
    assert.strictEqual(QualysCredential.revealJson(credential), json)
    assert.strictEqual(QualysCredential.revealJson(credential, { pretty: true }), JSON.stringify(input, undefined, 4))
    assert.isTrue(Equal.equals(credential, decoded(input)))
  })

  it.each(Object.entries(written))("shows no secret of %s, unless it is asked to reveal them", (_, input) => {
    const credential = decoded(input)
    const shown = [
      QualysCredential.toJson(credential),
      QualysCredential.toJson(credential, { pretty: true }),
      JSON.stringify(credential),
      String(credential),
      inspect(credential, { depth: 10 })
    ].join()
    assert.notInclude(shown, input.password)
    if (input.token !== null) assert.notInclude(shown, input.token)
  })

  it("writes the same keys redacted", () => {
    assert.deepStrictEqual(
      JSON.parse(QualysCredential.toJson(decoded(written["a Jwt with its token"]))),
      { ...written["a Jwt with its token"], password: "<redacted>", token: "<redacted>" }
    )
  })

  it("fills in what a dictionary leaves out", () => {
    const { password, username } = dictionary
    assert.deepStrictEqual(
      JSON.parse(QualysCredential.revealJson(decoded({ username, password }))),
      { ...dictionary, platform: "qg3" }
    )
    assert.strictEqual(decoded({ username, password, token: "canary-token" }).authType, "token")
    assert.strictEqual(decoded({ ...dictionary, platform: "QG2" }).platform, "qg2")
  })

  it("lets an override have the last word about the platform", () => {
    assert.deepEqual(decoded(written["a Jwt with its token on a private platform"]).platform, override)
  })

  it("does not change its input", () => {
    const input = Object.freeze({ ...dictionary, override_platform: Object.freeze({ ...override }) })
    assert.doesNotThrow(() => decoded(input))
  })

  it("refuses what it cannot use by the name of the field, without its value", () => {
    assert.match(problem({ ...dictionary, host: "canary-host" }), /^credential\.host: is unexpected/)
    assert.match(problem({ ...dictionary, auth_type: "canary-type" }), /^credential\.auth_type: /)
    assert.match(problem({ ...dictionary, platform: "canary-platform" }), /^credential\.platform: must be one of qg1/)
    assert.strictEqual(problem({ ...dictionary, password: 42 }), "credential.password: must be a string")
    assert.strictEqual(
      problem({ ...dictionary, token: "canary-token" }),
      "credential.token: must be null where auth_type is basic"
    )
    assert.strictEqual(
      problem({ ...dictionary, platform: "CUSTOM" }),
      "credential.override_platform: must be given where platform is CUSTOM"
    )
    assert.match(
      problem({ ...dictionary, override_platform: { ...override, api_url: "http://canary.example" } }),
      /^credential\.override_platform\.api_url: must begin with https/
    )
    for (const input of [{ ...dictionary, password: "canary\npassword" }, "canary-text", { password: "canary" }]) {
      assert.notInclude(problem(input), "canary")
    }
    const json = Either.getOrThrow(Either.flip(QualysCredential.fromJson("{\"password\": \"canary\"")))
    assert.strictEqual(json.message, "credential: is not valid JSON")
  })

  it("is constructed from fields as well", () => {
    const fields = { username: "canary-user", password: Redacted.make("canary-password") }
    assert.isTrue(Equal.equals(
      Either.getOrThrow(QualysCredential.basic({ ...fields, platform: "eu1" })),
      decoded(dictionary)
    ))
    assert.isTrue(Equal.equals(
      Either.getOrThrow(QualysCredential.jwt({ ...fields, platform: override })),
      decoded({ ...written["a Basic on a private platform"], auth_type: "token" })
    ))
    assert.strictEqual(
      Either.getOrThrow(Either.flip(QualysCredential.basic({ ...fields, username: "canary:user" }))).message,
      "credential.username: must not contain a colon (RFC 7617 section 2)"
    )
  })

  it.effect("is read from one variable of the environment", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromMap(
        new Map([["GOOD", JSON.stringify(dictionary)], ["BAD", "{\"password\": \"canary\"}"]])
      )
      assert.isTrue(Equal.equals(yield* provider.load(QualysCredential.config("GOOD")), decoded(dictionary)))
      const message = String(yield* Effect.flip(provider.load(QualysCredential.config("BAD"))))
      assert.include(message, "(Invalid data at BAD: \"credential.username: ")
      assert.notInclude(message, "canary")
    }))
})
