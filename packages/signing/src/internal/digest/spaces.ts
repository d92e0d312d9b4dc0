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
  /** The one to answer next: that of the challenge, or one that came after it. */
  readonly nonce: string
  /** The client's own half of the first use, which the keys of `-sess` are made with (section 3.4.2). */
  readonly cnonce: string | undefined
}

/** A nonce that was used. Servers may give it again, and for several realms. */
interface Used {
  readonly origin: string
  readonly nonce: string
  readonly count: number
  /** Whether the server has taken it once, so that a refusal of it later means that it is too old. */
  readonly accepted: boolean
}

/** Both with the most recent first. */
export interface Spaces {
  readonly spaces: ReadonlyArray<Space>
  /** A server takes a count of a nonce once, so it is kept after the nonce was replaced. */
  readonly used: ReadonlyArray<Used>
}

export const none: Spaces = { spaces: [], used: [] }

/** Where a URL is within an origin. */
export interface Location {
  readonly origin: string
  readonly href: string
}

/**
 * The space a URL is in: the one with the longest beginning of it, else the one that was met last on the origin, since a
 * challenge is good for all of an origin unless it says otherwise.
 */
export const find = ({ spaces }: Spaces, { href, origin }: Location): Space | undefined => {
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
export const learn = ({ spaces, used }: Spaces, offer: Offer, at: Location): Spaces => {
  const known = spaces.find((space) => isSame(space, at.origin, offer.realm))
  const prefixes = [...prefixesOf(offer, at), ...known?.prefixes ?? []]
  const space: Space = {
    origin: at.origin,
    offer,
    prefixes: Array.from(new Set(prefixes)).slice(0, most),
    nonce: offer.nonce,
    cnonce: known?.offer.nonce === offer.nonce ? known.cnonce : undefined
  }
  return bounded({ spaces: [space, ...spaces.filter((space) => space !== known)], used })
}

/**
 * The next use of a nonce, and the spaces after it. The key of a session is made with what was sent first, which is sent
 * again, because servers differ in whether they remember it.
 */
export const use = ({ spaces, used }: Spaces, space: Space, cnonce: string): readonly [Use, Spaces] => {
  const { nonce, offer, origin } = space
  const first = space.cnonce ?? cnonce
  const before = used.find((use) => isOf(use, origin, nonce))
  const now: Used = { origin, nonce, count: (before?.count ?? 0) + 1, accepted: before?.accepted ?? false }
  return [
    {
      offer,
      nonce,
      count: now.count,
      cnonce: offer.session ? first : cnonce,
      session: { nonce: offer.nonce, cnonce: first }
    },
    {
      spaces: space.cnonce === first ? spaces : replaced(spaces, space, { ...space, cnonce: first }),
      used: before === undefined ? [now, ...used] : replaced(used, before, now)
    }
  ]
}

/**
 * The spaces after the server has taken a nonce, and has perhaps named the next one (section 3.5). An answer that comes late
 * names none for a nonce that was replaced since.
 */
export const accepted = (
  { spaces, used }: Spaces,
  at: Pick<Space, "origin" | "nonce"> & { readonly realm: string },
  next: string | undefined
): Spaces => {
  const space = spaces.find((space) => isSame(space, at.origin, at.realm) && space.nonce === at.nonce)
  const use = used.find((use) => isOf(use, at.origin, at.nonce))
  const after: Spaces = {
    spaces,
    used: use === undefined || use.accepted ? used : replaced(used, use, { ...use, accepted: true })
  }
  return space === undefined || next === undefined || next === space.nonce
    ? after
    : bounded({ ...after, spaces: replaced(spaces, space, { ...space, nonce: next }) })
}

/** Whether a server has taken a nonce, as far as its answers are here. */
export const isAccepted = ({ used }: Spaces, { origin }: Pick<Location, "origin">, nonce: string): boolean =>
  used.some((use) => isOf(use, origin, nonce) && use.accepted)

/** What is kept of a server that names realms, paths and nonces without end; a nonce that is in use is not forgotten. */
const bounded = (all: Spaces): Spaces => {
  const spaces = all.spaces.slice(0, most)
  const isCurrent = ({ nonce, origin }: Used) =>
    spaces.some((space) => space.nonce === nonce && space.origin === origin)
  return { spaces, used: all.used.filter((use, index) => index < most || isCurrent(use)) }
}

const most = 64

const isSame = (space: Space, origin: string, realm: string): boolean =>
  space.origin === origin && space.offer.realm === realm

const isOf = (use: Used, origin: string, nonce: string): boolean => use.nonce === nonce && use.origin === origin

const replaced = <A>(all: ReadonlyArray<A>, one: A, by: A): ReadonlyArray<A> =>
  all.map((other) => other === one ? by : other)

/** Where the challenge says it is good, as far as it is on this origin; else the folder of the URL that was challenged. */
const prefixesOf = ({ domain }: Offer, { href, origin }: Location): ReadonlyArray<string> => {
  const stated = domain.flatMap((uri) => URL.canParse(uri, href) ? new URL(uri, href) : []).filter((url) =>
    url.origin === origin
  )
  return stated.length > 0
    ? stated.map((url) => url.origin + url.pathname)
    : [href.replace(/[?#][^]*$/u, "").replace(/[^/]*$/u, "")]
}
