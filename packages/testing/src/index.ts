/**
 * For tests of programs that authenticate: fake servers of the three systems, a scripted client, a virtual clock, and a
 * detector of leaked secrets.
 *
 * @since 0.1.0
 */

/** @since 0.1.0 */
export * as AuthTest from "./AuthTest.ts"

/** @since 0.1.0 */
export * as AuthTimeline from "./AuthTimeline.ts"

/** @since 0.1.0 */
export * as FakeMqweb from "./FakeMqweb.ts"

/** @since 0.1.0 */
export * as FakeOAuth from "./FakeOAuth.ts"

/** @since 0.1.0 */
export * as FakePerson from "./FakePerson.ts"

/** @since 0.1.0 */
export * as FakeQualys from "./FakeQualys.ts"

/** @since 0.1.0 */
export * as FakeServer from "./FakeServer.ts"

/** @since 0.1.0 */
export * as FakeYamcs from "./FakeYamcs.ts"

/** @since 0.1.0 */
export * as Fault from "./Fault.ts"

/** @since 0.1.0 */
export * as LeakDetector from "./LeakDetector.ts"

/** @since 0.1.0 */
export * as RequestLog from "./RequestLog.ts"

/** @since 0.1.0 */
export * as ScriptedHttpClient from "./ScriptedHttpClient.ts"

/** @since 0.1.0 */
export * as VirtualClock from "./VirtualClock.ts"
