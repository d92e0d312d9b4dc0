/** Signs the requests of one client, by the clock of its server. */
import * as Authenticator from "@effect-auth/core/Authenticator"
import { CredentialUnavailable } from "@effect-auth/core/AuthError"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpBody from "@effect/platform/HttpBody"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as MutableRef from "effect/MutableRef"
import * as Redacted from "effect/Redacted"
import type { SigV4 } from "../../SigningCredential.ts"
import * as Bodies from "../body.ts"
import * as Targets from "../target.ts"
import * as Answers from "./answer.ts"
import * as Canonical from "./canonical.ts"
import * as Chunks from "./chunks.ts"
import * as Signature from "./signature.ts"

/**
 * What is signed for, and how.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** Such as `eu-central-1`. */
  readonly region: string
  /** The name that the service signs by, such as `execute-api`, `s3` or `es`. */
  readonly service: string
  /**
   * How the service reads paths: as they are, as S3 does, or without dot segments and empty ones, and encoded once more.
   * Default: that of S3 for `s3`, `s3express`, `s3-object-lambda` and `s3-outposts`.
   */
  readonly paths?: "standard" | "s3" | undefined
  /**
   * Whether the signature covers the body. Default: it does where the body is text or bytes. A body that is not known before
   * it is sent, such as a stream, goes to S3 uncovered where the connection is encrypted; where it is not, or with `signed`,
   * a stream of known length goes there with a signature in each of its chunks. All else fails the request.
   */
  readonly payload?: "signed" | "unsigned" | undefined
  /** Whether the session token is left out of what is signed, as AWS IoT wants it. Default: no. */
  readonly sessionTokenUnsigned?: boolean | undefined
}

export const mode = "SigV4"

/** Signs requests, and remembers how far the clock of each server is ahead. */
export interface Signer {
  readonly sign: (
    credential: SigV4,
    request: HttpClientRequest.HttpClientRequest,
    now: number
  ) => Effect.Effect<Authenticator.Made, CredentialUnavailable>
  readonly options: Authenticator.Options & { readonly mode: string }
}

export const signer = (settings: Settings): Signer => {
  const target = targetOf(settings)
  const derive = Signature.rememberingDerivation()
  // in milliseconds, by origin; those of the client are few
  const skews = MutableRef.make<Readonly<Record<string, number>>>({})
  return {
    sign: (credential, request, now) => {
      const url = Targets.urlOf(request)
      if (url === undefined) return Effect.succeed({ credentials: RequestCredentials.none })
      return Effect.zipWith(payloadOf(settings, request.body, url), Effect.clock, ({ length, payload }, clock) => {
        const skew = MutableRef.get(skews)[url.origin] ?? 0
        const time = Signature.timeOf(now + skew)
        const keys = keysOf(credential)
        const streamed = length === undefined ? {} : Chunks.headers(length, request.headers["content-encoding"])
        const { headers, signature } = Signature.sign(
          messageOf(request.method, url, { ...headersOf(request, url), ...streamed }, payload),
          keys,
          target,
          {
            time,
            statesPayload: isS3(settings) || !isHash(payload),
            tokenUnsigned: settings.sessionTokenUnsigned
          },
          derive
        )
        return {
          rewrite: length === undefined ? undefined : Chunks.write(length, signature, (chunk, previous) =>
            Effect.map(
              hashOf(chunk),
              (hash) => Signature.signChunk({ hash, previous }, keys, target, time, derive)
            )),
          credentials: RequestCredentials.all(
            ...Object.entries(headers).map(([name, value]) => RequestCredentials.header(name, value))
          ),
          review: (response) => {
            const corrected = Answers.skewOf(response, { skew, now: clock.unsafeCurrentTimeMillis() })
            if (corrected === undefined) return Authenticator.reviewStatus(response)
            MutableRef.update(skews, (skews) => ({ ...skews, [url.origin]: corrected }))
            return { _tag: "Repeat" }
          }
        }
      })
    },
    options: {
      mode,
      reviewBody: {
        wanted: Answers.mayRefuse,
        review: (body, { headers }) => Answers.review(headers, body)
      },
      explain
    }
  }
}

export const targetOf = (settings: Settings): Signature.Target => ({
  region: settings.region,
  service: settings.service,
  paths: (settings.paths ?? (isS3(settings) ? "s3" : "standard")) === "s3" ? Canonical.s3Paths : Canonical.standardPaths
})

export const messageOf = (
  method: string,
  { pathname, search }: URL,
  headers: Canonical.Headers,
  payload: string
): Signature.Message => ({ method, path: pathname, query: search.slice(1), headers, payload })

export const keysOf = ({ accessKeyId, secretAccessKey, sessionToken }: SigV4): Signature.Keys => ({
  accessKeyId,
  secretAccessKey: Redacted.value(secretAccessKey),
  sessionToken: sessionToken === undefined ? undefined : Redacted.value(sessionToken)
})

/** S3 wants the hash of the payload in a header, and takes a word in its stead. */
export const isS3 = ({ service }: Settings): boolean => /^s3(?:express|-object-lambda|-outposts)?$/u.test(service)

export const unsignedPayload = "UNSIGNED-PAYLOAD"

/** A request is signed with the headers that its caller gave it, and the host that it goes to. */
const headersOf = ({ headers }: HttpClientRequest.HttpClientRequest, { host }: URL): Canonical.Headers => ({
  host,
  ...Object.fromEntries(
    Object.entries(headers).filter(([name]) => Canonical.isSigned(name) && !written.includes(name))
  )
})

/** Replaced by what is written. */
const written: ReadonlyArray<string> = ["x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "authorization"]

const isHash = (payload: string): boolean => payload !== unsignedPayload

/** What stands for the body in the signature. */
interface Payload {
  readonly payload: string
  /** Of a stream whose chunks are signed. */
  readonly length?: number
}

const payloadOf = (
  settings: Settings,
  body: HttpBody.HttpBody,
  { protocol }: URL
): Effect.Effect<Payload, CredentialUnavailable> => {
  if (settings.payload === "unsigned") return Effect.succeed({ payload: unsignedPayload })
  const bytes = Bodies.bytesOf(body)
  if (bytes !== undefined) return Effect.map(hashOf(bytes), (payload) => ({ payload }))
  if (isS3(settings)) {
    if (settings.payload === undefined && protocol === "https:") return Effect.succeed({ payload: unsignedPayload })
    if (body._tag === "Stream" && body.contentLength !== undefined) {
      return Effect.succeed({ payload: Chunks.payload, length: body.contentLength })
    }
  }
  return new CredentialUnavailable({
    mode,
    problem: "the signature covers the body, and this body is not known before it is sent: give it as text or bytes" +
      `${
        isS3(settings) ? ", give the length of the stream" : ""
      }, or leave it out of the signature (payload: "unsigned")`,
    final: true
  })
}

/** A short body is hashed sooner than Web Crypto would be asked. */
const hashOf = (bytes: Uint8Array): Effect.Effect<string> =>
  bytes.length === 0
    ? Effect.succeed(Signature.emptyHash)
    : bytes.length <= shortBody
    ? Effect.sync(() => Signature.hashOf(bytes))
    : Effect.map(
      // a copy, because its buffer may be shared, which Web Crypto does not take
      Effect.promise(() => globalThis.crypto.subtle.digest("SHA-256", new Uint8Array(bytes))),
      (hash) => Encoding.encodeHex(new Uint8Array(hash))
    )

/** In bytes. */
const shortBody = 16_384

const explain = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.map(
    Effect.orElseSucceed(response.text, () => ""),
    (body) => ServerMessage.fromResponse(response, Answers.messageOf(response.headers, body))
  )
