import * as Token from "@effect-auth/core/Token"
import * as Duration from "effect/Duration"
import { describe, expect, it } from "tstyche"

describe("Token", () => {
  describe("make", () => {
    it("takes a lifetime that states its unit", () => {
      expect(Token.make).type.toBeCallableWith({ value: "canary-token", lifetime: "1 hour" })
      expect(Token.make).type.toBeCallableWith({ value: "canary-token", lifetime: Duration.seconds(3600) })
      expect(Token.make).type.toBeCallableWith({ value: "canary-token", lifetime: undefined })
    })

    it("refuses a bare number, which Effect reads as milliseconds where servers state seconds", () => {
      expect(Token.make).type.not.toBeCallableWith({ value: "canary-token", lifetime: 3600 })
      expect(Token.make).type.not.toBeCallableWith({ value: "canary-token", lifetime: 3600n })
    })

    it("takes expiresIn as the server states it, which may be anything", () => {
      expect(Token.make).type.toBeCallableWith({ value: "canary-token", expiresIn: 3600 })
      expect(Token.make).type.toBeCallableWith({ value: "canary-token", expiresIn: null })
    })
  })

  describe("fromJwt", () => {
    it("takes the same options", () => {
      expect(Token.fromJwt).type.toBeCallableWith({ value: "canary-token", lifetime: "1 hour" })
      expect(Token.fromJwt).type.not.toBeCallableWith({ value: "canary-token", lifetime: 3600 })
    })
  })
})
