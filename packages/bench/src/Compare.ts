/**
 * The benchmarks of today over the library of another commit, beside today's: of each number the ratio, so that a
 * regression is seen whatever the machine.
 */
import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { cp, mkdir, mkdtemp, realpath, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { home, manifest } from "./Bundle.ts"
import type { Spread } from "./Measure.ts"
import { spread } from "./Measure.ts"
import { measure, prepare } from "./Process.ts"
import type { Cell, Result } from "./Report.ts"

export interface Checkout {
  readonly commit: string
  /** Its directory of this package. */
  readonly directory: string
  readonly remove: () => Promise<void>
}

/** Another commit in a temporary directory, installed, with the benchmarks of today. */
export const checkout = async (revision: string): Promise<Checkout> => {
  const commit = (await command("git", ["rev-parse", "--short", `${revision}^{commit}`], home)).trim()
  const root = join(await realpath(await mkdtemp(join(tmpdir(), "effect-auth-bench-"))), "worktree")
  await command("git", ["worktree", "add", "--quiet", "--detach", root, commit], home)
  const remove = async () => {
    await command("git", ["worktree", "remove", "--force", root], home)
    await rm(dirname(root), { recursive: true, force: true })
  }
  try {
    await command("npx", ["--yes", "pnpm@10.34.9", "install", "--frozen-lockfile", "--loglevel", "error"], root)
    const directory = `${root}/packages/bench/`
    await rm(`${directory}src`, { recursive: true })
    await cp(`${home}src`, `${directory}src`, { recursive: true })
    await cp(`${home}package.json`, `${directory}package.json`)
    await link(root, directory)
    await prepare(directory)
    return { commit, directory, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** What the other commit did not depend on here: its own packages, and today's peers. */
const link = async (root: string, directory: string): Promise<void> => {
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })) {
    const there = `${directory}node_modules/${name}`
    const target = name.startsWith("@effect-auth/")
      ? `${root}/packages/${name.slice("@effect-auth/".length)}`
      : `${home}node_modules/${name}`
    if (existsSync(there) || !existsSync(target)) continue
    await mkdir(dirname(there), { recursive: true })
    await symlink(target, there)
  }
}

/** A benchmark so many times with each, in turn and turned round, each time in a fresh process. */
export const compared = async (name: string, other: Checkout, pairs: number): Promise<Result> => {
  const today: Array<Numbers> = []
  const before: Array<Numbers> = []
  const sides = [
    { found: today, directory: home },
    { found: before, directory: other.directory }
  ]
  for (let pair = 0; pair < pairs; pair++) {
    for (const { directory, found } of pair % 2 === 0 ? sides : sides.toReversed()) {
      try {
        found.push(numbers(await measure(name, directory)))
      } catch (error) {
        if (directory === home) throw error
        return { ...empty(other), notes: [`It does not run over the library of ${other.commit}: ${String(error)}`] }
      }
    }
  }
  return {
    ...empty(other),
    rows: [...today[0]?.keys() ?? []].flatMap((key): ReadonlyArray<ReadonlyArray<Cell>> => {
      const now = today.flatMap((found) => found.get(key) ?? [])
      const then = before.flatMap((found) => found.get(key) ?? [])
      if (then.length < pairs || now.every((value, pair) => value === then[pair])) return []
      const ratio = spread(now.map((value, pair) => value / (then[pair] ?? NaN)))
      return [[key, spread(now).median, spread(then).median, ratio, sideOf(ratio)]]
    }),
    notes: [
      `${pairs} pairs of processes, in turn; a ratio is one of two processes that followed each other.`,
      "Numbers that are the same in all of them are left out."
    ]
  }
}

const empty = ({ commit }: Checkout): Result => ({
  title: `today beside ${commit}`,
  columns: ["what", "today", commit, "today over then (quartiles)", ""],
  rows: [],
  goals: [],
  notes: []
})

/** By name. */
type Numbers = ReadonlyMap<string, number>

const numbers = ({ columns, goals, rows }: Result): Numbers =>
  new Map([
    ...rows.flatMap((row) => {
      const label = row.filter((cell) => typeof cell === "string").join(", ")
      return row.flatMap((cell, column): ReadonlyArray<readonly [string, number]> =>
        cell === null || typeof cell === "string"
          ? []
          : [[`${label}: ${columns[column] ?? ""}`, typeof cell === "number" ? cell : cell.median]]
      )
    }),
    ...goals.map(({ goal, measured }) => [goal, measured] as const)
  ])

/** Three quarters of the pairs agree, and by more than what two runs of the same differ by. */
const sideOf = ({ q1, q3 }: Spread): string => q1 > noise ? "**more**" : q3 < 1 / noise ? "**less**" : ""

const noise = 1.05

const command = async (file: string, args: ReadonlyArray<string>, cwd: string): Promise<string> =>
  (await promisify(execFile)(file, args, { cwd, maxBuffer: 16 * 1024 * 1024 })).stdout
