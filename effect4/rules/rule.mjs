/**
 * The forms that most rules have. Each makes a rule from its name, an example before and after, and the difference.
 *
 * @typedef {import("../rewrite.mjs").Rule} Rule
 * @typedef {{ readonly name: string; readonly before: string; readonly after: string; readonly silent?: string }} About
 */
import ts from "typescript"

/**
 * Members that have another name, or another module: `{ "effect/Effect.async": "effect/Effect.callback" }`. The first of a
 * path is the module as it is before, the second as it is after.
 *
 * @param {About} about
 * @param {Readonly<Record<string, string>>} members
 * @returns {Rule}
 */
export const renamed = (about, members) => ({
  ...about,
  members: Object.keys(members),
  rewrite: (node, context) => {
    if (ts.isCallExpression(node)) return undefined
    return context.use(members[context.member(node)])
  }
})

/** As {@link renamed}, within one module that keeps its place. */
export const renamedIn = (about, module, names) =>
  renamed(
    about,
    Object.fromEntries(Object.entries(names).map(([from, to]) => [`${module}.${from}`, `${module}.${to}`]))
  )

/**
 * Calls of one member. `rewrite` gets the arguments and the context; without an answer the call stays.
 *
 * @param {About} about
 * @param {string | ReadonlyArray<string>} member
 * @param {(args: ReadonlyArray<ts.Expression>, context: import("../rewrite.mjs").Context, node: ts.CallExpression) => string | undefined} rewrite
 * @returns {Rule}
 */
export const called = (about, member, rewrite) => ({
  ...about,
  members: Array.isArray(member) ? member : [member],
  rewrite: (node, context) => ts.isCallExpression(node) ? rewrite(node.arguments, context, node) : undefined
})

/** A member that is used as a value, such as the argument of a `pipe`; and, with `types`, one that is named as a type. */
export const mentioned = (about, member, rewrite) => ({
  ...about,
  members: [member],
  rewrite: (node, context) => ts.isCallExpression(node) ? undefined : rewrite(node, context)
})

/** The property of an object literal, if that is what the expression is. */
export const property = (node, name) =>
  node !== undefined && ts.isObjectLiteralExpression(node)
    ? node.properties.find((found) =>
      found.name !== undefined && ts.isIdentifier(found.name) && found.name.text === name
    )
    : undefined

/** The text of a property's value. */
export const valueOf = (found, context) =>
  ts.isPropertyAssignment(found) ? context.text(found.initializer) : found.name.text

/** What a function gives, as text: its body if it is an arrow with an expression, else a call. */
export const resultOf = (node, context) =>
  ts.isArrowFunction(node) && node.parameters.length === 0 && !ts.isBlock(node.body)
    ? unwrapped(node.body, context)
    : `(${context.text(node)})()`

const unwrapped = (node, context) => context.text(ts.isParenthesizedExpression(node) ? node.expression : node)

/** The texts of all arguments. */
export const texts = (args, context) => args.map((node) => context.text(node))

/**
 * Whether a name is that of a value that the module declares as such: of that type, or made by an expression that matches.
 *
 * @param {ts.Node} node
 * @param {RegExp} pattern
 */
export const isDeclaredAs = (node, pattern, context) => {
  if (node === undefined || !ts.isIdentifier(node)) return false
  const matches = (found) =>
    ts.isIdentifier(found.name) && found.name.text === node.text &&
    [found.type, found.initializer].some((part) => part !== undefined && pattern.test(part.getText(context.file)))
  const visit = (at) =>
    ((ts.isVariableDeclaration(at) || ts.isParameter(at)) && matches(at)) || ts.forEachChild(at, visit) === true
  return visit(context.file)
}
