import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as IbmMq from "../../src/IbmMq.ts"
import * as Proof from "../../src/internal/proof.ts"
import * as MqUser from "../../src/MqUser.ts"
import { baseUrl, credential, type Needs, wire } from "../wire.ts"

const reader = { username: "reader", password: Redacted.make(FakeMqweb.canaries.reader.password) }

const modes: ReadonlyArray<readonly [name: string, layer: Layer.Layer<IbmMq.Client, unknown, Needs>]> = [
  ["Basic", IbmMq.layerBasic({ baseUrl, credential })],
  ["LTPA", IbmMq.layerLtpa({ baseUrl, credential })],
  ["a certificate", IbmMq.layerClientCertificate({ baseUrl })]
]

/** A server whose certificate names `mqadmin` on every call of that mode, and none on the others. */
const serverOf = (name: string): FakeMqweb.Options =>
  name === "a certificate" ? { clientCertificate: () => Option.some("mqadmin") } : {}

/** A good token of `reader`, as the cookie of a request. */
const stolen = Effect.gen(function*() {
  const server = yield* FakeMqweb.FakeMqweb
  const response = yield* server.httpClient.execute(
    HttpClientRequest.post(`${baseUrl}/login`, { acceptJson: true }).pipe(
      HttpClientRequest.bodyUnsafeJson({ username: "reader", password: FakeMqweb.canaries.reader.password })
    )
  )
  return Cookies.toCookieHeader(Cookies.fromIterable(
    Object.values(response.cookies.cookies).filter(({ name }) => name.startsWith("LtpaToken2"))
  ))
})

describe("IbmMq, one proof", () => {
  for (const [name, layer] of modes) {
    it.effect(`a caller's own token cookie does not make ${name} another user, and the caller's other cookies stay`, () => {
      const { calls, layer: mq } = wire(layer, serverOf(name))
      return Effect.gen(function*() {
        const http = yield* IbmMq.Client
        const cookie = yield* stolen
        for (
          const sent of [
            cookie,
            `mine=1; ${cookie.toLowerCase().replace(/=.*/u, "")}=${cookie.replace(/^[^=]*=/u, "")}`
          ]
        ) {
          const response = yield* http.get("/login", { headers: { cookie: sent } })
          assert.deepStrictEqual(yield* response.json, { user: [{ name: "mqadmin", role: ["MQWebAdmin"] }] })
        }
        const last = calls.at(-1)?.headers["cookie"] ?? ""
        assert.strictEqual(last.replace(/; LtpaToken2_\d+=.*/u, ""), "mine=1")
      }).pipe(Effect.provide(mq))
    })

    it.effect(`a cookie jar below the client does not decide who the user of ${name} is`, () => {
      const sent: Array<string> = []
      return Effect.gen(function*() {
        const server = yield* FakeMqweb.make(serverOf(name))
        const jar = yield* Ref.make(Cookies.empty)
        const wireTap = HttpClient.make((request) => {
          sent.push(request.headers["cookie"] ?? "")
          return server.httpClient.execute(request)
        })
        const other = yield* server.httpClient.execute(
          HttpClientRequest.post(`${baseUrl}/login`, { acceptJson: true }).pipe(
            HttpClientRequest.bodyUnsafeJson({ username: "reader", password: Redacted.value(reader.password) })
          )
        )
        yield* Ref.set(jar, Cookies.merge(other.cookies, Cookies.fromSetCookie(["proxy=1"])))
        const user = yield* Effect.zipRight(MqUser.whoAmI, MqUser.whoAmI).pipe(
          Effect.provide(Layer.fresh(layer)),
          Effect.provide(Layer.merge(
            wire(Layer.empty).layer,
            Layer.succeed(HttpClient.HttpClient, HttpClient.withCookiesRef(wireTap, jar))
          ))
        )
        assert.strictEqual(user.name, "mqadmin")
        const tokens = sent.map((cookie) => cookie.split("; ").filter((pair) => pair.startsWith("LtpaToken2")).length)
        // login, two calls, logout; the other modes have the two calls alone
        assert.deepStrictEqual(tokens, name === "LTPA" ? [0, 1, 1, 1] : [0, 0])
        assert.isTrue(sent.every((cookie) => cookie.includes("proxy=1")))
      })
    })
  }

  it.effect("a caller's own Authorization goes out in no mode that has another proof", () =>
    Effect.gen(function*() {
      for (const [name, layer] of modes.slice(1)) {
        const { calls, layer: mq } = wire(layer, serverOf(name))
        yield* Effect.flatMap(
          IbmMq.Client,
          (http) => http.get("/login", { headers: { authorization: "Basic canary" } })
        )
          .pipe(Effect.provide(mq))
        assert.deepStrictEqual(calls.map(({ headers }) => headers["authorization"]), calls.map(() => undefined), name)
      }
    }))

  it.effect("a cookie of the name that the server is configured with is never sent by the other modes", () => {
    const { calls, layer } = wire(IbmMq.layerBasic({ baseUrl, credential, cookieName: "sso" }), { cookieName: "sso" })
    return Effect.gen(function*() {
      const http = yield* IbmMq.Client
      yield* http.get("/login", { headers: { cookie: "SSO=canary; a=1,LtpaToken2=canary" } })
      assert.strictEqual(calls[0]?.headers["cookie"], "a=1")
    }).pipe(Effect.provide(layer))
  })
})

describe("Proof.withoutJar", () => {
  it("leaves a transport alone that has no jar, so that it keeps what was declared of it", () => {
    const plain: HttpClient.HttpClient = ScriptedHttpClient.make({})
    const isToken = Proof.isToken(undefined)
    assert.strictEqual(Proof.withoutJar(plain, isToken), plain)
    const mapped = HttpClient.mapRequest(plain, (request) => request)
    assert.notStrictEqual(Proof.withoutJar(mapped, isToken), mapped)
  })
})
