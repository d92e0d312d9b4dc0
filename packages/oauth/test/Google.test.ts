import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as Google from "@effect-auth/oauth/Google"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { decodeProtectedHeader, jwtVerify } from "jose"
import { generateKeyPairSync } from "node:crypto"
import { inspect } from "node:util"

class Storage extends Context.Tag("test/Storage")<Storage, AuthenticatedHttpClient.Service>() {}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
const pem = String(privateKey.export({ type: "pkcs8", format: "pem" }))
const tokenUri = "https://oauth2.googleapis.com/token"
const keyFile = {
  type: "service_account",
  project_id: "acme",
  private_key_id: "key-1",
  private_key: pem,
  client_email: "robot@acme.iam.gserviceaccount.com",
  client_id: "1234",
  auth_uri: "https://accounts.google.com/o/oauth2/auth",
  token_uri: tokenUri,
  auth_provider_x509_cert_url: "https://www.googleapis.com/oauth2/v1/certs",
  universe_domain: "googleapis.com"
}
const read = (file: unknown) =>
  Google.fromKeyFile(Redacted.make(typeof file === "string" ? file : JSON.stringify(file)))
const credential = Either.getOrThrow(read(keyFile))
const options = { client: Storage, baseUrl: "https://storage.googleapis.com", credential, scope: ["one", "two"] }

const start = Date.UTC(2026, 0, 1)
const call = Effect.flatMap(Storage, (storage) => storage.get("/b"))

/** A program, the forms that were posted, and the tokens that calls were sent with. */
const running = <A, E, E2>(
  program: Effect.Effect<A, E, Storage>,
  layer: Layer.Layer<
    Storage,
    E2,
    ScriptedHttpClient.ScriptedHttpClient | HttpClient.HttpClient
  >,
  answers: ScriptedHttpClient.Script = ScriptedHttpClient.repeatLast({
    json: { access_token: "canary-1", expires_in: 3599, token_type: "Bearer" }
  }),
  calls: ScriptedHttpClient.Script = ScriptedHttpClient.repeatLast({ json: [] })
) =>
  Effect.gen(function*() {
    yield* TestClock.setTime(start)
    const client = yield* ScriptedHttpClient.ScriptedHttpClient
    const result = yield* Effect.either(Effect.provide(program, layer))
    const requests = yield* client.requests
    return {
      result,
      forms: requests.filter(({ line }) => line === "POST /token").map(({ body, url }) => ({
        to: url.href,
        form: Object.fromEntries(new URLSearchParams(body))
      })),
      tokens: requests.filter(({ line }) => line === "GET /b").map(({ headers }) => headers["authorization"])
    }
  }).pipe(
    Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({ "POST /token": answers, "GET /b": calls })))
  )

const verified = (jwt: string | undefined) =>
  Effect.promise(() => jwtVerify(jwt ?? "", publicKey, { currentDate: new Date(start) }))

describe("Google, key files", () => {
  it("JB6 reads a file as it was downloaded, and shows no key", () => {
    assert.deepStrictEqual(
      credential,
      new Google.ServiceAccount({
        clientEmail: keyFile.client_email,
        privateKey: Redacted.make(pem),
        privateKeyId: "key-1",
        tokenUri
      })
    )
    for (const text of [inspect(credential), JSON.stringify(credential), String(credential)]) {
      assert.notInclude(text, "PRIVATE KEY")
    }
  })

  it("JB6 reads a file that an editor has marked, with a byte order mark and lines at its end", () => {
    assert.isTrue(Either.isRight(read(`\uFEFF${JSON.stringify(keyFile)}\r\n`)))
  })

  it.each<[string, string]>([
    ["authorized_user", "`RefreshToken`"],
    ["external_account", "`TokenExchange`"],
    ["external_account_authorized_user", "`RefreshToken`"],
    ["impersonated_service_account", "not supported"],
    ["gdch_service_account", "not supported"],
    ["of_next_year", "not supported"]
  ])("JB6 names another type of file, and what to do with it: %s", (type, said) => {
    const error = Either.getOrThrow(Either.flip(read({ ...keyFile, type })))
    assert.strictEqual(error.setting, "credential.type")
    assert.include(error.problem, `is \`${type}\``)
    assert.include(error.problem, said)
  })

  it.each<[string, unknown, string]>([
    ["that is no JSON", `{"private_key":"canary-key`, "credential"],
    ["that is a list", ["canary-key"], "credential"],
    ["without a type", { ...keyFile, type: undefined }, "credential.type"],
    ["of a type that nobody knows", { ...keyFile, type: "canary-key" }, "credential.type"],
    ["without a key", { ...keyFile, private_key: undefined }, "credential.private_key"],
    ["with an empty key", { ...keyFile, private_key: " \n" }, "credential.private_key"],
    ["whose key is no text", { ...keyFile, private_key: ["canary-key"] }, "credential.private_key"],
    ["without an account", { ...keyFile, client_email: undefined }, "credential.client_email"],
    ["whose account is no text", { ...keyFile, client_email: { key: "canary-key" } }, "credential.client_email"]
  ])("JB6 says what is wrong with a file %s, and does not quote it", (_, file, setting) => {
    const error = Either.getOrThrow(Either.flip(read(file)))
    assert.strictEqual(error.setting, setting)
    assert.notInclude(error.message, "canary-key")
    assert.notInclude(error.message, "PRIVATE KEY")
  })
})

describe("Google, access tokens", () => {
  it.effect("JB4 signs who asks for which scope, for an hour, with the id of the key", () =>
    Effect.gen(function*() {
      const { forms, tokens } = yield* running(call, Google.layer(options))
      assert.deepStrictEqual(tokens, ["Bearer canary-1"])
      assert.strictEqual(forms[0]?.to, tokenUri)
      assert.deepStrictEqual(Object.keys(forms[0]?.form ?? {}), ["grant_type", "assertion"])
      assert.strictEqual(forms[0]?.form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")
      const jwt = forms[0]?.form["assertion"]
      const iat = start / 1000 - 10
      assert.deepStrictEqual((yield* verified(jwt)).payload, {
        scope: "one two",
        iss: keyFile.client_email,
        aud: tokenUri,
        iat,
        exp: iat + 3600
      })
      assert.deepStrictEqual(decodeProtectedHeader(jwt ?? ""), { typ: "JWT", kid: "key-1", alg: "RS256" })
    }))

  it.effect("JB4 acts for a user where the domain has delegated that", () =>
    Effect.gen(function*() {
      const { forms } = yield* running(call, Google.layer({ ...options, subject: "ada@acme.example" }))
      assert.deepInclude((yield* verified(forms[0]?.form["assertion"])).payload, { sub: "ada@acme.example" })
    }))

  it.effect("JB4 asks where the key file says, and signs for that", () =>
    Effect.gen(function*() {
      const other = "https://oauth2.universe.example/token"
      const moved = Either.getOrThrow(read({ ...keyFile, token_uri: other }))
      const { forms } = yield* running(call, Google.layer({ ...options, credential: moved }))
      assert.strictEqual(forms[0]?.to, other)
      assert.deepInclude((yield* verified(forms[0]?.form["assertion"])).payload, { aud: other })
    }))

  it.effect("SU3 signs for the scope that the API demands, beside its own", () =>
    Effect.gen(function*() {
      const { forms } = yield* running(call, Google.layer(options), undefined, [
        { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="three"` } },
        { json: [] }
      ])
      const scopes = yield* Effect.forEach(forms, ({ form }) =>
        Effect.map(verified(form["assertion"]), ({ payload }) => payload["scope"]))
      assert.deepStrictEqual(scopes, ["one two", "one two three"])
    }))

  it.effect("JB3 reads a key that is rotated at each login, but sends none elsewhere", () =>
    Effect.gen(function*() {
      const elsewhere = new Google.ServiceAccount({ ...credential, tokenUri: "https://evil.example/token" })
      const { forms } = yield* running(call, Google.layer({ ...options, credential: Effect.succeed(credential) }))
      assert.lengthOf(forms, 1)
      const moved = yield* running(call, Google.layer({ ...options, credential: Effect.succeed(elsewhere) }))
      assert.lengthOf(moved.forms, 0)
      assert.isTrue(Either.isLeft(moved.result) && moved.result.left._tag === "CredentialUnavailable")
    }))

  it.effect("JB6 says what is wrong with a key that cannot be read, and does not quote it", () =>
    Effect.gen(function*() {
      const broken = new Google.ServiceAccount({ ...credential, privateKey: Redacted.make("canary-key") })
      const { forms, result } = yield* running(call, Google.layer({ ...options, credential: broken }))
      assert.lengthOf(forms, 0)
      assert.isTrue(
        Either.isLeft(result) && result.left._tag === "InvalidSetting" &&
          result.left.setting === "credential.privateKey"
      )
      assert.notInclude(JSON.stringify(result), "canary-key")
      const later = yield* running(call, Google.layer({ ...options, credential: Effect.succeed(broken) }))
      assert.isTrue(Either.isLeft(later.result) && later.result.left._tag === "CredentialUnavailable")
      assert.notInclude(JSON.stringify(later), "canary-key")
    }))

  it.effect("JB8 sends what is refused once", () =>
    Effect.gen(function*() {
      const refusal = { status: 400, json: { error: "invalid_grant", error_description: "Invalid JWT Signature." } }
      const { forms, result } = yield* running(Effect.zipRight(Effect.either(call), call), Google.layer(options), [
        refusal
      ])
      assert.lengthOf(forms, 1)
      assert.isTrue(Either.isLeft(result) && result.left.message.includes("Invalid JWT Signature."))
    }))

  it.effect("RI3 keeps tokens of accounts, subjects and scopes apart", () =>
    Effect.gen(function*() {
      const exchanges = (changed: Partial<Google.Settings & { readonly credential: Google.ServiceAccount }>) =>
        Effect.gen(function*() {
          const store = yield* TokenStore.makeMemory
          yield* Effect.forEach([options, { ...options, ...changed }], (options) =>
            Effect.scoped(Effect.flatMap(Google.makeTokens({ ...options, store }), ({ get }) => get)))
          const { count } = yield* ScriptedHttpClient.ScriptedHttpClient
          return yield* count
        }).pipe(Effect.provide(ScriptedHttpClient.layer(
          ScriptedHttpClient.repeatLast({ json: { access_token: "canary-1", expires_in: 3599 } })
        )))
      const other = new Google.ServiceAccount({ ...credential, clientEmail: "other@acme.example" })
      assert.deepStrictEqual(
        yield* Effect.all([
          exchanges({}),
          exchanges({ subject: "ada@acme.example" }),
          exchanges({ scope: ["one"] }),
          exchanges({ credential: other })
        ]),
        [1, 2, 2, 2]
      )
    }))

  it.effect("reads its settings from Config", () =>
    Effect.gen(function*() {
      const layer = Google.layerConfig({
        baseUrl: Config.succeed(options.baseUrl),
        credential: Google.keyFileConfig("GOOGLE_CREDENTIALS"),
        scope: Config.succeed(["one"])
      }, { client: Storage })
      assert.lengthOf((yield* running(call, layer)).forms, 1)
    }).pipe(Effect.withConfigProvider(
      ConfigProvider.fromMap(new Map([["GOOGLE_CREDENTIALS", JSON.stringify(keyFile)]]))
    )))

  it.effect("JB6 names the variable whose key file cannot be used", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Google.keyFileConfig("GOOGLE_CREDENTIALS"))
      assert.include(String(error), "GOOGLE_CREDENTIALS")
      assert.include(String(error), "authorized_user")
    }).pipe(Effect.withConfigProvider(
      ConfigProvider.fromMap(new Map([["GOOGLE_CREDENTIALS", JSON.stringify({ ...keyFile, type: "authorized_user" })]]))
    )))
})

describe("Google, a key file that cannot be used", () => {
  it.effect.each<[string, object, string]>([
    ["whose key is cut off", { private_key: pem.slice(0, 300) }, "credential.privateKey: ends within a PEM block"],
    ["whose key is none", { private_key: "canary-key" }, "credential.privateKey: is no private key for RS256"],
    ["with an address that is none", { token_uri: "canary" }, "credential.tokenUri: is not an absolute URL"],
    [
      "with an address in the clear",
      { token_uri: "http://a.example" },
      "credential.tokenUri: http://a.example: credentials"
    ]
  ])(
    "JB6 fails the layer's start, such as one %s",
    ([, changed, said]) =>
      Effect.gen(function*() {
        const settings = {
          baseUrl: Config.succeed(options.baseUrl),
          credential: Google.keyFileConfig("GOOGLE_CREDENTIALS")
        }
        for (
          const layer of [
            Google.layerConfig({ ...settings, scope: Config.succeed(["one"]) }),
            Google.layerIdTokenConfig({ ...settings, audience: Config.succeed("https://run.acme.example") })
          ]
        ) {
          const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make({ json: {} }))
          const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.provide(layer, transport))))
          assert.include(String(error), said)
          assert.notInclude(JSON.stringify(error), "canary")
          assert.notInclude(JSON.stringify(error), pem.split("\n")[1] ?? pem)
        }
      }).pipe(Effect.withConfigProvider(
        ConfigProvider.fromMap(new Map([["GOOGLE_CREDENTIALS", JSON.stringify({ ...keyFile, ...changed })]]))
      ))
  )
})

describe("Google, ID tokens", () => {
  const audience = "https://run.acme.example"
  const jwt = (lifetime: number) =>
    [{ alg: "RS256" }, { iat: start / 1000 - 100, exp: start / 1000 - 100 + lifetime, aud: audience }]
      .map((part) => Encoding.encodeBase64Url(JSON.stringify(part))).join(".") + ".c2ln"
  const { scope: _, ...base } = options
  const layer = Google.layerIdToken({ ...base, audience })

  it.effect("JB5 signs for whom the token is, and sends the ID token itself", () =>
    Effect.gen(function*() {
      const { forms, tokens } = yield* running(call, layer, [{ json: { id_token: jwt(3600) } }])
      assert.deepStrictEqual(tokens, [`Bearer ${jwt(3600)}`])
      assert.deepStrictEqual(Object.keys(forms[0]?.form ?? {}), ["grant_type", "assertion"])
      const { payload } = yield* verified(forms[0]?.form["assertion"])
      assert.deepInclude(payload, { target_audience: audience, iss: keyFile.client_email, aud: tokenUri })
      assert.notProperty(payload, "scope")
    }))

  it.effect("JB5 takes the life of the token from itself", () =>
    Effect.gen(function*() {
      const program = Effect.zipRight(call, Effect.zipRight(TestClock.adjust("9 minutes"), call))
      const answers = [{ json: { id_token: jwt(600) } }, { json: { id_token: jwt(600) } }]
      const { forms } = yield* running(
        Effect.zipRight(program, Effect.zipRight(TestClock.adjust("1 minute"), call)),
        layer,
        answers
      )
      assert.lengthOf(forms, 2)
    }))

  it.effect.each<[string, ScriptedHttpClient.Reply, string]>([
    ["without an ID token", { json: { access_token: "canary-1" } }, "MalformedTokenResponse"],
    ["whose ID token is none", { json: { id_token: "canary" } }, "MalformedTokenResponse"],
    ["that is a refusal", { status: 400, json: { error: "invalid_grant" } }, "CredentialsRejected"]
  ])("JB5 sends nothing after an answer %s", ([, reply, tag]) =>
    Effect.gen(function*() {
      const refreshPolicy = RefreshPolicy.retry(RefreshPolicy.default, Schedule.stop)
      const { result, tokens } = yield* running(call, Google.layerIdToken({ ...base, audience, refreshPolicy }), [
        reply
      ])
      assert.deepStrictEqual(tokens, [])
      assert.strictEqual(Either.isLeft(result) ? result.left._tag : "", tag)
    }))
})
