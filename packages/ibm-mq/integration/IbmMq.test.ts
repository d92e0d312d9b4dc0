import * as MutualTls from "@effect-auth/core/MutualTls"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Https from "node:https"
import * as IbmMq from "../src/IbmMq.ts"
import { Ltpa } from "../src/MqCredential.ts"
import * as MqUser from "../src/MqUser.ts"
import * as OpenLiberty from "./OpenLiberty.ts"
import * as RawRequests from "./rawRequests.ts"

const credential = new Ltpa({ username: OpenLiberty.user.username, password: Redacted.make(OpenLiberty.user.password) })
const wrong = new Ltpa({ username: OpenLiberty.user.username, password: Redacted.make("canary-wrong") })

/** What went over the wire. */
interface Call {
  readonly call: string
  readonly status: number
  readonly cookie: string | undefined
  readonly authorization: string | undefined
}

/** Notes every call that a transport makes. */
const recording = (calls: Array<Call>) => (client: HttpClient.HttpClient): HttpClient.HttpClient =>
  HttpClient.transform(client, (effect, request) =>
    Effect.tap(effect, ({ status }) =>
      Effect.sync(() => {
        const call = `${request.method} ${new URL(request.url).pathname.replace("/ibmmq/rest/v3", "")}`
        const { authorization, cookie } = request.headers
        calls.push({ call, status, cookie, authorization })
      })))

const list = Effect.flatMap(IbmMq.Client, (http) => http.get("/admin/qmgr"))

const told = (calls: ReadonlyArray<Call>) => calls.map(({ call, status }) => `${call} ${status}`)

/** Runs a program in a mode against the server, with what went over the wire so far. */
const through = <A, E, E2>(
  mode: (server: OpenLiberty.Service) => Layer.Layer<
    IbmMq.Client,
    E2,
    HttpClient.HttpClient | MutualTls.MutualTls
  >,
  program: (
    calls: Array<Call>,
    server: OpenLiberty.Service
  ) => Effect.Effect<A, E, IbmMq.Client>,
  options?: { readonly certificate: boolean }
) =>
  Effect.gen(function*() {
    const server = yield* OpenLiberty.OpenLiberty
    const calls: Array<Call> = []
    const { ca, cert, key } = server
    const transport = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, recording(calls))).pipe(
      Layer.provide(OpenLiberty.layerTransport(options?.certificate === true ? { ca, cert, key } : { ca })),
      Layer.merge(Layer.succeed(MutualTls.MutualTls, { subject: Option.some(`CN=${OpenLiberty.user.username}`) }))
    )
    const exit = yield* Effect.exit(
      Effect.provide(program(calls, server), Layer.provide(mode(server), transport))
    )
    return { calls, value: yield* exit }
  })

const ltpa = ({ baseUrl }: OpenLiberty.Service) => IbmMq.layerLtpa({ baseUrl, credential })

/** The fake behind TLS on a loopback port, with the name and the user of the real server. */
const fake = ({ ca, serverKey }: OpenLiberty.Service) =>
  Effect.gen(function*() {
    const { password, username } = OpenLiberty.user
    const { app } = yield* FakeMqweb.make({
      users: { [username]: { password, roles: ["MQWebUser"] } },
      cookieName: OpenLiberty.cookieName
    })
    const server = yield* Layer.build(
      NodeHttpServer.layer(() => Https.createServer({ cert: ca, key: serverKey }), { port: 0, host: "127.0.0.1" })
    )
    const url = yield* Effect.provide(FakeServer.serve(app), server)
    return `${url.replace("http:", "https:")}/ibmmq/rest/v3`
  })

layer(OpenLiberty.layer, { timeout: "10 minutes", excludeTestServices: true })("IBM MQ over Open Liberty", (it) => {
  it.scoped("answers raw requests as the fake does", () =>
    Effect.gen(function*() {
      const server = yield* OpenLiberty.OpenLiberty
      const { ca } = server
      const target = { ...OpenLiberty.user, ca, cookieName: OpenLiberty.cookieName }
      const real = yield* RawRequests.outcomes({ ...target, baseUrl: server.baseUrl })
      assert.strictEqual(real["the cookie"], "200 left alone")
      assert.deepStrictEqual(yield* RawRequests.outcomes({ ...target, baseUrl: yield* fake(server) }), real)
    }))

  it.effect("LTPA logs in once, sends the suffixed cookie, and logs out at the end", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(ltpa, () => Effect.zip(MqUser.whoAmI, list))
      const [user, response] = value
      assert.deepInclude(user, { name: "reader", roles: ["MQWebUser"] })
      assert.strictEqual(response.status, 200)
      assert.deepStrictEqual(told(calls), [
        "POST /login 204",
        "GET /login 200",
        "GET /admin/qmgr 200",
        "DELETE /login 204"
      ])
      for (const { authorization, cookie } of calls.slice(1)) {
        assert.isUndefined(authorization)
        assert.match(cookie ?? "", /^LtpaToken2_a1b2c3=[A-Za-z0-9+/]+=*$/)
      }
    }))

  it.effect("LTPA logs in once more when the token expires after a minute, which the cookie does not tell", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(ltpa, () =>
        Effect.gen(function*() {
          yield* list
          yield* Effect.sleep("70 seconds")
          return yield* list
        }))
      assert.strictEqual(value.status, 200)
      assert.deepStrictEqual(told(calls), [
        "POST /login 204",
        "GET /admin/qmgr 200",
        "GET /admin/qmgr 401",
        "POST /login 204",
        "GET /admin/qmgr 200",
        "DELETE /login 204"
      ])
    }))

  it.effect("LTPA comes through new ltpa.keys with one login, also for 24 fibers at once", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(ltpa, (calls, server) =>
        Effect.gen(function*() {
          yield* list
          yield* server.swapKeys(calls.at(-1)!.cookie!)
          return yield* Effect.replicateEffect(list, 24, { concurrency: "unbounded" })
        }))
      assert.isTrue(value.every(({ status }) => status === 200))
      const logins = told(calls).filter((call) => call.startsWith("POST /login"))
      assert.deepStrictEqual(logins, ["POST /login 204", "POST /login 204"])
      assert.strictEqual(told(calls).filter((call) => call === "GET /admin/qmgr 200").length, 25)
    }))

  it.effect("LTPA comes through a restart that renames the cookie", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(ltpa, (_, server) =>
        Effect.gen(function*() {
          yield* list
          yield* server.restart("LtpaToken2_d4e5f6")
          return yield* list
        }))
      assert.strictEqual(value.status, 200)
      assert.deepStrictEqual(told(calls).slice(-4), [
        "GET /admin/qmgr 401",
        "POST /login 204",
        "GET /admin/qmgr 200",
        "DELETE /login 204"
      ])
      assert.match(calls.at(-1)?.cookie ?? "", /^LtpaToken2_d4e5f6=/)
    }))

  it.effect("LTPA tries a wrong password once", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(
        ({ baseUrl }) => IbmMq.layerLtpa({ baseUrl, credential: wrong }),
        () => Effect.flip(Effect.zip(list, list))
      )
      assert.deepInclude(value, { _tag: "CredentialsRejected", code: "MQWB0105E", status: 401 })
      assert.deepStrictEqual(told(calls), ["POST /login 401"])
    }))

  it.effect("Basic sends the header on each call, and no cookie even though the server offers one", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(
        ({ baseUrl }) => IbmMq.layerBasic({ baseUrl, credential }),
        () => Effect.zip(list, MqUser.whoAmI)
      )
      assert.strictEqual(value[1].name, "reader")
      assert.deepStrictEqual(told(calls), ["GET /admin/qmgr 200", "GET /login 200"])
      assert.isTrue(calls.every(({ authorization, cookie }) => authorization !== undefined && cookie === undefined))
    }))

  it.effect("Basic with a wrong password is refused with the server's own code", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(
        ({ baseUrl }) => IbmMq.layerBasic({ baseUrl, credential: wrong }),
        () => Effect.flip(list)
      )
      assert.deepInclude(value, { _tag: "CredentialsRejected", code: "MQWB0105E", status: 401 })
      assert.strictEqual(calls.length, 1)
    }))

  it.effect("the cookie of another user makes neither Basic nor a certificate that user, though the server prefers it", () =>
    Effect.gen(function*() {
      const server = yield* OpenLiberty.OpenLiberty
      const transport = yield* Layer.build(OpenLiberty.layerTransport({ ca: server.ca }))
      const send = (request: HttpClientRequest.HttpClientRequest) =>
        Effect.provide(HttpClient.execute(request), transport)
      const given = yield* send(
        HttpClientRequest.post(`${server.baseUrl}/login`, { acceptJson: true }).pipe(
          HttpClientRequest.bodyUnsafeJson(OpenLiberty.writer)
        )
      )
      const cookie = Cookies.toCookieHeader(given.cookies)
      const raw = yield* send(
        HttpClientRequest.get(`${server.baseUrl}/login`, { acceptJson: true, headers: { cookie } }).pipe(
          HttpClientRequest.basicAuth(OpenLiberty.user.username, OpenLiberty.user.password)
        )
      )
      assert.include(yield* raw.text, "writer", "the server prefers the cookie")
      const asked = Effect.flatMap(IbmMq.Client, (http) => http.get("/login", { headers: { cookie } })).pipe(
        Effect.flatMap((response) => response.text)
      )
      const basic = yield* through(({ baseUrl }) => IbmMq.layerBasic({ baseUrl, credential }), () => asked)
      assert.include(basic.value, "reader")
      const certificate = yield* through(({ baseUrl }) => IbmMq.layerClientCertificate({ baseUrl }), () => asked, {
        certificate: true
      })
      assert.include(certificate.value, "reader")
    }).pipe(Effect.scoped))

  it.effect("a cookie jar below the client leaves each mode its user", () =>
    Effect.gen(function*() {
      const server = yield* OpenLiberty.OpenLiberty
      const jar = yield* Ref.make(Cookies.empty)
      const transport = Layer.effect(
        HttpClient.HttpClient,
        Effect.map(HttpClient.HttpClient, HttpClient.withCookiesRef(jar))
      ).pipe(Layer.provide(OpenLiberty.layerTransport({ ca: server.ca })))
      const { baseUrl } = server
      for (
        const [mode, { password, username }] of [["Basic", OpenLiberty.writer], ["Ltpa", OpenLiberty.user], [
          "Basic",
          OpenLiberty.user
        ], ["Ltpa", OpenLiberty.writer]] as const
      ) {
        const given = { username, password: Redacted.make(password) }
        const layer: Layer.Layer<IbmMq.Client, unknown, HttpClient.HttpClient> = mode === "Basic"
          ? IbmMq.layerBasic({ baseUrl, credential: given })
          : IbmMq.layerLtpa({ baseUrl, credential: given })
        const users = yield* Effect.zip(MqUser.whoAmI, MqUser.whoAmI).pipe(
          Effect.provide(Layer.provide(Layer.fresh(layer), transport))
        )
        assert.deepStrictEqual(users.map(({ name }) => name), [username, username])
      }
      assert.isTrue(Object.keys((yield* Ref.get(jar)).cookies).some((name) => name.startsWith("LtpaToken2")))
    }))

  it.effect("two logins of one user give one token, which `logout: false` leaves to the other, and a tracked logout to nobody", () =>
    Effect.gen(function*() {
      const both = (logout: boolean) =>
        through(ltpa, (calls, { baseUrl, ca }) =>
          Effect.gen(function*() {
            yield* list
            const own = calls.at(-1)?.cookie
            const other: Array<Call> = []
            const transport = Layer.effect(HttpClient.HttpClient, Effect.map(HttpClient.HttpClient, recording(other)))
              .pipe(
                Layer.provide(OpenLiberty.layerTransport({ ca }))
              )
            yield* Effect.provide(
              list,
              Layer.fresh(IbmMq.layerLtpa({ baseUrl, credential, logout })).pipe(Layer.provide(transport))
            )
            assert.strictEqual(other.at(-1)?.cookie, own)
            return yield* list
          }))
      const server = yield* OpenLiberty.OpenLiberty
      const logins = (calls: ReadonlyArray<Call>) => told(calls).filter((call) => call.startsWith("POST /login")).length
      yield* server.restart("LtpaToken2_e5f6a7")
      const untracked = yield* both(true)
      assert.deepStrictEqual([untracked.value.status, logins(untracked.calls)], [200, 1])
      yield* server.restart("LtpaToken2_f6a7b8", { trackLogouts: true })
      const kept = yield* both(false)
      assert.deepStrictEqual([kept.value.status, logins(kept.calls)], [200, 1])
      const tracked = yield* both(true)
      assert.deepStrictEqual([tracked.value.status, logins(tracked.calls)], [200, 2])
      yield* server.restart(OpenLiberty.cookieName)
    }))

  it.effect("a client certificate is the user of its common name, with neither header nor cookie", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(
        ({ baseUrl }) => IbmMq.layerClientCertificate({ baseUrl }),
        () => Effect.zip(MqUser.whoAmI, list),
        { certificate: true }
      )
      assert.strictEqual(value[0].name, "reader")
      assert.isTrue(calls.every(({ authorization, cookie }) => authorization === undefined && cookie === undefined))
    }))

  it.effect("a transport that presents no certificate is refused, and nothing else is tried", () =>
    Effect.gen(function*() {
      const { calls, value } = yield* through(
        ({ baseUrl }) => IbmMq.layerClientCertificate({ baseUrl }),
        () => Effect.flip(list)
      )
      assert.deepInclude(value, { _tag: "CredentialsRejected", code: "MQWB0104E" })
      assert.strictEqual(calls.length, 1)
    }))
})
