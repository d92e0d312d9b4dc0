import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import { MayInteract } from "@effect-auth/core/TokenSource"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as Mcp from "@effect-auth/oauth/Mcp"
import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { Acme, issuer } from "./fixtures.ts"
import type { Deed } from "./person.ts"
import { agrees, Person, person, redirectUri } from "./person.ts"

const origin = "https://mcp.acme.example"
const url = `${origin}/mcp`
const other = "https://other.example"

type Table = Parameters<typeof ScriptedHttpClient.routes>[0]

const bearer = ({ headers }: ScriptedHttpClient.Received) => headers["authorization"]?.replace(/^\w+ /u, "")

const challenge = (params = "", status = 401): ScriptedHttpClient.Reply => ({
  status,
  headers: {
    "www-authenticate": `Bearer ${params}${
      params === "" ? "" : ", "
    }resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`
  }
})

/** An MCP server that takes these tokens, and says where others are to be had. */
const taking = (takes: (token: string) => boolean, refusal = challenge()): ScriptedHttpClient.Handler => (request) => {
  const token = bearer(request)
  return token !== undefined && takes(token) ? { json: { scope: token } } : refusal
}

const resource = (more: Readonly<Record<string, unknown>> = {}): ScriptedHttpClient.Reply => ({
  json: { resource: url, authorization_servers: [issuer], ...more }
})

const metadata = (of = issuer, more: Readonly<Record<string, unknown>> = {}): ScriptedHttpClient.Reply => ({
  json: {
    issuer: of,
    authorization_endpoint: `${of}/authorize`,
    token_endpoint: `${of}/token`,
    registration_endpoint: `${of}/register`,
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none"],
    ...more
  }
})

/** Gives `canary-1`, `canary-2` and so on, with refresh tokens. */
const token = (more: Readonly<Record<string, unknown>> = {}): ScriptedHttpClient.Handler => (_, earlier) => ({
  json: {
    access_token: `canary-${earlier.length + 1}`,
    refresh_token: `canary-refresh-${earlier.length + 1}`,
    token_type: "Bearer",
    expires_in: 60,
    ...more
  }
})

const registration = (name = "canary-client"): ScriptedHttpClient.Handler => ({ body }, earlier) => ({
  status: 201,
  json: {
    client_id: `${name}-${earlier.length + 1}`,
    redirect_uris: (JSON.parse(body) as { readonly redirect_uris: unknown }).redirect_uris
  }
})

const places = {
  resource: `GET ${origin}/.well-known/oauth-protected-resource/mcp`,
  server: `GET ${issuer}/.well-known/oauth-authorization-server`,
  otherServer: `GET ${other}/.well-known/oauth-authorization-server`
}

const world = (table: Table = {}) =>
  Layer.merge(
    person,
    ScriptedHttpClient.layer(ScriptedHttpClient.routes({
      [`POST ${url}`]: taking(() => true),
      [places.resource]: ScriptedHttpClient.repeatLast(resource()),
      [places.server]: ScriptedHttpClient.repeatLast(metadata()),
      [places.otherServer]: ScriptedHttpClient.repeatLast(metadata(other)),
      [`POST ${issuer}/register`]: registration(),
      [`POST ${other}/register`]: registration("canary-other"),
      [`POST ${issuer}/token`]: token(),
      [`POST ${other}/token`]: token({ access_token: "canary-other" }),
      ...table
    }, ScriptedHttpClient.repeatLast({ status: 404 })))
  )

const call = Effect.flatMap(Acme, (http: AuthenticatedHttpClient.Service) => http.post(""))

type Options = Omit<Mcp.Options<Acme>, "client" | "url">

/** What one process does. */
const through = <A, E, R>(
  program: Effect.Effect<A, E, Acme | R>,
  options: Options = {}
) => Effect.provide(program, Mcp.layer<Acme>({ client: Acme, url, logout: false, ...options }))

const requests = Effect.flatMap(ScriptedHttpClient.ScriptedHttpClient, ({ requests }) => requests)

const linesOf = (requests: ReadonlyArray<ScriptedHttpClient.Received>) =>
  requests.map(({ method, url }) => `${method} ${url.origin}${url.pathname}`)

const lines = Effect.map(requests, linesOf)

/** The forms that went to token endpoints. */
const forms = Effect.map(
  requests,
  (requests) =>
    requests.filter(({ url }) => url.pathname === "/token").map(({ body, url }) => ({
      to: url.origin,
      ...Object.fromEntries(new URLSearchParams(body))
    } as Readonly<Record<string, string>>))
)

const asked = Effect.flatMap(Person, ({ asked }) => asked)

/** The pages that the person saw, by what they do with them. */
const watching = (deed: Deed = agrees) =>
  Effect.map(
    Effect.flatMap(Person, (person) => {
      const pages: Array<URL> = []
      return Effect.as(
        person.does((page) => {
          pages.push(page)
          return deed(page)
        }),
        pages
      )
    }),
    (pages) => pages
  )

const failing = (options?: Options) => Effect.flip(through(call, options))

describe("Mcp: what is refused", () => {
  it.effect("MCP1 takes no server but one over https, or on loopback", () =>
    Effect.gen(function*() {
      const tagOf = (url: string) => Effect.map(Effect.flip(Effect.scoped(Mcp.make({ url }))), ({ _tag }) => _tag)
      assert.strictEqual(yield* tagOf("stdio://server"), "InvalidSetting")
      assert.strictEqual(yield* tagOf("http://mcp.acme.example/mcp"), "InsecureTransport")
    }).pipe(Effect.provide(world())))

  it.effect.each(["http://app.acme.example/client.json", "https://app.acme.example/", "https://app.acme.example/a#b"])(
    "RG5 takes no document of its own at %s",
    (metadataUrl) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.scoped(Mcp.make({ url, clients: { metadataUrl } })))
        assert.deepInclude(error, { _tag: "InvalidSetting", setting: "clients.metadataUrl" })
      }).pipe(Effect.provide(world()))
  )

  it.effect("MCP4 metadata of another resource ends it before an authorization server is asked", () =>
    Effect.gen(function*() {
      assert.include((yield* failing()).message, "the metadata is that of another resource")
      assert.deepStrictEqual(yield* lines, [`POST ${url}`, places.resource])
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(world({ [places.resource]: resource({ resource: "https://evil.example/mcp" }) }))))

  it.effect("MCP32 a challenge that leads to another origin is not followed, unless that origin is allowed", () =>
    Effect.gen(function*() {
      assert.include((yield* failing()).message, "is not where the metadata of https://mcp.acme.example is read")
      assert.deepStrictEqual(yield* lines, [`POST ${url}`])
      yield* through(call, { metadataOrigins: [other] })
      assert.include(yield* lines, `GET ${other}/metadata`)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: taking(() => true, {
        status: 401,
        headers: { "www-authenticate": `Bearer resource_metadata="${other}/metadata"` }
      }),
      [`GET ${other}/metadata`]: resource()
    }))))

  it.effect("MCP3 metadata of another issuer ends it, and nobody is registered", () =>
    Effect.gen(function*() {
      assert.include((yield* failing()).message, "the metadata is that of another issuer")
      assert.deepStrictEqual((yield* lines).at(-1), places.server)
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(world({ [places.server]: metadata(`${issuer}/`) }))))

  it.effect("MCP20 MCP11 a server that does not say that it checks PKCE is refused before a person is asked", () =>
    Effect.gen(function*() {
      for (const methods of [undefined, ["plain"]]) {
        const error = yield* Effect.provide(
          Effect.zipLeft(failing(), Effect.map(asked, (times) => assert.strictEqual(times, 0))),
          world({ [places.server]: metadata(issuer, { code_challenge_methods_supported: methods }) })
        )
        assert.include(error.message, "does not say that it checks PKCE")
      }
    }))

  it.effect("MCP14 a redirect of another issuer, or of none where the server promises one, leads to no token request", () =>
    Effect.gen(function*() {
      for (const iss of ["https://evil.example", `${issuer}/`, undefined]) {
        yield* Effect.gen(function*() {
          yield* watching((page) => `${agrees(page)}${iss === undefined ? "" : `&iss=${encodeURIComponent(iss)}`}`)
          assert.include((yield* failing()).message, "its issuer differs")
          assert.deepStrictEqual(yield* forms, [])
        }).pipe(Effect.provide(world({
          [places.server]: metadata(issuer, { authorization_response_iss_parameter_supported: iss === undefined })
        })))
      }
    }))

  it.effect("MCP14 an error of another issuer is shown to nobody", () =>
    Effect.gen(function*() {
      yield* watching((page) =>
        `error=access_denied&error_description=canary-words&state=${page.searchParams.get("state")}&iss=${other}`
      )
      const error = yield* failing()
      assert.include(error.message, "its issuer differs")
      assert.notInclude(JSON.stringify(error), "canary-words")
    }).pipe(Effect.provide(world())))

  it.effect("MCP32 a server on the Internet does not lead to an address that is not, be it of the issuer or an endpoint", () =>
    Effect.gen(function*() {
      for (
        const table of [
          { [places.resource]: resource({ authorization_servers: ["http://127.0.0.1:8080"] }) },
          { [places.resource]: resource({ authorization_servers: ["https://10.0.0.1"] }) },
          { [places.server]: metadata(issuer, { token_endpoint: "https://169.254.169.254/token" }) },
          { [places.server]: metadata(issuer, { registration_endpoint: "https://[fd00::1]/register" }) },
          { [places.server]: metadata(issuer, { authorization_endpoint: "http://localhost:9000/authorize" }) },
          { [places.server]: metadata(issuer, { revocation_endpoint: "https://192.168.0.1/revoke" }) }
        ]
      ) {
        yield* Effect.gen(function*() {
          assert.include((yield* failing()).message, "the authorization server has a private address")
          assert.strictEqual(yield* asked, 0)
          assert.isTrue(
            (yield* requests).every(({ url: { origin: to } }) => to === origin || to === issuer),
            "nothing else is asked"
          )
        }).pipe(Effect.provide(world(table)))
      }
    }))

  it.effect("MCP31 MCP30 a client that is known to another issuer is not shown to this one", () =>
    Effect.gen(function*() {
      const known = { issuer: other, clientId: "canary-known", clientSecret: Redacted.make("canary-secret") }
      assert.deepInclude(yield* failing({ clients: { known } }), { _tag: "CredentialUnavailable" })
      assert.deepStrictEqual((yield* lines).at(-1), places.server)
      assert.strictEqual(yield* asked, 0)
      assert.notInclude(JSON.stringify(yield* requests), "canary-known")
    }).pipe(Effect.provide(world())))

  it.effect("MCP6 MCP5 a server that registers nobody says whom to ask", () =>
    Effect.gen(function*() {
      assert.include((yield* failing()).message, "knows no client of this program and registers none")
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(world({ [places.server]: metadata(issuer, { registration_endpoint: undefined }) }))))

  it.effect("MCP6 RG4 a registration that is refused says why", () =>
    Effect.gen(function*() {
      assert.deepInclude(yield* failing(), { _tag: "CredentialsRejected", code: "invalid_redirect_uri" })
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(world({
      [`POST ${issuer}/register`]: { status: 400, json: { error: "invalid_redirect_uri" } }
    }))))

  it.effect("MCP41 a server that takes only bound tokens is not asked for others", () =>
    Effect.gen(function*() {
      assert.include((yield* failing()).message, "only tokens that are bound to a key")
      assert.deepStrictEqual((yield* lines).at(-1), places.resource)
    }).pipe(Effect.provide(world({ [places.resource]: resource({ dpop_bound_access_tokens_required: true }) }))))

  it.effect("MCP33 a server without metadata is not taken for its own authorization server, unless that is wanted", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* failing())._tag === "TokenEndpointError")
      assert.strictEqual(yield* asked, 0)
      const pages = yield* watching()
      yield* through(call, { withoutMetadata: true })
      assert.deepStrictEqual(pages.map(({ origin, pathname }) => origin + pathname), [`${origin}/authorize`])
      assert.deepStrictEqual((yield* forms).map(({ resource, to }) => [to, resource]), [[origin, url]])
    }).pipe(Effect.provide(world({
      [places.resource]: ScriptedHttpClient.repeatLast({ status: 404 }),
      [`POST ${origin}/register`]: registration(),
      [`POST ${origin}/token`]: token()
    }))))
})

describe("Mcp: a login", () => {
  it.effect("MCP2 a server that needs no credentials is asked with none, and nothing else is asked", () =>
    Effect.gen(function*() {
      yield* through(Effect.zip(call, call))
      assert.deepStrictEqual(
        (yield* requests).map((request) => [request.line, bearer(request)]),
        [["POST /mcp", undefined], ["POST /mcp", undefined]]
      )
    }).pipe(Effect.provide(world({ [`POST ${url}`]: ScriptedHttpClient.repeatLast({ json: {} }) }))))

  it.effect("MCP2 MCP10 MCP11 MCP12 MCP6 leads from the refusal to a token for this server, which every request then has", () =>
    Effect.gen(function*() {
      const pages = yield* watching()
      yield* through(Effect.zip(call, call))
      assert.deepStrictEqual(yield* lines, [
        `POST ${url}`,
        places.resource,
        places.server,
        `POST ${issuer}/register`,
        `POST ${issuer}/token`,
        `POST ${url}`,
        `POST ${url}`
      ])
      const sent = yield* requests
      assert.deepStrictEqual(sent.filter(({ line }) => line === "POST /mcp").map(bearer), [
        undefined,
        "canary-1",
        "canary-1"
      ])
      assert.isTrue(sent.every(({ url }) => !url.href.includes("canary-1")))
      assert.deepInclude(JSON.parse(sent[3]?.body ?? ""), {
        redirect_uris: [redirectUri],
        application_type: "native",
        grant_types: ["authorization_code", "refresh_token"]
      })
      assert.deepInclude(Object.fromEntries(pages[0]?.searchParams ?? []), {
        client_id: "canary-client-1",
        resource: url,
        code_challenge_method: "S256"
      })
      const [form] = yield* forms
      assert.deepInclude(form, { client_id: "canary-client-1", resource: url, redirect_uri: redirectUri })
      assert.isNotEmpty(form?.["code_verifier"])
    }).pipe(Effect.provide(world())))

  it.effect("MCP10 names the resource as it is published, without a trailing slash of its own or with one", () =>
    Effect.gen(function*() {
      for (const published of [url, origin, `${origin}/`]) {
        yield* Effect.gen(function*() {
          const pages = yield* watching()
          yield* through(call)
          assert.strictEqual(pages[0]?.searchParams.get("resource"), published)
          assert.strictEqual((yield* forms)[0]?.["resource"], published)
        }).pipe(Effect.provide(world({ [places.resource]: resource({ resource: published }) })))
      }
    }))

  it.effect("MCP2 looks for the metadata where the refusal says, then at its path, then at the root", () =>
    Effect.gen(function*() {
      const root = `GET ${origin}/.well-known/oauth-protected-resource`
      const places = (header: string, table: Table) =>
        through(call).pipe(
          Effect.zipRight(lines),
          Effect.map((lines) => lines.filter((line) => line.startsWith(`GET ${origin}`))),
          Effect.provide(world({
            [`POST ${url}`]: taking(() => true, { status: 401, headers: { "www-authenticate": header } }),
            ...table
          }))
        )
      assert.deepStrictEqual(
        yield* places(`Bearer resource_metadata="${origin}/metadata"`, { [`GET ${origin}/metadata`]: resource() }),
        [`GET ${origin}/metadata`]
      )
      assert.deepStrictEqual(yield* places("Bearer", {}), [`${root}/mcp`])
      assert.deepStrictEqual(
        yield* places("Bearer", { [`${root}/mcp`]: { status: 404 }, [root]: resource() }),
        [`${root}/mcp`, root]
      )
    }))

  it.effect("MCP3 looks for the metadata of an issuer with a path in three places, and never at the bare root", () =>
    Effect.gen(function*() {
      const tenant = `${issuer}/tenant`
      yield* through(call)
      assert.deepStrictEqual((yield* lines).filter((line) => line.startsWith(`GET ${issuer}`)), [
        `GET ${issuer}/.well-known/oauth-authorization-server/tenant`,
        `GET ${issuer}/.well-known/openid-configuration/tenant`,
        `GET ${tenant}/.well-known/openid-configuration`
      ])
    }).pipe(Effect.provide(world({
      [places.resource]: resource({ authorization_servers: [`${issuer}/tenant`] }),
      [`GET ${issuer}/tenant/.well-known/openid-configuration`]: metadata(`${issuer}/tenant`),
      [`POST ${issuer}/tenant/register`]: registration(),
      [`POST ${issuer}/tenant/token`]: token()
    }))))

  it.effect("MCP5 MCP7 uses a known client before a document, and a document before it registers", () =>
    Effect.gen(function*() {
      const metadataUrl = "https://app.acme.example/client.json"
      const known = { issuer, clientId: "canary-known", clientSecret: Redacted.make("canary-secret") }
      const clientOf = (clients: Mcp.Clients, more: Readonly<Record<string, unknown>> = {}) =>
        Effect.gen(function*() {
          const pages = yield* watching()
          yield* through(call, { clients })
          const token = (yield* requests).find(({ url }) => url.pathname === "/token")
          return [pages[0]?.searchParams.get("client_id"), token?.headers["authorization"]?.split(" ")[0]]
        }).pipe(Effect.provide(world({
          [places.server]: metadata(issuer, {
            client_id_metadata_document_supported: true,
            token_endpoint_auth_methods_supported: ["client_secret_basic", "none"],
            ...more
          })
        })))
      assert.deepStrictEqual(yield* clientOf({ known, metadataUrl }), ["canary-known", "Basic"])
      assert.deepStrictEqual(yield* clientOf({ metadataUrl }), [metadataUrl, undefined])
      assert.deepStrictEqual(
        yield* clientOf({ metadataUrl }, { client_id_metadata_document_supported: undefined }),
        ["canary-client-1", undefined]
      )
    }))

  it.effect("MCP8 MCP9 asks for the scope of the refusal, else for that of the metadata, else for none; offline where listed", () =>
    Effect.gen(function*() {
      const scopeOf = (params: string, scopes: ReadonlyArray<string> | undefined, listed: ReadonlyArray<string>) =>
        Effect.gen(function*() {
          const pages = yield* watching()
          yield* through(call)
          return pages[0]?.searchParams.get("scope")
        }).pipe(Effect.provide(world({
          [`POST ${url}`]: taking(() => true, challenge(params)),
          [places.resource]: resource({ scopes_supported: scopes }),
          [places.server]: metadata(issuer, { scopes_supported: listed })
        })))
      assert.strictEqual(yield* scopeOf("scope=\"read write\"", ["all"], ["read"]), "read write")
      assert.strictEqual(yield* scopeOf("", ["read", "admin"], ["read"]), "read admin")
      assert.strictEqual(yield* scopeOf("", undefined, ["read", "offline_access"]), null)
      assert.strictEqual(yield* scopeOf("scope=read", undefined, ["offline_access"]), "read offline_access")
    }))

  it.effect("MCP32 concurrent first requests lead to one login", () =>
    Effect.gen(function*() {
      yield* through(Effect.all(Array.from({ length: 20 }, () => call), { concurrency: "unbounded" }))
      assert.strictEqual(yield* asked, 1)
      assert.lengthOf(yield* forms, 1)
      assert.lengthOf((yield* lines).filter((line) => line.endsWith("/register")), 1)
    }).pipe(Effect.provide(world())))

  it.effect("asks nobody where it may not", () =>
    Effect.gen(function*() {
      const error = yield* Effect.provideService(failing(), MayInteract, false)
      assert.strictEqual(error._tag, "InteractionRequired")
      assert.strictEqual(yield* asked, 0)
    }).pipe(Effect.provide(world())))

  it.effect("RG3 MCP6 registers once more where the server has forgotten the client, and no more than that", () =>
    Effect.gen(function*() {
      const clients = yield* RegisteredClients.makeMemory
      const forgetting = (times: number) =>
        Effect.gen(function*() {
          const result = yield* Effect.exit(
            Effect.provideService(through(call), RegisteredClients.RegisteredClients, clients)
          )
          return [result._tag, (yield* forms).map(({ client_id }) => client_id)]
        }).pipe(Effect.provide(world({
          [`POST ${issuer}/token`]: (request, earlier) =>
            earlier.length < times
              ? { status: 401, json: { error: "invalid_client" } }
              : token()(request, earlier)
        })))
      assert.deepStrictEqual(yield* forgetting(1), ["Success", ["canary-client-1", "canary-client-2"]])
      assert.deepStrictEqual(
        Option.map(yield* clients.get(issuer), ({ clientId }) => clientId),
        Option.some("canary-client-2")
      )
      assert.deepStrictEqual(yield* forgetting(9), ["Failure", ["canary-client-2", "canary-client-1"]])
    }))

  it.effect("MCP7 a known client that the server refuses is registered nowhere", () =>
    Effect.gen(function*() {
      const known = { clientId: "canary-known", clientSecret: Redacted.make("canary-secret") }
      assert.deepInclude(yield* failing({ clients: { known } }), {
        _tag: "CredentialsRejected",
        code: "invalid_client"
      })
      assert.notInclude(yield* lines, `POST ${issuer}/register`)
    }).pipe(Effect.provide(world({
      [`POST ${issuer}/token`]: { status: 401, json: { error: "invalid_client" } }
    }))))
})

describe("Mcp: more scope", () => {
  const needing = (scope: string) => challenge(`error="insufficient_scope", scope="${scope}"`, 403)

  it.effect("MCP13 asks for what is missing together with what was asked for before, though less of it was granted", () =>
    Effect.gen(function*() {
      const pages = yield* watching()
      yield* through(call)
      assert.deepStrictEqual(pages.map(({ searchParams }) => searchParams.get("scope")), [
        "read write",
        "read write admin"
      ])
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: (request) =>
        bearer(request) === undefined
          ? challenge("scope=\"read write\"")
          : bearer(request) === "canary-1"
          ? needing("admin")
          : { json: {} },
      [`POST ${issuer}/token`]: token({ scope: "read" })
    }))))

  it.effect("MCP13 takes part in no more than three authorizations for one request", () =>
    Effect.gen(function*() {
      yield* failing()
      assert.isAtMost(yield* asked, 3)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: (request, earlier) =>
        bearer(request) === undefined ? challenge() : needing(`scope-${earlier.length}`)
    }))))

  it.effect("MCP13 counts the authorizations of a request, not those of a program", () =>
    Effect.gen(function*() {
      yield* through(Effect.all([call, call, call, call]))
      assert.strictEqual(yield* asked, 4)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: [
        challenge(),
        { json: {} },
        ...["one", "two", "three"].flatMap((scope) => [needing(scope), { json: {} }])
      ]
    }))))

  it.effect("MCP13 does not ask a second time for a scope that was asked for in vain", () =>
    Effect.gen(function*() {
      yield* failing()
      yield* failing()
      assert.isAtMost(yield* asked, 4)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: (request) => bearer(request) === undefined ? challenge() : needing("admin")
    }))))
})

describe("Mcp: a session that goes on", () => {
  const stored = Effect.gen(function*() {
    const store = yield* TokenStore.makeMemory
    const clients = yield* RegisteredClients.makeMemory
    return {
      clients,
      store,
      process: <A, E, R>(program: Effect.Effect<A, E, Acme | R>, options: Options = {}) =>
        Effect.provideService(through(program, { store, ...options }), RegisteredClients.RegisteredClients, clients)
    }
  })
  const later = TestClock.adjust("2 minutes")

  it.effect("MCP12 MCP10 the next process begins with the stored token, and refreshes it for the same resource, as the same client", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      yield* process(call)
      yield* process(call)
      yield* later
      yield* process(call)
      assert.strictEqual(yield* asked, 1)
      assert.deepStrictEqual(
        (yield* forms).map(({ client_id, grant_type, refresh_token, resource }) => [
          grant_type,
          client_id,
          resource,
          refresh_token
        ]),
        [
          ["authorization_code", "canary-client-1", url, undefined],
          ["refresh_token", "canary-client-1", url, "canary-refresh-1"]
        ]
      )
      assert.deepStrictEqual(
        (yield* requests).filter(({ line }) => line === "POST /mcp").map(bearer),
        [undefined, "canary-1", "canary-1", "canary-2"]
      )
    }).pipe(Effect.provide(world())))

  it.effect("MCP30 a store that two servers share gives neither the session of the other", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      yield* process(call)
      yield* process(Effect.void).pipe(Effect.zipRight(
        Effect.flip(Effect.provide(
          Effect.provideService(call, MayInteract, false),
          Mcp.layer<Acme>({ client: Acme, url: `${other}/mcp`, store: (yield* stored).store })
        ))
      ))
      const toOther = (yield* requests).filter(({ url }) => url.origin === other)
      assert.isNotEmpty(toOther)
      assert.isTrue(toOther.every((request) => bearer(request) === undefined))
    }).pipe(Effect.provide(world({ [`POST ${other}/mcp`]: ScriptedHttpClient.repeatLast({ status: 401 }) }))))

  it.effect("PR5 MCP31 a refused token has the metadata read again before its refresh token is redeemed", () =>
    Effect.gen(function*() {
      yield* through(Effect.zip(call, call))
      assert.deepStrictEqual((yield* lines).slice(-4), [
        `POST ${url}`,
        places.resource,
        `POST ${issuer}/token`,
        `POST ${url}`
      ])
      assert.deepStrictEqual((yield* forms).map(({ grant_type }) => grant_type), [
        "authorization_code",
        "refresh_token"
      ])
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: [challenge(), { json: {} }, challenge("error=\"invalid_token\""), { json: {} }]
    }))))

  it.effect("MCP31 MCP30 a server that moves is registered with anew: the new one sees neither the old client nor its tokens", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      yield* process(Effect.zip(call, call))
      assert.strictEqual(yield* asked, 2)
      const toOther = (yield* requests).filter(({ url }) => url.origin === other)
      assert.deepStrictEqual(linesOf(toOther), [places.otherServer, `POST ${other}/register`, `POST ${other}/token`])
      assert.notMatch(
        JSON.stringify(toOther.map(({ body, headers }) => [body, headers])),
        /canary-client|canary-refresh|canary-1/u
      )
      assert.deepStrictEqual((yield* forms).map(({ client_id, grant_type, to }) => [to, grant_type, client_id]), [
        [issuer, "authorization_code", "canary-client-1"],
        [other, "authorization_code", "canary-other-1"]
      ])
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: (request, earlier) =>
        earlier.length === 1 || bearer(request) === "canary-other" ? { json: {} } : challenge(),
      [places.resource]: ScriptedHttpClient.repeatLast(resource(), resource({ authorization_servers: [other] }))
    }))))

  it.effect("MCP31 a known client without an issuer does not move with its server, not even in the next process", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      const clients = { known: { clientId: "canary-known", clientSecret: Redacted.make("canary-secret") } }
      yield* process(call, { clients })
      const error = yield* Effect.flip(process(call, { clients }))
      assert.include(error.message, "none of the known clients is one of https://other.example")
      assert.notInclude(yield* lines, `POST ${other}/token`)
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: [challenge(), { json: {} }, challenge(), challenge()],
      [places.resource]: ScriptedHttpClient.repeatLast(resource(), resource({ authorization_servers: [other] }))
    }))))

  it.effect("PR4 a server that lists another one first stays with the one in use", () =>
    Effect.gen(function*() {
      yield* through(Effect.zip(call, call))
      assert.isTrue((yield* requests).every(({ url }) => url.origin !== other))
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: [challenge(), { json: {} }, challenge(), { json: {} }],
      [places.resource]: [resource(), resource({ authorization_servers: [other, issuer] })]
    }))))

  it.effect("PR4 which of the authorization servers is used can be said", () =>
    Effect.gen(function*() {
      yield* through(call, { authorizationServer: ({ authorizationServers }) => authorizationServers.at(-1) ?? "" })
      assert.deepStrictEqual((yield* forms).map(({ to }) => to), [other])
    }).pipe(Effect.provide(world({ [places.resource]: resource({ authorization_servers: [issuer, other] }) }))))

  it.effect("RG3 a client that the server has forgotten ends the session, and a person begins another one as a new client", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      yield* process(call)
      yield* later
      yield* process(call)
      assert.deepStrictEqual((yield* forms).map(({ client_id, grant_type }) => [grant_type, client_id]), [
        ["authorization_code", "canary-client-1"],
        ["refresh_token", "canary-client-1"],
        ["authorization_code", "canary-client-2"]
      ])
    }).pipe(Effect.provide(world({
      [`POST ${issuer}/token`]: [token(), { status: 401, json: { error: "invalid_client" } }, token()]
    }))))

  it.effect("RG3 the client of a session stays with it, though another process has registered one meanwhile", () =>
    Effect.gen(function*() {
      const { clients, process } = yield* stored
      yield* watching((page) => {
        Effect.runSync(clients.set(
          new RegisteredClients.RegisteredClient({
            issuer,
            clientId: "canary-theirs",
            authentication: "none",
            redirectUris: [redirectUri]
          })
        ))
        return agrees(page)
      })
      yield* process(call)
      yield* later
      yield* process(call)
      assert.deepStrictEqual((yield* forms).map(({ client_id, grant_type }) => [grant_type, client_id]), [
        ["authorization_code", "canary-client-1"],
        ["refresh_token", "canary-client-1"]
      ])
    }).pipe(Effect.provide(world())))

  it.effect("RF2 MCP30 a refresh token is not redeemed as another client than its own", () =>
    Effect.gen(function*() {
      const { clients, process } = yield* stored
      yield* process(call)
      yield* clients.set(
        new RegisteredClients.RegisteredClient({
          issuer,
          clientId: "canary-theirs",
          authentication: "none",
          redirectUris: [redirectUri]
        })
      )
      yield* later
      yield* process(call)
      assert.deepStrictEqual((yield* forms).map(({ client_id, grant_type }) => [grant_type, client_id]), [
        ["authorization_code", "canary-client-1"],
        ["authorization_code", "canary-theirs"]
      ])
    }).pipe(Effect.provide(world())))

  it.effect("a session that the server has ended leads to a login, and its refresh token is not sent again", () =>
    Effect.gen(function*() {
      const { process } = yield* stored
      yield* process(call)
      yield* later
      yield* process(call)
      assert.deepStrictEqual((yield* forms).map(({ grant_type }) => grant_type), [
        "authorization_code",
        "refresh_token",
        "authorization_code"
      ])
    }).pipe(Effect.provide(world({
      [`POST ${issuer}/token`]: [token(), { status: 400, json: { error: "invalid_grant" } }, token()]
    }))))

  it.effect("RV1 ends the session at its server with the program, where no store keeps it", () =>
    Effect.gen(function*() {
      yield* through(call, { logout: true })
      const revocation = (yield* requests).at(-1)
      assert.strictEqual(revocation?.line, "POST /revoke")
      assert.strictEqual(new URLSearchParams(revocation?.body).get("token"), "canary-refresh-1")
    }).pipe(Effect.provide(world({
      [places.server]: metadata(issuer, { revocation_endpoint: `${issuer}/revoke` }),
      [`POST ${issuer}/revoke`]: {}
    }))))
})

describe("Mcp: other grants", () => {
  const known = { issuer, clientId: "canary-known", clientSecret: Redacted.make("canary-secret") }
  const alone = <R>(options: Omit<Mcp.Options<Acme, R>, "client" | "url">) =>
    Effect.provide(call, Mcp.layer<Acme, R>({ client: Acme, url, ...options }))

  it.effect("MCP40 a known client acts for itself, names the resource and registers nowhere", () =>
    Effect.gen(function*() {
      yield* alone({ grant: Mcp.clientCredentials, clients: { known }, scope: ["read"] })
      assert.deepStrictEqual(yield* forms, [{
        to: issuer,
        grant_type: "client_credentials",
        client_id: "canary-known",
        client_secret: "canary-secret",
        resource: url,
        scope: "read"
      }])
      assert.include(
        (yield* Effect.flip(alone({ grant: Mcp.clientCredentials }))).message,
        "knows no client of this program"
      )
      assert.notInclude(yield* lines, `POST ${issuer}/register`)
    }).pipe(Effect.provide(world({
      [places.server]: ScriptedHttpClient.repeatLast(
        metadata(issuer, { token_endpoint_auth_methods_supported: ["client_secret_post"] })
      )
    }))))

  it.effect("CC1 a known client without a secret does not act for itself, unless it authenticates in another way", () =>
    Effect.gen(function*() {
      const clients = { known: { issuer, clientId: "canary-known" } }
      assert.include(
        (yield* Effect.flip(alone({ grant: Mcp.clientCredentials, clients }))).message,
        "needs a `clientSecret` or an `authentication`"
      )
      assert.lengthOf(yield* forms, 0)
    }).pipe(Effect.provide(world())))

  it.effect("MCP42 MCP43 an assertion is made for the server and its resource", () =>
    Effect.gen(function*() {
      const grant = Mcp.assertion(({ resource, server }) =>
        Effect.succeed(Redacted.make(`canary-assertion ${server.issuer} ${resource}`))
      )
      yield* alone({ grant, clients: { known } })
      assert.deepInclude((yield* forms)[0], {
        grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
        assertion: `canary-assertion ${issuer} ${url}`,
        resource: url
      })
    }).pipe(Effect.provide(world())))

  it.effect("MCP43 JB8 an assertion that is refused is sent once, and no other grant is tried", () =>
    Effect.gen(function*() {
      const grant = Mcp.assertion(() => Effect.succeed(Redacted.make("canary-assertion")))
      assert.deepInclude(yield* Effect.flip(alone({ grant, clients: { known } })), {
        _tag: "CredentialsRejected",
        code: "invalid_grant"
      })
      assert.lengthOf(yield* forms, 1)
    }).pipe(Effect.provide(world({ [`POST ${issuer}/token`]: { status: 400, json: { error: "invalid_grant" } } }))))

  it.effect("DP12 takes a token that is not bound where that is allowed, and only there", () =>
    Effect.gen(function*() {
      assert.include((yield* failing({ dpop: Dpop.generated() })).message, "another type than dpop")
      yield* through(call, { dpop: Dpop.generated({ orBearer: true }) })
      assert.match((yield* requests).at(-1)?.headers["authorization"] ?? "", /^Bearer /u)
    }).pipe(Effect.provide(world({
      [`POST ${issuer}/token`]: ScriptedHttpClient.repeatLast(token({ token_type: "Bearer" }))
    }))))

  it.effect("MCP41 a demand for a nonce is answered, and is no reason to read the metadata again", () =>
    Effect.gen(function*() {
      yield* through(
        Effect.zip(call, Effect.zipRight(TestClock.adjust("2 minutes"), call)),
        { dpop: Dpop.generated() }
      )
      assert.lengthOf((yield* lines).filter((line) => line === places.resource), 1)
      assert.lengthOf(yield* forms, 2)
    }).pipe(Effect.provide(world({
      [`POST ${url}`]: [
        challenge(),
        { status: 401, headers: { "www-authenticate": "DPoP error=\"use_dpop_nonce\"", "dpop-nonce": "n1" } },
        { json: {} },
        { json: {} }
      ],
      [`POST ${issuer}/token`]: token({ token_type: "DPoP" })
    }))))

  it.effect("MCP41 proves possession to the token endpoint and with every request, and goes on with the key in the next process", () =>
    Effect.gen(function*() {
      const store = yield* TokenStore.makeMemory
      const clients = yield* RegisteredClients.makeMemory
      const process = Effect.provideService(
        through(call, { dpop: Dpop.generated(), store }),
        RegisteredClients.RegisteredClients,
        clients
      )
      yield* process
      yield* TestClock.adjust("2 minutes")
      yield* process
      const proved = (yield* requests).filter(({ headers }) => headers["dpop"] !== undefined)
      assert.deepStrictEqual(linesOf(proved), [
        `POST ${issuer}/token`,
        `POST ${url}`,
        `POST ${issuer}/token`,
        `POST ${url}`
      ])
      assert.isTrue(
        proved.every(({ headers, line }) =>
          line === "POST /token" || headers["authorization"]?.startsWith("DPoP ") === true
        )
      )
      const keys = proved.map(({ headers }) =>
        (JSON.parse(atob(headers["dpop"]?.split(".")[0]?.replaceAll("-", "+").replaceAll("_", "/") ?? "")) as {
          readonly jwk: { readonly x: string }
        }).jwk.x
      )
      assert.strictEqual(new Set(keys).size, 1)
      assert.strictEqual(yield* asked, 1)
    }).pipe(Effect.provide(world({
      [places.resource]: ScriptedHttpClient.repeatLast(resource({ dpop_bound_access_tokens_required: true })),
      [`POST ${issuer}/token`]: token({ token_type: "DPoP" })
    }))))
})
