/** An MCP server of the official SDK on loopback that wants a token, and the authorization server that issues it. */
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js"
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js"
import { Effect } from "effect"
import { createHash, randomUUID } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

/** Its URL, and what it has seen. */
export const serve = Effect.map(
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof createServer>>((resume) => {
      const server = createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  ),
  (server) => {
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const url = `${origin}/mcp`
    const seen = { logins: 0, refusals: 0 }
    const authorize = authorizationServer(origin, url)
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void answer(request, response).catch(() => response.destroy())
    })

    const answer = async (request: IncomingMessage, response: ServerResponse) => {
      const { pathname } = new URL(request.url ?? "", origin)
      if (pathname === "/.well-known/oauth-protected-resource/mcp") {
        return json(response, { resource: url, authorization_servers: [origin], scopes_supported: ["tools"] })
      }
      if (pathname !== "/mcp") return authorize.answer(request, response, () => seen.logins++)
      if (!authorize.tokens.has(request.headers.authorization?.replace(/^Bearer /u, "") ?? "")) {
        seen.refusals++
        return void response.writeHead(401, {
          "www-authenticate": `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`
        }).end()
      }
      // without sessions: a server for each request
      const mcp = new McpServer({ name: "planets", version: "1.0.0" })
      mcp.registerTool("moons", { description: "The moons of Mars" }, () => ({
        content: [{ type: "text", text: "Phobos, Deimos" }]
      }))
      const transport = new StreamableHTTPServerTransport()
      response.on("close", () => void mcp.close())
      await mcp.connect(transport as Parameters<McpServer["connect"]>[0])
      await transport.handleRequest(request, response)
    }
    return { url, seen }
  }
)

/** Agrees to everything. */
const authorizationServer = (issuer: string, resource: string) => {
  const codes = new Map<string, string>()
  const tokens = new Set<string>()
  const answer = async (request: IncomingMessage, response: ServerResponse, onLogin: () => void) => {
    const { pathname, searchParams } = new URL(request.url ?? "", issuer)
    switch (pathname) {
      case "/.well-known/oauth-authorization-server":
        return json(response, {
          issuer,
          authorization_endpoint: `${issuer}/authorize`,
          token_endpoint: `${issuer}/token`,
          registration_endpoint: `${issuer}/register`,
          code_challenge_methods_supported: ["S256"],
          token_endpoint_auth_methods_supported: ["none"]
        })
      case "/register":
        return json(response, { ...JSON.parse(await bodyOf(request)) as object, client_id: randomUUID() }, 201)
      case "/authorize": {
        const code = randomUUID()
        codes.set(code, searchParams.get("code_challenge") ?? "")
        const back = new URL(searchParams.get("redirect_uri") ?? "")
        back.searchParams.set("code", code)
        back.searchParams.set("state", searchParams.get("state") ?? "")
        return void response.writeHead(302, { location: back.href }).end()
      }
      case "/token": {
        const form = new URLSearchParams(await bodyOf(request))
        const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url")
        if (codes.get(form.get("code") ?? "") !== challenge || form.get("resource") !== resource) {
          return json(response, { error: "invalid_grant" }, 400)
        }
        onLogin()
        const token = randomUUID()
        tokens.add(token)
        return json(response, { access_token: token, token_type: "Bearer", expires_in: 3600 })
      }
      default:
        return void response.writeHead(404).end()
    }
  }
  return { answer, tokens }
}

const json = (response: ServerResponse, body: unknown, status = 200) =>
  void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))

const bodyOf = async (request: IncomingMessage) => {
  let body = ""
  for await (const chunk of request) body += String(chunk)
  return body
}
