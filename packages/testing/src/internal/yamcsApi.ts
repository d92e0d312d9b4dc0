/**
 * How a Yamcs server authenticates calls of its API, and the few API routes that the fake has, as pure functions. The
 * order of credentials is that of `HttpHandler.authorizeUser` of Yamcs 5.13.
 */
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Tokens from "./yamcsTokens.ts"
import * as Wire from "./yamcsWire.ts"

/** The credentials of a request. */
export interface Presented {
  readonly authorization: string | undefined
  readonly apiKey: string | undefined
  readonly cookies: Readonly<Record<string, string>>
}

export interface Refusal {
  readonly status: 400 | 401
  readonly message: string
}

export interface Call {
  readonly method: string
  /** Below the context path. */
  readonly path: string
  /** None if the body is not JSON. */
  readonly body: Option.Option<unknown>
}

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** The caller's name. The first credentials that are there decide, whatever the others are. */
export const authenticate = (
  settings: Tokens.Settings,
  state: Tokens.State,
  presented: Presented,
  now: number
): Either.Either<string, Refusal> => {
  const { apiKey, authorization } = presented
  if (authorization !== undefined) {
    if (authorization.startsWith("Basic ")) {
      return basic(settings, authorization)
    }
    if (authorization.startsWith("Bearer ")) {
      return bearer(state, authorization.slice("Bearer ".length), now)
    }
    // the real server quotes the whole header too
    return refuse(400, `Unsupported Authorization header '${authorization}'`)
  }
  if (apiKey !== undefined) {
    return Either.fromOption(Record.get(settings.apiKeys, apiKey), () => refusal(401, "Invalid API key"))
  }
  const cookie = Object.entries(presented.cookies).find(([name]) => name.toLowerCase() === "access_token")
  return cookie === undefined ? refuse(401, "Missing authentication") : bearer(state, cookie[1], now)
}

const refusal = (status: 400 | 401, message: string): Refusal => ({ status, message })

const refuse = (status: 400 | 401, message: string): Either.Either<never, Refusal> =>
  Either.left(refusal(status, message))

const bearer = (state: Tokens.State, token: string, now: number): Either.Either<string, Refusal> =>
  Either.mapLeft(Tokens.verifyAccess(state, token, now), (why) => refusal(401, why))

/** Unlike at the token route, the halves are not URL-decoded. */
const basic = (settings: Tokens.Settings, authorization: string): Either.Either<string, Refusal> =>
  Option.match(Wire.decodeBasic(authorization), {
    onNone: () => refuse(400, "Malformed username/password (Not separated by colon?)"),
    onSome: ([username, password]) =>
      !Record.has(settings.users, username)
        ? refuse(401, "Cannot identify account for token")
        : Tokens.isPassword(settings, username, password)
        ? Either.right(username)
        : refuse(401, "Password does not match")
  })

/** The answer to an authenticated call. */
export const handle = (
  settings: Tokens.Settings,
  state: Tokens.State,
  caller: string,
  call: Call
): readonly [Answer, Tokens.State] => {
  const route = `${call.method} ${call.path}`
  const user = Tokens.userInfo(settings, caller)
  if (route === "GET /api/user") {
    return [{ status: 200, body: { ...user } }, state]
  }
  if (route === "GET /api/instances") {
    return [{ status: 200, body: { instances: [{ name: "simulator", state: "RUNNING" }] } }, state]
  }
  if (route !== "POST /api/service-accounts" && !route.startsWith("DELETE /api/service-accounts/")) {
    return [problem(404, "NotFoundException", "Resource not found"), state]
  }
  if (!user.superuser) {
    return [problem(403, "ForbiddenException", "Missing system privilege 'ControlAccess'"), state]
  }
  return call.method === "POST"
    ? createServiceAccount(settings, state, call.body)
    : deleteServiceAccount(state, call.path.slice("/api/service-accounts/".length))
}

const problem = (code: number, type: string, msg: string): Answer => ({ status: code, body: { code, type, msg } })

const createServiceAccount = (
  settings: Tokens.Settings,
  state: Tokens.State,
  body: Option.Option<unknown>
): readonly [Answer, Tokens.State] => {
  const name = Option.flatMap(
    body,
    (body) =>
      typeof body === "object" && body !== null && "name" in body && typeof body.name === "string" && body.name !== ""
        ? Option.some(body.name)
        : Option.none()
  )
  if (Option.isNone(name)) {
    return [problem(400, "BadRequestException", "No name was specified"), state]
  }
  if (Tokens.isAccount(settings, state, name.value)) {
    return [problem(400, "BadRequestException", `An account named '${name.value}' already exists`), state]
  }
  const account = {
    name: name.value,
    applicationId: Wire.uuid(state.counter),
    // one real secret in four contains `+` or `%`; these always do, so that a client that does not encode fails
    applicationSecret: `canary+${state.counter}%2B`
  }
  return [{ status: 200, body: account }, {
    ...state,
    counter: state.counter + 1,
    serviceAccounts: HashMap.set(state.serviceAccounts, account.applicationId, account)
  }]
}

const deleteServiceAccount = (state: Tokens.State, encodedName: string): readonly [Answer, Tokens.State] => {
  const name = Option.liftThrowable(decodeURIComponent)(encodedName)
  const account = Option.flatMap(
    name,
    (name) => HashMap.findFirst(state.serviceAccounts, (account) => account.name === name)
  )
  return Option.match(account, {
    onNone: () => [problem(404, "NotFoundException", "Resource not found"), state],
    onSome: ([applicationId]) => [
      { status: 200, body: {} },
      { ...state, serviceAccounts: HashMap.remove(state.serviceAccounts, applicationId) }
    ]
  })
}
