import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthMode from "@effect-auth/core/AuthMode"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Fault from "@effect-auth/testing/Fault"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type * as TestServices from "effect/TestServices"
import * as Yamcs from "../src/Yamcs.ts"
import * as YamcsError from "../src/YamcsError.ts"

const baseUrl = "https://yamcs.example"

const server = FakeYamcs.FakeYamcs

const stats = Effect.flatMap(server, ({ stats }) => stats)

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

/** The tickets of the fake, and for whom they were asked. */
const tickets = Layer.effect(Negotiate.Negotiate, Effect.map(server, ({ negotiate }) => negotiate))

const live = (options?: Partial<Yamcs.SpnegoOptions>, fake: FakeYamcs.Options = { spnego: true }) =>
  Yamcs.layerSpnego({ baseUrl, ...options }).pipe(
    Layer.provideMerge(tickets),
    Layer.provideMerge(FakeYamcs.layer(fake))
  )

const itVirtually = <A, E>(name: string, test: () => Effect.Effect<A, E, TestServices.TestServices>) =>
  it.effect(name, () => VirtualClock.run(test()))

/** Over a log of the requests, on which faults can be injected. */
const logged = (fake: FakeYamcs.Service) => FakeServer.make(fake.app)

describe("Yamcs, Kerberos", () => {
  it.effect("a ticket brings a code, and the code a token, with the first request", () =>
    Effect.gen(function*() {
      const fake = yield* FakeYamcs.make({ spnego: true })
      const log = yield* logged(fake)
      yield* whoAmI.pipe(
        Effect.provide(Yamcs.layerSpnego({ baseUrl })),
        Effect.provideService(HttpClient.HttpClient, log.httpClient),
        Effect.provideService(Negotiate.Negotiate, fake.negotiate)
      )
      yield* log.expect([
        { line: "GET /auth/spnego", status: 200 },
        { line: "POST /auth/token", status: 200 },
        { line: "GET /api/user", status: 200 }
      ])
      const [ticket, code] = yield* log.requests
      assert.match(ticket?.headers["authorization"] ?? "", /^Negotiate [A-Za-z0-9+/]+=*$/u)
      // the server closes this connection, whatever it says of it
      assert.strictEqual(ticket?.headers["connection"], "close")
      assert.isUndefined(code?.headers["authorization"])
      assert.deepInclude(yield* fake.stats, { tickets: 1, logins: 1, refused: 0 })
    }))

  it.effect("the user is the principal without its realm", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "robot")
    }).pipe(Effect.provide(live({ credential: { principal: "robot@EXAMPLE.COM" } }))))

  it.effect("is found below a context path", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(live({ baseUrl: "yamcs.example:8090/ops/" }, { spnego: true, contextPath: "/ops" }))))

  itVirtually(
    "is renewed silently, each time by another ticket, and carries no old token",
    () =>
      Effect.gen(function*() {
        const fake = yield* FakeYamcs.make({ spnego: true, tokenLifetime: "60 seconds" })
        const log = yield* logged(fake)
        yield* Effect.repeatN(Effect.zipRight(whoAmI, Effect.sleep("45 seconds")), 19).pipe(
          Effect.provide(Yamcs.layerSpnego({ baseUrl })),
          Effect.provideService(HttpClient.HttpClient, log.httpClient),
          Effect.provideService(Negotiate.Negotiate, fake.negotiate)
        )
        const { logins, refreshes, refused, tickets } = yield* fake.stats
        assert.isAtLeast(tickets, 8)
        assert.deepStrictEqual({ logins, refreshes, refused }, { logins: tickets, refreshes: 0, refused: 0 })
        const requests = yield* log.requests
        const sent = requests.filter(({ line }) => line !== "GET /api/user").map(({ headers }) =>
          headers["authorization"]
        )
        assert.isTrue(sent.every((value) => value === undefined || value.startsWith("Negotiate ")))
        assert.strictEqual(new Set(sent).size, tickets + 1)
      })
  )

  itVirtually("64 fibers on an expired token take one ticket", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* Effect.sleep("501 seconds")
      yield* Effect.replicateEffect(whoAmI, 64, { concurrency: "unbounded" })
      assert.deepInclude(yield* stats, { tickets: 2, logins: 2, requests: 65, refused: 0 })
    }).pipe(Effect.provide(live())))

  itVirtually("a restart of the server costs one ticket", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* Effect.flatMap(server, ({ restart }) => restart)
      yield* Effect.replicateEffect(whoAmI, 16, { concurrency: "unbounded" })
      assert.deepInclude(yield* stats, { tickets: 2, logins: 2 })
    }).pipe(Effect.provide(live())))

  itVirtually("an answer that is lost, or is no code, is asked for by another ticket", () =>
    Effect.gen(function*() {
      const fake = yield* FakeYamcs.make({ spnego: true })
      const log = yield* logged(fake)
      yield* log.inject(Fault.status(200, { body: "<html>log in here</html>" }), { on: "GET /auth/spnego" })
      yield* log.inject(Fault.status(503), { on: "GET /auth/spnego" })
      yield* log.inject(Fault.status(502), { on: "POST /auth/token" })
      yield* whoAmI.pipe(
        Effect.provide(Yamcs.layerSpnego({ baseUrl })),
        Effect.provideService(HttpClient.HttpClient, log.httpClient),
        Effect.provideService(Negotiate.Negotiate, fake.negotiate)
      )
      const tickets = (yield* log.requests).filter(({ line }) => line === "GET /auth/spnego")
      assert.strictEqual(tickets.length, 4)
      assert.strictEqual(new Set(tickets.map(({ headers }) => headers["authorization"])).size, 4)
    }))

  it.effect("a code that a server has forgotten is asked for once more", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(server, ({ failNext }) => failNext(1, 401))
      assert.strictEqual(yield* whoAmI, "operator")
      assert.deepInclude(yield* stats, { tickets: 2, attempts: 2 })
    }).pipe(Effect.provide(live())))

  it.effect("a blocked account is refused, and not asked for again within the cool-down; its open token goes on", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* Effect.flatMap(server, ({ block }) => block("operator"))
      yield* whoAmI
      yield* TestClock.adjust("500 seconds")
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401 })
      yield* Effect.flip(Yamcs.user)
      assert.deepInclude(yield* stats, { tickets: 3 })
    }).pipe(Effect.provide(live())))

  it.effect("a ticket for another server is refused, and the error names the server", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", mode: "Yamcs/Spnego", status: 401 })
      assert.include(error.message, "the server did not accept the ticket for HTTP@yamcs.example")
    }).pipe(Effect.provide(live({}, { spnego: "HTTP@real-name.example" }))))

  it.effect("the name of the server can be set, where the host is an address or an alias", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(
      live({ credential: { service: "HTTP@real-name.example" } }, { spnego: "HTTP@real-name.example" })
    )))

  it.effect("a server that takes no tickets is told from one that refuses this one", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", status: 404 })
      assert.include(error.message, "the server does not accept Kerberos tickets")
    }).pipe(Effect.provide(live({}, {}))))

  for (
    const [reason, attempts] of [
      ["NoCredentials", 1],
      ["TicketExpired", 1],
      ["UnknownService", 1],
      ["Unsupported", 1],
      ["Failed", 1],
      ["KdcUnreachable", 4]
    ] as const
  ) {
    itVirtually(
      `${reason} is no refusal, is tried ${
        attempts === 1 ? "once" : `${attempts} times`
      }, and is over as soon as there is a ticket`,
      () =>
        Effect.gen(function*() {
          const fake = yield* server
          const calls = yield* Ref.make(0)
          const isOver = yield* Ref.make(false)
          const negotiate: Negotiate.Service = {
            token: (target) =>
              Effect.zipRight(
                Ref.update(calls, (n) => n + 1),
                Effect.if(Ref.get(isOver), {
                  onTrue: () => fake.negotiate.token(target),
                  onFalse: () =>
                    new Negotiate.NegotiateError({
                      reason,
                      service: target.service,
                      problem: "the words of the system"
                    })
                })
              )
          }
          yield* Effect.gen(function*() {
            const error = yield* Effect.flip(Yamcs.user)
            assert.deepInclude(error, { _tag: "CredentialUnavailable", code: reason, mode: "Yamcs/Spnego" })
            assert.strictEqual(yield* Ref.get(calls), attempts)
            yield* Ref.set(isOver, true)
            assert.strictEqual(yield* whoAmI, "operator")
          }).pipe(
            Effect.provide(Yamcs.layerSpnego({ baseUrl })),
            Effect.provideService(Negotiate.Negotiate, negotiate)
          )
          assert.deepInclude(yield* fake.stats, { tickets: 1, logins: 1 })
        }).pipe(Effect.provide(FakeYamcs.layer({ spnego: true })))
    )
  }

  it.effect("a ticket that a program sends to the API itself is refused by 400, and its quotation is cut off", () =>
    Effect.gen(function*() {
      const http = yield* AuthenticatedHttpClient.make(yield* Negotiate.authenticator(), { baseUrl })
      const plain = yield* HttpClient.HttpClient
      const raw = yield* plain.get(`${baseUrl}/api/user`, { headers: { authorization: "Negotiate Y2FuYXJ5" } })
      assert.include(yield* raw.text, "Y2FuYXJ5")
      const error = yield* Effect.flip(YamcsError.filterStatusOk(http.get("/api/user")))
      assert.deepInclude(error, { _tag: "YamcsError", status: 400, msg: "Unsupported Authorization header" })
    }).pipe(Effect.provide(Layer.provideMerge(tickets, FakeYamcs.layer({ spnego: true })))))

  it.effect("keeps a token in a store only if it says whose it is", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const run = (credential?: Yamcs.SpnegoOptions["credential"]) =>
        Effect.provide(whoAmI, Yamcs.layerSpnego({ baseUrl, store, credential }))
      yield* run()
      yield* run()
      assert.deepInclude(yield* stats, { tickets: 2 })
      yield* run({ principal: "operator@EXAMPLE.COM" })
      yield* run({ principal: "operator@EXAMPLE.COM" })
      assert.deepInclude(yield* stats, { tickets: 3 })
      assert.strictEqual(yield* run({ principal: "robot@EXAMPLE.COM" }), "robot")
    }).pipe(Effect.provide(Layer.provideMerge(tickets, FakeYamcs.layer({ spnego: true })))))

  it.scoped("has tokens by themselves, which a client shares", () =>
    Effect.gen(function*() {
      const tokens = yield* Yamcs.makeSpnegoTokens({ baseUrl })
      const { expiresAt } = yield* tokens.get
      assert.isDefined(expiresAt)
      const http = yield* Yamcs.makeWith(tokens, {
        baseUrl,
        credential: { _tag: "Spnego" }
      })
      assert.strictEqual((yield* http.get("/api/user")).status, 200)
      assert.deepInclude(yield* stats, { tickets: 1 })
    }).pipe(Effect.provide(Layer.provideMerge(tickets, FakeYamcs.layer({ spnego: true })))))

  it.effect("is configured by YAMCS_SERVICE and YAMCS_PRINCIPAL", () =>
    Effect.gen(function*() {
      const { spnegoConfig } = yield* Effect.promise(() => import("../src/YamcsCredential.ts"))
      const layer = Yamcs.layerSpnegoConfig({ baseUrl: Config.succeed(baseUrl), credential: spnegoConfig("YAMCS") })
      const http = AuthMode.client("Yamcs/Spnego")
      const status = Effect.map(Effect.flatMap(http, (http) => http.get("/api/user")), ({ status }) => status)
      const withVariables = (variables: ReadonlyArray<readonly [string, string]>) =>
        Effect.withConfigProvider(ConfigProvider.fromMap(new Map(variables)))
      assert.strictEqual(
        yield* Effect.provide(status, layer).pipe(withVariables([["YAMCS_SERVICE", "HTTP@real-name.example"]])),
        200
      )
      const error = yield* Effect.flip(
        Effect.provide(status, layer).pipe(withVariables([["YAMCS_SERVICE", "HTTP/real-name.example@EXAMPLE.COM"]]))
      )
      assert.include(String(error), "YAMCS_SERVICE")
      assert.include(String(error), "must be service@host, such as HTTP@yamcs.example")
    }).pipe(Effect.provide(Layer.provideMerge(tickets, FakeYamcs.layer({ spnego: "HTTP@real-name.example" })))))

  itVirtually(
    "gives up a key distribution center that does not answer, with the policy's timeout",
    () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.flip(Yamcs.user))
        yield* Effect.sleep("31 seconds")
        assert.deepInclude(yield* Fiber.join(fiber), { _tag: "TokenEndpointError", reason: "Timeout" })
      }).pipe(
        Effect.provide(Yamcs.layerSpnego({ baseUrl })),
        Effect.provideService(Negotiate.Negotiate, { token: () => Effect.never }),
        Effect.provideService(
          HttpClient.HttpClient,
          HttpClient.make((request) =>
            Effect.succeed(HttpClientResponse.fromWeb(request, new Response(null, { status: 500 })))
          )
        )
      )
  )
})
