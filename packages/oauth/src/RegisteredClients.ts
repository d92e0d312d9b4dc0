/**
 * Clients that authorization servers have registered: what the server said of each, and where they are kept. A client is
 * kept by its issuer and never shown to another one.
 *
 * @since 0.1.0
 */
import { InvalidSetting, TokenStoreError } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { PlatformError } from "@effect/platform/Error"
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type { ClientAuthentication } from "./ClientAuthentication.ts"
import * as ClientAuthentications from "./ClientAuthentication.ts"
import type { SigningKey } from "./SigningKey.ts"

/**
 * A client as its server registered it (RFC 7591 section 3.2.1). It encodes to JSON with its secrets in the clear: keep
 * that where secrets are kept.
 *
 * @since 0.1.0
 * @category schemas
 */
export class RegisteredClient extends Schema.Class<RegisteredClient>("@effect-auth/oauth/RegisteredClient")({
  /** The server it is a client of. */
  issuer: Schema.NonEmptyString,
  clientId: Credential.Name,
  clientSecret: Schema.optionalWith(Credential.Secret, { exact: true }),
  /** From then on the secret is not accepted. Absent: never. */
  secretExpiresAt: Schema.optional(Schema.DateTimeUtcFromNumber),
  /** How it authenticates at the token endpoint, by the name of RFC 7591. */
  authentication: Schema.NonEmptyString,
  redirectUris: Schema.Array(Schema.String),
  /** What it may ask for. Absent: not known. */
  scope: Schema.optional(Schema.Array(Schema.String)),
  /** Where the registration can be read and changed (RFC 7592), and the token for that. */
  registrationUri: Schema.optional(Schema.String),
  registrationToken: Schema.optionalWith(Credential.Secret, { exact: true })
}) {}

/**
 * Where registered clients are kept. What cannot be read is none, so that the client is registered anew.
 *
 * @since 0.1.0
 * @category models
 */
export interface Service {
  readonly get: (issuer: string) => Effect.Effect<Option.Option<RegisteredClient>, TokenStoreError>
  /** In the place of what was kept for its issuer. */
  readonly set: (client: RegisteredClient) => Effect.Effect<void, TokenStoreError>
  readonly remove: (issuer: string) => Effect.Effect<void, TokenStoreError>
}

/**
 * @since 0.1.0
 * @category tags
 */
export class RegisteredClients extends Context.Tag("@effect-auth/oauth/RegisteredClients")<
  RegisteredClients,
  Service
>() {}

/**
 * In memory: as long as the program runs.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeMemory: Effect.Effect<Service> = Effect.map(
  Ref.make(HashMap.empty<string, RegisteredClient>()),
  (clients) => ({
    get: (issuer) => Effect.map(Ref.get(clients), HashMap.get(issuer)),
    set: (client) => Ref.update(clients, HashMap.set(client.issuer, client)),
    remove: (issuer) => Ref.update(clients, HashMap.remove(issuer))
  })
)

/**
 * Over the platform's `KeyValueStore`, by `prefix` (default: `oauth-client:`) and issuer. **Secrets are written in the
 * clear**: choose a backend that keeps secrets.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromKeyValueStore = (
  store: KeyValueStore.KeyValueStore,
  options?: { readonly prefix?: string | undefined }
): Service => {
  const keyOf = (issuer: string) => `${options?.prefix ?? "oauth-client:"}${issuer}`
  const failed = (operation: TokenStoreError["operation"], issuer: string) => (error: PlatformError) =>
    new TokenStoreError({
      operation,
      place: `the key ${keyOf(issuer)}`,
      // the words of a store may quote what it was given
      detail: `${error.module}.${error.method} failed (${error._tag === "SystemError" ? error.reason : error._tag})`
    })
  return {
    get: (issuer) =>
      Effect.map(Effect.mapError(store.get(keyOf(issuer)), failed("read", issuer)), (text) =>
        text.pipe(
          Option.flatMap(decode),
          // a key of one issuer is no place for the client of another
          Option.filter((client) => client.issuer === issuer)
        )),
    set: (client) => Effect.mapError(store.set(keyOf(client.issuer), encode(client)), failed("write", client.issuer)),
    remove: (issuer) => Effect.mapError(store.remove(keyOf(issuer)), failed("remove", issuer))
  }
}

/**
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<RegisteredClients> = Layer.effect(RegisteredClients, makeMemory)

/**
 * {@link fromKeyValueStore} as a layer.
 *
 * @example
 * ```ts
 * import * as AuthorizationServer from "@effect-auth/oauth/AuthorizationServer"
 * import * as RegisteredClients from "@effect-auth/oauth/RegisteredClients"
 * import * as Registration from "@effect-auth/oauth/Registration"
 * import * as Effect from "effect/Effect"
 *
 * const clientId = Effect.gen(function*() {
 *   const server = yield* AuthorizationServer.discover("https://login.acme.example", { mode: "Acme" })
 *   const metadata = { redirectUris: ["http://127.0.0.1/callback"] }
 *   return yield* Registration.withClient(server, metadata, { mode: "Acme" }, ({ clientId }) => Effect.succeed(clientId))
 * }).pipe(Effect.provide(RegisteredClients.layerKeyValueStore()))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options?: { readonly prefix?: string | undefined }
): Layer.Layer<RegisteredClients, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    RegisteredClients,
    Effect.map(KeyValueStore.KeyValueStore, (store) => fromKeyValueStore(store, options))
  )

/**
 * Whether the secret of a client has expired, by the Clock, so that it is to be registered again.
 *
 * @since 0.1.0
 * @category decisions
 */
export const isExpired = ({ secretExpiresAt }: RegisteredClient): Effect.Effect<boolean> =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) => secretExpiresAt !== undefined && DateTime.toEpochMillis(secretExpiresAt) <= now
  )

/**
 * How a registered client authenticates. Fails if that needs a key and there is none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authentication = (
  { authentication, clientSecret }: RegisteredClient,
  options?: { readonly key?: SigningKey | undefined }
): Either.Either<ClientAuthentication, InvalidSetting> => {
  switch (authentication) {
    case "none":
      return Either.right(ClientAuthentications.none)
    case "tls_client_auth":
    case "self_signed_tls_client_auth":
      return Either.right(ClientAuthentications.certificate)
    case "private_key_jwt":
      return options?.key === undefined
        ? unusable("key", "is needed: the client is registered to authenticate by `private_key_jwt`")
        : Either.right(ClientAuthentications.privateKeyJwt(options.key))
    case "client_secret_basic":
    case "client_secret_post":
      return clientSecret === undefined
        ? unusable("clientSecret", "is needed: the client is registered to authenticate by it")
        : Either.right(
          authentication === "client_secret_post"
            ? ClientAuthentications.post(clientSecret)
            : ClientAuthentications.basic(clientSecret)
        )
    default:
      return unusable("authentication", "is registered as a method that this client does not know")
  }
}

const unusable = (setting: string, problem: string) => Either.left(new InvalidSetting({ setting, problem }))

const encode = Schema.encodeSync(Schema.parseJson(RegisteredClient))

const decode = Schema.decodeOption(Schema.parseJson(RegisteredClient))
