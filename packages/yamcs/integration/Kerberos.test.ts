/** Against the real server with its module for Kerberos, and MIT Kerberos. One test after another, for they share the environment. */
import { Basic } from "@effect-auth/core/Credential"
import * as Negotiate from "@effect-auth/core/Negotiate"
import * as Kerberos from "@effect-auth/node/Kerberos"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import { NodeContext, NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { createServer } from "node:http"
import * as Kdc from "../../node/integration/fixtures/kdc.ts"
import * as Yamcs from "../src/Yamcs.ts"
import * as RealYamcs from "./RealYamcs.ts"

const platform = Layer.mergeAll(NodeContext.layer, NodeHttpClient.layerUndici, Kerberos.layer)

/** In milliseconds of a busy machine. */
const slow = 300_000

const spnego = ({ keytab }: Kdc.Realm): RealYamcs.AuthModule => ({
  class: "org.yamcs.security.SpnegoAuthModule",
  args: { principal: `HTTP/localhost@${Kdc.realm}`, keytab }
})

/** A realm and a server of it, which a client has to call `localhost`. */
const started = Effect.gen(function*() {
  const realm = yield* Kdc.make
  const server = yield* RealYamcs.makeWith({
    authModules: [spnego(realm), RealYamcs.ofFile],
    java: [`-Djava.security.krb5.conf=${realm.krb5Conf}`],
    // each renewal is a login, of which a storm of refusals is worth three: a busy machine may hold a request up for a second
    accessTokenLifespan: 10_000
  })
  yield* server.start
  yield* realm.kinit()
  return { realm, server, baseUrl: server.baseUrl.replace("127.0.0.1", "localhost") }
})

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

describe("A real Yamcs server with Kerberos", () => {
  for (
    const [name, transport] of [
      ["undici", NodeHttpClient.layerUndici],
      ["node:http", NodeHttpClient.layer],
      ["fetch", FetchHttpClient.layer]
    ] as const
  ) {
    it.scopedLive(
      `16 fibers over ${name} work through many expiries and a restart without one failed request`,
      () =>
        Effect.gen(function*() {
          const { baseUrl, server } = yield* started
          assert.isTrue((yield* Yamcs.authInfo({ baseUrl })).spnego)
          const done = yield* Ref.make(0)
          const logins = Effect.map(server.tokenAnswers, ({ length }) => length)
          /** Until so many tokens, each of which lives for ten seconds, have been used up. */
          const workFor = (tokens: number) =>
            Effect.gen(function*() {
              const before = yield* logins
              const worker = Effect.zipRight(Yamcs.user, Ref.update(done, (n) => n + 1)).pipe(
                Effect.repeat(Schedule.spaced("20 millis"))
              )
              yield* Effect.raceFirst(
                Effect.replicateEffect(worker, 16, { concurrency: "unbounded" }),
                Effect.repeat(logins, { until: (n) => n > before + tokens, schedule: Schedule.spaced("100 millis") })
              )
            })
          yield* Effect.gen(function*() {
            assert.strictEqual(yield* whoAmI, Kdc.person.name)
            yield* workFor(2)
            yield* server.stop
            yield* server.start
            yield* workFor(2)
          }).pipe(Effect.provide(Yamcs.layerSpnego({ baseUrl })), Effect.provide(transport))
          const answers = yield* server.tokenAnswers
          assert.isAbove(yield* Ref.get(done), 16)
          assert.deepStrictEqual(answers.filter((status) => status !== "200"), [])
        }).pipe(Effect.provide(platform)),
      slow
    )
  }

  it.scopedLive(
    "takes a bare ticket too, that of a keytab, and that of a cache while the center is down",
    () =>
      Effect.gen(function*() {
        const { baseUrl, realm } = yield* started
        const bare = Layer.succeed(Negotiate.Negotiate, Kerberos.make({ mechanism: "Kerberos" }))
        const layer = Yamcs.layerSpnego({ baseUrl })
        assert.strictEqual(yield* Effect.provide(whoAmI, Layer.provide(layer, bare)), Kdc.person.name)
        yield* realm.stop
        assert.strictEqual(yield* Effect.provide(whoAmI, layer), Kdc.person.name)
        yield* realm.start
        yield* realm.unattended
        assert.strictEqual(yield* Effect.provide(whoAmI, layer), Kdc.robot)
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive(
    "what is missing on this side is no refusal, and is over with the next ticket; who is blocked is refused",
    () =>
      Effect.gen(function*() {
        const { baseUrl, realm, server } = yield* started
        yield* realm.forget
        yield* Effect.gen(function*() {
          const missing = yield* Effect.flip(Yamcs.user)
          assert.deepInclude(missing, { _tag: "CredentialUnavailable", code: "NoCredentials" })
          assert.deepStrictEqual(yield* server.tokenAnswers, [])
          yield* realm.kinit()
          assert.strictEqual(yield* whoAmI, Kdc.person.name)
        }).pipe(Effect.provide(Yamcs.layerSpnego({ baseUrl })))

        const admin = yield* Yamcs.make({
          baseUrl,
          credential: new Basic({ ...RealYamcs.admin, password: Redacted.make(RealYamcs.admin.password) })
        })
        const blocking = HttpClientRequest.patch(`/api/users/${Kdc.person.name}`)
        assert.strictEqual(
          (yield* admin.execute(yield* HttpClientRequest.bodyJson(blocking, { active: false }))).status,
          200
        )
        const blocked = yield* Effect.flip(Effect.provide(Yamcs.user, Yamcs.layerSpnego({ baseUrl })))
        assert.deepInclude(blocked, { _tag: "CredentialsRejected", status: 401 })

        const byAddress = yield* Effect.flip(
          Effect.provide(Yamcs.user, Yamcs.layerSpnego({ baseUrl: server.baseUrl }))
        )
        assert.deepInclude(byAddress, { _tag: "CredentialUnavailable", code: "UnknownService" })
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive("a server without the module says so", () =>
    Effect.gen(function*() {
      const realm = yield* Kdc.make
      const server = yield* RealYamcs.make
      yield* server.start
      yield* realm.kinit()
      const layer = Yamcs.layerSpnego({ baseUrl: server.baseUrl, credential: { service: Kdc.service } })
      const error = yield* Effect.flip(Effect.provide(Yamcs.user, layer))
      assert.deepInclude(error, { _tag: "CredentialsRejected", reason: "Setting" })
      assert.include(error.message, "the server does not accept Kerberos tickets")
    }).pipe(Effect.provide(platform)), slow)

  it.scopedLive("answers raw requests as the fake does", () =>
    Effect.gen(function*() {
      const { server } = yield* started
      const fake = yield* FakeYamcs.make({ spnego: true })
      const http = yield* Layer.build(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" }))
      const fakeUrl = yield* Effect.provide(FakeServer.serve(fake.app), http)
      const real = yield* outcomes(server.baseUrl, Kerberos.make())
      assert.deepStrictEqual(yield* outcomes(fakeUrl, fake.negotiate), real)
      assert.deepStrictEqual([real["a token again"].status, real["a token again"].challenge], [401, undefined])
    }).pipe(Effect.provide(platform)), slow)
})

/** What a server answers at `/auth/spnego`, and to a code of it. */
const outcomes = (baseUrl: string, { token }: Negotiate.Service) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const get = (authorization?: string, path = "/auth/spnego") =>
      client.get(`${baseUrl}${path}`, {
        headers: { ...(authorization === undefined ? {} : { authorization }), connection: "close" }
      })
    const outcome = (answer: ReturnType<typeof get>) =>
      Effect.gen(function*() {
        const { headers, status, text } = yield* answer
        return {
          status,
          type: headers["content-type"],
          challenge: headers["www-authenticate"],
          body: status === 200 ? (yield* text).length : (yield* text).trim()
        }
      })
    const redeem = (code: string) =>
      client.execute(
        HttpClientRequest.post(`${baseUrl}/auth/token`, { acceptJson: true }).pipe(
          HttpClientRequest.bodyUrlParams({ grant_type: "authorization_code", code })
        )
      )
    const ticket = `Negotiate ${Redacted.value(yield* token({ service: Kdc.service }))}`
    const first = yield* get(ticket)
    const code = yield* first.text
    const redeemed = yield* redeem(code)
    const members = Object.keys((yield* redeemed.json) as object).sort()
    return {
      "no token": yield* outcome(get()),
      "a lower-case scheme": yield* outcome(get(`negotiate ${ticket.slice("Negotiate ".length)}`)),
      "another scheme": yield* outcome(get("Bearer canary")),
      "no base64": yield* outcome(get("Negotiate !!!")),
      "no token of a ticket": yield* outcome(get("Negotiate Y2FuYXJ5")),
      "a token": { status: first.status, type: first.headers["content-type"], length: code.length },
      "a token again": yield* outcome(get(ticket)),
      "a code": { status: redeemed.status, members },
      "a code again": (yield* redeem(code)).status,
      "another code": (yield* redeem(`${code}x`)).status,
      "the server's own words": (yield* (yield* get(undefined, "/auth")).json)
    }
  })
