/** The logins of the fake of Qualys, for a JWT and for a session, as pure functions of the state, a request and the time. */
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Answers from "./qualysAnswers.ts"
import type { Facts } from "./qualysRequest.ts"
import type { Holder, Settings, State } from "./qualysState.ts"
import { count, takeScripted } from "./qualysState.ts"

/** /auth and the session call: exempt from quotas, and never an execution. */
export const login = (
  settings: Settings,
  state: State,
  facts: Facts,
  now: number
): readonly [Answers.Answer, State] => {
  const [scripted, next] = takeScripted(state, "login")
  if (scripted !== undefined) {
    return [scripted, next]
  }
  if (facts.area === "login") {
    return auth(settings, state, facts, now)
  }
  if (facts.area === "client") {
    return authClient(settings, state, facts, now)
  }
  if (facts.requestedWith === undefined) {
    return [Answers.missing(now, "X-Requested-With header"), state]
  }
  // the action must be in the form: in a query, the password would reach every log on the way
  switch (facts.form.get("action")) {
    case "login":
      return sessionLogin(settings, state, facts, now)
    case "logout":
      return sessionLogout(state, facts, now)
    default:
      return [Answers.missing(now, "action"), state]
  }
}

const credentialsMatch = (settings: Settings, facts: Facts): boolean =>
  facts.form.get("username") === settings.username && facts.form.get("password") === settings.password

/** A JWT as the platform issues it; the signature is a string that no other token has, since no test verifies it. */
const mintJwt = (settings: Settings, serial: number, now: number): { readonly jwt: string; readonly exp: number } => {
  const iat = Math.floor(now / 1000)
  const exp = iat + settings.tokenLifetimeSeconds
  const part = (value: unknown) => Encoding.encodeBase64Url(JSON.stringify(value))
  const payload = { iss: "qualys-canary", sub: settings.username, iat, exp, jti: `canary-${serial}` }
  const signature = Encoding.encodeBase64Url(`canary-signature-${serial}`)
  return { jwt: `${part({ alg: "RS256", typ: "JWT" })}.${part(payload)}.${signature}`, exp }
}

const auth = (settings: Settings, state: State, facts: Facts, now: number): readonly [Answers.Answer, State] => {
  if (facts.method !== "POST") {
    return [Answers.text(405, "Method Not Allowed"), state]
  }
  const { form } = facts
  const complete = form.has("username") && form.has("password") &&
    form.get("token") === "true" && form.get("permissions") === "true"
  if (!complete) {
    return [Answers.text(400, "Bad Request"), state]
  }
  if (!credentialsMatch(settings, facts) || settings.accountState !== "ok") {
    return [Answers.text(401, "Unauthorized"), state]
  }
  const [jwt, next] = issue(settings, state, "account", now)
  return [Answers.text(201, jwt), next]
}

const issue = (settings: Settings, state: State, holder: Holder, now: number): readonly [jwt: string, State] => {
  const serial = state.serial + 1
  const { exp, jwt } = mintJwt(settings, serial, now)
  return [jwt, count({ ...state, serial, jwts: HashMap.set(state.jwts, jwt, { exp, holder }) }, "logins")]
}

/** Id and secret are headers; each level has a path of its own. The form of the answer is inferred. */
const authClient = (settings: Settings, state: State, facts: Facts, now: number): readonly [Answers.Answer, State] => {
  if (facts.method !== "POST") return [Answers.text(405, "Method Not Allowed"), state]
  const level = facts.path === "/auth/oidc" ? "user" : "subscription"
  const { clientId = "", clientSecret } = facts
  const client = Option.liftPredicate(settings.clients, (clients) => Object.hasOwn(clients, clientId)).pipe(
    Option.flatMapNullable((clients) => clients[clientId])
  )
  if (!Option.exists(client, (client) => client.secret === clientSecret && client.level === level)) {
    return [Answers.text(401, "Unauthorized"), state]
  }
  const [jwt, next] = issue(settings, state, level, now)
  return [
    settings.clientAnswers === "text"
      ? Answers.text(201, `${jwt}\n`)
      : Answers.json(200, { access_token: jwt, token_type: "Bearer", expires_in: settings.tokenLifetimeSeconds }),
    next
  ]
}

const sessionLogin = (
  settings: Settings,
  state: State,
  facts: Facts,
  now: number
): readonly [Answers.Answer, State] => {
  if (!facts.form.has("username") || !facts.form.has("password")) {
    return [Answers.missing(now, "username, password"), state]
  }
  if (!credentialsMatch(settings, facts)) {
    return [Answers.badLogin(now), state]
  }
  if (settings.accountState !== "ok") {
    return [Answers.accountUnusable(settings.accountState, now), state]
  }
  if (state.sessions.length >= settings.maxSessions) {
    return [Answers.tooManySessions(now), state]
  }
  const serial = state.serial + 1
  const session = `canary-session-${serial}`
  return [
    Answers.withHeaders(Answers.simpleReturn({ status: 200, now, text: "Logged in" }), {
      "set-cookie": `QualysSession=${session}; path=/api; secure`
    }),
    count({ ...state, serial, sessions: [...state.sessions, session] }, "logins")
  ]
}

const sessionLogout = (state: State, facts: Facts, now: number): readonly [Answers.Answer, State] =>
  facts.session === undefined || !state.sessions.includes(facts.session)
    ? [Answers.badLogin(now), state]
    : [
      Answers.withHeaders(Answers.simpleReturn({ status: 200, now, text: "Logged out" }), {
        "set-cookie": "QualysSession=; path=/api; expires=Thu, 01 Jan 1970 00:00:00 GMT; secure"
      }),
      count({ ...state, sessions: state.sessions.filter((session) => session !== facts.session) }, "logouts")
    ]
