/**
 * Python 3.12 with the published clients of the three systems, in a virtual environment of its own that is made once
 * (150 MB, into `.cache`).
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ChildProcess from "node:child_process"
import { fileURLToPath } from "node:url"

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

const requirements = here("requirements.txt")
const environment = here("../../.cache/python")
const python = `${environment}/bin/python`

const isPython312 = (command: string): boolean =>
  ChildProcess.spawnSync(command, ["--version"], { encoding: "utf8" }).stdout?.startsWith("Python 3.12.") === true

/** pyenv's `python3.12` runs only where that version is the chosen one. */
const ofPyenv = (): ReadonlyArray<string> => {
  const { status, stdout } = ChildProcess.spawnSync("pyenv", ["latest", "3.12"], { encoding: "utf8" })
  const root = ChildProcess.spawnSync("pyenv", ["root"], { encoding: "utf8" })
  return status === 0 && root.status === 0 ? [`${root.stdout.trim()}/versions/${stdout.trim()}/bin/python3.12`] : []
}

/** The command of a Python 3.12, if this machine has one. */
export const command: Option.Option<string> = Option.fromNullable(
  ["python3.12", "python3", ...ofPyenv()].find(isPython312)
)

const make = (command: string) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const wanted = yield* fs.readFileString(requirements)
    const installed = yield* Effect.orElseSucceed(fs.readFileString(`${environment}/requirements.txt`), () => "")
    if (installed === wanted) return
    yield* fs.remove(environment, { recursive: true, force: true })
    yield* Effect.sync(() => {
      ChildProcess.execFileSync(command, ["-m", "venv", environment])
      ChildProcess.execFileSync(
        python,
        "-m pip install --quiet --disable-pip-version-check --no-deps --no-compile -r".split(" ").concat(requirements),
        { stdio: ["ignore", "ignore", "inherit"] }
      )
    })
    yield* fs.writeFileString(`${environment}/requirements.txt`, wanted)
  })

/**
 * The environment: the clients, and what they import. `requirements.txt` pins all of it, and leaves out what qualysdk
 * only requires for its documentation and its databases.
 */
export const install: Effect.Effect<void, unknown, FileSystem.FileSystem> = Effect.suspend(() =>
  Option.match(command, { onNone: () => Effect.dieMessage("there is no Python 3.12"), onSome: make })
)

/**
 * Runs a script that sits beside this module, and returns what it printed as JSON, a value a line. Where the script
 * waits for a line of input, the next of the `pauses` runs first.
 */
export const run = (
  script: string,
  options: {
    readonly args: ReadonlyArray<string>
    readonly env?: Readonly<Record<string, string>>
    readonly pauses?: ReadonlyArray<Effect.Effect<void>>
  }
): Effect.Effect<ReadonlyArray<unknown>, Error> =>
  Effect.gen(function*() {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        ChildProcess.spawn(python, [here(script), ...options.args], {
          env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...options.env }
        })
      ),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
    const printed: Array<string> = []
    const complaints: Array<Buffer> = []
    let pauses = options.pauses ?? []
    let line = ""
    const runtime = yield* Effect.runtime<never>()
    child.stderr.on("data", (chunk: Buffer) => complaints.push(chunk))
    const status = yield* Effect.async<number | null>((resume) => {
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        const lines = (line + chunk).split("\n")
        line = lines.pop() ?? ""
        for (const text of lines) {
          if (text !== "pause") {
            printed.push(text)
            continue
          }
          const [pause = Effect.void, ...rest] = pauses
          pauses = rest
          Effect.runPromise(Effect.provide(pause, runtime)).finally(() => child.stdin.write("\n"))
        }
      })
      child.once("close", (status) => resume(Effect.succeed(status)))
    })
    if (status !== 0) {
      return yield* Effect.fail(new Error(`${script} failed: ${Buffer.concat(complaints).toString()}`))
    }
    return printed.map((text): unknown => JSON.parse(text))
  }).pipe(Effect.scoped)
