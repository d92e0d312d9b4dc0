import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as Qualys from "../src/Qualys.ts"
import * as QualysError from "../src/QualysError.ts"

const tags = HttpClientRequest.post("/qps/rest/2.0/search/am/tag")

const call = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.execute(request)).pipe(
    Effect.flatMap(QualysError.check),
    Effect.either
  )

const on = (options: FakeQualys.Options, password = FakeQualys.canaries.password) =>
  Qualys.layerBasic({
    platform: "qg2",
    credential: { username: FakeQualys.canaries.username, password: Redacted.make(password) }
  }).pipe(Layer.provideMerge(FakeQualys.layer(options)))

const simpleReturn = (response: string) =>
  `<?xml version="1.0" encoding="UTF-8" ?>
<!DOCTYPE SIMPLE_RETURN SYSTEM "https://qualysapi.qualys.com/api/2.0/simple_return.dtd">
<SIMPLE_RETURN><RESPONSE><DATETIME>2026-01-01T00:00:00Z</DATETIME>${response}</RESPONSE></SIMPLE_RETURN>`

const read = (status: number, body: string) => Option.getOrUndefined(QualysError.fromBody(status, body))

describe("QualysError.check", () => {
  it.effect("fails on a login that is refused inside a 200, in XML and in JSON", () =>
    Effect.gen(function*() {
      for (const request of [tags, HttpClientRequest.acceptJson(tags)]) {
        const error = Either.getOrThrow(Either.flip(yield* call(request)))
        assert.deepInclude(error, { _tag: "QualysError", reason: "CredentialsRejected", status: 200 })
        assert.strictEqual(
          error.message,
          "Qualys INVALID_CREDENTIALS at https://qualysapi.qg2.apps.qualys.com/qps/rest/2.0/search/am/tag" +
            " (is the account on another platform?)"
        )
      }
    }).pipe(Effect.provide(on({}, "canary-wrong-password"))))

  it.effect("fails on an account that may not do it, or has expired, inside a 200", () =>
    Effect.gen(function*() {
      for (const request of [tags, HttpClientRequest.acceptJson(tags)]) {
        assert.deepInclude(Either.getOrThrow(Either.flip(yield* call(request))), {
          reason: "Unauthorized",
          status: 200
        })
      }
      const error = Either.getOrThrow(
        Either.flip(yield* call(HttpClientRequest.get("/api/2.0/fo/asset/host/?canary=1")))
      )
      assert.deepInclude(error, { reason: "AccountExpired", status: 200, code: "2001" })
      assert.strictEqual(
        error.message,
        "Qualys 2001 at https://qualysapi.qg2.apps.qualys.com/api/2.0/fo/asset/host/: This account has expired."
      )
    }).pipe(Effect.provide(on({ accountState: "expired" }))))

  it.effect("gives a success back, with its body still to be read", () =>
    Effect.gen(function*() {
      const response = Either.getOrThrow(yield* call(HttpClientRequest.acceptJson(tags)))
      assert.deepStrictEqual(yield* response.json, { ServiceResponse: { responseCode: "SUCCESS" } })
    }).pipe(Effect.provide(on({}))))

  it.effect("reads of a report only the beginning, whether its length is stated or not", () =>
    Effect.gen(function*() {
      const pulled = yield* Ref.make(0)
      const part = new TextEncoder().encode("<HOST/>".repeat(1000))
      const report = Stream.tap(Stream.repeatValue(part), () => Ref.update(pulled, (n) => n + 1))
      const head = HttpClientResponse.fromWeb(tags, new Response(null, { status: 200 }))
      const response: HttpClientResponse.HttpClientResponse = Object.create(head, { stream: { value: report } })
      const checked = yield* QualysError.check(response)
      assert.strictEqual(yield* Ref.get(pulled), 3)
      // nothing is lost of what was read for the check
      const beginning = yield* Stream.runCollect(Stream.take(checked.stream, 5))
      assert.deepStrictEqual(Array.from(beginning), Array.from({ length: 5 }, () => part))
    }))

  it.effect("gives an HTML page back as it is", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.failNext(1, 502))
      const response = Either.getOrThrow(yield* call(tags))
      assert.strictEqual(response.status, 502)
      assert.include(yield* response.text, "<html>")
    }).pipe(Effect.provide(on({}))))
})

describe("QualysError.fromBody", () => {
  it.each([
    [1960, "ConcurrencyLimited"],
    [1965, "RateLimited"],
    [2000, "CredentialsRejected"],
    [2001, "AccountExpired"],
    [2003, "RegistrationIncomplete"],
    [2011, "SecureIdRequired"],
    [1903, "Failed"]
  ])("reads CODE %d as %s", (code, reason) => {
    const error = read(409, simpleReturn(`<CODE>${code}</CODE><TEXT>canary</TEXT>`))
    assert.deepStrictEqual(
      [error?.reason, error?.code, error?.detail, error?.status],
      [reason, String(code), "canary", 409]
    )
  })

  it("reads one item and several", () => {
    const item = (key: string, value: string) => `<ITEM><KEY>${key}</KEY><VALUE>${value}</VALUE></ITEM>`
    const one = simpleReturn(`<CODE>1965</CODE><ITEM_LIST>${item("SECONDS_TO_WAIT", "51")}</ITEM_LIST>`)
    assert.deepStrictEqual(read(409, one)?.items, { SECONDS_TO_WAIT: "51" })
    const two = simpleReturn(`<CODE>7</CODE><ITEM_LIST>${item("A", "1")}${item("B", "2")}</ITEM_LIST>`)
    assert.deepStrictEqual(read(200, two)?.items, { A: "1", B: "2" })
  })

  it("reads the message of a ServiceResponse", () => {
    const details = { errorMessage: "canary", errorResolution: "canary" }
    const body = { ServiceResponse: { responseCode: "INVALID_REQUEST", responseErrorDetails: details } }
    assert.deepInclude(read(200, JSON.stringify(body, undefined, 2)), { reason: "Failed", detail: "canary" })
    assert.deepInclude(
      read(
        200,
        `<ServiceResponse xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><responseCode>INVALID_REQUEST` +
          `</responseCode><responseErrorDetails><errorMessage>canary</errorMessage></responseErrorDetails></ServiceResponse>`
      ),
      { reason: "Failed", detail: "canary" }
    )
  })

  it.each([
    "",
    "<html><body>502</body></html>",
    "{\"ServiceResponse\": ",
    "<SIMPLE_RETURN><RESPONSE><CODE>2000</CODE>",
    "<SIMPLE_RETURN/>",
    simpleReturn("<TEXT>Logged in</TEXT>"),
    JSON.stringify({ message: "ServiceResponse" }),
    JSON.stringify({ ServiceResponse: { responseCode: "SUCCESS", count: 3 } })
  ])("sees no failure in %j", (body) => {
    assert.isUndefined(read(200, body))
  })

  it("expands no entity", () => {
    const bomb = `<?xml version="1.0"?>
<!DOCTYPE SIMPLE_RETURN [<!ENTITY a "canary-expanded"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/hostname">]>
<SIMPLE_RETURN><RESPONSE><CODE>2001</CODE><TEXT>&b;&f;</TEXT></RESPONSE></SIMPLE_RETURN>`
    assert.notInclude(read(200, bomb)?.detail ?? "", "canary-expanded")
  })

  it("does not let a key reach the prototype of anything", () => {
    const items = "<ITEM_LIST><ITEM><KEY>__proto__</KEY><VALUE>canary</VALUE></ITEM></ITEM_LIST>"
    read(200, simpleReturn(`<CODE>constructor</CODE><__proto__><canary>1</canary></__proto__>${items}`))
    assert.notProperty({}, "canary")
    assert.strictEqual(read(200, simpleReturn("<CODE>constructor</CODE>"))?.reason, "Failed")
  })
})
