/**
 * Whether a server on the Internet leads to an address that is not on the Internet: a client in a data centre would be asked
 * to look at its neighbours. Only addresses are looked at; what a name resolves to is the resolver's affair.
 */
export const isBehind = (from: string, to: string): boolean => !isPrivate(hostOf(from)) && isPrivate(hostOf(to))

/**
 * Whether a host, as `URL` writes it, is one of its own machine or network: loopback, private, link-local, unique local and
 * benchmark addresses, and those that are no single host's (RFC 6890, RFC 4193).
 */
export const isPrivate = (host: string): boolean => {
  const name = host.replace(/\.$/u, "")
  if (name === "localhost" || name.endsWith(".localhost")) return true
  if (host.startsWith("[")) return ipv6.test(host) || isPrivate(embedded(host))
  const [a = NaN, b = NaN, , d] = name.split(".").map((part) => /^\d{1,3}$/u.test(part) ? Number(part) : NaN)
  if (Number.isNaN(a) || Number.isNaN(b) || d === undefined) return false
  return a === 0 || a === 10 || a === 127 || (a === 169 && b === 254) || (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128) || (a === 198 && (b === 18 || b === 19)) || a >= 224
}

const hostOf = (url: string): string => URL.canParse(url) ? new URL(url).hostname : ""

const ipv6 = /^\[(?:::1?\]|f[cd][0-9a-f]{2}:|fe[89a-f][0-9a-f]:|ff[0-9a-f]{2}:)/u

/** The IPv4 address within an IPv6 one: mapped, compatible, or behind a translator (RFC 4291 section 2.5.5, RFC 6052). */
const embedded = (host: string): string => {
  const [, high, low] = /^\[(?:::ffff:|::|64:ff9b::)([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/u.exec(host) ?? []
  if (high === undefined || low === undefined) return ""
  const [h, l] = [parseInt(high, 16), parseInt(low, 16)]
  return [h >> 8, h & 255, l >> 8, l & 255].join(".")
}
