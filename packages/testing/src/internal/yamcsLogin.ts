/**
 * The login page of a Yamcs server, which gives authorization codes, and the server's metadata, as pure functions. The
 * rules are those of `AuthHandler` and `WellKnownHandler` of Yamcs 5.13.
 */
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Settings, State } from "./yamcsState.ts"
import { isPassword } from "./yamcsState.ts"
import * as Wire from "./yamcsWire.ts"

/** Parameters of the form, or of the query if the body is no form. */
export type Parameters = Readonly<Record<string, string>>

export type Answer =
  | { readonly _tag: "Page"; readonly html: string }
  | { readonly _tag: "Redirect"; readonly location: string }
  | { readonly _tag: "BadRequest" }

/** `/auth/authorize`. None of the parameters is checked against anything. */
export const authorize = (contextPath: string, parameters: Parameters): Answer =>
  ["scope", "response_type", "client_id", "redirect_uri"].some((name) => parameters[name] === undefined)
    ? { _tag: "BadRequest" }
    : page(contextPath, parameters, Option.none())

/** `/auth/actions/login`, where the form of the page goes. */
export const login = (
  settings: Settings,
  contextPath: string,
  parameters: Parameters,
  now: number
) =>
(state: State): readonly [Answer, State] => {
  const { client_id: clientId, password, redirect_uri: redirectUri, state: opaque, username } = parameters
  if (username === undefined || password === undefined || clientId === undefined || redirectUri === undefined) {
    return [{ _tag: "BadRequest" }, state]
  }
  if (!isPassword(settings, username, password)) {
    return [page(contextPath, parameters, Option.some("Invalid username or password")), state]
  }
  const code = Wire.code(state.counter)
  const query = Object.entries({ code, state: opaque }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`]
  )
  return [
    // the server appends a question mark whether or not there is a query already
    { _tag: "Redirect", location: `${redirectUri}?${query.join("&")}` },
    {
      ...state,
      counter: state.counter + 1,
      codes: HashMap.set(state.codes, code, { user: username, until: now + codeMillis, kind: "Page" })
    }
  ]
}

/** `AuthHandler.CODE_CACHE`. */
const codeMillis = 60_000

const page = (contextPath: string, parameters: Parameters, error: Option.Option<string>): Answer => {
  const hidden = ["client_id", "redirect_uri", "state"].flatMap((name) => {
    const value = parameters[name]
    return value === undefined ? [] : [`<input type="hidden" name="${name}" value="${escape(value)}">`]
  })
  return {
    _tag: "Page",
    html: [
      "<!doctype html>",
      `<form method="post" action="${contextPath}/auth/actions/login">`,
      "<input type=\"text\" name=\"username\">",
      "<input type=\"password\" name=\"password\">",
      ...Option.match(error, {
        onNone: () => [],
        onSome: (text) => [`<p class="error-message">${text}</p>`]
      }),
      ...hidden,
      "<input name=\"login\" type=\"submit\" value=\"Sign in\">",
      "</form>",
      ""
    ].join("\n")
  }
}

const escape = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("\"", "&quot;")

/** RFC 8414, as `WellKnownHandler` has it. */
export const metadata = (baseUrl: string): Readonly<Record<string, string | ReadonlyArray<string>>> => ({
  issuer: `${baseUrl}/auth`,
  authorization_endpoint: `${baseUrl}/auth/authorize`,
  token_endpoint: `${baseUrl}/auth/token`,
  response_types_supported: ["token"],
  response_modes_supported: ["query"],
  grant_types_supported: ["authorization_code", "refresh_token", "password", "client_credentials"]
})
