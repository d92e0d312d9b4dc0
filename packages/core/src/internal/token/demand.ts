/**
 * What a server asks of a login beyond what its client was set up with: a wider scope, a stronger authentication. Pure.
 * A refresh cannot bring it (RFC 6749 section 6), so it leads to a login.
 */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Challenge } from "../../Challenge.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Demand {
  /** Scopes to ask for, beside those of the settings. */
  readonly scope?: ReadonlyArray<string> | undefined
  /** Ways of authentication that the server accepts, the best one first (`acr_values`, RFC 9470 section 3). */
  readonly acrValues?: ReadonlyArray<string> | undefined
  /** How long ago a person may have logged in at most (`max_age`, RFC 9470 section 3). */
  readonly maxAge?: Duration.Duration | undefined
  /** Claims to ask for (OpenID Connect Core section 5.5). */
  readonly claims?: Claims | undefined
}

type Claims = Readonly<Record<string, unknown>>

export const none: Demand = {}

/** Both at once. Of what cannot be joined, the later one counts. */
export const union = (self: Demand, that: Demand): Demand => ({
  scope: joined(self.scope, that.scope),
  acrValues: joined(that.acrValues, self.acrValues),
  maxAge: shorter(self.maxAge, that.maxAge),
  claims: self.claims === undefined || that.claims === undefined
    ? self.claims ?? that.claims
    : merged(self.claims, that.claims)
})

/**
 * Whether a login that asked for `asked`, so many milliseconds ago, asked for all of the demand, so that another one
 * would bring nothing new.
 */
export const isCovered = (demand: Demand, asked: Demand, age: number): boolean =>
  includesAll(asked.scope, demand.scope) &&
  includesAll(asked.acrValues, demand.acrValues) &&
  (demand.maxAge === undefined || (asked.maxAge !== undefined && age < Duration.toMillis(demand.maxAge))) &&
  (demand.claims === undefined ||
    (asked.claims !== undefined && sameJson(merged(asked.claims, demand.claims), asked.claims)))

/** Whether a token that states its scope is known to satisfy the demand. */
export const isSatisfied = (demand: Demand, scope: ReadonlyArray<string> | undefined): boolean =>
  demand.acrValues === undefined && demand.maxAge === undefined && demand.claims === undefined &&
  includesAll(scope, demand.scope)

export const fromChallenges = (challenges: ReadonlyArray<Challenge>): Option.Option<Demand> => {
  const demands = challenges.flatMap(({ params }): ReadonlyArray<Demand> => {
    switch (params["error"]) {
      case "insufficient_scope": {
        const scope = words(params["scope"])
        return scope.length === 0 ? [] : [{ scope }]
      }
      case "insufficient_user_authentication": {
        const acrValues = words(params["acr_values"])
        const maxAge = seconds(params["max_age"])
        return acrValues.length === 0 && maxAge === undefined
          ? []
          : [{ acrValues: acrValues.length === 0 ? undefined : acrValues, maxAge }]
      }
      case "insufficient_claims":
        return Option.match(claimsOf(params["claims"] ?? ""), { onNone: () => [], onSome: (claims) => [{ claims }] })
      default:
        return []
    }
  })
  return demands.length === 0 ? Option.none() : Option.some(demands.reduce(union))
}

/** Those that a server states beside a refusal; none that cannot be read. */
export const ofClaims = (text: string | undefined): Demand => ({ claims: Option.getOrUndefined(claimsOf(text ?? "")) })

/** RFC 6749 section 3.3: visible ASCII without quotes and backslashes. What is no scope, nobody can be asked for. */
const words = (text: string | undefined): ReadonlyArray<string> =>
  (text ?? "").slice(0, longest).split(" ").filter((word) => /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/u.test(word))
    .slice(0, mostWords)

const seconds = (text: string | undefined): Duration.Duration | undefined =>
  text !== undefined && /^\d{1,9}$/u.test(text) ? Duration.seconds(Number(text)) : undefined

/** Base64 or Base64url, as Entra sends it (learn.microsoft.com, "Claims challenges"), or plain JSON. */
const claimsOf = (text: string): Option.Option<Claims> => {
  if (text.length > longest) return Option.none()
  const json = text.startsWith("{") ? Either.right(text) : Encoding.decodeBase64UrlString(
    text.replace(/=+$/u, "").replaceAll("+", "-").replaceAll("/", "_")
  )
  return Option.flatMap(Either.getRight(json), Schema.decodeOption(ClaimsJson))
}

const ClaimsJson = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

/** In characters; longer than the header fields that servers accept. */
const longest = 8192

const mostWords = 100

const joined = (
  first: ReadonlyArray<string> | undefined,
  second: ReadonlyArray<string> | undefined
): ReadonlyArray<string> | undefined =>
  first === undefined || second === undefined ? first ?? second : Array.from(new Set([...first, ...second]))

const shorter = (
  self: Duration.Duration | undefined,
  that: Duration.Duration | undefined
): Duration.Duration | undefined => self === undefined || that === undefined ? self ?? that : Duration.min(self, that)

/** Objects member by member, anything else by the later one. */
const merged = (self: Claims, that: Claims): Claims =>
  Object.fromEntries([
    ...Object.entries(self),
    ...Object.entries(that).map(([name, value]) => {
      const before = Object.hasOwn(self, name) ? self[name] : undefined
      return [name, isObject(before) && isObject(value) ? merged(before, value) : value] as const
    })
  ])

const isObject = (value: unknown): value is Claims => Predicate.isRecord(value)

const sameJson = (self: unknown, that: unknown): boolean =>
  isObject(self) && isObject(that)
    ? Object.keys(self).length === Object.keys(that).length &&
      Object.entries(self).every(([name, value]) => Object.hasOwn(that, name) && sameJson(value, that[name]))
    : Array.isArray(self) && Array.isArray(that)
    ? self.length === that.length && self.every((value, index) => sameJson(value, that[index]))
    : Equal.equals(self, that)

const includesAll = (all: ReadonlyArray<string> | undefined, some: ReadonlyArray<string> | undefined): boolean =>
  (some ?? []).every((word) => all?.includes(word) === true)
