/** The forms in which the address of a Yamcs server may be given. */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"

/**
 * `host:port` and `host:port/path` as an absolute URL: https, or http to a loopback host, where a server has no TLS by
 * default. An address with a scheme stays as it is.
 */
export const absolute = (address: string | URL): string => {
  const text = String(address).trim()
  // `https:` is a scheme, however many strokes follow, in whichever direction
  if (text === "" || /^(?:https?:(?!\d+(?:\/|$))|[a-z][a-z0-9+.-]*:\/\/)/iu.test(text)) return text
  const [host = ""] = text.toLowerCase().split(/:\d*(?:\/|$)|\//u)
  return `${OriginPolicy.isLoopback(host) ? "http" : "https"}://${text}`
}
