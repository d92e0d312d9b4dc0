/**
 * Authenticated access to Qualys.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Platform from "./Platform.ts"
/** @since 0.1.0 */
export * as Qualys from "./Qualys.ts"
/** @since 0.1.0 */
export * as QualysAccess from "./QualysAccess.ts"
/** @since 0.1.0 */
export * as QualysCredential from "./QualysCredential.ts"
/** @since 0.1.0 */
export * as QualysError from "./QualysError.ts"
/** @since 0.1.0 */
export * as QualysQuota from "./QualysQuota.ts"
/** @since 0.1.0 */
export * as QualysRateLimit from "./QualysRateLimit.ts"
