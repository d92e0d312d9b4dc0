/** The opening handshake as a request of a client: what is sent, what comes of it, and what a refusal says. */
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableRef from "effect/MutableRef"
import * as Option from "effect/Option"
import * as Record from "effect/Record"
import * as Redacted from "effect/Redacted"
import { addressOf } from "../../OriginPolicy.ts"
import * as ResponseBody from "../../ResponseBody.ts"
import * as ServerMessage from "../../ServerMessage.ts"
import * as Scrub from "../request/scrub.ts"
import * as Upgrade from "../request/upgrade.ts"
import type { Service } from "../service.ts"
import type { Handshake, Opening } from "./connector.ts"
import * as SocketErrors from "./socketErrors.ts"

/**
 * Where a socket leads.
 */
export interface Target {
  /** A path below the client's base URL, or a URL at one of its origins: `wss://` and `https://` mean the same. */
  readonly url: string
  /** Subprotocols, the preferred one first. */
  readonly protocols?: ReadonlyArray<string> | undefined
}

/** What came of opening it; an error if it never came to that, or if the server refused. */
export const attempt = <E, A, E2, R>(
  client: Service<E>,
  { protocols = [], url }: Target,
  open: (handshake: Handshake) => Effect.Effect<Opening<A>, E2, R>
): Effect.Effect<Exit.Exit<A, E2>, E | HttpClientError.HttpClientError | SocketErrors.UpgradeRefused, R> =>
  Effect.contextWithEffect((context: Context.Context<R>) => {
    const outcome = MutableRef.make<Option.Option<Exit.Exit<A, E2>>>(Option.none())
    const send = (request: HttpClientRequest.HttpClientRequest) =>
      Effect.flatMap(
        handshakeOf(request, protocols),
        (handshake) =>
          Effect.matchCauseEffect(Effect.provide(connecting(() => open(handshake)), context), {
            onFailure: (cause) => {
              MutableRef.set(outcome, Option.some(Exit.failCause(cause)))
              return Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport" }))
            },
            onSuccess: (opening) => {
              switch (opening._tag) {
                case "Opened":
                  MutableRef.set(outcome, Option.some(Exit.succeed(opening.value)))
                  return Effect.succeed(answer(request, { status: 101 }))
                case "Refused":
                  return refusal(request, opening.response)
              }
            }
          })
      )
    return client.execute(requestOf(url)).pipe(
      Effect.provideService(Upgrade.Upgrade, send),
      Effect.matchEffect({
        onFailure: (error) =>
          Option.match(Option.filter(MutableRef.get(outcome), Exit.isFailure), {
            onNone: () => Effect.fail(error),
            onSome: Effect.succeed
          }),
        onSuccess: (response) =>
          Option.match(Option.filter(MutableRef.get(outcome), Exit.isSuccess), {
            onNone: () => Effect.flatMap(refusedWith(response), Effect.fail),
            onSome: Effect.succeed
          })
      })
    )
  })

/** It knows the handshake, which its words may quote. */
const connecting = <A, E, R>(open: () => Effect.Effect<A, E, R>) =>
  Scrub.withoutWords(Effect.suspend(open), "opening a connection")

const requestOf = (url: string): HttpClientRequest.HttpClientRequest =>
  HttpClientRequest.get(overHttp(url), { headers: Upgrade.header })

const overHttp = (url: string): string => url.replace(/^ws(s?):/iu, "http$1:")

const handshakeOf = (
  request: HttpClientRequest.HttpClientRequest,
  protocols: ReadonlyArray<string>
): Effect.Effect<Handshake, HttpClientError.RequestError> =>
  Option.match(HttpClientRequest.toUrl(request), {
    onNone: () => Effect.fail(new HttpClientError.RequestError({ request, reason: "InvalidUrl" })),
    onSome: ({ href }) =>
      Effect.succeed({
        address: addressOf({ url: href }),
        url: Redacted.make(href.replace(/^http/u, "ws")),
        headers: Redacted.make(Record.filter<string, string>(request.headers, (_, name) => name !== "upgrade")),
        protocols
      })
  })

/** Read here, while the connection that brought it is there. A redirect is an answer as any other. */
const refusal = (
  request: HttpClientRequest.HttpClientRequest,
  response: Response
): Effect.Effect<HttpClientResponse.HttpClientResponse> => {
  const { status } = response
  const headers = new Headers(response.headers)
  headers.delete("location")
  const { text } = ResponseBody.bounded(HttpClientResponse.fromWeb(request, response), refusalBounds)
  return Effect.map(
    Effect.orElseSucceed(text, () => ""),
    (text) => answer(request, { status, headers, text })
  )
}

/** A `Response` cannot be made with every status that a server may send. */
const answer = (
  request: HttpClientRequest.HttpClientRequest,
  { headers, status, text }: { readonly status: number; readonly headers?: Headers; readonly text?: string }
): HttpClientResponse.HttpClientResponse =>
  HttpClientResponse.fromWeb(
    request,
    Object.defineProperty(
      new Response(text ?? null, headers === undefined ? undefined : { headers }),
      "status",
      { value: status }
    )
  )

const refusalBounds: ResponseBody.Bounds = { size: 16_384, time: Duration.seconds(2) }

const refusedWith = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<SocketErrors.UpgradeRefused> =>
  Effect.map(Effect.orElseSucceed(response.text, () => ""), (text) => {
    const { detail } = ServerMessage.fromResponse(response, { detail: text })
    return new SocketErrors.UpgradeRefused({ url: addressOf(response.request), status: response.status, detail })
  })

/** What the server says to the same request without an upgrade; nothing if the credentials are good. */
export const probe = <E>(
  client: Service<E>,
  { url }: Target
): Effect.Effect<Option.Option<SocketErrors.UpgradeRefused>, E | HttpClientError.HttpClientError> =>
  Effect.flatMap(client.get(overHttp(url)), (response) =>
    // 400 and 426 (RFC 9110 section 15.5.22) ask for the upgrade that the probe leaves out
    response.status < 400 || response.status === 400 || response.status === 426
      ? Effect.as(ResponseBody.discard(response), Option.none())
      : Effect.asSome(refusedWith(ResponseBody.bounded(response, refusalBounds))))
