import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    // a bound against hanging, not a measure: a machine under load is no failure
    testTimeout: 60_000,
    include: ["test/**/*.test.ts"],
    setupFiles: [fileURLToPath(new URL("vitest.setup.ts", import.meta.url))],
    // Time is TestClock's: no timer is faked.
    fakeTimers: { toFake: undefined },
    sequence: { concurrent: true }
  }
})
