/**
 * The two questions about authentication that the HTTP API of Yamcs answers: how one may enter, and who one is.
 *
 * @since 0.1.0
 */
import * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { AuthError, InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import type { ParseError } from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as Address from "./internal/address.ts"
import type { YamcsError } from "./YamcsError.ts"
import { filterStatusOk } from "./YamcsError.ts"

/**
 * How a server wants to be entered.
 *
 * @since 0.1.0
 * @category schemas
 */
export class AuthInfo extends Schema.Class<AuthInfo>("@effect-auth/yamcs/AuthInfo")({
  /** `false`: everybody is let in, as a guest. */
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
 * Asks a server how it wants to be entered (`GET /auth`). Nobody has to be logged in for it, and no credential is sent.
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
  InvalidSetting | HttpClientError.HttpClientError | YamcsError | ParseError,
  HttpClient.HttpClient
> =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    // nothing secret travels, so plain http will do
    const { baseUrl } = yield* OriginPolicy.make({
      baseUrl: Address.absolute(options.baseUrl),
      dangerouslyAllowPlainHttp: true
    }).pipe(Effect.catchTag("InsecureTransport", Effect.die))
    const request = HttpClientRequest.get(`${baseUrl}/auth`, { acceptJson: true })
    const response = yield* filterStatusOk(client.execute(request))
    return yield* HttpClientResponse.schemaBodyJson(AuthInfo)(response)
  })

/**
 * The account that the server takes this program for (`GET /api/user`).
 *
 * @since 0.1.0
 * @category requests
 */
export const user: Effect.Effect<
  User,
  AuthError | HttpClientError.HttpClientError | YamcsError | ParseError,
  AuthenticatedHttpClient.AuthenticatedHttpClient
> = Effect.gen(function*() {
  const http = yield* AuthenticatedHttpClient.AuthenticatedHttpClient
  const response = yield* filterStatusOk(http.get("/api/user", { acceptJson: true }))
  return yield* HttpClientResponse.schemaBodyJson(User)(response)
})
