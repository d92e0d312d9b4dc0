/**
 * OAuth 2: every way to a token as a mode.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Assertion from "./Assertion.ts"

/** @since 0.1.0 */
export * as AuthorizationCode from "./AuthorizationCode.ts"

/** @since 0.1.0 */
export * as AuthorizationRequest from "./AuthorizationRequest.ts"

/** @since 0.1.0 */
export * as AuthorizationServer from "./AuthorizationServer.ts"

/** @since 0.1.0 */
export * as ClientAuthentication from "./ClientAuthentication.ts"

/** @since 0.1.0 */
export * as ClientCredentials from "./ClientCredentials.ts"

/** @since 0.1.0 */
export * as ClientMetadata from "./ClientMetadata.ts"

/** @since 0.1.0 */
export * as Device from "./Device.ts"

/** @since 0.1.0 */
export * as Dpop from "./Dpop.ts"

/** @since 0.1.0 */
export * as Entra from "./Entra.ts"

/** @since 0.1.0 */
export * as GitHubApp from "./GitHubApp.ts"

/** @since 0.1.0 */
export * as Google from "./Google.ts"

/** @since 0.1.0 */
export * as IdToken from "./IdToken.ts"

/** @since 0.1.0 */
export * as JwtBearer from "./JwtBearer.ts"

/** @since 0.1.0 */
export * as Mcp from "./Mcp.ts"

/** @since 0.1.0 */
export * as OAuth from "./OAuth.ts"

/** @since 0.1.0 */
export * as OAuthCredential from "./OAuthCredential.ts"

/** @since 0.1.0 */
export * as ProtectedResource from "./ProtectedResource.ts"

/** @since 0.1.0 */
export * as RefreshToken from "./RefreshToken.ts"

/** @since 0.1.0 */
export * as RegisteredClients from "./RegisteredClients.ts"

/** @since 0.1.0 */
export * as Registration from "./Registration.ts"

/** @since 0.1.0 */
export * as SigningKey from "./SigningKey.ts"

/** @since 0.1.0 */
export * as TokenExchange from "./TokenExchange.ts"
