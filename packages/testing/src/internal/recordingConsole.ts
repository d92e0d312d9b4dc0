/** A console that passes everything to `note` and writes nothing. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

export const make = (note: (args: ReadonlyArray<unknown>) => void): Console.Console => {
  const write = (...args: ReadonlyArray<unknown>) => Effect.sync(() => note(args))
  const unsafeWrite = (...args: ReadonlyArray<unknown>) => note(args)
  return {
    [Console.TypeId]: Console.TypeId,
    assert: (_condition, ...args) => write(...args),
    clear: Effect.void,
    count: (label) => write(label),
    countReset: (label) => write(label),
    debug: write,
    dir: (item) => write(item),
    dirxml: write,
    error: write,
    group: (options) => write(options?.label),
    groupEnd: Effect.void,
    info: write,
    log: write,
    table: (data) => write(data),
    time: (label) => write(label),
    timeEnd: (label) => write(label),
    timeLog: (label, ...args) => write(label, ...args),
    trace: write,
    warn: write,
    unsafe: {
      assert: (_condition, ...args) => unsafeWrite(...args),
      clear: () => {},
      count: unsafeWrite,
      countReset: unsafeWrite,
      debug: unsafeWrite,
      dir: unsafeWrite,
      dirxml: unsafeWrite,
      error: unsafeWrite,
      group: unsafeWrite,
      groupCollapsed: unsafeWrite,
      groupEnd: () => {},
      info: unsafeWrite,
      log: unsafeWrite,
      table: unsafeWrite,
      time: unsafeWrite,
      timeEnd: unsafeWrite,
      timeLog: unsafeWrite,
      trace: unsafeWrite,
      warn: unsafeWrite
    }
  }
}
