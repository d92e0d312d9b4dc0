/**
 * Authenticated access to Yamcs.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as Yamcs from "./Yamcs.ts"
/** @since 0.1.0 */
export * as YamcsApi from "./YamcsApi.ts"
/** @since 0.1.0 */
export * as YamcsCredential from "./YamcsCredential.ts"
/** @since 0.1.0 */
export * as YamcsError from "./YamcsError.ts"
/** @since 0.1.0 */
export * as YamcsSubscription from "./YamcsSubscription.ts"
