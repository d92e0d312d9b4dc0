import { readFileSync } from "node:fs"
import { defineConfig } from "vitest/config"
import shared from "./vitest.config.ts"

// Tests against real servers, one after another; as that of the Effect 3 line, for the vitest that @effect/vitest 4 needs.
export default defineConfig({
  test: {
    ...shared.test,
    include: JSON.parse(readFileSync(new URL("integration.json", import.meta.url), "utf8")),
    exclude: [],
    // none of the tests that are skipped, and time is real
    setupFiles: [],
    testTimeout: 120_000,
    sequence: { concurrent: false }
  }
})
