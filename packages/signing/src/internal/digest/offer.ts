/** What a server offers in its challenges, and which of it is taken (RFC 7616 sections 3.3 and 3.7). Pure. */
import type { Challenge } from "@effect-auth/core/Challenge"
import * as Either from "effect/Either"
import type { Algorithm } from "./algorithm.ts"
import * as Algorithms from "./algorithm.ts"
import * as Bytewise from "./bytewise.ts"

/** `undefined` is that of RFC 2069, whose servers know no protection. */
export type Protection = "auth" | "auth-int" | undefined

/** A challenge that can be answered. Its texts have one character for each byte. */
export interface Offer {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: Algorithm
  /** As the challenge spells it; `undefined`: it names none. */
  readonly algorithmName: string | undefined
  readonly session: boolean
  readonly protection: Protection
  readonly opaque: string | undefined
  /** The nonce of the request was too old, and what was answered was right otherwise. */
  readonly stale: boolean
  readonly userhash: boolean
  /** Whether user names are UTF-8 (section 4). */
  readonly utf8: boolean
  /** The URIs that the answer is meant for, as they are stated. None: the whole origin. */
  readonly domain: ReadonlyArray<string>
}

/** What the client takes. */
export interface Rules {
  readonly algorithms: ReadonlyArray<Algorithm>
  /** In the order of preference. */
  readonly protections: ReadonlyArray<Protection>
}

/**
 * The offer with the strongest algorithm; of several with the same the first, which is the one that the server prefers.
 * Left: why none can be taken.
 */
export const choose = (challenges: ReadonlyArray<Challenge>, rules: Rules): Either.Either<Offer, string> => {
  const digests = challenges.filter(({ scheme }) => scheme === "digest")
  const offers = digests.flatMap((challenge) => offerOf(challenge, rules) ?? [])
  const strongest =
    Algorithms.all.flatMap((algorithm) => offers.find((offer) => offer.algorithm === algorithm) ?? [])[0]
  return strongest !== undefined
    ? Either.right(strongest)
    : Either.left(
      digests.length === 0
        ? "the server does not ask for Digest"
        : `no challenge for Digest can be answered: it takes a nonce, ${rules.algorithms.join(" or ")}, and qop ` +
          rules.protections.map((protection) => protection ?? "left out").join(" or ")
    )
}

const offerOf = ({ params }: Challenge, rules: Rules): Offer | undefined => {
  const { algorithm: algorithmName, charset, domain, nonce, opaque, qop, realm = "", stale, userhash } = params
  const algorithm = Algorithms.named(algorithmName)
  const protection = protectionOf(qop, rules)
  if (nonce === undefined || algorithm === undefined || protection === "unknown") return undefined
  if (!rules.algorithms.includes(algorithm.algorithm)) return undefined
  return {
    ...algorithm,
    algorithmName,
    realm: Bytewise.received(realm),
    nonce: Bytewise.received(nonce),
    protection,
    opaque: opaque === undefined ? undefined : Bytewise.received(opaque),
    stale: isTrue(stale),
    userhash: isTrue(userhash),
    utf8: charset?.toUpperCase() === "UTF-8",
    domain: domain?.split(/[ \t]+/u).filter((uri) => uri !== "") ?? []
  }
}

/** Servers write it in any case, some in quotes (section 3.3). */
const isTrue = (flag: string | undefined): boolean => flag?.toLowerCase() === "true"

const protectionOf = (qop: string | undefined, { protections }: Rules): Protection | "unknown" => {
  const offered: ReadonlyArray<string | undefined> = qop === undefined ? [qop] : qop.toLowerCase().split(/[\s,]+/u)
  const index = protections.findIndex((protection) => offered.includes(protection))
  return index === -1 ? "unknown" : protections[index]
}
