/** Which URLs are requested, and shown to a person. */
import type { InsecureTransport } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as Either from "effect/Either"

/**
 * The URL, parsed: https, or http on loopback; no fragment, even an empty one; no user information, which makes
 * `https://good.example@evil.example` look like another host. A query is allowed (RFC 6749 section 3.1). No error quotes
 * the URL.
 */
export const checkedUrl = (setting: string, url: string): Either.Either<URL, InvalidSetting | InsecureTransport> =>
  Either.flatMap(
    Either.try({
      try: () => new URL(url),
      catch: () => new InvalidSetting({ setting, problem: "is not an absolute URL, such as https://host.example/path" })
    }),
    (parsed) =>
      url.includes("#")
        ? Either.left(new InvalidSetting({ setting, problem: "must not have a fragment" }))
        : Either.mapBoth(OriginPolicy.make({ baseUrl: `${parsed.protocol}//${authorityOf(parsed)}` }), {
          onLeft: (error) =>
            error._tag === "InvalidSetting" ? new InvalidSetting({ setting, problem: error.problem }) : error,
          onRight: () => parsed
        })
  )

const authorityOf = ({ host, password, username }: URL): string =>
  username === "" && password === "" ? host : `${username}:${password}@${host}`
