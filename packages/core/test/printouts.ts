/** Every way in which a value ends up on a screen, in a log or in a report. */
import { assert } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Logger from "effect/Logger"
import { format, inspect } from "node:util"

export const printouts = (value: unknown): ReadonlyArray<string> => {
  const carriers = [value, Cause.fail(value), Cause.die(value), Exit.fail(value), Exit.succeed(value), { value }]
  const texts = carriers.flatMap((carrier) => [
    String(carrier),
    `${JSON.stringify(carrier)}`,
    inspect(carrier),
    inspect(carrier, { depth: null, showHidden: true, getters: true }),
    format("%o %j %s", carrier, carrier, carrier), // what console.log does
    Inspectable.toStringUnknown(carrier)
  ])
  return [
    ...texts,
    ...logged(value),
    Cause.pretty(Cause.fail(value), { renderErrorCause: true }),
    value instanceof Error ? `${value.message} ${value.stack} ${inspect(value.cause)}` : ""
  ]
}

/** Fails when a secret, or its base64, is in a printout of the value. */
export const assertSecretFree = (value: unknown, secrets: ReadonlyArray<string>): void => {
  const forms = secrets.flatMap((secret) => [secret, Encoding.encodeBase64(secret), encodeURIComponent(secret)])
  for (const printout of printouts(value)) {
    for (const form of forms) assert.notInclude(printout, form)
  }
}

const logged = (value: unknown): ReadonlyArray<string> => {
  const lines: Array<string> = []
  const loggers = [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger].map((logger) =>
    Logger.map(logger, (line) => lines.push(line))
  )
  Effect.log("about", value, Cause.fail(value)).pipe(
    Effect.annotateLogs({ value }),
    Effect.provide(Logger.replace(Logger.defaultLogger, loggers.reduce((all, logger) => Logger.zipLeft(all, logger)))),
    Effect.runSync
  )
  return lines
}
