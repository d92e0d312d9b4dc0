import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import type { Clients } from "../../../src/internal/mcp/clients.ts"
import * as Identities from "../../../src/internal/mcp/clients.ts"
import type { AuthorizationServer } from "../../../src/internal/server.ts"

const issuer = "https://as.acme.example"
const other = "https://other.example"
const redirectUri = "http://127.0.0.1:8976/callback"
const metadataUrl = "https://app.acme.example/client.json"
const secret = Redacted.make("canary-secret")

const serverOf = (issuer: string, more: Partial<AuthorizationServer> = {}): AuthorizationServer => ({
  issuer,
  tokenEndpoint: `${issuer}/token`,
  clientAuthentications: ["client_secret_post", "none"],
  ...more
})
const registering = { registrationEndpoint: `${issuer}/register` }

const registered = (clientId: string, more: { readonly redirectUris?: ReadonlyArray<string> } = {}) =>
  new RegisteredClients.RegisteredClient({
    issuer,
    clientId,
    authentication: "none",
    redirectUris: [redirectUri],
    ...more
  })

/** Clients at a server that registers `canary-1`, `canary-2` and so on. */
const identitiesOf = (clients: Clients) =>
  Effect.gen(function*() {
    const kept = yield* RegisteredClients.makeMemory
    const transport = ScriptedHttpClient.layer((_, earlier) => ({
      status: 201,
      json: { client_id: `canary-${earlier.length + 1}`, redirect_uris: [redirectUri] }
    }))
    return { ...Identities.make(clients, kept, "Test"), kept, transport }
  })

type Case = readonly [
  name: string,
  clients: Clients,
  server: AuthorizationServer,
  expected: readonly [clientId: string, authentication: string] | string
]

describe("clients", () => {
  it.effect.each<Case>([
    [
      "MCP5 MCP7 a known client comes first, and authenticates as the metadata allows",
      { known: { issuer, clientId: "canary-known", clientSecret: secret }, metadataUrl },
      serverOf(issuer, { ...registering, clientMetadataDocuments: true }),
      ["canary-known", "Post"]
    ],
    [
      "MCP5 of known clients that of the issuer is taken",
      { known: [{ issuer: other, clientId: "canary-other" }, { issuer, clientId: "canary-known" }] },
      serverOf(issuer),
      ["canary-known", "None"]
    ],
    [
      "MCP5 a document comes before registration where the server takes one",
      { metadataUrl, metadata: { name: "Acme" } },
      serverOf(issuer, { ...registering, clientMetadataDocuments: true }),
      [metadataUrl, "None"]
    ],
    [
      "MCP5 a client is registered where the server takes no document",
      { metadataUrl, metadata: { name: "Acme" } },
      serverOf(issuer, registering),
      ["canary-1", "None"]
    ],
    [
      "MCP31 a client that is known to another server is shown to none",
      { known: { issuer: other, clientId: "canary-other", clientSecret: secret } },
      serverOf(issuer, registering),
      "none of the known clients is one of https://as.acme.example"
    ],
    [
      "MCP5 without any of them a person has to ask for one",
      {},
      serverOf(issuer),
      "https://as.acme.example knows no client of this program"
    ]
  ])("%s", ([, clients, server, expected]) =>
    Effect.gen(function*() {
      const { of, transport } = yield* identitiesOf(clients)
      const result = yield* Effect.either(Effect.provide(of(server, redirectUri), transport))
      if (typeof expected === "string") {
        assert.isTrue(result._tag === "Left")
        assert.include(result._tag === "Left" ? result.left.message : "", expected)
      } else {
        assert.deepStrictEqual(
          result._tag === "Right" ? [result.right.clientId, result.right.authentication._tag] : result.left,
          [...expected]
        )
      }
    }))

  it.effect("MCP30 a known client without an issuer is that of the first server met, be it by a stored session", () =>
    Effect.gen(function*() {
      const refused = (identities: Identities.Identities, issuer: string) =>
        Effect.isFailure(identities.of(serverOf(issuer)))
      const known = { clientId: "canary-known", clientSecret: secret }
      const asked = yield* identitiesOf({ known })
      assert.deepStrictEqual(
        yield* Effect.provide(
          Effect.all([refused(asked, issuer), refused(asked, other), refused(asked, issuer)]),
          asked.transport
        ),
        [false, true, false]
      )
      const continued = yield* identitiesOf({ known })
      continued.met(issuer)
      assert.isTrue(yield* Effect.provide(refused(continued, other), continued.transport))
    }))

  it.effect("RG3 a client that was registered is used again, unless its secret has expired or its redirect URI is another", () =>
    Effect.gen(function*() {
      const { kept, of, transport } = yield* identitiesOf({})
      const clientId = (uri?: string) =>
        Effect.map(Effect.provide(of(serverOf(issuer, registering), uri), transport), ({ clientId }) => clientId)
      assert.strictEqual(yield* clientId(redirectUri), "canary-1")
      assert.strictEqual(yield* clientId("http://127.0.0.1:1/callback"), "canary-1")
      assert.strictEqual(yield* clientId(), "canary-1")
      yield* kept.set(registered("canary-elsewhere", { redirectUris: ["http://127.0.0.1/other"] }))
      assert.notStrictEqual(yield* clientId(redirectUri), "canary-elsewhere")
      yield* kept.set(
        new RegisteredClients.RegisteredClient({ ...registered("canary-old"), secretExpiresAt: DateTime.unsafeMake(1) })
      )
      yield* TestClock.setTime(2)
      assert.notStrictEqual(yield* clientId(redirectUri), "canary-old")
    }))

  it.effect("RG3 what another process has registered meanwhile is not forgotten, and the client of the latest session is kept", () =>
    Effect.gen(function*() {
      const { forget, keep, kept } = yield* identitiesOf({})
      const clientId = Effect.map(kept.get(issuer), Option.map(({ clientId }) => clientId))
      yield* kept.set(registered("canary-theirs"))
      yield* forget(registered("canary-mine"))
      assert.deepStrictEqual(yield* clientId, Option.some("canary-theirs"))
      yield* keep({
        clientId: "canary-mine",
        authentication: ClientAuthentication.none,
        registered: registered("canary-mine")
      })
      assert.deepStrictEqual(yield* clientId, Option.some("canary-mine"))
      yield* forget(registered("canary-mine"))
      assert.deepStrictEqual(yield* clientId, Option.none())
    }))
})
