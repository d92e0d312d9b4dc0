/** Against the real server, over sockets. What a test counts is what the server's own log says. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as TokenStore from "@effect-auth/core/TokenStore"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as FakeYamcs from "@effect-auth/testing/FakeYamcs"
import { NodeContext, NodeHttpClient, NodeHttpServer } from "@effect/platform-node"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import { createServer } from "node:http"
import * as Yamcs from "../src/Yamcs.ts"
import { Password, ServiceAccount, Session } from "../src/YamcsCredential.ts"
import * as YamcsError from "../src/YamcsError.ts"
import * as RawRequests from "./rawRequests.ts"
import * as RealYamcs from "./RealYamcs.ts"

const platform = Layer.merge(NodeContext.layer, NodeHttpClient.layerUndici)

const credential = new Password({
  username: RealYamcs.admin.username,
  password: Redacted.make(RealYamcs.admin.password)
})

/** In milliseconds of a busy machine. */
const slow = 300_000

const started = Effect.tap(RealYamcs.make, ({ start }) => start)

const whoAmI = Effect.map(Yamcs.user, ({ name }) => name)

describe("A real Yamcs server", () => {
  it.scopedLive(
    "16 fibers work for a minute through many expiries and a restart without one failed request",
    () =>
      Effect.gen(function*() {
        const server = yield* started
        const up = yield* Ref.make(1) // counts the starts; negative while the server is down
        const done = yield* Ref.make(0)
        const failures = yield* Ref.make<ReadonlyArray<string>>([])

        // a failure counts unless the server was down at some time between the request and its answer
        const call = Effect.gen(function*() {
          const before = yield* Ref.get(up)
          yield* Effect.matchEffect(Yamcs.user, {
            onSuccess: () => Ref.update(done, (done) => done + 1),
            onFailure: (error) =>
              Effect.flatMap(Ref.get(up), (after) =>
                before > 0 && before === after
                  ? Ref.update(failures, (failures) => [...failures, String(error)])
                  : Effect.void)
          })
        })
        const worker = Effect.repeat(call, Schedule.spaced("20 millis"))

        yield* Effect.gen(function*() {
          const workers = yield* Effect.fork(Effect.replicateEffect(worker, 16, { concurrency: "unbounded" }))
          yield* Effect.sleep(Duration.seconds(28))
          yield* Ref.set(up, -1)
          yield* server.stop
          yield* Effect.sleep(Duration.seconds(2))
          yield* server.start
          yield* Ref.set(up, 2)
          yield* Effect.sleep(Duration.seconds(30))
          yield* Fiber.interrupt(workers)
        }).pipe(Effect.provide(Yamcs.layer({ baseUrl: server.baseUrl, credential })))

        assert.deepStrictEqual(yield* Ref.get(failures), [])
        const answers = yield* server.tokenAnswers
        assert.isAbove(yield* Ref.get(done), 1_000)
        assert.isAbove(answers.length, 15)
        assert.notInclude(answers, "429")
        // one refusal at the most: of the refresh token that the restarted server does not know
        assert.isAtMost(answers.filter((status) => status !== "200").length, 1)
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive(
    "a service account made over the API becomes another, whatever is in its secret",
    () =>
      Effect.gen(function*() {
        const { baseUrl } = yield* started
        const admin = yield* Yamcs.make({ baseUrl, credential })
        const create = (name: string) =>
          Effect.gen(function*() {
            const request = yield* HttpClientRequest.bodyJson(HttpClientRequest.post("/api/service-accounts"), { name })
            const response = yield* YamcsError.filterStatusOk(admin.execute(request))
            const { applicationId, applicationSecret } = (yield* response.json) as Record<string, string>
            return { clientId: applicationId ?? "", clientSecret: Redacted.make(applicationSecret ?? "") }
          })
        // about a quarter of the generated secrets differ from their own URL-decoded form: until one of them was used
        let special = false
        for (let index = 0; index < 24 && !(special && index >= 2); index++) {
          const account = yield* create(`account-${index}`)
          special ||= /[+%]/.test(Redacted.value(account.clientSecret))
          // as itself it would get no answer: 5.13.2 with its YamlAuthModule accepts the grant and then says nothing more
          const layer = Yamcs.layer({
            baseUrl,
            credential: new ServiceAccount({ ...account, become: RealYamcs.admin.username })
          })
          assert.strictEqual(yield* Effect.provide(whoAmI, layer), RealYamcs.admin.username)
          yield* Effect.sleep("400 millis") // each is a client of its own, and all have one address
        }
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive(
    "answers raw requests as the fake does, and a service account as itself not at all",
    () =>
      Effect.gen(function*() {
        const { baseUrl } = yield* started
        const { password, username } = RealYamcs.admin
        const fake = yield* FakeYamcs.make({ users: { [username]: password }, tokenLifetime: "3 seconds" })
        const server = yield* Layer.build(
          NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })
        )
        const fakeUrl = yield* Effect.provide(FakeServer.serve(fake.app), server)
        const [ofFake, real] = yield* Effect.all(
          [fakeUrl, baseUrl].map((baseUrl) => RawRequests.outcomes({ ...RealYamcs.admin, baseUrl })),
          { concurrency: 2 }
        )
        assert.deepStrictEqual(ofFake, real)
        assert.strictEqual(real?.["a service account as itself"], "no answer")
        assert.isAbove(Object.keys(real ?? {}).length, 68)
      }).pipe(Effect.provide(platform)),
    slow
  )

  it.scopedLive("a wrong password is tried once", () =>
    Effect.gen(function*() {
      const { baseUrl, tokenAnswers } = yield* started
      const wrong = new Password({ ...credential, password: Redacted.make("canary-wrong") })
      const errors = yield* Effect.replicateEffect(Effect.flip(Yamcs.user), 16, { concurrency: "unbounded" }).pipe(
        Effect.provide(Yamcs.layer({ baseUrl, credential: wrong }))
      )
      assert.isTrue(errors.every(({ _tag }) => _tag === "CredentialsRejected"))
      assert.deepStrictEqual(yield* tokenAnswers, ["401"])
    }).pipe(Effect.provide(platform)))

  it.scopedLive("a stored session, and tokens by themselves, are taken up without a login", () =>
    Effect.gen(function*() {
      const { baseUrl, tokenAnswers } = yield* started
      const store = yield* TokenStore.makeMemory
      const process = Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential, store }))
      assert.strictEqual(yield* process, "admin")
      assert.strictEqual(yield* process, "admin")
      assert.deepStrictEqual(yield* tokenAnswers, ["200"])
      const stored = yield* (yield* store.get).token
      const session = new Session({ accessToken: stored.value, refreshToken: stored.refreshToken })
      yield* Effect.sleep("4 seconds") // past the expiry that the token states
      assert.strictEqual(yield* Effect.provide(whoAmI, Yamcs.layer({ baseUrl, credential: session })), "admin")
      assert.deepStrictEqual(yield* tokenAnswers, ["200", "200"])
    }).pipe(Effect.provide(platform)))

  it.scopedLive("says how it wants to be entered, and what is wrong", () =>
    Effect.gen(function*() {
      const { baseUrl } = yield* started
      assert.isTrue((yield* Yamcs.authInfo({ baseUrl })).requireAuthentication)
      yield* Effect.gen(function*() {
        const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
        const error = yield* Effect.flip(YamcsError.filterStatusOk(http.get("/api/instances/none")))
        assert.deepInclude(error, { _tag: "YamcsError", status: 404, type: "NotFoundException" })
      }).pipe(Effect.provide(Yamcs.layer({ baseUrl, credential })))
    }).pipe(Effect.provide(platform)))
})
