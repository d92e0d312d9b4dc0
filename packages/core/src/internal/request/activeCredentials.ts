/**
 * The model of an authenticator and of the credentials it obtains for a request. They live here because both the client
 * and the authenticators need them.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { CallError, ExchangeError, OriginRefused } from "../../AuthError.ts"
import { CredentialUnavailable } from "../../AuthError.ts"
import * as Challenge from "../../Challenge.ts"
import * as RequestCredentials from "../../RequestCredentials.ts"
import * as ServerMessage from "../../ServerMessage.ts"
import type { Demand } from "../token/demand.ts"
import * as Demands from "../token/demand.ts"
import type { RenewalStep } from "../token/rejection.ts"
import * as Locations from "./locations.ts"
import * as Sendable from "./sendable.ts"

/**
 * Obtains credentials for requests and reads the answers to them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Authenticator {
  /** The mode's name, such as `Qualys/Jwt`. */
  readonly mode: string
  /**
   * Obtains credentials for a request (its URL is absolute) at a time in epoch milliseconds: those at hand if they are
   * good, else by a login. Returns an `Exit` when there is nothing to wait for, which the client recognises without
   * running an effect.
   */
  readonly prove: (
    request: HttpClientRequest.HttpClientRequest,
    now: number
  ) => Effect.Effect<ActiveCredentials, ExchangeError | OriginRefused>
}

/**
 * Credentials in use: good for any number of requests until the server refuses them, and how a refusal is read.
 *
 * @since 0.1.0
 * @category models
 */
export interface ActiveCredentials {
  /** The mode they belong to; shown in errors. */
  readonly mode: string
  /** Writes them on a request. */
  readonly apply: (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
  /** Whether they are obtained from others, so that a refusal says nothing about those; default: no. */
  readonly isRenewable?: boolean | undefined
  /** Where they are written. */
  readonly locations: Locations.Locations
  /** Everything in them that is secret, for masking what a server quotes; a function, which no printer looks into. */
  readonly secrets: () => ReadonlyArray<string>
  /**
   * Reports that the server refused them, for a request that has already `attempted` a step, and what it demands instead,
   * if it says so. Returns the step by which `prove` obtains others, or `fail`.
   */
  readonly reject: (attempted: RenewalStep, demand?: Demand) => Effect.Effect<RenewalStep>
  readonly review: (response: HttpClientResponse.HttpClientResponse) => Review
  /** Asked about an answer that `review` accepts. */
  readonly reviewBody?: BodyReview | undefined
  /**
   * Reads the server's own words from a refusal. Runs at most once per failed request. The words become presentable and
   * lose the secrets that were sent, whatever this returns.
   */
  readonly explain: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ServerMessage.ServerMessage>
}

/**
 * - `Accepted`: the credentials were good, whatever else the answer says
 * - `Refused`: the credentials were not accepted; others may be. With a `demand`, the server says what is missing
 * - `Repeat`: the server asks for the same request once more, with credentials made anew, such as with its nonce; where that
 *   cannot be, or the server has asked for it `most` times in a row (default and limit: 3), the request has failed, and the
 *   credentials stay what they are
 * - `Failed`: renewing the credentials cannot help
 *
 * @since 0.1.0
 * @category models
 */
export type Review =
  | { readonly _tag: "Accepted" }
  | { readonly _tag: "Refused"; readonly demand?: Demand | undefined }
  | { readonly _tag: "Repeat"; readonly most?: number | undefined }
  | { readonly _tag: "Failed"; readonly error: CallError }

/**
 * For servers that refuse in the body of an answer whose head says nothing of it. The first 16 KiB are read, within 10
 * seconds; a longer body is not reviewed. The answer stays its caller's to read.
 *
 * @since 0.1.0
 * @category models
 */
export interface BodyReview {
  /** Whether the head asks for it. Each such answer waits for its body. */
  readonly wanted: (response: HttpClientResponse.HttpClientResponse) => boolean
  readonly review: (body: string, response: HttpClientResponse.HttpClientResponse) => Review
}

/**
 * How a mode reads the answers to its requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The mode's name; shown in errors and events. */
  readonly mode?: string | undefined
  /** Default: `reviewStatus`, to which a 401 is a refusal. */
  readonly review?: ActiveCredentials["review"] | undefined
  /** Default: none, so that no body is read. */
  readonly reviewBody?: BodyReview | undefined
  /** Default: `explainChallenge`, which reads `WWW-Authenticate`. */
  readonly explain?: ActiveCredentials["explain"] | undefined
}

/**
 * What was made for one request, and how the answer to this one is read, such as by the nonce that it was made with. What is
 * left out is read as the options say.
 *
 * @since 0.1.0
 * @category models
 */
export interface Made extends Pick<Options, "review" | "explain"> {
  readonly credentials: RequestCredentials.RequestCredentials
  /** Writes what is no secret, such as a body with a signature in each of its chunks. Default: nothing. */
  readonly rewrite?: ((request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest) | undefined
}

/**
 * Whether an effect is a value already, so that a hot path can take it without running an effect. Of all effects only a
 * successful Exit has this tag, and `Exit.isExit` costs more than the rest of the decision.
 */
export const isImmediate = <A, E>(self: Effect.Effect<A, E>): self is Exit.Success<A, E> =>
  "_tag" in self && self._tag === "Success"

/** How the active credentials of a mode are made. */
export interface Settings extends Options, Pick<ActiveCredentials, "mode" | "isRenewable"> {
  readonly mode: string
}

/** Credentials that a transport can send, with all that depends on their value alone. */
export interface Prepared extends Pick<ActiveCredentials, "apply" | "secrets"> {
  /** A function, because few requests ask, and signed ones have credentials of their own. */
  readonly locations: () => Locations.Locations
}

/**
 * Credentials that a transport could not send are `CredentialUnavailable`; transports end the fiber for them. They are written
 * after `rewrite`.
 */
export const prepare = (
  mode: string,
  credentials: RequestCredentials.RequestCredentials,
  rewrite?: Made["rewrite"]
): Either.Either<Prepared, CredentialUnavailable> => {
  const problem = Sendable.problem(credentials)
  if (problem !== undefined) return Either.left(new CredentialUnavailable({ mode, problem, final: true }))
  const write = RequestCredentials.apply(credentials)
  return Either.right({
    apply: rewrite === undefined ? write : (request) => write(rewrite(request)),
    locations: () => Locations.of(credentials),
    secrets: () => Locations.secrets(credentials)
  })
}

export const make = (
  options: Settings,
  credentials: RequestCredentials.RequestCredentials,
  reject: ActiveCredentials["reject"]
): Either.Either<ActiveCredentials, CredentialUnavailable> => makeOf(options, { credentials }, reject)

/** {@link make} of what was made for one request, beside what is `shared` by many. */
export const makeOf = (
  options: Settings,
  made: Made,
  reject: ActiveCredentials["reject"],
  shared?: Prepared
): Either.Either<ActiveCredentials, CredentialUnavailable> => {
  const { isRenewable, mode, reviewBody } = options
  const { explain = options.explain ?? explainChallenge, review = options.review ?? reviewStatus } = made
  return Either.map(prepare(mode, made.credentials, made.rewrite), (own): ActiveCredentials => {
    const written = shared === undefined ? own : both(shared, own)
    const { apply, secrets } = written
    return {
      mode,
      isRenewable,
      apply,
      get locations() {
        return written.locations()
      },
      secrets,
      reject,
      review,
      reviewBody,
      explain: presentable(explain, secrets)
    }
  })
}

/** The second are written last. */
const both = (first: Prepared, second: Prepared): Prepared => ({
  apply: (request) => second.apply(first.apply(request)),
  locations: () => Locations.union([first.locations(), second.locations()]),
  secrets: () => [...first.secrets(), ...second.secrets()]
})

const presentable =
  (explain: ActiveCredentials["explain"], secrets: ActiveCredentials["secrets"]): ActiveCredentials["explain"] =>
  (response) => Effect.map(explain(response), (message) => ServerMessage.make(message, secrets()))

/** Several active credentials on one request; each is asked, and the answers are merged by the given functions. */
export const combine = (
  mode: string,
  all: ReadonlyArray<ActiveCredentials>,
  merge: Pick<ActiveCredentials, "reject" | "review" | "reviewBody" | "explain">
): ActiveCredentials => {
  const secrets = () => all.flatMap(({ secrets }) => secrets())
  return {
    mode,
    isRenewable: all.some(({ isRenewable }) => isRenewable === true),
    apply: (request) => all.reduce((request, { apply }) => apply(request), request),
    locations: Locations.union(all.map(({ locations }) => locations)),
    secrets,
    ...merge,
    explain: presentable(merge.explain, secrets)
  }
}

export const accepted: Review = { _tag: "Accepted" }

export const refused: Review = { _tag: "Refused" }

/** RFC 9110 section 15.5.2. A 403 is no refusal: the server knows who is asking. */
export const reviewStatus = (response: HttpClientResponse.HttpClientResponse): Review =>
  response.status === 401 ? refused : accepted

export const reviewDemands = (response: HttpClientResponse.HttpClientResponse): Review => {
  const { headers, status } = response
  const demand = status === 401 || status === 403
    ? Option.getOrUndefined(Demands.fromChallenges(Challenge.fromHeaders(headers)))
    : undefined
  return demand === undefined ? reviewStatus(response) : { _tag: "Refused", demand }
}

/** RFC 9110 section 11.6.1. */
export const explainChallenge = (
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.succeed(Challenge.explain(Challenge.fromHeaders(response.headers)))
