/** The answer to a challenge, and what the server answers in turn (RFC 7616 sections 3.4 and 3.5). Pure. */
import * as Either from "effect/Either"
import * as Algorithms from "./algorithm.ts"
import * as Bytewise from "./bytewise.ts"
import type { Offer } from "./offer.ts"

/** User name and password in the clear. */
export interface Known {
  readonly username: string
  readonly password: string
}

/** What one request is answered with. */
export interface Use {
  readonly offer: Offer
  /** The nonce to answer: that of the offer, or one that came after it. */
  readonly nonce: string
  /** How often the nonce was used, this time included. */
  readonly count: number
  readonly cnonce: string
  /** What the key of a session was made with, for algorithms that end in `-sess`. */
  readonly session: { readonly nonce: string; readonly cnonce: string }
}

/** What is sent. */
export interface Target {
  readonly method: string
  /** Path and query, as they are sent. */
  readonly uri: string
  /** `undefined`: it cannot be known before it is sent. */
  readonly body: Uint8Array | undefined
}

/** The value of the `Authorization` field. Left: what stands in the way. */
export const authorization = (known: Known, use: Use, target: Target): Either.Either<string, string> => {
  const { offer } = use
  const { algorithm, protection } = offer
  if (protection === "auth-int" && target.body === undefined) {
    return Either.left(
      "the server wants a proof of the body (qop=auth-int), and this body is not known before it is sent: " +
        "give it as text or bytes"
    )
  }
  const user = normalized(known, offer)
  const entity = protection === "auth-int" ? `:${Algorithms.hash(algorithm, target.body ?? new Uint8Array())}` : ""
  const response = responseOf(user, use, `${target.method}:${target.uri}${entity}`)
  const fields: ReadonlyArray<string | undefined> = [
    usernameField(user.username, offer),
    `realm=${quoted(offer.realm)}`,
    `nonce=${quoted(use.nonce)}`,
    `uri=${quoted(target.uri)}`,
    `response=${quoted(response)}`,
    offer.algorithmName === undefined ? undefined : `algorithm=${offer.algorithmName}`,
    ...protection === undefined ? [] : [
      `qop=${protection}`,
      `nc=${hexCount(use.count)}`,
      `cnonce=${quoted(use.cnonce)}`
    ],
    // RFC 2069 has no other place for it
    protection === undefined && offer.session ? `cnonce=${quoted(use.cnonce)}` : undefined,
    offer.opaque === undefined ? undefined : `opaque=${quoted(offer.opaque)}`,
    offer.userhash ? "userhash=true" : undefined
  ]
  return Either.right(`Digest ${fields.filter((field) => field !== undefined).join(", ")}`)
}

/** What `rspauth` has to be, so that the server has shown that it knows the password (section 3.5). */
export const serverResponse = (known: Known, use: Use, uri: string): string =>
  responseOf(normalized(known, use.offer), use, `:${uri}`)

const responseOf = ({ password, username }: Known, use: Use, a2: string): string => {
  const { algorithm, protection, realm, session } = use.offer
  const hash = (text: string) => Algorithms.hash(algorithm, text)
  const secret = hash(`${Bytewise.utf8(username)}:${realm}:${Bytewise.utf8(password)}`)
  const a1 = session ? hash(`${secret}:${use.session.nonce}:${use.session.cnonce}`) : secret
  return protection === undefined
    ? hash(`${a1}:${use.nonce}:${hash(a2)}`)
    : hash(`${a1}:${use.nonce}:${hexCount(use.count)}:${use.cnonce}:${protection}:${hash(a2)}`)
}

export const hexCount = (count: number): string => count.toString(16).padStart(8, "0")

/** Section 4: names in UTF-8 are in Normalization Form C. */
const normalized = (known: Known, { utf8 }: Offer): Known =>
  utf8 ? { username: known.username.normalize("NFC"), password: known.password.normalize("NFC") } : known

/**
 * Section 3.4.4 for hashed names, and the extended notation of RFC 8187 for those that the plain one has no room for. A
 * server that does not say `charset=UTF-8` may not know the notation, so it gets the bytes.
 */
const usernameField = (username: string, { algorithm, realm, userhash, utf8 }: Offer): string =>
  userhash
    ? `username=${quoted(Algorithms.hash(algorithm, `${Bytewise.utf8(username)}:${realm}`))}`
    : utf8 && !/^[\x20-\x7e]*$/u.test(username)
    ? `username*=UTF-8''${extended(username)}`
    : `username=${quoted(Bytewise.utf8(username))}`

/** RFC 8187 section 3.2.1, `value-chars`. */
const extended = (text: string): string =>
  encodeURIComponent(text).replace(/['()*]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)

const quoted = (text: string): string => `"${text.replace(/["\\]/gu, "\\$&")}"`
