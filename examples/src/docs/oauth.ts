/** A command that logs a person in once, with a browser, and keeps the session in a file. */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Browser from "@effect-auth/core/Browser"
import * as LoginPrompt from "@effect-auth/core/LoginPrompt"
import * as FileTokenStore from "@effect-auth/node/FileTokenStore"
import * as LoopbackReceiver from "@effect-auth/node/LoopbackReceiver"
import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
import * as TerminalPrompt from "@effect-auth/node/TerminalPrompt"
import * as AuthorizationCode from "@effect-auth/oauth/AuthorizationCode"
import * as FakeOAuth from "@effect-auth/testing/FakeOAuth"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import { FileSystem, HttpClient } from "@effect/platform"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Context, Effect, Layer } from "effect"
import { deepStrictEqual } from "node:assert"
import { createServer } from "node:http"
import { homedir } from "node:os"
import { join } from "node:path"
import { Writable } from "node:stream"

// #region program
export class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

export const me = Effect.flatMap(Acme, (acme) => Effect.flatMap(acme.get("/me"), ({ json }) => json))
// #endregion

// #region options
const settings = {
  baseUrl: "https://api.acme.example", // what the client calls, and the only origin that sees the token
  server: "https://login.acme.example", // who logs the person in
  credential: { clientId: "acme-cli" }, // no secret: there is no place to keep one on a person's machine
  scope: ["things:read"]
}
// #endregion

// #region layer
export const layer = (options = settings) => AuthorizationCode.layer({ ...options, client: Acme })

const main = me.pipe(
  Effect.flatMap(Console.log),
  Effect.provide(layer()),
  Effect.provide(FileTokenStore.layer({ directory: join(homedir(), ".config", "acme") })), // the next run asks nobody
  Effect.provide(TerminalLogin.layer), // opens the browser, and shows the address as well
  Effect.provide(NodeHttpClient.layerUndici)
)

export const run = () => NodeRuntime.runMain(main)
// #endregion

// #region logout
export const logOut = (options = settings) =>
  AuthorizationCode.makeTokens(options).pipe(
    Effect.flatMap((tokens) => tokens.end), // revoked at the server, and removed from the file
    Effect.scoped
  )
// #endregion

/** A browser whose user agrees: it follows the redirect to the address that the program listens on. */
const browser = Layer.effect(
  Browser.Browser,
  Effect.map(HttpClient.HttpClient, (http) => ({
    open: (url: string) =>
      Effect.orDie(Effect.scoped(Effect.flatMap(HttpClient.followRedirects(http).get(url), ({ text }) => text)))
  }))
)

/** What `TerminalLogin.layer` is made of, with the test in the place of the system's browser and of the terminal. */
const Person = Layer.merge(
  LoopbackReceiver.layer,
  Layer.unwrapEffect(Effect.sync(() => {
    const output = new Writable({ write: (_chunk, _encoding, done) => done() })
    return Layer.effect(
      LoginPrompt.LoginPrompt,
      TerminalPrompt.make({ output })
    )
  })).pipe(Layer.provide(browser))
)

export const test = Effect.gen(function*() {
  const server = yield* FakeOAuth.make()
  const url = yield* FakeServer.serve(server.app)
  const options = { ...settings, baseUrl: url, server: url }
  const directory = yield* Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())
  const Kept = FileTokenStore.layer({ directory })

  for (const _ of ["the first run", "the next run"]) {
    const who = yield* Effect.provide(me, Layer.provide(layer(options), Kept))
    deepStrictEqual(who, { client: "acme-cli", user: "ada", scope: "things:read" })
  }
  deepStrictEqual((yield* server.stats).prompts, 1)

  yield* Effect.provide(logOut(options), Kept)
  deepStrictEqual((yield* server.stats).revocations, 1)
  yield* server.person(FakeOAuth.denies)
  const error = yield* Effect.flip(Effect.provide(me, Layer.provide(layer(options), Kept)))
  deepStrictEqual([error._tag, "code" in error && error.code], ["CredentialsRejected", "access_denied"])
}).pipe(
  Effect.provide(Person),
  Effect.scoped,
  Effect.provide([
    NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }),
    NodeHttpClient.layer,
    NodeFileSystem.layer
  ])
)
