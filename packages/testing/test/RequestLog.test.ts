import * as RequestLog from "@effect-auth/testing/RequestLog"
import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"

const received = (line: string, fields?: Partial<RequestLog.Received>): RequestLog.Received => {
  const [method = "", target = ""] = line.split(" ")
  const url = new URL(target, "https://acme.example")
  return { method, url, line, headers: {}, body: "", at: 0, status: 200, ...fields }
}

const requests = [
  received("POST /token", { body: "grant_type=password", headers: { authorization: "Basic canary" } }),
  received("GET /things?page=2", { status: undefined })
]

describe("RequestLog", () => {
  it("lists the lines of requests", () => {
    assert.deepStrictEqual(RequestLog.lines(requests), ["POST /token", "GET /things?page=2"])
  })

  it.each<[string, ReadonlyArray<RequestLog.Expected>]>([
    ["lines", ["POST /token", "GET /things?page=2"]],
    ["parts", [{ body: "grant_type=password", headers: { Authorization: "Basic canary" }, status: 200 }, {}]],
    ["a header that must not be there", [{}, { headers: { authorization: undefined } }]]
  ])("finds no difference from the right %s", (_, expected) => {
    assert.isTrue(Option.isNone(RequestLog.difference(requests, expected)))
  })

  it.each<[string, ReadonlyArray<RequestLog.Expected>, string]>([
    ["another line", ["POST /token", "GET /things"], "2. GET /things?page=2: expected GET /things"],
    ["a missing request", ["POST /token", {}, "GET /other"], "3. (no request): expected GET /other"],
    ["one request too many", ["POST /token"], "2. GET /things?page=2: not expected"],
    ["another status", [{ status: 401 }, {}], "1. POST /token: expected status 401, and it was answered with 200"],
    ["no answer", [{}, { status: 200 }], "expected status 200, and it was answered with nothing"],
    ["another header", [{ headers: { authorization: "Bearer canary" } }, {}], "the header authorization differs"],
    ["a header too many", [{ headers: { authorization: undefined } }, {}], "has the header authorization"],
    ["another body", [{ body: "grant_type=refresh_token" }, {}], "the body differs"]
  ])("tells %s, and no value of a header or a body", (_, expected, told) => {
    const difference = Option.getOrElse(RequestLog.difference(requests, expected), () => "none")
    assert.include(difference, told)
    assert.notInclude(difference, "canary")
    assert.notInclude(difference, "grant_type")
  })
})
