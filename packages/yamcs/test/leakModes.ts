/** Every mode of Yamcs, for the leak suite: with the right secret and with a wrong one. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Yamcs from "../src/Yamcs.ts"

const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries
const bearer = "canary-external-bearer"
const wrong = "canary-wrong-secret"

export const secrets = {
  password,
  apiKey,
  bearer,
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
    clientSecret: Redacted.make(secret ?? serviceAccount.applicationSecret),
    become: username
  },
  { _tag: "ApiKey", key: Redacted.make(secret ?? apiKey) },
  { _tag: "Basic", username, password: Redacted.make(secret ?? password) },
  // no token of the fake, which refuses it
  { _tag: "Bearer", accessToken: Redacted.make(secret ?? bearer) }
]

/** The second try of a login comes at once: over sockets, time is real. */
const refreshPolicy = RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.recurs(1)))

const logsIn = new Set<Yamcs.TaggedCredential["_tag"]>(["Password", "ServiceAccount"])

const modesWith = (secret: string | undefined) =>
  Object.fromEntries(
    credentials(secret).map((credential) => [
      `Yamcs/${credential._tag} with ${secret === undefined ? "the right" : "a wrong"} secret`,
      LeakDetector.modeWith(FakeYamcs.layer(), {
        secrets,
        path: "/api/user",
        ...(logsIn.has(credential._tag) ? { login: "POST /auth/token" } : undefined),
        ...(secret === undefined ? undefined : { mayEndWith: ["CredentialsRejected"] }),
        client: (setup) => Yamcs.layer({ ...setup, credential, refreshPolicy }),
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

export const modes = modesWith(undefined)
export const wrongModes = modesWith(wrong)
