/** What a server is known by, and what it issued to tell a client or an account by. */
import * as Credential from "@effect-auth/core/Credential"
import * as Schema from "effect/Schema"

/** No server issues one with what is pasted along with a text and not seen. The answer of a `Schema.filter`. */
export const asTyped = (text: string): true | string =>
  !/^\s|\s$|\p{C}/u.test(text) || "must not have white space around it or an invisible character in it"

export const Identifier = /*#__PURE__*/ Credential.Name.pipe(/*#__PURE__*/ Schema.filter(asTyped))
