/** What Qualys says when it refuses a login or a call, with what to do about it. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Platform from "../Platform.ts"
import * as Xml from "./xml.ts"

/** Who was refused, and where. */
export interface Login {
  readonly platform: Platform.Platform
  readonly username?: string | undefined
}

/** Reads the refusal of a login, or of a call that carries user name and password. */
export const explainLogin = (login: Login): Explain => (response) =>
  advised(response, ["2000", "INVALID_CREDENTIALS"], wrongLogin(login))

/** Reads the refusal of a client id and secret. */
export const explainClient = (platform: Platform.Platform): Explain => (response) =>
  advised(response, [], wrongClient(platform))

/**
 * Reads the refusal of another provider's token. Which of the things that Qualys was told of the provider is wrong cannot
 * be told from the answer, so the advice names what the token says of them.
 */
export const explainBearer = (claims: () => string | undefined): Explain => (response) => {
  const said = claims()
  return said === undefined
    ? explainCall(response)
    : Effect.map(explainCall(response), (message) => ({ ...message, advice: `the token has ${said}` }))
}

/**
 * Reads the refusal of a call. A proxy's HTML page, like anything else that is not an envelope, adds nothing.
 */
export const explainCall: Explain = (response) =>
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

type Explain = (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ServerMessage.ServerMessage>

const advised = (
  response: HttpClientResponse.HttpClientResponse,
  codes: ReadonlyArray<string>,
  advice: string
): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.map(explainCall(response), (message) => {
    // the gateway says "Unauthorized" and nothing else
    const unsaid = response.status === 401 && message.code === undefined
    return unsaid || codes.some((code) => code === message.code) ? { ...message, advice } : message
  })

const wrongLogin = ({ platform, username = "" }: Login): string => {
  const guess = Option.filter(Platform.fromUsername(username), (guess) => guess !== platform)
  const hint = Option.match(guess, { onNone: () => "", onSome: (guess) => ` (the user name is one of ${guess})` })
  return `the user name or the password is wrong, or the account is not on ${
    Platform.format(platform)
  } but on another platform${hint}, or its user logs in by SSO, which the API does not support`
}

const wrongClient = (platform: Platform.Platform): string =>
  `the client id, the client secret or the level of the client is wrong, or the client is not one of ${
    Platform.format(platform)
  }`
