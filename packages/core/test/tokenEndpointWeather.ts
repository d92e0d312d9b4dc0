/** What every session mode makes of answers to its login or refresh that are not the token endpoint's own. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import type { TokenSource } from "@effect-auth/core/TokenSource"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"

const page = { headers: { "content-type": "text/html" }, body: "<html>log in</html>" }

const answers: ReadonlyArray<readonly [what: string, reply: ScriptedHttpClient.Reply, notBefore: number]> = [
  ["404", { status: 404 }, 0],
  ["302", { status: 302, headers: { location: "https://login.example/" } }, 0],
  ["a page with 403", { ...page, status: 403 }, 0],
  ["a page with 401", { ...page, status: 401 }, 0],
  ["a page with 200", { ...page, status: 200 }, 0],
  ["503 and Retry-After", { status: 503, headers: { "retry-after": "4" } }, 4],
  ["429 and Retry-After", { status: 429, headers: { "retry-after": "4" } }, 4]
]

/** A mode's tokens over a fake, the requests of its token endpoint, and after how long its token has to be refreshed. */
interface Mode<E, S> {
  readonly tokens: Effect.Effect<TokenSource, E, HttpClient.HttpClient | Scope.Scope>
  readonly server: Layer.Layer<S | HttpClient.HttpClient>
  readonly endpoint: string
  readonly refreshAfter?: Duration.DurationInput | undefined
}

export const outlivesWeather = <E, S>(name: string, { endpoint, refreshAfter, server, tokens }: Mode<E, S>): void => {
  /** The endpoint answers so many requests with the reply, after the first login if a refresh is meant. */
  const trial = (reply: ScriptedHttpClient.Reply, times: number) =>
    Effect.gen(function*() {
      const real = yield* HttpClient.HttpClient
      const proxy = ScriptedHttpClient.make(reply)
      const left = yield* Ref.make(refreshAfter === undefined ? times : 0)
      const asked = yield* Ref.make<ReadonlyArray<number>>([])
      const client = HttpClient.make((request) =>
        Effect.gen(function*() {
          if (!request.url.endsWith(endpoint)) return yield* real.execute(request)
          const now = yield* Clock.currentTimeMillis
          yield* Ref.update(asked, (all) => [...all, now])
          return yield* (yield* Ref.getAndUpdate(left, (n) => n - 1)) > 0
            ? proxy.execute(request)
            : real.execute(request)
        })
      )
      return yield* Effect.gen(function*() {
        const source = yield* tokens
        if (refreshAfter !== undefined) {
          yield* source.get
          yield* Effect.sleep(refreshAfter)
          yield* Ref.set(left, times)
          yield* Ref.set(asked, [])
        }
        const result = yield* Effect.either(source.get)
        return { result, asked: yield* Ref.get(asked) }
      }).pipe(Effect.provideService(HttpClient.HttpClient, client))
    }).pipe(Effect.provide(server), Effect.scoped, VirtualClock.run, Effect.runPromise)

  const what = refreshAfter === undefined ? "login" : "refresh"
  describe(`${name}, whose ${what} is answered once with`, () => {
    for (const [answer, reply, notBefore] of answers) {
      it(`${answer}: tries again${notBefore === 0 ? "" : `, not before ${notBefore} s`}`, async () => {
        const { asked, result } = await trial(reply, 1)
        assert.strictEqual(result._tag, "Right")
        assert.lengthOf(asked, 2)
        assert.isAtLeast((asked[1] ?? 0) - (asked[0] ?? 0), notBefore * 1000)
      })
    }
  })

  describe(`${name}, whose ${what} is always answered with`, () => {
    for (const [answer, reply] of answers) {
      it(`${answer}: the error has the real status, and is no refusal`, async () => {
        const { result } = await trial(reply, Infinity)
        const error = result._tag === "Left" ? result.left : assert.fail("there is a token")
        assert.include(["TokenEndpointError", "MalformedTokenResponse"], (error satisfies ExchangeError)._tag)
        assert.deepInclude(error, { status: reply.status })
      })
    }
  })
}
