/** A command that goes on with the session in its file, or logs in. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as RefreshToken from "@effect-auth/oauth/RefreshToken"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { directory, origin } from "./settings.ts"

const Acme = RefreshToken.layer({
  baseUrl: origin,
  server: { tokenEndpoint: `${origin}/token` },
  credential: {
    clientId: "bench",
    clientSecret: Redacted.make("canary-secret"),
    refreshToken: Redacted.make("canary-refresh")
  }
})

const program = Effect.gen(function*() {
  const client = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
  const response = yield* client.get("/things/1")
  process.stdout.write(yield* response.text)
})

await Effect.runPromise(program.pipe(
  Effect.provide(Acme),
  Effect.provide(FileTokenStore.layer({ directory })),
  Effect.provide(FetchHttpClient.layer)
))
