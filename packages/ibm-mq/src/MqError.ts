/**
 * What mqweb says when a request fails: its `error` list, decoded, in one class for each thing a caller handles
 * differently. A proxy may answer in its place, in HTML or without a body; the status counts whatever the body is.
 *
 * @example
 * ```ts
 * import * as IbmMq from "@effect-auth/ibm-mq/IbmMq"
 * import * as MqError from "@effect-auth/ibm-mq/MqError"
 * import * as Effect from "effect/Effect"
 *
 * const queueManagers = Effect.gen(function*() {
 *   const http = yield* IbmMq.Client
 *   const response = yield* http.get("/admin/qmgr")
 *   return response.status < 400 ? yield* response.json : yield* Effect.flip(MqError.fromResponse(response))
 * })
 * ```
 *
 * @see https://www.ibm.com/docs/en/ibm-mq/9.0?topic=api-rest-error-handling
 * @since 0.1.0
 */
import * as OriginPolicy from "@effect-auth/core/OriginPolicy"
import * as ResponseBody from "@effect-auth/core/ResponseBody"
import * as ServerMessage from "@effect-auth/core/ServerMessage"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

/**
 * One entry of mqweb's `error` list.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Problem extends Schema.Class<Problem>("@effect-auth/ibm-mq/Problem")({
  /** The message's identifier, such as `MQWB0112E`. */
  id: Schema.optional(Schema.String),
  /** The layer that found the problem: `rest`, `pcf` or `java`. */
  type: Schema.optional(Schema.String),
  message: Schema.optional(Schema.String),
  explanation: Schema.optional(Schema.String),
  /** What IBM advises to do. */
  action: Schema.optional(Schema.String),
  completionCode: Schema.optional(Schema.Number),
  /** MQRC or MQRCCF reason code. */
  reasonCode: Schema.optional(Schema.Number)
}) {}

/**
 * @since 0.1.0
 * @category models
 */
export type MqError = NotAuthenticated | NotAuthorized | CommandFailed | ServerFailed

/** The facts of every failed answer. */
const answer = {
  /** Origin and path of the request, without its query. */
  url: Schema.optional(Schema.String),
  status: Schema.Int,
  problems: Schema.Array(Problem)
}

/**
 * Raised when mqweb does not know who is asking (401).
 *
 * @since 0.1.0
 * @category errors
 */
export class NotAuthenticated
  extends Schema.TaggedError<NotAuthenticated>("@effect-auth/ibm-mq/NotAuthenticated")("MqNotAuthenticated", answer)
{
  override get message(): string {
    return sentence("mqweb does not know who is asking", this)
  }
}

/**
 * Raised when mqweb knows who is asking and does not permit it (403): the user lacks a role, or the request lacks its
 * CSRF header.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotAuthorized
  extends Schema.TaggedError<NotAuthorized>("@effect-auth/ibm-mq/NotAuthorized")("MqNotAuthorized", answer)
{
  override get message(): string {
    const [first] = this.problems
    return `${sentence("mqweb does not permit this", this)}${first?.id === noRole ? ` (${ofUsers})` : ""}`
  }
}

/**
 * Raised when the request was not carried out: the queue manager is unknown, the request malformed (4xx), or the
 * command completed with a code that is not zero.
 *
 * @since 0.1.0
 * @category errors
 */
export class CommandFailed
  extends Schema.TaggedError<CommandFailed>("@effect-auth/ibm-mq/CommandFailed")("MqCommandFailed", answer)
{
  override get message(): string {
    const standAlone = this.status === 404 && this.problems.length === 0 && this.url?.includes("/admin/") === true
    return `${sentence("the command failed", this)}${standAlone ? ` (${ofServers})` : ""}`
  }
}

/**
 * Raised when the server, or a proxy in front of it, could not answer (5xx), or the answer is not one of mqweb's.
 *
 * @since 0.1.0
 * @category errors
 */
export class ServerFailed
  extends Schema.TaggedError<ServerFailed>("@effect-auth/ibm-mq/ServerFailed")("MqServerFailed", answer)
{
  override get message(): string {
    return sentence("mqweb failed", this)
  }
}

/**
 * Reads the error of an answer. Without an error list in the body, the error has no problems.
 *
 * @since 0.1.0
 * @category constructors
 */
export const fromResponse = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<MqError> =>
  Effect.map(
    problems(response),
    (problems) => fromStatus({ url: OriginPolicy.addressOf(response.request), status: response.status, problems })
  )

/**
 * The identifier and the words of the first problem, for the errors of `AuthError`.
 *
 * @since 0.1.0
 * @category explanations
 */
export const explain = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<ServerMessage.ServerMessage> =>
  Effect.map(
    problems(response),
    ([first]) => first === undefined ? ServerMessage.empty : { code: first.id, detail: words(first) }
  )

/** The facts of every failed answer. */
interface Facts {
  readonly url?: string | undefined
  readonly status: number
  readonly problems: ReadonlyArray<Problem>
}

const fromStatus = (facts: Facts): MqError => {
  const { status } = facts
  return status === 401
    ? new NotAuthenticated(facts)
    : status === 403
    ? new NotAuthorized(facts)
    : status >= 400 && status < 500
    ? new CommandFailed(facts)
    : new ServerFailed(facts)
}

const text = Schema.optional(Schema.String)
const code = Schema.optional(Schema.Number)

/** Real servers say `msgId` where the documentation says `messageId`. */
const ErrorBody = Schema.parseJson(Schema.Struct({
  error: Schema.Array(Schema.Struct({
    msgId: text,
    messageId: text,
    type: text,
    message: text,
    explanation: text,
    action: text,
    completionCode: code,
    reasonCode: code
  }))
}))

const decodeErrorBody = Schema.decodeOption(ErrorBody)

/** In characters; what mqweb says about an error is short. */
const longestBody = 32_768

const problems = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<ReadonlyArray<Problem>> =>
  Effect.map(Effect.option(ResponseBody.bounded(response).text), (body) => {
    const present = ServerMessage.presenter(response)
    const short = Option.filter(body, ({ length }) => length <= longestBody)
    return Option.match(Option.flatMap(short, decodeErrorBody), {
      onNone: () => [],
      onSome: ({ error }) =>
        error.slice(0, mostProblems).map(({ completionCode, messageId, msgId, reasonCode, ...said }) => {
          const { code } = present({ code: msgId ?? messageId })
          const texts = Object.fromEntries(
            Object.entries(said).map(([name, detail]) => [name, present({ detail }).detail] as const)
          )
          return new Problem({
            ...texts,
            ...(code === undefined ? undefined : { id: code }),
            completionCode,
            reasonCode
          })
        })
    })
  })

/** mqweb sends one or two. */
const mostProblems = 10

/** The message without its identifier, which is shown before it. */
const words = ({ id, message }: Problem): string | undefined =>
  id !== undefined && message?.startsWith(`${id}: `) === true ? message.slice(id.length + 2) : message

/** The user lacks a role, which may be so for reasons that mqweb does not say. */
const noRole = "MQWB0103E"

const ofUsers =
  "to a user with the role MQWebUser the queue manager says this also when it has the name in another case, " +
  "or when the name is longer than 12 characters"

const ofServers = "a stand-alone IBM MQ Web Server has no administrative REST API"

const sentence = (head: string, { problems: [first], status, url }: Facts): string => {
  const at = url === undefined ? "" : ` at ${url}`
  const facts = [
    `HTTP ${status}`,
    first?.id,
    first?.reasonCode === undefined || first.reasonCode === 0 ? undefined : `reason code ${first.reasonCode}`
  ].filter((fact) => fact !== undefined)
  const said = first === undefined ? undefined : words(first)
  return `${head}${at} (${facts.join(", ")})${said === undefined ? "" : `: ${said}`}`
}
