/** How an MCP client gets a token for its server, once it is known where. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, MalformedTokenResponse } from "@effect-auth/core/AuthError"
import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
import type { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import type * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import type { Token } from "@effect-auth/core/Token"
import type { Demand } from "@effect-auth/core/TokenSource"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as AuthorizationRequest from "../../AuthorizationRequest.ts"
import type { Binding } from "../binding.ts"
import type * as Parameters from "../parameters.ts"
import * as Resources from "../resources.ts"
import type { AuthorizationServer } from "../server.ts"
import type { Identity } from "./clients.ts"

/**
 * The server that issues the token, and what the token is for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Target {
  /** Shown in errors. */
  readonly mode: string
  readonly server: AuthorizationServer
  /** The MCP server as it calls itself. */
  readonly resource: string
  readonly scope: ReadonlyArray<string> | undefined
  readonly demand: Demand
  readonly binding: Binding | undefined
  readonly identify: (redirectUri?: string) => Effect.Effect<Identity, ExchangeError, HttpClient.HttpClient>
  /** Asks the token endpoint as this client. */
  readonly exchange: (
    identity: Identity,
    parameters: Parameters.Parameters,
    options?: {
      readonly grant?: "login" | "refresh"
      /** Whether the scope was agreed on before, so that it is not asked for again. Default: with a refresh. */
      readonly isAgreed?: boolean
    }
  ) => Effect.Effect<Token, ExchangeError, HttpClient.HttpClient>
}

/**
 * A way to a token.
 *
 * @since 0.1.0
 * @category models
 */
export interface Grant<out R> {
  /** Whether it takes a person, and so goes on by refresh tokens. */
  readonly isInteractive: boolean
  readonly logIn: (target: Target) => Effect.Effect<Token, ExchangeError, HttpClient.HttpClient | R>
}

export const authorizationCode = (
  { parameters, redirect }: {
    readonly redirect?: RedirectReceiver.Options | undefined
    readonly parameters?: Readonly<Record<string, string>> | undefined
  } = {}
): Grant<RedirectReceiver.RedirectReceiver | LoginPrompt> => ({
  isInteractive: true,
  logIn: ({ binding, demand, exchange, identify, mode, resource, scope, server }) =>
    Effect.gen(function*() {
      // a server that ignores the challenge would redeem the code for anyone who brings it
      if (server.codeChallengeMethods?.includes("S256") !== true) {
        return yield* new MalformedTokenResponse({
          mode,
          detail: "the authorization server does not say that it checks PKCE (code_challenge_methods_supported)"
        })
      }
      const bound = binding === undefined
        ? undefined
        : { kept: binding.kept, thumbprint: yield* binding.thumbprint }
      const { answer, page: { identity, pending } } = yield* BrowserLogin.run({
        ...redirect,
        mode,
        page: (redirectUri) =>
          Effect.gen(function*() {
            const identity = yield* identify(redirectUri)
            const { pending, url } = yield* AuthorizationRequest.make({
              mode,
              server,
              clientId: identity.clientId,
              redirectUri,
              resource,
              scope,
              parameters,
              demand,
              binding: bound
            })
            return {
              url,
              pending,
              identity,
              isAnswer: (parameters: URLSearchParams) => AuthorizationRequest.isAnswer(pending, parameters)
            }
          })
      })
      const code = answer._tag === "Pasted"
        ? Redacted.make(answer.code)
        : yield* Either.mapLeft(
          AuthorizationRequest.codeOf(pending, answer.parameters, { mode }),
          Resources.named(resource)
        )
      return yield* exchange(identity, {
        grant_type: "authorization_code",
        code: Redacted.value(code),
        redirect_uri: pending.redirectUri,
        code_verifier: Redacted.value(pending.verifier)
      }, { isAgreed: true })
    })
})

export const clientCredentials: Grant<never> = {
  isInteractive: false,
  logIn: ({ exchange, identify, mode }) =>
    Effect.flatMap(identify(), (identity) =>
      identity.authentication._tag === "None"
        ? new CredentialUnavailable({
          mode,
          problem: "clients.known: needs a `clientSecret` or an `authentication`, because the client acts for itself",
          final: true
        })
        : exchange(identity, { grant_type: "client_credentials" }))
}

export const assertion = (
  assertion: (
    target: Pick<Target, "resource" | "server">
  ) => Effect.Effect<Redacted.Redacted, ExchangeError, HttpClient.HttpClient>
): Grant<never> => ({
  isInteractive: false,
  logIn: ({ exchange, identify, resource, server }) =>
    Effect.gen(function*() {
      const identity = yield* identify()
      return yield* exchange(identity, {
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: Redacted.value(yield* assertion({ resource, server }))
      })
    })
})
