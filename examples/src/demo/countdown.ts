/** A sleep that can be watched. */
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** On a terminal one line that counts down and goes away; otherwise one line, and silence. */
export const sleep = (duration: Duration.Duration, until: string): Effect.Effect<void> =>
  process.stdout.isTTY
    ? Effect.ensuring(live(duration, until), print("\r\u001b[2K"))
    : Effect.zipRight(Console.log(line(duration, until)), Effect.sleep(duration))

const line = (left: Duration.Duration, until: string): string =>
  `  .. ${Duration.toSeconds(left).toFixed(1)} s until ${until}`

const live = (duration: Duration.Duration, until: string): Effect.Effect<void> =>
  Effect.flatMap(Clock.currentTimeMillis, (start) => {
    const tick = Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const left = Math.max(0, Duration.toMillis(duration) - (now - start))
      return Effect.as(
        Effect.zipRight(print(`\r\u001b[2K${line(Duration.millis(left), until)}`), Effect.sleep(Math.min(left, 100))),
        left > 0
      )
    })
    return Effect.repeat(tick, { while: (more) => more })
  })

const print = (text: string): Effect.Effect<void> => Effect.sync(() => void process.stdout.write(text))
