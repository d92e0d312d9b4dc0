/**
 * Asks a person at a terminal to log in: opens their browser, shows the address as well, and reads what they paste. The
 * address holds the state of the login; it goes to the terminal and into no log.
 *
 * @since 0.1.0
 */
import * as Browser from "@effect-auth/core/Browser"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Readline from "node:readline"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Where a person reads. Default: standard error, so that standard output stays the program's. */
  readonly output?: NodeJS.WritableStream | undefined
  /** Where a person types. Nothing is read unless it is a terminal. Default: standard input. */
  readonly input?: Input | undefined
}

/**
 * A stream that may be a terminal, as node's `tty.ReadStream` is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
  readonly isRaw?: boolean
  readonly readableFlowing?: boolean | null
  readonly setRawMode?: (raw: boolean) => unknown
}

/**
 * A prompt on a terminal. A browser that cannot be opened is no failure. Logins at the same time are all shown, and one
 * of them after another reads what is pasted.
 *
 * @example
 * ```ts
 * import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
 * import * as SystemBrowser from "@effect-auth/node/SystemBrowser"
 * import * as TerminalPrompt from "@effect-auth/node/TerminalPrompt"
 * import * as Layer from "effect/Layer"
 *
 * const OnStandardOutput = Layer.effect(LoginPrompt.LoginPrompt, TerminalPrompt.make({ output: process.stdout })).pipe(
 *   Layer.provide(SystemBrowser.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<LoginPrompt.Service, never, Browser.Browser> =>
  Effect.gen(function*() {
    const browser = yield* Browser.Browser
    const reading = yield* Effect.makeSemaphore(1)
    const terminal = Effect.sync((): Terminal => ({
      input: options.input ?? process.stdin,
      output: options.output ?? process.stderr
    }))
    return {
      browse: (login) =>
        Effect.flatMap(terminal, (terminal) => {
          const pasted = reading.withPermits(1)(paste(terminal, login.problem))
          return login.problem === undefined ? Effect.zipRight(show(terminal, browser, login), pasted) : pasted
        }),
      showCode: (login) =>
        Effect.zipWith(terminal, DateTime.now, (terminal, now) => {
          print(terminal, codeText(login, now))
        })
    }
  })

/**
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<LoginPrompt.LoginPrompt, never, Browser.Browser> = Layer.effect(
  LoginPrompt.LoginPrompt,
  make()
)

interface Terminal {
  readonly input: Input
  readonly output: NodeJS.WritableStream
}

const print = ({ output }: Terminal, text: string): void => {
  output.write(text)
}

/** The address comes first: the browser may take its time, or never open. */
const show = (
  terminal: Terminal,
  browser: Browser.Service,
  { mode, url }: LoginPrompt.BrowserLogin
): Effect.Effect<void> =>
  Effect.sync(() => print(terminal, `${visible(mode)}: log in with a browser at\n\n  ${address(url)}\n\n`)).pipe(
    Effect.zipRight(browser.open(url)),
    Effect.catchAll((error) => Effect.sync(() => print(terminal, `(${visible(error.message)})\n`)))
  )

const paste = (terminal: Terminal, problem: string | undefined): Effect.Effect<string> =>
  terminal.input.isTTY !== true ? Effect.never : Effect.suspend(() => {
    print(
      terminal,
      problem === undefined
        ? "If the browser does not bring you back here, paste the address at which it ends, or the code in it.\n"
        : `${visible(problem)}; paste the whole address at which the browser ends\n`
    )
    return line(terminal)
  })

/**
 * The next line that is not blank. Read by readline, because a terminal that edits lines itself cuts them off, after 1,024
 * bytes on macOS and 4,095 on Linux, and addresses with a code in them are longer. At its end, input is as it was before.
 */
const line = ({ input, output }: Terminal): Effect.Effect<string> =>
  Effect.async((resume) => {
    const wasFlowing = input.readableFlowing === true
    const wasRaw = input.isRaw === true
    const shown = isTerminal(output)
    const lines = Readline.createInterface({
      input,
      ...(shown ? { output } : undefined),
      historySize: 0,
      prompt: "> ",
      terminal: true
    })
    const end = () => {
      lines.close()
      if (wasRaw) input.setRawMode?.(true)
      if (wasFlowing) input.resume()
    }
    lines.on("line", (line) => {
      if (line.trim() === "") return lines.prompt()
      end()
      resume(Effect.succeed(line))
    })
    // the terminal makes no signal of ctrl-C while readline has it
    lines.on("SIGINT", () => {
      if (process.listenerCount("SIGINT") > 0) process.emit("SIGINT", "SIGINT")
      else process.kill(process.pid, "SIGINT")
    })
    lines.prompt()
    return Effect.sync(() => {
      end()
      if (shown) output.write("\n")
    })
  })

const isTerminal = (output: NodeJS.WritableStream): boolean => "isTTY" in output && output.isTTY === true

/** The code stands by itself, for whoever compares or types it (RFC 8628 section 3.3.1). */
const codeText = (
  { expiresAt, mode, userCode, verificationUri, verificationUriComplete }: LoginPrompt.DeviceLogin,
  now: DateTime.Utc
): string => {
  const left = Duration.toMillis(DateTime.distanceDuration(now, expiresAt))
  const minutes = DateTime.lessThan(expiresAt, now) ? 0 : Math.floor(left / 60_000)
  const within = minutes >= 1 ? ` within ${minutes} ${minutes === 1 ? "minute" : "minutes"}` : ""
  const complete = verificationUriComplete === undefined
    ? ""
    : `Or open this address and compare the code:\n\n  ${address(verificationUriComplete)}\n\n`
  return `${visible(mode)}: enter the code\n\n  ${visible(userCode)}\n\nat ${
    address(verificationUri)
  }${within}.\n\n${complete}`
}

/** A URL without what a terminal would take for a command. */
const address = (url: string): string => visible(URL.canParse(url) ? new URL(url).href : url)

/** A server's words may hold control characters, and some change what a person sees or how their terminal behaves. */
const visible = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "")
