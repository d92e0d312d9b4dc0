/**
 * How persons and assertions get tokens from an OAuth authorization server, as pure functions of the settings, the state, a
 * request and the time: the code of a browser (RFC 6749 section 4.1, RFC 7636), the code for another device (RFC 8628),
 * assertions (RFC 7523) and other tokens (RFC 8693). Times are epoch milliseconds.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Code, Decision, Device } from "./oauthPerson.ts"
import type { ClientCredentials, Form, Outcome, Principal, Refusal, Settings, State, Step } from "./oauthTokens.ts"
import * as Tokens from "./oauthTokens.ts"

export interface LoginSettings {
  readonly defaultUser: string
  /** Those that may be asked for. Absent: any. */
  readonly redirectUris: ReadonlyArray<string> | undefined
  readonly deviceLifetime: number
  readonly pollInterval: number
}

/** What the authorization endpoint answers. */
export type Page =
  /** Nobody is redirected to a place that is not the client's (RFC 6749 section 4.1.2.1). */
  | { readonly _tag: "Error"; readonly text: string }
  | { readonly _tag: "Login" }
  | { readonly _tag: "Redirect"; readonly to: string }

/** A request to the authorization endpoint, decided by the person. */
export const authorize = (
  settings: LoginSettings,
  decision: Decision,
  issuer: string,
  query: URLSearchParams,
  now: number
) =>
(before: State): readonly [Page, State] => {
  const { client_id, code_challenge, redirect_uri, response_type, scope, state: sent, ...others } = Object.fromEntries(
    query
  )
  const error = (text: string): readonly [Page, State] => [{ _tag: "Error", text }, before]
  if (new Set(query.keys()).size !== [...query.keys()].length) return error("a parameter is there twice")
  if (client_id === undefined || !HashMap.has(before.clients, client_id)) return error("the client is unknown")
  if (redirect_uri === undefined || !mayRedirect(settings, redirect_uri)) {
    return error("the redirect URI is not one of the client")
  }
  const redirect = (answer: Readonly<Record<string, string>>): Page => {
    const to = new URL(redirect_uri)
    for (const [name, value] of Object.entries({ ...answer, ...(sent === undefined ? {} : { state: sent }) })) {
      to.searchParams.set(name, value)
    }
    to.searchParams.set("iss", issuer) // RFC 9207
    return { _tag: "Redirect", to: to.href }
  }
  if (response_type !== "code") return [redirect({ error: "unsupported_response_type" }), before]
  if (code_challenge === undefined || others["code_challenge_method"] !== "S256") {
    return [redirect({ error: "invalid_request", error_description: "PKCE with S256 is required" }), before]
  }
  const state = Tokens.count(before, "prompts")
  if (decision._tag === "Ignores") return [{ _tag: "Login" }, state]
  if (decision._tag === "Denies") return [redirect({ error: decision.error ?? "access_denied" }), state]
  const code = `canary-code-${state.counter}`
  const granted: Code = {
    client: client_id,
    user: decision.user ?? settings.defaultUser,
    scope: decision.scope ?? scope,
    redirectUri: redirect_uri,
    challenge: code_challenge,
    key: others["dpop_jkt"],
    expiresAt: now + codeLifetime,
    session: undefined
  }
  return [redirect({ code }), {
    ...state,
    counter: state.counter + 1,
    codes: HashMap.set(state.codes, code, granted)
  }]
}

/** RFC 8628 section 3.2, without the page, whose address the server knows. */
export interface DeviceResponse {
  readonly device_code: string
  readonly user_code: string
  readonly expires_in: number
  readonly interval: number
}

/** A request to the device authorization endpoint. */
export const authorizeDevice = (
  settings: LoginSettings,
  client: ClientCredentials | undefined,
  form: Form,
  now: number
) =>
(state: State): readonly [Refusal | DeviceResponse, State] => {
  if (client === undefined || !Tokens.isClient(state, client, now)) {
    return [{ status: 401, error: "invalid_client" }, state]
  }
  const deviceCode = `canary-device-${state.counter}`
  const userCode = userCodeOf(state.counter)
  const device: Device = {
    client: client.id,
    userCode,
    scope: form["scope"],
    challenge: form["code_challenge"],
    expiresAt: now + settings.deviceLifetime,
    interval: settings.pollInterval,
    askedAt: undefined,
    decision: undefined
  }
  return [{
    device_code: deviceCode,
    user_code: userCode,
    expires_in: Math.floor(settings.deviceLifetime / 1000),
    interval: Math.floor(settings.pollInterval / 1000)
  }, {
    ...Tokens.count(state, "prompts"),
    counter: state.counter + 1,
    devices: HashMap.set(state.devices, deviceCode, device)
  }]
}

/** A person enters a code and decides; `false`: nobody waits for it. */
export const enterCode =
  (userCode: string, decision: Decision, now: number) => (state: State): readonly [boolean, State] => {
    const typed = plain(userCode)
    const found = HashMap.findFirst(
      state.devices,
      (device) => plain(device.userCode) === typed && device.decision === undefined && device.expiresAt > now
    )
    return Option.match(found, {
      onNone: () => [false, state],
      onSome: ([deviceCode, device]) => [true, {
        ...state,
        devices: decision._tag === "Ignores"
          ? state.devices
          : HashMap.set(state.devices, deviceCode, { ...device, decision })
      }]
    })
  }

/** A request to the token endpoint, with what else it proves. */
export const receive = (
  settings: Settings & LoginSettings,
  client: ClientCredentials | undefined,
  form: Form,
  { challenge, key }: Proved,
  now: number
) =>
(before: State): Step => {
  const exchange = exchanges.get(form["grant_type"] ?? "")
  if (exchange === undefined) return Tokens.receive(settings, client, form, now)(before)
  const state = Tokens.count(before, "attempts")
  const isKnown = client !== undefined && Tokens.isClient(state, client, now)
  // an assertion may say all there is to say (RFC 7523 section 2.1)
  if (!isKnown && !(client === undefined && exchange === byAssertion)) {
    return Tokens.refused(state, 401, "invalid_client")
  }
  return exchange({ settings, client: client?.id, form, challenge, key, now, state })
}

export interface Proved {
  /** What its verifier would have been sent as (RFC 7636 section 4.2). */
  readonly challenge: string | undefined
  /** The thumbprint of its key. */
  readonly key: string | undefined
}

interface Request extends Proved {
  readonly settings: Settings & LoginSettings
  readonly client: string | undefined
  readonly form: Form
  readonly now: number
  readonly state: State
}

/** RFC 6749 section 4.1.3. */
const byCode = ({ challenge, client, form, key, now, settings, state }: Request): Step => {
  const { code = "", redirect_uri } = form
  const found = Option.getOrUndefined(HashMap.get(state.codes, code))
  if (found === undefined || found.client !== client || found.expiresAt <= now) {
    return Tokens.refused(state, 400, "invalid_grant")
  }
  // a thief may have redeemed it (section 4.1.2)
  if (found.session !== undefined) return Tokens.refused(Tokens.end(state, found.session), 400, "invalid_grant")
  const isAnothers = found.key !== undefined && found.key !== key
  if (found.redirectUri !== redirect_uri || found.challenge !== challenge || isAnothers) {
    return Tokens.refused(state, 400, "invalid_grant")
  }
  const [outcome, after] = Tokens.login(
    settings,
    state,
    { client: found.client, user: found.user, scope: found.scope },
    now
  )
  return [outcome, { ...after, codes: HashMap.set(after.codes, code, { ...found, session: state.counter }) }]
}

/** RFC 8628 section 3.5. */
const byDevice = ({ challenge, client, form, now, settings, state }: Request): Step => {
  const { device_code = "" } = form
  const device = Option.getOrUndefined(HashMap.get(state.devices, device_code))
  if (device === undefined || device.client !== client || device.challenge !== challenge) {
    return Tokens.refused(state, 400, "invalid_grant")
  }
  const { askedAt, decision, interval } = device
  const asked = (interval: number): State => ({
    ...state,
    devices: HashMap.set(state.devices, device_code, { ...device, interval, askedAt: now })
  })
  if (device.expiresAt <= now) return Tokens.refused(state, 400, "expired_token")
  if (askedAt !== undefined && now - askedAt < interval - punctuality) {
    return Tokens.refused(asked(interval + 5000), 400, "slow_down")
  }
  if (decision === undefined || decision._tag === "Ignores") {
    return Tokens.refused(asked(interval), 400, "authorization_pending")
  }
  const over: State = { ...state, devices: HashMap.remove(state.devices, device_code) }
  if (decision._tag === "Denies") return Tokens.refused(over, 400, decision.error ?? "access_denied")
  const principal: Principal = {
    client,
    user: decision.user ?? settings.defaultUser,
    scope: decision.scope ?? device.scope
  }
  return Tokens.login(settings, over, principal, now)
}

/** RFC 7523 section 2.1. Whoever signed it: only the statements are read. */
const byAssertion = ({ client, form, now, settings, state }: Request): Step => {
  const claims = Tokens.claimsOf(form["assertion"] ?? "")
  const { aud, exp, iss, scope, sub } = claims
  if (typeof iss !== "string" || typeof exp !== "number" || exp * 1000 <= now || aud === undefined) {
    return Tokens.refused(state, 400, "invalid_grant")
  }
  const user = typeof sub === "string" && sub !== iss ? sub : undefined
  const asked = form["scope"] ?? (typeof scope === "string" ? scope : undefined)
  return Tokens.login({ ...settings, refreshTokens: false }, state, { client: client ?? iss, user, scope: asked }, now)
}

/** RFC 8693: a good access token of this server, whoever got it, for one of this client. */
const byToken = ({ client = "", form, now, settings, state }: Request): Step => {
  const subject = Tokens.authenticate(state, form["subject_token"] ?? "", now)
  if (subject === undefined || form["subject_token_type"] === undefined) {
    return Tokens.refused(state, 400, "invalid_request") // section 2.2.2
  }
  const principal: Principal = { client, user: subject.user ?? subject.client, scope: form["scope"] ?? subject.scope }
  const [outcome, after] = Tokens.login({ ...settings, refreshTokens: false }, state, principal, now)
  return [withType(outcome), after]
}

const withType = (outcome: Outcome): Outcome =>
  outcome._tag === "Refused"
    ? outcome
    : {
      _tag: "Granted",
      token: { ...outcome.token, issued_token_type: "urn:ietf:params:oauth:token-type:access_token" }
    }

const exchanges: ReadonlyMap<string, (request: Request) => Step> = new Map([
  ["authorization_code", byCode],
  ["urn:ietf:params:oauth:grant-type:device_code", byDevice],
  ["urn:ietf:params:oauth:grant-type:jwt-bearer", byAssertion],
  ["urn:ietf:params:oauth:grant-type:token-exchange", byToken]
])

/** Those of {@link receive} beside those of `oauthTokens`. */
export const grantTypes: ReadonlyArray<string> = [...exchanges.keys()]

/** Exactly as it is registered, but for the port of a loopback address (RFC 8252 section 7.3). */
const mayRedirect = ({ redirectUris }: LoginSettings, uri: string): boolean =>
  URL.canParse(uri) &&
  (redirectUris === undefined || redirectUris.some((registered) => withoutPort(registered) === withoutPort(uri)))

const withoutPort = (uri: string): string => uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):\d+/u, "$1")

/** Letters that form no words (RFC 8628 section 6.1). */
const letters = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeOf = (counter: number): string =>
  `CNRY-${
    [3, 2, 1, 0].map((place) => letters[Math.floor(counter / letters.length ** place) % letters.length]).join("")
  }`

/** People leave out the hyphen, and type in lower case. */
const plain = (userCode: string): string => userCode.toUpperCase().replace(/[^A-Z]/gu, "")

/** In milliseconds. */
const codeLifetime = 60_000

/** How much too early a question may come, in milliseconds: a timer may be that early. */
const punctuality = 100
