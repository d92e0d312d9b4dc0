/** How do I call an MCP server that wants a login? */
// #region layer
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Mcp from "@effect-auth/oauth/Mcp"
import { Context } from "effect"

class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const acme = (url: string) =>
  Mcp.layer({
    client: Acme,
    url,
    clients: { metadata: { name: "Acme assistant" } }
  })
// #endregion
// #region sdk
import { toFetch } from "@effect-auth/core/AuthenticatedHttpClient"
import { Client } from "@modelcontextprotocol/sdk/client/index.js"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js"
import { Effect } from "effect"

const connected = (url: string) =>
  Effect.acquireRelease(
    Effect.flatMap(Effect.flatMap(Acme, toFetch), (fetch) =>
      Effect.tryPromise(async () => {
        const client = new Client({ name: "acme-assistant", version: "1.0.0" })
        await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
        return client
      })),
    (client) => Effect.promise(() => client.close())
  )

const moons = (url: string) =>
  Effect.gen(function*() {
    const client = yield* connected(url)
    return yield* Effect.tryPromise(() => client.callTool({ name: "moons" }))
  }).pipe(Effect.scoped)
// #endregion
// #region kept
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
import { NodeHttpClient, NodeKeyValueStore } from "@effect/platform-node"
import { Layer } from "effect"

const kept = (url: string, directory: string) =>
  acme(url).pipe(
    Layer.provide(FileTokenStore.layer({ directory })),
    Layer.provide(RegisteredClients.layerKeyValueStore()),
    Layer.provide(NodeKeyValueStore.layerFileSystem(`${directory}/clients`)),
    Layer.provide(TerminalLogin.layer),
    Layer.provide(NodeHttpClient.layerUndici)
  )
// #endregion
import { MayInteract } from "@effect-auth/core/TokenSource"
// #region background
/** For workers beside the program that a person sits before: they go on with its session, and ask nobody. */
const inBackground = (url: string) => Effect.provideService(moons(url), MayInteract, false)
// #endregion
import { isAuthError } from "@effect-auth/core/AuthError"
import { Cause } from "effect"
// #region failure
/** What the SDK passes on of a failed request. */
const said = (failure: unknown): string => {
  const error = Cause.isUnknownException(failure) ? failure.error : failure
  return isAuthError(error) ? error._tag : String(error)
}
// #endregion
import type { Redacted } from "effect"
// #region alone
const service = (url: string, clientId: string, clientSecret: Redacted.Redacted) =>
  Mcp.layer({
    client: Acme,
    url,
    grant: Mcp.clientCredentials,
    clients: { known: { issuer: "https://login.acme.example", clientId, clientSecret } }
  })
// #endregion

import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as LoopbackReceiver from "@effect-auth/node/LoopbackReceiver"
import { deepStrictEqual } from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serve } from "./mcp/server.ts"

/** A person whose browser follows every redirect. */
const person = Layer.merge(
  LoopbackReceiver.layer,
  Layer.succeed(LoginPrompt.LoginPrompt, {
    browse: ({ url }) => Effect.zipRight(Effect.promise(() => fetch(url).then((page) => page.text())), Effect.never),
    showCode: () => Effect.void
  })
)

export const test = Effect.gen(function*() {
  const { seen, url } = yield* serve
  const directory = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-auth-mcp-"))),
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )
  const stored = acme(url).pipe(
    Layer.provide(FileTokenStore.layer({ directory })),
    Layer.provide(RegisteredClients.layerKeyValueStore()),
    Layer.provide(NodeKeyValueStore.layerFileSystem(`${directory}/clients`)),
    Layer.provide(person),
    Layer.provide(NodeHttpClient.layerUndici)
  )
  const refused = yield* Effect.flip(Effect.provide(inBackground(url), stored))
  deepStrictEqual(said(refused), "InteractionRequired")
  const content = [{ type: "text", text: "Phobos, Deimos" }]
  deepStrictEqual((yield* Effect.provide(moons(url), stored)).content, content)
  deepStrictEqual((yield* Effect.provide(inBackground(url), stored)).content, content)
  deepStrictEqual(seen, { logins: 1, refusals: 2 })
  void kept
  void service
}).pipe(Effect.scoped)
