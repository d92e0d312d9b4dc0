/**
 * The state of the fake of Qualys and every rule that changes it, as pure functions of the state, the facts of a request
 * and the time. `FakeQualys` puts the effects around them.
 */
import * as Encoding from "effect/Encoding"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Answers from "./qualysAnswers.ts"
import * as Quota from "./qualysQuota.ts"
import type { Facts } from "./qualysRequest.ts"

/** The options, with their defaults. */
export interface Settings {
  readonly username: string
  readonly password: string
  readonly tokenLifetimeSeconds: number
  readonly externalBearers: ReadonlyArray<string>
  readonly clients: Readonly<Record<string, Client>>
  readonly clientAnswers: "text" | "json"
  readonly toWait: boolean
  readonly unknownJwt: 401 | 500
  readonly accountState: "ok" | "expired" | "eula"
  readonly maxSessions: number
  readonly limitsOf: (path: string) => Quota.Limits
  readonly spelling: Quota.Spelling
  readonly bareConcurrencyBlocks: boolean
}

/** A client that Qualys manages. */
export interface Client {
  readonly secret: string
  readonly level: "user" | "subscription"
}

/** What a JWT was issued for: to a user name and password, or to a client of a level. */
type Holder = "account" | Client["level"]

export interface Scripted {
  readonly on: "call" | "login"
  readonly answer: Answers.Answer
}

export interface Counts {
  readonly requests: number
  readonly logins: number
  readonly logouts: number
  readonly refused: number
  readonly attempts: number
  readonly blocked: number
}

export interface State {
  /** A counter that makes every token and cookie unique, and tests repeatable. */
  readonly serial: number
  /** By JWT; `exp` in epoch seconds. */
  readonly jwts: HashMap.HashMap<string, { readonly exp: number; readonly holder: Holder }>
  readonly sessions: ReadonlyArray<string>
  /** By path. */
  readonly usages: HashMap.HashMap<string, Quota.Usage>
  /** By method and path. */
  readonly executed: HashMap.HashMap<string, number>
  readonly scripted: ReadonlyArray<Scripted>
  readonly counts: Counts
}

export const initial: State = {
  serial: 0,
  jwts: HashMap.empty(),
  sessions: [],
  usages: HashMap.empty(),
  executed: HashMap.empty(),
  scripted: [],
  counts: { requests: 0, logins: 0, logouts: 0, refused: 0, attempts: 0, blocked: 0 }
}

export const count = (state: State, name: keyof Counts): State => ({
  ...state,
  counts: { ...state.counts, [name]: state.counts[name] + 1 }
})

const usageOf = (state: State, path: string): Quota.Usage =>
  Option.getOrElse(HashMap.get(state.usages, path), () => Quota.unused)

export const setUsage = (state: State, path: string, f: (usage: Quota.Usage) => Quota.Usage): State => ({
  ...state,
  usages: HashMap.set(state.usages, path, f(usageOf(state, path)))
})

/** Takes the first scripted answer that is meant for this kind of request. */
export const takeScripted = (
  state: State,
  on: Scripted["on"]
): readonly [Answers.Answer | undefined, State] => {
  const index = state.scripted.findIndex((scripted) => scripted.on === on)
  return [
    state.scripted[index]?.answer,
    index < 0 ? state : { ...state, scripted: state.scripted.filter((_, i) => i !== index) }
  ]
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
    return [accountRefusal(settings, facts, now), state]
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

const accountRefusal = (settings: Settings, facts: Facts, now: number): Answers.Answer => {
  switch (facts.area) {
    case "qps":
      return { ...Answers.serviceResponse("UNAUTHORIZED", facts.accept), refused: true }
    case "gateway":
    case "ui":
      return Answers.gatewayUnauthorized
    default:
      return settings.accountState === "expired" ? Answers.accountExpired(now) : Answers.eulaNotAccepted(now)
  }
}

/** Which area accepts which credentials. An Authorization header decides, whatever cookie comes with it. */
const isAuthenticated = (settings: Settings, state: State, facts: Facts, now: number): boolean => {
  const basic = facts.basic === `${settings.username}:${settings.password}`
  const external = facts.bearer !== undefined && settings.externalBearers.includes(facts.bearer)
  const jwt = facts.bearer === undefined
    ? Option.none()
    : Option.filter(HashMap.get(state.jwts, facts.bearer), ({ exp }) => now < exp * 1000)
  switch (facts.area) {
    case "fo":
      return facts.authorized
        ? basic || external || Option.isSome(jwt)
        : facts.session !== undefined && state.sessions.includes(facts.session)
    case "gateway":
      return external || Option.isSome(jwt)
    case "qps":
      // of clients, WAS takes those of a user
      return basic || Option.exists(jwt, ({ holder }) => holder === "user")
    default:
      return basic
  }
}

const refusal = (settings: Settings, state: State, facts: Facts, now: number): Answers.Answer | undefined => {
  if (isAuthenticated(settings, state, facts, now)) {
    return settings.accountState === "ok" ? undefined : accountRefusal(settings, facts, now)
  }
  switch (facts.area) {
    case "qps":
      return {
        ...Answers.serviceResponse(facts.authorized ? "INVALID_CREDENTIALS" : "UNAUTHORIZED", facts.accept),
        refused: true
      }
    case "gateway":
      return settings.unknownJwt === 500 && facts.bearer !== undefined
        ? Answers.unparsedJwt
        : Answers.gatewayUnauthorized
    case "ui":
      return Answers.gatewayUnauthorized
    default:
      return Answers.badLogin(now)
  }
}

/** Recorded: quota headers on /api, none on /qps/rest. Nothing is known of the UI host, which has none here. */
const isMetered = (facts: Facts): boolean => facts.area !== "qps" && facts.area !== "ui"

const limitsOf = (settings: Settings, facts: Facts): Quota.Limits =>
  isMetered(facts) ? settings.limitsOf(facts.path) : Quota.unlimited

const quotaHeaders = (settings: Settings, state: State, facts: Facts, now: number) => {
  const usage = usageOf(state, facts.path)
  const limits = limitsOf(settings, facts)
  const { "x-ratelimit-towait-sec": _, ...bare } = Quota.rateHeaders(usage, limits, now)
  const rate = facts.area === "gateway" && !settings.toWait ? bare : Quota.rateHeaders(usage, limits, now)
  return isMetered(facts)
    ? { ...rate, ...Quota.concurrencyHeaders(usage, limits, settings.spelling) }
    : {}
}

const block = (
  settings: Settings,
  state: State,
  facts: Facts,
  verdict: Exclude<Quota.Verdict, { readonly _tag: "Accepted" }>,
  now: number
): Answers.Answer => {
  const headers = quotaHeaders(settings, state, facts, now)
  if (facts.area === "gateway") {
    return Answers.withHeaders(Answers.gatewayBlocked, headers)
  }
  if (verdict._tag === "TooOften") {
    return Answers.withHeaders(Answers.tooOften(now, verdict.secondsToWait), headers)
  }
  return Answers.withHeaders(
    Answers.tooMany(now, verdict.callsToFinish),
    settings.bareConcurrencyBlocks
      ? Quota.concurrencyHeaders(usageOf(state, facts.path), limitsOf(settings, facts), settings.spelling)
      : headers
  )
}

/**
 * A call arrives. The answer is `undefined` if the call is accepted and runs until `end`. An accepted call counts as
 * executed even if its caller leaves: a server that has begun to act does not take it back.
 */
export const begin = (
  settings: Settings,
  state: State,
  facts: Facts,
  now: number
): readonly [Answers.Answer | undefined, State] => {
  const refused = refusal(settings, state, facts, now)
  if (refused !== undefined) {
    return [refused, state]
  }
  const authenticated = count(state, "requests")
  if (facts.area === "fo" && facts.requestedWith === undefined) {
    return [Answers.missing(now, "X-Requested-With header"), authenticated]
  }
  const [scripted, unscripted] = takeScripted(authenticated, "call")
  if (scripted !== undefined) {
    return [scripted, unscripted]
  }
  const [verdict, usage] = Quota.start(usageOf(authenticated, facts.path), limitsOf(settings, facts), now)
  if (verdict._tag !== "Accepted") {
    return [block(settings, authenticated, facts, verdict, now), authenticated]
  }
  const key = `${facts.method} ${facts.path}`
  return [undefined, {
    ...setUsage(authenticated, facts.path, () => usage),
    executed: HashMap.set(
      authenticated.executed,
      key,
      Option.getOrElse(HashMap.get(authenticated.executed, key), () => 0) + 1
    )
  }]
}

/** The answer to a call that has run, with the quota of that moment, at which the call itself still counts as running. */
export const succeed = (settings: Settings, state: State, facts: Facts, now: number): Answers.Answer => {
  const headers = quotaHeaders(settings, state, facts, now)
  switch (facts.area) {
    case "msp":
      return Answers.withHeaders(Answers.about, headers)
    case "qps":
      return Answers.serviceResponse("SUCCESS", facts.accept)
    case "gateway":
    case "ui":
      return Answers.withHeaders(Answers.gatewaySuccess, headers)
    default:
      return Answers.withHeaders(
        Answers.simpleReturn({
          status: 200,
          now,
          text: facts.action === "launch" ? "New vm scan launched" : "OK"
        }),
        headers
      )
  }
}

/** Counts an answer to a call. */
export const record = (state: State, answer: Answers.Answer): State =>
  answer.refused === true || answer.status === 401
    ? count(state, "refused")
    : answer.status === 409 || answer.status === 429
    ? count(state, "blocked")
    : state
