/**
 * The answers of Qualys: SIMPLE_RETURN XML on the API host, ServiceResponse below /qps/rest, JSON on the gateway, HTML from
 * the proxy in front of them.
 */
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as DateTime from "effect/DateTime"

/** An answer as data. `refused`: the credentials were not accepted, which Qualys may state inside a 200. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
  readonly refused?: boolean | undefined
}

export const toResponse = ({ body = "", headers = {}, status }: Answer): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(body, { status, headers, contentType: headers["content-type"] ?? "text/plain" })

export const withHeaders = (answer: Answer, headers: Readonly<Record<string, string>>): Answer => ({
  ...answer,
  headers: { ...answer.headers, ...headers }
})

const xml = (status: number, body: string): Answer => ({
  status,
  headers: { "content-type": "text/xml;charset=UTF-8" },
  body: `<?xml version="1.0" encoding="UTF-8" ?>\n${body}\n`
})

export const json = (status: number, body: unknown): Answer => ({
  status,
  headers: { "content-type": "application/json;charset=UTF-8" },
  body: JSON.stringify(body)
})

export const text = (status: number, body: string): Answer => ({
  status,
  headers: { "content-type": "text/plain;charset=UTF-8" },
  body
})

/** `now` in epoch milliseconds; `item` is the key and value of the only ITEM. */
export const simpleReturn = (options: {
  readonly status: number
  readonly now: number
  readonly code?: number | undefined
  readonly text: string
  readonly item?: readonly [key: string, value: string | number] | undefined
}): Answer =>
  xml(
    options.status,
    [
      `<!DOCTYPE SIMPLE_RETURN SYSTEM "https://qualysapi.qualys.com/api/2.0/simple_return.dtd">`,
      "<SIMPLE_RETURN>",
      "  <RESPONSE>",
      `    <DATETIME>${DateTime.formatIso(DateTime.unsafeMake(options.now)).replace(/\.\d+Z$/, "Z")}</DATETIME>`,
      ...(options.code === undefined ? [] : [`    <CODE>${options.code}</CODE>`]),
      `    <TEXT>${options.text}</TEXT>`,
      ...(options.item === undefined ? [] : [
        "    <ITEM_LIST>",
        "      <ITEM>",
        `        <KEY>${options.item[0]}</KEY>`,
        `        <VALUE>${options.item[1]}</VALUE>`,
        "      </ITEM>",
        "    </ITEM_LIST>"
      ]),
      "  </RESPONSE>",
      "</SIMPLE_RETURN>"
    ].join("\n")
  )

/** Everything below /qps/rest is answered 200. */
export const serviceResponse = (responseCode: string, accept: string | undefined): Answer =>
  accept?.toLowerCase().includes("json") === true
    ? json(200, { ServiceResponse: { responseCode } })
    : xml(200, `<ServiceResponse><responseCode>${responseCode}</responseCode></ServiceResponse>`)

export const badLogin = (now: number): Answer => ({
  ...simpleReturn({ status: 401, now, code: 2000, text: "Bad Login/Password" }),
  refused: true
})

export const accountUnusable = (why: "expired" | "eula", now: number): Answer => ({
  ...simpleReturn(
    why === "expired"
      ? { status: 200, now, code: 2001, text: "This account has expired." }
      : { status: 401, now, code: 2002, text: "The End User License Agreement has not been accepted." }
  ),
  refused: true
})

/** 1903 is the vendor's code for a request that lacks something mandatory. */
export const missing = (now: number, what: string): Answer =>
  simpleReturn({ status: 400, now, code: 1903, text: `Missing required parameter(s): ${what}` })

export const tooOften = (now: number, seconds: number): Answer =>
  simpleReturn({
    status: 409,
    now,
    code: 1965,
    text: `This API cannot be run again for another ${seconds} seconds.`,
    item: ["SECONDS_TO_WAIT", seconds]
  })

export const tooMany = (now: number, calls: number): Answer =>
  simpleReturn({
    status: 409,
    now,
    code: 1960,
    text: `This API cannot be run again until ${calls} currently running instances have finished.`,
    item: ["CALLS_TO_FINISH", calls]
  })

/** 1920 is the vendor's code for a 409 for neither rate nor concurrency. */
export const tooManySessions = (now: number): Answer =>
  simpleReturn({ status: 409, now, code: 1920, text: "Too many open sessions: log out of one first." })

export const about: Answer = xml(
  200,
  `<ABOUT><API-VERSION MAJOR="1" MINOR="4" /><WEB-VERSION>canary</WEB-VERSION></ABOUT>`
)

export const gatewayUnauthorized: Answer = { ...json(401, { status: 401, message: "Unauthorized" }), refused: true }

/** What some services say of a bearer that they cannot parse; the exact body is unknown. */
export const unparsedJwt: Answer = { ...json(500, { status: 500, message: "JWT parsing failed" }), refused: true }

export const gatewayBlocked: Answer = json(429, { status: 429, message: "Too Many Requests" })

export const gatewaySuccess: Answer = json(200, { responseCode: "SUCCESS", count: 0 })

export const html = (status: number): Answer => ({
  status,
  headers: { "content-type": "text/html" },
  body: `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`
})
