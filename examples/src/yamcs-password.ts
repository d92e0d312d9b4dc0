/**
 * Who does Yamcs take me for, and which instances are there? With one login, renewed for as long as the program runs.
 * Any other credential works as well: YAMCS_API_KEY, YAMCS_CLIENT_ID, YAMCS_ACCESS_TOKEN (Yamcs.layerFromEnvironment).
 *
 *     YAMCS_URL=localhost:8090 YAMCS_USERNAME=operator YAMCS_PASSWORD=... tsx examples/src/yamcs-password.ts
 */
import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { runMain } from "./runMain.ts"

const Instances = Schema.Struct({
  instances: Schema.optionalWith(Schema.Array(Schema.Struct({ name: Schema.String, state: Schema.String })), {
    default: () => []
  })
})

const program = Effect.gen(function*() {
  const { name, superuser } = yield* Yamcs.user
  yield* Console.log(superuser ? `${name}, superuser` : name)
  const http = yield* AuthenticatedHttpClient
  const { instances } = yield* http.get("/api/instances").pipe(
    YamcsError.filterStatusOk,
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Instances))
  )
  yield* Effect.forEach(instances, ({ name, state }) => Console.log(`${name} ${state}`))
})

program.pipe(
  Effect.provide(Yamcs.layerFromEnvironment),
  Effect.provide(NodeHttpClient.layerUndici),
  runMain
)
