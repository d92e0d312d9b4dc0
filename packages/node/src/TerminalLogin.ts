/**
 * Everything that a login by a person takes, for a program at a terminal: the system's browser, a prompt on standard error,
 * and a receiver on loopback.
 *
 * @since 0.1.0
 */
import type { Browser } from "@effect-auth/core/Browser"
import type { LoginPrompt } from "@effect-auth/core/LoginPrompt"
import type { RedirectReceiver } from "@effect-auth/core/RedirectReceiver"
import * as Layer from "effect/Layer"
import * as LoopbackReceiver from "./LoopbackReceiver.ts"
import * as SystemBrowser from "./SystemBrowser.ts"
import * as TerminalPrompt from "./TerminalPrompt.ts"

/**
 * @example
 * ```ts
 * import * as BrowserLogin from "@effect-auth/core/BrowserLogin"
 * import * as TerminalLogin from "@effect-auth/node/TerminalLogin"
 * import * as Effect from "effect/Effect"
 *
 * declare const options: BrowserLogin.Options<BrowserLogin.Page, never, never>
 *
 * const login = BrowserLogin.run(options).pipe(Effect.timeout("5 minutes"), Effect.provide(TerminalLogin.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Browser | LoginPrompt | RedirectReceiver> = Layer.mergeAll(
  LoopbackReceiver.layer,
  Layer.provideMerge(TerminalPrompt.layer, SystemBrowser.layer)
)
