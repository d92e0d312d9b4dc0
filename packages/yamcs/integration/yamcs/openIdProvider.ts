/** oidc-provider on loopback, with Yamcs as its client, which sends no verifier. */
import * as Effect from "effect/Effect"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Provider } from "oidc-provider"

const client = { id: "yamcs", secret: "canary-client-secret-yamcs" }

/**
 * What `OpenIDAuthModule` is told of it, and what it issued. `demandsPkce`: it refuses what comes without a challenge.
 * `idTokenLifetime`: in seconds.
 */
export const start = ({ demandsPkce = false, idTokenLifetime = 3600 } = {}) =>
  Effect.gen(function*() {
    const server = yield* Effect.acquireRelease(
      Effect.async<Http.Server>((resume) => {
        const server = Http.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
      }),
      (server) =>
        Effect.sync(() => {
          server.close()
          server.closeAllConnections()
        })
    )
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { privateKey } = Crypto.generateKeyPairSync("rsa", { modulusLength: 2048 })
    const provider = new Provider(issuer, {
      jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid: "server" }] },
      scopes: ["openid", "offline_access", "profile"],
      cookies: { keys: ["canary-cookie-key"] },
      clients: [{
        client_id: client.id,
        client_secret: client.secret,
        // any port of loopback
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/callback"],
        response_types: ["code"],
        grant_types: ["authorization_code", "refresh_token"],
        token_endpoint_auth_method: "client_secret_basic"
      }],
      // the server wants the name of the user in the ID token
      conformIdTokenClaims: false,
      claims: { openid: ["sub"], profile: ["name", "preferred_username"] },
      pkce: { required: () => demandsPkce },
      ttl: {
        AccessToken: 3600,
        AuthorizationCode: 60,
        Grant: 3600,
        IdToken: idTokenLifetime,
        Interaction: 600,
        Session: 3600
      },
      findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, name: sub, preferred_username: sub }) }),
      // Yamcs asks for no consent, without which `offline_access` would be ignored
      issueRefreshToken: () => true,
      features: { devInteractions: { enabled: true } }
    })
    let logins = 0
    provider.on("grant.success", () => logins++)
    const refusals: Array<string> = []
    provider.on("grant.error", (_, error) => refusals.push(error.error))
    const answer = provider.callback()
    let isDown = false
    server.on("request", (request, response) => void (isDown ? request.socket.destroy() : answer(request, response)))
    return {
      authModule: {
        class: "org.yamcs.security.OpenIDAuthModule",
        args: {
          authorizationEndpoint: `${issuer}/auth`,
          tokenEndpoint: `${issuer}/token`,
          clientId: client.id,
          clientSecret: client.secret,
          scope: "openid profile"
        }
      },
      /** Codes that Yamcs has redeemed, and the provider's refusals. */
      logins: Effect.sync(() => logins),
      refusals: Effect.sync(() => refusals.slice()),
      /** Whether it breaks connections, from now on. */
      down: (is: boolean) => Effect.sync(() => void (isDown = is))
    }
  })
