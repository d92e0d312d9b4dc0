import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as GitHubApp from "@effect-auth/oauth/GitHubApp"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { decodeJwt, decodeProtectedHeader, jwtVerify } from "jose"
import { generateKeyPairSync } from "node:crypto"

class GitHub extends Context.Tag("test/GitHub")<GitHub, AuthenticatedHttpClient.Service>() {}

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 })
// the form in which GitHub hands it out
const pem = String(privateKey.export({ type: "pkcs1", format: "pem" }))
const credential = { appId: "Iv23canary", privateKey: Redacted.make(pem) }
const options = { client: GitHub, credential, installation: 42 }

const exchange = "POST /app/installations/42/access_tokens"
const call = "GET /repos"
const revocation = "DELETE /installation/token"

const start = Date.UTC(2026, 0, 1)
const at = (millis: number) => new Date(millis).toISOString().replace(".000", "")
const date = (millis: number) => ({ date: new Date(millis).toUTCString() })
const issued = (token = "canary-token", expires = start + 3_600_000) => ({
  status: 201,
  json: { token, expires_at: at(expires), permissions: { contents: "read" }, repository_selection: "all" }
})

/** A program on an installation's client, and the requests that came of it, those of the end included. */
const running = <A, E>(
  table: Parameters<typeof ScriptedHttpClient.routes>[0],
  program: Effect.Effect<A, E, GitHub>,
  layer = GitHubApp.layer(options)
) => Effect.zipRight(TestClock.setTime(start), outcome(table, program, layer))

const outcome = <A, E>(
  table: Parameters<typeof ScriptedHttpClient.routes>[0],
  program: Effect.Effect<A, E, GitHub>,
  layer: ReturnType<typeof GitHubApp.layer<GitHub>>
) =>
  Effect.gen(function*() {
    const client = yield* ScriptedHttpClient.ScriptedHttpClient
    const result = yield* Effect.either(Effect.provide(program, layer))
    return { result, requests: yield* client.requests }
  }).pipe(Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
    [revocation]: ScriptedHttpClient.repeatLast({ status: 204 }),
    [call]: ScriptedHttpClient.repeatLast({ json: [] }),
    ...table
  }))))

/** In time that passes as soon as everybody waits, which nothing but time may be waited for: so the key signs at once. */
const timed = <A, E>(table: Parameters<typeof ScriptedHttpClient.routes>[0], program: Effect.Effect<A, E, GitHub>) =>
  VirtualClock.runFrom(
    outcome(
      table,
      program,
      GitHubApp.layer({
        ...options,
        key: SigningKey.make(() => Effect.succeed(new TextEncoder().encode("signed")), { algorithm: "RS256" })
      })
    ),
    start
  )

const repos = Effect.flatMap(GitHub, (github) => github.get("/repos"))
const statusOf = Effect.map(repos, ({ status }) => status)
const linesOf = (requests: ReadonlyArray<{ readonly line: string }>) => requests.map(({ line }) => line)
const claimsOf = ({ headers }: { readonly headers: Readonly<Record<string, string>> }) =>
  decodeJwt((headers["authorization"] ?? "").replace("Bearer ", ""))

describe("GitHubApp", () => {
  it.effect("VN2 CA12 signs with the key as GitHub hands it out: by whom, from half a minute ago, for at most ten", () =>
    Effect.gen(function*() {
      const { requests } = yield* running({ [exchange]: [issued()] }, repos)
      const [first] = requests
      const jwt = (first?.headers["authorization"] ?? "").replace("Bearer ", "")
      const { payload } = yield* Effect.promise(() => jwtVerify(jwt, publicKey, { currentDate: new Date(start) }))
      assert.deepStrictEqual(payload, { iss: "Iv23canary", iat: start / 1000 - 30, exp: start / 1000 + 540 })
      assert.deepStrictEqual(decodeProtectedHeader(jwt), { typ: "JWT", alg: "RS256" })
      assert.deepInclude(first?.headers, {
        accept: "application/vnd.github+json",
        "x-github-api-version": "2022-11-28",
        "user-agent": "effect-auth"
      })
    }))

  it.effect("VN2 TR17 takes an answer of 201, uses the token for an hour, and revokes it at the end", () =>
    Effect.gen(function*() {
      const { requests } = yield* running(
        { [exchange]: [issued("canary-1"), issued("canary-2", start + 7_200_000)] },
        Effect.gen(function*() {
          yield* repos
          yield* TestClock.adjust("50 minutes")
          yield* repos
          yield* TestClock.adjust("10 minutes")
          yield* repos
        })
      )
      assert.deepStrictEqual(
        requests.map(({ headers, line }) =>
          line === exchange ? line : `${line} ${headers["authorization"]?.replace("Bearer ", "")}`
        ),
        [
          exchange,
          `${call} canary-1`,
          `${call} canary-1`,
          exchange,
          `${call} canary-2`,
          `${revocation} canary-2`
        ]
      )
    }))

  it.effect("VN2 counts the hour from the server's clock, not from its own", () =>
    Effect.gen(function*() {
      // ours is a day behind
      const theirs = start + 86_400_000
      const answer = { ...issued("canary-token", theirs + 3_600_000), headers: date(theirs) }
      const tokens = yield* GitHubApp.makeTokens(options).pipe(
        Effect.flatMap(({ get }) => get),
        Effect.scoped,
        Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.routes({
          [exchange]: [answer],
          [revocation]: { status: 204 }
        })))
      )
      assert.deepStrictEqual(tokens.expiresAt?.epochMillis, tokens.issuedAt.epochMillis + 3_600_000)
    }))

  it.effect("VN2 narrows the token to repositories and permissions", () =>
    Effect.gen(function*() {
      const narrow = { repositories: ["one"], repositoryIds: [1, 2], permissions: { contents: "read" } }
      const { requests } = yield* running({ [exchange]: [issued()] }, repos, GitHubApp.layer({ ...options, ...narrow }))
      assert.deepStrictEqual(JSON.parse(requests[0]?.body ?? ""), {
        repositories: ["one"],
        repository_ids: [1, 2],
        permissions: { contents: "read" }
      })
      const { requests: whole } = yield* running({ [exchange]: [issued()] }, repos)
      assert.deepStrictEqual(JSON.parse(whole[0]?.body ?? ""), {})
    }))

  it.effect("VN3 sends a fresh token that is not known yet again after one second and two, and asks for no other", () =>
    Effect.gen(function*() {
      const { requests, result } = yield* timed(
        { [exchange]: [issued()], [call]: [{ status: 401 }, { status: 401 }, { json: [] }] },
        statusOf
      )
      assert.deepInclude(result, { _tag: "Right", right: 200 })
      assert.deepStrictEqual(
        requests.map(({ at, line }) => [line, at - start]),
        [[exchange, 0], [call, 0], [call, 1000], [call, 3000], [revocation, 3000]]
      )
    }))

  it.effect("VN3 believes the third refusal of a fresh token, and asks for another", () =>
    Effect.gen(function*() {
      const { requests } = yield* timed(
        {
          [exchange]: [issued("canary-1"), issued("canary-2")],
          [call]: ScriptedHttpClient.repeatLast({ status: 401 })
        },
        Effect.either(statusOf)
      )
      assert.deepStrictEqual(linesOf(requests).filter((line) => line === exchange).length, 2)
      assert.deepStrictEqual(
        requests.slice(0, 5).map(({ at, line }) => [line, at - start]),
        [[exchange, 0], [call, 0], [call, 1000], [call, 3000], [exchange, 3000]]
      )
    }))

  it.effect("VN3 believes the refusal of a token that was accepted before at once", () =>
    Effect.gen(function*() {
      const { requests } = yield* running(
        { [exchange]: [issued("canary-1"), issued("canary-2")], [call]: [{ json: [] }, { status: 401 }, { json: [] }] },
        Effect.zipRight(repos, repos)
      )
      assert.deepStrictEqual(linesOf(requests), [exchange, call, call, exchange, call, revocation])
    }))

  const timesRefused = [
    "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    "'Expiration time' claim ('exp') is too far in the future"
  ]
  it.effect.each(timesRefused)(
    "VN3 signs once more by the server's clock when GitHub says: %s",
    (message) =>
      Effect.gen(function*() {
        const theirs = start + 600_000
        const { requests } = yield* running(
          { [exchange]: [{ status: 401, json: { message }, headers: date(theirs) }, issued()] },
          repos
        )
        assert.deepStrictEqual(linesOf(requests), [exchange, exchange, call, revocation])
        const [first, second] = requests.slice(0, 2).map(claimsOf)
        assert.deepInclude(first, { iat: start / 1000 - 30 })
        assert.deepInclude(second, { iat: theirs / 1000 - 30, exp: theirs / 1000 + 540 })
      })
  )

  it.effect("VN3 gives up when the server's clock does not help either, or is not known", () =>
    Effect.gen(function*() {
      const refusal = { status: 401, json: { message: timesRefused[0] } }
      const told = yield* running(
        { [exchange]: ScriptedHttpClient.repeatLast({ ...refusal, headers: date(start) }) },
        repos
      )
      assert.deepStrictEqual(linesOf(told.requests), [exchange, exchange])
      assert.isTrue(told.result._tag === "Left" && told.result.left._tag === "CredentialsRejected")
      const untold = yield* running({ [exchange]: ScriptedHttpClient.repeatLast(refusal) }, repos)
      assert.deepStrictEqual(linesOf(untold.requests), [exchange])
    }))

  it.effect.each<[number, string, string]>([
    [401, "A JSON web token could not be decoded", "A JSON web token could not be decoded"],
    [403, "This installation has been suspended", "suspended"],
    [404, "Not Found", "is the installation one of this app?"],
    [422, "The permissions requested are not granted to this installation.", "not granted"]
  ])("VN2 sends what GitHub refuses with %d once in a cool-down", ([status, message, said]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* running(
        { [exchange]: [{ status, json: { message }, headers: date(start) }] },
        Effect.zipRight(Effect.either(repos), repos)
      )
      assert.deepStrictEqual(linesOf(requests), [exchange])
      assert.isTrue(result._tag === "Left" && result.left._tag === "CredentialsRejected")
      assert.isTrue(result._tag === "Left" && result.left.message.includes(said))
    }))

  it.effect.each<[string, ScriptedHttpClient.Reply]>([
    ["a limit", {
      status: 403,
      json: { message: "API rate limit exceeded" },
      headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(start / 1000 + 20) }
    }],
    ["a secondary limit", {
      status: 403,
      json: { message: "You have exceeded a secondary rate limit" },
      headers: { "retry-after": "20" }
    }]
  ])("ER6 waits for the end of %s, and does not take it for a refusal", ([, reply]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* timed({ [exchange]: [reply, issued()] }, statusOf)
      assert.deepInclude(result, { _tag: "Right", right: 200 })
      assert.isAtLeast((requests[1]?.at ?? 0) - start, 20_000)
      assert.isBelow((requests[1]?.at ?? 0) - start, 60_000)
    }))

  it.effect("RI3 keeps the tokens of installations, narrowings and apps apart", () =>
    Effect.gen(function*() {
      const exchanges = (
        first: Partial<GitHubApp.Options & { readonly credential: typeof credential }>,
        second: Partial<GitHubApp.Options & { readonly credential: typeof credential }>
      ) =>
        Effect.gen(function*() {
          const store = yield* TokenStore.makeMemory
          const both = Effect.forEach([first, second], (changed) =>
            Effect.scoped(
              Effect.flatMap(GitHubApp.makeTokens({ ...options, store, ...changed }), ({ get }) => get)
            ))
          const { count } = yield* ScriptedHttpClient.ScriptedHttpClient
          yield* both
          return yield* count
        }).pipe(Effect.provide(ScriptedHttpClient.layer(ScriptedHttpClient.repeatLast(issued()))))
      assert.deepStrictEqual(
        yield* Effect.all([
          exchanges({}, {}),
          exchanges({}, { installation: 43 }),
          exchanges({}, { permissions: { contents: "read" } }),
          exchanges({}, { credential: { ...credential, appId: "other" } }),
          exchanges({}, { baseUrl: "https://github.acme.example/api/v3" })
        ]),
        [1, 2, 2, 2, 2]
      )
    }))

  it.effect("has a client for GitHub Enterprise Server, below its path", () =>
    Effect.gen(function*() {
      const layer = GitHubApp.layer({ ...options, baseUrl: "https://github.acme.example/api/v3/" })
      const { requests } = yield* running({ "* /api/v3/*": ScriptedHttpClient.repeatLast(issued()) }, repos, layer)
      assert.deepStrictEqual(requests.map(({ method, url }) => `${method} ${url.href}`), [
        "POST https://github.acme.example/api/v3/app/installations/42/access_tokens",
        "GET https://github.acme.example/api/v3/repos",
        "DELETE https://github.acme.example/api/v3/installation/token"
      ])
    }))

  it.effect("signs elsewhere, where that is asked for, and needs no private key then", () =>
    Effect.gen(function*() {
      const key = SigningKey.make(() => Effect.succeed(new TextEncoder().encode("signed")), { algorithm: "RS256" })
      const layer = GitHubApp.layer({ ...options, credential: { appId: "Iv23canary" }, key })
      const { requests } = yield* running({ [exchange]: [issued()] }, repos, layer)
      assert.match(requests[0]?.headers["authorization"] ?? "", /\.c2lnbmVk$/u)
    }))

  it.effect("reads its settings from Config", () =>
    Effect.gen(function*() {
      const layer = GitHubApp.layerConfig(
        { credential: GitHubApp.credentialConfig("GITHUB"), installation: Config.string("GITHUB_INSTALLATION") },
        { client: GitHub }
      )
      const { requests } = yield* running({ [exchange]: [issued()] }, repos, Layer.orDie(layer))
      assert.deepInclude(claimsOf(requests[0] ?? { headers: {} }), { iss: "Iv23canary" })
    }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
      new Map([
        ["GITHUB_APP_ID", "Iv23canary"],
        ["GITHUB_PRIVATE_KEY", pem.replaceAll("\n", "\\n")],
        ["GITHUB_INSTALLATION", "42"]
      ])
    ))))

  it.effect.each<
    [
      string,
      Partial<
        GitHubApp.Settings & {
          readonly credential: { readonly appId: string; readonly privateKey?: Redacted.Redacted }
        }
      >,
      string
    ]
  >([
    ["without a key", { credential: { appId: "Iv23canary" } }, "credential.privateKey"],
    [
      "with an empty key",
      { credential: { appId: "Iv23canary", privateKey: Redacted.make("\n") } },
      "credential.privateKey"
    ],
    [
      "with a key that is cut off",
      { credential: { appId: "Iv23canary", privateKey: Redacted.make(pem.slice(0, 300)) } },
      "credential.privateKey"
    ],
    ["for an installation that is no number", { installation: "42/../43" }, "installation"],
    ["for no installation", { installation: 0 }, "installation"],
    ["at an address that is none", { baseUrl: "github.acme.example" }, "baseUrl"]
  ])("is not made %s", ([, changed, setting]) =>
    Effect.gen(function*() {
      const { requests, result } = yield* running({}, repos, GitHubApp.layer({ ...options, ...changed }))
      assert.isTrue(result._tag === "Left" && result.left._tag === "InvalidSetting" && result.left.setting === setting)
      assert.deepStrictEqual(requests, [])
    }))

  it.effect("says what is wrong with a key that cannot be read, once, and does not quote it", () =>
    Effect.gen(function*() {
      const broken = { appId: "Iv23canary", privateKey: Redacted.make("canary-key") }
      const { requests, result } = yield* running({}, repos, GitHubApp.layer({ ...options, credential: broken }))
      assert.isTrue(
        result._tag === "Left" && result.left._tag === "InvalidSetting" &&
          result.left.setting === "credential.privateKey"
      )
      assert.notInclude(JSON.stringify(result), "canary-key")
      assert.deepStrictEqual(requests, [])
      const read = GitHubApp.layer({ ...options, credential: Effect.succeed(broken) })
      const later = yield* running({}, repos, read)
      assert.isTrue(later.result._tag === "Left" && later.result.left._tag === "CredentialUnavailable")
      assert.notInclude(JSON.stringify(later), "canary-key")
    }))

  it.effect.each<[object, string | undefined]>([
    [{ GITHUB_PRIVATE_KEY: `"${pem.replaceAll("\n", "\\n")}` }, undefined],
    [{ GITHUB_PRIVATE_KEY: pem.slice(0, 300) }, "credential.privateKey: ends within a PEM block"],
    [{ GITHUB_PRIVATE_KEY: "/run/secrets/canary.pem" }, "credential.privateKey: is no private key for RS256"],
    [{ GITHUB_INSTALLATION: "forty-two" }, "installation: must be the number of an installation"]
  ])(
    "says which setting cannot be used when its layer is built from Config (%#)",
    ([changed, said]) =>
      Effect.gen(function*() {
        const layer = GitHubApp.layerConfig({
          credential: GitHubApp.credentialConfig("GITHUB"),
          installation: Config.string("GITHUB_INSTALLATION")
        })
        const transport = Layer.sync(HttpClient.HttpClient, () => ScriptedHttpClient.make({ json: {} }))
        const built = yield* Effect.either(Effect.scoped(Layer.build(Layer.provide(layer, transport))))
        if (said === undefined) return assert.isTrue(Either.isRight(built))
        assert.include(String(Either.getOrThrow(Either.flip(built))), `InvalidSetting: ${said}`)
        assert.notInclude(JSON.stringify(built), "canary.pem")
      }).pipe(Effect.withConfigProvider(ConfigProvider.fromMap(
        new Map(Object.entries({
          GITHUB_APP_ID: "Iv23canary",
          GITHUB_PRIVATE_KEY: pem,
          GITHUB_INSTALLATION: "42",
          ...changed
        }))
      )))
  )
})
