import * as Challenge from "@effect-auth/core/Challenge"
import * as ProtectedResource from "@effect-auth/oauth/ProtectedResource"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const api = "https://api.acme.example"
const resource = `${api}/mcp`
const document = { resource, authorization_servers: ["https://as.acme.example"] }

const atRoot = "GET /.well-known/oauth-protected-resource"
const atPath = `${atRoot}/mcp`
const atHeader = "GET /metadata"

const challenges = Challenge.parse(`Bearer resource_metadata="${api}/metadata"`)

/** What comes of it, and what was asked for. */
const discovered = (
  table: Parameters<typeof ScriptedHttpClient.routes>[0],
  options: Partial<ProtectedResource.Options> & { readonly of?: string } = {}
) =>
  Effect.gen(function*() {
    const client = ScriptedHttpClient.make(ScriptedHttpClient.routes(table, { status: 404 }))
    const result = yield* ProtectedResource.discover(options.of ?? resource, { mode: "Test", ...options }).pipe(
      Effect.provideService(HttpClient.HttpClient, client),
      Effect.either
    )
    return {
      found: result._tag === "Right" ? result.right : undefined,
      error: result._tag === "Left" ? result.left : undefined,
      lines: (yield* client.requests).map(({ line }) => line)
    }
  })

describe("ProtectedResource, where the metadata is", () => {
  it.each([
    [`Bearer realm="api", resource_metadata="https://a.example/m"`, "https://a.example/m"],
    [`DPoP algs="ES256", resource_metadata="https://a.example/m"`, "https://a.example/m"],
    [`Negotiate, Bearer error="invalid_token", DPoP resource_metadata="https://a.example/m"`, "https://a.example/m"],
    [`Bearer resource_metadata=""`, undefined],
    [`Bearer error="invalid_token"`, undefined]
  ])("PR1 reads it from the challenge of any scheme: %s", (field, expected) => {
    assert.strictEqual(Option.getOrUndefined(ProtectedResource.fromChallenges(Challenge.parse(field))), expected)
  })

  it.effect("PR1 MCP2 asks where the challenge says, and nowhere else if it is there", () =>
    Effect.gen(function*() {
      const { found, lines } = yield* discovered({ [atHeader]: { json: document } }, { challenges })
      assert.strictEqual(found?.resource, resource)
      assert.deepStrictEqual(lines, [atHeader])
    }))

  it.effect("PR2 MCP2 goes on to the place of the path, and to the root last, wherever an answer is 4xx or a page", () =>
    Effect.gen(function*() {
      const { found, lines } = yield* discovered({
        [atPath]: { body: "<html>not here</html>" },
        [atRoot]: { json: { ...document, resource: api } }
      }, { challenges })
      assert.deepStrictEqual(lines, [atHeader, atPath, atRoot])
      assert.strictEqual(found?.resource, api)
    }))

  it.effect("PR2 MCP2 never asks the root first", () =>
    Effect.gen(function*() {
      const { found, lines } = yield* discovered({
        [atPath]: { json: document },
        [atRoot]: { json: { ...document, authorization_servers: ["https://other.example"] } }
      })
      assert.deepStrictEqual(lines, [atPath])
      assert.deepStrictEqual(found?.authorizationServers, ["https://as.acme.example"])
    }))

  it.effect.each<[string, ReadonlyArray<string>]>([
    [api, [atRoot]],
    [`${api}/`, [atRoot]],
    [`${api}/a/b`, [`${atRoot}/a/b`, atRoot]],
    [`${api}/a/`, [`${atRoot}/a/`, atRoot]],
    [`${api}/a?tenant=1`, [`${atRoot}/a?tenant=1`, atRoot]],
    [`${api}/?tenant=1`, [`${atRoot}?tenant=1`, atRoot]]
  ])("PR2 inserts the well-known part before path and query: %s", ([of, expected]) =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* discovered({}, { of })).lines, expected)
    }))

  it.effect.each([503, 429, 302])("PR2 does not skip a place that answers %d", (status) =>
    Effect.gen(function*() {
      const { error, lines } = yield* discovered({ [atPath]: { status, headers: { location: `${api}/elsewhere` } } })
      assert.deepStrictEqual(lines, [atPath])
      assert.strictEqual(error?._tag, "TokenEndpointError")
    }))

  it.effect("PR1 is not led to another origin by a challenge, and asks nothing then", () =>
    Effect.gen(function*() {
      const foreign = Challenge.parse(`Bearer resource_metadata="https://evil.example/metadata?secret=1"`)
      const { error, lines } = yield* discovered({ [atPath]: { json: document } }, { challenges: foreign })
      assert.deepInclude(error, { _tag: "OriginRefused", origin: "https://evil.example", allowed: [api] })
      assert.include(error?.message, "https://evil.example/metadata is not where the metadata of")
      assert.deepStrictEqual(lines, [])
    }))

  it.effect("PR1 reads it from another origin where that is allowed", () =>
    Effect.gen(function*() {
      const { found } = yield* discovered({ "GET https://docs.acme.example/m": { json: document } }, {
        challenges: Challenge.parse(`DPoP resource_metadata="https://docs.acme.example/m"`),
        origins: ["https://docs.acme.example"]
      })
      assert.strictEqual(found?.resource, resource)
    }))

  it.effect.each<[string, string]>([
    [`${resource}#part`, "InvalidSetting"],
    ["/mcp", "InvalidSetting"],
    ["https://user:canary@api.acme.example/mcp", "InvalidSetting"],
    ["http://api.acme.example/mcp", "InsecureTransport"]
  ])("RI1 asks nothing about %s", ([of, tag]) =>
    Effect.gen(function*() {
      const { error, lines } = yield* discovered({}, { of })
      assert.strictEqual(error?._tag, tag)
      assert.notInclude(error?.message, "canary")
      assert.deepStrictEqual(lines, [])
    }))
})

describe("ProtectedResource, what the metadata is about", () => {
  it.each<[string, string, boolean]>([
    [`${api}/mcp`, `${api}/mcp`, true],
    [api, `${api}/mcp`, true],
    [`${api}/`, `${api}/mcp`, true],
    [`${api}/mcp/`, `${api}/mcp`, true],
    [`${api}/mcp`, `${api}/mcp/tools`, true],
    [`${api}/mc`, `${api}/mcp`, false],
    [`${api}/mcp/tools`, `${api}/mcp`, false],
    [`${api}/mcp/../other`, `${api}/mcp`, false],
    [`${api}/mcp?tenant=1`, `${api}/mcp`, false],
    [`${api}/mcp?tenant=1`, `${api}/mcp?tenant=2`, false],
    [`${api}/mcp#part`, `${api}/mcp`, false],
    ["https://api.acme.example.evil.example/mcp", `${api}/mcp`, false],
    ["https://api.acme.example@evil.example/mcp", `${api}/mcp`, false],
    ["https://evil@api.acme.example/", `${api}/mcp`, false],
    ["http://api.acme.example/mcp", `${api}/mcp`, false],
    ["https://api.acme.example:8443/mcp", `${api}/mcp`, false],
    ["https://evil.example", `${api}/mcp`, false],
    ["urn:acme:mcp", "urn:acme:other", false],
    ["", `${api}/mcp`, false]
  ])("PR3 MCP4 %s for %s: %s", (stated, asked, expected) => {
    assert.strictEqual(ProtectedResource.isAbout(stated, asked), expected)
  })

  it.effect("PR3 MCP4 gives up at metadata of another resource, and asks no other place and no server", () =>
    Effect.gen(function*() {
      const { error, lines } = yield* discovered({
        [atPath]: { json: { ...document, resource: "https://evil.example" } },
        [atRoot]: { json: document }
      })
      assert.deepInclude(error, {
        _tag: "MalformedTokenResponse",
        detail: "the metadata is that of another resource",
        url: `${api}/.well-known/oauth-protected-resource/mcp`
      })
      assert.deepStrictEqual(lines, [atPath])
    }))

  it.effect("RI1 MCP10 keeps the resource as it is published, without a slash of its own", () =>
    Effect.gen(function*() {
      const { found } = yield* discovered({ [atRoot]: { json: { ...document, resource: api } } })
      assert.strictEqual(found?.resource, api)
    }))
})

describe("ProtectedResource, what the metadata says", () => {
  it.effect("PR6 a member that is null is absent", () =>
    Effect.gen(function*() {
      const names = [
        "scopes_supported",
        "bearer_methods_supported",
        "dpop_bound_access_tokens_required",
        "dpop_signing_alg_values_supported",
        "tls_client_certificate_bound_access_tokens"
      ]
      const without = yield* discovered({ [atPath]: { json: document } })
      const nulls = { ...document, ...Object.fromEntries(names.map((name) => [name, null])) }
      const { found } = yield* discovered({ [atPath]: { json: nulls } })
      assert.isDefined(found)
      assert.deepStrictEqual(found, without.found)
      const unnamed = yield* discovered({ [atPath]: { json: { ...document, authorization_servers: null } } })
      assert.include(unnamed.error?.message, "names no authorization server")
    }))

  it.effect.each([[undefined], [[]]])(
    "PR4 refuses a document that names no authorization server: %j",
    ([servers]) =>
      Effect.gen(function*() {
        const { error } = yield* discovered({ [atPath]: { json: { resource, authorization_servers: servers } } })
        assert.deepInclude(error, {
          _tag: "MalformedTokenResponse",
          detail: "the metadata names no authorization server"
        })
      })
  )

  it("PR4 PR5 stays with the server that is known while it is listed, and else takes the first", () => {
    const metadata = {
      resource,
      authorizationServers: ["https://one.example", "https://two.example"] as const,
      dpopRequired: false,
      certificateRequired: false
    }
    assert.deepStrictEqual(
      [[], ["https://two.example"], ["https://gone.example"]].map((known) =>
        ProtectedResource.authorizationServer(metadata, known)
      ),
      ["https://one.example", "https://two.example", "https://one.example"]
    )
  })

  it.effect("PR6 tells whether tokens have to be bound, and with which algorithms", () =>
    Effect.gen(function*() {
      const { found } = yield* discovered({
        [atPath]: {
          json: {
            ...document,
            scopes_supported: ["read", "write"],
            dpop_bound_access_tokens_required: true,
            dpop_signing_alg_values_supported: ["ES256"],
            tls_client_certificate_bound_access_tokens: true,
            unknown_member: { __proto__: 1 }
          }
        }
      })
      assert.deepStrictEqual(found, {
        resource,
        authorizationServers: ["https://as.acme.example"],
        scopes: ["read", "write"],
        dpopRequired: true,
        dpopAlgorithms: ["ES256"],
        certificateRequired: true
      })
      assert.deepInclude((yield* discovered({ [atPath]: { json: document } })).found, {
        dpopRequired: false,
        certificateRequired: false
      })
    }))

  it.effect.each<[ReadonlyArray<string>, boolean, boolean]>([
    [["header", "body"], false, true],
    [["body", "query"], false, false],
    [[], false, false],
    [[], true, true]
  ])(
    "PR6 sends bearer tokens in the header only: %j, with DPoP %s",
    ([methods, dpop, isUsable]) =>
      Effect.gen(function*() {
        const { error, found } = yield* discovered({
          [atPath]: {
            json: { ...document, bearer_methods_supported: methods, dpop_bound_access_tokens_required: dpop }
          }
        })
        assert.strictEqual(found !== undefined, isUsable)
        if (!isUsable) assert.include(error?.message, "no bearer token in a header")
      })
  )

  it.effect("TR14 reads no document that does not end", () =>
    Effect.gen(function*() {
      const { error, found } = yield* discovered({
        [atPath]: { json: { ...document, padding: "x".repeat(1_048_576) } },
        [atRoot]: { status: 500 }
      })
      assert.isUndefined(found)
      assert.strictEqual(error?._tag, "TokenEndpointError") // that of the next place
    }))
})
