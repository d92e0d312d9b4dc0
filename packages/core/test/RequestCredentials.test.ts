import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as UrlParams from "@effect/platform/UrlParams"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Credential from "../src/Credential.ts"
import * as Locations from "../src/internal/request/locations.ts"
import * as RequestCredentials from "../src/RequestCredentials.ts"
import { assertSecretFree } from "./printouts.ts"

type Request = HttpClientRequest.HttpClientRequest

const canary = "canary-secret-4711"
const secret = Redacted.make(canary)
const request = HttpClientRequest.get("https://api.acme.example/user")
const written = (credentials: RequestCredentials.RequestCredentials, on = request) =>
  RequestCredentials.apply(credentials)(on)

const table: Readonly<Record<string, RequestCredentials.RequestCredentials>> = {
  header: RequestCredentials.header("X-Acme-Key", secret),
  "header with methods": RequestCredentials.header("X-Csrf", secret, { methods: ["GET", "POST"] }),
  authorization: RequestCredentials.authorization(secret),
  basic: RequestCredentials.basic({ username: "reader", password: secret }),
  bearer: RequestCredentials.bearer(secret),
  queryParameter: RequestCredentials.queryParameter("api_key", secret),
  cookie: RequestCredentials.cookie("session", secret),
  noHeader: RequestCredentials.noHeader("X-Preferred"),
  "apiKey in a header": RequestCredentials.apiKey({ key: secret, in: "header", name: "X-Api-Key" }),
  "apiKey in a query": RequestCredentials.apiKey({ key: secret, in: "query", name: "key" }),
  "apiKey in a cookie": RequestCredentials.apiKey({ key: secret, in: "cookie", name: "id" }),
  all: RequestCredentials.all(
    RequestCredentials.noHeader("Authorization"),
    RequestCredentials.header("X-Acme-Key", secret),
    RequestCredentials.queryParameter("api_key", secret),
    RequestCredentials.cookie("a", secret),
    RequestCredentials.all(RequestCredentials.cookie("b", secret))
  ),
  "all of one": RequestCredentials.all(RequestCredentials.bearer(secret)),
  none: RequestCredentials.none
}

const cookies = ({ headers }: Request): Record<string, string> =>
  Object.fromEntries(
    (headers["cookie"] ?? "").split("; ").filter((pair) => pair !== "").map((pair) => {
      const equals = pair.indexOf("=")
      return [pair.slice(0, equals), pair.slice(equals + 1)]
    })
  )

/** The names that have another value in one record than in the other. */
const changed = (before: Readonly<Record<string, unknown>>, after: Readonly<Record<string, unknown>>) =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort()

const parameters = (request: Request): Record<string, string> =>
  Object.fromEntries(Option.getOrThrow(HttpClientRequest.toUrl(request)).searchParams)

/** Where two requests differ. */
const difference = (before: Request, after: Request): Locations.Locations => ({
  headers: changed(before.headers, after.headers).filter((name) => name !== "cookie"),
  queryParameters: changed(parameters(before), parameters(after)),
  cookies: changed(cookies(before), cookies(after))
})

const sorted = ({ cookies, headers, queryParameters }: Locations.Locations): Locations.Locations => ({
  headers: [...headers].sort(),
  queryParameters: [...queryParameters].sort(),
  cookies: [...cookies].sort()
})

/** A request on which the caller has written something of its own in all of these locations. */
const occupied = ({ cookies, headers, queryParameters }: Locations.Locations): Request =>
  request.pipe(
    HttpClientRequest.setHeaders(Object.fromEntries(headers.map((name) => [name, "caller"]))),
    HttpClientRequest.setUrlParams(Object.fromEntries(queryParameters.map((name) => [name, "caller"]))),
    HttpClientRequest.setHeader("cookie", ["theme=dark", ...cookies.map((name) => `${name}=caller`)].join("; "))
  )

describe("RequestCredentials", () => {
  describe("apply and locations", () => {
    for (const [name, credentials] of Object.entries(table)) {
      it(`of ${name} agree: what is written is what is listed`, () => {
        const locations = Locations.of(credentials)
        const before = occupied(locations)
        assert.deepStrictEqual(difference(before, written(credentials, before)), sorted(locations))
      })
    }

    const single = FastCheck.oneof(
      FastCheck.constantFrom("X-A", "x-b", "Authorization").map((name) => RequestCredentials.header(name, secret)),
      FastCheck.constantFrom("X-A", "x-c").map(RequestCredentials.noHeader),
      FastCheck.constantFrom("a", "b").map((name) => RequestCredentials.queryParameter(name, secret)),
      FastCheck.constantFrom("a", "b").map((name) => RequestCredentials.cookie(name, secret))
    )
    const nested = FastCheck.array(
      FastCheck.oneof(single, FastCheck.array(single, { maxLength: 3 }).map((some) => RequestCredentials.all(...some))),
      { maxLength: 4 }
    ).map((some) => RequestCredentials.all(...some))

    it.prop("agree for every combination", [nested], ([credentials]) => {
      const { cookies, headers, queryParameters } = Locations.of(credentials)
      const unique = sorted({
        headers: [...new Set(headers)],
        queryParameters: [...new Set(queryParameters)],
        cookies: [...new Set(cookies)]
      })
      const before = occupied(unique)
      assert.deepStrictEqual(difference(before, written(credentials, before)), unique)
    })
  })

  describe("header", () => {
    it("is written under its name in lower case", () => {
      assert.strictEqual(written(RequestCredentials.header("X-Acme-Key", canary)).headers["x-acme-key"], canary)
    })

    it("with methods is written on requests with these methods only, and listed for all", () => {
      const csrf = RequestCredentials.header("X-Csrf", "1", { methods: ["POST", "PUT"] })
      const on = (method: "GET" | "POST" | "PUT" | "DELETE") =>
        written(csrf, HttpClientRequest.setMethod(request, method)).headers["x-csrf"]
      assert.deepStrictEqual([on("GET"), on("POST"), on("PUT"), on("DELETE")], [undefined, "1", "1", undefined])
      assert.deepStrictEqual(Locations.of(csrf).headers, ["x-csrf"])
    })
  })

  describe("queryParameter", () => {
    const key = RequestCredentials.queryParameter("key", "canary key/+&")
    const ours = "key=canary+key%2F%2B%26"
    /** As every transport sends it. */
    const sent = (url: string, urlParams: UrlParams.Input = []) => {
      const request = written(key, HttpClientRequest.get(`https://h${url}`, { urlParams }))
      const { pathname, search } = Option.getOrThrow(HttpClientRequest.toUrl(request))
      return pathname + search
    }

    it("comes after the caller's query, which stays byte for byte", () => {
      const queries = [
        "a=%20+1",
        "flag",
        "flag&empty=",
        "$filter=name%20eq%20'x'".replaceAll("'", "%27"),
        "latin1=%FF%e9",
        "a=1&&b=2&",
        "=nameless",
        "a=b=c",
        "x=1;y=2",
        "%6bey2=1",
        "?key=1",
        "path=/a/../b?c",
        "keyless&monkey=1&key[]=2"
      ]
      for (const query of queries) assert.strictEqual(sent(`/q?${query}`), `/q?${query}&${ours}`)
      for (const path of ["/q", "/q?", "/q?#fragment"]) assert.strictEqual(sent(path), `/q?${ours}`)
    })

    it("replaces every parameter of its name, however that is encoded", () => {
      const queries = {
        "key=1": "",
        "key": "",
        "key=": "",
        "a=1&key=2&b": "a=1&b&",
        "key=1&a=%2f&key=2&k%65y=3&%6B%65%79=4": "a=%2f&",
        "ke\ty=1&k\ney&a": "a&",
        "&key=1&": "&&"
      }
      for (const [query, others] of Object.entries(queries)) {
        assert.strictEqual(sent(`/q?${query}`), `/q?${others}${ours}`)
      }
    })

    it("also replaces those of the request's urlParams, and leaves both the others and the URL as they are", () => {
      assert.strictEqual(sent("/q", [["key", "1"], ["page", "2"], ["key", "3"]]), `/q?page=2&${ours}`)
      assert.strictEqual(sent("/q?a=%20&flag&key=0", { page: "2 3", key: "1" }), `/q?a=%20&flag&page=2+3&${ours}`)
    })

    it("leaves a relative URL relative, and everything else of a request as it is", () => {
      const own = HttpClientRequest.post("/q?a=%2f+1&b#part?key=1", {
        headers: { "content-type": "application/x-acme", accept: "text/plain" },
        urlParams: { page: "2" },
        hash: "part"
      }).pipe(HttpClientRequest.bodyText("data", "application/x-acme"))
      const request = written(key, own)
      assert.strictEqual(request.url, `/q?a=%2f+1&b&page=2&${ours}#part?key=1`)
      assert.deepStrictEqual([request.method, request.headers, request.body], [own.method, own.headers, own.body])
      assert.strictEqual(Option.getOrUndefined(request.hash), "part")
    })

    it("is there once, written twice", () => {
      const on = HttpClientRequest.get("/q?a=%20&b", { urlParams: { page: "2" } })
      assert.strictEqual(written(key, written(key, on)).url, written(key, on).url)
    })
  })

  describe("basic", () => {
    it("writes the examples of RFC 7617", () => {
      const cases = [
        ["Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
        ["test", "123\u00a3", "dGVzdDoxMjPCow=="]
      ]
      for (const [username = "", password = "", expected] of cases) {
        const { headers } = written(RequestCredentials.basic({ username, password: Redacted.make(password) }))
        assert.strictEqual(headers["authorization"], `Basic ${expected}`)
      }
    })

    it.prop(
      "arrives unchanged, in UTF-8, for everything the credential accepts",
      [FastCheck.string({ unit: "binary" }), FastCheck.string({ unit: "binary" })],
      ([username, password]) => {
        const credential = Credential.basic({ username, password: Redacted.make(password) })
        if (Either.isLeft(credential)) return
        const header = written(RequestCredentials.basic(credential.right)).headers["authorization"] ?? ""
        assert.match(header, /^Basic [A-Za-z0-9+/]+=*$/)
        const bytes = Buffer.from(header.slice("Basic ".length), "base64")
        const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
        const colon = text.indexOf(":")
        assert.deepStrictEqual([text.slice(0, colon), text.slice(colon + 1)], [username, password])
      },
      { fastCheck: { numRuns: 500 } }
    )
  })

  describe("bearer", () => {
    it("writes the token after its scheme", () => {
      assert.strictEqual(written(RequestCredentials.bearer(secret)).headers["authorization"], `Bearer ${canary}`)
    })
  })

  describe("cookie", () => {
    const session = RequestCredentials.cookie("session", "new==%2F\"")
    const beside = (own: string) =>
      written(session, HttpClientRequest.setHeader(request, "cookie", own)).headers["cookie"]

    it("is added to the caller's own cookies, byte for byte", () => {
      assert.strictEqual(beside("theme=dark; lang=\"en\""), "theme=dark; lang=\"en\"; session=new==%2F\"")
    })

    it("replaces a cookie of its own name, and no other that begins alike", () => {
      assert.strictEqual(
        beside("session=old;session2=kept; xsession=kept; session=older"),
        "session2=kept; xsession=kept; session=new==%2F\""
      )
      assert.strictEqual(beside("session =old;\tsession=older; session"), "session=new==%2F\"")
    })

    it("is the same when it is written twice", () => {
      assert.deepStrictEqual(written(session, written(session)).headers, written(session).headers)
    })
  })

  describe("noHeader", () => {
    it("removes the caller's header and changes nothing else", () => {
      const own = HttpClientRequest.post("https://api.acme.example/", {
        headers: { "X-Preferred": "caller", "content-type": "application/x-acme", accept: "text/plain" },
        urlParams: { page: "2" }
      }).pipe(HttpClientRequest.bodyText("data", "application/x-acme"))
      const sent = written(RequestCredentials.noHeader("X-Preferred"), own)
      assert.deepStrictEqual(Object.keys(own.headers).filter((name) => !(name in sent.headers)), ["x-preferred"])
      assert.deepStrictEqual({ ...sent.headers, "x-preferred": "caller" }, { ...own.headers })
      assert.deepStrictEqual([sent.method, sent.url, sent.urlParams, sent.body], [
        own.method,
        own.url,
        own.urlParams,
        own.body
      ])
    })

    it("keeps a fragment that is set apart from the URL", () => {
      const own = HttpClientRequest.get("/", { headers: { "x-preferred": "caller" }, hash: "part" })
      const { hash } = written(RequestCredentials.noHeader("X-Preferred"), own)
      assert.strictEqual(Option.getOrUndefined(hash), "part")
    })

    it("leaves a request without that header as it is", () => {
      assert.strictEqual(written(RequestCredentials.noHeader("X-Preferred")), request)
    })
  })

  describe("apiKey", () => {
    const separator = FastCheck.constantFrom(...";, =&\"\\\r\n\t\0éж%#+")
    const anything = FastCheck.oneof(
      FastCheck.string({ unit: "binary" }),
      FastCheck.tuple(FastCheck.string({ maxLength: 2 }), separator, FastCheck.string({ maxLength: 2 }))
        .map((parts) => parts.join(""))
    )

    it.prop(
      "cannot inject: an accepted key is one header, one cookie or one parameter, and arrives unchanged",
      [anything, FastCheck.constantFrom("header" as const, "query" as const, "cookie" as const)],
      ([key, place]) => {
        const credential = Credential.apiKey({ key: Redacted.make(key), in: place, name: "key" })
        if (Either.isLeft(credential)) return
        const sent = written(RequestCredentials.apiKey(credential.right))
        if (place === "query") {
          const url = Either.getOrThrow(UrlParams.makeUrl(sent.url, sent.urlParams, sent.hash))
          return assert.deepStrictEqual([...new URLSearchParams(url.search)], [["key", key]])
        }
        const headers = new Headers(sent.headers) // throws on what a transport would refuse to send
        if (place === "header") return assert.strictEqual(headers.get("key"), key)
        assert.deepStrictEqual(headers.get("cookie")?.split(/; ?/), [`key=${key}`])
      },
      { fastCheck: { numRuns: 1000 } }
    )
  })

  describe("all", () => {
    it("writes one after the other, and the last one wins", () => {
      const sent = written(RequestCredentials.all(
        RequestCredentials.header("X-Csrf", "first"),
        RequestCredentials.header("x-csrf", "last"),
        RequestCredentials.cookie("a", "1"),
        RequestCredentials.cookie("b", "2")
      ))
      assert.deepStrictEqual({ ...sent.headers }, { "x-csrf": "last", cookie: "a=1; b=2" })
    })

    it("leaves the caller's request as it was", () => {
      written(RequestCredentials.all(...Object.values(table)))
      assertSecretFree(request, [canary])
    })
  })

  describe("none", () => {
    it("writes nothing", () => {
      assert.strictEqual(written(RequestCredentials.none), request)
      assert.deepStrictEqual(Locations.of(RequestCredentials.none), {
        headers: [],
        queryParameters: [],
        cookies: []
      })
    })
  })

  describe("a printout", () => {
    for (const [name, credentials] of Object.entries(table)) {
      it(`of ${name} shows no secret`, () => {
        assertSecretFree(credentials, [canary, `reader:${canary}`])
        assertSecretFree(RequestCredentials.apply(credentials), [canary, `reader:${canary}`])
        assertSecretFree(Locations.of(credentials), [canary, `reader:${canary}`])
      })
    }
  })
})
