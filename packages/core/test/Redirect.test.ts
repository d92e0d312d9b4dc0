import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as Redirect from "@effect-auth/core/Redirect"
import * as ReplayPolicy from "@effect-auth/core/ReplayPolicy"
import * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Loopback from "./Loopback.ts"

const canary = "canary-Secret-0123456789"
const statuses = [301, 302, 303, 307, 308] as const

const apiKey = (where: "header" | "query" | "cookie", name: string) =>
  Authenticator.apiKey(Either.getOrThrow(Credential.apiKey({ key: Redacted.make(canary), in: where, name })))

const credentials = {
  basic: Authenticator.basic({ username: "operator", password: Redacted.make(canary) }),
  header: apiKey("header", "x-acme-key"),
  query: apiKey("query", "api_key"),
  cookie: apiKey("cookie", "sid")
}

describe("Redirect.decide", () => {
  const rules: Redirect.Rules = {
    origins: ["https://api.example", "https://gateway.example"],
    places: { headers: ["x-acme-key"], urlParams: ["api_key"], cookies: [] },
    maxRedirects: 3
  }

  const decide = (
    request: HttpClientRequest.HttpClientRequest,
    status: number,
    location: string,
    hop?: Partial<Redirect.Hop>
  ) =>
    Redirect.decide(
      { request, authenticated: true, redirects: 0, ...hop },
      { status, headers: Headers.fromInput({ location }) },
      rules
    )

  const followed = (decision: Redirect.Decision): Redirect.Hop => {
    if (decision._tag !== "Follow") throw new Error(`expected to follow, got ${JSON.stringify(decision)}`)
    return decision.hop
  }

  const reason = (decision: Redirect.Decision) => decision._tag === "Refuse" ? decision.error.reason : decision._tag

  const get = HttpClientRequest.get("https://api.example/a/b?x=1")
  const post = HttpClientRequest.post("https://api.example/a", {
    headers: { "content-language": "en", "x-trace": "1" }
  })
    .pipe(HttpClientRequest.bodyText("data"))

  it("resolves relative, absolute and protocol-relative locations, without query or fragment of the request", () => {
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
      assert.deepStrictEqual(request.urlParams, [])
    }
  })

  it("stays at what is no redirect, and at one that leads nowhere", () => {
    for (const status of [200, 300, 304, 305, 306, 401, 500]) {
      assert.strictEqual(reason(decide(get, status, "/elsewhere")), "Stay")
    }
    const nowhere = { status: 302, headers: Headers.empty }
    assert.strictEqual(
      Redirect.decide({ request: get, authenticated: true, redirects: 0 }, nowhere, rules)._tag,
      "Stay"
    )
  })

  it("turns 303, and 301 and 302 after a POST, into a GET without body and its headers", () => {
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

  it("takes everything that proves an identity off a request that leaves", () => {
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

  it("takes the client's own parameters off a request that stays, because signing writes them again", () => {
    assert.strictEqual(followed(decide(get, 302, "/c?api_key=old")).request.url, "https://api.example/c")
  })

  it("gives credentials back to no chain that has left", () => {
    const hop = followed(decide(HttpClientRequest.get("https://other.example/"), 302, "https://api.example/delete", {
      authenticated: false
    }))
    assert.isFalse(hop.authenticated)
  })

  it("refuses what is malformed, names a user, leads to plain http or never ends", () => {
    for (
      const location of ["https://[", "javascript:alert(1)", "data:,x", "file:///etc/passwd", "ftp://api.example/"]
    ) {
      assert.strictEqual(reason(decide(get, 302, location)), "Malformed", location)
    }
    assert.strictEqual(reason(decide(get, 302, "https://user:pass@api.example/")), "UserInformation")
    assert.strictEqual(reason(decide(get, 302, "http://api.example/")), "Downgrade")
    assert.strictEqual(reason(decide(get, 302, "http://127.0.0.1/")), "Downgrade")
    assert.strictEqual(reason(decide(get, 302, "/c", { redirects: 3 })), "TooMany")
  })

  it("names the origin of what it refuses, and neither path nor query", () => {
    const decision = decide(get, 302, `http://api.example/${canary}?code=${canary}`)
    assert.isTrue(decision._tag === "Refuse")
    const text = JSON.stringify(decision) + (decision._tag === "Refuse" ? decision.error.message : "")
    assert.include(text, "http://api.example")
    assert.notInclude(text, canary)
  })

  it("repeats a stream only where it was declared replayable", () => {
    const upload = HttpClientRequest.post("https://api.example/a", {
      body: HttpBody.stream(Stream.make(new Uint8Array([1])))
    })
    assert.strictEqual(reason(decide(upload, 307, "/c")), "Body")
    assert.strictEqual(reason(decide(upload, 303, "/c")), "Follow")
    assert.strictEqual(reason(decide(ReplayPolicy.declareReplayable(upload), 307, "/c")), "Follow")
  })
})

/** Redirects `/go/<status>/<target>` there, and repeats the query, as servers do; answers anything else. */
const redirecting: Loopback.Handler = ({ url }, response) => {
  const [path = "", query] = url.split("?")
  const [, go, status, target] = path.split("/")
  if (go !== "go") return response.end("ok")
  const location = decodeURIComponent(target ?? "") + (query === undefined ? "" : `?${query}`)
  response.writeHead(Number(status), { location }).end("moved")
}

const encodings = [canary, Buffer.from(`operator:${canary}`).toString("base64")]
const carries = ({ headers, url }: Loopback.Received) =>
  encodings.some((secret) => url.includes(secret) || JSON.stringify(headers).includes(secret))

describe("AuthenticatedHttpClient.followRedirects", () => {
  const world = Effect.gen(function*() {
    const tls = yield* Loopback.certificate
    const own = yield* Loopback.serve(redirecting)
    const secure = yield* Loopback.serve(redirecting, tls)
    const other = yield* Loopback.serve(redirecting)
    const transports = Loopback.transports(tls.cert)
    return { own, secure, other, transports }
  })

  const seen = (server: Loopback.Loopback, path: string) => server.received.filter(({ url }) => url.startsWith(path))

  for (const [kind, authenticator] of Object.entries(credentials)) {
    it.scopedLive(
      `no ${kind} credential leaves the origin, on any transport, for any status`,
      () =>
        Effect.gen(function*() {
          const { other, own, secure, transports } = yield* world
          for (const { layer, name } of transports) {
            const transport = yield* Layer.build(layer)
            for (const status of statuses) {
              const label = `${name} ${status}`
              const slug = `/${name.replace(":", "")}-${status}`
              const go = (origin: string, target: string) =>
                Effect.gen(function*() {
                  const client = yield* AuthenticatedHttpClient.make(authenticator, { baseUrl: origin })
                  return yield* AuthenticatedHttpClient.followRedirects(client).post(
                    `/go/${status}/${encodeURIComponent(target)}`,
                    { body: HttpBody.text("payload"), headers: { "proxy-authorization": canary } }
                  )
                }).pipe(Effect.provide(transport))
              const base = `http://127.0.0.1:${own.port}`
              const method = status === 307 || status === 308 ? "POST" : "GET"
              const body = method === "POST" ? "payload" : ""

              // the same origin: signed anew, once
              assert.strictEqual((yield* go(base, `${slug}-same`)).status, 200, label)
              const [same, ...rest] = seen(own, `${slug}-same`)
              assert.isDefined(same, label)
              assert.lengthOf(rest, 0, label)
              assert.isTrue(carries(same!), label)
              assert.deepInclude(same, { method, body }, label)
              assert.lengthOf(same!.url.match(/api_key/g) ?? [], kind === "query" ? 1 : 0, label)

              // another port, and the same port under another name
              for (
                const [server, target] of [
                  [other, `http://127.0.0.1:${other.port}${slug}-port`],
                  [own, `http://localhost:${own.port}${slug}-host`],
                  // another host over TLS
                  [secure, `https://localhost:${secure.port}${slug}-tls`]
                ] as const
              ) {
                assert.strictEqual((yield* go(base, target)).status, 200, label)
                const [received, ...rest] = seen(server, new URL(target).pathname)
                assert.isDefined(received, label)
                assert.lengthOf(rest, 0, label)
                assert.isFalse(carries(received!), `${label} ${target}`)
                assert.deepInclude(received, { method, body }, label)
              }

              // plain http
              const error = yield* Effect.flip(
                go(`https://127.0.0.1:${secure.port}`, `http://127.0.0.1:${own.port}${slug}-plain`)
              )
              assert.deepInclude(error, { _tag: "RedirectRefused", reason: "Downgrade" }, label)
              assert.lengthOf(seen(own, `${slug}-plain`), 0, label)
            }
          }
        }),
      60_000
    )
  }

  it.scopedLive(
    "a redirect is an ordinary answer as long as nobody asks to follow it, on any transport",
    () =>
      Effect.gen(function*() {
        const { other, own, transports } = yield* world
        for (const { layer, name } of transports) {
          const baseUrl = `http://127.0.0.1:${own.port}`
          const target = `http://127.0.0.1:${other.port}/x`
          for (const status of statuses) {
            const response = yield* Effect.flatMap(
              AuthenticatedHttpClient.make(credentials.basic, { baseUrl }),
              (client) => client.get(`/go/${status}/${encodeURIComponent(target)}`)
            ).pipe(Effect.provide(layer))
            assert.deepStrictEqual([response.status, response.headers["location"]], [status, target], name)
          }
        }
        assert.lengthOf(other.received, 0)
      }),
    60_000
  )

  it.scopedLive("ends with RedirectRefused after as many hops as it was told", () =>
    Effect.gen(function*() {
      const { own, transports } = yield* world
      const loop = `http://127.0.0.1:${own.port}/go/302/`
      const client = AuthenticatedHttpClient.make(credentials.header, { baseUrl: `http://127.0.0.1:${own.port}` })
      const nested = Array.from({ length: 5 }).reduce<string>((url) => loop + encodeURIComponent(url), "/end")
      const at = (max: number) =>
        Effect.flatMap(client, (client) => AuthenticatedHttpClient.followRedirects(client, max).get(nested)).pipe(
          Effect.provide(transports[2]!.layer)
        )
      assert.strictEqual((yield* at(5)).status, 200)
      const error = yield* Effect.flip(at(4))
      assert.deepInclude(error, { _tag: "RedirectRefused", reason: "TooMany" })
    }))

  it.scopedLive("refuses a redirect of a client that it knows nothing about", () =>
    Effect.gen(function*() {
      const { own, transports } = yield* world
      const error = yield* AuthenticatedHttpClient.make(credentials.header, { baseUrl: `http://127.0.0.1:${own.port}` })
        .pipe(
          Effect.map(HttpClient.mapRequest(HttpClientRequest.setHeader("x-trace", "1"))),
          Effect.flatMap((client) => AuthenticatedHttpClient.followRedirects(client).get("/go/302/c")),
          Effect.provide(transports[2]!.layer),
          Effect.flip
        )
      assert.deepInclude(error, { _tag: "RedirectRefused", reason: "Unbound" })
    }))

  it.scopedLive("the platform's own followRedirects leaks nothing over the client either", () =>
    Effect.gen(function*() {
      const { other, own, transports } = yield* world
      for (const { layer } of transports) {
        const error = yield* AuthenticatedHttpClient.make(credentials.query, {
          baseUrl: `http://127.0.0.1:${own.port}`
        }).pipe(
          Effect.map(HttpClient.followRedirects()),
          Effect.flatMap((client) => client.get(`/go/302/${encodeURIComponent(`http://127.0.0.1:${other.port}/x`)}`)),
          Effect.provide(layer),
          Effect.flip
        )
        assert.strictEqual(error._tag, "OriginRefused")
      }
      assert.lengthOf(other.received, 0)
    }))
})
