import { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Credential from "@effect-auth/core/Credential"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import type * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Qualys from "../src/Qualys.ts"

const { password, username } = FakeQualys.credentials
const bearer = "canary-external-bearer"
const wrong = "canary-wrong-secret"

interface Mode {
  readonly mode: string
  readonly layer: Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
  readonly path: string
}

const modes = (secret: string | undefined): ReadonlyArray<Mode> => {
  const credential = new Credential.Basic({ username, password: Redacted.make(secret ?? password) })
  return [
    { mode: "Basic", layer: Qualys.layerBasic({ credential }), path: "/api/2.0/fo/scan/" },
    { mode: "Session", layer: Qualys.layerSession({ credential }), path: "/api/2.0/fo/scan/" },
    { mode: "Jwt", layer: Qualys.layerJwt({ credential }), path: "/rest/2.0/count/am/asset" },
    {
      mode: "Bearer",
      layer: Qualys.layerBearer({ credential: new Credential.Bearer({ token: Redacted.make(secret ?? bearer) }) }),
      path: "/api/2.0/fo/scan/"
    }
  ]
}

describe("No secret of Qualys is in a log, span, event, error or result", () => {
  for (const [given, secret] of [["right", undefined], ["wrong", wrong]] as const) {
    for (const { layer, mode, path } of modes(secret)) {
      it.effect(`${mode}, ${given} secret: calls, revocation, a page of HTML`, () =>
        Effect.gen(function*() {
          const detector = yield* LeakDetector.make(
            // how every JWT of the gateway begins
            { password, bearer, wrong, token: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9" },
            { render: [(value) => inspect(value, { depth: 10, showHidden: true })] }
          )
          const observation = yield* detector.watch(
            Effect.gen(function*() {
              const server = yield* FakeQualys.FakeQualys
              const http = yield* AuthenticatedHttpClient
              const call = Effect.exit(http.get(path))
              const before = yield* call
              yield* server.revokeAll
              const revoked = yield* call
              yield* server.failNext(1, 502)
              return [before, revoked, yield* call]
            }).pipe(Effect.provide(Layer.provideMerge(layer, FakeQualys.layer({ externalBearers: [bearer] }))))
          )
          assert.deepStrictEqual(observation.leaks, [])
          assert.isAbove(observation.looked, 5)
        }))
    }
  }
})
