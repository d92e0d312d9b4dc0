/**
 * HTTP Negotiate (RFC 4559), the scheme of Kerberos: a program proves by a ticket who it is, and holds no secret itself.
 * What makes the tokens out of tickets is a service; `@effect-auth/node` has one over the system's GSS-API, and a test
 * takes its place with another.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Negotiate from "@effect-auth/core/Negotiate"
 * import * as Context from "effect/Context"
 *
 * class Intranet extends Context.Tag("app/Intranet")<Intranet, AuthenticatedHttpClient.Service>() {}
 *
 * // requires `Negotiate`
 * const IntranetLive = AuthenticatedHttpClient.layer(Negotiate.authenticator(), {
 *   baseUrl: "https://intranet.example",
 *   client: Intranet
 * })
 * ```
 *
 * @since 0.1.0
 */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Authenticator from "./Authenticator.ts"
import { CredentialUnavailable } from "./AuthError.ts"
import * as Challenge from "./Challenge.ts"
import * as RequestCredentials from "./RequestCredentials.ts"
import type * as ServerMessage from "./ServerMessage.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /**
   * Makes a token, in base64, that begins a security context with the target. Each one is new: servers refuse a token that
   * they have seen (RFC 4120 section 3.2.3).
   */
  readonly token: (target: Target) => Effect.Effect<Redacted.Redacted, NegotiateError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Target {
  /** The host-based name of the server (RFC 2743 section 4.1), such as `HTTP@intranet.example`. */
  readonly service: string
  /** Whose tickets to use, such as `robot@EXAMPLE.COM`. Default: those of the system's default principal. */
  readonly principal?: string | undefined
}

/**
 * @since 0.1.0
 * @category tags
 */
export class Negotiate extends Context.Tag("@effect-auth/core/Negotiate")<Negotiate, Service>() {}

/**
 * Raised when no token can be made. The server was not asked, and has refused nothing.
 *
 * - `NoCredentials`: there is no ticket and no keytab, or none of the principal; `kinit` gets one
 * - `TicketExpired`: the ticket has expired
 * - `UnknownService`: the key distribution center has no such server, such as for an IP address or an alias
 * - `KdcUnreachable`: no key distribution center answers; worth another try
 * - `Unsupported`: this program cannot make tokens, as where the GSS-API is missing
 * - `Failed`: anything else
 *
 * @since 0.1.0
 * @category errors
 */
export class NegotiateError extends Data.TaggedError("NegotiateError")<{
  readonly reason: "NoCredentials" | "TicketExpired" | "UnknownService" | "KdcUnreachable" | "Unsupported" | "Failed"
  readonly service: string
  readonly problem: string
}> {
  override get message(): string {
    return `no Kerberos token for ${this.service}: ${this.problem}`
  }
}

/**
 * Options of {@link authenticator}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Partial<Target> {
  /** The mode's name; shown in errors and events. Default: `Negotiate`. */
  readonly mode?: string | undefined
}

/**
 * A token of its own on each request, without waiting for a challenge. The server is `HTTP@<host of the request>`, unless
 * `service` names it. One leg only: what the server would prove of itself is left to TLS, and a mechanism that takes
 * another leg, such as NTLM, is refused.
 *
 * Where no token can be made, a request fails with `CredentialUnavailable`, whose `code` is the reason of the
 * {@link NegotiateError}; what the server refuses is `CredentialsRejected`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator = (
  { mode = "Negotiate", principal, service }: Options = {}
): Effect.Effect<Authenticator.Authenticator, never, Negotiate> =>
  Effect.map(Negotiate, (negotiate) =>
    Authenticator.perRequest(
      ({ url }) =>
        Effect.provideService(
          Effect.map(
            authorization({ mode, principal, service: service ?? serviceOf(url) }),
            RequestCredentials.authorization
          ),
          Negotiate,
          negotiate
        ),
      { mode, explain }
    ))

/**
 * The value of `Authorization` for one attempt, such as at a login. A key distribution center that does not answer is worth
 * another try, everything else is `final`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authorization = (
  { mode, ...target }: Target & { readonly mode: string }
): Effect.Effect<Redacted.Redacted, CredentialUnavailable, Negotiate> =>
  Effect.flatMap(Negotiate, ({ token }) =>
    Effect.mapBoth(token(target), {
      // servers read the scheme case-sensitively, such as Yamcs
      onSuccess: (token) => Redacted.make(`Negotiate ${Redacted.value(token)}`),
      onFailure: ({ message, reason }) =>
        new CredentialUnavailable({
          mode,
          code: reason,
          problem: message,
          ...(reason === "KdcUnreachable" ? undefined : { final: true })
        })
    }))

/**
 * The host-based name of the HTTP server of a URL: `HTTP@<host>`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const serviceOf = (url: string): string => `HTTP@${new URL(url).hostname.replace(/^\[(.*)\]$|\.$/u, "$1")}`

const explain = ({
  headers
}: HttpClientResponse.HttpClientResponse): Effect.Effect<ServerMessage.ServerMessage> => {
  const challenges = Challenge.fromHeaders(headers)
  const ours = challenges.find(({ scheme }) => scheme === "negotiate")
  return Effect.succeed({
    ...(ours === undefined ? Challenge.explain(challenges) : undefined),
    advice: ours?.token68 !== undefined
      // a token that refuses looks like one that goes on
      ? "the server did not accept the ticket, or wants another leg, which is not supported"
      : ours === undefined && challenges.length > 0
      ? "Negotiate is not among what the server accepts"
      : "the server did not accept the ticket"
  })
}
