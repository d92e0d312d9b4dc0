/**
 * By hand for Effect 4, where a Schema fails with an issue, and a constructor throws an Error whose cause is one.
 *
 * What a Schema says of the data that it refuses: the only module that knows how Effect reports it.
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"

/** The first thing that is wrong with the data. */
export interface Issue {
  readonly path: ReadonlyArray<PropertyKey>
  /** May quote what was found in place of what is expected. */
  readonly message: string
}

/** `undefined`: the error is not one of a Schema. */
export const first = (error: unknown): Issue | undefined => {
  const issue = issueOf(error)
  if (issue === undefined) return undefined
  const [found] = format(issue).issues
  return found === undefined ? undefined : {
    path: (found.path ?? []).map((segment) => typeof segment === "object" ? segment.key : segment),
    message: found.message
  }
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) =>
    issue._tag === "MissingKey"
      ? "is missing"
      : issue._tag === "UnexpectedKey"
      ? "is unexpected"
      : SchemaIssue.defaultLeafHook(issue)
})

const issueOf = (error: unknown): SchemaIssue.Issue | undefined => {
  if (Schema.isSchemaError(error)) return error.issue
  if (SchemaIssue.isIssue(error)) return error
  return Predicate.hasProperty(error, "cause") ? issueOf(error.cause) : undefined
}
