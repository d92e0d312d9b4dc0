/**
 * What servers have said of proofs, by origin: the nonce that they want in the next one (RFC 9449 section 8), and how far
 * their clock is from ours (section 11.1: a proof is good for a short time).
 */
import * as MutableRef from "effect/MutableRef"

/** What is known of a server. */
export interface Server {
  readonly nonce: string | undefined
  /** How far its clock is ahead, in milliseconds. */
  readonly ahead: number
}

/** The servers of one source, or of one client. */
export type Servers = MutableRef.MutableRef<ReadonlyMap<string, Server>>

type Headers = Readonly<Record<string, string | undefined>>

export const make = (): Servers => MutableRef.make<ReadonlyMap<string, Server>>(new Map())

export const of = (servers: Servers, url: string): Server => {
  const known = MutableRef.get(servers)
  return (known.size === 0 ? undefined : known.get(new URL(url).origin)) ?? unknown
}

/** Whether an answer brought a nonce. The latest one counts, whatever the status of the answer. */
export const noteNonce = (servers: Servers, url: string, headers: Headers): boolean => {
  const nonce = headers["dpop-nonce"]
  // RFC 9449 section 8.1: what RFC 6749 calls NQCHAR
  if (nonce === undefined || !/^[\x21\x23-\x5b\x5d-\x7e]{1,1024}$/u.test(nonce)) return false
  if (of(servers, url).nonce !== nonce) update(servers, url, { nonce })
  return true
}

/**
 * Whether a proof may have been refused for its time, by the `Date` of the answer that came at `now` (epoch milliseconds):
 * then the next one has the server's time. `ahead` is what the proof was made with, whatever others were since. The date of
 * an answer from a cache (`Age`) is another one's.
 */
export const noteClock = (
  servers: Servers,
  url: string,
  headers: Headers,
  { ahead: before, now }: { readonly ahead: number; readonly now: number }
): boolean => {
  const ahead = Date.parse(headers["date"] ?? "") - now
  if ("age" in headers || Number.isNaN(ahead) || Math.abs(ahead - before) < tolerated) return false
  update(servers, url, { ahead })
  return true
}

const update = (servers: Servers, url: string, said: Partial<Server>): void => {
  const { origin } = new URL(url)
  const server = { ...of(servers, url), ...said }
  const others = Array.from(MutableRef.get(servers)).filter(([other]) => other !== origin)
  MutableRef.set(servers, new Map([...others.slice(-mostOrigins), [origin, server]]))
}

const unknown: Server = { nonce: undefined, ahead: 0 }

/** In milliseconds. A date has whole seconds, and an answer takes a while; servers allow for no less. */
const tolerated = 5_000

const mostOrigins = 100
