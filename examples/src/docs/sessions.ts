/** Sessions that outlive the process: in files, in a key-value store, in a place that several machines share. */
import { TokenStoreError } from "@effect-auth/core/AuthError"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { FileSystem, KeyValueStore } from "@effect/platform"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Context, Effect, Layer, Option, Redacted, Ref } from "effect"
import { deepStrictEqual } from "node:assert"

// #region file
const credential = { username: "operator", password: Redacted.make("canary-password-yamcs") }

const kept = (directory: string) =>
  Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential }).pipe(
    Layer.provide(FileTokenStore.layer({ directory }))
  )
// #endregion

// #region keyValue
const InKeyValueStore = Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential }).pipe(
  Layer.provide(TokenStores.layerKeyValueStore())
)
// #endregion

// #region shared
class Shared extends Context.Tag("app/Shared")<Shared, {
  readonly get: (key: string) => Effect.Effect<Option.Option<string>, Error>
  readonly set: (key: string, text: string) => Effect.Effect<void, Error>
  readonly delete: (key: string) => Effect.Effect<void, Error>
  /** Excludes every other machine, and ends by itself when its owner dies. */
  readonly locked: (key: string) => <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Error, R>
}>() {}

const failed = (operation: TokenStoreError["operation"]) => () =>
  new TokenStoreError({ operation, place: "the database", detail: "it does not answer" })

const SharedStores = Layer.effect(
  TokenStores.TokenStores,
  Effect.map(Shared, (shared) =>
    TokenStores.make((key) =>
      TokenStore.make({
        place: "the database",
        read: Effect.mapError(shared.get(key), failed("read")),
        write: (text, isCurrent) =>
          Effect.if(isCurrent, {
            onTrue: () => Effect.as(Effect.mapError(shared.set(key, text), failed("write")), true),
            onFalse: () => Effect.succeed(false)
          }),
        remove: Effect.mapError(shared.delete(key), failed("remove")),
        withLock: (self) => Effect.flatten(Effect.mapError(shared.locked(key)(Effect.exit(self)), failed("lock")))
      })
    ))
)
// #endregion

const name = Effect.map(Yamcs.user, ({ name }) => name)

const logins = Effect.flatMap(FakeYamcs.FakeYamcs, ({ stats }) => Effect.map(stats, ({ logins }) => logins))

const memory = Effect.map(Ref.make<Option.Option<string>>(Option.none()), (cell) => ({
  get: () => Ref.get(cell),
  set: (_: string, text: string) => Ref.set(cell, Option.some(text)),
  delete: () => Ref.set(cell, Option.none()),
  locked: () => Effect.unsafeMakeSemaphore(1).withPermits(1)
}))

export const test = Effect.gen(function*() {
  const directory = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  yield* Effect.provide(name, kept(directory))
  yield* Effect.provide(name, kept(directory)) // the next run
  deepStrictEqual(yield* logins, 1)

  const Memory = yield* Layer.build(KeyValueStore.layerMemory)
  yield* name.pipe(Effect.provide(InKeyValueStore), Effect.provide(Memory))
  yield* name.pipe(Effect.provide(InKeyValueStore), Effect.provide(Memory))
  deepStrictEqual(yield* logins, 2)

  const shared = yield* memory
  const machine = Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential }).pipe(
    Layer.provide(SharedStores),
    Layer.provide(Layer.succeed(Shared, shared))
  )
  yield* Effect.provide(name, machine)
  yield* Effect.provide(name, machine)
  deepStrictEqual(yield* logins, 3)
}).pipe(Effect.scoped, Effect.provide(FakeYamcs.layer()), Effect.provide(NodeFileSystem.layer))
