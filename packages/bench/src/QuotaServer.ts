/**
 * A server in memory with a quota per second, counted in windows that begin with the second, so that whole seconds in
 * `Retry-After` and `X-RateLimit-Reset` tell the truth.
 */
import { sleep } from "./Measure.ts"

export interface Options {
  readonly perSecond: number
  /** What another consumer of the same quota takes at the beginning of each window. */
  readonly takenByOthers: number
  /** Milliseconds. */
  readonly latency: number
}

export class QuotaServer {
  blocked = 0
  /** Of these, the ones whose request came when an earlier answer had already stated the quota. */
  blockedKnowingly = 0
  #window = 0
  #used = 0
  #stated = false
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  readonly fetch = async (): Promise<Response> => {
    const { latency, perSecond, takenByOthers } = this.#options
    const now = Date.now()
    const window = Math.floor(now / 1000)
    if (window !== this.#window) {
      this.#window = window
      this.#used = takenByOthers
    }
    const admitted = this.#used < perSecond
    if (admitted) this.#used++
    else {
      this.blocked++
      if (this.#stated) this.blockedKnowingly++
    }
    const headers = {
      "content-type": "application/json",
      "x-ratelimit-limit": String(perSecond),
      "x-ratelimit-remaining": String(perSecond - this.#used),
      "x-ratelimit-reset": String(window + 1)
    }
    await sleep(latency)
    this.#stated = true
    return admitted
      ? Response.json({}, { headers })
      : Response.json({ message: "quota exceeded" }, { status: 429, headers: { ...headers, "retry-after": "1" } })
  }
}

/** Waits for the beginning of a window, and a moment more, in case a timer is early; answers when it began. */
export const nextWindow = async (): Promise<number> => {
  await sleep(1000 - Date.now() % 1000 + margin)
  return Math.floor(Date.now() / 1000) * 1000
}

const margin = 10
