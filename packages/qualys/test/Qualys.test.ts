import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { outlivesWeather } from "../../core/test/tokenEndpointWeather.ts"
import * as ClientCredentials from "../../oauth/src/ClientCredentials.ts"
import * as Platform from "../src/Platform.ts"
import * as Qualys from "../src/Qualys.ts"
import * as QualysCredential from "../src/QualysCredential.ts"
import cases from "./fixtures/qualysdk/cases.json" with { type: "json" }

const credential = {
  username: FakeQualys.canaries.username,
  password: Redacted.make(FakeQualys.canaries.password)
}

const wrong = { ...credential, password: Redacted.make("canary-wrong-password") }

const env = Layer.setConfigProvider(ConfigProvider.fromMap(
  new Map([
    ["QUALYS_USERNAME", FakeQualys.canaries.username],
    ["QUALYS_PASSWORD", FakeQualys.canaries.password],
    ["QUALYS_PLATFORM", "QG2"],
    ["QUALYS_TOKEN", "canary-external-bearer"]
  ])
))

const decoded = (fields: object) =>
  Either.getOrThrow(QualysCredential.fromUnknown({ ...FakeQualys.canaries, platform: "qg2", ...fields }))

const on = (options?: FakeQualys.Options) => <A, E, R>(mode: Layer.Layer<A, E, R>) =>
  mode.pipe(Layer.provideMerge(FakeQualys.layer(options)), Layer.merge(AuthEvent.layer))

const get = (url: string) => Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get(url))

const stats = Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.stats)

const scans = "/api/2.0/fo/scan/?action=list"

/** The statuses of calls, those of the API host by their absolute URLs. */
const list = (...paths: ReadonlyArray<string>) =>
  Effect.forEach(
    paths,
    (path) =>
      Effect.map(get(path.startsWith("/api/") ? `${Platform.platforms.qg2.api}${path}` : path), ({ status }) => status)
  )

/** A JWT that nobody has signed. */
const bearerJwt = (claims: object) => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
  return `${part({ alg: "RS256" })}.${part(claims)}.canary`
}

describe("Qualys, basic", () => {
  it.effect("calls the API with X-Requested-With, which it refuses to go without", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get(scans)).status, 200)
      assert.deepInclude(yield* stats, { requests: 1, attempts: 0, refused: 0 })
    }).pipe(Effect.provide(on()(Qualys.layerBasic({ platform: "qg2", credential })))))

  it.effect("calls the UI host by its absolute URL", () =>
    Effect.gen(function*() {
      const { hosts } = yield* Qualys.ApiAccess
      assert.strictEqual((yield* get(`${hosts.ui}/cloudview-api/rest/v1/aws/connectors`)).status, 200)
    }).pipe(Effect.provide(on()(Qualys.layerBasic({ platform: "qg2", credential })))))

  it.effect("does not take its credentials to the gateway", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(`${Platform.platforms.qg2.gateway}/rest/2.0/count/am/asset`))
      assert.strictEqual(error._tag, "OriginRefused")
    }).pipe(Effect.provide(on()(Qualys.layerBasic({ platform: "qg2", credential })))))

  it.effect("explains that a wrong login may be a right one of another platform", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(scans))
      assert.strictEqual(
        error.message,
        "Qualys/Basic: the server rejected the credentials at https://qualysapi.qg2.apps.qualys.com/api/2.0/fo/scan/ (HTTP 401, 2000): Bad Login/Password; the user name or the " +
          "password is wrong, or the account is not on qg2 but on another platform, or its user logs in by SSO, which the API does not support"
      )
    }).pipe(Effect.provide(on()(Qualys.layerBasic({ platform: "qg2", credential: wrong })))))

  it.effect("explains a refusal of a service that has codes in words in the same way", () =>
    Effect.gen(function*() {
      const server = ScriptedHttpClient.make({
        status: 401,
        body: "<ServiceResponse><responseCode>INVALID_CREDENTIALS</responseCode></ServiceResponse>"
      })
      const error = yield* Effect.flip(get("/qps/rest/3.0/count/was/webapp")).pipe(
        Effect.provide(Layer.fresh(Qualys.layerBasic({ platform: "qg2", credential: wrong }))),
        Effect.provideService(HttpClient.HttpClient, server)
      )
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "INVALID_CREDENTIALS" })
      assert.include(error.message, "the account is not on qg2 but on another platform")
    }))

  it.effect("takes its options from Config, the platform in any case", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get(scans)).status, 200)
      assert.strictEqual((yield* Qualys.ApiAccess).hosts.api, "https://qualysapi.qg2.apps.qualys.com")
    }).pipe(Effect.provide(
      on()(Qualys.layerBasicConfig({
        platform: Platform.config("QUALYS_PLATFORM"),
        credential: Qualys.credentialConfig("QUALYS")
      })).pipe(Layer.provide(env))
    )))
})

describe("Qualys, settings that cannot be sent", () => {
  it.effect("are refused when the layer is built: a JWT that was kept", () =>
    Effect.gen(function*() {
      for (const token of ["canary-a.canary-b.canary-c\n", "canary-a.canary\u200b.canary-c", "“canary”"]) {
        const layer = on()(
          Qualys.layerJwt({ platform: "qg2", credential: { ...credential, token: Redacted.make(token) } })
        )
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.token" })
        assert.notInclude(String(error), "canary")
      }
    }))

  it.effect("are not an empty user name and an empty password, which Qualys itself refuses", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(scans))
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401 })
    }).pipe(Effect.provide(
      on()(Qualys.layerBasic({ platform: "qg2", credential: { username: "", password: Redacted.make("") } }))
    )))
})

describe("Qualys, JWT", () => {
  it.effect("logs in once, and again when the four hours are over", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/rest/2.0/count/am/asset")).status, 200)
      yield* get("/rest/2.0/count/am/asset")
      assert.deepInclude(yield* stats, { requests: 2, logins: 1 })
      yield* TestClock.adjust("4 hours")
      yield* get("/rest/2.0/count/am/asset")
      assert.deepInclude(yield* stats, { requests: 3, logins: 2, refused: 0 })
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "qg2", credential })))))

  it.effect("renews a token that is days old", () =>
    Effect.gen(function*() {
      yield* get("/rest/2.0/count/am/asset")
      yield* TestClock.adjust("25 hours")
      yield* get("/rest/2.0/count/am/asset")
      assert.deepInclude(yield* stats, { requests: 2, logins: 2, refused: 0 })
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "qg2", credential })))))

  it.effect("logs in and sends the call again when the gateway refuses the JWT", () =>
    Effect.gen(function*() {
      yield* get("/rest/2.0/count/am/asset")
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      assert.strictEqual((yield* get("/rest/2.0/count/am/asset")).status, 200)
      assert.deepInclude(yield* stats, { requests: 2, logins: 2, refused: 1 })
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "qg2", credential })))))

  it.effect("says what to look at when the gateway rejects the login", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get("/rest/2.0/count/am/asset"))
      assert.strictEqual(
        error.message,
        "Qualys/Jwt: the server rejected the credentials at https://gateway.qg2.apps.qualys.eu/auth (HTTP 401): the user name or the password is wrong, or the " +
          "account is not on eu2 but on another platform, or its user logs in by SSO, which the API does not support"
      )
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "eu2", credential: wrong })))))

  it.effect("takes its options from Config", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/rest/2.0/count/am/asset")).status, 200)
    }).pipe(Effect.provide(
      on()(Qualys.layerJwtConfig({
        platform: Platform.config("QUALYS_PLATFORM"),
        credential: Qualys.credentialConfig("QUALYS")
      })).pipe(Layer.provide(env))
    )))
})

describe("Qualys, a JWT on the API host", () => {
  const hosts = list("/api/3.0/fo/asset/host/", "/api/4.0/fo/knowledge_base/vuln/", scans)

  it.effect("goes there with `alsoApi`, with X-Requested-With, while relative URLs stay below the gateway", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* hosts, [200, 200, 200])
      assert.strictEqual((yield* get("/rest/2.0/count/am/asset")).status, 200)
      assert.deepInclude(yield* stats, { requests: 4, logins: 1, refused: 0 })
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "qg2", credential, alsoApi: true })))))

  it.effect("is renewed once when it is refused there", () =>
    Effect.gen(function*() {
      yield* hosts
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      assert.deepStrictEqual(yield* hosts, [200, 200, 200])
      assert.deepInclude(yield* stats, { logins: 2, refused: 1 })
    }).pipe(Effect.provide(
      on()(Qualys.layerJwtConfig(
        { platform: Platform.config("QUALYS_PLATFORM"), credential: Qualys.credentialConfig("QUALYS") },
        { alsoApi: true }
      )).pipe(Layer.provide(env))
    )))

  it.effect("does not go there without it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(`${Platform.platforms.qg2.api}/api/3.0/fo/asset/host/`))
      assert.strictEqual(error._tag, "OriginRefused")
    }).pipe(Effect.provide(on()(Qualys.layerJwt({ platform: "qg2", credential, alsoApi: false })))))

  it.effect("is checked at run time where the mode comes from data", () =>
    Effect.gen(function*() {
      const reached = yield* Qualys.requireApi(Effect.map(Qualys.ApiAccess, ({ hosts }) => hosts.api))
      assert.strictEqual(reached, Platform.platforms.qg2.api)
      assert.strictEqual((yield* get(`${reached}/api/3.0/fo/asset/host/`)).status, 200)
    }).pipe(Effect.provide(on()(Qualys.layer({ credential: decoded({ auth_type: "token" }), alsoApi: true })))))
})

describe("Qualys, client credentials", () => {
  const clients = {
    "canary-client-user": { secret: "canary-secret-user", level: "user" },
    "canary-client-all": { secret: "canary-secret-all", level: "subscription" }
  } as const
  const user = {
    clientId: "canary-client-user",
    clientSecret: Redacted.make("canary-secret-user"),
    level: "user"
  } as const
  const all = {
    clientId: "canary-client-all",
    clientSecret: Redacted.make("canary-secret-all"),
    level: "subscription"
  } as const
  const webApps = `${Platform.platforms.qg2.api}/qps/rest/3.0/count/was/webapp`
  const assets = "/rest/2.0/count/am/asset"

  for (const clientAnswers of ["text", "json"] as const) {
    it.effect(`asks at the path of the client's level, whose answer is ${clientAnswers}, and reaches gateway and API`, () =>
      Effect.gen(function*() {
        for (const [credential, path] of [[user, "/auth/oidc"], [all, "/auth/oauth"]] as const) {
          const fake = yield* FakeQualys.make({ clients, clientAnswers })
          const sent: Array<HttpClientRequest.HttpClientRequest> = []
          const client = HttpClient.make((request) => {
            sent.push(request)
            return fake.httpClient.execute(request)
          })
          yield* Effect.gen(function*() {
            assert.deepStrictEqual(yield* list(assets, scans, scans), [200, 200, 200])
            yield* TestClock.adjust("4 hours")
            assert.strictEqual((yield* get(assets)).status, 200)
          }).pipe(
            Effect.provide(Layer.fresh(Qualys.layerClientCredentials({ platform: "qg2", credential }))),
            Effect.provideService(HttpClient.HttpClient, client)
          )
          assert.deepInclude(yield* fake.stats, { logins: 2, refused: 0 })
          const logins = sent.filter(({ method, url }) => method === "POST" && url.includes("/auth"))
          assert.deepStrictEqual(
            logins.map(({ url }) => url),
            Array(2).fill(`${Platform.platforms.qg2.gateway}${path}`)
          )
          assert.strictEqual(logins[0]?.headers["clientid"], credential.clientId)
          assert.strictEqual(logins[0]?.headers["clientsecret"], Redacted.value(credential.clientSecret))
          assert.isTrue(
            sent.slice(1, 4).every(({ headers }) =>
              headers["clientsecret"] === undefined && headers["clientid"] === undefined
            )
          )
        }
      }))
  }

  it.effect("of a user are those that WAS takes", () =>
    Effect.gen(function*() {
      const said = (credential: typeof user | typeof all) =>
        Effect.flatMap(get(webApps), (response) => response.text).pipe(
          Effect.provide(Layer.fresh(on({ clients })(Qualys.layerClientCredentials({ platform: "qg2", credential }))))
        )
      assert.include(yield* said(user), "SUCCESS")
      assert.include(yield* said(all), "INVALID_CREDENTIALS")
    }))

  it.effect("are renewed when the answer to their login says, where the JWT itself does not", () =>
    Effect.gen(function*() {
      const server = ScriptedHttpClient.make(({ url }) =>
        url.pathname === "/auth/oidc"
          ? { status: 201, json: { access_token: bearerJwt({ sub: "canary" }), expires_in: 600 } }
          : { body: "ok" }
      )
      yield* Effect.gen(function*() {
        yield* get(assets)
        yield* TestClock.adjust("7 minutes")
        yield* get(assets)
        yield* TestClock.adjust("4 minutes")
        yield* get(assets)
      }).pipe(
        Effect.provide(Layer.fresh(Qualys.layerClientCredentials({ platform: "qg2", credential: user }))),
        Effect.provideService(HttpClient.HttpClient, server)
      )
      const paths = server.unsafeRequests().map(({ url }) => url.pathname)
      assert.deepStrictEqual(paths, ["/auth/oidc", assets, assets, "/auth/oidc", assets])
    }))

  it.effect("of one id and two levels do not get each other's JWT from a store", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const clientSecret = Redacted.make("canary-secret")
      for (const level of ["user", "subscription"] as const) {
        const fake = yield* FakeQualys.make({ clients: { "canary-client": { secret: "canary-secret", level } } })
        const credential = { clientId: "canary-client", clientSecret, level }
        for (let program = 0; program < 2; program++) {
          assert.strictEqual(
            (yield* get(assets).pipe(
              Effect.provide(Layer.fresh(Qualys.layerClientCredentials({ platform: "qg2", credential, store }))),
              Effect.provideService(HttpClient.HttpClient, fake.httpClient)
            )).status,
            200
          )
        }
        assert.deepInclude(yield* fake.stats, { logins: 1, refused: 0 })
      }
    }))

  it.effect("are asked for a new JWT once when theirs is refused", () =>
    Effect.gen(function*() {
      yield* get(assets)
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      assert.strictEqual((yield* get(assets)).status, 200)
      assert.deepInclude(yield* stats, { logins: 2, refused: 1 })
    }).pipe(Effect.provide(on({ clients })(Qualys.layerClientCredentials({ platform: "qg2", credential: all })))))

  it.effect("are refused with what may be wrong, their level included, and tried once", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(assets))
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401 })
      assert.include(
        error.message,
        "the client secret or the level of the client is wrong, or the client is not one of qg2"
      )
      assert.notInclude(error.message, "canary")
      yield* Effect.flip(get(assets))
      assert.deepInclude(yield* stats, { attempts: 1 })
    }).pipe(Effect.provide(
      on({ clients })(
        Qualys.layerClientCredentials({ platform: "qg2", credential: { ...user, level: "subscription" } })
      )
    )))

  it.effect("come from two variables, and are a mode of `layer`", () =>
    Effect.gen(function*() {
      const variables = Layer.setConfigProvider(ConfigProvider.fromMap(
        new Map([["QUALYS_CLIENT_ID", user.clientId], ["QUALYS_CLIENT_SECRET", "canary-secret-user"]])
      ))
      const config = QualysCredential.clientCredentialsConfig("QUALYS", "user")
      const layers = [
        Qualys.layerClientCredentialsConfig({ credential: config }),
        Qualys.layerConfig({ credential: config })
      ]
      for (const layer of layers) {
        const reached = Qualys.requireApi(
          Qualys.requireGateway(Qualys.require("Qualys/ClientCredentials")(get(assets)))
        )
        const response = yield* reached.pipe(
          Effect.provide(Layer.fresh(on({ clients })(layer)).pipe(Layer.provide(variables)))
        )
        assert.strictEqual(response.status, 200)
      }
    }))

  it.effect("that no header can have are refused when the layer is built", () =>
    Effect.gen(function*() {
      for (
        const [setting, credential] of [
          ["credential.clientId", { ...user, clientId: "canary\u200b" }],
          ["credential.clientSecret", { ...user, clientSecret: Redacted.make("canary\n") }]
        ] as const
      ) {
        const layer = on()(Qualys.layerClientCredentials({ credential }))
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting })
        assert.notInclude(String(error), "canary")
      }
    }))
})

describe("Qualys, the platform of a user name", () => {
  it.effect("is a hint in the refusal where it is another one, in every mode with a user name, and nowhere a default", () =>
    Effect.gen(function*() {
      const named = (
        username: string
      ) => ({ platform: "qg3", credential: { username, password: credential.password } } as const)
      const layers = [Qualys.layerBasic, Qualys.layerSession, Qualys.layerJwt] as const
      for (const [index, layerOf] of layers.entries()) {
        const refusal = (username: string) => {
          const layer: Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, unknown, HttpClient.HttpClient> =
            layerOf(
              named(username)
            )
          return Effect.map(Effect.flip(get(index === 2 ? "/rest/2.0/count/am/asset" : scans)), String).pipe(
            Effect.provide(on()(Layer.fresh(layer)))
          )
        }
        assert.include(yield* refusal("quays2ab1"), "on another platform (the user name is one of qg2), or")
        assert.notInclude(yield* refusal("quays3ab1"), "the user name is one of")
        assert.notInclude(yield* refusal("reader"), "the user name is one of")
      }
    }))
})

describe("Qualys.revealJson", () => {
  for (const { given, line, name, pretty } of cases) {
    const fake = { username: given.username, password: given.password }
    it.effect(`gives what to_json_string gave after a login: ${name}`, () =>
      Effect.gen(function*() {
        const credential = Either.getOrThrow(QualysCredential.fromUnknown({ ...given, token: null }))
        const server = yield* FakeQualys.make(fake)
        const { json, logins, printed } = yield* Qualys.requireAccount(Effect.gen(function*() {
          const json = yield* Qualys.revealJson()
          return { json, printed: yield* Qualys.revealJson({ pretty: true }), logins: (yield* server.stats).logins }
        })).pipe(
          Effect.provide(Qualys.layer({ credential })),
          Effect.provideService(HttpClient.HttpClient, server.httpClient)
        )
        assert.strictEqual(logins, given.auth_type === "basic" ? 0 : 1)
        const live: unknown = JSON.parse(json).token
        const withLive = (text: string) => text.replace("canary-header.canary-payload.canary-signature", String(live))
        assert.strictEqual(json, withLive(line))
        assert.strictEqual(printed, withLive(pretty))
        if (given.auth_type !== "basic") assert.match(String(live), /^eyJ[\w-]+\.[\w-]+\.[\w-]+$/u)
      }))
  }

  it.effect("holds the JWT that the client uses, and the next one after it was refused", () =>
    Effect.gen(function*() {
      const token = Effect.map(Qualys.requireAccount(Qualys.revealJson()), (json): unknown => JSON.parse(json).token)
      yield* get("/rest/2.0/count/am/asset")
      const first = yield* token
      assert.deepInclude(yield* stats, { logins: 1 })
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      yield* get("/rest/2.0/count/am/asset")
      assert.notStrictEqual(yield* token, first)
      assert.deepInclude(yield* stats, { logins: 2 })
    }).pipe(Effect.provide(on()(Qualys.layer({ credential: decoded({ auth_type: "token" }) })))))
})

describe("Qualys, a service that cannot parse the JWT", () => {
  it.effect("is answered 500 by the gateway to a JWT that it does not know, and the token is renewed once", () =>
    Effect.gen(function*() {
      yield* get("/rest/2.0/count/am/asset")
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      assert.strictEqual((yield* get("/rest/2.0/count/am/asset")).status, 200)
      assert.deepInclude(yield* stats, { logins: 2, refused: 1 })
    }).pipe(Effect.provide(on({ unknownJwt: 500 })(Qualys.layerJwt({ platform: "qg2", credential })))))

  it.effect("ends a call whose token is fixed with a refusal that has the status", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(`${Platform.platforms.qg2.gateway}/rest/2.0/count/am/asset`))
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 500 })
      assert.deepInclude(yield* stats, { refused: 1 })
    }).pipe(Effect.provide(
      on({ unknownJwt: 500 })(Qualys.layerBearer({ platform: "qg2", credential: { token: Redacted.make("canary-a") } }))
    )))

  const first = (body: string) =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const real = yield* HttpClient.HttpClient
      const isFirst = yield* Ref.make(true)
      const client = HttpClient.make((request) =>
        request.url.endsWith("/auth")
          ? real.execute(request)
          : Effect.flatMap(Ref.getAndSet(isFirst, false), (isFirst) =>
            isFirst
              ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response(body, { status: 500 })))
              : real.execute(request))
      )
      const answer = yield* get("/rest/2.0/count/am/asset").pipe(
        Effect.flatMap((response) => Effect.map(response.text, (text) => ({ status: response.status, text }))),
        Effect.provide(Qualys.layerJwt({ platform: "qg2", credential })),
        Effect.provideService(HttpClient.HttpClient, client)
      )
      return { ...answer, logins: (yield* fake.stats).logins }
    }).pipe(Effect.provide(FakeQualys.layer()))

  it.effect("answers 500, and the token is renewed once", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* first("{\"message\":\"JWT parsing failed\"}"), { status: 200, logins: 2 })
    }))

  it.effect("is not taken for one that has another trouble: that 500 is its caller's to read", () =>
    Effect.gen(function*() {
      for (
        const text of [
          "out of memory",
          "JWT issuer down",
          "parsing of the report failed",
          `JWT parsing failed${" ".repeat(20_000)}`,
          ""
        ]
      ) {
        assert.deepStrictEqual(yield* first(text), { status: 500, text, logins: 1 })
      }
    }))
})

describe("Qualys, settings from the environment", () => {
  const shown = (variables: Record<string, string>) =>
    Qualys.layerBasicConfig({
      platform: Config.nested(Platform.config("QUALYS_PLATFORM"), "PROD"),
      credential: Config.nested(Qualys.credentialConfig("QUALYS"), "PROD")
    }).pipe(
      Layer.provide(FakeQualys.layer()),
      Layer.provide(
        Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" }))
      ),
      Layer.build,
      Effect.scoped,
      Effect.flip,
      Effect.map(String)
    )

  it.effect("are named as they are nested, when a value cannot be used", () =>
    Effect.gen(function*() {
      const text = yield* shown({
        PROD_QUALYS_PLATFORM: "mars",
        PROD_QUALYS_USERNAME: "reader",
        PROD_QUALYS_PASSWORD: "canary"
      })
      assert.match(text, /^\(Invalid data at PROD_QUALYS_PLATFORM: /)
      assert.notInclude(text, "PROD.")
    }))

  it.effect("say that the user name is set when the password alone is missing", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* shown({ PROD_QUALYS_PLATFORM: "qg2", PROD_QUALYS_USERNAME: "reader" }),
        "(Missing data at PROD_QUALYS_PASSWORD: \"is not set (PROD_QUALYS_USERNAME is)\")"
      )
    }))
})

describe("Qualys, session", () => {
  it.effect("logs in once, calls with the cookie, and logs out with its Scope", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      yield* Effect.zipRight(get(scans), get(scans)).pipe(
        Effect.provide(Qualys.layerSession({ platform: "qg2", credential }))
      )
      assert.deepInclude(yield* fake.stats, { requests: 2, logins: 1, logouts: 1, refused: 0, openSessions: 0 })
    }).pipe(Effect.provide(FakeQualys.layer())))

  it.effect("opens another session when the server has ended this one", () =>
    Effect.gen(function*() {
      yield* get(scans)
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.revokeAll)
      assert.strictEqual((yield* get(scans)).status, 200)
      assert.deepInclude(yield* stats, { requests: 2, logins: 2, refused: 1 })
    }).pipe(Effect.provide(on()(Qualys.layerSession({ platform: "qg2", credential })))))

  it.effect("calls that are refused for ever open one more session, and leave none open", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const real = yield* HttpClient.HttpClient
      const client = HttpClient.make((request) =>
        request.url.includes("/fo/session/")
          ? real.execute(request)
          : Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: 401 })))
      )
      yield* Effect.replicateEffect(
        Effect.map(Effect.flip(get(scans)), ({ _tag }) => assert.strictEqual(_tag, "AuthenticationFailed")),
        10
      ).pipe(
        Effect.provide(Qualys.layerSession({ platform: "qg2", credential })),
        Effect.provideService(HttpClient.HttpClient, client)
      )
      assert.deepInclude(yield* fake.stats, { logins: 2, openSessions: 0 })
    }).pipe(Effect.provide(FakeQualys.layer())))

  it.effect("a page in the place of the answer to a login is that of a proxy: the login is tried again", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.FakeQualys
      const real = yield* HttpClient.HttpClient
      const isFirst = yield* Ref.make(true)
      const client = HttpClient.make((request) =>
        Effect.flatMap(Ref.getAndSet(isFirst, false), (isFirst) =>
          isFirst
            ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response("<html>log in</html>")))
            : real.execute(request))
      )
      const caller = yield* Effect.fork(
        get(scans).pipe(
          Effect.provide(Qualys.layerSession({ platform: "qg2", credential })),
          Effect.provideService(HttpClient.HttpClient, client)
        )
      )
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(caller)).status, 200)
      assert.deepInclude(yield* fake.stats, { logins: 1, openSessions: 0 })
    }).pipe(Effect.provide(FakeQualys.layer())))

  it.effect("a session cookie that the answer deletes is no session", () =>
    Effect.gen(function*() {
      for (const deletion of ["QualysSession=", "QualysSession=canary; Max-Age=0"]) {
        const server = ScriptedHttpClient.make({ headers: { "set-cookie": deletion } })
        const error = yield* Effect.flip(get(scans)).pipe(
          Effect.provide(Layer.fresh(Qualys.layerSession({ platform: "qg2", credential }))),
          Effect.provideService(HttpClient.HttpClient, server)
        )
        assert.strictEqual(error._tag, "MalformedTokenResponse", deletion)
      }
    }))

  it.effect("a login whose cookies cannot be read says that a browser hides them", () =>
    Effect.map(
      Effect.flip(get(scans)).pipe(
        Effect.provide(Layer.fresh(Qualys.layerSession({ platform: "qg2", credential }))),
        Effect.provideService(HttpClient.HttpClient, ScriptedHttpClient.make({}))
      ),
      ({ message }) => assert.include(message, "a browser hides Set-Cookie from programs")
    ))

  it.effect("recognises an account that has expired, although its login is answered with 200", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(scans))
      assert.strictEqual(
        error.message,
        "Qualys/Session: the server rejected the credentials at https://qualysapi.qg2.apps.qualys.com/api/2.0/fo/session/ (HTTP 200, 2001): This account has expired."
      )
    }).pipe(Effect.provide(
      on({ accountState: "expired" })(Qualys.layerSession({ platform: "qg2", credential }))
    )))
})

describe("Qualys, bearer", () => {
  const external = new Credential.Bearer({ token: Redacted.make("canary-external-bearer") })

  it.effect("calls the API and the gateway with another provider's token", () =>
    Effect.gen(function*() {
      const { hosts } = yield* Qualys.GatewayAccess
      assert.strictEqual((yield* get(scans)).status, 200)
      assert.strictEqual((yield* get(`${hosts.gateway}/rest/2.0/count/am/asset`)).status, 200)
    }).pipe(Effect.provide(
      on({ externalBearers: ["canary-external-bearer"] })(
        Qualys.layerBearer({ platform: "qg2", credential: external })
      )
    )))
})

describe("Qualys, bearers of a token source", () => {
  // longer than what is masked in the words of a server
  const issuer = "https://login.acme.example/oauth2/default/of/an/authorization/server"
  it.effect("are those of any mode of OAuth, renewed by what it says of their life, and once when Qualys refuses one", () =>
    Effect.gen(function*() {
      const serial = yield* Ref.make(0)
      const jwtOf = (n: number) => bearerJwt({ iss: issuer, sub: "canary-external-id", n })
      const qualys = yield* FakeQualys.make({ externalBearers: [jwtOf(1), jwtOf(3), jwtOf(4)] })
      const idp = HttpClient.make((request) =>
        request.url.startsWith(issuer)
          ? Effect.map(Ref.updateAndGet(serial, (n) => n + 1), (n) =>
            HttpClientResponse.fromWeb(
              request,
              Response.json({ access_token: jwtOf(n), token_type: "Bearer", expires_in: 3600 })
            ))
          : qualys.httpClient.execute(request)
      )
      const layer = Qualys.layerBearer({
        platform: "qg2",
        tokens: ClientCredentials.makeTokens({
          baseUrl: issuer,
          server: { issuer, tokenEndpoint: `${issuer}/token` },
          credential: { clientId: "reporting", clientSecret: Redacted.make("canary-secret") }
        })
      })
      yield* Effect.gen(function*() {
        assert.strictEqual((yield* get(scans)).status, 200)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* get(scans)).status, 200)
        assert.strictEqual(yield* Ref.get(serial), 3)
        assert.strictEqual((yield* get(`${Platform.platforms.qg2.gateway}/rest/2.0/count/am/asset`)).status, 200)
      }).pipe(Effect.provide(layer), Effect.provideService(HttpClient.HttpClient, idp))
      assert.deepInclude(yield* qualys.stats, { requests: 3, refused: 1 })
    }))

  it.effect("are those of a source that is made already, and its refusal names issuer, audience and user", () =>
    Effect.gen(function*() {
      const value = bearerJwt({ iss: issuer, aud: ["qualys", "more"], sub: "external-id" })
      const tokens = yield* TokenSource.make({ login: Token.make({ value }) })
      const error = yield* Effect.flip(get(scans)).pipe(
        Effect.provide(on()(Qualys.layerBearer({ platform: "qg2", tokens })))
      )
      assert.deepInclude(error, { code: "2000", detail: "Bad Login/Password" })
      assert.include(error.message, `the token has iss ${issuer}, aud qualys more and sub external-id`)
      assert.notInclude(error.message, value)
      const http = yield* Qualys.makeWith(tokens, { platform: "qg2" }).pipe(
        Effect.provide(FakeQualys.layer({ externalBearers: [value] }))
      )
      assert.strictEqual((yield* http.get(scans)).status, 200)
    }).pipe(Effect.scoped))

  it.effect("that are fixed say the same, and nothing of themselves where they are no JWT", () =>
    Effect.gen(function*() {
      const refusal = (token: string) =>
        Effect.map(Effect.flip(get(scans)), ({ message }) => message).pipe(
          Effect.provide(
            Layer.fresh(on()(Qualys.layerBearer({ platform: "qg2", credential: { token: Redacted.make(token) } })))
          )
        )
      assert.include(yield* refusal(bearerJwt({ iss: issuer })), `the token has iss ${issuer}, aud none and sub none`)
      for (const opaque of ["canary-opaque", "canary.canary.canary"]) {
        assert.notInclude(yield* refusal(opaque), "the token has")
      }
    }))
})

describe("Qualys, the mode of a decoded credential", () => {
  const basic = Qualys.layer({ credential: decoded({ auth_type: "basic" }) })
  const jwt = Qualys.layer({ credential: decoded({ auth_type: "token" }) })

  it.effect("is Basic, on the platform of the credential", () =>
    Effect.gen(function*() {
      const hosts = yield* Qualys.requireApi(Effect.map(Qualys.ApiAccess, (access) => access.hosts))
      assert.strictEqual(hosts.api, "https://qualysapi.qg2.apps.qualys.com")
      assert.strictEqual((yield* get(scans)).status, 200)
    }).pipe(Effect.provide(on()(basic))))

  it.effect("is no other than it is", () =>
    Effect.gen(function*() {
      const mode = yield* Effect.flip(AuthMode.require("Qualys/Jwt")(get("/rest/2.0/count/am/asset")))
      assert.strictEqual(mode.message, "expected Qualys/Jwt, got Qualys/Basic")
      const gateway = yield* Effect.flip(Qualys.requireGateway(get("/rest/2.0/count/am/asset")))
      assert.strictEqual(
        gateway.message,
        "expected Qualys/Jwt, Qualys/Bearer or Qualys/ClientCredentials, got Qualys/Basic"
      )
      assert.deepInclude(yield* stats, { requests: 0, refused: 0 })
    }).pipe(Effect.provide(on()(basic))))

  it.effect("is Jwt", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Qualys.requireGateway(get("/rest/2.0/count/am/asset"))).status, 200)
      const error = yield* Effect.flip(Qualys.requireApi(get(scans)))
      assert.strictEqual(
        error.message,
        "expected Qualys/Basic, Qualys/Session, Qualys/Bearer, Qualys/ClientCredentials or Qualys/Jwt with alsoApi, " +
          "got Qualys/Jwt"
      )
    }).pipe(Effect.provide(on()(jwt))))
})

describe("Qualys, a JWT that was kept", () => {
  const request = get("/rest/2.0/count/am/asset")

  const jwt = (claims: object) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
    return `${part({ alg: "RS256" })}.${part(claims)}.canary`
  }
  const kept = (claims: object) => Qualys.layerJwt({ credential: decoded({ token: jwt(claims) }) })

  it.effect("is used until its exp, counted from the client's clock", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* request).status, 200)
      assert.deepInclude(yield* stats, { logins: 0, refused: 0 })
      yield* TestClock.adjust("100 seconds")
      yield* request
      assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
    }).pipe(
      Effect.provide(
        on({ externalBearers: [jwt({ iat: -14_300, exp: 100 })] })(kept({ iat: -14_300, exp: 100 }))
      )
    ))

  it.effect("is not sent when it has expired", () =>
    Effect.gen(function*() {
      yield* request
      assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
    }).pipe(Effect.provide(on()(kept({ exp: 0 })))))

  it.effect("counts as good until it is refused when it does not say how long it is", () =>
    Effect.gen(function*() {
      yield* request
      yield* TestClock.adjust("30 days")
      yield* request
      assert.deepInclude(yield* stats, { logins: 0, refused: 0 })
    }).pipe(Effect.provide(on({ externalBearers: [jwt({})] })(kept({})))))

  it.effect("is not sent when its claims cannot be read, and refused as a setting when it has not three parts", () =>
    Effect.gen(function*() {
      const layerOf = (token: string) =>
        on()(Qualys.layerJwt({ credential: { ...credential, token: Redacted.make(token) } }))
      const { logins, refused } = yield* Effect.zipRight(request, stats).pipe(
        Effect.provide(layerOf("canary-header.canary-payload.canary-signature"))
      )
      assert.deepStrictEqual([logins, refused], [1, 0])
      for (const token of ["canary", "canary.canary", "canary.canary.canary.canary"]) {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(layerOf(token))))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "credential.token" })
        assert.notInclude(String(error), "canary")
      }
    }))

  it.effect("is replaced by a login when the gateway refuses it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* request).status, 200)
      assert.deepInclude(yield* stats, { logins: 1, refused: 1 })
    }).pipe(Effect.provide(on()(kept({ exp: 100 })))))
})

for (const [mode, endpoint] of [["Jwt", "/auth"], ["Session", "/session/"]] as const) {
  outlivesWeather(`Qualys/${mode}`, {
    tokens: Qualys.makeTokens({ platform: "qg2", credential: { ...credential, _tag: mode } }),
    server: FakeQualys.layer(),
    endpoint
  })
}
