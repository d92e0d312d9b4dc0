/**
 * What authentication adds to a request on one line of Effect, in CPU time. Both lines run this, made from the same sources,
 * on the same Node.
 */
import * as Effect from "effect/Effect"
import { paired } from "./Measure.ts"
import { direct, marked } from "./OverheadEffect.ts"
import type { Family } from "./OverheadFamily.ts"
import { bare, key, measureFamilies } from "./OverheadFamily.ts"

const run: Effect.Effect<void, unknown> = Effect.scoped(Effect.gen(function*() {
  const families = { "a marked transport": yield* marked, "another transport": yield* direct }
  const samples = yield* Effect.promise(() => measureFamilies(Object.values(families)))
  const added = (family: Family, name: string): number =>
    paired(samples[key(family, name)] ?? [], samples[key(family, bare)] ?? [], (self, bare) => self.cpu - bare.cpu)
      .median
  const rows = Object.entries(families).flatMap(([transport, family]) =>
    family.variants.map(({ name }) => ({
      name: `${name}, over ${transport}`,
      nanoseconds: Math.round(added(family, name))
    }))
  )
  console.log(JSON.stringify(rows))
}))

await Effect.runPromise(run)
