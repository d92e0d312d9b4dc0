/**
 * The two requests of the HTTP API that concern authentication: how to authenticate, and as which account.
 *
 * @since 0.1.0
 */
import type { ClientError, InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Address from "./internal/address.ts"
import { YamcsClient } from "./internal/client.ts"

import { filterStatusOk, YamcsError } from "./YamcsError.ts"

/**
 * How a server authenticates its clients.
 *
 * @since 0.1.0
 * @category schemas
 */
export class AuthInfo extends Schema.Class<AuthInfo>("@effect-auth/yamcs/AuthInfo")({
  /** `false`: everyone is admitted as a guest. */
  requireAuthentication: Schema.Boolean,
  /** Whether Kerberos tickets are accepted. */
  spnego: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  openid: Schema.optional(Schema.Struct({
    clientId: Schema.String,
    authorizationEndpoint: Schema.String,
    scope: Schema.String
  }))
}) {}

/**
 * An account of Yamcs.
 *
 * @since 0.1.0
 * @category schemas
 */
export class User extends Schema.Class<User>("@effect-auth/yamcs/User")({
  name: Schema.String,
  displayName: Schema.optional(Schema.String),
  active: Schema.optionalWith(Schema.Boolean, { default: () => false }),
  superuser: Schema.optionalWith(Schema.Boolean, { default: () => false })
}) {}

/**
 * Asks a server how it authenticates its clients (`GET /auth`). It needs no login, and no credential is sent.
 *
 * @example
 * ```ts
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as Effect from "effect/Effect"
 *
 * const needsLogin = Effect.map(
 *   Yamcs.authInfo({ baseUrl: "https://yamcs.example" }),
 *   (info) => info.requireAuthentication
 * )
 * ```
 *
 * @since 0.1.0
 * @category requests
 */
export const authInfo = (options: {
  /** See `Yamcs.Options`. */
  readonly baseUrl: string | URL
}): Effect.Effect<
  AuthInfo,
  InvalidSetting | HttpClientError.HttpClientError | YamcsError,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    // nothing secret is sent, so plain http is allowed
    const { baseUrl } = yield* OriginPolicy.make({
      baseUrl: Address.absolute(options.baseUrl),
      dangerouslyAllowPlainHttp: true
    }).pipe(Effect.catchTag("InsecureTransport", Effect.die))
    const request = HttpClientRequest.get(`${baseUrl}/auth`, { acceptJson: true })
    return yield* Effect.flatMap(filterStatusOk(client.execute(request)), read(AuthInfo))
  })

/**
 * The account this program is authenticated as (`GET /api/user`).
 *
 * @since 0.1.0
 * @category requests
 */
export const user: Effect.Effect<
  User,
  ClientError | HttpClientError.HttpClientError | YamcsError,
  YamcsClient
> = Effect.gen(function*() {
  const http = yield* YamcsClient
  return yield* Effect.flatMap(filterStatusOk(http.get("/api/user", { acceptJson: true })), read(User))
})

/** An account with privileges on single parameters lists each of them. */
const bounds: ResponseBody.Bounds = { ...ResponseBody.readingBounds, size: 16 * 1_048_576 }

/** A parser's error quotes the answer, so it does not get out. */
const read = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = HttpClientResponse.schemaBodyJson(schema)
  return (response: HttpClientResponse.HttpClientResponse) =>
    Effect.catchTag(
      decode(ResponseBody.bounded(response, bounds)),
      "ParseError",
      () =>
        new YamcsError({
          url: OriginPolicy.addressOf(response.request),
          status: response.status,
          msg: "the answer is not one of Yamcs (is the base URL right?)"
        })
    )
}
