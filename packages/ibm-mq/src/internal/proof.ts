/**
 * One proof on each request. The runtime under mqweb takes the first good one of a token cookie, a certificate and an
 * `Authorization` header, and answers the other two with a token cookie as well. So a cookie that a caller or a cookie jar
 * adds would decide who the user is, whatever the mode proves, and for as long as the token lives.
 */
import type * as Authenticator from "@effect-auth/core/Authenticator"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Predicate from "effect/Predicate"

/** How the default name of the token's cookie begins; the server chooses the rest when it starts. */
export const prefix = "LtpaToken2"

/** Whether a cookie is a token by its name, which the runtime compares without regard to case. */
export type IsToken = (name: string) => boolean

/** `cookieName`: the whole name that the server is configured with, beside the names it has by default. */
export const isToken = (cookieName: string | undefined): IsToken => {
  const [start, whole] = [prefix.toLowerCase(), cookieName?.toLowerCase()]
  return (name) => {
    const lower = name.toLowerCase()
    return lower.startsWith(start) || lower === whole
  }
}

type Write = (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest

/** Whether there is nothing to wait for, so that no effect need be run. */
const isImmediate = <A, E>(self: Effect.Effect<A, E>): self is Exit.Success<A, E> =>
  Exit.isExit(self) && Exit.isSuccess(self)

/** The credentials of an authenticator without the caller's own token cookies, and with what `write` adds. */
export const alone = (
  authenticator: Authenticator.Authenticator,
  isToken: IsToken,
  write: Write = (request) => request
): Authenticator.Authenticator => {
  const latest = MutableRef.make<
    | { readonly active: Authenticator.ActiveCredentials; readonly made: Exit.Exit<Authenticator.ActiveCredentials> }
    | undefined
  >(undefined)
  const made = (active: Authenticator.ActiveCredentials): Exit.Exit<Authenticator.ActiveCredentials> => {
    const known = MutableRef.get(latest)
    if (known !== undefined && known.active === active) return known.made
    const made = Exit.succeed({
      ...active,
      apply: (request: HttpClientRequest.HttpClientRequest) => active.apply(write(withoutTokens(request, isToken)))
    })
    MutableRef.set(latest, { active, made })
    return made
  }
  return {
    mode: authenticator.mode,
    prove: (request, now) => {
      const proved = authenticator.prove(request, now)
      return isImmediate(proved) ? made(proved.value) : Effect.flatMap(proved, made)
    }
  }
}

/**
 * The transport without what a cookie jar in it does to token cookies: those that a request has go out, and no others.
 * A transport without a request mapping of its own has no jar there, and stays what it is.
 */
export const withoutJar = (client: HttpClient.HttpClient, isToken: IsToken): HttpClient.HttpClient =>
  Predicate.hasProperty(client, "preprocess") && client.preprocess === Effect.succeed
    ? client
    : HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
      Effect.flatMap((request) =>
        HttpClient.mapRequest(client, (sent) => withTokensOf(request, sent, isToken)).execute(request)
      ),
      Effect.succeed
    )

const withTokensOf = (
  request: HttpClientRequest.HttpClientRequest,
  sent: HttpClientRequest.HttpClientRequest,
  isToken: IsToken
): HttpClientRequest.HttpClientRequest => {
  if (sent.headers["cookie"] === request.headers["cookie"]) return sent
  const own = pairs(request).filter((pair) => isToken(nameOf(pair)))
  return withCookies(sent, [...pairsWithoutTokens(sent, isToken), ...own])
}

const withoutTokens = (
  request: HttpClientRequest.HttpClientRequest,
  isToken: IsToken
): HttpClientRequest.HttpClientRequest =>
  request.headers["cookie"] === undefined ? request : withCookies(request, pairsWithoutTokens(request, isToken))

const withCookies = (
  request: HttpClientRequest.HttpClientRequest,
  cookies: ReadonlyArray<string>
): HttpClientRequest.HttpClientRequest =>
  cookies.length === 0 ? withoutCookies(request) : HttpClientRequest.setHeader(request, "cookie", cookies.join("; "))

const withoutCookies = RequestCredentials.apply(RequestCredentials.noHeader("cookie"))

const pairs = (request: HttpClientRequest.HttpClientRequest): ReadonlyArray<string> =>
  (request.headers["cookie"] ?? "").split(/;[ \t]*/u).filter((pair) => pair !== "")

/** To the runtime a comma separates cookies too; to others it is part of a value. */
const pairsWithoutTokens = (
  request: HttpClientRequest.HttpClientRequest,
  isToken: IsToken
): ReadonlyArray<string> =>
  pairs(request).flatMap((pair) => {
    const kept = pair.split(",").filter((part) => !isToken(nameOf(part))).join(",")
    return kept === "" ? [] : [kept]
  })

const nameOf = (pair: string): string => pair.replace(/=[^]*$/u, "").trim()
