/** Errors of a configuration, in a form that says what to set: each variable once, one on a line. Pure. */
import * as Arr from "effect/Array"
import * as ConfigError from "effect/ConfigError"

/**
 * One error for all that is wrong. What is set and cannot be used comes first, because that is what the person meant;
 * otherwise the variables that are missing, by the alternatives there are.
 */
export const explain = (error: ConfigError.ConfigError): ConfigError.ConfigError =>
  merged(alternatives(error, fullName))

/** The same for a part of a configuration: Effect puts the names it is nested under before the path by itself. */
export const explainPart = (error: ConfigError.ConfigError): ConfigError.ConfigError =>
  merged(alternatives(error, ownName))

const merged = (all: ReadonlyArray<ReadonlyArray<Leaf>>): ConfigError.ConfigError => {
  const leaves = Arr.dedupeWith(all.flat(), (a, b) => a.name === b.name && a.kind === b.kind)
  const other = leaves.find(({ kind }) => kind === "other")
  if (other !== undefined) return other.error
  const unusable = leaves.filter(({ kind }) => kind === "InvalidData")
  const [first] = unusable
  if (first !== undefined) {
    return unusable.length === 1
      ? ConfigError.InvalidData([first.name], first.error.message)
      : ConfigError.InvalidData(
        [subject(unusable)],
        unusable.map(({ error, name }) => `\n  ${name}: ${error.message}`).join("")
      )
  }
  const [missing] = leaves
  if (leaves.length === 1 && missing !== undefined) {
    return ConfigError.MissingData([missing.name], isNotSet + note(missing.partner, "is"))
  }
  const groups = Arr.dedupe(
    all.map((group) => Arr.dedupe(group.map(({ name, partner }) => `\n  ${name}${note(partner, "is set")}`)).join(""))
  )
  return ConfigError.MissingData(
    [subject(leaves)],
    groups.length === 1
      ? notSet + groups.join("")
      : noneComplete + groups.join(separator)
  )
}

interface Leaf {
  readonly kind: "MissingData" | "InvalidData" | "other"
  /** As the provider looks it up. */
  readonly name: string
  /** The variable that makes sense only with this one, if it is set. */
  readonly partner?: string | undefined
  readonly error: ConfigError.ConfigError
}

/** Each of them lists what keeps one alternative from being used. */
const alternatives = (error: ConfigError.ConfigError, nameOf: NameOf): ReadonlyArray<ReadonlyArray<Leaf>> => {
  switch (error._op) {
    case "Or":
      return [...alternatives(error.left, nameOf), ...alternatives(error.right, nameOf)]
    case "And":
      return alternatives(error.left, nameOf).flatMap((left) =>
        alternatives(error.right, nameOf).map((right) => [...left, ...right])
      )
    case "MissingData":
      return error.message.startsWith(notSet) || error.message.startsWith(noneComplete)
        ? explained(error, nameOf)
        : [[missing(error, leafOf(error), nameOf)]]
    case "InvalidData":
      return [[{ kind: "InvalidData", name: nameOf(error), error }]]
    default:
      return [[{ kind: "other", name: "", error }]]
  }
}

const isNotSet = "is not set"

/** What is said of one variable that is missing, of which its partner is set. */
export const notSetBeside = (partner: string): string => isNotSet + note(partner, "is")

const note = (partner: string | undefined, is: string): string => partner === undefined ? "" : ` (${partner} ${is})`

const missing = (error: ConfigError.MissingData, own: OwnLeaf, nameOf: NameOf): Leaf => {
  const named = (name: string) => nameOf({ path: [...error.path.slice(0, -1), name] })
  return {
    kind: "MissingData",
    name: named(own.name),
    partner: own.partner === undefined ? undefined : named(own.partner),
    error
  }
}

/** By the last name of their paths. */
type OwnLeaf = Pick<Leaf, "name" | "partner">

const leafOf = ({ message, path }: ConfigError.MissingData): OwnLeaf => ({
  name: path.at(-1) ?? "",
  partner: /^is not set \((\S+) is\)$/u.exec(message)?.[1]
})

const notSet = "these variables are not set:"

const noneComplete = "one of these groups of variables is needed, and none is complete; what is missing:"

const separator = "\nor"

/** An error of a part that was explained before, with the names it is nested under. */
const explained = (error: ConfigError.MissingData, nameOf: NameOf): ReadonlyArray<ReadonlyArray<Leaf>> =>
  error.message.slice(error.message.indexOf(":") + 1).split(separator).map((group) =>
    group.trim().split("\n").map((line) => {
      const [name = "", partner] = line.trim().split(" (")
      return missing(error, { name, partner: partner?.split(" ")[0] }, nameOf)
    })
  )

type NameOf = (error: Pick<ConfigError.MissingData, "path">) => string

const ownName: NameOf = ({ path }) => path.at(-1) ?? ""

/** As an environment variable: Effect's own text puts a dot between the names, whatever the provider joins them with. */
const fullName: NameOf = ({ path }) => path.join("_")

/** What all names begin with, such as `YAMCS`. */
const subject = (leaves: ReadonlyArray<Leaf>): string => {
  const [first = [], ...others] = leaves.map(({ name }) => name.split("_"))
  const common = Arr.takeWhile(first, (part, index) => others.every((other) => other[index] === part))
  return common.length === 0 ? "the configuration" : common.join("_")
}
