/**
 * Authenticated HTTP for Effect applications.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as AuthenticatedHttpClient from "./AuthenticatedHttpClient.ts"

/** @since 0.1.0 */
export * as AuthenticatedSocket from "./AuthenticatedSocket.ts"

/** @since 0.1.0 */
export * as Authenticator from "./Authenticator.ts"

/** @since 0.1.0 */
export * as AuthError from "./AuthError.ts"

/** @since 0.1.0 */
export * as AuthEvent from "./AuthEvent.ts"

/** @since 0.1.0 */
export * as AuthMode from "./AuthMode.ts"

/** @since 0.1.0 */
export * as Browser from "./Browser.ts"

/** @since 0.1.0 */
export * as BrowserLogin from "./BrowserLogin.ts"

/** @since 0.1.0 */
export * as Challenge from "./Challenge.ts"

/** @since 0.1.0 */
export * as ClientCertificate from "./ClientCertificate.ts"

/** @since 0.1.0 */
export * as Credential from "./Credential.ts"

/** @since 0.1.0 */
export * as CredentialSource from "./CredentialSource.ts"

/** @since 0.1.0 */
export * as LoginPrompt from "./LoginPrompt.ts"

/** @since 0.1.0 */
export * as MutualTls from "./MutualTls.ts"

/** @since 0.1.0 */
export * as Negotiate from "./Negotiate.ts"

/** @since 0.1.0 */
export * as OriginPolicy from "./OriginPolicy.ts"

/** @since 0.1.0 */
export * as RedirectReceiver from "./RedirectReceiver.ts"

/** @since 0.1.0 */
export * as RefreshPolicy from "./RefreshPolicy.ts"

/** @since 0.1.0 */
export * as RequestCredentials from "./RequestCredentials.ts"

/** @since 0.1.0 */
export * as ResponseBody from "./ResponseBody.ts"
/** @since 0.1.0 */
export * as ServerMessage from "./ServerMessage.ts"

/** @since 0.1.0 */
export * as System from "./System.ts"

/** @since 0.1.0 */
export * as Token from "./Token.ts"

/** @since 0.1.0 */
export * as TokenEndpoint from "./TokenEndpoint.ts"

/** @since 0.1.0 */
export * as TokenSeal from "./TokenSeal.ts"

/** @since 0.1.0 */
export * as TokenSource from "./TokenSource.ts"

/** @since 0.1.0 */
export * as TokenStore from "./TokenStore.ts"

/** @since 0.1.0 */
export * as TokenStores from "./TokenStores.ts"

/** @since 0.1.0 */
export * as Transport from "./Transport.ts"

/** @since 0.1.0 */
export * as ReplayPolicy from "./ReplayPolicy.ts"
