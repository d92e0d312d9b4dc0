import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Body from "../../src/internal/body.ts"

const request = HttpClientRequest.get("https://api.example/a")

const responseOf = (body: BodyInit, headers: Record<string, string> = {}) =>
  HttpClientResponse.fromWeb(request, new Response(body, { status: 409, headers }))

describe("body", () => {
  describe("discard", () => {
    it.effect("reads at most 64 kB", () =>
      Effect.gen(function*() {
        const read = yield* Ref.make(0)
        const response = responseOf("")
        const endless = Stream.tap(Stream.repeatValue(new Uint8Array(1024)), (chunk) =>
          Ref.update(read, (n) => n + chunk.length))
        yield* Body.discard(Object.create(response, { stream: { value: endless } }))
        assert.strictEqual(yield* Ref.get(read), 65_536)
      }))

    it.effect("ignores a body that was read already, and a transport that dies of that", () =>
      Effect.gen(function*() {
        const response = responseOf("text")
        yield* response.text
        yield* Body.discard(response)
        yield* Body.discard(Object.create(response, { stream: { value: Stream.dieMessage("a body is read once") } }))
      }))
  })

  describe("buffered", () => {
    it.effect("can be read in any form and again", () =>
      Effect.gen(function*() {
        const text = "{\"code\":2003}"
        const response = yield* Body.buffered(responseOf(text, { "content-type": "application/json", "x-a": "1" }))
        assert.strictEqual(response.status, 409)
        assert.strictEqual(response.headers["x-a"], "1")
        assert.strictEqual(response.request, request)
        assert.strictEqual(yield* response.text, text)
        assert.deepStrictEqual(yield* response.json, { code: 2003 })
        assert.strictEqual((yield* response.arrayBuffer).byteLength, text.length)
        const streamed = yield* Stream.runCollect(Stream.decodeText(response.stream))
        assert.strictEqual(Chunk.join(streamed, ""), text)
      }))
  })
})
