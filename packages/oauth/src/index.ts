/**
 * OAuth 2: every way to a token as a mode.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Assertion from "./Assertion.ts"

/** @since 0.1.0 */
export * as AuthorizationServer from "./AuthorizationServer.ts"

/** @since 0.1.0 */
export * as ClientAuthentication from "./ClientAuthentication.ts"

/** @since 0.1.0 */
export * as OAuth from "./OAuth.ts"

/** @since 0.1.0 */
export * as OAuthCredential from "./OAuthCredential.ts"

/** @since 0.1.0 */
export * as SigningKey from "./SigningKey.ts"
