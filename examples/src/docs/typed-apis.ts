/** Clients that are made from a description of an API, over an authenticated client. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
import * as AuthTest from "@effect-auth/testing/AuthTest"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import type { HttpClient } from "@effect/platform"
import {
  HttpApi,
  HttpApiClient,
  HttpApiEndpoint,
  HttpApiGroup,
  HttpClientRequest,
  HttpClientResponse,
  HttpRouter,
  HttpServerResponse
} from "@effect/platform"
import { Rpc, RpcGroup, RpcSerialization, RpcServer } from "@effect/rpc"
import { Effect, Redacted, Schema } from "effect"
import { deepStrictEqual } from "node:assert"
import { Acme, layer } from "./own-api.ts"

// #region httpApi
const User = Schema.Struct({ id: Schema.Number, name: Schema.String })

const Api = HttpApi.make("Api").add(
  HttpApiGroup.make("users").add(
    HttpApiEndpoint.get("one", "/users/:id").setPath(Schema.Struct({ id: Schema.NumberFromString })).addSuccess(User)
  )
)

const user = (id: number) =>
  Effect.gen(function*() {
    const { users } = yield* HttpApiClient.makeWith(Api, { httpClient: yield* Acme })
    return yield* users.one({ path: { id } })
  }).pipe(Effect.catchTags({
    // in spite of a new token; with credentials that cannot be renewed it is CredentialsRejected
    AuthenticationFailed: ({ status }) => Effect.succeed(`refused with ${status}`),
    CredentialsRejected: ({ message }) => Effect.succeed(message)
  }))
// #endregion

// #region rpc
class Users extends RpcGroup.make(
  Rpc.make("Rename", { success: User, payload: { id: Schema.Number, name: Schema.String } })
) {}

const rename = (id: number, name: string) =>
  Effect.gen(function*() {
    const users = yield* AuthenticatedRpcClient.make(Users, { url: "/rpc", client: Acme })
    return yield* users.Rename({ id, name })
  }).pipe(
    Effect.scoped,
    Effect.provide(RpcSerialization.layerJson)
  )
// #endregion

// #region generated
// such as @tim-smart/openapi-gen writes it
const Generated = {
  make: (http: HttpClient.HttpClient) => ({
    getUser: (id: number) =>
      http.execute(HttpClientRequest.get(`/users/${id}`)).pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(User))
      )
  })
}

const generated = Effect.map(Acme, (acme) => Generated.make(AuthenticatedHttpClient.toHttpClient(acme)))
// #endregion

// #region fetch
const viaFetch = Effect.gen(function*() {
  const fetch = yield* AuthenticatedHttpClient.toFetch(yield* Acme)
  // new SomeSdk({ baseURL: "https://api.acme.example", fetch })
  return yield* Effect.promise(() => fetch("/users/7").then((response) => response.json()))
})
// #endregion

export const test = Effect.gen(function*() {
  const rpc = yield* RpcServer.toHttpApp(Users).pipe(
    Effect.provide(Users.toLayer({ Rename: (user) => Effect.succeed(user) })),
    Effect.provide(RpcSerialization.layerJson)
  )
  const app = HttpRouter.empty.pipe(
    HttpRouter.post("/token", HttpServerResponse.json({ access_token: "canary-token" })),
    HttpRouter.get("/users/:id", HttpServerResponse.json({ id: 7, name: "Ada" })),
    HttpRouter.post("/rpc", rpc)
  )
  const ada = { id: 7, name: "Ada" }
  const results = yield* Effect.all([
    user(7),
    rename(7, "Ada"),
    Effect.flatMap(generated, ({ getUser }) => getUser(7)),
    viaFetch
  ]).pipe(
    Effect.provide(layer({ id: "reporting", secret: Redacted.make("canary-secret") })),
    Effect.provide(FakeServer.layer(app))
  )
  deepStrictEqual(results.map((result) => ({ ...Object(result) })), [ada, ada, ada, ada])
  const refused = yield* Effect.flip(rename(7, "Ada")).pipe(Effect.provide(AuthTest.rejecting(Acme)))
  deepStrictEqual(refused._tag, "CredentialsRejected")
}).pipe(Effect.scoped)
