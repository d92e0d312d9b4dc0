import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as Platform from "../src/Platform.ts"
import * as Qualys from "../src/Qualys.ts"

const credential = {
  username: FakeQualys.credentials.username,
  password: Redacted.make(FakeQualys.credentials.password)
}

const wrong = { ...credential, password: Redacted.make("canary-wrong-password") }

const env = Layer.setConfigProvider(ConfigProvider.fromMap(
  new Map([
    ["QUALYS_USERNAME", FakeQualys.credentials.username],
    ["QUALYS_PASSWORD", FakeQualys.credentials.password],
    ["QUALYS_PLATFORM", "QG2"],
    ["QUALYS_TOKEN", "canary-external-bearer"]
  ])
))

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
        "Qualys/Basic: the server rejected the credentials (HTTP 401, 2000): Bad Login/Password: the user name or the " +
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
        "Qualys/Jwt: the server rejected the credentials (HTTP 401): the user name or the password is wrong, or the " +
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

  it.effect("recognises an account that has expired, although its login is answered with 200", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get(scans))
      assert.strictEqual(
        error.message,
        "Qualys/Session: the server rejected the credentials (HTTP 200, 2001): This account has expired."
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
