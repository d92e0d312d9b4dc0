/**
 * The tokens of HTTP Negotiate (RFC 4559) out of the system's Kerberos tickets, by its GSS-API: those that `kinit` or a
 * login brought, or those of a keytab (`KRB5_CLIENT_KTNAME`), which needs no `kinit`. It needs the package `kerberos`
 * (`npm install kerberos`), which is loaded with the first token.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Negotiate from "@effect-auth/core/Negotiate"
 * import * as Kerberos from "@effect-auth/node/Kerberos"
 * import * as Context from "effect/Context"
 * import * as Layer from "effect/Layer"
 *
 * class Intranet extends Context.Tag("app/Intranet")<Intranet, AuthenticatedHttpClient.Service>() {}
 *
 * const IntranetLive = AuthenticatedHttpClient.layer(Negotiate.authenticator(), {
 *   baseUrl: "https://intranet.example",
 *   client: Intranet
 * }).pipe(Layer.provide(Kerberos.layer))
 * ```
 *
 * @since 0.1.0
 */
import * as Negotiate from "@effect-auth/core/Negotiate"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import * as Layer from "effect/Layer"
import * as Gss from "./internal/gss.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * `Spnego` wraps the ticket in a negotiation (RFC 4178), as browsers do; `Kerberos` sends it bare (RFC 4121), which some
   * servers take as well. Default: `Spnego`.
   */
  readonly mechanism?: "Spnego" | "Kerberos" | undefined
  /**
   * How long a token may take; no key distribution center answered then (`KdcUnreachable`). Default: 30 seconds.
   */
  readonly timeout?: DurationWithUnit | undefined
}

/**
 * Tokens of the system's tickets, one at a time. The ticket of a server stays in the system's cache, so that only its first
 * token asks a key distribution center.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = ({ mechanism = "Spnego", timeout = "30 seconds" }: Options = {}): Negotiate.Service =>
  Gss.make(Gss.load, {
    mechanism: (gss) => mechanism === "Spnego" ? gss.GSS_MECH_OID_SPNEGO : gss.GSS_MECH_OID_KRB5,
    timeout
  })

/**
 * {@link make} as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Negotiate.Negotiate> = Layer.sync(Negotiate.Negotiate, make)
