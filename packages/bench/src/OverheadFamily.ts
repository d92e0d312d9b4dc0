/**
 * Libraries without authentication, and ways to add it, measured in turn.
 */
import type { Run, Sample, Samples } from "./Measure.ts"
import { interleave, warmUp } from "./Measure.ts"

/** A library without authentication, and ways to add it. */
export interface Family {
  readonly name: string
  readonly bare: Run
  readonly variants: ReadonlyArray<{ readonly name: string; readonly kind: "static" | "token"; readonly run: Run }>
}

export const bare = "bare"

export const key = (family: Family, variant: string): string => `${family.name} / ${variant}`

/** Everybody is warmed up before anybody is measured; then each family in turn, and all over again. */
export const measureFamilies = async (families: ReadonlyArray<Family>): Promise<Samples> => {
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

export const laps = 4
export const rounds = 50
export const millis = 4
