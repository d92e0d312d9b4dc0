/** Credentials that are made for each request: Digest, AWS Signature Version 4, message signatures, schemes of one's own. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as AwsCredentials from "@effect-auth/signing/AwsCredentials"
import * as Digest from "@effect-auth/signing/Digest"
import * as Hmac from "@effect-auth/signing/Hmac"
import * as MessageSignature from "@effect-auth/signing/MessageSignature"
import * as SigningCredential from "@effect-auth/signing/SigningCredential"
import * as SigV4 from "@effect-auth/signing/SigV4"
import * as WorkloadToken from "@effect-auth/signing/WorkloadToken"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { FileSystem } from "@effect/platform"
import { NodeContext } from "@effect/platform-node"
import { Config, ConfigProvider, Context, Effect, Layer, Redacted, Stream } from "effect"
import { deepStrictEqual, match, ok } from "node:assert"

// #region digest
class Camera extends Context.Tag("app/Camera")<Camera, AuthenticatedHttpClient.Service>() {}

const CameraLive = Digest.layerConfig({
  baseUrl: Config.string("CAMERA_URL"),
  credential: SigningCredential.digestConfig("CAMERA") // CAMERA_USERNAME, CAMERA_PASSWORD
}, { client: Camera })
// #endregion

// #region sigv4
class Reports extends Context.Tag("app/Reports")<Reports, AuthenticatedHttpClient.Service>() {}

const ReportsLive = SigV4.layerConfig({
  baseUrl: Config.succeed("https://reports.s3.eu-central-1.amazonaws.com"),
  region: Config.string("AWS_REGION"),
  service: Config.succeed("s3"),
  credential: SigningCredential.sigV4Config("AWS") // AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN
}, { client: Reports })
// #endregion

// #region expiring
const OnInstances = SigV4.layer({
  client: Reports,
  baseUrl: "https://reports.s3.eu-central-1.amazonaws.com",
  region: "eu-central-1",
  service: "s3",
  credential: AwsCredentials.instanceMetadata()
})

const ByCommand = SigV4.layer({
  client: Reports,
  baseUrl: "https://reports.s3.eu-central-1.amazonaws.com",
  region: "eu-central-1",
  service: "s3",
  credential: AwsCredentials.process({
    command: ["/usr/local/bin/aws-vault", "export", "--format=json", "reports"],
    allow: ["/usr/local/bin/aws-vault"]
  })
}).pipe(Layer.provide(NodeContext.layer))
// #endregion

// #region presign
const link = Effect.flatMap(SigningCredential.sigV4Config("AWS"), (credential) =>
  SigV4.presign({
    url: "https://reports.s3.eu-central-1.amazonaws.com/2026/november.pdf",
    region: "eu-central-1",
    service: "s3",
    expiresIn: "15 minutes",
    credential
  }))
// #endregion

// #region messages
class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const AcmeLive = MessageSignature.layerConfig({
  baseUrl: Config.string("ACME_URL"),
  credential: SigningCredential.messageSignatureConfig("ACME") // ACME_KEY_ID, ACME_KEY, ACME_ALGORITHM
}, {
  client: Acme,
  components: ["@method", "@authority", "@path", "@query", { name: "content-digest", ifPresent: true }],
  lifetime: "5 minutes"
})
// #endregion

// #region hmac
class Exchange extends Context.Tag("app/Exchange")<Exchange, AuthenticatedHttpClient.Service>() {}

const ExchangeLive = Hmac.layerConfig({
  baseUrl: Config.string("EXCHANGE_URL"),
  credential: SigningCredential.hmacConfig("EXCHANGE") // EXCHANGE_KEY_ID, EXCHANGE_KEY
}, {
  client: Exchange,
  template: {
    key: "base64",
    signed: ["timestamp", "method", "target", "body"],
    encoding: "base64",
    headers: { "x-key": ["keyId"], "x-timestamp": ["timestamp"], "x-signature": [{ text: "v1=" }, "signature"] }
  }
})
// #endregion

// #region workload
const InCluster = WorkloadToken.layer({
  client: Acme,
  baseUrl: "https://acme.internal.example",
  token: WorkloadToken.fromFile("/var/run/secrets/tokens/acme")
}).pipe(Layer.provide(NodeContext.layer))
// #endregion

// #region workload-assertion
const server = { issuer: "https://login.acme.example", tokenEndpoint: "https://login.acme.example/token" }
const file = WorkloadToken.fromFile("/var/run/secrets/tokens/acme")

const ByAssertion = Layer.unwrapEffect(
  Effect.map(Effect.context<FileSystem.FileSystem>(), (context) =>
    JwtBearer.layer({
      client: Acme,
      baseUrl: "https://acme.example",
      server,
      assertion: () => Effect.provide(file, context) // read at each exchange
    }))
)
// #endregion

// #region workload-exchange
const ByExchange = Layer.unwrapScoped(
  Effect.map(WorkloadToken.makeTokens({ token: file }), (subject) =>
    TokenExchange.layer({
      client: Acme,
      baseUrl: "https://acme.example",
      server,
      credential: { clientId: "reporting", clientSecret: Redacted.make("...") },
      subject,
      subjectTokenType: "urn:ietf:params:oauth:token-type:jwt"
    }))
)
// #endregion

const settings = ConfigProvider.fromMap(
  new Map([
    ["CAMERA_URL", "https://camera.example"],
    ["CAMERA_USERNAME", "viewer"],
    ["CAMERA_PASSWORD", "canary-password"],
    ["AWS_REGION", "eu-central-1"],
    ["AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"],
    ["AWS_SECRET_ACCESS_KEY", "canary-secret"],
    ["ACME_URL", "https://acme.example"],
    ["ACME_KEY_ID", "reporting"],
    ["ACME_KEY", btoa("canary-key")],
    ["ACME_ALGORITHM", "hmac-sha256"],
    ["EXCHANGE_URL", "https://exchange.example"],
    ["EXCHANGE_KEY_ID", "reporting"],
    ["EXCHANGE_KEY", btoa("canary-key")]
  ])
)

export const test = Effect.gen(function*() {
  yield* Effect.flatMap(Camera, (camera) => camera.get("/snapshot")).pipe(Effect.provide(CameraLive))
  yield* Effect.flatMap(Reports, (reports) => reports.get("/")).pipe(Effect.provide(ReportsLive))
  yield* Effect.flatMap(Acme, (acme) => acme.get("/")).pipe(Effect.provide(AcmeLive))
  yield* Effect.flatMap(Exchange, (exchange) => exchange.get("/")).pipe(Effect.provide(ExchangeLive))
  match(Redacted.value(yield* link), /X-Amz-Expires=900/u)
  ok([OnInstances, ByCommand, InCluster].every(Layer.isLayer))
  const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
  const sent = yield* requests
  deepStrictEqual(sent.map(({ headers }) => headers["authorization"]?.split(" ")[0]), [
    undefined,
    "Digest",
    "AWS4-HMAC-SHA256",
    undefined,
    undefined
  ])
  match(sent[3]?.headers["signature-input"] ?? "", /^sig=\("@method" "@authority" "@path" "@query"\)/u)
  match(sent[4]?.headers["x-signature"] ?? "", /^v1=/u)
  const files = FileSystem.layerNoop({ stream: () => Stream.succeed(new TextEncoder().encode("canary-projected\n")) })
  for (const layer of [ByAssertion, ByExchange]) {
    yield* Effect.flatMap(Acme, (acme) => acme.get("/")).pipe(Effect.provide(Layer.provide(layer, files)))
  }
  const [, , , , , assertion, , exchange, last] = (yield* requests).map(({ body, headers }) => ({
    form: new URLSearchParams(body),
    authorization: headers["authorization"]
  }))
  deepStrictEqual(assertion?.form.get("assertion"), "canary-projected")
  deepStrictEqual(exchange?.form.get("subject_token"), "canary-projected")
  deepStrictEqual(last?.authorization, "Bearer canary-token")
}).pipe(
  Effect.withConfigProvider(settings),
  Effect.provide(
    ScriptedHttpClient.layer(({ headers, url }) =>
      url.hostname === "camera.example" && !("authorization" in headers)
        ? { status: 401, headers: { "www-authenticate": "Digest realm=\"camera\", nonce=\"n\", qop=\"auth\"" } }
        : url.hostname === "login.acme.example"
        ? {
          json: {
            access_token: "canary-token",
            token_type: "Bearer",
            issued_token_type: "urn:ietf:params:oauth:token-type:access_token"
          }
        }
        : { body: "ok" }
    )
  )
)
