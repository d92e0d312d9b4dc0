/**
 * Durations for settings, without bare numbers.
 *
 * @example
 * ```ts
 * import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
 * import * as Duration from "effect/Duration"
 *
 * const durations: ReadonlyArray<DurationWithUnit> = ["90 seconds", Duration.minutes(5)]
 * // const bare: DurationWithUnit = 90
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * A duration that states its unit: `"90 seconds"`, `Duration.minutes(5)`, `[seconds, nanos]`. Effect reads a bare number
 * as milliseconds where protocols state seconds, so a number does not compile here.
 *
 * @since 0.1.0
 * @category models
 */
export type DurationWithUnit = Exclude<Duration.DurationInput, number | bigint>
