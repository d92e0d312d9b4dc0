import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import * as Yamcs from "../src/Yamcs.ts"

const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries
const wrong = "canary-wrong-secret"

const secrets = {
  password,
  apiKey,
  clientSecret: serviceAccount.applicationSecret,
  wrong,
  // how every JWT of the server begins
  token: "eyJhbGciOiJIUzI1NiJ9"
}

const credentials = (secret: string | undefined): ReadonlyArray<Yamcs.TaggedCredential> => [
  { _tag: "Password", username, password: Redacted.make(secret ?? password) },
  {
    _tag: "ServiceAccount",
    clientId: serviceAccount.applicationId,
    clientSecret: Redacted.make(secret ?? serviceAccount.applicationSecret)
  },
  { _tag: "ApiKey", key: Redacted.make(secret ?? apiKey) },
  { _tag: "Basic", username, password: Redacted.make(secret ?? password) }
]

const modes = Object.fromEntries(
  [undefined, wrong].flatMap((secret) =>
    credentials(secret).map((credential) => [
      `Yamcs/${credential._tag} with ${secret === undefined ? "the right" : "a wrong"} secret`,
      LeakDetector.modeWith(FakeYamcs.layer(), {
        secrets,
        path: "/api/user",
        ...(secret === undefined ? undefined : { mayEndWith: ["CredentialsRejected"] }),
        client: (setup) => Yamcs.layer({ ...setup, credential }),
        scenarios: {
          "the token is revoked, the server restarts and fails": (http) =>
            Effect.gen(function*() {
              const server = yield* FakeYamcs.FakeYamcs
              const call = Effect.exit(http.get("/api/user"))
              const before = yield* call
              yield* server.revokeAll
              const revoked = yield* call
              yield* server.restart
              yield* server.failNext(1, 400)
              return [before, revoked, yield* call, yield* call]
            })
        }
      })
    ])
  )
)

describe("No secret of Yamcs is in a log, span, event, error or result", () => {
  for (const { effect, name } of LeakDetector.suite(modes, { render: [inspect] })) it.live(name, () => effect)
})
