/**
 * Finds secrets where none may be: give it the secrets of a test, run a program under its watch, and it tells in which
 * log, span, metric, event, error or result one of them turned up, in whatever encoding.
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as FiberRef from "effect/FiberRef"
import * as HashSet from "effect/HashSet"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as PubSub from "effect/PubSub"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as RecordingConsole from "./internal/recordingConsole.ts"
import * as RecordingTracer from "./internal/recordingTracer.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface LeakDetector {
  /** The secrets in a text, such as what a program wrote to its standard output. */
  readonly inText: (where: string, text: string) => ReadonlyArray<Leak>
  /**
   * The secrets in a value: in what `String`, `JSON.stringify`, `Cause.pretty` and the `render` functions make of it, and in
   * everything that can be reached over its own properties.
   */
  readonly inValue: (where: string, value: unknown) => ReadonlyArray<Leak>
  /**
   * Runs an effect and looks for the secrets in all that it does: its result; every log line of the string, logfmt,
   * JSON, structured and pretty loggers at every level; what it writes to the Console; names, attributes, events, links
   * and failures of its spans; its `AuthEvent`s; every metric.
   *
   * Logger, Tracer, Console and event hub are replaced for the effect. Provide its layers within, so that what they fork
   * is watched too.
   */
  readonly watch: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<Observation<A, E>, never, R>
}

/**
 * A secret where none may be. Says which one by its name, so that a report can be shown to anyone.
 *
 * @since 0.1.0
 * @category models
 */
export interface Leak {
  readonly secret: string
  readonly encoding: "raw" | "json" | "percent" | "base64" | "base64url" | "hex" | "bytes"
  readonly where: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Observation<out A, out E> {
  readonly exit: Exit.Exit<A, E>
  readonly leaks: ReadonlyArray<Leak>
  /** How many texts and values were looked at: zero would mean that nothing was watched. */
  readonly looked: number
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Further ways of printing a value, such as `(value) => inspect(value, { showHidden: true, depth: 10 })` of Node. */
  readonly render?: ReadonlyArray<(value: unknown) => string> | undefined
}

/**
 * A detector for secrets, by name. Fails with `InvalidSetting` when one has fewer than eight characters: it would be
 * found everywhere.
 *
 * @example
 * ```ts
 * import * as LeakDetector from "@effect-auth/testing/LeakDetector"
 * import * as Effect from "effect/Effect"
 *
 * declare const program: Effect.Effect<void>
 *
 * const test = Effect.gen(function*() {
 *   const detector = yield* LeakDetector.make({ password: "canary-password" })
 *   const { leaks } = yield* detector.watch(program)
 *   return leaks // []
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  secrets: Readonly<Record<string, string | Redacted.Redacted>>,
  options?: Options
): Either.Either<LeakDetector, InvalidSetting> => {
  const entries = Object.entries(secrets).map(([name, secret]) =>
    [name, typeof secret === "string" ? secret : Redacted.value(secret)] as const
  )
  const short = entries.find(([, secret]) => secret.length < 8)
  if (short !== undefined) {
    return Either.left(new InvalidSetting({ setting: `secrets.${short[0]}`, problem: "has fewer than 8 characters" }))
  }
  const patterns = entries.flatMap(([name, secret]) => patternsOf(name, secret))

  const inText = (where: string, text: string): ReadonlyArray<Leak> => {
    const dense = text.replace(/\s+/gu, "")
    return patterns
      .filter(({ encoding, pattern }) => (byteWise.has(encoding) ? dense : text).includes(pattern))
      .map(({ encoding, secret }) => ({ secret, encoding, where }))
  }

  const renderings: ReadonlyArray<(value: unknown) => string> = [...builtIn, ...(options?.render ?? [])]

  const inValue = (where: string, value: unknown): ReadonlyArray<Leak> =>
    typeof value === "string" ? inText(where, value) : distinct([
      ...renderings.flatMap((render) => inText(where, attempt(render, value))),
      ...textsWithin(value).flatMap((text) => inText(where, text))
    ])

  const watch = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<Observation<A, E>, never, R> =>
    Effect.scoped(Effect.gen(function*() {
      const leaks: Array<Leak> = []
      let looked = 0
      const note = (where: string, value: unknown) => {
        looked++
        for (const leak of inValue(where, value)) leaks.push(leak)
      }
      const hub = yield* PubSub.unbounded<AuthEvent.AuthEvent>()
      const events = yield* PubSub.subscribe(hub)
      const loggers = HashSet.make<ReadonlyArray<Logger.Logger<unknown, void>>>(
        Logger.map(Logger.stringLogger, (line) => note("string log", line)),
        Logger.map(Logger.logfmtLogger, (line) => note("logfmt log", line)),
        Logger.map(Logger.jsonLogger, (line) => note("JSON log", line)),
        Logger.map(Logger.structuredLogger, (entry) => note("structured log", entry)),
        Logger.prettyLogger({ colors: false, mode: "tty" }) // writes to the Console
      )
      const exit = yield* effect.pipe(
        Effect.withTracer(RecordingTracer.make(note)),
        Effect.withTracerEnabled(true),
        Effect.locally(FiberRef.currentLoggers, loggers),
        Effect.locally(FiberRef.currentMinimumLogLevel, LogLevel.All),
        Console.withConsole(RecordingConsole.make((args) => args.forEach((arg) => note("console", arg)))),
        Effect.provideService(AuthEvent.AuthEvents, hub),
        Effect.exit
      )
      note("result", exit)
      for (const event of yield* Queue.takeAll(events)) note(`event ${event._tag}`, event)
      for (const { metricKey, metricState } of yield* Metric.snapshot) note("metric", [metricKey, metricState])
      return { exit, leaks: distinct(leaks), looked }
    }))

  return Either.right({ inText, inValue, watch })
}

interface Pattern {
  readonly secret: string
  readonly encoding: Leak["encoding"]
  readonly pattern: string
}

const patternsOf = (secret: string, text: string): ReadonlyArray<Pattern> => {
  const bytes = new TextEncoder().encode(text)
  const base64 = [0, 1, 2].map((offset) => base64Within(bytes, offset))
  const percent = [encodeURIComponent(text), new URLSearchParams([["", text]]).toString().slice(1)]
  const all: ReadonlyArray<readonly [Leak["encoding"], ReadonlyArray<string>]> = [
    ["raw", [text]],
    ["json", [JSON.stringify(text).slice(1, -1)]],
    ["percent", [...percent, ...percent.map((escaped) => escaped.replace(/%../gu, (octet) => octet.toLowerCase()))]],
    ["base64", base64],
    ["base64url", base64.map((encoded) => encoded.replaceAll("+", "-").replaceAll("/", "_"))],
    ["hex", [Encoding.encodeHex(bytes)]],
    ["bytes", [bytes.join(",")]]
  ]
  const seen = new Set<string>()
  return all.flatMap(([encoding, patterns]) =>
    patterns.flatMap((pattern) => {
      if (seen.has(pattern)) return []
      seen.add(pattern)
      return [{ secret, encoding, pattern }]
    })
  )
}

/**
 * What base64 makes of bytes that begin `offset` bytes after a group of three, as a password does after the user name in
 * HTTP Basic; without the characters at both ends that depend on their neighbours.
 */
const base64Within = (bytes: Uint8Array, offset: number): string => {
  const padded = new Uint8Array(offset + bytes.length)
  padded.set(bytes, offset)
  return Encoding.encodeBase64(padded).slice(Math.ceil(offset * 8 / 6), Math.floor(padded.length * 8 / 6))
}

/** These are printed in columns and broken into lines. */
const byteWise: ReadonlySet<Leak["encoding"]> = new Set(["hex", "bytes"])

const builtIn: ReadonlyArray<(value: unknown) => string> = [
  (value) => String(value),
  (value) => JSON.stringify(value) ?? "",
  (value) => JSON.stringify(value, null, 2) ?? "",
  (value) => value instanceof Error ? [value.name, value.message, value.stack].join("\n") : "",
  (value) => Exit.isExit(value) && Exit.isFailure(value) ? pretty(value.cause) : "",
  (value) => Cause.isCause(value) ? pretty(value) : ""
]

const pretty = (cause: Cause.Cause<unknown>): string =>
  [cause, ...Cause.failures(cause), ...Cause.defects(cause)]
    .map((part) => Cause.isCause(part) ? Cause.pretty(part, { renderErrorCause: true }) : String(part))
    .join("\n")

/** What cannot be printed (a cycle in JSON, say) shows nothing by that way. */
const attempt = (render: (value: unknown) => string, value: unknown): string =>
  Either.getOrElse(Either.try(() => render(value)), () => "")

/** Every string, and every byte array as text, that a debugger would find over own properties, Maps and Sets. */
const textsWithin = (root: unknown): ReadonlyArray<string> => {
  const texts: Array<string> = []
  const seen = new Set<unknown>()
  const pending: Array<unknown> = [root]
  while (pending.length > 0 && seen.size < nodesAtMost) {
    const value = pending.pop()
    if (typeof value === "string") texts.push(value)
    if (value === null || (typeof value !== "object" && typeof value !== "function") || seen.has(value)) continue
    seen.add(value)
    if (value instanceof Uint8Array) {
      texts.push(new TextDecoder().decode(value))
      continue
    }
    if (value instanceof Map || value instanceof Set) { for (const entry of value) pending.push(entry) }
    for (const key of Reflect.ownKeys(value)) {
      if (typeof key === "string") texts.push(key)
      const property = Object.getOwnPropertyDescriptor(value, key)
      if (property !== undefined && "value" in property) pending.push(property.value)
    }
  }
  return texts
}

/** A value from which the whole program can be reached is not searched to its end. */
const nodesAtMost = 20_000

const distinct = (leaks: ReadonlyArray<Leak>): ReadonlyArray<Leak> =>
  Array.from(new Map(leaks.map((leak) => [JSON.stringify(leak), leak])).values())
