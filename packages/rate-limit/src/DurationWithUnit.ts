/**
 * Durations for settings, without bare numbers.
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
