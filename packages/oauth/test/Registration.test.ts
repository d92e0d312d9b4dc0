import * as AuthError from "@effect-auth/core/AuthError"
import type * as ClientMetadata from "@effect-auth/oauth/ClientMetadata"
import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
import * as Registration from "@effect-auth/oauth/Registration"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const issuer = "https://as.acme.example"
const server = { issuer, tokenEndpoint: `${issuer}/token`, registrationEndpoint: `${issuer}/register` }
const callback = "http://127.0.0.1/callback"
const metadata: ClientMetadata.ClientMetadata = { name: "Acme", redirectUris: [callback], scope: ["read"] }
const options = { mode: "Test" }
const answer = { client_id: "canary-id", redirect_uris: [callback], token_endpoint_auth_method: "none" }

const registering = (
  reply: ScriptedHttpClient.Script,
  asked: ClientMetadata.ClientMetadata = metadata,
  by: Registration.Options = options
) =>
  Effect.gen(function*() {
    const client = yield* Registration.register(server, asked, by)
    const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
    return { client, requests: yield* requests }
  }).pipe(Effect.provide(ScriptedHttpClient.layer(reply)))

const refused = (
  reply: ScriptedHttpClient.Script,
  asked?: ClientMetadata.ClientMetadata,
  by?: Registration.Options
) => Effect.flip(registering(reply, asked, by))

describe("Registration", () => {
  it.effect("RG1 posts what the client says of itself, in JSON, with the initial access token if there is one", () =>
    Effect.gen(function*() {
      const { requests } = yield* registering({ status: 201, json: answer }, metadata, {
        ...options,
        initialAccessToken: Redacted.make("canary-initial")
      })
      const [request] = requests
      assert.strictEqual(request?.line, "POST /register")
      assert.strictEqual(request?.headers["authorization"], "Bearer canary-initial")
      assert.strictEqual(request?.headers["content-type"], "application/json")
      assert.deepStrictEqual(JSON.parse(request?.body ?? ""), {
        client_name: "Acme",
        redirect_uris: [callback],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        scope: "read",
        application_type: "native"
      })
      const open = yield* registering({ status: 201, json: answer })
      assert.notProperty(open.requests[0]?.headers, "authorization")
    }))

  it.effect.each([201, 200])(
    "RG2 takes the values of the server, from an answer with %d",
    (status) =>
      Effect.gen(function*() {
        const { client } = yield* registering({
          status,
          json: {
            client_id: "canary-id",
            client_secret: "canary-secret",
            client_secret_expires_at: 3600,
            token_endpoint_auth_method: "client_secret_post",
            redirect_uris: [callback, "http://127.0.0.1/other"],
            scope: "read write",
            registration_client_uri: `${issuer}/register/canary-id`,
            registration_access_token: "canary-token",
            unknown_member: 1
          }
        })
        assert.deepStrictEqual(
          client,
          new RegisteredClients.RegisteredClient({
            issuer,
            clientId: "canary-id",
            clientSecret: Redacted.make("canary-secret"),
            secretExpiresAt: DateTime.unsafeMake(3_600_000),
            authentication: "client_secret_post",
            redirectUris: [callback, "http://127.0.0.1/other"],
            scope: ["read", "write"],
            registrationUri: `${issuer}/register/canary-id`,
            registrationToken: Redacted.make("canary-token")
          })
        )
      })
  )

  it.effect.each([
    ["http://as.acme.example/register", "InsecureTransport"],
    ["https://as.acme.example@evil.example/register", "InvalidSetting"],
    ["/register", "InvalidSetting"]
  ])("RG1 sends nothing to %s, given by hand", ([registrationEndpoint, tag]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        Registration.register({ ...server, registrationEndpoint }, metadata, {
          ...options,
          initialAccessToken: Redacted.make("canary-initial")
        })
      )
      assert.strictEqual(error._tag, tag)
      assert.notInclude(inspect(error, { depth: 10 }), "canary")
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      assert.lengthOf(yield* requests, 0)
    }).pipe(Effect.provide(ScriptedHttpClient.layer({ status: 201, json: answer }))))

  it.effect("RG2 keeps what was asked for where the server does not mention it", () =>
    Effect.gen(function*() {
      const { client } = yield* registering({ status: 201, json: { client_id: "canary-id", scope: null } })
      assert.deepStrictEqual(
        client,
        new RegisteredClients.RegisteredClient({
          issuer,
          clientId: "canary-id",
          authentication: "none",
          redirectUris: [callback],
          scope: ["read"]
        })
      )
    }))

  it.effect.each<[unknown, number | undefined]>([[0, undefined], ["0", undefined], ["3600", 3_600_000]])(
    "RG2 RG3 reads when the secret expires, be it a text: %j",
    ([client_secret_expires_at, expected]) =>
      Effect.gen(function*() {
        const { client } = yield* registering({
          status: 201,
          json: { ...answer, client_secret: "canary-secret", client_secret_expires_at }
        })
        assert.strictEqual(client.secretExpiresAt?.epochMillis, expected)
      })
  )

  it.effect("RG2 uses a secret that came without a method in Basic", () =>
    Effect.gen(function*() {
      const { client } = yield* registering({
        status: 201,
        json: { client_id: "canary-id", client_secret: "canary-secret" }
      })
      assert.strictEqual(client.authentication, "client_secret_basic")
    }))

  it.effect.each<[string, object, string]>([
    ["another way to authenticate", { token_endpoint_auth_method: "private_key_jwt" }, "in a way that it cannot"],
    ["one that nobody knows", { token_endpoint_auth_method: "magic" }, "in a way that it cannot"],
    ["a secret that did not come", { token_endpoint_auth_method: "client_secret_basic" }, "got none"],
    ["other redirect URIs", { redirect_uris: ["https://evil.example/callback"] }, "without its redirect URIs"],
    ["no redirect URI", { redirect_uris: [] }, "without its redirect URIs"],
    ["an id that cannot be sent", { client_id: "canary\nid" }, "cannot be sent"]
  ])("RG2 does not use a client that was registered with %s", ([, changed, said]) =>
    Effect.gen(function*() {
      const error = yield* refused({ status: 201, json: { ...answer, ...changed } })
      assert.deepInclude(error, { _tag: "MalformedTokenResponse", mode: "Test" })
      assert.include(error.message, said)
    }))

  it.effect("RG2 LB5 takes a loopback redirect with another port as the one that was asked for", () =>
    Effect.gen(function*() {
      const { client } = yield* registering(
        { status: 201, json: { ...answer, redirect_uris: ["http://127.0.0.1:8000/callback"] } }
      )
      assert.deepStrictEqual(client.redirectUris, ["http://127.0.0.1:8000/callback"])
    }))

  it.effect.each<[number, string, Registration.Refusal]>([
    [400, "invalid_redirect_uri", "InvalidRedirectUri"],
    [400, "invalid_client_metadata", "InvalidClientMetadata"],
    [400, "invalid_software_statement", "InvalidSoftwareStatement"],
    [400, "unapproved_software_statement", "UnapprovedSoftwareStatement"],
    [200, "invalid_client_metadata", "InvalidClientMetadata"],
    [403, "insufficient_scope", "Closed"],
    [401, "invalid_token", "Closed"]
  ])(
    "RG4 MCP6 tells why a client is not registered: %d %s is %s",
    ([status, code, expected]) =>
      Effect.gen(function*() {
        const detail = `${callback} is not allowed`
        const error = yield* refused({ status, json: { error: code, error_description: detail } })
        assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting", code, detail, status })
        assert.deepStrictEqual(Registration.refusal(error), Option.some(expected))
      })
  )

  it.effect.each<[number, string | undefined, string]>([
    [503, undefined, "TokenEndpointError"],
    [429, "too_many", "TokenEndpointError"],
    [404, undefined, "TokenEndpointError"],
    [302, undefined, "TokenEndpointError"]
  ])("RG4 takes %d for no refusal", ([status, code, tag]) =>
    Effect.gen(function*() {
      const error = yield* refused(code === undefined ? { status } : { status, json: { error: code } })
      assert.strictEqual(error._tag, tag)
      assert.include(error.message, "the registration endpoint")
      assert.deepStrictEqual(Registration.refusal(error), Option.none())
    }))

  it.effect.each([401, 403])("RG4 takes a page with %d for no refusal", (status) =>
    Effect.gen(function*() {
      const error = yield* refused({ status, headers: { "content-type": "text/html" }, body: "<html>portal</html>" })
      assert.strictEqual(error._tag, "TokenEndpointError")
      assert.deepStrictEqual(Registration.refusal(error), Option.none())
    }))

  it.effect("ER9 shows neither token nor secret, whatever the server quotes", () =>
    Effect.gen(function*() {
      const by = { ...options, initialAccessToken: Redacted.make("canary-initial") }
      const errors = [
        yield* refused(
          { status: 401, json: { error: "invalid_token", error_description: "not canary-initial" } },
          metadata,
          by
        ),
        yield* refused({ status: 201, json: { ...answer, client_secret: "canary-secret", client_id: "\n" } })
      ]
      for (const error of errors) {
        assert.notInclude(inspect(error, { depth: 9 }) + JSON.stringify(error), "canary-initial")
        assert.notInclude(inspect(error, { depth: 9 }) + JSON.stringify(error), "canary-secret")
      }
    }))

  it.effect("MCP5 says so where a server registers no clients by itself", () =>
    Effect.gen(function*() {
      const { registrationEndpoint: _, ...closed } = server
      const error = yield* Effect.flip(Registration.register(closed, metadata, options))
      assert.deepInclude(error, { _tag: "InvalidSetting", setting: "server" })
    }).pipe(Effect.provide(ScriptedHttpClient.layer([]))))
})

describe("Registration, of clients that are kept", () => {
  const unknown = new AuthError.CredentialsRejected({ mode: "Test", code: "invalid_client", reason: "Setting" })
  const each = ScriptedHttpClient.layer((_, earlier) => ({
    status: 201,
    json: {
      ...answer,
      client_id: `canary-${earlier.length + 1}`,
      client_secret: "canary-secret",
      client_secret_expires_at: 60,
      token_endpoint_auth_method: "client_secret_basic"
    }
  }))
  const layer = Layer.merge(each, RegisteredClients.layerMemory)
  const idOf = ({ clientId }: RegisteredClients.RegisteredClient) => Effect.succeed(clientId)

  it.effect("RG3 registers once, and anew when the secret has expired", () =>
    Effect.gen(function*() {
      const used = Registration.withClient(server, metadata, options, idOf)
      assert.deepStrictEqual([yield* used, yield* used], ["canary-1", "canary-1"])
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([yield* used], ["canary-2"])
    }).pipe(Effect.provide(layer)))

  it.effect("RG3 registers anew for other redirect URIs, and at another server", () =>
    Effect.gen(function*() {
      const withIt = (of: typeof server, redirectUris: ReadonlyArray<string>) =>
        Registration.withClient(of, { ...metadata, redirectUris }, options, idOf)
      const other = { ...server, issuer: "https://other.example" }
      assert.strictEqual(yield* withIt(server, [callback]), "canary-1")
      assert.strictEqual(yield* withIt(server, ["http://127.0.0.1:9000/callback"]), "canary-1")
      assert.strictEqual(yield* withIt(other, [callback]), "canary-2") // MCP31
      assert.strictEqual(yield* withIt(server, [callback]), "canary-1")
      yield* Effect.flip(withIt(server, ["http://127.0.0.1/new"]))
      const { count } = yield* ScriptedHttpClient.ScriptedHttpClient
      assert.strictEqual(yield* count, 3)
    }).pipe(Effect.provide(layer)))

  it.effect("RG3 registers anew once when the server no longer knows the client", () =>
    Effect.gen(function*() {
      yield* Registration.withClient(server, metadata, options, idOf)
      const used = yield* Ref.make<ReadonlyArray<string>>([])
      const error = yield* Effect.flip(
        Registration.withClient(server, metadata, options, ({ clientId }) =>
          Effect.zipRight(Ref.update(used, (ids) => [...ids, clientId]), Effect.fail(unknown)))
      )
      assert.strictEqual(error, unknown)
      assert.deepStrictEqual(yield* Ref.get(used), ["canary-1", "canary-2"])
    }).pipe(Effect.provide(layer)))

  it.effect("RG3 uses the client that another fiber has registered meanwhile", () =>
    Effect.gen(function*() {
      const clients = yield* RegisteredClients.RegisteredClients
      yield* Registration.withClient(server, metadata, options, idOf)
      const id = yield* Registration.withClient(server, metadata, options, (client) =>
        client.clientId === "canary-1"
          ? Effect.zipRight(
            clients.set(new RegisteredClients.RegisteredClient({ ...client, clientId: "canary-other" })),
            Effect.fail(unknown)
          )
          : idOf(client))
      assert.strictEqual(id, "canary-other")
    }).pipe(Effect.provide(layer)))

  it.effect("RG3 lets a client that was refused for something else alone, and one that was just registered", () =>
    Effect.gen(function*() {
      const failing = (error: AuthError.CredentialsRejected) =>
        Effect.flip(Registration.withClient(server, metadata, options, () => Effect.fail(error)))
      yield* failing(unknown)
      yield* failing(new AuthError.CredentialsRejected({ mode: "Test", code: "invalid_scope" }))
      const { count } = yield* ScriptedHttpClient.ScriptedHttpClient
      assert.strictEqual(yield* count, 1)
    }).pipe(Effect.provide(layer)))

  const bugs: Record<string, () => Effect.Effect<never>> = {
    throws: () => {
      throw new Error("cannot keep canary-secret")
    },
    dies: () => Effect.dieMessage("cannot keep canary-secret")
  }
  for (const [how, bug] of Object.entries(bugs)) {
    it.effect(`shows no word of a store of clients that ${how}`, () =>
      Effect.gen(function*() {
        for (const store of [{ get: () => Effect.succeedNone, set: bug }, { get: bug, set: bug }]) {
          const exit = yield* Registration.withClient(server, metadata, options, () => Effect.void).pipe(
            Effect.provideService(RegisteredClients.RegisteredClients, { ...store, remove: () => Effect.void }),
            Effect.provide(ScriptedHttpClient.layer({ status: 201, json: answer })),
            Effect.exit
          )
          const shown = Exit.isFailure(exit) ? Cause.pretty(exit.cause) : ""
          assert.include(shown, "the store of clients died")
          assert.notInclude(shown, "canary")
        }
      }))
  }
})
