/** By hand on Effect: the file is read, and nothing renewed. */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import { readFile } from "node:fs/promises"
import type { Session } from "./settings.ts"
import { origin, session } from "./settings.ts"

const program = Effect.gen(function*() {
  const { access_token, expires_at } = JSON.parse(yield* Effect.promise(() => readFile(session, "utf8"))) as Session
  if (Date.now() >= expires_at) return yield* Effect.fail("expired")
  const client = yield* HttpClient.HttpClient
  const request = HttpClientRequest.bearerToken(HttpClientRequest.get(`${origin}/things/1`), access_token)
  const response = yield* client.execute(request)
  process.stdout.write(yield* response.text)
})

await Effect.runPromise(Effect.provide(program, FetchHttpClient.layer))
