/** Programs that the tests run, and what they are run by: the only module that knows how the platform does it. */
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** What runs programs. */
export type Runner = CommandExecutor.CommandExecutor

export interface Process {
  readonly exitCode: Effect.Effect<number, PlatformError>
}

/** Runs a program to its end, and returns its exit code. */
export const run = (program: string, args: ReadonlyArray<string>): Effect.Effect<number, PlatformError, Runner> =>
  Command.exitCode(Command.make(program, ...args))

/** Starts a program, which ends with the Scope. Its standard input is a pipe, which ends with this process. */
export const start = (
  program: string,
  args: ReadonlyArray<string>,
  { directory }: { readonly directory: string }
): Effect.Effect<Process, PlatformError, Runner | Scope.Scope> =>
  Command.start(Command.workingDirectory(Command.make(program, ...args), directory))
