/** By hand for Effect 4, whose tests of `skipped.mjs` are skipped here, each with its reason. */
import { addEqualityTesters } from "@effect/vitest"
import * as Option from "effect/Option"
import { readFileSync } from "node:fs"
import { relative, sep } from "node:path"
import { beforeEach, chai } from "vitest"
import "./packages/testing/test/synchronousCrypto.ts"

addEqualityTesters()

// chai compares two iterables by what they iterate over, by which every None equals every Some
chai.config.deepEqual = (expected: unknown, actual: unknown): boolean =>
  chai.util.eql(expected, actual, {
    comparator: (left: unknown, right: unknown): boolean | null =>
      Option.isOption(left) && Option.isOption(right) && left._tag !== right._tag ? false : null
  })

interface Entry {
  readonly file: string
  readonly test: string
  readonly why: string
}

const skipped: ReadonlyArray<Entry> = JSON.parse(readFileSync(new URL("skipped.json", import.meta.url), "utf8"))

const folder = new URL(".", import.meta.url).pathname

const nameOf = (task: { readonly name: string; readonly suite?: { readonly name: string } | undefined }): string => {
  const above = task.suite === undefined || task.suite.name === "" ? "" : nameOf(task.suite)
  return above === "" ? task.name : `${above} ${task.name}`
}

beforeEach((context) => {
  const file = relative(folder, context.task.file.filepath).split(sep).join("/")
  const name = nameOf(context.task)
  const found = skipped.find((entry) => entry.file === file && name.includes(entry.test))
  if (found !== undefined) context.skip(found.why)
})
