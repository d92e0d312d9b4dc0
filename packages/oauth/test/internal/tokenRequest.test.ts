import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as ClientCredentials from "@effect-auth/oauth/ClientCredentials"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { baseUrl, clientId, credential, revoking, scripted, server } from "../fixtures.ts"

describe("tokenRequest", () => {
  const scopeOf = (scope: unknown, scopeSeparator?: ",") =>
    Effect.gen(function*() {
      const options = { baseUrl, server, credential, scope: ["asked"], scopeSeparator }
      const tokens = yield* ClientCredentials.makeTokens(options)
      return (yield* tokens.get).scope
    }).pipe(Effect.scoped, Effect.provide(scripted({ scope })))

  it.effect("TR9 reads the scope: split at spaces, at commas by option, an array as it is, absent as asked", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* Effect.all([
          scopeOf("a,b c"),
          scopeOf("a,b c", ","),
          scopeOf(["a", "b"]),
          scopeOf(undefined),
          scopeOf(null)
        ]),
        [["a,b", "c"], ["a", "b", "c"], ["a", "b"], ["asked"], ["asked"]]
      )
    }))

  it.effect("keeps the members that are asked for, and no others", () =>
    Effect.gen(function*() {
      const tokens = yield* ClientCredentials.makeTokens({
        baseUrl,
        server,
        credential,
        keep: ["instance_url", "absent"]
      })
      assert.deepStrictEqual((yield* tokens.get).extra, { instance_url: "https://i.example" })
    }).pipe(Effect.scoped, Effect.provide(scripted({ instance_url: "https://i.example", other: 1 }))))

  it.effect("MT1 RV1 goes to the endpoints for certificates, to revoke as well", () =>
    Effect.gen(function*() {
      const mtlsEndpoints = { token: "https://mtls.acme.example/token", revocation: "https://mtls.acme.example/revoke" }
      const client = ScriptedHttpClient.make({ json: { access_token: "canary-1" } })
      yield* ClientCredentials.makeTokens({
        baseUrl,
        server: { ...revoking, mtlsEndpoints },
        credential: { clientId },
        authentication: ClientAuthentication.certificate
      }).pipe(
        Effect.flatMap(({ get }) => get),
        Effect.scoped,
        Effect.provideService(HttpClient.HttpClient, client)
      )
      assert.deepStrictEqual(
        (yield* client.requests).map(({ url }) => url.href),
        Object.values(mtlsEndpoints)
      )
    }))
})
