import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/TestClock"
import { createServer } from "node:http"
import * as FakeQualys from "../src/FakeQualys.ts"
import * as FakeServer from "../src/FakeServer.ts"
import * as VirtualClock from "../src/VirtualClock.ts"

const api = "https://qualysapi.qg3.apps.qualys.com"
const gateway = "https://gateway.qg3.apps.qualys.com"
const ui = "https://qualysguard.qg3.apps.qualys.com"
const scans = "/api/2.0/fo/scan/"
const { password, username } = FakeQualys.canaries

type Edit = (request: HttpClientRequest.HttpClientRequest) => HttpClientRequest.HttpClientRequest
const edited = (edits: ReadonlyArray<Edit>): Edit => (request) =>
  edits.reduce((request, edit) => edit(request), request)

const get = (url: string, ...edits: ReadonlyArray<Edit>) =>
  Effect.flatMap(HttpClient.HttpClient, (http) => http.execute(edited(edits)(HttpClientRequest.get(url))))
const post = (url: string, ...edits: ReadonlyArray<Edit>) =>
  Effect.flatMap(HttpClient.HttpClient, (http) => http.execute(edited(edits)(HttpClientRequest.post(url))))

const form = (fields: Record<string, string>) => HttpClientRequest.bodyUrlParams(fields)
const requestedWith = HttpClientRequest.setHeader("X-Requested-With", "effect-auth")
const basic = HttpClientRequest.basicAuth(username, password)
const wrong = HttpClientRequest.basicAuth(username, "canary-wrong")
const cookie = (session: string) => HttpClientRequest.setHeader("Cookie", `QualysSession=${session}`)
const json = HttpClientRequest.setHeader("Accept", "application/json")

const authForm = { username, password, token: "true", permissions: "true" }
const jwt = Effect.flatMap(post(`${gateway}/auth`, form(authForm)), (response) => response.text)
const assets = (token: string) => get(`${gateway}/rest/2.0/count/am/asset`, HttpClientRequest.bearerToken(token))
const scanList = get(api + scans, basic, requestedWith)
const sessionCall = (fields: Record<string, string>, ...edits: ReadonlyArray<Edit>) =>
  post(`${api}/api/2.0/fo/session/`, form(fields), requestedWith, ...edits)
const logIn = sessionCall({ action: "login", username, password })

const code = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(response.text, (text) => Number(/<CODE>(\d+)<\/CODE>/.exec(text)?.[1]))
const item = (text: string) => /<KEY>(\w+)<\/KEY>\s*<VALUE>(\d+)<\/VALUE>/.exec(text)?.slice(1)
const quota = ({ headers }: HttpClientResponse.HttpClientResponse) =>
  [
    "x-ratelimit-limit",
    "x-ratelimit-window-sec",
    "x-ratelimit-remaining",
    "x-ratelimit-towait-sec",
    "x-concurrency-limit-limit",
    "x-concurrency-limit-running"
  ].map((name) => headers[name])
const stats = Effect.flatMap(FakeQualys.FakeQualys, (fake) => fake.stats)

/** Runs against a fresh fake in memory. */
const against = (options: FakeQualys.Options = {}) => Effect.provide(FakeQualys.layer(options))

describe("FakeQualys", () => {
  describe("the gateway", () => {
    it.effect("answers /auth with 201 and a raw JWT whose claims state when it expires", () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(1_700_000_000_000)
        const response = yield* post(`${gateway}/auth`, form(authForm))
        assert.strictEqual(response.status, 201)
        assert.match(response.headers["content-type"] ?? "", /^text\/plain/)
        const token = yield* response.text
        const [header, payload, signature] = token.split(".")
        assert.deepStrictEqual(JSON.parse(yield* Encoding.decodeBase64UrlString(header!)), { alg: "RS256", typ: "JWT" })
        const claims = JSON.parse(yield* Encoding.decodeBase64UrlString(payload!))
        assert.strictEqual(claims.iat, 1_700_000_000)
        assert.strictEqual(claims.exp, 1_700_000_000 + 4 * 3600)
        assert.match(signature!, /^[\w-]+$/)
        assert.notStrictEqual(yield* jwt, token)
        assert.isUndefined(response.headers["x-ratelimit-limit"])
      }).pipe(against()))

    it.effect("gives a client a JWT at the path of its level alone, as text or in JSON, of which WAS takes that of a user", () =>
      Effect.gen(function*() {
        const clients = { "canary-client": { secret: "canary-secret", level: "user" } } as const
        for (const clientAnswers of ["text", "json"] as const) {
          yield* Effect.gen(function*() {
            const ask = (path: string, clientsecret = "canary-secret") =>
              post(gateway + path, HttpClientRequest.setHeaders({ clientid: "canary-client", clientsecret }))
            assert.strictEqual((yield* ask("/auth/oauth")).status, 401)
            assert.strictEqual((yield* ask("/auth/oidc", "canary-wrong")).status, 401)
            const response = yield* ask("/auth/oidc")
            assert.strictEqual(response.status, clientAnswers === "text" ? 201 : 200)
            const text = yield* response.text
            const token: string = clientAnswers === "text" ? text.trim() : JSON.parse(text).access_token
            assert.strictEqual((yield* assets(token)).status, 200)
            const was = (token: string) =>
              Effect.flatMap(
                get(`${api}/qps/rest/3.0/count/was/webapp`, HttpClientRequest.bearerToken(token)),
                ({ text }) => text
              )
            assert.include(yield* was(token), "SUCCESS")
            assert.include(yield* was(yield* jwt), "INVALID_CREDENTIALS")
          }).pipe(against({ clients, clientAnswers }))
        }
      }))

    it.effect("says 500 of a JWT that it does not know, and nothing of how long to wait, if the options say so", () =>
      Effect.gen(function*() {
        const refused = yield* assets("canary")
        assert.deepStrictEqual([refused.status, yield* refused.text], [
          500,
          "{\"status\":500,\"message\":\"JWT parsing failed\"}"
        ])
        const response = yield* assets(yield* jwt)
        assert.isUndefined(response.headers["x-ratelimit-towait-sec"])
        assert.strictEqual(response.headers["x-ratelimit-remaining"], "299")
        assert.strictEqual((yield* scanList).headers["x-ratelimit-towait-sec"], "0")
      }).pipe(against({ unknownJwt: 500, gatewayToWait: false })))

    it.effect("requires every field at /auth, as a form, and the right password", () =>
      Effect.gen(function*() {
        for (const name of Object.keys(authForm)) {
          const { [name as "token"]: _, ...rest } = authForm
          assert.strictEqual((yield* post(`${gateway}/auth`, form(rest))).status, 400, name)
        }
        assert.strictEqual((yield* post(`${gateway}/auth`, form({ ...authForm, permissions: "false" }))).status, 400)
        assert.strictEqual((yield* post(`${gateway}/auth`, HttpClientRequest.bodyUnsafeJson(authForm))).status, 400)
        assert.strictEqual((yield* get(`${gateway}/auth`)).status, 405)
        assert.strictEqual(
          (yield* post(`${gateway}/auth`, form({ ...authForm, password: "canary-wrong" }))).status,
          401
        )
        const { attempts, logins, refused } = yield* stats
        assert.deepStrictEqual({ attempts, logins, refused }, { attempts: 8, logins: 0, refused: 0 })
      }).pipe(against()))

    it.effect("accepts a JWT until its lifetime ends, and so does the API below /api, in every version", () =>
      Effect.gen(function*() {
        const token = yield* jwt
        assert.strictEqual((yield* assets(token)).status, 200)
        const onApi = (path: string) => get(api + path, HttpClientRequest.bearerToken(token), requestedWith)
        for (const path of [scans, "/api/3.0/fo/asset/host/", "/api/4.0/fo/knowledge_base/vuln/"]) {
          assert.strictEqual((yield* onApi(path)).status, 200, path)
        }
        assert.strictEqual((yield* onApi("/msp/about.php")).status, 401)
        yield* TestClock.adjust("3599 seconds")
        assert.strictEqual((yield* assets(token)).status, 200)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* assets(token)).status, 401)
        assert.strictEqual((yield* get(`${gateway}/pm/v1/patches`, basic)).status, 401)
        assert.strictEqual((yield* get(`${gateway}/pm/v1/patches`)).status, 401)
        const { refused, requests } = yield* stats
        assert.deepStrictEqual({ refused, requests }, { refused: 4, requests: 5 })
      }).pipe(against({ tokenLifetime: "1 hour" })))

    it.effect("refuses every token after revokeAll, which ends sessions too", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const token = yield* jwt
        yield* logIn
        yield* fake.revokeAll
        assert.strictEqual((yield* assets(token)).status, 401)
        assert.strictEqual((yield* fake.stats).openSessions, 0)
        assert.strictEqual((yield* assets(yield* jwt)).status, 200)
      }).pipe(against()))

    it.effect("takes the latency of a login on the Clock", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(jwt)
        yield* TestClock.adjust("9 seconds")
        assert.strictEqual((yield* stats).logins, 0)
        assert.strictEqual((yield* stats).attempts, 1)
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(fiber)
        assert.strictEqual((yield* stats).logins, 1)
      }).pipe(against({ loginLatency: "10 seconds" })))
  })

  describe("the API", () => {
    it.effect("accepts Basic, an external bearer and a session cookie, and nothing else", () =>
      Effect.gen(function*() {
        const session = (yield* logIn).cookies.cookies.QualysSession!.value
        const proofs = [basic, HttpClientRequest.bearerToken("canary-external"), cookie(session)]
        for (const proof of proofs) {
          assert.strictEqual((yield* get(api + scans, proof, requestedWith)).status, 200)
        }
        for (
          const proof of [wrong, HttpClientRequest.bearerToken("canary-other"), cookie("canary-other"), requestedWith]
        ) {
          const response = yield* get(api + scans, proof, requestedWith)
          assert.strictEqual(response.status, 401)
          assert.strictEqual(yield* code(response), 2000)
        }
        // An Authorization header is judged alone.
        assert.strictEqual((yield* get(api + scans, wrong, cookie(session), requestedWith)).status, 401)
        const external = get(`${gateway}/rest/2.0/x`, HttpClientRequest.bearerToken("canary-external"))
        assert.strictEqual((yield* external).status, 200)
      }).pipe(against({ externalBearers: ["canary-external"] })))

    it.effect("reads Basic as UTF-8, and passwords with colons", () =>
      Effect.gen(function*() {
        const header = `basic ${Encoding.encodeBase64("canary-ü:canary:pässword")}`
        const response = yield* get(api + scans, HttpClientRequest.setHeader("Authorization", header), requestedWith)
        assert.strictEqual(response.status, 200)
      }).pipe(against({ username: "canary-ü", password: "canary:pässword" })))

    it.effect("requires X-Requested-With on /api, whatever the mode, and not below /msp", () =>
      Effect.gen(function*() {
        const session = (yield* logIn).cookies.cookies.QualysSession!.value
        for (const proof of [basic, cookie(session)]) {
          const response = yield* get(api + scans, proof)
          assert.strictEqual(response.status, 400)
          assert.match(yield* response.text, /SIMPLE_RETURN[^]*X-Requested-With/)
        }
        const login = yield* post(`${api}/api/2.0/fo/session/`, form({ action: "login", username, password }))
        assert.strictEqual(login.status, 400)
        assert.strictEqual((yield* get(`${api}/msp/about.php`, basic)).status, 200)
      }).pipe(against()))

    it.effect("requires Basic at /msp/about.php, and states the quota", () =>
      Effect.gen(function*() {
        const response = yield* get(`${api}/msp/about.php`, basic)
        assert.match(yield* response.text, /<ABOUT>/)
        assert.deepStrictEqual(quota(response), ["300", "3600", "299", "0", "2", "1"])
        assert.strictEqual((yield* get(`${api}/msp/about.php`, wrong)).status, 401)
        const bearer = HttpClientRequest.bearerToken("canary-external")
        assert.strictEqual((yield* get(`${api}/msp/about.php`, bearer)).status, 401)
      }).pipe(against({ externalBearers: ["canary-external"] })))

    it.effect("refuses an expired account inside a 200, and an EULA that is not accepted with a 401", () =>
      Effect.gen(function*() {
        const expired = yield* scanList.pipe(against({ accountState: "expired" }))
        assert.strictEqual(expired.status, 200)
        assert.match(yield* expired.text, /<CODE>2001<\/CODE>\s*<TEXT>This account has expired\.<\/TEXT>/)
        const login = yield* logIn.pipe(against({ accountState: "expired" }))
        assert.deepStrictEqual([login.status, yield* code(login)], [200, 2001])
        const eula = yield* scanList.pipe(against({ accountState: "eula" }))
        assert.strictEqual(eula.status, 401)
        const token = yield* post(`${gateway}/auth`, form(authForm)).pipe(against({ accountState: "eula" }))
        assert.strictEqual(token.status, 401)
        const counted = yield* Effect.zipRight(scanList, stats).pipe(against({ accountState: "expired" }))
        assert.deepStrictEqual([counted.refused, counted.requests, counted.executed], [1, 0, {}])
      }))

    it.effect("refuses inside a 200 below /qps/rest, as XML or JSON, and states no quota there", () =>
      Effect.gen(function*() {
        const url = `${api}/qps/rest/3.0/count/was/webapp`
        const ok = yield* get(url, basic)
        assert.match(yield* ok.text, /<responseCode>SUCCESS</)
        assert.deepStrictEqual(Object.keys(ok.headers).filter((name) => /limit/i.test(name)), [])
        const xml = yield* get(url, wrong)
        assert.strictEqual(xml.status, 200)
        assert.match(yield* xml.text, /<responseCode>INVALID_CREDENTIALS</)
        const none = yield* get(url, json)
        assert.strictEqual(none.status, 200)
        assert.deepStrictEqual(yield* none.json, { ServiceResponse: { responseCode: "UNAUTHORIZED" } })
        yield* Effect.forEach([1, 2, 3], () => get(url, basic))
        const { blocked, refused, requests } = yield* stats
        assert.deepStrictEqual({ blocked, refused, requests }, { blocked: 0, refused: 2, requests: 4 })
      }).pipe(against({ limit: 1 })))

    it.effect("serves the paths of a host on that host only", () =>
      Effect.gen(function*() {
        const status = (url: string) => Effect.map(get(url, basic, requestedWith), (response) => response.status)
        assert.strictEqual(yield* status(gateway + scans), 404)
        assert.strictEqual(yield* status(ui + scans), 404)
        assert.strictEqual(yield* status(`${api}/pm/v1/patches`), 404)
        assert.strictEqual((yield* post(`${api}/auth`, form(authForm))).status, 404)
        assert.strictEqual(yield* status(`${ui}/cloudview-api/rest/v1/aws/connectors`), 200)
        assert.strictEqual(yield* status(`http://127.0.0.1:1${scans}`), 200)
      }).pipe(against()))
  })

  describe("sessions", () => {
    it.effect("begin with a cookie, and end with a logout", () =>
      Effect.gen(function*() {
        const login = yield* logIn
        assert.strictEqual(login.status, 200)
        assert.match(login.headers["set-cookie"] ?? "", /^QualysSession=[^;]+; path=\/api; secure$/)
        assert.isUndefined(login.headers["x-ratelimit-limit"])
        const session = login.cookies.cookies.QualysSession!.value
        const logout = yield* sessionCall({ action: "logout" }, cookie(session))
        assert.strictEqual(logout.status, 200)
        assert.strictEqual((yield* get(api + scans, cookie(session), requestedWith)).status, 401)
        assert.strictEqual((yield* sessionCall({ action: "logout" }, cookie(session))).status, 401)
        const { attempts, executed, logins, logouts, openSessions } = yield* stats
        assert.deepStrictEqual(
          { attempts, executed, logins, logouts, openSessions },
          { attempts: 3, executed: {}, logins: 1, logouts: 1, openSessions: 0 }
        )
      }).pipe(against()))

    it.effect("count against a limit until they are closed", () =>
      Effect.gen(function*() {
        const first = (yield* logIn).cookies.cookies.QualysSession!.value
        yield* logIn
        const third = yield* logIn
        assert.strictEqual(third.status, 409)
        assert.match(yield* third.text, /<SIMPLE_RETURN>/)
        yield* sessionCall({ action: "logout" }, cookie(first))
        assert.strictEqual((yield* logIn).status, 200)
      }).pipe(against()))

    it.effect("require a form, an action, and the right password", () =>
      Effect.gen(function*() {
        const url = `${api}/api/2.0/fo/session/?action=login&username=${username}&password=${password}`
        assert.strictEqual((yield* post(url, requestedWith)).status, 400)
        const action = post(`${api}/api/2.0/fo/session/?action=login`, form({ username, password }), requestedWith)
        assert.strictEqual((yield* action).status, 400)
        assert.strictEqual((yield* sessionCall({ action: "login", username })).status, 400)
        const refused = yield* sessionCall({ action: "login", username, password: "canary-wrong" })
        assert.deepStrictEqual([refused.status, yield* code(refused)], [401, 2000])
      }).pipe(against()))
  })

  describe("a quota", () => {
    it.effect("admits the call that leaves none, states how long the next must wait, and slides", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(quota(yield* scanList), ["2", "60", "1", "0", "2", "1"])
        yield* TestClock.adjust("10500 millis")
        const last = yield* scanList
        assert.strictEqual(last.status, 200)
        assert.deepStrictEqual(quota(last), ["2", "60", "0", "50", "2", "1"])
        const blocked = yield* scanList
        assert.strictEqual(blocked.status, 409)
        const body = yield* blocked.text
        assert.match(body, /<CODE>1965<\/CODE>/)
        assert.deepStrictEqual(item(body), ["SECONDS_TO_WAIT", "50"])
        assert.deepStrictEqual(quota(blocked), ["2", "60", "0", "50", "2", "0"])
        yield* TestClock.adjust("49 seconds")
        assert.strictEqual((yield* scanList).status, 409)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* scanList).status, 200)
        // Not all calls at once: the second one is still in the window.
        const next = yield* scanList
        assert.deepStrictEqual([next.status, next.headers["x-ratelimit-towait-sec"]], [409, "10"])
        const { blocked: blocks, executed, requests } = yield* stats
        assert.deepStrictEqual([blocks, executed, requests], [3, { [`GET ${scans}`]: 3 }, 6])
      }).pipe(against({ limit: 2, window: "1 minute" })))

    it.effect("belongs to an endpoint and a subscription, whatever the credentials", () =>
      Effect.gen(function*() {
        const session = (yield* logIn).cookies.cookies.QualysSession!.value
        assert.strictEqual((yield* scanList).status, 200)
        assert.strictEqual((yield* get(`${api}${scans}?state=Running`, cookie(session), requestedWith)).status, 409)
        const other = yield* get(`${api}/api/2.0/fo/asset/host/`, basic, requestedWith)
        assert.deepStrictEqual(quota(other), ["50", "86400", "49", "0", "1", "1"])
      }).pipe(against({
        limit: 1,
        endpoints: { "/api/2.0/fo/asset/host/": { limit: 50, window: "1 day", concurrency: 1 } }
      })))

    it.effect("is not charged for a refused call", () =>
      Effect.gen(function*() {
        yield* get(api + scans, wrong, requestedWith)
        yield* get(api + scans, basic)
        assert.strictEqual((yield* scanList).status, 200)
      }).pipe(against({ limit: 1 })))

    it.effect("is shared with other users of the subscription", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        yield* fake.spend(scans, 295)
        assert.strictEqual((yield* scanList).headers["x-ratelimit-remaining"], "4")
        yield* TestClock.adjust("10 minutes")
        yield* fake.spend(scans, 10)
        const blocked = yield* scanList
        // 306 calls in the window: only when the first 296 have left it is there room for one.
        assert.deepStrictEqual([blocked.status, blocked.headers["x-ratelimit-towait-sec"]], [409, "3000"])
        yield* fake.spend(scans, 290)
        assert.strictEqual((yield* scanList).headers["x-ratelimit-towait-sec"], "3600")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual((yield* scanList).headers["x-ratelimit-remaining"], "299")
      }).pipe(against()))

    it.effect("blocks with 429 and the same headers on the gateway", () =>
      Effect.gen(function*() {
        const token = yield* jwt
        assert.strictEqual((yield* assets(token)).status, 200)
        const blocked = yield* assets(token)
        assert.strictEqual(blocked.status, 429)
        assert.deepStrictEqual(quota(blocked), ["1", "3600", "0", "3600", "2", "0"])
        yield* jwt // exempt
      }).pipe(against({ limit: 1 })))

    it.effect("of concurrency counts a call from its start to its answer or interruption, and takes precedence over the rate", () =>
      Effect.gen(function*() {
        const first = yield* Effect.fork(scanList)
        yield* TestClock.adjust("1 second")
        const second = yield* Effect.fork(scanList)
        yield* TestClock.adjust("1 second")
        const blocked = yield* scanList
        assert.strictEqual(blocked.status, 409)
        const body = yield* blocked.text
        assert.match(body, /<CODE>1960<\/CODE>/)
        assert.deepStrictEqual(item(body), ["CALLS_TO_FINISH", "1"])
        assert.deepStrictEqual(quota(blocked), ["2", "3600", "0", "3598", "2", "2"])
        yield* Fiber.interrupt(second)
        // The rate is what is left to block: the server began to act on both.
        assert.strictEqual(yield* Effect.flatMap(scanList, code), 1965)
        yield* TestClock.adjust("8 seconds")
        const answered = yield* Fiber.join(first)
        assert.deepStrictEqual(quota(answered), ["2", "3600", "0", "3590", "2", "1"])
        const { executed, maxInFlight } = yield* stats
        assert.deepStrictEqual([executed, maxInFlight], [{ [`GET ${scans}`]: 2 }, { [scans]: 2 }])
      }).pipe(against({ limit: 2, callLatency: (path) => path === scans ? "10 seconds" : 0 })))

    it.effect("of concurrency may block without X-RateLimit, and with headers in another spelling", () =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(scanList)
        yield* TestClock.adjust("1 second")
        const blocked = yield* scanList
        assert.strictEqual(blocked.status, 409)
        assert.deepStrictEqual(
          Object.entries(blocked.headers).filter(([name]) => /^x-/.test(name)),
          [["x-concurrencylimit-limit", "1"], ["x-concurrencylimit-running", "1"]]
        )
        yield* TestClock.adjust("1 minute")
        const answered = yield* Fiber.join(fiber)
        assert.strictEqual(answered.headers["x-ratelimit-limit"], "300")
      }).pipe(against({
        concurrency: 1,
        callLatency: "1 minute",
        concurrencyHeaders: "joined",
        bareConcurrencyBlocks: true
      })))
  })

  describe("prescribed answers", () => {
    it.effect("leave a call unexecuted, as a block does", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        const launch = post(`${api}${scans}?action=launch`, basic, requestedWith)
        yield* fake.failNext(1, 502)
        const failed = yield* launch
        assert.strictEqual(failed.status, 502)
        assert.match(failed.headers["content-type"] ?? "", /^text\/html/)
        assert.match(yield* (yield* launch).text, /New vm scan launched/)
        assert.strictEqual((yield* launch).status, 409)
        assert.deepStrictEqual((yield* fake.stats).executed, { [`POST ${scans}`]: 1 })
      }).pipe(against({ limit: 1 })))

    it.effect("come in order, for calls and for logins apart", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        yield* fake.answerNext(FakeQualys.registrationIncomplete)
        yield* fake.answerNext(FakeQualys.secureIdRequired)
        yield* fake.answerNext({ status: 200, headers: { "X-RateLimit-Remaining": "soon" }, body: "canary" }, "login")
        assert.deepStrictEqual(yield* Effect.flatMap(scanList, code), 2003)
        assert.deepStrictEqual(yield* Effect.flatMap(scanList, code), 2011)
        assert.strictEqual((yield* scanList).status, 200)
        const login = yield* post(`${gateway}/auth`, form(authForm))
        assert.deepStrictEqual([login.status, login.headers["x-ratelimit-remaining"]], [200, "soon"])
        assert.strictEqual(yield* login.text, "canary")
        const { blocked, logins, refreshes } = yield* fake.stats
        assert.deepStrictEqual({ blocked, logins, refreshes }, { blocked: 2, logins: 0, refreshes: 0 })
      }).pipe(against()))

    it.effect("wait for a call whose credentials are accepted", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.FakeQualys
        yield* fake.failNext(1, 503)
        assert.strictEqual((yield* get(api + scans, wrong, requestedWith)).status, 401)
        assert.strictEqual((yield* scanList).status, 503)
      }).pipe(against()))
  })

  it.effect("takes no time by default, so that it answers under a clock that stands", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* logIn).status, 200)
      assert.strictEqual((yield* scanList).status, 200)
    }).pipe(Effect.withClock(VirtualClock.make()), against()), 10_000)

  describe("on a socket", () => {
    it.scopedLive("serves all three hosts on one loopback address", () =>
      Effect.gen(function*() {
        const fake = yield* FakeQualys.make({ limit: 1 })
        const url = yield* FakeServer.serve(fake.app)
        const auth = yield* post(`${url}/auth`, form(authForm))
        assert.strictEqual(auth.status, 201)
        const token = yield* auth.text
        const count = get(`${url}/rest/2.0/count/am/asset`, HttpClientRequest.bearerToken(token))
        assert.strictEqual((yield* count).status, 200)
        assert.strictEqual((yield* count).status, 429)
        const login = yield* post(
          `${url}/api/2.0/fo/session/`,
          form({ action: "login", username, password }),
          requestedWith
        )
        assert.match(login.headers["set-cookie"] ?? "", /^QualysSession=[^;]+; path=\/api; secure$/)
        const session = login.cookies.cookies.QualysSession!.value
        const scan = yield* get(url + scans, cookie(session), requestedWith)
        assert.deepStrictEqual(quota(scan), ["1", "3600", "0", "3600", "2", "1"])
        assert.strictEqual((yield* get(url + scans, basic, requestedWith)).status, 409)
        assert.strictEqual((yield* get(`${url}/qps/rest/2.0/count/am/tag`, wrong)).status, 200)
        const { blocked, logins, refused, requests } = yield* fake.stats
        assert.deepStrictEqual({ blocked, logins, refused, requests }, {
          blocked: 2,
          logins: 2,
          refused: 1,
          requests: 4
        })
      }).pipe(
        Effect.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
        Effect.provide(NodeHttpClient.layerUndici)
      ))
  })
})
