import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
import type { AuthenticationFailed, CallError, ClientError } from "@effect-auth/core/AuthError"
import * as HttpApi from "@effect/platform/HttpApi"
import * as HttpApiClient from "@effect/platform/HttpApiClient"
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"
import type { HttpApiDecodeError } from "@effect/platform/HttpApiError"
import * as HttpApiGroup from "@effect/platform/HttpApiGroup"
import type { HttpClientError } from "@effect/platform/HttpClientError"
import * as Rpc from "@effect/rpc/Rpc"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import * as RpcGroup from "@effect/rpc/RpcGroup"
import type { RpcSerialization } from "@effect/rpc/RpcSerialization"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Mailbox from "effect/Mailbox"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import { describe, expect, it } from "tstyche"

class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {}) {}

class Users extends RpcGroup.make(
  Rpc.make("Count", { success: Schema.Number, error: NotFound }),
  Rpc.make("Ids", { success: Schema.Number, error: NotFound, stream: true }),
  Rpc.make("admin.Count", { success: Schema.Number })
) {}

class Acme extends Context.Tag("test/Acme")<Acme, AuthenticatedHttpClient.Service>() {}

declare const plain: AuthenticatedHttpClient.Service<CallError>

declare const success: <A, E, R>(effect: Effect.Effect<A, E, R>) => A

declare const failure: <A, E, R>(effect: Effect.Effect<A, E, R>) => E

describe("AuthenticatedRpcClient", () => {
  const users = AuthenticatedRpcClient.make(Users, { url: "/rpc" })
  const client = success(users)

  it("needs the shared client or that of a tag, a serialization and a Scope", () => {
    expect(users).type.toBe<
      Effect.Effect<
        AuthenticatedRpcClient.FromGroup<typeof Users>,
        never,
        AuthenticatedHttpClient.AuthenticatedHttpClient | RpcSerialization | Scope.Scope
      >
    >()
    expect(AuthenticatedRpcClient.make(Users, { url: "/rpc", client: Acme })).type.toBe<
      Effect.Effect<AuthenticatedRpcClient.FromGroup<typeof Users>, never, Acme | RpcSerialization | Scope.Scope>
    >()
  })

  it("has the errors of the call and of the client in the type of every form", () => {
    expect(client.Count()).type.toBe<Effect.Effect<number, NotFound | ClientError | RpcClientError>>()
    expect(client.Count(undefined, { discard: true })).type.toBe<Effect.Effect<void, ClientError | RpcClientError>>()
    expect(client.admin.Count()).type.toBe<Effect.Effect<number, ClientError | RpcClientError>>()
    expect(client.Ids()).type.toBe<Stream.Stream<number, NotFound | ClientError | RpcClientError>>()
    expect(client.Ids(undefined, { asMailbox: true })).type.toBe<
      Effect.Effect<Mailbox.ReadonlyMailbox<number, NotFound | ClientError | RpcClientError>, never, Scope.Scope>
    >()
    const flat = success(AuthenticatedRpcClient.make(Users, { url: "/rpc", flatten: true }))
    expect(flat("Ids", undefined)).type.toBe<
      Stream.Stream<number, NotFound | ClientError | RpcClientError>
    >()
  })

  it("a narrow client fails with less", () => {
    const narrow = success(AuthenticatedRpcClient.makeWith(Users, { url: "/rpc", httpClient: plain }))
    expect(narrow.admin.Count()).type.toBe<Effect.Effect<number, CallError | RpcClientError>>()
  })

  it("an error is caught by its tag", () => {
    const caught = Effect.catchTag(client.admin.Count(), "AuthenticationFailed", (error) => {
      expect(error).type.toBe<AuthenticationFailed>()
      return Effect.succeed(0)
    })
    expect(caught).type.toBe<Effect.Effect<number, Exclude<ClientError, AuthenticationFailed> | RpcClientError>>()
  })
})

describe("HttpApiClient.makeWith", () => {
  it("keeps the errors of an authenticated client", () => {
    const Api = HttpApi.make("Api").add(
      HttpApiGroup.make("users").add(
        HttpApiEndpoint.get("count", "/users/count").addSuccess(Schema.Number).addError(NotFound, { status: 404 })
      )
    )
    const program = Effect.gen(function*() {
      const client = yield* HttpApiClient.makeWith(Api, { httpClient: yield* Acme })
      return yield* client.users.count({})
    })
    expect(failure(program)).type.toBe<NotFound | ClientError | HttpClientError | ParseError | HttpApiDecodeError>()
  })
})
