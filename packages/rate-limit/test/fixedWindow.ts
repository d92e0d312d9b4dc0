// A server, in memory, that counts calls in windows that begin with the second and shares its quota with another consumer.
// Such a server states no window and admits all requests at once, which a client must not do.
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"

export interface Options {
  /** Calls in each second. */
  readonly limit: number
  /** When in each window, in milliseconds from its beginning, the other consumer makes a call. */
  readonly others: ReadonlyArray<number>
  /** Milliseconds that the n-th call runs. */
  readonly latency: (n: number) => number
  readonly headers: (facts: Facts) => Record<string, string>
}

export interface Facts {
  readonly blocked: boolean
  readonly limit: number
  readonly remaining: number
  /** The second in which there is more. */
  readonly reset: number
}

export interface Stats {
  readonly blocked: number
  /** Blocked calls that were sent after an answer had stated the quota. */
  readonly blockedKnowingly: number
  readonly served: number
  /** When the last call was served. */
  readonly finished: number
}

interface State extends Stats {
  readonly window: number
  /** Of this program, in the window. */
  readonly accepted: number
  readonly answered: boolean
}

export const make = ({ headers, latency, limit, others }: Options) =>
  Effect.gen(function*() {
    const ref = yield* Ref.make<State>({
      window: 0,
      accepted: 0,
      answered: false,
      blocked: 0,
      blockedKnowingly: 0,
      served: 0,
      finished: 0
    })

    const arrive = (state: State, now: number): readonly [Facts & { readonly n: number }, State] => {
      const window = Math.floor(now / 1000)
      const accepted = window === state.window ? state.accepted : 0
      const taken = others.filter((at) => at <= now % 1000).length
      const blocked = accepted + taken >= limit
      const facts = {
        n: state.served + state.blocked,
        blocked,
        limit,
        remaining: blocked ? 0 : limit - accepted - taken - 1,
        reset: window + 1
      }
      return [
        facts,
        blocked
          ? {
            ...state,
            window,
            accepted,
            blocked: state.blocked + 1,
            blockedKnowingly: state.blockedKnowingly + (state.answered ? 1 : 0)
          }
          : { ...state, window, accepted: accepted + 1, served: state.served + 1, finished: now }
      ]
    }

    const client = HttpClient.make((request) =>
      Effect.gen(function*() {
        const now = yield* Clock.currentTimeMillis
        const facts = yield* Ref.modify(ref, (state) => arrive(state, now))
        yield* Effect.sleep(latency(facts.n))
        yield* Ref.update(ref, (state) => ({ ...state, answered: true }))
        const init = { status: facts.blocked ? 429 : 200, headers: headers(facts) }
        return HttpClientResponse.fromWeb(request, new Response("", init))
      })
    )

    const stats: Effect.Effect<Stats> = Ref.get(ref)
    return { client, stats }
  })

/** As most servers state it: the reset as an epoch, no length of the window, and the wait in whole seconds. */
export const statedHeaders = ({ blocked, limit, remaining, reset }: Facts): Record<string, string> => ({
  "x-ratelimit-limit": String(limit),
  "x-ratelimit-remaining": String(remaining),
  "x-ratelimit-reset": String(reset),
  ...(blocked ? { "retry-after": "1" } : {})
})

/** Only blocks are stated. */
export const unstatedHeaders = ({ blocked }: Facts): Record<string, string> => blocked ? { "retry-after": "1" } : {}
