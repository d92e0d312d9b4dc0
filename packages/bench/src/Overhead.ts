/**
 * What authentication adds to one request, over the same library without it, with a transport that answers at once.
 */
import * as Effect from "effect/Effect"
import type { Run, Sample, Samples } from "./Measure.ts"
import { interleave, paired, spread, warmUp } from "./Measure.ts"
import { direct, marked, traced, untraced } from "./OverheadEffect.ts"
import { azurePolicy, families } from "./OverheadPeers.ts"
import type { Cell, Goal, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

/** A library without authentication, and ways to add it. */
export interface Family {
  readonly name: string
  readonly bare: Run
  readonly variants: ReadonlyArray<{ readonly name: string; readonly kind: "static" | "token"; readonly run: Run }>
}

export const run: Effect.Effect<Result, unknown> = Effect.scoped(Effect.gen(function*() {
  const contestants = [
    yield* traced,
    yield* untraced,
    yield* direct,
    yield* marked,
    ...families.map((family) => family())
  ]
  const samples = yield* Effect.promise(() => measure(contestants))
  const of = (family: Family, variant: string) => samples[key(family, variant)] ?? []
  const rows = contestants.flatMap((family) =>
    family.variants.map(({ kind, name }): ReadonlyArray<Cell> => [
      family.name,
      name,
      kind,
      paired(of(family, name), of(family, bare), (self, bare) => self.cpu - bare.cpu),
      paired(of(family, name), of(family, bare), (self, bare) => self.wall - bare.wall).median,
      spread(of(family, bare).map(({ cpu }) => cpu)).median
    ])
  )
  return {
    title: "nanoseconds that authentication adds to one request, transport answering at once",
    columns: ["over", "authentication", "kind", "added CPU ns (quartiles)", "added ns", "bare request CPU ns"],
    rows,
    goals: goals(contestants, of),
    notes: [
      `A difference of two runs in the same round; ${laps * rounds} rounds of ${millis} ms.`,
      "CPU time is what the goals look at: nothing here waits, and it is the same on a machine that is busy otherwise.",
      "The goals look at the rows over the marked transport alone, the same work as above with less noise around it. Where the " +
      "platform traces, each header costs its span an attribute, also by hand (see those rows).",
      "`static`: a value that never changes. `token`: a token whose expiry is checked."
    ]
  }
}))

const bare = "bare"

const key = (family: Family, variant: string): string => `${family.name} / ${variant}`

/** Everybody is warmed up before anybody is measured; then each family in turn, and all over again. */
const measure = async (families: ReadonlyArray<Family>): Promise<Samples> => {
  const all = families.map((family) => [
    [key(family, bare), family.bare] as const,
    ...family.variants.map(({ name, run }) => [key(family, name), run] as const)
  ])
  const samples: Record<string, Array<Sample>> = {}
  for (const runs of all) await warmUp(runs, 300)
  for (let lap = 0; lap < laps; lap++) {
    for (const runs of all) {
      for (const [name, measured] of Object.entries(await interleave(runs, { rounds, millis }))) {
        samples[name] = [...samples[name] ?? [], ...measured]
      }
    }
  }
  return samples
}

const laps = 4
const rounds = 50
const millis = 4

/** The family in which nothing but the client itself is measured. */
const quiet = "Effect HttpClient, marked transport alone"

const goals = (
  contestants: ReadonlyArray<Family>,
  of: (family: Family, variant: string) => ReadonlyArray<Sample>
): ReadonlyArray<Goal> => {
  const added = (variant: string, within?: string): number => {
    const family = contestants.find(({ name, variants }) =>
      (within === undefined || name === within) && variants.some(({ name }) => name === variant)
    )
    return family === undefined
      ? NaN
      : paired(of(family, variant), of(family, bare), (self, bare) => self.cpu - bare.cpu).median
  }
  const azure = added(azurePolicy)
  return [
    atMost("token source over what the Azure policy adds", added("effect-auth, token source", quiet) / azure, 0.75),
    atMost("stretch", added("effect-auth, token source", quiet) / azure, 0.5),
    atMost("quota on, over what the Azure policy adds", added("effect-auth, token source, quota", quiet) / azure, 1.5)
  ]
}
