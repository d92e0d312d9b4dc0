/**
 * What a goal looks at of the overhead, in a process of its own: a token source over a transport that answers at once,
 * beside the policy of Azure.
 */
import * as Effect from "effect/Effect"
import { paired } from "./Measure.ts"
import { direct, marked, tokenSource } from "./OverheadEffect.ts"
import type { Family } from "./OverheadFamily.ts"
import { bare, key, measureFamilies } from "./OverheadFamily.ts"
import { azure, azurePolicy } from "./OverheadPeers.ts"
import type { Result } from "./Report.ts"

export const run: Effect.Effect<Result, unknown> = Effect.scoped(Effect.gen(function*() {
  const peer = only(azure(), azurePolicy)
  const ours = [only(yield* marked, tokenSource), only(yield* direct, tokenSource)]
  const all = [peer, ...ours]
  const samples = yield* Effect.promise(() => measureFamilies(process.argv.includes("turned") ? all.toReversed() : all))
  const added = (family: Family): number => {
    const [variant] = family.variants
    const of = (name: string) => samples[key(family, name)] ?? []
    return variant === undefined
      ? NaN
      : paired(of(variant.name), of(bare), (self, bare) => self.cpu - bare.cpu).median
  }
  return {
    title: "what a token source adds, over what the policy of Azure adds",
    columns: ["over", "ratio"],
    rows: ours.map((family) => [family.name, added(family) / added(peer)]),
    goals: [],
    notes: []
  }
}))

const only = (family: Family, variant: string): Family => ({
  ...family,
  variants: family.variants.filter(({ name }) => name === variant)
})
