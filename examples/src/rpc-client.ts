/**
 * The client of an `RpcGroup` over an authenticated client: what the server answers and what authentication fails with are
 * errors of the call, told apart by their tags. The server is here, too, on loopback, and accepts the key of Ada only.
 *
 *     tsx examples/src/rpc-client.ts
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Rpc from "@effect/rpc/Rpc"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import { runMain } from "./runMain.ts"

class NoSuchPlanet extends Schema.TaggedError<NoSuchPlanet>()("NoSuchPlanet", { name: Schema.String }) {}

class Planets extends RpcGroup.make(
  Rpc.make("Moons", { payload: { of: Schema.String }, success: Schema.Number, error: NoSuchPlanet }),
  Rpc.make("Names", { success: Schema.String, stream: true })
) {}

class Acme extends Context.Tag("examples/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const program = Effect.gen(function*() {
  const planets = yield* AuthenticatedRpcClient.make(Planets, { client: Acme, url: "/rpc" })
  yield* planets.Names().pipe(Stream.runForEach((name) => Console.log(name)))
  yield* Console.log(`Mars has ${yield* planets.Moons({ of: "Mars" })} moons`)
  yield* planets.Moons({ of: "Pluto" })
}).pipe(
  Effect.catchTag("NoSuchPlanet", ({ name }) => Console.log(`${name} is no planet`)),
  Effect.catchTag("CredentialsRejected", (error) => Console.log(error.message)),
  Effect.scoped,
  Effect.provide(RpcSerialization.layerNdjson)
)

const handlers = Planets.toLayer({
  Moons: ({ of }) => of === "Mars" ? Effect.succeed(2) : Effect.fail(new NoSuchPlanet({ name: of })),
  Names: () => Stream.make("Venus", "Earth", "Mars")
})

const server = Effect.gen(function*() {
  const rpc = yield* RpcServer.toHttpApp(Planets)
  const { app } = yield* FakeServer.make(
    Effect.flatMap(
      HttpServerRequest.HttpServerRequest,
      ({ headers }) => headers["x-api-key"] === "canary-ada" ? rpc : HttpServerResponse.empty({ status: 401 })
    )
  )
  return yield* FakeServer.serve(app)
}).pipe(Effect.provide([handlers, RpcSerialization.layerNdjson]))

const as = (baseUrl: string, key: string) =>
  AuthenticatedHttpClient.layer(
    Authenticator.apiKey(new Credential.ApiKey({ in: "header", name: "x-api-key", key: Redacted.make(key) })),
    { baseUrl, client: Acme }
  )

runMain(
  Effect.gen(function*() {
    const baseUrl = yield* server
    yield* Effect.provide(program, as(baseUrl, "canary-ada"))
    yield* Effect.provide(program, as(baseUrl, "canary-eve"))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(
      NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }),
      NodeHttpClient.layerUndici
    ))
  )
)
