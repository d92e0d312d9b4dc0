/**
 * Whether a server on the Internet leads to an address that is not on the Internet: a client in a data centre would be asked
 * to look at its neighbours. Only addresses are looked at; what a name resolves to is the resolver's affair.
 */
export const isBehind = (from: string, to: string): boolean => !isPrivate(hostOf(from)) && isPrivate(hostOf(to))

/** Loopback, private, link-local and unique local addresses (RFC 1918, RFC 3927, RFC 4193, RFC 6598). */
export const isPrivate = (host: string): boolean => {
  if (host === "localhost" || host.endsWith(".localhost")) return true
  if (host.startsWith("[")) return ipv6.test(host) || isPrivate(mapped(host))
  const [a = NaN, b = NaN, , d] = host.split(".").map((part) => /^\d{1,3}$/u.test(part) ? Number(part) : NaN)
  if (Number.isNaN(a) || Number.isNaN(b) || d === undefined) return false
  return a === 0 || a === 10 || a === 127 || (a === 169 && b === 254) || (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168) || (a === 100 && b >= 64 && b < 128)
}

const hostOf = (url: string): string => URL.canParse(url) ? new URL(url).hostname : ""

/** As `URL` writes them. */
const ipv6 = /^\[(?:::1?\]|f[cd][0-9a-f]{2}:|fe[89ab][0-9a-f]:)/u

/** The IPv4 address within an IPv6 one, such as `[::ffff:7f00:1]`. */
const mapped = (host: string): string => {
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/u.exec(host) ?? []
  if (high === undefined || low === undefined) return ""
  const [h, l] = [parseInt(high, 16), parseInt(low, 16)]
  return [h >> 8, h & 255, l >> 8, l & 255].join(".")
}
