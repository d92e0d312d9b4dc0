/**
 * Credentials made for each request: what cannot be a token.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as AwsCredentials from "./AwsCredentials.ts"

/** @since 0.1.0 */
export * as Digest from "./Digest.ts"

/** @since 0.1.0 */
export * as Hmac from "./Hmac.ts"

/** @since 0.1.0 */
export * as MessageSignature from "./MessageSignature.ts"

/** @since 0.1.0 */
export * as SigV4 from "./SigV4.ts"

/** @since 0.1.0 */
export * as SigningCredential from "./SigningCredential.ts"

/** @since 0.1.0 */
export * as WorkloadToken from "./WorkloadToken.ts"
