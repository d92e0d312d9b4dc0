/** A defect in what a program gives may quote a secret that it was given: of its words nothing is shown, anywhere. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

const secret = "canary-secret"

/** The two ways in which a function fails without an error of its type. */
const bugs = {
  dies: () => Effect.die(new TypeError(`cannot read ${secret}`)),
  throws: (): Effect.Effect<never> => {
    throw new TypeError(`cannot read ${secret}`)
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
  "the explanation of a refusal": (bug) =>
    call(Authenticator.fixed(basic, { mode: "Acme", explain: bug }), { status: 401 })
}

/** Goes on after it. */
const survived = ["onChange", "the revocation of a replaced session"]

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
          assert.include(defect.stack, "Defects.test.ts", how)
        }
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
