/**
 * Evidence that the transport presents a client certificate. A mode whose proof is the certificate itself requires it,
 * so that a program without one does not compile.
 *
 * @example
 * ```ts
 * import { MutualTls } from "@effect-auth/core/MutualTls"
 * import * as Effect from "effect/Effect"
 *
 * // does not compile without a transport that presents a client certificate
 * const subject = Effect.map(MutualTls, ({ subject }) => subject)
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Option from "effect/Option"

/**
 * Provided together with an `HttpClient` that presents a client certificate (`@effect-auth/node`). `subject` is whom
 * the certificate names (RFC 5280 section 4.1.2.6), where it names anyone.
 *
 * @since 0.1.0
 * @category tags
 */
export class MutualTls extends Context.Tag("@effect-auth/core/MutualTls")<
  MutualTls,
  { readonly subject: Option.Option<string> }
>() {}
