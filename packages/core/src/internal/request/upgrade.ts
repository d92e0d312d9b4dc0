/**
 * The opening handshake of a WebSocket (RFC 6455 section 4) on its way through a client. It is a request as any other: its
 * origin is checked, a rate limiter admits it, credentials are written on it, and a refusal renews them. Only the last step
 * differs: not the client's transport sends it, but what the fiber's context holds.
 */
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type { Send } from "./manualRedirect.ts"

// @effect-diagnostics-next-line deterministicKeys:off -- private to this package, whatever the file is called
export class Upgrade extends Context.Tag("@effect-auth/core/Upgrade")<Upgrade, Send>() {}

/** Set on every such request (RFC 9110 section 7.8), so that no other has its fiber's context searched. */
export const header = { upgrade: "websocket" } as const

/** A request that asks for an upgrade of its own accord has nothing of ours in its context, and goes the usual way. */
export const sendOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>, usual: Send): Send =>
  Option.getOrElse(Context.getOption(fiber.currentContext, Upgrade), () => usual)
