/** Every mode of this package, for the leak suite. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Digest from "../src/Digest.ts"
import * as Hmac from "../src/Hmac.ts"
import * as MessageSignature from "../src/MessageSignature.ts"
import * as SigV4 from "../src/SigV4.ts"
import * as WorkloadToken from "../src/WorkloadToken.ts"

export const secrets = {
  password: "canary password ?>/ wörd",
  secretKey: "canary-secret-access-key/0123456789",
  sessionToken: "canary-session-token/+0123456789==",
  sharedKey: "canary-shared-key-0123456789",
  token: "canary-workload-token-0123456789"
}

const key = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: Redacted.make(secrets.secretKey),
  sessionToken: Redacted.make(secrets.sessionToken)
}

const aws = { region: "eu-central-1", service: "s3", payload: "unsigned" } as const

/** The network, in front of which a server asks for Digest. */
const challenged = (options: Digest.Settings) => (setup: LeakDetector.Setup) =>
  Effect.flatMap(HttpClient.HttpClient, (network) =>
    Digest.make({
      ...setup,
      ...options,
      credential: { username: "reader", password: Redacted.make(secrets.password) }
    }).pipe(
      Effect.provideService(
        HttpClient.HttpClient,
        HttpClient.transform(network, (sent, request) =>
          "authorization" in request.headers ? sent : Effect.succeed(
            HttpClientResponse.fromWeb(
              request,
              new Response(null, {
                status: 401,
                headers: { "www-authenticate": "Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=SHA-256" }
              })
            )
          ))
      )
    ))

export const modes = {
  "Digest": LeakDetector.mode({ secrets, client: challenged({}) }),
  "Digest that verifies the server": LeakDetector.mode({
    secrets,
    client: challenged({ verifyServer: true }),
    mayEndWith: ["AuthenticationFailed"]
  }),
  "SigV4": LeakDetector.mode({
    secrets,
    client: (setup) => SigV4.make({ ...setup, ...aws, credential: key })
  }),
  "SigV4 with a key that expires": LeakDetector.mode({
    secrets,
    client: (setup) => SigV4.make({ ...setup, ...aws, credential: Effect.succeed(key) })
  }),
  "MessageSignature": LeakDetector.mode({
    secrets,
    client: (setup) =>
      MessageSignature.make({
        ...setup,
        components: ["@method", "@target-uri"],
        credential: { keyId: "k", algorithm: "hmac-sha256", key: Redacted.make(btoa(secrets.sharedKey)) }
      })
  }),
  "Hmac": LeakDetector.mode({
    secrets,
    client: (setup) =>
      Hmac.make({
        ...setup,
        credential: { keyId: "k", key: Redacted.make(secrets.sharedKey) },
        template: {
          signed: ["timestamp", "method", "target"],
          headers: { "x-signature": ["signature"] },
          query: { signature: ["signature"] }
        }
      })
  }),
  "WorkloadToken": LeakDetector.mode({
    secrets,
    client: (setup) => WorkloadToken.make({ ...setup, token: Effect.succeed(Redacted.make(secrets.token)) })
  }),
  "WorkloadToken from an endpoint": LeakDetector.mode({
    secrets,
    // the network answers the endpoint as it answers the API
    mayEndWith: ["TokenEndpointError", "MalformedTokenResponse", "CredentialsRejected"],
    client: (setup) =>
      Effect.flatMap(HttpClient.HttpClient, (network) =>
        WorkloadToken.make({
          ...setup,
          // over sockets, time is real
          refreshPolicy: RefreshPolicy.default.pipe(
            RefreshPolicy.retry(Schedule.recurs(1)),
            RefreshPolicy.timeout("1 second")
          ),
          token: Effect.provideService(
            WorkloadToken.fromEndpoint({
              url: `${setup.baseUrl}/token`,
              bearer: Redacted.make(secrets.token),
              member: "value"
            }),
            HttpClient.HttpClient,
            network
          )
        }))
  })
}
