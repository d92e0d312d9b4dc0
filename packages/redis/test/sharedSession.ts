/**
 * Eight simulated processes that share one session at a server that rotates refresh tokens and ends the session when one is
 * redeemed twice, while processes are killed and Redis goes away, or comes back empty: one random schedule per seed, under a
 * virtual clock.
 */
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { RedisClient } from "../src/RedisClient.ts"
import * as RedisTokenStore from "../src/RedisTokenStore.ts"
import * as MemoryRedis from "./memoryRedis.ts"

export interface Options {
  readonly seed: number
  /** In milliseconds. */
  readonly duration: number
  readonly kills: boolean
  /** What a Redis that was away comes back with; `undefined`: it is never away. */
  readonly back: "empty" | "whole" | undefined
}

export interface Outcome {
  readonly rotations: number
  readonly logins: number
  readonly kills: number
  readonly away: number
  /** Sessions that ended because a refresh token was redeemed twice. */
  readonly lost: number
  /** Of those: the process that was given the next token was dead. */
  readonly lostWithTheKilled: number
  /** Logins whose token no living process was given. */
  readonly stillborn: number
  /** Requests with a token that the server had replaced. */
  readonly refused: number
  /** Calls that got no token. */
  readonly failures: ReadonlyArray<string>
}

interface Process {
  readonly number: number
  isDead: boolean
}

/** The tokens that descend from one login. */
interface Family {
  latest: string
  access: string
  owner: Process
  refreshes: number
  isLost: boolean
}

const mode = "Simulated"
const lifetime = 15_000

export const run = (options: Options): Effect.Effect<Outcome> =>
  Effect.gen(function*() {
    const redis = MemoryRedis.make({ reconnects: { step: 137, within: 500 } })
    const families: Array<Family> = []
    const outcome = { rotations: 0, kills: 0, away: 0, lost: 0, lostWithTheKilled: 0, refused: 0 }
    const failures: Array<string> = []
    const familyOf = new Map<string, Family>()
    let issued = 0

    const answer = (family: Family, owner: Process) =>
      Effect.gen(function*() {
        issued++
        family.latest = `refresh-${issued}`
        family.access = `access-${issued}`
        family.owner = owner
        familyOf.set(family.latest, family)
        familyOf.set(family.access, family)
        const token = yield* Token.make({
          value: family.access,
          refreshToken: family.latest,
          lifetime: Duration.millis(lifetime)
        })
        yield* travel
        return token
      })
    const travel = Effect.flatMap(Random.nextIntBetween(1, 200), (millis) => Effect.sleep(millis))

    const login = (owner: Process) =>
      Effect.gen(function*() {
        yield* travel
        if (owner.isDead) return yield* Effect.never
        const family: Family = { latest: "", access: "", owner, refreshes: 0, isLost: false }
        families.push(family)
        return yield* answer(family, owner)
      })
    const refresh = (owner: Process, redeemed: string) =>
      Effect.gen(function*() {
        yield* travel
        if (owner.isDead) return yield* Effect.never
        const family = familyOf.get(redeemed)
        if (family !== undefined && !family.isLost && family.latest === redeemed) {
          family.refreshes++
          outcome.rotations++
          return yield* answer(family, owner)
        }
        if (family !== undefined && !family.isLost) {
          family.isLost = true
          outcome.lost++
          if (family.owner.isDead) outcome.lostWithTheKilled++
        }
        yield* travel
        return yield* new CredentialsRejected({ mode, reason: "Grant", status: 400, code: "invalid_grant" })
      })

    const begin = (number: number): Effect.Effect<void> =>
      Effect.gen(function*() {
        const process: Process = { number, isDead: false }
        const connection = redis.connect()
        const scope = yield* Scope.make()
        const living = Effect.gen(function*() {
          const store = yield* Effect.provideService(
            RedisTokenStore.make({ key: "shared", lease: "3 seconds" }),
            RedisClient,
            connection.client
          )
          const tokens = yield* TokenSource.make({
            mode,
            login: login(process),
            refresh: (refreshToken) => refresh(process, Redacted.value(refreshToken)),
            store,
            policy: RefreshPolicy.default.pipe(RefreshPolicy.renewal(RefreshPolicy.never))
          })
          yield* Effect.forever(Effect.gen(function*() {
            yield* Effect.sleep(yield* Random.nextIntBetween(500, 8_000))
            const exit = yield* Effect.exit(tokens.get)
            if (process.isDead) return
            if (Exit.isFailure(exit)) return void failures.push(String(exit.cause))
            const value = Redacted.value(exit.value.value)
            const family = familyOf.get(value)
            if (family?.isLost === true || family?.access !== value) {
              outcome.refused++
              yield* tokens.reject(exit.value)
            }
          }))
        }).pipe(Scope.extend(scope))
        const fiber = yield* Effect.fork(living)
        const lives = options.kills ? yield* Random.nextIntBetween(1_000, 120_000) : options.duration
        yield* Effect.sleep(lives)
        if (!options.kills) return
        outcome.kills++
        process.isDead = true
        yield* connection.cut
        yield* Effect.fork(Scope.close(scope, Exit.void))
        yield* Effect.fork(fiber.interruptAsFork(fiber.id()))
        yield* Effect.sleep(yield* Random.nextIntBetween(100, 3_000))
        yield* begin(number)
      })

    const weather = Effect.forever(Effect.gen(function*() {
      yield* Effect.sleep(yield* Random.nextIntBetween(1_000, 60_000))
      if (options.back === undefined) return
      outcome.away++
      yield* redis.stop
      // a Redis that keeps what it had may be away for no longer than the lease: that is a pause of its processes
      yield* Effect.sleep(yield* Random.nextIntBetween(0, options.back === "empty" ? 6_000 : 900))
      if (options.back === "empty") yield* redis.empty
      yield* redis.start
    }))

    for (let number = 0; number < 8; number++) yield* Effect.fork(begin(number))
    yield* Effect.fork(weather)
    yield* Effect.sleep(options.duration)
    const now = yield* Clock.currentTimeMillis
    return {
      ...outcome,
      logins: families.length,
      stillborn: families.filter(({ isLost, owner, refreshes }) => !isLost && refreshes === 0 && owner.isDead).length,
      failures: now > 0 ? failures : []
    }
  }).pipe(Effect.withRandom(Random.make(options.seed)), Effect.scoped)
