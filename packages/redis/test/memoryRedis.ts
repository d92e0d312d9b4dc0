/**
 * Redis in memory, for the sessions and quotas of several simulated processes: the scripts of the package in TypeScript, and what can
 * go wrong between a process and its Redis.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { exchange } from "../../rate-limit/src/internal/exchange.ts"
import type { SharedState } from "../../rate-limit/src/internal/sharedState.ts"
import type { Script, Service, Signal } from "../src/RedisClient.ts"
import { RedisError } from "../src/RedisClient.ts"

interface Entry {
  readonly generation: string
  readonly text: string
}

type Reply = ReadonlyArray<string>

export interface MemoryRedis {
  /** The connection of one process. */
  readonly connect: () => Connection
  readonly sessions: Map<string, Entry>
  readonly locks: Map<string, { readonly owner: string; readonly until: number }>
  readonly quotas: Map<string, SharedState>
  /** The scripts that ran, by name. */
  readonly ran: Array<string>
  /** What was published. */
  readonly published: Array<string>
  /** Away: no script runs, nothing is published. */
  readonly stop: Effect.Effect<void>
  /** Back, with what it had. */
  readonly start: Effect.Effect<void>
  /** Forgets everything, as a server without persistence at its restart. */
  readonly empty: Effect.Effect<void>
}

interface Listener {
  readonly channel: string
  readonly tell: (signal: Signal, now: number) => void
  /** The connection is there again. */
  readonly back: (now: number) => void
}

export interface Connection {
  readonly client: Service
  /** The process is dead, or cannot reach anything any more. */
  readonly cut: Effect.Effect<void>
  /** The next answers do not arrive, although the scripts run. */
  readonly loseAnswers: (count: number) => Effect.Effect<void>
  /** The next scripts are refused for good. */
  readonly refuse: Effect.Effect<void>
}

/** In milliseconds. */
const timeout = 2_000

export interface Options {
  /** In milliseconds, each way. Default: 1. */
  readonly trip?: number
  /** Until a process is connected again: a number of `step` milliseconds `within` so many. Default: at once. */
  readonly reconnects?: { readonly step: number; readonly within: number }
}

export const make = (options: Options = {}): MemoryRedis => {
  const trip = options.trip ?? 1
  const sessions: MemoryRedis["sessions"] = new Map()
  const locks: MemoryRedis["locks"] = new Map()
  const quotas: MemoryRedis["quotas"] = new Map()
  const ran: Array<string> = []
  const published: Array<string> = []
  const listeners = new Set<Listener>()
  let isAway = false
  let connections = 0
  /** Since when it has lost nothing; `undefined`: it begins when it is back. */
  let emptySince: number | undefined = -Infinity

  const publish = (now: number) => (channel: string, text: string) => {
    published.push(text)
    for (const { channel: own, tell } of listeners) if (own === channel) tell({ _tag: "Message", text }, now)
  }
  const unavailable = new RedisError({ reason: "Unavailable", detail: "there is no connection" })

  const connect = (): Connection => {
    const delay = options.reconnects === undefined
      ? 0
      : (connections++ * options.reconnects.step) % options.reconnects.within
    let connectedAt = 0
    let isCut = false
    let lost = 0
    let isRefused = false
    const run = (script: Script, keys: ReadonlyArray<string>, args: ReadonlyArray<string>) =>
      Effect.gen(function*() {
        yield* Effect.sleep(trip)
        if (isCut) return yield* Effect.zipRight(Effect.sleep(timeout), unavailable)
        if (isAway || (yield* Clock.currentTimeMillis) < connectedAt) return yield* unavailable
        if (isRefused) return yield* new RedisError({ reason: "Refused", detail: "the answer is NOPERM" })
        ran.push(script.name)
        const now = yield* Clock.currentTimeMillis
        emptySince ??= now
        const call = { sessions, locks, publish: publish(now), now, key: keys[0] ?? "", lock: keys[1] ?? "" }
        const reply = script.name === "exchange"
          ? exchanged(quotas, call, now - emptySince, args)
          : scripts[script.name]?.(call, args)
        yield* Effect.sleep(trip)
        if (isCut) return yield* Effect.zipRight(Effect.sleep(timeout), unavailable)
        if (lost > 0) {
          lost--
          return yield* unavailable
        }
        return reply
      })
    return {
      client: {
        run,
        subscribe: (channel) =>
          Stream.unwrapScoped(Effect.gen(function*() {
            const queue = yield* Effect.acquireRelease(
              Queue.unbounded<{ readonly signal: Signal; readonly after: number }>(),
              Queue.shutdown
            )
            let isDeaf = isAway
            const tell = (signal: Signal, after = trip) => void (isCut || queue.unsafeOffer({ signal, after }))
            const listener: Listener = {
              channel,
              tell: (signal, now) => isDeaf || now < connectedAt ? undefined : tell(signal),
              back: (now) => {
                isDeaf = false
                connectedAt = now + delay
                tell({ _tag: "Subscribed" }, delay + trip)
              }
            }
            yield* Effect.acquireRelease(
              Effect.sync(() => listeners.add(listener)),
              () => Effect.sync(() => listeners.delete(listener))
            )
            if (!isAway) tell({ _tag: "Subscribed" })
            return Stream.mapEffect(
              Stream.fromQueue(queue),
              ({ after, signal }) => Effect.as(Effect.sleep(after), signal)
            )
          }))
      },
      cut: Effect.sync(() => {
        isCut = true
      }),
      loseAnswers: (count) =>
        Effect.sync(() => {
          lost = count
        }),
      refuse: Effect.sync(() => {
        isRefused = true
      })
    }
  }

  return {
    connect,
    sessions,
    locks,
    quotas,
    ran,
    published,
    stop: Effect.sync(() => {
      isAway = true
    }),
    start: Effect.map(Clock.currentTimeMillis, (now) => {
      isAway = false
      for (const { back } of listeners) back(now)
    }),
    empty: Effect.sync(() => {
      sessions.clear()
      locks.clear()
      quotas.clear()
      emptySince = undefined
    })
  }
}

interface Call extends Pick<MemoryRedis, "sessions" | "locks"> {
  readonly publish: (channel: string, text: string) => void
  readonly now: number
  readonly key: string
  readonly lock: string
}

/** As the script of `quotaScript.ts`, with which the integration tests compare it. */
const exchanged = (
  quotas: MemoryRedis["quotas"],
  { key, now, publish }: Call,
  upFor: number,
  [text = "", channel = ""]: ReadonlyArray<string>
): string => {
  const report = JSON.parse(text)
  const [state, reply, news] = exchange(quotas.get(key), report, now, upFor > report.lease)
  quotas.set(key, state)
  if (news.length > 0) publish(channel, news.join(" "))
  return JSON.stringify(reply)
}

const ownerOf = ({ lock, locks, now }: Call): string | undefined => {
  const held = locks.get(lock)
  return held === undefined || held.until <= now ? undefined : held.owner
}

/** As in `sessionScripts.ts`; the integration tests compare the two. */
export const scripts: Record<string, (call: Call, args: ReadonlyArray<string>) => Reply> = {
  read: ({ key, sessions }) => {
    const entry = sessions.get(key)
    return [entry?.generation ?? "0", entry?.text ?? ""]
  },
  acquire: (call, [owner = "", lease, anyway, channel = ""]) => {
    const other = ownerOf(call)
    if (other !== undefined && other !== owner) {
      return ["held", String((call.locks.get(call.lock)?.until ?? 0) - call.now)]
    }
    const entry = call.sessions.get(call.key)
    if (entry === undefined && anyway !== "anyway") {
      call.publish(channel, "who")
      return ["empty"]
    }
    if (entry === undefined) call.sessions.set(call.key, { generation: "1", text: "" })
    call.locks.set(call.lock, { owner, until: call.now + Number(lease) })
    return ["granted", entry?.generation ?? "1", entry?.text ?? ""]
  },
  renew: (call, [owner = "", lease, generation]) => {
    const holder = ownerOf(call)
    const other = holder === "everyone" ? undefined : holder
    if (other !== undefined && other !== owner) return ["lost"]
    const stored = call.sessions.get(call.key)
    if (other === undefined && stored !== undefined && Number(stored.generation) > Number(generation)) return ["lost"]
    call.locks.set(call.lock, { owner, until: call.now + Number(lease) })
    return ["renewed"]
  },
  release: (call, [owner, channel = ""]) => {
    if (ownerOf(call) === owner) {
      call.locks.delete(call.lock)
      call.publish(channel, "released")
    }
    return ["released"]
  },
  put: ({ key, publish, sessions }, [expected, generation = "", text = "", channel = ""]) => {
    const entry = sessions.get(key)
    if (entry?.generation === generation && entry.text === text) return ["stored"]
    const held = entry === undefined || entry.text === "" ? "0" : entry.generation
    if (held !== expected || (entry !== undefined && Number(entry.generation) >= Number(generation))) {
      return ["refused", entry?.generation ?? "0", entry?.text ?? ""]
    }
    sessions.set(key, { generation, text })
    publish(channel, `stored ${generation}`)
    return ["stored"]
  },
  restore: (call, [generation = "", text = "", channel = "", _, kept]) => {
    const { key, lock, locks, now, publish, sessions } = call
    const entry = sessions.get(key)
    if (entry !== undefined && Number(entry.generation) >= Number(generation)) {
      return ["kept", entry.generation, entry.text]
    }
    sessions.set(key, { generation, text })
    if (ownerOf(call) === undefined) locks.set(lock, { owner: "everyone", until: now + Number(kept) })
    publish(channel, `stored ${generation}`)
    return ["restored"]
  },
  remove: ({ key, publish, sessions }, [expected, generation = "", channel = ""]) => {
    const entry = sessions.get(key)
    if (entry !== undefined && entry.generation !== expected) return ["kept", entry.generation, entry.text]
    sessions.set(key, { generation, text: "" })
    publish(channel, `stored ${generation}`)
    return ["removed"]
  }
}
