/**
 * What a benchmark found, as data, and its tables in Markdown, which read as well in a terminal.
 */
import type { Spread } from "./Measure.ts"

export interface Result {
  readonly title: string
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
  readonly goals: ReadonlyArray<Goal>
  readonly notes: ReadonlyArray<string>
}

/** `null` where there is nothing to measure. */
export type Cell = string | number | Spread | null

export interface Goal {
  readonly goal: string
  readonly measured: number
  readonly met: boolean
  /** Why it is not met, where that is known. */
  readonly reason?: string | undefined
}

export const atMost = (goal: string, measured: number, limit: number, reason?: string): Goal => ({
  reason,
  goal: `${goal}: at most ${limit}`,
  measured,
  met: measured <= limit
})

export const atLeast = (goal: string, measured: number, limit: number, reason?: string): Goal => ({
  reason,
  goal: `${goal}: at least ${limit}`,
  measured,
  met: measured >= limit
})

export const exactly = (goal: string, measured: number, wanted: number): Goal => ({
  goal: `${goal}: ${wanted}`,
  measured,
  met: measured === wanted
})

export const render = (name: string, result: Result): string =>
  [
    `### ${name}: ${result.title}`,
    table(result.columns, result.rows),
    ...(result.goals.length === 0 ? [] : [table(["goal", "measured", ""], result.goals.map(goalRow))]),
    ...result.notes.map((note) => `- ${note}`)
  ].join("\n\n").replaceAll("\n\n- ", "\n- ").replace("\n- ", "\n\n- ")

const goalRow = ({ goal, measured, met }: Goal): ReadonlyArray<Cell> => [goal, measured, met ? "met" : "**not met**"]

/** The goals of all benchmarks in a few lines: how many are met, and which are not, with the reason where one is known. */
export const summary = (results: Readonly<Record<string, Result>>): string => {
  const goals = Object.entries(results).flatMap(([name, { goals }]) => goals.map((goal) => ({ ...goal, name })))
  const missed = goals.filter(({ met }) => !met)
  return [
    `${goals.length - missed.length} of ${goals.length} goals are met.${missed.length === 0 ? "" : " Not met:"}`,
    ...missed.map(({ goal, measured, name, reason }) =>
      `- ${name}: ${goal}; measured ${number(measured)}. ${reason ?? "The reason is not known."}`
    )
  ].join("\n").replace("\n- ", "\n\n- ")
}

const table = (columns: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<Cell>>): string => {
  const cells = [columns, ...rows.map((row) => row.map(show))]
  const widths = columns.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? "").length)))
  const line = (row: ReadonlyArray<string>) =>
    `| ${widths.map((width, column) => pad(row[column] ?? "", width, column)).join(" | ")} |`
  const [head = [], ...body] = cells
  const rule = `|${
    widths.map((width, column) => column === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)
      .join("|")
  }|`
  return [line(head), rule, ...body.map(line)].join("\n")
}

const pad = (text: string, width: number, column: number): string =>
  column === 0 ? text.padEnd(width) : text.padStart(width)

const show = (cell: Cell): string => {
  if (cell === null) return "–"
  if (typeof cell === "string") return cell
  if (typeof cell === "number") return number(cell)
  return `${number(cell.median)} (${number(cell.q1)} … ${number(cell.q3)})`
}

const number = (value: number): string => {
  if (!Number.isFinite(value)) return "–"
  const size = Math.abs(value)
  const digits = Number.isInteger(value) || size >= 100 ? 0 : size >= 10 ? 1 : 3
  return value.toLocaleString("en", { maximumFractionDigits: digits })
}
