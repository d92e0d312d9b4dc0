import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { CredentialUnavailable } from "../../../src/AuthError.ts"
import * as Scrub from "../../../src/internal/request/scrub.ts"
import { assertSecretFree } from "../../printouts.ts"

const canary = "canary-secret-4711"

/** As its caller made it, and as it was sent. */
const request = HttpClientRequest.get("https://api.example/things", { headers: { "x-caller": "shown" } })
const sent = request.pipe(
  HttpClientRequest.setHeaders({ "x-acme-key": canary, authorization: `Basic ${canary}` }),
  HttpClientRequest.setUrlParam("api_key", canary)
)

const answer = (body: BodyInit | null, init?: ResponseInit) =>
  HttpClientResponse.fromWeb(sent, new Response(body, init))

const requestError = (cause?: unknown) =>
  new HttpClientError.RequestError({ request: sent, reason: "Transport", cause, description: canary })

describe("scrub", () => {
  describe("response", () => {
    it("refers to the request as its caller made it, in every printout", () => {
      const scrubbed = Scrub.response(answer("body"), request)
      assert.strictEqual(scrubbed.request, request)
      assertSecretFree(scrubbed, [canary])
      assert.include(inspect(scrubbed), "x-caller")
    })

    it("prints neither the session it sets nor the query a redirect repeats", () => {
      const headers = { "set-cookie": `session=${canary}`, location: `/next?api_key=${canary}`, "x-shown": "yes" }
      const scrubbed = Scrub.response(answer(null, { status: 302, headers }), request)
      assertSecretFree(scrubbed, [canary])
      assert.include(JSON.stringify(scrubbed), "/next?…")
      assert.include(JSON.stringify(scrubbed), "x-shown")
      assert.strictEqual(scrubbed.headers["location"], headers.location)
    })

    it("prints no control character of a header, and gives it as it is to those who read it", () => {
      const headers = { "x-shown": "a\u009b2Jb\u00adc" }
      const scrubbed = Scrub.response(answer(null, { headers }), request)
      assert.include(JSON.stringify(scrubbed), "a 2Jb c")
      assert.strictEqual(scrubbed.headers["x-shown"], headers["x-shown"])
    })

    it.effect("is otherwise the original: status, headers, cookies and every reading of its body", () =>
      Effect.gen(function*() {
        const make = (body: BodyInit) =>
          Scrub.response(answer(body, { status: 201, headers: { "x-a": "1", "set-cookie": "sid=7" } }), request)
        const scrubbed = make(`{"count":1}`)
        assert.strictEqual(scrubbed.status, 201)
        assert.strictEqual(scrubbed.headers["x-a"], "1")
        assert.deepStrictEqual(Object.keys(scrubbed.cookies.cookies), ["sid"])
        assert.deepStrictEqual(yield* scrubbed.json, { count: 1 })
        assert.strictEqual(yield* make("text").text, "text")
        assert.deepStrictEqual([...yield* make("a=1").urlParamsBody], [["a", "1"]])
        assert.strictEqual((yield* make("abc").arrayBuffer).byteLength, 3)
        const form = new FormData()
        form.append("a", "1")
        assert.strictEqual((yield* Scrub.response(answer(form), request).formData).get("a"), "1")
        const chunks = yield* Stream.runCollect(make("abc").stream)
        assert.strictEqual([...chunks].reduce((length, chunk) => length + chunk.length, 0), 3)
      }))

    it.effect("fails to read its body with an error that shows neither the request nor the body", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Scrub.response(answer(`not JSON: ${canary}`), request).json)
        assert.strictEqual(error.reason, "Decode")
        assert.strictEqual(error.request, request)
        assertSecretFree(error, [canary])
      }))

    it.effect("fails to stream its body with an error that does not show the request", () =>
      Effect.gen(function*() {
        const body = new ReadableStream({ pull: (controller) => controller.error(new Error(canary)) })
        const error = yield* Effect.flip(Stream.runDrain(Scrub.response(answer(body), request).stream))
        assert.strictEqual(error.request, request)
        assertSecretFree(error, [canary])
      }))
  })

  describe("error", () => {
    it("is on the request as its caller made it, without its cause and description", () => {
      const scrubbed = Scrub.error(requestError(new Error(canary)), request)
      assert.deepInclude(scrubbed, { _tag: "RequestError", reason: "Transport", request })
      assertSecretFree(scrubbed, [canary])
    })

    it("keeps the system's error code, even if fetch wraps it", () => {
      const reset = Object.assign(new Error(canary), { code: "ECONNRESET" })
      for (const cause of [reset, new TypeError(canary, { cause: reset })]) {
        const scrubbed = Scrub.error(requestError(cause), request)
        assert.include(scrubbed.message, "ECONNRESET")
        assertSecretFree(scrubbed, [canary])
      }
    })

    it("does not take anything else for an error code", () => {
      for (const code of [canary, canary.toUpperCase(), "E", 42, `E_${"X".repeat(80)}`]) {
        const scrubbed = Scrub.error(requestError({ code }), request)
        assert.isUndefined(Object.assign({ description: undefined }, scrubbed).description, String(code))
      }
    })

    it("keeps an error of this library as its cause, with its message", () => {
      const unavailable = new CredentialUnavailable({ mode: "Acme", problem: "the vault is sealed" })
      const scrubbed = Scrub.error(requestError(unavailable), request)
      assert.strictEqual(scrubbed.cause, unavailable)
      assert.include(scrubbed.message, "the vault is sealed")
    })

    it("of a response is on the scrubbed response", () => {
      const original = new HttpClientError.ResponseError({
        request: sent,
        response: answer("body", { status: 500, headers: { "set-cookie": `session=${canary}` } }),
        reason: "Decode",
        cause: new Error(canary),
        description: canary
      })
      const scrubbed = Scrub.error(original, request)
      assert.deepInclude(scrubbed, { _tag: "ResponseError", reason: "Decode", request })
      assertSecretFree(scrubbed, [canary])
    })
  })

  describe("failure", () => {
    const outcome = (cause: Cause.Cause<HttpClientError.HttpClientError | CredentialUnavailable>) =>
      Effect.runSyncExit(Scrub.failure(cause, request))

    it("scrubs a transport's error", () => {
      const exit = outcome(Cause.fail(requestError(new Error(canary))))
      assertSecretFree(exit, [canary])
      assert.isTrue(Exit.isFailure(exit))
    })

    it("leaves an error of this library as it is", () => {
      const unavailable = new CredentialUnavailable({ mode: "Acme", problem: "the vault is sealed" })
      assert.deepStrictEqual(outcome(Cause.fail(unavailable)), Exit.fail(unavailable))
    })

    it("keeps of a defect its class, its code and its frames, but not its message", () => {
      const defect = Object.assign(new TypeError(`cannot send ${canary}`), { code: "UND_ERR_SOCKET" })
      const exit = outcome(Cause.die(defect))
      assertSecretFree(exit, [canary])
      const text = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
      assert.include(text, "TypeError: the transport died (UND_ERR_SOCKET)")
      assert.include(text, "scrub.test.ts")
    })

    it("shows nothing of a defect that is not an Error", () => {
      const exit = outcome(Cause.die({ sent: canary }))
      assertSecretFree(exit, [canary])
      assert.include(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "", "the transport died")
    })

    it("leaves an interruption an interruption", () => {
      const exit = outcome(Cause.interrupt(FiberId.none))
      assert.isTrue(Exit.isInterrupted(exit))
    })
  })

  describe("describe", () => {
    it("is the system's error code and what it means, of an error that is scrubbed or not", () => {
      const error = requestError(Object.assign(new Error(canary), { code: "ECONNREFUSED" }))
      const meaning = "ECONNREFUSED: nothing accepts connections there; is the server running, are host and port right?"
      assert.strictEqual(Scrub.describe(error), meaning)
      assert.strictEqual(Scrub.describe(Scrub.error(error, request)), meaning)
      assert.strictEqual(Scrub.describe(requestError(Object.assign(new Error(canary), { code: "E_OTHER" }))), "E_OTHER")
    })

    it("says what failed if there is no code, and repeats nobody else's words", () => {
      const described = new HttpClientError.RequestError({ request, reason: "Transport", description: `E_${canary}` })
      for (const error of [described, requestError(new Error(canary))]) {
        assert.strictEqual(Scrub.describe(error), "the connection failed")
      }
    })

    it("says what to set if the server's certificate is not trusted", () => {
      for (
        const code of ["DEPTH_ZERO_SELF_SIGNED_CERT", "SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]
      ) {
        const error = Scrub.error(requestError(Object.assign(new Error(canary), { code })), request)
        assert.include(error.message, code)
        assert.include(error.message, "NODE_EXTRA_CA_CERTS")
      }
    })

    it("is the message of an error of this library", () => {
      const unavailable = new CredentialUnavailable({ mode: "Acme", problem: "the vault is sealed" })
      assert.strictEqual(Scrub.describe(requestError(unavailable)), "Acme: the vault is sealed")
    })
  })
})
