import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as Digest from "../src/Digest.ts"
import * as SigningCredential from "../src/SigningCredential.ts"
import * as DigestServer from "./digestServer.ts"
import * as Pending from "./pending.ts"

const baseUrl = "https://device.example"

const credential = { username: "reader", password: Redacted.make(DigestServer.credential.password) }

const clientOf = (
  script: ScriptedHttpClient.Script,
  options: Partial<Digest.Options> & Partial<Digest.Credential> = {}
) => {
  const transport = ScriptedHttpClient.make(script)
  return Digest.make({ baseUrl, credential, ...options }).pipe(
    Effect.provideService(HttpClient.HttpClient, transport),
    Effect.map((http) => ({ http, transport }))
  )
}

const statusOf = (transport: ScriptedHttpClient.Service) => transport.unsafeRequests().map(({ status }) => status)

const challenge = (...fields: ReadonlyArray<string>) => ({
  status: 401,
  headers: fields.map((field) => ["www-authenticate", field] as const)
})

/** The algorithms of the challenges that were answered. */
const answeredBy = (challenges: ReadonlyArray<string>, options: Digest.Settings = {}) =>
  Effect.gen(function*() {
    const { http, transport } = yield* clientOf([challenge(...challenges), { body: "ok" }], options)
    yield* http.get("/")
    return transport.unsafeRequests()[1]?.headers["authorization"] ?? "none"
  })

describe("Digest", () => {
  for (
    const [name, settings] of Object.entries<DigestServer.Settings>({
      "MD5": {},
      "SHA-256": { algorithms: ["SHA-256"] },
      "SHA-512-256": { algorithms: ["SHA-512-256"] },
      "MD5-sess": { algorithms: ["MD5-sess"] },
      "SHA-256-sess": { algorithms: ["SHA-256-sess"] },
      "auth-int": { algorithms: ["SHA-256"], qop: "auth-int" },
      "no qop (RFC 2069)": { qop: undefined },
      "userhash": { algorithms: ["SHA-256"], userhash: true },
      "a user name beyond ASCII, in the extended notation": {
        charset: "UTF-8",
        username: "J\u00e4s\u00f8n Doe",
        password: "\u00e9"
      },
      "a user name beyond ASCII, in bytes": { username: "J\u00e4s\u00f8n", password: "\u00e9" },
      "a user name in Normalization Form C": { charset: "UTF-8", username: "e\u0301".normalize("NFC"), userhash: true },
      "a realm in UTF-8": { realm: "Ger\u00e4t", userhash: true },
      "a realm in Latin-1": { realm: "Ger\u00e4t", encoding: "latin1", charset: "UTF-8", userhash: true },
      "quotes and backslashes": { username: "a\"b\\c", password: "\"\\" }
    })
  ) {
    it.effect(`is taken by a server that asks for ${name}`, () =>
      Effect.gen(function*() {
        const server = DigestServer.make(settings)
        const { password = DigestServer.credential.password, username = credential.username } = settings
        const given = { username: username.normalize("NFD"), password: Redacted.make(password.normalize("NFD")) }
        const { http } = yield* clientOf(server.handler, {
          credential: settings.charset === undefined ? { username, password: Redacted.make(password) } : given
        })
        const post = HttpClientRequest.post("/a b/\u00e4?q=1&p=%FF", { body: HttpBody.text("body") })
        for (let index = 0; index < 3; index++) yield* http.execute(post)
        assert.deepStrictEqual(server.refusals, ["no answer"])
        assert.deepStrictEqual(
          server.taken.map(([, count]) => count).slice(1),
          settings.qop === undefined && "qop" in settings ? ["", ""] : ["00000002", "00000003"]
        )
      }))
  }

  it.effect("answers the strongest of several challenges, whatever their order and whatever else is offered", () =>
    Effect.gen(function*() {
      const md5 = `Digest realm="r", nonce="m", algorithm=MD5, qop="auth"`
      const sha256 = `Digest realm="r", nonce="s", algorithm=SHA-256, qop="auth"`
      const sha512 = `Digest realm="r", nonce="t", algorithm=SHA-512-256, qop="auth"`
      const unknown = `Digest realm="r", nonce="u", algorithm=SHA3-512, qop="auth"`
      assert.include(yield* answeredBy([md5, sha256]), "algorithm=SHA-256")
      assert.include(yield* answeredBy([`Basic realm="r"`, unknown, sha512, sha256, md5]), "algorithm=SHA-512-256")
      assert.include(yield* answeredBy([unknown, md5, "Negotiate"]), `nonce="m"`)
      assert.include(yield* answeredBy([`${sha256}, ${md5}`], { algorithms: ["MD5"] }), `nonce="m"`)
      // of the same strength the one that the server names first
      assert.include(yield* answeredBy([`${md5.replace("MD5", "md5-sess")}, ${md5}`]), "algorithm=md5-sess")
    }))

  it.effect("writes qop, nc and the algorithm without quotes, as RFC 7616 section 3.4 has them", () =>
    Effect.gen(function*() {
      const field = yield* answeredBy([
        `Digest realm="a \\"b\\"", nonce="n,\\"", qop="auth-int,auth", algorithm="SHA-256"`
      ])
      assert.match(field, /realm="a \\"b\\"", nonce="n,\\""/u)
      assert.match(field, /algorithm=SHA-256, qop=auth, nc=00000001, cnonce="[\w-]{32}"/u)
      // what the server did not name is not named to it
      assert.notInclude(yield* answeredBy([`Digest realm="r", nonce="n"`]), "algorithm")
    }))

  it.effect("protects the body where it is asked to and the server leaves the choice", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ qop: "auth,auth-int" })
      const { http, transport } = yield* clientOf(server.handler, { integrity: true })
      yield* http.post("/", { body: HttpBody.unsafeJson({ a: 1 }) })
      yield* http.post("/", { body: HttpBody.urlParams([["a", "\u00e4"]]) })
      yield* http.execute(HttpClientRequest.post("/").pipe(HttpClientRequest.setBody(HttpBody.raw("text"))))
      yield* http.get("/")
      assert.deepStrictEqual(server.refusals, ["no answer"])
      assert.include(transport.unsafeRequests()[1]?.headers["authorization"], "qop=auth-int")
    }))

  it.effect("says so when a body that cannot be known has to be protected", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ qop: "auth-int" })
      const { http } = yield* clientOf(server.handler)
      yield* http.get("/")
      const error = yield* Effect.flip(http.post("/", { body: HttpBody.stream(Stream.make(new Uint8Array(1))) }))
      assert.strictEqual(error._tag, "CredentialUnavailable")
      assert.include(error.message, "auth-int")
      // the count of what was not sent is given to the next request
      yield* http.get("/")
      assert.deepStrictEqual(server.taken.map(([, count]) => count), ["00000001", "00000002"])
    }))

  it.effect("gives each of many requests at once a count of its own, in order and without a gap", () =>
    Effect.gen(function*() {
      const server = DigestServer.make()
      const { http } = yield* clientOf(server.handler)
      yield* http.get("/first")
      yield* Effect.forEach(Array.from({ length: 64 }), () => http.get("/"), { concurrency: "unbounded" })
      assert.deepStrictEqual(server.refusals, ["no answer"])
      assert.deepStrictEqual(
        server.taken.map(([, count]) => parseInt(count, 16)),
        Array.from({ length: 65 }, (_, index) => index + 1)
      )
    }))

  it.effect("goes on counting when a challenge repeats a nonce, as to a first request that was sent beside others", () =>
    Effect.gen(function*() {
      for (const algorithms of [["MD5"], ["SHA-256-sess"]]) {
        const server = DigestServer.make({ nonce: "the only one", algorithms })
        const slow = yield* Pending.make
        const { http } = yield* clientOf((request) => {
          const answer = server.handler(request)
          return request.url.pathname === "/slow" && !("authorization" in request.headers) ? slow.hold(answer) : answer
        })
        const late = yield* Effect.fork(http.get("/slow"))
        yield* slow.begun
        yield* http.get("/")
        yield* http.get("/")
        yield* slow.release
        yield* late
        assert.deepStrictEqual(server.refusals, ["no answer", "no answer"])
        assert.deepStrictEqual(server.taken.map(([, count]) => count), ["00000001", "00000002", "00000003"])
      }
    }))

  it.effect("counts a nonce once for all realms of a server", () =>
    Effect.gen(function*() {
      const answers = (path: string) => challenge(`Digest realm="${path}", nonce="shared", qop="auth"`)
      const { http, transport } = yield* clientOf(({ headers, url }) =>
        headers["authorization"]?.includes(`realm="${url.pathname}"`) === true ? { body: "ok" } : answers(url.pathname)
      )
      for (const path of ["/a", "/b", "/a", "/b"]) yield* http.get(path)
      const counts = transport.unsafeRequests().flatMap(({ headers }) =>
        headers["authorization"]?.match(/nc=(\w+)/u)?.[1] ?? []
      )
      assert.deepStrictEqual(counts, Array.from(new Set(counts)))
    }))

  it.effect("goes on counting when a nonce comes back after another one", () =>
    Effect.gen(function*() {
      const answers = [`nextnonce="b"`, `nextnonce="a"`, `nextnonce="b"`, `nextnonce="b"`]
      const { http, transport } = yield* clientOf([
        challenge(`Digest realm="r", nonce="a", qop="auth"`),
        ...answers.map((info) => ({ headers: { "authentication-info": info } })),
        challenge(`Digest realm="r", nonce="a", qop="auth", stale=true`),
        { body: "ok" }
      ])
      for (let index = 0; index < 5; index++) yield* http.get("/")
      const sent = transport.unsafeRequests().flatMap(({ headers }) =>
        /nonce="(\w)".* nc=0{7}(\d)/u.exec(headers["authorization"] ?? "")?.slice(1).join("") ?? []
      )
      assert.deepStrictEqual(sent, ["a1", "b1", "a2", "b2", "b3", "a3"])
    }))

  it.effect("takes no next nonce from an answer that comes after its nonce was replaced", () =>
    Effect.gen(function*() {
      const slow = yield* Pending.make
      const { http, transport } = yield* clientOf(({ headers, url }) =>
        headers["authorization"] === undefined
          ? challenge(`Digest realm="r", nonce="a", qop="auth"`)
          : url.pathname === "/slow"
          ? slow.hold({ headers: { "authentication-info": `nextnonce="of the past"` } })
          : { headers: url.pathname === "/next" ? { "authentication-info": `nextnonce="b"` } : {} }
      )
      yield* http.get("/")
      const late = yield* Effect.fork(http.get("/slow"))
      yield* slow.begun
      yield* http.get("/next")
      yield* slow.release
      yield* late
      yield* http.get("/")
      assert.include(transport.unsafeRequests().at(-1)?.headers["authorization"], `nonce="b"`)
    }))

  it.effect("counts what was interrupted on its way", () =>
    Effect.gen(function*() {
      const server = DigestServer.make()
      const slow = yield* Pending.make
      const { http } = yield* clientOf((request) => {
        const answer = server.handler(request)
        return request.url.pathname === "/slow" ? slow.hold(answer) : answer
      })
      yield* http.get("/")
      const fiber = yield* Effect.fork(http.get("/slow"))
      yield* slow.begun
      yield* Fiber.interrupt(fiber)
      yield* http.get("/")
      assert.deepStrictEqual(server.refusals, ["no answer"])
      assert.lengthOf(server.taken, 3)
    }))

  it.effect("answers once more a request that others have overtaken, which was made before its nonce was taken", () =>
    Effect.gen(function*() {
      const slow = yield* Pending.make
      const { http } = yield* clientOf(({ headers, url }) => {
        const field = headers["authorization"]
        if (field === undefined) return challenge(`Digest realm="r", nonce="a", qop="auth"`)
        return url.pathname === "/overtaken" && field.includes(`nonce="a"`)
          ? slow.hold(challenge(`Digest realm="r", nonce="b", qop="auth"`))
          : { body: "ok" }
      })
      const overtaken = yield* Effect.fork(http.get("/overtaken"))
      yield* slow.begun
      yield* http.get("/")
      yield* slow.release
      assert.strictEqual((yield* overtaken).status, 200)
    }))

  it.effect("answers once more where a nonce went out so often that it may be spent, and gives up where it did not", () =>
    Effect.gen(function*() {
      const refusedOf = (requests: number) =>
        Effect.gen(function*() {
          const { http } = yield* clientOf(({ headers }) => {
            const field = headers["authorization"]
            if (field === undefined) return challenge(`Digest realm="r", nonce="a", qop="auth"`)
            return field.includes(`nonce="a"`)
              ? { ...challenge(`Digest realm="r", nonce="b", qop="auth"`), after: "1 second" }
              : { body: "ok" }
          })
          const all = Effect.forEach(Array.from({ length: requests }), () => Effect.either(http.get("/")), {
            concurrency: "unbounded"
          })
          return (yield* VirtualClock.run(all)).filter(Either.isLeft).length
        })
      assert.strictEqual(yield* refusedOf(51), 0)
      assert.strictEqual(yield* refusedOf(50), 50)
    }))

  it.effect("outlives nonces that expire, at 64 requests at once, and no refusal of what was answered says anything else", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ lifetime: 2000 })
      const { http } = yield* clientOf(server.handler)
      const caller = Effect.repeatN(Effect.zipRight(http.get("/"), Effect.sleep("300 millis")), 29)
      yield* VirtualClock.run(Effect.forEach(Array.from({ length: 64 }), () => caller, { concurrency: "unbounded" }))
      assert.strictEqual(server.taken.length, 64 * 30)
      assert.deepStrictEqual(new Set(server.refusals), new Set(["no answer", "stale"]))
      assert.isBelow(server.refusals.length, 64 * 7)
    }))

  it.effect("takes the nonce that an answer names for the next request, and counts anew", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ nextNonce: true })
      const { http } = yield* clientOf(server.handler)
      for (let index = 0; index < 3; index++) yield* http.get("/")
      assert.deepStrictEqual(server.refusals, ["no answer"])
      assert.deepStrictEqual(server.taken, [["nonce-1", "00000001"], ["nonce-2", "00000001"], ["nonce-3", "00000001"]])
    }))

  it.effect("keeps the key of a session when an answer names the next nonce (RFC 7616 section 3.4.2)", () =>
    Effect.gen(function*() {
      const answers: Array<string> = []
      const { http, transport } = yield* clientOf([
        challenge(`Digest realm="r", nonce="one", algorithm=MD5-sess, qop="auth"`),
        { headers: { "authentication-info": `nextnonce="two"` } },
        { body: "ok" }
      ])
      yield* http.get("/")
      yield* http.get("/")
      for (const { headers } of transport.unsafeRequests().slice(1)) answers.push(headers["authorization"] ?? "")
      const cnonces = answers.map((answer) => /cnonce="([^"]+)"/u.exec(answer)?.[1] ?? "")
      const h = (text: string) => DigestServer.hash("MD5", text)
      const a1 = h(`${h(`reader:r:${DigestServer.credential.password}`)}:one:${cnonces[0]}`)
      assert.strictEqual(cnonces[0], cnonces[1])
      assert.include(answers[1], h(`${a1}:two:00000001:${cnonces[1]}:auth:${h("GET:/")}`))
    }))

  it.effect("tries once more when a server calls a nonce wrong that it has taken before, and is not told that it is stale", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ saysStale: false })
      const { http, transport } = yield* clientOf(server.handler)
      yield* http.get("/")
      server.expire()
      yield* http.get("/")
      assert.deepStrictEqual(statusOf(transport), [401, 200, 401, 200])
    }))

  it.effect("gives up at a wrong password after one try, and says what the server asks for", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ password: "another" })
      const { http, transport } = yield* clientOf(server.handler)
      const error = yield* Effect.flip(http.get("/"))
      assert.strictEqual(error._tag, "CredentialsRejected")
      assert.deepStrictEqual(statusOf(transport), [401, 401])
      assert.notInclude(inspect(error, { depth: 20 }), DigestServer.credential.password)
      assert.include(error.message, "devices")
    }))

  it.effect("says why no challenge can be answered", () =>
    Effect.gen(function*() {
      const messageOf = (...challenges: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const { http } = yield* clientOf([challenge(...challenges)], { algorithms: ["SHA-256"] })
          return (yield* Effect.flip(http.get("/"))).message
        })
      assert.include(yield* messageOf(`Digest realm="r", nonce="n"`), "SHA-256")
      assert.include(yield* messageOf(`Basic realm="r"`), "does not ask for Digest")
      assert.include(yield* messageOf(`Digest realm="r", algorithm=SHA-256, nonce="n", qop="auth-conf"`), "qop auth")
    }))

  it.effect("reads a credential that is an Effect again after a refusal, and sends the request with the new one", () =>
    Effect.gen(function*() {
      const server = DigestServer.make()
      const current = yield* Ref.make("canary-old-password")
      const { http } = yield* clientOf(server.handler, {
        credential: Effect.map(
          Ref.getAndSet(current, DigestServer.credential.password),
          (password) => ({ username: "reader", password: Redacted.make(password) })
        )
      })
      yield* http.get("/")
      assert.deepStrictEqual(server.refusals, ["no answer", "another response"])
    }))

  it.effect("keeps the nonces of realms and paths apart", () =>
    Effect.gen(function*() {
      const a = DigestServer.make({ realm: "a" })
      const b = DigestServer.make({ realm: "b" })
      const { http } = yield* clientOf((request) => (request.url.pathname.startsWith("/a/") ? a : b).handler(request))
      for (const path of ["/a/1", "/b/1", "/a/2", "/b/2", "/a/deep/3", "/b/3?x=/a/"]) yield* http.get(path)
      assert.deepStrictEqual([a.refusals, b.refusals], [["no answer"], ["stale"]])
    }))

  it.effect("answers the challenge of another realm, although what it answered ahead was not stale", () =>
    Effect.gen(function*() {
      const b = DigestServer.make({ realm: "b", saysStale: false })
      const a = challenge(`Digest realm="a", nonce="n", qop="auth"`)
      const { http } = yield* clientOf((request) =>
        request.url.pathname !== "/a"
          ? b.handler(request)
          : request.headers["authorization"] === undefined
          ? a
          : { status: 500 }
      )
      assert.strictEqual((yield* http.get("/a")).status, 500)
      assert.strictEqual((yield* http.get("/b")).status, 200)
    }))

  it.effect("answers ahead only where the challenge says it is good (domain)", () =>
    Effect.gen(function*() {
      const server = DigestServer.make({ domain: "/api https://elsewhere.example/" })
      const { http, transport } = yield* clientOf((request) =>
        request.url.pathname.startsWith("/api") ? server.handler(request) : { body: "public" }
      )
      for (const path of ["/api/1", "/public", "/api/2"]) yield* http.get(path)
      const sent = transport.unsafeRequests().map(({ headers, url }) => [url.pathname, "authorization" in headers])
      assert.deepStrictEqual(sent, [["/api/1", false], ["/api/1", true], ["/public", false], ["/api/2", true]])
    }))

  it.effect("answers each hop of a redirect for its own URL, and none beyond the client's origins", () =>
    Effect.gen(function*() {
      const server = DigestServer.make()
      const { http, transport } = yield* clientOf((request) => {
        if (request.url.origin !== baseUrl) return { body: "elsewhere" }
        const answer = server.handler(request)
        const isTaken = request.headers["authorization"] !== undefined
        if (!isTaken) return answer
        return request.url.pathname === "/one"
          ? { status: 307, headers: { location: "/two?x=%20y" } }
          : { status: 302, headers: { location: "https://elsewhere.example/three" } }
      }, { redirects: 5 })
      const response = yield* http.post("/one", { body: HttpBody.text("body") })
      assert.strictEqual(yield* response.text, "elsewhere")
      assert.deepStrictEqual(server.refusals, ["no answer"])
      const [, , two, three] = transport.unsafeRequests()
      assert.include(two?.headers["authorization"], `uri="/two?x=%20y"`)
      assert.isUndefined(three?.headers["authorization"])
    }))

  it.effect("answers for the parameters of the request as they are sent", () =>
    Effect.gen(function*() {
      const server = DigestServer.make()
      const { http } = yield* clientOf(server.handler)
      yield* http.get("/search?z=%7E", { urlParams: [["b", "a b+\u00e4"], ["a", "1"]] })
      assert.deepStrictEqual(server.refusals, ["no answer"])
    }))

  describe("when the server has to show that it knows the password", () => {
    const outcomes: ReadonlyArray<
      readonly [string, DigestServer.Settings, "taken" | "AuthenticationFailed" | "CredentialsRejected"]
    > = [
      ["takes an answer that shows it", {}, "taken"],
      ["takes it with SHA-256-sess", { algorithms: ["SHA-256-sess"] }, "taken"],
      ["fails for one that shows another password", { rspauth: "wrong" }, "AuthenticationFailed"],
      ["fails for one that shows nothing", { rspauth: "none" }, "AuthenticationFailed"],
      ["fails where only auth-int is offered", { qop: "auth-int" }, "CredentialsRejected"]
    ]
    for (const [name, settings, expected] of outcomes) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const { http } = yield* clientOf(DigestServer.make(settings).handler, { verifyServer: true })
          const result = yield* Effect.either(http.get("/"))
          assert.strictEqual(Either.isLeft(result) ? result.left._tag : "taken", expected)
        }))
    }

    it.effect("fails for an answer that comes without a challenge, and hands out errors as they are", () =>
      Effect.gen(function*() {
        const { http } = yield* clientOf([{ body: "who knows" }, { status: 503 }], { verifyServer: true })
        assert.include((yield* Effect.flip(http.get("/"))).message, "did not show that it knows the password")
        assert.strictEqual((yield* http.get("/")).status, 503)
      }))
  })

  it.effect("is a layer, by itself and from Config", () =>
    Effect.gen(function*() {
      class Device extends Context.Tag("test/Device")<Device, AuthenticatedHttpClient.Service>() {}
      const server = DigestServer.make({ algorithms: ["SHA-256"] })
      const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make(server.handler))
      const layers = [
        Digest.layer({ client: Device, baseUrl, credential }),
        Digest.layerConfig({
          baseUrl: Config.string("DEVICE_URL"),
          credential: SigningCredential.digestConfig("DEVICE"),
          verifyServer: Config.succeed(true)
        }, { client: Device })
      ]
      const config = ConfigProvider.fromMap(
        new Map([
          ["DEVICE_URL", baseUrl],
          ["DEVICE_USERNAME", "reader"],
          ["DEVICE_PASSWORD", DigestServer.credential.password]
        ])
      )
      for (const layer of layers) {
        const get = Effect.flatMap(Device, (device) => device.get("/")).pipe(
          Effect.zipRight(Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (shared) => shared.get("/")))
        )
        const response = yield* get.pipe(
          Effect.provide(Layer.provide(layer, transport)),
          Effect.withConfigProvider(config)
        )
        assert.strictEqual(response.status, 200)
      }
    }))
})
