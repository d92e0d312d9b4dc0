/** One scenario per mode: its server, the layer of the mode, what goes wrong, and what that may cost. */
import type { AuthenticatedHttpClient } from "@effect-auth/core/AuthenticatedHttpClient"
import * as Credential from "@effect-auth/core/Credential"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Platform from "@effect-auth/qualys/Platform"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsCredential from "@effect-auth/yamcs/YamcsCredential"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpServer from "@effect/platform/HttpServer"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

export interface Scenario {
  readonly mode: string
  readonly story: string
  /** What the program asks for, twice five times. */
  readonly path: string
  readonly start: Effect.Effect<Stage, Error, HttpServer.HttpServer | Scope.Scope>
  readonly expected: { readonly logins: number; readonly refreshes: number; readonly replays: boolean }
}

interface Stage {
  readonly layer: Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
  /** Between the calls: makes trouble and says which. */
  readonly disturb: Effect.Effect<string>
  readonly stats: Effect.Effect<{ readonly logins: number; readonly refreshes: number }>
}

const noLogin = { logins: 0, refreshes: 0, replays: false }

const mq = (
  layer: (options: {
    readonly baseUrl: string
    readonly credential: Credential.Basic
  }) => Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
) =>
  Effect.gen(function*() {
    const server = yield* FakeMqweb.make()
    const url = yield* FakeServer.serve(server.app)
    const credential = yield* Credential.basic({
      username: "reader",
      password: Redacted.make(FakeMqweb.canaries.reader.password)
    })
    return {
      layer: layer({ baseUrl: `${url}/ibmmq/rest/v3`, credential }),
      disturb: Effect.as(server.revokeAll, "the server changed its keys: a cookie from before is worthless"),
      stats: server.stats
    }
  })

const { canaries } = FakeYamcs

const yamcs = <C extends YamcsCredential.YamcsCredential>(
  credential: () => Either.Either<C, Error>,
  disturb: (server: FakeYamcs.Service) => Effect.Effect<string>
) =>
  Effect.gen(function*() {
    const server = yield* FakeYamcs.make({ tokenLifetime: "1 second" })
    const url = yield* FakeServer.serve(server.app)
    return {
      layer: Yamcs.layer({ baseUrl: url, credential: yield* credential() }),
      disturb: disturb(server),
      stats: server.stats
    }
  })

const tokenExpires = () => Effect.as(Effect.sleep("1100 millis"), "a token from before has expired")

const qualys = (
  layer: (options: {
    readonly platform: Platform.Platform
    readonly credential: Credential.Basic
  }) => Layer.Layer<AuthenticatedHttpClient, Error, HttpClient.HttpClient>
) =>
  Effect.gen(function*() {
    const server = yield* FakeQualys.make({ concurrency: 10 })
    const url = yield* FakeServer.serve(server.app)
    const credential = yield* Credential.basic({
      username: FakeQualys.canaries.username,
      password: Redacted.make(FakeQualys.canaries.password)
    })
    const platform = new Platform.Override({ api_url: url, gateway_url: url, qualysguard_url: url })
    return {
      layer: layer({ platform, credential }),
      disturb: Effect.as(server.revokeAll, "the gateway forgot its sessions: a JWT from before is worthless"),
      stats: server.stats
    }
  })

export const scenarios: ReadonlyArray<Scenario> = [
  {
    mode: "ibm-mq/basic",
    story: "user name and password on every request",
    path: "/admin/qmgr",
    start: mq(IbmMq.layerBasic),
    expected: noLogin
  },
  {
    mode: "ibm-mq/ltpa",
    story: "one login, then a cookie",
    path: "/admin/qmgr",
    start: mq(IbmMq.layerLtpa),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "yamcs/password",
    story: "one login, then an access token that is refreshed",
    path: "/api/user",
    start: yamcs(
      () => YamcsCredential.password({ username: canaries.username, password: Redacted.make(canaries.password) }),
      tokenExpires
    ),
    expected: { logins: 1, refreshes: 1, replays: false }
  },
  {
    mode: "yamcs/service-account",
    story: "client id and secret, as another account; no refresh token, so it logs in again",
    path: "/api/user",
    start: yamcs(
      () =>
        YamcsCredential.serviceAccount({
          clientId: canaries.serviceAccount.applicationId,
          clientSecret: Redacted.make(canaries.serviceAccount.applicationSecret),
          become: canaries.username
        }),
      (server) => Effect.as(server.restart, "the server restarted and has forgotten every token")
    ),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "yamcs/api-key",
    story: "a key on every request",
    path: "/api/user",
    start: yamcs(
      () => YamcsCredential.apiKey({ key: Redacted.make(canaries.apiKey) }),
      tokenExpires
    ),
    expected: noLogin
  },
  {
    mode: "yamcs/basic",
    story: "user name and password on every request",
    path: "/api/user",
    start: yamcs(
      () => Credential.basic({ username: canaries.username, password: Redacted.make(canaries.password) }),
      tokenExpires
    ),
    expected: noLogin
  },
  {
    mode: "qualys/basic",
    story: "user name and password on every request",
    path: "/api/2.0/fo/scan/?action=list",
    start: qualys(Qualys.layerBasic),
    expected: noLogin
  },
  {
    mode: "qualys/session",
    story: "one login, then a session cookie; a logout at the end",
    path: "/api/2.0/fo/scan/?action=list",
    start: qualys(Qualys.layerSession),
    expected: { logins: 2, refreshes: 0, replays: true }
  },
  {
    mode: "qualys/jwt",
    story: "one login at the gateway, then a JWT",
    path: "/rest/2.0/count/am/asset",
    start: qualys(Qualys.layerJwt),
    expected: { logins: 2, refreshes: 0, replays: true }
  }
]
