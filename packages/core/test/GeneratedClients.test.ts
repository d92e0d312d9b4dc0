/** Clients that are made from a description of a service work over the authenticated client, on every transport. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import * as Loopback from "./Loopback.ts"

const User = Schema.Struct({ id: Schema.Number, name: Schema.String })

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.Number }) {}

const Api = HttpApi.make("Api").add(
  HttpApiGroup.make("users").add(
    HttpApiEndpoint.get("one", "/users/:id").setPath(Schema.Struct({ id: Schema.NumberFromString })).addSuccess(User)
      .addError(NotFound, { status: 404 })
  )
)

class Users extends RpcGroup.make(
  Rpc.make("Rename", { success: User, payload: { id: Schema.Number, name: Schema.String } })
) {}

/** A service that only `token2` enters, so that a client has to renew what it logs in with. */
const serve = Effect.gen(function*() {
  const rpc = yield* RpcServer.toHttpApp(Users).pipe(
    Effect.provide(Users.toLayer({ Rename: (user) => Effect.succeed(user) })),
    Effect.provide(RpcSerialization.layerJson)
  )
  const app = HttpRouter.empty.pipe(
    HttpRouter.get("/v1/users/7", HttpServerResponse.unsafeJson({ id: 7, name: "Ada" })),
    HttpRouter.get("/v1/users/8", HttpServerResponse.unsafeJson({ _tag: "NotFound", id: 8 }, { status: 404 })),
    HttpRouter.post("/v1/rpc", rpc),
    HttpRouter.use((app) =>
      Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
        headers["authorization"] === "Bearer token2"
          ? app
          : Effect.succeed(HttpServerResponse.empty({ status: 401 })))
    )
  )
  // built into the test's scope: provided to one effect only, it would close with it
  const listening = yield* Layer.build(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
  return yield* Effect.provide(
    Effect.zipRight(
      HttpServer.serveEffect(app),
      HttpServer.addressFormattedWith((address) => Effect.succeed(`${address}/v1`))
    ),
    listening
  )
})

/** The n-th login gives `<prefix><n>`. */
const authenticated = (baseUrl: string, prefix = "token") =>
  Layer.scoped(
    AuthenticatedHttpClient.AuthenticatedHttpClient,
    Effect.gen(function*() {
      let logins = 0
      const login = Effect.suspend(() => Token.make({ value: `${prefix}${++logins}` }))
      const tokens = yield* TokenSource.make({ login })
      return yield* AuthenticatedHttpClient.make(Authenticator.bearer(tokens), { baseUrl })
    })
  )

describe("a client of an HttpApi", () => {
  for (const { layer, name } of Loopback.transports()) {
    it.scopedLive(`keeps the typed errors of the authenticated client, over ${name}`, () =>
      Effect.gen(function*() {
        const baseUrl = yield* serve
        const user = (id: number, prefix?: string) =>
          Effect.gen(function*() {
            const httpClient = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
            const client = yield* HttpApiClient.makeWith(Api, { httpClient })
            return yield* client.users.one({ path: { id } })
          }).pipe(Effect.provide(Layer.provide(authenticated(baseUrl, prefix), layer)))
        assert.deepStrictEqual(yield* user(7), { id: 7, name: "Ada" })
        assert.deepStrictEqual(yield* Effect.flip(user(8)), new NotFound({ id: 8 }))
        const outcome = yield* user(7, "wrong").pipe(
          Effect.catchTag("AuthenticationFailed", (error) => Effect.succeed(error.status))
        )
        assert.strictEqual(outcome, 401)
      }))
  }
})

describe("a client of an RpcGroup", () => {
  for (const { layer, name } of Loopback.transports()) {
    it.scopedLive(`runs over layerHttpClient, over ${name}`, () =>
      Effect.gen(function*() {
        const baseUrl = yield* serve
        const rename = (prefix?: string) => {
          const protocol = RpcClient.layerProtocolHttp({ url: "/rpc" }).pipe(
            Layer.provide(AuthenticatedHttpClient.layerHttpClient()),
            Layer.provide(authenticated(baseUrl, prefix)),
            Layer.provide(layer),
            Layer.provide(RpcSerialization.layerJson)
          )
          return Effect.scoped(
            Effect.flatMap(RpcClient.make(Users), (client) => client.Rename({ id: 7, name: "Grace" }))
          ).pipe(Effect.provide(protocol))
        }
        assert.deepStrictEqual(yield* rename(), { id: 7, name: "Grace" })
        const error = yield* Effect.flip(rename("wrong"))
        assert.include(
          String(error.cause),
          "Bearer: the request was refused even though its authentication was renewed"
        )
      }))
  }
})
