/**
 * The client of an `HttpApi` over an authenticated client: the platform's `HttpApiClient.makeWith` keeps its errors, so
 * that what the API answers and what authentication fails with are told apart by their tags. The server is here, too, on
 * loopback, and accepts the password of Ada only.
 *
 *     tsx examples/src/http-api-client.ts
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import * as HttpServer from "@effect/platform/HttpServer"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createServer } from "node:http"
import { runMain } from "./runMain.ts"

class NoSuchPlanet extends Schema.TaggedError<NoSuchPlanet>()("NoSuchPlanet", { name: Schema.String }) {}

const Api = HttpApi.make("Acme").add(
  HttpApiGroup.make("planets").add(
    HttpApiEndpoint.get("moons", "/planets/:name/moons").setPath(Schema.Struct({ name: Schema.String }))
      .addSuccess(Schema.Number)
      .addError(NoSuchPlanet, { status: 404 })
  )
)

class Acme extends Context.Tag("examples/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const program = Effect.gen(function*() {
  const { planets } = yield* HttpApiClient.makeWith(Api, { httpClient: yield* Acme })
  yield* Console.log(`Mars has ${yield* planets.moons({ path: { name: "Mars" } })} moons`)
  yield* planets.moons({ path: { name: "Pluto" } })
}).pipe(
  Effect.catchTag("NoSuchPlanet", ({ name }) => Console.log(`${name} is no planet`)),
  Effect.catchTag("CredentialsRejected", (error) => Console.log(error.message))
)

const handlers = HttpApiBuilder.group(
  Api,
  "planets",
  (handlers) =>
    handlers.handle(
      "moons",
      ({ path: { name } }) => name === "Mars" ? Effect.succeed(2) : Effect.fail(new NoSuchPlanet({ name }))
    )
)

const server = Effect.gen(function*() {
  const api = yield* HttpApiBuilder.httpApp
  const ada = `Basic ${Buffer.from("ada:canary-password").toString("base64")}`
  const { app } = yield* FakeServer.make(
    Effect.flatMap(
      HttpServerRequest.HttpServerRequest,
      ({ headers }) => headers["authorization"] === ada ? api : HttpServerResponse.empty({ status: 401 })
    )
  )
  return yield* FakeServer.serve(app)
}).pipe(Effect.provide([
  Layer.provide(HttpApiBuilder.api(Api), handlers),
  HttpApiBuilder.Router.Live,
  HttpApiBuilder.Middleware.layer,
  HttpServer.layerContext
]))

const as = (baseUrl: string, username: string) =>
  AuthenticatedHttpClient.layer(
    Authenticator.basic(new Credential.Basic({ username, password: Redacted.make("canary-password") })),
    { baseUrl, client: Acme }
  )

runMain(
  Effect.gen(function*() {
    const baseUrl = yield* server
    yield* Effect.provide(program, as(baseUrl, "ada"))
    yield* Effect.provide(program, as(baseUrl, "eve"))
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.merge(
      NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }),
      NodeHttpClient.layerUndici
    ))
  )
)
