/** No field that a server controls can forge a line of a log, colour it, turn it around, or fill it. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import * as AuthEvent from "@effect-auth/core/AuthEvent"
import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
import * as MqUser from "@effect-auth/ibm-mq/MqUser"
import * as Qualys from "@effect-auth/qualys/Qualys"
import * as QualysError from "@effect-auth/qualys/QualysError"
import * as QualysRateLimit from "@effect-auth/qualys/QualysRateLimit"
import * as RateLimiter from "@effect-auth/rate-limit/RateLimiter"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as RateLimitPolicy from "@effect-auth/rate-limit/RateLimitPolicy"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as VirtualClock from "@effect-auth/testing/VirtualClock"
import * as Yamcs from "@effect-auth/yamcs/Yamcs"
import * as YamcsError from "@effect-auth/yamcs/YamcsError"
import * as HttpClient from "@effect/platform/HttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Redacted from "effect/Redacted"

/**
 * Forges a line, in every way there is to end one; clears the screen, by ESC and by the C1 control; turns the line around, by
 * marks, embeddings, overrides and isolates; hides characters; ends in half a character.
 */
const payload = "x\r\nINFO forged \u001b[2J\u009b2J\u0085next\u2028next\u2029\u0007\u0000\u007f" +
  "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202eevil\u2066\u2067\u2068\u2069" +
  "\u00ad\u200b\u200c\u200d\u2060\ufeff\u{e0041}\ud83d"
const endless = payload + "y ".repeat(100_000)

const login = { username: "operator", password: Redacted.make("canary-password") }
const request = Effect.flatMap(AuthenticatedHttpClient.AuthenticatedHttpClient, (http) => http.get("/things"))

const mqProblem = (text: string) => ({
  status: 401,
  json: { error: [{ msgId: text, messageId: text, type: text, message: text, explanation: text, action: text }] }
})
const mqResult = (text: string) => ({
  json: {
    overallCompletionCode: 2,
    overallReasonCode: 3008,
    commandResponse: [{ completionCode: 2, reasonCode: 3008, text: [text, text] }]
  }
})
const yamcsProblem = (text: string) => ({ status: 401, json: { code: 401, type: text, msg: text } })
const yamcsException = (text: string) => ({ status: 404, json: { exception: { type: text, msg: text } } })
const xml = (text: string) => text.replace(/[^\x20-\x7e\r\n]/gu, (character) => `&#${character.codePointAt(0)};`)
const qualysProblem = (status: number) => (text: string) => ({
  status,
  headers: { "content-type": "text/xml" },
  body: `<SIMPLE_RETURN><RESPONSE><CODE>${xml(text)}</CODE><TEXT>${xml(text)}</TEXT><ITEM_LIST><ITEM><KEY>${
    xml(text)
  }</KEY><VALUE>${xml(text)}</VALUE></ITEM></ITEM_LIST></RESPONSE></SIMPLE_RETURN>`
})
const qualysJson = (text: string) => ({
  json: { ServiceResponse: { responseCode: text, responseErrorDetails: { errorMessage: text } } }
})
const plain = (status: number) => (text: string) => ({ status, body: text })
/** What may stand in a header: no transport lets a line break through, and Node's none that is longer than 16 kB. */
const inHeader = (text: string) =>
  Array.from(text.slice(0, 16_384)).filter((it) => !["\r", "\n", "\0"].includes(it) && it <= "\u00ff").join("")
const challenge = (text: string) => ({
  status: 401,
  headers: { "www-authenticate": `Bearer error="${inHeader(text)}", error_description="${inHeader(text)}"` }
})
const scheme = (text: string) => ({
  status: 401,
  headers: { "www-authenticate": `${text.replace(/[^a-z]/giu, "")} realm="${inHeader(text)}", x="${inHeader(text)}"` }
})
/** Every header that anything reads. */
const garbled = (status: number) => (text: string) => {
  const value = inHeader(text)
  const headers = Object.fromEntries(
    [
      "age",
      "content-encoding",
      "content-length",
      "content-type",
      "location",
      "ratelimit",
      "ratelimit-limit",
      "ratelimit-policy",
      "ratelimit-remaining",
      "ratelimit-reset",
      "retry-after",
      "set-cookie",
      "x-concurrency-limit-limit",
      "x-ratelimit-limit",
      "x-ratelimit-remaining",
      "x-ratelimit-reset",
      "x-ratelimit-resource",
      "x-ratelimit-towait-sec"
    ].map((name) => [name, value])
  )
  return { status, headers }
}
/** A quota whose name is the server's, almost used up or used up. */
const quota = (status: number) => (text: string) => ({
  status,
  headers: {
    "x-ratelimit-limit": "100",
    "x-ratelimit-remaining": status === 200 ? "1" : "0",
    "x-ratelimit-reset": "3600",
    "x-ratelimit-resource": inHeader(text)
  }
})
const policy = (text: string) => {
  const name = text.replace(/[^\x20-\x7e]|["\\]/gu, "")
  return { headers: { "ratelimit-policy": `"${name}";q=100;w=60`, "ratelimit": `"${name}";r=1;t=30` } }
}
/** Each member of the answer to a login, or all of them. */
const tokenResponse = (text: string) => ({
  json: {
    access_token: text,
    refresh_token: text,
    token_type: text,
    scope: text,
    expires_in: text,
    user: { name: text }
  }
})
const limited = (headers: RateLimitHeaders.RateLimitHeaders) =>
  Effect.gen(function*() {
    const rateLimiter = yield* RateLimiter.make(
      RateLimitPolicy.default.pipe(RateLimitPolicy.headers(headers), RateLimitPolicy.maxWait("1 millis"))
    )
    const http = yield* AuthenticatedHttpClient.make(Authenticator.basic(login), {
      baseUrl: "https://acme.example",
      rateLimiter
    })
    yield* http.get("/things")
    return yield* http.get("/things")
  })

const mq = { baseUrl: "https://mq.example:9443/ibmmq/rest/v3", credential: login }
const yamcs = { baseUrl: "https://yamcs.example", credential: login }

type Program = Effect.Effect<unknown, unknown, HttpClient.HttpClient>

const programs: Record<string, readonly [answer: (text: string) => ScriptedHttpClient.Answer, program: Program]> = {
  "the refusal of an MQ login": [mqProblem, Effect.provide(request, IbmMq.layerLtpa(mq))],
  "the refusal of an MQ call": [mqProblem, Effect.provide(request, IbmMq.layerBasic(mq))],
  "the error of an MQ answer": [
    (text) => ({ ...mqProblem(text), status: 400 }),
    Effect.provide(MqUser.whoAmI, IbmMq.layerBasic(mq))
  ],
  "the failure of an MQSC command": [
    mqResult,
    Effect.provide(Mqsc.runMqsc({ qmgr: "QM1", command: "display qmgr" }), IbmMq.layerBasic(mq))
  ],
  "the refusal of a Yamcs login": [yamcsProblem, Effect.provide(request, Yamcs.layerPassword(yamcs))],
  "the refusal of a Yamcs login in plain text": [plain(401), Effect.provide(request, Yamcs.layerPassword(yamcs))],
  "the refusal of a Yamcs call": [yamcsProblem, Effect.provide(request, Yamcs.layerBasic(yamcs))],
  "the error of a Yamcs answer": [
    yamcsException,
    Effect.provide(YamcsError.filterStatusOk(request), Yamcs.layerBasic(yamcs))
  ],
  "an answer of Yamcs that is of another shape": [
    (text) => ({ json: { name: [text] } }),
    Effect.provide(Yamcs.user, Yamcs.layerBasic(yamcs))
  ],
  "how a Yamcs server says it authenticates": [
    (text) => ({ json: { requireAuthentication: text } }),
    Yamcs.authInfo({ baseUrl: "https://yamcs.example" })
  ],
  "the refusal of a Qualys call": [
    qualysProblem(401),
    Effect.provide(request, Qualys.layerBasic({ credential: login }))
  ],
  "the refusal of a Qualys login to the gateway": [
    qualysProblem(401),
    Effect.provide(request, Qualys.layerJwt({ credential: login }))
  ],
  "a Qualys login that is answered with 200 and no session": [
    qualysProblem(200),
    Effect.provide(request, Qualys.layerSession({ credential: login }))
  ],
  "a Qualys error in an answer with 200": [
    qualysProblem(200),
    Effect.provide(Effect.flatMap(request, QualysError.check), Qualys.layerBasic({ credential: login }))
  ],
  "a Qualys error in JSON": [
    qualysJson,
    Effect.provide(Effect.flatMap(request, QualysError.check), Qualys.layerBasic({ credential: login }))
  ],
  "an answer about the Qualys limits": [
    qualysProblem(409),
    Effect.provide(QualysRateLimit.get, Qualys.layerBasic({ credential: login }))
  ],
  "the challenge of any server": [
    challenge,
    Effect.flatMap(
      AuthenticatedHttpClient.make(Authenticator.basic(login), { baseUrl: "https://acme.example" }),
      (http) => http.get("/things")
    )
  ],
  "the schemes and realms of any server": [
    scheme,
    Effect.flatMap(
      AuthenticatedHttpClient.make(Authenticator.basic(login), { baseUrl: "https://acme.example" }),
      (http) => http.get("/things")
    )
  ],
  "the name of a quota that is almost used up": [quota(200), limited(RateLimitHeaders.github)],
  "the name of a quota that is used up": [quota(429), limited(RateLimitHeaders.github)],
  "the name of a quota policy": [policy, limited(RateLimitHeaders.ietf)],
  "garbage in every header of a block": [garbled(429), limited(RateLimitHeaders.standard)],
  "the members of a Yamcs token": [tokenResponse, Effect.provide(request, Yamcs.layerPassword(yamcs))],
  "a Qualys token that is none": [plain(201), Effect.provide(request, Qualys.layerJwt({ credential: login }))],
  "a Yamcs error in JSON that is no object of Yamcs": [
    (text) => ({ status: 500, json: { [text]: text } }),
    Effect.provide(YamcsError.filterStatusOk(request), Yamcs.layerBasic(yamcs))
  ],
  ...Object.fromEntries([200, 302, 401, 403, 429, 500, 503].flatMap((status) =>
    Object.entries({
      "an MQ login": Effect.provide(request, IbmMq.layerLtpa(mq)),
      "a Yamcs login": Effect.provide(request, Yamcs.layerPassword(yamcs)),
      "a Qualys login": Effect.provide(request, Qualys.layerSession({ credential: login })),
      "a Qualys login to the gateway": Effect.provide(request, Qualys.layerJwt({ credential: login }))
    }).map((
      [what, program]
    ) => [`garbage in every header of ${what} answered with ${status}`, [garbled(status), program]])
  )),
  "a redirect to nowhere": [
    (text) => ({ status: 302, headers: { location: inHeader(text) } }),
    Effect.flatMap(
      AuthenticatedHttpClient.make(Authenticator.basic(login), { baseUrl: "https://acme.example", redirects: 3 }),
      (http) => http.get("/things")
    )
  ],
  "the target of a redirect": [
    (text) => ({ status: 302, headers: { location: `ftp://${text.replace(/[^a-z]/gu, "").slice(0, 5000)}/` } }),
    Effect.flatMap(
      AuthenticatedHttpClient.make(Authenticator.basic(login), { baseUrl: "https://acme.example", redirects: 3 }),
      (http) => http.get("/things")
    )
  ]
}

/** Every line of a log, of an event and of the error that a program ends with. */
const shown = (program: Program, answer: ScriptedHttpClient.Answer) =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    const logger = Logger.make(({ cause, message }) => {
      for (const part of Array.isArray(message) ? message : [message]) lines.push(String(part))
      // a stack has lines of its own
      if (!Cause.isEmpty(cause)) { for (const line of Cause.pretty(cause).split("\n")) lines.push(line) }
    })
    const events = yield* AuthEvent.subscribe
    const ended = yield* program.pipe(
      Effect.provideService(HttpClient.HttpClient, ScriptedHttpClient.make(() => answer)),
      Logger.withMinimumLogLevel(LogLevel.All),
      Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
      Effect.either
    )
    if (Either.isLeft(ended)) {
      assert.instanceOf(ended.left, Error)
      lines.push(ended.left.message)
      for (const text of texts(ended.left)) lines.push(text)
    }
    for (const event of yield* events.takeAll) {
      lines.push(AuthEvent.format(event))
      for (const text of texts(event)) lines.push(text)
    }
    return lines
  }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer), VirtualClock.run)

/** The texts of a value, one by one: a JSON string hides what it escapes. */
const texts = (value: unknown): ReadonlyArray<string> => {
  const all: Array<string> = []
  JSON.stringify(value, (key, value: unknown) => {
    all.push(key)
    if (typeof value === "string") all.push(value)
    return value
  })
  return all
}

describe("Log injection", () => {
  for (const [what, [answer, program]] of Object.entries(programs)) {
    it.effect(`${what} stays one bounded line without control characters`, () =>
      Effect.gen(function*() {
        // an endless answer is not read as one of Qualys' envelopes, and shows nothing
        assert.isNotEmpty(yield* shown(program, answer(payload)))
        for (const text of [payload, endless]) {
          const lines = yield* shown(program, answer(text))
          for (const line of lines) {
            assert.notMatch(line, /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u)
            assert.isBelow(line.length, 1500)
          }
        }
      }))
  }
})
