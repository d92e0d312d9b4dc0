/** A server that asks for Digest, which checks what it gets by `node:crypto` and a parser of its own. */
import type * as RequestLog from "@effect-auth/testing/RequestLog"
import type * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { createHash } from "node:crypto"

export const credential = { username: "reader", password: "canary-digest-password" }

export interface Settings {
  readonly realm?: string
  readonly algorithms?: ReadonlyArray<string>
  readonly qop?: string | undefined
  readonly userhash?: boolean
  readonly charset?: string
  readonly username?: string
  readonly password?: string
  /** How long a nonce lives, in milliseconds. */
  readonly lifetime?: number
  /** Whether a nonce that is too old is called so. */
  readonly saysStale?: boolean
  readonly nextNonce?: boolean
  readonly rspauth?: "right" | "wrong" | "none"
  readonly domain?: string
  /** How the realm is written. */
  readonly encoding?: "utf8" | "latin1"
  /** The nonce of every challenge; else each has its own. */
  readonly nonce?: string
}

export interface Server {
  readonly handler: (request: RequestLog.Received) => ScriptedHttpClient.Reply
  /** What was wrong with each request that was refused, in order. */
  readonly refusals: Array<string>
  /** Nonces and counts of the requests that were taken, in order. */
  readonly taken: Array<readonly [nonce: string, count: string]>
  /** Every nonce is too old from now on. */
  readonly expire: () => void
}

export const hash = (algorithm: string, data: string | Uint8Array): string =>
  createHash({ "MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512-256" }[algorithm] ?? "none")
    .update(data)
    .digest("hex")

export const make = (settings: Settings = {}): Server => {
  const {
    algorithms = ["MD5"],
    encoding = "utf8",
    lifetime = Infinity,
    password = credential.password,
    realm = "devices",
    rspauth = "right",
    saysStale = true,
    username = credential.username
  } = settings
  const qop = "qop" in settings ? settings.qop : "auth"
  const nonces = new Map<string, { readonly at: number; readonly counts: Set<string> }>()
  const refusals: Server["refusals"] = []
  const taken: Array<readonly [string, string]> = []
  let made = 0
  const newNonce = (at: number): string => {
    const nonce = settings.nonce ?? `nonce-${++made}`
    nonces.set(nonce, { at, counts: nonces.get(nonce)?.counts ?? new Set() })
    return nonce
  }
  const bytesOfRealm = Buffer.from(realm, encoding)
  const withRealm = (before: string, after: string) =>
    Buffer.concat([Buffer.from(before), bytesOfRealm, Buffer.from(after)])
  const challenge = (why: string, at: number, stale: boolean) => {
    refusals.push(why)
    const nonce = newNonce(at)
    return {
      status: 401,
      headers: algorithms.map((algorithm) =>
        [
          "www-authenticate",
          [
            `Digest realm="${bytesOfRealm.toString("latin1")}"`,
            `nonce="${nonce}"`,
            `opaque="opaque-${nonce}"`,
            `algorithm=${algorithm}`,
            ...qop === undefined ? [] : [`qop="${qop}"`],
            ...stale && saysStale ? ["stale=true"] : [],
            ...settings.userhash === true ? ["userhash=true"] : [],
            ...settings.charset === undefined ? [] : [`charset=${settings.charset}`],
            ...settings.domain === undefined ? [] : [`domain="${settings.domain}"`]
          ].join(", ")
        ] as const
      )
    }
  }
  const handler: Server["handler"] = ({ at, body, headers, line, method }) => {
    const given = headers["authorization"]
    if (given === undefined) return challenge("no answer", at, false)
    const fields = Object.fromEntries(
      Array.from(
        given.matchAll(/([a-z]+\*?)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))/gu),
        ([, name, quoted, token]) => [name, quoted?.replace(/\\(.)/gu, "$1") ?? token ?? ""]
      )
    )
    const { algorithm = "MD5", cnonce = "", nc = "", nonce = "", response, uri } = fields
    const known = nonces.get(nonce)
    if (known === undefined || at - known.at > lifetime) return challenge("stale", at, true)
    const plain = algorithm.replace(/-sess$/u, "")
    const h = (text: string | Uint8Array) => hash(plain, text)
    const named = fields["username*"] === undefined
      ? Buffer.from(fields["username"] ?? "", "latin1").toString("utf8")
      : decodeURIComponent(fields["username*"].replace(/^UTF-8''/u, ""))
    if (named !== (settings.userhash === true ? h(withRealm(`${username}:`, "")) : username)) {
      return challenge(`unknown user ${named}`, at, false)
    }
    if (fields["opaque"] === undefined || uri !== line.slice(method.length + 1)) {
      return challenge(`another URI: ${uri}`, at, false)
    }
    if (fields["realm"] !== bytesOfRealm.toString("latin1")) return challenge("another realm", at, false)
    const secret = h(withRealm(`${username}:`, `:${password}`))
    const a1 = algorithm.endsWith("-sess") ? h(`${secret}:${nonce}:${cnonce}`) : secret
    const respond = (a2: string) =>
      qop === undefined ? h(`${a1}:${nonce}:${h(a2)}`) : h(`${a1}:${nonce}:${nc}:${cnonce}:${fields["qop"]}:${h(a2)}`)
    if (response !== respond(fields["qop"] === "auth-int" ? `${method}:${uri}:${h(body)}` : `${method}:${uri}`)) {
      return challenge("another response", at, false)
    }
    if (qop !== undefined && known.counts.has(nc)) return challenge(`replayed ${nc}`, at, false)
    known.counts.add(nc)
    taken.push([nonce, nc])
    return {
      body: "ok",
      headers: {
        ...rspauth === "none" ? undefined : {
          "authentication-info": [
            `rspauth="${rspauth === "wrong" ? h("wrong") : respond(`:${uri}`)}"`,
            `cnonce="${cnonce}", nc=${nc}, qop=${fields["qop"]}`,
            ...settings.nextNonce === true ? [`nextnonce="${newNonce(at)}"`] : []
          ].join(", ")
        }
      }
    }
  }
  return { handler, refusals, taken, expire: () => nonces.clear() }
}
