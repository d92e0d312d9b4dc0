/** Where workloads find what they are known by: a file that is replaced under our feet, a command, an endpoint. */
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import type { DurationInput } from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

/** Reads a text without the white space around it. The path is shown in errors, the content is not. */
export const file = (
  mode: string,
  path: string
): Effect.Effect<string, CredentialUnavailable, FileSystem.FileSystem> =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((files) => files.readFileString(path)),
    Effect.mapError((error) => unavailable(mode, `${path} cannot be read: ${reasonOf(error)}`)),
    Effect.flatMap((text) => nonEmpty(mode, text, `${path} is empty`))
  )

/**
 * A command that prints a secret.
 *
 * @since 0.1.0
 * @category models
 */
export interface CommandOptions {
  /** The program, by its absolute path, and its arguments. There is no shell: nothing in them is expanded. */
  readonly command: readonly [program: string, ...args: ReadonlyArray<string>]
  /** The programs that may be run. The one of `command` has to be among them, so that a setting alone runs nothing. */
  readonly allow: ReadonlyArray<string>
  /** Variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /** Default: 1 minute. */
  readonly timeout?: DurationInput | undefined
}

/** Runs a command for what it prints, of which errors show nothing. */
export const command = (
  mode: string,
  { allow, command: [program, ...args], env = {}, timeout = "1 minute" }: CommandOptions
): Effect.Effect<string, CredentialUnavailable, CommandExecutor.CommandExecutor> => {
  const problem = refusal(program, allow)
  if (problem !== undefined) return Effect.fail(unavailable(mode, problem, true))
  return Command.make(program, ...args).pipe(
    Command.env(env),
    Command.start,
    Effect.flatMap((process) =>
      Effect.all([process.exitCode, bounded(process.stdout), Stream.runDrain(process.stderr)], {
        concurrency: "unbounded"
      })
    ),
    Effect.scoped,
    Effect.mapError((error) => unavailable(mode, `${program} cannot be run: ${reasonOf(error)}`)),
    Effect.timeoutFail({
      duration: timeout,
      onTimeout: () => unavailable(mode, `${program} took longer than ${Duration.format(timeout)}`)
    }),
    Effect.flatMap(([code, text]) =>
      code === 0
        ? nonEmpty(mode, text, `${program} printed nothing`)
        : unavailable(mode, `${program} ended with code ${code}`)
    )
  )
}

/** Why a program may not be run; `undefined`: it may. */
export const refusal = (program: string, allow: ReadonlyArray<string>): string | undefined =>
  !/^(?:\/|[A-Za-z]:[\\/])/u.test(program)
    ? "the program of a command must be an absolute path, so that no search path chooses it"
    : /(?:^|[\\/])\.\.?(?:[\\/]|$)/u.test(program)
    ? "the program of a command must not have dot segments in its path"
    : allow.includes(program)
    ? undefined
    : `${program} is not among the programs that may be run`

export const unavailable = (mode: string, problem: string, final = false): CredentialUnavailable =>
  new CredentialUnavailable({ mode, problem, ...(final ? { final: true } : undefined) })

/** In bytes; more is no secret. */
const most = 65_536

/** What is too long is read to its end, so that the command can end. */
const bounded = (stdout: Stream.Stream<Uint8Array, PlatformError>): Effect.Effect<string, PlatformError> =>
  Stream.runFold(
    Stream.decodeText(stdout),
    "",
    (text, chunk) => text.length < most ? (text + chunk).slice(0, most) : text
  )

const nonEmpty = (mode: string, text: string, problem: string): Effect.Effect<string, CredentialUnavailable> => {
  const trimmed = text.trim()
  return trimmed === "" ? unavailable(mode, problem) : Effect.succeed(trimmed)
}

/** The platform's word for it. Its message quotes arguments, which may hold secrets. */
const reasonOf = (error: PlatformError): string => error._tag === "SystemError" ? error.reason : "BadArgument"
