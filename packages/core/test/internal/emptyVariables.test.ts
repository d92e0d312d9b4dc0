import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as EmptyVariables from "../../src/internal/emptyVariables.ts"

const provider = EmptyVariables.unset(ConfigProvider.fromMap(
  new Map([["EMPTY", ""], ["BLANK", " "], ["TEXT", "canary"], ["LIST", "a,,b"], ["ACME_EMPTY", ""]]),
  { pathDelim: "_" }
))

describe("emptyVariables", () => {
  it.effect("takes an empty variable for one that is not set, whatever it is read as", () =>
    Effect.gen(function*() {
      const configs = [
        Config.string("EMPTY"),
        Config.redacted("EMPTY"),
        Config.integer("EMPTY"),
        Config.boolean("EMPTY"),
        Config.url("EMPTY"),
        Config.array(Config.string(), "EMPTY")
      ]
      for (const config of configs) {
        assert.deepInclude(yield* Effect.flip(provider.load<unknown>(config)), { _op: "MissingData", path: ["EMPTY"] })
      }
    }))

  it.effect("lets a default or an alternative take its place", () =>
    Effect.gen(function*() {
      const read = <A>(config: Config.Config<A>) => provider.load(config)
      assert.strictEqual(yield* read(Config.withDefault(Config.string("EMPTY"), "default")), "default")
      assert.deepStrictEqual(yield* read(Config.option(Config.string("EMPTY"))), Option.none())
      assert.strictEqual(yield* read(Config.orElse(Config.string("EMPTY"), () => Config.string("TEXT"))), "canary")
    }))

  it.effect("reads what is set as it is", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* provider.load(Config.string("TEXT")), "canary")
      assert.strictEqual(yield* provider.load(Config.string("BLANK")), " ")
      assert.deepStrictEqual(yield* provider.load(Config.array(Config.string(), "LIST")), ["a", "", "b"])
    }))

  it.effect("names a nested variable by its path, and keeps what the provider adds to it", () =>
    Effect.gen(function*() {
      const nested = Config.nested(Config.string("EMPTY"), "ACME")
      assert.strictEqual(
        String(yield* Effect.flip(provider.load(nested))),
        "(Missing data at ACME.EMPTY: \"is not set\")"
      )
      const under = EmptyVariables.unset(ConfigProvider.nested(provider, "ACME"))
      assert.strictEqual(
        String(yield* Effect.flip(under.load(Config.string("EMPTY")))),
        "(Missing data at ACME.EMPTY: \"is not set\")"
      )
    }))
})
