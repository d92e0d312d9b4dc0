/** A person at a browser, without either. */
import type { BrowserLogin, DeviceLogin } from "@effect-auth/core/LoginPrompt"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"

export const redirectUri = "http://127.0.0.1:8976/callback"

/** What the person does with the page: the query of the redirect, or nothing for ever. */
export type Deed = (page: URL) => string | undefined

export const agrees: Deed = (page) => `code=canary-code&state=${page.searchParams.get("state") ?? ""}`

/** A person at a browser, how often they were asked, and how many ports are open. */
export class Person extends Context.Tag("test/Person")<Person, {
  readonly asked: Effect.Effect<number>
  readonly open: Effect.Effect<number>
  readonly does: (deed: Deed) => Effect.Effect<void>
  /** The codes they were shown, for another device. */
  readonly codes: Effect.Effect<ReadonlyArray<DeviceLogin>>
}>() {}

export const person = Layer.effectContext(Effect.gen(function*() {
  const asked = yield* Ref.make(0)
  const open = yield* Ref.make(0)
  const deed = yield* Ref.make<Deed>(agrees)
  const codes = yield* Ref.make<ReadonlyArray<DeviceLogin>>([])
  const redirects = yield* Queue.unbounded<string>()
  const receiver: RedirectReceiver.Service = {
    listen: () =>
      Effect.as(
        Effect.acquireRelease(Ref.update(open, (n) => n + 1), () => Ref.update(open, (n) => n - 1)),
        {
          redirectUri,
          receive: (isAnswer) =>
            Effect.repeat(Effect.map(Queue.take(redirects), (text) => new URLSearchParams(text)), { until: isAnswer })
        }
      )
  }
  const prompt: LoginPrompt.Service = {
    browse: ({ url }: BrowserLogin) =>
      Effect.gen(function*() {
        yield* Ref.update(asked, (n) => n + 1)
        const answer = (yield* Ref.get(deed))(new URL(url))
        if (answer !== undefined) yield* Queue.offer(redirects, answer)
        return yield* Effect.never
      }),
    showCode: (login) => Ref.update(codes, (all) => [...all, login])
  }
  return Context.make(RedirectReceiver.RedirectReceiver, receiver).pipe(
    Context.add(LoginPrompt.LoginPrompt, prompt),
    Context.add(Person, {
      asked: Ref.get(asked),
      open: Ref.get(open),
      codes: Ref.get(codes),
      does: (next) => Ref.set(deed, next)
    })
  )
}))
