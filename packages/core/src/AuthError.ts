/**
 * Everything this library fails with: one class for each thing a caller handles differently, and the unions that say
 * where each can occur. Messages are written for a person, say what to do next, and hold no secret.
 *
 * @example
 * ```ts
 * import { isTransient } from "@effect-auth/core/AuthError"
 * import type { TokenSource } from "@effect-auth/core/TokenSource"
 * import * as Effect from "effect/Effect"
 *
 * const token = (tokens: TokenSource) =>
 *   tokens.get.pipe(
 *     Effect.retry({ while: isTransient, times: 3 }),
 *     Effect.catchTag("CredentialsRejected", ({ message }) => Effect.die(message)) // another try may lock the account
 *   )
 * ```
 *
 * @since 0.1.0
 */
import type { RateLimited } from "@effect-auth/rate-limit/RateLimitError"
import { isRateLimited } from "@effect-auth/rate-limit/RateLimitError"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"

const TypeId: unique symbol = Symbol.for("@effect-auth/core/AuthError")

type TypeId = typeof TypeId

/**
 * What a login or a refresh can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type ExchangeError =
  | CredentialUnavailable
  | CredentialsRejected
  | InteractionRequired
  | TokenEndpointError
  | MalformedTokenResponse
  | TokenStoreError

/**
 * What every authenticated call can fail with, beside the platform's `HttpClientError`.
 *
 * @since 0.1.0
 * @category models
 */
export type CallError = ExchangeError | AuthenticationFailed | OriginRefused

/**
 * What a call can fail with on a client that has a rate limiter and follows redirects: the widest client there is.
 *
 * @since 0.1.0
 * @category models
 */
export type ClientError = CallError | RateLimited | RedirectRefused

/**
 * What building a client or a layer can fail with, before anything is sent. Layers that present a client certificate
 * add `ClientCertificateError`.
 *
 * @since 0.1.0
 * @category models
 */
export type SetupError = InvalidSetting | InsecureTransport

/**
 * Everything this library itself fails with. Transport errors stay the platform's `HttpClientError`.
 *
 * @since 0.1.0
 * @category models
 */
export type AuthError =
  | ClientError
  | SetupError
  | AuthModeMismatch
  | ClientCertificateError
  | HandshakeFailed
  | ProxyFailed

export {
  /**
   * @since 0.1.0
   * @category errors
   */
  RateLimited
} from "@effect-auth/rate-limit/RateLimitError"

/**
 * @since 0.1.0
 * @category guards
 */
export const isAuthError = (u: unknown): u is AuthError => Predicate.hasProperty(u, TypeId) || isRateLimited(u)

/** What a server said while refusing; `code`, `detail` and `advice` are those of a `ServerMessage`. */
const refusal = {
  /** The mode that was refused, such as `IbmMq/Ltpa`. */
  mode: Schema.String,
  /** Origin and path of the request, without its query. */
  url: Schema.optional(Schema.String),
  status: Schema.optional(Schema.Int),
  /** The server's own code, such as `MQWB0112E`, `2000` or `invalid_grant`. */
  code: Schema.optional(Schema.String),
  /** What the server said, or what is wrong with what it sent. */
  detail: Schema.optional(Schema.String),
  /** What may be behind it, or what to check, in the words of this library. */
  advice: Schema.optional(Schema.String)
}

const sentence = (
  head: string,
  facts: {
    readonly url?: string | undefined
    readonly status?: number | undefined
    readonly code?: string | undefined
    readonly detail?: string | undefined
    readonly advice?: string | undefined
  }
): string => {
  const at = facts.url === undefined ? "" : ` at ${facts.url}`
  const said = [facts.status === undefined ? undefined : `HTTP ${facts.status}`, facts.code].filter(
    Predicate.isNotUndefined
  )
  const parenthesis = said.length === 0 ? "" : ` (${said.join(", ")})`
  const words = [facts.detail, facts.advice].filter(Predicate.isNotUndefined)
  return `${head}${at}${parenthesis}${words.length === 0 ? "" : `: ${words.join("; ")}`}`
}

/**
 * Raised when a setting cannot be used: an empty user name, a malformed URL, an unknown platform. Nothing has been
 * sent yet. Names the setting, and never quotes a secret value.
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
 * Raised when there is no credential: a variable is not set, a secret manager does not answer, a stored value cannot be
 * sent. Nothing was sent and nothing was refused, so another credential may be tried; see
 * `Authenticator.firstAvailable`. A login whose credential is read by an Effect is retried as after no answer, unless the
 * error is `final`.
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
      /** Why, for a program, where the source of the credential tells it, such as `TicketExpired` of Kerberos. */
      code: Schema.optional(Schema.String),
      /** Whether it is of no use to try again: nothing is configured, or the value cannot be sent. Default: no. */
      final: Schema.optional(Schema.Boolean),
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
 * Raised when the server refuses the credentials themselves. Trying again cannot help and may lock the account: correct
 * the credentials. A token source repeats this error, without asking the server, for the policy's `coolDown`.
 *
 * - `Grant` (default): the password, refresh token, code or assertion is wrong, or good no more
 * - `Setting`: the server does not accept the client, or what it asks for; a refresh token stays good
 *
 * @since 0.1.0
 * @category errors
 */
export class CredentialsRejected
  extends Schema.TaggedError<CredentialsRejected>("@effect-auth/core/CredentialsRejected")(
    "CredentialsRejected",
    {
      ...refusal,
      reason: Schema.optional(Schema.Literal("Grant", "Setting")),
      /** What was refused: the credentials of a login or of a request, or a refresh token. Default: `login`. */
      grant: Schema.optional(Schema.Literal("login", "refresh"))
    }
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const what = this.reason === "Setting"
      ? "the client or what it asks for"
      : this.grant === "refresh"
      ? "the refresh token"
      : "the credentials"
    // RFC 6749 section 4.1.2.1; Entra's word for it on another device
    return this.code === "access_denied" || this.code === "authorization_declined"
      ? sentence(`${this.mode}: access was denied, by the person who was asked or by the server`, this)
      : sentence(`${this.mode}: the server rejected ${what}`, this)
  }
}

/**
 * Raised when a person has to act before there can be a token: log in again, consent, present a second factor. Where
 * nobody can be asked (an early renewal, a policy without `interaction`), nothing was begun.
 *
 * @since 0.1.0
 * @category errors
 */
export class InteractionRequired
  extends Schema.TaggedError<InteractionRequired>("@effect-auth/core/InteractionRequired")(
    "InteractionRequired",
    {
      ...refusal,
      /** What the next login has to ask for, as the server states it (OpenID Connect Core section 5.5). */
      claims: Schema.optional(Schema.String)
    }
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: a person has to log in`, this)
  }
}

/**
 * Raised when a request is still refused after its credentials were renewed, or cannot be sent again. The credentials
 * are good enough to obtain a token, but the server does not accept this request with it.
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
 * Raised when no token could be obtained although the credentials were not refused.
 *
 * - `Unreachable`: no answer (DNS, connection, TLS); retried by the policy's `retry` schedule, unless it is `final`
 * - `Timeout`: the exchange took longer than the policy allows
 * - `Unavailable`: 408 or 5xx; retried
 * - `TooManyRequests`: 429; retried
 * - `Unexpected`: an answer that is not the token endpoint's, such as a proxy's page, a redirect or a 404; retried, and if
 *   it stays, the base URL is wrong
 * - `Closed`: the Scope of the token source has closed
 * - `OtherRequest`: a request of a Cloudflare Worker uses the token source of another one
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenEndpointError extends Schema.TaggedError<TokenEndpointError>("@effect-auth/core/TokenEndpointError")(
  "TokenEndpointError",
  {
    ...refusal,
    reason: Schema.Literal(
      "Unreachable",
      "Timeout",
      "Unavailable",
      "TooManyRequests",
      "Unexpected",
      "Closed",
      "OtherRequest"
    ),
    /** What was asked, in words, where that is not the token endpoint: `the device authorization endpoint`. */
    endpoint: Schema.optional(Schema.String),
    /** Whether the server may have received the request; `false`: certainly not. Only with `Unreachable` and `Timeout`. */
    sent: Schema.optional(Schema.Boolean),
    /** Whether it is of no use to try again, as after a refused certificate or a proxy's refused password. Default: no. */
    final: Schema.optional(Schema.Boolean),
    /** How long the server wants to be left alone. */
    retryAfter: Schema.optional(Schema.DurationFromMillis)
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: ${endpointTrouble[this.reason](this.endpoint)}`, this)
  }
}

const endpointTrouble: Record<TokenEndpointError["reason"], (endpoint: string | undefined) => string> = {
  Unreachable: (endpoint = tokenEndpoint) => `${endpoint} could not be reached`,
  Timeout: () => "obtaining a token took too long",
  Unavailable: (endpoint = tokenEndpoint) => `${endpoint} is unavailable`,
  TooManyRequests: (endpoint = tokenEndpoint) => `${endpoint} asks for fewer requests`,
  Unexpected: (endpoint) =>
    endpoint === undefined
      ? `${tokenEndpoint} answered unexpectedly (is the base URL right?)`
      : `${endpoint} answered unexpectedly`,
  Closed: () => "the token source is closed because its Scope has ended",
  OtherRequest: () => "the token source belongs to another request"
}

const tokenEndpoint = "the token endpoint"

/**
 * Raised when the server answers with success but no token can be read from the answer.
 *
 * @since 0.1.0
 * @category errors
 */
export class MalformedTokenResponse
  extends Schema.TaggedError<MalformedTokenResponse>("@effect-auth/core/MalformedTokenResponse")(
    "MalformedTokenResponse",
    {
      ...refusal,
      /** It is not even of the kind this endpoint answers with, such as a proxy's page: another try may bring a token. */
      foreign: Schema.optional(Schema.Boolean)
    }
  )
{
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    return sentence(`${this.mode}: the token response could not be understood`, this)
  }
}

/**
 * Raised when a request would carry credentials to an origin the client is not bound to. So is one whose relative URL
 * leaves the base URL, or whose `Host` header names another host: `problem` says which. No connection was opened.
 *
 * @since 0.1.0
 * @category errors
 */
export class OriginRefused extends Schema.TaggedError<OriginRefused>("@effect-auth/core/OriginRefused")(
  "OriginRefused",
  {
    /** The origin asked for; without path, query or user information. */
    origin: Schema.String,
    /** Origin and path of the request, without its query; `undefined` if it is not a URL. */
    url: Schema.optional(Schema.String),
    allowed: Schema.Array(Schema.String),
    /** What is wrong with the request, if it is not its origin. */
    problem: Schema.optional(Schema.String)
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const problem = this.problem ??
      `is not an origin of this client; credentials are sent to ${this.allowed.join(", ")} only`
    return `${this.url ?? this.origin} ${problem}`
  }
}

/**
 * Raised when a redirect cannot be followed safely.
 *
 * - `Malformed`: the `Location` field is not a URL of http or https
 * - `UserInformation`: it contains a user name or password
 * - `Downgrade`: it leads from https to plain http
 * - `TooMany`: the client's limit is reached, probably by a loop
 * - `Body`: the request's body cannot be sent a second time; see `ReplayPolicy`
 * - `Followed`: the transport followed it although it was told not to, so the credentials may have reached another origin;
 *   the cause of a `RequestError`
 * - `Opaque`: a browser shows neither status nor target of a redirect that it does not follow; the cause of a
 *   `RequestError`
 *
 * @since 0.1.0
 * @category errors
 */
export class RedirectRefused extends Schema.TaggedError<RedirectRefused>("@effect-auth/core/RedirectRefused")(
  "RedirectRefused",
  {
    reason: Schema.Literal("Malformed", "UserInformation", "Downgrade", "TooMany", "Body", "Followed", "Opaque"),
    /** Origin and path of the request that was redirected, without its query. */
    url: Schema.optional(Schema.String),
    status: Schema.Int,
    /** The origin the redirect leads to. Its path and query are left out because they may hold secrets. */
    origin: Schema.optional(Schema.String)
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const target = this.origin === undefined ? "" : ` to ${this.origin}`
    const source = this.url === undefined ? "" : ` of ${this.url}`
    const outcome = this.reason === "Followed" ? "was followed" : "was not followed"
    return `the redirect${source}${target} (HTTP ${this.status}) ${outcome}: ${redirectTrouble[this.reason]}`
  }
}

const redirectTrouble: Record<RedirectRefused["reason"], string> = {
  Malformed: "its Location is not a URL of http or https",
  UserInformation: "its Location contains a user name or password",
  Downgrade: "it leads from https to plain http",
  TooMany: "the client's limit of redirects is reached",
  Body: "the request's body cannot be sent a second time",
  Followed: "the transport does not respect `redirect: manual`, and may have taken the credentials along",
  Opaque: "a browser hides where it leads (Fetch standard, opaque-redirect filtered response)"
}

/**
 * Raised when credentials would travel over plain http to a host that is not loopback.
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
 * Raised when a program that needs one mode runs with another that was chosen at run time.
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
 * Raised when a token cannot be read from, written to, removed from or locked in its store, or replaced because another
 * process has stored one meanwhile.
 *
 * @since 0.1.0
 * @category errors
 */
export class TokenStoreError extends Schema.TaggedError<TokenStoreError>("@effect-auth/core/TokenStoreError")(
  "TokenStoreError",
  {
    operation: Schema.Literal("read", "write", "replace", "remove", "lock"),
    /** Where the token is kept, as the store names it: a file, a key. */
    place: Schema.optional(Schema.String),
    detail: Schema.String
  }
) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const place = this.place === undefined ? "" : ` ${this.place}`
    return `the token store failed to ${this.operation}${place}: ${this.detail}`
  }
}

/**
 * Raised when a client certificate cannot be used: while its layer is built, or when its files are replaced by ones that
 * cannot be used (the previous certificate then stays in use).
 *
 * - `Unreadable`: a file is missing or this user may not read it
 * - `Malformed`: the content is not in the expected format
 * - `PassphraseRejected`: the passphrase is wrong or missing
 * - `KeyMismatch`: the private key belongs to another certificate
 * - `Expired`, `NotYetValid`: now is outside the certificate's validity
 * - `LegacyPkcs12`: the archive is encrypted with an algorithm this version of Node refuses
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
      /** The setting the certificate came from, with its path if it has one. */
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
 * Raised when server and client do not accept each other's certificates. Found as the cause of a `RequestError`.
 *
 * - `ServerUntrusted`: the server's certificate is not signed by an authority this client trusts
 * - `ServerNameMismatch`: the server's certificate is for another name
 * - `ServerCertificateExpired`: the current time is outside the validity of the server's certificate
 * - `CertificateRequired`: the server received no certificate from this client
 * - `CertificateRefused`: the server does not accept this client's certificate
 * - `Closed`: the server closed a new connection before it had sent anything, which is how many servers refuse a
 *   certificate
 *
 * @since 0.1.0
 * @category errors
 */
export class HandshakeFailed extends Schema.TaggedError<HandshakeFailed>("@effect-auth/core/HandshakeFailed")(
  "HandshakeFailed",
  {
    /** Origin and path of the request, without its query. */
    url: Schema.String,
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
    return `${this.url}: ${this.problem} (${this.code})`
  }
}

/**
 * Raised when a proxy does not open a connection to the server. The request was not sent, so the server refused nothing.
 * Found as the cause of a `RequestError`.
 *
 * - `Unreachable`: the proxy does not answer, or its certificate is not accepted
 * - `AuthenticationRequired`: it refuses the user name and password, or asks for them (407)
 * - `Refused`: it does not allow connections to this host or port
 * - `OriginUnreachable`: it cannot reach the server (5xx)
 *
 * @since 0.1.0
 * @category errors
 */
export class ProxyFailed extends Schema.TaggedError<ProxyFailed>("@effect-auth/core/ProxyFailed")("ProxyFailed", {
  /** Origin and path of the request, without its query. */
  url: Schema.String,
  /** The proxy's origin, without its user name and password. */
  proxy: Schema.String,
  reason: Schema.Literal("Unreachable", "AuthenticationRequired", "Refused", "OriginUnreachable"),
  /** What the proxy answered; `undefined` if it did not. */
  status: Schema.optional(Schema.Int),
  problem: Schema.String
}) {
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const status = this.status === undefined ? "" : ` (HTTP ${this.status})`
    return `${this.url}: the proxy ${this.proxy} ${this.problem}${status}`
  }
}

/**
 * Whether the same exchange can succeed if it is tried again unchanged: after no answer, one that is not the server's own,
 * or a credential that could not be read. A redirect that the transport hides or has followed (`Unexpected` without a
 * status) comes back.
 *
 * @since 0.1.0
 * @category refinements
 */
export const isTransient = (error: ExchangeError): boolean =>
  error._tag === "TokenStoreError" ||
  (error._tag === "CredentialUnavailable" && error.final !== true) ||
  (error._tag === "MalformedTokenResponse" && error.foreign === true) ||
  (error._tag === "TokenEndpointError" && error.final !== true && error.reason !== "Closed" &&
    error.reason !== "OtherRequest" &&
    (error.reason !== "Unexpected" || error.status !== undefined))
