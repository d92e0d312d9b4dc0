/** The calls of the fake of Qualys: who is admitted, and to how much, as pure functions of the state, a request and the time. */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Answers from "./qualysAnswers.ts"
import * as Quota from "./qualysQuota.ts"
import type { Facts } from "./qualysRequest.ts"
import type { Settings, State } from "./qualysState.ts"
import { count, setUsage, takeScripted, usageOf } from "./qualysState.ts"

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
    return settings.accountState === "ok" ? undefined : unusable(settings.accountState, facts, now)
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

const unusable = (why: "expired" | "eula", facts: Facts, now: number): Answers.Answer => {
  switch (facts.area) {
    case "qps":
      return { ...Answers.serviceResponse("UNAUTHORIZED", facts.accept), refused: true }
    case "gateway":
    case "ui":
      return Answers.gatewayUnauthorized
    default:
      return Answers.accountUnusable(why, now)
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
