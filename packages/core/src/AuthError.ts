/**
 * What can go wrong between "here is who I am" and "here is your answer": one class per thing that a caller does
 * differently. Every message is written for a person, names what to do next, and holds no secret.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

/**
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("@effect-auth/core/AuthError")

/**
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * Everything that this library itself fails with. Transport errors stay what they are: `HttpClientError`.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthError =
  | InvalidSetting
  | CredentialUnavailable
  | CredentialsRejected
  | AuthenticationFailed
  | TokenEndpointError
  | MalformedTokenResponse
  | RateLimited
  | OriginRefused
  | RedirectRefused
  | InsecureTransport
  | AuthModeMismatch
  | TokenStoreError
  | ClientCertificateError
  | HandshakeFailed

/**
 * What a login or a refresh can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type ExchangeError =
  | CredentialUnavailable
  | CredentialsRejected
  | TokenEndpointError
  | MalformedTokenResponse
  | TokenStoreError

/**
 * @since 0.1.0
 * @category guards
 */
export const isAuthError = (u: unknown): u is AuthError => Predicate.hasProperty(u, TypeId)

/**
 * What a server said while refusing: its HTTP status, its own code (`MQWB0112E`, `2000`, `invalid_grant`) and a
 * sentence that is safe to show.
 */
const refusal = {
  /** The mode that was refused, such as `IbmMq/Ltpa`. */
  mode: Schema.String,
  status: Schema.optional(Schema.Int),
  /** The server's own code. */
  code: Schema.optional(Schema.String),
  /** What the server said, or what to look at. */
  detail: Schema.optional(Schema.String)
}

const sentence = (
  head: string,
  facts: {
    readonly status?: number | undefined
    readonly code?: string | undefined
    readonly detail?: string | undefined
  }
): string => {
  const said = [facts.status === undefined ? undefined : `HTTP ${facts.status}`, facts.code].filter(
    Predicate.isNotUndefined
  )
  const parenthesis = said.length === 0 ? "" : ` (${said.join(", ")})`
  return `${head}${parenthesis}${facts.detail === undefined ? "" : `: ${facts.detail}`}`
}

/**
 * It occurs when something that the program was configured with cannot be used: an empty user name, a malformed URL,
 * an unknown platform. Raised before anything is sent. Names the setting, never its value when that is secret.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>("@effect-auth/core/InvalidSetting")(
  "InvalidSetting",
  {
    /** The setting's path, such as `baseUrl` or `credential.username`. */
    setting: Schema.String,
    problem: Schema.String
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `${this.setting}: ${this.problem}`
  }
}

/**
 * It occurs when there is no credential to prove anything with: a variable that is not set, a file that is not there.
 * Nothing was sent and nobody refused anything, so that another credential may be tried; see
 * `Authenticator.firstAvailable`.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialUnavailable
  extends Schema.TaggedError<CredentialUnavailable>("@effect-auth/core/CredentialUnavailable")(
    "CredentialUnavailable",
    {
      mode: Schema.String,
      /** What is missing, and where it was looked for. */
      problem: Schema.String,
      /** Every credential that was tried, when there were several. */
      attempts: Schema.optional(Schema.Array(Schema.Struct({ mode: Schema.String, problem: Schema.String })))
    }
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const attempts = (this.attempts ?? []).map(({ mode, problem }) => `${mode}: ${problem}`)
    return [`${this.mode}: ${this.problem}`, ...attempts].join("; ")
  }
}

/**
 * It occurs when the server refuses the credentials themselves. Trying again cannot help and may lock the account:
 * correct the credentials. A token source remembers it for the policy's cool-down.
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsRejected
  extends Schema.TaggedError<CredentialsRejected>("@effect-auth/core/CredentialsRejected")(
    "CredentialsRejected",
    refusal
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: the server rejected the credentials`, this)
  }
}

/**
 * It occurs when a request is refused again after its proof was renewed, or when it cannot be sent again. The
 * credentials are good enough to obtain a token; this request is not accepted with it.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthenticationFailed
  extends Schema.TaggedError<AuthenticationFailed>("@effect-auth/core/AuthenticationFailed")(
    "AuthenticationFailed",
    refusal
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: the request was refused even though its authentication was renewed`, this)
  }
}

/**
 * It occurs when no token could be obtained although nobody said that the credentials are wrong.
 *
 * - `Unreachable`: no answer (DNS, connection, TLS); tried again by the policy's retry schedule
 * - `Timeout`: the exchange took longer than the policy allows
 * - `Unavailable`: 408 or 5xx; tried again
 * - `TooManyRequests`: 429; tried again
 * - `Unexpected`: a status that no token endpoint should answer with, mostly a wrong base URL; not tried again
 * - `Closed`: the Scope of the token source has ended
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenEndpointError extends Schema.TaggedError<TokenEndpointError>("@effect-auth/core/TokenEndpointError")(
  "TokenEndpointError",
  {
    ...refusal,
    reason: Schema.Literal("Unreachable", "Timeout", "Unavailable", "TooManyRequests", "Unexpected", "Closed")
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: ${endpointTrouble[this.reason]}`, this)
  }
}

const endpointTrouble: Record<TokenEndpointError["reason"], string> = {
  Unreachable: "the token endpoint could not be reached",
  Timeout: "obtaining a token took too long",
  Unavailable: "the token endpoint is unavailable",
  TooManyRequests: "the token endpoint asks for fewer requests",
  Unexpected: "the token endpoint answered unexpectedly (is the base URL right?)",
  Closed: "the token source was closed with its Scope"
}

/**
 * It occurs when the server answered success but no token can be read from the answer.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedTokenResponse
  extends Schema.TaggedError<MalformedTokenResponse>("@effect-auth/core/MalformedTokenResponse")(
    "MalformedTokenResponse",
    refusal
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: the token response could not be understood`, this)
  }
}

/**
 * It occurs when respecting the server's quota would mean waiting longer than the policy allows.
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimited extends Schema.TaggedError<RateLimited>("@effect-auth/core/RateLimited")("RateLimited", {
  /** The partition whose quota is spent, by default the endpoint. */
  key: Schema.String,
  /** How long the server asks to wait. */
  retryAfter: Schema.DurationFromMillis,
  limit: Schema.optional(Schema.Number),
  remaining: Schema.optional(Schema.Number)
}) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const quota = this.limit === undefined ? "" : ` (${this.remaining ?? 0} of ${this.limit} calls left)`
    return `${this.key}: the server's quota is spent${quota}; try again in ${Duration.format(this.retryAfter)}`
  }
}

/**
 * It occurs when a request would carry credentials to an origin that the client is not bound to. Raised before a
 * connection is opened.
 *
 * @since 0.1.0
 * @category errors
 */
export class OriginRefused extends Schema.TaggedError<OriginRefused>("@effect-auth/core/OriginRefused")(
  "OriginRefused",
  {
    /** The origin asked for; without path, query or user information. */
    origin: Schema.String,
    allowed: Schema.Array(Schema.String),
    problem: Schema.optional(Schema.String)
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const problem = this.problem ?? "is not an origin of this client"
    return `${this.origin} ${problem}; credentials are sent to ${this.allowed.join(", ")} only`
  }
}

/**
 * It occurs when a redirect cannot be followed safely.
 *
 * - `Malformed`: the `Location` field is no URL, or not one of http or https
 * - `UserInformation`: it names a user or a password
 * - `Downgrade`: it leads from https to plain http
 * - `TooMany`: it is one more than the client follows, probably a loop
 * - `Body`: the request's body would have to be sent a second time and cannot be; see `ReplayPolicy`
 * - `Unbound`: `followRedirects` was applied to a client of which it does not know where credentials may go
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectRefused extends Schema.TaggedError<RedirectRefused>("@effect-auth/core/RedirectRefused")(
  "RedirectRefused",
  {
    reason: Schema.Literal("Malformed", "UserInformation", "Downgrade", "TooMany", "Body", "Unbound"),
    status: Schema.Int,
    /** The origin that the redirect leads to; its path and query may hold secrets. */
    origin: Schema.optional(Schema.String)
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const target = this.origin === undefined ? "" : ` to ${this.origin}`
    return `the redirect${target} (HTTP ${this.status}) is not followed: ${redirectTrouble[this.reason]}`
  }
}

const redirectTrouble: Record<RedirectRefused["reason"], string> = {
  Malformed: "its Location is not a URL of http or https",
  UserInformation: "its Location names a user",
  Downgrade: "it leads from https to plain http",
  TooMany: "there were too many before it",
  Body: "the request's body cannot be sent a second time",
  Unbound: "apply followRedirects to the authenticated client itself, before other combinators"
}

/**
 * It occurs when credentials would travel over plain http to a host that is not loopback.
 *
 * @since 0.1.0
 * @category errors
 */
export class InsecureTransport extends Schema.TaggedError<InsecureTransport>("@effect-auth/core/InsecureTransport")(
  "InsecureTransport",
  { origin: Schema.String }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `${this.origin}: credentials are not sent over plain http, except to a loopback host; use https`
  }
}

/**
 * It occurs when a program that needs one mode runs with another that was chosen at run time.
 *
 * @since 0.1.0
 * @category errors
 */
export class AuthModeMismatch extends Schema.TaggedError<AuthModeMismatch>("@effect-auth/core/AuthModeMismatch")(
  "AuthModeMismatch",
  { expected: Schema.String, actual: Schema.String }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `expected ${this.expected}, got ${this.actual}`
  }
}

/**
 * It occurs when a token cannot be read from, written to or locked in its store.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenStoreError extends Schema.TaggedError<TokenStoreError>("@effect-auth/core/TokenStoreError")(
  "TokenStoreError",
  {
    operation: Schema.Literal("read", "write", "remove", "lock"),
    detail: Schema.String
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `the token store failed to ${this.operation}: ${this.detail}`
  }
}

/**
 * It occurs when a client certificate cannot be used: while its layer is built, or when its files were replaced by
 * something worse (then the old certificate goes on being used).
 *
 * - `Unreadable`: a file is missing or this user may not read it
 * - `Malformed`: it is not what it should be
 * - `PassphraseRejected`: the passphrase is wrong or missing
 * - `KeyMismatch`: the private key belongs to another certificate
 * - `Expired`, `NotYetValid`: now is outside the certificate's validity
 * - `LegacyPkcs12`: the archive is encrypted by an algorithm that this Node refuses
 *
 * @since 0.1.0
 * @category errors
 */
export class ClientCertificateError
  extends Schema.TaggedError<ClientCertificateError>("@effect-auth/core/ClientCertificateError")(
    "ClientCertificateError",
    {
      reason: Schema.Literal(
        "Unreadable",
        "Malformed",
        "PassphraseRejected",
        "KeyMismatch",
        "Expired",
        "NotYetValid",
        "LegacyPkcs12"
      ),
      /** The setting that it came from, with its path where it has one. */
      source: Schema.String,
      problem: Schema.String
    }
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `client certificate, ${this.source}: ${this.problem}`
  }
}

/**
 * It occurs when server and client do not accept each other's certificates. It is the cause of a `RequestError`.
 *
 * - `ServerUntrusted`: no authority that this client trusts vouches for the server
 * - `ServerNameMismatch`: the server's certificate is for another name
 * - `ServerCertificateExpired`: now is outside the validity of the server's certificate
 * - `CertificateRequired`: the server got no certificate from this client
 * - `CertificateRefused`: the server does not accept this client's certificate
 * - `Closed`: the server closed the connection instead of answering, which is how many servers refuse a certificate
 *
 * @since 0.1.0
 * @category errors
 */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>("@effect-auth/core/HandshakeFailed")(
  "HandshakeFailed",
  {
    origin: Schema.String,
    reason: Schema.Literal(
      "ServerUntrusted",
      "ServerNameMismatch",
      "ServerCertificateExpired",
      "CertificateRequired",
      "CertificateRefused",
      "Closed"
    ),
    /** The system's error code, such as `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`. */
    code: Schema.String,
    problem: Schema.String
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return `${this.origin}: ${this.problem} (${this.code})`
  }
}

/**
 * Whether trying the same exchange again, unchanged, can succeed.
 *
 * @since 0.1.0
 * @category refinements
 */
export const isTransient = (error: ExchangeError): boolean =>
  error._tag === "TokenStoreError" ||
  (error._tag === "TokenEndpointError" && error.reason !== "Unexpected" && error.reason !== "Closed")
