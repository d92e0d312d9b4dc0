import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as AuthError from "../src/AuthError.ts"

const refused = { mode: "Acme/Password", status: 401, code: "invalid_grant", detail: "the account is locked" }
const reasons = [
  "Unreachable",
  "Timeout",
  "Unavailable",
  "TooManyRequests",
  "Unexpected",
  "Closed",
  "OtherRequest"
] as const
const unread = new AuthError.TokenStoreError({ operation: "read", detail: "the stored text is not a token" })

/** One of each, with its message. */
const sentences: ReadonlyArray<readonly [AuthError.AuthError, string]> = [
  [
    new AuthError.InvalidSetting({ setting: "credential.username", problem: "must not be empty" }),
    "credential.username: must not be empty"
  ],
  [
    new AuthError.CredentialsRejected(refused),
    "Acme/Password: the server rejected the credentials (HTTP 401, invalid_grant): the account is locked"
  ],
  [
    new AuthError.CredentialsRejected({ mode: "Acme/Password", status: 401, grant: "refresh" }),
    "Acme/Password: the server rejected the refresh token (HTTP 401)"
  ],
  [
    new AuthError.AuthenticationFailed({ mode: "Acme/Password", status: 401 }),
    "Acme/Password: the request was refused even though its authentication was renewed (HTTP 401)"
  ],
  [
    new AuthError.TokenEndpointError({ mode: "Acme/Password", reason: "Unreachable", detail: "ECONNREFUSED" }),
    "Acme/Password: the token endpoint could not be reached: ECONNREFUSED"
  ],
  [
    new AuthError.TokenEndpointError({ mode: "Acme/Password", reason: "Unexpected", status: 404 }),
    "Acme/Password: the token endpoint answered unexpectedly (is the base URL right?) (HTTP 404)"
  ],
  [
    new AuthError.TokenEndpointError({
      mode: "Acme/Device",
      reason: "Unexpected",
      status: 404,
      endpoint: "the device authorization endpoint"
    }),
    "Acme/Device: the device authorization endpoint answered unexpectedly (HTTP 404)"
  ],
  [
    new AuthError.MalformedTokenResponse({ mode: "Acme/Password", code: "E1" }),
    "Acme/Password: the token response could not be understood (E1)"
  ],
  [
    new AuthError.RateLimited({ key: "/api", retryAfter: Duration.seconds(90) }),
    "/api: the server's quota is used up; try again in 1m 30s"
  ],
  [
    new AuthError.RateLimited({ key: "/api", retryAfter: Duration.seconds(5), limit: 300, remaining: 0 }),
    "/api: the server's quota is used up (0 of 300 calls left); try again in 5s"
  ],
  [
    new AuthError.OriginRefused({ origin: "https://b", allowed: ["https://a"] }),
    "https://b is not an origin of this client; credentials are sent to https://a only"
  ],
  [
    new AuthError.InsecureTransport({ origin: "http://a" }),
    "http://a: credentials are not sent over plain http, except to a loopback host; use https"
  ],
  [
    new AuthError.AuthModeMismatch({ expected: "Qualys/Jwt", actual: "Qualys/Basic" }),
    "expected Qualys/Jwt, got Qualys/Basic"
  ],
  [
    new AuthError.CredentialUnavailable({ mode: "Acme/Password", problem: "ACME_PASSWORD is not set" }),
    "Acme/Password: ACME_PASSWORD is not set"
  ],
  [
    new AuthError.CredentialUnavailable({
      mode: "Acme",
      problem: "no credential is available",
      attempts: [
        { mode: "Acme/Jwt", problem: "ACME_TOKEN is not set" },
        { mode: "Acme/Password", problem: "ACME_PASSWORD is not set" }
      ]
    }),
    "Acme: no credential is available; Acme/Jwt: ACME_TOKEN is not set; Acme/Password: ACME_PASSWORD is not set"
  ],
  [
    new AuthError.RedirectRefused({ reason: "Downgrade", status: 302, origin: "http://a" }),
    "the redirect to http://a (HTTP 302) was not followed: it leads from https to plain http"
  ],
  [
    new AuthError.RedirectRefused({ reason: "Malformed", status: 301 }),
    "the redirect (HTTP 301) was not followed: its Location is not a URL of http or https"
  ],
  [
    new AuthError.ClientCertificateError({ reason: "Unreadable", source: "key (/a.pem)", problem: "no such file" }),
    "client certificate, key (/a.pem): no such file"
  ],
  [
    new AuthError.HandshakeFailed({
      url: "https://a/things",
      reason: "CertificateRequired",
      code: "ERR_SSL_X",
      problem: "the server requires a client certificate"
    }),
    "https://a/things: the server requires a client certificate (ERR_SSL_X)"
  ],
  [
    new AuthError.ProxyFailed({
      url: "https://a/things",
      proxy: "http://proxy.example:3128",
      reason: "Refused",
      status: 403,
      problem: "does not allow connections to a:443"
    }),
    "https://a/things: the proxy http://proxy.example:3128 does not allow connections to a:443 (HTTP 403)"
  ],
  [unread, "the token store failed to read: the stored text is not a token"],
  [
    new AuthError.TokenStoreError({ operation: "lock", place: "/a/session.json.lock", detail: "permission denied" }),
    "the token store failed to lock /a/session.json.lock: permission denied"
  ]
]

describe("AuthError", () => {
  describe("every error", () => {
    it("says what is wrong in one sentence", () => {
      for (const [error, sentence] of sentences) {
        assert.strictEqual(error.message, sentence)
        assert.include(String(error), sentence)
      }
    })

    it("has a sentence for every reason of a token endpoint", () => {
      for (const reason of reasons) {
        const { message } = new AuthError.TokenEndpointError({ mode: "Acme", reason })
        assert.match(message, /^Acme: (?!undefined)[a-z ]+/)
      }
    })

    it("is recognised by isAuthError, and nothing else is", () => {
      for (const [error] of sentences) assert.isTrue(AuthError.isAuthError(error))
      for (const other of [undefined, null, "CredentialsRejected", { _tag: "CredentialsRejected" }, new Error("x")]) {
        assert.isFalse(AuthError.isAuthError(other))
      }
    })

    it.effect("is caught by its tag", () =>
      Effect.gen(function*() {
        for (const [error] of sentences) {
          const caught = yield* Effect.fail(error).pipe(
            Effect.catchTags({
              InvalidSetting: Effect.succeed<AuthError.AuthError>,
              CredentialUnavailable: Effect.succeed<AuthError.AuthError>,
              CredentialsRejected: Effect.succeed<AuthError.AuthError>,
              AuthenticationFailed: Effect.succeed<AuthError.AuthError>,
              TokenEndpointError: Effect.succeed<AuthError.AuthError>,
              MalformedTokenResponse: Effect.succeed<AuthError.AuthError>,
              RateLimited: Effect.succeed<AuthError.AuthError>,
              OriginRefused: Effect.succeed<AuthError.AuthError>,
              InsecureTransport: Effect.succeed<AuthError.AuthError>,
              AuthModeMismatch: Effect.succeed<AuthError.AuthError>,
              RedirectRefused: Effect.succeed<AuthError.AuthError>,
              ClientCertificateError: Effect.succeed<AuthError.AuthError>,
              HandshakeFailed: Effect.succeed<AuthError.AuthError>,
              ProxyFailed: Effect.succeed<AuthError.AuthError>,
              TokenStoreError: Effect.succeed<AuthError.AuthError>
            })
          )
          assert.strictEqual(caught, error)
        }
      }))

    it("crosses a process as JSON", () => {
      const error = new AuthError.RateLimited({ key: "/api", retryAfter: Duration.seconds(5), limit: 300 })
      const json = Schema.encodeSync(Schema.parseJson(AuthError.RateLimited))(error)
      assert.deepStrictEqual(Schema.decodeSync(Schema.parseJson(AuthError.RateLimited))(json), error)
    })
  })

  describe("isTransient", () => {
    const endpoint = (reason: typeof reasons[number]) => new AuthError.TokenEndpointError({ mode: "Acme", reason })

    it("is false where the same exchange cannot succeed, so that it is not retried", () => {
      const terminal = [
        new AuthError.CredentialsRejected(refused),
        new AuthError.CredentialUnavailable({ mode: "Acme", problem: "missing", final: true }),
        new AuthError.MalformedTokenResponse(refused),
        endpoint("Unexpected"),
        new AuthError.TokenEndpointError({ mode: "Acme", reason: "Unreachable", final: true }),
        endpoint("Closed"),
        endpoint("OtherRequest")
      ]
      for (const error of terminal) assert.isFalse(AuthError.isTransient(error), error.message)
    })

    it("is true for network failures, timeouts, 5xx, 429 and the token store", () => {
      const transient = [
        endpoint("Unreachable"),
        endpoint("Timeout"),
        endpoint("Unavailable"),
        endpoint("TooManyRequests"),
        unread
      ]
      for (const error of transient) assert.isTrue(AuthError.isTransient(error), error.message)
    })
  })
})
