/**
 * A server in memory that issues tokens and can revoke them. Its answers take real time, as a network's would.
 */
import { sleep } from "./Measure.ts"
import { answer, asOfNode, origin } from "./stub.ts"

export const tokenUrl = `${origin}/token`

export interface Options {
  /** Asks for tokens? Without it, every request is answered 200: what the client costs by itself. */
  readonly protected: boolean
  /** Milliseconds. */
  readonly latency: number
  readonly exchangeLatency: number
  /** Revokes the token when so many requests have come in. */
  readonly revokeAt?: ReadonlyArray<number>
  /** Every second answer to a request with a dead token takes so long. */
  readonly lateRefusal?: number
}

export class Refused extends Error {}

export class TokenServer {
  exchanges = 0
  /** Refuses every login from now on. */
  refusing = false
  #requests = 0
  #refusals = 0
  #issued = 0
  /** Tokens up to this one are dead. */
  #revoked = 0
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  /** The resource. */
  async request(authorization: string | null): Promise<Response> {
    const { lateRefusal, latency, revokeAt = [] } = this.#options
    this.#requests++
    if (revokeAt.includes(this.#requests)) this.#revoked = this.#issued
    if (
      !this.#options.protected || Number(/^Bearer canary-(\d+)$/i.exec(authorization ?? "")?.[1] ?? 0) > this.#revoked
    ) {
      if (latency > 0) await sleep(latency)
      return served
    }
    this.#refusals++
    await sleep(lateRefusal !== undefined && this.#refusals % 2 === 0 ? lateRefusal : latency)
    return asOfNode(new Response(null, { status: 401, headers: { "www-authenticate": challenge } }))
  }

  /** The token endpoint: an exchange that is counted and takes its time. */
  async exchange(signal?: AbortSignal): Promise<string> {
    this.exchanges++
    await sleep(this.#options.exchangeLatency)
    if (signal?.aborted === true) throw new Refused("aborted")
    if (this.refusing) throw new Refused("invalid_client")
    return `canary-${++this.#issued}`
  }

  /** For clients that speak to a token endpoint by themselves. */
  readonly fetch = async (input: RequestInfo | URL, init?: RequestInit): Promise<Response> => {
    const url = input instanceof Request ? input.url : String(input)
    if (url.startsWith(tokenUrl)) {
      try {
        return Response.json({ access_token: await this.exchange(), token_type: "Bearer", expires_in: 3600 })
      } catch {
        return Response.json({ error: "invalid_grant" }, { status: 400 })
      }
    }
    const headers = input instanceof Request ? input.headers : new Headers(init?.headers)
    return this.request(headers.get("authorization"))
  }
}

const served = asOfNode(new Response(null, answer))

/** A challenge with claims is what the Azure policy renews for. */
const challenge = `Bearer error="insufficient_claims", claims="${btoa("{}")}"`
