/** The platform's protocol of RPC over HTTP, sent by a client whose errors it does not know. */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as RpcClient from "@effect/rpc/RpcClient"
import { RpcClientError } from "@effect/rpc/RpcClientError"
import type * as RpcSerialization from "@effect/rpc/RpcSerialization"
import * as Effect from "effect/Effect"
import type { Service } from "./service.ts"

export const make = <E>(
  client: Service<E>,
  url: string
): Effect.Effect<RpcClient.Protocol["Type"], never, RpcSerialization.RpcSerialization> =>
  Effect.map(RpcClient.makeProtocolHttp(carrying(client, url)), (protocol) => {
    // The calls that have been sent and whose outcome has not arrived.
    const open = new Set<string>()
    return {
      ...protocol,
      run: (f) =>
        protocol.run((message) => {
          if (message._tag === "Exit") open.delete(message.requestId)
          else if (message._tag === "Defect") open.clear()
          return f(message)
        }),
      send: (message, transferables) => {
        const sent = Effect.mapError(protocol.send(message, transferables), uncarried)
        if (message._tag !== "Request") return sent
        open.add(message.id)
        return Effect.ensuring(
          // otherwise the call waits for ever
          Effect.filterOrFail(sent, () => !open.has(message.id), () => withoutOutcome),
          Effect.sync(() => open.delete(message.id))
        )
      }
    }
  })

const withoutOutcome = new RpcClientError({
  reason: "Protocol",
  message: "The answer ended without the outcome of the call: this is no RPC server, or the connection was cut"
})

/**
 * The same requests, as the platform's `HttpClient`. An RPC server answers with a status of 200 whatever the outcome of a
 * call; the body of any other answer would be taken for responses.
 */
const carrying = <E>(client: Service<E>, url: string): HttpClient.HttpClient => {
  const request = HttpClientRequest.post(url)
  return HttpClient.filterStatusOk(client).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(url)),
    HttpClient.catchAll((error) =>
      HttpClientError.isHttpClientError(error)
        ? Effect.fail(error)
        : Effect.fail(new HttpClientError.RequestError({ request, reason: "Transport", cause: new Carried(error) }))
    )
  )
}

const uncarried = (error: RpcClientError): RpcClientError => {
  const { cause } = error
  return HttpClientError.isHttpClientError(cause) && cause._tag === "RequestError" && cause.cause instanceof Carried
    // eslint-disable-next-line @typescript-eslint/consistent-type-assertions -- of the errors that `makeWith` states
    ? cause.cause.error as RpcClientError
    : error
}

/** An error of the client on its way through the platform's protocol, which knows `HttpClientError` only. */
class Carried {
  readonly error: unknown
  constructor(error: unknown) {
    this.error = error
  }
}
