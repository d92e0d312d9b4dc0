/** The bytes of a body that are known before it is sent. Pure. */
import type * as HttpBody from "@effect/platform/HttpBody"

/** `undefined`: a stream, a form with a boundary that the transport chooses, or an object that only it can read. */
export const bytesOf = (body: HttpBody.HttpBody): Uint8Array | undefined => {
  switch (body._tag) {
    case "Empty":
      return new Uint8Array()
    case "Uint8Array":
      return body.body
    case "Raw":
      return rawBytes(body.body)
    case "FormData":
    case "Stream":
      return undefined
  }
}

const rawBytes = (body: unknown): Uint8Array | undefined => {
  if (body === undefined || body === null) return new Uint8Array()
  if (typeof body === "string") return encoder.encode(body)
  if (body instanceof URLSearchParams) return encoder.encode(body.toString())
  if (body instanceof ArrayBuffer) return new Uint8Array(body)
  if (ArrayBuffer.isView(body)) return new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  return undefined
}

const encoder = new TextEncoder()
