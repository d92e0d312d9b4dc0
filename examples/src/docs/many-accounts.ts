/** Many accounts, or servers, of one system. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import { HttpClient } from "@effect/platform"
import { Context, Effect, Layer, LayerMap, Redacted } from "effect"
import { deepStrictEqual } from "node:assert"

const users = { ada: "canary-password-ada", grace: "canary-password-grace" }

// #region map
const passwordOf = (username: string) =>
  Redacted.make(username === "ada" ? "canary-password-ada" : "canary-password-grace")

class Accounts extends LayerMap.Service<Accounts>()("app/Accounts", {
  lookup: (username: string) =>
    Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential: { username, password: passwordOf(username) } }),
  idleTimeToLive: "10 minutes"
}) {}

const name = Effect.map(Yamcs.user, ({ name }) => name)

const program = Effect.gen(function*() {
  const ada = yield* Effect.provide(name, Accounts.get("ada"))
  const grace = yield* Effect.provide(name, Accounts.get("grace"))
  const again = yield* Effect.provide(name, Accounts.get("ada")) // the session of the first call
  return [ada, grace, again]
}).pipe(Effect.provide(Accounts.Default))
// #endregion

// #region keyed
class Shop extends Context.Tag("app/Shop")<Shop, (user: string) => AuthenticatedHttpClient.Service>() {}

const mode = "Shop/Password"

const login = (user: string) => Token.make({ mode, value: `canary-token-of-${user}`, lifetime: "1 hour" }) // your request

const ShopLive = Layer.scoped(
  Shop,
  Effect.gen(function*() {
    const sources = yield* TokenSource.keyed((user: string) => ({ mode, login: login(user) }))
    const client = yield* AuthenticatedHttpClient.binder({ baseUrl: "https://shop.example" })
    return (user) => client(Authenticator.bearer(sources(user), { mode }))
  })
)

const orders = (user: string) => Effect.flatMap(Shop, (client) => client(user).get("/orders"))
// #endregion

// #region tags
class East extends Context.Tag("app/East")<East, AuthenticatedHttpClient.Service>() {}
class West extends Context.Tag("app/West")<West, AuthenticatedHttpClient.Service>() {}

const server = (baseUrl: string) =>
  Yamcs.make({ baseUrl, credential: { _tag: "Password", username: "ada", password: passwordOf("ada") } })

const Servers = Layer.merge(
  Layer.scoped(East, server("https://east.yamcs.example")),
  Layer.scoped(West, server("https://west.yamcs.example"))
)
// #endregion

export const test = Effect.gen(function*() {
  deepStrictEqual(yield* program, ["ada", "grace", "ada"])
  const { stats } = yield* FakeYamcs.FakeYamcs
  deepStrictEqual((yield* stats).logins, 2)
  const { status } = yield* Effect.flatMap(West, (http) => http.get("/api/user")).pipe(Effect.provide(Servers))
  deepStrictEqual(status, 200)
  const shop = ScriptedHttpClient.make(({ headers }) => ({
    status: headers["authorization"] === "Bearer canary-token-of-ada" ? 200 : 401
  }))
  const answers = yield* Effect.all([orders("ada"), Effect.flip(orders("grace"))]).pipe(
    Effect.provide(ShopLive),
    Effect.provideService(HttpClient.HttpClient, shop)
  )
  deepStrictEqual([answers[0].status, answers[1]._tag], [200, "AuthenticationFailed"])
}).pipe(Effect.provide(FakeYamcs.layer({ users })))
