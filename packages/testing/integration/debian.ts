/** Programs that tests start, out of Debian's packages: installed where they are missing and this is root. */
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import { tmpdir } from "node:os"
import * as Path from "node:path"

/** Of the packages of a system, root's programs included. */
export const path = `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`

export interface Options {
  readonly packages: ReadonlyArray<string>
  readonly isThere: () => boolean
}

/** Fails, saying what is missing, where this is not root or not Debian. */
export const install = ({ isThere, packages }: Options): Effect.Effect<void, Error> =>
  Effect.try({
    try: () => {
      if (isThere()) return
      if (process.getuid?.() === 0 && runs("apt-get", "--version")) {
        // one at a time, whatever tests run beside these: apt-get fails where another one runs
        ChildProcess.execFileSync(
          "flock",
          [
            Path.join(tmpdir(), "effect-auth-apt.lock"),
            "sh",
            "-c",
            `apt-get update -qq && apt-get install -y -qq --no-install-recommends ${packages.join(" ")}`
          ],
          { stdio: "ignore", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } }
        )
      }
      if (!isThere()) throw new Error("they are not there")
    },
    catch: (cause) =>
      new Error(
        `these tests need ${packages.join(" and ")}: install them with your system's package manager ` +
          `(apt-get install ${packages.join(" ")})`,
        { cause }
      )
  })

/** Whether a program can be started, and ends well. */
export const runs = (program: string, option: string): boolean =>
  ChildProcess.spawnSync(program, [option], { stdio: "ignore", env: { ...process.env, PATH: path } }).status === 0
