import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import { PendingAuthorization } from "@effect-auth/oauth/AuthorizationRequest"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as Device from "@effect-auth/oauth/Device"
import * as IdToken from "@effect-auth/oauth/IdToken"
import * as Registration from "@effect-auth/oauth/Registration"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import * as Desktop from "./fixtures/desktop.ts"
import * as OidcProvider from "./fixtures/oidcProvider.ts"
import * as Person from "./fixtures/person.ts"
import * as Wire from "./fixtures/wire.ts"

class Api extends Context.Tag("@effect-auth/oauth/integration/Api")<Api, AuthenticatedHttpClient.Service>() {}

class Server extends Context.Tag("@effect-auth/oauth/integration/OidcProvider")<
  Server,
  OidcProvider.OidcProvider
>() {}

const { person } = OidcProvider.clients
const scope = ["openid", "api:read"]

const me = Effect.flatMap(Api, (http) => Effect.flatMap(http.get(""), ({ json }) => json))

type Services = HttpClient.HttpClient | AuthorizationCode.Person

/** Runs a program in a mode at a desktop of its own, and says which token requests there were. */
const through = <A, E, E2>(
  program: Effect.Effect<A, E, Api | Server | Desktop.Desktop>,
  mode: (server: OidcProvider.OidcProvider) => Layer.Layer<Api, E2, Services>
) =>
  Effect.gen(function*() {
    const server = yield* Server
    const before = server.exchanges.length
    const exit = yield* Effect.exit(Effect.provide(program, Layer.provideMerge(mode(server), Desktop.layer)))
    return { exit, exchanges: server.exchanges.slice(before) }
  })

const code =
  (options: Partial<Parameters<typeof AuthorizationCode.layer<Api>>[0]> = {}) =>
  ({ api, issuer }: OidcProvider.OidcProvider) =>
    AuthorizationCode.layer({
      client: Api,
      baseUrl: api,
      server: issuer,
      credential: { clientId: person.id },
      scope,
      ...options
    })

const device = ({ api, issuer }: OidcProvider.OidcProvider) =>
  Device.layer({
    client: Api,
    baseUrl: api,
    server: issuer,
    credential: { clientId: person.id },
    scope: [...scope, "offline_access"],
    parameters: { prompt: "consent" }
  })

/** What an error says of a refusal. */
const said = (error: object) => ["_tag", "status", "code"].map((name) => Reflect.get(error, name) as unknown)

const grantsOf = (exchanges: ReadonlyArray<Wire.Exchange>) =>
  exchanges.map((exchange) => [Wire.parameter(exchange, "grant_type"), exchange.status])

const asked = Effect.flatMap(Desktop.Desktop, ({ asked }) => asked)

const served = Layer.merge(Layer.scoped(Server, OidcProvider.start()), NodeHttpClient.layerUndici)

layer(served, { excludeTestServices: true })("OAuth at oidc-provider: a person at a browser", (it) => {
  it.effect("AC1 AC2 AC5 AC6 AC7 AC9 AC17 LB1 LB4 RF1 logs in at a port that is free, and refreshes from then on without the person", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const { exchanges, exit } = yield* through(
        Effect.all([me, server.endLatestToken, me, asked, Effect.flatMap(Desktop.Desktop, ({ page }) => page)]),
        code()
      )
      const [first, , second, pages, page] = yield* exit
      assert.deepInclude(first, { client: person.id, scope: "openid api:read offline_access" })
      assert.deepInclude(second, { client: person.id })
      assert.deepStrictEqual(grantsOf(exchanges), [["authorization_code", 200], ["refresh_token", 200]])
      assert.strictEqual(pages.length, 1)
      assert.strictEqual(page.status, 200)
      assert.include(page.html, "history.replaceState")
      assert.notInclude(page.html, page.url.searchParams.get("code") ?? "")
      const query = new URL(pages[0] ?? "").searchParams
      const verifier = Wire.parameter(exchanges[0]!, "code_verifier") ?? ""
      assert.strictEqual(query.get("code_challenge"), createHash("sha256").update(verifier).digest("base64url"))
      assert.match(verifier, /^[\w-]{43}$/u)
      assert.strictEqual(query.get("redirect_uri"), Wire.parameter(exchanges[0]!, "redirect_uri"))
    }))

  it.effect("AC14 logs in by a request that was pushed, of which the browser shows nothing", () =>
    Effect.gen(function*() {
      const { exit } = yield* through(Effect.all([me, asked]), code({ pushed: true }))
      const [answer, pages] = yield* exit
      assert.deepInclude(answer, { client: person.id, scope: "openid api:read offline_access" })
      assert.deepStrictEqual([...new URL(pages[0] ?? "").searchParams.keys()], ["client_id", "request_uri"])
    }))

  it.effect("AC10 fails at once where the person cancels, and redeems nothing", () =>
    Effect.gen(function*() {
      const { exchanges, exit } = yield* through(
        Effect.gen(function*() {
          yield* (yield* Desktop.Desktop).behave({ denies: true })
          const errors = [yield* Effect.flip(me), yield* Effect.flip(me)]
          return { errors, pages: yield* asked }
        }),
        code()
      )
      const { errors, pages } = yield* exit
      for (const error of errors) {
        assert.deepStrictEqual(said(error), ["CredentialsRejected", undefined, "access_denied"])
      }
      assert.strictEqual(pages.length, 1)
      assert.deepStrictEqual(exchanges, [])
    }))

  it.effect("ER5 AC10 AC13 says that a person has to act, where nobody is logged in and nobody may be asked to", () =>
    Effect.gen(function*() {
      const { exit } = yield* through(me, code({ parameters: { prompt: "none" }, offlineAccess: false }))
      assert.deepStrictEqual(said(yield* Effect.flip(exit)), ["InteractionRequired", undefined, "login_required"])
    }))

  it.effect("AC15 sends a code once, also where the answer is lost", () =>
    Effect.gen(function*() {
      const { inFront } = yield* Server
      inFront.answer = (response) => response.socket?.destroy()
      const { exchanges, exit } = yield* through(me, code()).pipe(
        Effect.ensuring(Effect.sync(() => {
          inFront.answer = undefined
        }))
      )
      assert.strictEqual((yield* Effect.flip(exit))._tag, "TokenEndpointError")
      assert.strictEqual(exchanges.length, 1)
    }))

  it.effect("RV1 ends the session with its scope", () =>
    Effect.gen(function*() {
      const { seen } = yield* Server
      const before = seen.revocations.length
      const { exit } = yield* through(me, code())
      yield* exit
      assert.deepStrictEqual(seen.revocations.slice(before), [200])
    }))

  it.scoped("AC5 AC9 AC16 TR15 RF2 serves a user of a web application who has logged in elsewhere, and does not take a redirect twice", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const before = server.exchanges.length
      const store = yield* TokenStore.makeMemory
      const options = {
        baseUrl: server.api,
        server: server.issuer,
        credential: { clientId: person.id },
        scope,
        account: "alice",
        store,
        redirectUri: person.redirectUri
      }
      const { pending, url } = yield* AuthorizationCode.begin(options)
      const redirect = yield* Person.logIn(url, person.redirectUri)
      // another instance reads what this one has stored
      const stored = yield* Schema.decode(PendingAuthorization)(yield* Schema.encode(PendingAuthorization)(pending))
      const { idToken = Redacted.make("none") } = yield* AuthorizationCode.complete(options, stored, redirect)
      const { sub } = yield* IdToken.verify(idToken, {
        mode: "Test",
        issuer: server.issuer,
        clientId: person.id,
        nonce: stored.nonce,
        keys: `${server.issuer}/jwks`
      })
      assert.strictEqual(sub, "alice")
      const tokens = yield* AuthorizationCode.makeSession(options)
      const token = yield* tokens.get
      assert.isDefined(token.refreshToken)
      const again = yield* Effect.flip(AuthorizationCode.complete({ ...options, account: "mallory" }, stored, redirect))
      assert.deepStrictEqual(said(again), ["CredentialsRejected", 400, "invalid_grant"])
      assert.deepStrictEqual(grantsOf(server.exchanges.slice(before)), [
        ["authorization_code", 200],
        ["authorization_code", 400]
      ])
    }))

  /** The one algorithm that this server has a key for. */
  const signedBy = { id_token_signed_response_alg: "ES256" }

  it.effect("RG1 RG2 logs a person in at a client that it has registered", () =>
    Effect.gen(function*() {
      const { issuer } = yield* Server
      const server = yield* AuthorizationServer.discover(issuer, { mode: "Test" })
      const client = yield* Registration.register(server, {
        redirectUris: ["http://127.0.0.1/callback"],
        members: signedBy
      }, {
        mode: "Test"
      })
      const { exit } = yield* through(me, code({ credential: { clientId: client.clientId } }))
      assert.deepInclude(yield* exit, { client: client.clientId })
    }))

  it.effect("RG4 says that the server does not register a redirect URI with a fragment", () =>
    Effect.gen(function*() {
      const { issuer } = yield* Server
      const server = yield* AuthorizationServer.discover(issuer, { mode: "Test" })
      const error = yield* Effect.flip(
        Registration.register(server, { redirectUris: ["https://app.example/callback#part"], members: signedBy }, {
          mode: "Test"
        })
      )
      assert.deepStrictEqual(Registration.refusal(error), Option.some("InvalidRedirectUri"))
    }))

  it.effect("AC5 AC8 takes no redirect with another state, and sends nothing for it", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const before = server.exchanges.length
      const options = {
        baseUrl: server.api,
        server: server.issuer,
        credential: { clientId: person.id },
        scope,
        redirectUri: person.redirectUri
      }
      const [first, second] = yield* Effect.all([AuthorizationCode.begin(options), AuthorizationCode.begin(options)])
      const redirect = yield* Person.logIn(first.url, person.redirectUri)
      const error = yield* Effect.flip(AuthorizationCode.complete(options, second.pending, redirect))
      assert.strictEqual(error._tag, "MalformedTokenResponse")
      assert.notInclude(String(error), Redacted.value(first.pending.state))
      assert.strictEqual(server.exchanges.length, before)
    }))
})

layer(served, { excludeTestServices: true })("OAuth at oidc-provider: a person at another device", (it) => {
  it.effect("DV1 DV2 DV3 DV4 DV6 waits until the code was entered, five seconds at a time as the server states no interval", () =>
    Effect.gen(function*() {
      const started = yield* Clock.currentTimeMillis
      const { exchanges, exit } = yield* through(Effect.zip(me, asked), device)
      const [answer, pages] = yield* exit
      assert.deepInclude(answer, { client: person.id })
      assert.strictEqual(pages.length, 1)
      assert.isAtLeast((yield* Clock.currentTimeMillis) - started, 5000)
      const grant = "urn:ietf:params:oauth:grant-type:device_code"
      assert.deepStrictEqual(grantsOf(exchanges).at(-1), [grant, 200])
      assert.isAtMost(exchanges.length, 3)
    }))

  it.effect("DV7 fails with what the person decided: access_denied", () =>
    Effect.gen(function*() {
      const { exit } = yield* through(
        Effect.gen(function*() {
          yield* (yield* Desktop.Desktop).behave({ denies: true })
          return yield* Effect.flip(me)
        }),
        device
      )
      assert.deepStrictEqual(said(yield* exit), ["CredentialsRejected", 400, "access_denied"])
    }))

  it.effect("DV9 asks no more once its program has ended", () =>
    Effect.gen(function*() {
      const server = yield* Server
      const fiber = yield* Effect.fork(through(
        Effect.gen(function*() {
          // looks at the page, and goes away
          yield* (yield* Desktop.Desktop).behave({ types: { user_code: "", device_user_code: "" } })
          return yield* me
        }),
        device
      ))
      yield* Effect.sleep("1 second")
      yield* Fiber.interrupt(fiber)
      const before = server.exchanges.length
      yield* Effect.sleep("5 seconds")
      assert.strictEqual(server.exchanges.length, before)
    }))
})
