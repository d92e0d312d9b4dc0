import { defineConfig } from "vitest/config"
import shared from "./vitest.shared.ts"

// Tests over real sockets, and long runs: apart from the unit tests, one after another.
export default defineConfig({
  test: {
    ...shared.test,
    include: ["packages/*/integration/**/*.test.ts", "packages/*/stress/**/*.test.ts"],
    passWithNoTests: true,
    sequence: { concurrent: false },
    testTimeout: 120_000
  }
})
