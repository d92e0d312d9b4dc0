/**
 * Authenticated access to the REST API of IBM MQ.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as IbmMq from "./IbmMq.ts"
/** @since 0.1.0 */
export * as MqCredential from "./MqCredential.ts"
/** @since 0.1.0 */
export * as MqError from "./MqError.ts"
/** @since 0.1.0 */
export * as Mqsc from "./Mqsc.ts"
/** @since 0.1.0 */
export * as MqUser from "./MqUser.ts"
