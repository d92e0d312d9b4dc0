import { assert, describe, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Hash from "effect/Hash"
import * as HashMap from "effect/HashMap"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Credential from "../src/Credential.ts"
import { assertSecretFree } from "./printouts.ts"

const canary = "canary-secret-4711"
const secret = Redacted.make(canary)

const credentials = {
  Basic: new Credential.Basic({ username: "reader", password: secret }),
  Bearer: new Credential.Bearer({ token: secret }),
  ApiKey: new Credential.ApiKey({ key: secret, in: "header", name: "x-api-key" })
}
const All = Schema.Union(Credential.Basic, Credential.Bearer, Credential.ApiKey)

/** What is wrong with a credential that was refused: `setting: problem`. */
const refusal = <A>(result: Either.Either<A, Error>): string =>
  Either.match(result, { onLeft: (error) => error.message, onRight: () => "was not refused" })

const controls = Arr.map([...Arr.range(0, 31), 127], (code) => String.fromCharCode(code))

describe("Credential: what cannot be sent safely is refused when it is made", () => {
  it("a Basic user name that is empty, has a colon or a control character", () => {
    const make = (username: string) => refusal(Credential.basic({ username, password: secret }))
    assert.strictEqual(make(""), "credential.username: must not be empty")
    assert.strictEqual(make("a:b"), "credential.username: must not contain a colon (RFC 7617 section 2)")
    for (const control of controls) {
      assert.strictEqual(make(`a${control}b`), "credential.username: must not contain control characters")
    }
  })

  it("a secret that is empty or has a control character", () => {
    const make = (text: string) => refusal(Credential.basic({ username: "reader", password: Redacted.make(text) }))
    assert.strictEqual(make(""), "credential.password: must not be empty")
    for (const control of controls) {
      assert.strictEqual(make(`${canary}${control}`), "credential.password: must not contain control characters")
    }
  })

  it("a text with half of a surrogate pair, which UTF-8 would send as another", () => {
    const problem = "must be well-formed Unicode (it has half of a surrogate pair)"
    for (const half of ["a\ud83d", "\udd11b"]) {
      assert.strictEqual(
        refusal(Credential.basic({ username: "reader", password: Redacted.make(half) })),
        `credential.password: ${problem}`
      )
      assert.strictEqual(
        refusal(Credential.basic({ username: half, password: secret })),
        `credential.username: ${problem}`
      )
      assert.strictEqual(
        refusal(Credential.apiKey({ key: Redacted.make(half), in: "query", name: "key" })),
        `credential.key: ${problem}`
      )
    }
    assert.isTrue(Either.isRight(Credential.basic({ username: "🔑", password: Redacted.make("пароль 🔑") })))
  })

  it("a bearer token that is no b64token", () => {
    for (const token of ["two words", "a,b", "=", "a=b", "clé", `"quoted"`, "a\\b"]) {
      assert.strictEqual(
        refusal(Credential.bearer({ token: Redacted.make(token) })),
        "credential.token: must be a b64token (RFC 6750 section 2.1)"
      )
    }
    for (const token of ["a", "A-._~+/0==", "eyJhbGciOiJub25lIn0.e30."]) {
      assert.isTrue(Either.isRight(Credential.bearer({ token: Redacted.make(token) })))
    }
  })

  it("an API key's name that is no token, wherever it travels", () => {
    for (const name of ["", "x key", "x:key", "x=key", "x;key", "clé", "x\r\ny", "[x]"]) {
      for (const place of ["header", "query", "cookie"] as const) {
        assert.strictEqual(
          refusal(Credential.apiKey({ key: secret, in: place, name })),
          "credential.name: must be a token (RFC 9110 section 5.6.2)"
        )
      }
    }
  })

  it("an API key in a header that is no field value", () => {
    const make = (key: string) => Credential.apiKey({ key: Redacted.make(key), in: "header", name: "x-api-key" })
    for (const key of [" a", "a ", "ключ", "…"]) {
      assert.match(refusal(make(key)), /^credential\.key: must be a header field's value/)
    }
    for (const key of ["a", "a b", "Key a;b,c=\"d\\", "clé"]) assert.isTrue(Either.isRight(make(key)))
  })

  it("an API key in a cookie that is no cookie value", () => {
    const make = (key: string) => Credential.apiKey({ key: Redacted.make(key), in: "cookie", name: "session" })
    for (const key of ["a b", "a;b", "a; admin=1", "a,b", "a\"b", "\"a", "a\\b", "clé"]) {
      assert.match(refusal(make(key)), /^credential\.key: must be a cookie's value/)
    }
    for (const key of ["a", "a=b%20", "\"quoted\"", "!#$%&'()*+-./:<=>?@[]^_`{|}~"]) {
      assert.isTrue(Either.isRight(make(key)))
    }
  })

  it("an API key in a query may be any text, because it is percent-encoded", () => {
    assert.isTrue(Either.isRight(Credential.apiKey({ key: Redacted.make(" a;&=ключ "), in: "query", name: "key" })))
  })

  it("what decoding yields obeys the same rules as what a constructor yields", () => {
    assert.match(
      refusal(Credential.fromUnknown(All)({ _tag: "ApiKey", key: "a;b", in: "cookie", name: "session" })),
      /^credential\.key: must be a cookie's value/
    )
    assert.strictEqual(
      refusal(Credential.fromUnknown(All)({ _tag: "Basic", username: "a:b", password: canary })),
      "credential.username: must not contain a colon (RFC 7617 section 2)"
    )
  })
})

describe("Credential: from data", () => {
  it("names the field that is missing", () => {
    const decode = Credential.fromUnknown(Credential.Basic)
    assert.strictEqual(refusal(decode({ _tag: "Basic", username: "reader" })), "credential.password: is missing")
    assert.strictEqual(refusal(decode({ _tag: "Basic", password: canary })), "credential.username: is missing")
  })

  it("names a key that is unknown, so that a misspelt setting is not ignored", () => {
    const problem = refusal(
      Credential.fromUnknown(Credential.Basic)({ _tag: "Basic", username: "a", password: canary, pasword: canary })
    )
    assert.match(problem, /^credential\.pasword: is unexpected/)
    assert.notInclude(problem, canary)
  })

  it("refuses a text that is not JSON without quoting it", () => {
    for (const text of ["", canary, `{"password": ${canary}}`, `{"password": "${canary}"`]) {
      assert.strictEqual(refusal(Credential.fromJson(All)(text)), "credential: is not valid JSON")
    }
  })

  it.prop(
    "fails with InvalidSetting and never throws, whatever the JSON is",
    [FastCheck.oneof(FastCheck.string(), FastCheck.json())],
    ([text]) => {
      const result = Credential.fromJson(All)(text)
      assert.isTrue(Either.isLeft(result) && result.left._tag === "InvalidSetting")
    }
  )

  it("reveals its JSON on request, and is read from it again", () => {
    for (const [tag, credential] of Object.entries(credentials)) {
      const json = Credential.revealJson(All)(credential)
      assert.include(json, canary)
      assert.strictEqual(JSON.parse(json)._tag, tag)
      assert.isTrue(Equal.equals(Credential.fromJson(All)(json), Either.right(credential)))
    }
    assert.include(Credential.revealJson(All, { pretty: true })(credentials.Basic), "\n    \"username\"")
  })

  it.prop(
    "round trips through JSON whatever user name and password are accepted",
    [Credential.Basic],
    ([credential]) => {
      const again = Credential.fromJson(Credential.Basic)(Credential.revealJson(Credential.Basic)(credential))
      assert.isTrue(Equal.equals(again, Either.right(credential)))
    }
  )

  it.effect("reads Basic and Bearer from Config under a prefix", () =>
    Effect.gen(function*() {
      assert.isTrue(Equal.equals(yield* Credential.basicConfig("ACME"), credentials.Basic))
      assert.isTrue(Equal.equals(yield* Credential.bearerConfig("ACME"), credentials.Bearer))
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map([["ACME_USERNAME", "reader"], ["ACME_PASSWORD", canary], ["ACME_TOKEN", canary]])
    ))))

  it.effect("a setting from Config that cannot be used, or is missing, is a ConfigError that names it", () =>
    Effect.gen(function*() {
      const invalid = yield* Effect.flip(Credential.basicConfig("ACME"))
      assert.include(String(invalid), "credential.password: must not contain control characters")
      assertSecretFree(invalid, [canary])
      const missing = yield* Effect.flip(Credential.bearerConfig("ACME"))
      assert.include(String(missing), "ACME_TOKEN")
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map([["ACME_USERNAME", "reader"], ["ACME_PASSWORD", `${canary}\n`]])
    ))))

  it.effect("checkedConfig serves a credential of another package", () =>
    Effect.gen(function*() {
      const config = Credential.checkedConfig(
        "ACME",
        Config.all({ key: Config.redacted("ACME_KEY") }),
        ({ key }) => Credential.apiKey({ key, in: "header", name: "x-api-key" })
      )
      assert.isTrue(Equal.equals(yield* config, credentials.ApiKey))
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["ACME_KEY", canary]])))))
})

describe("Credential: as a value", () => {
  it("equals another with the same contents, and hashes alike", () => {
    const twin = new Credential.Basic({ username: "reader", password: Redacted.make(canary) })
    assert.isTrue(Equal.equals(credentials.Basic, twin))
    assert.strictEqual(Hash.hash(credentials.Basic), Hash.hash(twin))
  })

  it("differs when the name or the secret differs", () => {
    const { Basic } = Credential
    assert.isFalse(Equal.equals(credentials.Basic, new Basic({ username: "reader", password: Redacted.make("other") })))
    assert.isFalse(Equal.equals(credentials.Basic, new Basic({ username: "writer", password: secret })))
  })

  it("is a key: a map finds what was stored under an equal one", () => {
    const sessions = HashMap.make([credentials.Bearer, "session"])
    const bearer = (token: string) => new Credential.Bearer({ token: Redacted.make(token) })
    assert.isTrue(HashMap.has(sessions, bearer(canary)))
    assert.isFalse(HashMap.has(sessions, bearer("other")))
  })
})

describe("Credential: no secret in any printout", () => {
  it("of a credential", () => {
    for (const credential of Object.values(credentials)) {
      assertSecretFree(credential, [canary])
      assert.include(String(credential), "<redacted>")
    }
  })

  it("of the exception of a constructor that was given a bad secret, or a raw one against its types", () => {
    const untyped = (fields: object): never => fields as never
    const constructors: ReadonlyArray<() => unknown> = [
      () => new Credential.Basic(untyped({ username: "reader", password: canary })),
      () => new Credential.Basic(untyped({ username: "reader", password: Redacted.make({ canary }) })),
      () => new Credential.Basic({ username: "reader", password: Redacted.make(`${canary}\n`) }),
      () => new Credential.Basic({ username: `${canary}:`, password: secret }),
      () => new Credential.Basic(untyped(new String(canary))),
      () => new Credential.Bearer(untyped({ token: canary })),
      () => new Credential.Bearer({ token: Redacted.make(`${canary} ${canary}`) }),
      () => new Credential.ApiKey(untyped({ key: canary, in: "header", name: "x-api-key" })),
      () => new Credential.ApiKey({ key: Redacted.make(`${canary};`), in: "cookie", name: "session" }),
      () => new Credential.ApiKey({ key: Redacted.make(`${canary} `), in: "header", name: "x-api-key" }),
      () => new Credential.ApiKey({ key: secret, in: "header", name: `${canary} ` })
    ]
    for (const make of constructors) {
      assertSecretFree(Either.flip(Either.try(make)).pipe(Either.getOrThrow), [canary])
      assertSecretFree(Credential.construct(make), [canary])
    }
  })

  it("of the exception of Schema's own decoder, when the secret stands in its field", () => {
    const inputs = [
      { _tag: "Basic", username: "reader", password: [canary] },
      { _tag: "Basic", username: "reader", password: { canary } },
      { _tag: "Basic", username: "reader", password: `${canary}\n` },
      { _tag: "Basic", username: `${canary}:`, password: canary },
      { _tag: "Bearer", token: `${canary} ` },
      { _tag: "ApiKey", key: `${canary};`, in: "cookie", name: "session" }
    ]
    for (const input of inputs) {
      assertSecretFree(Either.flip(Schema.decodeUnknownEither(All)(input)).pipe(Either.getOrThrow), [canary])
    }
  })

  it("of the failure of fromUnknown, wherever the secret stands", () => {
    const inputs = [
      canary,
      [canary],
      { _tag: canary },
      { _tag: "Basic", username: [canary], password: "x" },
      { _tag: "Basic", username: { canary }, password: canary },
      { _tag: "Basic", username: "reader", password: [canary] },
      { _tag: "ApiKey", key: "x", in: canary, name: "x-api-key" },
      { _tag: "ApiKey", key: "x", in: `multi\nline, actual\n${canary}`, name: "x-api-key" },
      { _tag: "ApiKey", key: "x", in: "header", name: `${canary} ` },
      { _tag: "Basic", username: "reader", password: "x", extra: canary }
    ]
    for (const input of inputs) {
      const result = Credential.fromUnknown(All)(input)
      assert.isTrue(Either.isLeft(result))
      assertSecretFree(result, [canary])
    }
  })

  it("of what construct makes of an exception that is not Schema's", () => {
    const result = Credential.construct(() => {
      throw new Error(canary)
    })
    assert.strictEqual(refusal(result), "credential: is invalid")
    assertSecretFree(result, [canary])
  })
})
