/**
 * How a client says at an authorization server who it is (RFC 6749 section 2.3, OpenID Connect Core section 9, RFC 8705).
 * One method for each request.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Random from "./internal/random.ts"
import type { AuthorizationServer } from "./internal/server.ts"
import type { SigningKey } from "./SigningKey.ts"
import * as Jwt from "./SigningKey.ts"

/**
 * One way to say who a client is.
 *
 * - `Basic`: the secret in HTTP Basic; `raw` for servers that do not decode it (RFC 6749 section 2.3.1 says they should)
 * - `Post`: the secret in the form
 * - `None`: a public client, which has no secret
 * - `PrivateKeyJwt`: an assertion that the client signs, anew for each attempt (RFC 7523)
 * - `Certificate`: what the transport presents (RFC 8705); use a transport of `@effect-auth/node`
 *
 * @since 0.1.0
 * @category models
 */
export interface ClientAuthentication {
  readonly _tag: "Basic" | "Post" | "None" | "PrivateKeyJwt" | "Certificate"
  /** Whether the transport presents a certificate, which servers may have endpoints of their own for. Default: no. */
  readonly withCertificate?: boolean | undefined
  /** Made anew for each attempt, because an assertion is accepted once. */
  readonly prove: (client: Client) => Effect.Effect<Proof, ExchangeError>
}

/**
 * Who is to be authenticated, where.
 *
 * @since 0.1.0
 * @category models
 */
export interface Client {
  /** Shown in errors. */
  readonly mode: string
  readonly server: AuthorizationServer
  /** Unknown, where an assertion says all there is to say. */
  readonly clientId: string | undefined
}

/**
 * What a method adds to a request.
 *
 * @since 0.1.0
 * @category models
 */
export interface Proof {
  readonly form: Readonly<Record<string, string>>
  /** The `Authorization` header. */
  readonly authorization?: string | undefined
}

/**
 * @since 0.1.0
 * @category constructors
 */
export const basic = (
  secret: Redacted.Redacted,
  options?: { readonly raw?: boolean | undefined }
): ClientAuthentication => ({
  _tag: "Basic",
  prove: (client) =>
    Effect.map(idOf(client), (clientId) => ({
      form: {},
      authorization: basicField(clientId, Redacted.value(secret), options?.raw === true)
    }))
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const post = (secret: Redacted.Redacted): ClientAuthentication => ({
  _tag: "Post",
  prove: (client) =>
    Effect.map(idOf(client), (clientId) => ({
      form: { client_id: clientId, client_secret: Redacted.value(secret) }
    }))
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const none: ClientAuthentication = { _tag: "None", prove: (client) => Effect.succeed(named(client)) }

/**
 * `audience` is the one string the server expects as `aud`. Default: its issuer; where that is unknown, its token endpoint,
 * which Entra, Okta and Google want in any case.
 *
 * @example
 * ```ts
 * import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
 * import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
 * import type { SigningKey } from "@effect-auth/oauth/SigningKey"
 *
 * declare const key: SigningKey
 *
 * const AcmeLive = ClientCredentials.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "reporting" },
 *   authentication: ClientAuthentication.privateKeyJwt(key)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = (
  key: SigningKey,
  options?: { readonly audience?: string | undefined }
): ClientAuthentication => ({
  _tag: "PrivateKeyJwt",
  prove: (client) =>
    Effect.gen(function*() {
      const { mode, server } = client
      const clientId = yield* idOf(client)
      const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
      const assertion = yield* Jwt.sign(key, {}, {
        iss: clientId,
        sub: clientId,
        aud: options?.audience ?? server.issuer ?? server.tokenEndpoint,
        iat: now,
        exp: now + assertionLifetime,
        jti: yield* Random.token
      }, { mode })
      return {
        form: {
          client_id: clientId,
          client_assertion_type: jwtBearer,
          client_assertion: Redacted.value(assertion)
        }
      }
    })
})

/**
 * @since 0.1.0
 * @category constructors
 */
export const certificate: ClientAuthentication = { ...none, _tag: "Certificate", withCertificate: true }

/**
 * A client that authenticates otherwise over a transport that presents a certificate, so that its tokens are bound to that:
 * the server's endpoints for certificates are used (RFC 8705 section 5).
 *
 * @example
 * ```ts
 * import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
 * import type { SigningKey } from "@effect-auth/oauth/SigningKey"
 *
 * declare const key: SigningKey
 *
 * const authentication = ClientAuthentication.withCertificate(ClientAuthentication.privateKeyJwt(key))
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withCertificate = (self: ClientAuthentication): ClientAuthentication => ({
  ...self,
  withCertificate: true
})

/**
 * The method for a secret, by what the server says it supports: in Basic, else in the form, else none. Without a secret:
 * none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const forSecret = (
  secret: Redacted.Redacted | undefined,
  { clientAuthentications }: AuthorizationServer
): ClientAuthentication =>
  secret === undefined
    ? none
    : clientAuthentications === undefined || clientAuthentications.includes("client_secret_basic")
    ? basic(secret)
    : clientAuthentications.includes("client_secret_post")
    ? post(secret)
    : clientAuthentications.includes("none")
    ? none
    : basic(secret)

/** An assertion can say all there is to say (RFC 7523 section 2.1), but not who a client is that authenticates. */
const idOf = ({ clientId, mode }: Client): Effect.Effect<string, ExchangeError> =>
  clientId === undefined
    ? new CredentialUnavailable({ mode, problem: "credential.clientId: is needed to authenticate", final: true })
    : Effect.succeed(clientId)

const named = ({ clientId }: Client): Proof => ({ form: clientId === undefined ? {} : { client_id: clientId } })

/** In seconds. */
const assertionLifetime = 60

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const basicField = (clientId: string, secret: string, raw: boolean): string =>
  `Basic ${Encoding.encodeBase64(raw ? `${clientId}:${secret}` : `${formEncoded(clientId)}:${formEncoded(secret)}`)}`

/** RFC 6749 appendix B. */
const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice("=".length)
