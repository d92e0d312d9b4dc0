/**
 * What the rules need to know about types: which expressions are a value where an effect is expected, and which members
 * are those of an Either. In Effect 3 an Either is an effect, in Effect 4 it has to be made one.
 */
import ts from "typescript"

/**
 * @param {ts.Program} program Over the sources as they are, with Effect 3.
 * @param {(path: string) => boolean} isWanted
 * @returns {Map<string, ReadonlyMap<string, string>>} By file: for `start:end` of an expression, what it is.
 */
export const values = (program, isWanted) => {
  const checker = program.getTypeChecker()
  const found = new Map()
  for (const file of program.getSourceFiles()) {
    if (file.isDeclarationFile || !isWanted(file.fileName)) continue
    const mayReturn = /Either|Option|Encoding|Schema/.test(file.text)
    const sites = new Map()
    const visit = (node) => {
      if (ts.isPropertyAccessExpression(node) && /^(left|right)$/.test(node.name.text)) {
        if (kindOf(checker.getTypeAtLocation(node.expression)) === "Either") sites.set(siteOf(node, file), "member")
      }
      if (
        isExpression(node) && (mayReturn || ts.isYieldExpression(node.parent) || isFirstOfEffect(node)) &&
        isEffectExpected(checker, node)
      ) {
        const kind = kindOf(checker.getTypeAtLocation(node))
        if (kind !== undefined) {
          sites.set(siteOf(node, file), kind)
        }
      }
      ts.forEachChild(node, visit)
    }
    visit(file)
    if (sites.size > 0) found.set(file.fileName, sites)
  }
  return found
}

/** The key of an expression in what {@link values} gives. */
export const siteOf = (node, file) => `${node.getStart(file)}:${node.end}`

const isExpression = (node) =>
  ts.isCallExpression(node) || ts.isYieldExpression(node) || ts.isIdentifier(node) ||
  ts.isPropertyAccessExpression(node) ||
  ts.isElementAccessExpression(node)

const isEffectExpected = (checker, node) => {
  const { parent } = node
  // `found.pipe(Effect.map(show))`
  if (ts.isPropertyAccessExpression(parent) && parent.expression === node) {
    return parent.name.text === "pipe" && ts.isCallExpression(parent.parent) &&
      /^Effect\./.test(parent.parent.arguments[0]?.getText() ?? "")
  }
  if (ts.isPropertyAccessExpression(parent) || ts.isQualifiedName(parent)) return false
  if (ts.isYieldExpression(parent)) return parent.asteriskToken !== undefined && isInEffect(parent)
  if (isFirstOfEffect(node) || isPartOfAll(node)) return true
  if (!isPosition(node)) return false
  const expected = checker.getContextualType(node)
  return expected !== undefined && isEffect(expected)
}

/** `Effect.map(found, ..)`: what overloads expect is not always known. */
const isFirstOfEffect = (node) => {
  const { parent } = node
  if (!ts.isCallExpression(parent) || parent.arguments[0] !== node) return false
  const callee = parent.expression.getText()
  return parent.arguments.length > 1
    ? /^Effect\.(?!succeed|fail|provideService)\w+$/.test(callee)
    : /^Effect\.(flip|either|exit|option|orDie|ignore)$/.test(callee)
}

/** `Effect.all({ found })` and `Effect.all([found])`. */
const isPartOfAll = (node) => {
  const { parent } = node
  const list = ts.isPropertyAssignment(parent) && parent.initializer === node ? parent.parent : parent
  const call = list.parent
  return (ts.isArrayLiteralExpression(list) || ts.isObjectLiteralExpression(list)) && ts.isCallExpression(call) &&
    call.arguments[0] === list && call.expression.getText() === "Effect.all"
}

/** An argument, what a function gives, or a value of a property: directly, or as a branch. */
const isPosition = (node) => {
  const { parent } = node
  if (ts.isCallExpression(parent)) return parent.arguments.includes(node)
  if (ts.isArrowFunction(parent)) return parent.body === node
  if (ts.isConditionalExpression(parent)) return parent.condition !== node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  return ts.isReturnStatement(parent) || ts.isParenthesizedExpression(parent) || ts.isVariableDeclaration(parent)
}

/** The `yield*` of an `Effect.gen`, not of an `Either.gen` or `Option.gen`. */
const isInEffect = (node) => {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (!ts.isFunctionExpression(at) || at.asteriskToken === undefined) continue
    const call = at.parent
    const callee = ts.isCallExpression(call) ? call.expression.getText() : ""
    return !/^(Either|Option)\w*\.gen$/.test(callee)
  }
  return true
}

const parts = (type) => type.isUnion() ? type.types : [type]

const nameOf = (type) => type.aliasSymbol?.name ?? type.symbol?.name

const isEffect = (type) =>
  parts(type).length > 0 &&
  parts(type).filter((part) => (part.flags & (ts.TypeFlags.Undefined | ts.TypeFlags.Null)) === 0)
    .every((part) => nameOf(part) === "Effect")

const kinds = {
  Deferred: "Deferred",
  Fiber: "Fiber",
  Left: "Either",
  None: "Option",
  Ref: "Ref",
  Right: "Either",
  RuntimeFiber: "Fiber",
  Some: "Option"
}

const kindOf = (type) => {
  const found = new Set(parts(type).map((part) => kinds[part.symbol?.name]))
  return found.size === 1 ? [...found][0] : undefined
}
