/** What may be behind a 401 of mqweb beside what it says, in the modes where it says little. */
import type * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as MqError from "../MqError.ts"

type Explain = (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ServerMessage.ServerMessage>

/** Without its feature the server looks at no user name and no password. */
export const explainBasic: Explain = (response) =>
  advised(response, "is the feature basicAuthenticationMQ-1.0 in the server's mqwebuser.xml, which Basic needs?")

/** TLS has accepted the certificate, or there would be no answer: what is missing is its user. */
export const explainCertificate = (subject: Option.Option<string>): Explain => (response) =>
  advised(
    response,
    `the server knows no user for the certificate${
      Option.match(subject, { onNone: () => "", onSome: (subject) => ` of ${subject}` })
    }, or none was presented`
  )

const advised = (
  response: HttpClientResponse.HttpClientResponse,
  advice: string
): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.map(MqError.explain(response), (message) => ({ ...message, advice }))
