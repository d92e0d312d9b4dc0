import { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import { MayInteract } from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import type * as TestServices from "effect/TestServices"
import * as OpenId from "../src/internal/openId.ts"
import * as Yamcs from "../src/Yamcs.ts"
import { openIdConfig } from "../src/YamcsCredential.ts"

const baseUrl = "https://yamcs.example"

const server = FakeYamcs.FakeYamcs

const stats = Effect.flatMap(server, ({ stats }) => stats)

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

class Asked extends Context.Tag("test/Asked")<Asked, Effect.Effect<ReadonlyArray<URL>>>() {}

/** A person at a desk, and the pages that they were sent to. */
const desk = Layer.effectContext(Effect.gen(function*() {
  const asked = yield* Ref.make<ReadonlyArray<URL>>([])
  const prompt = yield* LoginPrompt
  return Context.make(Asked, Ref.get(asked)).pipe(Context.add(LoginPrompt, {
    ...prompt,
    browse: (login) => Effect.zipRight(Ref.update(asked, (all) => [...all, new URL(login.url)]), prompt.browse(login))
  }))
})).pipe(Layer.provideMerge(FakePerson.layerYamcs))

const live = (options?: Partial<Yamcs.OpenIdOptions>, fake: FakeYamcs.Options = { openId: {} }) =>
  Yamcs.layerOpenId({ baseUrl, ...options }).pipe(
    Layer.provideMerge(desk),
    Layer.provideMerge(FakeYamcs.layer(fake))
  )

const asked = Effect.flatten(Asked)

const itVirtually = <A, E>(name: string, test: () => Effect.Effect<A, E, TestServices.TestServices>) =>
  it.effect(name, () => VirtualClock.run(test()))

describe("Yamcs, a person at an OpenID provider", () => {
  it.effect("is sent to the provider with the first request, and not again", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
      yield* whoAmI
      const [page, ...others] = yield* asked
      assert.deepStrictEqual(others, [])
      assert.strictEqual(`${page?.origin}${page?.pathname}`, "https://idp.example/idp/authorize")
      const parameters = Object.fromEntries(page?.searchParams ?? [])
      assert.match(parameters["state"] ?? "", /^[\w-]{43}$/u)
      assert.match(parameters["redirect_uri"] ?? "", /^http:\/\/127\.0\.0\.1:\d+\/callback$/u)
      // and no challenge: Yamcs redeems the code, and has no verifier
      assert.deepStrictEqual(Object.keys(parameters).sort(), [
        "client_id",
        "redirect_uri",
        "response_mode",
        "response_type",
        "scope",
        "state"
      ])
      assert.deepInclude(parameters, { client_id: "yamcs", response_type: "code", response_mode: "query" })
      assert.deepInclude(yield* stats, { logins: 1, requests: 2, refused: 0 })
    }).pipe(Effect.provide(live())))

  itVirtually("has a session that is refreshed, and lives on while no request is made", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* Effect.sleep("3 hours")
      yield* whoAmI
      const { logins, refreshes, refused } = yield* stats
      assert.deepStrictEqual({ logins, refused }, { logins: 1, refused: 0 })
      assert.isAbove(refreshes, 10)
      assert.strictEqual((yield* asked).length, 1)
    }).pipe(Effect.provide(live())))

  itVirtually("is asked again once the session has ended, by another state", () =>
    Effect.gen(function*() {
      yield* whoAmI
      yield* Effect.flatMap(server, ({ restart }) => restart)
      yield* Effect.replicateEffect(whoAmI, 16, { concurrency: "unbounded" })
      const [first, second, ...others] = yield* asked
      assert.deepStrictEqual(others, [])
      assert.notStrictEqual(first?.searchParams.get("state"), second?.searchParams.get("state"))
      assert.deepInclude(yield* stats, { logins: 2 })
    }).pipe(Effect.provide(live())))

  itVirtually("is not asked in the background", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.provideService(Yamcs.user, MayInteract, false))
      assert.strictEqual(error._tag, "InteractionRequired")
      assert.deepStrictEqual(yield* asked, [])
    }).pipe(Effect.provide(live())))

  it.effect("is answered by the redirect of this login alone: its state is the one that was sent, and there is only one", () =>
    Effect.gen(function*() {
      const receiver = yield* RedirectReceiver.RedirectReceiver
      const verdicts = yield* Ref.make<ReadonlyArray<boolean>>([])
      const watched: RedirectReceiver.Service = {
        listen: (options) =>
          Effect.map(receiver.listen(options), ({ receive, redirectUri }) => ({
            redirectUri,
            receive: (isAnswer) =>
              Effect.tap(receive(isAnswer), (parameters) => {
                const state = parameters.get("state") ?? ""
                const others = [
                  "",
                  "code=a",
                  "code=a&state=",
                  `code=a&state=${state}&state=${state}`,
                  "code=a&state=other"
                ]
                return Ref.set(verdicts, others.map((query) => isAnswer(new URLSearchParams(query))))
              })
          }))
      }
      yield* Effect.provideService(
        Effect.provide(whoAmI, Yamcs.layerOpenId({ baseUrl })),
        RedirectReceiver.RedirectReceiver,
        watched
      )
      assert.deepStrictEqual(yield* Ref.get(verdicts), [false, false, false, false, false])
    }).pipe(Effect.provide(live())))

  it.effect("who denies is not asked again within the cool-down", () =>
    Effect.gen(function*() {
      yield* Effect.flatMap(server, ({ person }) => person(FakeOAuth.denies))
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "access_denied" })
      yield* Effect.flip(Yamcs.user)
      assert.strictEqual((yield* asked).length, 1)
      assert.deepInclude(yield* stats, { attempts: 0 })
      yield* TestClock.adjust("30 seconds")
      yield* Effect.flatMap(server, ({ person }) => person(FakeOAuth.agrees({ user: "other" })))
      assert.strictEqual(yield* whoAmI, "other")
    }).pipe(Effect.provide(live())))

  for (
    const [what, openId, tag, detail] of [
      [
        "401, because the provider refuses the code or cannot be reached",
        { afterSpnego: true },
        401,
        "the provider refused"
      ],
      [
        "500, because the provider refuses the code by a page",
        { answersPages: true },
        500,
        "one that demands PKCE cannot be"
      ]
    ] as const
  ) {
    it.effect(`a code that is answered ${what}, is sent once, and the person has to log in again`, () =>
      Effect.gen(function*() {
        // the provider ends the code meanwhile
        const fake = yield* FakeYamcs.make({ openId, spnego: "afterSpnego" in openId })
        const receiver = yield* RedirectReceiver.RedirectReceiver
        const altered: RedirectReceiver.Service = {
          listen: (options) =>
            Effect.map(receiver.listen(options), ({ receive, redirectUri }) => ({
              redirectUri,
              receive: (isAnswer) =>
                Effect.map(receive(isAnswer), (parameters) => {
                  const others = new URLSearchParams(parameters)
                  others.set("code", "canary-of-another")
                  return others
                })
            }))
        }
        yield* Effect.gen(function*() {
          const error = yield* Effect.flip(Yamcs.user)
          assert.deepInclude(error, { _tag: "CredentialsRejected", status: tag })
          assert.include(error.message, detail)
          assert.notInclude(error.message, "canary-of-another")
          assert.strictEqual(
            error.message.includes("SpnegoAuthModule before OpenIDAuthModule"),
            "afterSpnego" in openId
          )
          yield* Effect.flip(Yamcs.user)
        }).pipe(
          Effect.provide(Yamcs.layerOpenId({ baseUrl })),
          Effect.provideService(HttpClient.HttpClient, fake.httpClient),
          Effect.provideService(RedirectReceiver.RedirectReceiver, altered)
        )
        assert.deepInclude(yield* fake.stats, { attempts: 1, logins: 0 })
      }).pipe(Effect.provide(Layer.provideMerge(FakePerson.layerYamcs, FakeYamcs.layer({ openId: {} })))))
  }

  it.effect("an issuer of the same origin as the page is taken, or the one that is set", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* whoAmI, "operator")
    }).pipe(Effect.provide(live({}, { openId: { issuer: "https://idp.example/realms/ops" } }))))

  it.effect("a redirect of another issuer ends the login, and its code is not sent", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.strictEqual(error._tag, "MalformedTokenResponse")
      assert.include(error.message, "its issuer differs")
      assert.deepInclude(yield* stats, { attempts: 0 })
    }).pipe(Effect.provide(live({}, { openId: { issuer: "https://evil.example" } }))))

  it.effect("nobody is sent to a page over plain http beyond loopback, unless it is allowed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "TokenEndpointError", final: true })
      assert.include(error.message, "plain http")
      assert.deepStrictEqual(yield* asked, [])
      assert.strictEqual(
        yield* Effect.provide(whoAmI, Yamcs.layerOpenId({ baseUrl, dangerouslyAllowPlainHttp: true })),
        "operator"
      )
    }).pipe(Effect.provide(live({}, { openId: { authorizationEndpoint: "http://idp.example/idp/authorize" } }))))

  itVirtually("what is no Yamcs is told from a refusal, and nobody is asked", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Yamcs.user)
      assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Unexpected", status: 404 })
      assert.deepStrictEqual(yield* asked, [])
    }).pipe(Effect.provide(live({}, { openId: {}, contextPath: "/elsewhere" }))))

  itVirtually(
    "a server that fails for a moment is asked again before the person is, once",
    () =>
      Effect.gen(function*() {
        const fake = yield* server
        const failing = yield* Ref.make(2)
        const client = HttpClient.make((request) =>
          Effect.flatMap(Ref.getAndUpdate(failing, (n) => n - 1), (left) =>
            left > 0 && request.url.endsWith("/auth")
              ? Effect.succeed(HttpClientResponse.fromWeb(request, new Response("busy", { status: 503 })))
              : fake.httpClient.execute(request))
        )
        assert.strictEqual(
          yield* Effect.provide(whoAmI, Yamcs.layerOpenId({ baseUrl })).pipe(
            Effect.provideService(HttpClient.HttpClient, client)
          ),
          "operator"
        )
        assert.strictEqual((yield* asked).length, 1)
      }).pipe(Effect.provide(live()))
  )

  itVirtually(
    "a server that does not answer is asked again, before the time that the person has is over",
    () =>
      Effect.gen(function*() {
        const fake = yield* server
        const silent = yield* Ref.make(1)
        const client = HttpClient.make((request) =>
          Effect.flatMap(
            Ref.getAndUpdate(silent, (n) => n - 1),
            (left) => left > 0 ? Effect.never : fake.httpClient.execute(request)
          )
        )
        assert.strictEqual(
          yield* Effect.provide(whoAmI, Yamcs.layerOpenId({ baseUrl })).pipe(
            Effect.provideService(HttpClient.HttpClient, client)
          ),
          "operator"
        )
        assert.strictEqual((yield* asked).length, 1)
      }).pipe(Effect.provide(live()))
  )

  itVirtually(
    "a server that does not answer with a token fails in half a minute, and nobody is asked again within the cool-down",
    () =>
      Effect.gen(function*() {
        const fake = yield* server
        const silent = HttpClient.make((request) =>
          request.url.endsWith("/auth/token") ? Effect.never : fake.httpClient.execute(request)
        )
        const attempt = Effect.timed(Effect.flip(Yamcs.user))
        const [[duration, error], [, again]] = yield* Effect.provide(
          Effect.all([attempt, attempt]),
          Yamcs.layerOpenId({ baseUrl })
        ).pipe(Effect.provideService(HttpClient.HttpClient, silent))
        assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Timeout", url: `${baseUrl}/auth/token` })
        assert.strictEqual(Duration.toSeconds(duration), 30)
        assert.strictEqual(again, error)
        assert.strictEqual((yield* asked).length, 1)
      }).pipe(Effect.provide(live()))
  )

  it.effect("the session of each account is stored under its name, and nobody is asked by the next process", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const run = (account: string) =>
        Effect.provide(whoAmI, Yamcs.layerOpenId({ baseUrl, store, credential: { account } }))
      yield* run("ann")
      yield* run("ann")
      assert.strictEqual((yield* asked).length, 1)
      yield* run("bob")
      assert.strictEqual((yield* asked).length, 2)
    }).pipe(Effect.provide(live())))

  it.scoped("has tokens by themselves, which a client shares", () =>
    Effect.gen(function*() {
      const tokens = yield* Yamcs.makeOpenIdTokens({ baseUrl })
      assert.isDefined((yield* tokens.get).refreshToken)
      const http = yield* Yamcs.makeWith(tokens, { baseUrl, credential: { _tag: "OpenId" } })
      assert.strictEqual((yield* http.get("/api/user")).status, 200)
      assert.strictEqual((yield* asked).length, 1)
    }).pipe(Effect.provide(live())))

  it.effect("is configured by YAMCS_ACCOUNT and YAMCS_ISSUER, and receives where it is told", () =>
    Effect.gen(function*() {
      const layer = Yamcs.layerOpenIdConfig(
        { baseUrl: Config.succeed(baseUrl), credential: openIdConfig("YAMCS") },
        { redirect: { host: "localhost", port: 8976, path: "/yamcs" } }
      )
      const variables = new Map([["YAMCS_ISSUER", "https://other.example"], ["YAMCS_ACCOUNT", "ann"]])
      assert.strictEqual(
        yield* Effect.provide(whoAmI, layer).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(variables))),
        "operator"
      )
      assert.strictEqual((yield* asked)[0]?.searchParams.get("redirect_uri"), "http://localhost:8976/yamcs")
    }).pipe(Effect.provide(live({}, { openId: { issuer: "https://other.example" } }))))
})

describe("Yamcs, a person at the server's own page", () => {
  itVirtually(
    "logs in where the server has no provider; the code goes to the server as it is",
    () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, "operator")
        const [page] = yield* asked
        assert.strictEqual(`${page?.origin}${page?.pathname}`, "https://yamcs.example/ops/auth/authorize")
        yield* Effect.sleep("500 seconds")
        yield* whoAmI
        assert.deepInclude(yield* stats, { logins: 1, refreshes: 1, refused: 0 })
      }).pipe(Effect.provide(live({ baseUrl: `${baseUrl}/ops` }, { contextPath: "/ops" })))
  )
})

describe("Yamcs, the code of a redirect", () => {
  const page = "https://idp.example/realms/ops/auth"
  const cases: ReadonlyArray<
    readonly [what: string, query: string, issuer: string | undefined, code: string | undefined]
  > = [
    ["a code", "code=a&state=s", undefined, "a"],
    ["two codes", "code=a&code=b", undefined, undefined],
    ["no code", "state=s", undefined, undefined],
    ["an empty code", "code=", undefined, undefined],
    ["an error beside a code", "code=a&error=access_denied", undefined, undefined],
    ["an issuer of the page's origin", "code=a&iss=https://idp.example/realms/ops", undefined, "a"],
    ["an issuer of another origin", "code=a&iss=https://idp.example:8443/realms/ops", undefined, undefined],
    ["an issuer that is no URL", "code=a&iss=idp", undefined, undefined],
    ["two issuers", "code=a&iss=https://idp.example&iss=https://idp.example", undefined, undefined],
    ["the issuer that is set", "code=a&iss=https://other.example", "https://other.example", "a"],
    [
      "another one than is set, of the page's origin",
      "code=a&iss=https://idp.example",
      "https://idp.example/x",
      undefined
    ]
  ]
  for (const [what, query, issuer, code] of cases) {
    it(`${what}: ${code === undefined ? "none" : "taken"}`, () => {
      const found = OpenId.codeOf(new URLSearchParams(query), { mode: "Yamcs/OpenId", page, issuer })
      assert.strictEqual(Either.getOrUndefined(found), code)
    })
  }

  it("an error of the provider is masked and one line", () => {
    const query = new URLSearchParams({ error: "server_error", error_description: "two\nlines" })
    const error = Either.getOrThrow(
      Either.flip(OpenId.codeOf(query, { mode: "Yamcs/OpenId", page, issuer: undefined }))
    )
    assert.notInclude(error.message, "\n")
  })

  it("has three parts, of which the second is what the server reads", () => {
    const [prefix, head, body, signature, ...others] = OpenId.oidcCode("c&%", "http://127.0.0.1:1/cb").split(/[ .]/u)
    assert.deepStrictEqual([prefix, head, signature, others], ["oidc", "e30", "", []])
    assert.deepStrictEqual(JSON.parse(Buffer.from(body ?? "", "base64url").toString()), {
      code: "c&%",
      redirect_uri: "http://127.0.0.1:1/cb"
    })
  })
})
