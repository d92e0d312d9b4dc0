/** Reading an answer of mqweb: the status decides before anything of the body does, so that a refusal is never a result. */
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as MqError from "../MqError.ts"

/** The decoded body of a 2xx answer; everything else is an error, a 2xx in another language than mqweb's too. */
export const read = <A, I>(schema: Schema.Schema<A, I>) => {
  const decode = Schema.decode(Schema.parseJson(schema))
  return (response: HttpClientResponse.HttpClientResponse): Effect.Effect<A, MqError.MqError> => {
    const { status } = response
    if (status < 200 || status >= 300) return Effect.flatMap(MqError.fromResponse(response), Effect.fail)
    return Effect.mapError(
      Effect.flatMap(response.text, decode),
      () =>
        new MqError.ServerFailed({
          status,
          problems: [new MqError.Problem({ message: "the answer is not what mqweb answers (is the base URL right?)" })]
        })
    )
  }
}
