/** What of an address reaches the wire: the bytes of the request line, over each of the platform's transports. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Net from "node:net"
import * as Loopback from "./Loopback.ts"

/** A server that keeps the head of each request as it came, and answers what it is told, byte for byte. */
const rawServer = (answer: (target: string, count: number) => string | Buffer) =>
  Effect.acquireRelease(
    Effect.async<{ readonly server: Net.Server; readonly port: number; readonly heads: Array<string> }>((resume) => {
      const heads: Array<string> = []
      const server = Net.createServer((socket) => {
        const chunks: Array<Buffer> = []
        socket.on("error", () => {})
        socket.on("data", (chunk) => {
          chunks.push(chunk)
          const head = Buffer.concat(chunks).toString("latin1")
          if (!head.includes("\r\n\r\n")) return
          heads.push(head)
          socket.end(answer(head.split(" ")[1] ?? "", heads.length))
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(
          Effect.succeed({ server, heads, port: typeof address === "object" && address !== null ? address.port : 0 })
        )
      })
    }),
    ({ server }) => Effect.async<void>((resume) => void server.close(() => resume(Effect.void)))
  )

const response = (status: number, fields: string | Buffer = "") =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} Status\r\ncontent-length: 0\r\nconnection: close\r\n`),
    Buffer.from(fields),
    Buffer.from("\r\n")
  ])

const targets = (heads: ReadonlyArray<string>) => heads.map((head) => head.split(" ")[1])

const canary = "canary-Secret-0123456789"

const key = Authenticator.apiKey(
  Either.getOrThrow(Credential.apiKey({ key: Redacted.make(canary), in: "query", name: "key" }))
)

/** Tokens that are written into the query, `canary-1` and then `canary-2`. */
const tokens = Effect.gen(function*() {
  const issued = yield* Effect.succeed({ count: 0 })
  const source = yield* TokenSource.make({
    login: Effect.suspend(() => Token.make({ value: `canary-${++issued.count}` }))
  })
  return Authenticator.fromTokens(source, {
    mode: "Test/Query",
    credentials: ({ value }) => RequestCredentials.queryParameter("key", value)
  })
})

const connected = (
  layer: Layer.Layer<HttpClient.HttpClient>,
  authenticator: Authenticator.Authenticator,
  options: AuthenticatedHttpClient.Options
) =>
  Effect.flatMap(
    Layer.build(layer),
    (transport) => Effect.provide(AuthenticatedHttpClient.make(authenticator, options), transport)
  )

describe("an address, on the wire", () => {
  for (const { layer, name } of Loopback.transports()) {
    describe(`over ${name}`, () => {
      it.scopedLive("keeps the bytes of the caller's query beside an API key, which is there once", () =>
        Effect.gen(function*() {
          const server = yield* rawServer(() => response(200))
          const client = yield* connected(layer, key, { baseUrl: `http://127.0.0.1:${server.port}/v1` })
          const plain = yield* Effect.map(Layer.build(layer), (context) =>
            HttpClient.HttpClient.pipe(
              Effect.provide(context)
            )).pipe(Effect.flatten)
          const queries = [
            "a=%20+1&flag&$filter=x%20eq%201&latin1=%FF",
            "a b&c=|{}\"<>^`'",
            "\u00e9=\u20ac",
            "a=1&&=&b"
          ]
          for (const query of queries) {
            yield* plain.get(`http://127.0.0.1:${server.port}/v1/q?${query}`)
            yield* client.get(`/q?${query}`)
            yield* client.get(`/q?key=caller&${query}&k%65y=caller`)
            const [without, ...written] = targets(server.heads.splice(0))
            assert.deepStrictEqual(written, Array(2).fill(`${without}&key=${canary}`))
          }
          yield* client.get("/q?$top=1", { urlParams: { "$skip": "1 2", key: "caller" } })
          assert.deepStrictEqual(targets(server.heads), [`/v1/q?$top=1&%24skip=1+2&key=${canary}`])
        }))

      it.scopedLive("has the key once after a redirect that repeats it, and after a renewal", () =>
        Effect.gen(function*() {
          const server = yield* rawServer((target, count) =>
            count === 1
              ? response(401, "www-authenticate: Bearer\r\n")
              : count === 2
              ? response(307, `location: /moved${target.slice(target.indexOf("?"))}&k%65y=old\r\n`)
              : response(200)
          )
          const client = yield* connected(layer, yield* tokens, {
            baseUrl: `http://127.0.0.1:${server.port}`,
            redirects: 1
          })
          yield* client.get("/q?a=%20&flag")
          assert.deepStrictEqual(targets(server.heads), [
            "/q?a=%20&flag&key=canary-1",
            "/q?a=%20&flag&key=canary-2",
            "/moved?a=%20&flag&key=canary-2"
          ])
        }))

      it.scopedLive("never leaves the base path by a relative URL", () =>
        Effect.gen(function*() {
          const server = yield* rawServer(() => response(200))
          const client = yield* connected(layer, key, { baseUrl: `http://127.0.0.1:${server.port}/tenants/a/v1` })
          for (const id of ["..", "%2e%2e", ".%2E", "..\\", "\\..\\..", ".\t.", "x/../..", "../../b"]) {
            const error = yield* Effect.flip(client.get(`/${id}/users`))
            assert.strictEqual(error._tag, "OriginRefused", id)
          }
          assert.deepStrictEqual(server.heads, [])
          for (const id of ["..name", "a..b", "..%2f..", "....//", "..;"]) yield* client.get(`/${id}/users`)
          assert.lengthOf(server.heads, 5)
          for (const target of targets(server.heads)) assert.match(target ?? "", /^\/tenants\/a\/v1\//)
        }))

      it.scopedLive("names the host of the origin only, whoever sets the header", () =>
        Effect.gen(function*() {
          const server = yield* rawServer(() => response(200))
          const host = `127.0.0.1:${server.port}`
          const baseUrl = `http://${host}`
          const client = yield* connected(layer, key, { baseUrl })
          for (const headers of [{ host: "other.example" }, { HOST: "127.0.0.1" }, { ":authority": "other.example" }]) {
            assert.strictEqual((yield* Effect.flip(client.get("/", { headers })))._tag, "OriginRefused")
          }
          const byDefault = yield* connected(layer, key, { baseUrl, defaultHeaders: { Host: "other.example" } })
          assert.strictEqual((yield* Effect.flip(byDefault.get("/")))._tag, "OriginRefused")
          assert.deepStrictEqual(server.heads, [])
          yield* client.get("/", { headers: { Host: host } })
          assert.deepStrictEqual(server.heads[0]?.match(/^host: .*$/gim), [
            server.heads[0]?.includes("Host:") === true ? `Host: ${host}` : `host: ${host}`
          ])
        }))

      it.scopedLive("is read as UTF-8 in a Location", () =>
        Effect.gen(function*() {
          const latin1 = Buffer.from("location: /caf\xe9\r\n", "latin1")
          const server = yield* rawServer((target) =>
            target === "/utf-8"
              ? response(302, "location: /caf\u00e9/\u{1f600}?q=\u20ac\r\n")
              : target === "/latin-1"
              ? response(302, latin1)
              : response(200)
          )
          const client = yield* connected(layer, Authenticator.fixed(RequestCredentials.none, { mode: "None" }), {
            baseUrl: `http://127.0.0.1:${server.port}`,
            redirects: 1
          })
          yield* client.get("/utf-8")
          yield* client.get("/latin-1")
          assert.deepStrictEqual(targets(server.heads), [
            "/utf-8",
            "/caf%C3%A9/%F0%9F%98%80?q=%E2%82%AC",
            "/latin-1",
            "/caf%C3%A9"
          ])
        }))

      it.scopedLive("arrives in a Response of the Web as it was sent", () =>
        Effect.gen(function*() {
          const server = yield* rawServer(() => response(302, "location: /\u20ac\r\nset-cookie: a=\u20ac\r\n"))
          const client = yield* connected(layer, key, { baseUrl: `http://127.0.0.1:${server.port}` })
          const fetch = yield* AuthenticatedHttpClient.toFetch(client)
          const { headers, status } = yield* Effect.promise(() => fetch("/"))
          const text = (name: string) => Buffer.from(headers.get(name) ?? "", "latin1").toString()
          assert.deepStrictEqual([status, text("location"), text("set-cookie")], [302, "/\u20ac", "a=\u20ac"])
        }))
    })
  }
})
