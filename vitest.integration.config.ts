import { defineConfig } from "vitest/config"
import type { Reporter } from "vitest/node"
import shared from "./vitest.shared.ts"

/** Says last which tests did not run, and why. */
const skipped: Reporter = {
  onTestRunEnd: (modules) => {
    const notes = modules.flatMap((module) =>
      Array.from(module.children.allTests("skipped"), (test) => {
        const result = test.result()
        return result.state === "skipped" ? result.note : undefined
      })
    )
    const reasons = [...new Set(notes.filter((note) => note !== undefined))]
    for (const reason of reasons) {
      const count = notes.filter((note) => note === reason).length
      process.once("exit", () => process.stdout.write(`${count} integration tests did not run: ${reason}\n`))
    }
  }
}

// Tests over real sockets, and long runs: apart from the unit tests, one after another.
export default defineConfig({
  test: {
    // those of vitest.workspace.ts are the unit tests, which vitest would take otherwise
    projects: [{
      test: {
        ...shared.test,
        name: "integration",
        include: ["packages/*/integration/**/*.test.ts", "packages/*/stress/**/*.test.ts"],
        sequence: { concurrent: false },
        testTimeout: 120_000
      }
    }],
    reporters: ["default", skipped]
  }
})
