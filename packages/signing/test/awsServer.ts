/** A service of AWS that checks signatures by `node:crypto` and by canonical requests of its own, from what arrived. */
import type * as RequestLog from "@effect-auth/testing/RequestLog"
import type * as ScriptedHttpClient from "@effect-auth/testing/ScriptedHttpClient"
import { createHash, createHmac } from "node:crypto"

export interface Settings {
  readonly service?: string
  /** How far its clock is ahead, in milliseconds. */
  readonly ahead?: number
  readonly requiresToken?: boolean
}

export interface Server {
  readonly handler: ScriptedHttpClient.Handler
  readonly check: (request: RequestLog.Received) => ScriptedHttpClient.Reply
  readonly refusals: Array<string>
  readonly expire: (accessKeyId: string) => void
  readonly moveClock: (millis: number) => void
}

export const make = ({ requiresToken = false, service = "service", ...settings }: Settings = {}): Server => {
  const refusals: Array<string> = []
  const expired = new Set<string>()
  let ahead = settings.ahead ?? 0
  const check = (request: RequestLog.Received): ScriptedHttpClient.Reply => {
    const now = request.at + ahead
    const refuse = (code: string, status = 403) => {
      refusals.push(code)
      return { status, headers: { date: new Date(now).toUTCString() }, body: `<Error><Code>${code}</Code></Error>` }
    }
    const { headers, url } = request
    const query = new URLSearchParams(url.search)
    const inQuery = query.get("X-Amz-Signature")
    const field = headers["authorization"] ?? ""
    const [, id = "", scope = "", names = "", signature = ""] = inQuery === null
      ? /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\S+), SignedHeaders=(\S+), Signature=(\w{64})$/u.exec(field) ?? []
      : [
        "",
        ...(query.get("X-Amz-Credential") ?? "").split(/\/(.*)/u).slice(0, 2),
        query.get("X-Amz-SignedHeaders") ?? "",
        inQuery
      ]
    const time = inQuery === null ? headers["x-amz-date"] ?? "" : query.get("X-Amz-Date") ?? ""
    const signedAt = Date.parse(time.replace(/^(....)(..)(..T..)(..)(..Z)$/u, "$1-$2-$3:$4:$5"))
    const lifetime = inQuery === null ? 300_000 : Number(query.get("X-Amz-Expires")) * 1000 - 1
    if (!(now - signedAt <= lifetime && signedAt - now <= 300_000)) return refuse("RequestTimeTooSkewed")
    if (expired.has(id)) return refuse("ExpiredToken", 400)
    if (requiresToken && headers["x-amz-security-token"] !== `canary-session-${id.slice(4)}`) return refuse("NoToken")
    const isS3 = service === "s3"
    const stated = headers["x-amz-content-sha256"]
    const bodyHash = sha256(request.body)
    const isChunked = stated === "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    if (stated !== undefined && stated !== "UNSIGNED-PAYLOAD" && !isChunked && stated !== bodyHash) {
      return refuse("BodyMismatch")
    }
    const strict = (text: string) =>
      encodeURIComponent(text).replace(/[!'()*]/gu, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    const path = isS3
      ? decodeURIComponent(url.pathname).split("/").map(strict).join("/")
      : url.pathname.replace(/\/{2,}/gu, "/").split("/").map(strict).join("/")
    const canonicalQuery = Array.from(query).filter(([name]) => name !== "X-Amz-Signature")
      .map(([name, value]) => `${strict(name)}=${strict(value)}`).sort().join("&")
    const canonical = [
      request.method,
      path,
      canonicalQuery,
      ...names.split(";").map((name) =>
        `${name}:${(name === "host" ? url.host : headers[name] ?? "missing").trim().replace(/ +/gu, " ")}`
      ),
      "",
      names,
      stated ?? (isS3 && inQuery !== null ? "UNSIGNED-PAYLOAD" : bodyHash)
    ].join("\n")
    const [date = "", region = "", signedService = ""] = scope.split("/")
    if (signedService !== service || !time.startsWith(date)) return refuse("WrongScope")
    const signingKey = [date, region, service, "aws4_request"].reduce<string | Buffer>(
      (key, part) => hmac(key, part),
      `AWS4canary-secret-${id.slice(4)}`
    )
    const expected = hmac(signingKey, ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n")).toString("hex")
    if (signature !== expected) return refuse("SignatureDoesNotMatch")
    if (!isChunked) return { body: "ok" }
    const text = decoded(request.body, (chunk, previous) =>
      hmac(
        signingKey,
        ["AWS4-HMAC-SHA256-PAYLOAD", time, scope, previous, sha256(""), sha256(chunk)].join("\n")
      ).toString("hex"), signature)
    return text === undefined || headers["content-encoding"]?.startsWith("aws-chunked") !== true
      ? refuse("SignatureDoesNotMatch")
      : text.length !== Number(headers["x-amz-decoded-content-length"])
      ? refuse("IncompleteBody")
      : { body: text }
  }
  return {
    handler: check,
    check,
    refusals,
    expire: (id) => expired.add(id),
    moveClock: (millis) => {
      ahead += millis
    }
  }
}

/** A body in chunks, if their signatures are right (ASCII). */
export const decoded = (
  body: string,
  sign: (chunk: string, previous: string) => string,
  seed: string
): string | undefined => {
  let [at, text, previous] = [0, "", seed]
  for (;;) {
    const [head = "none", size = "", given = ""] =
      /^([0-9a-f]+);chunk-signature=([0-9a-f]{64})\r\n/u.exec(body.slice(at, at + 120)) ?? []
    const chunk = body.slice(at + head.length, at + head.length + parseInt(size, 16))
    at += head.length + chunk.length + 2
    if (given !== sign(chunk, previous) || body.slice(at - 2, at) !== "\r\n") return undefined
    text += chunk
    previous = given
    if (chunk === "") return at === body.length ? text : undefined
  }
}

const sha256 = (data: string) => createHash("sha256").update(data).digest("hex")

const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest()
