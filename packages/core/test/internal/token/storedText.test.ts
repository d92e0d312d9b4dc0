import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { decode, encode, nextGeneration } from "../../../src/internal/token/storedText.ts"
import { Token } from "../../../src/Token.ts"
import { assertSecretFree } from "../../printouts.ts"

const value = "canary-token-4711"
const plain = { value, issuedAt: 0, audience: "canary-audience" }
const entry = { version: 2, generation: 5, token: plain }

const notAToken = "the token store failed to read there: the stored text is not a token"
const isLater = "the token store failed to read there: the stored text is of a later version of this library"

describe("stored text", () => {
  it.effect("has a version, a generation, and the secrets in the clear", () =>
    Effect.gen(function*() {
      const token = new Token({
        value: Redacted.make(value),
        refreshToken: Redacted.make("canary-refresh-4712"),
        issuedAt: DateTime.unsafeMake(0)
      })
      assert.deepStrictEqual(JSON.parse(yield* encode(token, 7)), {
        version: 2,
        generation: 7,
        token: { value, refreshToken: "canary-refresh-4712", issuedAt: 0 }
      })
    }))

  it.prop(
    "is read as the token and the generation that were written",
    [
      Token,
      FastCheck.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 1 }),
      FastCheck.dictionary(
        // an object of JavaScript has no member of this name of its own once it is copied
        FastCheck.string().filter((name) => name !== "__proto__"),
        FastCheck.jsonValue({ noUnicodeString: false })
      )
    ],
    ([token, generation, extra]) => {
      const written = new Token({ ...token, extra: JSON.parse(JSON.stringify(extra)) })
      const stored = Effect.runSync(Effect.flatMap(encode(written, generation), (text) => decode(text)))
      assert.strictEqual(stored.generation, generation)
      const again = Option.getOrThrow(stored.token)
      assert.strictEqual(Redacted.value(again.value), Redacted.value(written.value))
      for (const part of ["refreshToken", "idToken", "key"] as const) {
        assert.isTrue(Equal.equals(again[part], written[part]))
      }
      for (const part of ["issuedAt", "expiresAt", "refreshExpiresAt", "type", "scope", "audience", "extra"] as const) {
        assert.deepStrictEqual(again[part], written[part])
      }
    }
  )

  it.prop(
    "is a token or a TokenStoreError, whatever was written there",
    [FastCheck.oneof(
      FastCheck.string(),
      FastCheck.json(),
      FastCheck.nat(1000).map((length) => JSON.stringify(entry).slice(0, length % JSON.stringify(entry).length)),
      FastCheck.nat(4096).map((length) => "\0".repeat(length)),
      FastCheck.jsonValue().map((token) => JSON.stringify({ ...entry, token })),
      FastCheck.jsonValue().map((version) => JSON.stringify({ ...entry, version: [version] })),
      FastCheck.jsonValue().map((generation) => JSON.stringify({ ...entry, generation: [generation] }))
    )],
    ([text]) => {
      assert.strictEqual(Effect.runSync(Effect.flip(decode(text)))._tag, "TokenStoreError")
    }
  )

  const read: ReadonlyArray<readonly [what: string, text: string, generation: number]> = [
    ["an entry", JSON.stringify(entry), 5],
    ["an entry with members of a later minor version", JSON.stringify({ ...entry, later: true }), 5],
    ["a token alone, as the first version wrote it", JSON.stringify(plain), 1],
    ["a token alone with a member that it does not know", JSON.stringify({ ...plain, later: "all" }), 1]
  ]
  for (const [what, text, generation] of read) {
    it.effect(`${what} is read`, () =>
      Effect.gen(function*() {
        const stored = yield* decode(text)
        assert.strictEqual(stored.generation, generation)
        assert.strictEqual(Redacted.value(Option.getOrThrow(stored.token).value), value)
      }))
  }

  const refused: ReadonlyArray<readonly [what: string, text: string, message: string]> = [
    ["an empty text", "", notAToken],
    ["the bare token", value, notAToken],
    ["a JSON text of it", JSON.stringify(value), notAToken],
    ["null", "null", notAToken],
    ["zeros", "\0".repeat(64), notAToken],
    ["an entry that is cut short", JSON.stringify(entry).slice(0, -1), notAToken],
    ["two entries", JSON.stringify(entry).repeat(2), notAToken],
    ["a token that is cut short", JSON.stringify(plain).slice(0, -1), notAToken],
    ["a token that cannot be sent", JSON.stringify({ ...plain, value: `${value}\n` }), notAToken],
    ["a time that is none", `{"value":"${value}","issuedAt":1e400}`, notAToken],
    ["a time beyond the calendar", `{"value":"${value}","issuedAt":8.65e15}`, notAToken],
    ["an entry without a token", JSON.stringify({ version: 2, generation: 1 }), notAToken],
    ["a generation of 0", JSON.stringify({ ...entry, generation: 0 }), notAToken],
    ["a generation with a fraction", JSON.stringify({ ...entry, generation: 1.5 }), notAToken],
    ["a generation that has no next one", JSON.stringify({ ...entry, generation: 2 ** 53 - 1 }), notAToken],
    ["a version before the first", JSON.stringify({ ...plain, version: 0 }), notAToken],
    ["a version that is no number", JSON.stringify({ ...entry, version: "2" }), notAToken],
    ["an entry of a later version", JSON.stringify({ ...entry, version: 3 }), isLater],
    [
      "a token of a later version, although it looks like one of the first",
      JSON.stringify({ ...plain, version: 3 }),
      isLater
    ]
  ]
  for (const [what, text, message] of refused) {
    it.effect(`${what} is no token, and is not quoted`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(decode(text, "there"))
        assert.strictEqual(error.message, message)
        assertSecretFree(error, [value])
      }))
  }

  it.effect("what is no JSON cannot be stored, and is not quoted", () =>
    Effect.gen(function*() {
      const token = new Token({
        value: Redacted.make(value),
        issuedAt: DateTime.unsafeMake(0),
        extra: { large: BigInt(4711) }
      })
      const error = yield* Effect.flip(encode(token, 1, "there"))
      assert.strictEqual(error.message, "the token store failed to write there: the token cannot be encoded")
    }))
})

describe("nextGeneration", () => {
  const cases: ReadonlyArray<readonly [what: string, previous: number, now: number, next: number]> = [
    ["is the time", 0, 1_000, 1_000],
    ["is greater than the one before within the same millisecond", 1_000, 1_000, 1_001],
    ["is greater than the one before after the clock was set back", 5_000, 1_000, 5_001],
    ["is never 0", 0, -5, 1],
    ["is whole", 0, 1_000.7, 1_000]
  ]
  for (const [what, previous, now, next] of cases) {
    it(what, () => assert.strictEqual(nextGeneration(previous, now), next))
  }
})
