import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Entra from "@effect-auth/oauth/Entra"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { decodeProtectedHeader, jwtVerify } from "jose"
import { execFileSync } from "node:child_process"
import { X509Certificate } from "node:crypto"
import { Acme, baseUrl, clientId, me } from "./fixtures.ts"

const tenant = "acme.example"
const endpoint = "https://login.microsoftonline.com/acme.example/oauth2/v2.0/token"
const resource = "https://graph.microsoft.com"
const credential = { clientId, clientSecret: Redacted.make("canary-secret") }
const answer = { json: { token_type: "Bearer", expires_in: 3599, access_token: "canary-1" } }

const asked = (script: ScriptedHttpClient.Script = ScriptedHttpClient.repeatLast(answer)) =>
  ScriptedHttpClient.layer(ScriptedHttpClient.routes({
    "POST /acme.example/oauth2/v2.0/token": script,
    "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
  }))

const exchanges = Effect.gen(function*() {
  const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
  return (yield* requests).filter(({ method }) => method === "POST").map(({ body, url }) => ({
    to: url.href,
    form: Object.fromEntries(new URLSearchParams(body))
  }))
})

describe("Entra", () => {
  it("VN4 knows the endpoints of a tenant, in any cloud", () => {
    const base = "https://login.microsoftonline.com/acme.example"
    assert.deepInclude(Entra.server({ tenant }), {
      tokenEndpoint: endpoint,
      authorizationEndpoint: `${base}/oauth2/v2.0/authorize`,
      deviceAuthorizationEndpoint: `${base}/oauth2/v2.0/devicecode`,
      jwksUri: `${base}/discovery/v2.0/keys`
    })
    assert.strictEqual(
      Entra.server({ tenant, authority: "https://login.microsoftonline.us/" }).tokenEndpoint,
      "https://login.microsoftonline.us/acme.example/oauth2/v2.0/token"
    )
    assert.strictEqual(
      Entra.server({ tenant: "../evil" }).tokenEndpoint,
      "https://login.microsoftonline.com/..%2Fevil/oauth2/v2.0/token"
    )
  })

  it.effect.each<[object, string]>([
    [{ tenant: " acme.example" }, "tenant: must be the id or the domain of a tenant"],
    [{ tenant: "acme\ud800" }, "tenant: must be the id or the domain of a tenant"],
    [{ tenant: "../evil" }, "tenant: must be the id or the domain of a tenant"],
    [{ authority: "login.microsoftonline.us" }, "authority: is not an absolute URL, such as https://host.example/path"],
    [{ authority: "https://login.microsoftonline.us/?a=1" }, "authority: must not have a query"],
    [
      { authority: "https://login.microsoftonline.us\n" },
      "authority: must not have white space around it or an invisible character in it"
    ]
  ])(
    "refuses a tenant that is none, by its name and not that of an endpoint made of it (%#)",
    ([changed, said]) =>
      Effect.gen(function*() {
        const subject = yield* TokenSource.make({ login: Effect.never })
        const layer = Entra.layer({ baseUrl, credential, tenant, subject, ...changed })
        const error = yield* Effect.flip(Layer.build(Layer.provide(layer, asked())))
        assert.strictEqual(error.message, said)
      }).pipe(Effect.scoped)
  )

  it.each([
    [resource, "https://graph.microsoft.com/.default"],
    ["api://orders", "api://orders/.default"],
    ["https://vault.azure.net/", "https://vault.azure.net//.default"]
  ])("CC3 VN4 asks for all that was granted of one resource: %s", (resource, expected) => {
    assert.deepStrictEqual(Entra.defaultScope(resource), [expected])
  })

  it.effect("CC3 VN4 logs in as an application, with the secret in the form", () =>
    Effect.gen(function*() {
      yield* me
      assert.deepStrictEqual(yield* exchanges, [{
        to: endpoint,
        form: {
          grant_type: "client_credentials",
          scope: "https://graph.microsoft.com/.default",
          client_id: clientId,
          client_secret: "canary-secret"
        }
      }])
    }).pipe(Effect.provide(Layer.provideMerge(
      ClientCredentials.layer({ client: Acme, baseUrl, credential, ...Entra.application({ tenant, resource }) }),
      asked()
    ))))

  it.effect("VN4 keeps Entra's own numbers and ids of what is wrong, each once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(me)
      assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", code: "invalid_client" })
      assert.include(
        error.message,
        "AADSTS7000215: Invalid client secret provided. Trace ID: 4a17 (suberror: bad_secret; correlation_id: 9c2e)"
      )
    }).pipe(Effect.provide(Layer.provide(
      ClientCredentials.layer({ client: Acme, baseUrl, credential, ...Entra.application({ tenant, resource }) }),
      asked([{
        status: 401,
        json: {
          error: "invalid_client",
          error_description: "AADSTS7000215: Invalid client secret provided. Trace ID: 4a17",
          error_codes: [7000215],
          suberror: "bad_secret",
          trace_id: "4a17",
          correlation_id: "9c2e"
        }
      }])
    ))))
})

describe("Entra, certificates", () => {
  const pem = execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=acme.example", "-keyout", "-", "-out", "-"]
  ], { stdio: ["ignore", "pipe", "ignore"] }).toString()
  const [privateKey = ""] = /-----BEGIN PRIVATE KEY-----[^-]*-----END PRIVATE KEY-----/u.exec(pem) ?? []
  const [certificate = ""] = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/u.exec(pem) ?? []
  const x509 = new X509Certificate(certificate)

  it.effect("VN4 CA7 CA8 signs an assertion for the token endpoint, with the certificate's SHA-256 in its header", () =>
    Effect.gen(function*() {
      const authentication = yield* Entra.certificate({ tenant, privateKey: Redacted.make(privateKey), certificate })
      yield* Effect.gen(function*() {
        yield* me
        const [exchange] = yield* exchanges
        const assertion = exchange?.form["client_assertion"] ?? ""
        assert.deepStrictEqual(decodeProtectedHeader(assertion), {
          typ: "JWT",
          alg: "PS256",
          "x5t#S256": Buffer.from(x509.fingerprint256.replaceAll(":", ""), "hex").toString("base64url")
        })
        const { payload } = yield* Effect.promise(() =>
          jwtVerify(assertion, x509.publicKey, { currentDate: new Date(0) })
        )
        assert.deepInclude(payload, { iss: clientId, sub: clientId, aud: endpoint })
        assert.notProperty(exchange?.form, "client_secret")
      }).pipe(Effect.provide(Layer.provideMerge(
        ClientCredentials.layer({
          client: Acme,
          baseUrl,
          credential: { clientId },
          authentication,
          ...Entra.application({ tenant, resource })
        }),
        asked()
      )))
    }))

  it.effect("CA12 reads a key and a certificate with line ends as in a variable", () =>
    Effect.gen(function*() {
      const asVariable = (pem: string) => pem.replaceAll("\n", "\\n")
      const authentication = yield* Entra.certificate({
        tenant,
        privateKey: Redacted.make(asVariable(privateKey)),
        certificate: asVariable(certificate)
      })
      const { form } = yield* authentication.prove({ mode: "Test", clientId, server: { tokenEndpoint: endpoint } })
      assert.strictEqual(
        decodeProtectedHeader(form["client_assertion"] ?? "")["x5t#S256"],
        Buffer.from(x509.fingerprint256.replaceAll(":", ""), "hex").toString("base64url")
      )
    }))

  it.effect.each<[string, { readonly privateKey?: string; readonly certificate?: string }, string]>([
    ["that is none", { certificate: "canary" }, "certificate"],
    ["that is empty", { certificate: "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----" }, "certificate"],
    ["whose key cannot be read", { privateKey: "canary" }, "key"]
  ])("VN4 takes no certificate %s, and does not quote it", ([, changed, setting]) =>
    Effect.gen(function*() {
      const given = { privateKey, certificate, ...changed }
      const error = yield* Effect.flip(
        Entra.certificate({ tenant, certificate: given.certificate, privateKey: Redacted.make(given.privateKey) })
      )
      assert.strictEqual(error.setting, setting)
      assert.notInclude(error.message, "canary")
    }))
})

describe("Entra, on behalf of a person", () => {
  /** A caller whose next token comes when its last one is refused. */
  const subject = Effect.flatMap(Ref.make(0), (count) =>
    TokenSource.make({
      login: Effect.flatMap(
        Ref.updateAndGet(count, (n) => n + 1),
        (n) => Token.make({ value: `canary-subject-${n}`, lifetime: "1 hour" })
      )
    }))
  const running = (script: ScriptedHttpClient.Script) =>
    Effect.gen(function*() {
      const result = yield* Effect.either(Effect.provide(
        me,
        Layer.unwrapScoped(Effect.map(subject, (subject) =>
          Entra.layer({
            client: Acme,
            baseUrl,
            tenant,
            credential,
            subject,
            scope: ["https://graph.microsoft.com/User.Read"]
          })))
      ))
      return { result, exchanges: yield* exchanges }
    }).pipe(Effect.provide(asked(script)))

  it.effect("TX6 exchanges the token with which the person called", () =>
    Effect.gen(function*() {
      const { exchanges } = yield* running([answer])
      assert.deepStrictEqual(exchanges, [{
        to: endpoint,
        form: {
          grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
          assertion: "canary-subject-1",
          requested_token_use: "on_behalf_of",
          scope: "https://graph.microsoft.com/User.Read",
          client_id: clientId,
          client_secret: "canary-secret"
        }
      }])
    }))

  it.effect("TX6 asks for another token of the person once when the first is not accepted", () =>
    Effect.gen(function*() {
      const refusal = { status: 400, json: { error: "invalid_grant", error_description: "AADSTS500133" } }
      const { exchanges, result } = yield* running([refusal, answer])
      assert.deepStrictEqual(exchanges.map(({ form }) => form["assertion"]), ["canary-subject-1", "canary-subject-2"])
      assert.strictEqual(result._tag, "Right")
      const twice = yield* running([refusal, refusal])
      assert.lengthOf(twice.exchanges, 2)
      assert.isTrue(twice.result._tag === "Left" && twice.result.left._tag === "CredentialsRejected")
    }))

  it.effect("TX6 ER5 hands on the claims that the person has to log in with", () =>
    Effect.gen(function*() {
      const claims = `{"access_token":{"capolids":{"essential":true,"values":["1"]}}}`
      const { exchanges, result } = yield* running([{ status: 400, json: { error: "interaction_required", claims } }])
      assert.lengthOf(exchanges, 1)
      assert.isTrue(
        result._tag === "Left" && result.left._tag === "InteractionRequired" && result.left.claims === claims
      )
    }))

  it.effect("ER5 knows by the suberror that a person has to act, where the code says that the grant has ended", () =>
    Effect.gen(function*() {
      const { exchanges, result } = yield* running([{
        status: 400,
        json: {
          error: "invalid_grant",
          suberror: "basic_action",
          error_description: "AADSTS50076: Use a second factor."
        }
      }])
      assert.lengthOf(exchanges, 1)
      assert.isTrue(result._tag === "Left" && result.left._tag === "InteractionRequired")
      assert.include(String(result), "AADSTS50076: Use a second factor. (suberror: basic_action)")
    }))
})
