import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as QualysCredential from "../src/QualysCredential.ts"
import cases from "./fixtures/qualysdk/cases.json" with { type: "json" }

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
  it.each(Object.entries(written))("writes %s as it was read", (_, input) => {
    const credential = Either.getOrThrow(QualysCredential.fromJson(JSON.stringify(input)))
    const json = QualysCredential.revealJson(credential)
    assert.strictEqual(JSON.stringify(JSON.parse(json)), JSON.stringify(input))
    assert.strictEqual(QualysCredential.revealJson(credential, { pretty: true }), JSON.stringify(input, undefined, 4))
    assert.isTrue(Equal.equals(credential, decoded(input)))
  })

  describe("beside qualysdk 0.4.0", () => {
    it.each(cases)("reads and writes its texts to the byte: $name", ({ line, pretty }) => {
      for (const text of [line, pretty]) {
        const credential = Either.getOrThrow(QualysCredential.fromJson(text))
        assert.strictEqual(QualysCredential.revealJson(credential), line)
        assert.strictEqual(QualysCredential.revealJson(credential, { pretty: true }), pretty)
      }
    })

    it.each(cases)("makes of the same fields the same text: $name", ({ given, line, pretty }) => {
      assert.strictEqual(QualysCredential.revealJson(decoded(given)), line)
      assert.strictEqual(QualysCredential.revealJson(decoded(given), { pretty: true }), pretty)
    })

    it("ignores the time that a TokenAuth has beside its fields", () => {
      const input = { ...dictionary, generated_on: "2030-01-01 00:00:00" }
      assert.isTrue(Equal.equals(decoded(input), decoded(dictionary)))
    })

    it("takes an empty override for none, as it does", () => {
      assert.isTrue(Equal.equals(decoded({ ...dictionary, override_platform: {} }), decoded(dictionary)))
      const { platform: _, ...elsewhere } = dictionary
      assert.strictEqual(decoded({ ...elsewhere, override_platform: {} }).platform, "qg3")
    })

    it("writes what is shown in the same form", () => {
      assert.strictEqual(
        QualysCredential.toJson(decoded({ ...dictionary, username: "café" })),
        "{\"username\": \"caf\\u00e9\", \"password\": \"<redacted>\", \"token\": null, \"auth_type\": \"basic\", " +
          "\"platform\": \"eu1\", \"override_platform\": null}"
      )
    })
  })

  it.each(["[]", "null", "42", "true", "\"canary\"", "[{\"password\": \"canary\"}]"])(
    "says of the JSON %s what was expected",
    (json) => {
      const { message } = Either.getOrThrow(Either.flip(QualysCredential.fromJson(json)))
      assert.strictEqual(
        message,
        "credential: must be an object with the keys username, password, token, auth_type, platform and override_platform"
      )
    }
  )

  it("refuses a token that could not be sent in a header, and names what was pasted along with it", () => {
    const refused = (token: string) => problem({ ...written["a Jwt"], token })
    assert.match(refused("canary\n"), /^credential\.token: .*; there is white space around it$/)
    assert.match(refused(" canary"), /^credential\.token: .*; there is white space around it$/)
    assert.match(refused("can\u200bary"), /^credential\.token: .*; there is an invisible character in it/)
    assert.match(refused("“canary”"), /^credential\.token: .*; there is a curly quote in it$/)
    assert.strictEqual(refused(""), "credential.token: must not be empty")
    for (const token of ["canary\n", "“canary”"]) assert.notInclude(refused(token), "canary")
  })

  it("takes an empty user name and password for Basic, and none for what is exchanged", () => {
    const credential = decoded({ ...dictionary, username: "", password: "" })
    assert.deepStrictEqual([credential.username, Redacted.value(credential.password)], ["", ""])
    const exchanged = { ...dictionary, auth_type: "token" }
    assert.strictEqual(problem({ ...exchanged, username: "" }), "credential.username: must not be empty")
    assert.strictEqual(problem({ ...exchanged, password: "" }), "credential.password: must not be empty")
  })

  it("refuses what cannot be encoded, however it is escaped", () => {
    const json = JSON.stringify(dictionary).replace("canary-password", "canary-\\ud83d")
    assert.match(Either.getOrThrow(Either.flip(QualysCredential.fromJson(json))).message, /well-formed Unicode/)
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
    const { platform } = decoded(written["a Jwt with its token on a private platform"])
    assert.strictEqual(JSON.stringify(platform), JSON.stringify(override))
  })

  it("does not change its input", () => {
    const input = Object.freeze({ ...dictionary, override_platform: Object.freeze({ ...override }) })
    assert.doesNotThrow(() => decoded(input))
  })

  it("refuses what it cannot use by the name of the field, without its value", () => {
    assert.match(problem({ ...dictionary, host: "canary-host" }), /^credential\.host: is unexpected/)
    assert.strictEqual(
      problem({ ...dictionary, auth_type: "canary-type" }),
      "credential.auth_type: must be basic or token"
    )
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
      problem({ ...dictionary, override_platform: { ...override, api_url: "ftp://canary.example" } }),
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
