import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as OriginPolicy from "../src/OriginPolicy.ts"
import { assertSecretFree } from "./printouts.ts"

const canary = "canary-secret-4711"
const problem = (options: OriginPolicy.Options): string =>
  Either.match(OriginPolicy.make(options), { onLeft: (error) => error.message, onRight: () => "was accepted" })
const policy = (options: OriginPolicy.Options) => Either.getOrThrow(OriginPolicy.make(options))

const acme = policy({ baseUrl: "https://api.acme.example/v1/", origins: ["https://files.acme.example:8443/ignored"] })
const admit = (url: string, of = acme) => OriginPolicy.admit(of, HttpClientRequest.get(url))
const admitted = (url: string, of = acme) => Either.getOrThrow(admit(url, of)).url
const refusal = (url: string) => Either.getOrThrow(Either.flip(admit(url)))

/** Where a transport would connect to. */
const destination = (request: HttpClientRequest.HttpClientRequest): URL =>
  Either.getOrThrow(UrlParams.makeUrl(request.url, request.urlParams, request.hash))

describe("OriginPolicy", () => {
  describe("make, with a setting that cannot be used", () => {
    it("refuses a base URL that is not absolute", () => {
      for (const baseUrl of ["", "/v1", "api.acme.example", "https://", "https://a b", "//api.acme.example"]) {
        assert.strictEqual(problem({ baseUrl }), "baseUrl: is not an absolute URL, such as https://host.example/path")
      }
    })

    it("refuses schemes other than http and https", () => {
      const schemes = [
        "ftp://h/",
        "file:///etc",
        "ws://h/",
        "javascript:alert(1)",
        "blob:https://h/1",
        "localhost:8080"
      ]
      for (const baseUrl of schemes) assert.strictEqual(problem({ baseUrl }), "baseUrl: must begin with https://")
    })

    it("refuses user information without showing it", () => {
      for (const baseUrl of [`https://reader:${canary}@h/`, `https://${canary}@h/`, `https://:${canary}@h/`]) {
        const result = OriginPolicy.make({ baseUrl })
        assert.strictEqual(
          problem({ baseUrl }),
          "baseUrl: must not contain user information; give the credential by itself"
        )
        assertSecretFree(result, [canary])
      }
    })

    it("refuses a query or a fragment without showing it", () => {
      for (const baseUrl of [`https://h/?key=${canary}`, `https://h/#${canary}`]) {
        assert.strictEqual(problem({ baseUrl }), "baseUrl: must not have a query or fragment")
        assertSecretFree(OriginPolicy.make({ baseUrl }), [canary])
      }
    })

    it("refuses plain http beyond loopback, for the base URL and for further origins", () => {
      const hosts = ["api.acme.example", "localhost.example", "127.0.0.1.example", "10.0.0.1", "128.0.0.1", "[::2]"]
      const text = (host: string) =>
        `http://${host}: credentials are not sent over plain http, except to a loopback host; use https`
      for (const host of hosts) {
        assert.strictEqual(problem({ baseUrl: `http://${host}/v1` }), text(host))
        assert.strictEqual(problem({ baseUrl: "https://h", origins: [`http://${host}`] }), text(host))
      }
    })

    it("names a further origin by its position", () => {
      assert.match(problem({ baseUrl: "https://h", origins: ["https://a", "b"] }), /^origins\[1\]: is not an absolute/)
      assert.match(problem({ baseUrl: "https://h", origins: ["https://u@a"] }), /^origins\[0\]: must not contain user/)
    })
  })

  describe("make, with settings that can be used", () => {
    it("accepts https, and plain http to loopback", () => {
      const loopback = [
        "localhost",
        "api.localhost",
        "127.0.0.1",
        "127.255.0.9",
        "[::1]",
        "LOCALHOST",
        "127.1",
        "0x7f.1"
      ]
      for (const host of loopback) assert.strictEqual(problem({ baseUrl: `http://${host}:8090` }), "was accepted")
      assert.strictEqual(problem({ baseUrl: new URL("https://api.acme.example") }), "was accepted")
    })

    it("accepts plain http anywhere if the dangerous option is set", () => {
      const options = { baseUrl: "http://api.acme.example", dangerouslyAllowPlainHttp: true }
      assert.deepStrictEqual(policy(options).origins, ["http://api.acme.example"])
    })

    it("normalizes the spelling of an origin", () => {
      const { baseUrl, origins } = policy({ baseUrl: "HTTPS://API.Acme.example:443/V1//" })
      assert.deepStrictEqual({ baseUrl, origins }, {
        baseUrl: "https://api.acme.example/V1",
        origins: ["https://api.acme.example"]
      })
    })
  })

  describe("admit, for a URL that leaves the origins", () => {
    it("refuses another host, port or scheme, and a subdomain", () => {
      const cases = {
        "https://evil.example/v1": "https://evil.example",
        "https://api.acme.example.evil.example/": "https://api.acme.example.evil.example",
        "https://apixacme.example/": "https://apixacme.example",
        "https://api.acme.example:444/": "https://api.acme.example:444",
        "https://files.acme.example/": "https://files.acme.example",
        "https://sub.api.acme.example/": "https://sub.api.acme.example",
        "http://api.acme.example/": "http://api.acme.example",
        "ftp://api.acme.example/": "ftp://api.acme.example"
      }
      for (const [url, origin] of Object.entries(cases)) {
        assert.strictEqual(
          refusal(url).message,
          `${url} is not an origin of this client; credentials are sent to ` +
            "https://api.acme.example, https://files.acme.example:8443 only"
        )
        assert.strictEqual(refusal(url).origin, origin)
      }
    })

    it("refuses spellings that only look like the origin", () => {
      const urls = [
        "https://api.acme.example@evil.example/",
        "https://api.acme.example:443@evil.example/",
        "https://api.acme.example%5c@evil.example/..",
        "https:\\\\evil.example\\",
        "https:evil.example",
        "https:///evil.example",
        "HTTPS://EVIL.EXAMPLE",
        "ht\ttps://evil.example",
        "https://api.acme.exampl\u0435/", // a Cyrillic letter
        "https://api.acme.example.",
        "https://evil.example#https://api.acme.example/",
        "https://evil.example?https://api.acme.example/"
      ]
      for (const url of urls) {
        const result = admit(url)
        // with the tab in its scheme it is taken for a path, and stays one behind the base URL
        if (Either.isRight(result)) assert.strictEqual(destination(result.right).origin, "https://api.acme.example")
        else assert.strictEqual(result.left._tag, "OriginRefused")
      }
    })

    it("refuses URLs that begin with an authority instead of a scheme", () => {
      for (
        const url of [
          "//evil.example/",
          "\\\\evil.example/",
          "/\\evil.example/",
          "\\/evil.example",
          "//api.acme.example"
        ]
      ) {
        assert.match(refusal(url).message, /^a malformed URL cannot be requested/)
      }
    })

    it("refuses a blob: URL, although the platform gives it the origin of its page", () => {
      assert.strictEqual(new URL("blob:https://api.acme.example/1").origin, "https://api.acme.example")
      assert.match(refusal("blob:https://api.acme.example/1").message, /^blob: is not an origin of this client/)
      assert.match(refusal("data:text/plain,x").message, /^data: is not an origin/)
    })

    it("refuses user information even for its own origin, without showing it", () => {
      for (const host of ["api.acme.example", "evil.example"]) {
        const error = refusal(`https://reader:${canary}@${host}/?key=${canary}`)
        assert.strictEqual(error.origin, `https://${host}`)
        assertSecretFree(error, [canary])
      }
      assertSecretFree(refusal(`https://${canary} ${canary}/`), [canary])
    })
  })

  describe("admit, for a relative URL with dot segments", () => {
    const tenant = policy({ baseUrl: "https://api.acme.example/tenants/a/v1/" })
    const sent = (url: string, of = tenant) =>
      Either.match(admit(url, of), {
        onLeft: ({ _tag }) => _tag,
        onRight: (request) => destination(request).href.slice("https://api.acme.example".length)
      })

    it("refuses every spelling that the URL parser leads out of the base path", () => {
      const spellings = [
        "..",
        "/..",
        "../",
        "../v2",
        "../../b/v1/users",
        "/../../b/v1/users",
        "users/../../../b",
        "users/../..?a=1",
        "%2e%2e/x",
        "%2E%2e/x",
        ".%2e/x",
        ".%2E/x",
        "%2e./x",
        "..\\x",
        "\\..\\..\\x",
        "users\\..\\..\\x",
        "users/\\../..\\../x",
        ".\t./x",
        "%2\ne%2\re/x",
        "users/.\n.\r/.\t.",
        "./../x",
        "..#fragment",
        "../v1x",
        "../v1%2f",
        "../V1/users",
        "...\t/../../x",
        "a;b/../..;c/../../x"
      ]
      const beyond = spellings.filter((url) => sent(url) !== "OriginRefused")
      assert.deepStrictEqual(beyond, [])
    })

    it("says which path was asked for, and what to do, without the query", () => {
      const error = Either.getOrThrow(Either.flip(admit(`../../b/users?key=${canary}`, tenant)))
      assert.strictEqual(
        error.message,
        "https://api.acme.example/tenants/b/users is not below https://api.acme.example/tenants/a/v1, where relative URLs " +
          "stay: it was asked for by a path with `..` (if that is meant, make the URL absolute)"
      )
      assertSecretFree(error, [canary])
    })

    it("leaves dots alone that lead nowhere, or not out of the base path", () => {
      const base = "/tenants/a/v1"
      const cases = {
        "/files/..name": `${base}/files/..name`,
        "/files/name..": `${base}/files/name..`,
        "a..b": `${base}/a..b`,
        "...": `${base}/...`,
        "....//x": `${base}/....//x`,
        "/a/./b": `${base}/a/b`,
        ".": `${base}/`,
        "%2e": `${base}/`,
        "a/..": `${base}/`,
        "a/%2e%2e/b": `${base}/b`,
        "../v1/users": `${base}/users`,
        "../v1": base,
        "?q=../../x": `${base}?q=../../x`,
        "/a?q=..\\..": `${base}/a?q=..\\..`,
        "#/../..": base,
        "/a#/../..": `${base}/a`,
        "..;/x": `${base}/..;/x`,
        ";../x": `${base}/;../x`,
        // one segment each, whatever a server makes of it: the slash is data (RFC 3986 section 2.2)
        "..%2fx": `${base}/..%2fx`,
        "..%5cx": `${base}/..%5cx`,
        "%252e%252e/x": `${base}/%252e%252e/x`,
        " ../x": `${base}/%20../x`
      }
      for (const [url, expected] of Object.entries(cases)) assert.strictEqual(sent(url), expected, url)
    })

    it("has nothing to leave where the base URL has no path", () => {
      const root = policy({ baseUrl: "https://api.acme.example" })
      for (const url of ["..", "/../../x", "\\..\\x"]) assert.match(sent(url, root), /^\//)
    })

    it("lets an absolute URL go to any path of its origins", () => {
      assert.strictEqual(sent("https://api.acme.example/tenants/a/v1/../../b"), "/tenants/b")
    })

    it.prop("never lets one out of the base path, however it is spelt", [
      FastCheck.array(
        FastCheck.constantFrom(
          ...[
            "..",
            ".",
            "%2e",
            "%2E",
            "/",
            "/",
            "\\",
            "\t",
            "\n",
            "\r",
            "v1",
            "a",
            ";",
            "%2f",
            "%5c",
            "?",
            "#",
            " ",
            "%"
          ]
        ),
        { maxLength: 12 }
      )
    ], ([parts]) => {
      const url = sent(parts.join(""))
      if (url !== "OriginRefused") assert.match(url, /^\/tenants\/a\/v1(?:[/?]|$)/)
    }, { fastCheck: { numRuns: 2000 } })
  })

  describe("admit, for a Host header of the caller's", () => {
    const named = (url: string, headers: Record<string, string>) =>
      Either.match(OriginPolicy.admit(acme, HttpClientRequest.get(url, { headers })), {
        onLeft: ({ message }) => message,
        onRight: () => "admitted"
      })

    it("accepts the host of the URL, in any case, with or without the default port", () => {
      const hosts = ["api.acme.example", "API.Acme.Example", "api.acme.example:443", "API.acme.example:443"]
      for (const host of hosts) {
        for (const name of ["host", "Host", "HOST", ":authority"]) {
          assert.strictEqual(named("/user", { [name]: host }), "admitted")
          assert.strictEqual(named("https://API.acme.example:443/user", { [name]: host }), "admitted")
        }
      }
      assert.strictEqual(named("https://files.acme.example:8443/", { host: "files.acme.example:8443" }), "admitted")
    })

    it("refuses every other, also another origin of the client", () => {
      const hosts = [
        "evil.example",
        "",
        " ",
        "api.acme.example:80",
        "api.acme.example:8443",
        "api.acme.example.",
        "files.acme.example:8443",
        "user@api.acme.example",
        "api.acme.example/evil",
        "api.acme.example, evil.example",
        "api.acme.example evil.example",
        "evil.example#api.acme.example"
      ]
      for (const host of hosts) {
        for (
          const headers of [{ host }, { Host: host }, { ":authority": host }, {
            host: "api.acme.example",
            ":authority": host
          }]
        ) {
          assert.strictEqual(
            named("/user?key=1", headers),
            "https://api.acme.example/v1/user was asked for with a Host header that names another host",
            host
          )
        }
      }
      assert.notStrictEqual(named("https://files.acme.example:8443/", { host: "files.acme.example" }), "admitted")
    })

    it("leaves fields alone that do not choose the recipient", () => {
      const headers = { "x-forwarded-host": "other.example", forwarded: "host=other.example", connection: "close" }
      assert.strictEqual(named("/user", headers), "admitted")
    })
  })

  describe("admit, for a URL within the origins", () => {
    it("resolves relative URLs below the whole path of the base URL", () => {
      const base = "https://api.acme.example/v1"
      const cases = {
        "": base,
        "/": `${base}/`,
        "user": `${base}/user`,
        "/user?a=1": `${base}/user?a=1`,
        "?a=1": `${base}?a=1`,
        "/redirect?to=https://evil.example": `${base}/redirect?to=https://evil.example`
      }
      for (const [url, expected] of Object.entries(cases)) assert.strictEqual(admitted(url), expected)
    })

    it("leaves absolute URLs of its own origins as they are, even outside the base path", () => {
      for (
        const url of ["https://api.acme.example", "https://api.acme.example/v2?x", "https://files.acme.example:8443/f"]
      ) {
        assert.strictEqual(admitted(url), url)
      }
    })

    it("recognises its own origins in other spellings", () => {
      assert.strictEqual(admitted("HTTPS://API.ACME.EXAMPLE:443/v1"), "https://api.acme.example/v1")
      assert.strictEqual(admitted("https:api.acme.example/v1"), "https://api.acme.example/v1")
      assert.strictEqual(admitted("https:\\\\api.acme.example\\v1"), "https://api.acme.example/v1")
    })

    it("drops the fragment of the URL and of the request", () => {
      assert.strictEqual(admitted("/user#secret"), "https://api.acme.example/v1/user")
      assert.strictEqual(admitted("https://api.acme.example/user#secret"), "https://api.acme.example/user")
      assert.strictEqual(admitted("#secret"), "https://api.acme.example/v1")
      const request = HttpClientRequest.setHash(HttpClientRequest.get("/user"), "secret")
      assert.isTrue(Option.isNone(Either.getOrThrow(OriginPolicy.admit(acme, request)).hash))
    })

    it("changes nothing else about a request", () => {
      const request = HttpClientRequest.post("/user", { headers: { "x-a": "1" }, urlParams: { q: "1" } })
      const { body, headers, method, urlParams } = Either.getOrThrow(OriginPolicy.admit(acme, request))
      assert.deepStrictEqual({ body, headers, method, urlParams }, {
        body: request.body,
        headers: request.headers,
        method: request.method,
        urlParams: request.urlParams
      })
    })

    const pieces = FastCheck.constantFrom(
      ...[
        "https",
        "http",
        "HTTPS",
        "blob",
        "javascript",
        "file",
        "ws",
        ":",
        ":",
        "/",
        "/",
        "//",
        "\\",
        "\\\\",
        "@",
        "?",
        "#"
      ],
      ...[
        "api.acme.example",
        "API.acme.EXAMPLE",
        "files.acme.example",
        "evil.example",
        "localhost",
        "127.0.0.1",
        "[::1]"
      ],
      ...[
        ":443",
        ":8443",
        ":80",
        "user:pass",
        "%2f",
        "%40",
        "%00",
        ".",
        "..",
        " ",
        "\t",
        "\r\n",
        "\0",
        "\u3002",
        "\uff0f"
      ],
      ...["\u017f", "\u212a", "\u00df", "\ud800", "v1", ""]
    )
    const nasty = FastCheck.oneof(
      FastCheck.array(pieces, { maxLength: 10 }).map((parts) => parts.join("")),
      FastCheck.tuple(
        FastCheck.constantFrom("https:", "https://", "//", "/", ""),
        FastCheck.array(pieces, { maxLength: 6 })
      )
        .map(([start, parts]) => start + parts.join("")),
      FastCheck.tuple(FastCheck.constant("https://api.acme.example"), FastCheck.string({ unit: "binary" }))
        .map((parts) => parts.join("")),
      FastCheck.webUrl({ withFragments: true, withQueryParameters: true }),
      FastCheck.string({ unit: "binary" })
    )

    it.prop("never lets a request out to another origin, however its URL is spelt", [nasty], ([url]) => {
      const result = admit(url)
      if (Either.isLeft(result)) return assert.strictEqual(result.left._tag, "OriginRefused")
      const sent = destination(result.right)
      assert.include(acme.origins, `${sent.protocol}//${sent.host}`)
      assert.strictEqual(sent.username + sent.password + sent.hash, "")
    }, { fastCheck: { numRuns: 2000 } })

    it.prop("never refuses a URL that the parser places at its own origin", [
      FastCheck.webPath(),
      FastCheck.webQueryParameters()
    ], (
      [path, query]
    ) => {
      const url = `https://api.acme.example${path}?${query}`
      assert.strictEqual(admitted(url), url)
    })
  })

  describe("isLoopback", () => {
    it("holds for the names of this machine only", () => {
      for (const host of ["localhost", "a.localhost", "127.0.0.1", "127.12.34.56", "[::1]"]) {
        assert.isTrue(OriginPolicy.isLoopback(host))
      }
      const others = [
        "",
        "localhost.evil.example",
        "evillocalhost",
        "127.0.0.1.evil.example",
        "1127.0.0.1",
        "0.0.0.0",
        "[::]"
      ]
      for (const host of others) assert.isFalse(OriginPolicy.isLoopback(host))
    })
  })
})
