import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Proxy from "../../src/internal/proxy.ts"

const url = (text: string) => new URL(text)

const routes = (proxy: Proxy.Proxy) => Either.getOrThrow(Proxy.routes(proxy))

const http = "http://proxy.example:3128"

describe("noProxy", () => {
  const direct: Record<string, ReadonlyArray<string>> = {
    "*": ["https://a.example", "http://10.0.0.1"],
    "acme.example": ["https://acme.example", "https://www.acme.example", "https://acme.example:8443"],
    ".acme.example": ["https://acme.example", "https://www.acme.example", "https://ACME.example./x"],
    "*.acme.example": ["https://www.acme.example"],
    "Acme.Example.": ["https://acme.example"],
    "acme.example:8443": ["https://acme.example:8443", "https://a.acme.example:8443"],
    "acme.example:443": ["https://acme.example"],
    "acme.example:80": ["http://acme.example"],
    "10.1.2.3": ["https://10.1.2.3", "https://10.1.2.3:9443"],
    "10.1.2.3:9443": ["https://10.1.2.3:9443"],
    "10.0.0.0/8": ["https://10.255.0.1", "https://0x0a000001"],
    "0.0.0.0/0": ["https://192.0.2.1"],
    "fd00::1": ["https://[fd00::1]:9443", "https://[FD00:0::1]"],
    "[fd00::1]:9443": ["https://[fd00::1]:9443"],
    "fd00::/8": ["https://[fd12::1]"],
    "other.example, acme.example": ["https://acme.example"],
    "other.example acme.example": ["https://acme.example"]
  }
  for (const [noProxy, urls] of Object.entries(direct)) {
    for (const text of urls) {
      it(`${noProxy} lets ${text} be reached directly`, () => {
        assert.isUndefined(Proxy.route(routes({ https: http, http, noProxy }), url(text)))
      })
    }
  }

  const proxied: Record<string, ReadonlyArray<string>> = {
    "": ["https://acme.example", "http://acme.example"],
    ",": ["https://acme.example"],
    ".": ["https://acme.example"],
    "acme.example": ["https://notacme.example", "https://acme.example.org"],
    "acme.example:8443": ["https://acme.example"],
    "acme.example:80": ["https://acme.example"],
    "10.1.2.3": ["https://10.1.2.30", "https://110.1.2.3"],
    "10.0.0.0/8": ["https://11.0.0.1", "https://10.example"],
    "10.0.0.0/99": ["https://10.0.0.1"],
    "10.0.0.0/": ["https://10.0.0.1"],
    "fd00::/8": ["https://[fe80::1]", "https://10.0.0.1"],
    "[fd00::1]:9443": ["https://[fd00::1]"]
  }
  for (const [noProxy, urls] of Object.entries(proxied)) {
    for (const text of urls) {
      it(`"${noProxy}" leaves ${text} to the proxy`, () => {
        assert.strictEqual(Proxy.route(routes({ https: http, http, noProxy }), url(text))?.origin, http)
      })
    }
  }
})

describe("route", () => {
  it("each scheme has its own proxy, and none is borrowed from the other", () => {
    const both = routes({ https: "http://a.example:1", http: "http://b.example:2" })
    assert.strictEqual(Proxy.route(both, url("https://acme.example"))?.origin, "http://a.example:1")
    assert.strictEqual(Proxy.route(both, url("http://acme.example"))?.origin, "http://b.example:2")
    assert.isUndefined(Proxy.route(routes({ https: http }), url("http://acme.example")))
    assert.isUndefined(Proxy.route(routes({ http }), url("https://acme.example")))
  })

  it("a host of this machine is never asked of a proxy, where it would be another", () => {
    for (const text of ["http://localhost:8090", "https://127.0.0.1", "http://[::1]", "http://yamcs.localhost"]) {
      assert.isUndefined(Proxy.route(routes({ https: http, http }), url(text)), text)
    }
  })
})

describe("routes", () => {
  const authorization = (proxy: Proxy.Proxy) => {
    const { https } = routes(proxy)
    return https?.authorization === undefined ? undefined : Redacted.value(https.authorization)
  }
  const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`
  const password = Redacted.make("canary-password")

  it("user and password come from the URL, decoded, or from the settings, which win", () => {
    assert.isUndefined(authorization({ https: http }))
    assert.strictEqual(authorization({ https: "http://me:canary%40x@proxy.example" }), basic("me:canary@x"))
    assert.strictEqual(authorization({ https: "http://me:100%@proxy.example" }), basic("me:100%"))
    assert.strictEqual(authorization({ https: "http://me@proxy.example" }), basic("me:"))
    assert.strictEqual(authorization({ https: http, username: "mé", password }), basic("mé:canary-password"))
    assert.strictEqual(
      authorization({ https: "http://a:canary-other@proxy.example", username: "me", password }),
      basic("me:canary-password")
    )
  })

  it("keeps them out of the proxy's URL; one without a scheme is http", () => {
    const given = ["http://me:canary@proxy.example:3128/", "proxy.example:3128", "me:canary@proxy.example:3128"]
    for (const https of given) {
      assert.strictEqual(routes({ https: Redacted.make(https) }).https?.origin, http)
    }
  })

  it("says what is wrong with a setting, without quoting it", () => {
    const cases: ReadonlyArray<readonly [Proxy.Proxy, string]> = [
      [{ https: "http://me:canary@" }, "proxy.https: is not a URL, such as http://proxy.example:3128"],
      [
        { http: "socks5://me:canary@proxy.example" },
        "proxy.http: must begin with http:// or https://; other kinds of proxies are not supported"
      ],
      [{ https: http, username: "canary:x" }, "proxy.username: must not contain a colon (RFC 7617 section 2)"],
      [{ https: http, password }, "proxy.password: needs username"]
    ]
    for (const [proxy, message] of cases) {
      const failure = Either.flip(Proxy.routes(proxy))
      assert.strictEqual(Either.getOrThrow(failure).message, message)
    }
  })
})

describe("explain", () => {
  const anonymous = { origin: http, authorization: undefined }
  const known = { origin: http, authorization: Redacted.make("Basic canary") }
  const answered = (status: number, server = anonymous, challenges = "Basic realm=x") =>
    Proxy.explain({ server, target: "acme.example:9443", outcome: { _tag: "Answered", status, challenges } })
  const failed = (code?: string) =>
    Proxy.explain({ server: known, target: "acme.example:9443", outcome: { _tag: "Failed", code } })

  it("a proxy that asks who we are, and one that does not believe it", () => {
    assert.deepInclude(answered(407), { proxy: http, reason: "AuthenticationRequired", status: 407 })
    assert.include(answered(407).problem, "requires a user name and a password; set username and password of proxy")
    assert.include(answered(407, known as never).problem, "does not accept the user name and the password")
    assert.include(answered(407, anonymous, "Negotiate, NTLM").problem, "does not offer the Basic scheme")
    assert.include(answered(407, anonymous, "").problem, "requires a user name")
  })

  it("a proxy that forbids a host or port, one that cannot reach it, and one that is not there", () => {
    for (const status of [302, 400, 401, 403, 405, 429]) assert.strictEqual(answered(status).reason, "Refused")
    assert.include(answered(403).problem, "does not allow a connection to acme.example:9443; allow CONNECT")
    for (const status of [500, 502, 503, 504]) assert.strictEqual(answered(status).reason, "OriginUnreachable")
    assert.include(answered(502).problem, "cannot reach acme.example:9443")
    assert.deepInclude(failed("ECONNREFUSED"), { reason: "Unreachable", status: undefined })
    assert.include(failed("ECONNREFUSED").problem, "cannot be reached, or is not a proxy; check its URL (ECONNREFUSED)")
    assert.include(failed("SELF_SIGNED_CERT_IN_CHAIN").problem, "set ca or caFile")
    assert.include(failed("UND_ERR_HEADERS_TIMEOUT").problem, "did not answer in time")
    assert.include(failed().problem, "cannot be reached")
  })
})
