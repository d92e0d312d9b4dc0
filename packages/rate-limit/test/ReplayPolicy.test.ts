import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Stream from "effect/Stream"
import * as ReplayPolicy from "../src/ReplayPolicy.ts"

const post = (body: HttpBody.HttpBody) => HttpClientRequest.setBody(HttpClientRequest.post("/"), body)
const bytes = new TextEncoder().encode("abc")
const streams = {
  "a Stream": () => HttpBody.stream(Stream.make(bytes)),
  "a web stream, passed raw": () => HttpBody.raw(new Blob([bytes]).stream()),
  "an iterator, passed raw": () => HttpBody.raw([bytes].values())
}

describe("ReplayPolicy", () => {
  describe("isReplayable", () => {
    it("is false for a body that sending consumes", () => {
      for (const [name, body] of Object.entries(streams)) assert.isFalse(ReplayPolicy.isReplayable(post(body())), name)
    })

    it("is true for a request without a body", () => {
      assert.isTrue(ReplayPolicy.isReplayable(HttpClientRequest.get("/")))
      assert.isTrue(ReplayPolicy.isReplayable(HttpClientRequest.post("/")))
    })

    it("is true for a body in memory", () => {
      const bodies = {
        text: HttpBody.text("abc"),
        json: HttpBody.unsafeJson({ a: 1 }),
        bytes: HttpBody.uint8Array(bytes),
        form: HttpBody.formData(new FormData()),
        "url params": HttpBody.urlParams([["a", "1"]]),
        "raw text": HttpBody.raw("abc"),
        "raw bytes": HttpBody.raw(bytes),
        "raw view": HttpBody.raw(new DataView(bytes.buffer)),
        "raw buffer": HttpBody.raw(bytes.buffer),
        "raw blob": HttpBody.raw(new Blob([bytes])),
        "raw form": HttpBody.raw(new FormData()),
        "raw url params": HttpBody.raw(new URLSearchParams())
      }
      for (const [name, body] of Object.entries(bodies)) assert.isTrue(ReplayPolicy.isReplayable(post(body)), name)
    })
  })

  describe("declareReplayable", () => {
    it("makes a stream replayable, on the request and on requests derived from it", () => {
      for (const [name, body] of Object.entries(streams)) {
        const request = ReplayPolicy.declareReplayable(post(body()))
        assert.isTrue(ReplayPolicy.isReplayable(request), name)
        assert.isTrue(ReplayPolicy.isReplayable(HttpClientRequest.setHeader(request, "x-a", "1")), name)
      }
    })

    it("says nothing about another body", () => {
      const request = ReplayPolicy.declareReplayable(post(HttpBody.stream(Stream.make(bytes))))
      const other = HttpClientRequest.setBody(request, HttpBody.stream(Stream.make(bytes)))
      assert.isFalse(ReplayPolicy.isReplayable(other))
    })
  })

  describe("default", () => {
    it("replays at most three times", () => {
      assert.deepStrictEqual(ReplayPolicy.default, { maxReplays: 3 })
    })
  })
})
