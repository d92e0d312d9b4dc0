/**
 * HTTP Message Signatures (RFC 9421): the mode `MessageSignature`. What is signed is named part by part; a body is covered by its
 * digest (`Content-Digest`, RFC 9530), which is written where it is signed.
 *
 * @since 0.1.0
 */
import * as Authenticator from "@effect-auth/core/Authenticator"
import type { ExchangeError, InvalidSetting } from "@effect-auth/core/AuthError"
import { CredentialUnavailable, InvalidSetting as InvalidSettingError } from "@effect-auth/core/AuthError"
import type { Given, Untagged } from "@effect-auth/core/CredentialSource"
import * as CredentialSource from "@effect-auth/core/CredentialSource"
import type * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RequestCredentials from "@effect-auth/core/RequestCredentials"
import * as System from "@effect-auth/core/System"
import type { DurationWithUnit } from "@effect-auth/rate-limit/DurationWithUnit"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Bodies from "./internal/body.ts"
import type { Component, DigestAlgorithm } from "./internal/messages/base.ts"
import * as Base from "./internal/messages/base.ts"
import * as Keys from "./internal/messages/key.ts"
import * as Mode from "./internal/mode.ts"
import * as Random from "./internal/random.ts"
import * as Targets from "./internal/target.ts"
import type { MessageSignature } from "./SigningCredential.ts"
import * as Credentials from "./SigningCredential.ts"

export type { Component, DigestAlgorithm }

/**
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /**
   * What is signed, in this order. Default: {@link components}. `content-digest` is made for the body that is sent, which has to
   * be text or bytes.
   */
  readonly components?: ReadonlyArray<Component> | undefined
  /** The name of the signature, by which servers tell several apart. Default: `sig`. */
  readonly label?: string | undefined
  /** How long a signature is good (`expires`). Default: it does not say. */
  readonly lifetime?: DurationWithUnit | undefined
  /** Whether each signature has a random `nonce`. Default: no. */
  readonly nonce?: boolean | undefined
  /** What the signature is for (`tag`), if servers tell it by that. */
  readonly tag?: string | undefined
  /** Whether the algorithm is named (`alg`). Default: no, because the server knows it by the key. */
  readonly statesAlgorithm?: boolean | undefined
  /** Default: `sha-256`. */
  readonly digest?: DigestAlgorithm | undefined
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options<Self = never> extends Mode.Options<Self>, Settings {}

/**
 * A key that is somewhere else and signs there: in a KMS, an HSM or an agent. A `SigningKey` of `@effect-auth/oauth` signs in the
 * same way.
 *
 * @example
 * ```ts
 * import * as MessageSignature from "@effect-auth/signing/MessageSignature"
 * import * as Effect from "effect/Effect"
 *
 * declare const kms: { readonly sign: (bytes: Uint8Array) => Promise<Uint8Array> }
 *
 * const signer: MessageSignature.Signer = {
 *   keyId: "reporting",
 *   algorithm: "ecdsa-p256-sha256",
 *   sign: (bytes) => Effect.promise(() => kms.sign(bytes))
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Signer extends Pick<MessageSignature, "keyId" | "algorithm"> {
  /** Signs bytes. A signature of ECDSA is its two numbers one after the other (RFC 9421 section 3.3.4), not in DER. */
  readonly sign: (bytes: Uint8Array) => Effect.Effect<Uint8Array, ExchangeError>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Credential<R = never> {
  readonly credential: Given<Untagged<MessageSignature>, R> | Signer
}

/**
 * The method, the whole URL, and, of a request with a body, its digest and its type.
 *
 * @since 0.1.0
 * @category components
 */
export const components: ReadonlyArray<Component> = [
  "@method",
  "@target-uri",
  { name: "content-digest", ifPresent: true },
  { name: "content-type", ifPresent: true }
]

/**
 * The authenticator by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const authenticator = <R = never>(
  options: Settings & Credential<R>
): Effect.Effect<Authenticator.Authenticator, InvalidSetting, R> => {
  const { credential, label = defaultLabel, lifetime } = options
  if (!Base.isKey(label)) {
    return new InvalidSettingError({ setting: "label", problem: "must be lower-case letters, digits, _, -, . or *" })
  }
  const seconds = lifetime === undefined ? 1 : Duration.toSeconds(lifetime)
  if (!(seconds >= 1 && seconds < Infinity)) {
    return new InvalidSettingError({ setting: "lifetime", problem: "must be finite and at least a second" })
  }
  return !Effect.isEffect(credential) && "sign" in credential
    ? Effect.succeed(authenticatorOf(CredentialSource.succeed(credential), Effect.succeed, options))
    : CredentialSource.make(credential, { mode: Keys.mode, make: Credentials.messageSignature }).pipe(
      Effect.tap(({ fixed }) =>
        Effect.mapError(
          Option.match(fixed, { onNone: () => Effect.void, onSome: Keys.load }),
          ({ problem }) => new InvalidSettingError({ setting: "credential.key", problem })
        )
      ),
      Effect.map((source) => authenticatorOf(source, Keys.load, options))
    )
}

/**
 * The client by itself.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <const O extends Options, R = never>(options: O & Credential<R>): Mode.Client<O, R> =>
  Mode.makeOf<O, R>(authenticator(options), options)

/**
 * The client as a layer.
 *
 * @example
 * ```ts
 * import type * as AuthenticatedHttpClient from "@effect-auth/core/AuthenticatedHttpClient"
 * import * as MessageSignature from "@effect-auth/signing/MessageSignature"
 * import * as Context from "effect/Context"
 * import * as Redacted from "effect/Redacted"
 *
 * class Acme extends Context.Tag("app/Acme")<Acme, AuthenticatedHttpClient.Service>() {}
 *
 * const AcmeLive = MessageSignature.layer({
 *   client: Acme,
 *   baseUrl: "https://api.acme.example",
 *   credential: { keyId: "reporting", algorithm: "ed25519", key: Redacted.make("-----BEGIN PRIVATE KEY-----...") },
 *   components: ["@method", "@authority", "@path", "@query", { name: "content-digest", ifPresent: true }],
 *   lifetime: "5 minutes"
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = <Self = never, R = never>(
  options: Options<Self> & Credential<R>
): Mode.ModeLayer<Self, never, R> => Mode.layerOf<Self, R>(authenticator(options), options)

/**
 * {@link layer} with its settings from Config.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = <Self = never>(
  config: Config.Config.Wrap<OriginPolicy.Options & { readonly credential: MessageSignature }>,
  options?: Mode.PlainOptions<Self> & Settings
): Mode.ModeLayer<Self, ConfigError> =>
  System.layerConfig(config, (settings) => layer<Self>({ ...options, ...settings }))

const defaultLabel = "sig"

/** `load` makes a signer of a credential, once for each. */
const authenticatorOf = <C>(
  source: CredentialSource.CredentialSource<C>,
  load: (credential: C) => Effect.Effect<Signer, CredentialUnavailable>,
  settings: Settings
): Authenticator.Authenticator => {
  const latest = MutableRef.make<{ readonly of: C; readonly signer: Signer } | undefined>(undefined)
  const signerOf = (credential: C): Effect.Effect<Signer, CredentialUnavailable> => {
    const known = MutableRef.get(latest)
    return known?.of === credential
      ? Effect.succeed(known.signer)
      : Effect.tap(load(credential), (signer) => Effect.sync(() => MutableRef.set(latest, { of: credential, signer })))
  }
  return Authenticator.perRequestFromCredential(
    source,
    (credential, request, now) =>
      Effect.flatMap(signerOf(credential), (signer) => signed(signer, request, now, settings)),
    { mode: Keys.mode }
  )
}

const signed = (
  signer: Signer,
  request: HttpClientRequest.HttpClientRequest,
  now: number,
  settings: Settings
): Effect.Effect<Authenticator.Made, ExchangeError> =>
  Effect.gen(function*() {
    const url = Targets.urlOf(request)
    if (url === undefined) return { credentials: RequestCredentials.none }
    const { algorithm, keyId } = signer
    const { label = defaultLabel, lifetime, nonce, statesAlgorithm, tag } = settings
    const covered = settings.components ?? components
    const digest = yield* digestOf(request, covered, settings.digest ?? "sha-256")
    const created = Math.floor(now / 1000)
    const stated: Base.Stated = [
      ["created", created],
      ...lifetime === undefined ? [] : [["expires", created + Math.ceil(Duration.toSeconds(lifetime))] as const],
      ["keyid", keyId],
      ...statesAlgorithm === true ? [["alg", algorithm] as const] : [],
      ...nonce === true ? [["nonce", yield* Random.token] as const] : [],
      ...tag === undefined ? [] : [["tag", tag] as const]
    ]
    const message: Base.Message = {
      method: request.method,
      url,
      headers: digest === undefined ? request.headers : { ...request.headers, "content-digest": digest }
    }
    const base = yield* Effect.mapError(Base.make(covered, stated, message), unavailable)
    const bytes = yield* signer.sign(encoder.encode(base.text))
    const problem = Keys.problemOf(algorithm, bytes)
    if (problem !== undefined) return yield* unavailable(problem)
    const signature = Base.bytesField(bytes)
    return {
      credentials: RequestCredentials.all(
        ...digest === undefined ? [] : [RequestCredentials.header("content-digest", digest)],
        RequestCredentials.header("signature-input", Base.added(request.headers["signature-input"], label, base.input)),
        RequestCredentials.header("signature", Base.added(request.headers["signature"], label, signature))
      )
    }
  })

/** `undefined`: the digest is not signed, or there is no body. */
const digestOf = (
  { body }: HttpClientRequest.HttpClientRequest,
  covered: ReadonlyArray<Component>,
  algorithm: DigestAlgorithm
): Effect.Effect<string | undefined, CredentialUnavailable> => {
  const component = covered.find((component) => Base.nameOf(component) === "content-digest")
  if (component === undefined || isOptional(component) && body._tag === "Empty") return Effect.succeed(undefined)
  const bytes = Bodies.bytesOf(body)
  return bytes === undefined
    ? unavailable(
      "the signature covers the body (content-digest), and this body is not known before it is sent: give it as text or " +
        "bytes"
    )
    : Effect.sync(() => Base.contentDigest(bytes, algorithm))
}

const isOptional = (component: Component): boolean => typeof component !== "string" && component.ifPresent === true

const unavailable = (problem: string) => new CredentialUnavailable({ mode: Keys.mode, problem, final: true })

const encoder = new TextEncoder()
