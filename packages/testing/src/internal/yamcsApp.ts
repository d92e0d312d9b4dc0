/** The fake of Yamcs as an app: which path is answered by what, and how. The rules are those of its siblings. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import type * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Ref from "effect/Ref"
import * as Latency from "./latency.ts"
import type { Decision } from "./oauthPerson.ts"
import * as Protobuf from "./protobuf.ts"
import * as Answers from "./yamcsAnswers.ts"
import * as Api from "./yamcsApi.ts"
import type { Connections } from "./yamcsConnections.ts"
import * as Login from "./yamcsLogin.ts"
import * as OpenId from "./yamcsOpenId.ts"
import * as Spnego from "./yamcsSpnego.ts"
import * as State from "./yamcsState.ts"
import * as Tokens from "./yamcsTokens.ts"

/** What is behind the app. */
export interface Server {
  readonly settings: State.Settings
  readonly state: Ref.Ref<State.State>
  readonly connections: Connections
  /** What the person at the OpenID provider does, as this user by default. */
  readonly person: Effect.Effect<Decision>
  readonly defaultUser: string
  /** Empty, or with a slash at its start and none at its end. */
  readonly contextPath: string
  readonly tokenLatency: Duration.Duration
  readonly wrapErrors: boolean
}

export const make = (
  { connections, contextPath, defaultUser, person, settings, state, tokenLatency, wrapErrors }: Server
): HttpApp.Default => {
  const token = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const text = yield* textOf(request)
      const outcome = yield* Ref.modify(
        state,
        Tokens.receive(settings, {
          contentType: request.headers["content-type"],
          authorization: request.headers.authorization,
          form: Object.fromEntries(new URLSearchParams(text))
        }, yield* Clock.currentTimeMillis)
      )
      yield* Latency.pass(tokenLatency)
      switch (outcome._tag) {
        case "Refused":
          return Answers.statusLine(outcome.status)
        case "Unanswered":
          return yield* Latency.noAnswer
        case "Granted":
          return Answers.auth(request.headers, tokenMessage(settings, outcome.token))
      }
    })

  const api = (request: HttpServerRequest.HttpServerRequest, path: string) =>
    Effect.gen(function*() {
      const body = yield* textOf(request)
      const now = yield* Clock.currentTimeMillis
      const presented = presentedBy(request)
      return yield* Ref.modify(state, (state) =>
        Either.match(Api.authenticate(settings, state, presented, now), {
          onLeft: ({ message, status }) => [
            Answers.plainText(status, message),
            status === 401 ? State.count(state, { refused: state.stats.refused + 1 }) : state
          ],
          onRight: (caller) => {
            const counted = State.count(state, { requests: state.stats.requests + 1 })
            const [answer, next] = Api.handle(settings, counted, caller, { method: request.method, path, body })
            return [apiAnswer(request, answer, wrapErrors), next]
          }
        }))
    })

  /** The proof is looked at once. The WebSocket then outlives it. */
  const webSocket = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const isUpgrade = request.headers["upgrade"]?.toLowerCase() === "websocket"
      const caller = yield* Ref.modify(state, (state) => {
        const caller = Api.authenticate(settings, state, presentedBy(request), now)
        const { stats } = state
        return [
          caller,
          State.count(
            state,
            Either.match(caller, {
              onLeft: ({ status }) => ({ refused: stats.refused + (status === 401 ? 1 : 0) }),
              onRight: () => ({ handshakes: stats.handshakes + (isUpgrade ? 1 : 0) })
            })
          )
        ]
      })
      if (Either.isLeft(caller)) return Answers.plainText(caller.left.status, caller.left.message)
      return isUpgrade
        ? yield* connections.accept(request, State.userInfo(settings, caller.right).superuser)
        : Answers.plainText(400, "not a WebSocket handshake request: missing upgrade")
    })

  const login = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      if (!isForm(request)) return Answers.statusLine(400)
      const parameters = Object.fromEntries(new URLSearchParams(yield* textOf(request)))
      const now = yield* Clock.currentTimeMillis
      return Answers.login(yield* Ref.modify(state, Login.login(settings, contextPath, parameters, now)))
    })

  const authorize = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.map(textOf(request), (text) => {
      const parameters = isForm(request) ? text : /\?([^#]*)/.exec(request.url)?.[1]
      return Answers.login(Login.authorize(contextPath, Object.fromEntries(new URLSearchParams(parameters))))
    })

  const spnego = ({ headers }: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      if (!settings.spnego) return Answers.statusLine(404)
      const now = yield* Clock.currentTimeMillis
      const outcome = yield* Ref.modify(state, Spnego.negotiate(settings, headers.authorization, now))
      switch (outcome._tag) {
        case "Granted":
          return Answers.spnego(outcome.code)
        case "Unasked":
          return Answers.spnego(undefined)
        case "Refused":
          return Answers.statusLine(outcome.status)
      }
    })

  /** The provider, which has a host of its own and the transport of the server. */
  const provider = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const { openId } = settings
      const parameters = Object.fromEntries(new URLSearchParams(/\?([^#]*)/.exec(request.url)?.[1]))
      if (openId === undefined) return Answers.statusLine(404)
      const location = yield* Ref.modify(
        state,
        OpenId.authorize(openId, parameters, yield* person, defaultUser)
      )
      return location === undefined
        ? Answers.page(400, "invalid_request")
        : Option.match(location, { onNone: () => Answers.page(200, "Log in"), onSome: Answers.redirect })
    })

  const open: Readonly<Record<string, OpenRoute>> = {
    "/auth": [["GET"], ({ headers }) => Effect.succeed(Answers.auth(headers, authInfo(settings)))],
    "/auth/authorize": [["GET", "POST"], authorize],
    "/auth/actions/login": [["POST"], login],
    "/.well-known/oauth-authorization-server": [
      ["GET"],
      ({ headers }) => Effect.succeed(Answers.json(Login.metadata(`http://${headers.host}${contextPath}`)))
    ]
  }

  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const full = request.url.replace(/[?#].*$/, "")
    const path = full.startsWith(`${contextPath}/`) ? full.slice(contextPath.length) : ""
    if (path === "/auth/token") {
      return token(request)
    }
    if (path === "/api/websocket" && request.method === "GET") {
      return webSocket(request)
    }
    if (/^\/api(\/|$)/.test(path)) {
      return api(request, path)
    }
    if (path === "/auth/spnego") {
      return spnego(request)
    }
    if (full === "/idp/authorize") {
      return provider(request)
    }
    return Option.match(Record.get(open, path), {
      onNone: () => Effect.succeed(Answers.statusLine(404)),
      onSome: ([methods, route]) =>
        methods.includes(request.method) ? route(request) : Effect.succeed(Answers.statusLine(405))
    })
  })
}

/** A route that needs no credentials, and its methods. */
type OpenRoute = readonly [
  methods: ReadonlyArray<string>,
  route: (request: HttpServerRequest.HttpServerRequest) => Effect.Effect<HttpServerResponse.HttpServerResponse>
]

const presentedBy = ({ cookies, headers }: HttpServerRequest.HttpServerRequest): Api.Presented => ({
  authorization: headers.authorization,
  apiKey: headers["x-api-key"],
  cookies
})

const textOf = (request: HttpServerRequest.HttpServerRequest) => Effect.orElseSucceed(request.text, () => "")

const isForm = ({ headers }: HttpServerRequest.HttpServerRequest): boolean =>
  headers["content-type"] === Tokens.formType

/** `AuthInfo`, without what it is not. */
const authInfo = ({ guest, openId, spnego }: State.Settings) =>
  Protobuf.message({
    requireAuthentication: [1, guest === undefined],
    spnego: [2, spnego ? true : undefined],
    openid: [
      3,
      openId === undefined ? undefined : Protobuf.message({
        clientId: [1, openId.clientId],
        authorizationEndpoint: [2, openId.authorizationEndpoint],
        scope: [3, openId.scope]
      })
    ]
  })

const tokenMessage = (settings: State.Settings, token: Tokens.TokenResponse): Protobuf.Message =>
  Protobuf.message({
    access_token: [1, token.access_token],
    token_type: [2, token.token_type],
    expires_in: [3, token.expires_in],
    refresh_token: [4, token.refresh_token],
    user: [5, Api.userMessage(settings, token.user)]
  })

const apiAnswer = ({ headers }: HttpServerRequest.HttpServerRequest, answer: Api.Answer, wrapErrors: boolean) => {
  switch (answer._tag) {
    case "Result":
      return Answers.result(headers, answer.message)
    case "Problem":
      return Answers.problem(headers, answer.status, answer.message, wrapErrors)
    case "Empty":
      return Answers.empty
    case "StatusLine":
      return Answers.statusLine(answer.status)
  }
}
