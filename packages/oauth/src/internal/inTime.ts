/** A bound for what is waited for outside of a token source, whose policy bounds the rest. */
import { TokenEndpointError } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as RefreshPolicy from "@effect-auth/core/RefreshPolicy"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

export interface Bound {
  /** Shown in errors. */
  readonly mode: string
  /** What is asked. */
  readonly url?: string | undefined
  /** What that is, if it is no token endpoint. */
  readonly endpoint?: string | undefined
  /** Default: how long an exchange may take by default. */
  readonly timeout?: Duration.Duration | undefined
}

export const inTime =
  ({ endpoint, mode, timeout = RefreshPolicy.default.timeout, url }: Bound) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E | TokenEndpointError, R> =>
    Effect.timeoutFail(self, {
      duration: timeout,
      onTimeout: () =>
        new TokenEndpointError({
          mode,
          reason: "Timeout",
          ...(url === undefined ? undefined : { url: OriginPolicy.addressOf({ url }), sent: true }),
          ...(endpoint === undefined ? undefined : { endpoint }),
          detail: `no answer within ${Duration.format(timeout)}`
        })
    })
