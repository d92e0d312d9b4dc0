/**
 * An installation of a GitHub App: the mode `GitHub/App`. The app signs a JWT that says who it is, and GitHub gives a token
 * of one hour for one installation. https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
 *
 * @since 0.1.0
 */
import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, InvalidSetting } from "@effect-auth/core/AuthError"
import * as Credential from "@effect-auth/core/Credential"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as System from "@effect-auth/core/System"
import * as Token from "@effect-auth/core/Token"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import * as RateLimitHeaders from "@effect-auth/rate-limit/RateLimitHeaders"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import type * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { Identifier } from "./internal/identifier.ts"
import * as Mode from "./internal/mode.ts"
import { PrivateKeyText } from "./internal/privateKey.ts"
import type * as Session from "./internal/session.ts"
import type { SigningKey } from "./SigningKey.ts"
import * as SigningKeys from "./SigningKey.ts"

/**
 * An app, and the private key that GitHub gave it: the file as it was downloaded.
 *
 * @since 0.1.0
 * @category schemas
 */
export class GitHubApp extends Schema.TaggedClass<GitHubApp>("@effect-auth/oauth/GitHubApp")("GitHubApp", {
  /** Its client id, such as `Iv23li...`, or its app id. */
  appId: Identifier,
  /** None: a `key` signs in its place. */
  privateKey: Schema.optionalWith(PrivateKeyText, { exact: true })
}) {}

/**
 * @since 0.1.0
 * @category constructors
 */
export const gitHubApp = (fields: {
  readonly appId: string
  readonly privateKey?: Redacted.Redacted | undefined
}): Either.Either<GitHubApp, InvalidSetting> =>
  Credential.construct(() =>
    new GitHubApp({
      appId: fields.appId,
      ...(fields.privateKey === undefined ? undefined : { privateKey: fields.privateKey })
    })
  )

/**
 * A {@link GitHubApp} from `<prefix>_APP_ID` and `<prefix>_PRIVATE_KEY`. Line ends of the key may be written as `\n`.
 *
 * @since 0.1.0
 * @category config
 */
export const credentialConfig = (prefix: string): Config.Config<GitHubApp> =>
  Credential.checkedConfig(
    prefix,
    Config.all({
      appId: Credential.variableConfig(`${prefix}_APP_ID`, Either.right),
      privateKey: Credential.variableConfig(`${prefix}_PRIVATE_KEY`, (text) => Either.right(Redacted.make(text)))
    }),
    gitHubApp
  )

/**
 * What can be configured, as a value or through Config.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings extends Omit<System.Settings, "baseUrl"> {
  /** The installation whose token it is: the number at the end of its page's URL. */
  readonly installation: number | string
  /** Default: `https://api.github.com`. Of GitHub Enterprise Server: `https://<host>/api/v3`. */
  readonly baseUrl?: string | URL | undefined
}

/**
 * What only code can give.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenOptions extends System.PlainOptions {
  /** Signs with RS256 in the place of the credential's private key, such as in a KMS. */
  readonly key?: SigningKey | undefined
  /** The repositories that the token is for, by name without owner. Default: all of the installation. */
  readonly repositories?: ReadonlyArray<string> | undefined
  /** The same by id. */
  readonly repositoryIds?: ReadonlyArray<number> | undefined
  /** What the token may do, such as `{ contents: "read" }`. Default: all that the installation may. */
  readonly permissions?: Readonly<Record<string, string>> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface PlainOptions<Self = never> extends TokenOptions {
  /** The tag of the installation's client. Default: the shared client alone. */
  readonly client?: Context.Tag<Self, AuthenticatedHttpClient.Service> | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Settings, PlainOptions<Self> {}

interface WithCredential<R> {
  readonly credential: Given<Untagged<GitHubApp>, R>
}

/**
 * The tokens by themselves. Each is revoked at the end of its Scope, unless a store keeps it. A token that was just issued
 * and is refused is tried again after one second and two more, because not all servers of GitHub know it at once.
 *
 * @since 0.1.0
 * @category constructors
 */
export const makeTokens = <R = never>(options: Settings & TokenOptions & WithCredential<R>): Session.Tokens<R> =>
  Effect.gen(function*() {
    const { baseUrl } = yield* OriginPolicy.make({ ...options, baseUrl: baseUrlOf(options) })
    const installation = String(options.installation)
    if (!/^[1-9]\d*$/u.test(installation)) {
      return yield* new InvalidSetting({ setting: "installation", problem: "must be the number of an installation" })
    }
    const source = yield* CredentialSource.make(options.credential, { mode: name, make: signable(options) })
    const narrowing = narrowingOf(options)
    const url = `${baseUrl}/app/installations/${installation}/access_tokens`

    return yield* System.makeTokens({
      mode: name,
      origin: baseUrl,
      account: Effect.map(source.read, ({ appId }) => JSON.stringify([appId, installation, narrowing])),
      login: Effect.flatMap(source.read, (app) => exchange(app, options.key, url, narrowing)),
      revoke: (token) => revoke(token, baseUrl),
      settling
    }, options)
  })

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options, R = never>(
  options: O & WithCredential<R>
): Mode.Client<O & { readonly baseUrl: string | URL }, R> =>
  Mode.makeOf<O & { readonly baseUrl: string | URL }, R>(
    name,
    makeReadable(options),
    { ...options, baseUrl: baseUrlOf(options) }
  )

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as GitHubApp from "@effect-auth/oauth/GitHubApp"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class GitHub extends Context.Tag("app/GitHub")<GitHub, AuthenticatedHttpClient.Service>() {}
 *
 * declare const pem: string
 *
 * const GitHubLive = GitHubApp.layer({
 *   client: GitHub,
 *   credential: { appId: "Iv23li...", privateKey: Redacted.make(pem) },
 *   installation: 1234567,
 *   permissions: { contents: "read" }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Options<Self> & WithCredential<R>
): Mode.ModeLayer<Self, never, R> =>
  Mode.layerOf<Self, R>(name, makeReadable(options), { ...options, baseUrl: baseUrlOf(options) })

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<Settings & { readonly credential: GitHubApp }>,
  options?: PlainOptions<Self>
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const name = "GitHub/App"

const baseUrlOf = ({ baseUrl }: Pick<Settings, "baseUrl">): string | URL => baseUrl ?? "https://api.github.com"

const signable = ({ key }: TokenOptions) => (fields: Untagged<GitHubApp>): Either.Either<GitHubApp, InvalidSetting> =>
  fields.privateKey === undefined && key === undefined
    ? Either.left(
      new InvalidSetting({ setting: "credential.privateKey", problem: "is needed, unless a `key` signs in its place" })
    )
    : gitHubApp(fields)

const narrowingOf = ({ permissions, repositories, repositoryIds }: TokenOptions) => ({
  repositories,
  repository_ids: repositoryIds,
  permissions
})

/** A JWT that is refused for its times is signed once more by the server's clock. */
const exchange = (
  app: GitHubApp,
  given: SigningKey | undefined,
  url: string,
  narrowing: ReturnType<typeof narrowingOf>
): Effect.Effect<Token.Token, ExchangeError, HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const http = yield* HttpClient.HttpClient
    const key = given ?? (yield* Effect.mapError(readKey(app), unusable))
    const serverTime = yield* Ref.make(Option.none<DateTime.Utc>())
    const options: TokenEndpoint.Options = { mode: name, dialect, explain: explain(serverTime), retryAfter }

    const attempt = Effect.gen(function*() {
      const stated = yield* Ref.get(serverTime)
      const now = Option.isSome(stated) ? DateTime.toEpochMillis(stated.value) : yield* Clock.currentTimeMillis
      const jwt = yield* SigningKeys.sign(key, {}, claimsOf(app, Math.floor(now / 1000)), { mode: name })
      const request = HttpClientRequest.post(url, { headers }).pipe(
        HttpClientRequest.bearerToken(jwt),
        HttpClientRequest.bodyUnsafeJson(narrowing)
      )
      const response = yield* TokenEndpoint.execute(http, request, options)
      const answer = yield* TokenEndpoint.json(Answer, options)(response)
      return yield* tokenOf(answer, TokenEndpoint.serverTime(response))
    })
    return yield* Effect.catchTag(attempt, "CredentialsRejected", (error) =>
      Effect.flatMap(Ref.get(serverTime), (stated) =>
        Option.isSome(stated) ? attempt : error))
  })

/** Tokens whose key, if it is given, was seen to be one. Those of many principals are made at once, without waiting. */
const makeReadable = <R>(options: Settings & TokenOptions & WithCredential<R>): Session.Tokens<R> => {
  const { credential, key } = options
  return key !== undefined || Effect.isEffect(credential)
    ? makeTokens(options)
    : Effect.tap(makeTokens(options), () => readKey(credential))
}

const readKey = ({ privateKey }: Untagged<GitHubApp>): Effect.Effect<SigningKey, InvalidSetting> =>
  Effect.mapError(
    SigningKeys.fromText(privateKey ?? Redacted.make(""), { algorithm: "RS256" }),
    ({ problem }) => new InvalidSetting({ setting: "credential.privateKey", problem })
  )

const unusable = ({ message }: InvalidSetting) =>
  new CredentialUnavailable({ mode: name, problem: message, final: true })

/** At most 10 minutes, and set back because clocks differ ("Generating a JSON Web Token (JWT) for a GitHub App"). */
const claimsOf = ({ appId }: GitHubApp, now: number) => ({ iss: appId, iat: now - 30, exp: now + 9 * 60 })

const headers = {
  accept: "application/vnd.github+json",
  "x-github-api-version": "2022-11-28",
  // GitHub refuses requests without one, and not every transport sends it
  "user-agent": "effect-auth"
}

const Answer = Schema.Struct({ token: Schema.NonEmptyString, expires_at: Schema.DateTimeUtc })

/** What GitHub states is an instant by its own clock. */
const tokenOf = (answer: typeof Answer.Type, serverTime: Option.Option<DateTime.Utc>) =>
  Effect.flatMap(DateTime.now, (now) => {
    const from = DateTime.toEpochMillis(Option.getOrElse(serverTime, () => now))
    const lifetime = DateTime.toEpochMillis(answer.expires_at) - from
    return Token.make({
      mode: name,
      value: answer.token,
      // what has just arrived has not expired: one of the clocks is wrong
      lifetime: lifetime > 0 ? Duration.millis(lifetime) : undefined
    })
  })

const revoke = (token: Token.Token, baseUrl: string): Effect.Effect<void, ExchangeError, HttpClient.HttpClient> =>
  Effect.flatMap(HttpClient.HttpClient, (http) =>
    TokenEndpoint.execute(
      http,
      HttpClientRequest.bearerToken(HttpClientRequest.del(`${baseUrl}/installation/token`, { headers }), token.value),
      { mode: name, dialect }
    ).pipe(
      Effect.flatMap(ResponseBody.discard),
      // one that is not known has ended
      Effect.catchTag("CredentialsRejected", () => Effect.void)
    ))

/** Octokit gives up five seconds after the token was issued. */
const settling: Schedule.Schedule<unknown, Duration.Duration> = Schedule.exponential("1 second").pipe(
  Schedule.intersect(Schedule.recurs(2)),
  Schedule.whileInput((waited: Duration.Duration) => Duration.lessThan(waited, "5 seconds"))
)

/** A 404 is the answer for an installation of another app. */
const dialect: TokenEndpoint.Dialect = ({ code, content, status }) => {
  if (code === rateLimited || status === 408 || status === 429 || status >= 500) return "TryAgain"
  if (content !== "Json") return "Unexpected"
  if (status === 401) return "GrantEnded"
  return status === 403 || status === 404 || status === 422 ? "WrongSetting" : "Unexpected"
}

const rateLimited = "rate_limited"

/** GitHub has no codes. What is said of the JWT's times sets the clock by which it is signed again. */
const explain =
  (serverTime: Ref.Ref<Option.Option<DateTime.Utc>>) => (response: HttpClientResponse.HttpClientResponse) =>
    Effect.gen(function*() {
      const message = yield* Effect.map(Effect.option(response.text), Option.flatMap(decodeMessage))
      const text = Option.match(message, { onNone: () => undefined, onSome: ({ message }) => message })
      if (text !== undefined && timesRefused.test(text)) {
        yield* Ref.set(serverTime, TokenEndpoint.serverTime(response))
      }
      const isLimited = yield* Effect.map(limits(response), Option.isSome)
      return {
        code: isLimited ? rateLimited : undefined,
        detail: text,
        advice: response.status === 404 ? "is the installation one of this app?" : undefined
      }
    })

/** Octokit knows three sentences; each is about one of these claims. */
const timesRefused = /'(?:Issued at|Expiration time)' claim/u

const decodeMessage = Schema.decodeOption(Schema.parseJson(Schema.Struct({ message: Schema.String })))

const limits = ({ headers, status }: HttpClientResponse.HttpClientResponse) =>
  Effect.map(
    Clock.currentTimeMillis,
    (now) =>
      Option.filter(RateLimitHeaders.read(RateLimitHeaders.github, { status, headers }, now).status, ({ blocked }) =>
        blocked !== "none")
  )

const retryAfter = (response: HttpClientResponse.HttpClientResponse) =>
  Effect.map(
    limits(response),
    Option.flatMapNullable(({ quotas, retryAfter }) =>
      retryAfter ?? quotas.find(({ remaining }) => remaining === 0)?.reset
    )
  )
