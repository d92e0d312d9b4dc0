/**
 * One exchange at a token endpoint that answers at once from memory, beside other clients of OAuth: each as its own
 * documentation says, over its own way of replacing the transport.
 */
import { ConfidentialClientApplication } from "@azure/msal-node"
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { refreshAuthorization } from "@modelcontextprotocol/sdk/client/auth.js"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { OAuth2Client as GoogleClient } from "google-auth-library"
import * as oauth from "oauth4webapi"
import * as openid from "openid-client"
import type { Run } from "./Measure.ts"
import { interleave, spread, warmUp } from "./Measure.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

const issuer = "https://as.bench.test"
const tokenEndpoint = `${issuer}/token`
const clientId = "bench"
const clientSecret = "canary-secret"
const refreshToken = "canary-refresh"
const hidden = Redacted.make(clientSecret)

const answer = {
  access_token: "canary-token-0123456789abcdef0123456789abcdef",
  token_type: "Bearer",
  expires_in: 3600
}
const text = JSON.stringify(answer)

const fetchStub = (): Promise<Response> =>
  Promise.resolve(new Response(text, { headers: { "content-type": "application/json" } }))

const transport = FetchHttpClient.layer.pipe(Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetchStub)))

/** A source of its own for each exchange, because a source makes none that is not needed. */
const ours = (
  make: Effect.Effect<TokenSource.TokenSource, unknown, Scope.Scope | Layer.Layer.Success<typeof transport>>
): Run => {
  const once = Effect.scoped(Effect.flatMap(make, (tokens) => tokens.get))
  return (operations) => Effect.runPromise(Effect.provide(Effect.repeatN(once, operations - 1), transport))
}

const settings = { baseUrl: "https://api.bench.test", server: { tokenEndpoint } }

const loop = (exchange: () => Promise<unknown>): Run => async (operations) => {
  for (let done = 0; done < operations; done++) await exchange()
}

const openidClient = (): Run => {
  const config = new openid.Configuration({ issuer, token_endpoint: tokenEndpoint }, clientId, clientSecret)
  config[openid.customFetch] = fetchStub
  return loop(() => openid.clientCredentialsGrant(config))
}

const oauth4webapi = (): Run => {
  const server = { issuer, token_endpoint: tokenEndpoint }
  const client = { client_id: clientId }
  const authentication = oauth.ClientSecretBasic(clientSecret)
  return loop(async () => {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, new URLSearchParams(), {
      [oauth.customFetch]: fetchStub
    })
    return oauth.processClientCredentialsResponse(server, client, response)
  })
}

const msal = (): Run => {
  const authority = "https://login.microsoftonline.com/bench"
  const send = () => Promise.resolve({ headers: {}, body: { ...answer } as never, status: 200 })
  const application = new ConfidentialClientApplication({
    auth: {
      clientId,
      clientSecret,
      authority,
      authorityMetadata: JSON.stringify({
        issuer: `${authority}/v2.0`,
        authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
        token_endpoint: `${authority}/oauth2/v2.0/token`,
        jwks_uri: `${authority}/discovery/v2.0/keys`
      })
    },
    system: { networkClient: { sendGetRequestAsync: send, sendPostRequestAsync: send } }
  })
  return loop(() =>
    application.acquireTokenByClientCredential({ scopes: ["https://api.bench.test/.default"], skipCache: true })
  )
}

const google = (): Run => {
  const client = new GoogleClient({
    clientId,
    clientSecret,
    endpoints: { oauth2TokenUrl: tokenEndpoint },
    transporterOptions: { fetchImplementation: fetchStub }
  })
  return loop(() => {
    client.setCredentials({ refresh_token: refreshToken })
    return client.getAccessToken()
  })
}

const mcp = (): Run =>
  loop(() =>
    refreshAuthorization(issuer, {
      clientInformation: { client_id: clientId, client_secret: clientSecret },
      metadata: {
        issuer,
        token_endpoint: tokenEndpoint,
        authorization_endpoint: `${issuer}/authorize`,
        response_types_supported: ["code"]
      },
      refreshToken,
      fetchFn: fetchStub
    })
  )

const measure = async (): Promise<Result> => {
  const runs: ReadonlyArray<readonly [string, Run]> = [
    [credentials, ours(ClientCredentials.makeTokens({ ...settings, credential: { clientId, clientSecret: hidden } }))],
    [
      refresh,
      ours(
        RefreshToken.makeTokens({
          ...settings,
          credential: { clientId, clientSecret: hidden, refreshToken: Redacted.make(refreshToken) }
        })
      )
    ],
    ["openid-client, client credentials", openidClient()],
    ["oauth4webapi, client credentials", oauth4webapi()],
    ["@azure/msal-node, client credentials", msal()],
    ["google-auth-library, refresh token", google()],
    ["@modelcontextprotocol/sdk, refresh token", mcp()]
  ]
  await warmUp(runs, 1000)
  const samples = await interleave(runs, { rounds: 60, millis: 15 })
  const of = (name: string) => samples[name] ?? []
  return {
    title: "one exchange at a token endpoint that answers at once",
    columns: ["client and grant", "CPU µs (quartiles)", "µs"],
    rows: runs.map(([name]): ReadonlyArray<Cell> => [
      name,
      spread(of(name).map(({ cpu }) => cpu / 1000)),
      spread(of(name).map(({ wall }) => wall / 1000)).median
    ]),
    goals: [
      atMost("ms of CPU for an exchange", spread(of(credentials).map(({ cpu }) => cpu / 1e6)).median, 2, whole),
      atMost("ms of CPU for a refresh", spread(of(refresh).map(({ cpu }) => cpu / 1e6)).median, 2, whole)
    ],
    notes: [
      "effect-auth: with a source of tokens that is made for the exchange and ended after it, its span, its events, its retries " +
      "and its timeouts. The others: the exchange alone; MSAL keeps the token, the others leave that to their user."
    ]
  }
}

const whole =
  "More than a thousand effects: timeouts, each a race of two fibers, and a body that is read in parts so that it is " +
  "bounded in bytes and time."

const credentials = "effect-auth, client credentials"
const refresh = "effect-auth, refresh token"

export const run: Effect.Effect<Result> = Effect.promise(measure)
