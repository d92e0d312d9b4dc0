/** Runs a program; a failure is one message on stderr and exit code 1, without a stack trace. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

export const runMain = <A, E>(program: Effect.Effect<A, E>): void =>
  program.pipe(
    Effect.tapErrorCause((cause) =>
      Cause.isInterruptedOnly(cause)
        ? Effect.void
        : Console.error(Cause.prettyErrors(cause).map((error) => error.message).join("\n"))
    ),
    NodeRuntime.runMain({ disableErrorReporting: true })
  )
