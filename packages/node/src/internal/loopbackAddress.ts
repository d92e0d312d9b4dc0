/**
 * Which addresses a host of loopback stands for, and how one port of all of them is had (RFC 8252 sections 7.3 and 8.3).
 * What listens is a parameter: what is decided here depends on addresses that are in use, or not on this machine.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"

/** A name of this machine, as it stands in a URL. */
export type Host = "127.0.0.1" | "[::1]" | "localhost"

/** What listens on one address. */
export interface Listener {
  readonly port: number
  readonly close: Effect.Effect<void>
}

/** Listens on an address. `host` is what clients call it. */
export type Listen = (address: "127.0.0.1" | "::1", port: number, host: Host) => Effect.Effect<Listener, ListenFailed>

/** Why nothing listens, by the system's code, such as `EADDRINUSE`. */
export class ListenFailed extends Data.TaggedError("ListenFailed")<{ readonly code: string }> {}

/** What listens on every address of a host that is there. */
export interface Bound extends Listener {
  readonly host: Host
}

/**
 * Without a host, 127.0.0.1, or `[::1]` on a machine without it. `localhost` is both families on one port, because a
 * browser tries either first; another program must not get the answer by listening on the one that is left.
 */
export const bind = (listen: Listen, host: Host | undefined, port: number): Effect.Effect<Bound, ListenFailed> => {
  const only = (host: "127.0.0.1" | "[::1]") =>
    Effect.map(
      listen(host === "[::1]" ? "::1" : host, port, host),
      (listener): Bound => ({ ...listener, host })
    )
  return host === undefined
    ? Effect.catchIf(only("127.0.0.1"), isAbsent, () => only("[::1]"))
    : host === "localhost"
    ? Effect.retry(both(listen, port), { times: 16, while: (error) => port === 0 && isInUse(error) })
    : only(host)
}

const both = (listen: Listen, port: number): Effect.Effect<Bound, ListenFailed> => {
  const host = "localhost"
  return listen("127.0.0.1", port, host).pipe(
    Effect.flatMap((first) =>
      listen("::1", first.port, host).pipe(
        Effect.map((second): Bound => ({ host, port: first.port, close: Effect.zipRight(first.close, second.close) })),
        Effect.catchIf(isAbsent, () => Effect.succeed<Bound>({ ...first, host })),
        Effect.onError(() => first.close)
      )
    ),
    Effect.catchIf(isAbsent, () => Effect.map(listen("::1", port, host), (only): Bound => ({ ...only, host })))
  )
}

/** What a person is told, and whether another program, or another login, has the port. */
export const explain = (
  error: ListenFailed
): { readonly reason: "PortInUse" | "Unavailable"; readonly problem: string } =>
  isInUse(error)
    ? { reason: "PortInUse", problem: "the port is in use" }
    : {
      reason: "Unavailable",
      problem: error.code === "EACCES"
        ? "the system does not allow this port (EACCES)"
        : isAbsent(error)
        ? `this machine has no such address (${error.code})`
        : error.code
    }

const isInUse = ({ code }: ListenFailed): boolean => code === "EADDRINUSE"

/** Whether the machine has no such address, or no such family. */
const isAbsent = ({ code }: ListenFailed): boolean => code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT"
