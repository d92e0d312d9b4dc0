/**
 * The client that the conformance suite of the Model Context Protocol drives: it initializes, lists the tools, calls one, and
 * exits with 0 if all of that worked. What it is registered as, the suite says in the environment.
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as RedirectReceiver from "@effect-auth/core/RedirectReceiver"
import { Token } from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as Dpop from "@effect-auth/oauth/Dpop"
import * as Mcp from "@effect-auth/oauth/Mcp"
import * as SigningKey from "@effect-auth/oauth/SigningKey"
import * as TokenExchange from "@effect-auth/oauth/TokenExchange"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import process from "node:process"

const redirectUri = "http://localhost:3000/callback"

/** A person whose browser follows no redirect, and who pastes where it leads. */
const person = Layer.merge(
  Layer.succeed(RedirectReceiver.RedirectReceiver, {
    listen: () => Effect.succeed({ redirectUri, receive: () => Effect.never })
  }),
  Layer.succeed(LoginPrompt.LoginPrompt, {
    browse: ({ problem, url }) =>
      problem !== undefined
        ? Effect.dieMessage(problem)
        : Effect.promise(() => fetch(url, { redirect: "manual" })).pipe(
          Effect.map(({ headers }) => headers.get("location") ?? "")
        ),
    showCode: () => Effect.void
  })
)

const Context = Schema.parseJson(Schema.Struct({
  client_id: Schema.optional(Schema.String),
  client_secret: Schema.optional(Schema.String),
  private_key_pem: Schema.optional(Schema.String),
  signing_algorithm: Schema.optional(Schema.Literal("ES256", "RS256", "PS256", "EdDSA")),
  idp_client_id: Schema.optional(Schema.String),
  idp_id_token: Schema.optional(Schema.String),
  idp_issuer: Schema.optional(Schema.String),
  idp_token_endpoint: Schema.optional(Schema.String),
  valid_jwt: Schema.optional(Schema.String)
}))

type Context = typeof Context.Type

/** What the scenario is about, beside the URL. */
const optionsOf = (
  scenario: string,
  context: Context
): Effect.Effect<Omit<Mcp.Options<never, Mcp.Person>, "url">, unknown> =>
  Effect.gen(function*() {
    const { client_id: clientId = "", client_secret: secret } = context
    const known = { clientId, ...(secret === undefined ? undefined : { clientSecret: Redacted.make(secret) }) }
    switch (scenario) {
      case "auth/pre-registration":
        return { clients: { known } }
      case "auth/client-credentials-basic":
        return { clients: { known }, grant: Mcp.clientCredentials }
      case "auth/client-credentials-jwt": {
        const key = yield* SigningKey.fromText(Redacted.make(context.private_key_pem ?? ""), {
          algorithm: context.signing_algorithm ?? "ES256"
        })
        const authentication = ClientAuthentication.privateKeyJwt(key)
        return { clients: { known: { ...known, authentication } }, grant: Mcp.clientCredentials }
      }
      case "auth/enterprise-managed-authorization":
        return { clients: { known }, grant: Mcp.assertion((target) => idJag(context, target)) }
      case "auth/wif-jwt-bearer":
        return {
          clients: { known },
          grant: Mcp.assertion(() => Effect.succeed(Redacted.make(context.valid_jwt ?? "")))
        }
      case "auth/dpop":
      case "auth/dpop-nonce":
        return { clients: registering, dpop: Dpop.generated() }
      default:
        return { clients: registering, withoutMetadata: scenario.includes("2025-03-26") }
    }
  })

const registering = {
  metadataUrl: "https://conformance-test.local/client-metadata.json",
  metadata: { name: "effect-auth" }
}

/** An assertion for the server, from the identity provider of the enterprise. */
const idJag = (
  context: Context,
  { resource, server }: { readonly resource: string; readonly server: { readonly issuer?: string | undefined } }
) =>
  Effect.gen(function*() {
    const issuedAt = yield* DateTime.now
    const subject = yield* TokenSource.make({
      login: Effect.succeed(new Token({ value: Redacted.make(context.idp_id_token ?? ""), issuedAt }))
    })
    const tokens = yield* TokenExchange.makeTokens({
      server: { issuer: context.idp_issuer, tokenEndpoint: context.idp_token_endpoint ?? "" },
      credential: { clientId: context.idp_client_id ?? "" },
      subject,
      subjectTokenType: "urn:ietf:params:oauth:token-type:id_token",
      requestedTokenType: "urn:ietf:params:oauth:token-type:id-jag",
      audience: server.issuer,
      resource
    })
    return (yield* tokens.get).value
  }).pipe(
    Effect.scoped,
    Effect.catchTags({ InvalidSetting: Effect.die, InsecureTransport: Effect.die })
  )

const program = Effect.gen(function*() {
  const url = process.argv.at(-1) ?? ""
  const scenario = yield* Config.string("MCP_CONFORMANCE_SCENARIO")
  const version = yield* Config.string("MCP_CONFORMANCE_PROTOCOL_VERSION")
  const context = yield* Effect.flatMap(
    Config.option(Config.string("MCP_CONFORMANCE_CONTEXT")),
    Option.match({ onNone: () => Effect.succeed<Context>({}), onSome: Schema.decode(Context) })
  )
  const options = yield* optionsOf(scenario, context)
  const client = yield* Mcp.make({ ...options, url })
  const fetch = yield* AuthenticatedHttpClient.toFetch(client)
  yield* Effect.promise(() => session(fetch, url, version))
})

/** JSON-RPC over the streamable HTTP transport, as far as the suite looks. */
const session = async (fetch: typeof globalThis.fetch, url: string, version: string) => {
  const isStateless = version >= "2026-07-28"
  let id = 0
  let sessionId: string | undefined
  const call = async (method: string, params: Readonly<Record<string, unknown>>, isNotification = false) => {
    const meta = {
      "io.modelcontextprotocol/protocolVersion": version,
      "io.modelcontextprotocol/clientInfo": { name: "effect-auth", version: "0.1.0" },
      "io.modelcontextprotocol/clientCapabilities": {}
    }
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        "mcp-protocol-version": version,
        ...(sessionId === undefined ? undefined : { "mcp-session-id": sessionId }),
        ...(isStateless
          ? {
            "mcp-method": method,
            ...(typeof params["name"] === "string" ? { "mcp-name": params["name"] } : undefined)
          }
          : undefined)
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        ...(isNotification ? undefined : { id: ++id }),
        method,
        params: { ...params, ...(isStateless ? { _meta: meta } : undefined) }
      })
    })
    sessionId = response.headers.get("mcp-session-id") ?? sessionId
    const text = await response.text()
    if (response.status >= 400) throw new Error(`${method}: ${response.status} ${text}`)
  }
  if (!isStateless) {
    await call("initialize", {
      protocolVersion: version,
      capabilities: {},
      clientInfo: { name: "effect-auth", version: "0.1.0" }
    })
    await call("notifications/initialized", {}, true)
  }
  await call("tools/list", {})
  await call("tools/call", { name: "test-tool", arguments: {} })
}

// the suite closes connections that are idle for seconds, which a POST on a busy machine would run into
const transport = Layer.provide(NodeHttpClient.layerWithoutAgent, NodeHttpClient.makeAgentLayer({ keepAlive: false }))

const exitCode = await program.pipe(
  Effect.scoped,
  Effect.provide([person, transport]),
  Effect.as(0),
  Effect.catchAllCause((cause) => Effect.as(Console.error(cause.toString()), 1)),
  Effect.runPromise
)
process.exit(exitCode)
