import { defineConfig } from "vitest/config"
import shared from "./vitest.shared.ts"

// One project for all packages: vitest runs projects one after another, each as long as its slowest file, and transforms
// what they share for each anew. A package or a file is chosen by its path: vitest run packages/core
export default defineConfig({
  test: {
    ...shared.test,
    setupFiles: ["vitest.setup.ts", "packages/testing/test/synchronousCrypto.ts"],
    include: [
      "packages/*/test/**/*.test.ts",
      "{scripts,effect4}/test/**/*.test.mjs",
      "examples/{src,test}/**/*.test.ts"
    ],
    passWithNoTests: true,
    pool: "threads",
    maxWorkers: 2,
    minWorkers: 1,
    // Loading Effect anew for each file takes as long as a third of the tests, and none of them touches what others see.
    isolate: false,
    coverage: { include: ["packages/*/src/**"] }
  }
})
