import { defineConfig } from "vitest/config"
import projects from "./vitest.workspace.ts"

export default defineConfig({
  test: { projects, passWithNoTests: true, maxWorkers: 2, minWorkers: 1, coverage: { include: ["packages/*/src/**"] } }
})
