import * as TokenStores from "@effect-auth/core/TokenStores"
import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
import * as JwtBearer from "@effect-auth/oauth/JwtBearer"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { baseUrl, issuer, server } from "./fixtures.ts"

/** A token endpoint whose tokens name the subject of the assertion, and an API that says whose token it was sent. */
const makeServer = () => {
  let issued = 0
  const refused = new Set<string>()
  const client = ScriptedHttpClient.make(({ body, headers, line }) => {
    if (line.startsWith("GET /.well-known")) {
      return { json: { issuer, token_endpoint: server.tokenEndpoint }, after: "5 millis" }
    }
    if (line.startsWith("POST /token")) {
      const user = new URLSearchParams(body).get("assertion") ?? ""
      return { json: { access_token: `canary-${user}-${++issued}`, expires_in: 60 }, after: "10 millis" }
    }
    const token = headers["authorization"] ?? ""
    return refused.has(token) ? { status: 401 } : { json: token.split("-")[1] ?? "", after: "3 millis" }
  })
  const refuse = (user: string) =>
    Effect.map(client.requests, (requests) => {
      for (const { headers: { authorization = "" } } of requests) {
        if (authorization.includes(`-${user}-`)) refused.add(authorization)
      }
    })
  return { client, refuse }
}

const usersOf = (settings: { readonly capacity?: number; readonly idle?: "1 hour" } = {}) =>
  Effect.gen(function*() {
    const server = yield* AuthorizationServer.remember(issuer)
    return yield* OAuth.keyed(
      (user: string) =>
        JwtBearer.makeTokens({
          baseUrl,
          server,
          account: user,
          assertion: () => Effect.succeed(Redacted.make(user))
        }),
      { baseUrl, ...settings }
    )
  })

describe("OAuth.keyed", () => {
  const whoAmI = (users: Effect.Effect.Success<ReturnType<typeof usersOf>>, user: string) =>
    Effect.flatMap(users.forKey(user).get("/me"), ({ json }) => json)

  it("has one client for a principal, as long as its tokens are in use", () => {
    const { client } = makeServer()
    return Effect.gen(function*() {
      const users = yield* usersOf({ idle: "1 hour" })
      assert.strictEqual(yield* whoAmI(users, "ada"), "ada")
      const ada = users.forKey("ada")
      assert.strictEqual(users.forKey("ada"), ada)
      assert.notStrictEqual(users.forKey("bob"), ada)
      yield* Effect.sleep("2 hours")
      assert.notStrictEqual(users.forKey("ada"), ada)
      assert.deepStrictEqual(yield* Effect.flatMap(ada.get("/me"), ({ json }) => json), "ada")
    }).pipe(Effect.scoped, Effect.provideService(HttpClient.HttpClient, client), VirtualClock.run, Effect.runPromise)
  })

  it("hands no principal the token of another, whatever is called at once, refused, ended, evicted and stored", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.tuple(
            fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }),
            fc.constantFrom("nothing", "refuse", "end", "wait a minute", "wait two hours")
          ),
          { maxLength: 8 }
        ),
        fc.boolean(),
        (rounds, isStored) => {
          const { client, refuse } = makeServer()
          return Effect.gen(function*() {
            const users = yield* usersOf({ capacity: 4, idle: "1 hour" })
            const refused: Array<string> = []
            for (const [names, event] of rounds) {
              const answers = yield* Effect.forEach(names, (n) => whoAmI(users, `user${n}`), {
                concurrency: "unbounded"
              })
              assert.deepStrictEqual(answers, names.map((n) => `user${n}`))
              const user = `user${names[0]}`
              // a fourth time within the cool-down it is the server that is believed
              const refusals = refused.filter((name) => name === user).length
              if (event === "refuse" && refusals < 3) {
                refused.push(user)
                yield* refuse(user)
              }
              if (event === "end") yield* users.tokensOf(user).end
              if (event === "wait a minute") yield* Effect.sleep("61 seconds")
              if (event === "wait two hours") yield* Effect.sleep("2 hours")
            }
          }).pipe(
            Effect.scoped,
            Effect.provideService(HttpClient.HttpClient, client),
            Effect.provide(isStored ? TokenStores.layerMemory : Layer.empty),
            VirtualClock.run,
            Effect.runPromise
          )
        }
      ),
      { numRuns: 8 }
    ))

  it("knows that a token was of use, whichever client of the principal has sent it: each refusal leads to a login", () => {
    const { client, refuse } = makeServer()
    return Effect.gen(function*() {
      const users = yield* usersOf()
      for (let round = 0; round < 4; round++) {
        assert.strictEqual(yield* whoAmI(users, "ada"), "ada")
        yield* refuse("ada")
      }
      const refused = yield* Effect.flip(whoAmI(users, "ada"))
      assert.strictEqual(refused._tag, "AuthenticationFailed")
    }).pipe(Effect.scoped, Effect.provideService(HttpClient.HttpClient, client), VirtualClock.run, Effect.runPromise)
  })

  it("MD6 reads the server's metadata once for all principals", () => {
    const { client } = makeServer()
    return Effect.gen(function*() {
      const users = yield* usersOf()
      yield* Effect.forEach(Array.from({ length: 20 }, (_, n) => `user${n}`), (user) => whoAmI(users, user), {
        concurrency: "unbounded"
      })
      const lines = (yield* client.requests).map(({ line }) => line)
      assert.lengthOf(lines.filter((line) => line.includes("well-known")), 1)
      assert.lengthOf(lines.filter((line) => line.startsWith("POST")), 20)
    }).pipe(Effect.scoped, Effect.provideService(HttpClient.HttpClient, client), VirtualClock.run, Effect.runPromise)
  })

  it("says what is wrong with the settings of one principal, and serves the others", () => {
    const { client } = makeServer()
    return Effect.gen(function*() {
      const users = yield* OAuth.keyed(
        (user: string) =>
          JwtBearer.makeTokens({
            baseUrl,
            server: user === "bob" ? { tokenEndpoint: "http://as.acme.example/token" } : server,
            assertion: () => Effect.succeed(Redacted.make(user))
          }),
        { baseUrl }
      )
      const error = yield* Effect.flip(whoAmI(users, "bob"))
      assert.deepInclude(error, { _tag: "CredentialUnavailable", final: true })
      assert.strictEqual(yield* whoAmI(users, "ada"), "ada")
    }).pipe(Effect.scoped, Effect.provideService(HttpClient.HttpClient, client), VirtualClock.run, Effect.runPromise)
  })
})
