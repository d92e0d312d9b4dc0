/**
 * A login in a browser, whatever the protocol: listen, send a person to the page, and take the answer that the browser
 * brings back or the person pastes, whichever comes first.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { InteractionRequired } from "./AuthError.ts"
import * as LoginPrompt from "./LoginPrompt.ts"
import * as RedirectReceiver from "./RedirectReceiver.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<P extends Page, E, R> extends RedirectReceiver.Options {
  /** Shown in errors, and to the person. */
  readonly mode: string
  /** The page, for the redirect URI that is listened on. */
  readonly page: (redirectUri: string) => Effect.Effect<P, E, R>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Page {
  readonly url: string
  /** Whether a redirect answers this login, and not another one: by its state. */
  readonly isAnswer: (parameters: URLSearchParams) => boolean
}

/**
 * What the browser brought back. A bare code stands where a person has pasted just that; nothing vouches for it but the
 * person.
 *
 * @since 0.1.0
 * @category models
 */
export type Answer =
  | { readonly _tag: "Redirected"; readonly parameters: URLSearchParams }
  | { readonly _tag: "Pasted"; readonly code: string }

/**
 * One login: the page, as it was made for the redirect URI, and its answer. Its end, an interruption included, ends the listening. A receiver that cannot listen is
 * `InteractionRequired`, with the code `port_in_use` where that is why. Bound it in time: it waits for a person.
 *
 * @example
 * ```ts
 * import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
 * import * as Effect from "effect/Effect"
 *
 * // a server that sends its own code, which is redeemed elsewhere
 * const login = (state: string) =>
 *   BrowserLogin.run({
 *     mode: "Acme/Browser",
 *     page: (redirectUri) =>
 *       Effect.succeed({
 *         url: `https://acme.example/login?${new URLSearchParams({ redirect_uri: redirectUri, state })}`,
 *         isAnswer: (parameters) => parameters.get("state") === state
 *       })
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const run = <P extends Page, E = never, R = never>(
  { mode, page, ...options }: Options<P, E, R>
): Effect.Effect<
  { readonly page: P; readonly answer: Answer },
  E | InteractionRequired,
  R | RedirectReceiver.RedirectReceiver | LoginPrompt.LoginPrompt
> =>
  Effect.scoped(Effect.gen(function*() {
    const { listen } = yield* RedirectReceiver.RedirectReceiver
    const prompt = yield* LoginPrompt.LoginPrompt
    const { receive, redirectUri } = yield* Effect.mapError(listen(options), (error) =>
      new InteractionRequired({
        mode,
        ...(error.reason === "PortInUse" ? { code: "port_in_use" } : undefined),
        detail: error.message
      }))
    const made = yield* page(redirectUri)
    const { isAnswer, url } = made
    const received = Effect.map(receive(isAnswer), (parameters): Answer => ({ _tag: "Redirected", parameters }))
    const answer = yield* Effect.raceFirst(received, pasted(prompt, { mode, url }, redirectUri, isAnswer))
    return { page: made, answer }
  }))

const pasted = (
  prompt: LoginPrompt.Service,
  login: LoginPrompt.BrowserLogin,
  redirectUri: string,
  isAnswer: Page["isAnswer"]
): Effect.Effect<Answer> =>
  Effect.flatMap(prompt.browse(login), (text) => {
    const answer = answerOf(text.trim(), redirectUri, isAnswer)
    return answer === undefined
      ? pasted(prompt, { ...login, problem: "that is not the address to which this login led" }, redirectUri, isAnswer)
      : Effect.succeed(answer)
  })

/** A pasted URL passes the checks of a received one. */
const answerOf = (text: string, redirectUri: string, isAnswer: Page["isAnswer"]): Answer | undefined => {
  if (bareCode.test(text)) return { _tag: "Pasted", code: decoded(text) }
  if (!URL.canParse(text)) return undefined
  const { origin, pathname, searchParams } = new URL(text)
  const expected = new URL(redirectUri)
  return origin === expected.origin && pathname === expected.pathname && isAnswer(searchParams)
    ? { _tag: "Redirected", parameters: searchParams }
    : undefined
}

/** RFC 6749 appendix A.11, but for what stands in addresses alone. */
const bareCode = /^[\w.~+/=%!*$'()|-]+$/u

/** As it stands in an address bar, or as it is. */
const decoded = (code: string): string =>
  /^(?:[^%]|%[0-9A-Fa-f]{2})*$/u.test(code)
    ? new URLSearchParams(`code=${code.replaceAll("+", "%2B")}`).get("code") ?? code
    : code
