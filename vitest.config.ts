import { defineConfig } from "vitest/config"
// vitest 4 no longer looks for this file by itself
import projects from "./vitest.workspace.ts"

export default defineConfig({
  test: {
    projects,
    passWithNoTests: true,
    pool: "threads",
    maxWorkers: 2,
    minWorkers: 1,
    // Loading Effect anew for each file takes as long as a third of the tests, and none of them touches what others see.
    isolate: false,
    coverage: { include: ["packages/*/src/**"] }
  }
})
