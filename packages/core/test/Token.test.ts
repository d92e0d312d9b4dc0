import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Token from "../src/Token.ts"
import { assertSecretFree } from "./printouts.ts"

const value = "canary-token-4711"
const refreshToken = "canary-refresh-4712"

const jwt = (payload: unknown) => `e30.${Encoding.encodeBase64Url(JSON.stringify(payload))}.${value}`
const lifetimeOf = (token: Token.Token): Duration.Duration | undefined =>
  token.expiresAt && DateTime.distanceDuration(token.issuedAt, token.expiresAt)
const now = DateTime.unsafeMake("2024-05-01T12:00:00Z")
const atNoon = TestClock.setTime(DateTime.toEpochMillis(now))

describe("Token", () => {
  describe("make", () => {
    it.effect("refuses a value that could not be sent in a header, and names the mode", () =>
      Effect.gen(function*() {
        const injection = `${value}\r\nx-admin: 1`
        for (
          const bad of ["", injection, `${value}\u0000`, ` ${value}`, `${value} `, `${value}токен`, `${value}\ud83d`]
        ) {
          const error = yield* Effect.flip(Token.make({ mode: "Acme/Password", value: bad }))
          assert.strictEqual(error._tag, "MalformedTokenResponse")
          assert.match(error.message, /^Acme\/Password: the token response could not be understood: .*value: must /)
          assertSecretFree(error, [value])
        }
      }))

    it.effect("takes an empty refresh token, and null, for none", () =>
      Effect.gen(function*() {
        assert.isUndefined((yield* Token.make({ value, refreshToken: "" })).refreshToken)
        assert.isUndefined((yield* Token.make({ value, refreshToken: null })).refreshToken)
      }))

    it.effect("takes what is not a positive number of seconds for an unknown lifetime, and a number in a string for it", () =>
      Effect.gen(function*() {
        for (const expiresIn of [0, -1, NaN, Infinity, 1e21, null, undefined, "", "soon", "-1", {}, [60], true]) {
          assert.isUndefined((yield* Token.make({ value, expiresIn })).expiresAt, String(expiresIn))
        }
        for (const expiresIn of [60, "60", " 60 ", "60.0"]) {
          assert.deepStrictEqual(lifetimeOf(yield* Token.make({ value, expiresIn })), Duration.minutes(1))
        }
        assert.deepStrictEqual(lifetimeOf(yield* Token.make({ value, expiresIn: 0.5 })), Duration.millis(500))
      }))

    it.effect("counts the lifetime from the arrival of the token", () =>
      Effect.gen(function*() {
        yield* atNoon
        const token = yield* Token.make({ value, lifetime: "1 hour", refreshToken: Redacted.make(refreshToken) })
        assert.deepStrictEqual(token.issuedAt, now)
        assert.deepStrictEqual(token.expiresAt, DateTime.add(now, { hours: 1 }))
        assert.strictEqual(Redacted.value(token.value), value)
        assert.strictEqual(token.refreshToken && Redacted.value(token.refreshToken), refreshToken)
      }))

    it.effect("takes expiresIn in seconds, as servers state it; lifetime takes precedence", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(lifetimeOf(yield* Token.make({ value, expiresIn: 3600 })), Duration.hours(1))
        const both = yield* Token.make({ value, expiresIn: 3600, lifetime: "1 day" })
        assert.deepStrictEqual(lifetimeOf(both), Duration.days(1))
        assert.isUndefined((yield* Token.make({ value, expiresIn: Infinity })).expiresAt)
      }))

    it.effect("sets no expiry when the lifetime is unknown, infinite or beyond the last date", () =>
      Effect.gen(function*() {
        yield* atNoon
        for (const lifetime of [undefined, Duration.infinity, Duration.millis(8.64e15), Duration.seconds(1e300)]) {
          assert.isUndefined((yield* Token.make({ value, lifetime })).expiresAt)
        }
      }))

    it.effect("holds tokens that live longer than 25 days", () =>
      Effect.gen(function*() {
        const token = yield* Token.make({ value, lifetime: "400 days" })
        assert.deepStrictEqual(lifetimeOf(token), Duration.days(400))
      }))

    it.prop(
      "never throws: whatever a server sends is a token or a MalformedTokenResponse",
      [
        FastCheck.string({ unit: "binary" }),
        FastCheck.double(),
        FastCheck.option(FastCheck.string(), { nil: undefined })
      ],
      ([value, millis, refreshToken]) =>
        Either.match(
          Effect.runSync(Effect.either(Token.make({ value, refreshToken, lifetime: Duration.millis(millis) }))),
          {
            onLeft: (error) => assert.strictEqual(error._tag, "MalformedTokenResponse"),
            onRight: (token) => assert.doesNotThrow(() => new Headers({ authorization: Redacted.value(token.value) }))
          }
        )
    )
  })

  describe("lifespan", () => {
    it("reads iat and exp, without verifying", () => {
      assert.deepStrictEqual(Token.lifespan(jwt({ iat: 1, exp: 2, sub: "reader" })), Option.some({ iat: 1, exp: 2 }))
      assert.deepStrictEqual(Token.lifespan(jwt({})), Option.some({}))
    })

    it("reads claims in any script", () => {
      assert.deepStrictEqual(Token.lifespan(jwt({ exp: 2, name: "Жанна 🔑" })), Option.some({ exp: 2 }))
    })

    it("is None for text that is not a JWT: too few or too many parts, no base64url, no JSON object, times that are not numbers", () => {
      const part = Encoding.encodeBase64Url(JSON.stringify({ exp: 1 }))
      const texts = ["", ".", "..", part, `e30.${part}`, `e30.${part}.s.x`, "e30.%%%.s", "e30.e.s", `e30.${part}=.s`]
      texts.push(`"e30.${part}.s"`, `{"access_token":"e30.${part}.s"}`, `e 30.${part}.s`, `e30.${part}.s\ns`)
      for (const text of texts) assert.deepStrictEqual(Token.lifespan(text), Option.none())
      for (const payload of [null, 1, "x", { exp: "soon" }, { iat: null }, { exp: true }]) {
        assert.deepStrictEqual(Token.lifespan(jwt(payload)), Option.none())
      }
    })

    it.prop(
      "never throws, whatever the text",
      [FastCheck.oneof(
        FastCheck.string({ unit: "binary" }),
        FastCheck.string().map((payload) => `a.${payload}.c`),
        FastCheck.uint8Array().map((bytes) => `a.${Encoding.encodeBase64Url(bytes)}.c`),
        FastCheck.json().map((json) => `a.${Encoding.encodeBase64Url(json)}.c`)
      )],
      ([text]) => assert.isTrue(Option.isOption(Token.lifespan(text)))
    )
  })

  describe("lifetime", () => {
    it("is exp - iat, whatever the client's clock says", () => {
      assert.deepStrictEqual(Token.lifetime({ iat: 100, exp: 160 }, 9e12), Option.some(Duration.seconds(60)))
    })

    it("is the time until exp when there is no iat", () => {
      assert.deepStrictEqual(Token.lifetime({ exp: 100 }, 40_000), Option.some(Duration.seconds(60)))
    })

    it("is zero, not negative, when exp has passed", () => {
      assert.deepStrictEqual(Token.lifetime({ exp: 100 }, 140_000), Option.some(Duration.zero))
      assert.deepStrictEqual(Token.lifetime({ iat: 200, exp: 100 }, 0), Option.some(Duration.zero))
    })

    it("is unknown without exp", () => {
      assert.deepStrictEqual(Token.lifetime({ iat: 100 }, 0), Option.none())
      assert.deepStrictEqual(Token.lifetime({}, 0), Option.none())
    })
  })

  describe("fromJwt", () => {
    it.effect("takes the lifetime from the JWT, even if the server's clock is off by years", () =>
      Effect.gen(function*() {
        yield* atNoon
        const token = yield* Token.fromJwt({ value: jwt({ iat: 1000, exp: 4600 }), lifetime: "1 day" })
        assert.deepStrictEqual(token.issuedAt, now)
        assert.deepStrictEqual(lifetimeOf(token), Duration.hours(1))
      }))

    it.effect("falls back to the given lifetime when the JWT states none", () =>
      Effect.gen(function*() {
        for (const value of [jwt({ sub: "reader" }), jwt({ iat: 1 })]) {
          assert.deepStrictEqual(lifetimeOf(yield* Token.fromJwt({ value, lifetime: "1 day" })), Duration.days(1))
          assert.isUndefined(lifetimeOf(yield* Token.fromJwt({ value })))
        }
      }))

    it.effect("falls back to expiresIn in seconds too", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(
          lifetimeOf(yield* Token.fromJwt({ value: jwt({}), expiresIn: 60 })),
          Duration.minutes(1)
        )
        const stated = yield* Token.fromJwt({ value: jwt({ iat: 0, exp: 3600 }), expiresIn: 60 })
        assert.deepStrictEqual(lifetimeOf(stated), Duration.hours(1))
      }))

    it.effect("refuses a text that is not a JWT, such as the page of a proxy", () =>
      Effect.gen(function*() {
        for (const value of ["opaque", "<html>log in</html>", "a.b", "a.b.c", "e30.bnVsbA.e30", ""]) {
          const error = yield* Effect.flip(Token.fromJwt({ value, lifetime: "4 hours" }))
          assert.strictEqual(error._tag, "MalformedTokenResponse")
        }
      }))

    it.effect("counts an exp without iat from the server's time, however wrong the client's clock is", () =>
      Effect.gen(function*() {
        yield* atNoon
        const serverTime = Option.some(DateTime.unsafeMake(1_000_000))
        const token = yield* Token.fromJwt({ value: jwt({ exp: 4600 }), serverTime })
        assert.deepStrictEqual(lifetimeOf(token), Duration.hours(1))
      }))

    it.effect("falls back too where the JWT has expired when it arrives, which would be a login for each call", () =>
      Effect.gen(function*() {
        yield* atNoon
        const serverTime = Option.some(DateTime.unsafeMake(1_000_000))
        for (
          const claims of [{ exp: 1000 }, { exp: 0 }, { exp: -1 }, { iat: 1000, exp: 1000 }, { iat: 1000, exp: 999 }]
        ) {
          for (const options of [{}, { serverTime }]) {
            const value = jwt(claims)
            assert.deepStrictEqual(
              lifetimeOf(yield* Token.fromJwt({ value, lifetime: "4 hours", ...options })),
              Duration.hours(4)
            )
            assert.isUndefined(lifetimeOf(yield* Token.fromJwt({ value, ...options })))
          }
        }
      }))

    it.effect("treats an exp beyond the last date as no expiry", () =>
      Effect.gen(function*() {
        for (const exp of [1e300, Number.MAX_VALUE, 8.64e12 + 1]) {
          assert.isUndefined((yield* Token.fromJwt({ value: jwt({ exp }) })).expiresAt)
        }
      }))
  })

  describe("as a value", () => {
    const make = Token.make({ value, lifetime: "1 hour", refreshToken })

    it.effect("equals another with the same contents", () =>
      Effect.gen(function*() {
        assert.isTrue(Equal.equals(yield* make, yield* make))
        assert.isFalse(Equal.equals(yield* make, yield* Token.make({ value, lifetime: "1 hour" })))
      }))

    it.effect("shows no secret in any printout", () =>
      Effect.gen(function*() {
        assertSecretFree(yield* make, [value, refreshToken])
      }))

    it("shows no secret in an exception of its constructor or decoder", () => {
      const failures = [
        Either.try(() => new Token.Token({ value, issuedAt: now } as never)),
        Either.try(() => new Token.Token({ value: Redacted.make(`${value}\n`), issuedAt: now })),
        Either.try(() => new Token.Token({ value: Redacted.make("x"), issuedAt: now, refreshToken: value } as never)),
        Schema.decodeUnknownEither(Token.Token)({ value: [value], issuedAt: 1 }),
        Schema.decodeUnknownEither(Token.Token)({ value: `${value}\n`, issuedAt: 1 }),
        Schema.decodeUnknownEither(Token.Token)({ value: "x", issuedAt: 1, refreshToken: { value } })
      ]
      for (const failure of failures) assertSecretFree(Either.getOrThrow(Either.flip(failure)), [value])
    })
  })
})
