/** Every mode of Qualys, for the leak suite: with the right secret and with a wrong one. */
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Platform from "../src/Platform.ts"
import * as Qualys from "../src/Qualys.ts"

const { password, username } = FakeQualys.canaries
const bearer = "canary-external-bearer"
const wrong = "canary-wrong-secret"
const clientId = "reporting"
const clientSecret = "canary-client-secret-qualys"

export const secrets = {
  password,
  bearer,
  clientSecret,
  wrong,
  // how every JWT of the gateway begins
  token: "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9"
}

/** The second try of a login comes at once: over sockets, time is real. */
const refreshPolicy = RefreshPolicy.default.pipe(RefreshPolicy.retry(Schedule.recurs(1)))

/** On a socket, one host stands for all three; in memory the fake has the platform's own. */
const platformOf = (baseUrl: string): Platform.Platform =>
  new URL(baseUrl).hostname === "127.0.0.1"
    ? new Platform.Override({ api_url: baseUrl, gateway_url: baseUrl, qualysguard_url: baseUrl })
    : Platform.defaultPlatform

const api = { baseUrl: "https://qualysapi.qg3.apps.qualys.com", path: "/api/2.0/fo/scan/" }
const gateway = { baseUrl: "https://gateway.qg3.apps.qualys.com", path: "/rest/2.0/count/am/asset" }

const credentials = (secret: string | undefined) => {
  const login = { username, password: Redacted.make(secret ?? password) }
  return [
    [{ _tag: "Basic", ...login }, api],
    [{ _tag: "Session", ...login }, { ...api, login: "POST /api/2.0/fo/session/" }],
    [{ _tag: "Jwt", ...login }, { ...gateway, login: "POST /auth" }],
    [{ _tag: "ClientCredentials", clientId, clientSecret: Redacted.make(secret ?? clientSecret), level: "user" }, {
      ...gateway,
      login: "POST /auth/oidc"
    }],
    [{ _tag: "Bearer", token: Redacted.make(secret ?? bearer) }, api]
  ] as const
}

const modesWith = (secret: string | undefined) =>
  Object.fromEntries(
    credentials(secret).map(([credential, place]) => [
      `Qualys/${credential._tag} with ${secret === undefined ? "the right" : "a wrong"} secret`,
      LeakDetector.modeWith(
        FakeQualys.layer({
          externalBearers: [bearer],
          clients: { [clientId]: { secret: clientSecret, level: "user" } }
        }),
        {
          secrets,
          ...place,
          ...(secret === undefined ? undefined : { mayEndWith: ["CredentialsRejected"] }),
          client: ({ baseUrl, redirects }) =>
            Qualys.layer({ redirects, credential, platform: platformOf(baseUrl), refreshPolicy }),
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
        }
      )
    ])
  )

export const modes = modesWith(undefined)
export const wrongModes = modesWith(wrong)
