/**
 * A fake OAuth 2 authorization server (RFC 6749), with an API that its tokens open: every grant, a person who agrees or
 * denies, lifetimes, rotation of refresh tokens and the detection of those that come back, revocation, and answers on
 * demand. It takes the time from the Clock. `FakePerson` is the person's side of a login.
 *
 * @since 0.1.0
 */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as FakeServer from "./FakeServer.ts"
import * as Logins from "./internal/oauthLogins.ts"
import type { Decision } from "./internal/oauthPerson.ts"
import * as Tokens from "./internal/oauthTokens.ts"
import type { Principal, Stats } from "./internal/oauthTokens.ts"

export type {
  /**
   * @since 0.1.0
   * @category models
   */
  Decision,
  Principal,
  Stats
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * Clients: id to secret, which is empty for public ones. An assertion is good in place of a secret, whoever signed it.
   * Default: those of {@link canaries}.
   */
  readonly clients?: Readonly<Record<string, string>> | undefined
  /** Users of the password grant: name to password. Default: that of {@link canaries}. */
  readonly users?: Readonly<Record<string, string>> | undefined
  /** Lifetime of an access token, in whole seconds. Default: 1 hour. */
  readonly tokenLifetime?: Duration.DurationInput | undefined
  /** Lifetime of a refresh token. Default: 30 days. */
  readonly refreshLifetime?: Duration.DurationInput | undefined
  /** Whether the grant of a user comes with a refresh token. Default: yes. */
  readonly refreshTokens?: boolean | undefined
  /** Whether a refresh replaces the refresh token, which is good once then. Default: `always`. */
  readonly rotation?: "always" | "never" | undefined
  /** Whether a redeemed refresh token that comes back ends its session (RFC 9700 section 4.14.2). Default: yes. */
  readonly reuseDetection?: boolean | undefined
  /** How long a redeemed refresh token is good once more, for a client that got no answer. Default: no time. */
  readonly grace?: Duration.DurationInput | undefined
  /** What a person does who is asked to log in. Default: agrees, as the user of {@link canaries}. */
  readonly person?: Decision | undefined
  /** Where a login may end, but for the port of a loopback address. Default: anywhere. */
  readonly redirectUris?: ReadonlyArray<string> | undefined
  /** How long a person may take to enter a code. Default: 15 minutes. */
  readonly deviceLifetime?: Duration.DurationInput | undefined
  /** How long a device has to wait from one question to the next, in whole seconds. Default: 5 seconds. */
  readonly pollInterval?: Duration.DurationInput | undefined
  /** Further members of every token response, such as `{ instance_url: "https://eu.api.example" }`. Default: none. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  /** Where a browser is sent. Default: `/authorize`. */
  readonly authorizationPath?: string | undefined
  /** RFC 8628. Default: `/device_authorization`. */
  readonly deviceAuthorizationPath?: string | undefined
  /** Default: `/token`. */
  readonly tokenPath?: string | undefined
  /** RFC 7009. Default: `/revoke`. */
  readonly revocationPath?: string | undefined
  /**
   * Its name in redirects (RFC 9207) and in the metadata (RFC 8414), which it serves at `/.well-known/oauth-authorization-server` and
   * `/.well-known/openid-configuration`. Default: the origin at which it is asked, with the path of an issuer that is asked
   * for. `false`: it has no metadata.
   */
  readonly issuer?: string | false | undefined
  /** What answers calls with a good token, on all other paths. Default: says whom the token stands for, in JSON. */
  readonly api?: ((principal: Principal) => HttpApp.Default) | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service extends FakeServer.Service {
  readonly stats: Effect.Effect<Stats>
  /**
   * Answers of the token endpoint, in place of its own, to the next requests in order. They leave its sessions as they
   * are.
   */
  readonly answerNext: (...answers: ReadonlyArray<HttpServerResponse.HttpServerResponse>) => Effect.Effect<void>
  /**
   * The tokens of a new session, without a login: for a client that begins with a refresh token. Default: the user and the
   * client of {@link canaries}.
   */
  readonly issue: (
    options?: {
      readonly user?: string | undefined
      readonly client?: string | undefined
      readonly scope?: string | undefined
    }
  ) => Effect.Effect<{ readonly accessToken: Redacted.Redacted; readonly refreshToken: Redacted.Redacted }>
  /** From now on this is what a person does who is asked to log in. */
  readonly person: (decision: Decision) => Effect.Effect<void>
  /**
   * A person enters the code that a device shows, and decides (default: as in {@link person}). Dies if nothing waits for
   * that code.
   */
  readonly enterCode: (userCode: string, decision?: Decision) => Effect.Effect<void>
  /** Makes the API refuse every access token issued so far. A refresh gives a good one. */
  readonly revokeAll: Effect.Effect<void>
  /** Ends every session: their refresh tokens are refused with `invalid_grant`. */
  readonly endSessions: Effect.Effect<void>
  /** From now on this is the user's password. Sessions live on. */
  readonly changePassword: (username: string, password: string) => Effect.Effect<void>
  /** From now on this is the client's secret. */
  readonly changeSecret: (client: string, secret: string) => Effect.Effect<void>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class FakeOAuth extends Context.Tag("@effect-auth/testing/FakeOAuth")<FakeOAuth, Service>() {}

/**
 * @since 0.1.0
 * @category persons
 */
export const agrees = (options: { readonly user?: string; readonly scope?: string } = {}): Decision => ({
  _tag: "Agrees",
  ...options
})

/**
 * @since 0.1.0
 * @category persons
 */
export const denies: Decision = { _tag: "Denies" }

/**
 * The login stays open.
 *
 * @since 0.1.0
 * @category persons
 */
export const ignores: Decision = { _tag: "Ignores" }

/**
 * The default clients and user. The secrets are canaries, for tests that search logs for them.
 *
 * @since 0.1.0
 * @category constants
 */
export const canaries: {
  readonly clientId: string
  readonly clientSecret: string
  /** A client without a secret, such as one on a person's own machine. */
  readonly publicClientId: string
  readonly username: string
  readonly password: string
} = {
  clientId: "reporting",
  // differs from its form-encoded text, which RFC 6749 section 2.3.1 asks for
  clientSecret: "canary client+secret%oauth",
  publicClientId: "acme-cli",
  username: "ada",
  password: "canary-password-oauth"
}

/**
 * A fake server in memory. `FakeServer.serve` puts its `app` on a socket.
 *
 * @example
 * ```ts
 * import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
 * import * as Fault from "@effect-auth/testing/Fault"
 * import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
 * import * as Effect from "effect/Effect"
 *
 * const test = Effect.gen(function*() {
 *   const server = yield* FakeOAuth.make({ tokenLifetime: "5 minutes" })
 *   yield* server.answerNext(HttpServerResponse.text("<html>maintenance</html>", { status: 503 }))
 *   yield* server.inject(Fault.reset, { on: "POST /token" })
 *   yield* server.revokeAll
 *   return yield* server.stats
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<Service> =>
  Effect.gen(function*() {
    const { clientId, clientSecret, password, publicClientId, username } = canaries
    const state = yield* Ref.make(
      Tokens.initial(
        options.clients ?? { [clientId]: clientSecret, [publicClientId]: "" },
        options.users ?? { [username]: password }
      )
    )
    const person = yield* Ref.make(options.person ?? agrees())
    const scripted = yield* Ref.make<ReadonlyArray<HttpServerResponse.HttpServerResponse>>([])
    const settings = settingsOf(options)
    const server = yield* FakeServer.make(makeApp(options, settings, state, scripted, person))
    return {
      ...server,
      stats: Effect.map(Ref.get(state), ({ stats }) => stats),
      answerNext: (...answers) => Ref.update(scripted, (before) => [...before, ...answers]),
      issue: ({ client = clientId, scope, user = username } = {}) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) =>
          Effect.map(Ref.modify(state, Tokens.begin(settings, { client, scope, user }, now)), (tokens) => ({
            accessToken: Redacted.make(tokens.accessToken),
            refreshToken: Redacted.make(tokens.refreshToken)
          }))),
      person: (decision) =>
        Ref.set(person, decision),
      enterCode: (userCode, decision) =>
        Effect.gen(function*() {
          const now = yield* Clock.currentTimeMillis
          const decided = decision ?? (yield* Ref.get(person))
          if (!(yield* Ref.modify(state, Logins.enterCode(userCode, decided, now)))) {
            return yield* Effect.dieMessage("FakeOAuth.enterCode: nothing waits for this code")
          }
        }),
      revokeAll: Ref.update(state, Tokens.revokeAccess),
      endSessions: Ref.update(state, Tokens.endSessions),
      changePassword: (username, password) =>
        Ref.update(state, Tokens.setSecret("users", username, password)),
      changeSecret: (client, secret) => Ref.update(state, Tokens.setSecret("clients", client, secret))
    }
  })

/**
 * A fake server, and the client that reaches it in memory, in place of a real transport. Each call gives another server.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options?: Options): Layer.Layer<FakeOAuth | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (fake) =>
      Context.make(FakeOAuth, fake).pipe(Context.add(HttpClient.HttpClient, fake.httpClient)))
  )

type Settings = Tokens.Settings & Logins.LoginSettings

const settingsOf = (options: Options): Settings => ({
  defaultUser: canaries.username,
  redirectUris: options.redirectUris,
  deviceLifetime: Duration.toMillis(options.deviceLifetime ?? "15 minutes"),
  pollInterval: Duration.toMillis(options.pollInterval ?? "5 seconds"),
  tokenLifetime: Duration.toMillis(options.tokenLifetime ?? "1 hour"),
  refreshLifetime: Duration.toMillis(options.refreshLifetime ?? "30 days"),
  rotation: options.rotation ?? "always",
  reuseDetection: options.reuseDetection ?? true,
  grace: Duration.toMillis(options.grace ?? 0),
  refreshTokens: options.refreshTokens ?? true
})

const makeApp = (
  {
    api = whoAmI,
    authorizationPath = "/authorize",
    deviceAuthorizationPath = "/device_authorization",
    issuer,
    members,
    revocationPath = "/revoke",
    tokenPath = "/token"
  }: Options,
  settings: Settings,
  state: Ref.Ref<Tokens.State>,
  scripted: Ref.Ref<ReadonlyArray<HttpServerResponse.HttpServerResponse>>,
  person: Ref.Ref<Decision>
): HttpApp.Default => {
  const token = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const form = yield* formOf(request)
      const now = yield* Clock.currentTimeMillis
      const [answer] = yield* Ref.getAndUpdate(scripted, (answers) => answers.slice(1))
      if (answer !== undefined) {
        yield* Ref.update(state, (state) => Tokens.count(state, "attempts"))
        return answer
      }
      const outcome = form === undefined
        ? invalidRequest
        : yield* Ref.modify(
          state,
          Logins.receive(settings, clientOf(request, form), form, yield* challengeOf(form), now)
        )
      return outcome._tag === "Granted"
        ? unstored({ ...members, ...outcome.token }, 200)
        : refusal(outcome.refusal)
    })

  const authorize = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const decision = yield* Ref.get(person)
      const { origin, pathname, searchParams } = urlOf(request)
      const own = issuer || `${origin}${pathname.slice(authorizationPath.length)}`
      const page = yield* Ref.modify(state, Logins.authorize(settings, decision, own, searchParams, now))
      switch (page._tag) {
        case "Redirect":
          return HttpServerResponse.empty({ status: 302, headers: { location: page.to, "cache-control": "no-store" } })
        case "Login":
          return HttpServerResponse.text("Log in to Acme")
        case "Error":
          return HttpServerResponse.text(page.text, { status: 400 })
      }
    })

  const authorizeDevice = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const form = (yield* formOf(request)) ?? {}
      const now = yield* Clock.currentTimeMillis
      const answer = yield* Ref.modify(state, Logins.authorizeDevice(settings, clientOf(request, form), form, now))
      if ("error" in answer) return refusal(answer)
      const page = `${urlOf(request).origin}/device`
      return unstored({
        ...answer,
        verification_uri: page,
        verification_uri_complete: `${page}?user_code=${answer.user_code}`
      }, 200)
    })

  const revoke = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const form = (yield* formOf(request)) ?? {}
      const now = yield* Clock.currentTimeMillis
      const isClient = yield* Ref.modify(state, Tokens.revoke(clientOf(request, form), form["token"] ?? "", now))
      return isClient ? HttpServerResponse.empty({ status: 200 }) : refusal({ status: 401, error: "invalid_client" })
    })

  const resource = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const now = yield* Clock.currentTimeMillis
      const token = /^Bearer +(.+)$/iu.exec(request.headers["authorization"] ?? "")?.[1]
      const principal = token === undefined ? undefined : Tokens.authenticate(yield* Ref.get(state), token, now)
      yield* Ref.update(state, (state) => Tokens.count(state, principal === undefined ? "refused" : "requests"))
      // RFC 6750 section 3: no error code where there were no credentials
      const challenge = token === undefined ? "Bearer" : `Bearer error="invalid_token"`
      return principal === undefined
        ? HttpServerResponse.empty({ status: 401, headers: { "www-authenticate": challenge } })
        : yield* api(principal)
    })

  const metadata = ({ origin, pathname }: URL, name: string): HttpServerResponse.HttpServerResponse => {
    // the well-known part is before the path of an issuer (RFC 8414 section 3.1)
    const path = pathname.slice(name.length)
    return HttpServerResponse.unsafeJson({
      issuer: issuer || `${origin}${path}`,
      // with the path, by which it knows later whose name to state
      authorization_endpoint: `${origin}${authorizationPath}${path}`,
      device_authorization_endpoint: `${origin}${deviceAuthorizationPath}`,
      token_endpoint: `${origin}${tokenPath}`,
      revocation_endpoint: `${origin}${revocationPath}`,
      token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
      grant_types_supported: ["client_credentials", "password", "refresh_token", ...Logins.grantTypes],
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true
    })
  }

  const endpoints = new Map([
    [tokenPath, { method: "POST", answer: token }],
    [revocationPath, { method: "POST", answer: revoke }],
    [deviceAuthorizationPath, { method: "POST", answer: authorizeDevice }],
    [authorizationPath, { method: "GET", answer: authorize }]
  ])

  return Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const url = urlOf(request)
    const { pathname } = url
    const document = wellKnown.find((name) => pathname === name || pathname.startsWith(`${name}/`))
    if (document !== undefined) {
      return Effect.succeed(
        issuer === false
          ? HttpServerResponse.empty({ status: 404 })
          : request.method === "GET"
          ? metadata(url, document)
          : HttpServerResponse.empty({ status: 405, headers: { allow: "GET" } })
      )
    }
    const endpoint = endpoints.get(pathname.startsWith(`${authorizationPath}/`) ? authorizationPath : pathname)
    if (endpoint === undefined) return resource(request)
    return request.method === endpoint.method
      ? endpoint.answer(request)
      : Effect.succeed(HttpServerResponse.empty({ status: 405, headers: { allow: endpoint.method } }))
  })
}

const wellKnown = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]

/** In memory a request has the URL of its client; on a socket it has a path, and a host whose scheme is that of loopback. */
const urlOf = (request: HttpServerRequest.HttpServerRequest): URL => {
  const { source } = request
  const url = source instanceof Request ? source.url : request.url
  return new URL(url, `http://${request.headers["host"] ?? "fake.example"}`)
}

const whoAmI = ({ client, scope, user }: Principal): HttpApp.Default =>
  Effect.succeed(HttpServerResponse.unsafeJson({ client, user: user ?? null, scope: scope ?? null }))

const invalidRequest: Tokens.Outcome = { _tag: "Refused", refusal: { status: 400, error: "invalid_request" } }

/** RFC 6749 section 5.1. */
const unstored = (body: unknown, status: number): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson(body, { status, headers: { "cache-control": "no-store" } })

const refusal = ({ error, status }: Tokens.Refusal): HttpServerResponse.HttpServerResponse =>
  status === 401
    ? HttpServerResponse.setHeader(unstored({ error }, status), "www-authenticate", "Basic realm=\"oauth\"")
    : unstored({ error }, status)

/** A body that is no form, or that repeats a parameter, is `invalid_request` (RFC 6749 section 3.2). */
const formOf = (request: HttpServerRequest.HttpServerRequest): Effect.Effect<Tokens.Form | undefined> =>
  Effect.map(Effect.orElseSucceed(request.text, () => ""), (text) => {
    const isForm = request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") === true
    const parameters = [...new URLSearchParams(text)]
    return isForm && new Set(parameters.map(([name]) => name)).size === parameters.length
      ? Object.fromEntries(parameters)
      : undefined
  })

/** RFC 7636 section 4.6. */
const challengeOf = ({ code_verifier: verifier }: Tokens.Form): Effect.Effect<string | undefined> =>
  verifier === undefined ? Effect.succeed(undefined) : Effect.map(
    Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))),
    (digest) => Encoding.encodeBase64Url(new Uint8Array(digest))
  )

/** Basic credentials, whose parts are form-encoded, or else those in the form (RFC 6749 section 2.3.1). */
const clientOf = (
  request: HttpServerRequest.HttpServerRequest,
  form: Tokens.Form
): Tokens.ClientCredentials | undefined => {
  const basic = /^Basic +(.+)$/iu.exec(request.headers["authorization"] ?? "")?.[1]
  if (basic !== undefined) {
    const [id, secret] = Either.getOrElse(Encoding.decodeBase64String(basic), () => "").split(":").map(formDecoded)
    return id === undefined ? undefined : { id, secret }
  }
  const { client_assertion, client_id, client_secret } = form
  return client_id === undefined ? undefined : { id: client_id, secret: client_secret, assertion: client_assertion }
}

const formDecoded = (text: string): string => new URLSearchParams(`_=${text.replaceAll("&", "%26")}`).get("_") ?? ""
