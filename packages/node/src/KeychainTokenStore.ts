/**
 * Token stores for programs on a person's machine: encrypted files, whose key the system's keychain keeps (Keychain on macOS,
 * Credential Manager on Windows, Secret Service on Linux). A session may be longer than some keychains take, and the lock and
 * the announcements of a file are those of {@link FileTokenStore}; the keychain has 32 bytes.
 *
 * It needs [`@napi-rs/keyring`](https://www.npmjs.com/package/@napi-rs/keyring), version 1 or 2.
 *
 * @since 0.1.0
 */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as TokenSeal from "@effect-auth/core/TokenSeal"
import type * as TokenStores from "@effect-auth/core/TokenStores"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as FileTokenStore from "./FileTokenStore.ts"
import * as KeychainKey from "./internal/keychainKey.ts"

/**
 * @since 0.1.0
 * @category models
 */
export interface Options extends Omit<FileTokenStore.LayerOptions, "seal"> {
  /** The program, as the keychain shows it to the person. */
  readonly service: string
  /** Tells several keys of one program from each other. Default: `sessions`. */
  readonly account?: string | undefined
  /**
   * Encrypts where there is no keychain, such as on a server or in a container. Default: the layer cannot be built there.
   */
  readonly otherwise?: TokenSeal.TokenSeal | undefined
}

/**
 * `TokenStores` in encrypted files of one directory, with the key of the keychain.
 *
 * @example
 * ```ts
 * import * as KeychainTokenStore from "@effect-auth/node/KeychainTokenStore"
 *
 * const Stores = KeychainTokenStore.layer({ service: "acme", directory: "/home/alice/.local/state/acme" })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<TokenStores.TokenStores, InvalidSetting> =>
  Layer.unwrapEffect(Effect.map(seal(options), (seal) => FileTokenStore.layer({ ...options, seal })))

/**
 * The seal by itself, for another store. A key that cannot be used, because something else wrote it, is `InvalidSetting`.
 *
 * @since 0.1.0
 * @category constructors
 */
export const seal = (
  { account, otherwise, service }: Pick<Options, "account" | "otherwise" | "service">
): Effect.Effect<TokenSeal.TokenSeal, InvalidSetting> =>
  Effect.flatMap(
    KeychainKey.keyOf(async () => {
      const { AsyncEntry } = await import("@napi-rs/keyring")
      return new AsyncEntry(service, account ?? "sessions")
    }),
    Option.match({
      onSome: (key) =>
        Effect.mapError(TokenSeal.make([key]), () =>
          new InvalidSetting({
            setting: "service",
            problem: `the keychain has an entry of ${service} that is no key; remove it, or choose another account`
          })),
      onNone: () =>
        otherwise === undefined
          ? new InvalidSetting({
            setting: "service",
            problem:
              "there is no keychain that @napi-rs/keyring can write to; install it, or give a seal to use otherwise"
          })
          : Effect.succeed(otherwise)
    })
  )
