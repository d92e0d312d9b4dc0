/**
 * Authenticated access to Qualys.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Platform from "./Platform.ts"
/** @since 0.1.0 */
export * as Qualys from "./Qualys.ts"
