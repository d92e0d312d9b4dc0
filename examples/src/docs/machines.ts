/** Sessions and quotas that processes and machines share: in Redis, in encrypted files, and a command beside a daemon. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as TokenSeal from "@effect-auth/core/TokenSeal"
import type * as TokenSource from "@effect-auth/core/TokenSource"
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as KeychainTokenStore from "@effect-auth/node/KeychainTokenStore"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as RedisClient from "@effect-auth/redis/RedisClient"
import * as RedisRateLimiter from "@effect-auth/redis/RedisRateLimiter"
import * as RedisTokenStore from "@effect-auth/redis/RedisTokenStore"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { FileSystem } from "@effect/platform"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Config, Effect, Layer, Redacted, Ref } from "effect"
import { Cluster } from "ioredis"
import { deepStrictEqual } from "node:assert"

// #region redis
const credential = { username: "operator", password: Redacted.make("canary-password-yamcs") }

const InRedis = RedisTokenStore.layer({ lease: "10 seconds" }).pipe(
  Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }))
)

const Telemetry = Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential }).pipe(Layer.provide(InRedis))
// #endregion

// #region client
const overCluster = (cluster: Cluster) =>
  RedisTokenStore.layer().pipe(
    Layer.provide(Layer.scoped(RedisClient.RedisClient, RedisClient.fromIoredis(cluster)))
  )
// #endregion

// #region quota
// one key for what the server counts together
const policy = RateLimitPolicy.default.pipe(RateLimitPolicy.key(RateLimitPolicy.byOrigin))

const Shared = Layer.merge(
  RedisTokenStore.layer(),
  RedisRateLimiter.layer(policy, { key: "acme" })
).pipe(
  Layer.provide(RedisClient.layerConfig({ url: Config.redacted("REDIS_URL") }))
)

const Limited = Layer.unwrapEffect(
  Effect.map(
    RateLimiter.CurrentRateLimiter,
    (rateLimiter) => Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential, rateLimiter })
  )
).pipe(Layer.provide(Shared))
// #endregion

// #region sealed
// SESSION_KEYS: 32 bytes in base64 (openssl rand -base64 32), the newest key first, separated by commas
const Sealed = Layer.unwrapEffect(
  Effect.map(TokenSeal.fromConfig(Config.redacted("SESSION_KEYS")), (seal) => RedisTokenStore.layer({ seal }))
)
// #endregion

// #region keychain
const OnADesktop = (directory: string) => KeychainTokenStore.layer({ service: "acme", directory })
// #endregion

// #region daemon
const sharing = (directory: string, options: Pick<Yamcs.Options, "onTokenChange" | "refreshPolicy">) =>
  Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential, ...options }).pipe(
    Layer.provide(FileTokenStore.layer({ directory }))
  )

// renews before a token expires, while no request needs it
const refreshPolicy = RefreshPolicy.default.pipe(
  RefreshPolicy.renewal(RefreshPolicy.beforeExpiry("3 seconds")),
  RefreshPolicy.keepAlive(true)
)

const daemon = (directory: string) => sharing(directory, { refreshPolicy })

// finds a token in the file that is good for a while, and asks the server for none
const command = (directory: string, onTokenChange: (change: TokenSource.TokenChange) => Effect.Effect<void>) =>
  sharing(directory, { onTokenChange })
// #endregion

const name = Effect.map(Yamcs.user, ({ name }) => name)

export const test = Effect.gen(function*() {
  const directory = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const { stats } = yield* FakeYamcs.FakeYamcs
  yield* Effect.provide(
    Effect.gen(function*() {
      yield* name
      // the daemon has renewed its session by itself
      yield* Effect.repeat(Effect.delay(stats, "50 millis"), { until: ({ refreshes }) => refreshes > 0 })
      const changes = yield* Ref.make<ReadonlyArray<string>>([])
      yield* Effect.provide(
        name,
        command(
          directory,
          (change) =>
            Ref.update(changes, (seen) => [...seen, change._tag === "Obtained" ? change.provenance : change._tag])
        )
      )
      deepStrictEqual((yield* Ref.get(changes))[0], "store")
      deepStrictEqual((yield* stats).logins, 1)
    }),
    daemon(directory)
  )

  // what needs a Redis, or a desktop, is only put together here
  deepStrictEqual([Telemetry, Limited, Sealed].every(Layer.isLayer), true)
  deepStrictEqual([overCluster, OnADesktop].map((make) => make.length), [1, 1])
  deepStrictEqual(typeof Cluster, "function")
}).pipe(
  Effect.scoped,
  Effect.provide(FakeYamcs.layer({ tokenLifetime: "5 seconds" })),
  Effect.provide(NodeFileSystem.layer)
)
