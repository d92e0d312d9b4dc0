/**
 * How an mqweb server authenticates a request, and the cookies that it answers with, as pure functions. What the runtime
 * under mqweb does with several proofs was seen on Open Liberty.
 */
import type * as Headers from "@effect/platform/Headers"
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import type { Answer } from "./mqwebAnswers.ts"
import { failure } from "./mqwebAnswers.ts"
import type { Facts } from "./mqwebRequest.ts"
import * as Request from "./mqwebRequest.ts"
import type { Role, Settings, State } from "./mqwebState.ts"
import { cookieName } from "./mqwebState.ts"

export interface Identity {
  readonly user: string
  readonly roles: ReadonlyArray<Role>
  readonly mechanism: "form" | "basic" | "clientCertificate"
  /** The value that the CSRF header must echo, if a login gave one. */
  readonly csrfToken: Option.Option<string>
}

/**
 * Who sent the request, by the first good one of a token cookie, a certificate and a Basic header; else how it is refused.
 * Of several cookies of the name one has to be good.
 */
export const authenticate = (
  settings: Settings,
  state: State,
  facts: Facts,
  now: number
): Either.Either<Identity, Answer> => {
  const name = cookieName(settings, state)
  const cookies = Request.cookieValues(facts.headers, name)
  const form = Arr.findFirst(cookies, (value) =>
    Option.flatMap(
      Option.filter(HashMap.get(state.issued, value), ({ expiresAt }) => now < expiresAt),
      ({ csrfToken, user }) => identity(settings, user, "form", Option.some(csrfToken))
    ))
  const basic = Request.basicCredentials(facts.headers)
  return Option.firstSomeOf([
    form,
    // inferred: a certificate whose common name is no user of the registry counts as no credential
    Option.flatMap(facts.certificate, (user) => identity(settings, user, "clientCertificate", Option.none())),
    Option.flatMap(
      basic,
      ([user, password]) =>
        passwordMatches(settings, user, password) ? identity(settings, user, "basic", Option.none()) : Option.none()
    )
  ]).pipe(Either.fromOption(() =>
    Option.isSome(basic)
      ? failure(settings, 401, "MQWB0105E", "The credentials of the REST API request are not valid.")
      : cookies.length > 0
      ? failure(settings, 401, "MQWB0112E", `The '${name}' authentication token cookie failed verification.`)
      : failure(settings, 401, "MQWB0104E", "The REST API request is not authenticated.")
  ))
}

export const cleared = (name: string) =>
  `${name}=""; Max-Age=0; Expires=Thu, 01 Dec 1994 16:00:00 GMT; Path=/; Secure; HttpOnly`

/** A refusal clears the cookies that were no proof. */
export const clearing = (settings: Settings, state: State, facts: Facts, answer: Answer): Answer => {
  const name = cookieName(settings, state)
  return Request.cookieValues(facts.headers, name).length === 0 ? answer : { ...answer, setCookie: [cleared(name)] }
}

/** Liberty answers a proof that is no cookie with a cookie, the same one for as long as it remembers the user. */
export const offering = (
  settings: Settings,
  state: State,
  user: string,
  now: number
): readonly [line: string, State] => {
  const known = HashMap.get(state.remembered, user).pipe(
    Option.filter(({ at, token }) => now - at < rememberedMillis && HashMap.has(state.issued, token))
  )
  const name = cookieName(settings, state)
  if (Option.isSome(known)) return [`${name}=${known.value.token}; ${cookieAttributes}`, state]
  const [token, next] = issue(settings, state, user, now)
  return [
    `${name}=${token}; ${cookieAttributes}`,
    { ...next, remembered: HashMap.set(next.remembered, user, { at: now, token }) }
  ]
}

/** The default of Liberty's authentication cache. */
const rememberedMillis = 600_000

export const csrfTokenOf = (serial: number) => `canary-csrf-mq-${serial}`

export const issue = (settings: Settings, state: State, user: string, now: number): readonly [token: string, State] => {
  const token = tokenOf(state.serial)
  const issued = { user, expiresAt: now + settings.tokenLifetime, csrfToken: csrfTokenOf(state.serial) }
  return [token, { ...state, serial: state.serial + 1, issued: HashMap.set(state.issued, token, issued) }]
}

/** The rule about the CSRF header that a changing request breaks, if any. */
export const csrfFault = (
  settings: Settings,
  headers: Headers.Headers,
  identity: Identity
): Option.Option<readonly [id: string, message: string]> => {
  const sent = headers[Request.csrfHeader]
  if (sent === undefined) {
    return Option.some(["MQWB0100E", `The CSRF header '${Request.csrfHeader}' was omitted from the request.`])
  }
  // inferred: without a login there is no token to echo
  return settings.csrf === "echo" && Option.exists(identity.csrfToken, (expected) => expected !== sent)
    ? Option.some(["MQWB0101E", `The CSRF header '${Request.csrfHeader}' did not match the expected token value.`])
    : Option.none()
}

export const cookieAttributes = "Path=/; Secure; HttpOnly; SameSite=Strict"

const identity = (
  settings: Settings,
  user: string,
  mechanism: Identity["mechanism"],
  csrfToken: Option.Option<string>
): Option.Option<Identity> =>
  Option.map(Record.get(settings.users, user), ({ roles }) => ({ user, roles, mechanism, csrfToken }))

export const passwordMatches = (settings: Settings, user: string, password: string): boolean =>
  Option.exists(Record.get(settings.users, user), (known) => known.password === password)

/** Base64 with a `+`, a `/` and a `=`, which expose a client that encodes or trims the value. */
const tokenOf = (serial: number): string => {
  const label = `canary-token-mq-${serial}-`
  const text = label.padEnd(label.length + (3 - (label.length + 2) % 3) % 3, "x")
  return Encoding.encodeBase64(new Uint8Array([0xfb, 0xff, 0xbf, ...new TextEncoder().encode(text)]))
}
