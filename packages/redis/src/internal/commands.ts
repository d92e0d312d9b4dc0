/**
 * Scripts by their hash: the text is sent when Redis does not have it, such as after a restart.
 */
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Predicate from "effect/Predicate"

interface Client {
  readonly evalsha: (sha1: string, numkeys: number, ...args: Array<string>) => Promise<unknown>
  readonly eval: (script: string, numkeys: number, ...args: Array<string>) => Promise<unknown>
}

/** Runs scripts with a client. `failed` makes the error. */
export const make = <E>(
  client: Client,
  timeout: DurationWithUnit,
  failed: (reason: "Unavailable" | "Refused", detail: string) => E
) => {
  const hashes = new Map<string, string>()
  const hashOf = (lua: string) =>
    Effect.suspend(() => {
      const known = hashes.get(lua)
      return known === undefined
        ? Effect.tap(sha1(lua), (hash) => Effect.sync(() => hashes.set(lua, hash)))
        : Effect.succeed(known)
    })
  const sending = (send: () => Promise<unknown>) => Effect.tryPromise({ try: send, catch: codeOf })

  return (
    { lua }: { readonly lua: string },
    keys: ReadonlyArray<string>,
    args: ReadonlyArray<string>
  ): Effect.Effect<unknown, E> =>
    hashOf(lua).pipe(
      Effect.flatMap((hash) => sending(() => client.evalsha(hash, keys.length, ...keys, ...args))),
      Effect.catchIf(
        (code) => code === "NOSCRIPT",
        () => sending(() => client.eval(lua, keys.length, ...keys, ...args))
      ),
      Effect.mapError((code) =>
        code === undefined
          ? failed("Unavailable", "there is no connection")
          : failed(passing.has(code) ? "Unavailable" : "Refused", `the answer is ${code}`)
      ),
      Effect.timeoutFail({
        duration: timeout,
        onTimeout: () => failed("Unavailable", `no answer within ${Duration.format(timeout)}`)
      })
    )
}

/** In milliseconds: soon, because others wait a second for what this process knows. */
export const reconnectAfter = (attempt: number): number => Math.min(attempt * 50, 500)

/**
 * The code with which an answer of Redis begins; `undefined`: there was no answer. Its other words, and those of the
 * client, may quote what was sent.
 */
const codeOf = (error: unknown): string | undefined =>
  Predicate.hasProperty(error, "name") && error.name === "ReplyError" &&
    Predicate.hasProperty(error, "message") && Predicate.isString(error.message)
    ? /^[A-Z]{2,20}(?= |$)/u.exec(error.message)?.[0] ?? "ERR"
    : undefined

/** What Redis says while it starts, fails over, moves slots, runs another script or is full. */
const passing = new Set([
  "BUSY",
  "CLUSTERDOWN",
  "LOADING",
  "MASTERDOWN",
  "MISCONF",
  "NOREPLICAS",
  "OOM",
  "READONLY",
  "TRYAGAIN",
  "UNBLOCKED",
  "UNKILLABLE"
])

/** As Redis names its scripts. */
const sha1 = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-1", new TextEncoder().encode(text))),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )
