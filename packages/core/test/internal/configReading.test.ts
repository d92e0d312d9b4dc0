import * as Credential from "@effect-auth/core/Credential"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

const environment = (variables: Record<string, string>) =>
  ConfigProvider.fromMap(new Map(Object.entries(variables)), { pathDelim: "_" })

const basic = Credential.basicConfig("ACME")
const color = Credential.variableConfig(
  "ACME_COLOR",
  (text) => text === "red" ? Either.right(text) : Either.left("must be red")
)
const unusable = { ACME_USERNAME: "a:b", ACME_PASSWORD: "canary" }

/** With the names of `variables` as the process has them. */
const under = (prefix: string, variables: Record<string, string>) =>
  environment(Object.fromEntries(Object.entries(variables).map(([name, value]) => [`${prefix}_${name}`, value])))

const noBasic = (prefix: string) =>
  `(Missing data at ${prefix}: "these variables are not set:\n  ${prefix}_USERNAME\n  ${prefix}_PASSWORD")`

const cases: Record<string, readonly [Config.Config<unknown>, ConfigProvider.ConfigProvider, string]> = {
  "a variable that is missing": [color, environment({}), "(Missing data at ACME_COLOR: \"is not set\")"],
  "a variable that is empty": [color, environment({ ACME_COLOR: "" }), "(Missing data at ACME_COLOR: \"is not set\")"],
  "a value that cannot be used": [
    color,
    environment({ ACME_COLOR: "blue" }),
    "(Invalid data at ACME_COLOR: \"must be red\")"
  ],
  "a credential of empty variables": [
    basic,
    environment({ ACME_USERNAME: "", ACME_PASSWORD: "" }),
    noBasic("ACME")
  ],
  "a user name without a password": [
    basic,
    environment({ ACME_USERNAME: "reader", ACME_PASSWORD: "" }),
    "(Missing data at ACME_PASSWORD: \"is not set (ACME_USERNAME is)\")"
  ],
  "a field that cannot be used": [
    basic,
    environment(unusable),
    "(Invalid data at ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
  ],
  "a variable under a name of the provider": [
    color,
    ConfigProvider.nested(under("PROD", { ACME_COLOR: "blue" }), "PROD"),
    "(Invalid data at PROD_ACME_COLOR: \"must be red\")"
  ],
  "a field under a name of the provider": [
    basic,
    ConfigProvider.nested(under("PROD", unusable), "PROD"),
    "(Invalid data at PROD_ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
  ],
  "a credential under a name of the provider": [
    basic,
    ConfigProvider.nested(environment({}), "PROD"),
    noBasic("PROD_ACME")
  ],
  "names that the provider spells in its own way": [
    Credential.basicConfig("acme"),
    ConfigProvider.constantCase(environment(unusable)),
    "(Invalid data at ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
  ],
  "a variable under a name of Config, with Effect's dot": [
    Config.nested(color, "PROD"),
    under("PROD", { ACME_COLOR: "blue" }),
    "(Invalid data at PROD.ACME_COLOR: \"must be red\")"
  ],
  "a field under a name of Config, with Effect's dot": [
    Config.nested(basic, "PROD"),
    under("PROD", unusable),
    "(Invalid data at PROD.ACME_USERNAME: \"must not contain a colon (RFC 7617 section 2)\")"
  ],
  "a config that was explained before": [
    Credential.explainedConfig(Credential.explainedConfig(basic)),
    ConfigProvider.nested(environment({}), "PROD"),
    noBasic("PROD_ACME")
  ]
}

describe("configReading names each variable once", () => {
  Object.entries(cases).forEach(([what, [config, provider, message]]) =>
    it.effect(what, () =>
      Effect.map(Effect.flip(provider.load(config)), (error) => {
        assert.strictEqual(String(error), message)
      }))
  )
})
