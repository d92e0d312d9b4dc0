/** What a request to an OAuth server says: its URL, its form, and whose it is. */
import type * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import type * as Tokens from "./oauthTokens.ts"

/** In memory a request has the URL of its client; on a socket it has a path, and a host whose scheme is that of loopback. */
export const urlOf = (request: HttpServerRequest.HttpServerRequest): URL => {
  const { source } = request
  const url = source instanceof Request ? source.url : request.url
  return new URL(url, `http://${request.headers["host"] ?? "fake.example"}`)
}

/** A body that is no form, or that repeats a parameter, is `invalid_request` (RFC 6749 section 3.2). */
export const formOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Tokens.Form | undefined> =>
  Effect.map(Effect.orElseSucceed(request.text, () => ""), (text) => {
    const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
    const parameters = [...new URLSearchParams(text)]
    return isForm && new Set(parameters.map(([name]) => name)).size === parameters.length
      ? Object.fromEntries(parameters)
      : undefined
  })

/** RFC 7636 section 4.6. */
export const challengeOf = ({ code_verifier: verifier }: Tokens.Form): Effect.Effect<string | undefined> =>
  verifier === undefined ? Effect.succeed(undefined) : hashOf(verifier)

/** SHA-256 in Base64url. */
export const hashOf = (text: string): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))),
    (digest) => Encoding.encodeBase64Url(new Uint8Array(digest))
  )

/** Basic credentials, whose parts are form-encoded, or else those in the form (RFC 6749 section 2.3.1). */
export const clientOf = (
  request: HttpServerRequest.HttpServerRequest,
  form: Tokens.Form
): Tokens.ClientCredentials | undefined => {
  const basic = /^Basic +(.+)$/iu.exec(request.headers["authorization"] ?? "")?.[1]
  if (basic !== undefined) {
    const [id, secret] = Either.getOrElse(Encoding.decodeBase64String(basic), () => "").split(":").map(formDecoded)
    return id === undefined ? undefined : { id, secret }
  }
  const { client_assertion, client_id, client_secret } = form
  return client_id === undefined ? undefined : { id: client_id, secret: client_secret, assertion: client_assertion }
}

const formDecoded = (text: string): string => new URLSearchParams(`_=${text.replaceAll("&", "%26")}`).get("_") ?? ""
