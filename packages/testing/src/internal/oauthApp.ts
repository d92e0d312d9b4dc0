/** The fake of an OAuth server as an app: which path is answered by what, and how. The rules are those of its siblings. */
import type * as HttpApp from "@effect/platform/HttpApp"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import * as Logins from "./oauthLogins.ts"
import type { Decision } from "./oauthPerson.ts"
import * as Proofs from "./oauthProofs.ts"
import { challengeOf, clientOf, formOf, urlOf } from "./oauthRequest.ts"
import type { Principal } from "./oauthTokens.ts"
import * as Tokens from "./oauthTokens.ts"

export interface Settings extends Tokens.Settings, Logins.LoginSettings {
  readonly nonces: boolean
}

/** What is where, and says what; the options of the same names explain it. */
interface Interface {
  readonly authorizationPath?: string | undefined
  readonly deviceAuthorizationPath?: string | undefined
  readonly tokenPath?: string | undefined
  readonly revocationPath?: string | undefined
  readonly issuer?: string | false | undefined
  readonly members?: Readonly<Record<string, unknown>> | undefined
  readonly api?: ((principal: Principal) => HttpApp.Default) | undefined
}

/** What is behind the app. */
interface Server {
  readonly settings: Settings
  readonly state: Ref.Ref<Tokens.State>
  /** Answers of the token endpoint in place of its own. */
  readonly scripted: Ref.Ref<ReadonlyArray<HttpServerResponse.HttpServerResponse>>
  /** What a person does who is asked to log in. */
  readonly person: Ref.Ref<Decision>
}

export const make = (
  {
    api = whoAmI,
    authorizationPath = "/authorize",
    deviceAuthorizationPath = "/device_authorization",
    issuer,
    members,
    revocationPath = "/revoke",
    tokenPath = "/token"
  }: Interface,
  { person, scripted, settings, state }: Server
): HttpApp.Default => {
  const nonceAt = (now: number) => settings.nonces ? `nonce-${Math.floor(now / nonceLifetime)}` : undefined

  /** Each is good once. */
  const proofOf = (request: HttpServerRequest.HttpServerRequest, now: number, token?: string) =>
    Effect.flatMap(Proofs.read(request, { now, nonce: nonceAt(now), token }), (proof) =>
      proof._tag !== "Good"
        ? Effect.succeed(proof)
        : Effect.map(Ref.modify(state, Tokens.spend(proof.id)), (isFirst) => isFirst ? proof : Proofs.bad))

  /** RFC 9449 section 8.2: with the nonce of the next proof. */
  const withNonce = (answer: HttpServerResponse.HttpServerResponse, now: number) => {
    const nonce = nonceAt(now)
    return nonce === undefined ? answer : HttpServerResponse.setHeader(answer, "dpop-nonce", nonce)
  }

  const token = (request: HttpServerRequest.HttpServerRequest) =>
    Effect.gen(function*() {
      const form = yield* formOf(request)
      const now = yield* Clock.currentTimeMillis
      const [answer] = yield* Ref.getAndUpdate(scripted, (answers) => answers.slice(1))
      if (answer !== undefined) {
        yield* Ref.update(state, (state) => Tokens.count(state, "attempts"))
        return answer
      }
      if (form === undefined) return refusal({ status: 400, error: "invalid_request" })
      const proof = yield* proofOf(request, now)
      if (proof._tag === "Bad") {
        yield* Ref.update(state, (state) => Tokens.count(state, "attempts"))
        return withNonce(refusal({ status: 400, error: proof.error }), now)
      }
      const client = clientOf(request, form)
      const proved = { challenge: yield* challengeOf(form), key: Proofs.keyOf(proof) }
      const outcome = yield* Ref.modify(
        state,
        Tokens.bound(client, form, proved.key, Logins.receive(settings, client, form, proved, now))
      )
      return withNonce(
        outcome._tag === "Granted" ? unstored({ ...members, ...outcome.token }, 200) : refusal(outcome.refusal),
        now
      )
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
      const [, scheme = "Bearer", token] = /^(Bearer|DPoP) +(.+)$/iu.exec(request.headers["authorization"] ?? "") ?? []
      const isProved = scheme.toLowerCase() === "dpop"
      const proof = isProved ? yield* proofOf(request, now, token) : Proofs.none
      const tokens = yield* Ref.get(state)
      const isOwn = token !== undefined && Tokens.keyOf(tokens, token) === Proofs.keyOf(proof)
      const principal = isOwn && isProved === (proof._tag === "Good")
        ? Tokens.authenticate(tokens, token, now)
        : undefined
      yield* Ref.update(state, (state) => Tokens.count(state, principal === undefined ? "refused" : "requests"))
      if (principal !== undefined) return withNonce(yield* api(principal), now)
      const error = proof._tag === "Bad" ? proof.error : "invalid_token"
      // RFC 6750 section 3: no error code where there were no credentials
      const challenge = token === undefined ? "Bearer" : `${isProved ? "DPoP" : "Bearer"} error="${error}"`
      return withNonce(HttpServerResponse.empty({ status: 401, headers: { "www-authenticate": challenge } }), now)
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
      dpop_signing_alg_values_supported: Proofs.algorithms,
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

const whoAmI = ({ client, scope, user }: Principal): HttpApp.Default =>
  Effect.succeed(HttpServerResponse.unsafeJson({ client, user: user ?? null, scope: scope ?? null }))

/** In milliseconds. */
const nonceLifetime = 60_000

/** RFC 6749 section 5.1. */
const unstored = (body: unknown, status: number): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.unsafeJson(body, { status, headers: { "cache-control": "no-store" } })

const refusal = ({ error, status }: Tokens.Refusal): HttpServerResponse.HttpServerResponse =>
  status === 401
    ? HttpServerResponse.setHeader(unstored({ error }, status), "www-authenticate", "Basic realm=\"oauth\"")
    : unstored({ error }, status)
