/**
 * A service account of Google: the modes `Google/ServiceAccount`, for access tokens, and `Google/IdToken`, for services that
 * want to know who calls, such as Cloud Run. Both exchange an assertion (RFC 7523) that the account's key signs.
 * https://developers.google.com/identity/protocols/oauth2/service-account
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Struct from "effect/Struct"
import { checkedUrl } from "./internal/checkedUrl.ts"
import { Identifier } from "./internal/identifier.ts"
import * as Mode from "./internal/mode.ts"
import * as Parameters from "./internal/parameters.ts"
import { PrivateKeyText } from "./internal/privateKey.ts"
import * as Session from "./internal/session.ts"
import * as TokenRequest from "./internal/tokenRequest.ts"
import type { SigningKey } from "./SigningKey.ts"
import * as SigningKeys from "./SigningKey.ts"

/**
 * A service account, as its key file has it; see {@link fromKeyFile}.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ServiceAccount
  extends Schema.TaggedClass<ServiceAccount>("@effect-auth/oauth/GoogleServiceAccount")("ServiceAccount", {
    clientEmail: Identifier,
    privateKey: PrivateKeyText,
    /** Tells Google which of the account's keys it is. */
    privateKeyId: Schema.optionalWith(Credential.Name, { exact: true }),
    /** Where its assertions are exchanged, and whom they are for. Absent: `https://oauth2.googleapis.com/token`. */
    tokenUri: Schema.optionalWith(Credential.Name, { exact: true })
  })
{}

/**
 * @since 0.1.0
 * @category constructors
 */
export const serviceAccount = (fields: {
  readonly clientEmail: string
  readonly privateKey: Redacted.Redacted
  readonly privateKeyId?: string | undefined
  readonly tokenUri?: string | undefined
}): Either.Either<ServiceAccount, InvalidSetting> =>
  Either.flatMap(
    Credential.construct(() =>
      new ServiceAccount({
        clientEmail: fields.clientEmail,
        privateKey: fields.privateKey,
        ...(fields.privateKeyId === undefined ? undefined : { privateKeyId: fields.privateKeyId }),
        ...(fields.tokenUri === undefined ? undefined : { tokenUri: fields.tokenUri })
      })
    ),
    checkedUri
  )

/**
 * The members of a key file that are used.
 *
 * @since 0.1.0
 * @category schemas
 */
export const KeyFile = Schema.Struct({
  type: Schema.Literal("service_account"),
  client_email: Credential.Name,
  private_key: PrivateKeyText,
  private_key_id: Schema.optionalWith(Credential.Name, { exact: true }),
  token_uri: Schema.optionalWith(Credential.Name, { exact: true })
})

/**
 * A service account from the text of its key file. Fails with `InvalidSetting`, which names what is wrong and quotes nothing;
 * of a file for another kind of credential it says which kind that is, and what to use.
 *
 * @since 0.1.0
 * @category decoding
 */
export const fromKeyFile = (text: Redacted.Redacted): Either.Either<ServiceAccount, InvalidSetting> =>
  Option.match(parse(Redacted.value(text)), {
    onNone: () => Either.left(new InvalidSetting({ setting: "credential", problem: "is no key file: it is not JSON" })),
    onSome: (file) => {
      const type = file["type"]
      // what is no word is not repeated: it may be anything
      if (typeof type === "string" && type !== "service_account" && /^[a-z_]{1,40}$/u.test(type)) {
        const other = Object.hasOwn(otherTypes, type) ? otherTypes[type] : "which is not supported"
        return Either.left(new InvalidSetting({ setting: "credential.type", problem: `is \`${type}\`, ${other}` }))
      }
      const known = Struct.pick(file, "type", "client_email", "private_key", "private_key_id", "token_uri")
      return Either.flatMap(
        Credential.fromUnknown(KeyFile)(known),
        (file) =>
          serviceAccount({
            clientEmail: file.client_email,
            privateKey: file.private_key,
            privateKeyId: file.private_key_id,
            tokenUri: file.token_uri
          })
      )
    }
  })

/**
 * A {@link ServiceAccount} from a variable that holds the text of its key file.
 *
 * @since 0.1.0
 * @category config
 */
export const keyFileConfig = (variable: string): Config.Config<ServiceAccount> =>
  Credential.variableConfig(
    variable,
    (text) => Either.mapLeft(fromKeyFile(Redacted.make(text)), ({ problem, setting }) => `${setting}: ${problem}`)
  )

/**
 * What can be configured, as a value or through Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends System.Settings {
  /** Such as `https://www.googleapis.com/auth/cloud-platform`. */
  readonly scope: ReadonlyArray<string>
  /** The user to act for, where the domain has delegated that to the account. Default: the account itself. */
  readonly subject?: string | undefined
}

/**
 * What can be configured for ID tokens, as a value or through Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdTokenSettings extends System.Settings {
  /** The service that is called, as it calls itself: for Cloud Run its URL. */
  readonly audience: string
}

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions<Self = never> extends System.PlainOptions {
  /** The tag of the API's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
}

interface WithCredential<R> {
  readonly credential: Given<Untagged<ServiceAccount>, R>
}

/**
 * The access tokens by themselves.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(
  options: Settings & System.PlainOptions & WithCredential<R>
): Session.Tokens<R> =>
  Session.makeTokens({ ...options, server: serverOf(options) }, {
    name: accessMode,
    given: options.credential,
    make: assertingClient,
    account: ({ account }) => JSON.stringify([account.clientEmail, options.subject]),
    login: ({ client: { server }, credential, exchange }, demand) => {
      const scope = Parameters.scopeOf(options, demand) ?? []
      const claims = {
        scope: scope.join(" "),
        ...(options.subject === undefined ? undefined : { sub: options.subject })
      }
      return Effect.flatMap(
        assertion(accessMode, credential.account, server.tokenEndpoint, claims),
        (assertion) => exchange({ grant_type: grantType, assertion: Redacted.value(assertion) }, { scope })
      )
    },
    refreshes: false
  })

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Settings & PlainOptions, R = never>(
  options: O & WithCredential<R>
): Mode.Client<O, R> => Mode.makeOf<O, R>(accessMode, readable(options, makeTokens(options)), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as Google from "@effect-auth/oauth/Google"
 * import * as Config from "effect/Config"
 * import * as Context from "effect/Context"
 *
 * class Storage extends Context.Tag("app/Storage")<Storage, AuthenticatedHttpClient.Service>() {}
 *
 * const StorageLive = Google.layerConfig({
 *   baseUrl: Config.succeed("https://storage.googleapis.com"),
 *   credential: Google.keyFileConfig("GOOGLE_CREDENTIALS"),
 *   scope: Config.succeed(["https://www.googleapis.com/auth/devstorage.read_only"])
 * }, { client: Storage })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Settings & PlainOptions<Self> & WithCredential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf<Self, R>(accessMode, readable(options, makeTokens(options)), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Settings & { readonly credential: ServiceAccount }>,
  options?: PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

/**
 * The ID tokens by themselves: each is the token that is sent.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeIdTokens = <R = never>(
  options: IdTokenSettings & System.PlainOptions & WithCredential<R>
): Session.Tokens<R> =>
  Session.makeTokens({ ...options, server: serverOf(options) }, {
    name: idTokenMode,
    given: options.credential,
    make: assertingClient,
    account: ({ account }) => JSON.stringify([account.clientEmail, options.audience]),
    login: ({ client, credential }) => {
      const { tokenEndpoint } = client.server
      const claims = { target_audience: options.audience }
      return Effect.flatMap(assertion(idTokenMode, credential.account, tokenEndpoint, claims), (assertion) => {
        const form = { grant_type: grantType, assertion: Redacted.value(assertion) }
        return Effect.flatMap(
          TokenRequest.ask(client, tokenEndpoint, form, IdTokenResponse, { mode: idTokenMode }),
          ({ answer }) => Token.fromJwt({ mode: idTokenMode, value: answer.id_token, type: "Bearer" })
        )
      })
    },
    refreshes: false
  })

/**
 * The client with ID tokens by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeIdToken = <const O extends IdTokenSettings & PlainOptions, R = never>(
  options: O & WithCredential<R>
): Mode.Client<O, R> => Mode.makeOf<O, R>(idTokenMode, readable(options, makeIdTokens(options)), options)

/**
 * The client with ID tokens as a layer.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerIdToken = <Self = never, R = never>(
  options: IdTokenSettings & PlainOptions<Self> & WithCredential<R>
): Mode.ModeLayer<Self, never, R> =>
  Mode.layerOf<Self, R>(idTokenMode, readable(options, makeIdTokens(options)), options)

/**
 * {@link layerIdToken} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerIdTokenConfig = <Self = never>(
  config: Config.Config.Wrap<IdTokenSettings & { readonly credential: ServiceAccount }>,
  options?: PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layerIdToken<Self>({ ...options, ...settings }))

const accessMode = "Google/ServiceAccount"

const idTokenMode = "Google/IdToken"

/** RFC 7523 section 2.1. */
const grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"

const checkedUri = (account: ServiceAccount): Either.Either<ServiceAccount, InvalidSetting> =>
  account.tokenUri === undefined ? Either.right(account) : Either.mapBoth(
    checkedUrl("credential.tokenUri", account.tokenUri),
    {
      onLeft: (error) =>
        error._tag === "InvalidSetting"
          ? error
          : new InvalidSetting({ setting: "credential.tokenUri", problem: error.message }),
      onRight: () => account
    }
  )

/** The assertion says all there is to say: the client has no id beside it. */
interface AssertingClient {
  readonly account: ServiceAccount
  readonly clientId?: string
}

/** Tokens whose key, if it is given, was seen to be one. Those of many principals are made at once, without waiting. */
const readable = <R>({ credential }: WithCredential<R>, tokens: Session.Tokens<R>): Session.Tokens<R> =>
  Effect.isEffect(credential) ? tokens : Effect.tap(tokens, () => readKey(credential))

const assertingClient = (fields: Untagged<ServiceAccount>): Either.Either<AssertingClient, InvalidSetting> =>
  Either.map(serviceAccount(fields), (account) => ({ account }))

/** An Effect is read at each login, when it is settled where that goes: its account has to be of the usual place. */
const serverOf = <R>({ credential }: WithCredential<R>) => ({
  tokenEndpoint: (Effect.isEffect(credential) ? undefined : credential.tokenUri) ?? defaultTokenUri
})

const defaultTokenUri = "https://oauth2.googleapis.com/token"

const assertion = (
  mode: string,
  account: ServiceAccount,
  tokenEndpoint: string,
  claims: Readonly<Record<string, unknown>>
): Effect.Effect<Redacted.Redacted, ExchangeError> =>
  Effect.gen(function*() {
    const { clientEmail, tokenUri = defaultTokenUri } = account
    if (tokenUri !== tokenEndpoint) {
      return yield* unusable(mode, "credential.tokenUri: is another one than that of the first credential")
    }
    const key = yield* Effect.mapError(readKey(account), ({ message }) => unusable(mode, message))
    // as Google's own libraries do, for clocks that are ahead; an hour is the most
    const iat = Math.floor((yield* Clock.currentTimeMillis) / 1000) - 10
    return yield* SigningKeys.sign(key, {}, { ...claims, iss: clientEmail, aud: tokenUri, iat, exp: iat + 3600 }, {
      mode
    })
  })

const readKey = ({ privateKey, privateKeyId }: Untagged<ServiceAccount>): Effect.Effect<SigningKey, InvalidSetting> =>
  Effect.mapError(
    SigningKeys.fromText(privateKey, { algorithm: "RS256", keyId: privateKeyId }),
    ({ problem }) => new InvalidSetting({ setting: "credential.privateKey", problem })
  )

const unusable = (mode: string, problem: string) => new CredentialUnavailable({ mode, problem, final: true })

const IdTokenResponse = Schema.Struct({ id_token: Schema.NonEmptyString })

const parse = (text: string): Option.Option<Readonly<Record<string, unknown>>> =>
  // without a byte order mark too
  Option.filter(parseJson(text.trim()), Predicate.isRecord)

const parseJson = Schema.decodeOption(Schema.parseJson())

/** The other kinds of files that Google's tools write (google-auth-library). */
const otherTypes: Readonly<Record<string, string>> = {
  authorized_user: "a person's session: give its refresh token to `RefreshToken`",
  external_account: "a workload's identity: exchange its token with `TokenExchange`",
  external_account_authorized_user: "a person's session at another provider: give its refresh token to `RefreshToken`",
  gdch_service_account: "an account of Google Distributed Cloud, which is not supported",
  impersonated_service_account: "an account that another one stands for, which is not supported: use that one's key"
}
