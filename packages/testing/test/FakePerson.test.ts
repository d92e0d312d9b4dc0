import * as Browser from "@effect-auth/core/Browser"
import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"

const pageOf = (redirectUri: string, state: string, query: Record<string, string> = {}) => {
  const parameters = new URLSearchParams({
    response_type: "code",
    client_id: FakeOAuth.canaries.publicClientId,
    redirect_uri: redirectUri,
    code_challenge: "canary-challenge",
    code_challenge_method: "S256",
    state,
    ...query
  })
  return {
    url: `https://as.example/authorize?${parameters}`,
    isAnswer: (answer: URLSearchParams) => answer.get("state") === state
  }
}

/** The parameters of a login, and where it ended. */
const logIn = (state: string, query?: Record<string, string>) =>
  Effect.map(
    BrowserLogin.run({ mode: "Test", page: (redirectUri) => Effect.succeed(pageOf(redirectUri, state, query)) }),
    ({ answer, page }) => ({
      redirectUri: new URL(page.url).searchParams.get("redirect_uri"),
      answer: answer._tag === "Redirected" ? Object.fromEntries(answer.parameters) : {}
    })
  )

const live = Layer.provideMerge(FakePerson.layer, FakeOAuth.layer())

describe("FakePerson", () => {
  it.effect("brings each login the answer of its own", () =>
    Effect.gen(function*() {
      const [one, two] = yield* Effect.all([logIn("one"), logIn("two")], { concurrency: "unbounded" })
      assert.deepInclude(one.answer, { state: "one" })
      assert.deepInclude(two.answer, { state: "two" })
      assert.property(one.answer, "code")
      assert.notStrictEqual(one.redirectUri, two.redirectUri)
    }).pipe(Effect.provide(live)))

  it.effect("denies and ignores where the person of the server does", () =>
    Effect.gen(function*() {
      const server = yield* FakeOAuth.FakeOAuth
      yield* server.person(FakeOAuth.denies)
      assert.deepInclude((yield* logIn("one")).answer, { error: "access_denied" })
      yield* server.person(FakeOAuth.ignores)
      const waiting = yield* Effect.fork(logIn("two"))
      yield* TestClock.adjust("1 hour")
      assert.isNull(yield* Fiber.poll(waiting).pipe(Effect.map((exit) => exit._tag === "None" ? null : exit)))
      yield* Fiber.interrupt(waiting)
    }).pipe(Effect.provide(live)))

  it.effect("dies with what the page says where there is no redirect", () =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(logIn("one", { client_id: "theirs" }))
      assert.include(String(exit), "the authorization endpoint answers 400: the client is unknown")
    }).pipe(Effect.provide(live)))

  it.effect("opens in its browser what a program sends there, and drops what nobody listens for", () =>
    Effect.gen(function*() {
      const { open } = yield* Browser.Browser
      yield* open(pageOf("http://127.0.0.1:1/callback", "one").url)
      const { stats } = yield* FakeOAuth.FakeOAuth
      assert.deepInclude(yield* stats, { prompts: 1 })
    }).pipe(Effect.provide(live)))

  it.effect("enters the codes of other devices", () =>
    Effect.gen(function*() {
      const { showCode } = yield* LoginPrompt.LoginPrompt
      const exit = yield* Effect.exit(showCode({
        mode: "Test",
        userCode: "CNRY-XXXX",
        verificationUri: "https://as.example/device",
        verificationUriComplete: undefined,
        expiresAt: DateTime.unsafeMake(0)
      }))
      assert.include(String(exit), "nothing waits for this code")
    }).pipe(Effect.provide(live)))

  it.effect("logs in at the page of a Yamcs server, by the form that it shows, or at the provider that it names", () =>
    Effect.gen(function*() {
      for (const openId of [undefined, {}]) {
        const answer = yield* BrowserLogin.run({
          mode: "Test",
          page: (redirectUri) => {
            const query = new URLSearchParams({
              client_id: "yamcs",
              redirect_uri: redirectUri,
              response_type: "code",
              scope: "openid",
              state: "a \"<&"
            })
            const base = openId === undefined
              ? "https://yamcs.example/auth/authorize"
              : "https://idp.example/idp/authorize"
            return Effect.succeed({
              url: `${base}?${query}`,
              isAnswer: (answer: URLSearchParams) => answer.get("state") === "a \"<&" && answer.has("code")
            })
          }
        }).pipe(Effect.provide(Layer.provide(FakePerson.layerYamcs, FakeYamcs.layer({ openId }))))
        assert.strictEqual(answer.answer._tag, "Redirected")
      }
    }))
})
