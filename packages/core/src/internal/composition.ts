/** Authenticators made of authenticators. */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { Authenticator, Explanation, Proof, Review } from "../Authenticator.ts"
import type { AuthError } from "../AuthError.ts"
import { CredentialUnavailable, InvalidSetting, OriginRefused } from "../AuthError.ts"
import type { Rung } from "../TokenState.ts"
import * as InPlaces from "./places.ts"

export const all = (...authenticators: readonly [Authenticator, ...ReadonlyArray<Authenticator>]): Authenticator => {
  const mode = authenticators.map(({ mode }) => mode).join("+")
  return {
    mode,
    places: InPlaces.union(authenticators.map(({ places }) => places)),
    // sequential: when one credential is refused, the others are not spent on a login
    prove: (request) =>
      Effect.map(Effect.forEach(authenticators, ({ prove }) => prove(request)), (proofs): Proof => ({
        mode,
        sign: (request) => proofs.reduce((request, { sign }) => sign(request), request),
        refuse: (climbed) => Effect.map(Effect.forEach(proofs, ({ refuse }) => refuse(climbed)), highest),
        review: (response) => strictest(proofs.map(({ review }) => review(response))),
        explain: (response) => Effect.map(Effect.forEach(proofs, ({ explain }) => explain(response)), merged)
      }))
  }
}

export const firstAvailable = (
  ...authenticators: readonly [Authenticator, ...ReadonlyArray<Authenticator>]
): Authenticator => {
  const mode = authenticators.map(({ mode }) => mode).join("|")
  const attempt = (
    request: HttpClientRequest.HttpClientRequest,
    [next, ...rest]: ReadonlyArray<Authenticator>,
    attempts: ReadonlyArray<Attempt>
  ): Effect.Effect<Proof, AuthError> =>
    next === undefined
      ? Effect.fail(new CredentialUnavailable({ mode, problem: "no credential is available", attempts }))
      : Effect.catchTag(next.prove(request), "CredentialUnavailable", (error) =>
        attempt(request, rest, [...attempts, ...(error.attempts ?? [{ mode: error.mode, problem: error.problem }])]))
  return {
    mode,
    places: InPlaces.union(authenticators.map(({ places }) => places)),
    prove: (request) => attempt(request, authenticators, [])
  }
}

export const byOrigin = (
  authenticators: Readonly<Record<string, Authenticator>>
): Either.Either<Authenticator, InvalidSetting> =>
  Either.map(
    Either.all(
      Object.entries(authenticators).map(([url, authenticator]) =>
        Option.match(HttpClientRequest.toUrl(HttpClientRequest.get(url)), {
          onNone: () => Either.left(new InvalidSetting({ setting: url, problem })),
          onSome: ({ origin }) =>
            origin === "null"
              ? Either.left(new InvalidSetting({ setting: url, problem }))
              : Either.right([origin, authenticator] as const)
        })
      )
    ),
    (entries): Authenticator => {
      const table = new Map(entries)
      return {
        mode: Array.from(table.values(), ({ mode }) => mode).join("|"),
        places: InPlaces.union(Array.from(table.values(), ({ places }) => places)),
        prove: (request) => {
          const origin = Option.match(HttpClientRequest.toUrl(request), {
            onNone: () => "a malformed URL",
            onSome: (url) => url.origin
          })
          return table.get(origin)?.prove(request) ??
            Effect.fail(new OriginRefused({ origin, allowed: Array.from(table.keys()) }))
        }
      }
    }
  )

const problem = "is not an origin, such as https://host.example"

type Attempt = { readonly mode: string; readonly problem: string }

/** The highest rung that anyone can climb: it leaves the fewest repetitions, and with them the fewest logins. */
const highest = (rungs: ReadonlyArray<Rung>): Rung =>
  rungs.includes("login") ? "login" : rungs.includes("refresh") ? "refresh" : rungs.includes("reuse") ? "reuse" : "fail"

const strictest = (reviews: ReadonlyArray<Review>): Review =>
  reviews.find(({ _tag }) => _tag === "Failed") ??
    reviews.find(({ _tag }) => _tag === "Refused") ??
    { _tag: "Accepted" }

/** The first code and the first detail that anybody reads in the response. */
const merged = (explanations: ReadonlyArray<Explanation>): Explanation => ({
  code: explanations.find(({ code }) => code !== undefined)?.code,
  detail: explanations.find(({ detail }) => detail !== undefined)?.detail
})
