/**
 * The programs of the documentation do what its pages say. Each module of `src/docs` exports its `test`: the program of
 * the page against a fake server.
 */
import { it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { readdirSync } from "node:fs"

interface Program {
  readonly test: Effect.Effect<unknown, unknown>
}

const modules = readdirSync(new URL("../src/docs", import.meta.url)).flatMap((name) =>
  /^([\w-]+)\.ts$/.exec(name)?.[1] ?? []
)

for (const name of modules) {
  const { test }: Program = await import(`../src/docs/${name}.ts`)
  it.live(name, () => Effect.provide(test, Logger.remove(Logger.defaultLogger)))
}
