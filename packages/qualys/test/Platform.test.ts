import { assert, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Platform from "../src/Platform.ts"

const override = {
  api_url: "https://qualysapi.private.example/",
  gateway_url: "https://gateway.private.example",
  qualysguard_url: "https://qualysguard.private.example"
}

describe("Platform", () => {
  it("knows the hosts of every shared platform", () => {
    const domains = {
      qg2: "qg2.apps.qualys.com",
      qg3: "qg3.apps.qualys.com",
      qg4: "qg4.apps.qualys.com",
      eu2: "qg2.apps.qualys.eu",
      eu3: "qg3.apps.qualys.it",
      in1: "qg1.apps.qualys.in",
      ca1: "qg1.apps.qualys.ca",
      ae1: "qg1.apps.qualys.ae",
      uk1: "qg1.apps.qualys.co.uk",
      au1: "qg1.apps.qualys.com.au",
      ksa1: "qg1.apps.qualysksa.com",
      gov1: "gov1.qualys.us"
    }
    const usual = Object.fromEntries(
      Object.entries(domains).map(([id, domain]) => [id, {
        api: `https://qualysapi.${domain}`,
        gateway: `https://gateway.${domain}`,
        ui: `https://qualysguard.${domain}`
      }])
    )
    assert.deepStrictEqual<object>(Platform.platforms, {
      ...usual,
      qg1: {
        api: "https://qualysapi.qualys.com",
        gateway: "https://gateway.qg1.apps.qualys.com",
        ui: "https://qualysguard.qualys.com"
      },
      eu1: {
        api: "https://qualysapi.qualys.eu",
        gateway: "https://gateway.qg1.apps.qualys.eu",
        ui: "https://qualysguard.qualys.eu"
      }
    })
  })

  it("takes an id in any case", () => {
    assert.deepStrictEqual(Platform.fromUnknown("Eu2"), Either.right("eu2"))
  })

  it("refuses an id that it does not know, and says which it knows", () => {
    const error = Either.getOrThrow(Either.flip(Platform.fromUnknown("qg9")))
    assert.match(error.message, /^platform: must be one of qg1, qg2, .*gov1, or the three URLs/)
    assert.isTrue(Either.isLeft(Platform.fromUnknown("constructor")))
  })

  it("takes three URLs instead, and leaves them as they are", () => {
    const before = { ...override }
    assert.deepStrictEqual(
      Platform.hosts(override),
      Either.right({
        api: "https://qualysapi.private.example",
        gateway: "https://gateway.private.example",
        ui: "https://qualysguard.private.example"
      })
    )
    assert.deepStrictEqual(override, before)
  })

  it.each([
    [{ ...override, gateway_url: "ftp://gateway.private.example" }, "platform.gateway_url: must begin with https://"],
    [{ ...override, api_url: "canary a.example" }, /^platform\.api_url: is not an absolute URL/],
    [{ ...override, api_url: " " }, /^platform\.api_url: is not an absolute URL/],
    [{ ...override, api_url: 42 }, "platform.api_url: must be a string"],
    [{ ...override, api_url: "https://canary-user:canary-pass@private.example" }, /must not contain user information/],
    [{ api_url: override.api_url, gateway_url: override.gateway_url }, /^platform\.qualysguard_url: is missing/],
    [[], /^platform: must be one of qg1, .*, or the three URLs/],
    [null, /^platform: must be one of qg1, .*, or the three URLs/]
  ])("refuses an override with a flaw, and names it (%#)", (input, problem) => {
    const { message } = Either.getOrThrow(Either.flip(Platform.fromUnknown(input)))
    if (typeof problem === "string") assert.strictEqual(message, problem)
    else assert.match(message, problem)
    assert.notInclude(message, "canary")
  })

  it.each([
    [" \t https://a.example\r\n", "https://a.example"],
    ["\x1c\x85\u3000a.example\u00a0", "https://a.example"],
    ["a.example:8443", "https://a.example:8443"],
    ["http://a.example", "https://a.example"],
    ["HTTP://a.example", "https://a.example"],
    ["HTTPS://a.example", "HTTPS://a.example"],
    ["https://a.example/base/", "https://a.example/base"],
    ["http://127.0.0.1:8080/", "http://127.0.0.1:8080"],
    [" http://localhost ", "http://localhost"]
  ])("completes the URL %j of an override to %s, as qualysdk does", (text, url) => {
    const platform = Either.getOrThrow(Platform.fromUnknown({ ...override, api_url: text }))
    assert.strictEqual(typeof platform === "string" ? platform : platform.api_url, url)
    assert.strictEqual(Either.getOrThrow(Platform.hosts({ ...override, api_url: text })).api, url)
  })

  it("keeps further keys of an override, and their order", () => {
    const input = { portal_url: " portal.private.example/", ...override }
    const platform = Either.getOrThrow(Platform.fromUnknown(input))
    assert.strictEqual(
      JSON.stringify(platform),
      JSON.stringify({
        ...input,
        portal_url: "https://portal.private.example",
        api_url: "https://qualysapi.private.example"
      })
    )
    assert.strictEqual(JSON.stringify(Either.getOrThrow(Platform.fromUnknown(platform))), JSON.stringify(platform))
  })

  it.effect("is read from the environment in any case", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromMap(new Map([["GOOD", "UK1"], ["BAD", "mars"]]))
      assert.strictEqual(yield* provider.load(Platform.config("GOOD")), "uk1")
      const message = String(yield* Effect.flip(provider.load(Platform.config("BAD"))))
      assert.match(message, /^\(Invalid data at BAD: "must be one of qg1, [a-z0-9, ]+ gov1"\)$/)
    }))

  it.effect("is not set where its variable is missing or empty", () =>
    Effect.gen(function*() {
      const provider = ConfigProvider.fromMap(new Map([["EMPTY", ""]]))
      for (const name of ["EMPTY", "MISSING"]) {
        assert.strictEqual(
          String(yield* Effect.flip(provider.load(Platform.config(name)))),
          `(Missing data at ${name}: "is not set")`
        )
      }
    }))
})

describe("Platform.fromUsername", () => {
  it.each([
    ["quays_ab1", "qg1"],
    ["quays2ab1", "qg2"],
    ["quays3ab1", "qg3"],
    ["quays6ab1", "qg4"],
    ["quaysCab1", "gov1"],
    ["quays-ab1", "eu1"],
    ["quays5ab1", "eu2"],
    ["quays!ab1", "eu2"],
    ["quaysBab1", "eu3"],
    ["quays8ab1", "in1"],
    ["quays9ab1", "ca1"],
    ["quays7ab1", "ae1"],
    ["quays1ab1", "uk1"],
    ["quays4ab1", "au1"],
    ["quaysAab1", "ksa1"]
  ])("finds in %s the platform %s", (username, platform) => {
    assert.deepStrictEqual(Platform.fromUsername(username), Option.some(platform))
  })

  it.each(["", "quays", "quaysZab1", "quaysbab1", "reader", "xquays2ab1"])("finds nothing in %j", (username) => {
    assert.deepStrictEqual(Platform.fromUsername(username), Option.none())
  })
})
