import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Qualys from "../src/Qualys.ts"

const { password, username } = FakeQualys.credentials
const bearer = "canary-external-bearer"
const wrong = "canary-wrong-secret"

const secrets = {
  password,
  bearer,
  wrong,
  // how every JWT of the gateway begins
  token: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
}

const api = { baseUrl: "https://qualysapi.qg3.apps.qualys.com", path: "/api/2.0/fo/scan/" }
const gateway = { baseUrl: "https://gateway.qg3.apps.qualys.com", path: "/rest/2.0/count/am/asset" }

const credentials = (secret: string | undefined) => {
  const login = { username, password: Redacted.make(secret ?? password) }
  return [
    [{ _tag: "Basic", ...login }, api],
    [{ _tag: "Session", ...login }, api],
    [{ _tag: "Jwt", ...login }, gateway],
    [{ _tag: "Bearer", token: Redacted.make(secret ?? bearer) }, api]
  ] as const
}

const modes = Object.fromEntries(
  [undefined, wrong].flatMap((secret) =>
    credentials(secret).map(([credential, place]) => [
      `Qualys/${credential._tag} with ${secret === undefined ? "the right" : "a wrong"} secret`,
      LeakDetector.modeWith(FakeQualys.layer({ externalBearers: [bearer] }), {
        secrets,
        ...place,
        ...(secret === undefined ? undefined : { mayEndWith: ["CredentialsRejected"] }),
        client: ({ redirects }) => Qualys.layer({ redirects, credential }),
        scenarios: {
          "the session is revoked and a proxy answers with a page": (http) =>
            Effect.gen(function*() {
              const server = yield* FakeQualys.FakeQualys
              const call = Effect.exit(http.get(place.path))
              const before = yield* call
              yield* server.revokeAll
              const revoked = yield* call
              yield* server.failNext(1, 502)
              return [before, revoked, yield* call]
            })
        }
      })
    ])
  )
)

describe("No secret of Qualys is in a log, span, event, error or result", () => {
  for (const { effect, name } of LeakDetector.suite(modes, { render: [inspect] })) it.live(name, () => effect)
})
