/**
 * An authorization server: its endpoints and what it says of itself, given by hand or read from its metadata (RFC 8414,
 * OpenID Connect Discovery).
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 *
 * // one whose metadata many sources share
 * const server = AuthorizationServer.remember("https://login.acme.example")
 * ```
 *
 * @since 0.1.0
 */
import type { AuthorizationServer } from "./internal/server.ts"
import type { Remembered } from "./internal/servers.ts"

export type { AuthorizationServer, Remembered }

export { discover } from "./internal/discovery.ts"

export { make } from "./internal/server.ts"

export { remember } from "./internal/servers.ts"
