/**
 * A body whose chunks are signed one after the other, each with the signature of the one before, the first with that of the
 * request ("Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks",
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html).
 */
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

/** What stands for the hash of the payload. */
export const payload = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

/** The signature of a chunk, after that of the one before. */
export type Sign = (chunk: Uint8Array, previous: string) => Effect.Effect<string>

/** The headers that say how the body is sent; they are signed. */
export const headers = (length: number, contentEncoding: string | undefined): Readonly<Record<string, string>> => ({
  "content-encoding": contentEncoding === undefined || contentEncoding === "" ? coding : `${coding},${contentEncoding}`,
  "x-amz-decoded-content-length": String(length)
})

/** The request with its body in signed chunks. */
export const write =
  (length: number, seed: string, sign: Sign) =>
  (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
    const { body } = request
    return body._tag !== "Stream" ? request : request.pipe(
      HttpClientRequest.setHeaders(headers(length, request.headers["content-encoding"])),
      HttpClientRequest.setBody(
        HttpBody.stream(signed(body.stream, seed, sign), body.contentType, encodedLength(length))
      )
    )
  }

/** In bytes. */
export const encodedLength = (length: number): number => {
  const whole = Math.floor(length / size)
  const rest = length % size
  return whole * framed(size) + (rest === 0 ? 0 : framed(rest)) + framed(0)
}

/** Every chunk of one size but the last, which is shorter, and then an empty one. */
export const signed = <E>(
  stream: Stream.Stream<Uint8Array, E>,
  seed: string,
  sign: Sign
): Stream.Stream<Uint8Array, E> =>
  Stream.map(stream, Option.some).pipe(
    Stream.concat(Stream.succeed(Option.none())),
    Stream.mapAccum(nothing, (rest, next) =>
      Option.match(next, {
        onNone: (): Cut => [nothing, rest.length === 0 ? [nothing] : [rest, nothing]],
        onSome: (bytes) => cut(rest, bytes)
      })),
    Stream.flattenIterables,
    Stream.mapAccumEffect(seed, (previous, chunk) =>
      Effect.map(sign(chunk, previous), (signature) => [signature, frame(chunk, signature)] as const))
  )

const coding = "aws-chunked"

const nothing: Uint8Array = new Uint8Array()

/** In bytes; services want at least 8 KiB. */
const size = 65_536

type Cut = readonly [rest: Uint8Array, chunks: ReadonlyArray<Uint8Array>]

/** The whole chunks, and what is left for the next one. */
const cut = (rest: Uint8Array, bytes: Uint8Array): Cut => {
  const all = joined(rest, bytes)
  const whole = Math.floor(all.length / size)
  return [
    all.subarray(whole * size),
    Array.from({ length: whole }, (_, index) => all.subarray(index * size, (index + 1) * size))
  ]
}

const frame = (chunk: Uint8Array, signature: string): Uint8Array =>
  joined(utf8.encode(`${chunk.length.toString(16)};chunk-signature=${signature}\r\n`), chunk, lineEnd)

/** The length of a chunk as it is sent; a signature has 64 digits. */
const framed = (length: number): number =>
  length.toString(16).length + ";chunk-signature=".length + 64 + 2 * lineEnd.length + length

const joined = (...parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

const utf8 = new TextEncoder()

const lineEnd = utf8.encode("\r\n")
