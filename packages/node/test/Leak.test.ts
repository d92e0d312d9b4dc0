import * as Credential from "@effect-auth/core/ClientCertificate"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as ClientCertificate from "../src/ClientCertificate.ts"
import * as MutualTlsServer from "./fixtures/mutualTls.ts"
import * as Pki from "./fixtures/pki.ts"

const ours = Pki.authority("Test CA")
const theirs = Pki.authority("Foreign CA")
const clientPair = ours.issue({ name: "client" })
const wrong = "canary-wrong-passphrase"

/** The middle of a key, without the frame that every key has. */
const heart = (pem: string) => pem.split("\n")[3] ?? pem

const given = (passphrase: string) => ({
  ca: ours.pem,
  caOnly: true,
  certificate: Redacted.make(clientPair.certificate),
  key: Redacted.make(Pki.encryptedKey(clientPair)),
  passphrase: Redacted.make(passphrase)
})

const scenarios = [
  { name: "a server that trusts us", pair: ours.issue(), passphrase: Pki.passphrase, succeeds: true },
  { name: "a server that we do not trust", pair: theirs.issue(), passphrase: Pki.passphrase, succeeds: false },
  { name: "a wrong passphrase", pair: ours.issue(), passphrase: wrong, succeeds: false }
]

describe("No passphrase and no private key is in a log, span, event, error or result", () => {
  for (const transport of ["layerUndici", "layerNodeHttp"] as const) {
    for (const { name, pair, passphrase, succeeds } of scenarios) {
      it.scopedLive(`${transport}: ${name}`, () =>
        Effect.gen(function*() {
          const { url } = yield* MutualTlsServer.server({ pair, trusts: ours.pem, rejectUnauthorized: true })
          const credential = new Credential.ClientCertificate(given(passphrase))
          const detector = yield* LeakDetector.make(
            {
              passphrase: Pki.passphrase,
              wrong,
              key: heart(clientPair.key),
              encryptedKey: heart(Pki.encryptedKey(clientPair))
            },
            { render: [(value) => inspect(value, { depth: 10, showHidden: true })] }
          )
          const { exit, leaks, looked } = yield* detector.watch(
            Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url)).pipe(
              Effect.flatMap((response) => Effect.as(response.text, [response, credential])),
              Effect.provide(ClientCertificate[transport]({ credential }))
            )
          )
          assert.deepStrictEqual(leaks, [])
          assert.strictEqual(Exit.isSuccess(exit), succeeds)
          assert.isAbove(looked, 0)
        }))
    }
  }
})
