/** Reads an answer of mqweb. The status is checked before the body, so that a refusal is never taken for a result. */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as MqError from "../MqError.ts"

/** The decoded body of a 2xx answer. Any other status is an error, and so is a body that is not mqweb's. */
export const read = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decode(Schema.parseJson(schema))
  return (response: HttpClientResponse.HttpClientResponse): Effect.Effect<A, MqError.MqError> => {
    const { status } = response
    if (status < 200 || status >= 300) return Effect.flatMap(MqError.fromResponse(response), Effect.fail)
    return Effect.mapError(
      Effect.flatMap(ResponseBody.bounded(response, bounds).text, decode),
      () =>
        new MqError.ServerFailed({
          url: OriginPolicy.addressOf(response.request),
          status,
          problems: [new MqError.Problem({ message: "the answer is not one of mqweb's (is the base URL right?)" })]
        })
    )
  }
}

/** The result of a command that displays all of a queue manager's objects is long, and is made while it is sent. */
const bounds: ResponseBody.Bounds = { size: 64 * 1_048_576, time: Duration.minutes(5) }
