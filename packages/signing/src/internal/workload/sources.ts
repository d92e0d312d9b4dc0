/** Where workloads find what they are known by: a file that is replaced under our feet, a command, an endpoint. */
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import type * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Command from "@effect/platform/Command"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/**
 * Reads a text without the white space around it. The path is shown in errors, the content is not. What is longer than a
 * secret is not read, such as a device without an end.
 */
export const file = (
  mode: string,
  path: string
): Effect.Effect<string, CredentialUnavailable, FileSystem.FileSystem> =>
  FileSystem.FileSystem.pipe(
    Effect.flatMap((files) => bounded(files.stream(path, { bytesToRead: FileSystem.Size(most + 1) }))),
    Effect.mapError((error) => unavailable(mode, `${path} cannot be read: ${reasonOf(error)}`)),
    // to open a pipe cannot be interrupted
    Effect.disconnect,
    Effect.timeoutFail({
      duration: patience,
      onTimeout: () => unavailable(mode, `${path} cannot be read within ${Duration.format(patience)}`)
    }),
    Effect.filterOrFail(
      (text) => text.length <= most,
      () => unavailable(mode, `${path} is longer than a secret`, true)
    ),
    Effect.flatMap((text) => nonEmpty(mode, text, `${path} is empty`))
  )

/** For a pipe that nobody writes into, or an address of metadata that leads nowhere. */
export const patience = Duration.seconds(10)

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
  readonly timeout?: DurationWithUnit | undefined
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
    Command.stdin(Stream.empty),
    Command.start,
    Effect.flatMap((process) =>
      Effect.onInterrupt(
        Effect.all([process.exitCode, bounded(process.stdout), Stream.runDrain(process.stderr)], {
          concurrency: "unbounded"
        }),
        // one that does not heed SIGTERM would hold its caller for as long as it likes
        () => Effect.ignore(process.kill("SIGKILL"))
      )
    ),
    Effect.scoped,
    Effect.mapError((error) => unavailable(mode, `${program} cannot be run: ${reasonOf(error)}`)),
    Effect.timeoutFail({
      duration: timeout,
      onTimeout: () => unavailable(mode, `${program} took longer than ${Duration.format(timeout)}`)
    }),
    Effect.flatMap(([code, text]) =>
      code !== 0
        ? unavailable(mode, `${program} ended with code ${code}`)
        : text.length > most
        ? unavailable(mode, `${program} printed more than a secret`, true)
        : nonEmpty(mode, text, `${program} printed nothing`)
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

/** In characters; more is no secret. */
const most = 65_536

/** The beginning of a text, of which a character more than allowed is kept. It is read to its end, so that a command can end. */
const bounded = (bytes: Stream.Stream<Uint8Array, PlatformError>): Effect.Effect<string, PlatformError> =>
  Stream.runFold(
    Stream.decodeText(bytes),
    "",
    (text, chunk) => text.length <= most ? (text + chunk).slice(0, most + 1) : text
  )

const nonEmpty = (mode: string, text: string, problem: string): Effect.Effect<string, CredentialUnavailable> => {
  const trimmed = text.trim()
  return trimmed === "" ? unavailable(mode, problem) : Effect.succeed(trimmed)
}

/** The platform's word for it. Its message quotes arguments, which may hold secrets. */
const reasonOf = (error: PlatformError): string => error._tag === "SystemError" ? error.reason : "BadArgument"

/** Over plain http, a secret is asked for only on this machine and at addresses that lead nowhere else. */
export const allowed = (
  mode: string,
  url: string,
  hosts: ReadonlyArray<string>
): Effect.Effect<void, CredentialUnavailable> => {
  const parsed = Option.getOrUndefined(parse(url))
  if (parsed === undefined) return unavailable(mode, "the endpoint is not an absolute URL", true)
  const { hostname, protocol } = parsed
  return protocol === "https:" ||
      protocol === "http:" && (hosts.includes(hostname) || OriginPolicy.isLoopback(hostname))
    ? Effect.void
    : unavailable(mode, `no secret is asked for at ${hostname} over ${protocol.slice(0, -1)}`, true)
}

const parse = Option.liftThrowable((url: string) => new URL(url))

/** None of these endpoints refuses a grant: a 404 or a 401 says that there is no secret here, or not yet. */
export const dialect: TokenEndpoint.Dialect = ({ status }) =>
  status === 429 || status >= 500 ? "TryAgain" : status === 401 || status === 403 ? "GrantEnded" : "Unexpected"

/** Of the metadata of machines. */
export const metadataHosts: ReadonlyArray<string> = ["169.254.169.254", "[fd00:ec2::254]", "metadata.google.internal"]
