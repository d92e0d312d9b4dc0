/** Against MIT Kerberos and Apache's mod_auth_gssapi. The tests share the environment of this process, so one follows another. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Kerberos from "../src/Kerberos.ts"
import * as Apache from "./fixtures/gssapiApache.ts"
import * as Kdc from "./fixtures/kdc.ts"

const clientOf = (port: number, options?: Negotiate.Options, host = "localhost") =>
  Effect.flatMap(
    Negotiate.authenticator(options),
    (authenticator) => AuthenticatedHttpClient.make(authenticator, { baseUrl: `http://${host}:${port}` })
  ).pipe(Effect.provide(Kerberos.layer))

const who = (http: AuthenticatedHttpClient.Service) =>
  Effect.map(
    Effect.tap(http.get("/index.html"), ({ text }) => text),
    ({ headers, status }) => [status, headers["x-user"]]
  )

const alice = [200, `${Kdc.person.name}@${Kdc.realm}`]

describe("Kerberos", () => {
  for (const mechanism of ["Spnego", "Kerberos"] as const) {
    it.scopedLive(`Apache accepts a ticket in ${mechanism}, and a token once`, () =>
      Effect.gen(function*() {
        const realm = yield* Kdc.make
        const port = yield* Apache.start(realm)
        yield* realm.kinit()
        const { token } = Kerberos.make({ mechanism })
        const made = yield* token({ service: Kdc.service })
        const same = yield* AuthenticatedHttpClient.make(
          Authenticator.fixed(RequestCredentials.authorization(`Negotiate ${Redacted.value(made)}`), { mode: "Once" }),
          { baseUrl: `http://localhost:${port}` }
        )
        assert.deepStrictEqual(yield* who(same), alice)
        assert.strictEqual((yield* Effect.flip(who(same)))._tag, "CredentialsRejected")
      }).pipe(Effect.provide(NodeHttpClient.layerUndici)))
  }

  it.scopedLive("64 requests at a time have a token each, over undici and node:http", () =>
    Effect.gen(function*() {
      const realm = yield* Kdc.make
      const port = yield* Apache.start(realm)
      yield* realm.kinit()
      for (const transport of [NodeHttpClient.layerUndici, NodeHttpClient.layer]) {
        const answers = yield* Effect.gen(function*() {
          const http = yield* clientOf(port)
          return yield* Effect.replicateEffect(who(http), 256, { concurrency: 64 })
        }).pipe(Effect.provide(transport))
        assert.deepStrictEqual(answers.filter(([status, user]) => status !== alice[0] || user !== alice[1]), [])
      }
    }))

  it.scopedLive("tells what is missing on this side from what the server refuses, and goes on once it is there", () =>
    Effect.gen(function*() {
      const realm = yield* Kdc.make
      const port = yield* Apache.start(realm)
      const http = yield* clientOf(port)
      const code = Effect.map(Effect.flip(who(http)), (error) => [error._tag, "code" in error ? error.code : undefined])
      assert.deepStrictEqual(yield* code, ["CredentialUnavailable", "NoCredentials"])

      yield* realm.kinit({ lifetime: "2s" })
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(yield* code, ["CredentialUnavailable", "TicketExpired"])

      yield* realm.kinit()
      yield* realm.stop
      assert.deepStrictEqual(yield* code, ["CredentialUnavailable", "KdcUnreachable"])
      yield* realm.start
      assert.deepStrictEqual(yield* who(http), alice)

      // the ticket for the server is kept
      yield* realm.stop
      assert.deepStrictEqual(yield* who(http), alice)
      yield* realm.start

      const byAddress = yield* clientOf(port, {}, "127.0.0.1")
      const unknown = yield* Effect.flip(who(byAddress))
      assert.deepInclude(unknown, { _tag: "CredentialUnavailable", code: "UnknownService" })
      assert.include(unknown.message, "HTTP/127.0.0.1@TEST.LOCAL not found in Kerberos database")
      assert.deepStrictEqual(yield* who(yield* clientOf(port, { service: Kdc.service }, "127.0.0.1")), alice)

      yield* realm.forget
      assert.deepStrictEqual(yield* code, ["CredentialUnavailable", "NoCredentials"])
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  it.scopedLive("a keytab needs no ticket, and a principal that is named is the one", () =>
    Effect.gen(function*() {
      const realm = yield* Kdc.make
      const port = yield* Apache.start(realm)
      yield* realm.unattended
      const robot = `${Kdc.robot}@${Kdc.realm}`
      assert.deepStrictEqual(yield* who(yield* clientOf(port)), [200, robot])
      assert.deepStrictEqual(yield* who(yield* clientOf(port, { principal: robot })), [200, robot])
      const nobody = yield* clientOf(port, { principal: `nobody@${Kdc.realm}` })
      assert.deepInclude(yield* Effect.flip(who(nobody)), { _tag: "CredentialUnavailable", code: "NoCredentials" })
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))

  it.scopedLive("a server that takes the ticket of another one refuses it, and says nothing of it", () =>
    Effect.gen(function*() {
      const [realm, other] = [yield* Kdc.make, yield* Kdc.make]
      const port = yield* Apache.start({ ...realm, keytab: other.keytab })
      yield* realm.forget
      yield* realm.kinit()
      const error = yield* Effect.flip(who(yield* clientOf(port)))
      assert.deepInclude(error, { _tag: "CredentialsRejected", status: 401 })
      assert.include(error.message, "the server did not accept the ticket")
    }).pipe(Effect.provide(NodeHttpClient.layerUndici)))
})
