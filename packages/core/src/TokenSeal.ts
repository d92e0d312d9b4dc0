/**
 * Encrypts sessions before a store writes them: AES-256-GCM by Web Crypto, under keys that can be replaced while sessions
 * are kept. Every store of this library takes a seal.
 *
 * What is sealed is bound to its session and its generation: a text that was put in the place of another session, or that
 * somebody gave another generation, cannot be opened. What cannot be opened is no session: the next login takes its place.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { InvalidSetting } from "./AuthError.ts"
import * as ConfigReading from "./internal/configReading.ts"

/**
 * A ring of keys: the first seals, each of them opens.
 *
 * @since 0.1.0
 * @category models
 */
export interface TokenSeal {
  /** The seal of one session, by the name that its store has for it. */
  readonly forSession: (session: string) => SessionSeal
}

/**
 * @since 0.1.0
 * @category models
 */
export interface SessionSeal {
  readonly seal: (text: string, generation: number) => Effect.Effect<string>
  /** `None`: it was sealed with another key, for another session or generation, was changed, or is not sealed. */
  readonly open: (text: string) => Effect.Effect<Option.Option<{ readonly text: string; readonly generation: number }>>
}

/**
 * A seal with keys of 32 bytes each in base64, as `openssl rand -base64 32` makes them. To replace a key, put the new one
 * before the old one, and take the old one away once every session has been written anew.
 *
 * @example
 * ```ts
 * import * as TokenSeal from "@effect-auth/core/TokenSeal"
 * import * as TokenStores from "@effect-auth/core/TokenStores"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * declare const key: Redacted.Redacted
 *
 * const Stores = Layer.unwrapEffect(
 *   Effect.map(TokenSeal.make([key]), (seal) => TokenStores.layerKeyValueStore({ seal }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  keys: ReadonlyArray<Redacted.Redacted>
): Effect.Effect<TokenSeal, InvalidSetting> =>
  Effect.gen(function*() {
    const ring = yield* Effect.forEach(keys, readKey)
    const [first] = ring
    if (first === undefined) return yield* new InvalidSetting({ setting: "keys", problem: "must have a key" })
    return {
      forSession: (session): SessionSeal => ({
        seal: (text, generation) => seal(first, session, text, generation),
        open: (text) => open(ring, session, text)
      })
    }
  })

/**
 * {@link make} with its keys from one variable, separated by commas.
 *
 * @example
 * ```ts
 * import * as TokenSeal from "@effect-auth/core/TokenSeal"
 * import * as Config from "effect/Config"
 *
 * // SESSION_KEYS=new,old
 * const seal = TokenSeal.fromConfig(Config.redacted("SESSION_KEYS"))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromConfig = (
  config: Config.Config<Redacted.Redacted>
): Effect.Effect<TokenSeal, InvalidSetting | ConfigError> =>
  Effect.flatMap(
    ConfigReading.read(config),
    (keys) => make(Redacted.value(keys).split(",").map((key) => Redacted.make(key.trim())))
  )

interface Key {
  /** Tells it from the others of a ring; says nothing of the key. */
  readonly id: string
  readonly key: CryptoKey
}

const readKey = (given: Redacted.Redacted, index: number): Effect.Effect<Key, InvalidSetting> => {
  const bytes = Either.getOrUndefined(Encoding.decodeBase64(Redacted.value(given)))
  return bytes?.length !== 32
    ? new InvalidSetting({ setting: `keys[${index}]`, problem: "must be 32 bytes in base64: openssl rand -base64 32" })
    : Effect.promise(async () => {
      const copy = new Uint8Array(bytes)
      const id = await crypto.digest(
        "SHA-256",
        new Uint8Array([...new TextEncoder().encode("effect-auth key "), ...copy])
      )
      return {
        id: Encoding.encodeHex(new Uint8Array(id).slice(0, 4)),
        key: await crypto.importKey("raw", copy, "AES-GCM", false, ["encrypt", "decrypt"])
      }
    })
}

const crypto = globalThis.crypto.subtle

/** What is written. The generation is in the clear: it tells nothing, and a changed one does not open. */
const Envelope = Schema.Struct({
  sealed: Schema.Literal("A256GCM"),
  key: Schema.String,
  generation: Schema.NonNegativeInt,
  iv: Schema.Uint8ArrayFromBase64Url,
  data: Schema.Uint8ArrayFromBase64Url
})

const writeEnvelope = Schema.encodeSync(Schema.parseJson(Envelope))
const readEnvelope = Schema.decodeOption(Schema.parseJson(Envelope))

const bound = (session: string, generation: number): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(JSON.stringify(["effect-auth session", session, generation]))

const seal = ({ id, key }: Key, session: string, text: string, generation: number): Effect.Effect<string> =>
  Effect.promise(async () => {
    const iv = globalThis.crypto.getRandomValues(new Uint8Array(12))
    const additionalData = bound(session, generation)
    const data = await crypto.encrypt({ name: "AES-GCM", iv, additionalData }, key, new TextEncoder().encode(text))
    return writeEnvelope({ sealed: "A256GCM", key: id, generation, iv, data: new Uint8Array(data) })
  })

const open = (ring: ReadonlyArray<Key>, session: string, text: string): ReturnType<SessionSeal["open"]> => {
  const envelope = Option.getOrUndefined(readEnvelope(text))
  const key = ring.find(({ id }) => id === envelope?.key)
  if (envelope === undefined || key === undefined) return Effect.succeedNone
  const { data, generation, iv } = envelope
  const additionalData = bound(session, generation)
  return Effect.option(Effect.tryPromise(async () => {
    const opened = await crypto.decrypt(
      { name: "AES-GCM", iv: new Uint8Array(iv), additionalData },
      key.key,
      new Uint8Array(data)
    )
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(opened), generation }
  }))
}
