/** The secrets of a login or refresh, which the server may quote in its refusal. */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { headerSecrets } from "./locations.ts"

/**
 * What could be a secret: the values of all headers and cookies and all fields of a form or of JSON, but for those that
 * are known to be public. To mask too much costs a word of a message, to mask too little a password.
 */
export const secretsOf = (request: HttpClientRequest.HttpClientRequest): ReadonlyArray<string> => [
  ...Object.entries(request.headers).filter(([name]) => !publicHeaders.test(name)).flatMap(([name, value]) =>
    name === "cookie"
      ? value.split(/; */u).map((pair) => pair.slice(pair.indexOf("=") + 1))
      : headerSecrets(name, value)
  ),
  ...Array.from(request.urlParams, fieldOf).filter(isSecret).map(({ value }) => value),
  // an endpoint's own, which may be a key; a version or a policy is shorter
  ...Array.from(new URLSearchParams(request.url.split("?", 2)[1]), fieldOf).filter(isSecret)
    .flatMap(({ value }) => value.length < shortestKey ? [] : [value]),
  ...bodyFields(request).filter(isSecret).map(({ value }) => value)
]

const publicHeaders = /^(?:accept.*|content-.*|host|user-agent|x-requested-with|traceparent|b3)$/u

/**
 * Of OAuth 2 (RFC 6749 appendix A), of the registration of its clients (RFC 7591 section 2), and of the usual login forms.
 */
const publicFields =
  /^(?:grant_types?|username|user|login|client_id|scope|audience|resource|redirect_uris?|response_types?|token_type_hint|become|action|token|permissions|token_endpoint_auth_method|application_type|client_name|client_uri|logo_uri|jwks_uri)$/u

/** In characters. */
const shortestKey = 16

interface Field {
  readonly name: string
  readonly value: string
}

/** A token field of Qualys says only `true`; values as short as that are no secrets of a machine. */
const isSecret = ({ name, value }: Field): boolean =>
  value !== "" && (!publicFields.test(name) || (name === "token" && value !== "true"))

const fieldOf = ([name, value]: readonly [string, string]): Field => ({ name, value })

const bodyFields = ({ body }: HttpClientRequest.HttpClientRequest): ReadonlyArray<Field> => {
  if (body._tag === "FormData") {
    return Array.from(body.formData, ([name, value]) => typeof value === "string" ? [{ name, value }] : []).flat()
  }
  if (body._tag !== "Uint8Array") return []
  const text = new TextDecoder().decode(body.body)
  return body.contentType.startsWith("application/x-www-form-urlencoded")
    ? Array.from(new URLSearchParams(text), fieldOf)
    : Option.match(parseJson(text), { onNone: () => [], onSome: (json) => leaves("", json) })
}

const parseJson = Schema.decodeOption(Schema.parseJson())

const leaves = (name: string, json: unknown): ReadonlyArray<Field> =>
  typeof json === "string" || typeof json === "number"
    ? [{ name, value: String(json) }]
    : Array.isArray(json)
    ? json.flatMap((element) => leaves(name, element))
    : Predicate.isRecord(json)
    ? Object.entries(json).flatMap(([name, value]) => leaves(name, value))
    : []
