/** Answers requests of one client by the challenges of its servers, and learns from every answer. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import { AuthenticationFailed, CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as Challenge from "@effect-auth/core/Challenge"
import type { CredentialSource } from "@effect-auth/core/CredentialSource"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Digest } from "../../SigningCredential.ts"
import * as Bodies from "../body.ts"
import * as Random from "../random.ts"
import * as Targets from "../target.ts"
import type { Algorithm } from "./algorithm.ts"
import * as Algorithms from "./algorithm.ts"
import type { Known, Use } from "./answer.ts"
import * as Answers from "./answer.ts"
import * as Bytewise from "./bytewise.ts"
import type { Offer } from "./offer.ts"
import * as Offers from "./offer.ts"
import * as Spaces from "./spaces.ts"

/**
 * How challenges are answered.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** What is answered; of several challenges, the one with the strongest. Default: all of them. */
  readonly algorithms?: ReadonlyArray<Algorithm> | undefined
  /**
   * Whether the answer covers the body of the request (`auth-int`) where the server leaves the choice. Such a body has to be
   * text or bytes. Default: no.
   */
  readonly integrity?: boolean | undefined
  /**
   * Whether the server has to show that it knows the password in each answer whose status is below 400
   * (`Authentication-Info`, RFC 7616 section 3.5). One that does not fails the request, also if it comes without a
   * challenge. Only `auth` is checked: servers that offer nothing else than `auth-int` are refused, and `integrity` is
   * ignored. Default: no.
   */
  readonly verifyServer?: boolean | undefined
}

export const mode = "Digest"

export const make = (source: CredentialSource<Digest>, settings: Settings): Authenticator.Authenticator => {
  const client: Client = {
    spaces: MutableRef.make(Spaces.none),
    rules: { algorithms: settings.algorithms ?? Algorithms.all, protections: protectionsOf(settings) },
    verifyServer: settings.verifyServer === true
  }
  return Authenticator.perRequestFromCredential(source, (credential, request) => made(client, credential, request), {
    mode
  })
}

const protectionsOf = ({ integrity, verifyServer }: Settings): Offers.Rules["protections"] =>
  verifyServer === true
    ? ["auth"]
    : integrity === true
    ? ["auth-int", "auth", undefined]
    : ["auth", "auth-int", undefined]

interface Client {
  readonly spaces: MutableRef.MutableRef<Spaces.Spaces>
  readonly rules: Offers.Rules
  readonly verifyServer: boolean
}

/** A request as it was answered. */
interface Answered {
  readonly known: Known
  readonly use: Use
  readonly uri: string
}

const made = (
  client: Client,
  { password, username }: Digest,
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Authenticator.Made, CredentialUnavailable> => {
  const url = Targets.urlOf(request)
  if (url === undefined) return Effect.succeed({ credentials: RequestCredentials.none })
  return Effect.flatMap(Random.token, (cnonce) => {
    const spaces = MutableRef.get(client.spaces)
    const space = Spaces.find(spaces, url)
    if (space === undefined) {
      return Effect.succeed({ credentials: RequestCredentials.none, ...readBy(client, url, undefined) })
    }
    const [use, after] = Spaces.use(spaces, space, cnonce)
    const known = { username, password: Redacted.value(password) }
    const uri = url.pathname + url.search
    const body = Bodies.bytesOf(request.body)
    return Either.match(Answers.authorization(known, use, { method: request.method, uri, body }), {
      onLeft: (problem) => new CredentialUnavailable({ mode, problem, final: true }),
      onRight: (value) => {
        // counted only if it is sent, so that no number is left out
        MutableRef.set(client.spaces, after)
        return Effect.succeed({
          credentials: RequestCredentials.authorization(value),
          ...readBy(client, url, { known, use, uri })
        })
      }
    })
  })
}

/** How the answer to one request is read. */
const readBy = (
  client: Client,
  url: URL,
  answered: Answered | undefined
): Pick<Authenticator.Made, "review" | "explain"> => ({
  review: (response) =>
    response.status === 401 ? challenged(client, url, answered, response) : taken(client, url, answered, response),
  explain: (response) =>
    Effect.map(
      Authenticator.explainChallenge(response),
      (message) => ({ ...message, advice: Option.getOrUndefined(Either.getLeft(offerIn(client, response))) })
    )
})

const challenged = (
  client: Client,
  url: URL,
  answered: Answered | undefined,
  response: HttpClientResponse.HttpClientResponse
): Authenticator.Review => {
  const offered = offerIn(client, response)
  if (Either.isLeft(offered)) return Authenticator.refused
  const spaces = MutableRef.get(client.spaces)
  const isNew = isWorthAnswer(spaces, url, answered, offered.right)
  MutableRef.set(client.spaces, Spaces.learn(spaces, offered.right, url))
  return isNew ? { _tag: "Repeat" } : Authenticator.refused
}

/**
 * Whether a challenge is more than a refusal of the password: the first one, one of another realm, or one for a nonce that
 * is too old, also from a server that does not say so (`stale`).
 */
const isWorthAnswer = (spaces: Spaces.Spaces, url: URL, answered: Answered | undefined, offer: Offer): boolean =>
  answered === undefined ||
  offer.stale ||
  offer.realm !== answered.use.offer.realm ||
  offer.nonce !== answered.use.nonce && Spaces.mayBeSpent(spaces, { origin: url.origin, nonce: answered.use.nonce })

const taken = (
  client: Client,
  url: URL,
  answered: Answered | undefined,
  response: HttpClientResponse.HttpClientResponse
): Authenticator.Review => {
  const info = infoOf(response)
  // an error may be that of a proxy, which has not looked at the answer
  if (answered !== undefined && (response.status < 400 || info !== undefined)) {
    const { nonce, offer: { realm } } = answered.use
    MutableRef.update(
      client.spaces,
      (spaces) => Spaces.accepted(spaces, { origin: url.origin, realm, nonce }, nextNonceOf(info))
    )
  }
  if (!client.verifyServer || response.status >= 400 || isProved(answered, info)) return Authenticator.accepted
  return {
    _tag: "Failed",
    error: new AuthenticationFailed({
      mode,
      url: url.origin + url.pathname,
      status: response.status,
      detail: "the server did not show that it knows the password (Authentication-Info, RFC 7616 section 3.5)"
    })
  }
}

const nextNonceOf = (info: Readonly<Record<string, string>> | undefined): string | undefined =>
  info?.["nextnonce"] === undefined ? undefined : Bytewise.received(info["nextnonce"])

const isProved = (answered: Answered | undefined, info: Readonly<Record<string, string>> | undefined): boolean =>
  answered !== undefined &&
  info !== undefined &&
  info["rspauth"]?.toLowerCase() === Answers.serverResponse(answered.known, answered.use, answered.uri) &&
  // of another request
  (info["cnonce"] ?? answered.use.cnonce) === answered.use.cnonce &&
  (info["nc"] ?? Answers.hexCount(answered.use.count)) === Answers.hexCount(answered.use.count)

/** The parameters of `Authentication-Info`, which are those of a challenge without its scheme. */
const infoOf = ({ headers }: HttpClientResponse.HttpClientResponse): Readonly<Record<string, string>> | undefined => {
  const field = headers["authentication-info"]
  return field === undefined ? undefined : Challenge.parse(`Digest ${field}`)[0]?.params
}

const offerIn = (
  { rules }: Client,
  { headers }: HttpClientResponse.HttpClientResponse
): Either.Either<Offer, string> => Offers.choose(Challenge.fromHeaders(headers), rules)
