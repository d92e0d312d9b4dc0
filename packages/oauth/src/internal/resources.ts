/** Resource indicators (RFC 8707): which texts are one, and what is said when a server does not know it. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, InvalidSetting } from "@effect-auth/core/AuthError"
import * as Either from "effect/Either"

export type Resources = string | ReadonlyArray<string> | undefined

/** Section 2: an absolute URI without a fragment. It is sent as it is spelled. */
export const checked = (resources: Resources): Either.Either<void, InvalidSetting> =>
  listOf(resources).every((text) => /^[!-~]+$/u.test(text) && !text.includes("#") && URL.canParse(text))
    ? Either.void
    : Either.left(
      new InvalidSetting({
        setting: "resource",
        problem: "must be an absolute URI without a fragment"
      })
    )

/** A server that does not issue tokens for a resource does not say for which. */
export const named = (resources: Resources) => (error: ExchangeError): ExchangeError =>
  error._tag !== "CredentialsRejected" || error.code !== "invalid_target" || resources === undefined
    ? error
    : new CredentialsRejected({
      ...error,
      // one may come from the metadata of a server
      detail: `${error.detail ?? ""} (asked for ${listOf(resources).join(", ").slice(0, 500).replace(/[^ -~]/gu, "?")})`
        .trim()
    })

const listOf = (resources: Resources): ReadonlyArray<string> =>
  typeof resources === "string" ? [resources] : resources ?? []
