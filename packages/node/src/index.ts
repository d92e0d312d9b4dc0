/**
 * Client certificates, TLS and proxies, and a file-backed token store for Node.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as ClientCertificate from "./ClientCertificate.ts"
/** @since 0.1.0 */
export * as FileTokenStore from "./FileTokenStore.ts"
/** @since 0.1.0 */
export * as Tls from "./Tls.ts"
