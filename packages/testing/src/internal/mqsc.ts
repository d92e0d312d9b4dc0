/**
 * As much MQSC as tests of a client need: a queue manager is a set of queue names, a command gives codes and lines.
 * Commands change the set, so that a command that was sent twice shows.
 */
import * as Arr from "effect/Array"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"

/** The names of a queue manager's local queues. */
export type Queues = HashSet.HashSet<string>

export interface Command {
  /** In capitals, synonyms resolved, such as `DISPLAY`. */
  readonly verb: string
  /** In capitals, such as `QLOCAL`. */
  readonly qualifier: string
  readonly name: string
}

/** One entry of `commandResponse`, before it gets the shape of the request's type. */
export interface Item {
  readonly completionCode: number
  readonly reasonCode: number
  readonly line: string
  readonly parameters: Option.Option<Readonly<Record<string, string>>>
}

const synonyms: ReadonlyMap<string, string> = new Map([["DIS", "DISPLAY"], ["DEF", "DEFINE"]])

const command = (verb: string, qualifier: string, name: string): Command => ({
  verb: synonyms.get(verb.toUpperCase()) ?? verb.toUpperCase(),
  qualifier: qualifier.toUpperCase(),
  name
})

/** Reads `DISPLAY QLOCAL('some.name') ...`. A name without quotes becomes capitals, as in runmqsc. */
export const fromText = (text: string): Command => {
  const [, verb = "", qualifier = "", quoted, plain = ""] =
    /^\s*([A-Za-z]+)\s+([A-Za-z]+)\s*(?:\(\s*(?:'([^']*)'|([^)']*?))\s*\))?/.exec(text) ?? []
  return command(verb, qualifier, quoted ?? plain.toUpperCase())
}

/** The command of a `runCommandJSON` body, where names keep their case. */
export const fromFields = (fields: {
  readonly command: string
  readonly qualifier: string
  readonly name?: string | undefined
}): Command => command(fields.command, fields.qualifier, fields.name ?? "")

/** Whether a read-only role may run the command. */
export const isDisplay = (self: Command): boolean => self.verb === "DISPLAY"

const done = (line: string, parameters?: Readonly<Record<string, string>>): Item => ({
  completionCode: 0,
  reasonCode: 0,
  line,
  parameters: Option.fromNullable(parameters)
})

const failed = (reasonCode: number, line: string): Item => ({
  completionCode: 2,
  reasonCode,
  line,
  parameters: Option.none()
})

const matching = (queues: Queues, name: string): ReadonlyArray<string> =>
  name.endsWith("*")
    ? Arr.filter(HashSet.toValues(queues), (queue) => queue.startsWith(name.slice(0, -1))).sort()
    : HashSet.has(queues, name)
    ? [name]
    : []

const displayed = (name: string): Item =>
  done(`AMQ8409I: Display Queue details. QUEUE(${name}) TYPE(QLOCAL)`, { queue: name, type: "QLOCAL" })

/** Runs a command on the queues of the queue manager `qmgr`. */
export const run = (
  { name, qualifier, verb }: Command,
  qmgr: string,
  queues: Queues
): readonly [items: ReadonlyArray<Item>, queues: Queues] => {
  // MQRC_UNKNOWN_OBJECT_NAME
  const missing = failed(2085, `AMQ8147E: IBM MQ object ${name} not found.`)
  const onExisting = (line: string): ReadonlyArray<Item> => [HashSet.has(queues, name) ? done(line) : missing]
  switch (`${verb} ${qualifier}`) {
    case "DISPLAY QMGR":
      return [[done(`AMQ8408I: Display Queue Manager details. QMNAME(${qmgr})`, { qmname: qmgr })], queues]
    case "PING QMGR":
      return [[done("AMQ8415I: Ping IBM MQ Queue Manager command complete.")], queues]
    case "DISPLAY QUEUE":
    case "DISPLAY QLOCAL": {
      const found = matching(queues, name)
      return [found.length === 0 ? [missing] : found.map(displayed), queues]
    }
    case "ALTER QLOCAL":
      return [onExisting("AMQ8008I: IBM MQ queue changed."), queues]
    case "CLEAR QLOCAL":
      return [onExisting("AMQ8022I: IBM MQ queue cleared."), queues]
    case "DELETE QLOCAL":
      return [onExisting("AMQ8007I: IBM MQ queue deleted."), HashSet.remove(queues, name)]
    case "DEFINE QLOCAL":
      // MQRCCF_OBJECT_ALREADY_EXISTS
      return HashSet.has(queues, name)
        ? [[failed(4001, `AMQ8150E: IBM MQ object ${name} already exists.`)], queues]
        : [[done("AMQ8006I: IBM MQ queue created.")], HashSet.add(queues, name)]
    default:
      return [[failed(3008, "AMQ8405I: Syntax error detected at or near end of command segment below.")], queues]
  }
}

/** The response body: `text` for `runCommand`; `parameters` or `message` for `runCommandJSON`. */
export const body = (items: ReadonlyArray<Item>, type: "runCommand" | "runCommandJSON") => ({
  commandResponse: items.map(({ completionCode, line, parameters, reasonCode }) => ({
    completionCode,
    reasonCode,
    ...(type === "runCommand"
      ? { text: [line] }
      : Option.match(parameters, {
        onNone: () => completionCode === 0 ? {} : { message: [line] },
        onSome: (parameters) => ({ parameters })
      }))
  })),
  overallCompletionCode: Math.max(...items.map((item) => item.completionCode)),
  // MQRCCF_COMMAND_FAILED, whatever failed
  overallReasonCode: items.some((item) => item.completionCode !== 0) ? 3008 : 0
})
