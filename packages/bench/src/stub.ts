/**
 * The in-process end of the wire: one fixed answer, and the same for everybody.
 */
import * as Transport from "@effect-auth/core/Transport"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"

export const origin = "https://api.bench.test"
export const url = `${origin}/things/1`
export const secret = "canary-token-0123456789abcdef0123456789abcdef"

/** Its body is empty, so that it can be read any number of times. */
export const answer = new Response(null, { status: 200, headers: { "x-request-id": "1" } })

export const stubFetch = (): Promise<Response> => Promise.resolve(answer)

/** An answer as undici and node:http have it. */
export const asOfNode = (response: Response): Response => Object.assign(response, { statusCode: response.status })

const nodeAnswer = asOfNode(new Response(null, answer))

/** What the platform's transports do with an answer, without a wire: those of Node, and fetch. */
export const stubTransport: HttpClient.HttpClient = HttpClient.make((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, nodeAnswer))
)

export const stubFetchTransport: HttpClient.HttpClient = HttpClient.make((request) =>
  Effect.succeed(HttpClientResponse.fromWeb(request, answer))
)

/** As little as a client can do. */
export const directTransport: HttpClient.HttpClient = HttpClient.makeWith<never, never, never, never>(
  Effect.map((request) => HttpClientResponse.fromWeb(request, nodeAnswer)),
  Effect.succeed
)

/** The same, declared as one that never follows a redirect by itself. */
export const markedTransport: HttpClient.HttpClient = Transport.withoutRedirects(
  HttpClient.makeWith<never, never, never, never>(
    Effect.map((request) => HttpClientResponse.fromWeb(request, nodeAnswer)),
    Effect.succeed
  )
)
