import * as FakeMqweb from "@effect-auth/testing/FakeMqweb"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Cookies from "@effect/platform/Cookies"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

const host = "https://mq.test:9443"
const base = `${host}/ibmmq/rest/v3`
const csrf = "ibm-mq-rest-csrf-token"
const gateway = "ibm-mq-rest-gateway-qmgr"

type Method = "GET" | "POST" | "DELETE" | "PUT"
interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: readonly [body: string, contentType: string]
}

/** A bare request with `Accept: application/json` and what `sent` says; nothing else is added. */
const send = (method: Method, url: string, sent: Sent = {}) => {
  const request = HttpClientRequest.make(method)(url, { headers: { accept: "application/json", ...sent.headers } })
  return HttpClient.execute(
    sent.text !== undefined
      ? HttpClientRequest.bodyText(request, ...sent.text)
      : sent.json !== undefined
      ? HttpClientRequest.bodyText(request, JSON.stringify(sent.json), "application/json")
      : request
  )
}

const reader = { username: "reader", password: FakeMqweb.canaries.reader.password }
const admin = { username: "mqadmin", password: FakeMqweb.canaries.password }
const basic = ({ password, username }: { readonly username: string; readonly password: string }) => ({
  authorization: `Basic ${Encoding.encodeBase64(new TextEncoder().encode(`${username}:${password}`))}`
})

/** The `name=value` of the token cookie, byte for byte. */
const tokenOf = (response: HttpClientResponse.HttpClientResponse): string => {
  const cookie = Object.values(response.cookies.cookies).find(({ name }) => /^LtpaToken2(_\d+)?$/.test(name))
  assert.isDefined(cookie)
  return `${cookie.name}=${cookie.valueEncoded}`
}

const login = (user: unknown = admin, root = base) => send("POST", `${root}/login`, { json: user })
const signedIn = (user?: unknown) => Effect.map(login(user), (response) => ({ cookie: tokenOf(response) }))
const command = (headers: Readonly<Record<string, string>>, mqsc: string, qmgr = "QM1", root = base) =>
  send("POST", `${root}/admin/action/qmgr/${qmgr}/mqsc`, {
    headers,
    json: { type: "runCommand", parameters: { command: mqsc } }
  })
const list = (headers?: Readonly<Record<string, string>>) =>
  send("GET", `${base}/admin/qmgr`, headers === undefined ? {} : { headers })

/** Status and message identifier of a refusal. */
const refusal = (response: HttpClientResponse.HttpClientResponse, field = "msgId") =>
  Effect.map(response.json, (body: any) => [response.status, body.error[0][field]])

const withFake = <A, E>(
  options: FakeMqweb.Options,
  f: (fake: FakeMqweb.Service) => Effect.Effect<A, E, HttpClient.HttpClient>
) => Effect.flatMap(FakeMqweb.FakeMqweb, f).pipe(Effect.provide(FakeMqweb.layer(options)))

describe("FakeMqweb", () => {
  describe("a login", () => {
    it.effect("is answered 204 without a body, with a token cookie and no other", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const response = yield* login()
          assert.strictEqual(response.status, 204)
          assert.strictEqual(yield* response.text, "")
          assert.isUndefined(response.headers["content-type"])
          const lines = Cookies.toSetCookieHeaders(response.cookies)
          assert.strictEqual(lines.length, 1)
          const [pair = "", ...attributes] = lines[0]?.split("; ") ?? []
          assert.sameMembers(attributes, ["Path=/", "Secure", "HttpOnly", "SameSite=Strict"])
          const name = yield* fake.cookieName
          assert.match(name, /^LtpaToken2_\d+$/)
          assert.isTrue(pair.startsWith(`${name}=+/`))
          assert.match(pair, /==$/)
          const { attempts, logins, requests } = yield* fake.stats
          assert.deepStrictEqual([attempts, logins, requests], [1, 1, 0])
        })))

    it.effect("is answered with odd cookies around the token where a proxy adds them", () =>
      withFake({ proxyCookies: true }, (fake) =>
        Effect.gen(function*() {
          const pairs = Cookies.toSetCookieHeaders((yield* login()).cookies).map((line) => line.split(";")[0] ?? "")
          const name = yield* fake.cookieName
          assert.deepStrictEqual(pairs.filter((pair) => !pair.startsWith(`${name}=`)), [
            "WASReqURL=\"https://:9443/a=b==%zz\"",
            "odd==%"
          ])
          assert.isTrue(pairs[1]?.startsWith(name))
        })))

    it.effect("is answered by all three versions of the API, and by no other", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          for (const version of ["v1", "v2", "v3"]) {
            const root = `${host}/ibmmq/rest/${version}`
            assert.strictEqual((yield* login(admin, root)).status, 204)
            const response = yield* command({ ...basic(admin), [csrf]: "" }, "DISPLAY QMGR", "QM1", root)
            assert.strictEqual(response.status, 200)
          }
          assert.strictEqual((yield* login(admin, `${host}/ibmmq/rest/v4`)).status, 404)
          assert.strictEqual((yield* login(admin, `${base}/`)).status, 404)
          assert.strictEqual((yield* send("PUT", `${base}/login`, { json: admin })).status, 405)
        })))

    it.effect("is answered 400 with unreadable data or a gateway header, and 415 with another content type", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const status = (sent: Sent) => Effect.map(send("POST", `${base}/login`, sent), (response) => response.status)
          assert.strictEqual(yield* status({ json: { username: "mqadmin" } }), 400)
          assert.strictEqual(yield* status({ json: { username: "", password: "" } }), 400)
          assert.strictEqual(yield* status({ text: ["{", "application/json"] }), 400)
          const body = JSON.stringify(admin)
          assert.strictEqual(yield* status({ text: [body, "text/plain"] }), 415)
          assert.strictEqual(yield* status({ text: [body, "application/json;charset=ISO-8859-1"] }), 415)
          assert.strictEqual(yield* status({ text: [body, "application/json; charset=UTF-8"] }), 204)
          assert.strictEqual(yield* status({ json: admin, headers: { [gateway]: "QM1" } }), 400)
          const { attempts, logins } = yield* fake.stats
          assert.deepStrictEqual([attempts, logins], [7, 1])
        })))

    it.effect("is refused with an MQ error body for a wrong password and an unknown user", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          for (const user of [{ ...admin, password: "wrong" }, { ...admin, username: "constructor" }]) {
            const response = yield* login(user)
            assert.strictEqual(response.status, 401)
            const body: any = yield* response.json
            assert.sameMembers(
              Object.keys(body.error[0]),
              ["msgId", "type", "message", "explanation", "action", "completionCode", "reasonCode"]
            )
            assert.isTrue(Cookies.isEmpty(response.cookies))
          }
          assert.strictEqual((yield* fake.stats).logins, 0)
          // A refused login is no refused call.
          assert.strictEqual((yield* fake.stats).refused, 0)
        })))

    it.effect("takes its latency, and its token expires a lifetime after its end", () =>
      withFake({ loginLatency: "3 seconds", tokenLifetime: "1 minute" }, (fake) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(signedIn())
          yield* TestClock.adjust("2999 millis")
          assert.isTrue(Option.isNone(yield* Fiber.poll(fiber)))
          assert.deepStrictEqual((({ attempts, logins }) => [attempts, logins])(yield* fake.stats), [1, 0])
          yield* TestClock.adjust("1 millis")
          const headers = yield* Fiber.join(fiber)
          yield* TestClock.adjust("59999 millis")
          assert.strictEqual((yield* list(headers)).status, 200)
          yield* TestClock.adjust("1 millis")
          assert.strictEqual((yield* list(headers)).status, 401)
        })))
  })

  it.effect(
    "takes no time by default, so that it answers under a clock that stands",
    () =>
      withFake({}, () =>
        Effect.gen(function*() {
          assert.strictEqual((yield* login()).status, 204)
        }).pipe(Effect.withClock(VirtualClock.make()))),
    10_000
  )

  describe("a token cookie", () => {
    it.effect("is compared byte for byte", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const { cookie } = yield* signedIn()
          assert.strictEqual((yield* list({ cookie })).status, 200)
          assert.strictEqual((yield* list({ cookie: `first=1; ${cookie}; last=%zz` })).status, 200)
          const at = cookie.indexOf("=") + 1
          for (
            const value of [encodeURIComponent(cookie.slice(at)), cookie.slice(at, -1), cookie.slice(at).toLowerCase()]
          ) {
            assert.deepStrictEqual(
              yield* refusal(yield* list({ cookie: cookie.slice(0, at) + value })),
              [401, "MQWB0112E"]
            )
          }
        })))

    it.effect("is recognised in quotes, in any case of its name, and after one that is not good", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const { cookie } = yield* signedIn()
          const at = cookie.indexOf("=")
          const [name, value] = [cookie.slice(0, at), cookie.slice(at + 1)]
          for (
            const sent of [
              `${name}="${value}"`,
              `${name} = ${value}`,
              `${name.toLowerCase()}=${value}`,
              `a=b,${cookie}`,
              `${name}=AAAA; ${cookie}`,
              `${cookie}; ${name}=AAAA`,
              `${name}=; ${cookie}`
            ]
          ) {
            const response = yield* list({ cookie: sent })
            assert.strictEqual(response.status, 200, sent.replaceAll(value, "..."))
            assert.isTrue(Cookies.isEmpty(response.cookies))
          }
          for (const none of ["", "\"\""]) {
            assert.deepStrictEqual(yield* refusal(yield* list({ cookie: `${name}=${none}` })), [401, "MQWB0112E"])
          }
        })))

    it.effect("comes before Basic if it is good, and is cleared if it is not", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const { cookie } = yield* signedIn()
          const name = yield* fake.cookieName
          const wrong = basic({ ...admin, password: "wrong" })
          assert.strictEqual((yield* list({ cookie, ...wrong })).status, 200)
          const replaced = yield* list({ cookie: `${name}=AAAA`, ...basic(admin) })
          assert.strictEqual(replaced.status, 200)
          assert.match(tokenOf(replaced), /=\+\//)
          const refused = yield* list({ cookie: `${name}=AAAA`, ...wrong })
          assert.deepStrictEqual(yield* refusal(refused), [401, "MQWB0105E"])
          assert.strictEqual(tokenOf(refused), `${name}=""`)
        })))

    it.effect("expires after its lifetime, and the refusal clears it", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const headers = yield* signedIn()
          yield* TestClock.adjust(Duration.subtract("2 hours", "1 millis"))
          assert.strictEqual((yield* list(headers)).status, 200)
          yield* TestClock.adjust("1 millis")
          const response = yield* list(headers)
          assert.deepStrictEqual(yield* refusal(response), [401, "MQWB0112E"])
          const cleared = Option.getOrThrow(Cookies.get(response.cookies, yield* fake.cookieName))
          assert.strictEqual(cleared.options?.expires?.getUTCFullYear(), 1994)
          const { refused, requests } = yield* fake.stats
          assert.deepStrictEqual([requests, refused], [1, 1])
        })))

    it.effect("has the lifetime of the options", () =>
      withFake({ tokenLifetime: "1 minute" }, () =>
        Effect.gen(function*() {
          const headers = yield* signedIn()
          yield* TestClock.adjust("1 minute")
          assert.strictEqual((yield* list(headers)).status, 401)
        })))

    it.effect("fails verification after the keys are replaced, and a new login works", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const before = yield* signedIn()
          yield* fake.revokeAll
          assert.deepStrictEqual(yield* refusal(yield* list(before)), [401, "MQWB0112E"])
          const after = yield* signedIn()
          assert.notStrictEqual(after.cookie, before.cookie)
          assert.strictEqual((yield* list(after)).status, 200)
          assert.strictEqual((yield* list(before)).status, 401)
        })))

    it.effect("is not recognised after a restart, which renames it", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const { cookie } = yield* signedIn()
          const before = yield* fake.cookieName
          yield* fake.restart
          const after = yield* fake.cookieName
          assert.notStrictEqual(after, before)
          assert.deepStrictEqual(yield* refusal(yield* list({ cookie })), [401, "MQWB0104E"])
          // The keys are still the same.
          assert.strictEqual((yield* list({ cookie: cookie.replace(before, after) })).status, 200)
        })))

    it.effect("has no suffix and remains valid after a restart if its name is configured", () =>
      withFake({ cookieName: "LtpaToken2" }, (fake) =>
        Effect.gen(function*() {
          const headers = yield* signedIn()
          assert.isTrue(headers.cookie.startsWith("LtpaToken2=+/"))
          yield* fake.restart
          assert.strictEqual((yield* list(headers)).status, 200)
        })))
  })

  describe("other credentials", () => {
    it.effect("are Basic in UTF-8, where a wrong password is MQWB0105E", () =>
      withFake(
        { users: { "zoë": { password: "canary:pässword", roles: ["MQWebUser"] } } },
        (fake) =>
          Effect.gen(function*() {
            assert.strictEqual((yield* list(basic({ username: "zoë", password: "canary:pässword" }))).status, 200)
            for (const headers of [basic({ username: "zoë", password: "canary" }), { authorization: "Basic ?" }]) {
              assert.deepStrictEqual(yield* refusal(yield* list(headers)), [401, "MQWB0105E"])
            }
            const latin1 = Encoding.encodeBase64(Uint8Array.from("zoë:canary:pässword", (char) => char.charCodeAt(0)))
            assert.strictEqual((yield* list({ authorization: `Basic ${latin1}` })).status, 401)
            assert.deepStrictEqual(yield* refusal(yield* list({ authorization: "Bearer x" })), [401, "MQWB0104E"])
            const { logins, refused, requests } = yield* fake.stats
            assert.deepStrictEqual([logins, refused, requests], [0, 4, 1])
          })
      ))

    it.effect("are Basic in exactly this spelling, with one space", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const { authorization } = basic(admin)
          const encoded = authorization.slice("Basic ".length)
          for (
            const sent of [`basic ${encoded}`, `BASIC ${encoded}`, `Basic  ${encoded}`, `Basic\t${encoded}`, "Basic"]
          ) {
            assert.strictEqual((yield* list({ authorization: sent })).status, 401, sent.replace(encoded, "..."))
          }
          assert.strictEqual((yield* list({ authorization: authorization.replace(/=+$/, "") })).status, 200)
        })))

    it.effect("are answered with a token cookie, the same one for ten minutes", () =>
      withFake(
        { clientCertificate: (request) => Option.fromNullable(request.headers["x-test-cn"]) },
        (fake) =>
          Effect.gen(function*() {
            const first = tokenOf(yield* list(basic(admin)))
            assert.strictEqual((yield* list({ cookie: first })).status, 200)
            const reader = tokenOf(yield* list({ "x-test-cn": "reader" }))
            assert.notStrictEqual(reader, first)
            yield* TestClock.adjust("599 seconds")
            assert.strictEqual(tokenOf(yield* list(basic(admin))), first)
            yield* TestClock.adjust("1 second")
            assert.notStrictEqual(tokenOf(yield* list(basic(admin))), first)
            assert.isTrue(Cookies.isEmpty((yield* list({ cookie: first })).cookies))
            assert.strictEqual((yield* fake.stats).logins, 0)
          })
      ))

    it.effect("are the same token for two logins of one user, as long as the server remembers the first", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const first = yield* signedIn()
          assert.deepStrictEqual(yield* signedIn(), first)
          yield* TestClock.adjust("10 minutes")
          assert.notDeepEqual(yield* signedIn(), first)
        })))

    it.effect("are no longer a token that was logged out where logouts are tracked, and the next login gives another", () =>
      withFake({ trackLoggedOut: true }, () =>
        Effect.gen(function*() {
          const first = yield* signedIn()
          yield* send("DELETE", `${base}/login`, { headers: { ...first, [csrf]: "local" } })
          assert.deepStrictEqual(yield* refusal(yield* list(first)), [401, "MQWB0112E"])
          assert.notDeepEqual(yield* signedIn(), first)
        })))

    it.effect("are bearers where an administrator has added them, and then cookies still, but Basic no more", () =>
      withFake({ bearers: { "canary-bearer": "reader" } }, () =>
        Effect.gen(function*() {
          assert.strictEqual((yield* list({ authorization: "Bearer canary-bearer" })).status, 200)
          const refused = yield* list({ authorization: "Bearer canary-other" })
          assert.strictEqual(refused.status, 401)
          assert.strictEqual(refused.headers["www-authenticate"], "Bearer realm=\"MP-JWT\", error=\"invalid_token\"")
          assert.strictEqual((yield* list(basic(admin))).status, 401)
          assert.strictEqual((yield* list(yield* signedIn())).status, 200)
        })))

    it.effect("are a client certificate, which is the registry user of its common name", () =>
      withFake({
        clientCertificate: (request) => Option.fromNullable(request.headers["x-test-cn"])
      }, () =>
        Effect.gen(function*() {
          const response = yield* send("GET", `${base}/login`, { headers: { "x-test-cn": "reader" } })
          assert.deepStrictEqual(yield* response.json, {
            user: [{ name: "reader", role: ["MQWebAdminRO", "MQWebUser"] }]
          })
          assert.deepStrictEqual(yield* refusal(yield* list({ "x-test-cn": "nobody" })), [401, "MQWB0104E"])
        })))
  })

  describe("a call", () => {
    it.effect("is answered 406 if it does not accept JSON by name", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          for (const accept of ["text/html", "*/*"]) {
            assert.strictEqual((yield* list({ ...basic(admin), accept })).status, 406)
          }
          assert.strictEqual(
            (yield* list({ ...basic(admin), accept: "text/html, application/json;charset=utf-8" })).status,
            200
          )
        })))

    it.effect("is refused with the identifier in the field that IBM documents, if the options say so", () =>
      withFake({ errorIdField: "messageId" }, () =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* refusal(yield* list(), "messageId"), [401, "MQWB0104E"])
        })))

    it.effect("of who-am-i is answered alike for a cookie and for Basic", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          for (const headers of [yield* signedIn(reader), basic(reader)]) {
            const response = yield* send("GET", `${base}/login`, { headers })
            assert.deepStrictEqual(yield* response.json, {
              user: [{ name: "reader", role: ["MQWebAdminRO", "MQWebUser"] }]
            })
          }
          assert.deepStrictEqual(yield* refusal(yield* send("GET", `${base}/login`)), [401, "MQWB0104E"])
          assert.strictEqual((yield* fake.stats).requests, 0)
        })))

    it.effect("of a logout needs the cookie and the CSRF header, and the token remains valid", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const cookie = yield* signedIn()
          const logout = (headers: Readonly<Record<string, string>>) =>
            Effect.map(send("DELETE", `${base}/login`, { headers }), (response) => response.status)
          assert.strictEqual(yield* logout(cookie), 401)
          assert.strictEqual(yield* logout({ [csrf]: "local" }), 401)
          assert.strictEqual(yield* logout({ ...basic(admin), [csrf]: "local" }), 401)
          assert.strictEqual(yield* logout({ ...cookie, [csrf]: "local" }), 204)
          assert.strictEqual((yield* list(cookie)).status, 200)
          assert.strictEqual((yield* fake.stats).logouts, 1)
        })))

    it.effect("lists the queue managers", () =>
      withFake({ qmgrs: ["QM1", "QM2"] }, () =>
        Effect.gen(function*() {
          const response = yield* list(basic(reader))
          assert.deepStrictEqual(yield* response.json, {
            qmgr: [{ name: "QM1", state: "running" }, { name: "QM2", state: "running" }]
          })
        })))
  })

  describe("a command", () => {
    it.effect("needs the CSRF header (MQWB0100E), which may be blank", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          const headers = yield* signedIn()
          assert.deepStrictEqual(yield* refusal(yield* command(headers, "DISPLAY QMGR")), [403, "MQWB0100E"])
          assert.strictEqual((yield* command({ ...headers, [csrf]: "" }, "DISPLAY QMGR")).status, 200)
          assert.strictEqual((yield* list(headers)).status, 200)
          assert.strictEqual((yield* fake.stats).requests, 3)
        })))

    it.effect("must echo the csrfToken cookie of the login on an old server", () =>
      withFake({ csrf: "echo" }, () =>
        Effect.gen(function*() {
          const response = yield* login()
          const cookie = tokenOf(response)
          const token = Option.getOrThrow(Cookies.get(response.cookies, "csrfToken")).valueEncoded
          assert.strictEqual((yield* command({ cookie, [csrf]: token }, "DISPLAY QMGR")).status, 200)
          assert.deepStrictEqual(
            yield* refusal(yield* command({ cookie, [csrf]: "local" }, "DISPLAY QMGR")),
            [403, "MQWB0101E"]
          )
          assert.deepStrictEqual(yield* refusal(yield* command({ cookie }, "DISPLAY QMGR")), [403, "MQWB0100E"])
          const whoAmI: any = yield* Effect.flatMap(
            send("GET", `${base}/login`, { headers: { cookie } }),
            (_) => _.json
          )
          assert.strictEqual(whoAmI.user[0].authenticationMechanism, "form")
        })))

    it.effect("may display and not change in a read-only role, and nothing without a role", () =>
      withFake(
        {
          users: {
            reader: { password: FakeMqweb.canaries.reader.password, roles: ["MQWebAdminRO", "MQWebUser"] },
            nobody: { password: "canary", roles: [] }
          }
        },
        () =>
          Effect.gen(function*() {
            const headers = { ...(yield* signedIn(reader)), [csrf]: "local" }
            assert.strictEqual((yield* command(headers, "dis qlocal(*)")).status, 200)
            assert.deepStrictEqual(yield* refusal(yield* command(headers, "DEFINE QLOCAL(A)")), [403, "MQWB0103E"])
            assert.deepStrictEqual(
              yield* refusal(yield* list(basic({ username: "nobody", password: "canary" }))),
              [403, "MQWB0103E"]
            )
          })
      ))

    it.effect("percent-decodes the queue manager's name from the path, and is answered 404 for an unknown one", () =>
      withFake({ qmgrs: ["QM/1%"] }, () =>
        Effect.gen(function*() {
          const headers = { ...basic(admin), [csrf]: "local" }
          assert.strictEqual((yield* command(headers, "PING QMGR", "QM%2F1%25")).status, 200)
          assert.strictEqual((yield* command(headers, "PING QMGR", "QM/1%25")).status, 404)
          assert.strictEqual((yield* command(headers, "PING QMGR", "QM%2F1%")).status, 400)
          assert.deepStrictEqual(yield* refusal(yield* command(headers, "PING QMGR", "QM1")), [404, "MQWB0009E"])
        })))

    it.effect("is answered with the gateway that it names", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const headers = { ...basic(admin), [csrf]: "local" }
          assert.isUndefined((yield* command(headers, "PING QMGR")).headers[gateway])
          assert.strictEqual((yield* command({ ...headers, [gateway]: "GW1" }, "PING QMGR")).headers[gateway], "GW1")
        })))

    it.effect("is answered 200 with codes that state what failed", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const headers = { ...basic(admin), [csrf]: "local" }
          const run = (mqsc: string) =>
            Effect.flatMap(command(headers, mqsc), (response) => {
              assert.strictEqual(response.status, 200)
              return Effect.map(response.json, (body: any) => [
                body.overallCompletionCode,
                body.overallReasonCode,
                body.commandResponse[0].completionCode,
                body.commandResponse[0].reasonCode
              ])
            })
          assert.deepStrictEqual(yield* run("DISPLAY QLOCAL(DEV.QUEUE.1)"), [0, 0, 0, 0])
          assert.deepStrictEqual(yield* run("DISPLAY QUEUE('no.queue')"), [2, 3008, 2, 2085])
          assert.deepStrictEqual(yield* run("DEFINE QLOCAL(new.queue)"), [0, 0, 0, 0])
          assert.deepStrictEqual(yield* run("DISPLAY QLOCAL(NEW.QUEUE)"), [0, 0, 0, 0])
          // Sent twice shows.
          assert.deepStrictEqual(yield* run("DEFINE QLOCAL(NEW.QUEUE)"), [2, 3008, 2, 4001])
          assert.deepStrictEqual(yield* run("DELETE QLOCAL(NEW.QUEUE)"), [0, 0, 0, 0])
          assert.deepStrictEqual(yield* run("CLEAR QLOCAL(NEW.QUEUE)"), [2, 3008, 2, 2085])
          assert.deepStrictEqual(yield* run("FROBNICATE"), [2, 3008, 2, 3008])
        })))

    it.effect("in JSON is answered with parameters, or with a message if it failed", () =>
      withFake({}, () =>
        Effect.gen(function*() {
          const url = `${base}/admin/action/qmgr/QM1/mqsc`
          const headers = { ...basic(admin), [csrf]: "local" }
          const display = (name: string) =>
            Effect.flatMap(
              send("POST", url, {
                headers,
                json: { type: "runCommandJSON", command: "display", qualifier: "qlocal", name }
              }),
              (response) => response.json
            )
          assert.deepStrictEqual(yield* display("DEV.*"), {
            commandResponse: [{
              completionCode: 0,
              reasonCode: 0,
              parameters: { queue: "DEV.QUEUE.1", type: "QLOCAL" }
            }],
            overallCompletionCode: 0,
            overallReasonCode: 0
          })
          assert.deepStrictEqual(yield* display("NO.QUEUE"), {
            commandResponse: [{
              completionCode: 2,
              reasonCode: 2085,
              message: ["AMQ8147E: IBM MQ object NO.QUEUE not found."]
            }],
            overallCompletionCode: 2,
            overallReasonCode: 3008
          })
          assert.strictEqual((yield* send("POST", url, { headers, json: { type: "runCommands" } })).status, 400)
          assert.strictEqual((yield* send("POST", url, { headers, text: ["{}", "text/plain"] })).status, 415)
        })))
  })

  describe("failNext", () => {
    it.effect("answers the next requests, logins included, and no more", () =>
      withFake({ htmlErrors: true }, (fake) =>
        Effect.gen(function*() {
          yield* fake.failNext(2, 503)
          const response = yield* login()
          assert.strictEqual(response.status, 503)
          assert.match(response.headers["content-type"] ?? "", /^text\/html/)
          assert.match(yield* response.text, /^<html>/)
          assert.strictEqual((yield* list(basic(admin))).status, 503)
          assert.strictEqual((yield* list(basic(admin))).status, 200)
          const { attempts, logins, refused, requests } = yield* fake.stats
          assert.deepStrictEqual([attempts, logins, refused, requests], [1, 0, 0, 1])
        })))

    it.effect("answers with an MQ error body where no proxy is in front", () =>
      withFake({}, (fake) =>
        Effect.gen(function*() {
          yield* fake.failNext(1, 500)
          assert.deepStrictEqual(yield* refusal(yield* list(basic(admin))), [500, "MQWB0000E"])
        })))
  })

  describe("on a socket", () => {
    it.scopedLive("answers as in memory", () =>
      Effect.gen(function*() {
        const fake = yield* FakeMqweb.make({ qmgrs: ["QM/1%"] })
        const root = `${yield* FakeServer.serve(fake.app)}/ibmmq/rest/v3`
        const response = yield* login(admin, root)
        assert.strictEqual(response.status, 204)
        assert.deepStrictEqual(
          Cookies.toSetCookieHeaders(response.cookies).map((line) => line.split("=")[0]),
          [yield* fake.cookieName]
        )
        const headers = { cookie: tokenOf(response), [csrf]: "" }
        assert.strictEqual((yield* command(headers, "DISPLAY QMGR", "QM%2F1%25", root)).status, 200)
        yield* fake.revokeAll
        const refused = yield* command(headers, "DISPLAY QMGR", "QM%2F1%25", root)
        assert.deepStrictEqual(yield* refusal(refused), [401, "MQWB0112E"])
        const { logins, refused: count, requests } = yield* fake.stats
        assert.deepStrictEqual([logins, count, requests], [1, 1, 1])
      }).pipe(Effect.provide(Layer.merge(NodeHttpServer.layerTest, NodeHttpClient.layerUndici))))
  })
})
