/** What a run plays, drawn from a seed: the process with the servers and the one with the clients draw the same. */

export const modes = [
  "Basic",
  "Bearer",
  "ApiKey/header",
  "ApiKey/query",
  "ApiKey/cookie",
  "Session",
  "Session and key",
  "IbmMq/Basic",
  "IbmMq/Ltpa",
  "Yamcs/Password",
  "Yamcs/ServiceAccount",
  "Yamcs/ApiKey",
  "Yamcs/Basic",
  "Qualys/Basic",
  "Qualys/Jwt",
  "Qualys/Session",
  "Qualys/Bearer"
] as const

export const transports = ["fetch", "node:http", "undici"] as const

/** Those of which the library reads or discards the body come more often. */
export const statuses = [200, 201, 204, 302, 307, 401, 401, 401, 403, 409, 413, 429, 429, 500, 503] as const

/** A head comes, and then a body that is wrong. */
export const bodyActs = [
  "stops in the middle of its body",
  "sends a body without an end",
  "announces 5 GB and sends them",
  "sends a bomb in gzip",
  "sends a bomb in brotli",
  "breaks its connection in mid-body",
  "closes its connection in mid-body",
  "sends its body byte by byte",
  "sends garbage between its chunks",
  "announces more than it sends",
  "sends more than it announces",
  "sends two answers for one request",
  "sends chunk extensions without an end",
  "sends trailers without an end",
  "sends JSON a hundred thousand levels deep",
  "sends XML ten thousand levels deep"
] as const

/** There is no head, or one that a parser may stumble over. */
export const headActs = [
  "says nothing",
  "closes at once",
  "breaks the connection at once",
  "sends garbage",
  "sends its head byte by byte",
  "sends 10,000 headers",
  "sends a header without an end",
  "sends 1xx answers without an end",
  "sends 5,000 1xx answers first",
  "switches protocols",
  "sends two lengths",
  "sends a length and chunks",
  "sends control characters in headers",
  "sends a status of its own"
] as const

export type BodyAct = typeof bodyActs[number]
export type HeadAct = typeof headActs[number]

/** Fields of the head that are as long as transports let them be. */
export const fields = ["none", "location", "retry-after", "www-authenticate", "set-cookie", "ratelimit"] as const

export interface Scenario {
  readonly id: number
  readonly mode: typeof modes[number]
  readonly transport: typeof transports[number]
  readonly place: "login" | "api"
  readonly status: typeof statuses[number]
  readonly act: BodyAct | HeadAct
  readonly field: typeof fields[number]
  /** Whether the mode's client respects quotas and follows redirects. */
  readonly limited: boolean
}

export const isHeadAct = (act: Scenario["act"]): act is HeadAct => headActs.some((other) => other === act)

export const hasLogin = (mode: Scenario["mode"]): boolean =>
  mode.startsWith("Session") || ["IbmMq/Ltpa", "Yamcs/Password", "Yamcs/ServiceAccount", "Qualys/Jwt", "Qualys/Session"]
    .includes(mode)

export const describe = ({ act, field, id, mode, place, status, transport }: Scenario): string =>
  `#${id} ${mode} over ${transport}: the ${place} of status ${status} ${act}` +
  (field === "none" ? "" : `, with a long ${field}`)

export const draw = (seed: number, count: number): ReadonlyArray<Scenario> => {
  const random = mulberry32(seed)
  const one = <A>(choices: ReadonlyArray<A>): A => {
    const chosen = choices[Math.floor(random() * choices.length)]
    if (chosen === undefined) throw new Error("nothing to choose from")
    return chosen
  }
  return Array.from({ length: count }, (_, id) => {
    const mode = one(modes)
    return {
      id,
      mode,
      transport: one(transports),
      place: hasLogin(mode) && random() < 0.5 ? "login" : "api",
      status: one(statuses),
      act: random() < 0.65 ? one(bodyActs) : one(headActs),
      field: random() < 0.6 ? "none" : one(fields),
      limited: random() < 0.5
    }
  })
}

/** A generator with a seed, which is all that matters here. */
const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
