import { readFileSync } from "node:fs"
import { defineConfig } from "vitest/config"
import integration from "./vitest.integration.config.ts"

// The long runs, one after another.
export default defineConfig({
  test: {
    ...integration.test,
    maxWorkers: 1,
    include: JSON.parse(readFileSync(new URL("stress.json", import.meta.url), "utf8"))
  }
})
