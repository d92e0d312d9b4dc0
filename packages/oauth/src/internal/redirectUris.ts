/** Whether a registered client may use a redirect URI. */

/** One that is left is enough; its port is free on loopback (RFC 8252 section 7.3). */
export const mayUse = (registered: ReadonlyArray<string>, wanted: ReadonlyArray<string>): boolean =>
  wanted.length === 0 || wanted.some((uri) => registered.map(withoutPort).includes(withoutPort(uri)))

const withoutPort = (uri: string): string => uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):\d+/u, "$1")
