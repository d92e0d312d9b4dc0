/** The ways to write down where a Yamcs server is. */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"

/**
 * `host:port` and `host:port/path` as an absolute URL: https, or http to this machine itself, where a server listens
 * without TLS unless it is told otherwise. Whatever has a scheme stays what it is.
 */
export const absolute = (address: string | URL): string => {
  const text = String(address).trim()
  if (text === "" || /^[a-z][a-z0-9+.-]*:\/\//iu.test(text)) return text
  const [host = ""] = text.toLowerCase().split(/:\d*(?:\/|$)|\//u)
  return `${OriginPolicy.isLoopback(host) ? "http" : "https"}://${text}`
}
