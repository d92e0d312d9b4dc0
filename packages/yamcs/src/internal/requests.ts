/** How the credentials of Yamcs are written on a request, and how a refusal is read. */
import type * as Authenticator from "@effect-auth/core/Authenticator"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import type * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import * as YamcsError from "../YamcsError.ts"

/** The server would prefer an `Authorization` header of the caller's over the key. */
export const apiKey = ({ key }: { readonly key: Redacted.Redacted }): RequestCredentials.RequestCredentials =>
  RequestCredentials.all(RequestCredentials.noHeader("authorization"), RequestCredentials.header("x-api-key", key))

export const explain: Authenticator.ActiveCredentials["explain"] = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.map(
    YamcsError.fromResponse(response),
    ({ msg, type }) => ({ code: type, detail: msg === "" ? undefined : msg })
  )

export const explainAnonymous: Authenticator.ActiveCredentials["explain"] = (response) =>
  Effect.map(explain(response), (message) => ({
    ...message,
    advice: "no credentials are given, and the server wants some"
  }))
