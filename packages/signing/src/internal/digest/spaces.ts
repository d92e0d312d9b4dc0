/**
 * The protection spaces of a client (RFC 7616 section 3.3, `domain`): which challenge a request is answered by before it
 * is asked for, and how often its nonce was used. Pure.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
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

/** A nonce that was used. */
interface Used {
  readonly count: number
  /** Whether the server has taken it once, so that a refusal of it later means that it is too old. */
  readonly accepted: boolean
  /** Which of all uses the last one was. */
  readonly last: number
}

export interface Spaces {
  /** The most recent first. */
  readonly spaces: ReadonlyArray<Space>
  /**
   * By origin and nonce, because servers take a count of a nonce once and may name the nonce again, after another one and for
   * several realms.
   */
  readonly used: HashMap.HashMap<string, Used>
  /** How many uses there were. */
  readonly uses: number
}

export const none: Spaces = { spaces: [], used: HashMap.empty(), uses: 0 }

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
export const learn = (all: Spaces, offer: Offer, at: Location): Spaces => {
  const known = all.spaces.find((space) => isSame(space, at.origin, offer.realm))
  const prefixes = [...prefixesOf(offer, at), ...known?.prefixes ?? []]
  const space: Space = {
    origin: at.origin,
    offer,
    prefixes: Array.from(new Set(prefixes)).slice(0, most),
    nonce: offer.nonce,
    cnonce: known?.offer.nonce === offer.nonce ? known.cnonce : undefined
  }
  return { ...all, spaces: [space, ...all.spaces.filter((space) => space !== known)].slice(0, most) }
}

/**
 * The next use of a nonce, and the spaces after it. The key of a session is made with what was sent first, which is sent
 * again, because servers differ in whether they remember it.
 */
export const use = (all: Spaces, space: Space, cnonce: string): readonly [Use, Spaces] => {
  const { nonce, offer } = space
  const first = space.cnonce ?? cnonce
  const last = all.uses + 1
  const before = usedOf(all, space)
  const count = (before?.count ?? 0) + 1
  const used = HashMap.set(all.used, keyOf(space), { count, last, accepted: before?.accepted ?? false })
  return [
    {
      offer,
      nonce,
      count,
      cnonce: offer.session ? first : cnonce,
      session: { nonce: offer.nonce, cnonce: first }
    },
    {
      spaces: space.cnonce === first ? all.spaces : replaced(all.spaces, space, { cnonce: first }),
      used: bounded(used, all.spaces),
      uses: last
    }
  ]
}

/**
 * The spaces after the server has taken a nonce, and has perhaps named the next one (section 3.5). An answer that comes late
 * names none for a nonce that was replaced since.
 */
export const accepted = (
  all: Spaces,
  at: Named & { readonly realm: string },
  next: string | undefined
): Spaces => {
  const use = usedOf(all, at)
  const space = all.spaces.find((space) => isSame(space, at.origin, at.realm) && space.nonce === at.nonce)
  return {
    ...all,
    used: use === undefined || use.accepted ? all.used : HashMap.set(all.used, keyOf(at), { ...use, accepted: true }),
    spaces: space === undefined || next === undefined ? all.spaces : replaced(all.spaces, space, { nonce: next })
  }
}

/**
 * Whether a nonce may have been refused for itself, and not for the password: the server has taken it from a request, or so
 * many were made with it that one may have overtaken more others than the server keeps track of.
 */
export const mayBeSpent = (all: Spaces, named: Named): boolean => {
  const use = usedOf(all, named)
  return use !== undefined && (use.accepted || use.count > window)
}

/** Half the `nonceCountWindowSize` of Tomcat by default, which does not say `stale` of a count that is ahead or behind by more. */
const window = 50

/** A nonce, and the server that named it. */
type Named = Pick<Space, "origin" | "nonce">

const keyOf = ({ nonce, origin }: Named): string => `${origin} ${nonce}`

const usedOf = ({ used }: Spaces, named: Named): Used | undefined =>
  Option.getOrUndefined(HashMap.get(used, keyOf(named)))

/** Forgets the nonces whose use is the longest ago and which will not be used again by itself. */
const bounded = (used: Spaces["used"], spaces: Spaces["spaces"]): Spaces["used"] => {
  if (HashMap.size(used) <= 2 * mostUsed) return used
  const current = new Set(spaces.map(keyOf))
  const latest = HashMap.toEntries(used).sort(([, a], [, b]) => b.last - a.last)
  return HashMap.fromIterable(latest.filter(([key], index) => index < mostUsed || current.has(key)))
}

/** Of a server that names a new nonce in every answer. */
const mostUsed = 512

/** Of a server that names realms and paths without end. */
const most = 64

const isSame = (space: Space, origin: string, realm: string): boolean =>
  space.origin === origin && space.offer.realm === realm

const replaced = (spaces: Spaces["spaces"], space: Space, change: Partial<Space>): Spaces["spaces"] =>
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
