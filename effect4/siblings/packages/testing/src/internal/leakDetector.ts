/**
 * By hand for Effect 4, where loggers and levels are references, and a snapshot of metrics has other fields.
 *
 * The detector: knows the secrets by name, searches what it is given and watches what an effect does.
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Result from "effect/Result"

import * as Metric from "effect/Metric"

import * as PubSub from "effect/PubSub"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Patterns from "./leakPatterns.ts"
import * as Texts from "./leakTexts.ts"
import * as RecordingConsole from "./recordingConsole.ts"
import * as RecordingTracer from "./recordingTracer.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface LeakDetector {
  /** The secrets in a text, such as what a program wrote to its standard output. */
  readonly inText: (where: string, text: string) => ReadonlyArray<Patterns.Leak>
  /**
   * The secrets in a value: in what `String`, `JSON.stringify`, `Cause.pretty` and the `render` functions make of it,
   * and in everything that is reachable over its own properties.
   */
  readonly inValue: (where: string, value: unknown) => ReadonlyArray<Patterns.Leak>
  /**
   * Runs an effect and searches all that it does: its result; every line of the string, logfmt, JSON, structured and
   * pretty loggers at every level; what it writes to the Console; names, attributes, events, links and failures of its
   * spans; its `AuthEvent`s; every metric.
   *
   * Logger, Tracer, Console and event hub are replaced for the effect. Provide its layers within, so that what they
   * fork is watched too.
   */
  readonly watch: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Observation<A, E>, never, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Observation<out A, out E> {
  readonly exit: Exit.Exit<A, E>
  readonly leaks: ReadonlyArray<Patterns.Leak>
  /** How many texts and values were searched; zero means that nothing was watched. */
  readonly looked: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Further ways to print a value, such as `(value) => inspect(value, { showHidden: true, depth: 10 })` of Node. */
  readonly render?: ReadonlyArray<Texts.Render> | undefined
}

/**
 * Secrets by the name that a report shows instead of them.
 *
 * @since 0.1.0
 * @category models
 */
export type Secrets = Readonly<Record<string, string | Redacted.Redacted>>

/**
 * A detector for secrets by name. Fails with `InvalidSetting` if one has fewer than eight characters: such a short text
 * turns up everywhere.
 *
 * @example
 * ```ts
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import * as Effect from "effect/Effect"
 *
 * declare const program: Effect.Effect<void>
 *
 * const test = Effect.gen(function*() {
 *   const detector = yield* Effect.fromResult(LeakDetector.make({ password: "canary-password" }))
 *   const { leaks } = yield* detector.watch(program)
 *   return leaks // []
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (secrets: Secrets, options?: Options): Result.Result<LeakDetector, InvalidSetting> => {
  const entries = Object.entries(secrets).map(([name, secret]) =>
    [name, typeof secret === "string" ? secret : Redacted.value(secret)] as const
  )
  const short = entries.find(([, secret]) => secret.length < 8)
  if (short !== undefined) {
    return Result.fail(new InvalidSetting({ setting: `secrets.${short[0]}`, problem: "has fewer than 8 characters" }))
  }
  const patterns = entries.flatMap(([name, secret]) => Patterns.make(name, secret))

  const inText: LeakDetector["inText"] = (where, text) => Patterns.search(patterns, where, text)

  const inValue: LeakDetector["inValue"] = (where, value) => {
    const texts = typeof value === "string"
      ? [value]
      : [...Texts.printed(value, options?.render ?? []), ...Texts.reachable(value)]
    return inText(where, Array.from(new Set(texts)).join(separator))
  }

  const watch: LeakDetector["watch"] = (effect) =>
    Effect.scoped(Effect.gen(function*() {
      const leaks: Array<Patterns.Leak> = []
      let looked = 0
      const note = (where: string, value: unknown) => {
        looked++
        for (const leak of inValue(where, value)) leaks.push(leak)
      }
      const hub = yield* Layer.build(AuthEvent.layer)
      const events = yield* Effect.provide(AuthEvent.subscribe, hub)
      const noteEvent = (event: AuthEvent.AuthEvent) => note(`event ${event._tag}`, event)
      // read while the program runs, because the hub keeps a thousand
      yield* Effect.forkScoped(Effect.forever(Effect.map(PubSub.take(events), noteEvent)), {
        uninterruptible: "inherit"
      })
      const loggers = new Set<Logger.Logger<unknown, unknown>>([
        Logger.map(Logger.formatSimple, (line) => note("string log", line)),
        Logger.map(Logger.formatLogFmt, (line) => note("logfmt log", line)),
        Logger.map(Logger.formatJson, (line) => note("JSON log", line)),
        Logger.map(Logger.formatStructured, (entry) => note("structured log", entry)),
        Logger.consolePretty({ colors: false, mode: "tty" }) // writes to the Console
      ])
      const exit = yield* effect.pipe(
        Effect.withTracer(RecordingTracer.make(note)),
        Effect.withTracerEnabled(true),
        Effect.provideService(Logger.CurrentLoggers, loggers),
        Effect.provideService(References.MinimumLogLevel, "All"),
        Effect.provideService(
          Console.Console,
          RecordingConsole.make((args) => args.forEach((arg) => note("console", arg)))
        ),
        Effect.provide(hub),
        Effect.exit
      )
      note("result", exit)
      for (const event of yield* PubSub.takeUpTo(events, Infinity)) noteEvent(event)
      for (const metric of yield* Metric.snapshot) note("metric", metric)
      return { exit, leaks: Patterns.distinct(leaks), looked }
    }))

  return Result.succeed({ inText, inValue, watch })
}

/** Part of no secret and no whitespace, so that nothing is found across two texts. */
const separator = "\u0000"
