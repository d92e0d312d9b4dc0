import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import * as Tracer from "effect/Tracer"
import { isTransient } from "../src/AuthError.ts"
import * as TokenEndpoint from "../src/TokenEndpoint.ts"
import { assertSecretFree } from "./printouts.ts"

const canary = "canary-secret-4711"
const mode = "Acme/Password"

/** A login that has its secret everywhere. */
const login = HttpClientRequest.post(`https://api.acme.example/token?key=${canary}`, {
  headers: { "x-secret": canary }
}).pipe(HttpClientRequest.bodyUnsafeJson({ password: canary }))

const answering = (status: number, body: string | null = null) =>
  ScriptedHttpClient.make(() => new Response(body, { status }))
const unreachable = (cause: unknown) => ScriptedHttpClient.make(ScriptedHttpClient.fail(cause))
const response = (body: string) => HttpClientResponse.fromWeb(login, new Response(body))

const failure = (client: HttpClient.HttpClient, options?: Partial<TokenEndpoint.Options>) =>
  Effect.flip(TokenEndpoint.execute(client, login, { mode, ...options }))

describe("TokenEndpoint", () => {
  describe("cookies", () => {
    const dated = (now: number, date: ReadonlyArray<[string, string]>, headers: ReadonlyArray<string>) =>
      TestClock.setTime(now).pipe(
        Effect.zipRight(TokenEndpoint.cookies(
          HttpClientResponse.fromWeb(
            login,
            new Response(null, {
              headers: [...date, ...headers.map((header): [string, string] => ["set-cookie", header])]
            })
          )
        )),
        Effect.map(({ cookies }) => Object.keys(cookies).join())
      )
    const at = (now: number, ...headers: ReadonlyArray<string>) => dated(now, [], headers)

    it.effect("are those that an answer sets and does not delete", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* at(0), "")
        const set = ["a=1", "b=", "c=\"\"", "d=1; Max-Age=0", "e=1; Max-Age=1", "f=1", "f=; Max-Age=0"]
        assert.strictEqual(yield* at(0, ...set), "a,e")
        const expires = "a=1; Expires=Thu, 01 Jan 1970 00:00:10 GMT"
        assert.strictEqual(yield* at(9_999, expires), "a")
        assert.strictEqual(yield* at(10_000, expires), "")
        assert.strictEqual(yield* at(10_000, `${expires}; Max-Age=1`), "a")
        assert.strictEqual(yield* at(9_999, `${expires}; Max-Age=-1`), "")
      }))

    it.effect("expire by the server's clock, however wrong the client's is", () =>
      Effect.gen(function*() {
        const expires = ["a=1; Expires=Thu, 01 Jan 1970 00:00:10 GMT"]
        for (const now of [0, 3_600_000]) {
          assert.strictEqual(yield* dated(now, [["date", "Thu, 01 Jan 1970 00:00:09 GMT"]], expires), "a")
          assert.strictEqual(yield* dated(now, [["date", "Thu, 01 Jan 1970 00:00:10 GMT"]], expires), "")
        }
        assert.strictEqual(yield* dated(9_999, [["date", "today"]], expires), "a")
      }))
  })

  describe("serverTime", () => {
    const of = (headers: Record<string, string>) =>
      Option.map(
        TokenEndpoint.serverTime(HttpClientResponse.fromWeb(login, new Response(null, { headers }))),
        DateTime.toEpochMillis
      )

    it("is what Date says, in each of its forms (RFC 9110 section 5.6.7)", () => {
      for (
        const date of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
      ) {
        assert.deepStrictEqual(of({ date }), Option.some(784_111_777_000), date)
      }
    })

    it("is unknown without a Date that can be read", () => {
      for (const date of ["", "today", "Sun, 99 Nov 1994 08:49:37 GMT"]) {
        assert.isTrue(Option.isNone(of({ date })), date)
      }
      assert.isTrue(Option.isNone(of({})))
    })
  })

  describe("execute", () => {
    it.effect("distinguishes refusals, transient failures and a wrong address by the status", () =>
      Effect.gen(function*() {
        const expected = {
          CredentialsRejected: [400, 401, 403],
          Unavailable: [408, 500, 502, 503, 504, 599],
          TooManyRequests: [429],
          Unexpected: [301, 302, 303, 307, 404, 405, 410, 415, 422]
        }
        for (const [name, statuses] of Object.entries(expected)) {
          for (const status of statuses) {
            const error = yield* failure(answering(status))
            assert.deepInclude(error, { mode, status })
            assert.strictEqual(error._tag === "TokenEndpointError" ? error.reason : error._tag, name, `${status}`)
            assert.strictEqual(isTransient(error), name !== "CredentialsRejected")
          }
        }
      }))

    it.effect("a redirect that a browser hides, or a fetch has followed, is not tried again, and says why", () =>
      Effect.gen(function*() {
        const words = { opaqueredirect: "a browser hides where it leads", basic: "does not respect `redirect: manual`" }
        for (const [type, word] of Object.entries(words)) {
          const web = Object.defineProperties(new Response(""), {
            type: { value: type },
            redirected: { value: type === "basic" }
          })
          const error = yield* failure(
            HttpClient.make((request) => Effect.succeed(HttpClientResponse.fromWeb(request, web)))
          )
          assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Unexpected" })
          assert.isFalse(isTransient(error))
          assert.include(error.message, word)
          assertSecretFree(error, [canary])
        }
      }))

    it.effect("decides by the dialect of its options, which sees the code that explain reads", () =>
      Effect.gen(function*() {
        const seen = yield* Ref.make<ReadonlyArray<unknown>>([])
        const dialect: TokenEndpoint.Dialect = (answer, grant) => {
          Effect.runSync(Ref.update(seen, (all) => [...all, { ...answer, grant }]))
          return answer.status === 409 ? "GrantEnded" : "TryAgain"
        }
        const explain = () => Effect.succeed({ code: "E1" })
        assert.deepInclude(yield* failure(answering(409, "gone"), { dialect, explain }), {
          _tag: "CredentialsRejected",
          reason: "Grant",
          code: "E1"
        })
        assert.deepInclude(yield* failure(answering(401, ""), { dialect, explain, grant: "refresh" }), {
          _tag: "TokenEndpointError",
          reason: "Unavailable"
        })
        assert.deepStrictEqual(yield* Ref.get(seen), [
          {
            status: 409,
            code: "E1",
            suberror: undefined,
            unreadable: false,
            challenged: false,
            content: "Text",
            grant: "login"
          },
          {
            status: 401,
            code: "E1",
            suberror: undefined,
            unreadable: false,
            challenged: false,
            content: "Empty",
            grant: "refresh"
          }
        ])
      }))

    it.effect("says how long the server wants to be left alone", () =>
      Effect.gen(function*() {
        const asking = (value: string, status = 503) =>
          failure(ScriptedHttpClient.make(() => new Response(null, { status, headers: { "retry-after": value } })))
        assert.deepInclude(yield* asking("4"), { reason: "Unavailable", retryAfter: Duration.seconds(4) })
        assert.deepInclude(yield* asking("4", 429), { reason: "TooManyRequests", retryAfter: Duration.seconds(4) })
        assert.deepInclude(yield* asking("soon"), { reason: "Unavailable", retryAfter: undefined })
      }))

    it.effect("of what the server says in its own way and of Retry-After the longer one counts", () =>
      Effect.gen(function*() {
        for (const [own, header, longer] of [[2, "4", 4], [6, "4", 6], [undefined, "4", 4], [2, "soon", 2]] as const) {
          const busy = ScriptedHttpClient.make(() =>
            new Response(null, { status: 503, headers: { "retry-after": header } })
          )
          const error = yield* failure(busy, {
            retryAfter: () => Effect.succeed(Option.map(Option.fromNullable(own), Duration.seconds))
          })
          assert.deepInclude(error, { retryAfter: Duration.seconds(longer) })
        }
      }))

    it.effect("says whether the request may have been sent, so that nothing is redeemed twice by mistake", () =>
      Effect.gen(function*() {
        const error = (code: string) => failure(unreachable(Object.assign(new Error(), { code })))
        for (const code of ["ECONNREFUSED", "ENOTFOUND", "UND_ERR_CONNECT_TIMEOUT", "CERT_HAS_EXPIRED"]) {
          assert.deepInclude(yield* error(code), { reason: "Unreachable", sent: false }, code)
        }
        for (const code of ["ECONNRESET", "UND_ERR_SOCKET", "ETIMEDOUT", "SOMETHING_ELSE"]) {
          assert.deepInclude(yield* error(code), { reason: "Unreachable", sent: true }, code)
        }
      }))

    it.effect("says whether it is of no use to send it again, by the reason of the transport's error", () =>
      Effect.gen(function*() {
        for (const reason of ["Transport", "InvalidUrl", "Encode"] as const) {
          const transport = HttpClient.make((request) =>
            Effect.fail(new HttpClientError.RequestError({ request, reason }))
          )
          const error = yield* failure(transport)
          assert.strictEqual(error._tag === "TokenEndpointError" && error.final === true, reason !== "Transport")
        }
      }))

    it.effect("takes a person who has to log in for an error of its own, with the claims to ask for", () =>
      Effect.gen(function*() {
        const body = JSON.stringify({ error: "interaction_required", claims: "{\"access_token\":{}}" })
        assert.deepInclude(yield* failure(answering(400, body)), {
          _tag: "InteractionRequired",
          code: "interaction_required",
          claims: "{\"access_token\":{}}"
        })
      }))

    it.effect("takes no claims that are no JSON, quote what was sent, or cannot be printed", () =>
      Effect.gen(function*() {
        for (
          const claims of [
            "x\r\nforged",
            "[]",
            JSON.stringify({ acr: canary }),
            JSON.stringify({ acr: "\u202egold" }),
            JSON.stringify({ acr: "gold".repeat(2000) }),
            `{"acr":${"[".repeat(40_000)}${"]".repeat(40_000)}}`
          ]
        ) {
          const error = yield* failure(answering(400, JSON.stringify({ error: "interaction_required", claims })))
          assert.deepInclude(error, { _tag: "InteractionRequired", claims: undefined }, claims)
        }
      }))

    it.effect("reads the code, whatever is beside it: no text, nothing, a byte order mark", () =>
      Effect.gen(function*() {
        const texts = [
          `{"error":"invalid_grant","error_description":null}`,
          `{"error":"invalid_grant","error_description":{"text":"no"},"suberror":{},"error_uri":null}`,
          `\uFEFF {"error":"invalid_grant","error_description":""}`
        ]
        for (const text of texts) {
          const error = yield* failure(answering(400, text), { grant: "refresh" })
          assert.deepInclude(error, { _tag: "CredentialsRejected", code: "invalid_grant" }, text)
          assert.isTrue(error.message.endsWith("(HTTP 400, invalid_grant)"), error.message)
        }
      }))

    it.effect("reads the body first, and the header where the body says nothing", () =>
      Effect.gen(function*() {
        const challenge = `Basic realm="oauth", error="invalid_client", error_description="no such client"`
        const refused = (body: string) =>
          failure(
            ScriptedHttpClient.make(() =>
              new Response(body, { status: 401, headers: { "www-authenticate": challenge } })
            ),
            { grant: "refresh" }
          )
        for (const silent of ["", "{}", `{"error":""}`, `{"error":null}`]) {
          assert.deepInclude(yield* refused(silent), {
            _tag: "CredentialsRejected",
            reason: "Setting",
            code: "invalid_client",
            detail: "no such client"
          }, silent)
        }
        assert.deepInclude(yield* refused(`{"error":"invalid_grant"}`), { reason: "Grant", code: "invalid_grant" })
      }))

    it.effect("does not understand an error that is no text, which ends nothing", () =>
      Effect.gen(function*() {
        for (const error of [42, {}, [], { code: "invalid_grant" }, true]) {
          for (const grant of ["login", "refresh"] as const) {
            const failed = yield* failure(answering(400, JSON.stringify({ error })), { grant })
            assert.deepInclude(failed, {
              _tag: "MalformedTokenResponse",
              status: 400,
              detail: "its `error` is no text"
            })
            assert.isFalse(isTransient(failed))
          }
        }
        // to a system with words of its own it may mean something
        const own = { explain: () => Effect.succeed({}) }
        assert.deepInclude(yield* failure(answering(400, `{"error":[{"id":1}]}`), own), { _tag: "CredentialsRejected" })
      }))

    it.effect("adds the server's own words from the refusal", () =>
      Effect.gen(function*() {
        const error = yield* failure(answering(400, "invalid_grant"), {
          explain: (response) => Effect.map(Effect.orDie(response.text), (code) => ({ code, detail: "wrong password" }))
        })
        assert.strictEqual(
          error.message,
          "Acme/Password: the server rejected the credentials at https://api.acme.example/token (HTTP 400, invalid_grant): wrong password"
        )
      }))

    it.effect("a refused refresh is about the refresh token, not about the credentials of a login", () =>
      Effect.gen(function*() {
        const error = yield* failure(answering(400, JSON.stringify({ error: "invalid_grant" })), { grant: "refresh" })
        assert.strictEqual(
          error.message,
          "Acme/Password: the server rejected the refresh token at https://api.acme.example/token (HTTP 400, invalid_grant)"
        )
      }))

    it.effect("masks what was sent in any form: URL-encoded, JSON with numbers in it, or multipart", () =>
      Effect.gen(function*() {
        const fields = { username: "reader", pin: "739142", password: "canary p&ss" }
        const form = new FormData()
        for (const [name, value] of Object.entries(fields)) form.append(name, value)
        const url = "https://acme.example/token"
        const logins = [
          HttpClientRequest.bodyUrlParams(HttpClientRequest.post(url), fields),
          HttpClientRequest.bodyUnsafeJson(HttpClientRequest.post(url), { ...fields, pin: 739142 }),
          HttpClientRequest.bodyFormData(HttpClientRequest.post(url), form)
        ]
        for (const request of logins) {
          const transport = ScriptedHttpClient.make({
            status: 400,
            json: { error: "invalid_grant", error_description: "reader, 739142, canary p&ss: wrong" }
          })
          const error = yield* Effect.flip(TokenEndpoint.execute(transport, request, { mode }))
          assert.deepInclude(error, { detail: "reader, […], […]: wrong" })
        }
      }))

    it.effect("masks a key in the URL of the endpoint, and not its version", () =>
      Effect.gen(function*() {
        const key = "canary-key-0123456789"
        const transport = ScriptedHttpClient.make({
          status: 400,
          json: { error: "invalid_request", error_description: `version 2 takes no ${key}` }
        })
        for (
          const request of [
            HttpClientRequest.post(`https://acme.example/token?v=2&code=${key}`),
            HttpClientRequest.post(new URL(`https://acme.example/token?code=${key}`))
          ]
        ) {
          const error = yield* Effect.flip(TokenEndpoint.execute(transport, request, { mode }))
          assert.deepInclude(error, { detail: "version 2 takes no […]" })
        }
      }))

    it.effect("returns every 2xx answer as it is, without an explanation", () =>
      Effect.gen(function*() {
        for (const status of [200, 201, 204, 299]) {
          const response = yield* TokenEndpoint.execute(answering(status), login, {
            mode,
            explain: () => Effect.dieMessage("asked for an explanation of a success")
          })
          assert.strictEqual(response.status, status)
        }
      }))

    it.effect("names the system's error code when there is no answer, and nothing else of the cause", () =>
      Effect.gen(function*() {
        const cause = new TypeError(`fetch failed: ${canary}`, {
          cause: Object.assign(new Error(canary), { code: "ECONNREFUSED" })
        })
        const error = yield* failure(unreachable(cause))
        assert.strictEqual(
          error.message,
          "Acme/Password: the token endpoint could not be reached at https://api.acme.example/token: ECONNREFUSED: " +
            "nothing accepts connections there; is the server running, are host and port right?"
        )
        assert.isTrue(isTransient(error))
      }))

    it.effect("shows the request, which holds the credentials, in no error", () =>
      Effect.gen(function*() {
        const clients = [
          unreachable(new Error(canary)),
          unreachable({ code: canary }),
          ...[302, 401, 429, 500].map((status) => answering(status, canary))
        ]
        for (const client of clients) assertSecretFree(yield* failure(client), [canary])
      }))

    it.effect("shows the request in no span of the platform, and sends no trace headers", () =>
      Effect.gen(function*() {
        const spans = yield* Ref.make<ReadonlyArray<string>>([])
        const sent = yield* Ref.make<ReadonlyArray<string>>([])
        const tracer = Tracer.make({
          context: (run) => run(),
          span: (name, parent, context, links, startTime, kind) => {
            Effect.runSync(Ref.update(spans, (all) => [...all, name]))
            return {
              _tag: "Span",
              attributes: new Map(),
              sampled: true,
              spanId: "1",
              traceId: "2",
              status: { _tag: "Started", startTime },
              attribute: (key, value) =>
                Effect.runSync(Ref.update(spans, (all) => [...all, `${key}=${String(value)}`])),
              event: () => {},
              addLinks: () => {},
              end: () => {},
              context,
              kind,
              links,
              name,
              parent
            }
          }
        })
        const client = HttpClient.make((request) =>
          Effect.as(
            Ref.update(sent, (all) => [...all, ...Object.keys(request.headers)]),
            HttpClientResponse.fromWeb(request, new Response())
          )
        )
        yield* TokenEndpoint.execute(client, login, { mode }).pipe(
          Effect.withSpan("auth.login"),
          Effect.withTracer(tracer)
        )
        assert.deepStrictEqual((yield* Ref.get(spans)).filter((fact) => !fact.startsWith("code.")), ["auth.login"])
        assert.include(yield* Ref.get(sent), "x-secret")
      }))
  })

  describe("json", () => {
    const read = TokenEndpoint.json(Schema.Struct({ access_token: Schema.String }), { mode })

    it.effect("reads what the schema describes", () =>
      Effect.gen(function*() {
        const answer = yield* read(response(JSON.stringify({ access_token: canary, more: 1 })))
        assert.deepStrictEqual(answer, { access_token: canary })
      }))

    it.effect("fails with MalformedTokenResponse, which does not quote the answer", () =>
      Effect.gen(function*() {
        const cases = {
          [`{"accessToken":"${canary}"}`]: "the JSON lacks what is needed",
          [`{"access_token":["${canary}"]}`]: "the JSON lacks what is needed",
          [`"${canary}"`]: "the JSON lacks what is needed",
          [`<html>${canary}</html>`]: "the body is not JSON",
          [`${canary}`]: "the body is not JSON"
        }
        for (const [body, detail] of Object.entries(cases)) {
          const error = yield* Effect.flip(read(response(body)))
          assert.deepInclude(error, { _tag: "MalformedTokenResponse", mode, status: 200, detail })
          assertSecretFree(error, [canary])
        }
      }))

    it.effect("is refused by a success that states an error, even beside a token", () =>
      Effect.gen(function*() {
        const stating = answering(200, `{"access_token":"${canary}","error":"invalid_client"}`)
        const error = yield* Effect.flip(Effect.flatMap(TokenEndpoint.execute(stating, login, { mode }), read))
        assert.deepInclude(error, { _tag: "CredentialsRejected", status: 200, code: "invalid_client" })
        for (const nothing of [`""`, "null"]) {
          const answer = yield* read(response(`{"access_token":"${canary}","error":${nothing}}`))
          assert.deepStrictEqual(answer, { access_token: canary })
        }
      }))

    it.effect("reads members by name, and none that others would inherit", () =>
      Effect.gen(function*() {
        const open = TokenEndpoint.json(
          Schema.Struct({ access_token: Schema.String }, { key: Schema.String, value: Schema.Unknown }),
          { mode }
        )
        const answer = yield* open(response(`{"access_token":"a","__proto__":{"refresh_token":"b"},"constructor":"c"}`))
        assert.isUndefined(answer["refresh_token"])
        assert.deepStrictEqual(Object.entries(answer), [["access_token", "a"], ["constructor", "c"]])
      }))

    it.live.prop(
      "never dies, whatever the body",
      [FastCheck.oneof(FastCheck.string(), FastCheck.json())],
      ([body]) =>
        Effect.map(
          Effect.exit(read(response(body))),
          Exit.match({
            onFailure: (cause) => assert.strictEqual(cause._tag, "Fail"),
            onSuccess: (answer) => assert.isString(answer.access_token)
          })
        )
    )
  })

  describe("text", () => {
    it.effect("reads an answer of execute within its own bounds, and any number of times", () =>
      Effect.gen(function*() {
        const answer = yield* TokenEndpoint.execute(answering(200, " canary "), login, { mode })
        const within = (size: number) =>
          TokenEndpoint.text({ mode, reading: { size, time: Duration.seconds(1) } })(answer)
        assert.strictEqual(yield* TokenEndpoint.text({ mode })(answer), "canary")
        assert.deepInclude(yield* Effect.flip(within(7)), { _tag: "MalformedTokenResponse", foreign: true })
        assert.strictEqual(yield* within(8), "canary")
        assert.strictEqual(yield* TokenEndpoint.text({ mode })(answer), "canary")
      }))

    it.effect("reads an answer of execute within the bounds that execute has read it in", () =>
      Effect.gen(function*() {
        const reading = { size: 7, time: Duration.seconds(1) }
        const transport = HttpClient.make(() => Effect.succeed(response(" canary ")))
        const answer = yield* TokenEndpoint.execute(transport, login, { mode, reading })
        for (const options of [{ mode, reading }, { mode }]) {
          const error = yield* Effect.flip(TokenEndpoint.text(options)(answer))
          assert.deepInclude(error, { _tag: "MalformedTokenResponse", foreign: true })
        }
      }))

    const read = TokenEndpoint.text({ mode })

    it.effect("reads the body without surrounding white space", () =>
      Effect.gen(function*() {
        assert.strictEqual(yield* read(response(` ${canary}\r\n`)), canary)
      }))

    it.effect("fails transiently when the connection is lost before the body has arrived", () =>
      Effect.gen(function*() {
        const broken = new Response(new ReadableStream({ pull: (controller) => controller.error(new Error(canary)) }))
        const error = yield* Effect.flip(read(HttpClientResponse.fromWeb(login, broken)))
        assert.deepInclude(error, { _tag: "TokenEndpointError", reason: "Unreachable" })
        assertSecretFree(error, [canary])
      }))
  })
})
