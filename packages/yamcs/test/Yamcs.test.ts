import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { outlivesWeather } from "../../core/test/tokenEndpointWeather.ts"
import * as Yamcs from "../src/Yamcs.ts"
import * as YamcsCredential from "../src/YamcsCredential.ts"
import * as YamcsError from "../src/YamcsError.ts"

// where a session is stored is a hash
const baseUrl = "https://yamcs.example"

const password = new YamcsCredential.Password({
  username: FakeYamcs.canaries.username,
  password: Redacted.make(FakeYamcs.canaries.password)
})

const serviceAccount = new YamcsCredential.ServiceAccount({
  clientId: FakeYamcs.canaries.serviceAccount.applicationId,
  clientSecret: Redacted.make(FakeYamcs.canaries.serviceAccount.applicationSecret),
  become: "operator"
})

const asItself = new YamcsCredential.ServiceAccount({ ...serviceAccount, become: undefined, asItself: true })

const apiKey = new YamcsCredential.ApiKey({ key: Redacted.make(FakeYamcs.canaries.apiKey) })

const basic = new Credential.Basic({ username: password.username, password: password.password })

const live = <C extends Yamcs.TaggedCredential>(
  options: Omit<Yamcs.Options, "baseUrl"> & { readonly credential: C },
  server?: FakeYamcs.Options
) => Layer.provideMerge(Yamcs.layer<C>({ baseUrl, ...options }), FakeYamcs.layer(server))

/** What a login or a refresh of the fake gives, as another program would have got it. */
const granted = (form: Record<string, string>) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const request = HttpClientRequest.post(`${baseUrl}/auth/token`, { acceptJson: true })
    const response = yield* client.execute(HttpClientRequest.bodyUrlParams(request, form))
    const { access_token, refresh_token } = (yield* response.json) as Record<string, string>
    return { accessToken: Redacted.make(access_token ?? ""), refreshToken: Redacted.make(refresh_token ?? "") }
  })

const login = granted({
  grant_type: "password",
  username: FakeYamcs.canaries.username,
  password: FakeYamcs.canaries.password
})

const stats = Effect.flatMap(FakeYamcs.FakeYamcs, ({ stats }) => stats)

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

describe("Yamcs, password", () => {
  it.effect("logs in once, then refreshes when the token is due", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
      yield* TestClock.adjust("500 seconds")
      yield* whoAmI
      assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, requests: 2, refused: 0 })
    }).pipe(Effect.provide(live({ credential: password }))))

  it.effect("is found below a context path, with a slash at its end", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(Layer.provide(
      Yamcs.layer({ baseUrl: "yamcs.example:8090/ops/", credential: password }),
      FakeYamcs.layer({ contextPath: "/ops" })
    ))))

  it.effect("is not sent over plain http beyond loopback", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.scoped(Yamcs.make({ baseUrl: "http://yamcs.example:8090", credential: password }))
      )
      assert.strictEqual(error._tag, "InsecureTransport")
    }).pipe(Effect.provide(FakeYamcs.layer())))
})

describe("Yamcs, bearer", () => {
  it.effect("uses the access token, and the refresh token when it is due", () =>
    Effect.gen(function*() {
      const credential = new YamcsCredential.Session(yield* login)
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, "operator")
        assert.deepInclude(yield* stats, { logins: 1, refreshes: 0 })
        yield* Effect.sleep("500 seconds")
        yield* whoAmI
        assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, refused: 0 })
      }).pipe(Effect.provide(Yamcs.layer({ baseUrl, credential })))
    }).pipe(Effect.provide(FakeYamcs.layer()), VirtualClock.run))

  it.effect("redeems the refresh token at once when the access token says that it has expired", () =>
    Effect.gen(function*() {
      const credential = new YamcsCredential.Session(yield* login)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential })), "operator")
      assert.deepInclude(yield* stats, { refreshes: 1, requests: 1, refused: 0 })
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("believes a stated expiry over what the token says", () =>
    Effect.gen(function*() {
      const expiresAt = DateTime.unsafeMake(0)
      const credential = new YamcsCredential.Session({ ...(yield* login), expiresAt })
      assert.strictEqual(yield* Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential })), "operator")
      assert.deepInclude(yield* stats, { refreshes: 1, refused: 0 })
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("without a refresh token it is over when the server refuses the access token", () =>
    Effect.gen(function*() {
      const { accessToken } = yield* login
      const credential = new YamcsCredential.Session({ accessToken })
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, "operator")
        yield* TestClock.adjust("500 seconds")
        const error = yield* Effect.flip(Yamcs.user)
        assert.strictEqual(error._tag, "CredentialsRejected")
        assert.include(error.message, "the session has ended")
        assert.deepInclude(yield* stats, { attempts: 1, refused: 1 })
      }).pipe(Effect.provide(Yamcs.layer({ baseUrl, credential })))
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("without a refresh token it is not over because the client's clock says that it has expired", () =>
    Effect.gen(function*() {
      const { accessToken } = yield* login
      const expiresAt = DateTime.unsafeMake(0)
      const credential = new YamcsCredential.Session({ accessToken, expiresAt })
      assert.strictEqual(yield* Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential })), "operator")
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("says that the session is over when its refresh token is refused", () =>
    Effect.gen(function*() {
      const credential = new YamcsCredential.Session(yield* login)
      yield* Effect.gen(function*() {
        yield* whoAmI
        yield* Effect.flatMap(FakeYamcs.FakeYamcs, ({ restart }) => restart)
        const error = yield* Effect.flip(Yamcs.user)
        assert.deepInclude(error, {
          _tag: "CredentialsRejected",
          message:
            "Yamcs/Bearer: the server rejected the credentials: the session has ended; supply the tokens of a new one"
        })
      }).pipe(Effect.provide(Yamcs.layer({ baseUrl, credential })))
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("outlives a proxy that answers the API's calls with 401 for a while, although nobody can log in again", () =>
    Effect.gen(function*() {
      const credential = new YamcsCredential.Session(yield* login)
      const fake = yield* HttpClient.HttpClient
      const isBehindProxy = yield* Ref.make(false)
      const client = HttpClient.make((request) =>
        Effect.flatMap(Ref.get(isBehindProxy), (isBehindProxy) =>
          isBehindProxy && request.url.includes("/api/")
            ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response("<html>log in</html>", { status: 401 })))
            : fake.execute(request))
      )
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, "operator")
        yield* Ref.set(isBehindProxy, true)
        yield* Effect.flip(Yamcs.user)
        yield* Effect.flip(Yamcs.user)
        yield* Ref.set(isBehindProxy, false)
        yield* TestClock.adjust("31 seconds") // a refusal is remembered for a cool-down
        assert.strictEqual(yield* whoAmI, "operator")
      }).pipe(
        Effect.provide(Yamcs.layer({ baseUrl, credential })),
        Effect.provideService(HttpClient.HttpClient, client)
      )
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("is kept alive for hours without a request, the first included, if it can be refreshed", () =>
    VirtualClock.run(
      Effect.gen(function*() {
        const credential = new YamcsCredential.Session(yield* login)
        const store = yield* TokenStore.makeMemory
        for (const given of [credential, Effect.succeed(credential)]) {
          yield* Effect.gen(function*() {
            yield* Effect.sleep("3 hours")
            assert.strictEqual(yield* whoAmI, "operator")
            assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
          }).pipe(Effect.provide(Yamcs.layerBearer({ baseUrl, credential: given, store })))
        }
      }).pipe(Effect.provide(FakeYamcs.layer()))
    ))

  it.effect("is not kept alive without a refresh token, or where the program's policy does not say so", () =>
    VirtualClock.run(
      Effect.gen(function*() {
        const credential = new YamcsCredential.Session(yield* login)
        const { accessToken } = credential
        yield* Effect.gen(function*() {
          yield* Effect.sleep("3 hours")
          assert.deepInclude(yield* stats, { attempts: 1, refreshes: 0 })
        }).pipe(Effect.provide(Layer.merge(
          Yamcs.layerBearer({ baseUrl, credential: { accessToken } }),
          Yamcs.layerBearer({ baseUrl, credential, refreshPolicy: Yamcs.refreshPolicy })
        )))
      }).pipe(Effect.provide(FakeYamcs.layer()))
    ))

  it.effect("a stored session that has ended gives way to the one that was given", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const ended = yield* login
      yield* TokenStore.set(store, yield* Token.make({ value: ended.accessToken, refreshToken: ended.refreshToken }))
      yield* Effect.flatMap(FakeYamcs.FakeYamcs, ({ restart }) => restart)
      const credential = new YamcsCredential.Session(yield* login)
      assert.strictEqual(yield* Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential, store })), "operator")
    }).pipe(Effect.provide(FakeYamcs.layer())))
})

describe("Yamcs, service account", () => {
  it.effect("is itself, with a secret that has to be encoded", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "scheduler")
      yield* TestClock.adjust("500 seconds")
      assert.strictEqual(yield* whoAmI, "scheduler")
      assert.deepInclude(yield* stats, { attempts: 2, logins: 2 })
    }).pipe(Effect.provide(live({ credential: asItself }, { answersServiceAccounts: true }))))

  it.effect("as itself asks a server that does not answer once, however long and often it is used", () =>
    Effect.gen(function*() {
      const first = yield* Effect.fork(Effect.flip(whoAmI))
      yield* TestClock.adjust("30 seconds")
      assert.deepInclude(yield* Fiber.join(first), { _tag: "TokenEndpointError", reason: "Timeout" })
      for (let hour = 0; hour < 3; hour++) {
        yield* TestClock.adjust("1 hour")
        const error = yield* Effect.flip(whoAmI)
        assert.deepInclude(error, { _tag: "CredentialUnavailable", final: true })
        assert.include(error.message, "`become`")
      }
      assert.deepInclude(yield* stats, { attempts: 1, unanswered: 1, logins: 0 })
    }).pipe(Effect.provide(live({ credential: asItself }))))

  it.effect("as itself asks again after a refusal and when the server is there again, for those were answers", () =>
    Effect.gen(function*() {
      const { failNext } = yield* FakeYamcs.FakeYamcs
      yield* failNext(1, 429)
      const calling = yield* Effect.fork(whoAmI)
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(calling), "scheduler")
      yield* failNext(1, 401)
      yield* TestClock.adjust("500 seconds")
      assert.strictEqual((yield* Effect.flip(whoAmI))._tag, "CredentialsRejected")
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(yield* whoAmI, "scheduler")
    }).pipe(Effect.provide(live({ credential: asItself }, { answersServiceAccounts: true }))))

  it.effect("becomes another", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
      assert.deepInclude(yield* stats, { attempts: 1, logins: 1 })
    }).pipe(Effect.provide(live({ credential: serviceAccount }))))

  it.effect("asks by its credentials again when the token is due, having no refresh token", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* TestClock.adjust("500 seconds")
      yield* whoAmI
      assert.deepInclude(yield* stats, { logins: 2, refreshes: 0, refused: 0 })
    }).pipe(Effect.provide(live({ credential: serviceAccount }))))

  it.effect.each(["a b", "ä€😀", "%", "+", "a:b&c=d", "100%2B"])(
    "its secret may be %s",
    (secret) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, "operator")
      }).pipe(Effect.provide(live(
        {
          credential: new YamcsCredential.ServiceAccount({
            clientId: "an:id",
            clientSecret: Redacted.make(secret),
            become: "operator"
          })
        },
        { serviceAccounts: [{ name: "other", applicationId: "an:id", applicationSecret: secret }] }
      )))
  )
})

describe("Yamcs, API key and Basic", () => {
  it.effect("an API key needs no token", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
      assert.deepInclude(yield* stats, { attempts: 0, requests: 1 })
    }).pipe(Effect.provide(live({ credential: apiKey }))))

  it.effect("an API key takes away an Authorization header that would be believed over it", () =>
    Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
      const response = yield* http.get("/api/user", { headers: { Authorization: "Bearer stale" } })
      assert.strictEqual(response.status, 200)
    }).pipe(Effect.provide(live({ credential: apiKey }))))

  it.effect("Basic is sent with every request, and a refusal is final", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
      const wrong = Yamcs.layer({
        baseUrl,
        credential: new Credential.Basic({ username: "operator", password: Redacted.make("canary-wrong") })
      })
      const error = yield* Effect.flip(Effect.provide(Yamcs.user, wrong))
      assert.deepInclude(error, { _tag: "CredentialsRejected", detail: "Password does not match" })
      assert.deepInclude(yield* stats, { attempts: 0, requests: 1, refused: 1 })
    }).pipe(Effect.provide(live({ credential: basic }))))
})

describe("Yamcs, anonymous", () => {
  it.effect("is the guest of a server that admits everyone, and sends nothing", () =>
    Effect.gen(function*() {
      assert.isFalse((yield* Yamcs.authInfo({ baseUrl })).requireAuthentication)
      assert.strictEqual(yield* whoAmI, "guest")
      assert.deepInclude(yield* stats, { attempts: 0, requests: 1 })
    }).pipe(Effect.provide(live({ credential: Yamcs.anonymous }, { guest: "guest" }))))

  it.effect("is refused by any other, and the error says that no credentials are given", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Yamcs/Anonymous", status: 401 })
      assert.include(error.message, "Missing authentication; no credentials are given, and the server wants some")
    }).pipe(Effect.provide(Layer.provideMerge(Yamcs.layerAnonymous({ baseUrl }), FakeYamcs.layer()))))
})

describe("Yamcs, answers in Protocol Buffers", () => {
  it.effect("reach the program byte for byte, in every mode with a token", () =>
    Effect.gen(function*() {
      const http = yield* Yamcs.Client
      const plain = yield* HttpClient.HttpClient
      const accept = { headers: { accept: "application/protobuf" } }
      const ours = yield* http.get("/api/user", accept)
      const theirs = yield* plain.get(`${baseUrl}/api/user`, {
        headers: { ...accept.headers, "x-api-key": FakeYamcs.canaries.apiKey }
      })
      assert.strictEqual(ours.headers["content-type"], "application/protobuf")
      assert.deepStrictEqual(yield* ours.arrayBuffer, yield* theirs.arrayBuffer)
    }).pipe(Effect.provide(live({ credential: password }))))

  it.effect("that are errors have a status, and no bytes as words", () =>
    Effect.gen(function*() {
      const http = yield* Yamcs.Client
      const error = yield* Effect.flip(YamcsError.filterStatusOk(
        http.get("/api/instances/none", { headers: { accept: "application/protobuf" } })
      ))
      assert.deepInclude(error, { _tag: "YamcsError", status: 404, msg: "" })
    }).pipe(Effect.provide(live({ credential: password }))))
})

describe("Yamcs, token changes", () => {
  it.effect("are told on every change, by login, refresh and rejection alike, the last one before the end", () =>
    Effect.gen(function*() {
      const told = yield* Ref.make<ReadonlyArray<string>>([])
      const onTokenChange = (change: TokenSource.TokenChange) =>
        Effect.yieldNow().pipe( // as slow as a write to a file: other fibers run meanwhile
          Effect.zipRight(Ref.update(told, (told) => [
            ...told,
            change._tag === "Obtained" ? change.provenance : change._tag
          ]))
        )
      yield* Effect.gen(function*() {
        const { revokeAll } = yield* FakeYamcs.FakeYamcs
        yield* whoAmI
        yield* TestClock.adjust("500 seconds")
        yield* whoAmI
        yield* TestClock.adjust("1 minute")
        yield* revokeAll
        yield* whoAmI
      }).pipe(Effect.provide(live({ credential: password, onTokenChange })))
      assert.deepStrictEqual(yield* Ref.get(told), ["login", "refresh", "Rejected", "refresh", "Cleared"])
    }))

  it.effect("whose observer dies disturb nobody", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* TestClock.adjust("500 seconds")
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(live({ credential: password, onTokenChange: () => Effect.dieMessage("disk full") }))))

  it.effect("are a stream of the tokens themselves, which a client can share", () =>
    Effect.gen(function*() {
      const options = { baseUrl, credential: password }
      const tokens = yield* Yamcs.makeTokens(options)
      const http = yield* Yamcs.makeWith(tokens, options)
      yield* http.get("/api/user")
      const latest = yield* Stream.runHead(tokens.changes)
      assert.strictEqual(Option.getOrThrow(latest)._tag, "Obtained")
      assert.deepInclude(yield* stats, { logins: 1 })
    }).pipe(Effect.scoped, Effect.provide(FakeYamcs.layer())))
})

describe("Yamcs, store", () => {
  it.effect("the next process takes up the session without a login", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const process = Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential: password, store }))
      yield* process
      yield* process
      assert.deepInclude(yield* stats, { attempts: 1, logins: 1, requests: 2 })
      yield* TestClock.adjust("10 minutes")
      yield* process
      assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, requests: 3, refused: 0 })
    }).pipe(Effect.provide(FakeYamcs.layer())))
})

describe("Yamcs, settings from the environment", () => {
  const environment = (variables: Record<string, string>) =>
    Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

  it.effect("choose the mode", () =>
    Effect.gen(function*() {
      const [client, account] = yield* Effect.all([
        Effect.provide(
          AuthMode.require("Yamcs/ApiKey")(whoAmI),
          Layer.provide(
            Yamcs.layerFromEnvironment,
            environment({ YAMCS_URL: "yamcs.example", YAMCS_API_KEY: FakeYamcs.canaries.apiKey })
          )
        ),
        Effect.provide(
          AuthMode.require("Yamcs/ServiceAccount")(whoAmI),
          Layer.provide(
            Yamcs.layerFromEnvironment,
            environment({
              YAMCS_URL: baseUrl,
              YAMCS_CLIENT_ID: serviceAccount.clientId,
              YAMCS_CLIENT_SECRET: Redacted.value(serviceAccount.clientSecret),
              YAMCS_AS_ITSELF: "true"
            })
          )
        )
      ])
      assert.deepStrictEqual([client, account], ["operator", "scheduler"])
    }).pipe(Effect.provide(FakeYamcs.layer({ answersServiceAccounts: true }))))

  it.effect("are named when they are missing", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Effect.provide(whoAmI, Layer.provide(Yamcs.layerFromEnvironment, environment({ YAMCS_API_KEY: "canary" })))
      )
      assert.include(String(error), "YAMCS_URL")
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("may name no credential, as for a script that a server without security starts", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* AuthMode.require("Yamcs/Anonymous")(whoAmI), "guest")
    }).pipe(Effect.provide(
      Yamcs.layerFromEnvironment.pipe(
        Layer.provide(environment({ YAMCS_URL: "yamcs.example", YAMCS_API_KEY: "" })),
        Layer.provide(FakeYamcs.layer({ guest: "guest" }))
      )
    )))

  for (
    const [name, missing] of [
      ["YAMCS_USERNAME", "YAMCS_PASSWORD (YAMCS_USERNAME is set)"],
      ["YAMCS_PASSWORD", "YAMCS_USERNAME (YAMCS_PASSWORD is set)"],
      ["YAMCS_CLIENT_ID", "YAMCS_CLIENT_SECRET (YAMCS_CLIENT_ID is set)"],
      ["YAMCS_CLIENT_SECRET", "YAMCS_CLIENT_ID (YAMCS_CLIENT_SECRET is set)"],
      ["YAMCS_REFRESH_TOKEN", "YAMCS_ACCESS_TOKEN"],
      ["YAMCS_BECOME", "YAMCS_CLIENT_ID"]
    ] as const
  ) {
    it.effect(`are not taken for none when ${name} is set alone`, () =>
      Effect.gen(function*() {
        const variables = environment({ YAMCS_URL: "yamcs.example", [name]: "canary" })
        const error = yield* Effect.flip(
          Effect.provide(whoAmI, Layer.provide(Yamcs.layerFromEnvironment, variables))
        )
        assert.include(String(error), missing)
      }).pipe(Effect.provide(FakeYamcs.layer({ guest: "guest" }))))
  }

  it.effect("lead over plain http only to loopback, or where that is allowed, as to an address that the server gave itself", () =>
    Effect.gen(function*() {
      const variables = environment({
        YAMCS_URL: "http://yamcs.example:8090",
        YAMCS_API_KEY: FakeYamcs.canaries.apiKey
      })
      const error = yield* Effect.flip(Effect.provide(whoAmI, Layer.provide(Yamcs.layerFromEnvironment, variables)))
      assert.strictEqual(error._tag, "InsecureTransport")
      const allowed = Yamcs.layerFromEnvironmentWith({ dangerouslyAllowPlainHttp: true })
      assert.strictEqual(yield* Effect.provide(whoAmI, Layer.provide(allowed, variables)), "operator")
    }).pipe(Effect.provide(FakeYamcs.layer())))

  it.effect("may be of one mode", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(
      Yamcs.layerConfig({ baseUrl: Config.string("URL"), credential: YamcsCredential.passwordConfig("OPS") }).pipe(
        Layer.provide(FakeYamcs.layer()),
        Layer.provide(environment({
          URL: "yamcs.example",
          OPS_USERNAME: password.username,
          OPS_PASSWORD: Redacted.value(password.password)
        }))
      )
    )))
})

for (const credential of [password, serviceAccount]) {
  const mode = {
    tokens: Yamcs.makeTokens({ baseUrl, credential }),
    server: FakeYamcs.layer(),
    endpoint: "/auth/token"
  }
  outlivesWeather(`Yamcs/${credential._tag}`, mode)
  if (credential === password) outlivesWeather("Yamcs/Password", { ...mode, refreshAfter: "10 minutes" })
}
