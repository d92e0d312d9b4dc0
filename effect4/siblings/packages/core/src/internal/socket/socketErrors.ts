/**
 * By hand for Effect 4, where the error of a socket holds its reason.
 *
 * The errors of authenticated sockets. The platform's hold whatever the connection gave them, such as an event that refers
 * to the socket and to the headers that opened it; here they hold words.
 */
import * as HttpClientError from "effect/http/HttpClientError"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Socket from "effect/socket/Socket"
import type { AuthError } from "../../AuthError.ts"
import { isAuthError } from "../../AuthError.ts"
import * as ServerMessage from "../../ServerMessage.ts"
import * as Scrub from "../request/scrub.ts"

export class UpgradeRefused
  extends Schema.TaggedError<UpgradeRefused>("@effect-auth/core/UpgradeRefused")("UpgradeRefused", {
    /** Origin and path, without the query. */
    url: Schema.String,
    status: Schema.Int,
    /** What the server said; without the secrets that were sent. */
    detail: Schema.optional(Schema.String)
  })
{
  override get message(): string {
    const head = `${this.url} did not become a WebSocket: HTTP ${this.status}`
    return this.detail === undefined || this.detail === "" ? head : `${head}: ${this.detail}`
  }
}

/** What is no error of the platform's sockets, and may be the cause of one. */
export type Known = AuthError | HttpClientError.HttpClientError | UpgradeRefused

export const knownCause = ({ reason }: Socket.SocketError): Option.Option<Known> =>
  "cause" in reason ? Option.liftPredicate(reason.cause, isKnown) : Option.none()

/** The error of an opening as one of the platform's. */
export const whileOpening = (error: unknown): Socket.SocketError =>
  Socket.isSocketError(error)
    ? scrubbed(error)
    : new Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Unknown", cause: error }) })

/** The error without what the connection gave; a handler's own stays as it is. */
export const withoutEvent = <E>(error: E): E | Socket.SocketError =>
  Socket.isSocketError(error) ? scrubbed(error) : error

export const scrubbed = ({ reason }: Socket.SocketError): Socket.SocketError => {
  if (reason._tag === "SocketCloseError") {
    const { detail } = ServerMessage.make({ detail: reason.closeReason })
    return new Socket.SocketError({ reason: new Socket.SocketCloseError({ code: reason.code, closeReason: detail }) })
  }
  const cause = isKnown(reason.cause) || typeof reason.cause === "string"
    ? reason.cause
    : Scrub.described(errorOf(reason.cause)) ?? "it failed"
  return new Socket.SocketError({
    reason: reason._tag === "SocketOpenError"
      ? new Socket.SocketOpenError({ kind: reason.kind, cause })
      : reason._tag === "SocketWriteError"
      ? new Socket.SocketWriteError({ cause })
      : new Socket.SocketReadError({ cause })
  })
}

/** An event of an error carries it. */
const errorOf = (cause: unknown): unknown => Predicate.hasProperty(cause, "error") ? cause.error : cause

const isKnown = (u: unknown): u is Known =>
  isAuthError(u) || HttpClientError.isHttpClientError(u) || u instanceof UpgradeRefused
