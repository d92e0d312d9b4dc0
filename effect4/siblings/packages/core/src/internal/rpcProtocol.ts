/**
 * By hand for Effect 4, whose protocol fails by itself where an answer has no outcome for a call, and whose error holds the
 * reason of the client's as its cause.
 *
 * The platform's protocol of RPC over HTTP, sent by a client whose errors it does not know.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as RpcClient from "effect/rpc/RpcClient"
import type { RpcClientError } from "effect/rpc/RpcClientError"
import type * as RpcSerialization from "effect/rpc/RpcSerialization"
import type { Service } from "./service.ts"

export const make = <E>(
  client: Service<E>,
  url: string
): Effect.Effect<RpcClient.Protocol["Service"], never, RpcSerialization.RpcSerialization> =>
  Effect.map(RpcClient.makeProtocolHttp(carrying(client, url)), (protocol) => ({
    ...protocol,
    send: (id, message, transferables) => Effect.mapError(protocol.send(id, message, transferables), uncarried)
  }))

/**
 * The same requests, as the platform's `HttpClient`. An RPC server answers with a status of 200 whatever the outcome of a
 * call; the body of any other answer would be taken for responses.
 */
const carrying = <E>(client: Service<E>, url: string): HttpClient.HttpClient => {
  const request = HttpClientRequest.post(url)
  return HttpClient.filterStatusOk(client).pipe(
    HttpClient.mapRequest(HttpClientRequest.prependUrl(url)),
    HttpClient.catch((error) =>
      HttpClientError.isHttpClientError(error)
        ? Effect.fail(error)
        : Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: new Carried(error) })
          })
        )
    )
  )
}

const uncarried = (error: RpcClientError): RpcClientError => {
  const { cause } = error.reason
  return cause instanceof HttpClientError.TransportError && cause.cause instanceof Carried
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
