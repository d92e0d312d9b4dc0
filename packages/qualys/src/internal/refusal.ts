/** What Qualys says when it refuses a login or a call, with what to do about it. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Platform from "../Platform.ts"
import * as Xml from "./xml.ts"

/** Reads the refusal of a login, or of a call that carries user name and password. */
export const explainLogin =
  (platform: Platform.Platform) =>
  (response: HttpClientResponse.HttpClientResponse): Effect.Effect<ServerMessage.ServerMessage> =>
    Effect.map(explainCall(response), (message) => {
      // the gateway says "Unauthorized" and nothing else
      const unsaid = response.status === 401 && message.code === undefined
      if (!unsaid && message.code !== "2000" && message.code !== "INVALID_CREDENTIALS") return message
      const { detail } = ServerMessage.fromResponse(response, message)
      const said = detail === undefined ? "" : `${detail.slice(0, longestSaid)}: `
      return { ...message, detail: `${said}${wrongLogin(platform)}` }
    })

/**
 * Reads the refusal of a call. A proxy's HTML page, like anything else that is not an envelope, adds nothing.
 */
export const explainCall = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<ServerMessage.ServerMessage> =>
  ResponseBody.bounded(response).text.pipe(
    Effect.map((body) =>
      Option.match(Xml.parse(body), {
        onNone: () => ServerMessage.empty,
        onSome: ({ code, text }) => ({ code, detail: text })
      })
    ),
    Effect.orElseSucceed(() => ServerMessage.empty)
  )

/** Some services answer a bearer that they cannot parse with a 500 whose words are about the JWT. */
export const unparsedJwt: Authenticator.BodyReview = {
  wanted: ({ status }) => status === 500,
  review: (body) => /jwt/iu.test(body) && /pars/iu.test(body) ? Authenticator.refused : Authenticator.accepted
}

/** What Qualys says is shorter; what a proxy says must not push the advice out of the message. */
const longestSaid = 200

const wrongLogin = (platform: Platform.Platform): string =>
  `the user name or the password is wrong, or the account is not on ${
    Platform.format(platform)
  } but on another platform`
