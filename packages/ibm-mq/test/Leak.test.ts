import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as IbmMq from "../src/IbmMq.ts"

const password = FakeMqweb.defaultUsers["reader"]?.password ?? ""
const wrong = "canary-wrong-secret"

type Mode = {
  readonly mode: string
  readonly layer: Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
}

const modes = (secret: string | undefined): ReadonlyArray<Mode> => {
  const credential = new Credential.Basic({ username: "reader", password: Redacted.make(secret ?? password) })
  const baseUrl = "https://mq.example:9443/ibmmq/rest/v3"
  return [
    { mode: "Basic", layer: IbmMq.layerBasic({ baseUrl, credential }) },
    { mode: "LTPA", layer: IbmMq.layerLtpa({ baseUrl, credential }) }
  ]
}

describe("No secret of IBM MQ is in a log, span, event, error or result", () => {
  for (const csrf of ["presence", "echo"] as const) {
    for (const [given, secret] of [["right", undefined], ["wrong", wrong]] as const) {
      for (const { layer, mode } of modes(secret)) {
        it.effect(`${mode}, ${given} password, CSRF by ${csrf}: calls, swapped keys, restart, server error`, () =>
          Effect.gen(function*() {
            const detector = yield* LeakDetector.make(
              // how the value of every LTPA cookie of the server begins
              { password, wrong, cookie: Encoding.encodeBase64("canary-token-mq") },
              { render: [(value) => inspect(value, { depth: 10, showHidden: true })] }
            )
            const observation = yield* detector.watch(
              Effect.gen(function*() {
                const server = yield* FakeMqweb.FakeMqweb
                const http = yield* AuthenticatedHttpClient
                const call = Effect.exit(http.get("/admin/qmgr"))
                const before = yield* call
                yield* server.revokeAll
                const swapped = yield* call
                yield* server.restart
                const restarted = yield* call
                yield* server.failNext(1, 503)
                return [before, swapped, restarted, yield* call]
              }).pipe(Effect.provide(Layer.provideMerge(layer, FakeMqweb.layer({ csrf }))))
            )
            assert.deepStrictEqual(observation.leaks, [])
            assert.isAbove(observation.looked, 5)
          }))
      }
    }
  }
})
