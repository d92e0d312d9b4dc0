import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

// As that of the Effect 3 line, for the vitest that @effect/vitest 4 needs.
export default defineConfig({
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    exclude: JSON.parse(readFileSync(new URL("excluded.json", import.meta.url), "utf8")),
    setupFiles: [fileURLToPath(new URL("vitest.setup.ts", import.meta.url))],
    // a bound against hanging, not a measure: a machine under load is no failure
    testTimeout: 60_000,
    fakeTimers: { toFake: [] },
    sequence: { concurrent: true },
    passWithNoTests: true,
    pool: "threads",
    maxWorkers: 2,
    isolate: false
  }
})
