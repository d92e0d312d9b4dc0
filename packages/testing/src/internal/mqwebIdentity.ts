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
  readonly mechanism: "form" | "basic" | "clientCertificate" | "bearer"
  /** The value that the CSRF header must echo, if a login gave one. */
  readonly csrfToken: Option.Option<string>
}

/**
 * Who sent the request, by the first good one of a token cookie, a certificate and an `Authorization` header; else how it is refused.
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
  // seen: where the server takes bearers, it takes user names and passwords no more, and cookies still
  const bearer = Option.flatMap(settings.bearers, (users) => bearerOf(settings, users, facts.headers))
  return Option.firstSomeOf([
    form,
    // inferred: a certificate whose common name is no user of the registry counts as no credential
    Option.flatMap(facts.certificate, (user) => identity(settings, user, "clientCertificate", Option.none())),
    bearer,
    Option.flatMap(
      Option.isSome(settings.bearers) ? Option.none() : basic,
      ([user, password]) =>
        passwordMatches(settings, user, password) ? identity(settings, user, "basic", Option.none()) : Option.none()
    )
  ]).pipe(
    Either.fromOption(() =>
      Option.isSome(settings.bearers) && facts.headers["authorization"]?.startsWith("Bearer ") === true
        ? { ...failure(settings, 401, "MQWB0104E", "The REST API request is not authenticated."), headers: badBearer }
        : Option.isSome(basic)
        ? failure(settings, 401, "MQWB0105E", "The credentials of the REST API request are not valid.")
        : cookies.length > 0
        ? failure(settings, 401, "MQWB0112E", `The '${name}' authentication token cookie failed verification.`)
        : failure(settings, 401, "MQWB0104E", "The REST API request is not authenticated.")
    )
  )
}

const bearerOf = (
  settings: Settings,
  users: Readonly<Record<string, string>>,
  headers: Headers.Headers
): Option.Option<Identity> =>
  Option.fromNullable(/^Bearer (.+)$/u.exec(headers["authorization"] ?? "")).pipe(
    Option.flatMap(([, token = ""]) => Record.get(users, token)),
    Option.flatMap((user) => identity(settings, user, "bearer", Option.none()))
  )

/** As Liberty's `mpJwt` answers. */
const badBearer = { "www-authenticate": "Bearer realm=\"MP-JWT\", error=\"invalid_token\"" }

export const cleared = (name: string) =>
  `${name}=""; Max-Age=0; Expires=Thu, 01 Dec 1994 16:00:00 GMT; Path=/; Secure; HttpOnly`

/** A refusal clears the cookies that were no proof. */
export const clearing = (settings: Settings, state: State, facts: Facts, answer: Answer): Answer => {
  const name = cookieName(settings, state)
  return Request.cookieValues(facts.headers, name).length === 0 ? answer : { ...answer, setCookie: [cleared(name)] }
}

/** What the server sets as the token cookie: the token of the user's last login or call for as long as it remembers that. */
export const give = (
  settings: Settings,
  state: State,
  user: string,
  now: number
): readonly [given: { readonly line: string; readonly csrfToken: string }, State] => {
  const name = cookieName(settings, state)
  const known = HashMap.get(state.remembered, user).pipe(
    Option.filter(({ at }) => now - at < settings.remembered),
    Option.flatMap(({ token }) =>
      HashMap.get(state.issued, token).pipe(
        Option.filter(({ expiresAt }) => now < expiresAt),
        Option.map(({ csrfToken }) => ({ line: lineOf(name, token), csrfToken }))
      )
    )
  )
  if (Option.isSome(known)) return [known.value, state]
  const [token, next] = issue(settings, state, user, now)
  return [
    { line: lineOf(name, token), csrfToken: csrfTokenOf(state.serial) },
    { ...next, remembered: HashMap.set(next.remembered, user, { at: now, token }) }
  ]
}

const lineOf = (name: string, token: string) => `${name}=${token}; ${cookieAttributes}`

const csrfTokenOf = (serial: number) => `canary-csrf-mq-${serial}`

const issue = (settings: Settings, state: State, user: string, now: number): readonly [token: string, State] => {
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

const cookieAttributes = "Path=/; Secure; HttpOnly; SameSite=Strict"

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
