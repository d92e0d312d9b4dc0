import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as ExecutionStrategy from "effect/ExecutionStrategy"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { outlivesWeather } from "../../core/test/tokenEndpointWeather.ts"
import * as IbmMq from "../src/IbmMq.ts"
import { Ltpa, MqCredential } from "../src/MqCredential.ts"
import * as Mqsc from "../src/Mqsc.ts"
import * as MqUser from "../src/MqUser.ts"
import { baseUrl, credential, csrf, list, type Needs, stats, wire, wrong } from "./wire.ts"

const options = { baseUrl, credential }
const login = { username: credential.username, password: credential.password }
const wrapped = { baseUrl: Config.string("MQ_URL"), credential: IbmMq.credentialConfig("MQ") }
const environment = ConfigProvider.fromMap(
  new Map([
    ["MQ_URL", baseUrl],
    ["MQ_USERNAME", credential.username],
    ["MQ_PASSWORD", Redacted.value(credential.password)]
  ])
)
const certificate: FakeMqweb.Options = { clientCertificate: () => Option.some("mqadmin") }

type AnyMode = Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient | IbmMq.Client, unknown, Needs>
const modes: ReadonlyArray<readonly [name: string, layer: AnyMode, server?: FakeMqweb.Options]> = [
  ["layer", IbmMq.layer(options)],
  ["layerConfig", IbmMq.layerConfig(wrapped)],
  ["layerBasic", IbmMq.layerBasic(options)],
  ["layerBasicConfig", IbmMq.layerBasicConfig(wrapped)],
  ["layerLtpa", IbmMq.layerLtpa(options)],
  ["layerLtpaConfig", IbmMq.layerLtpaConfig(wrapped)],
  ["layerClientCertificate", IbmMq.layerClientCertificate({ baseUrl }), certificate],
  ["layerClientCertificateConfig", IbmMq.layerClientCertificateConfig({ baseUrl: wrapped.baseUrl }), certificate]
]

const ping = Mqsc.runMqsc({ qmgr: "QM1", command: "PING QMGR" })

describe("IbmMq, every mode", () => {
  for (const [name, layer, server] of modes) {
    it.effect(`${name} lists the queue managers, runs a command and knows its user`, () =>
      Effect.gen(function*() {
        const response = yield* list
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(yield* response.json, { qmgr: [{ name: "QM1", state: "running" }] })
        assert.strictEqual((yield* ping).responses.length, 1)
        assert.deepInclude(yield* MqUser.whoAmI, { name: "mqadmin", roles: ["MQWebAdmin"] })
      }).pipe(Effect.provide(wire(layer, server).layer), Effect.withConfigProvider(environment)))
  }

  it.effect("a trailing slash of the base URL is immaterial", () =>
    Effect.map(list, ({ status }) => assert.strictEqual(status, 200)).pipe(
      Effect.provide(wire(IbmMq.layerLtpa({ ...options, baseUrl: `${baseUrl}/` })).layer)
    ))

  it.effect("an Accept header of the caller's own is kept", () => {
    const { calls, layer } = wire(IbmMq.layerBasic(options))
    return Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      yield* http.get("/admin/qmgr", { accept: "application/json;charset=utf-8" })
      yield* http.get("/admin/qmgr")
      assert.deepStrictEqual(calls.map(({ headers }) => headers["accept"]), [
        "application/json;charset=utf-8",
        "application/json"
      ])
    }).pipe(Effect.provide(layer))
  })
})

describe("IbmMq, the CSRF header", () => {
  it.effect("is on each request that changes something, and on no other, in every mode", () =>
    Effect.gen(function*() {
      for (const [name, layer, server] of modes) {
        const { calls, layer: mq } = wire(layer, server)
        yield* Effect.gen(function*() {
          const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
          for (const method of ["get", "head", "post", "patch", "del"] as const) yield* http[method]("/admin/qmgr/QM1")
        }).pipe(Effect.provide(mq), Effect.withConfigProvider(environment))
        const sent = calls.filter(({ told }) => told.includes("QM1"))
        assert.deepStrictEqual(
          sent.map(({ headers, told }) => [told.replace(/ .*/u, ""), headers[csrf]]),
          [["GET", undefined], ["HEAD", undefined], ["POST", "local"], ["PATCH", "local"], ["DELETE", "local"]],
          name
        )
      }
    }))
})

describe("IbmMq, Config", () => {
  it.effect("an empty variable is not set, whoever reads it", () =>
    Effect.gen(function*() {
      const empty = ConfigProvider.fromMap(new Map([["MQ_URL", ""], ["MQ_USERNAME", "reader"], ["MQ_PASSWORD", ""]]))
      const layers: ReadonlyArray<AnyMode> = [
        IbmMq.layerConfig(wrapped),
        IbmMq.layerBasicConfig(wrapped),
        IbmMq.layerLtpaConfig(wrapped)
      ]
      for (const layer of layers) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(wire(layer).layer))).pipe(
          Effect.withConfigProvider(empty)
        )
        assert.strictEqual(
          String(error),
          "(Missing data at MQ: \"these variables are not set:\n  MQ_URL\n  MQ_PASSWORD (MQ_USERNAME is set)\")"
        )
      }
      const { layer } = wire(IbmMq.layerClientCertificateConfig({
        baseUrl: Config.string("MQ_URL"),
        csrfToken: Config.withDefault(Config.string("MQ_CSRF"), "local")
      }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer))).pipe(Effect.withConfigProvider(empty))
      assert.strictEqual(String(error), "(Missing data at MQ_URL: \"is not set\")")
    }))
})

describe("IbmMq, CSRF", () => {
  const sent = (settings: Partial<IbmMq.Settings>, server?: FakeMqweb.Options) => {
    const { calls, layer } = wire(IbmMq.layerLtpa({ ...options, ...settings }), server)
    return Effect.exit(Effect.zip(list, ping)).pipe(
      Effect.provide(layer),
      Effect.map((exit) => ({ exit, headers: calls.map(({ headers, told }) => [told, headers[csrf]]) }))
    )
  }

  it.effect("the header is `local` on what changes something, and absent elsewhere", () =>
    Effect.map(sent({}), ({ headers }) =>
      assert.deepStrictEqual(headers, [
        ["POST /login 204", "local"],
        ["GET /admin/qmgr 200", undefined],
        ["POST /admin/action/qmgr/QM1/mqsc 200", "local"],
        ["DELETE /login 204", "local"]
      ])))

  it.effect("the header has the value that was configured, be it empty", () =>
    Effect.gen(function*() {
      for (const csrfToken of ["mine", ""]) {
        const { headers } = yield* sent({ csrfToken })
        assert.deepStrictEqual(headers[2], ["POST /admin/action/qmgr/QM1/mqsc 200", csrfToken])
      }
    }))

  it.effect("a value that no header can have is refused in every mode, before anything is sent", () =>
    Effect.gen(function*() {
      const layers: ReadonlyArray<(settings: Pick<IbmMq.Settings, "csrfToken">) => AnyMode> = [
        (settings) => IbmMq.layerBasic({ ...options, ...settings }),
        (settings) => IbmMq.layerLtpa({ ...options, ...settings }),
        (settings) => IbmMq.layerClientCertificate({ baseUrl, ...settings })
      ]
      for (const layerOf of layers) {
        for (const csrfToken of ["canary\u200b", "“canary”", "canary\n", " canary"]) {
          const { layer, told } = wire(layerOf({ csrfToken }))
          const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
          assert.deepInclude(error, { _tag: "InvalidSetting", setting: "csrfToken" })
          assert.notInclude(String(error), "canary")
          assert.deepStrictEqual(told(), [])
        }
      }
    }))

  it.effect("the header can be left out, which a server that wants it answers by name", () =>
    Effect.map(sent({ csrfToken: null }), ({ exit, headers }) => {
      assert.deepStrictEqual(headers[2], ["POST /admin/action/qmgr/QM1/mqsc 403", undefined])
      assert.include(String(exit), "MQWB0100E")
    }))

  it.effect("the header echoes the cookie of a server that hands out its value", () =>
    Effect.map(sent({}, { csrf: "echo" }), ({ exit, headers }) => {
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual(headers.slice(2), [
        ["POST /admin/action/qmgr/QM1/mqsc 200", "canary-csrf-mq-0"],
        ["DELETE /login 204", "canary-csrf-mq-0"]
      ])
    }))
})

describe("IbmMq, Basic", () => {
  it.effect("a refusal carries the server's own code and words, and is not repeated", () => {
    const { layer, told } = wire(IbmMq.layerBasic({ ...options, credential: wrong }))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(list)
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401, code: "MQWB0105E" })
      assert.include(error.message, "The credentials of the REST API request are not valid.")
      assert.deepStrictEqual(told(), ["GET /admin/qmgr 401"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a refusal asks for the feature that Basic needs, beside all that the server says", () =>
    Effect.gen(function*() {
      const message = "MQWB0105E: " + "These words are the server's. ".repeat(15).trim()
      const server = ScriptedHttpClient.make({ status: 401, json: { error: [{ msgId: "MQWB0105E", message }] } })
      const http = yield* IbmMq.make({ ...options, credential: new Credential.Basic(login) }).pipe(
        Effect.provideService(HttpClient.HttpClient, server)
      )
      const error = yield* Effect.flip(http.get("/admin/qmgr"))
      assert.deepInclude(error, { code: "MQWB0105E", detail: message.slice("MQWB0105E: ".length) })
      assert.include(error.message, "basicAuthenticationMQ-1.0")
    }).pipe(Effect.scoped))

  it.effect("a user name with a colon, which LTPA may have, is refused before anything is sent", () => {
    const colon = new Ltpa({ username: "domain:reader", password: credential.password })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Layer.build(wire(IbmMq.layerBasic({ baseUrl, credential: colon })).layer))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.username" })
    }).pipe(Effect.scoped)
  })
})

describe("IbmMq, LTPA", () => {
  it.effect("nothing is sent before the first request", () => {
    const { layer, told } = wire(IbmMq.layerLtpa(options))
    return Effect.sync(() => assert.deepStrictEqual(told(), [])).pipe(Effect.provide(layer))
  })

  it.effect("eager logs in at once, so that a wrong password fails the start", () =>
    Effect.gen(function*() {
      const eager = wire(IbmMq.layerLtpa({ ...options, eager: true }))
      yield* Effect.scoped(Layer.build(eager.layer))
      assert.deepStrictEqual(eager.told(), ["POST /login 204", "DELETE /login 204"])
      const refused = wire(IbmMq.layerLtpa({ ...options, credential: wrong, eager: true }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(refused.layer)))
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "MQWB0105E" })
    }))

  it.effect("sends the cookie alone, and with it the caller's own", () => {
    const { calls, layer } = wire(IbmMq.layerLtpa(options))
    return Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      yield* http.get("/admin/qmgr", { headers: { cookie: "mine=1" } })
      const headers = calls[1]?.headers
      assert.isUndefined(headers?.["authorization"])
      // byte for byte: the value has `+`, `/` and `=`
      assert.match(headers?.["cookie"] ?? "", /^mine=1; LtpaToken2_1648032846462=\+\/\+\/[A-Za-z0-9+/]+=+$/)
    }).pipe(Effect.provide(layer))
  })

  it.effect("finds a cookie of another name when it is told the name", () => {
    const { layer } = wire(IbmMq.layerLtpa({ ...options, cookieName: "sso" }), { cookieName: "sso" })
    return Effect.map(list, ({ status }) => assert.strictEqual(status, 200)).pipe(Effect.provide(layer))
  })

  it.effect("refuses a name that no cookie can have", () =>
    Effect.gen(function*() {
      for (const cookieName of ["", "sso ", "s=o", "sso\u200b"]) {
        const { layer } = wire(IbmMq.layerLtpa({ ...options, cookieName }))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "cookieName" })
      }
    }))

  it.effect("a login that succeeds without the cookie is a terminal error that says what to set", () => {
    const { layer, told } = wire(IbmMq.layerLtpa(options), { cookieName: "sso" })
    return Effect.gen(function*() {
      const error = yield* Effect.flip(list)
      assert.strictEqual(error._tag, "MalformedTokenResponse")
      assert.include(error.message, "cookieName")
      assert.strictEqual((yield* Effect.flip(list))._tag, "MalformedTokenResponse")
      assert.deepStrictEqual(told(), ["POST /login 204"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a page in the place of the answer to a login is that of a proxy: the login is tried again", () => {
    const told: Array<string> = []
    const server = HttpClient.make((request) => {
      told.push(`${request.method} ${new URL(request.url).pathname.slice("/ibmmq/rest/v3".length)}`)
      return Effect.succeed(HttpClientResponse.fromWeb(
        request,
        told.length === 1
          ? new Response("<!DOCTYPE html><title>log in</title>")
          : new Response(null, { status: 204, headers: { "set-cookie": "LtpaToken2=canary" } })
      ))
    })
    return Effect.gen(function*() {
      const caller = yield* Effect.fork(list)
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(caller)).status, 204)
      assert.deepStrictEqual(told, ["POST /login", "POST /login", "GET /admin/qmgr"])
    }).pipe(
      Effect.provide(Layer.fresh(IbmMq.layerLtpa({ ...options, logout: false }))),
      Effect.provideService(HttpClient.HttpClient, server)
    )
  })

  /** A server that answers a login with these cookies, and what becomes of the login. */
  const setting = (...cookies: ReadonlyArray<string>) => {
    const sent: Array<string> = []
    const server = HttpClient.make((request) => {
      if (request.method === "GET") sent.push(request.headers["cookie"] ?? "")
      return Effect.succeed(HttpClientResponse.fromWeb(
        request,
        new Response(null, { status: 204, headers: cookies.map((cookie): [string, string] => ["set-cookie", cookie]) })
      ))
    })
    return Effect.match(list, {
      onSuccess: () => sent.join(),
      onFailure: (error) => error._tag === "MalformedTokenResponse" ? error.message : error._tag
    }).pipe(
      Effect.provide(Layer.fresh(IbmMq.layerLtpa({ ...options, logout: false }))),
      Effect.provideService(HttpClient.HttpClient, server)
    )
  }

  it.effect("a cookie that the answer deletes is no token (RFC 6265 section 5.3)", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const deletions = [
        "LtpaToken2=",
        "LtpaToken2=\"\"",
        "LtpaToken2=canary; Max-Age=0",
        "LtpaToken2=canary; max-age=-1",
        "LtpaToken2=canary; Max-Age=0; Expires=Fri, 01 Jan 2027 00:00:00 GMT",
        "LtpaToken2=canary; Expires=Fri, 01 Jan 2027 00:00:00 GMT; Max-Age=0",
        "LtpaToken2=canary; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "LtpaToken2=canary; expires=Thu, 01-Jan-1970 00:00:10 GMT; path=/",
        "LtpaToken2=canary; Expires=Thursday, 01-Jan-70 00:00:00 GMT",
        "LtpaToken2=canary; Expires=Thu Jan  1 00:00:00 1970",
        "LtpaToken2=canary; Expires=Wed, 31 Dec 2025 23:59:59 GMT",
        "LtpaToken2=canary; Expires=Thu, 01 Jan 2026 00:00:00 GMT"
      ]
      for (const deletion of deletions) {
        assert.include(yield* setting(deletion), "the answer to the login deletes the cookie LtpaToken2", deletion)
      }
      assert.include(yield* setting("LtpaToken2=canary", "LtpaToken2=; Max-Age=0"), "deletes the cookie")
    }))

  it.effect("a cookie that lives on is the token, and Max-Age goes before Expires", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2026, 0, 1))
      const tokens = [
        "LtpaToken2=canary",
        "LtpaToken2=canary; Max-Age=60",
        "LtpaToken2=canary; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
        "LtpaToken2=canary; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60",
        "LtpaToken2=canary; Expires=Thu, 01 Jan 2026 00:00:01 GMT",
        "LtpaToken2=canary; Expires=soon; Max-Age=later"
      ]
      for (const token of tokens) assert.strictEqual(yield* setting(token), "LtpaToken2=canary", token)
      assert.strictEqual(yield* setting("LtpaToken2_old=; Max-Age=0", "LtpaToken2_new=canary"), "LtpaToken2_new=canary")
      assert.strictEqual(yield* setting("LtpaToken2=canary", "csrfToken=old; Max-Age=0"), "LtpaToken2=canary")
    }))

  it.effect("a login whose cookies cannot be read says that a browser hides them", () =>
    Effect.map(setting(), (message) => assert.include(message, "a browser hides Set-Cookie from programs")))

  it.effect("renews before the lifetime ends, without making anyone wait", () => {
    const { layer } = wire(IbmMq.layerLtpa({ ...options, lifetime: "10 minutes" }), {
      tokenLifetime: "10 minutes",
      remembered: 0
    })
    return Effect.gen(function*() {
      yield* list
      yield* TestClock.adjust("7 minutes")
      yield* list
      assert.strictEqual((yield* stats).logins, 1)
      yield* TestClock.adjust("2 minutes")
      yield* list
      yield* TestClock.adjust("7 minutes")
      yield* list
      assert.deepInclude(yield* stats, { logins: 2, refused: 0, requests: 4 })
    }).pipe(Effect.provide(layer))
  })

  it.effect("comes through an expiry that it was not told of", () =>
    Effect.gen(function*() {
      yield* list
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* list).status, 200)
      assert.deepInclude(yield* stats, { logins: 2, refused: 1, requests: 2 })
    }).pipe(Effect.provide(wire(IbmMq.layerLtpa(options), { tokenLifetime: "1 minute" }).layer)))

  it.effect("comes through a restart that renames the cookie (0104E) and through new keys (0112E)", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.FakeMqweb
      yield* list
      yield* server.restart
      assert.strictEqual((yield* list).status, 200)
      yield* server.revokeAll
      assert.strictEqual((yield* list).status, 200)
      assert.deepInclude(yield* stats, { logins: 3, refused: 2, requests: 3 })
    }).pipe(Effect.provide(wire(IbmMq.layerLtpa(options)).layer)))

  it.effect("a request that is refused with a new cookie too fails, and is not sent a third time", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.make()
      const body = "{\"error\":[{\"msgId\":\"MQWB0112E\",\"message\":\"MQWB0112E: Failed verification.\"}]}"
      const stubborn = HttpClient.transform(server.httpClient, (effect, request) =>
        request.url.endsWith("/admin/qmgr")
          ? Effect.sync(() => HttpClientResponse.fromWeb(request, new Response(body, { status: 401 })))
          : effect)
      const error = yield* Effect.flip(list).pipe(
        Effect.provide(IbmMq.layerLtpa(options)),
        Effect.provideService(HttpClient.HttpClient, stubborn)
      )
      assert.deepInclude(error, { _tag: "AuthenticationFailed", code: "MQWB0112E", detail: "Failed verification." })
      assert.strictEqual((yield* server.stats).logins, 2)
    }))

  it.effect("24 fibers with a dead cookie: one login, 24 answers", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.FakeMqweb
      const first = yield* Effect.fork(list)
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(first)
      yield* server.revokeAll
      const fiber = yield* Effect.fork(Effect.replicateEffect(list, 24, { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 second")
      const responses = yield* Fiber.join(fiber)
      assert.deepStrictEqual(responses.map(({ status }) => status), Array.from({ length: 24 }, () => 200))
      assert.deepInclude(yield* stats, { logins: 2, attempts: 2, requests: 25 })
    }).pipe(Effect.provide(wire(IbmMq.layerLtpa(options), { loginLatency: "100 millis" }).layer)))

  it.effect("24 fibers with a password that is refused: one attempt, 24 times CredentialsRejected", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(
        Effect.replicateEffect(Effect.flip(list), 24, { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      const errors = yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        errors.map(({ _tag }) => _tag),
        Array.from({ length: 24 }, () => "CredentialsRejected")
      )
      assert.deepInclude(yield* stats, { logins: 0, attempts: 1 })
    }).pipe(
      Effect.provide(wire(IbmMq.layerLtpa({ ...options, credential: wrong }), { loginLatency: "100 millis" }).layer)
    ))

  it.effect("two clients of one user share a token; where logouts are tracked, the logout of one costs the other one login", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.FakeMqweb
      const http = yield* IbmMq.make({ baseUrl, credential: { _tag: "Ltpa", ...login } })
      const first = yield* Effect.scope
      const one = yield* Scope.fork(first, ExecutionStrategy.sequential)
      const other = yield* Scope.extend(IbmMq.make({ baseUrl, credential: { _tag: "Ltpa", ...login } }), one)
      yield* http.get("/admin/qmgr")
      yield* other.get("/admin/qmgr")
      assert.deepInclude(yield* server.stats, { logins: 2, refused: 0 })
      yield* Scope.close(one, Exit.void)
      const answers = yield* Effect.replicateEffect(http.get("/admin/qmgr"), 24, { concurrency: "unbounded" })
      assert.isTrue(answers.every(({ status }) => status === 200))
      assert.deepInclude(yield* server.stats, { logins: 3, logouts: 1 })
    }).pipe(Effect.scoped, Effect.provide(FakeMqweb.layer({ trackLoggedOut: true }))))

  it.effect("a token that has just been given, and that another process logs out before its first use, costs one login", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.FakeMqweb
      const tokens = yield* IbmMq.makeTokens(options)
      const http = yield* IbmMq.makeWith(tokens, options)
      yield* tokens.get
      yield* Effect.scoped(Effect.flatMap(IbmMq.makeTokens(options), (tokens) => tokens.get))
      assert.strictEqual((yield* http.get("/admin/qmgr")).status, 200)
      assert.deepInclude(yield* server.stats, { logins: 3, logouts: 1, refused: 1 })
    }).pipe(Effect.scoped, Effect.provide(FakeMqweb.layer({ trackLoggedOut: true }))))

  it.effect("logs no one out with `logout: false`, so that the others keep the token", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.FakeMqweb
      const http = yield* IbmMq.make({ baseUrl, credential: { _tag: "Ltpa", ...login } })
      yield* http.get("/admin/qmgr")
      yield* Effect.provide(list, IbmMq.layerLtpa({ ...options, logout: false }))
      assert.strictEqual((yield* http.get("/admin/qmgr")).status, 200)
      assert.deepInclude(yield* server.stats, { logins: 2, logouts: 0, refused: 0 })
    }).pipe(Effect.scoped, Effect.provide(FakeMqweb.layer({ trackLoggedOut: true }))))

  it.effect("logs out at the end of the Scope, unless a store keeps the session", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const own = wire(IbmMq.layerLtpa(options))
      yield* Effect.provide(list, own.layer)
      assert.deepStrictEqual(own.told(), ["POST /login 204", "GET /admin/qmgr 200", "DELETE /login 204"])
      const stored = wire(IbmMq.layerLtpa({ ...options, store }))
      yield* Effect.provide(list, stored.layer)
      assert.deepStrictEqual(stored.told(), ["POST /login 204", "GET /admin/qmgr 200"])
    }))

  it.effect("a logout that is never answered does not keep the Scope open", () =>
    Effect.gen(function*() {
      const server = yield* FakeMqweb.make()
      const deaf = HttpClient.transform(
        server.httpClient,
        (effect, request) => request.method === "DELETE" ? Effect.never : effect
      )
      const policy = RefreshPolicy.default.pipe(RefreshPolicy.closing("2 seconds"))
      const fiber = yield* list.pipe(
        Effect.provide(IbmMq.layerLtpa({ ...options, refreshPolicy: policy })),
        Effect.provideService(HttpClient.HttpClient, deaf),
        Effect.fork
      )
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }))
})

describe("IbmMq, client certificate", () => {
  it.effect("sends no credential of its own", () => {
    const { calls, layer } = wire(IbmMq.layerClientCertificate({ baseUrl }), certificate)
    return Effect.gen(function*() {
      yield* list
      assert.deepStrictEqual(calls.map(({ headers: { authorization, cookie } }) => [authorization, cookie]), [
        [undefined, undefined]
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("a certificate that the server does not know is CredentialsRejected", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(list)
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "MQWB0104E" })
      assert.include(error.message, "the server knows no user for the certificate of CN=mqadmin")
    }).pipe(Effect.provide(wire(IbmMq.layerClientCertificate({ baseUrl })).layer)))

  it.effect("plain http, where there is no certificate, is refused at the start, loopback or not", () =>
    Effect.gen(function*() {
      const { layer } = wire(IbmMq.layerClientCertificate({ baseUrl: "http://127.0.0.1:9080/ibmmq/rest/v3" }))
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "baseUrl" })
    }))
})

describe("IbmMq, an authenticator of one's own", () => {
  const bearers = { "canary-bearer-mq": "mqadmin" }
  const bearer = (token: string) =>
    Layer.effect(
      IbmMq.Client,
      IbmMq.makeWith(Authenticator.bearer({ token: Redacted.make(token) }), { baseUrl, gatewayQmgr: "GATE" })
    )

  it.effect("is sent with what mqweb asks for: Accept, the CSRF header and the gateway of commands", () => {
    const { calls, layer } = wire(bearer("canary-bearer-mq"), { bearers })
    return Effect.gen(function*() {
      assert.strictEqual((yield* MqUser.whoAmI).name, "mqadmin")
      assert.deepStrictEqual((yield* ping).gatewayQmgr, Option.some("GATE"))
      assert.deepStrictEqual(
        calls.map(({ headers, told }) => [told, headers["authorization"], headers["accept"], headers[csrf]]),
        [
          ["GET /login 200", "Bearer canary-bearer-mq", "application/json", undefined],
          ["POST /admin/action/qmgr/QM1/mqsc 200", "Bearer canary-bearer-mq", "application/json", "local"]
        ]
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("is not beaten by a token cookie that a caller sends as well", () => {
    const { calls, layer } = wire(bearer("canary-bearer-mq"), { bearers })
    return Effect.gen(function*() {
      yield* Effect.flatMap(IbmMq.Client, (http) => http.get("/login", { headers: { cookie: "LtpaToken2_x=canary" } }))
      assert.isUndefined(calls[0]?.headers["cookie"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is explained by its own words when the server refuses it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(MqUser.whoAmI)
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401, code: "invalid_token" })
    }).pipe(Effect.provide(wire(bearer("canary-other"), { bearers }).layer)))

  it.effect("is renewed once when it is that of a token source, as in every mode", () => {
    const { layer, told } = wire(
      Layer.scoped(
        IbmMq.Client,
        Effect.gen(function*() {
          const serial = yield* Ref.make(0)
          const tokens = yield* TokenSource.make({
            login: Effect.flatMap(
              Ref.getAndUpdate(serial, (n) => n + 1),
              (n) => Token.make({ value: n === 0 ? "canary-old" : "canary-bearer-mq" })
            )
          })
          return yield* IbmMq.makeWith(Authenticator.bearer(tokens), { baseUrl })
        })
      ),
      { bearers }
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* MqUser.whoAmI).name, "mqadmin")
      assert.deepStrictEqual(told(), ["GET /login 401", "GET /login 200"])
    }).pipe(Effect.provide(layer))
  })
})

describe("IbmMq, the mode from data", () => {
  const decode = Credential.fromJson(MqCredential)

  it.effect("a program for one mode says which one it got instead", () =>
    Effect.gen(function*() {
      const credential = yield* decode(
        "{\"_tag\":\"Basic\",\"username\":\"mqadmin\",\"password\":\"canary-password-mq\"}"
      )
      const error = yield* Effect.flip(AuthMode.require("IbmMq/Ltpa")(Effect.void)).pipe(
        Effect.provide(wire(IbmMq.layer({ baseUrl, credential })).layer)
      )
      assert.strictEqual(error.message, "expected IbmMq/Ltpa, got IbmMq/Basic")
    }))

  it.effect("an Ltpa credential logs in", () =>
    Effect.gen(function*() {
      const credential = yield* decode(
        "{\"_tag\":\"Ltpa\",\"username\":\"mqadmin\",\"password\":\"canary-password-mq\"}"
      )
      const { layer, told } = wire(IbmMq.layer({ baseUrl, credential }))
      yield* Effect.provide(list, layer)
      assert.strictEqual(told()[0], "POST /login 204")
    }))

  it.effect("a ClientCertificate is the proof when the HttpClient presents it, and refused when it does not", () =>
    Effect.gen(function*() {
      const credential = yield* decode("{\"_tag\":\"ClientCertificate\",\"pkcs12File\":\"client.p12\"}")
      const mode = IbmMq.layer({ baseUrl, credential })
      assert.strictEqual((yield* Effect.provide(list, wire(mode, certificate).layer)).status, 200)
      const bare = Layer.provide(mode, FakeMqweb.layer(certificate))
      assert.deepInclude(yield* Effect.flip(Effect.provide(list, bare)), {
        _tag: "InvalidSetting",
        setting: "credential"
      })
    }))
})

outlivesWeather("IbmMq/Ltpa", {
  tokens: IbmMq.makeTokens({ baseUrl, credential }),
  server: FakeMqweb.layer(),
  endpoint: "/login"
})
