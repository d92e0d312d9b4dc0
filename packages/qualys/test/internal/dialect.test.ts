import type * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { dialect, retryAfter } from "../../src/internal/dialect.ts"

const answer = (status: number, content: TokenEndpoint.Answer["content"], code?: string) => ({ status, content, code })

const block = (...items: ReadonlyArray<readonly [key: string, value: string]>) => blocked({}, ...items)

const blocked = (
  headers: Readonly<Record<string, string>>,
  ...items: ReadonlyArray<readonly [key: string, value: string]>
) =>
  HttpClientResponse.fromWeb(
    HttpClientRequest.post("https://qualysapi.example/api/2.0/fo/session/"),
    new Response(
      `<SIMPLE_RETURN><RESPONSE><CODE>1965</CODE><TEXT>later</TEXT><ITEM_LIST>${
        items.map(([key, value]) => `<ITEM><KEY>${key}</KEY><VALUE>${value}</VALUE></ITEM>`).join("")
      }</ITEM_LIST></RESPONSE></SIMPLE_RETURN>`,
      { status: 409, headers }
    )
  )

describe("What an answer of Qualys' logins means", () => {
  const table: ReadonlyArray<readonly [string, TokenEndpoint.Answer, TokenEndpoint.Verdict]> = [
    ["a refusal of the API", answer(401, "Text", "2000"), "GrantEnded"],
    ["a refusal of the gateway", answer(401, "Text"), "GrantEnded"],
    ["a 403", answer(403, "Json"), "GrantEnded"],
    ["a 403 with a page", answer(403, "Html"), "Unexpected"],
    ["a block by the number of calls", answer(409, "Text", "1965"), "TryAgain"],
    ["a block by calls at the same time", answer(409, "Text", "1960"), "TryAgain"],
    ["a block by the number of sessions", answer(409, "Text", "1920"), "TryAgain"],
    ["an incomplete registration", answer(409, "Text", "2003"), "WrongSetting"],
    ["an account with SecureID", answer(409, "Text", "2011"), "WrongSetting"],
    ["a 409 of a proxy", answer(409, "Html"), "Unexpected"],
    ["a 404", answer(404, "Html"), "Unexpected"],
    ["a bad gateway", answer(502, "Html"), "TryAgain"]
  ]
  for (const [what, answer, verdict] of table) {
    it(`${what}: ${verdict}`, () => {
      assert.strictEqual(dialect(answer, "login"), verdict)
    })
  }

  it.effect("a block says in its body how long to wait", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        Option.getOrThrow(yield* retryAfter(block(["CALLS_TO_FINISH", "2"], ["SECONDS_TO_WAIT", "90"]))),
        Duration.seconds(90)
      )
      for (const items of [[], [["SECONDS_TO_WAIT", "soon"]], [["SECONDS_TO_WAIT", "-1"]]] as const) {
        assert.isTrue(Option.isNone(yield* retryAfter(block(...items))))
      }
    }))

  it.effect("where the body says nothing, the head does", () =>
    Effect.gen(function*() {
      const head = { "x-ratelimit-towait-sec": "51" }
      assert.deepStrictEqual(Option.getOrThrow(yield* retryAfter(blocked(head))), Duration.seconds(51))
      assert.deepStrictEqual(
        Option.getOrThrow(yield* retryAfter(blocked(head, ["SECONDS_TO_WAIT", "90"]))),
        Duration.seconds(90)
      )
    }))
})
