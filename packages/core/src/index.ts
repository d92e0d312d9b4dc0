/**
 * Authenticated HTTP for Effect applications.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as AuthenticatedHttpClient from "./AuthenticatedHttpClient.ts"
/** @since 0.1.0 */
export * as Authenticator from "./Authenticator.ts"
/** @since 0.1.0 */
export * as AuthError from "./AuthError.ts"
/** @since 0.1.0 */
export * as AuthEvent from "./AuthEvent.ts"
/** @since 0.1.0 */
export * as AuthMode from "./AuthMode.ts"
/** @since 0.1.0 */
export * as Challenge from "./Challenge.ts"
/** @since 0.1.0 */
export * as Credential from "./Credential.ts"
/** @since 0.1.0 */
export * as MutualTls from "./MutualTls.ts"
/** @since 0.1.0 */
export * as OriginPolicy from "./OriginPolicy.ts"
/** @since 0.1.0 */
export * as RateLimit from "./RateLimit.ts"
/** @since 0.1.0 */
export * as RateLimitDialect from "./RateLimitDialect.ts"
/** @since 0.1.0 */
export * as RateLimitSignal from "./RateLimitSignal.ts"
/** @since 0.1.0 */
export * as Redirect from "./Redirect.ts"
/** @since 0.1.0 */
export * as RefreshPolicy from "./RefreshPolicy.ts"
/** @since 0.1.0 */
export * as ReplayPolicy from "./ReplayPolicy.ts"
/** @since 0.1.0 */
export * as Token from "./Token.ts"
/** @since 0.1.0 */
export * as TokenEndpoint from "./TokenEndpoint.ts"
/** @since 0.1.0 */
export * as TokenSource from "./TokenSource.ts"
/** @since 0.1.0 */
export * as TokenState from "./TokenState.ts"
/** @since 0.1.0 */
export * as TokenStore from "./TokenStore.ts"
