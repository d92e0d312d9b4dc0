/**
 * The protection spaces of a client (RFC 7616 section 3.3, `domain`): which challenge a request is answered by before it
 * is asked for, and how often its nonce was used. Pure.
 */
import type { Use } from "./answer.ts"
import type { Offer } from "./offer.ts"

/** A challenge of a server, and what has become of it. */
export interface Space {
  readonly origin: string
  /** The last challenge. */
  readonly offer: Offer
  /** The beginnings of the URLs that it is answered at. */
  readonly prefixes: ReadonlyArray<string>
  readonly nonce: string
  /** How often the nonce was used. */
  readonly count: number
  /** Whether the server has taken the nonce once, so that a refusal of it later means that it is too old. */
  readonly accepted: boolean
  /** The client's own half of the first use, which the keys of `-sess` are made with (section 3.4.2). */
  readonly cnonce: string | undefined
}

/** The most recent first. */
export type Spaces = ReadonlyArray<Space>

export const none: Spaces = []

/** Where a URL is within an origin. */
export interface Location {
  readonly origin: string
  readonly href: string
}

/**
 * The space a URL is in: the one with the longest beginning of it, else the one that was met last on the origin, since a
 * challenge is good for all of an origin unless it says otherwise.
 */
export const find = (spaces: Spaces, { href, origin }: Location): Space | undefined => {
  const here = spaces.filter((space) => space.origin === origin)
  const longest = (space: Space): number =>
    space.prefixes.reduce((length, prefix) => href.startsWith(prefix) ? Math.max(length, prefix.length) : length, 0)
  const within = here.reduce<readonly [length: number, space: Space | undefined]>(
    (best, space) => longest(space) > best[0] ? [longest(space), space] : best,
    [0, undefined]
  )[1]
  return within ?? here.find(({ offer }) => offer.domain.length === 0)
}

/** The spaces after a challenge that came in answer to a URL. */
export const learn = (spaces: Spaces, offer: Offer, at: Location): Spaces => {
  const known = spaces.find((space) => isSame(space, at.origin, offer.realm))
  const prefixes = [...prefixesOf(offer, at), ...known?.prefixes ?? []]
  const space: Space = {
    origin: at.origin,
    offer,
    prefixes: Array.from(new Set(prefixes)).slice(0, most),
    nonce: offer.nonce,
    count: 0,
    accepted: false,
    cnonce: undefined
  }
  return [space, ...spaces.filter((space) => space !== known)].slice(0, most)
}

/**
 * The next use of a nonce, and the spaces after it. The key of a session is made with what was sent first, which is sent
 * again, because servers differ in whether they remember it.
 */
export const use = (spaces: Spaces, space: Space, cnonce: string): readonly [Use, Spaces] => {
  const { count, nonce, offer } = space
  const first = space.cnonce ?? cnonce
  return [
    {
      offer,
      nonce,
      count: count + 1,
      cnonce: offer.session ? first : cnonce,
      session: { nonce: offer.nonce, cnonce: first }
    },
    replace(spaces, space, { count: count + 1, cnonce: first })
  ]
}

/** The spaces after the server has taken a nonce, and has perhaps named the next one (section 3.5). */
export const accepted = (
  spaces: Spaces,
  at: Pick<Space, "origin" | "nonce"> & { readonly realm: string },
  next: string | undefined
): Spaces => {
  const space = spaces.find((space) => isSame(space, at.origin, at.realm))
  if (space === undefined) return spaces
  if (next !== undefined && next !== space.nonce) {
    return replace(spaces, space, { nonce: next, count: 0, accepted: false })
  }
  return space.nonce === at.nonce && !space.accepted ? replace(spaces, space, { accepted: true }) : spaces
}

/** Bounds what is kept of a server that names realms and paths without end. */
const most = 64

const isSame = (space: Space, origin: string, realm: string): boolean =>
  space.origin === origin && space.offer.realm === realm

const replace = (spaces: Spaces, space: Space, change: Partial<Space>): Spaces =>
  spaces.map((other) => other === space ? { ...space, ...change } : other)

/** Where the challenge says it is good, as far as it is on this origin; else the folder of the URL that was challenged. */
const prefixesOf = ({ domain }: Offer, { href, origin }: Location): ReadonlyArray<string> => {
  const stated = domain.flatMap((uri) => URL.canParse(uri, href) ? new URL(uri, href) : []).filter((url) =>
    url.origin === origin
  )
  return stated.length > 0
    ? stated.map((url) => url.origin + url.pathname)
    : [href.replace(/[?#][^]*$/u, "").replace(/[^/]*$/u, "")]
}
