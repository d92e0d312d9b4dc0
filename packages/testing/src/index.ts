/**
 * Fake servers that enforce the wire facts of the three systems, for users' tests and ours.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as FakeMqweb from "./FakeMqweb.ts"
/** @since 0.1.0 */
export * as FakeQualys from "./FakeQualys.ts"
/** @since 0.1.0 */
export * as FakeServer from "./FakeServer.ts"
/** @since 0.1.0 */
export * as FakeYamcs from "./FakeYamcs.ts"
/** @since 0.1.0 */
export * as LeakDetector from "./LeakDetector.ts"
