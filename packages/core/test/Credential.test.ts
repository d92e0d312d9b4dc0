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

describe("Credential", () => {
  describe("a value that cannot be sent safely", () => {
    it("refuses a Basic user name that has a colon or a control character", () => {
      const make = (username: string) => refusal(Credential.basic({ username, password: secret }))
      assert.strictEqual(make("a:b"), "credential.username: must not contain a colon (RFC 7617 section 2)")
      for (const control of controls) {
        assert.strictEqual(make(`a${control}b`), "credential.username: must not contain control characters")
      }
    })

    it("refuses a secret that has a control character", () => {
      const make = (text: string) => refusal(Credential.basic({ username: "reader", password: Redacted.make(text) }))
      for (const control of controls) {
        assert.strictEqual(
          make(`${canary}${control}${canary}`),
          "credential.password: must not contain control characters"
        )
      }
    })

    it("refuses a token and a key that are empty", () => {
      const empty = Redacted.make("")
      assert.strictEqual(refusal(Credential.bearer({ token: empty })), "credential.token: must not be empty")
      const blank = Redacted.make("  \n")
      assert.strictEqual(refusal(Credential.bearer({ token: blank })), "credential.token: must not be empty")
      assert.strictEqual(
        refusal(Credential.apiKey({ key: empty, in: "header", name: "x-api-key" })),
        "credential.key: must not be empty"
      )
    })

    it("accepts an empty user name and an empty password of Basic (RFC 7617 section 2)", () => {
      for (const [username, password] of [["", ""], ["reader", ""], ["", canary]] as const) {
        const credential = Either.getOrThrow(Credential.basic({ username, password: Redacted.make(password) }))
        assert.deepStrictEqual([credential.username, Redacted.value(credential.password)], [username, password])
        const decoded = Credential.fromUnknown(Credential.Basic)({ _tag: "Basic", username, password })
        assert.isTrue(Equal.equals(decoded, Either.right(credential)))
      }
    })

    it.each(Object.entries({
      " a": "white space around it",
      "a ": "white space around it",
      "a\n": "white space around it",
      "\r\na": "white space around it",
      "a\u00a0": "white space around it",
      "\u3000a": "white space around it",
      "\u0085a": "white space around it",
      "a\u200bb": "an invisible character in it",
      "a\u200b": "an invisible character in it",
      "a\u2028b": "an invisible character in it",
      "\u202aa": "an invisible character in it",
      "“a”": "a curly quote in it",
      "it’s": "a curly quote in it"
    }))("names what was pasted along with a secret that goes into a header: %j", (text, named) => {
      const pasted = Redacted.make(text.replace("a", canary))
      const refusals = [
        refusal(Credential.bearer({ token: pasted })),
        refusal(Credential.apiKey({ key: pasted, in: "header", name: "x-api-key" })),
        refusal(Credential.apiKey({ key: pasted, in: "cookie", name: "session" }))
      ]
      for (const refused of refusals) {
        assert.match(refused, new RegExp(`^credential\\.(?:token|key): .*; there is ${named}`))
        assert.notInclude(refused, canary)
      }
    })

    it("accepts in a password, which travels in Base64, whatever can be encoded", () => {
      for (const password of [" a ", "a\u200bb", "“a”", "a\u00a0", "пароль"]) {
        assert.isTrue(Either.isRight(Credential.basic({ username: password, password: Redacted.make(password) })))
      }
    })

    it("refuses text with an unpaired surrogate, which UTF-8 would send as another character", () => {
      const problem = "must be well-formed Unicode (it has an unpaired surrogate)"
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

    it("refuses a bearer token that is not a b64token", () => {
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

    it("refuses an API key's name that is not a token, wherever the key travels", () => {
      for (const name of ["", "x key", "x:key", "x=key", "x;key", "clé", "x\r\ny", "[x]"]) {
        for (const place of ["header", "query", "cookie"] as const) {
          assert.strictEqual(
            refusal(Credential.apiKey({ key: secret, in: place, name })),
            "credential.name: must be a token (RFC 9110 section 5.6.2)"
          )
        }
      }
    })

    it("refuses an API key in a header that is not a field value", () => {
      const make = (key: string) => Credential.apiKey({ key: Redacted.make(key), in: "header", name: "x-api-key" })
      for (const key of [" a", "a ", "ключ", "…"]) {
        assert.match(refusal(make(key)), /^credential\.key: must be a header field's value/)
      }
      for (const key of ["a", "a b", "Key a;b,c=\"d\\", "clé"]) assert.isTrue(Either.isRight(make(key)))
    })

    it("refuses an API key in a cookie that is not a cookie value", () => {
      const make = (key: string) => Credential.apiKey({ key: Redacted.make(key), in: "cookie", name: "session" })
      for (const key of ["a b", "a;b", "a; admin=1", "a,b", "a\"b", "\"a", "a\\b", "clé"]) {
        assert.match(refusal(make(key)), /^credential\.key: must be a cookie's value/)
      }
      for (const key of ["a", "a=b%20", "\"quoted\"", "!#$%&'()*+-./:<=>?@[]^_`{|}~"]) {
        assert.isTrue(Either.isRight(make(key)))
      }
    })

    it("accepts any text as an API key in a query, because it is percent-encoded", () => {
      assert.isTrue(Either.isRight(Credential.apiKey({ key: Redacted.make(" a;&=ключ "), in: "query", name: "key" })))
    })

    it("is refused by decoding as it is by the constructors", () => {
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

  describe("a credential from data", () => {
    it("names a missing field", () => {
      const decode = Credential.fromUnknown(Credential.Basic)
      assert.strictEqual(refusal(decode({ _tag: "Basic", username: "reader" })), "credential.password: is missing")
      assert.strictEqual(refusal(decode({ _tag: "Basic", password: canary })), "credential.username: is missing")
    })

    it("names an unknown key, so that a misspelt setting is not ignored", () => {
      const problem = refusal(
        Credential.fromUnknown(Credential.Basic)({ _tag: "Basic", username: "a", password: canary, pasword: canary })
      )
      assert.match(problem, /^credential\.pasword: is unexpected/)
      assert.notInclude(problem, canary)
    })

    it("refuses text that is not JSON without quoting it", () => {
      for (const text of ["", canary, `{"password": ${canary}}`, `{"password": "${canary}"`]) {
        assert.strictEqual(refusal(Credential.fromJson(All)(text)), "credential: is not valid JSON")
      }
    })

    it("says of JSON that is no object what was expected", () => {
      for (const text of ["[]", "null", "42", `"${canary}"`, `[{"password": "${canary}"}]`]) {
        for (const result of [Credential.fromJson(All)(text), Credential.fromJson(Credential.Basic)(text)]) {
          assert.strictEqual(refusal(result), "credential: must be an object with the fields of a credential")
        }
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

    it("reveals its JSON on request, and is read back from it", () => {
      for (const [tag, credential] of Object.entries(credentials)) {
        const json = Credential.revealJson(All)(credential)
        assert.include(json, canary)
        assert.strictEqual(JSON.parse(json)._tag, tag)
        assert.isTrue(Equal.equals(Credential.fromJson(All)(json), Either.right(credential)))
      }
      assert.include(Credential.revealJson(All, { pretty: true })(credentials.Basic), "\n    \"username\"")
    })

    it.prop(
      "survives a round trip through JSON with every user name and password that is accepted",
      [Credential.Basic],
      ([credential]) => {
        const again = Credential.fromJson(Credential.Basic)(Credential.revealJson(Credential.Basic)(credential))
        assert.isTrue(Equal.equals(again, Either.right(credential)))
      }
    )

    it.effect("is read from Config under a prefix", () =>
      Effect.gen(function*() {
        assert.isTrue(Equal.equals(yield* Credential.basicConfig("ACME"), credentials.Basic))
        assert.isTrue(Equal.equals(yield* Credential.bearerConfig("ACME"), credentials.Bearer))
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map([["ACME_USERNAME", "reader"], ["ACME_PASSWORD", canary], ["ACME_TOKEN", canary]])
      ))))

    it.effect("names a setting of Config that is missing or cannot be used in a ConfigError", () =>
      Effect.gen(function*() {
        const invalid = yield* Effect.flip(Credential.basicConfig("ACME"))
        assert.strictEqual(
          String(invalid),
          "(Invalid data at ACME_PASSWORD: \"must not contain control characters; there is white space around it\")"
        )
        assertSecretFree(invalid, [canary])
        const missing = yield* Effect.flip(Credential.bearerConfig("ACME"))
        assert.strictEqual(String(missing), "(Missing data at ACME_TOKEN: \"is not set\")")
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map([["ACME_USERNAME", "reader"], ["ACME_PASSWORD", `${canary}\n`]])
      ))))

    it.effect("is read by checkedConfig when another package defines it", () =>
      Effect.gen(function*() {
        const config = Credential.checkedConfig(
          "ACME",
          Config.all({ key: Config.redacted("ACME_KEY") }),
          ({ key }) => Credential.apiKey({ key, in: "header", name: "x-api-key" })
        )
        assert.isTrue(Equal.equals(yield* config, credentials.ApiKey))
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(new Map([["ACME_KEY", canary]])))))
  })

  describe("a credential as a value", () => {
    it("equals another with the same contents, and hashes alike", () => {
      const twin = new Credential.Basic({ username: "reader", password: Redacted.make(canary) })
      assert.isTrue(Equal.equals(credentials.Basic, twin))
      assert.strictEqual(Hash.hash(credentials.Basic), Hash.hash(twin))
    })

    it("differs when the name or the secret differs", () => {
      const { Basic } = Credential
      assert.isFalse(
        Equal.equals(credentials.Basic, new Basic({ username: "reader", password: Redacted.make("other") }))
      )
      assert.isFalse(Equal.equals(credentials.Basic, new Basic({ username: "writer", password: secret })))
    })

    it("finds what a map stores under an equal one", () => {
      const sessions = HashMap.make([credentials.Bearer, "session"])
      const bearer = (token: string) => new Credential.Bearer({ token: Redacted.make(token) })
      assert.isTrue(HashMap.has(sessions, bearer(canary)))
      assert.isFalse(HashMap.has(sessions, bearer("other")))
    })
  })

  describe("a printout", () => {
    it("shows no secret of a credential", () => {
      for (const credential of Object.values(credentials)) {
        assertSecretFree(credential, [canary])
        assert.include(String(credential), "<redacted>")
      }
    })

    it("shows no secret in the exception of a constructor, even if an untyped caller passes a raw secret", () => {
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

    it("shows no secret in the exception of Schema's own decoder, if the secret is in its field", () => {
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

    it("shows no secret in the failure of fromUnknown, wherever the secret is", () => {
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

    it("shows no secret of an exception that is not Schema's", () => {
      const result = Credential.construct(() => {
        throw new Error(canary)
      })
      assert.strictEqual(refusal(result), "credential: is invalid")
      assertSecretFree(result, [canary])
    })
  })
})
