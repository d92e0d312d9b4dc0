import { it } from "@effect/vitest"
import { test } from "./real.ts"

it.live("the first program takes its settings from the environment", () => test)
