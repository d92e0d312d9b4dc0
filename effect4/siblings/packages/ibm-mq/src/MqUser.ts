/**
 * By hand for Effect 4, where the fields of a class have the names that they are sent with.
 *
 * The user that mqweb sees, in whatever mode the application is authenticated.
 *
 * @see https://www.ibm.com/support/knowledgecenter/en/SSFKSJ_9.2.0/com.ibm.mq.ref.adm.doc/q128770_.html
 * @since 0.1.0
 */
import type { ClientError } from "@effect-auth/core/AuthError"
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as Schema from "effect/Schema"
import { MqClient } from "./IbmMq.ts"
import * as Answer from "./internal/answer.ts"
import type { MqError } from "./MqError.ts"

/**
 * A user as mqweb sees them.
 *
 * @since 0.1.0
 * @category schemas
 */
export class MqUser extends Schema.Class<MqUser>("@effect-auth/ibm-mq/MqUser")({
  name: Schema.String,
  /** Such as `MQWebAdmin`, `MQWebAdminRO`, `MQWebUser`, `MFTWebAdmin`, `MFTWebAdminRO`. */
  roles: Schema.Array(Schema.String),
  /** `form`, `basic`, `clientCertificate` or `noSecurity`; stated by 9.0.x only. */
  authenticationMechanism: Schema.optional(Schema.String)
}) {}

/** As mqweb sends it. */
const Sent = Schema.Struct({
  name: Schema.String,
  role: Schema.Array(Schema.String),
  authenticationMechanism: Schema.optionalKey(Schema.String)
})

/**
 * Asks the server which user it sees. Logs in first if the mode has a login.
 *
 * @example
 * ```ts
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as MqUser from "@effect-auth/ibm-mq/MqUser"
 * import * as Config from "effect/Config"
 * import * as Effect from "effect/Effect"
 *
 * const Mq = IbmMq.layerLtpaConfig({ baseUrl: Config.String("MQ_URL"), credential: IbmMq.credentialConfig("MQ") })
 *
 * const program = Effect.flatMap(MqUser.whoAmI, ({ name, roles }) => Effect.log(name, roles)).pipe(Effect.provide(Mq))
 * ```
 *
 * @since 0.1.0
 * @category requests
 */
export const whoAmI: Effect.Effect<
  MqUser,
  MqError | ClientError | HttpClientError.HttpClientError,
  MqClient
> = Effect.flatMap(MqClient, (http) => http.get("/login")).pipe(
  Effect.flatMap(Answer.read(Schema.Struct({ user: Schema.NonEmptyArray(Sent) }))),
  Effect.map(({ user: [{ role, ...user }] }) => new MqUser({ ...user, roles: role }))
)
