import * as Credential from "@effect-auth/core/Credential"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Yamcs from "../src/Yamcs.ts"
import * as YamcsCredential from "../src/YamcsCredential.ts"

const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries
const wrong = "canary-wrong-secret"

const credentials = (secret: string | undefined): ReadonlyArray<YamcsCredential.YamcsCredential> => [
  new YamcsCredential.Password({ username, password: Redacted.make(secret ?? password) }),
  new YamcsCredential.ServiceAccount({
    clientId: serviceAccount.applicationId,
    clientSecret: Redacted.make(secret ?? serviceAccount.applicationSecret)
  }),
  new YamcsCredential.ApiKey({ key: Redacted.make(secret ?? apiKey) }),
  new Credential.Basic({ username, password: Redacted.make(secret ?? password) })
]

describe("No secret of Yamcs is in a log, span, event, error or result", () => {
  for (const [given, secret] of [["right", undefined], ["wrong", wrong]] as const) {
    for (const credential of credentials(secret)) {
      it.effect(`${credential._tag}, ${given} secret: calls, revocation, restart, server error`, () =>
        Effect.gen(function*() {
          const detector = yield* LeakDetector.make(
            {
              password,
              apiKey,
              clientSecret: serviceAccount.applicationSecret,
              wrong,
              // how every JWT of the server begins
              token: "eyJhbGciOiJIUzI1NiJ9"
            },
            { render: [(value) => inspect(value, { depth: 10, showHidden: true })] }
          )
          const observation = yield* detector.watch(
            Effect.gen(function*() {
              const server = yield* FakeYamcs.FakeYamcs
              const call = Effect.exit(Yamcs.user)
              const before = yield* call
              yield* server.revokeAll
              const revoked = yield* call
              yield* server.restart
              yield* server.failNext(1, 400)
              return [before, revoked, yield* call, yield* call]
            }).pipe(
              Effect.provide(Layer.provideMerge(
                Yamcs.layer({ baseUrl: "https://yamcs.example", credential }),
                FakeYamcs.layer()
              ))
            )
          )
          assert.deepStrictEqual(observation.leaks, [])
          assert.isAbove(observation.looked, 10)
        }))
    }
  }
})
