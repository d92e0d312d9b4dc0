/** Which URLs are requested, and shown to a person. */
import type { InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as Either from "effect/Either"

/** Without a fragment, even an empty one. A query is allowed (RFC 6749 section 3.1). No error quotes the URL. */
export const checkedUrl = (setting: string, url: string): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(OriginPolicy.checkedUrl(setting, url), (parsed) =>
    url.includes("#")
      ? Either.left(new InvalidSetting({ setting, problem: "must not have a fragment" }))
      : Either.right(parsed))
