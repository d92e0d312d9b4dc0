import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Stream from "effect/Stream"
import type { Locations } from "../../../src/internal/request/locations.ts"
import * as Redirect from "../../../src/internal/request/redirect.ts"
import { assertSecretFree } from "../../printouts.ts"

const canary = "canary-secret-4711"

describe("redirect", () => {
  describe("decide", () => {
    const rules: Redirect.Rules = {
      origins: ["https://api.example", "https://gateway.example"],
      maxRedirects: 3
    }

    const locations: Locations = { headers: ["x-acme-key"], queryParameters: ["api_key"], cookies: [] }

    const decide = (
      request: HttpClientRequest.HttpClientRequest,
      status: number,
      location: string,
      hop?: Partial<Redirect.Hop>
    ) =>
      Redirect.decide(
        { request, locations, redirects: 0, ...hop },
        { status, headers: Headers.fromInput({ location }) },
        rules
      )

    const followed = (decision: Redirect.Decision): Redirect.Next => {
      if (decision._tag !== "Follow") throw new Error(`expected to follow, got ${JSON.stringify(decision)}`)
      return decision.next
    }

    const reason = (decision: Redirect.Decision) => decision._tag === "Refuse" ? decision.error.reason : decision._tag

    const get = HttpClientRequest.get("https://api.example/a/b?x=1")
    const post = HttpClientRequest.post("https://api.example/a", {
      headers: { "content-language": "en", "x-trace": "1" }
    })
      .pipe(HttpClientRequest.bodyText("data"))

    it("resolves relative, absolute and protocol-relative locations, without the query or fragment of the request", () => {
      const targets: Record<string, string> = {
        "c": "https://api.example/a/c",
        "/c?y=2": "https://api.example/c?y=2",
        "?y=2": "https://api.example/a/b?y=2",
        "//gateway.example/c": "https://gateway.example/c",
        "https://API.example:443/c#fragment": "https://api.example/c",
        "https://api.example/c?flag&z=a%20b": "https://api.example/c?flag&z=a%20b"
      }
      for (const [location, target] of Object.entries(targets)) {
        const { authenticated, request } = followed(decide(get, 302, location))
        assert.deepInclude({ url: request.url, authenticated }, { url: target, authenticated: true })
        assert.deepStrictEqual(Array.from(request.urlParams), [])
      }
    })

    it("reads raw UTF-8 in a location, whether the transport has decoded it or not", () => {
      const target = (location: string) => followed(decide(get, 302, location)).request.url
      const inBytes = (text: string) => Buffer.from(text).toString("latin1")
      for (const [text, path] of [["/caf\u00e9", "/caf%C3%A9"], ["/\u{1f600}?q=\u20ac", "/%F0%9F%98%80?q=%E2%82%AC"]]) {
        for (const location of [text, inBytes(text ?? "")]) {
          assert.strictEqual(target(location ?? ""), `https://api.example${path}`)
        }
      }
      const international = "https://b\u00fccher.example/\u00fc"
      for (const location of [international, inBytes(international)]) {
        assert.strictEqual(target(location), "https://xn--bcher-kva.example/%C3%BC")
      }
    })

    it("reads a location that is no UTF-8 as Latin-1", () => {
      const target = (location: string) => followed(decide(get, 302, location)).request.url
      assert.strictEqual(target("/caf\xe9"), "https://api.example/caf%C3%A9")
      assert.strictEqual(target("/\xc3\xa9\xe9"), "https://api.example/%C3%83%C2%A9%C3%A9")
    })

    it("stays at an answer that is not a redirect, and at a redirect without a location", () => {
      for (const status of [200, 300, 304, 305, 306, 401, 500]) {
        assert.strictEqual(reason(decide(get, status, "/elsewhere")), "Stay")
      }
      const nowhere = { status: 302, headers: Headers.empty }
      assert.strictEqual(
        Redirect.decide({ request: get, locations, redirects: 0 }, nowhere, rules)._tag,
        "Stay"
      )
    })

    it("turns 303, and 301 and 302 after a POST, into a GET without a body and its headers", () => {
      const body = (status: number, request: HttpClientRequest.HttpClientRequest) => {
        const hop = followed(decide(request, status, "/c"))
        return [hop.request.method, hop.request.body._tag, Object.keys(hop.request.headers).join()]
      }
      for (const status of [301, 302, 303]) assert.deepStrictEqual(body(status, post), ["GET", "Empty", "x-trace"])
      const put = HttpClientRequest.setMethod(post, "PUT")
      assert.deepStrictEqual(body(303, put)[0], "GET")
      for (const status of [301, 302, 307, 308]) {
        assert.deepStrictEqual(body(status, put).slice(0, 2), ["PUT", "Uint8Array"])
      }
      for (const status of [307, 308]) assert.deepStrictEqual(body(status, post).slice(0, 2), ["POST", "Uint8Array"])
      assert.deepStrictEqual(body(303, HttpClientRequest.head("https://api.example/a"))[0], "HEAD")
    })

    it("removes everything that proves an identity from a request that leaves the origins", () => {
      const request = HttpClientRequest.setHeaders(get, {
        "x-acme-key": canary,
        authorization: canary,
        "proxy-authorization": canary,
        cookie: `a=${canary}`,
        host: "api.example",
        accept: "text/plain"
      })
      const hop = followed(decide(request, 307, `https://other.example/?api_key=${canary}&keep=1`))
      assert.isFalse(hop.authenticated)
      assert.strictEqual(hop.request.url, "https://other.example/?keep=1")
      assert.deepStrictEqual({ ...hop.request.headers }, { accept: "text/plain" })
    })

    it("removes the client's own query parameters from a request that stays, because they are written again", () => {
      assert.strictEqual(followed(decide(get, 302, "/c?api_key=old")).request.url, "https://api.example/c")
      assert.strictEqual(
        followed(decide(get, 302, "/c?a=%20&api_key=old&flag&$b=%FF&api%5Fkey=older")).request.url,
        "https://api.example/c?a=%20&flag&$b=%FF"
      )
    })

    it("does not authenticate a chain that has left, even if it returns", () => {
      const hop = followed(decide(HttpClientRequest.get("https://other.example/"), 302, "https://api.example/delete", {
        locations: undefined
      }))
      assert.isFalse(hop.authenticated)
    })

    it("refuses a location that is malformed, names a user, leads to plain http or exceeds the limit", () => {
      for (
        const location of [
          "https://[",
          "javascript:alert(1)",
          "data:,x",
          "file:///etc/passwd",
          "ftp://api.example/",
          "/".padEnd(16_385, "a")
        ]
      ) {
        assert.strictEqual(reason(decide(get, 302, location)), "Malformed", location.slice(0, 20))
      }
      assert.strictEqual(reason(decide(get, 302, "https://user:pass@api.example/")), "UserInformation")
      assert.strictEqual(reason(decide(get, 302, "http://api.example/")), "Downgrade")
      assert.strictEqual(reason(decide(get, 302, "http://127.0.0.1/")), "Downgrade")
      assert.strictEqual(reason(decide(get, 302, "/c", { redirects: 3 })), "TooMany")
    })

    it("names the origin of a refused location, but neither path nor query", () => {
      const decision = decide(get, 302, `http://api.example/${canary}?code=${canary}`)
      assert.isTrue(decision._tag === "Refuse")
      const text = decision._tag === "Refuse" ? decision.error.message : ""
      assert.include(text, "http://api.example")
      assertSecretFree(decision, [canary])
    })

    it("repeats a stream only if it was declared replayable", () => {
      const upload = HttpClientRequest.post("https://api.example/a", {
        body: HttpBody.stream(Stream.make(new Uint8Array([1])))
      })
      assert.strictEqual(reason(decide(upload, 307, "/c")), "Body")
      assert.strictEqual(reason(decide(upload, 303, "/c")), "Follow")
      assert.strictEqual(reason(decide(ReplayPolicy.declareReplayable(upload), 307, "/c")), "Follow")
    })
  })
})
