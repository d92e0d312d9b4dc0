import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

export default defineConfig({
  test: {
    projects,
    passWithNoTests: true,
    maxWorkers: 2,
    minWorkers: 1,
    // loading Effect anew for each file takes as long as a third of the tests, and none of them touches what others see
    isolate: false,
    coverage: { include: ["packages/*/src/**"] }
  }
})
