/**
 * Tokens that are bound to a key (DPoP, RFC 9449): each request proves that its sender has the key, so that a token alone is
 * of no use to a thief.
 *
 * @since 0.1.0
 */
import type { Authenticator } from "@effect-auth/core/Authenticator"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import type { Binding, Bindings, Prove } from "./internal/binding.ts"
import * as Authenticators from "./internal/dpopAuthenticator.ts"
import * as KeyBindings from "./internal/dpopBindings.ts"
import type { SigningKey } from "./SigningKey.ts"

export type { Binding, Bindings, Prove }

/**
 * How tokens are bound to a key. A value of this brings all that it takes, so that a program which binds none contains none
 * of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Dpop extends Required<Options> {
  /**
   * Where the key is kept: beside the tokens, in a store as well; elsewhere, so that the next process has it too; or
   * nowhere, so that no token is stored.
   */
  readonly keeping: "WithToken" | "Elsewhere" | "Nowhere"
  /** What a `store` is refused with. */
  readonly unstorable?: InvalidSetting | undefined
  /** What binds the tokens of one source. */
  readonly bindings: (mode: string) => Bindings
  /** What sends them. */
  readonly authenticator: (mode: string, tokens: TokenSource) => Authenticator
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Whether a bearer token is used where the server gives one all the same (RFC 9449 section 5). Default: no. */
  readonly orBearer?: boolean | undefined
}

/**
 * A key is generated for each source, for the first of `ES256`, `ES384`, `EdDSA`, `PS256` and `RS256` that the server
 * accepts, and kept beside the tokens that are bound to it.
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
export const generated = ({ orBearer = false }: Options = {}): Dpop => ({
  orBearer,
  keeping: "WithToken",
  bindings: KeyBindings.generated,
  authenticator: (mode, tokens) => Authenticators.make(mode, tokens, { orBearer })
})

/**
 * A key from elsewhere, such as one that cannot be exported. Tokens that are bound to it are stored only if it is `lasting`:
 * if the next process has the same key.
 *
 * @since 0.1.0
 * @category constructors
 */
export const given = (
  key: SigningKey,
  { lasting = false, orBearer = false, publicKey }: Options & {
    /** As a JWK. Private members of it are not shown to anybody. */
    readonly publicKey: Readonly<Record<string, unknown>>
    /** Default: no. */
    readonly lasting?: boolean | undefined
  }
): Dpop => {
  const proofKey = KeyBindings.givenKey(key, publicKey)
  return {
    orBearer,
    ...(lasting ? { keeping: "Elsewhere" } : {
      keeping: "Nowhere",
      unstorable: new InvalidSetting({
        setting: "store",
        problem: "cannot keep tokens that are bound to a key which the next process does not have"
      })
    }),
    bindings: (mode) => KeyBindings.given(mode, proofKey),
    authenticator: (mode, tokens) => Authenticators.make(mode, tokens, { orBearer, given: proofKey })
  }
}
