/** What a session may need beyond logins and refreshes: a person, what a server demands, an end. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as TestClock from "effect/TestClock"
import { CredentialsRejected, CredentialUnavailable, InteractionRequired, TokenStoreError } from "../src/AuthError.ts"

const value = (token: Token.Token) => Redacted.value(token.value)

const granted = (name: string, options?: { readonly refreshToken?: string; readonly scope?: ReadonlyArray<string> }) =>
  Effect.orDie(Token.make({ value: name, lifetime: "100 seconds", ...options }))

const dead = Effect.fail(new CredentialsRejected({ mode: "Test", status: 400 }))

/** A person who takes a minute, and how often they were asked. */
const person = Effect.map(Ref.make<ReadonlyArray<TokenSource.Demand>>([]), (asked) => ({
  asked: Ref.get(asked),
  logIn: (demand: TokenSource.Demand) =>
    Effect.zipRight(Ref.update(asked, (all) => [...all, demand]), Effect.delay(granted("of-person"), "1 minute"))
}))

/** A source that holds a token whose refresh token has ended. */
const begun = (interactive: NonNullable<TokenSource.Options["interactive"]>) =>
  Effect.gen(function*() {
    const tokens = yield* TokenSource.make({
      interactive,
      refresh: () => dead,
      initial: Effect.asSome(granted("initial", { refreshToken: "canary-refresh" }))
    })
    yield* tokens.get
    return tokens
  })

describe("TokenSource > with a person", () => {
  it.scoped("asks once, for as long as it takes, outside the policy's timeout", () =>
    Effect.gen(function*() {
      const { asked, logIn } = yield* person
      const tokens = yield* TokenSource.make({ interactive: logIn })
      const callers = yield* Effect.fork(Effect.all([tokens.get, tokens.get], { concurrency: "unbounded" }))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual((yield* Fiber.join(callers)).map(value), ["of-person", "of-person"])
      assert.lengthOf(yield* asked, 1)
    }))

  it.scoped("gives up after five minutes, and does not ask again within the cool-down", () =>
    Effect.gen(function*() {
      const asked = yield* Ref.make(0)
      const tokens = yield* TokenSource.make({
        interactive: () => Effect.zipRight(Ref.update(asked, (n) => n + 1), Effect.never)
      })
      const caller = yield* Effect.fork(Effect.flip(tokens.get))
      yield* TestClock.adjust("5 minutes")
      const error = yield* Fiber.join(caller)
      assert.strictEqual(error._tag, "InteractionRequired")
      assert.include(error.message, "nobody logged in within 5m")
      assert.strictEqual((yield* Effect.flip(tokens.get))._tag, "InteractionRequired")
      assert.strictEqual(yield* Ref.get(asked), 1)
    }))

  it.scoped("a call in the background fails instead, and leaves the next one free to ask", () =>
    Effect.gen(function*() {
      const { asked, logIn } = yield* person
      const tokens = yield* TokenSource.make({ interactive: logIn })
      const background = Effect.provideService(tokens.get, TokenSource.MayInteract, false)
      assert.strictEqual((yield* Effect.flip(background))._tag, "InteractionRequired")
      assert.lengthOf(yield* asked, 0)
      const caller = yield* Effect.fork(tokens.get)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(value(yield* Fiber.join(caller)), "of-person")
    }))

  it.scoped("an early renewal asks nobody, and the token in use stays", () =>
    Effect.gen(function*() {
      const { asked, logIn } = yield* person
      const tokens = yield* begun(logIn)
      yield* TestClock.adjust("90 seconds")
      assert.strictEqual(value(yield* tokens.get), "initial")
      yield* TestClock.adjust("1 second")
      assert.lengthOf(yield* asked, 0)
    }))

  it.scoped("is asked when the refresh token has ended", () =>
    Effect.gen(function*() {
      const { asked, logIn } = yield* person
      const tokens = yield* begun(logIn)
      yield* TestClock.adjust("2 minutes")
      const caller = yield* Effect.fork(tokens.get)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(value(yield* Fiber.join(caller)), "of-person")
      assert.lengthOf(yield* asked, 1)
    }))

  it.scoped("is asked for the claims that the server states", () =>
    Effect.gen(function*() {
      const { asked, logIn } = yield* person
      const claims = { id_token: { acr: { value: "gold" } } }
      const tokens = yield* TokenSource.make({
        login: new InteractionRequired({ mode: "Test", claims: JSON.stringify(claims) }),
        interactive: logIn
      })
      const caller = yield* Effect.fork(tokens.get)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(caller)
      assert.deepStrictEqual((yield* asked).map(({ claims }) => claims), [claims])
    }))

  it.scoped("is asked for the claims that the server states instead of a refresh, and of a stored session too", () =>
    Effect.gen(function*() {
      const claims = { access_token: { acrs: { value: "c1" } } }
      const before = granted("before", { refreshToken: "canary-refresh" })
      const stored = Effect.gen(function*() {
        const store = yield* TokenStore.makeMemory
        yield* TokenStore.set(store, yield* before)
        return { store }
      })
      for (const from of [Effect.succeed({ initial: Effect.asSome(before) }), stored]) {
        const { asked, logIn } = yield* person
        const tokens = yield* TokenSource.make({
          refresh: () => new InteractionRequired({ mode: "Test", claims: JSON.stringify(claims) }),
          interactive: logIn,
          ...(yield* from)
        })
        yield* tokens.get
        yield* TestClock.adjust("2 minutes")
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(caller)
        assert.deepStrictEqual((yield* asked).map(({ claims }) => claims), [claims])
      }
    }))

  it.scoped("where nobody can be asked, the error says what the server said of the refresh token", () =>
    Effect.gen(function*() {
      const said = { mode: "Test", status: 400, code: "canary_code", detail: "what the server said" }
      for (const refusal of [new InteractionRequired(said), new CredentialsRejected(said)]) {
        const tokens = yield* TokenSource.make({
          mode: "Test",
          refresh: () => Effect.fail(refusal),
          initial: Effect.asSome(granted("initial", { refreshToken: "canary-refresh" }))
        })
        yield* tokens.get
        yield* TestClock.adjust("2 minutes")
        const error = yield* Effect.flip(tokens.get)
        assert.deepInclude(error, { ...said, _tag: "InteractionRequired" })
      }
    }))

  it.scoped("leaves the store to others meanwhile, and stores what the person brought", () =>
    Effect.gen(function*() {
      const { logIn } = yield* person
      const store = yield* TokenStore.makeMemory
      const tokens = yield* TokenSource.make({ interactive: logIn, store })
      const caller = yield* Effect.fork(tokens.get)
      yield* TestClock.adjust("30 seconds")
      yield* store.withLock(TokenStore.set(store, yield* granted("of another process")))
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual(value(yield* Fiber.join(caller)), "of-person")
      assert.deepStrictEqual(Option.map((yield* store.get).token, value), Option.some("of-person"))
    }))

  it.scoped("is interrupted at the end of the Scope, and has given back by then what it held", () =>
    Effect.gen(function*() {
      const ended = yield* Deferred.make<void>()
      yield* Effect.scoped(Effect.gen(function*() {
        const tokens = yield* TokenSource.make({
          interactive: () => Effect.onInterrupt(Effect.never, () => Deferred.succeed(ended, undefined))
        })
        yield* Effect.fork(tokens.get)
        yield* Effect.yieldNow()
        yield* TestClock.adjust("1 second")
      }))
      assert.isTrue(yield* Deferred.isDone(ended))
    }))
})

describe("TokenSource > with demands", () => {
  const api = (scopes: Readonly<Record<string, ReadonlyArray<string>>>) =>
    ScriptedHttpClient.make((request) => {
      const scope = scopes[(request.headers["authorization"] ?? "").slice("Bearer ".length)] ?? []
      return scope.includes("write")
        ? { status: 200 }
        : { status: 403, headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` } }
    })

  const client = (
    login: (demand: TokenSource.Demand) => ReturnType<typeof granted>,
    scopes: Record<string, ReadonlyArray<string>>
  ) =>
    Effect.gen(function*() {
      const asked = yield* Ref.make<ReadonlyArray<TokenSource.Demand["scope"]>>([])
      const tokens = yield* TokenSource.make({
        login: (demand) => Effect.zipRight(Ref.update(asked, (all) => [...all, demand.scope]), login(demand))
      })
      const http = yield* AuthenticatedHttpClient.make(
        Authenticator.bearer(tokens, { review: Authenticator.reviewDemands }),
        { baseUrl: "https://acme.example" }
      ).pipe(Effect.provideService(HttpClient.HttpClient, api(scopes)))
      return { http, asked: Ref.get(asked) }
    })

  const named = (demand: TokenSource.Demand) => granted(`with-${(demand.scope ?? ["nothing"]).join("-")}`)

  it.scoped("a scope that is missing is asked for, and the request is sent again", () =>
    Effect.gen(function*() {
      const { asked, http } = yield* client(named, { "with-write": ["write"] })
      assert.strictEqual((yield* http.get("/things")).status, 200)
      assert.deepStrictEqual(yield* asked, [undefined, ["write"]])
    }))

  it.scoped("a scope that was asked for in vain is not asked for again", () =>
    Effect.gen(function*() {
      const { asked, http } = yield* client(named, {})
      for (let call = 0; call < 3; call++) {
        assert.strictEqual((yield* Effect.flip(http.get("/things")))._tag, "AuthenticationFailed")
      }
      assert.lengthOf(yield* asked, 2)
    }))

  it.scoped("is a refusal at once where no login can ask for more", () =>
    Effect.gen(function*() {
      const tokens = yield* TokenSource.make({ login: granted("fixed") })
      const transport = ScriptedHttpClient.make({
        status: 403,
        headers: { "www-authenticate": `Bearer error="insufficient_scope", scope="write"` }
      })
      const http = yield* AuthenticatedHttpClient.make(
        Authenticator.bearer(tokens, { review: Authenticator.reviewDemands }),
        { baseUrl: "https://acme.example" }
      ).pipe(Effect.provideService(HttpClient.HttpClient, transport))
      assert.strictEqual((yield* Effect.flip(http.get("/things")))._tag, "AuthenticationFailed")
      assert.strictEqual(yield* transport.count, 1)
    }))
})

describe("TokenSource > where only a person can log in, and does so elsewhere", () => {
  it.scoped("asks the server nothing while nobody has, however often it is asked itself", () =>
    Effect.gen(function*() {
      const refreshes = yield* Ref.make(0)
      const store = yield* TokenStore.makeMemory
      yield* TokenStore.set(store, yield* granted("canary-stored", { refreshToken: "canary-refresh" }))
      const tokens = yield* TokenSource.make({
        store,
        refresh: () => Effect.zipRight(Ref.update(refreshes, (n) => n + 1), dead)
      })
      yield* tokens.get
      yield* tokens.reject(yield* tokens.get)
      for (const _ of [1, 2, 3]) assert.strictEqual((yield* Effect.flip(tokens.get))._tag, "InteractionRequired")
      assert.strictEqual(yield* Ref.get(refreshes), 1)
    }))

  it.scoped("takes the token that has come into the store as soon as it is needed, without a cool-down", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const tokens = yield* TokenSource.make({ store })
      assert.strictEqual((yield* Effect.flip(tokens.get))._tag, "InteractionRequired")
      yield* TokenStore.set(store, yield* granted("canary-elsewhere"))
      assert.strictEqual(Redacted.value((yield* tokens.get).value), "canary-elsewhere")
    }))
})

describe("TokenSource > with tokens that not every server knows at once", () => {
  /** An API that learns of a token `delay` after its login, and the times at which it was asked, in seconds. */
  const replicated = (clock: VirtualClock.VirtualClock, options: {
    readonly delay: Duration.DurationInput
    readonly settling?: TokenSource.Options["settling"]
    readonly replay?: AuthenticatedHttpClient.Options["replay"]
  }) =>
    Effect.gen(function*() {
      const logins = yield* Ref.make(0)
      const known = yield* Ref.make<ReadonlyArray<string>>([])
      const revoked = yield* Ref.make(false)
      const times = yield* Ref.make<ReadonlyArray<number>>([])
      const scope = yield* Effect.scope
      const tokens = yield* TokenSource.make({
        settling: options.settling,
        login: Effect.flatMap(Ref.updateAndGet(logins, (n) => n + 1), (n) => {
          const replicate = Effect.delay(Ref.update(known, (all) => [...all, `Bearer canary-${n}`]), options.delay)
          return Effect.zipRight(
            Effect.forkIn(replicate, scope),
            Effect.orDie(Token.make({ value: `canary-${n}`, lifetime: "1 hour" }))
          )
        })
      })
      const transport = ScriptedHttpClient.make((request) => {
        Effect.runSync(Ref.update(times, (all) => [...all, clock.unsafeCurrentTimeMillis() / 1000]))
        const isKnown = Effect.runSync(Ref.get(known)).includes(request.headers["authorization"] ?? "")
        return { status: isKnown && !Effect.runSync(Ref.get(revoked)) ? 200 : 401 }
      })
      const http = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
        baseUrl: "https://acme.example",
        replay: options.replay
      }).pipe(Effect.provideService(HttpClient.HttpClient, transport))
      return { http, logins: Ref.get(logins), times: Ref.get(times), revoke: Ref.set(revoked, true) }
    })

  const inVirtualTime = <A, E, R>(test: (clock: VirtualClock.VirtualClock) => Effect.Effect<A, E, R>) => () =>
    Effect.suspend(() => {
      const clock = VirtualClock.make(0)
      return Effect.withClock(test(clock), clock)
    })

  const settling = Schedule.exponential("1 second").pipe(
    Schedule.whileInput((age: Duration.Duration) => Duration.lessThan(age, "5 seconds"))
  )

  it.scoped(
    "the same token is sent again after a second, then after two, without another login",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http, logins, times } = yield* replicated(clock, { delay: "2.5 seconds", settling })
        const call = yield* Effect.fork(http.get("/things"))
        yield* clock.advance("4 seconds")
        assert.strictEqual((yield* Fiber.join(call)).status, 200)
        assert.deepStrictEqual(yield* times, [0, 1, 3])
        assert.strictEqual(yield* logins, 1)
      })
    )
  )

  it.scoped(
    "without a schedule the refusal is believed at once",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http, logins, times } = yield* replicated(clock, { delay: "1 second" })
        assert.strictEqual((yield* Effect.flip(http.get("/things")))._tag, "AuthenticationFailed")
        assert.deepStrictEqual(yield* times, [0, 0])
        assert.strictEqual(yield* logins, 2)
      })
    )
  )

  it.scoped(
    "requests that are refused at the same time wait together, and the schedule is stepped once for all",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const steps = yield* Ref.make(0)
        const counted = Schedule.tapInput(settling, () => Ref.update(steps, (n) => n + 1))
        const { http, logins, times } = yield* replicated(clock, { delay: "2.5 seconds", settling: counted })
        const first = yield* Effect.fork(
          Effect.all(Array.from({ length: 10 }, () => http.get("/things")), { concurrency: "unbounded" })
        )
        yield* clock.advance("2 seconds")
        const late = yield* Effect.fork(http.get("/things"))
        yield* clock.advance("2 seconds")
        assert.deepStrictEqual((yield* Fiber.join(first)).map(({ status }) => status), Array(10).fill(200))
        assert.strictEqual((yield* Fiber.join(late)).status, 200)
        assert.deepStrictEqual([...new Set(yield* times)], [0, 1, 2, 3])
        assert.strictEqual(yield* logins, 1)
        assert.strictEqual(yield* Ref.get(steps), 2)
      })
    )
  )

  it.scoped(
    "the refusal is believed once the schedule is done, and the steps after it are left",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http, logins, times } = yield* replicated(clock, {
          delay: "1 hour",
          settling: Schedule.intersect(Schedule.spaced("1 second"), Schedule.recurs(2)),
          replay: { ...ReplayPolicy.default, maxReplays: 1 }
        })
        const call = yield* Effect.fork(Effect.flip(http.get("/things")))
        yield* clock.advance("6 seconds")
        assert.strictEqual((yield* Fiber.join(call))._tag, "AuthenticationFailed")
        assert.deepStrictEqual(yield* times, [0, 1, 2, 2, 3, 4])
        assert.strictEqual(yield* logins, 2)
      })
    )
  )

  it.scoped(
    "the interruption of the request that stepped the schedule holds up no other",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http } = yield* replicated(clock, { delay: "0.5 seconds", settling })
        const first = yield* Effect.fork(http.get("/things"))
        yield* VirtualClock.settled
        const second = yield* Effect.fork(http.get("/things"))
        yield* clock.advance("1 seconds")
        yield* Fiber.interrupt(first)
        yield* clock.advance("1 seconds")
        assert.strictEqual((yield* Fiber.join(second)).status, 200)
      })
    )
  )

  it.scoped(
    "a token that was accepted is renewed at once when it is refused",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http, logins, revoke, times } = yield* replicated(clock, { delay: "0.5 seconds", settling })
        const call = yield* Effect.fork(http.get("/things"))
        yield* clock.advance("2 seconds")
        yield* Fiber.join(call)
        yield* revoke
        const refused = yield* Effect.fork(Effect.flip(http.get("/things")))
        yield* VirtualClock.settled
        assert.deepStrictEqual((yield* times).slice(0, 3), [0, 1, 2])
        assert.strictEqual(yield* logins, 2)
        yield* clock.advance("20 seconds")
        yield* Fiber.join(refused)
      })
    )
  )

  it.scoped(
    "a schedule that is bound to the age does not hold up the refusal of an older token",
    inVirtualTime((clock) =>
      Effect.gen(function*() {
        const { http, logins, times } = yield* replicated(clock, { delay: "1 hour", settling })
        const call = yield* Effect.fork(Effect.flip(http.get("/things")))
        yield* clock.advance("30 seconds")
        yield* Fiber.join(call)
        const before = (yield* times).length
        yield* clock.advance("600 seconds")
        const later = yield* Effect.fork(Effect.flip(http.get("/things")))
        yield* VirtualClock.settled
        // the held token is refused, and a login brings one that is young
        assert.strictEqual((yield* times).slice(before).length, 2)
        assert.strictEqual(yield* logins, 3)
        yield* clock.advance("30 seconds")
        yield* Fiber.join(later)
      })
    )
  )
})

describe("TokenSource > with tokens that not every server knows at once, apart from requests", () => {
  const source = (settling: NonNullable<TokenSource.Options["settling"]>) =>
    Effect.map(Ref.make(0), (steps) => ({
      steps,
      make: TokenSource.make({
        settling: Schedule.tapInput(settling, () => Ref.update(steps, (n) => n + 1)),
        login: () => Token.make({ value: "canary", lifetime: "1 hour" })
      })
    }))

  it.scoped("refusals that come while the schedule is asked get its answer, and do not ask again", () =>
    Effect.gen(function*() {
      const { make, steps } = yield* source(Schedule.tapInput(Schedule.recurs(5), () => Effect.sleep("1 second")))
      const tokens = yield* make
      const token = yield* tokens.get
      const refusals = yield* Effect.fork(
        Effect.all(Array.from({ length: 10 }, () => tokens.reject(token)), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual([...new Set(yield* Fiber.join(refusals))], ["again"])
      assert.strictEqual(yield* Ref.get(steps), 1)
    }))

  it.scoped("a demand is no sign of that: it leads to a login at once", () =>
    Effect.gen(function*() {
      const { make, steps } = yield* source(Schedule.spaced("1 second"))
      const tokens = yield* make
      assert.strictEqual(yield* tokens.reject(yield* tokens.get, "reuse", false, { scope: ["write"] }), "login")
      assert.strictEqual(yield* Ref.get(steps), 0)
    }))
})

describe("TokenSource > end", () => {
  it.scoped("revokes the session, removes what is stored, and the next call logs in", () =>
    Effect.gen(function*() {
      const logins = yield* Ref.make(0)
      const revoked = yield* Ref.make<ReadonlyArray<string>>([])
      const changes = yield* Ref.make<ReadonlyArray<string>>([])
      const store = yield* TokenStore.makeMemory
      const tokens = yield* TokenSource.make({
        login: Effect.flatMap(Ref.updateAndGet(logins, (n) => n + 1), (n) => granted(`login-${n}`)),
        revoke: (token) => Ref.update(revoked, (all) => [...all, value(token)]),
        onChange: ({ _tag }) => Ref.update(changes, (all) => [...all, _tag]),
        store
      })
      yield* tokens.get
      yield* tokens.end
      assert.deepStrictEqual(yield* Ref.get(revoked), ["login-1"])
      assert.isTrue(Option.isNone((yield* store.get).token))
      assert.strictEqual(value(yield* tokens.get), "login-2")
      assert.deepStrictEqual(yield* Ref.get(changes), ["Obtained", "Ended", "Obtained"])
    }))

  it.scoped("revokes a stored session that this source never used", () =>
    Effect.gen(function*() {
      const revoked = yield* Ref.make<ReadonlyArray<string>>([])
      const store = yield* TokenStore.makeMemory
      yield* TokenStore.set(store, yield* granted("stored"))
      const tokens = yield* TokenSource.make({
        login: granted("login"),
        revoke: (token) => Ref.update(revoked, (all) => [...all, value(token)]),
        store
      })
      yield* tokens.end
      assert.deepStrictEqual(yield* Ref.get(revoked), ["stored"])
    }))

  it.scoped("forgets the token and tells of the failure if the server or the store does not answer", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStore.makeMemory
      const broken = new TokenStoreError({ operation: "remove", detail: "disk full" })
      const revocations = yield* Ref.make(0)
      const tokens = yield* TokenSource.make({
        login: granted("login"),
        revoke: () => Ref.update(revocations, (n) => n + 1),
        store: { ...memory, remove: Effect.fail(broken) }
      })
      yield* tokens.get
      assert.strictEqual((yield* Effect.flip(tokens.end)).message, broken.message)
      assert.strictEqual(yield* Ref.get(revocations), 1)
      assert.strictEqual((yield* tokens.state.get).freshness, "Empty")
    }))

  it.scoped("ends what an exchange in flight brings too, but waits for no person", () =>
    Effect.gen(function*() {
      const revoked = yield* Ref.make<ReadonlyArray<string>>([])
      const revoke = (token: Token.Token) => Ref.update(revoked, (all) => [...all, value(token)])
      const { logIn } = yield* person
      for (
        const [options, isEnded] of [
          [{ login: Effect.delay(granted("login"), "10 seconds") }, true],
          [{ interactive: logIn }, false]
        ] as const
      ) {
        const tokens = yield* TokenSource.make({ ...options, revoke })
        const caller = yield* Effect.fork(tokens.get)
        yield* TestClock.adjust("1 second")
        const end = yield* Effect.fork(tokens.end)
        yield* Effect.yieldNow()
        yield* TestClock.adjust("1 milli")
        assert.strictEqual(end.unsafePoll() === null, isEnded)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.join(end)
        yield* Fiber.join(caller)
        assert.strictEqual((yield* tokens.state.get).freshness, isEnded ? "Empty" : "Fresh")
      }
      assert.deepStrictEqual(yield* Ref.get(revoked), ["login"])
    }))

  const sealed = new CredentialUnavailable({ mode: "Test", problem: "sealed" })
  const noSpace = new TokenStoreError({ operation: "lock", detail: "no space left" })
  const unusable: ReadonlyArray<
    readonly [
      what: string,
      (isBroken: Effect.Effect<boolean>, store: TokenStore.TokenStore) => TokenSource.Options["store"]
    ]
  > = [
    [
      "that is strict and whose lock fails",
      (isBroken, store) => ({
        ...store,
        withLock: (self) => Effect.if(isBroken, { onTrue: () => noSpace, onFalse: () => store.withLock(self) })
      })
    ],
    [
      "whose account is not known, because the secret manager fails",
      (isBroken, store) => Effect.if(isBroken, { onTrue: () => sealed, onFalse: () => Effect.succeedSome(store) })
    ],
    [
      "whose account is not known, because the secret manager does not answer",
      (isBroken, store) => Effect.if(isBroken, { onTrue: () => Effect.never, onFalse: () => Effect.succeedSome(store) })
    ]
  ]
  for (const [what, storeOf] of unusable) {
    it.scoped(`forgets the token, revokes it and fails in time with a store ${what}`, () =>
      Effect.gen(function*() {
        const isBroken = yield* Ref.make(false)
        const revocations = yield* Ref.make(0)
        const tokens = yield* TokenSource.make({
          login: Effect.orDie(Token.make({ value: "login" })),
          revoke: () => Ref.update(revocations, (n) => n + 1),
          policy: RefreshPolicy.strictStore(RefreshPolicy.default, true),
          store: storeOf(Ref.get(isBroken), yield* TokenStore.makeMemory)
        })
        yield* tokens.get
        yield* Ref.set(isBroken, true)
        const end = yield* Effect.fork(Effect.flip(tokens.end))
        yield* TestClock.adjust("30 seconds")
        yield* Fiber.join(end)
        assert.strictEqual((yield* tokens.state.get).freshness, "Empty")
        assert.strictEqual(yield* Ref.get(revocations), 1)
      }))
  }
})

describe("TokenSource > a session that could not be stored", () => {
  const full = new TokenStoreError({ operation: "write", detail: "disk full" })
  const expired = Effect.orDie(Token.make({ value: "stored", lifetime: "0 seconds", refreshToken: "canary-refresh" }))

  const storeOther = (store: TokenStore.TokenStore) =>
    Effect.flatMap(granted("of-another"), (token) => TokenStore.set(store, token))

  /** Runs with a source until its Scope ends; what was revoked, and what the store holds then. */
  const revokedBy = (
    writing: (
      isBroken: Effect.Effect<boolean>,
      store: TokenStore.TokenStore
    ) => TokenStore.TokenStore["compareAndSet"],
    use: (options: {
      readonly tokens: TokenSource.TokenSource
      readonly store: TokenStore.TokenStore
      readonly mend: Effect.Effect<void>
    }) => Effect.Effect<unknown, unknown>,
    stored?: Effect.Effect<Token.Token>
  ) =>
    Effect.gen(function*() {
      const revoked = yield* Ref.make<ReadonlyArray<string>>([])
      const isBroken = yield* Ref.make(true)
      const store = yield* TokenStore.makeMemory
      if (stored !== undefined) yield* TokenStore.set(store, yield* stored)
      yield* Effect.scoped(Effect.gen(function*() {
        const tokens = yield* TokenSource.make({
          login: granted("login"),
          refresh: () => granted("refreshed", { refreshToken: "canary-rotated" }),
          revoke: (token) => Ref.update(revoked, (all) => [...all, value(token)]),
          store: { ...store, compareAndSet: writing(Ref.get(isBroken), store) }
        })
        yield* tokens.get
        yield* use({ tokens, store, mend: Ref.set(isBroken, false) })
      }))
      return { revoked: yield* Ref.get(revoked), stored: Option.map((yield* store.get).token, value) }
    })

  const failing = (isBroken: Effect.Effect<boolean>, store: TokenStore.TokenStore) =>
  (
    generation: number,
    token: Token.Token
  ) => Effect.if(isBroken, { onTrue: () => full, onFalse: () => store.compareAndSet(generation, token) })

  it.effect("is revoked at the end of the Scope, as nobody else can go on with it", () =>
    Effect.map(revokedBy(failing, () => Effect.void), ({ revoked, stored }) => {
      assert.deepStrictEqual(revoked, ["login"])
      assert.deepStrictEqual(stored, Option.none())
    }))

  it.effect("is stored at the end of the Scope if the store can be written again", () =>
    Effect.map(revokedBy(failing, ({ mend }) => mend), ({ revoked, stored }) => {
      assert.deepStrictEqual(revoked, [])
      assert.deepStrictEqual(stored, Option.some("login"))
    }))

  it.effect("is not revoked if it was refreshed from a stored one, which others can go on with", () =>
    Effect.map(revokedBy(failing, () => Effect.void, expired), ({ revoked, stored }) => {
      assert.deepStrictEqual(revoked, [])
      assert.deepStrictEqual(stored, Option.some("stored"))
    }))

  it.effect("is stored at the end of the Scope if it was refreshed from a stored one", () =>
    Effect.map(revokedBy(failing, ({ mend }) => mend, expired), ({ revoked, stored }) => {
      assert.deepStrictEqual(revoked, [])
      assert.deepStrictEqual(stored, Option.some("refreshed"))
    }))

  it.effect("gives way to what is stored by the end, which may descend from it, and is not revoked", () =>
    Effect.gen(function*() {
      const { revoked, stored } = yield* revokedBy(
        failing,
        ({ mend, store }) => Effect.zipRight(storeOther(store), mend)
      )
      assert.deepStrictEqual(revoked, [])
      assert.deepStrictEqual(stored, Option.some("of-another"))
    }))

  it.effect("is not revoked where the store did not answer, as others may have it", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(revokedBy(
        (_, store) => (generation, token) =>
          Effect.zipRight(Effect.ignore(store.compareAndSet(generation, token)), Effect.never),
        () => Effect.void
      ))
      yield* TestClock.adjust("1 minute")
      const { revoked, stored } = yield* Fiber.join(fiber)
      assert.deepStrictEqual(revoked, [])
      assert.deepStrictEqual(stored, Option.some("login"))
    }))

  it.effect("was stored after all if only the answer was lost, and is not revoked", () =>
    Effect.map(
      revokedBy(
        (isBroken, store) => (generation, token) =>
          Effect.zipRight(
            store.compareAndSet(generation, token),
            Effect.if(isBroken, { onTrue: () => full, onFalse: () => Effect.succeed(false) })
          ),
        ({ mend }) => mend
      ),
      ({ revoked, stored }) => {
        assert.deepStrictEqual(revoked, [])
        assert.deepStrictEqual(stored, Option.some("login"))
      }
    ))

  it.effect("is revoked as soon as the token of the process that was faster is adopted", () =>
    Effect.gen(function*() {
      const outcome = yield* revokedBy(
        (_, store) => (generation, token) =>
          value(token) === "login"
            ? Effect.as(storeOther(store), false)
            : store.compareAndSet(generation, token),
        ({ tokens }) =>
          Effect.gen(function*() {
            yield* tokens.reject(yield* tokens.get)
            assert.strictEqual(value(yield* tokens.get), "of-another")
          })
      )
      assert.deepStrictEqual(outcome, { revoked: ["login"], stored: Option.some("of-another") })
    }))

  it.effect("is not written once it was ended", () =>
    Effect.map(
      revokedBy(failing, ({ mend, tokens }) => Effect.zipRight(tokens.end, mend)),
      ({ revoked, stored }) => {
        assert.deepStrictEqual(revoked, ["login"])
        assert.deepStrictEqual(stored, Option.none())
      }
    ))
})
