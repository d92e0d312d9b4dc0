/** Calls of an RPC client end with the errors of the authenticated client as they are, in every form that a call has. */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ClientError } from "@effect-auth/core/AuthError"
import * as AuthError from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import * as Token from "@effect-auth/core/Token"
import * as TokenSource from "@effect-auth/core/TokenSource"
import * as FakeServer from "@effect-auth/testing/FakeServer"
import * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Rpc from "@effect/rpc/Rpc"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as RpcServer from "@effect/rpc/RpcServer"
import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import * as Loopback from "./Loopback.ts"

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { id: Schema.Number }) {}

class Users extends RpcGroup.make(
  Rpc.make("Rename", { payload: { id: Schema.Number, name: Schema.String }, success: Schema.String, error: NotFound }),
  Rpc.make("Ids", { payload: { upTo: Schema.Number }, success: Schema.Number, error: NotFound, stream: true }),
  Rpc.make("admin.Count", { success: Schema.Number })
) {}

class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

const handlers = Users.toLayer({
  Rename: ({ id, name }) => id === 7 ? Effect.succeed(name) : Effect.fail(new NotFound({ id })),
  Ids: ({ upTo }) => Stream.concat(Stream.range(1, 3), upTo > 3 ? Stream.fail(new NotFound({ id: 4 })) : Stream.empty),
  "admin.Count": () => Effect.succeed(3)
})

const serializations = [
  { format: "json", serialization: RpcSerialization.layerJson },
  { format: "ndjson", serialization: RpcSerialization.layerNdjson }
]

/** An RPC server that only `token2` enters, so that a client has to renew what it logs in with. */
const serve = (serialization: Layer.Layer<RpcSerialization.RpcSerialization>) =>
  Effect.gen(function*() {
    const rpc = yield* RpcServer.toHttpApp(Users).pipe(Effect.provide(handlers), Effect.provide(serialization))
    const app = HttpRouter.empty.pipe(
      HttpRouter.post("/v1/rpc", rpc),
      HttpRouter.use((app) =>
        Effect.flatMap(HttpServerRequest.HttpServerRequest, ({ headers }) =>
          headers["authorization"] === "Bearer token2"
            ? app
            : Effect.succeed(HttpServerResponse.empty({ status: 401 })))
      )
    )
    const listening = yield* Layer.build(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" }))
    return `${yield* Effect.provide(FakeServer.serve(Effect.orDie(app)), listening)}/v1`
  })

/** The n-th login gives `<prefix><n>`. */
const authenticated = (baseUrl: string, prefix: string) =>
  AuthenticatedHttpClient.layer(
    Effect.gen(function*() {
      let logins = 0
      const login = Effect.suspend(() => Token.make({ value: `${prefix}${++logins}` }))
      return Authenticator.bearer(yield* TokenSource.make({ login }))
    }),
    { baseUrl, client: Acme }
  )

const users = AuthenticatedRpcClient.make(Users, { url: "/rpc", client: Acme })

describe("a client of an RpcGroup", () => {
  for (const { layer, name } of Loopback.transports()) {
    for (const { format, serialization } of serializations) {
      it.scopedLive(`fails with its own errors and those of the authenticated client, in ${format} over ${name}`, () =>
        Effect.gen(function*() {
          const baseUrl = yield* serve(serialization)
          const run = <A, E>(
            prefix: string,
            call: Effect.Effect<A, E, Acme | RpcSerialization.RpcSerialization>
          ) => Effect.provide(call, [Layer.provide(authenticated(baseUrl, prefix), layer), serialization])
          const outcomes = Effect.gen(function*() {
            const { Ids, Rename, admin } = yield* users
            return {
              success: yield* Effect.either(Rename({ id: 7, name: "Grace" })),
              failure: yield* Effect.either(Rename({ id: 8, name: "Grace" })),
              stream: yield* Effect.either(Effect.map(Stream.runCollect(Ids({ upTo: 3 })), Chunk.toReadonlyArray)),
              failingStream: yield* Effect.either(Stream.runCollect(Ids({ upTo: 4 }))),
              prefixed: yield* Effect.either(admin.Count())
            }
          }).pipe(Effect.scoped)
          assert.deepStrictEqual(yield* run("token", outcomes), {
            success: Either.right("Grace"),
            failure: Either.left(new NotFound({ id: 8 })),
            stream: Either.right([1, 2, 3]),
            failingStream: Either.left(new NotFound({ id: 4 })),
            prefixed: Either.right(3)
          })
          const refused = yield* run("wrong", outcomes)
          for (const [call, outcome] of Object.entries<Either.Either<unknown, unknown>>(refused)) {
            assert.ok(Either.isLeft(outcome), call)
            assert.instanceOf(outcome.left, AuthError.AuthenticationFailed, call)
          }
          const status = Effect.flatMap(users, ({ Rename }) => Rename({ id: 7, name: "Grace" })).pipe(
            Effect.catchTag("AuthenticationFailed", ({ status }) => Effect.succeed(status)),
            Effect.scoped
          )
          assert.strictEqual(yield* run("wrong", status), 401)
        }))
    }
  }
})

/** A client that fails with this error, whatever it is asked. */
const failing = (error: ClientError | HttpClientError.HttpClientError): AuthenticatedHttpClient.Service =>
  HttpClient.makeWith<never, never, ClientError | HttpClientError.HttpClientError, never>(
    () => Effect.fail(error),
    Effect.succeed
  )

type Calls = { readonly [form: string]: Effect.Effect<unknown, ClientError | RpcClientError | NotFound> }

/** A call in every form that it has. */
const calls = (httpClient: AuthenticatedHttpClient.Service): Calls => {
  // a span would stand in for the error by a proxy of it
  const options = { url: "/rpc", httpClient, disableTracing: true }
  const client = AuthenticatedRpcClient.makeWith(Users, options)
  const flat = AuthenticatedRpcClient.makeWith(Users, { ...options, flatten: true })
  const provided = <A, E>(effect: Effect.Effect<A, E, RpcSerialization.RpcSerialization>) =>
    Effect.provide(effect, RpcSerialization.layerNdjson)
  const user = { id: 7, name: "Grace" }
  return {
    effect: provided(Effect.scoped(Effect.flatMap(client, ({ Rename }) => Rename(user)))),
    discarded: provided(Effect.scoped(Effect.flatMap(client, ({ Rename }) => Rename(user, { discard: true })))),
    prefixed: provided(Effect.scoped(Effect.flatMap(client, ({ admin }) => admin.Count()))),
    stream: provided(Effect.scoped(Effect.flatMap(client, ({ Ids }) => Stream.runCollect(Ids({ upTo: 3 }))))),
    mailbox: provided(
      Effect.scoped(
        Effect.flatMap(
          client,
          ({ Ids }) => Effect.flatMap(Ids({ upTo: 3 }, { asMailbox: true }), (mailbox) => mailbox.takeAll)
        )
      )
    ),
    "flat effect": provided(Effect.scoped(Effect.flatMap(flat, (call) => call("Rename", user)))),
    "flat stream": provided(Effect.scoped(Effect.flatMap(flat, (call) => Stream.runCollect(call("Ids", { upTo: 3 })))))
  }
}

/** What each form of a call over this client fails with. */
const failures = (httpClient: AuthenticatedHttpClient.Service) =>
  Effect.forEach(
    Object.entries(calls(httpClient)),
    ([form, call]) => Effect.map(Effect.flip(call), (e) => [form, e] as const)
  )

const clientErrors: { readonly [Tag in ClientError["_tag"]]: Extract<ClientError, { readonly _tag: Tag }> } = {
  CredentialUnavailable: new AuthError.CredentialUnavailable({ mode: "Acme", problem: "ACME_TOKEN is not set" }),
  CredentialsRejected: new AuthError.CredentialsRejected({ mode: "Acme" }),
  InteractionRequired: new AuthError.InteractionRequired({ mode: "Acme" }),
  TokenEndpointError: new AuthError.TokenEndpointError({ mode: "Acme", reason: "Unreachable" }),
  MalformedTokenResponse: new AuthError.MalformedTokenResponse({ mode: "Acme" }),
  TokenStoreError: new AuthError.TokenStoreError({ operation: "lock", detail: "it is locked" }),
  AuthenticationFailed: new AuthError.AuthenticationFailed({ mode: "Acme", status: 401 }),
  OriginRefused: new AuthError.OriginRefused({ origin: "https://else.example", allowed: ["https://acme.example"] }),
  RateLimited: new AuthError.RateLimited({ key: "/rpc", retryAfter: Duration.seconds(7) }),
  RedirectRefused: new AuthError.RedirectRefused({ reason: "TooMany", status: 302 })
}

describe("a call over an authenticated client that fails", () => {
  for (const error of Object.values(clientErrors)) {
    it.effect(`ends with ${error._tag} itself, in every form`, () =>
      Effect.gen(function*() {
        for (const [form, failure] of yield* failures(failing(error))) assert.strictEqual(failure, error, form)
      }))
  }

  it.effect("has an error of the transport as the cause of an RpcClientError", () =>
    Effect.gen(function*() {
      // its cause is one of this library's errors, which describes the transport and no request
      const error = new HttpClientError.RequestError({
        request: HttpClientRequest.post("/rpc"),
        reason: "Transport",
        cause: new AuthError.ProxyFailed({
          url: "https://acme.example/",
          proxy: "http://proxy.example",
          reason: "Unreachable",
          problem: "does not answer"
        })
      })
      for (const [form, failure] of yield* failures(failing(error))) {
        if (failure._tag !== "RpcClientError") return assert.fail(`${form}: ${failure._tag}`)
        assert.strictEqual(failure.cause, error, form)
      }
    }))
})

describe("an answer that is no RPC server's", () => {
  const answering = (answer: ScriptedHttpClient.Answer) =>
    Effect.map(
      Effect.provide(
        AuthenticatedHttpClient.make(
          Authenticator.bearer(new Credential.Bearer({ token: Redacted.make("canary-token") })),
          {
            baseUrl: "https://acme.example"
          }
        ),
        Layer.succeed(HttpClient.HttpClient, ScriptedHttpClient.make(answer))
      ),
      (client): AuthenticatedHttpClient.Service => client
    )

  for (const status of [204, 302, 403, 404, 429, 500]) {
    it.effect(`fails the call where its status is ${status}`, () =>
      Effect.gen(function*() {
        const httpClient = yield* answering({ status, ...(status === 204 ? {} : { json: { message: "no" } }) })
        for (const [form, failure] of yield* failures(httpClient)) {
          if (failure._tag !== "RpcClientError") return assert.fail(`${form}: ${failure._tag}`)
          if (status === 204) continue
          assert.ok(HttpClientError.isHttpClientError(failure.cause) && failure.cause._tag === "ResponseError", form)
          assert.strictEqual(failure.cause.response.status, status, form)
        }
      }))
  }

  it.effect("fails the call where it ends before the outcome, instead of waiting for ever", () =>
    Effect.gen(function*() {
      const httpClient = yield* answering({ body: `{"_tag":"Chunk","requestId":"0","values":[1]}\n` })
      for (const [form, failure] of yield* failures(httpClient)) {
        assert.include(failure.message, "ended without the outcome of the call", form)
      }
    }))
})
