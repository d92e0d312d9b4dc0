/** A web server that acts for each of its users at another one. */
import * as TokenStores from "@effect-auth/core/TokenStores"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import { PendingAuthorization } from "@effect-auth/oauth/AuthorizationRequest"
import * as OAuth from "@effect-auth/oauth/OAuth"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import { HttpRouter, HttpServerRequest, HttpServerResponse, KeyValueStore } from "@effect/platform"
import { Effect, Option, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"

// #region users
const optionsOf = (account: string) => ({
  baseUrl: "https://api.acme.example",
  server: "https://login.acme.example",
  credential: { clientId: "things-web", clientSecret: Redacted.make("canary-secret-web") },
  redirectUri: "https://app.example/callback", // as it is registered, and a route below
  scope: ["things:read"],
  account // whose session it is: stored under this name
})

// one client for each user, with the session that is found in the store
class Users extends Effect.Service<Users>()("app/Users", {
  scoped: OAuth.keyed((user: string) => AuthorizationCode.makeSession(optionsOf(user)), {
    baseUrl: "https://api.acme.example"
  })
}) {}
// #endregion

// #region routes
// your own session says who this is, and is not guessed as easily
const currentUser = Effect.map(
  HttpServerRequest.schemaCookies(Schema.Struct({ user: Schema.NonEmptyString })),
  ({ user }) => user
)

// logins that were begun, by the user who began them: any instance may go on with one
const logins = Effect.map(
  KeyValueStore.KeyValueStore,
  (store) => KeyValueStore.prefix(store, "login/").forSchema(PendingAuthorization)
)

const app = HttpRouter.empty.pipe(
  HttpRouter.get(
    "/login",
    Effect.gen(function*() {
      const user = yield* currentUser
      const { pending, url } = yield* AuthorizationCode.begin(optionsOf(user))
      yield* (yield* logins).set(user, pending)
      return HttpServerResponse.redirect(url)
    })
  ),
  HttpRouter.get(
    "/callback",
    Effect.gen(function*() {
      const user = yield* currentUser
      const { url } = yield* HttpServerRequest.HttpServerRequest
      const store = yield* logins
      const pending = yield* store.get(user)
      yield* store.remove(user) // used once, whatever comes of it
      if (Option.isNone(pending)) return HttpServerResponse.redirect("/login")
      yield* AuthorizationCode.complete(optionsOf(user), pending.value, url)
      return HttpServerResponse.redirect("/things")
    })
  ),
  HttpRouter.get(
    "/things",
    Effect.gen(function*() {
      const { forKey } = yield* Users
      const response = yield* forKey(yield* currentUser).get("/things")
      return yield* HttpServerResponse.json(yield* response.json)
    }).pipe(
      // nobody is asked here: without a session, or after its end, the browser is sent to log in
      Effect.catchTag("InteractionRequired", () => Effect.succeed(HttpServerResponse.redirect("/login")))
    )
  ),
  HttpRouter.catchTag("CredentialsRejected", ({ code }) =>
    // such as access_denied
    HttpServerResponse.text(`the login was refused (${code})`, { status: 403 }))
)
// #endregion

// #region logout
export const logOut = (user: string) => Effect.flatMap(Users, ({ tokensOf }) => tokensOf(user).end)
// #endregion

/** A browser with the cookie of a user: where it ends, and what it is shown there. */
const visit = (user: string, path: string) =>
  Effect.gen(function*() {
    const server = yield* FakeServer.FakeServer
    const acme = yield* FakeOAuth.FakeOAuth
    const follow = (url: string): Effect.Effect<{ url: string; text: string }> =>
      Effect.gen(function*() {
        const isOwn = url.startsWith("https://app.example/")
        const { headers, text } = isOwn
          ? yield* server.httpClient.get(url, { headers: { cookie: `user=${user}` } })
          : yield* acme.httpClient.get(url)
        const { location } = headers
        return location === undefined
          ? { url, text: yield* text }
          : yield* follow(new URL(location, url).href)
      }).pipe(Effect.orDie)
    return yield* follow(`https://app.example${path}`)
  })

export const test = Effect.gen(function*() {
  const acme = yield* FakeOAuth.FakeOAuth
  for (const user of ["ada", "bob"]) {
    yield* acme.person(FakeOAuth.agrees({ user }))
    const { text, url } = yield* visit(user, "/things")
    deepStrictEqual([url, JSON.parse(text).user], ["https://app.example/things", user])
  }
  deepStrictEqual((yield* acme.stats).prompts, 2)
  deepStrictEqual(JSON.parse((yield* visit("ada", "/things")).text).user, "ada") // with the session of before
  deepStrictEqual((yield* acme.stats).prompts, 2)

  yield* logOut("ada")
  yield* acme.person(FakeOAuth.denies)
  deepStrictEqual((yield* visit("ada", "/things")).text, "the login was refused (access_denied)")
}).pipe(
  Effect.provide(FakeServer.layer(app)),
  Effect.provide(Users.Default),
  Effect.provide([TokenStores.layerMemory, KeyValueStore.layerMemory]),
  Effect.provide(FakeOAuth.layer({ clients: { "things-web": "canary-secret-web" } }))
)
