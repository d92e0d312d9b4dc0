/** Fair shares of a whole number. Pure. */

/**
 * Max-min fair: nobody gets more than it needs while another gets less than it needs and less than an equal share. What an
 * equal division leaves over goes to one more of them at each turn. Where all needs are met, the rest is divided equally.
 */
export const fairShares = (pot: number, needs: ReadonlyArray<number>, turn: number): ReadonlyArray<number> => {
  const shares = needs.map(() => 0)
  let open = needs.map((_, i) => i)
  let left = pot
  for (;;) {
    const level = Math.floor(left / Math.max(1, open.length))
    const met = open.filter((i) => (needs[i] ?? 0) <= level)
    if (met.length === 0) break
    for (const i of met) {
      shares[i] = needs[i] ?? 0
      left -= shares[i] ?? 0
    }
    open = open.filter((i) => (needs[i] ?? 0) > level)
  }
  if (open.length === 0) {
    const spare = Math.floor(left / Math.max(1, needs.length))
    return shares.map((share) => share + spare)
  }
  const level = Math.floor(left / open.length)
  const more = left - level * open.length
  open.forEach((i, position) => {
    shares[i] = level + ((position + turn) % open.length < more ? 1 : 0)
  })
  return shares
}
