/**
 * Opens the browser that a person has chosen for their system, by the program that the system has for it: `xdg-open`,
 * `open`, or `rundll32` on Windows. The program is started by itself, without a shell.
 *
 * @since 0.1.0
 */
import * as Browser from "@effect-auth/core/Browser"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as ChildProcess from "node:child_process"
import * as BrowserCommand from "./internal/browserCommand.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** A program and what stands before the URL, which is its last parameter. Default: the program of the system. */
  readonly command?: readonly [program: string, ...parameters: ReadonlyArray<string>] | undefined
  /**
   * How long to wait for the program to say whether it worked. One that still runs then may be the browser itself, and
   * counts as opened. Default: 3 seconds.
   */
  readonly patience?: DurationWithUnit | undefined
}

/**
 * A browser that is started by a program. `BrowserUnavailable` where the program is missing or says that it failed, as on
 * a machine without a desktop, and for URLs other than `http` and `https`. What has been started outlives this process.
 *
 * @example
 * ```ts
 * import * as Browser from "@effect-auth/core/Browser"
 * import * as SystemBrowser from "@effect-auth/node/SystemBrowser"
 * import * as Layer from "effect/Layer"
 *
 * const Firefox = Layer.succeed(Browser.Browser, SystemBrowser.make({ command: ["firefox", "--new-window"] }))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ command, patience = "3 seconds" }: Options = {}): Browser.Service => ({
  open: (url) =>
    Effect.gen(function*() {
      const target = yield* Effect.mapError(
        BrowserCommand.target(url),
        (problem) => new Browser.BrowserUnavailable({ problem })
      )
      yield* Effect.timeoutOption(start(command ?? (yield* ofSystem), target), patience)
    })
})

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Browser.Browser> = Layer.sync(Browser.Browser, make)

const ofSystem: Effect.Effect<BrowserCommand.Command> = Effect.map(
  Effect.orElseSucceed(Config.nonEmptyString("SystemRoot"), () => "C:\\Windows"),
  (systemRoot) => BrowserCommand.ofPlatform(process.platform, systemRoot)
)

/** Ends with the program. Interruption leaves it running. No error holds the URL, which node's own errors do. */
const start = (
  [program, ...parameters]: BrowserCommand.Command,
  url: string
): Effect.Effect<void, Browser.BrowserUnavailable> =>
  Effect.async((resume) => {
    const failed = (problem: string) => resume(new Browser.BrowserUnavailable({ problem: `${program}: ${problem}` }))
    try {
      const child = ChildProcess.spawn(program, [...parameters, url], {
        detached: true,
        shell: false,
        stdio: "ignore",
        windowsHide: true
      })
      child.on("error", (error) => failed(reasonOf(error)))
      child.on("exit", (code, signal) => {
        if (code === 0) resume(Effect.void)
        else failed(code === null ? `ended by ${signal}` : `ended with code ${code}`)
      })
      child.unref()
    } catch (error) { // some errors are thrown, such as that of a URL which is too long for the system
      failed(reasonOf(error))
    }
  })

const reasonOf = (error: unknown): string => {
  const code = Predicate.hasProperty(error, "code") && typeof error.code === "string" ? error.code : "cannot be started"
  return code === "ENOENT" ? "there is no such program" : code
}
