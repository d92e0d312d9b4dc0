import type * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import { assert, describe, it } from "@effect/vitest"
import { dialect } from "../../src/internal/tokens.ts"

const answer = (status: number, content: TokenEndpoint.Answer["content"]) => ({ status, content, code: undefined })

describe("What an answer of Yamcs' token endpoint means", () => {
  const table: ReadonlyArray<
    readonly [string, TokenEndpoint.Answer, login: TokenEndpoint.Verdict, refresh: TokenEndpoint.Verdict]
  > = [
    ["a 401 in plain text", answer(401, "Text"), "GrantEnded", "GrantEnded"],
    ["an empty 401", answer(401, "Empty"), "GrantEnded", "Unexpected"],
    ["a 401 with a page", answer(401, "Html"), "Unexpected", "Unexpected"],
    ["a 400 in plain text", answer(400, "Text"), "WrongSetting", "WrongSetting"],
    ["a 400 with a page", answer(400, "Html"), "Unexpected", "Unexpected"],
    ["a 403", answer(403, "Html"), "Unexpected", "Unexpected"],
    ["a 404", answer(404, "Text"), "Unexpected", "Unexpected"],
    ["a redirect", answer(302, "Empty"), "Unexpected", "Unexpected"],
    ["more than five requests a second", answer(429, "Text"), "TryAgain", "TryAgain"],
    ["a bad gateway", answer(502, "Html"), "TryAgain", "TryAgain"]
  ]
  for (const [what, answer, login, refresh] of table) {
    it(`${what}: ${login} for a login, ${refresh} for a refresh token`, () => {
      assert.deepStrictEqual([dialect(answer, "login"), dialect(answer, "refresh")], [login, refresh])
    })
  }
})
