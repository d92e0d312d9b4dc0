/**
 * Tokens that are bound to a key (DPoP, RFC 9449): each request proves that its sender has the key, so that a token alone is
 * of no use to a thief.
 *
 * @since 0.1.0
 */
import type { SigningKey } from "./SigningKey.ts"

/**
 * - `Generated`: a key of its own for each source, kept beside the tokens that it is bound to, in a store as well
 * - `Given`: a key from elsewhere
 *
 * @since 0.1.0
 * @category models
 */
export type Dpop =
  & Options
  & (
    | { readonly _tag: "Generated" }
    | {
      readonly _tag: "Given"
      readonly key: SigningKey
      /** As a JWK, without a private member. */
      readonly publicKey: Readonly<Record<string, unknown>>
      readonly lasting: boolean
    }
  )

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether a bearer token is used where the server gives one all the same (RFC 9449 section 5). Default: no. */
  readonly orBearer?: boolean | undefined
}

/**
 * A key is generated, for the first of `ES256`, `ES384`, `EdDSA`, `PS256` and `RS256` that the server accepts.
 *
 * @example
 * ```ts
 * import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
 * import * as Dpop from "@effect-auth/oauth/Dpop"
 *
 * const AcmeLive = AuthorizationCode.layer({
 *   baseUrl: "https://api.acme.example",
 *   server: "https://login.acme.example",
 *   credential: { clientId: "acme-cli" },
 *   dpop: Dpop.generated()
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const generated = (options?: Options): Dpop => ({ _tag: "Generated", ...options })

/**
 * A key from elsewhere, such as one that cannot be exported. Tokens that are bound to it are stored only if it is `lasting`:
 * if the next process has the same key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const given = (
  key: SigningKey,
  options: Options & {
    /** As a JWK. */
    readonly publicKey: Readonly<Record<string, unknown>>
    /** Default: no. */
    readonly lasting?: boolean | undefined
  }
): Dpop => ({ _tag: "Given", key, ...options, lasting: options.lasting ?? false })
