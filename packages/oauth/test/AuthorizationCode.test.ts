import { TokenStoreError } from "@effect-auth/core/AuthError"
import type { Token } from "@effect-auth/core/Token"
import { MayInteract } from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { UnsecuredJWT } from "jose"
import { Acme, baseUrl, clientId, credential, forms, issuer, me, server } from "./fixtures.ts"
import { agrees, Person, person, redirectUri } from "./person.ts"

const authorizing = { ...server, authorizationEndpoint: `${issuer}/authorize` }
const options = { client: Acme, baseUrl, server: authorizing, credential: { clientId } }

/** A token endpoint that numbers its tokens and knows no session but the last, and an API that repeats what it was sent. */
const answering = (tokens: { readonly refresh: boolean } = { refresh: true }) =>
  ScriptedHttpClient.layer(({ body, headers, line }, earlier) => {
    if (!line.startsWith("POST")) return { json: headers["authorization"] ?? "" }
    const n = earlier.filter(({ line }) => line.startsWith("POST")).length
    const refresh = new URLSearchParams(body).get("refresh_token")
    return refresh === "canary-ended"
      ? { status: 400, json: { error: "invalid_grant" } }
      : {
        json: {
          access_token: `canary-${n}`,
          expires_in: 60,
          ...(tokens.refresh ? { refresh_token: n === 0 ? "canary-first" : "canary-ended" } : undefined)
        }
      }
  })

const session = { json: { access_token: "canary-1", expires_in: 60, refresh_token: "canary-refresh" } }
const unauthorized = (challenge: string) => ({ status: 401, headers: { "www-authenticate": `Bearer ${challenge}` } })

describe("AuthorizationCode.layer", () => {
  const live = Layer.provideMerge(AuthorizationCode.layer(options), Layer.merge(answering(), person))

  it.effect("AC6 AC15 LB2 sends a person to the server, redeems the code once, and stops listening", () =>
    Effect.gen(function*() {
      const { asked, open } = yield* Person
      assert.strictEqual(yield* me, "Bearer canary-0")
      assert.deepStrictEqual([yield* asked, yield* open], [1, 0])
      const [form] = (yield* forms).map(Object.fromEntries)
      assert.deepInclude(form, {
        grant_type: "authorization_code",
        code: "canary-code",
        redirect_uri: redirectUri,
        client_id: clientId
      })
      assert.match(form?.code_verifier ?? "", /^[A-Za-z0-9_-]{43}$/u)
    }).pipe(Effect.provide(live)))

  it.effect("RF1 refreshes without a person, and asks one again when the server has ended the session", () =>
    Effect.gen(function*() {
      const { asked } = yield* Person
      yield* me
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* me, "Bearer canary-1")
      assert.strictEqual(yield* asked, 1)
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* me, "Bearer canary-3")
      assert.strictEqual(yield* asked, 2)
    }).pipe(Effect.provide(live)))

  it.effect("RF1 RF8 refreshes for the same resource, and for no scope, so that none of it is given up", () =>
    Effect.gen(function*() {
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      assert.deepStrictEqual((yield* forms)[1], [
        ["grant_type", "refresh_token"],
        ["refresh_token", "canary-first"],
        ["resource", "https://api.acme.example/reports"],
        ["audience", "reports"],
        ["client_id", clientId]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      AuthorizationCode.layer({
        ...options,
        scope: ["read", "write"],
        resource: "https://api.acme.example/reports",
        parameters: { audience: "reports" }
      }),
      Layer.merge(answering(), person)
    ))))

  it.effect("LB8 asks one person once, however many calls need the login", () =>
    Effect.gen(function*() {
      const { asked } = yield* Person
      yield* Effect.all(Array.from({ length: 50 }, () => me), { concurrency: "unbounded" })
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(live)))

  it.effect("AC10 fails at once where the person denies, and asks nobody again in the cool-down", () =>
    Effect.gen(function*() {
      const { asked, does, open } = yield* Person
      yield* does((page) => `error=access_denied&state=${page.searchParams.get("state")}`)
      for (const _ of [1, 2]) {
        assert.deepInclude(yield* Effect.flip(me), { _tag: "CredentialsRejected", code: "access_denied" })
      }
      assert.deepStrictEqual([yield* asked, yield* open, (yield* forms).length], [1, 0, 0])
    }).pipe(Effect.provide(live)))

  it.effect.each<[string, ScriptedHttpClient.Answer | ScriptedHttpClient.Handler, string]>([
    ["a refusal", { status: 400, json: { error: "invalid_grant" } }, "CredentialsRejected"],
    ["a server that is busy", { status: 503 }, "TokenEndpointError"],
    ["an answer that is lost", ScriptedHttpClient.fail(new Error("reset")), "TokenEndpointError"],
    [
      "an answer that breaks off",
      () => new Response(new ReadableStream({ pull: (controller) => controller.error(new Error("reset")) })),
      "TokenEndpointError"
    ],
    ["a page", { body: "<html>portal</html>" }, "MalformedTokenResponse"],
    ["an error that is no text", { status: 400, json: { error: 7 } }, "MalformedTokenResponse"]
  ])(
    "ER4 AC15 sends a code once, also after %s, and asks nobody again in the cool-down",
    ([, answer, tag]) =>
      Effect.gen(function*() {
        const { asked } = yield* Person
        for (const _ of [1, 2]) assert.strictEqual((yield* Effect.flip(me))._tag, tag)
        assert.deepStrictEqual([yield* asked, (yield* forms).length], [1, 1])
      }).pipe(Effect.provide(Layer.provideMerge(
        AuthorizationCode.layer(options),
        Layer.merge(person, ScriptedHttpClient.layer(ScriptedHttpClient.routes({ "POST /token": answer })))
      )))
  )

  it.effect("SU4 ER5 has a person log in as the API demands, and as the server does at a refresh", () =>
    Effect.gen(function*() {
      const { does } = yield* Person
      const pages: Array<URLSearchParams> = []
      yield* does((page) => {
        pages.push(page.searchParams)
        return agrees(page)
      })
      yield* me
      yield* TestClock.adjust("2 minutes")
      yield* me
      const names = ["acr_values", "max_age", "claims"]
      assert.deepStrictEqual(pages.map((page) => names.map((name) => page.get(name))), [
        [null, null, null],
        ["mfa", "300", null],
        ["mfa", "300", `{"access_token":{"nbf":{"essential":true}}}`],
        ["mfa", "300", `{"access_token":{"nbf":{"essential":true},"acrs":{"value":"c1"}}}`]
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      AuthorizationCode.layer(options),
      Layer.merge(
        person,
        ScriptedHttpClient.layer(ScriptedHttpClient.routes({
          "GET /me": [
            unauthorized(`error="insufficient_user_authentication", acr_values="mfa", max_age="300"`),
            unauthorized(
              `error="insufficient_claims", claims="${btoa(`{"access_token":{"nbf":{"essential":true}}}`)}"`
            ),
            { json: "me" },
            { json: "me" }
          ],
          "POST /token": [
            session,
            session,
            session,
            {
              status: 400,
              json: { error: "interaction_required", claims: `{"access_token":{"acrs":{"value":"c1"}}}` }
            },
            session
          ]
        }))
      )
    ))))

  it.effect("RI3 says which resource the server refuses, in the redirect already", () =>
    Effect.gen(function*() {
      const { does } = yield* Person
      yield* does((page) => `error=invalid_target&state=${page.searchParams.get("state")}`)
      assert.deepInclude(
        yield* Effect.flip(Effect.provide(me, AuthorizationCode.layer({ ...options, resource: baseUrl }))),
        {
          _tag: "CredentialsRejected",
          reason: "Setting",
          detail: `(asked for ${baseUrl})`
        }
      )
    }).pipe(Effect.provide(live)))

  it.effect("AC5 waits on where the redirect of another login comes, and AC8 sends nothing for it", () =>
    Effect.gen(function*() {
      const { does, open } = yield* Person
      yield* does(() => "code=canary-theirs&state=theirs")
      const call = yield* Effect.fork(Effect.flip(me))
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* open, (yield* forms).length], [1, 0])
      yield* TestClock.adjust("5 minutes")
      assert.deepInclude(yield* call, { _tag: "InteractionRequired" })
      assert.strictEqual(yield* open, 0)
    }).pipe(Effect.provide(live)))

  it.effect("LB8 leaves nothing open when its program ends while a person is asked", () =>
    Effect.gen(function*() {
      const { does, open } = yield* Person
      yield* does(() => undefined)
      const program = yield* Effect.fork(Effect.provide(me, AuthorizationCode.layer(options)))
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* open, 1)
      yield* Fiber.interrupt(program)
      assert.strictEqual(yield* open, 0)
    }).pipe(Effect.provide(Layer.merge(answering(), person))))

  it.effect("asks nobody for a call that may not interact", () =>
    Effect.gen(function*() {
      const { asked } = yield* Person
      const error = yield* Effect.flip(Effect.provideService(me, MayInteract, false))
      assert.strictEqual(error instanceof Error && "_tag" in error ? error._tag : "", "InteractionRequired")
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(live)))

  it.effect("AC9 TR15 takes the ID token that answers this login, and no token with one that answers another", () =>
    Effect.gen(function*() {
      const { does } = yield* Person
      const nonces: Array<string> = []
      yield* does((page) => {
        nonces.push(page.searchParams.get("nonce") ?? "")
        return agrees(page)
      })
      const idTokenOf = (nonce: string) =>
        new UnsecuredJWT({ iss: issuer, sub: "ada", aud: clientId, iat: 0, exp: 1, nonce }).encode()
      const run = (nonceOf: () => string) =>
        Effect.gen(function*() {
          const tokens = yield* AuthorizationCode.makeTokens({ ...options, scope: ["openid"] })
          return Redacted.value((yield* tokens.get).idToken ?? Redacted.make(""))
        }).pipe(
          Effect.scoped,
          Effect.provide(ScriptedHttpClient.layer(() => ({
            json: { access_token: "canary-1", id_token: idTokenOf(nonceOf()) }
          })))
        )
      assert.strictEqual(yield* run(() => nonces[0] ?? ""), idTokenOf(nonces[0] ?? "none"))
      assert.deepInclude(yield* Effect.flip(run(() => nonces[0] ?? "")), { _tag: "MalformedTokenResponse" })
    }).pipe(Effect.provide(person)))

  it.effect("goes on with the session that a store keeps, and tells persons apart by their account", () =>
    Effect.gen(function*() {
      const { asked } = yield* Person
      const run = (account?: string) => Effect.provide(me, AuthorizationCode.layer({ ...options, account }))
      yield* run("ada")
      yield* run("ada")
      assert.strictEqual(yield* asked, 1)
      yield* run("bob")
      assert.strictEqual(yield* asked, 2)
    }).pipe(Effect.provide(Layer.mergeAll(answering(), person, TokenStores.layerMemory))))
})

describe("AuthorizationCode, web application", () => {
  const web = { ...options, credential, redirectUri: "https://app.example/callback" }
  const logIn = (account: string) =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin({ ...web, account })
      return yield* AuthorizationCode.complete({ ...web, account }, pending, `/callback?${agrees(new URL(url)) ?? ""}`)
    })
  const users = OAuth.keyed(
    (account: string) => AuthorizationCode.makeSession({ ...options, credential, account }),
    { baseUrl }
  )
  const live = Layer.mergeAll(answering(), person, TokenStores.layerMemory)
  const call = (client: Effect.Effect.Success<typeof users>, user: string) =>
    Effect.flatMap(client.forKey(user).get("/me"), ({ json }) => json)

  it.scoped("AC16 gives each user the session of their own login, which is renewed without them", () =>
    Effect.gen(function*() {
      const client = yield* users
      yield* logIn("ada")
      yield* logIn("bob")
      assert.deepStrictEqual([yield* call(client, "ada"), yield* call(client, "bob")], [
        "Bearer canary-0",
        "Bearer canary-1"
      ])
      yield* TestClock.adjust("2 minutes")
      assert.strictEqual(yield* call(client, "ada"), "Bearer canary-2")
      const [, , refresh] = (yield* forms).map(Object.fromEntries)
      assert.deepInclude(refresh, { grant_type: "refresh_token", refresh_token: "canary-first" })
    }).pipe(Effect.provide(live)))

  it.scoped("stores the session under the account that the token tells", () =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const account = ({ value }: Token) => Effect.succeed(Redacted.value(value) === "canary-0" ? "ada" : "nobody")
      yield* AuthorizationCode.complete({ ...web, account }, pending, `/callback?${agrees(new URL(url)) ?? ""}#_`)
      assert.strictEqual(yield* call(yield* users, "ada"), "Bearer canary-0")
    }).pipe(Effect.provide(live)))

  it.scoped("says that users need a store, before the code is redeemed", () =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const query = agrees(new URL(url)) ?? ""
      const setting = { _tag: "InvalidSetting", setting: "store" } as const
      assert.deepInclude(
        yield* Effect.flip(AuthorizationCode.complete({ ...web, account: "ada" }, pending, query)),
        setting
      )
      assert.deepInclude(yield* Effect.flip(AuthorizationCode.makeSession({ ...web, account: "ada" })), setting)
      assert.lengthOf(yield* forms, 0)
      yield* AuthorizationCode.complete(web, pending, query)
    }).pipe(Effect.provide(answering())))

  it.effect.each<[string, (query: string) => string | URL | URLSearchParams]>([
    ["a URL", (query) => `https://app.example/callback?${query}`],
    ["a path", (query) => `/callback?${query}`],
    ["a URL whose path has parameters", (query) => `https://app.example/callback;tenant=1&2?${query}`],
    ["a path with parameters", (query) => `/callback;tenant=1?${query}`],
    ["a URL of an application's own scheme", (query) => `acme-app:/callback;tenant=1?${query}`],
    ["a query", (query) => query],
    ["a query with its question mark", (query) => `?${query}`],
    ["a query with a question mark within", (query) => `tab=a?b&${query}`],
    ["a URL with a fragment", (query) => `https://app.example/callback?${query}#_=_`],
    ["a parsed URL", (query) => new URL(`https://app.example/callback?${query}`)],
    ["parameters", (query) => new URLSearchParams(query)]
  ])("takes the redirect as %s", ([, redirect]) =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const query = agrees(new URL(url)) ?? ""
      const token = yield* AuthorizationCode.complete(web, pending, redirect(query))
      assert.strictEqual(Redacted.value(token.value), "canary-0")
    }).pipe(Effect.provide(answering())))

  it.effect("takes nothing from a fragment, which no server sees", () =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const redirect = `https://app.example/callback#${agrees(new URL(url)) ?? ""}`
      assert.deepInclude(yield* Effect.flip(AuthorizationCode.complete(web, pending, redirect)), {
        _tag: "MalformedTokenResponse"
      })
      assert.lengthOf(yield* forms, 0)
    }).pipe(Effect.provide(answering())))

  it.scoped("revokes a token that cannot be stored, or belongs to nobody, and says so", () =>
    Effect.gen(function*() {
      const failing = TokenStore.make({
        read: Effect.succeedNone,
        write: () => new TokenStoreError({ operation: "write", place: "test", detail: "full" }),
        remove: Effect.void
      })
      const revoking = { ...web, server: { ...authorizing, revocationEndpoint: `${issuer}/revoke` }, store: failing }
      const completed = (account: string | (() => Effect.Effect<never, "nobody">)) =>
        Effect.gen(function*() {
          const { pending, url } = yield* AuthorizationCode.begin(revoking)
          return yield* Effect.flip(
            AuthorizationCode.complete({ ...revoking, account }, pending, `?${agrees(new URL(url)) ?? ""}`)
          )
        })
      assert.deepInclude(yield* completed("ada"), { _tag: "TokenStoreError" })
      assert.strictEqual(yield* completed(() => Effect.fail("nobody" as const)), "nobody")
      const sent = (yield* (yield* ScriptedHttpClient.ScriptedHttpClient).requests).map(({ line }) => line)
      assert.deepStrictEqual(sent, ["POST /token", "POST /revoke", "POST /token", "POST /revoke"])
    }).pipe(Effect.provide(answering())))

  it.scoped("revokes a token whose account a function throws or dies for, and shows no word of it", () =>
    Effect.gen(function*() {
      const revoking = {
        ...web,
        server: { ...authorizing, revocationEndpoint: `${issuer}/revoke` },
        store: yield* TokenStore.makeMemory
      }
      const bugs: ReadonlyArray<() => Effect.Effect<never>> = [
        () => {
          throw new Error("canary-words-of-an-account")
        },
        () => Effect.dieMessage("canary-words-of-an-account")
      ]
      const detector = yield* LeakDetector.make({ secret: "canary-words-of-an-account" })
      for (const account of bugs) {
        const { pending, url } = yield* AuthorizationCode.begin(revoking)
        const { exit, leaks } = yield* detector.watch(
          AuthorizationCode.complete({ ...revoking, account }, pending, `?${agrees(new URL(url)) ?? ""}`)
        )
        assert.isTrue(Exit.isFailure(exit) && Cause.isDie(exit.cause))
        assert.deepStrictEqual(leaks, [])
      }
      const sent = (yield* (yield* ScriptedHttpClient.ScriptedHttpClient).requests).map(({ line }) => line)
      assert.deepStrictEqual(sent, ["POST /token", "POST /revoke", "POST /token", "POST /revoke"])
    }).pipe(Effect.provide(answering())))

  it.scoped("stores the session even if the browser goes away meanwhile", () =>
    Effect.gen(function*() {
      const memory = yield* TokenStore.makeMemory
      const storing = yield* Deferred.make<void>()
      const slow = {
        ...memory,
        get: Effect.zipRight(Deferred.succeed(storing, undefined), Effect.delay(memory.get, "1 second"))
      }
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const route = yield* Effect.fork(
        AuthorizationCode.complete({ ...web, account: "ada", store: slow }, pending, `?${agrees(new URL(url)) ?? ""}`)
      )
      yield* Deferred.await(storing)
      const gone = yield* Effect.fork(Fiber.interrupt(route))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.join(gone)
      assert.isTrue(Option.isSome((yield* memory.get).token))
    }).pipe(Effect.provide(answering())))

  it.scoped("waits for no server and no store longer than the policy allows", () =>
    Effect.gen(function*() {
      const late = { _tag: "TokenEndpointError", reason: "Timeout" } as const
      const memory = yield* TokenStore.makeMemory
      const begun = yield* Effect.fork(Effect.flip(AuthorizationCode.begin({ ...web, server: issuer })))
      yield* TestClock.adjust("31 seconds")
      assert.deepInclude(yield* begun, late)
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const query = agrees(new URL(url)) ?? ""
      const completed = yield* Effect.fork(Effect.flip(AuthorizationCode.complete(web, pending, query)))
      yield* TestClock.adjust("31 seconds")
      assert.deepInclude(yield* completed, late)
      const silent = { ...memory, get: Effect.never }
      const stored = yield* Effect.fork(
        Effect.provide(
          Effect.flip(AuthorizationCode.complete({ ...web, account: "ada", store: silent }, pending, query)),
          answering()
        )
      )
      yield* TestClock.adjust("31 seconds")
      assert.deepInclude(yield* stored, late)
    }).pipe(Effect.provide(ScriptedHttpClient.layer(() => Effect.never))))

  it.scoped("AC14 DP6 binds the code to a key, which goes with the record to where the login is completed", () =>
    Effect.gen(function*() {
      const bound = { ...web, dpop: Dpop.generated() }
      const { pending, url } = yield* AuthorizationCode.begin(bound)
      assert.match(new URL(url).searchParams.get("dpop_jkt") ?? "", /^[A-Za-z0-9_-]{43}$/u)
      const token = yield* AuthorizationCode.complete(bound, pending, `?${agrees(new URL(url)) ?? ""}`)
      assert.isDefined(pending.key)
      assert.strictEqual(
        Redacted.value(token.key ?? Redacted.make("")),
        Redacted.value(pending.key ?? Redacted.make("none"))
      )
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ json: { access_token: "canary-0", token_type: "DPoP" } }))))

  describe("with a request that is pushed", () => {
    const pushing = {
      ...web,
      credential: { clientId: "canary-web", clientSecret: Redacted.make("canary-secret") },
      pushed: true,
      server: { ...authorizing, pushedAuthorizationRequestEndpoint: `${issuer}/par` }
    }
    const pushed = { status: 201, json: { request_uri: "urn:request:1", expires_in: 60 } }
    const answering = (...answers: ReadonlyArray<ScriptedHttpClient.Reply>) =>
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({ "POST /par": answers, "POST /token": session }))
    const sent = Effect.flatMap(ScriptedHttpClient.ScriptedHttpClient, ({ requests }) => requests)

    it.scoped("AC14 shows the browser nothing but the client and where the request is, which has all of it", () =>
      Effect.gen(function*() {
        const { pending, url } = yield* AuthorizationCode.begin(pushing)
        assert.strictEqual(url, `${issuer}/authorize?client_id=canary-web&request_uri=urn%3Arequest%3A1`)
        const [request] = yield* sent
        assert.match(request?.headers["authorization"] ?? "", /^Basic /u)
        const form = Object.fromEntries(new URLSearchParams(request?.body))
        assert.deepInclude(form, {
          response_type: "code",
          client_id: "canary-web",
          redirect_uri: pushing.redirectUri,
          state: Redacted.value(pending.state),
          code_challenge_method: "S256"
        })
        const token = yield* AuthorizationCode.complete(
          pushing,
          pending,
          `?code=canary-code&state=${Redacted.value(pending.state)}`
        )
        assert.strictEqual(Redacted.value(token.value), "canary-1")
      }).pipe(Effect.provide(answering(pushed))))

    it.scoped("AC14 pushes by itself where the server takes no other requests, and not where it takes them", () =>
      Effect.gen(function*() {
        const { pushed: _, ...byItself } = pushing
        for (const [requiresPushedRequests, isPushed] of [[true, true], [false, false], [undefined, false]] as const) {
          const server = { ...pushing.server, requiresPushedRequests }
          const { url } = yield* AuthorizationCode.begin({ ...byItself, server })
          assert.strictEqual(new URL(url).searchParams.has("request_uri"), isPushed)
        }
        assert.lengthOf(yield* sent, 1)
      }).pipe(Effect.provide(answering(pushed))))

    it.scoped("AC14 keeps the query of the endpoint in its URL, and out of the request", () =>
      Effect.gen(function*() {
        const server = { ...pushing.server, authorizationEndpoint: `${issuer}/authorize?realm=ops` }
        const { url } = yield* AuthorizationCode.begin({ ...pushing, server })
        assert.strictEqual(url, `${issuer}/authorize?realm=ops&client_id=canary-web&request_uri=urn%3Arequest%3A1`)
        assert.notInclude((yield* sent)[0]?.body ?? "", "realm")
      }).pipe(Effect.provide(answering(pushed))))

    it.scoped("AC14 DP5 proves the key that the code is bound to", () =>
      Effect.gen(function*() {
        const { url } = yield* AuthorizationCode.begin({ ...pushing, dpop: Dpop.generated() })
        const [request] = yield* sent
        assert.match(request?.headers["dpop"] ?? "", /^ey/u)
        assert.match(new URLSearchParams(request?.body).get("dpop_jkt") ?? "", /^[A-Za-z0-9_-]{43}$/u)
        assert.isFalse(new URL(url).searchParams.has("dpop_jkt"))
      }).pipe(Effect.provide(answering(pushed))))

    for (
      const [what, answer, error] of [
        ["a refusal", { status: 400, json: { error: "invalid_scope" } }, {
          _tag: "CredentialsRejected",
          code: "invalid_scope"
        }],
        ["a client that is not accepted", { status: 401, json: { error: "invalid_client" } }, {
          _tag: "CredentialsRejected",
          reason: "Setting"
        }],
        ["a busy server", { status: 503 }, { _tag: "TokenEndpointError", reason: "Unavailable" }],
        ["an answer without a request", { status: 201, json: {} }, { _tag: "MalformedTokenResponse" }],
        ["a page", { body: "<html>portal</html>" }, { _tag: "MalformedTokenResponse" }]
      ] as const
    ) {
      it.scoped(`AC14 sends nobody anywhere after ${what}`, () =>
        Effect.gen(function*() {
          assert.deepInclude(yield* Effect.flip(AuthorizationCode.begin(pushing)), error)
        }).pipe(Effect.provide(answering(answer))))
    }

    it.scoped("AC14 says that a server has no endpoint for it", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(AuthorizationCode.begin({ ...pushing, server: authorizing }))
        assert.include(error.message, "no endpoint for pushed authorization requests")
        assert.lengthOf(yield* sent, 0)
      }).pipe(Effect.provide(answering())))
  })

  it.scoped("asks nobody: a user who has to log in is told so, and is served at once after that", () =>
    Effect.gen(function*() {
      const client = yield* users
      const { asked } = yield* Person
      for (const _ of [1, 2]) {
        assert.deepInclude(yield* Effect.flip(client.forKey("ada").get("/me")), { _tag: "InteractionRequired" })
      }
      yield* logIn("ada")
      assert.strictEqual(yield* call(client, "ada"), "Bearer canary-0")
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(live)))

  it.scoped("AC16 does not complete a login at another server or with another client, and sends nothing for it", () =>
    Effect.gen(function*() {
      const { pending, url } = yield* AuthorizationCode.begin(web)
      const query = agrees(new URL(url)) ?? ""
      const elsewhere = { ...authorizing, tokenEndpoint: "https://other.example/token" }
      for (
        const other of [{ ...web, server: elsewhere }, { ...web, credential: { ...credential, clientId: "other" } }]
      ) {
        const error = yield* Effect.flip(AuthorizationCode.complete(other, pending, new URLSearchParams(query)))
        assert.deepInclude(error, { _tag: "MalformedTokenResponse" })
      }
      assert.lengthOf(yield* forms, 0)
      const token = yield* AuthorizationCode.complete(web, pending, new URL(`https://app.example/callback?${query}#_`))
      assert.strictEqual(Redacted.value(token.value), "canary-0")
    }).pipe(Effect.provide(live)))
})
