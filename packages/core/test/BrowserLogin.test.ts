import type { InteractionRequired } from "@effect-auth/core/AuthError"
import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"

const redirectUri = "http://127.0.0.1:8976/callback"

/** A browser that follows nothing, and a person who pastes what the test says. */
const desk = Effect.gen(function*() {
  const redirects = yield* Queue.unbounded<string>()
  const pastes = yield* Queue.unbounded<string>()
  const shown = yield* Ref.make<ReadonlyArray<LoginPrompt.BrowserLogin>>([])
  const listening = yield* Ref.make(0)
  const context = Context.make(RedirectReceiver.RedirectReceiver, {
    listen: () =>
      Effect.as(
        Effect.acquireRelease(Ref.update(listening, (n) => n + 1), () => Ref.update(listening, (n) => n - 1)),
        {
          redirectUri,
          receive: (isAnswer) =>
            Effect.repeat(Effect.map(Queue.take(redirects), (text) => new URLSearchParams(text)), { until: isAnswer })
        }
      )
  }).pipe(Context.add(LoginPrompt.LoginPrompt, {
    browse: (login) => Effect.zipRight(Ref.update(shown, (all) => [...all, login]), Queue.take(pastes)),
    showCode: () => Effect.void
  }))
  return { redirects, pastes, shown, listening, context }
})

const login = BrowserLogin.run({
  mode: "Test",
  page: (redirectUri) =>
    Effect.succeed({
      url: `https://as.example/login?to=${redirectUri}`,
      isAnswer: (parameters) => parameters.get("state") === "mine"
    })
})

const answered = (use: (all: Effect.Effect.Success<typeof desk>) => Effect.Effect<unknown>) =>
  Effect.gen(function*() {
    const all = yield* desk
    const fiber = yield* Effect.fork(Effect.provide(login, all.context))
    yield* use(all)
    const { answer } = yield* Fiber.join(fiber)
    assert.strictEqual(yield* Ref.get(all.listening), 0)
    return answer._tag === "Pasted" ? answer.code : answer.parameters.toString()
  })

describe("BrowserLogin", () => {
  it.effect("takes the redirect that answers this login, and ignores others", () =>
    Effect.gen(function*() {
      const answer = yield* answered(({ redirects }) =>
        Queue.offerAll(redirects, ["code=theirs&state=other", "code=none", "code=mine&state=mine"])
      )
      assert.strictEqual(answer, "code=mine&state=mine")
    }))

  it.effect("takes the address that a person pastes, after the same check, and says what is wrong with another", () =>
    Effect.gen(function*() {
      const answer = yield* answered(({ pastes, shown }) =>
        Effect.gen(function*() {
          yield* Queue.offerAll(pastes, [
            `${redirectUri}?code=theirs&state=other`,
            "https://elsewhere.example/callback?code=mine&state=mine",
            ` ${redirectUri}?code=mine&state=mine#fragment\n`
          ])
          yield* Effect.repeat(Effect.yieldNow(), {
            until: () => Effect.map(Ref.get(shown), (all) => all.length === 3)
          })
          assert.deepStrictEqual((yield* Ref.get(shown)).map(({ problem }) => problem === undefined), [
            true,
            false,
            false
          ])
        })
      )
      assert.strictEqual(answer, "code=mine&state=mine")
    }))

  it.effect.each<[string, string]>([
    ["canary-code_1", "canary-code_1"],
    ["4/0canary+a==", "4/0canary+a=="],
    ["4%2F0canary%2Ba", "4/0canary+a"],
    ["M.C1_BAY.canary!a*b$", "M.C1_BAY.canary!a*b$"],
    ["canary%zz", "canary%zz"]
  ])(
    "takes the bare code that a person pastes, also as it stands in an address: %s",
    ([pasted, code]) =>
      Effect.gen(function*() {
        assert.strictEqual(yield* answered(({ pastes }) => Queue.offer(pastes, pasted)), code)
      })
  )

  it.effect("takes no part of an address for a code", () =>
    Effect.gen(function*() {
      const parts = ["/callback?code=theirs&state=other", "code=a&state=b", "two words", "\"code\""]
      assert.strictEqual(
        yield* answered(({ pastes }) => Queue.offerAll(pastes, [...parts, "canary-code"])),
        "canary-code"
      )
    }))

  it.effect("stops listening when it is interrupted", () =>
    Effect.gen(function*() {
      const { context, listening, shown } = yield* desk
      const fiber = yield* Effect.fork(Effect.provide(login, context))
      yield* Effect.repeat(Effect.yieldNow(), { until: () => Effect.map(Ref.get(shown), (all) => all.length === 1) })
      assert.strictEqual(yield* Ref.get(listening), 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* Ref.get(listening), 0)
    }))

  it.effect("says why it cannot listen", () =>
    Effect.gen(function*() {
      const { context } = yield* desk
      const error: InteractionRequired = yield* Effect.flip(Effect.provide(
        login,
        Context.add(context, RedirectReceiver.RedirectReceiver, {
          listen: () =>
            new RedirectReceiver.RedirectReceiverError({
              reason: "PortInUse",
              address: "127.0.0.1:8976",
              problem: "the port is in use"
            })
        })
      ))
      assert.strictEqual(error.code, "port_in_use")
      assert.include(error.message, "cannot listen on 127.0.0.1:8976: the port is in use")
    }))
})
