import * as Credential from "@effect-auth/core/Credential"
import * as System from "@effect-auth/core/System"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"

const environment = (variables: Record<string, string>) =>
  ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" })

/** What a person sees of a configuration that cannot be read. */
const shown = (config: Config.Config<unknown>, variables: Record<string, string>) =>
  Effect.map(
    Effect.flip(Effect.withConfigProvider(System.readConfig({ all: config }), environment(variables))),
    String
  )

const basic = Credential.basicConfig("ACME")
const choice = Credential.explainedConfig(Config.orElse(Credential.bearerConfig("ACME"), () => basic))

describe("configErrors", () => {
  it.effect("name the one variable that is missing", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* shown(basic, { ACME_USERNAME: "reader" }),
        "(Missing data at ACME_PASSWORD: \"is not set (ACME_USERNAME is)\")"
      )
    }))

  it.effect("list the variables that are missing, each once and one on a line", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* shown(Config.all([basic, Config.string("ACME_URL"), basic]), {}),
        "(Missing data at ACME: \"these variables are not set:\n  ACME_USERNAME\n  ACME_PASSWORD\n  ACME_URL\")"
      )
    }))

  it.effect("list what is missing of each alternative", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* shown(choice, { ACME_USERNAME: "reader" }),
        "(Missing data at ACME: \"one of these groups of variables is needed, and none is complete; what is missing:" +
          "\n  ACME_TOKEN\nor\n  ACME_PASSWORD (ACME_USERNAME is set)\")"
      )
    }))

  it.effect("say what is wrong with what is set, and quote no value", () =>
    Effect.gen(function*() {
      const text = yield* shown(choice, { ACME_USERNAME: "a:canary-name", ACME_PASSWORD: "canary-password" })
      assert.strictEqual(
        text,
        "(Invalid data at ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
      )
    }))

  it.effect("give names as they are nested", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* shown(Config.nested(basic, "PROD"), {}),
        "(Missing data at PROD_ACME: \"these variables are not set:\n  PROD_ACME_USERNAME\n  PROD_ACME_PASSWORD\")"
      )
      assert.strictEqual(
        yield* shown(Config.nested(basic, "PROD"), { PROD_ACME_USERNAME: "reader" }),
        "(Missing data at PROD_ACME_PASSWORD: \"is not set (PROD_ACME_USERNAME is)\")"
      )
      assert.include(
        yield* shown(Config.nested(choice, "PROD"), { PROD_ACME_PASSWORD: "canary" }),
        "\n  PROD_ACME_TOKEN\nor\n  PROD_ACME_USERNAME (PROD_ACME_PASSWORD is set)"
      )
    }))

  it.effect("give what cannot be used the name of its variable, however it is nested", () =>
    Effect.gen(function*() {
      const invalid = { PROD_EU_ACME_USERNAME: "a:b", PROD_EU_ACME_PASSWORD: "canary", PROD_EU_PORT: "canary-port" }
      assert.strictEqual(
        yield* shown(Config.nested(Config.nested(basic, "EU"), "PROD"), invalid),
        "(Invalid data at PROD_EU_ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
      )
      assert.match(
        yield* shown(Config.nested(Config.nested(Config.integer("PORT"), "EU"), "PROD"), invalid),
        /^\(Invalid data at PROD_EU_PORT: /
      )
    }))

  it.effect("leave a configuration that may be missing so", () =>
    Effect.gen(function*() {
      const optional = Effect.withConfigProvider(Config.option(choice), environment({}))
      assert.strictEqual((yield* optional)._tag, "None")
    }))
})
