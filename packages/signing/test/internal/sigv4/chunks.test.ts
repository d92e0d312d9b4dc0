import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"
import * as Chunks from "../../../src/internal/sigv4/chunks.ts"
import * as AwsServer from "../../awsServer.ts"

const signatureOf = (chunk: string, previous: string) =>
  `${chunk.length.toString(16)}${previous.slice(0, 5)}`.padEnd(64, "0")

const encode = (parts: ReadonlyArray<string>) =>
  Stream.fromIterable(parts).pipe(
    Stream.map((part) => new TextEncoder().encode(part)),
    (stream) =>
      Chunks.signed(
        stream,
        "5eed",
        (chunk, previous) => Effect.succeed(signatureOf(new TextDecoder().decode(chunk), previous))
      ),
    Stream.decodeText(),
    Stream.mkString,
    Effect.runSync
  )

describe("signed chunks", () => {
  it("have the length that the example of AWS says", () => {
    assert.strictEqual(Chunks.encodedLength(66_560), 66_824)
  })

  it("are of one size but the last, however the stream is cut, and as long as was said", () => {
    const part = FastCheck.oneof(
      FastCheck.nat({ max: 200 }),
      FastCheck.constantFrom(0, 1, 65_535, 65_536, 65_537, 131_072)
    ).map((length) => "x".repeat(length))
    FastCheck.assert(
      FastCheck.property(FastCheck.array(part, { maxLength: 5 }), (parts) => {
        const text = parts.join("")
        const encoded = encode(parts)
        assert.strictEqual(AwsServer.decoded(encoded, signatureOf, "5eed"), text)
        assert.strictEqual(encoded.length, Chunks.encodedLength(text.length))
        const sizes = Array.from(
          encoded.matchAll(/([0-9a-f]+);chunk-signature/gu),
          ([, size = ""]) => parseInt(size, 16)
        )
        assert.isTrue(sizes.slice(0, -2).every((size) => size === 65_536))
      }),
      { numRuns: 50 }
    )
  })
})
