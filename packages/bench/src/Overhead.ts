/**
 * What authentication adds to one request, over the same library without it, with a transport that answers at once.
 */
import * as Effect from "effect/Effect"
import { paired, spread } from "./Measure.ts"
import { direct, directAlone, marked, markedAlone, traced, untraced } from "./OverheadEffect.ts"
import type { Family } from "./OverheadFamily.ts"
import { bare, key, laps, measureFamilies, millis, rounds } from "./OverheadFamily.ts"
import { families } from "./OverheadPeers.ts"
import { measure } from "./Process.ts"
import type { Cell, Result } from "./Report.ts"
import { atMost } from "./Report.ts"

export const run: Effect.Effect<Result, unknown> = Effect.scoped(Effect.gen(function*() {
  const contestants = [
    yield* traced,
    yield* untraced,
    yield* direct,
    yield* marked,
    ...families.map((family) => family())
  ]
  const samples = yield* Effect.promise(() => measureFamilies(contestants))
  const ratios = yield* Effect.promise(alone)
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
    goals: [
      atMost(
        "token source over what the Azure policy adds, on a marked transport",
        ratioOn(ratios, markedAlone),
        0.75,
        redaction
      ),
      atMost("stretch", ratioOn(ratios, markedAlone), 0.5, redaction),
      atMost("token source over what the Azure policy adds, on any other", ratioOn(ratios, directAlone), 1.7, context)
    ],
    notes: [
      `A difference of two runs in the same round; ${laps * rounds} rounds of ${millis} ms.`,
      "CPU time is what the goals look at: nothing here waits, and it is the same on a machine that is busy otherwise.",
      `The goals look at ${processes} more processes, with nothing but these three, in turn turned round: on a marked ` +
      `transport ${shown(ratios, markedAlone)}, on any other ${shown(ratios, directAlone)}.`,
      "Where the platform traces, each header costs its span an attribute, also by hand (see those rows).",
      "`static`: a value that never changes. `token`: a token whose expiry is checked."
    ]
  }
}))

/** How many processes a goal looks at: what the compiler makes of the same code differs from one to the next. */
const processes = 5

const redaction =
  "A token that is read from a Ref by hand, and not even checked, takes more than half. What is more than that is " +
  "the answer without a trace of the credentials."

const context =
  "A transport that may be fetch is told for each request not to follow redirects, by the context of the fiber; " +
  "`Transport.withoutRedirects` saves it where that is not needed."

type Ratios = Readonly<Record<string, ReadonlyArray<number>>>

const ratioOn = (ratios: Ratios, where: string): number => spread(ratios[where] ?? []).median

/** What authentication adds, over what the Azure policy adds, by where: the median of the processes. */
const alone = async (): Promise<Ratios> => {
  const found: Record<string, Array<number>> = {}
  for (let index = 0; index < processes; index++) {
    const { rows } = await measure("overheadAlone", undefined, index % 2 === 1)
    for (const [where, ratio] of rows) found[String(where)] = [...found[String(where)] ?? [], Number(ratio)]
  }
  return found
}

const shown = (ratios: Ratios, where: string): string =>
  (ratios[where] ?? []).map((ratio) => ratio.toFixed(2)).join(", ")
