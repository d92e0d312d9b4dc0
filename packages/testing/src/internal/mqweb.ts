/**
 * What an mqweb server answers, as pure functions of its state, the facts of a request and the time. `FakeMqweb` puts
 * Ref, Clock and HTTP around them. The rules are IBM's documentation of the MQ administrative REST API and recordings
 * of a real server; what neither states is marked "inferred".
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as mqsc from "./mqsc.ts"
import type { Answer } from "./mqwebAnswers.ts"
import { failure, json, noContent, rejected } from "./mqwebAnswers.ts"
import type { Identity } from "./mqwebIdentity.ts"
import { authenticate, cleared, clearing, csrfFault, give, passwordMatches } from "./mqwebIdentity.ts"
import type { Facts } from "./mqwebRequest.ts"
import * as Request from "./mqwebRequest.ts"
import type { Role, Settings, State } from "./mqwebState.ts"
import { cookieName, count, forget } from "./mqwebState.ts"

const methods = { Login: ["GET", "POST", "DELETE"], Qmgrs: ["GET"], Mqsc: ["POST"], Unknown: [] } as const

const LoginBody = Schema.parseJson(Schema.Struct({ username: Schema.NonEmptyString, password: Schema.NonEmptyString }))

const login = (
  settings: Settings,
  state: State,
  facts: Facts,
  now: number
): readonly [Answer, State] => {
  if (!Request.isJson(facts.headers["content-type"])) {
    return [rejected(settings, 415, "The content type is not application/json in UTF-8."), state]
  }
  const body = Schema.decodeOption(LoginBody)(facts.body)
  if (Option.isNone(body)) {
    return [rejected(settings, 400, "The body is not an object with username and password."), state]
  }
  const { password, username } = body.value
  if (!passwordMatches(settings, username, password)) {
    // inferred identifier: IBM documents the status alone
    return [failure(settings, 401, "MQWB0105E", "The credentials of the REST API request are not valid."), state]
  }
  const [{ csrfToken, line }, next] = give(settings, state, username, now)
  const [before, after] = settings.proxyCookies
    ? [["WASReqURL=\"https://:9443/a=b==%zz\"; Path=/; Secure; HttpOnly"], ["odd==%; Path=/ibmmq"]]
    : [[], []]
  return [
    {
      ...noContent,
      setCookie: [
        ...before,
        ...(settings.csrf === "echo" ? [`csrfToken=${csrfToken}; Path=/; Secure`] : []),
        line,
        ...after
      ]
    },
    count(next, "logins")
  ]
}

const MqscBody = Schema.parseJson(Schema.Union(
  Schema.Struct({
    type: Schema.Literal("runCommand"),
    parameters: Schema.Struct({ command: Schema.NonEmptyString })
  }),
  Schema.Struct({
    type: Schema.Literal("runCommandJSON"),
    command: Schema.NonEmptyString,
    qualifier: Schema.NonEmptyString,
    name: Schema.optional(Schema.String)
  })
))

const runMqsc = (
  settings: Settings,
  state: State,
  facts: Facts,
  who: Identity,
  path: Option.Option<string>
): readonly [Answer, State] => {
  const fault = csrfFault(settings, facts.headers, who)
  if (Option.isSome(fault)) return [failure(settings, 403, ...fault.value), state]
  if (!Request.isJson(facts.headers["content-type"])) {
    return [rejected(settings, 415, "The content type is not application/json in UTF-8."), state]
  }
  const body = Schema.decodeOption(MqscBody)(facts.body)
  if (Option.isNone(path) || Option.isNone(body)) {
    return [rejected(settings, 400, "The path or the body cannot be read."), state]
  }
  const qmgr = path.value
  const queues = HashMap.get(state.queues, qmgr)
  if (Option.isNone(queues)) {
    const unknown = { completionCode: 2, reasonCode: 2058 } // MQRC_Q_MGR_NAME_ERROR
    return [failure(settings, 404, "MQWB0009E", `Could not query the queue manager '${qmgr}'.`, unknown), state]
  }
  const command = body.value.type === "runCommand"
    ? mqsc.fromText(body.value.parameters.command)
    : mqsc.fromFields(body.value)
  // MQWebUser acts with the user's own authority, which the fake does not model: it may display, not change
  const needed: ReadonlyArray<Role> = mqsc.isDisplay(command)
    ? ["MQWebAdmin", "MQWebAdminRO", "MQWebUser"]
    : ["MQWebAdmin"]
  if (!who.roles.some((role) => needed.includes(role))) {
    return [failure(settings, 403, "MQWB0103E", "Not authorized."), state]
  }
  const [items, after] = mqsc.run(command, qmgr, queues.value)
  const gateway = facts.headers[Request.gatewayHeader]
  return [
    {
      ...json(200, mqsc.body(items, body.value.type)),
      headers: gateway === undefined ? {} : { [Request.gatewayHeader]: gateway }
    },
    { ...state, queues: HashMap.set(state.queues, qmgr, after) }
  ]
}

const whoAmI = (settings: Settings, who: Identity): Answer =>
  json(200, {
    user: [{
      name: who.user,
      role: who.roles,
      // servers old enough to want the token echoed also state how the user authenticated
      ...(settings.csrf === "echo" ? { authenticationMechanism: who.mechanism } : {})
    }]
  })

const decide = (settings: Settings, state: State, facts: Facts, now: number): readonly [Answer, State] => {
  const target = Request.route(facts.url)
  if (target._tag === "Unknown") return [rejected(settings, 404, "There is no such resource."), state]
  if (!methods[target._tag].some((method) => method === facts.method)) {
    return [rejected(settings, 405, "The resource does not know the method."), state]
  }
  if (!Request.acceptsJson(facts.headers.accept)) {
    return [rejected(settings, 406, "The Accept header does not name application/json."), state]
  }
  if (target._tag === "Login" && facts.headers[Request.gatewayHeader] !== undefined) {
    return [rejected(settings, 400, `The header '${Request.gatewayHeader}' does not belong on a login.`), state]
  }
  if (Request.isLogin(facts)) return login(settings, state, facts, now)

  const authenticated = authenticate(settings, state, facts, now)
  if (Either.isLeft(authenticated)) return [clearing(settings, state, facts, authenticated.left), state]
  const who = authenticated.right
  if (who.mechanism === "form") return serve(settings, state, facts, who, target)
  // a proof that is no cookie is answered with one
  const [{ line }, next] = give(settings, state, who.user, now)
  const [answer, after] = serve(settings, next, facts, who, target)
  return [{ ...answer, setCookie: [line, ...answer.setCookie] }, after]
}

/** The answer to a call whose sender is known. */
const serve = (
  settings: Settings,
  state: State,
  facts: Facts,
  who: Identity,
  target: Exclude<Request.Route, { readonly _tag: "Unknown" }>
): readonly [Answer, State] => {
  switch (target._tag) {
    case "Login": {
      if (facts.method === "GET") return [whoAmI(settings, who), state]
      // a logout needs a cookie, its refusals are all 401, and the token remains valid unless logouts are tracked
      const fault = csrfFault(settings, facts.headers, who)
      if (Option.isSome(fault)) return [failure(settings, 401, ...fault.value), state]
      const name = cookieName(settings, state)
      const after = settings.trackLoggedOut ? forget(state, Request.cookieValues(facts.headers, name)) : state
      return who.mechanism === "form"
        ? [{ ...noContent, setCookie: [cleared(name)] }, count(after, "logouts")]
        : [failure(settings, 401, "MQWB0104E", "There is no cookie to log out."), state]
    }
    case "Qmgrs":
      return [
        who.roles.length === 0
          ? failure(settings, 403, "MQWB0103E", "Not authorized.")
          : json(200, { qmgr: settings.qmgrs.map((name) => ({ name, state: "running" })) }),
        count(state, "requests")
      ]
    case "Mqsc":
      return runMqsc(settings, count(state, "requests"), facts, who, target.qmgr)
  }
}

const countRefused = (facts: Facts, [answer, state]: readonly [Answer, State]): readonly [Answer, State] => [
  answer,
  answer.status === 401 && !Request.isLogin(facts) ? count(state, "refused") : state
]

/** A request arrives: a login is counted, and a failure that the test asked for is answered at once. */
export const arrive = (
  settings: Settings,
  state: State,
  facts: Facts
): readonly [answer: Option.Option<Answer>, state: State] => {
  const counted = Request.isLogin(facts) ? count(state, "attempts") : state
  const { left, status } = counted.fault
  if (left <= 0) return [Option.none(), counted]
  const answer: Answer = settings.htmlErrors
    ? {
      status,
      contentType: "text/html",
      body: Option.some(`<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`),
      headers: {},
      setCookie: []
    }
    : rejected(settings, status, "A failure that the test asked for.")
  const [, next] = countRefused(facts, [answer, { ...counted, fault: { left: left - 1, status } }])
  return [Option.some(answer), next]
}

/** The server's answer at the time `now`, in epoch milliseconds. */
export const answer = (settings: Settings, state: State, facts: Facts, now: number): readonly [Answer, State] =>
  countRefused(facts, decide(settings, state, facts, now))
