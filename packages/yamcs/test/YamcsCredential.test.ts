import type { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as YamcsCredential from "../src/YamcsCredential.ts"

const canary = Redacted.make("canary-secret")

const all = [
  new YamcsCredential.Password({ username: "ops:lead", password: canary }),
  new YamcsCredential.Session({
    accessToken: canary,
    refreshToken: canary,
    expiresAt: DateTime.unsafeMake("2030-01-01T00:00:00Z")
  }),
  new YamcsCredential.ServiceAccount({ clientId: "scheduler", clientSecret: canary, become: "operator" }),
  new YamcsCredential.ApiKey({ key: canary }),
  new Credential.Basic({ username: "operator", password: canary })
]

const needsBecome =
  "credential.become: must name the account to act as, or asItself be true: Yamcs may never answer an account that acts as itself"

const configured = (variables: Record<string, string>) =>
  Effect.withConfigProvider(
    YamcsCredential.credentialConfig("YAMCS"),
    ConfigProvider.fromMap(new Map(Object.entries(variables)))
  )

describe("YamcsCredential", () => {
  all.forEach((credential) =>
    it(`${credential._tag} survives JSON and shows no secret otherwise`, () => {
      const json = Credential.revealJson(YamcsCredential.YamcsCredential)(credential)
      const decoded = Credential.fromJson(YamcsCredential.YamcsCredential)(json)
      assert.deepStrictEqual(decoded, Either.right(credential))
      assert.include(json, "canary-secret")
      assert.notInclude(`${String(credential)} ${JSON.stringify(credential)}`, "canary-secret")
    })
  )

  it("a secret that cannot be sent is refused by the name of its field", () => {
    const failures = [
      YamcsCredential.password({ username: "a", password: Redacted.make("") }),
      YamcsCredential.session({ accessToken: Redacted.make("canary token") }),
      YamcsCredential.serviceAccount({ clientId: "a", clientSecret: Redacted.make("canary\r\n"), become: "b" }),
      YamcsCredential.serviceAccount({ clientId: "a", clientSecret: canary }),
      YamcsCredential.serviceAccount({ clientId: "a", clientSecret: canary, asItself: false }),
      YamcsCredential.serviceAccount({ clientId: "a", clientSecret: canary, asItself: true }),
      YamcsCredential.apiKey({ key: Redacted.make("canary\n") })
    ].map((result: Either.Either<unknown, InvalidSetting>) => Either.isLeft(result) ? result.left.message : "accepted")
    assert.deepStrictEqual(failures, [
      "credential.password: must not be empty",
      "credential.accessToken: must be a b64token (RFC 6750 section 2.1)",
      "credential.clientSecret: must not contain control characters; there is white space around it",
      needsBecome,
      needsBecome,
      "accepted",
      "credential.key: must not contain control characters; there is white space around it"
    ])
  })

  it.each(Object.entries({
    "a\u200bb": "an invisible character in it",
    "“a”": "a curly quote in it",
    " a": "white space around it",
    "a\r\n": "white space around it",
    "ключ": ""
  }))("an API key, which goes into a header as it is, is refused when it is made: %j", (text, named) => {
    const key = text.replace("a", "canary")
    const refusals = [
      YamcsCredential.apiKey({ key: Redacted.make(key) }),
      Credential.fromUnknown(YamcsCredential.YamcsCredential)({ _tag: "ApiKey", key })
    ].map((result: Either.Either<unknown, InvalidSetting>) => Either.getOrThrow(Either.flip(result)).message)
    for (const refused of refusals) {
      assert.match(refused, /^credential\.key: must (?:be a header field's value|not contain control characters)/)
      assert.include(refused, named)
      assert.notInclude(refused, key)
    }
  })

  it("what travels in a form may have any character that can be encoded", () => {
    const any = Redacted.make(" canary\u200b’ ключ ")
    const accepted: ReadonlyArray<Either.Either<unknown, InvalidSetting>> = [
      YamcsCredential.password({ username: " a\u200b", password: any }),
      YamcsCredential.serviceAccount({ clientId: "a", clientSecret: any, become: "ключ" }),
      YamcsCredential.session({ accessToken: canary, refreshToken: any })
    ]
    assert.isTrue(accepted.every(Either.isRight))
  })
})

describe("credentialConfig", () => {
  const password = { YAMCS_USERNAME: "operator", YAMCS_PASSWORD: "canary-secret" }
  const session = { YAMCS_ACCESS_TOKEN: "canary-secret" }
  const application = { YAMCS_CLIENT_ID: "scheduler", YAMCS_CLIENT_SECRET: "canary-secret" }
  const serviceAccount = { ...application, YAMCS_BECOME: "operator" }

  it.effect("takes the first credential that is complete", () =>
    Effect.gen(function*() {
      const tags = yield* Effect.forEach([
        password,
        { ...password, ...session },
        { ...password, ...session, ...serviceAccount },
        { ...password, ...session, ...serviceAccount, YAMCS_API_KEY: "canary-secret" },
        { ...password, YAMCS_CLIENT_ID: "without-its-secret" }
      ], (variables) => Effect.map(configured(variables), ({ _tag }) => _tag))
      assert.deepStrictEqual(tags, ["Password", "Bearer", "ServiceAccount", "ApiKey", "Password"])
    }))

  it.effect("reads what is optional", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* configured(serviceAccount),
        new YamcsCredential.ServiceAccount({
          clientId: "scheduler",
          clientSecret: canary,
          become: "operator",
          asItself: undefined
        })
      )
      assert.deepStrictEqual(
        yield* configured({ ...application, YAMCS_AS_ITSELF: "yes" }),
        new YamcsCredential.ServiceAccount({
          clientId: "scheduler",
          clientSecret: canary,
          become: undefined,
          asItself: true
        })
      )
      assert.include(
        String(yield* Effect.flip(configured(application))),
        "Invalid data at YAMCS_BECOME: \"must name the account to act as, or YAMCS_AS_ITSELF be true: "
      )
      assert.deepStrictEqual(
        yield* configured({
          ...session,
          YAMCS_REFRESH_TOKEN: "canary-secret",
          YAMCS_EXPIRES_AT: "2030-01-01T00:00:00Z"
        }),
        all[1]
      )
    }))

  it.effect("names what could be set when nothing is", () =>
    Effect.gen(function*() {
      const message = String(yield* Effect.flip(configured({})))
      assert.deepStrictEqual(message.split("\n").slice(1), [
        "  YAMCS_API_KEY",
        "or",
        "  YAMCS_CLIENT_ID",
        "  YAMCS_CLIENT_SECRET",
        "or",
        "  YAMCS_ACCESS_TOKEN",
        "or",
        "  YAMCS_USERNAME",
        "  YAMCS_PASSWORD\")"
      ])
    }))

  it.effect("says which variable is set beside the one that is missing", () =>
    Effect.gen(function*() {
      const message = String(yield* Effect.flip(configured({ YAMCS_CLIENT_ID: "scheduler", YAMCS_PASSWORD: "canary" })))
      assert.deepStrictEqual(message.split("\n").slice(1), [
        "  YAMCS_API_KEY",
        "or",
        "  YAMCS_CLIENT_SECRET (YAMCS_CLIENT_ID is set)",
        "or",
        "  YAMCS_ACCESS_TOKEN",
        "or",
        "  YAMCS_USERNAME (YAMCS_PASSWORD is set)\")"
      ])
    }))

  it.effect("does not pass over a credential that is set and cannot be used", () =>
    Effect.gen(function*() {
      const message = String(yield* Effect.flip(configured({ ...password, YAMCS_API_KEY: "canary\n" })))
      assert.strictEqual(
        message,
        "(Invalid data at YAMCS_API_KEY: \"must not contain control characters; there is white space around it\")"
      )
      const curly = String(yield* Effect.flip(configured({ ...password, YAMCS_API_KEY: "“canary”" })))
      assert.match(
        curly,
        /^\(Invalid data at YAMCS_API_KEY: "must be a header field's value: .*; there is a curly quote/
      )
    }))

  it.effect("takes an empty variable for one that is not set", () =>
    Effect.gen(function*() {
      const empty = { YAMCS_API_KEY: "", YAMCS_CLIENT_ID: "", YAMCS_CLIENT_SECRET: "" }
      assert.strictEqual((yield* configured({ ...password, ...empty }))._tag, "Password")
      assert.deepStrictEqual(
        yield* configured({ ...application, YAMCS_BECOME: "", YAMCS_AS_ITSELF: "1" }),
        new YamcsCredential.ServiceAccount({
          clientId: "scheduler",
          clientSecret: canary,
          become: undefined,
          asItself: true
        })
      )
      assert.deepStrictEqual(
        yield* configured({ ...session, YAMCS_REFRESH_TOKEN: "", YAMCS_EXPIRES_AT: "" }),
        new YamcsCredential.Session({ accessToken: canary, refreshToken: undefined, expiresAt: undefined })
      )
    }))

  it.effect("does not show a secret in a wrong place", () =>
    Effect.gen(function*() {
      const message = String(yield* Effect.flip(configured({ ...session, YAMCS_EXPIRES_AT: "canary-secret" })))
      assert.notInclude(message, "canary-secret")
    }))
})
