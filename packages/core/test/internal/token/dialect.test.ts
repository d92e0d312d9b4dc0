import { assert, describe, it } from "@effect/vitest"
import type { Answer, Verdict } from "../../../src/internal/token/dialect.ts"
import { oauth } from "../../../src/internal/token/dialect.ts"

const answer = (status: number, content: Answer["content"], code?: string, suberror?: string): Answer => ({
  status,
  content,
  code,
  suberror
})

describe("dialect", () => {
  describe("oauth", () => {
    const table: ReadonlyArray<readonly [what: string, answer: Answer, login: Verdict, refresh: Verdict]> = [
      ["invalid_grant", answer(400, "Json", "invalid_grant"), "GrantEnded", "GrantEnded"],
      ["invalid_grant under a status of its own", answer(401, "Json", "invalid_grant"), "GrantEnded", "GrantEnded"],
      ["an error in a 200", answer(200, "Json", "invalid_grant"), "GrantEnded", "GrantEnded"],
      ["GitHub's word for it", answer(200, "Json", "bad_refresh_token"), "GrantEnded", "GrantEnded"],
      ["a client that is not known", answer(401, "Json", "invalid_client"), "WrongSetting", "WrongSetting"],
      ["a scope that is not", answer(400, "Json", "invalid_scope"), "WrongSetting", "WrongSetting"],
      ["a code that is not known", answer(400, "Json", "acme_1"), "GrantEnded", "WrongSetting"],
      ["server_error as 400", answer(400, "Json", "server_error"), "TryAgain", "TryAgain"],
      ["a person who has to act", answer(400, "Json", "login_required"), "InteractionRequired", "InteractionRequired"],
      [
        "a person who has to act, in Entra's suberror",
        answer(400, "Json", "invalid_grant", "basic_action"),
        "InteractionRequired",
        "InteractionRequired"
      ],
      [
        "a session that has ended, with a suberror",
        answer(400, "Json", "invalid_grant", "token_expired"),
        "GrantEnded",
        "GrantEnded"
      ],
      ["an empty 400", answer(400, "Empty"), "GrantEnded", "GrantEnded"],
      ["an empty 401", answer(401, "Empty"), "GrantEnded", "WrongSetting"],
      ["an empty 403", answer(403, "Empty"), "GrantEnded", "WrongSetting"],
      ["a 400 in words", answer(400, "Text"), "GrantEnded", "Unexpected"],
      ["a 401 in words", answer(401, "Text"), "GrantEnded", "Unexpected"],
      ["JSON without a code", answer(401, "Json"), "GrantEnded", "Unexpected"],
      ["an error that is no text", { ...answer(400, "Json"), unreadable: true }, "Malformed", "Malformed"],
      [
        "an error that is no text, but the header says it",
        {
          ...answer(401, "Json", "invalid_client"),
          unreadable: true
        },
        "WrongSetting",
        "WrongSetting"
      ],
      [
        "an error that is no text, but the header says something",
        {
          ...answer(401, "Json", "acme_1"),
          unreadable: true
        },
        "GrantEnded",
        "WrongSetting"
      ],
      [
        "an error that is no text, of a bad gateway",
        { ...answer(502, "Json"), unreadable: true },
        "TryAgain",
        "TryAgain"
      ],
      ["a page with 400", answer(400, "Html"), "Unexpected", "Unexpected"],
      ["a page with 401", answer(401, "Html"), "Unexpected", "Unexpected"],
      [
        "a page with 401 that asks for Basic",
        { ...answer(401, "Html"), challenged: true },
        "WrongSetting",
        "WrongSetting"
      ],
      ["words with 401 that ask for Basic", { ...answer(401, "Text"), challenged: true }, "GrantEnded", "WrongSetting"],
      [
        "an ended session, though Basic is asked for",
        { ...answer(401, "Json", "invalid_grant"), challenged: true },
        "GrantEnded",
        "GrantEnded"
      ],
      ["a page with 403", answer(403, "Html"), "Unexpected", "Unexpected"],
      ["a page with 200", answer(200, "Html"), "Unexpected", "Unexpected"],
      ["a redirect", answer(302, "Empty"), "Unexpected", "Unexpected"],
      ["a 404", answer(404, "Json", "Not Found"), "Unexpected", "Unexpected"],
      ["a timeout", answer(408, "Empty"), "TryAgain", "TryAgain"],
      ["too many requests", answer(429, "Html"), "TryAgain", "TryAgain"],
      ["a bad gateway", answer(502, "Html"), "TryAgain", "TryAgain"]
    ]
    for (const [what, answer, login, refresh] of table) {
      it(`${what}: ${login} for a login, ${refresh} for a refresh token`, () => {
        assert.deepStrictEqual([oauth(answer, "login"), oauth(answer, "refresh")], [login, refresh])
      })
    }
  })
})
