/** What the body of an answer is, whatever its content type says. */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Option from "effect/Option"
import * as Masking from "../masking.ts"
import type { Answer } from "./dialect.ts"

export const of = (
  { headers }: HttpClientResponse.HttpClientResponse,
  body: Option.Option<string>,
  isJson: boolean
): Answer["content"] => {
  if (Option.isNone(body)) return "Text"
  const text = body.value.trimStart()
  if (text === "") return "Empty"
  if (/^text\/html\b/iu.test(headers["content-type"] ?? "") || /^<(?:!doctype\s+html|html)\b/iu.test(text)) {
    return "Html"
  }
  return isJson ? "Json" : "Text"
}

/** What to say of a body that is still compressed, and so no UTF-8. Of the transports only fetch decodes one unasked. */
export const compression = (
  { headers }: HttpClientResponse.HttpClientResponse,
  body: string
): string | undefined => {
  const encoding = headers["content-encoding"]
  return encoding === undefined || !body.includes("\ufffd")
    ? undefined
    : `the server compressed the body (${Masking.printable(encoding, 20)}), which this transport does not decode`
}
