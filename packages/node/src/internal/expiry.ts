/** When to warn of a certificate's expiry: once at each threshold, and once when it has expired. Pure. */

const day = 86_400_000

/** Days from `now` to `notAfter`, both in epoch milliseconds; not positive once it has expired. */
export const daysLeft = (notAfter: number, now: number): number => (notAfter - now) / day

/**
 * The threshold in days that has been reached, unless it was warned of already. `warned` is the last threshold warned of,
 * `Infinity` for none. Of several that are reached at once, only the nearest counts.
 */
export const due = (left: number, thresholds: ReadonlyArray<number>, warned: number): number | undefined => {
  const reached = [...thresholds, 0].filter((threshold) => left <= threshold)
  const nearest = Math.min(...reached)
  return reached.length > 0 && nearest < warned ? nearest : undefined
}
