/**
 * By hand for Effect 4, which runs programs by another module, with the options of a program in one.
 *
 * Programs that the tests run, and what they are run by: the only module that knows how the platform does it.
 */
import * as Effect from "effect/Effect"
import type { PlatformError } from "effect/PlatformError"
import * as ChildProcess from "effect/process/ChildProcess"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"
import type * as Scope from "effect/Scope"

/** What runs programs. */
export type Runner = ChildProcessSpawner.ChildProcessSpawner

export interface Process {
  readonly exitCode: Effect.Effect<number, PlatformError>
}

/** Runs a program to its end, and returns its exit code. */
export const run = (program: string, args: ReadonlyArray<string>): Effect.Effect<number, PlatformError, Runner> =>
  Effect.flatMap(
    ChildProcessSpawner.ChildProcessSpawner,
    (spawner) => spawner.exitCode(ChildProcess.make(program, args))
  )

/** Starts a program, which ends with the Scope. Its standard input is a pipe, which ends with this process. */
export const start = (
  program: string,
  args: ReadonlyArray<string>,
  { directory }: { readonly directory: string }
): Effect.Effect<Process, PlatformError, Runner | Scope.Scope> =>
  Effect.flatMap(
    ChildProcessSpawner.ChildProcessSpawner,
    (spawner) => spawner.spawn(ChildProcess.make(program, args, { cwd: directory }))
  )
