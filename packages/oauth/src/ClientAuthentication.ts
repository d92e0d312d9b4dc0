/**
 * How a client says at an authorization server who it is (RFC 6749 section 2.3, OpenID Connect Core section 9, RFC 8705).
 * One method for each request.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Redacted from "effect/Redacted"
import * as Random from "./internal/random.ts"
import type { AuthorizationServer } from "./internal/server.ts"
import type { SigningKey } from "./SigningKey.ts"
import * as Jwt from "./SigningKey.ts"

/**
 * - `Basic`: the secret in HTTP Basic; `raw` for servers that do not decode it (RFC 6749 section 2.3.1 says they should)
 * - `Post`: the secret in the form
 * - `None`: a public client, which has no secret
 * - `PrivateKeyJwt`: an assertion that the client signs, anew for each attempt (RFC 7523)
 * - `Certificate`: what the transport presents (RFC 8705); use a transport of `@effect-auth/node`
 *
 * @since 0.1.0
 * @category models
 */
export type ClientAuthentication =
  | { readonly _tag: "Basic"; readonly secret: Redacted.Redacted; readonly raw: boolean }
  | { readonly _tag: "Post"; readonly secret: Redacted.Redacted }
  | { readonly _tag: "None" }
  | { readonly _tag: "PrivateKeyJwt"; readonly key: SigningKey; readonly audience: string | undefined }
  | { readonly _tag: "Certificate" }

/**
 * @since 0.1.0
 * @category constructors
 */
export const basic = (
  secret: Redacted.Redacted,
  options?: { readonly raw?: boolean | undefined }
): ClientAuthentication => ({ _tag: "Basic", secret, raw: options?.raw ?? false })

/**
 * @since 0.1.0
 * @category constructors
 */
export const post = (secret: Redacted.Redacted): ClientAuthentication => ({ _tag: "Post", secret })

/**
 * @since 0.1.0
 * @category constructors
 */
export const none: ClientAuthentication = { _tag: "None" }

/**
 * `audience` is the one string the server expects as `aud`. Default: its issuer; where that is unknown, its token endpoint,
 * which Entra, Okta and Google want in any case.
 *
 * @since 0.1.0
 * @category constructors
 */
export const privateKeyJwt = (
  key: SigningKey,
  options?: { readonly audience?: string | undefined }
): ClientAuthentication => ({ _tag: "PrivateKeyJwt", key, audience: options?.audience })

/**
 * @since 0.1.0
 * @category constructors
 */
export const certificate: ClientAuthentication = { _tag: "Certificate" }

/**
 * The method for a secret, by what the server says it supports: in Basic, else in the form. Without a secret: none.
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
    : clientAuthentications === undefined || clientAuthentications.includes("client_secret_basic") ||
        !clientAuthentications.includes("client_secret_post")
    ? basic(secret)
    : post(secret)

/**
 * What a method adds to a request.
 *
 * @internal
 */
export interface Proof {
  readonly form: Readonly<Record<string, string>>
  readonly authorization: string | undefined
}

/**
 * Made anew for each attempt, because an assertion is accepted once.
 *
 * @internal
 */
export const prove = (
  method: ClientAuthentication,
  clientId: string | undefined,
  server: AuthorizationServer,
  mode: string
): Effect.Effect<Proof, ExchangeError> => {
  switch (method._tag) {
    case "Basic":
      return Effect.succeed({
        form: {},
        authorization: basicField(clientId ?? "", Redacted.value(method.secret), method.raw)
      })
    case "Post":
      return Effect.succeed(inForm({ client_id: clientId ?? "", client_secret: Redacted.value(method.secret) }))
    case "None":
    case "Certificate":
      return Effect.succeed(inForm(clientId === undefined ? {} : { client_id: clientId }))
    case "PrivateKeyJwt":
      return Effect.gen(function*() {
        const now = Math.floor((yield* Clock.currentTimeMillis) / 1000)
        const assertion = yield* Jwt.sign(method.key, {}, {
          iss: clientId,
          sub: clientId,
          aud: method.audience ?? server.issuer ?? server.tokenEndpoint,
          iat: now,
          exp: now + assertionLifetime,
          jti: yield* Random.token
        }, { mode })
        return inForm({
          client_id: clientId ?? "",
          client_assertion_type: jwtBearer,
          client_assertion: Redacted.value(assertion)
        })
      })
  }
}

const inForm = (form: Proof["form"]): Proof => ({ form, authorization: undefined })

/** In seconds. */
const assertionLifetime = 60

const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const basicField = (clientId: string, secret: string, raw: boolean): string =>
  `Basic ${Encoding.encodeBase64(raw ? `${clientId}:${secret}` : `${formEncoded(clientId)}:${formEncoded(secret)}`)}`

/** RFC 6749 appendix B. */
const formEncoded = (text: string): string => new URLSearchParams([["", text]]).toString().slice("=".length)
