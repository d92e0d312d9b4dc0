import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as YamcsError from "../src/YamcsError.ts"

const answer = (status: number, body: string) =>
  HttpClientResponse.fromWeb(
    HttpClientRequest.get("https://yamcs.example/api/x?canary=1"),
    new Response(body, { status })
  )

const read = (status: number, body: string) => YamcsError.fromResponse(answer(status, body))

describe("YamcsError", () => {
  it.effect("is read from JSON", () =>
    Effect.gen(function*() {
      const error = yield* read(404, JSON.stringify({ code: 404, type: "NotFoundException", msg: "No such instance" }))
      assert.deepInclude(error, { status: 404, type: "NotFoundException", msg: "No such instance" })
      assert.strictEqual(
        error.message,
        "Yamcs answered HTTP 404 at https://yamcs.example/api/x (NotFoundException): No such instance"
      )
    }))

  it.effect("is read from JSON within `exception`", () =>
    Effect.gen(function*() {
      const error = yield* read(403, JSON.stringify({ exception: { type: "ForbiddenException", msg: "No" } }))
      assert.deepInclude(error, { status: 403, type: "ForbiddenException", msg: "No" })
    }))

  it.effect("is read from plain text", () =>
    Effect.gen(function*() {
      const error = yield* read(401, "Token expired\r\n")
      assert.deepInclude(error, { status: 401, msg: "Token expired" })
      assert.isUndefined(error.type)
    }))

  it.effect("is the status alone when there is no body", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* read(502, "")).message, "Yamcs answered HTTP 502 at https://yamcs.example/api/x")
    }))

  it.effect("does not repeat the header that the server quotes", () =>
    Effect.gen(function*() {
      const error = yield* read(400, "Unsupported Authorization header 'bearer canary-token'\r\n")
      assert.strictEqual(error.msg, "Unsupported Authorization header")
    }))

  it.effect("is no novel when a gateway answers with a page", () =>
    Effect.gen(function*() {
      const { msg } = yield* read(502, "<html>\n".repeat(6000))
      assert.isAtMost(msg.length, 500)
      assert.match(msg, /^<html> <html>.*…$/u)
    }))

  it.effect("answers other than 2xx become one", () =>
    Effect.gen(function*() {
      const created = yield* YamcsError.filterStatusOk(Effect.succeed(answer(201, "")))
      assert.strictEqual(created.status, 201)
      const error = yield* Effect.flip(YamcsError.filterStatusOk(Effect.succeed(answer(302, ""))))
      assert.strictEqual(error.status, 302)
    }))
})
