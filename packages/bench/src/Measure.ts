/**
 * Measuring on a machine that does other things too: many short rounds, everybody measured in every round and the order
 * turned round each time, so that what slows the machine slows all alike. What counts is the difference or the ratio
 * within a round; over the rounds the median and its quartiles.
 *
 * Plain promises, because a benchmark of Effect should not be timed through Effect.
 */

/** Runs an operation so many times in turn. */
export type Run = (operations: number) => Promise<unknown>

/** Nanoseconds per operation: on the clock, and of the process' CPU time. */
export interface Sample {
  readonly wall: number
  readonly cpu: number
}

export interface Spread {
  readonly median: number
  readonly q1: number
  readonly q3: number
}

export const time = async (run: Run, operations: number): Promise<Sample> => {
  const cpuBefore = process.cpuUsage()
  const before = process.hrtime.bigint()
  await run(operations)
  const wall = Number(process.hrtime.bigint() - before)
  const { system, user } = process.cpuUsage(cpuBefore)
  return { wall: wall / operations, cpu: (user + system) * 1000 / operations }
}

/** Samples by name; in all arrays the same index is the same round. */
export type Samples = Record<string, ReadonlyArray<Sample>>

/**
 * Measures each run in each round, all with the same number of operations, which takes the first of them about
 * `millis`. The first round is thrown away: what ran before has filled the caches with its own.
 */
export const interleave = async (
  runs: ReadonlyArray<readonly [name: string, run: Run]>,
  options: { readonly rounds: number; readonly millis: number; readonly operations?: number | undefined }
): Promise<Samples> => {
  const samples = new Map<string, Array<Sample>>(runs.map(([name]) => [name, []]))
  const [first] = runs
  if (first === undefined) return {}
  const operations = options.operations ?? await operationsIn(first[1], options.millis)
  for (let round = 0; round <= options.rounds; round++) {
    for (const [name, run] of round % 2 === 0 ? runs : runs.toReversed()) {
      const sample = await time(run, operations)
      if (round > 0) samples.get(name)?.push(sample)
    }
  }
  return Object.fromEntries(samples)
}

/** Runs until the compiler has done what it will do. */
export const warmUp = async (runs: ReadonlyArray<readonly [name: string, run: Run]>, millis: number): Promise<void> => {
  for (const [, run] of [...runs, ...runs.toReversed()]) {
    const end = performance.now() + millis / 2
    while (performance.now() < end) await run(20)
  }
}

/** How many operations take about `millis`; the median of a few tries. */
export const operationsIn = async (run: Run, millis: number): Promise<number> => {
  const tries: Array<number> = []
  for (let i = 0; i < 9; i++) tries.push((await time(run, 20)).wall)
  return Math.max(1, Math.round(millis * 1e6 / spread(tries).median))
}

export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), q1: quantile(sorted, 0.25), q3: quantile(sorted, 0.75) }
}

/** The spread of what `f` makes of two samples of the same round. */
export const paired = (
  self: ReadonlyArray<Sample>,
  that: ReadonlyArray<Sample>,
  f: (self: Sample, that: Sample) => number
): Spread => spread(self.flatMap((sample, round) => that[round] === undefined ? [] : [f(sample, that[round])]))

/** Bytes in use, without garbage. */
export const heap = async (): Promise<number> => {
  for (let i = 0; i < 2; i++) {
    globalThis.gc?.()
    await sleep(20)
  }
  return process.memoryUsage().heapUsed
}

export const sleep = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

const quantile = (sorted: ReadonlyArray<number>, q: number): number => {
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? NaN
  const above = sorted[Math.ceil(position)] ?? NaN
  return below + (above - below) * (position - Math.floor(position))
}
