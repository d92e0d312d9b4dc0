/** Against the real server and oidc-provider, with a person at a browser whose redirect comes to a port of loopback. */
import { MayInteract } from "@effect-auth/core/TokenSource"
import { NodeContext, NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Kdc from "../../node/integration/fixtures/kdc.ts"
import * as Desktop from "../../oauth/integration/fixtures/desktop.ts"
import * as Yamcs from "../src/Yamcs.ts"
import * as RealYamcs from "./RealYamcs.ts"
import * as OpenIdProvider from "./yamcs/openIdProvider.ts"

const platform = Layer.mergeAll(NodeContext.layer, NodeHttpClient.layerUndici, Desktop.layer)

/** In milliseconds of a busy machine. */
const slow = 300_000

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

const asked = Effect.flatMap(Desktop.Desktop, ({ asked }) => asked)

const startedWith = (options: RealYamcs.Options) => Effect.tap(RealYamcs.makeWith(options), ({ start }) => start)

describe("A real Yamcs server with an OpenID provider", () => {
  it.scopedLive(
    "a person logs in once, and again after a restart; their session is refreshed without them",
    () =>
      Effect.gen(function*() {
        const { behave } = yield* Desktop.Desktop
        yield* behave({ username: "alice", password: "canary" })
        const provider = yield* OpenIdProvider.start()
        const server = yield* startedWith({ authModules: [provider.authModule, RealYamcs.ofFile] })
        yield* Effect.gen(function*() {
          assert.strictEqual(yield* whoAmI, "alice")
          yield* Effect.sleep("7 seconds") // an access token lives for three
          assert.strictEqual(yield* whoAmI, "alice")
          assert.strictEqual((yield* asked).length, 1)
          yield* server.stop
          yield* server.start
          const names = yield* Effect.replicateEffect(whoAmI, 16, { concurrency: "unbounded" })
          assert.isTrue(names.every((name) => name === "alice"))
          assert.strictEqual((yield* asked).length, 2)
        }).pipe(Effect.provide(Yamcs.layerOpenId({ baseUrl: server.baseUrl })))
        assert.strictEqual(yield* provider.logins, 2)
        assert.deepStrictEqual(yield* provider.refusals, [])
        assert.notInclude(yield* server.tokenAnswers, "429")
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive(
    "a session that the provider does not carry on ends: nobody is asked in the background, and the person once",
    () =>
      Effect.gen(function*() {
        const provider = yield* OpenIdProvider.start({ idTokenLifetime: 4 })
        const server = yield* startedWith({ authModules: [provider.authModule, RealYamcs.ofFile] })
        yield* Effect.gen(function*() {
          assert.strictEqual(yield* whoAmI, "alice")
          yield* provider.down(true)
          yield* Effect.sleep("6 seconds")
          const inBackground = Effect.flip(Effect.provideService(Yamcs.user, MayInteract, false))
          assert.strictEqual((yield* inBackground)._tag, "InteractionRequired")
          assert.strictEqual((yield* inBackground)._tag, "InteractionRequired")
          assert.strictEqual((yield* asked).length, 1)
          const before = yield* server.tokenAnswers
          yield* provider.down(false)
          const names = yield* Effect.replicateEffect(whoAmI, 8, { concurrency: "unbounded" })
          assert.isTrue(names.every((name) => name === "alice"))
          assert.strictEqual((yield* asked).length, 2)
          assert.deepStrictEqual((yield* server.tokenAnswers).slice(before.length), ["200"])
        }).pipe(Effect.provide(Yamcs.layerOpenId({ baseUrl: server.baseUrl })))
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive("a person who denies is an error, and no code is sent", () =>
    Effect.gen(function*() {
      const { behave } = yield* Desktop.Desktop
      yield* behave({ denies: true })
      const provider = yield* OpenIdProvider.start()
      const server = yield* startedWith({ authModules: [provider.authModule, RealYamcs.ofFile] })
      const error = yield* Effect.flip(
        Effect.provide(Yamcs.user, Yamcs.layerOpenId({ baseUrl: server.baseUrl }))
      )
      assert.deepInclude(error, { _tag: "CredentialsRejected", code: "access_denied" })
      assert.deepStrictEqual(yield* server.tokenAnswers, [])
    }).pipe(Effect.provide(platform)), slow)

  it.scopedLive(
    "a module for Kerberos before that for OpenID refuses every code, and the error says so",
    () =>
      Effect.gen(function*() {
        const realm = yield* Kdc.make
        const provider = yield* OpenIdProvider.start()
        const spnego = {
          class: "org.yamcs.security.SpnegoAuthModule",
          args: { principal: `HTTP/localhost@${Kdc.realm}`, keytab: realm.keytab }
        }
        const server = yield* startedWith({
          authModules: [spnego, provider.authModule, RealYamcs.ofFile],
          java: [`-Djava.security.krb5.conf=${realm.krb5Conf}`]
        })
        const error = yield* Effect.flip(
          Effect.provide(Yamcs.user, Yamcs.layerOpenId({ baseUrl: server.baseUrl }))
        )
        assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401 })
        assert.include(error.message, "SpnegoAuthModule before OpenIDAuthModule")
        assert.deepStrictEqual(yield* server.tokenAnswers, ["401"])
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive(
    "a provider that demands PKCE says so in its redirect, and no code is sent",
    () =>
      Effect.gen(function*() {
        const provider = yield* OpenIdProvider.start({ demandsPkce: true })
        const server = yield* startedWith({ authModules: [provider.authModule, RealYamcs.ofFile] })
        const error = yield* Effect.flip(
          Effect.provide(Yamcs.user, Yamcs.layerOpenId({ baseUrl: server.baseUrl }))
        )
        assert.deepInclude(error, { _tag: "CredentialsRejected", code: "invalid_request" })
        assert.deepStrictEqual(yield* server.tokenAnswers, [])
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive("without a provider a person logs in at the server's own page", () =>
    Effect.gen(function*() {
      const { behave } = yield* Desktop.Desktop
      yield* behave(RealYamcs.admin)
      const server = yield* startedWith({})
      yield* Effect.gen(function*() {
        assert.strictEqual(yield* whoAmI, RealYamcs.admin.username)
        yield* Effect.sleep("4 seconds")
        assert.strictEqual(yield* whoAmI, RealYamcs.admin.username)
      }).pipe(Effect.provide(Yamcs.layerOpenId({ baseUrl: server.baseUrl })))
      assert.strictEqual((yield* asked).length, 1)
    }).pipe(Effect.provide(platform)), slow)

  it.scopedLive("a server without security has a guest, who needs no credentials", () =>
    Effect.gen(function*() {
      const server = yield* startedWith({ open: true })
      assert.isFalse((yield* Yamcs.authInfo({ baseUrl: server.baseUrl })).requireAuthentication)
      assert.strictEqual(
        yield* Effect.provide(whoAmI, Yamcs.layerAnonymous({ baseUrl: server.baseUrl })),
        "guest"
      )
    }).pipe(Effect.provide(platform)), slow)
})
