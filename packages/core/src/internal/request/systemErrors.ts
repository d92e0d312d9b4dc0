/** What an error code of the system means and what to do about it. */

export const describe = (code: string): string => {
  const meaning = meanings[code]
  return meaning === undefined ? code : `${code}: ${meaning}`
}

/** Whether the error occurs before anything of the request is sent: while the host is looked up or connected to. */
export const isBeforeSending = (code: string): boolean => beforeSending.has(code)

const untrusted =
  "the server's certificate is not signed by an authority this program trusts; if the server is yours, " +
  "give the certificate of its authority to the transport (`ca`), or to Node in NODE_EXTRA_CA_CERTS"

/** https://nodejs.org/api/errors.html#common-system-errors and https://nodejs.org/api/tls.html#x509-certificate-error-codes */
const meanings: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing accepts connections there; is the server running, are host and port right?",
  ENOTFOUND: "the host name is unknown",
  EAI_AGAIN: "the host name could not be looked up at the moment",
  ECONNRESET: "the connection was closed by the other side",
  EPIPE: "the connection was closed by the other side",
  UND_ERR_SOCKET: "the connection was closed by the other side",
  ETIMEDOUT: "no answer in time",
  UND_ERR_CONNECT_TIMEOUT: "no connection in time",
  UND_ERR_HEADERS_TIMEOUT: "no answer in time",
  UND_ERR_BODY_TIMEOUT: "the body did not arrive in time",
  EHOSTUNREACH: "there is no route to the host",
  ENETUNREACH: "there is no route to the network",
  EPROTO: "the other side does not speak TLS as expected; is it https?",
  ERR_SSL_WRONG_VERSION_NUMBER: "the other side does not speak TLS; is it plain http?",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "the other side does not speak TLS; is it plain http?",
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
  UNABLE_TO_GET_ISSUER_CERT: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  CERT_HAS_EXPIRED: "the server's certificate has expired",
  CERT_NOT_YET_VALID: "the server's certificate is not valid yet; is this machine's clock right?",
  ERR_TLS_CERT_ALTNAME_INVALID: "the server's certificate is for another host name"
}

const beforeSending: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "UND_ERR_CONNECT_TIMEOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_SSL_WRONG_VERSION_NUMBER",
  "ERR_SSL_PACKET_LENGTH_TOO_LONG",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_HAS_EXPIRED",
  "CERT_NOT_YET_VALID",
  "ERR_TLS_CERT_ALTNAME_INVALID"
])
