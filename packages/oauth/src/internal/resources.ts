/** Resource indicators (RFC 8707): which texts are one, and what is said when a server does not know it. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected, InvalidSetting } from "@effect-auth/core/AuthError"
import * as Either from "effect/Either"
import * as Struct from "effect/Struct"

export type Resources = string | ReadonlyArray<string> | undefined

/** Section 2: an absolute URI without a fragment. It is sent as it is spelled. */
export const checked = (resources: Resources): Either.Either<void, InvalidSetting> =>
  listOf(resources).every(isIndicator)
    ? Either.void
    : Either.left(
      new InvalidSetting({
        setting: "resource",
        problem: "must be an absolute URI without a fragment, such as https://api.example"
      })
    )

/** A server that does not issue tokens for a resource does not say for which. */
export const named = (resources: Resources) => (error: ExchangeError): ExchangeError => {
  const asked = listOf(resources).map(shown).join(", ")
  return error._tag !== "CredentialsRejected" || error.code !== "invalid_target" || asked === ""
    ? error
    : new CredentialsRejected({
      ...Struct.pick(error, "mode", "url", "status", "code", "reason", "grant"),
      detail: [...error.detail === undefined ? [] : [error.detail], `asked for ${asked}`].join("; ")
    })
}

const listOf = (resources: Resources): ReadonlyArray<string> =>
  typeof resources === "string" ? [resources] : resources ?? []

const isIndicator = (text: string): boolean => /^[\x21-\x7e]+$/u.test(text) && !text.includes("#") && URL.canParse(text)

/** A resource may come from the metadata of a server. */
const shown = (resource: string): string => resource.slice(0, 200).replace(/[^\x21-\x7e]/gu, "?")
