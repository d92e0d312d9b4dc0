/** What Qualys says when it refuses a login or a call, in words that tell what to do about it. */
import type { Explanation } from "@effect-auth/core/Authenticator"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Platform from "../Platform.ts"
import * as Xml from "./xml.ts"

/** Reads the refusal of a login, or of a call that carries user name and password. */
export const explainLogin =
  (platform: Platform.Platform) => (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Explanation> =>
    Effect.map(explainCall(response), (explanation) => {
      // the gateway says "Unauthorized" and nothing else
      const unsaid = response.status === 401 && explanation.code === undefined
      if (!unsaid && explanation.code !== "2000" && explanation.code !== "INVALID_CREDENTIALS") return explanation
      const said = explanation.detail === undefined ? "" : `${explanation.detail}: `
      return { ...explanation, detail: `${said}${wrongLogin(platform)}` }
    })

/**
 * Reads the refusal of a call. An HTML page of a proxy, and everything else that is no envelope, has nothing to add.
 */
export const explainCall = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<Explanation> =>
  response.text.pipe(
    Effect.map((body) =>
      Option.match(Xml.parse(body), {
        onNone: (): Explanation => ({}),
        onSome: ({ code, text }) => ({ code, detail: text })
      })
    ),
    Effect.orElseSucceed((): Explanation => ({}))
  )

const wrongLogin = (platform: Platform.Platform): string =>
  `the user name or the password is wrong, or the account is not on ${
    Platform.format(platform)
  } but on another platform`
