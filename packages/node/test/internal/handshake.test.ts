import { assert, describe, it } from "@effect/vitest"
import * as Handshake from "../../src/internal/handshake.ts"

describe("meaningOf", () => {
  it("tells who does not trust whom", () => {
    const codes = {
      UNABLE_TO_VERIFY_LEAF_SIGNATURE: "ServerUntrusted",
      SELF_SIGNED_CERT_IN_CHAIN: "ServerUntrusted",
      ERR_TLS_CERT_ALTNAME_INVALID: "ServerNameMismatch",
      CERT_HAS_EXPIRED: "ServerCertificateExpired",
      ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: "CertificateRequired",
      ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "CertificateRefused",
      ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "CertificateRefused",
      ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED: "CertificateRefused",
      ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "CertificateRefused"
    }
    for (const [code, meaning] of Object.entries(codes)) {
      for (const unanswered of [true, false]) {
        assert.strictEqual(Handshake.meaningOf(code, unanswered), meaning, code)
      }
    }
  })

  it("a closed connection says something of the certificate only if nothing was answered on it", () => {
    for (const code of ["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]) {
      assert.strictEqual(Handshake.meaningOf(code, true), "Closed", code)
      assert.isUndefined(Handshake.meaningOf(code, false), code)
    }
  })

  it("leaves alone what has nothing to do with certificates", () => {
    for (
      const code of ["ECONNREFUSED", "ENOTFOUND", "ETIMEDOUT", "ERR_SSL_WRONG_VERSION_NUMBER", "UND_ERR_DESTROYED"]
    ) {
      assert.isUndefined(Handshake.meaningOf(code, true), code)
    }
  })
})
