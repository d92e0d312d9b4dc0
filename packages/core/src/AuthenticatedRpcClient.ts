/**
 * The client of an `RpcGroup` over the authenticated client, with the errors of both in its types. Over the platform's
 * `RpcClient.layerProtocolHttp` a refused password is the cause of the cause of an `RpcClientError`; here it is an error of
 * the call, in effects, streams and mailboxes alike.
 *
 * Needs `@effect/rpc`, which nothing else in this package does. The client of an `HttpApi` needs no function of ours:
 * `HttpApiClient.makeWith(api, { httpClient })` keeps the errors of an authenticated client.
 *
 * @since 0.1.0
 */
import type * as Rpc from "@effect/rpc/Rpc"
import * as RpcClient from "@effect/rpc/RpcClient"
import type { RpcClientError } from "@effect/rpc/RpcClientError"
import type * as RpcGroup from "@effect/rpc/RpcGroup"
import type * as RpcSerialization from "@effect/rpc/RpcSerialization"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ClientError } from "./AuthError.ts"
import * as RpcProtocol from "./internal/rpcProtocol.ts"
import type { Service } from "./internal/service.ts"
import { AuthenticatedHttpClient } from "./internal/service.ts"

/**
 * A method for each `Rpc`. `E` is what the authenticated client can fail with, beside the platform's `HttpClientError`,
 * which is the cause of an `RpcClientError`.
 *
 * @since 0.1.0
 * @category models
 */
export type Client<Rpcs extends Rpc.Any, E = ClientError, Flatten extends boolean = false> = Flatten extends true
  ? RpcClient.RpcClient.Flat<Rpcs, RpcClientError | E>
  : RpcClient.RpcClient<Rpcs, RpcClientError | E>

/**
 * The client of a group: what the tag of such a client holds.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
 * import * as Rpc from "@effect/rpc/Rpc"
 * import * as RpcGroup from "@effect/rpc/RpcGroup"
 * import * as Context from "effect/Context"
 *
 * class Users extends RpcGroup.make(Rpc.make("Count")) {}
 *
 * class UsersClient extends Context.Tag("app/UsersClient")<
 *   UsersClient,
 *   AuthenticatedRpcClient.FromGroup<typeof Users>
 * >() {}
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type FromGroup<Group, E = ClientError> = Client<RpcGroup.Rpcs<Group>, E>

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Flatten extends boolean = false> {
  /** Where the RPC server is: a path below the client's base URL, such as `/rpc`, or a URL at one of its origins. */
  readonly url: string
  /** Default: `RpcClient`. */
  readonly spanPrefix?: string | undefined
  readonly spanAttributes?: Record<string, unknown> | undefined
  readonly disableTracing?: boolean | undefined
  /** One function that takes the name of the `Rpc`, instead of a method for each. Default: false. */
  readonly flatten?: Flatten | undefined
}

/**
 * The client of a group over the shared authenticated client, or over that of a tag. A call fails with its own error, with
 * an error of the authenticated client, or with an `RpcClientError`.
 *
 * @example
 * ```ts
 * import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
 * import * as Rpc from "@effect/rpc/Rpc"
 * import * as RpcGroup from "@effect/rpc/RpcGroup"
 * import * as Effect from "effect/Effect"
 * import * as Schema from "effect/Schema"
 *
 * class Users extends RpcGroup.make(
 *   Rpc.make("Rename", { payload: { id: Schema.Number, name: Schema.String }, success: Schema.String })
 * ) {}
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* AuthenticatedRpcClient.make(Users, { url: "/rpc" })
 *   return yield* users.Rename({ id: 7, name: "Grace" })
 * }).pipe(
 *   Effect.catchTag("AuthenticationFailed", (error) => Effect.succeed(error.message)),
 *   Effect.scoped
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: {
  <Rpcs extends Rpc.Any, Self, E, const Flatten extends boolean = false>(
    group: RpcGroup.RpcGroup<Rpcs>,
    options: Options<Flatten> & { readonly client: Context.Tag<Self, Service<E>> }
  ): Effect.Effect<Client<Rpcs, E, Flatten>, never, Self | Requirements<Rpcs>>
  <Rpcs extends Rpc.Any, const Flatten extends boolean = false>(
    group: RpcGroup.RpcGroup<Rpcs>,
    options: Options<Flatten>
  ): Effect.Effect<Client<Rpcs, ClientError, Flatten>, never, AuthenticatedHttpClient | Requirements<Rpcs>>
} = <Rpcs extends Rpc.Any, const Flatten extends boolean = false>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: Options<Flatten> & { readonly client?: Context.Tag<AuthenticatedHttpClient, Service> | undefined }
): Effect.Effect<Client<Rpcs, ClientError, Flatten>, never, AuthenticatedHttpClient | Requirements<Rpcs>> =>
  Effect.flatMap(
    options.client ?? AuthenticatedHttpClient,
    (httpClient) => makeWith(group, { ...options, httpClient })
  )

/**
 * The client of a group over a client at hand: one that was made narrower, or has retries or a timeout of its own.
 *
 * @example
 * ```ts
 * import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as AuthenticatedRpcClient from "@effect-auth/core/AuthenticatedRpcClient"
 * import * as HttpClient from "@effect/platform/HttpClient"
 * import * as Rpc from "@effect/rpc/Rpc"
 * import * as RpcGroup from "@effect/rpc/RpcGroup"
 * import * as Effect from "effect/Effect"
 *
 * class Users extends RpcGroup.make(Rpc.make("Count")) {}
 *
 * const program = Effect.gen(function*() {
 *   const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
 *   const httpClient = HttpClient.retryTransient(http, { times: 3 })
 *   return yield* AuthenticatedRpcClient.makeWith(Users, { url: "/rpc", httpClient })
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeWith = <Rpcs extends Rpc.Any, E, const Flatten extends boolean = false>(
  group: RpcGroup.RpcGroup<Rpcs>,
  options: Options<Flatten> & { readonly httpClient: Service<E> }
): Effect.Effect<Client<Rpcs, E, Flatten>, never, Requirements<Rpcs>> =>
  // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- what a protocol fails with is what a call fails with, which its type does not let it say
  Effect.provideServiceEffect(
    RpcClient.make(group, options),
    RpcClient.Protocol,
    RpcProtocol.make(options.httpClient, options.url)
  ) as Effect.Effect<Client<Rpcs, E, Flatten>, never, Requirements<Rpcs>>

type Requirements<Rpcs extends Rpc.Any> =
  | RpcSerialization.RpcSerialization
  | Rpc.MiddlewareClient<Rpcs>
  | Scope.Scope
