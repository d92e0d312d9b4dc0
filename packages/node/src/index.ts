/**
 * Client certificates, TLS and proxies, token stores in files and with a key of the keychain, and logins in a browser for Node.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as ClientCertificate from "./ClientCertificate.ts"
/** @since 0.1.0 */
export * as FileTokenStore from "./FileTokenStore.ts"
/** @since 0.1.0 */
export * as Kerberos from "./Kerberos.ts"
/** @since 0.1.0 */
export * as KeychainTokenStore from "./KeychainTokenStore.ts"
/** @since 0.1.0 */
export * as LoopbackReceiver from "./LoopbackReceiver.ts"
/** @since 0.1.0 */
export * as SocketConnector from "./SocketConnector.ts"
/** @since 0.1.0 */
export * as SystemBrowser from "./SystemBrowser.ts"
/** @since 0.1.0 */
export * as TerminalLogin from "./TerminalLogin.ts"
/** @since 0.1.0 */
export * as TerminalPrompt from "./TerminalPrompt.ts"
/** @since 0.1.0 */
export * as Tls from "./Tls.ts"
