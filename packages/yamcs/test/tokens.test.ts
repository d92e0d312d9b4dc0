import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import type * as TestServices from "effect/TestServices"
import * as Yamcs from "../src/Yamcs.ts"
import { Password, ServiceAccount } from "../src/YamcsCredential.ts"

const baseUrl = "https://yamcs.example"

const credential = new Password({
  username: FakeYamcs.canaries.username,
  password: Redacted.make(FakeYamcs.canaries.password)
})

const serviceAccount = new ServiceAccount({
  clientId: FakeYamcs.canaries.serviceAccount.applicationId,
  clientSecret: Redacted.make(FakeYamcs.canaries.serviceAccount.applicationSecret),
  become: FakeYamcs.canaries.username
})

const live = (server?: FakeYamcs.Options, options?: Partial<Yamcs.Options> & { readonly credential?: Password }) =>
  Layer.provideMerge(Yamcs.layer({ baseUrl, credential, ...options }), FakeYamcs.layer(server))

const server = FakeYamcs.FakeYamcs
const stats = Effect.flatMap(server, ({ stats }) => stats)

/** A test under a clock that runs ahead to the next thing that happens. */
const itVirtually = <A, E>(name: string, test: () => Effect.Effect<A, E, TestServices.TestServices>) =>
  it.effect(name, () => VirtualClock.run(test()))

/** Takes no longer than this, on the test's clock. */
const within = Effect.timeout

/** Eight fibers that go on asking for two seconds, whatever the answer. */
const restless = <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.forever(Effect.zipRight(Effect.ignore(self), Effect.sleep("100 millis"))).pipe(
    Effect.timeoutOption("2 seconds"),
    Effect.replicateEffect(8, { concurrency: "unbounded" })
  )

describe("Tokens of Yamcs, the ladder", () => {
  itVirtually("a refused refresh token leads to a login", () =>
    Effect.gen(function*() {
      yield* Yamcs.user
      yield* Effect.sleep("31 minutes") // the session has been idle for too long
      yield* Yamcs.user
      assert.deepInclude(yield* stats, { attempts: 3, logins: 2, refreshes: 0, refused: 0 })
    }).pipe(Effect.provide(live())))

  for (
    const [what, page] of [
      ["a page of a proxy with 404", () => new Response("<html>nothing here</html>", { status: 404 })],
      ["a redirect", () => new Response(null, { status: 302, headers: { location: "https://sso.example/" } })],
      ["a page of a firewall with 403", () => new Response("<html>blocked</html>", { status: 403 })],
      ["a captive portal with 200", () => new Response("<html>log in</html>", { status: 200 })],
      ["a 401 of a proxy", () => new Response("<html>proxy login</html>", { status: 401 })]
    ] as const
  ) {
    itVirtually(
      `${what} in the place of an answer to a refresh costs no login: it is tried again`,
      () =>
        Effect.gen(function*() {
          const fake = yield* HttpClient.HttpClient
          const isStruck = yield* Ref.make(false)
          const client = HttpClient.make((request) =>
            Effect.flatMap(Ref.getAndSet(isStruck, false), (isStruck) =>
              isStruck && request.url.endsWith("/auth/token")
                ? Effect.succeed(HttpClientResponse.fromWeb(request, page()))
                : fake.execute(request))
          )
          yield* Effect.gen(function*() {
            yield* Yamcs.user
            yield* Effect.sleep("501 seconds")
            yield* Ref.set(isStruck, true)
            yield* Yamcs.user.pipe(within("3 seconds"))
          }).pipe(
            Effect.provide(Yamcs.layer({ baseUrl, credential })),
            Effect.provideService(HttpClient.HttpClient, client)
          )
          assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, refused: 0 })
        }).pipe(Effect.provide(FakeYamcs.layer()))
    )
  }

  itVirtually("a token that is rejected straight after a refresh leads to a login", () =>
    Effect.gen(function*() {
      yield* Yamcs.user
      yield* Effect.flatMap(server, ({ killSessions }) => killSessions)
      yield* Yamcs.user
      assert.deepInclude(yield* stats, { logins: 2, refreshes: 1, requests: 2, refused: 2 })
    }).pipe(Effect.provide(live())))

  itVirtually(
    "after a restart of the server there is one login, and every request succeeds",
    () =>
      Effect.gen(function*() {
        yield* Yamcs.user
        yield* Effect.flatMap(server, ({ restart }) => restart)
        yield* Effect.replicateEffect(Yamcs.user, 64, { concurrency: "unbounded" })
        assert.deepInclude(yield* stats, { attempts: 3, logins: 2, refreshes: 0, requests: 65 })
      }).pipe(Effect.provide(live()))
  )

  itVirtually("a wrong password is tried once", () =>
    Effect.gen(function*() {
      const errors = yield* Effect.replicateEffect(Effect.flip(Yamcs.user), 16, { concurrency: "unbounded" })
      assert.isTrue(errors.every(({ _tag }) => _tag === "CredentialsRejected"))
      assert.deepInclude(yield* stats, { attempts: 1, logins: 0 })
    }).pipe(Effect.provide(
      live(undefined, { credential: new Password({ ...credential, password: Redacted.make("canary-wrong") }) })
    )))

  // 512 of them: stress/tokens.test.ts
  for (const fibers of [8, 64]) {
    itVirtually(`${fibers} fibers on an expired token cause one refresh`, () =>
      Effect.gen(function*() {
        yield* Yamcs.user
        yield* Effect.sleep("501 seconds")
        yield* Effect.replicateEffect(Yamcs.user, fibers, { concurrency: "unbounded" })
        assert.deepInclude(yield* stats, { attempts: 2, logins: 1, refreshes: 1, requests: fibers + 1, refused: 0 })
      }).pipe(Effect.provide(live())))

    itVirtually(`${fibers} fibers whose token is rejected cause one refresh`, () =>
      Effect.gen(function*() {
        yield* Yamcs.user.pipe(within("2 seconds"))
        yield* Effect.flatMap(server, ({ revokeAll }) => revokeAll)
        yield* Effect.replicateEffect(Yamcs.user, fibers, { concurrency: "unbounded" }).pipe(within("2 seconds"))
        assert.deepInclude(yield* stats, { attempts: 2, logins: 1, refreshes: 1, requests: fibers + 1 })
      }).pipe(Effect.provide(live({ tokenLatency: "1 second" }))))
  }
})

describe("Tokens of Yamcs, renewal", () => {
  const cases: ReadonlyArray<readonly [lifetime: Duration.DurationInput, notBefore: number, atLast: number]> = [
    ["500 seconds", 389, 411], // a fifth of the lifetime early, give or take a tenth of that
    ["30 minutes", 854, 901], // half of the 1800 seconds after which a session that is not refreshed is over
    ["8 hours", 854, 901]
  ]
  cases.forEach(([lifetime, notBefore, atLast]) =>
    itVirtually(
      `of a token that lives for ${lifetime} is due between ${notBefore} s and ${atLast} s`,
      () =>
        Effect.gen(function*() {
          yield* Yamcs.user
          yield* Effect.sleep(Duration.seconds(notBefore))
          yield* Yamcs.user
          yield* Effect.sleep("10 millis")
          assert.deepInclude(yield* stats, { logins: 1, refreshes: 0 })
          yield* Effect.sleep(Duration.seconds(atLast - notBefore))
          yield* Yamcs.user
          yield* Effect.sleep("10 millis")
          assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, refused: 0 })
        }).pipe(Effect.provide(live({ tokenLifetime: lifetime })))
    )
  )

  // every interval for a whole day: stress/tokens.test.ts
  for (const minutes of [10, 20, 29]) {
    itVirtually(
      `a program that calls every ${minutes} minutes logs in once, however long a token lives`,
      () =>
        Effect.gen(function*() {
          yield* Effect.repeat(
            Yamcs.user,
            Schedule.spaced(Duration.minutes(minutes)).pipe(Schedule.intersect(Schedule.recurs(8)))
          )
          assert.deepInclude(yield* stats, { logins: 1, refused: 0, requests: 9 })
        }).pipe(Effect.provide(live({ tokenLifetime: "8 hours" })))
    )
  }

  itVirtually(
    "a session ends for no program that makes a request every 15 minutes, however irregularly",
    () =>
      Effect.gen(function*() {
        yield* Yamcs.user
        for (let call = 0; call < 20; call++) {
          yield* Effect.flatMap(Random.nextRange(0, 15), (minutes) => Effect.sleep(Duration.minutes(minutes)))
          yield* Yamcs.user
        }
        assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
      }).pipe(Effect.provide(live({ tokenLifetime: "8 hours" })), Effect.withRandom(Random.make("irregular")))
  )

  itVirtually(
    "a token of client credentials, which belongs to no session, is used until it is about to expire",
    () =>
      Effect.gen(function*() {
        yield* Effect.repeat(Yamcs.user, Schedule.spaced("20 minutes").pipe(Schedule.intersect(Schedule.recurs(5))))
        assert.deepInclude(yield* stats, { logins: 1, refused: 0 })
      }).pipe(Effect.provide(Layer.provideMerge(
        Yamcs.layer({ baseUrl, credential: serviceAccount }),
        FakeYamcs.layer({ tokenLifetime: "2 hours" })
      )))
  )

  itVirtually("keeps a session alive for hours without a request", () =>
    Effect.gen(function*() {
      yield* Yamcs.user
      for (let step = 0; step < 24; step++) yield* Effect.sleep("4 minutes")
      yield* Yamcs.user
      assert.deepInclude(yield* stats, { logins: 1, requests: 2, refused: 0 })
    }).pipe(Effect.provide(
      live({ tokenLifetime: "8 hours" }, { refreshPolicy: Yamcs.refreshPolicy.pipe(RefreshPolicy.keepAlive(true)) })
    )))
})

describe("Tokens of Yamcs, the limit of five token requests per second", () => {
  itVirtually("429 is tried again until it is over", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(server, ({ failNext }) => failNext(6, 429))
      yield* Yamcs.user.pipe(within("40 seconds"))
      assert.deepInclude(yield* stats, { attempts: 7, logins: 1 })
    }).pipe(Effect.provide(live())))

  itVirtually("429 without an end is a typed error within the time for an exchange", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user).pipe(within("40 seconds"))
      assert.strictEqual(error._tag, "TokenEndpointError")
      assert.isAtMost((yield* stats).maxTokenRequestsInAnySecond, 5)
    }).pipe(Effect.provide(live({ maxAuthRequestsPerSecond: 0 }))))

  itVirtually("other transient failures are tried four times", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(server, ({ failNext }) => failNext(100, 503))
      const error = yield* Effect.flip(Yamcs.user).pipe(within("40 seconds"))
      assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Unavailable" })
      assert.deepInclude(yield* stats, { attempts: 4 })
    }).pipe(Effect.provide(live())))

  itVirtually("the retries of many processes are not in step", () =>
    Effect.gen(function*() {
      const times = yield* Ref.make<ReadonlyArray<number>>([])
      const { httpClient } = yield* FakeYamcs.make({ maxAuthRequestsPerSecond: 0 })
      const recorded = HttpClient.tapRequest(
        httpClient,
        () => Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(times, (times) => [...times, now]))
      )
      const process = Effect.flip(Effect.provide(
        Yamcs.user,
        Layer.provide(Yamcs.layer({ baseUrl, credential }), Layer.succeed(HttpClient.HttpClient, recorded))
      ))
      yield* Effect.timeoutOption(
        Effect.replicateEffect(process, 20, { concurrency: "unbounded" }),
        "700 millis"
      )
      const retries = (yield* Ref.get(times)).filter((time) => time > 0).map((time) => Math.ceil(time / 50))
      assert.isAbove(new Set(retries).size, 3)
    }))

  const crowds: ReadonlyArray<readonly [name: string, server: FakeYamcs.Options]> = [
    ["tokens expire as they arrive", { tokenLifetime: 0 }],
    ["tokens live for a second", { tokenLifetime: "1 second" }],
    ["the server limits to nothing", { maxAuthRequestsPerSecond: 0 }]
  ]
  crowds.forEach(([name, options]) =>
    itVirtually(`is kept by fibers that never rest while ${name}`, () =>
      Effect.gen(function*() {
        yield* restless(Yamcs.user)
        assert.isAtMost((yield* stats).maxTokenRequestsInAnySecond, 5)
      }).pipe(Effect.provide(live(options))))
  )

  itVirtually(
    "is kept, so that none is refused, while the API revokes each token as soon as it was accepted",
    () =>
      Effect.gen(function*() {
        for (let call = 0; call < 12; call++) {
          yield* Yamcs.user
          yield* Effect.flatMap(server, ({ revokeAll }) => revokeAll)
        }
        const { attempts, logins, maxTokenRequestsInAnySecond, refreshes } = yield* stats
        assert.deepStrictEqual({ attempts, logins, refreshes }, { attempts: 12, logins: 1, refreshes: 11 })
        assert.strictEqual(maxTokenRequestsInAnySecond, 5)
      }).pipe(within("40 seconds"), Effect.provide(live()))
  )

  itVirtually("is kept while the API rejects every token", () =>
    Effect.gen(function*() {
      const fake = yield* FakeYamcs.make()
      const rejecting = HttpClient.make((request, url) =>
        url.pathname.startsWith("/api")
          ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response("Token expired", { status: 401 })))
          : fake.httpClient.execute(request)
      )
      yield* Effect.provide(
        restless(Yamcs.user),
        Layer.provide(Yamcs.layer({ baseUrl, credential }), Layer.succeed(HttpClient.HttpClient, rejecting))
      )
      const { attempts, maxTokenRequestsInAnySecond } = yield* fake.stats
      // a login and a refresh, and once more each: then the answers cannot be meant so
      assert.strictEqual(attempts, 4)
      assert.isAtMost(maxTokenRequestsInAnySecond, 5)
    }))
})
