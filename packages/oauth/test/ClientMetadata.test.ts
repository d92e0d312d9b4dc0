import * as ClientMetadata from "@effect-auth/oauth/ClientMetadata"
import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"

const url = "https://app.acme.example/client.json"
const jwks = { keys: [{ kty: "EC", crv: "P-256", x: "x", y: "y" }] }

describe("ClientMetadata", () => {
  it("RG1 MCP6 says what a client in a browser of this machine needs, a refresh token among it", () => {
    assert.deepStrictEqual(
      ClientMetadata.members({
        name: "Acme",
        redirectUris: ["http://127.0.0.1/callback"],
        scope: ["read", "write"],
        members: { contacts: ["ops@acme.example"], scope: "all", client_name: "Other" }
      }),
      {
        contacts: ["ops@acme.example"],
        client_name: "Acme",
        redirect_uris: ["http://127.0.0.1/callback"],
        token_endpoint_auth_method: "none",
        grant_types: ["authorization_code", "refresh_token"],
        response_types: ["code"],
        scope: "read write",
        application_type: "native"
      }
    )
  })

  it("RG1 says of a client without redirect URIs that it acts for itself", () => {
    assert.deepStrictEqual(ClientMetadata.members({ authentication: "private_key_jwt", jwks }), {
      redirect_uris: [],
      token_endpoint_auth_method: "private_key_jwt",
      grant_types: ["client_credentials"],
      response_types: [],
      application_type: "web",
      jwks
    })
  })

  it("MT3 asks for tokens that are bound to the certificate", () => {
    const members = ClientMetadata.members({ authentication: "tls_client_auth", certificateBoundTokens: true })
    assert.strictEqual(members["tls_client_certificate_bound_access_tokens"], true)
  })

  it.each<[ReadonlyArray<string>, string]>([
    [["http://127.0.0.1/callback", "http://[::1]:8000/callback"], "native"],
    [["http://localhost/callback"], "native"],
    [["com.acme.app:/callback"], "native"],
    [["https://app.acme.example/callback"], "web"],
    [["http://127.0.0.1/callback", "https://app.acme.example/callback"], "web"],
    [["http://app.acme.example/callback"], "web"]
  ])("RG1 tells clients of this machine from those of the web: %j is %s", (redirectUris, expected) => {
    assert.strictEqual(ClientMetadata.members({ redirectUris })["application_type"], expected)
  })

  it("RG5 RG6 makes the document of the same settings, with its own URL as the client's id", () => {
    const metadata = { name: "Acme", redirectUris: ["http://127.0.0.1/callback"], members: { client_id: "other" } }
    assert.deepStrictEqual(
      Either.getOrThrow(ClientMetadata.document(url, metadata)),
      { ...ClientMetadata.members(metadata), client_id: url }
    )
    assert.isTrue(
      Either.isRight(ClientMetadata.document(url, { ...metadata, authentication: "private_key_jwt", jwks }))
    )
  })

  it.each<[string, ClientMetadata.ClientMetadata, string]>([
    ["that needs a secret", { authentication: "client_secret_basic" }, "the document is public"],
    ["that needs a certificate", { authentication: "tls_client_auth" }, "the document is public"],
    ["that signs, without keys", { authentication: "private_key_jwt" }, "public keys"],
    ["with a private key", { jwks: { keys: [{ ...jwks.keys[0], d: "canary" }] } }, "private or symmetric"],
    ["with a symmetric key", { jwks: { keys: [{ kty: "oct", k: "canary" }] } }, "private or symmetric"]
  ])("RG5 makes no document of a client %s", (_, metadata, said) => {
    const result = ClientMetadata.document(url, metadata)
    assert.isTrue(Either.isLeft(result) && result.left.problem.includes(said))
    assert.notInclude(String(result), "canary")
  })

  it("RG5 leaves a secret out of the document, wherever it comes from", () => {
    const document = ClientMetadata.document(url, {
      members: { client_secret: "canary", client_secret_expires_at: 0 }
    })
    assert.notInclude(JSON.stringify(Either.getOrThrow(document)), "client_secret")
  })

  it.each<[string, boolean]>([
    [url, true],
    ["https://app.acme.example/a/b?c=d", true],
    ["http://app.acme.example/client.json", false],
    ["http://127.0.0.1/client.json", false],
    ["https://app.acme.example", false],
    ["https://app.acme.example/", false],
    ["https://app.acme.example/a/../client.json", false],
    ["https://app.acme.example/./client.json", false],
    ["https://app.acme.example/%2e%2e/client.json", false],
    ["https://app.acme.example/client.json#", false],
    ["https://app.acme.example/client.json#a", false],
    ["https://user@app.acme.example/client.json", false],
    ["https://App.acme.example/client.json", false],
    ["https://app.acme.example:443/client.json", false],
    ["client.json", false]
  ])("RG5 takes %s as a client's id: %s", (clientId, expected) => {
    assert.strictEqual(Either.isRight(ClientMetadata.documentUrl(clientId)), expected)
    assert.strictEqual(Either.isRight(ClientMetadata.document(clientId, {})), expected)
  })
})
