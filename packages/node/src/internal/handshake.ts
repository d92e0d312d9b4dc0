/**
 * Why there was no connection, and what to do about it: a proxy refused, or what an error code of TLS means. A closed connection has a meaning for TLS only if the server
 * closed it before it answered anything on it: a connection that answered before was not refused for its certificate.
 */
import { HandshakeFailed, isAuthError, ProxyFailed } from "@effect-auth/core/AuthError"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { Identity } from "./certificate.ts"
import * as Proxy from "./proxy.ts"
import { TunnelFailed } from "./tunnel.ts"

/** What is known on our side of the handshake. */
export interface Ours {
  /** The certificate that was presented, if there is one. */
  readonly identity: Identity | undefined
  /** Whose signature on the server's certificate is accepted, in words. */
  readonly trusted: string
  /** Errors of connections that the server closed before it answered anything on them. */
  readonly unanswered: Pick<WeakSet<WeakKey>, "has">
}

/** The error with a {@link HandshakeFailed} or {@link ProxyFailed} as its cause, if there was no connection. */
export const explain = (error: HttpClientError.HttpClientError, ours: Ours): HttpClientError.HttpClientError => {
  if (error._tag !== "RequestError" || error.reason !== "Transport" || isAuthError(error.cause)) return error
  const parsed = Option.liftThrowable((url: string) => new URL(url))(error.request.url)
  const url = Option.match(parsed, { onNone: () => "the server", onSome: addressOf })
  const because = (cause: HandshakeFailed | ProxyFailed) =>
    new HttpClientError.RequestError({
      request: error.request,
      // of the platform's reasons only `Transport` is tried again: a proxy would get a refused password each time
      reason: isPassing(cause) ? "Transport" : "InvalidUrl",
      cause,
      description: cause.message
    })
  if (error.cause instanceof TunnelFailed) return because(new ProxyFailed({ url, ...Proxy.explain(error.cause) }))
  // without TLS there is no handshake
  if (Option.isSome(parsed) && parsed.value.protocol !== "https:") return error
  const code = errorCode(error.cause)
  const meaning = code === undefined ? undefined : meaningOf(code, isUnanswered(error.cause, ours.unanswered))
  return code === undefined || meaning === undefined
    ? error
    : because(new HandshakeFailed({ url, reason: meaning, code, problem: problems[meaning](ours) }))
}

/** Whether it may pass by itself. Anything else needs another setting, certificate or password. */
const isPassing = ({ reason }: HandshakeFailed | ProxyFailed): boolean =>
  reason === "Closed" || reason === "Unreachable" || reason === "OriginUnreachable"

/**
 * Codes of Node (`tls.html#x509-certificate-error-codes`) and alerts (RFC 8446 section 6.2) as OpenSSL names them.
 * `unanswered`: whether the server closed the connection before it answered anything on it.
 */
export const meaningOf = (code: string, unanswered: boolean): HandshakeFailed["reason"] | undefined => {
  switch (code) {
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_UNTRUSTED":
    case "CERT_SIGNATURE_FAILURE":
    case "INVALID_CA":
      return "ServerUntrusted"
    case "ERR_TLS_CERT_ALTNAME_INVALID":
    case "HOSTNAME_MISMATCH":
      return "ServerNameMismatch"
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return "ServerCertificateExpired"
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
      return unanswered ? "Closed" : undefined
  }
  if (/ALERT_CERTIFICATE_REQUIRED$/.test(code)) return "CertificateRequired"
  return alert.test(code) ? "CertificateRefused" : undefined
}

const alert =
  /_ALERT_(UNKNOWN_CA|(BAD|UNSUPPORTED)_CERTIFICATE|CERTIFICATE_\w+|ACCESS_DENIED|DECRYPT_ERROR|HANDSHAKE_FAILURE)$/

const problems: Record<HandshakeFailed["reason"], (ours: Ours) => string> = {
  ServerUntrusted: ({ trusted }) =>
    `the server's certificate is not signed by an authority that this client trusts (${trusted}); ` +
    "set ca or caFile to the authority that signed it",
  ServerNameMismatch: () => "the server's certificate is for another name; correct the URL, or set serverName",
  ServerCertificateExpired: () =>
    "the server's certificate has expired or is not valid yet; renew it there, or correct this machine's clock",
  CertificateRequired: ({ identity }) =>
    identity === undefined ?
      `the server requires a client certificate; ${present}` :
      `the server received no certificate: it does not accept one issued by ${identity.issuer}, or it asks for one after ` +
      "the handshake, which needs maxVersion \"TLSv1.2\"",
  CertificateRefused: ({ identity }) =>
    identity === undefined
      ? `the server refuses the handshake; if it requires a client certificate, ${present}`
      : `the server does not accept the client certificate ${name(identity)}, signed by ${identity.issuer}; ` +
        "add that authority to the ones it trusts, or use a certificate of one it trusts already",
  Closed: ({ identity }) =>
    identity === undefined
      ? `the server closed a new connection before it answered anything: it was interrupted (a restart, an overload, a ` +
        `time limit), or it requires a client certificate; if so, ${present}`
      : `the server closed a new connection before it answered anything: either it does not accept the client certificate ` +
        `${
          name(identity)
        }, signed by ${identity.issuer}, or it was interrupted (a restart, an overload, a time limit); ` +
        "if it does so every time, the certificate is the likely reason"
}

/** Origin and path; the server of a redirect may have chosen the path. */
const addressOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`.slice(0, longestAddress)

const longestAddress = 500

const present = "use a transport of ClientCertificate"

const name = ({ serialNumber, subject }: Identity): string => Option.getOrElse(subject, () => serialNumber)

/** The innermost code, because transports wrap the socket's error. */
const errorCode = (cause: unknown): string | undefined => {
  const inner = Predicate.hasProperty(cause, "cause") ? errorCode(cause.cause) : undefined
  return inner ?? (Predicate.hasProperty(cause, "code") && typeof cause.code === "string" ? cause.code : undefined)
}

const isUnanswered = (cause: unknown, unanswered: Ours["unanswered"]): boolean =>
  Predicate.isObject(cause) &&
  (unanswered.has(cause) || (Predicate.hasProperty(cause, "cause") && isUnanswered(cause.cause, unanswered)))
