/** A defect in what a program gives may quote a secret that it was given: of its words nothing is shown, anywhere. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedSocket from "@effect-auth/core/AuthenticatedSocket"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Socket from "@effect/platform/Socket"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

const secret = "canary-words-of-a-defect"

/** The ways in which a function fails without an error of its type. */
const bugs = {
  dies: () => Effect.die(new TypeError(`cannot read ${secret}`)),
  throws: (): Effect.Effect<never> => {
    throw new TypeError(`cannot read ${secret}`)
  },
  "throws a text": (): Effect.Effect<never> => {
    throw `cannot read ${secret}`
  }
}
type Bug = () => Effect.Effect<never>

const call = (
  authenticator: Authenticator.Authenticator,
  answer: ScriptedHttpClient.Answer = {},
  rateLimiter?: RateLimiter.RateLimiter
) =>
  AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://acme.example", rateLimiter }).pipe(
    Effect.flatMap((client) => client.get("/things")),
    Effect.provideService(HttpClient.HttpClient, ScriptedHttpClient.make(() => answer))
  )

let count = 0
const login = Effect.suspend(() => Token.make({ value: `token-${++count}` }))
const expired = Effect.asSome(Token.make({ value: "token", lifetime: "0 seconds", refreshToken: "refresh" }))

const calling = (options: TokenSource.Options) =>
  Effect.flatMap(TokenSource.make({ login, ...options }), (tokens) => call(Authenticator.bearer(tokens)))

const ending = (options: TokenSource.Options) =>
  Effect.flatMap(TokenSource.make({ login, ...options }), (tokens) => Effect.zipRight(tokens.get, tokens.end))

const replacing = (options: TokenSource.Options) =>
  Effect.gen(function*() {
    const tokens = yield* TokenSource.make({ login, ...options })
    yield* tokens.reject(yield* tokens.get)
    return yield* tokens.get
  })

const storing = (
  change: Partial<TokenStore.TokenStore>,
  use: (options: TokenSource.Options) => Effect.Effect<unknown, unknown, Scope.Scope> = calling,
  options: TokenSource.Options = {}
) => Effect.flatMap(TokenStore.makeMemory, (store) => use({ ...options, store: { ...store, ...change } }))

const basic = RequestCredentials.basic({ username: "reader", password: Redacted.make("canary-other") })

/** Good the first time. */
const later = <A>(first: Effect.Effect<A>, bug: Bug): Effect.Effect<A> => {
  let runs = 0
  return Effect.suspend(() => runs++ === 0 ? first : bug())
}

const scheduled = (bug: Bug) => Schedule.tapInput(Schedule.forever, (_input) => bug())

const limited = (policy: RateLimitPolicy.RateLimitPolicy, answer: ScriptedHttpClient.Answer = {}) =>
  Effect.flatMap(
    RateLimiter.make(policy),
    (rateLimiter) => call(Authenticator.fixed(basic, { mode: "Acme" }), answer, rateLimiter)
  )

const reading = (headers: RateLimitHeaders.RateLimitHeaders) =>
  limited(RateLimitPolicy.headers(RateLimitPolicy.default, headers))

const silent = () => ({ status: Option.none(), malformed: [] })

/** What only a function that never returns can be in the place of. */
const never = (bug: Bug) => (): never => Effect.runSync(bug())

/** Credentials of a program's own. */
const own = (change: Partial<Authenticator.ActiveCredentials>): Authenticator.Authenticator => {
  const { mode, prove } = Authenticator.fixed(basic, { mode: "Acme" })
  return {
    mode,
    prove: (request, now) => Effect.map(prove(request, now), (active) => ({ ...active, ...change }))
  }
}

const opening = (authenticator: Authenticator.Authenticator) =>
  AuthenticatedHttpClient.make(authenticator, { baseUrl: "https://acme.example" }).pipe(
    Effect.flatMap((client) => AuthenticatedSocket.open(client, { url: "/events" })),
    Effect.provideService(HttpClient.HttpClient, ScriptedHttpClient.make(() => ({})))
  )

const programs: Record<string, (bug: Bug) => Effect.Effect<unknown, unknown, Scope.Scope>> = {
  "a login": (bug) => calling({ login: () => bug() }),
  "a login, with a store": (bug) => storing({}, calling, { login: () => bug() }),
  "an interactive login": (bug) => calling({ login: undefined, interactive: bug }),
  "a refresh": (bug) => calling({ initial: expired, refresh: bug }),
  "a token given at the start": (bug) => calling({ initial: Effect.suspend(bug) }),
  "the look for a store": (bug) => calling({ store: Effect.suspend(bug) }),
  "the look for a store at the end of a session": (bug) => ending({ store: Effect.suspend(bug) }),
  "the reading of a store": (bug) => storing({ get: Effect.suspend(bug) }),
  "the writing of a store": (bug) => storing({ compareAndSet: bug }),
  "the lock of a store": (bug) => storing({ withLock: bug }),
  "the removal from a store": (bug) => storing({ remove: Effect.suspend(bug) }, ending),
  "a revocation": (bug) => ending({ revoke: bug }),
  "the revocation of a replaced session": (bug) => replacing({ endReplaced: true, revoke: bug }),
  "the revocation at the end of a Scope": (bug) => calling({ revoke: bug }),
  "onChange": (bug) => calling({ onChange: bug }),
  "the making of credentials": (bug) => call(Authenticator.perRequest(bug, { mode: "Acme" })),
  "the making of credentials, with a rate limiter": (bug) =>
    Effect.flatMap(
      RateLimiter.make(RateLimitPolicy.default),
      (rateLimiter) => call(Authenticator.perRequest(bug, { mode: "Acme" }), {}, rateLimiter)
    ),
  "a schedule of renewals": (bug) => calling({ policy: RefreshPolicy.renewal(RefreshPolicy.default, scheduled(bug)) }),
  "a schedule of what is not settled": (bug) =>
    Effect.flatMap(
      TokenSource.make({ login, settling: scheduled(bug) }),
      (tokens) => call(Authenticator.bearer(tokens), { status: 401 })
    ),
  "the look for a store when a session ends": (bug) =>
    Effect.flatMap(TokenStore.makeMemory, (store) => ending({ store: later(Effect.succeedSome(store), bug) })),
  "what a store announces": (bug) => storing({ announces: true, changes: Stream.fromEffect(Effect.suspend(bug)) }),
  "what a place for a text signals": (bug) => {
    const { changes } = TokenStore.make({
      read: Effect.succeedNone,
      write: () => Effect.succeed(true),
      remove: Effect.void,
      signals: Stream.fromEffect(Effect.suspend(bug))
    })
    return storing({ announces: true, changes })
  },
  "the options of a key": (bug) =>
    Effect.flatMap(TokenSource.keyed((): TokenSource.Options => never(bug)()), (tokensOf) => tokensOf("acme").get),
  "the source of a key": (bug) => Effect.flatMap(TokenSource.keyedFrom(bug), (tokensOf) => tokensOf("acme").get),
  "the renewal of credentials": (bug) => call(own({ reject: bug }), { status: 401 }),
  "the secrets of credentials": (bug) => call(own({ secrets: never(bug) })),
  "the reading of a credential that was refused": (bug) =>
    Effect.flatMap(
      CredentialSource.make(later(Effect.succeed({}), bug), { mode: "Acme", make: () => Either.right(basic) }),
      (source) => call(Authenticator.fromCredential(source, { mode: "Acme", credentials: identity }), { status: 401 })
    ),
  "the key of a rate limit": (bug) => limited(RateLimitPolicy.key(RateLimitPolicy.default, never(bug))),
  "a reader of rate limits": (bug) => reading(RateLimitHeaders.make(never(bug))),
  "a reader of rate limits in bodies": (bug) =>
    reading(RateLimitHeaders.make(silent, { wanted: () => true, read: never(bug) })),
  "a backoff": (bug) => limited(RateLimitPolicy.backoff(RateLimitPolicy.default, scheduled(bug)), { status: 429 }),
  "a rate limiter": (bug) =>
    Effect.flatMap(
      RateLimiter.make(RateLimitPolicy.default),
      (limiter) => call(Authenticator.fixed(basic, { mode: "Acme" }), {}, { ...limiter, run: bug })
    ),
  "a connector of sockets": (bug) =>
    Effect.provideService(opening(Authenticator.fixed(basic, { mode: "Acme" })), AuthenticatedSocket.Connector, {
      isBlind: false,
      open: () => Effect.suspend(bug)
    }),
  "the writing of a cookie": (bug) =>
    opening(Authenticator.bearer({ token: Redacted.make("canary-other") })).pipe(
      Effect.provide(Layer.provide(
        AuthenticatedSocket.layerCookie({ name: "access_token", write: bug }),
        Layer.succeed(Socket.WebSocketConstructor, never(bugs.throws))
      ))
    ),
  "the explanation of a refusal": (bug) =>
    call(Authenticator.fixed(basic, { mode: "Acme", explain: bug }), { status: 401 })
}

/** Goes on after it. */
const survived = [
  "onChange",
  "the revocation of a replaced session",
  "the writing of a store",
  "a schedule of renewals",
  "what a store announces",
  "what a place for a text signals"
]

describe("A defect in", () => {
  for (const [what, program] of Object.entries(programs)) {
    it.effect(`${what} shows no word of its own`, () =>
      Effect.gen(function*() {
        const detector = yield* LeakDetector.make({ secret })
        for (const [how, bug] of Object.entries(bugs)) {
          const settled = Effect.tap(program(bug), Effect.repeatN(Effect.yieldNow(), 20))
          const { exit, leaks } = yield* detector.watch(Effect.scoped(settled))
          assert.deepStrictEqual(leaks, [], how)
          const defect = Exit.causeOption(exit).pipe(Option.flatMap(Cause.dieOption), Option.getOrUndefined)
          if (survived.includes(what)) continue
          assert.instanceOf(defect, Error, how)
          if (how !== "throws a text") assert.include(defect.stack, "Defects.test.ts", how)
        }
      }))
  }
})

describe("A defect costs no more than what it is in:", () => {
  for (const [how, bug] of Object.entries(bugs)) {
    const rotated = Effect.suspend(() => Token.make({ value: `token-${++count}`, refreshToken: "rotated" }))
    const refreshing = (options: TokenSource.Options) =>
      Effect.flatMap(
        TokenSource.make({ initial: expired, refresh: () => rotated, ...options }),
        ({ get }) => Effect.all([get, get])
      )

    it.scoped(`a token that a store cannot take is used (${how})`, () =>
      Effect.gen(function*() {
        const { get } = yield* TokenStore.makeMemory
        const store = yield* TokenStore.makeMemory
        const [first, second] = yield* refreshing({ store: { ...store, get, compareAndSet: bug } })
        assert.strictEqual(second, first)
      }))

    it.scoped(`a token whose renewal cannot be planned is used (${how})`, () =>
      Effect.gen(function*() {
        const policy = RefreshPolicy.renewal(RefreshPolicy.default, scheduled(bug))
        const [first, second] = yield* refreshing({ policy })
        assert.strictEqual(second, first)
      }))

    it.scoped(`a token that may not be settled is refused to the next request, and renewed (${how})`, () =>
      Effect.gen(function*() {
        const tokens = yield* TokenSource.make({ login, settling: scheduled(bug) })
        const token = yield* tokens.get
        assert.isTrue(Exit.isFailure(yield* Effect.exit(tokens.reject(token))))
        assert.strictEqual(yield* tokens.reject(token), "login")
      }))

    it.scoped(`a session whose store cannot be found is forgotten all the same (${how})`, () =>
      Effect.gen(function*() {
        const ended: Array<string> = []
        const store = yield* TokenStore.makeMemory
        const tokens = yield* TokenSource.make({
          login,
          store: later(Effect.succeedSome(store), bug),
          revoke: ({ value }) => Effect.sync(() => ended.push(Redacted.value(value)))
        })
        const { value } = yield* tokens.get
        assert.isTrue(Exit.isFailure(yield* Effect.exit(tokens.end)))
        assert.deepStrictEqual(ended, [Redacted.value(value)])
        assert.strictEqual((yield* tokens.state.get).freshness, "Empty")
      }))

    it.scoped(`the last change is told although the session cannot be revoked (${how})`, () =>
      Effect.gen(function*() {
        const seen: Array<string> = []
        const onChange = ({ _tag }: TokenSource.TokenChange) =>
          Effect.zipRight(Effect.repeatN(Effect.yieldNow(), 50), Effect.sync(() => seen.push(_tag)))
        const exit = yield* Effect.exit(Effect.scoped(calling({ revoke: bug, onChange })))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(seen, ["Obtained", "Cleared"])
      }))

    it.scoped(`a key whose source cannot be made can be used later (${how})`, () =>
      Effect.gen(function*() {
        let uses = 0
        let closed = 0
        const tokensOf = yield* TokenSource.keyedFrom(() =>
          Effect.zipRight(
            Effect.addFinalizer(() => Effect.sync(() => closed++)),
            Effect.suspend(() => uses++ === 0 ? bug() : TokenSource.make({ login }))
          )
        )
        assert.isTrue(Exit.isFailure(yield* Effect.exit(tokensOf("acme").get)))
        assert.strictEqual(closed, 1)
        yield* tokensOf("acme").get
      }))
  }
})

describe("onChange", () => {
  it.scoped("that throws runs again for the next change", () =>
    Effect.gen(function*() {
      const seen: Array<string> = []
      yield* Effect.scoped(ending({
        onChange: ({ _tag }) => {
          seen.push(_tag)
          return bugs.throws()
        }
      }))
      assert.deepStrictEqual(seen, ["Obtained", "Ended", "Cleared"])
    }))
})
