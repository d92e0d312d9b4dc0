/** Authenticators made of authenticators. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { ExchangeError, OriginRefused as OriginRefusedError } from "../../AuthError.ts"
import { CredentialUnavailable, InvalidSetting, OriginRefused } from "../../AuthError.ts"
import * as ServerMessage from "../../ServerMessage.ts"
import { furthest } from "../token/rejection.ts"
import type { ActiveCredentials, Authenticator, BodyReview, Review } from "./activeCredentials.ts"
import * as Active from "./activeCredentials.ts"

export const all = (...authenticators: readonly [Authenticator, ...ReadonlyArray<Authenticator>]): Authenticator => {
  const mode = authenticators.map(({ mode }) => mode).join("+")
  return {
    mode,
    // sequential: when one credential is refused, the others are not spent on a login
    prove: (request, now) =>
      Effect.map(
        Effect.forEach(authenticators, ({ prove }) => prove(request, now)),
        (active) =>
          Active.combine(mode, active, {
            reject: (attempted, demand) =>
              Effect.map(Effect.forEach(active, ({ reject }) => reject(attempted, demand)), furthest),
            review: (response) => strictest(active.map(({ review }) => review(response))),
            reviewBody: strictestBody(active.flatMap(({ reviewBody }) => reviewBody ?? [])),
            explain: (response) =>
              Effect.map(Effect.forEach(active, ({ explain }) => explain(response)), ServerMessage.merge)
          })
      )
  }
}

export const firstAvailable = (
  ...authenticators: readonly [Authenticator, ...ReadonlyArray<Authenticator>]
): Authenticator => {
  const mode = authenticators.map(({ mode }) => mode).join("|")
  const attempt = (
    request: HttpClientRequest.HttpClientRequest,
    now: number,
    [next, ...rest]: ReadonlyArray<Authenticator>,
    attempts: ReadonlyArray<Attempt>,
    isFinal: boolean
  ): Effect.Effect<ActiveCredentials, ExchangeError | OriginRefusedError> =>
    next === undefined
      ? Effect.fail(
        new CredentialUnavailable({ mode, problem: "no credential is available", attempts, final: isFinal })
      )
      : Effect.catchTag(next.prove(request, now), "CredentialUnavailable", (error) =>
        attempt(
          request,
          now,
          rest,
          [...attempts, ...(error.attempts ?? [{ mode: error.mode, problem: error.problem }])],
          isFinal && error.final === true
        ))
  return { mode, prove: (request, now) => attempt(request, now, authenticators, [], true) }
}

export const byOrigin = (
  authenticators: Readonly<Record<string, Authenticator>>
): Either.Either<Authenticator, InvalidSetting> =>
  Either.map(
    Either.all(
      Object.entries(authenticators).map(([url, authenticator]) =>
        Option.match(Option.filter(originOf(HttpClientRequest.get(url)), (origin) => origin !== "null"), {
          onNone: () =>
            Either.left(
              new InvalidSetting({ setting: url, problem: "is not an origin, such as https://host.example" })
            ),
          onSome: (origin) => Either.right([origin, authenticator] as const)
        })
      )
    ),
    (entries): Authenticator => {
      const table = new Map(entries)
      return {
        mode: Array.from(table.values(), ({ mode }) => mode).join("|"),
        prove: (request, now) => {
          const origin = Option.getOrElse(originOf(request), () => "a malformed URL")
          return table.get(origin)?.prove(request, now) ??
            Effect.fail(new OriginRefused({ origin, allowed: Array.from(table.keys()) }))
        }
      }
    }
  )

type Attempt = { readonly mode: string; readonly problem: string }

const originOf = (request: HttpClientRequest.HttpClientRequest): Option.Option<string> =>
  Option.map(HttpClientRequest.toUrl(request), ({ origin }) => origin)

const strictestBody = (reviews: ReadonlyArray<BodyReview>): BodyReview | undefined =>
  reviews.length === 0 ? undefined : {
    wanted: (response) => reviews.some(({ wanted }) => wanted(response)),
    review: (body, response) =>
      strictest(reviews.filter(({ wanted }) => wanted(response)).map(({ review }) => review(body, response)))
  }

const strictest = (reviews: ReadonlyArray<Review>): Review =>
  reviews.find(({ _tag }) => _tag === "Failed") ??
    reviews.find(({ _tag }) => _tag === "Refused") ??
    reviews.find(({ _tag }) => _tag === "Repeat") ??
    Active.accepted
