/** Every mode of OAuth, for the leak suite. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as Assertion from "@effect-auth/oauth/Assertion"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as Device from "@effect-auth/oauth/Device"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as Mcp from "@effect-auth/oauth/Mcp"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { exportJWK, generateKeyPair } from "jose"
import { beforeAll, vi } from "vitest"
import { Person, person } from "./person.ts"
import "../../testing/test/synchronousCrypto.ts"

const random = new TextEncoder().encode("canary of 32 bytes, or 43 signs!")

/** States, verifiers and nonces are random: here they are known, so that they can be looked for. A call in each file. */
export const knownCrypto = (): void => {
  beforeAll(() => {
    vi.spyOn(globalThis.crypto, "getRandomValues").mockImplementation((array) => {
      if (array instanceof Uint8Array) array.set(random.slice(0, array.length))
      return array
    })
  })
}

const pair = await generateKeyPair("ES256", { extractable: true })
const jwk = await exportJWK(pair.privateKey)
const key = SigningKey.fromCryptoKey(pair.privateKey, { algorithm: "ES256" })

export const secrets = {
  clientSecret: "canary+client/secret=0123456789",
  code: "canary-code-0123456789",
  deviceCode: "canary-device-code-0123456789",
  // the verifier and the state
  random: Encoding.encodeBase64Url(random),
  refreshToken: "canary-refresh-token-0123456789",
  idToken: "canary-id-token-0123456789",
  accessToken: "canary-access-token-0123456789",
  assertion: "canary-assertion-0123456789",
  subject: "canary-subject-token-0123456789",
  privateKey: jwk.d ?? ""
}

const clientId = "reporting"
const credential = { clientId, clientSecret: Redacted.make(secrets.clientSecret) }

/** The second try of a login comes at once: over sockets, time is real. */
const refreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.retry(Schedule.recurs(1)),
  RefreshPolicy.interaction("500 millis")
)

const options = ({ baseUrl, redirects }: LeakDetector.Setup) => ({
  baseUrl,
  redirects,
  refreshPolicy,
  credential,
  server: {
    issuer: "https://as.acme.example",
    tokenEndpoint: `${baseUrl}/hostile/token`,
    authorizationEndpoint: "https://as.acme.example/authorize",
    deviceAuthorizationEndpoint: `${baseUrl}/hostile/device`
  }
})

type Options = ReturnType<typeof options>

const mode = (
  tokensOf: (options: Options) => OAuth.Tokens,
  more: Partial<LeakDetector.ModeOptions> & { readonly dpop?: Dpop.Dpop } = {}
) =>
  LeakDetector.mode({
    secrets,
    login: "POST /hostile/token",
    client: (setup) =>
      Effect.gen(function*() {
        const tokens = yield* tokensOf(options(setup))
        return {
          client: yield* OAuth.makeWith(tokens, { ...setup, dpop: more.dpop }),
          print: Effect.all([Effect.exit(tokens.get), tokens.state.get, Effect.succeed(options(setup).credential)])
        }
      }),
    ...more
  })

/** A person who pastes the code, and enters the one they are shown. */
const asked = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Person, ({ does }) =>
    Effect.zipRight(
      does((page) => `code=${secrets.code}&state=${page.searchParams.get("state")}&iss=https://as.acme.example`),
      self
    )).pipe(Effect.provide(person))

/** A session that began before, with all that can be kept of one. */
const kept = (type: string) =>
  Effect.gen(function*() {
    const store = yield* TokenStore.makeMemory
    const issuedAt = yield* DateTime.now
    yield* TokenStore.set(
      store,
      new Token.Token({
        value: Redacted.make(secrets.accessToken),
        type,
        issuedAt,
        expiresAt: DateTime.addDuration(issuedAt, Duration.hours(1)),
        refreshToken: Redacted.make(secrets.refreshToken),
        idToken: Redacted.make(secrets.idToken),
        ...(type === "DPoP" ? { key: Redacted.make(JSON.stringify({ ...jwk, alg: "ES256" })) } : undefined)
      })
    )
    // of whichever audience
    return { ...store, get: store.get }
  })

const dpop = Dpop.generated()

export const modes = {
  "client credentials, in Basic": mode((options) => ClientCredentials.makeTokens(options)),
  "client credentials, in the form": mode((options) =>
    ClientCredentials.makeTokens({ ...options, authentication: ClientAuthentication.post(credential.clientSecret) })
  ),
  "client credentials, by a key": mode((options) =>
    ClientCredentials.makeTokens({ ...options, authentication: ClientAuthentication.privateKeyJwt(key) })
  ),
  "a code": mode((options) => asked(AuthorizationCode.makeTokens(options))),
  "a refresh token": mode((options) =>
    RefreshToken.makeTokens({
      ...options,
      credential: { ...credential, refreshToken: Redacted.make(secrets.refreshToken) }
    }), { mayEndWith: ["CredentialsRejected"] }),
  "an assertion": mode((options) =>
    JwtBearer.makeTokens({ ...options, assertion: () => Effect.succeed(Redacted.make(secrets.assertion)) })
  ),
  "an assertion that is signed": mode((options) =>
    JwtBearer.makeTokens({ ...options, assertion: Assertion.signed({ key, issuer: clientId }) })
  ),
  "an exchanged token": mode((options) =>
    Effect.flatMap(
      TokenSource.make({ login: Effect.orDie(Token.make({ value: secrets.subject })) }),
      (subject) => TokenExchange.makeTokens({ ...options, subject, audience: "billing" })
    ), {
    // the hostile server does not say what it issues
    mayEndWith: ["MalformedTokenResponse"]
  }),
  "a code on another device": mode((options) => asked(Device.makeTokens(options)), {
    // the hostile server gives no code
    mayEndWith: ["MalformedTokenResponse", "TokenEndpointError", "CredentialsRejected", "InteractionRequired"]
  }),
  "a session that is bound to a key": mode(
    (options) =>
      Effect.flatMap(kept("DPoP"), (store) => asked(AuthorizationCode.makeTokens({ ...options, dpop, store }))),
    // the hostile server gives bearer tokens; a key is read on another thread, for which a virtual clock does not wait
    { dpop, mayEndWith: ["MalformedTokenResponse", "InteractionRequired"] }
  ),
  "an MCP server": LeakDetector.mode({
    secrets,
    client: ({ baseUrl, redirects }) =>
      asked(Mcp.make({ url: baseUrl, redirects, refreshPolicy, clients: { known: credential } })),
    // the hostile server has no metadata
    mayEndWith: ["Success", "MalformedTokenResponse", "TokenEndpointError", "InteractionRequired"]
  })
}
