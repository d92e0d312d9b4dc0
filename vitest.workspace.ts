import { defineProject } from "vitest/config"
import shared from "./vitest.shared.ts"

// One project for all packages: vitest runs projects one after another, each as long as its slowest file, and transforms
// what they share for each anew. A package or a file is chosen by its path: vitest run packages/core
export default [
  defineProject({
    test: {
      name: "unit",
      ...shared.test,
      setupFiles: ["vitest.setup.ts", "packages/testing/test/synchronousCrypto.ts"],
      include: [
        "packages/*/test/**/*.test.ts",
        "{scripts,effect4}/test/**/*.test.mjs",
        "examples/{src,test}/**/*.test.ts"
      ]
    }
  })
]
