/**
 * MQSC commands over the REST API. Only a completed command is a result; any other answer is an error.
 * IBM's reference of the administrative REST API: POST `/admin/action/qmgr/{qmgrName}/mqsc`.
 *
 * @since 0.1.0
 */
import type { ClientError } from "@effect-auth/core/AuthError"
import { InvalidSetting } from "@effect-auth/core/AuthError"
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { MqClient } from "./IbmMq.ts"
import * as Answer from "./internal/answer.ts"
import * as Gateway from "./internal/gateway.ts"
import type { MqError } from "./MqError.ts"
import { CommandFailed, Problem } from "./MqError.ts"

/** Where a command runs. */
interface Target {
  readonly qmgr: string
  /** The queue manager through which a remote one is reached. Default: that of the client's settings, else the server's choice. */
  readonly gatewayQmgr?: string | undefined
}

/**
 * A command as `runmqsc` reads it, such as `DISPLAY QLOCAL('DEV.*') CURDEPTH`.
 *
 * @since 0.1.0
 * @category models
 */
export interface TextCommand extends Target {
  readonly command: string
}

/**
 * A command in parts, which needs no quoting.
 *
 * @since 0.1.0
 * @category models
 */
export interface JsonCommand extends Target {
  /** Such as `display`. */
  readonly command: string
  /** Such as `qlocal`. */
  readonly qualifier: string
  readonly name?: string | undefined
  readonly parameters?: Readonly<Record<string, unknown>> | undefined
  /** The attributes a `display` returns; `["all"]` for all. */
  readonly responseParameters?: ReadonlyArray<string> | undefined
}

/** The codes of every entry of a result. */
const codes = {
  completionCode: Schema.Int,
  reasonCode: Schema.Int
}

/**
 * An entry of the result of {@link runMqsc}: lines as `runmqsc` prints them.
 *
 * @since 0.1.0
 * @category schemas
 */
export class TextResponse extends Schema.Class<TextResponse>("@effect-auth/ibm-mq/TextResponse")({
  ...codes,
  text: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
}) {}

/**
 * An entry of the result of {@link runMqscJson}: an object's attributes, or messages.
 *
 * @since 0.1.0
 * @category schemas
 */
export class JsonResponse extends Schema.Class<JsonResponse>("@effect-auth/ibm-mq/JsonResponse")({
  ...codes,
  parameters: Schema.optionalWith(Schema.Record({ key: Schema.String, value: Schema.Unknown }), {
    default: () => ({})
  }),
  message: Schema.optionalWith(Schema.Array(Schema.String), { default: () => [] })
}) {}

/**
 * The result of a command that completed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Result<out Response> {
  readonly responses: ReadonlyArray<Response>
  /** The queue manager through which the command went, when the server names one. */
  readonly gatewayQmgr: Option.Option<string>
}

/**
 * What running a command can fail with. `InvalidSetting`: the name of a queue manager cannot be sent.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure = MqError | ClientError | InvalidSetting | HttpClientError.HttpClientError

/**
 * Runs a command as `runmqsc` reads it.
 *
 * @example
 * ```ts
 * import * as Mqsc from "@effect-auth/ibm-mq/Mqsc"
 * import * as Effect from "effect/Effect"
 *
 * const program = Mqsc.runMqsc({ qmgr: "QM1", command: "DISPLAY QMGR" }).pipe(
 *   Effect.map(({ responses }) => responses.flatMap(({ text }) => text)),
 *   Effect.catchTag("MqCommandFailed", (error) => Effect.succeed(error.problems.map(({ reasonCode }) => reasonCode)))
 * )
 * ```
 *
 * @since 0.1.0
 * @category requests
 */
export const runMqsc = (
  { command, ...target }: TextCommand
): Effect.Effect<Result<TextResponse>, Failure, MqClient> =>
  run(target, { type: "runCommand", parameters: { command } }, readText, ({ text }) => text)

/**
 * Runs a command given in parts and returns attributes instead of lines. Needs a server of version 9.1.5 or later (REST
 * API v2).
 *
 * @since 0.1.0
 * @category requests
 */
export const runMqscJson = (
  { gatewayQmgr, qmgr, ...command }: JsonCommand
): Effect.Effect<Result<JsonResponse>, Failure, MqClient> =>
  run({ qmgr, gatewayQmgr }, { type: "runCommandJSON", ...command }, readJson, ({ message }) => message)

const resultBody = <A, I>(response: Schema.Schema<A, I>) =>
  Schema.Struct({
    overallCompletionCode: Schema.Int,
    overallReasonCode: Schema.Int,
    commandResponse: Schema.Array(response)
  })

const readText = Answer.read(resultBody(TextResponse))
const readJson = Answer.read(resultBody(JsonResponse))

interface Codes {
  readonly completionCode: number
  readonly reasonCode: number
}

interface ResultBody<out Response> {
  readonly overallCompletionCode: number
  readonly overallReasonCode: number
  readonly commandResponse: ReadonlyArray<Response>
}

const run = <Response extends Codes>(
  target: Target,
  body: object,
  read: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<ResultBody<Response>, MqError>,
  lines: (response: Response) => ReadonlyArray<string>
): Effect.Effect<Result<Response>, Failure, MqClient> =>
  Effect.gen(function*() {
    const http = yield* MqClient
    const request = HttpClientRequest.post(`/admin/action/qmgr/${yield* segment(target.qmgr)}/mqsc`).pipe(
      HttpClientRequest.bodyUnsafeJson(body)
    )
    const response = yield* http.execute(
      target.gatewayQmgr === undefined
        ? request
        : Gateway.through(request, yield* Gateway.setting(target.gatewayQmgr))
    )
    const result = yield* read(response)
    if (result.overallCompletionCode !== 0 || result.overallReasonCode !== 0) {
      return yield* new CommandFailed({
        url: OriginPolicy.addressOf(response.request),
        status: response.status,
        problems: problems(result, lines, ServerMessage.presenter(response))
      })
    }
    return { responses: result.commandResponse, gatewayQmgr: Option.fromNullable(response.headers[Gateway.header]) }
  })

/** What went wrong, entry by entry; the overall codes if no entry has one. */
const problems = <Response extends Codes>(
  result: ResultBody<Response>,
  lines: (response: Response) => ReadonlyArray<string>,
  present: (message: ServerMessage.ServerMessage) => ServerMessage.ServerMessage
): ReadonlyArray<Problem> => {
  const failed = result.commandResponse.filter(({ completionCode, reasonCode }) =>
    completionCode !== 0 || reasonCode !== 0
  )
  return failed.length === 0
    ? [new Problem({ completionCode: result.overallCompletionCode, reasonCode: result.overallReasonCode })]
    : failed.map((response) => {
      const message = present({ detail: lines(response).join(" ") }).detail ?? ""
      const id = /^[A-Z]{3}\d{4,5}[A-Z]/.exec(message)?.[0]
      return new Problem({
        completionCode: response.completionCode,
        reasonCode: response.reasonCode,
        ...(message === "" ? undefined : { message }),
        ...(id === undefined ? undefined : { id })
      })
    })
}

/** A name as one segment of a path. `.` and `..` would name another path (RFC 3986 section 5.2.4). */
const segment = (qmgr: string): Either.Either<string, InvalidSetting> =>
  Encoding.encodeUriComponent(qmgr).pipe(
    Either.filterOrLeft((encoded) => !/^\.{0,2}$/.test(encoded), () => undefined),
    Either.mapLeft(() => new InvalidSetting({ setting: "qmgr", problem: "is not the name of a queue manager" }))
  )
