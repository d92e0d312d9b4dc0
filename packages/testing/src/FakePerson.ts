/**
 * A person at a browser, for tests of modes in which one logs in: takes the place of `TerminalLogin` of
 * `@effect-auth/node`, does at {@link FakeOAuth} what that is told its person does, and needs no socket.
 *
 * @since 0.1.0
 */
import * as Browser from "@effect-auth/core/Browser"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import { FakeOAuth } from "./FakeOAuth.ts"
import { canaries, FakeYamcs } from "./FakeYamcs.ts"

/**
 * The person follows the URL of a login, and enters the code of one for another device. What {@link FakeOAuth} shows in
 * place of a redirect because the request is wrong is a defect, which says what that is.
 *
 * @example
 * ```ts
 * import type * as LoginPrompt from "@effect-auth/core/LoginPrompt"
 * import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
 * import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
 * import * as FakePerson from "@effect-auth/testing/FakePerson"
 * import type * as HttpClient from "@effect/platform/HttpClient"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 *
 * declare const program: Effect.Effect<
 *   string,
 *   Error,
 *   HttpClient.HttpClient | LoginPrompt.LoginPrompt | RedirectReceiver.RedirectReceiver
 * >
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeOAuth.FakeOAuth
 *   yield* program
 *   yield* server.person(FakeOAuth.denies)
 *   return yield* Effect.flip(program)
 * }).pipe(Effect.provide(Layer.provideMerge(FakePerson.layer, FakeOAuth.layer())))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Desk, never, FakeOAuth> = Layer.effectContext(
  Effect.flatMap(FakeOAuth, ({ enterCode, httpClient }) =>
    make({
      enterCode,
      read: (url) => httpClient.get(url)
    }))
)

/**
 * The person of a login at {@link FakeYamcs} or at its OpenID provider. At the server's own page it enters the name and the
 * password of `canaries`.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerYamcs: Layer.Layer<Desk, never, FakeYamcs> = Layer.effectContext(
  Effect.flatMap(FakeYamcs, ({ httpClient }) =>
    make({
      enterCode: () => Effect.void,
      read: (url) => Effect.flatMap(httpClient.get(url), (page) => submitted(httpClient, url, page))
    }))
)

type Desk = Browser.Browser | LoginPrompt.LoginPrompt | RedirectReceiver.RedirectReceiver

/** The answer to the form of a page, if it has one. */
const submitted = (
  client: HttpClient.HttpClient,
  url: string,
  page: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.flatMap(page.text, (html) => {
    const [, action] = /<form method="post" action="([^"]*)"/u.exec(html) ?? []
    if (page.status !== 200 || action === undefined) return Effect.succeed(page)
    const hidden = Array.from(
      html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/gu),
      ([, name = "", value = ""]) =>
        [name, value.replaceAll("&lt;", "<").replaceAll("&quot;", "\"").replaceAll("&amp;", "&")] as const
    )
    const { password, username } = canaries
    const form = new URLSearchParams(
      [...hidden, ["username", username], ["password", password]].map((pair) => [...pair])
    )
    const body = HttpBody.text(form.toString(), "application/x-www-form-urlencoded")
    return client.post(new URL(action, url), { body })
  })

/** How a page is read, and what is done with a code. */
interface Reading {
  readonly read: (
    url: string
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>
  readonly enterCode: (userCode: string) => Effect.Effect<void>
}

const make = ({ enterCode, read }: Reading): Effect.Effect<Context.Context<Desk>> =>
  Effect.gen(function*() {
    const listening = yield* Ref.make<Listening>({ ports: firstPort, redirects: HashMap.empty() })

    /** A browser is no part of what the program traces. */
    const follow = (url: string) =>
      Effect.withTracerEnabled(
        Effect.gen(function*() {
          const { headers, status, text } = yield* read(url)
          const { location } = headers
          if (location === undefined) {
            return status < 400
              ? undefined
              : yield* Effect.dieMessage(`FakePerson: the authorization endpoint answers ${status}: ${yield* text}`)
          }
          const { redirects } = yield* Ref.get(listening)
          const queue = HashMap.get(redirects, location.split("?")[0] ?? "")
          if (Option.isSome(queue)) yield* Queue.offer(queue.value, new URL(location).searchParams)
        }),
        false
      )

    const browser: Browser.Service = { open: (url) => Effect.orDie(follow(url)) }
    const prompt: LoginPrompt.Service = {
      browse: ({ url }) => Effect.zipRight(Effect.orDie(follow(url)), Effect.never),
      showCode: ({ userCode }) => enterCode(userCode)
    }
    const receiver: RedirectReceiver.Service = {
      listen: ({ host = "127.0.0.1", path = "/callback", port = 0 } = {}) =>
        Effect.gen(function*() {
          const free = yield* Ref.modify(listening, (all) => [all.ports, { ...all, ports: all.ports + 1 }])
          const redirectUri = `http://${host}:${port === 0 ? free : port}${path}`
          const queue = yield* Queue.unbounded<URLSearchParams>()
          yield* Effect.acquireRelease(
            Ref.update(listening, (all) => ({ ...all, redirects: HashMap.set(all.redirects, redirectUri, queue) })),
            () => Ref.update(listening, (all) => ({ ...all, redirects: HashMap.remove(all.redirects, redirectUri) }))
          )
          return {
            redirectUri,
            receive: (isAnswer) => Effect.repeat(Queue.take(queue), { until: isAnswer })
          }
        })
    }
    return Context.make(Browser.Browser, browser).pipe(
      Context.add(LoginPrompt.LoginPrompt, prompt),
      Context.add(RedirectReceiver.RedirectReceiver, receiver)
    )
  })

interface Listening {
  /** The next one that is free. */
  readonly ports: number
  readonly redirects: HashMap.HashMap<string, Queue.Queue<URLSearchParams>>
}

/** The first of those that no service is registered for (RFC 6335 section 6). */
const firstPort = 49_152
