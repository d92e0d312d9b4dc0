/** Every mode of Yamcs, for the leak suite: with the right secret and with a wrong one. */
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as FakePerson from "@effect-auth/testing/FakePerson"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as LeakDetector from "@effect-auth/testing/LeakDetector"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
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
  token: "eyJhbGciOiJIUzI1NiJ9",
  // how every Kerberos token of the fake begins, and every code that a ticket or a person brings
  ticket: "eyJzZXJ2aWNlIjoiSFRUUEA",
  spnegoCode: "c&%=+#?0",
  openIdCode: "canary-oidc-"
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

/** The tickets of a server that takes them: of this one, or of another. */
const ticketsOf = (service: string | undefined) =>
  Layer.effect(
    Negotiate.Negotiate,
    Effect.map(FakeYamcs.FakeYamcs, ({ negotiate }): Negotiate.Service => ({
      token: (target) => negotiate.token({ ...target, service: service ?? target.service })
    }))
  )

const spnegoWith = (login: string, service: string | undefined) =>
  LeakDetector.modeWith(FakeYamcs.layer({ spnego: "HTTP@leaks.example" }), {
    secrets,
    path: "/api/user",
    login,
    ...(service === undefined ? undefined : { mayEndWith: ["CredentialsRejected"] }),
    client: (setup) =>
      Yamcs.layerSpnego({ ...setup, credential: { service: "HTTP@leaks.example" }, refreshPolicy }).pipe(
        Layer.provide(ticketsOf(service))
      )
  })

const openIdWith = (openId: FakeYamcs.OpenIdOptions | undefined, refused: boolean) =>
  LeakDetector.modeWith(FakeYamcs.layer({ openId }), {
    secrets,
    path: "/api/user",
    login: "POST /auth/token",
    // a login that a person makes is not repeated
    mayEndWith: [...(refused ? ["CredentialsRejected"] : []), "TokenEndpointError", "MalformedTokenResponse"],
    client: (setup) => Yamcs.layerOpenId({ ...setup, refreshPolicy }).pipe(Layer.provide(FakePerson.layerYamcs))
  })

export const modes = {
  ...modesWith(undefined),
  "Yamcs/Spnego": spnegoWith("POST /auth/token", undefined),
  "Yamcs/Spnego, where the first step of a login goes wrong": spnegoWith("GET /auth/spnego", undefined),
  "Yamcs/Spnego with the ticket of another server": spnegoWith("GET /auth/spnego", "HTTP@other.example"),
  "Yamcs/OpenId": openIdWith({}, false),
  "Yamcs/OpenId with a code that is refused": openIdWith({ afterSpnego: true }, true),
  "Yamcs/OpenId at the server's own page": openIdWith(undefined, false)
}
export const wrongModes = modesWith(wrong)
