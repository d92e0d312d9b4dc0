import * as ReplayPolicy from "@effect-auth/rate-limit/ReplayPolicy"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as AuthenticatedHttpClient from "../src/AuthenticatedHttpClient.ts"
import * as Authenticator from "../src/Authenticator.ts"
import * as RefreshPolicy from "../src/RefreshPolicy.ts"
import * as TokenSource from "../src/TokenSource.ts"
import * as TokenStore from "../src/TokenStore.ts"
import * as Application from "./fixtures/application.ts"
import * as OidcProvider from "./fixtures/oidcProvider.ts"

const seed = Number(process.env["SEED"] ?? Date.now() % 2 ** 31)

const callers = Array.from({ length: 50 }, (_, n) => n)
const revocations = 100

/** A guard against hanging, not a measure: far beyond what a call waits for, also on a machine under load. */
const hangs = "60 seconds"

/** What became of the calls. */
interface Calls {
  answered: number
  interrupted: number
  /** Ended by an outage of the token endpoint. */
  unavailable: number
  hung: number
  readonly failed: Array<string>
}

/**
 * Fifty callers, some of which lose patience, while the server revokes one access token after the other and its token
 * endpoint comes and goes. Random choices follow from the seed; what they meet depends on the machine.
 */
const storm = (server: OidcProvider.OidcProvider, tokens: TokenSource.TokenSource) =>
  Effect.gen(function*() {
    const http = yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), {
      baseUrl: server.api,
      // on a slow machine a call may be overtaken by one revocation after the other
      replay: { ...ReplayPolicy.default, maxReplays: revocations }
    })
    const calls: Calls = { answered: 0, interrupted: 0, unavailable: 0, hung: 0, failed: [] }
    let revoked = 0
    /** The newest token that a call was answered with. */
    let newest = -1
    let isOver = false

    const call = http.get(server.api).pipe(
      Effect.flatMap(HttpClientResponse.filterStatusOk),
      Effect.flatMap(HttpClientResponse.schemaBodyJson(Schema.Struct({ token: Schema.Number }))),
      Effect.map(({ token }) => {
        newest = Math.max(newest, token)
      })
    )
    const callOrLosePatience = Effect.gen(function*() {
      const fiber = yield* Effect.fork(call)
      if ((yield* Random.next) < 0.3) {
        yield* Effect.sleep(100 * (yield* Random.next) ** 2)
        yield* Fiber.interruptFork(fiber)
      }
      const exit = yield* Effect.timeoutOption(Fiber.await(fiber), hangs)
      if (Option.isNone(exit)) calls.hung++
      else if (Exit.isSuccess(exit.value)) calls.answered++
      else if (Exit.isInterrupted(exit.value)) calls.interrupted++
      else if (isOutage(exit.value.cause)) calls.unavailable++
      else calls.failed.push(Cause.pretty(exit.value.cause))
      yield* Effect.sleep(1000 * (yield* Random.next))
    })
    const calling = (n: number) =>
      callOrLosePatience.pipe(
        Effect.repeat({ until: () => isOver }),
        Effect.withRandom(Random.make(`${seed}/${n}`))
      )

    /** Returns the token that was revoked, which is newer than the one before. */
    const revoke = (before: number) =>
      Effect.gen(function*() {
        // a token that was never of use leads to a login on purpose
        yield* Effect.void.pipe(
          Effect.delay("1 millis"),
          Effect.repeat({
            until: () => newest > before
          }),
          Effect.timeoutFail({
            duration: hangs,
            onTimeout: () => new Error(`no call is answered after token ${before}`)
          })
        )
        yield* Effect.sleep(100 * (yield* Random.next) ** 2)
        const weather = yield* Random.next
        const isOutage = weather < 0.3
        if (isOutage) yield* server.gateway(weather < 0.15 ? "Refusing" : "Unavailable")
        const token = newest
        revoked++
        yield* server.revokeAccessToken(token)
        if (isOutage) {
          yield* Effect.sleep(1000 * (yield* Random.next) ** 2)
          yield* server.gateway("Open")
        }
        return token
      })

    const fibers = yield* Effect.forEach(callers, (n) => Effect.fork(calling(n)))
    yield* Effect.iterate(-1, { while: () => revoked < revocations, body: revoke }).pipe(
      Effect.withRandom(Random.make(seed))
    )
    isOver = true
    yield* Fiber.joinAll(fibers)
    return { calls, last: yield* http.get(server.api) }
  })

const isOutage = (cause: Cause.Cause<{ readonly _tag: string }>): boolean =>
  Option.exists(Cause.failureOption(cause), (error) => error._tag === "TokenEndpointError")

/** Without the warnings of the library, of which a storm has many. */
const environment = Layer.merge(NodeHttpClient.layerUndici, Logger.minimumLogLevel(LogLevel.None))

describe("TokenSource at oidc-provider", () => {
  it.scopedLive(
    `fifty callers, a hundred revoked access tokens and a token endpoint that comes and goes: one login (seed ${seed})`,
    () =>
      Effect.gen(function*() {
        console.log(`seed ${seed}: SEED=${seed} repeats this run`)
        const server = yield* OidcProvider.start
        const tokens = yield* TokenSource.make({
          ...yield* Application.make(server),
          store: yield* TokenStore.makeMemory,
          // gives up before the longest outage ends, so that exchanges fail
          policy: RefreshPolicy.default.pipe(
            RefreshPolicy.retry(
              Schedule.exponential("100 millis").pipe(Schedule.jittered, Schedule.intersect(Schedule.recurs(3)))
            )
          )
        })
        const { calls, last } = yield* storm(server, tokens)
        console.log(JSON.stringify(calls))
        assert.strictEqual(last.status, 200)
        assert.deepInclude(calls, { hung: 0, failed: [] })
        assert.deepInclude(server.seen, { logins: 1, refreshes: revocations, refusals: [], endedGrants: 0 })
        // the family is alive
        yield* tokens.reject(yield* tokens.get, "reuse", true)
        yield* tokens.get
        assert.deepInclude(server.seen, { logins: 1, refreshes: revocations + 1 })
      }).pipe(Effect.provide(environment)),
    300_000
  )

  it.scopedLive("fifty parallel uses of a rejected token redeem its refresh token once", () =>
    Effect.gen(function*() {
      const server = yield* OidcProvider.start
      const tokens = yield* TokenSource.make(yield* Application.make(server))
      yield* tokens.reject(yield* tokens.get)
      const obtained = yield* Effect.all(callers.map(() => tokens.get), { concurrency: "unbounded" })
      assert.strictEqual(new Set(obtained).size, 1)
      assert.deepInclude(server.seen, { logins: 1, refreshes: 1, refusals: [] })
    }).pipe(Effect.provide(environment)))

  it.scopedLive("a refresh token that was redeemed elsewhere leads to one login, however many wait for it", () =>
    Effect.gen(function*() {
      const server = yield* OidcProvider.start
      const application = yield* Application.make(server)
      const tokens = yield* TokenSource.make(application)
      const first = yield* tokens.get
      if (first.refreshToken === undefined) assert.fail("no refresh token")
      yield* application.refresh(first.refreshToken)
      yield* tokens.reject(first)
      yield* Effect.all(callers.map(() => tokens.get), { concurrency: "unbounded" })
      assert.deepStrictEqual(server.seen, { logins: 2, refreshes: 1, refusals: ["invalid_grant"], endedGrants: 1 })
    }).pipe(Effect.provide(environment)))

  it.scopedLive("a client that is not accepted any more keeps its refresh token, and does not log in", () =>
    Effect.gen(function*() {
      const server = yield* OidcProvider.start
      const secret = yield* Ref.make(OidcProvider.client.secret)
      const tokens = yield* TokenSource.make({
        ...yield* Application.make(server, Ref.get(secret)),
        policy: RefreshPolicy.default.pipe(RefreshPolicy.coolDown("0 millis"))
      })
      yield* tokens.reject(yield* tokens.get)
      yield* Ref.set(secret, "canary-secret-from-before")
      const error = yield* Effect.flip(tokens.get)
      assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", code: "invalid_client" })
      yield* Ref.set(secret, OidcProvider.client.secret)
      yield* tokens.get
      assert.deepStrictEqual(server.seen, { logins: 1, refreshes: 1, refusals: ["invalid_client"], endedGrants: 0 })
    }).pipe(Effect.provide(environment)))
})
