/** Digest against real servers: many requests at once, and nonces that expire meanwhile. */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Digest from "../src/Digest.ts"
import * as Servers from "./fixtures/digestServers.ts"

const credential = { username: Servers.credential.username, password: Redacted.make(Servers.credential.password) }

/** The client of a server, and what went over the wire: whether each request was answered ahead, and its answer. */
const clientOf = (baseUrl: string, options: Digest.Settings = {}) =>
  Effect.gen(function*() {
    const transport = yield* HttpClient.HttpClient
    const wire: Array<{ readonly answer: string | undefined; readonly status: number; readonly challenge: string }> = []
    const http = yield* Digest.make({ baseUrl, credential, ...options }).pipe(
      Effect.provideService(
        HttpClient.HttpClient,
        HttpClient.transform(transport, (sent, request) =>
          Effect.tap(sent, ({ headers, status }) =>
            Effect.sync(() =>
              wire.push({
                answer: request.headers["authorization"],
                status,
                challenge: headers["www-authenticate"] ?? ""
              })
            )))
      )
    )
    return { http, wire }
  })

/** Many fibers for so many milliseconds; how many requests they made. */
const storm = (
  http: { readonly get: HttpClient.HttpClient.With<unknown>["get"] },
  millis: number,
  { fibers = 64, path = "/index.html" }: { readonly fibers?: number; readonly path?: string } = {}
) =>
  Effect.gen(function*() {
    const end = (yield* Clock.currentTimeMillis) + millis
    const fiber = Effect.gen(function*() {
      let requests = 0
      while ((yield* Clock.currentTimeMillis) < end) {
        const response = yield* http.get(path, { urlParams: { q: `${requests} ?"` } })
        assert.strictEqual(yield* response.text, "hello")
        requests++
      }
      return requests
    })
    const counts = yield* Effect.all(Array.from({ length: fibers }, () => fiber), { concurrency: "unbounded" })
    return counts.reduce((sum, count) => sum + count, 0)
  })

describe("Digest", () => {
  it.scopedLive("outlives nonces of two seconds at Apache, with 64 fibers: no request fails, and what was answered is refused for a stale nonce alone", () =>
    Effect.gen(function*() {
      const { http, wire } = yield* clientOf(yield* Servers.apache)
      const busy = yield* storm(http, 3000)
      // while it is busy, Apache names the next nonce in its answers; after a pause none is left
      const nonceOf = (field: string) => /nonce="([^"]+)"/u.exec(field)?.[1]
      const challenged = new Set(wire.map(({ challenge }) => nonceOf(challenge)))
      assert.isTrue(
        wire.some(({ answer, status }) => answer !== undefined && status === 200 && !challenged.has(nonceOf(answer)))
      )
      yield* Effect.sleep("2500 millis")
      const requests = busy + (yield* storm(http, 1000))
      const refused = wire.filter(({ answer, status }) => answer !== undefined && status === 401)
      assert.isAbove(requests, 64)
      assert.strictEqual(wire.filter(({ status }) => status === 200).length, requests)
      assert.isAbove(refused.length, 0)
      assert.deepStrictEqual(refused.filter(({ challenge }) => !/stale=true/iu.test(challenge)), [])
      assert.isAtMost(wire.filter(({ answer }) => answer === undefined).length, 64)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  it.scopedLive("takes SHA-256 of the two challenges of lighttpd, with 64 fibers", () =>
    Effect.gen(function*() {
      const { http, wire } = yield* clientOf(yield* Servers.lighttpd)
      const requests = yield* storm(http, 2000)
      const first = wire.find(({ answer }) => answer === undefined)?.challenge ?? ""
      assert.match(first, /MD5/u)
      assert.match(first, /SHA-256/u)
      assert.strictEqual(wire.filter(({ status }) => status === 200).length, requests)
      const answers = wire.flatMap(({ answer }) => answer ?? [])
      assert.isTrue(answers.every((answer) => answer.includes("algorithm=SHA-256")))
      assert.deepStrictEqual(wire.filter(({ answer, status }) => answer !== undefined && status === 401), [])
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  it.scopedLive("takes SHA-256 of the two challenges of Tomcat, which have one nonce, and outlives it, with 64 fibers, and loses no request of more than it keeps track of", () =>
    Effect.gen(function*() {
      const baseUrl = yield* Servers.tomcat
      // a Java machine that has just begun takes longer for an answer than its nonces live
      const early = yield* clientOf(baseUrl)
      yield* Effect.forEach(
        Array.from({ length: 64 * 20 }),
        () => Effect.ignore(Effect.flatMap(early.http.get("/index.html"), ({ text }) => text)),
        { concurrency: 8, discard: true }
      )
      const { http, wire } = yield* clientOf(baseUrl)
      const busy = yield* storm(http, 3500)
      yield* Effect.sleep("2500 millis")
      const requests = busy + (yield* storm(http, 500))
      const first = wire.find(({ answer }) => answer === undefined)?.challenge ?? ""
      assert.strictEqual(new Set(Array.from(first.matchAll(/nonce="([^"]+)"/gu), ([, nonce]) => nonce)).size, 1)
      assert.match(first, /MD5/u)
      assert.strictEqual(wire.filter(({ status }) => status === 200).length, requests)
      assert.isTrue(wire.every(({ answer }) => answer === undefined || answer.includes("algorithm=SHA-256")))
      const refused = wire.filter(({ answer, status }) => answer !== undefined && status === 401)
      assert.isAbove(refused.length, 0)
      assert.deepStrictEqual(refused.filter(({ challenge }) => !/stale=true/iu.test(challenge)), [])
      // of more requests at once than Tomcat keeps track of, some are refused without a word of the nonce
      const crowded = yield* clientOf(baseUrl)
      const crowd = yield* storm(crowded.http, 2500, { fibers: 160, path: "/default/index.html" })
      assert.strictEqual(crowded.wire.filter(({ status }) => status === 200).length, crowd)
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  it.scopedLive("lets Apache show that it knows the password, and is refused with a wrong one", () =>
    Effect.gen(function*() {
      const baseUrl = yield* Servers.apache
      const { http } = yield* clientOf(baseUrl, { verifyServer: true })
      assert.strictEqual((yield* http.get("/index.html")).status, 200)
      const wrong = yield* Digest.make({
        baseUrl,
        credential: { username: "reader", password: Redacted.make("canary-wrong") }
      })
      assert.strictEqual((yield* Effect.flip(wrong.get("/index.html")))._tag, "CredentialsRejected")
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))
})
