/**
 * By hand for Effect 4, whose Console is one of functions.
 *
 * A console that passes everything to `note` and writes nothing.
 */
import type * as Console from "effect/Console"

export const make = (note: (args: ReadonlyArray<unknown>) => void): Console.Console => {
  const write = (...args: ReadonlyArray<unknown>) => note(args)
  return {
    assert: (_condition, ...args) => write(...args),
    clear: () => {},
    count: write,
    countReset: write,
    debug: write,
    dir: write,
    dirxml: write,
    error: write,
    group: write,
    groupCollapsed: write,
    groupEnd: () => {},
    info: write,
    log: write,
    table: write,
    time: write,
    timeEnd: write,
    timeLog: write,
    trace: write,
    warn: write
  }
}
