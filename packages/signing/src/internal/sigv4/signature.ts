/** AWS Signature Version 4: what is written on a request, and URLs that are signed themselves. Pure. */
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as DateTime from "effect/DateTime"
import * as MutableRef from "effect/MutableRef"
import * as Percent from "../percent.ts"
import * as Canonical from "./canonical.ts"

/** A key in the clear. */
export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
}

/** What a signature is good for. */
export interface Target {
  readonly region: string
  readonly service: string
  readonly paths: Canonical.PathRules
}

/** What is signed. */
export interface Message {
  readonly method: string
  /** As they are sent; the query without its question mark. */
  readonly path: string
  readonly query: string
  /** By lower-case name, `host` among them. */
  readonly headers: Canonical.Headers
  /** Its hash in hexadecimal, or a word that stands for it. */
  readonly payload: string
}

/** The key that a day's requests to a service are signed with. */
export type DeriveKey = (keys: Keys, date: string, target: Target) => Uint8Array

/** A signature in headers. */
export interface Signed {
  /** By lower-case name, in the order they are written. */
  readonly headers: Canonical.Headers
  /** The signature, its scope and time, for the chunks of a stream. */
  readonly signature: string
  readonly canonical: string
  readonly stringToSign: string
}

/** `statesPayload`: whether the hash travels in a header, as S3 wants it. */
export const sign = (
  message: Message,
  keys: Keys,
  target: Target,
  options: {
    readonly time: string
    readonly statesPayload: boolean
    /** Whether the session token travels unsigned, as for AWS IoT. */
    readonly tokenUnsigned?: boolean | undefined
  },
  derive: DeriveKey = deriveKey
): Signed => {
  const token: Canonical.Headers = keys.sessionToken === undefined ? {} : { "x-amz-security-token": keys.sessionToken }
  const added: Canonical.Headers = {
    "x-amz-date": options.time,
    ...options.tokenUnsigned === true ? undefined : token,
    ...options.statesPayload ? { "x-amz-content-sha256": message.payload } : undefined
  }
  const canonical = Canonical.request({ ...message, headers: { ...message.headers, ...added } }, target.paths)
  const { scope, signature, stringToSign } = signed(canonical.text, keys, target, options.time, derive)
  return {
    headers: {
      ...added,
      ...token,
      authorization: `${algorithm} Credential=${keys.accessKeyId}/${scope}, ` +
        `SignedHeaders=${canonical.signedHeaders}, Signature=${signature}`
    },
    signature,
    canonical: canonical.text,
    stringToSign
  }
}

/** The query of a URL that is good by itself for this many seconds, without its question mark. */
export const presign = (
  message: Message,
  keys: Keys,
  target: Target,
  options: {
    readonly time: string
    readonly seconds: number
    readonly tokenUnsigned?: boolean | undefined
  }
): string => {
  const { scope } = scopeOf(target, options.time)
  const token: Pairs = keys.sessionToken === undefined ? [] : [["X-Amz-Security-Token", keys.sessionToken]]
  const signedHeaders = Object.keys(message.headers).sort().join(";")
  const added = joined(message.query, [
    ["X-Amz-Algorithm", algorithm],
    ["X-Amz-Credential", `${keys.accessKeyId}/${scope}`],
    ["X-Amz-Date", options.time],
    ["X-Amz-SignedHeaders", signedHeaders],
    ["X-Amz-Expires", String(options.seconds)],
    ...options.tokenUnsigned === true ? [] : token
  ])
  const canonical = Canonical.request({ ...message, query: added }, target.paths)
  const { signature } = signed(canonical.text, keys, target, options.time, deriveKey)
  return joined(added, [
    ...options.tokenUnsigned === true ? token : [],
    ["X-Amz-Signature", signature]
  ])
}

/** Remembers the last key that was derived, which is good for a day. */
export const rememberingDerivation = (): DeriveKey => {
  const latest = MutableRef.make<{ readonly of: string; readonly key: Uint8Array } | undefined>(undefined)
  return (keys, date, target) => {
    const of = [keys.secretAccessKey, date, target.region, target.service].join("/")
    const known = MutableRef.get(latest)
    if (known?.of === of) return known.key
    const key = deriveKey(keys, date, target)
    MutableRef.set(latest, { of, key })
    return key
  }
}

export const deriveKey: DeriveKey = (keys, date, { region, service }) =>
  [date, region, service, "aws4_request"].reduce<Uint8Array>(
    (key, part) => mac(key, part),
    utf8ToBytes(`AWS4${keys.secretAccessKey}`)
  )

/** Epoch milliseconds as `20150830T123600Z`. */
export const timeOf = (millis: number): string =>
  DateTime.formatIso(DateTime.unsafeMake(millis)).replace(/[-:]|\.\d{3}/gu, "")

export const hashOf = (data: Uint8Array): string => bytesToHex(sha256(data))

/** The hash of no payload. */
export const emptyHash = hashOf(new Uint8Array())

/** The signature of a chunk of a stream ("Signature Calculations: Transferring Payload in Multiple Chunks"). */
export const signChunk = (
  chunk: { readonly hash: string; readonly previous: string },
  keys: Keys,
  target: Target,
  time: string,
  derive: DeriveKey
): string => {
  const { date, scope } = scopeOf(target, time)
  const text = [`${algorithm}-PAYLOAD`, time, scope, chunk.previous, emptyHash, chunk.hash].join("\n")
  return bytesToHex(mac(derive(keys, date, target), text))
}

type Pairs = ReadonlyArray<readonly [name: string, value: string]>

const algorithm = "AWS4-HMAC-SHA256"

const mac = (key: Uint8Array, text: string): Uint8Array => hmac(sha256, key, utf8ToBytes(text))

const scopeOf = ({ region, service }: Target, time: string) => {
  const date = time.slice(0, 8)
  return { date, scope: `${date}/${region}/${service}/aws4_request` }
}

const signed = (canonical: string, keys: Keys, target: Target, time: string, derive: DeriveKey) => {
  const { date, scope } = scopeOf(target, time)
  const stringToSign = [algorithm, time, scope, hashOf(utf8ToBytes(canonical))].join("\n")
  return { scope, stringToSign, signature: bytesToHex(mac(derive(keys, date, target), stringToSign)) }
}

const joined = (query: string, pairs: Pairs): string =>
  [
    ...query === "" ? [] : [query],
    ...pairs.map(([name, value]) => `${name}=${Percent.encode(Percent.bytes(value))}`)
  ].join("&")
