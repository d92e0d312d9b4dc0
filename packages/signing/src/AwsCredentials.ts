/**
 * Where AWS keys come from: each is an Effect, which `SigV4` runs before the first request and again before the key expires.
 * Those of files and commands need the platform's `FileSystem` and `CommandExecutor`, those of endpoints its `HttpClient`.
 * The variables of the environment are read by `SigningCredential.sigV4Config`.
 *
 * @since 0.1.0
 */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import * as TokenEndpoint from "@effect-auth/core/TokenEndpoint"
import type * as CommandExecutor from "@effect/platform/CommandExecutor"
import type * as FileSystem from "@effect/platform/FileSystem"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { sha1 } from "@noble/hashes/legacy.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { CommandOptions } from "./internal/workload/sources.ts"
import * as Sources from "./internal/workload/sources.ts"
import type { SigV4 } from "./SigningCredential.ts"
import * as Credentials from "./SigningCredential.ts"

export type { CommandOptions }

/**
 * A source of keys.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<R = never> = Effect.Effect<SigV4, ExchangeError, R>

/**
 * What a command prints, as the `credential_process` of the AWS command line does: the program has to be allowed by name.
 *
 * @example
 * ```ts
 * import * as AwsCredentials from "@effect-auth/signing/AwsCredentials"
 *
 * const vault = AwsCredentials.process({
 *   command: ["/usr/local/bin/aws-vault", "export", "--format=json", "reports"],
 *   allow: ["/usr/local/bin/aws-vault"]
 * })
 * ```
 *
 * @since 0.1.0
 * @category sources
 */
export const process = (options: CommandOptions): Source<CommandExecutor.CommandExecutor> =>
  Effect.flatMap(Sources.command(mode, options), (text) =>
    Effect.flatMap(
      Effect.mapError(
        decodePrinted(text),
        () => Sources.unavailable(mode, `${options.command[0]} did not print a key of version 1 in JSON`)
      ),
      (answer) => keyOf(keyOfPrinted(answer))
    ))

/**
 * The endpoint of a container: ECS, EKS Pod Identity, or what speaks like them. It is asked over https, on this machine, or
 * at the addresses of ECS and EKS.
 *
 * @since 0.1.0
 * @category sources
 */
export const container = (options: {
  /** That of `AWS_CONTAINER_CREDENTIALS_FULL_URI`, or the path of `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`. */
  readonly uri: string
  /** The value of `AWS_CONTAINER_AUTHORIZATION_TOKEN`. */
  readonly token?: Redacted.Redacted | undefined
}): Source<HttpClient.HttpClient> => containerWith(options.uri, Effect.succeed(options.token))

/**
 * {@link container} with its token in a file (`AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE`), which is read anew each time.
 *
 * @since 0.1.0
 * @category sources
 */
export const containerWithTokenFile = (options: {
  readonly uri: string
  readonly tokenFile: string
}): Source<HttpClient.HttpClient | FileSystem.FileSystem> =>
  containerWith(options.uri, Effect.map(Sources.file(mode, options.tokenFile), Redacted.make))

/**
 * The metadata of an EC2 instance, in its second version: a token is asked for first, so that no request that was smuggled
 * through a server reaches it.
 *
 * @since 0.1.0
 * @category sources
 */
export const instanceMetadata = (options: {
  /** Default: `http://169.254.169.254`. */
  readonly endpoint?: string | undefined
  /** Default: the one that the instance has. */
  readonly role?: string | undefined
} = {}): Source<HttpClient.HttpClient> =>
  Effect.gen(function*() {
    const endpoint = (options.endpoint ?? "http://169.254.169.254").replace(/\/+$/u, "")
    yield* Sources.allowed(mode, endpoint, Sources.metadataHosts)
    const token = yield* textOf(
      HttpClientRequest.put(`${endpoint}/latest/api/token`).pipe(
        HttpClientRequest.setHeader("x-aws-ec2-metadata-token-ttl-seconds", "21600")
      )
    )
    const get = (path: string) =>
      HttpClientRequest.get(`${endpoint}/latest/meta-data/iam/security-credentials/${path}`).pipe(
        HttpClientRequest.setHeader("x-aws-ec2-metadata-token", token)
      )
    const role = options.role ?? (yield* textOf(get(""))).split("\n")[0] ?? ""
    return yield* keyFrom(get(encodeURIComponent(role.trim())), Served, keyOfServed)
  })

/**
 * The session of `aws sso login`, in its cache file: it is exchanged for a key of a role. A session that has ended needs a
 * person, who logs in once more.
 *
 * @since 0.1.0
 * @category sources
 */
export const sso = (options: {
  /** The folder of the cache, such as `/home/me/.aws/sso/cache`. */
  readonly cache: string
  /** The name of the `sso-session`, or the start URL where there is none: the name of the file is made of it. */
  readonly session: string
  readonly region: string
  readonly accountId: string
  readonly roleName: string
  /** Default: that of AWS in the region. */
  readonly endpoint?: string | undefined
}): Source<HttpClient.HttpClient | FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const path = `${options.cache.replace(/[\\/]+$/u, "")}/${bytesToHex(sha1(utf8ToBytes(options.session)))}.json`
    const { accessToken, expiresAt } = yield* Effect.flatMap(Sources.file(mode, path), (text) =>
      Effect.mapError(decodeSession(text), () =>
        Sources.unavailable(mode, `${path} is no session of aws sso login`)))
    if (DateTime.toEpochMillis(expiresAt) <= (yield* Clock.currentTimeMillis)) {
      return yield* Sources.unavailable(mode, "the session of aws sso login has ended: log in again")
    }
    const endpoint = options.endpoint ?? `https://portal.sso.${options.region}.amazonaws.com`
    yield* Sources.allowed(mode, endpoint, [])
    return yield* keyFrom(
      HttpClientRequest.get(`${endpoint.replace(/\/+$/u, "")}/federation/credentials`).pipe(
        HttpClientRequest.setUrlParams({ role_name: options.roleName, account_id: options.accountId }),
        HttpClientRequest.setHeader("x-amz-sso_bearer_token", Redacted.value(accessToken))
      ),
      OfRole,
      keyOfRole
    )
  })

/**
 * The first source that has a key. It goes on to the next one only where there is none (`CredentialUnavailable`): a source
 * that is refused or cannot be reached is a failure, which another key would hide.
 *
 * @since 0.1.0
 * @category combinators
 */
export const firstAvailable = <R>(first: Source<R>, ...others: ReadonlyArray<Source<R>>): Source<R> =>
  others.reduce(
    (chain, next) => Effect.catchTag(chain, "CredentialUnavailable", () => next),
    first
  )

const mode = "SigV4"

const containerWith = <E extends ExchangeError, R>(
  uri: string,
  token: Effect.Effect<Redacted.Redacted | undefined, E, R>
): Source<HttpClient.HttpClient | R> =>
  Effect.gen(function*() {
    const url = uri.startsWith("/") ? `http://169.254.170.2${uri}` : uri
    yield* Sources.allowed(mode, url, containerHosts)
    const value = yield* token
    return yield* keyFrom(
      value === undefined
        ? HttpClientRequest.get(url)
        : HttpClientRequest.get(url).pipe(HttpClientRequest.setHeader("authorization", Redacted.value(value))),
      Served,
      keyOfServed
    )
  })

/** Of ECS and of EKS Pod Identity. */
const containerHosts: ReadonlyArray<string> = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"]

const exchange = { mode, dialect: Sources.dialect, endpoint: "the endpoint for keys" }

const send = (request: HttpClientRequest.HttpClientRequest) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => TokenEndpoint.execute(client, request, exchange))

const textOf = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<string, ExchangeError, HttpClient.HttpClient> =>
  Effect.flatMap(send(request), TokenEndpoint.text(exchange))

const keyFrom = <A, I>(
  request: HttpClientRequest.HttpClientRequest,
  schema: Schema.Schema<A, I>,
  toKey: (answer: A) => Key
): Source<HttpClient.HttpClient> =>
  Effect.flatMap(
    Effect.flatMap(send(request), TokenEndpoint.json(schema, exchange)),
    (answer) => keyOf(toKey(answer))
  )

type Key = Parameters<typeof Credentials.sigV4>[0]

const keyOf = (fields: Key): Effect.Effect<SigV4, ExchangeError> =>
  Effect.mapError(
    Credentials.sigV4(fields),
    ({ problem, setting }) => Sources.unavailable(mode, `${setting}: ${problem}`)
  )

const secret = Schema.Redacted(Schema.String)

/** ECS, EKS and EC2. */
const Served = Schema.Struct({
  AccessKeyId: Schema.String,
  SecretAccessKey: secret,
  Token: secret,
  Expiration: Schema.DateTimeUtc
})

const keyOfServed = (answer: typeof Served.Type): Key => ({
  accessKeyId: answer.AccessKeyId,
  secretAccessKey: answer.SecretAccessKey,
  sessionToken: answer.Token,
  expiresAt: answer.Expiration
})

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
const Printed = Schema.parseJson(Schema.Struct({
  Version: Schema.Literal(1),
  AccessKeyId: Schema.String,
  SecretAccessKey: secret,
  SessionToken: Schema.optional(secret),
  Expiration: Schema.optional(Schema.DateTimeUtc)
}))

const decodePrinted = Schema.decodeUnknown(Printed)

const keyOfPrinted = (answer: typeof Printed.Type): Key => ({
  accessKeyId: answer.AccessKeyId,
  secretAccessKey: answer.SecretAccessKey,
  sessionToken: answer.SessionToken,
  expiresAt: answer.Expiration
})

/** The file of the AWS command line. Before 2.9 it wrote the time zone as `UTC`. */
const decodeSession = Schema.decodeUnknown(Schema.parseJson(Schema.Struct({
  accessToken: secret,
  expiresAt: Schema.transform(Schema.String, Schema.DateTimeUtc, {
    decode: (text) => text.replace(/UTC$/u, "Z"),
    encode: (text) => text
  })
})))

const OfRole = Schema.Struct({
  roleCredentials: Schema.Struct({
    accessKeyId: Schema.String,
    secretAccessKey: secret,
    sessionToken: secret,
    expiration: Schema.DateTimeUtcFromNumber
  })
})

const keyOfRole = ({ roleCredentials: { expiration, ...key } }: typeof OfRole.Type): Key => ({
  ...key,
  expiresAt: expiration
})
