import { defineConfig } from "vitest/config"
import shared from "./vitest.shared.ts"

// Tests over real sockets, and long runs: apart from the unit tests, one after another.
// Given as a project, so that vitest.workspace.ts is not looked up.
export default defineConfig({
  test: {
    passWithNoTests: true,
    projects: [{
      test: {
        name: "slow",
        ...shared.test,
        include: ["packages/*/integration/**/*.test.ts", "packages/*/stress/**/*.test.ts"],
        sequence: { concurrent: false },
        testTimeout: 120_000
      }
    }]
  }
})
