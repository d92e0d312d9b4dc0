/**
 * By hand for Effect 4, whose errors of a configuration are issues of a Schema and hold one variable each.
 *
 * Errors of a configuration, in a form that says what to set: each variable once, one on a line. Pure.
 */
import * as Arr from "effect/Array"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Predicate from "effect/Predicate"
import * as Issue from "./issue.ts"

/** One variable that keeps an alternative from being used. */
export interface Leaf {
  readonly kind: "Missing" | "Invalid" | "Other"
  readonly name: string
  /** What is wrong with its value. */
  readonly problem?: string | undefined
  /** The variable that makes sense only with this one, if it is set. */
  readonly partner?: string | undefined
  readonly error?: Config.ConfigError | undefined
}

/** What is wrong with a configuration: for each alternative, what keeps it from being used. */
export class Explained extends Config.ConfigError {
  readonly alternatives: ReadonlyArray<ReadonlyArray<Leaf>>
  readonly #text: string

  constructor(alternatives: ReadonlyArray<ReadonlyArray<Leaf>>) {
    const text = textOf(alternatives)
    super(new ConfigProvider.SourceError({ message: text }))
    this.alternatives = alternatives
    this.#text = text
  }

  /** Whether there is nothing wrong but that variables are not set. */
  get isMissing(): boolean {
    return this.alternatives.every((leaves) => leaves.every(({ kind }) => kind === "Missing"))
  }
  override get message(): string {
    return this.#text
  }
  override toString(): string {
    return this.#text
  }
}

/** Of a variable that is not set. */
export const missing = (error: Config.ConfigError): Explained =>
  error instanceof Explained ? error : new Explained([[{ kind: "Missing", name: nameOf(error) }]])

/** Of a value that cannot be used, or a source that cannot be read. */
export const invalid = (error: Config.ConfigError): Explained =>
  error instanceof Explained
    ? error
    : Predicate.isTagged(error.cause, "SourceError")
    ? new Explained([[{ kind: "Other", name: "", error }]])
    : new Explained([[{ kind: "Invalid", name: nameOf(error), problem: Issue.first(error.cause)?.message ?? "" }]])

/** Whatever is wrong with either counts. */
export const both = (self: Explained, that: Explained): Explained =>
  new Explained(self.alternatives.flatMap((left) => that.alternatives.map((right) => [...left, ...right])))

/** Either of them would do. */
export const either = (self: Explained, that: Explained): Explained =>
  new Explained([...self.alternatives, ...that.alternatives])

/** As an environment variable, with the names that it is nested under. */
export const nameOf = (error: Config.ConfigError): string => (Issue.first(error.cause)?.path ?? []).join("_")

const textOf = (all: ReadonlyArray<ReadonlyArray<Leaf>>): string => {
  const leaves = Arr.dedupeWith(all.flat(), (a, b) => a.name === b.name && a.kind === b.kind)
  const other = leaves.find(({ kind }) => kind === "Other")
  if (other?.error !== undefined) return other.error.message
  const unusable = leaves.filter(({ kind }) => kind === "Invalid")
  const [first] = unusable
  if (first !== undefined) {
    return unusable.length === 1
      ? sentence("Invalid", first.name, first.problem ?? "")
      : sentence("Invalid", subject(unusable), unusable.map(({ name, problem }) => `\n  ${name}: ${problem}`).join(""))
  }
  const [only] = leaves
  if (leaves.length === 1 && only !== undefined) {
    return sentence("Missing", only.name, `is not set${note(only.partner, "is")}`)
  }
  const groups = Arr.dedupe(
    all.map((group) => Arr.dedupe(group.map(({ name, partner }) => `\n  ${name}${note(partner, "is set")}`)).join(""))
  )
  return sentence(
    "Missing",
    subject(leaves),
    groups.length === 1 ? `these variables are not set:${groups.join("")}` : noneComplete + groups.join("\nor")
  )
}

const sentence = (kind: "Invalid" | "Missing", name: string, what: string) => `(${kind} data at ${name}: "${what}")`

const note = (partner: string | undefined, is: string): string => partner === undefined ? "" : ` (${partner} ${is})`

const noneComplete = "one of these groups of variables is needed, and none is complete; what is missing:"

/** What all names begin with, such as `YAMCS`. */
const subject = (leaves: ReadonlyArray<Leaf>): string => {
  const [first = [], ...others] = leaves.map(({ name }) => name.split("_"))
  const common = Arr.takeWhile(first, (part, index) => others.every((other) => other[index] === part))
  return common.length === 0 ? "the configuration" : common.join("_")
}
