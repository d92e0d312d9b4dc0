/** What a refusal is about, where the server does not say it: which resource it does not know, which grants it has. */
import type { ExchangeError } from "@effect-auth/core/AuthError"
import { CredentialsRejected } from "@effect-auth/core/AuthError"
import * as Struct from "effect/Struct"
import * as Resources from "./resources.ts"

export interface Asked {
  readonly resource: Resources.Resources
  /** Those of the server's metadata. */
  readonly grantTypes?: ReadonlyArray<string> | undefined
}

export const explained = (asked: Asked) => (error: ExchangeError): ExchangeError => {
  const more = error._tag === "CredentialsRejected" ? explanation(error, asked) : undefined
  return error._tag !== "CredentialsRejected" || more === undefined
    ? error
    : new CredentialsRejected({
      ...Struct.pick(error, "mode", "url", "status", "code", "reason", "grant"),
      detail: [...error.detail === undefined ? [] : [error.detail], more].join("; ")
    })
}

const explanation = ({ code }: CredentialsRejected, { grantTypes, resource }: Asked): string | undefined => {
  const resources = Resources.listOf(resource)
  return code === "invalid_target" && resources.length > 0
    ? `asked for ${shown(resources)}`
    : code === "unsupported_grant_type" && grantTypes !== undefined
    ? `its metadata lists ${shown(grantTypes)}`
    : undefined
}

/** They may come from the metadata of a server. */
const shown = (words: ReadonlyArray<string>): string =>
  words.slice(0, 20).map((word) => word.slice(0, 200).replace(/[^\x21-\x7e]/gu, "?")).join(", ")
