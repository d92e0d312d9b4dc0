import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
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
import * as Platform from "../src/Platform.ts"
import * as Qualys from "../src/Qualys.ts"
import * as QualysCredential from "../src/QualysCredential.ts"

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
        "Qualys/Basic: the server rejected the credentials at https://qualysapi.qg2.apps.qualys.com/api/2.0/fo/scan/ (HTTP 401, 2000): Bad Login/Password: the user name or the " +
          "password is wrong, or the account is not on qg2 but on another platform"
      )
    }).pipe(Effect.provide(on()(Qualys.layerBasic({ platform: "qg2", credential: wrong })))))

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
          "account is not on eu2 but on another platform"
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

describe("Qualys, a service that cannot parse the JWT", () => {
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
      for (const text of ["out of memory", `JWT parsing failed${" ".repeat(20_000)}`, ""]) {
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
      assert.strictEqual(gateway.message, "expected Qualys/Jwt or Qualys/Bearer, got Qualys/Basic")
      assert.deepInclude(yield* stats, { requests: 0, refused: 0 })
    }).pipe(Effect.provide(on()(basic))))

  it.effect("is Jwt", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Qualys.requireGateway(get("/rest/2.0/count/am/asset"))).status, 200)
      const error = yield* Effect.flip(Qualys.requireApi(get(scans)))
      assert.strictEqual(error.message, "expected Qualys/Basic, Qualys/Session or Qualys/Bearer, got Qualys/Jwt")
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

  it.effect("is not sent when it does not say how long it is good", () =>
    Effect.gen(function*() {
      yield* request
      assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
    }).pipe(Effect.provide(on()(kept({})))))

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
