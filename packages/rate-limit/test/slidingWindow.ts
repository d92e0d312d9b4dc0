// A server, in memory, with sliding windows and a concurrency limit.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

export interface Window {
  readonly limit: number
  readonly window: number
}

export interface Options {
  readonly windows: ReadonlyArray<Window>
  readonly concurrency?: number
  /** How long the n-th call runs. */
  readonly latency: (n: number) => Duration.DurationInput
  /** The quota headers of an answer. */
  readonly headers: (facts: Facts) => Record<string, string>
}

export interface Facts {
  /** Of each window: calls left, and milliseconds until the next one is accepted (0: now). */
  readonly windows: ReadonlyArray<Window & { readonly remaining: number; readonly toWait: number }>
  readonly concurrency: number | undefined
  readonly running: number
}

interface State {
  readonly accepted: ReadonlyArray<number>
  readonly running: number
  readonly seen: number
  readonly mostRunning: number
  readonly blocked: ReadonlyArray<number>
  readonly answered: ReadonlyArray<number>
  readonly executed: Chunk.Chunk<string>
}

/** What happened: when calls were blocked and answered, and the query of each that was executed. */
export type Stats = Omit<State, "accepted">

const factsOf = (options: Options, state: State, now: number): Facts => ({
  windows: options.windows.map(({ limit, window }) => {
    const recent = state.accepted.filter((at) => now - at < window)
    const leaving = recent[recent.length - limit]
    return {
      limit,
      window,
      remaining: Math.max(0, limit - recent.length),
      toWait: leaving === undefined ? 0 : leaving + window - now
    }
  }),
  concurrency: options.concurrency,
  running: state.running
})

export const make = (options: Options) =>
  Effect.gen(function*() {
    const ref = yield* Ref.make<State>({
      accepted: [],
      running: 0,
      seen: 0,
      mostRunning: 0,
      blocked: [],
      answered: [],
      executed: Chunk.empty()
    })

    const longest = Math.max(...options.windows.map(({ window }) => window))

    const arrive = (query: string) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.modify(ref, (state) => {
          const facts = factsOf(options, state, now)
          const isBlocked = state.running >= (options.concurrency ?? Infinity) ||
            facts.windows.some(({ remaining }) => remaining === 0)
          const seen = { ...state, seen: state.seen + 1 }
          return isBlocked
            ? [{ n: state.seen, status: 429 }, { ...seen, blocked: [...state.blocked, now] }]
            : [{ n: state.seen, status: 200 }, {
              ...seen,
              accepted: [...state.accepted.filter((at) => now - at < longest), now],
              running: state.running + 1,
              mostRunning: Math.max(state.mostRunning, state.running + 1),
              executed: Chunk.append(state.executed, query)
            }]
        }))

    const leave = (status: number, outcome: "answered" | "given up") =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.modify(ref, (state) => [
          options.headers(factsOf(options, state, now)),
          {
            ...state,
            answered: status === 200 && outcome === "answered" ? [...state.answered, now] : state.answered,
            running: status === 200 ? state.running - 1 : state.running
          }
        ]))

    const client = HttpClient.make((request, url) =>
      Effect.flatMap(arrive(url.search), ({ n, status }) =>
        Effect.onExit(
          status === 200 ? Effect.sleep(options.latency(n)) : Effect.void,
          (exit) => exit._tag === "Failure" && status === 200 ? leave(status, "given up") : Effect.void
        ).pipe(
          Effect.zipRight(leave(status, "answered")),
          Effect.map((headers) => HttpClientResponse.fromWeb(request, new Response("", { status, headers })))
        ))
    )

    const stats: Effect.Effect<Stats> = Ref.get(ref)
    /** Another consumer makes this many calls now. */
    const spend = (n: number) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.update(ref, (state) => ({
          ...state,
          accepted: [...state.accepted, ...Array.from({ length: n }, () => now)]
        })))
    return { client, stats, spend }
  })

/** The IETF's fields, draft 10. */
export const ietfHeaders = ({ windows }: Facts): Record<string, string> => ({
  "ratelimit-policy": windows.map(({ limit, window }) => `"${window}";q=${limit};w=${window / 1000}`).join(", "),
  ratelimit: windows.map(({ remaining, toWait, window }) => `"${window}";r=${remaining};t=${Math.ceil(toWait / 1000)}`)
    .join(", ")
})

/** Headers with one number each, as at Qualys. */
export const numberHeaders = ({ concurrency, running, windows }: Facts): Record<string, string> => ({
  "x-ratelimit-limit": String(windows[0]?.limit),
  "x-ratelimit-window-sec": String((windows[0]?.window ?? 0) / 1000),
  "x-ratelimit-remaining": String(windows[0]?.remaining),
  "x-ratelimit-towait-sec": String(Math.ceil((windows[0]?.toWait ?? 0) / 1000)),
  "x-concurrency-limit-limit": String(concurrency),
  "x-concurrency-limit-running": String(running)
})
