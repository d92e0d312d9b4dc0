/**
 * What a fake server or a scripted client was asked, and the comparison of it with what a test expects. It depends on no
 * test runner: what differs is told in words.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"

/**
 * A request as it arrived, with every secret it carries.
 *
 * @since 0.1.0
 * @category models
 */
export interface Received {
  readonly method: string
  /** With the query, without the fragment, which no client sends. */
  readonly url: URL
  /** Method, path and query, such as `GET /scans?page=2`. */
  readonly line: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** As text; empty if there is none. */
  readonly body: string
  /** When it arrived, in epoch milliseconds of the Clock. */
  readonly at: number
  /** The status it was answered with; `undefined` until it is answered, and where it never is. */
  readonly status: number | undefined
}

/**
 * What a test expects of one request: its line, such as `GET /scans?page=2`, or some of its parts. Headers that are not
 * named may be anything; `undefined` stands for one that must not be there.
 *
 * @since 0.1.0
 * @category models
 */
export type Expected = string | {
  readonly line?: string | undefined
  readonly status?: number | undefined
  readonly headers?: Readonly<Record<string, string | undefined>> | undefined
  readonly body?: string | undefined
}

/**
 * The lines of the requests, such as `["POST /token", "GET /scans"]`.
 *
 * @since 0.1.0
 * @category accessors
 */
export const lines = (requests: ReadonlyArray<Received>): ReadonlyArray<string> => requests.map(({ line }) => line)

/**
 * How the requests differ from what is expected: one expectation for each request, in order. `None`: they do not. Values of
 * headers and bodies are compared and not told, because they may be secret.
 *
 * @example
 * ```ts
 * import * as RequestLog from "@effect-auth/testing/RequestLog"
 *
 * declare const requests: ReadonlyArray<RequestLog.Received>
 *
 * const difference = RequestLog.difference(requests, [
 *   "POST /token",
 *   { line: "GET /scans", status: 200, headers: { authorization: "Bearer canary-1" } }
 * ])
 * ```
 *
 * @since 0.1.0
 * @category comparisons
 */
export const difference = (
  requests: ReadonlyArray<Received>,
  expected: ReadonlyArray<Expected>
): Option.Option<string> => {
  const faults = Array.from(
    { length: Math.max(requests.length, expected.length) },
    (_, i) => fault(requests[i], expected[i])
  )
  return faults.every((fault) => fault === undefined) ? Option.none() : Option.some([
    "the requests are not those that were expected",
    ...faults.map((fault, i) =>
      `  ${i + 1}. ${requests[i]?.line ?? "(no request)"}${fault === undefined ? "" : `: ${fault}`}`
    )
  ].join("\n"))
}

const fault = (request: Received | undefined, expected: Expected | undefined): string | undefined => {
  if (expected === undefined) return "not expected"
  const { body, headers = {}, line, status }: Exclude<Expected, string> = typeof expected === "string"
    ? { line: expected }
    : expected
  if (request === undefined) return `expected ${line ?? "one more request"}`
  const name = Object.keys(headers).find((name) => request.headers[name.toLowerCase()] !== headers[name])
  if (line !== undefined && request.line !== line) return `expected ${line}`
  if (status !== undefined && request.status !== status) {
    return `expected status ${status}, and it was answered with ${request.status ?? "nothing"}`
  }
  if (name !== undefined) return headers[name] === undefined ? `has the header ${name}` : `the header ${name} differs`
  return body !== undefined && request.body !== body ? "the body differs" : undefined
}
