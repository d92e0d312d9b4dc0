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
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
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

/** Forges a line, clears the screen, turns the line around, and is as long as a server likes. */
const payload = `x\r\nINFO forged \u001b[2J\u202eevil\u2028\u0007\u200b`
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
/** What may stand in a header: no transport lets a line break through. */
const inHeader = (text: string) =>
  Array.from(text).filter((character) => !/[\r\n]/u.test(character) && character >= "\u0001" && character <= "\u00ff")
    .join("")
const challenge = (text: string) => ({
  status: 401,
  headers: { "www-authenticate": `Bearer error="${inHeader(text)}", error_description="${inHeader(text)}"` }
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
      // the fields of the error, one by one: a JSON string hides what it escapes
      JSON.stringify(ended.left, (_key, value: unknown) => {
        if (typeof value === "string") lines.push(value)
        return value
      })
    }
    for (const event of yield* events.takeAll) lines.push(AuthEvent.format(event))
    return lines
  }).pipe(Effect.scoped, Effect.provide(AuthEvent.layer))

describe("Log injection", () => {
  for (const [what, [answer, program]] of Object.entries(programs)) {
    it.effect(`${what} stays one bounded line without control characters`, () =>
      Effect.gen(function*() {
        // an endless answer is not read as one of Qualys' envelopes, and shows nothing
        assert.isNotEmpty(yield* shown(program, answer(payload)))
        for (const text of [payload, endless]) {
          const lines = yield* shown(program, answer(text))
          for (const line of lines) {
            assert.notMatch(line, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u)
            assert.isBelow(line.length, 1500)
          }
        }
      }))
  }
})
