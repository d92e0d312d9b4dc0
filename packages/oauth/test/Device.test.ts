import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, MalformedTokenResponse, TokenEndpointError } from "@effect-auth/core/AuthError"
import * as ClientAuthentication from "@effect-auth/oauth/ClientAuthentication"
import * as Device from "@effect-auth/oauth/Device"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/TestClock"
import { nextInterval } from "../src/internal/deviceAuthorization.ts"
import { Acme, baseUrl, clientId, forms, issuer, me, server } from "./fixtures.ts"
import { Person, person } from "./person.ts"

const options = {
  client: Acme,
  baseUrl,
  server: { ...server, deviceAuthorizationEndpoint: `${issuer}/device` },
  credential: { clientId }
}

const authorization = {
  device_code: "canary-device-code",
  user_code: "WDJB-MJHT",
  verification_uri: "https://as.acme.example/enter",
  expires_in: 600
}
const token = { json: { access_token: "canary-1", expires_in: 60 } }
const no = (error: string, more: object = {}, status = 400) => ({ status, json: { error, ...more } })
const pending = no("authorization_pending")

/** A login whose questions are answered like this, and the seconds at which they came. */
const polled = (
  answers: ReadonlyArray<ScriptedHttpClient.Answer | ScriptedHttpClient.Handler>,
  device: object = {},
  begin: ScriptedHttpClient.Reply = { json: { ...authorization, ...device } }
) => {
  const times: Array<number> = []
  const timed = answers.map((answer): ScriptedHttpClient.Handler => (request, earlier) => {
    times.push(request.at / 1000)
    return typeof answer === "function" ? answer(request, earlier) : answer
  })
  return Effect.gen(function*() {
    const call = yield* Effect.fork(Effect.either(me))
    yield* TestClock.adjust("20 minutes")
    return {
      result: yield* call,
      times,
      forms: (yield* forms).map(Object.fromEntries),
      codes: yield* (yield* Person).codes
    }
  }).pipe(Effect.provide(Layer.provideMerge(
    Device.layer(options),
    Layer.merge(
      person,
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /device": ScriptedHttpClient.repeatLast(begin),
        "POST /token": timed,
        "GET /me": ScriptedHttpClient.repeatLast({ json: "me" })
      }))
    )
  )))
}

describe("Device.layer", () => {
  it.effect("DV1 DV3 DV11 shows the code and where to enter it, with the link as an addition, until when", () =>
    Effect.gen(function*() {
      const { codes, forms, result } = yield* polled([token], {
        verification_uri_complete: "https://as.acme.example/enter?code=WDJB-MJHT"
      })
      assert.deepInclude(result, { _tag: "Right", right: "me" })
      assert.deepStrictEqual(codes, [{
        mode: "OAuth/Device",
        userCode: "WDJB-MJHT",
        verificationUri: "https://as.acme.example/enter",
        verificationUriComplete: "https://as.acme.example/enter?code=WDJB-MJHT",
        expiresAt: DateTime.unsafeMake(600_000)
      }])
      assert.deepStrictEqual(forms, [
        { client_id: clientId },
        {
          grant_type: "urn:ietf:params:oauth:grant-type:device_code",
          device_code: "canary-device-code",
          client_id: clientId
        }
      ])
    }))

  it.effect("DV1 takes Google's spelling of the page, and refuses an answer without one", () =>
    Effect.gen(function*() {
      const google = yield* polled([token], {
        verification_uri: undefined,
        verification_url: "https://www.acme.example/device"
      })
      assert.strictEqual(google.codes[0]?.verificationUri, "https://www.acme.example/device")
      for (const verification_uri of [null, ""]) {
        const { codes } = yield* polled([token], {
          verification_uri,
          verification_url: "https://www.acme.example/device"
        })
        assert.strictEqual(codes[0]?.verificationUri, "https://www.acme.example/device")
      }
      const endless = yield* polled([token], { expires_in: 1e300 })
      const oneDay = DateTime.unsafeMake("1970-01-02T00:00:00Z")
      assert.isTrue(endless.codes.every(({ expiresAt }) => DateTime.distance(oneDay, expiresAt) < 3_600_000 * 2))
      for (
        const wrong of [
          { device_code: "" },
          { user_code: undefined },
          { expires_in: 0 },
          { verification_uri: "javascript:alert(1)" },
          { verification_uri: "https://as.acme.example@evil.example/enter" },
          { expires_in: null },
          { user_code: "a\u001b[2J" }
        ]
      ) {
        const { codes, result } = yield* polled([], wrong)
        assert.deepInclude(result._tag === "Left" ? result.left : undefined, { _tag: "MalformedTokenResponse" })
        assert.lengthOf(codes, 0)
      }
    }))

  it.effect.each<[string, object, ReadonlyArray<ScriptedHttpClient.Reply>, ReadonlyArray<number>]>([
    ["DV2 DV4 DV6 every five seconds, where the server does not say", {}, [pending, pending, token], [5, 10, 15]],
    ["DV2 every five seconds, where what it says is no interval", { interval: 0 }, [pending, token], [5, 10]],
    ["DV2 every five seconds, where it says null", { interval: null }, [pending, token], [5, 10]],
    ["DV2 every five seconds, where it says less than nothing", { interval: -1 }, [pending, token], [5, 10]],
    ["DV2 once a second, where it says next to nothing", { interval: 1e-9 }, [pending, token], [1, 2]],
    ["DV1 as long as the code is good, which may be said in a text", { expires_in: "9.5" }, [pending, token], [5, 9.5]],
    ["DV1 however long the code is good", { expires_in: 1e300 }, [pending, token], [5, 10]],
    ["DV9 no later than the code is good for, however far apart", { interval: 1e300 }, [token], [600]],
    ["as often as the server says", { interval: 2 }, [pending, token], [2, 4]],
    ["DV6 whatever the status of the answer", {}, [
      no("authorization_pending", {}, 200),
      no("authorization_pending", {}, 428),
      no("authorization_pending", {}, 403),
      token
    ], [5, 10, 15, 20]],
    ["DV5 five seconds less often for good, when the server says so", {}, [
      no("slow_down"),
      pending,
      no("slow_down"),
      pending,
      token
    ], [5, 15, 25, 40, 55]],
    ["DV5 no more often than the server says with it", {}, [no("slow_down", { interval: 30 }), pending, token], [
      5,
      35,
      65
    ]],
    ["DV8 half as often after each answer that is none, and with the same code", {}, [
      { status: 503 },
      { status: 502, body: "<html>bad gateway</html>" },
      { body: "<html>portal</html>" },
      token
    ], [5, 15, 35, 75]],
    ["DV8 ER6 no sooner than the server wants, where it is busy", {}, [
      { status: 503, headers: { "retry-after": "60" } },
      { status: 429, headers: { "retry-after": "1" } },
      token
    ], [5, 65, 185]]
  ])("asks %s", ([, device, answers, expected]) =>
    Effect.gen(function*() {
      const { forms, result, times } = yield* polled(answers, device)
      assert.strictEqual(result._tag, "Right")
      assert.deepStrictEqual(times, expected)
      assert.isTrue(forms.slice(1).every(({ device_code }) => device_code === "canary-device-code"))
    }))

  it.effect.each(["access_denied", "authorization_declined", "invalid_grant", "invalid_client", "anything_else"])(
    "DV7 DV9 is over when the server says %s",
    (code) =>
      Effect.gen(function*() {
        const { result, times } = yield* polled([pending, no(code)])
        assert.deepInclude(result._tag === "Left" ? result.left : undefined, { _tag: "CredentialsRejected", code })
        assert.deepStrictEqual(times, [5, 10])
      })
  )

  it.effect.each<[string, number]>([
    ["access_denied", 404],
    ["access_denied", 428],
    ["authorization_declined", 500],
    ["anything_else", 422]
  ])("ER1 DV7 DV9 is over at once when the server says %s, also with %d", ([code, status]) =>
    Effect.gen(function*() {
      const { result, times } = yield* polled([no(code, {}, status)])
      assert.deepInclude(result._tag === "Left" ? result.left : undefined, {
        _tag: "CredentialsRejected",
        code,
        status
      })
      assert.deepStrictEqual(times, [5])
    }))

  it.effect.each([401, 403])(
    "ER10 is told by an empty %d that its client is not accepted, before a person is asked",
    (status) =>
      Effect.gen(function*() {
        const { codes, result } = yield* polled([], {}, { status })
        assert.deepInclude(result._tag === "Left" ? result.left : undefined, {
          _tag: "CredentialsRejected",
          reason: "Setting"
        })
        assert.lengthOf(codes, 0)
      })
  )

  it.effect.each(["expired_token", "code_expired"])(
    "DV7 is over, and begins no other login, when the server says %s",
    (code) =>
      Effect.gen(function*() {
        const { codes, result, times } = yield* polled([pending, no(code)])
        assert.deepInclude(result._tag === "Left" ? result.left : undefined, { _tag: "InteractionRequired", code })
        assert.deepStrictEqual([times, codes.length], [[5, 10], 1])
      })
  )

  it.effect("DV9 is over when the code is good no more, whatever the server says", () =>
    Effect.gen(function*() {
      const { result, times } = yield* polled([pending, pending, pending, pending, pending], { expires_in: 12 })
      assert.deepInclude(result._tag === "Left" ? result.left : undefined, {
        _tag: "InteractionRequired",
        code: "expired_token"
      })
      assert.deepStrictEqual(times, [5, 10, 12])
    }))

  it.effect("DV8 goes on where a question is never answered", () =>
    Effect.gen(function*() {
      const { result, times } = yield* polled([Effect.never, token])
      assert.strictEqual(result._tag, "Right")
      // after the 30 seconds of the policy, and twice the interval
      assert.deepStrictEqual(times, [5, 45])
    }))

  it.effect("DV9 asks no more once its program has ended", () =>
    Effect.gen(function*() {
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      const program = yield* Effect.fork(Effect.provide(me, Device.layer(options)))
      yield* TestClock.adjust("12 seconds")
      const before = (yield* requests).length
      yield* Fiber.interrupt(program)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual([before, (yield* requests).length], [3, 3])
    }).pipe(Effect.provide(Layer.merge(
      person,
      ScriptedHttpClient.layer(ScriptedHttpClient.routes({
        "POST /device": { json: authorization },
        "POST /token": ScriptedHttpClient.repeatLast(pending)
      }))
    ))))

  it.effect("MT1 asks at the endpoints for certificates, where the client has one", () =>
    Effect.gen(function*() {
      yield* me.pipe(Effect.fork, Effect.tap(() => TestClock.adjust("5 seconds")), Effect.flatMap(Fiber.join))
      const { requests } = yield* ScriptedHttpClient.ScriptedHttpClient
      assert.deepStrictEqual((yield* requests).slice(0, 2).map(({ url }) => url.href), [
        "https://mtls.acme.example/device",
        "https://mtls.acme.example/token"
      ])
    }).pipe(Effect.provide(Layer.provideMerge(
      Device.layer({
        ...options,
        authentication: ClientAuthentication.certificate,
        server: {
          ...options.server,
          mtlsEndpoints: {
            token: "https://mtls.acme.example/token",
            deviceAuthorization: "https://mtls.acme.example/device"
          }
        }
      }),
      Layer.merge(
        person,
        ScriptedHttpClient.layer(ScriptedHttpClient.routes({
          "POST /device": { json: authorization },
          "POST /token": token,
          "GET /me": { json: "me" }
        }))
      )
    ))))

  it.effect("DV10 ties the code to the client where that is asked for", () =>
    Effect.gen(function*() {
      yield* me.pipe(Effect.fork, Effect.tap(() => TestClock.adjust("5 seconds")), Effect.flatMap(Fiber.join))
      const [device, question] = (yield* forms).map(Object.fromEntries)
      assert.strictEqual(device?.code_challenge_method, "S256")
      assert.match(question?.code_verifier ?? "", /^[A-Za-z0-9_-]{43}$/u)
    }).pipe(Effect.provide(Layer.provideMerge(
      Device.layer({ ...options, pkce: true }),
      Layer.merge(
        person,
        ScriptedHttpClient.layer(ScriptedHttpClient.routes({
          "POST /device": { json: authorization },
          "POST /token": token,
          "GET /me": { json: "me" }
        }))
      )
    ))))
})

describe("nextInterval", () => {
  const five = Duration.seconds(5)
  const trouble = (reason: TokenEndpointError["reason"], more: object = {}) =>
    new TokenEndpointError({ mode: "Test", reason, ...more })

  it.each<[string, ExchangeError, number | undefined]>([
    ["goes on after the network failed", trouble("Unreachable", { sent: true }), 10],
    ["ends after a certificate was refused", trouble("Unreachable", { final: true }), undefined],
    ["goes on after a page of another kind", new MalformedTokenResponse({ mode: "Test", foreign: true }), 10],
    ["ends after an answer without a token", new MalformedTokenResponse({ mode: "Test" }), undefined],
    ["ends after a refusal", new CredentialsRejected({ mode: "Test", code: "access_denied" }), undefined]
  ])("%s", (_, error, expected) => {
    const next = nextInterval(five, error)
    assert.strictEqual(next === undefined ? undefined : Duration.toSeconds(next), expected)
  })
})
