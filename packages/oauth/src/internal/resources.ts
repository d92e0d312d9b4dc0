/** Resource indicators (RFC 8707). */
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as Either from "effect/Either"

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

export const listOf = (resources: Resources): ReadonlyArray<string> =>
  typeof resources === "string" ? [resources] : resources ?? []

const isIndicator = (text: string): boolean => /^[\x21-\x7e]+$/u.test(text) && !text.includes("#") && URL.canParse(text)
