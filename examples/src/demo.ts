import * as core from "@effect-auth/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

Effect.runFork(Console.log(JSON.stringify({ core: Object.keys(core), args: process.argv.slice(2) })))
