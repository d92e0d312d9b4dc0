/**
 * How a Yamcs server authenticates calls of its API, and the few API routes that the fake has, as pure functions. The
 * order of credentials is that of `HttpHandler.authorizeUser` of Yamcs 5.13, the routes that of its `ApiHandler`.
 */
import * as Arr from "effect/Array"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Protobuf from "./protobuf.ts"
import type { ServiceAccount, Settings, State } from "./yamcsState.ts"
import { isAccount, isPassword, userInfo, verifyAccess } from "./yamcsState.ts"
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
  readonly body: string
}

/** What a route answers. Where there is none the server writes the status line instead. */
export type Answer =
  | { readonly _tag: "Result"; readonly message: Protobuf.Message }
  | { readonly _tag: "Problem"; readonly status: number; readonly message: Protobuf.Message }
  | { readonly _tag: "Empty" }
  | { readonly _tag: "StatusLine"; readonly status: 404 | 405 }

/** The caller's name. The first credentials that are there decide, whatever the others are. */
export const authenticate = (
  settings: Settings,
  state: State,
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
  if (cookie !== undefined) return bearer(state, cookie[1], now)
  return settings.guest === undefined ? refuse(401, "Missing authentication") : Either.right(settings.guest)
}

const refusal = (status: 400 | 401, message: string): Refusal => ({ status, message })

const refuse = (status: 400 | 401, message: string): Either.Either<never, Refusal> =>
  Either.left(refusal(status, message))

const bearer = (state: State, token: string, now: number): Either.Either<string, Refusal> =>
  Either.mapLeft(verifyAccess(state, token, now), (why) => refusal(401, why))

/** Unlike at the token route, the halves are not URL-decoded. */
const basic = (settings: Settings, authorization: string): Either.Either<string, Refusal> =>
  Either.flatMap(
    Either.mapLeft(Wire.decodeBasic(authorization), (why) => refusal(400, why)),
    ([username, password]) =>
      !Record.has(settings.users, username)
        ? refuse(401, "Cannot identify account for token")
        : isPassword(settings, username, password)
        ? Either.right(username)
        : refuse(401, "Password does not match")
  )

/** The answer to an authenticated call. */
export const handle = (settings: Settings, state: State, caller: string, call: Call): Step => {
  const found = Arr.filterMap(
    routes,
    (route) => Option.map(Option.fromNullable(route.path.exec(call.path)), ([, name = ""]) => ({ route, name }))
  )
  const match = found.find(({ route }) => route.method === call.method)
  return match === undefined
    ? [{ _tag: "StatusLine", status: found.length === 0 ? 404 : 405 }, state]
    : match.route.privileged && !userInfo(settings, caller).superuser
    ? [problem(403, "ForbiddenException", "Missing system privilege 'ControlAccess'"), state]
    : match.route.run({ settings, state, caller, name: match.name, body: call.body })
}

type Step = readonly [Answer, State]

interface Context {
  readonly settings: Settings
  readonly state: State
  readonly caller: string
  /** What the path names, percent-encoded. */
  readonly name: string
  readonly body: string
}

interface Route {
  readonly method: string
  /** As `Route.toPattern`: with or without a slash at the end. */
  readonly path: RegExp
  readonly privileged: boolean
  readonly run: (context: Context) => Step
}

const result = (fields: Protobuf.Message["fields"]): Answer => ({ _tag: "Result", message: Protobuf.message(fields) })

const problem = (status: number, type: string, msg: string): Answer => ({
  _tag: "Problem",
  status,
  message: Protobuf.message({ code: [1, status], type: [2, type], msg: [3, msg] })
})

export const userMessage = (settings: Settings, name: string): Protobuf.Message => {
  const { active, superuser } = userInfo(settings, name)
  return Protobuf.message({ superuser: [13, superuser], active: [16, active], name: [17, name] })
}

const instance = Protobuf.message({ name: [1, "simulator"], state: [11, Protobuf.enumeration("RUNNING", 4)] })

const accountMessage = ({ name }: ServiceAccount) => Protobuf.message({ name: [1, name], active: [3, false] })

const accountNamed = (state: State, encodedName: string): Option.Option<ServiceAccount> =>
  Option.flatMap(
    Wire.urlDecode(encodedName),
    (name) => Arr.findFirst(HashMap.values(state.serviceAccounts), (account) => account.name === name)
  )

const createServiceAccount = ({ body, settings, state }: Context): Step => {
  const name = accountName(body)
  if (Either.isLeft(name)) {
    return [problem(400, "BadRequestException", name.left), state]
  }
  if (isAccount(settings, state, name.right)) {
    return [problem(400, "BadRequestException", `An account named '${name.right}' already exists`), state]
  }
  const account = {
    name: name.right,
    applicationId: Wire.uuid(state.counter),
    // one real secret in four contains `+` or `%`; these always do, so that a client that does not encode fails
    applicationSecret: `canary+${state.counter}%2B`
  }
  return [
    result({
      name: [1, account.name],
      applicationId: [2, account.applicationId],
      applicationSecret: [3, account.applicationSecret]
    }),
    {
      ...state,
      counter: state.counter + 1,
      serviceAccounts: HashMap.set(state.serviceAccounts, account.applicationId, account)
    }
  ]
}

/** The parser of Protocol Buffers takes a number for a string, and no field that it does not know. */
const accountName = (body: string): Either.Either<string, string> => {
  const parsed = body === "" ? Option.some({}) : Option.liftThrowable((text: string): unknown => JSON.parse(text))(body)
  if (Option.isNone(parsed) || !Predicate.isReadonlyRecord(parsed.value)) {
    return Either.left("The body is not a JSON object")
  }
  const { name, ...others } = parsed.value
  const [unknown] = Object.keys(others)
  return unknown !== undefined
    ? Either.left(`Cannot find field: ${unknown} in message yamcs.protobuf.iam.CreateServiceAccountRequest`)
    : typeof name === "string" || typeof name === "number"
    ? Either.right(String(name))
    : Either.left("No name was specified")
}

const routes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: /^\/api\/?$/,
    privileged: false,
    run: ({ state }) => [result({ yamcsVersion: [1, "5.13.2"], revision: [6, "canary"], serverId: [2, "fake"] }), state]
  },
  {
    method: "GET",
    path: /^\/api\/user\/?$/,
    privileged: false,
    run: ({ caller, settings, state }) => [{ _tag: "Result", message: userMessage(settings, caller) }, state]
  },
  {
    method: "GET",
    path: /^\/api\/instances\/?$/,
    privileged: false,
    run: ({ state }) => [result({ instances: [1, [instance]] }), state]
  },
  {
    method: "GET",
    path: /^\/api\/instances\/([^/]+)\/?$/,
    privileged: false,
    run: ({ name, state }) => [
      name === "simulator"
        ? { _tag: "Result", message: instance }
        : problem(
          404,
          "NotFoundException",
          `No instance named '${Option.getOrElse(Wire.urlDecode(name), () => name)}'`
        ),
      state
    ]
  },
  {
    method: "GET",
    path: /^\/api\/service-accounts\/?$/,
    privileged: true,
    run: ({ state }) => {
      const byName = Order.mapInput(Order.string, (account: ServiceAccount) => account.name.toLowerCase())
      const accounts = Arr.sort(HashMap.values(state.serviceAccounts), byName)
      return [result({ serviceAccounts: [1, accounts.map(accountMessage)] }), state]
    }
  },
  { method: "POST", path: /^\/api\/service-accounts\/?$/, privileged: true, run: createServiceAccount },
  {
    method: "GET",
    path: /^\/api\/service-accounts\/([^/]+)\/?$/,
    privileged: true,
    run: ({ name, state }) => [
      Option.match(accountNamed(state, name), {
        onNone: () => missing,
        onSome: (account): Answer => ({ _tag: "Result", message: accountMessage(account) })
      }),
      state
    ]
  },
  {
    method: "DELETE",
    path: /^\/api\/service-accounts\/([^/]+)\/?$/,
    privileged: true,
    run: ({ name, state }) =>
      Option.match(accountNamed(state, name), {
        onNone: (): Step => [missing, state],
        onSome: ({ applicationId }): Step => [
          { _tag: "Empty" },
          { ...state, serviceAccounts: HashMap.remove(state.serviceAccounts, applicationId) }
        ]
      })
  }
]

const missing = problem(404, "NotFoundException", "Resource not found")
