import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Fields from "../../src/internal/fields.ts"

const now = Date.UTC(2026, 0, 1)

const year = 366 * 86_400

/** What a function reads from a field, and whether it notes the field as malformed. */
const reading = <A>(text: string, read: (reader: Fields.Reader) => A, more: Record<string, string> = {}) => {
  const reader = Fields.reader({ status: 200, headers: { "x-field": text, ...more } })
  const value = read(reader)
  return { value, malformed: reader.malformed.length > 0 }
}

const valid = <A>(value: A) => ({ value, malformed: false })
const malformed = { value: undefined, malformed: true }

describe("fields", () => {
  it.each([
    ["0", valid(0)],
    [" 12 ", valid(12)],
    ["999999999999999", valid(999_999_999_999_999)],
    ["-1", malformed],
    ["1.5", malformed],
    ["1e3", malformed],
    ["0x10", malformed],
    ["", malformed],
    ["3, 3", valid(3)],
    ["5, 3", valid(3)],
    ["100;w=21600", valid(100)],
    ["10, 10;w=1, 50;w=60", valid(10)],
    ["100;w=60;comment=\"a, b\"", valid(100)],
    ["3, -1", malformed],
    ["3,", malformed],
    ["3, many", malformed],
    ["9999999999999999", malformed]
  ])("count of %j", (text, expected) => {
    assert.deepStrictEqual(reading(text, (reader) => Fields.count(reader, "x-field")), expected)
  })

  it.each([
    ["4", "10", valid(4)],
    ["0", "10", valid(0)],
    ["-1", "10", valid(0)],
    ["-1", undefined, valid(0)],
    ["-1, 4", "10", valid(0)],
    ["76;w=21600", "100;w=21600", valid(76)],
    ["-1", "-1", malformed],
    ["-1", "many", malformed],
    ["-1.5", "10", malformed],
    ["few", "10", malformed]
  ])("left of %j with the limit %j", (text, limit, expected) => {
    const more: Record<string, string> = limit === undefined ? {} : { "x-limit": limit }
    assert.deepStrictEqual(reading(text, (reader) => Fields.left(reader, "x-field", "x-limit"), more), expected)
  })

  it.each([
    ["100", valid({ limit: 100, window: undefined })],
    ["100;w=21600", valid({ limit: 100, window: Duration.hours(6) })],
    ["10, 10;w=1, 50;w=60", valid({ limit: 10, window: Duration.seconds(1) })],
    ["50;w=60, 10;w=1", valid({ limit: 10, window: Duration.seconds(1) })],
    ["10, 10;w=99999999999", valid({ limit: 10, window: undefined })],
    ["-1", malformed]
  ])("limit of %j", (text, expected) => {
    assert.deepStrictEqual(reading(text, (reader) => Fields.limit(reader, "x-field")), expected)
  })

  it.each([
    ["0", valid(Duration.zero)],
    ["30, 60", valid(Duration.minutes(1))],
    ["60;w=60", valid(Duration.minutes(1))],
    ["1.5", valid(Duration.millis(1500))],
    [String(year), valid(Duration.seconds(year))],
    [String(year + 1), malformed],
    ["-1", malformed],
    ["soon", malformed]
  ])("seconds of %j", (text, expected) => {
    assert.deepStrictEqual(reading(text, (reader) => Fields.seconds(reader, "x-field")), expected)
  })

  it.each([
    ["250", valid(Duration.millis(250))],
    ["0.5", valid(Duration.micros(500n))],
    ["NaN", malformed]
  ])("millis of %j", (text, expected) => {
    assert.deepStrictEqual(reading(text, (reader) => Fields.millis(reader, "x-field")), expected)
  })

  it.each([
    ["60 s ahead", now / 1000 + 60, valid(Duration.minutes(1))],
    ["just passed", now / 1000 - 60, valid(Duration.zero)],
    ["more than a year ago", now / 1000 - year - 1, malformed],
    ["more than a year ahead", now / 1000 + year + 1, malformed]
  ])("epochSeconds %s", (_, at, expected) => {
    assert.deepStrictEqual(reading(String(at), (reader) => Fields.epochSeconds(reader, "x-field", now)), expected)
  })

  it.each([
    ["60 s ahead", now + 60_000, valid(Duration.minutes(1))],
    ["just passed", now - 60_000, valid(Duration.zero)],
    ["in seconds", now / 1000 + 60, malformed],
    ["in microseconds", (now + 60_000) * 1000, malformed]
  ])("epochMillis %s", (_, at, expected) => {
    assert.deepStrictEqual(reading(String(at), (reader) => Fields.epochMillis(reader, "x-field", now)), expected)
  })

  it.each([
    ["3", valid(Duration.seconds(3))],
    ["3, 5", valid(Duration.seconds(5))],
    ["Thu, 01 Jan 2026 00:00:30 GMT, Thu, 01 Jan 2026 00:00:10 GMT", valid(Duration.seconds(30))],
    ["Thu, 01 Jan 2026 00:00:30 GMT, tomorrow", malformed],
    ["31622401", malformed],
    ["Thu, 01 Jan 2026 00:00:30 GMT", valid(Duration.seconds(30))],
    ["Wed, 31 Dec 2025 23:59:00 GMT", valid(Duration.zero)],
    ["tomorrow", malformed],
    ["2026-01-01T00:00:30Z", malformed]
  ])("secondsOrDate of %j", (text, expected) => {
    assert.deepStrictEqual(reading(text, (reader) => Fields.secondsOrDate(reader, "x-field", now)), expected)
  })

  it("compares dates with the server's clock", () => {
    const wait = reading(
      "Thu, 01 Jan 2026 12:00:30 GMT",
      (reader) => Fields.secondsOrDate(reader, "x-field", now),
      { date: "Thu, 01 Jan 2026 12:00:00 GMT" }
    )
    assert.deepStrictEqual(wait, valid(Duration.seconds(30)))
  })

  it("notes nothing about a field that is absent", () => {
    const absent = reading("1", (reader) => [Fields.count(reader, ["x-a", "x-b"]), Fields.seconds(reader, undefined)])
    assert.deepStrictEqual(absent, valid([undefined, undefined]))
  })
})
