/**
 * Stores for a whole program: one service from which every session mode that is given no `store` takes its own. A token
 * is stored under its audience (mode, origin and account), so that two modes, servers or accounts never share one.
 *
 * @example
 * ```ts
 * import * as TokenStores from "@effect-auth/core/TokenStores"
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as Layer from "effect/Layer"
 * import * as Redacted from "effect/Redacted"
 *
 * const credential = { username: "reader", password: Redacted.make("...") }
 *
 * // keeps its session in the program's KeyValueStore
 * const Kept = Yamcs.layerPassword({ baseUrl: "https://yamcs.example", credential }).pipe(
 *   Layer.provide(TokenStores.layerKeyValueStore())
 * )
 * ```
 *
 * @since 0.1.0
 */
import * as KeyValueStore from "@effect/platform/KeyValueStore"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Encoding from "effect/Encoding"
import * as Layer from "effect/Layer"
import type { TokenSeal } from "./TokenSeal.ts"
import * as TokenStore from "./TokenStore.ts"

/**
 * Who a token was made for.
 *
 * @since 0.1.0
 * @category models
 */
export interface Audience {
  /** Such as `Yamcs/Password`. */
  readonly mode: string
  /** The origin of the server, such as `https://yamcs.example`, with its path if several servers share the origin. */
  readonly origin: string
  /** The name of the user, client or service account. */
  readonly account: string
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Service {
  /** The store of one audience, by {@link audienceKey}; the same store whenever it is asked for with the same key. */
  readonly forAudience: (key: string) => TokenStore.TokenStore
}

/**
 * @since 0.1.0
 * @category tags
 */
export class TokenStores extends Context.Tag("@effect-auth/core/TokenStores")<TokenStores, Service>() {}

/**
 * The key of an audience: SHA-256 in hexadecimal digits, so that it can name a file and tells nothing about the account.
 *
 * @since 0.1.0
 * @category constructors
 */
export const audienceKey = ({ account, mode, origin }: Audience): Effect.Effect<string> =>
  Effect.map(
    Effect.promise(() =>
      globalThis.crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify([mode, origin, account])))
    ),
    (digest) => Encoding.encodeHex(new Uint8Array(digest))
  )

/**
 * Stores made by a function, each once and each for its audience only, even if the function returns one store for all.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (forAudience: (key: string) => TokenStore.TokenStore): Service => {
  const stores = new Map<string, TokenStore.TokenStore>()
  return {
    forAudience: (key) => {
      const known = stores.get(key)
      if (known !== undefined) return known
      const store = TokenStore.forAudience(forAudience(key), key)
      stores.set(key, store)
      return store
    }
  }
}

/**
 * Stores in memory, for tests and for sessions that outlive the layers that use them.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<TokenStores> = Layer.sync(
  TokenStores,
  () => make(() => Effect.runSync(TokenStore.makeMemory))
)

/**
 * Stores over the platform's `KeyValueStore`; see `TokenStore.fromKeyValueStore` for what that means. A token is stored
 * under `prefix` (default `effect-auth/`) and the key of its audience; with a `seal`, encrypted.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerKeyValueStore = (
  options?: { readonly prefix?: string | undefined; readonly seal?: TokenSeal | undefined }
): Layer.Layer<TokenStores, never, KeyValueStore.KeyValueStore> =>
  Layer.effect(
    TokenStores,
    Effect.map(KeyValueStore.KeyValueStore, (store) => {
      const prefix = options?.prefix ?? "effect-auth/"
      return make((key) => TokenStore.fromKeyValueStore(store, { key: prefix + key, seal: options?.seal }))
    })
  )
