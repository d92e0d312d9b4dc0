/** What every system's layers have in common: the same options with the same meaning, whatever the server. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as AuthMode from "@effect-auth/core/AuthMode"
import type { Given } from "@effect-auth/core/CredentialSource"
import type * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"

interface Login {
  readonly username: string
  readonly password: Redacted.Redacted
}

type Options = System.PlainOptions & Parameters<typeof System.makeTokens>[1] & { readonly credential: Given<Login> }

/** A system's fake, what it counted, and a path that it answers. */
interface System {
  readonly origin: string
  readonly path: string
  readonly username: string
  readonly password: string
  readonly serve: Effect.Effect<{
    readonly httpClient: HttpClient.HttpClient
    readonly stats: Effect.Effect<{ readonly logins: number; readonly logouts: number; readonly requests: number }>
  }>
}

const mq: System = {
  origin: "https://mq.example:9443",
  path: "/admin/qmgr",
  username: "mqadmin",
  password: FakeMqweb.canaries.password,
  serve: FakeMqweb.make()
}
const mqBase = `${mq.origin}/ibmmq/rest/v3`

const yamcs: System = {
  origin: "https://yamcs.example",
  path: "/api/user",
  username: FakeYamcs.canaries.username,
  password: FakeYamcs.canaries.password,
  serve: Effect.map(FakeYamcs.make(), ({ httpClient, stats }) => ({
    httpClient,
    stats: Effect.map(stats, (stats) => ({ ...stats, logouts: 0 }))
  }))
}

const qualysApi: System = {
  origin: "https://qualysapi.qg3.apps.qualys.com",
  path: "/api/2.0/fo/scan/?action=list",
  username: FakeQualys.canaries.username,
  password: FakeQualys.canaries.password,
  serve: FakeQualys.make()
}

const qualysGateway: System = { ...qualysApi, origin: "https://gateway.qg3.apps.qualys.com", path: "/rest/2.0/x" }

interface Mode {
  readonly name: string
  readonly system: System
  readonly logsOut: boolean
  readonly layer: (
    options: Options
  ) => Layer.Layer<AuthenticatedHttpClient.AuthenticatedHttpClient, unknown, HttpClient.HttpClient>
}

const sessions: ReadonlyArray<Mode> = [
  { name: "IbmMq/Ltpa", system: mq, logsOut: true, layer: (o) => IbmMq.layerLtpa({ baseUrl: mqBase, ...o }) },
  {
    name: "Yamcs/Password",
    system: yamcs,
    logsOut: false,
    layer: (o) => Yamcs.layerPassword({ baseUrl: yamcs.origin, ...o })
  },
  { name: "Qualys/Session", system: qualysApi, logsOut: true, layer: (o) => Qualys.layerSession(o) },
  { name: "Qualys/Jwt", system: qualysGateway, logsOut: false, layer: (o) => Qualys.layerJwt(o) }
]

const statics: ReadonlyArray<Mode> = [
  { name: "IbmMq/Basic", system: mq, logsOut: false, layer: (o) => IbmMq.layerBasic({ baseUrl: mqBase, ...o }) },
  {
    name: "Yamcs/Basic",
    system: yamcs,
    logsOut: false,
    layer: (o) => Yamcs.layerBasic({ baseUrl: yamcs.origin, ...o })
  },
  { name: "Qualys/Basic", system: qualysApi, logsOut: false, layer: (o) => Qualys.layerBasic(o) }
]

const right = ({ password, username }: System): Login => ({ username, password: Redacted.make(password) })

const get = (path: string) => Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get(path))

/** A secret manager whose password is rotated: it gives the wrong one first. */
const rotated = (system: System): Effect.Effect<Effect.Effect<Login, CredentialUnavailable>> =>
  Effect.map(
    Ref.make(0),
    (reads) =>
      Effect.map(Ref.getAndUpdate(reads, (n) => n + 1), (n) =>
        n === 0 ? { ...right(system), password: Redacted.make("canary-password-wrong") } : right(system))
  )

describe("Every system", () => {
  for (const mode of [...sessions, ...statics]) {
    const { layer, name, system } = mode
    const logsIn = sessions.includes(mode)
    describe(name, () => {
      it.effect("follows redirects on its own origin with credentials, if told to", () =>
        Effect.gen(function*() {
          const { httpClient } = yield* system.serve
          const moving = HttpClient.transform(httpClient, (answer, request) =>
            request.url.endsWith("/moved")
              ? Effect.succeed(HttpClientResponse.fromWeb(
                request,
                new Response(null, { status: 302, headers: { location: request.url.replace("/moved", system.path) } })
              ))
              : answer)
          const statusOf = (redirects: number | undefined) =>
            get("/moved").pipe(
              Effect.map(({ status }) => status),
              Effect.provide(layer({ credential: right(system), redirects })),
              Effect.provideService(HttpClient.HttpClient, moving)
            )
          assert.strictEqual(yield* statusOf(undefined), 302)
          assert.strictEqual(yield* statusOf(3), 200)
          const error = yield* Effect.flip(statusOf(0))
          assert.deepInclude(error, { _tag: "RedirectRefused", reason: "TooMany" })
        }))

      it.effect("reports a credential that cannot be sent when its layer is built, or when an Effect gives it", () =>
        Effect.gen(function*() {
          const { httpClient } = yield* system.serve
          const failure = (credential: Given<Login>) =>
            get(system.path).pipe(
              Effect.provide(layer({ credential })),
              Effect.provideService(HttpClient.HttpClient, httpClient),
              Effect.flip
            )
          // Basic may have an empty user name (RFC 7617), which no login has
          for (const username of [...(logsIn ? [""] : []), "canary\n"]) {
            const unsendable = { ...right(system), username }
            const setting = "credential.username"
            assert.deepInclude(yield* failure(unsendable), { _tag: "InvalidSetting", setting })
            assert.deepInclude(yield* failure(Effect.succeed(unsendable)), {
              _tag: "CredentialUnavailable",
              mode: name
            })
          }
        }))
    })
  }

  for (const { layer, logsOut, name, system } of sessions) {
    describe(name, () => {
      const running = <A, E>(
        options: Partial<Options>,
        use: Effect.Effect<A, E, AuthenticatedHttpClient.AuthenticatedHttpClient>
      ) =>
        Effect.gen(function*() {
          const { httpClient, stats } = yield* system.serve
          const exit = yield* use.pipe(
            Effect.provide(layer({ credential: right(system), ...options })),
            Effect.provideService(HttpClient.HttpClient, httpClient),
            Effect.exit
          )
          return { exit, stats: yield* stats }
        })

      it.effect("logs in with the first request, or at once if eager", () =>
        Effect.gen(function*() {
          assert.strictEqual((yield* running({}, Effect.void)).stats.logins, 0)
          assert.strictEqual((yield* running({ eager: true }, Effect.void)).stats.logins, 1)
        }))

      it.effect("an eager login with wrong credentials fails the start", () =>
        Effect.gen(function*() {
          const credential = { ...right(system), password: Redacted.make("canary-password-wrong") }
          const { exit } = yield* running({ credential, eager: true }, Effect.void)
          assert.include(String(exit), "CredentialsRejected")
        }))

      it.effect("logs out at the end if the server has a logout, unless told not to or a store keeps the session", () =>
        Effect.gen(function*() {
          const logouts = (options: Partial<Options>) =>
            Effect.map(running(options, get(system.path)), ({ stats }) => stats.logouts)
          assert.strictEqual(yield* logouts({}), logsOut ? 1 : 0)
          assert.strictEqual(yield* logouts({ logout: false }), 0)
          assert.strictEqual(yield* logouts({ store: yield* TokenStore.makeMemory }), 0)
        }))

      it.effect("continues a session from its store, and from TokenStores when it is given none", () =>
        Effect.gen(function*() {
          const { httpClient, stats } = yield* system.serve
          const run = (options: Partial<Options>) =>
            get(system.path).pipe(
              Effect.provide(layer({ credential: right(system), ...options })),
              Effect.provideService(HttpClient.HttpClient, httpClient)
            )
          const store = yield* TokenStore.makeMemory
          yield* Effect.replicateEffect(run({ store }), 2)
          assert.strictEqual((yield* stats).logins, 1)
          yield* Effect.provide(Effect.replicateEffect(run({}), 2), TokenStores.layerMemory)
          assert.strictEqual((yield* stats).logins, 2)
        }))

      it.effect("tells onTokenChange of every change", () =>
        Effect.gen(function*() {
          const told = yield* Ref.make<ReadonlyArray<string>>([])
          yield* running(
            { onTokenChange: (change) => Ref.update(told, (all) => [...all, change._tag]) },
            get(system.path)
          )
          assert.deepStrictEqual(yield* Ref.get(told), ["Obtained", "Cleared"])
        }))

      it.effect("reads a credential that is an Effect at each login", () =>
        Effect.gen(function*() {
          const credential = yield* rotated(system)
          const { exit, stats } = yield* running(
            { credential },
            Effect.gen(function*() {
              const refused = yield* Effect.flip(get(system.path))
              assert.strictEqual(refused._tag, "CredentialsRejected")
              yield* TestClock.adjust("30 seconds") // the cool-down
              return (yield* get(system.path)).status
            })
          )
          assert.strictEqual(yield* exit, 200)
          assert.strictEqual(stats.logins, 1)
        }))
    })
  }

  for (const { layer, name, system } of statics) {
    it.effect(`${name} reads a credential that is an Effect again when it is refused, and sends the request again`, () =>
      Effect.gen(function*() {
        const { httpClient } = yield* system.serve
        const credential = yield* rotated(system)
        const { status } = yield* get(system.path).pipe(
          Effect.provide(layer({ credential })),
          Effect.provideService(HttpClient.HttpClient, httpClient)
        )
        assert.strictEqual(status, 200)
      }))
  }
})

describe("Two systems in one program", () => {
  /** One transport for both, by host. */
  const transport = Effect.gen(function*() {
    const mqServer = yield* mq.serve
    const yamcsServer = yield* yamcs.serve
    return {
      httpClient: HttpClient.make((request, url) =>
        (url.origin === mq.origin ? mqServer : yamcsServer).httpClient.execute(request)
      ),
      stats: Effect.all({ mq: mqServer.stats, yamcs: yamcsServer.stats })
    }
  })
  const Mq = IbmMq.layerBasic({ baseUrl: mqBase, credential: right(mq) })
  const Telemetry = Yamcs.layerPassword({ baseUrl: yamcs.origin, credential: right(yamcs) })

  it.effect("each function reaches its own server, in either order of layers", () =>
    Effect.gen(function*() {
      for (
        const layers of [
          Layer.merge(Mq, Telemetry),
          Layer.merge(Telemetry, Mq),
          AuthenticatedHttpClient.mergeSystems(Mq, Telemetry)
        ]
      ) {
        const { httpClient, stats } = yield* transport
        yield* Effect.gen(function*() {
          assert.strictEqual((yield* MqUser.whoAmI).name, mq.username)
          assert.strictEqual((yield* Yamcs.user).name, yamcs.username)
          assert.strictEqual((yield* (yield* AuthMode.client("IbmMq/Basic")).get(mq.path)).status, 200)
          assert.strictEqual((yield* (yield* AuthMode.client("Yamcs/Password")).get(yamcs.path)).status, 200)
        }).pipe(Effect.provide(layers), Effect.provideService(HttpClient.HttpClient, httpClient))
        const counted = yield* stats
        assert.strictEqual(counted.yamcs.requests, 2)
        assert.strictEqual(counted.yamcs.logins, 1)
      }
    }))

  it.effect("mergeSystems leaves no shared client behind", () =>
    Effect.gen(function*() {
      const { httpClient } = yield* transport
      const context = yield* Layer.build(AuthenticatedHttpClient.mergeSystems(Mq, Telemetry)).pipe(
        Effect.provideService(HttpClient.HttpClient, httpClient)
      )
      const shared = Context.getOption(
        context as Context.Context<never>,
        AuthenticatedHttpClient.AuthenticatedHttpClient
      )
      assert.isTrue(Option.isNone(shared))
    }).pipe(Effect.scoped))

  it.effect("two clients of one system have tags of one's own", () =>
    Effect.gen(function*() {
      class Prod extends Context.Tag("test/Prod")<Prod, AuthenticatedHttpClient.Service>() {}
      class Staging extends Context.Tag("test/Staging")<Staging, AuthenticatedHttpClient.Service>() {}
      const prod = yield* yamcs.serve
      const staging = yield* yamcs.serve
      const httpClient = HttpClient.make((request, url) =>
        (url.host.startsWith("prod") ? prod : staging).httpClient.execute(request)
      )
      const client = (host: string) =>
        Yamcs.make({ baseUrl: `https://${host}.example`, credential: { _tag: "Password", ...right(yamcs) } })
      yield* Effect.gen(function*() {
        yield* (yield* Prod).get(yamcs.path)
        yield* (yield* Prod).get(yamcs.path)
        yield* (yield* Staging).get(yamcs.path)
      }).pipe(
        Effect.provide(Layer.merge(Layer.scoped(Prod, client("prod")), Layer.scoped(Staging, client("staging")))),
        Effect.provideService(HttpClient.HttpClient, httpClient)
      )
      assert.strictEqual((yield* prod.stats).requests, 2)
      assert.strictEqual((yield* staging.stats).requests, 1)
    }))

  it.effect("a token in one system's store is never sent to the other", () =>
    Effect.gen(function*() {
      const { httpClient, stats } = yield* transport
      const Ltpa = IbmMq.layerLtpa({ baseUrl: mqBase, credential: right(mq) })
      yield* Effect.gen(function*() {
        yield* Effect.flatMap(IbmMq.Client, (http) => http.get(mq.path))
        yield* Yamcs.user
      }).pipe(
        Effect.provide(Layer.merge(Ltpa, Telemetry)),
        Effect.provide(TokenStores.layerMemory),
        Effect.provideService(HttpClient.HttpClient, httpClient)
      )
      const counted = yield* stats
      assert.strictEqual(counted.mq.logins, 1)
      assert.strictEqual(counted.yamcs.logins, 1)
    }))
})

it.effect("a stored token that is not of this audience is not looked at", () =>
  Effect.gen(function*() {
    const stores = yield* TokenStores.TokenStores
    const other = yield* TokenStores.audienceKey({ mode: "Yamcs/Password", origin: yamcs.origin, account: "another" })
    yield* TokenStore.set(stores.forAudience(other), yield* Token.make({ value: "canary-token-of-another" }))
    const { httpClient, stats } = yield* yamcs.serve
    yield* Yamcs.user.pipe(
      Effect.provide(Yamcs.layerPassword({ baseUrl: yamcs.origin, credential: right(yamcs) })),
      Effect.provideService(HttpClient.HttpClient, httpClient)
    )
    assert.strictEqual((yield* stats).logins, 1)
  }).pipe(Effect.provide(TokenStores.layerMemory)))

describe("every fake", () => {
  const changed = Redacted.make("canary-password-changed")

  /** A session outlives the change of its password; the next login needs the new one. */
  const outlives = <E1, E2>(options: {
    readonly change: Effect.Effect<void>
    readonly call: (password: Redacted.Redacted) => Effect.Effect<unknown, E1>
    readonly session: Effect.Effect<unknown, E2>
    readonly old: Redacted.Redacted
  }) =>
    Effect.gen(function*() {
      yield* options.session
      yield* options.change
      yield* options.session
      assert.strictEqual((yield* Effect.exit(options.call(options.old)))._tag, "Failure")
      yield* options.call(changed)
    })

  it.scopedLive("changes a password while it runs, and keeps the sessions that it began", () =>
    Effect.gen(function*() {
      const mq = yield* FakeMqweb.make()
      const yamcs = yield* FakeYamcs.make()
      const qualys = yield* FakeQualys.make()
      const over = <A, E>(
        httpClient: HttpClient.HttpClient,
        client: Effect.Effect<A, E, HttpClient.HttpClient | Scope.Scope>
      ) => Effect.provideService(client, HttpClient.HttpClient, httpClient)
      const call = (path: string) => (http: AuthenticatedHttpClient.Service) => http.get(path)
      const mqWith = (password: Redacted.Redacted) =>
        over(
          mq.httpClient,
          IbmMq.make({
            baseUrl: "https://mq.example/ibmmq/rest/v3",
            credential: { _tag: "Ltpa", username: FakeMqweb.canaries.username, password }
          })
        )
      const yamcsWith = (password: Redacted.Redacted) =>
        over(
          yamcs.httpClient,
          Yamcs.make({
            baseUrl: "https://yamcs.example",
            credential: { _tag: "Password", username: FakeYamcs.canaries.username, password }
          })
        )
      const qualysWith = (password: Redacted.Redacted) =>
        over(
          qualys.httpClient,
          Qualys.make({ credential: { _tag: "Jwt", username: FakeQualys.canaries.username, password } })
        )
      const systems = [
        {
          fake: mq,
          canaries: FakeMqweb.canaries,
          client: mqWith,
          path: "/admin/qmgr"
        },
        { fake: yamcs, canaries: FakeYamcs.canaries, client: yamcsWith, path: "/api/user" },
        {
          fake: qualys,
          canaries: FakeQualys.canaries,
          client: qualysWith,
          path: "/rest/2.0/count/am/asset"
        }
      ]
      for (const { canaries, client, fake, path } of systems) {
        const old = Redacted.make(canaries.password)
        const session = yield* client(old)
        yield* outlives({
          change: fake.changePassword(canaries.username, Redacted.value(changed)),
          call: (password) => Effect.scoped(Effect.flatMap(client(password), call(path))),
          session: call(path)(session),
          old
        })
      }
    }).pipe(VirtualClock.run))
})
