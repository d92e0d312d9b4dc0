/** The answers of an mqweb server as data, and its errors in the two spellings of their identifier. */
import * as Option from "effect/Option"
import type { Settings } from "./mqwebState.ts"

export interface Answer {
  readonly status: number
  readonly contentType: string
  /** None for an answer without a body. */
  readonly body: Option.Option<string>
  readonly headers: Readonly<Record<string, string>>
  /** Whole `Set-Cookie` lines, in order. */
  readonly setCookie: ReadonlyArray<string>
}

export const json = (status: number, value: unknown): Answer => ({
  status,
  contentType: "application/json;charset=utf-8",
  body: Option.some(JSON.stringify(value)),
  headers: {},
  setCookie: []
})

export const noContent: Answer = { status: 204, contentType: "", body: Option.none(), headers: {}, setCookie: [] }

export const failure = (
  settings: Settings,
  status: number,
  id: string,
  message: string,
  codes: { readonly completionCode: number; readonly reasonCode: number } = { completionCode: 0, reasonCode: 0 }
): Answer =>
  json(status, {
    error: [{
      [settings.errorIdField]: id,
      type: "rest",
      message: `${id}: ${message}`,
      explanation: "The REST API request cannot be completed.",
      action: "Correct the request and submit it again.",
      ...codes
    }]
  })

/** IBM lists no identifier for a request that the servlet container itself rejects; MQWB0000E is the catch-all. */
export const rejected = (settings: Settings, status: number, message: string): Answer =>
  failure(settings, status, "MQWB0000E", message)
