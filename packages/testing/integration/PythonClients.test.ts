/** The published Python clients log in and call against the fakes, over sockets: what is true of a server is true of them. */
import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeQualys from "@effect-auth/testing/FakeQualys"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { assert, beforeAll, beforeEach, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Loopback from "./python/Loopback.ts"
import * as Python from "./python/Python.ts"

/** In milliseconds: pip fetches 60 MB once. */
const install = 600_000

/** A machine may be without Python 3.12; one that decides whether a change is good may not. */
const isMissing = Option.isNone(Python.command) && process.env["CI"] === undefined

describe("The Python clients", () => {
  beforeEach(({ skip }) => skip(isMissing, "there is no Python 3.12 on this machine"))

  beforeAll(async () => {
    if (!isMissing) await Effect.runPromise(Effect.provide(Python.install, NodeContext.layer))
  }, install)

  it.scopedLive("pymqrest sends a password, or logs in for a cookie and again after it ended", () =>
    Effect.gen(function*() {
      const fake = yield* FakeMqweb.make()
      const { baseUrl, env, exchanges } = yield* Loopback.serve(fake.app)
      const printed = yield* Python.run("call_mqweb.py", {
        args: [`${baseUrl}/ibmmq/rest/v3`, "mqadmin", FakeMqweb.canaries.password],
        env,
        pauses: [fake.revokeAll]
      })
      const found = [200, ["DEV.QUEUE.1"]]
      assert.deepStrictEqual(printed, [found, found, [401, []], found, ["MQRESTAuthError", 401]])
      const cookie = yield* fake.cookieName
      const base = "POST /ibmmq/rest/v3"
      const command = `${base}/admin/action/qmgr/QM1/mqsc`
      assert.deepStrictEqual(exchanges, [
        { line: `${command} 200`, proof: "Basic" },
        { line: `${base}/login 204`, proof: "" },
        { line: `${command} 200`, proof: cookie },
        { line: `${command} 401`, proof: cookie },
        { line: `${base}/login 204`, proof: "" },
        { line: `${command} 200`, proof: cookie },
        { line: `${base}/login 401`, proof: "" }
      ])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("qualysdk sends a password, or logs in for a token and again after four hours", () =>
    Effect.gen(function*() {
      const fake = yield* FakeQualys.make()
      const clock = VirtualClock.make("2026-01-01T00:00:00Z")
      const { baseUrl, env, exchanges } = yield* Loopback.serve(Effect.withClock(fake.app, clock))
      const printed = yield* Python.run("call_qualys.py", {
        args: [baseUrl, FakeQualys.canaries.username, FakeQualys.canaries.password],
        env,
        pauses: [clock.advance("4 hours")]
      })
      const counted = { responseCode: "SUCCESS", count: 0 }
      assert.deepStrictEqual(printed, [
        { "X-RateLimit-Limit": 300, "X-Concurrency-Limit-Limit": 2 },
        200,
        counted,
        counted,
        true,
        "AuthenticationError",
        "AuthenticationError"
      ])
      assert.deepStrictEqual(exchanges, [
        { line: "GET /msp/about.php 200", proof: "Basic" },
        { line: "GET /msp/about.php 200", proof: "Basic" },
        { line: "GET /api/2.0/fo/scan/?action=list 200", proof: "Basic" },
        { line: "POST /auth 201", proof: "" },
        { line: "POST /am/v1/assets/host/count 200", proof: "Bearer" },
        { line: "POST /auth 201", proof: "" },
        { line: "POST /am/v1/assets/host/count 200", proof: "Bearer" },
        { line: "GET /msp/about.php 401", proof: "Basic" },
        { line: "POST /auth 401", proof: "" }
      ])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("yamcs-client logs in, renews an expired token, becomes another account, and sends a key or a password", () =>
    Effect.gen(function*() {
      const { apiKey, password, serviceAccount, username } = FakeYamcs.canaries
      const { applicationId } = serviceAccount
      // yamcs-client does not encode the secret, so that one with a plus would be refused
      const account = { ...serviceAccount, applicationSecret: "canary-secret-yamcs" }
      const fake = yield* FakeYamcs.make({ serviceAccounts: [account] })
      const clock = VirtualClock.make("2026-01-01T00:00:00Z")
      const { baseUrl, env, exchanges } = yield* Loopback.serve(Effect.withClock(fake.app, clock))
      const printed = yield* Python.run("call_yamcs.py", {
        args: [baseUrl, username, password, apiKey, applicationId, account.applicationSecret],
        env,
        pauses: [clock.advance("500 seconds")]
      })
      const operator = [username, true]
      assert.deepStrictEqual(printed, [
        true,
        operator,
        "5.13.2",
        ["simulator"],
        operator,
        operator,
        operator,
        operator,
        "Unauthorized",
        "Unauthorized"
      ])
      assert.deepStrictEqual(exchanges, [
        { line: "POST /auth/token 200", proof: "" },
        { line: "GET /auth 200", proof: "" },
        { line: "GET /api/user 200", proof: "Bearer" },
        { line: "GET /api 200", proof: "Bearer" },
        { line: "GET /api/instances 200", proof: "Bearer" },
        { line: "POST /auth/token 200", proof: "Bearer" }, // the old token goes along with the refresh
        { line: "GET /api/user 200", proof: "Bearer" },
        { line: "POST /auth/token 200", proof: "Basic" },
        { line: "GET /api/user 200", proof: "Bearer" },
        { line: "GET /api/user 200", proof: "x-api-key" },
        { line: "GET /api/user 200", proof: "Basic" },
        { line: "POST /auth/token 401", proof: "" },
        { line: "GET /api/user 401", proof: "x-api-key" }
      ])
      const { logins, refreshes, refused } = yield* fake.stats
      assert.deepStrictEqual([logins, refreshes, refused], [2, 1, 1])
    }).pipe(Effect.provide(NodeContext.layer)))
})
