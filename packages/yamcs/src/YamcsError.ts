/**
 * How Yamcs reports that a request failed, in the three forms it uses.
 *
 * @since 0.1.0
 */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"

/**
 * Raised when Yamcs answers a request with a status other than 2xx. Refused credentials are an `AuthError` instead.
 *
 * @since 0.1.0
 * @category errors
 */
export class YamcsError extends Schema.TaggedError<YamcsError>("@effect-auth/yamcs/YamcsError")("YamcsError", {
  /** Origin and path of the request, without its query. */
  url: Schema.optional(Schema.String),
  status: Schema.Int,
  /** The name of the server's exception, such as `NotFoundException`; plain text answers have none. */
  type: Schema.optional(Schema.String),
  /** What the server said; may be empty. */
  msg: Schema.String
}) {
  override get message(): string {
    const head = `Yamcs answered HTTP ${this.status}${this.url === undefined ? "" : ` at ${this.url}`}`
    return [this.type === undefined ? head : `${head} (${this.type})`, this.msg].filter((part) => part !== "").join(
      ": "
    )
  }
}

/**
 * Reads an answer that is an error: JSON `{code, type, msg}`, the same within `exception`, or plain text. A body that
 * cannot be read, and one in Protocol Buffers, leaves only the status.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<YamcsError> =>
  Effect.map(textOf(response), (body) => {
    const { msg = "", type } = Either.match(decodeProblem(body.length > longestProblem ? "" : body), {
      onLeft: (): Problem => ({ msg: body }),
      onRight: (answer) => "exception" in answer ? answer.exception : answer
    })
    const { code, detail } = ServerMessage.fromResponse(response, { code: type, detail: withoutAuthorization(msg) })
    return new YamcsError({
      url: OriginPolicy.addressOf(response.request),
      status: response.status,
      msg: detail ?? "",
      ...(code === undefined ? undefined : { type: code })
    })
  })

/**
 * Returns 2xx answers; others become a {@link YamcsError}.
 *
 * @example
 * ```ts
 * import * as Yamcs from "@effect-auth/yamcs/Yamcs"
 * import * as YamcsError from "@effect-auth/yamcs/YamcsError"
 * import * as Effect from "effect/Effect"
 *
 * const instances = Effect.gen(function*() {
 *   const http = yield* Yamcs.Client
 *   const response = yield* http.get("/api/instances").pipe(YamcsError.filterStatusOk)
 *   return yield* response.json
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const filterStatusOk = <E, R>(
  self: Effect.Effect<HttpClientResponse.HttpClientResponse, E, R>
): Effect.Effect<HttpClientResponse.HttpClientResponse, E | YamcsError, R> =>
  Effect.flatMap(self, (response) =>
    response.status >= 200 && response.status < 300
      ? Effect.succeed(response)
      : Effect.flatMap(fromResponse(response), Effect.fail))

/** Bytes are no words; whoever asks for Protocol Buffers reads them. */
const textOf = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<string> =>
  /^application\/protobuf\b/iu.test(response.headers["content-type"] ?? "")
    ? Effect.as(ResponseBody.discard(response), "")
    : Effect.orElseSucceed(ResponseBody.bounded(response).text, () => "")

const Problem = Schema.Struct({
  type: Schema.optional(Schema.String),
  msg: Schema.optional(Schema.String)
})

type Problem = typeof Problem.Type

/** In characters. Of anything longer the beginning is shown as it is. */
const longestProblem = 32_768

const decodeProblem = Schema.decodeUnknownEither(
  Schema.parseJson(Schema.Union(Schema.Struct({ exception: Problem }), Problem))
)

/**
 * The server quotes an `Authorization` header whose scheme it does not know, with the credentials
 * (`HttpHandler.authorizeUser`, 5.13), so that is cut off.
 */
const withoutAuthorization = (text: string): string => text.replace(/(Unsupported Authorization header)[^]*/u, "$1")
