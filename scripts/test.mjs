/**
 * `npm test`: types, type tests, circular imports and unit tests. The closing line counts the unit tests and each
 * other stage as one.
 *
 *     node scripts/test.mjs               installs what is missing first
 *     node scripts/test.mjs --installed   does not
 */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { main } from "./stages.mjs"
import { root } from "./workspace.mjs"

const report = join(root, ".cache/unit-tests.json")
rmSync(report, { force: true })

/** A test file that does not load has no tests: it counts as one that failed. */
const counts = () => {
  if (!existsSync(report)) return undefined
  const { numFailedTests, numPassedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    readFileSync(report, "utf8")
  )
  const broken = testResults.filter(({ assertionResults, status }) =>
    status === "failed" && assertionResults.length === 0
  )
  return {
    passed: numPassedTests,
    failed: numFailedTests + broken.length,
    skipped: numPendingTests + numTodoTests
  }
}

await main([
  // Beside the others from the first: it keeps both of two processors busy, but waits for a third of its time.
  {
    name: "unit tests",
    command: ["vitest", "run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    summary: (output) => output.split("\n").filter((line) => /^\s*(Test Files|Tests|Errors|Duration) /.test(line)),
    counts
  },
  // By TypeScript 7, in a quarter of the time; what is published is built by 5.9, and compiled by others, in check:packages.
  { name: "types", command: ["node", "node_modules/typescript-7/bin/tsc", "-p", "tsconfig.json", "--checkers", "1"] },
  { name: "type tests", command: ["tstyche"] },
  { name: "circular imports", command: ["node", "scripts/circular.mjs"] }
])
