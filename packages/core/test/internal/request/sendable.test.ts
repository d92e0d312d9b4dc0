import { assert, describe, it } from "@effect/vitest"
import * as Redacted from "effect/Redacted"
import * as Sendable from "../../../src/internal/request/sendable.ts"
import * as RequestCredentials from "../../../src/RequestCredentials.ts"

const zeroWidth = "canary\u200bsecret"
const { all, cookie, header, noHeader, queryParameter } = RequestCredentials

describe("sendable", () => {
  it.each<[string, RequestCredentials.RequestCredentials, RegExp]>([
    ["a value with an invisible character", header("x-api-key", zeroWidth), /^the value of x-api-key .*invisible/],
    ["a value with a line end", header("x-api-key", "canary\r\nx: y"), /^the value of x-api-key /],
    [
      "a bearer token of other letters",
      RequestCredentials.authorization("Bearer ключ"),
      /^the value of authorization /
    ],
    ["a name with a space", header("canary key", "value"), /^the name of a header must be a token/],
    ["an empty name", header("", "canary"), /^the name of a header must be a token/],
    ["a cookie", cookie("session", "canary’s"), /^the value of cookie .*curly quote.*\(it is a cookie\)$/],
    ["one of several", all(header("x-a", "a"), header("x-b", zeroWidth)), /^the value of x-b /]
  ])("refuses %s without its value", (_, credentials, problem) => {
    const said = Sendable.problem(credentials) ?? ""
    assert.match(said, problem)
    assert.notInclude(said, "canary")
  })

  it.each<[string, RequestCredentials.RequestCredentials]>([
    ["nothing", RequestCredentials.none],
    ["an empty value", header("x-csrf", "")],
    ["Latin-1 with spaces and a tab", header("x-api-key", " clé\tof \u00ff ")],
    ["any text in a query", queryParameter("key", zeroWidth)],
    ["a header that is taken away", noHeader("authorization")],
    [
      "a user name and a password of any letters",
      RequestCredentials.basic({ username: "пользователь", password: Redacted.make(zeroWidth) })
    ]
  ])("accepts %s", (_, credentials) => {
    assert.isUndefined(Sendable.problem(credentials))
  })
})
