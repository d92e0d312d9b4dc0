/** The answers of a Yamcs server over HTTP, in the media type that it derives from a request. */
import type * as Headers from "@effect/platform/Headers"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Protobuf from "./protobuf.ts"
import type * as Login from "./yamcsLogin.ts"

type MediaType = "application/json" | "application/protobuf" | "plain/text"

/**
 * `HttpRequestHandler.getAcceptType`: Accept by its whole value, and where it is missing or a star the Content-Type of the
 * request. Anything unknown is JSON. `plain/text` is the server's own spelling.
 */
const typeOfAuth = ({ accept, "content-type": contentType }: Headers.Headers): MediaType => {
  const wanted = accept === undefined || accept === "*/*" ? contentType : accept
  return wanted === "application/protobuf" || wanted === "plain/text" ? wanted : "application/json"
}

/** `RouteContext.deriveTargetContentType`, for results of API routes: a star is JSON, whatever the request's type is. */
const typeOfResult = ({ accept, "content-type": contentType }: Headers.Headers): MediaType =>
  (accept ?? contentType) === "application/protobuf" ? "application/protobuf" : "application/json"

const send = (status: number, type: MediaType, message: Protobuf.Message) => {
  const options = { status, contentType: type, headers: connection(status) }
  switch (type) {
    case "application/protobuf":
      return HttpServerResponse.uint8Array(Protobuf.encode(message), options)
    case "plain/text":
      return HttpServerResponse.text(Protobuf.toText(message), options)
    case "application/json":
      return HttpServerResponse.text(JSON.stringify(Protobuf.toJson(message)), options)
  }
}

/** The server closes the connection after any error. */
const connection = (status: number) => status < 400 ? {} : { connection: "close" }

export const auth = (headers: Headers.Headers, message: Protobuf.Message) => send(200, typeOfAuth(headers), message)

export const result = (headers: Headers.Headers, message: Protobuf.Message) => send(200, typeOfResult(headers), message)

/** An error of an API route; in JSON wrapped in `exception`, as some versions do, if `wrap` says so. */
export const problem = (headers: Headers.Headers, status: number, message: Protobuf.Message, wrap: boolean) => {
  const type = typeOfAuth(headers)
  return send(
    status,
    type,
    wrap && type === "application/json" ? Protobuf.message({ exception: [1, message] }) : message
  )
}

export const empty = HttpServerResponse.empty({ status: 200 })

export const json = (body: Readonly<Record<string, unknown>>) => HttpServerResponse.unsafeJson(body)

export const login = (answer: Login.Answer) => {
  switch (answer._tag) {
    case "Page":
      return HttpServerResponse.text(answer.html, { contentType: "text/html" })
    case "Redirect":
      return HttpServerResponse.empty({ status: 302, headers: { location: answer.location } })
    case "BadRequest":
      return statusLine(400)
  }
}

const reasons: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout"
}

/** `HttpRequestHandler.sendPlainTextError`: outside of API routes the message is the status line, and no header adds to it. */
export const statusLine = (status: number) => plainText(status, `${status} ${reasons[status] ?? "Error"}`)

/** `AuthHandler.handleSpnego`: a code, or what asks for a token; neither has a type. */
export const spnego = (code: string | undefined) =>
  code === undefined
    ? untyped("401 Unauthorized\r\n", {
      status: 401,
      headers: { "www-authenticate": "Negotiate", connection: "close" }
    })
    : untyped(code, { status: 200 })

const untyped = (text: string, options: HttpServerResponse.Options) => {
  const bytes = new TextEncoder().encode(text)
  return HttpServerResponse.raw(bytes, { ...options, contentLength: bytes.length })
}

export const redirect = (location: string) => HttpServerResponse.empty({ status: 302, headers: { location } })

export const page = (status: number, text: string) =>
  HttpServerResponse.text(`<!doctype html><p>${text}</p>\n`, { status, contentType: "text/html" })

export const plainText = (status: number, message: string) =>
  HttpServerResponse.text(`${message}\r\n`, {
    status,
    contentType: "text/plain; charset=UTF-8",
    headers: connection(status)
  })
