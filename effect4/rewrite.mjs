/**
 * Rewrites a module by rules over its syntax tree. What no rule touches stays as it is, to the blank.
 *
 * A rule looks at one node and says what stands there instead; it prints the parts that it keeps with `context.text`, so
 * that rules apply within them as well. The first rule that has an answer is the one. Nothing is rewritten twice, so
 * names can be exchanged.
 *
 * @typedef {object} Rule
 * @property {string} name
 * @property {string} before An example, with its imports where the rule needs them.
 * @property {string} after What becomes of it.
 * @property {string} [path] Where the example stands, for a rule about some files only.
 * @property {Readonly<Record<string, string>>} [values] Expressions of the example that are a value where an effect is
 *   expected, and what they are.
 * @property {string} [silent] What would happen without the rule although types check, for the table of the documentation.
 * @property {ReadonlyArray<string>} [members] Looked at only where one of these is used: `effect/Effect.fork`.
 * @property {ReadonlyArray<ts.SyntaxKind>} [kinds] Looked at for these nodes only.
 * @property {Record<string, string>} [modules] Imports of which module go to which.
 * @property {(node: ts.Node, context: Context) => string | undefined} [rewrite]
 *
 * @typedef {object} Context
 * @property {string} path Of the module, relative to the workspace.
 * @property {ts.SourceFile} file
 * @property {(node: ts.Node) => string} text The node rewritten, without the blanks and comments before it.
 * @property {(node: ts.Node) => string} kept As `text`, but not asking again the rule that runs.
 * @property {(node: ts.Node) => string | undefined} value What the expression is that stands where an effect is expected.
 * @property {(node: ts.Node) => string | undefined} member What the node names: `effect/Effect.fork`.
 * @property {(member: string) => string} use The expression for a member of the target, imported where it is not.
 * @property {(module: string, name: string) => void} named Imports a name of the target by itself.
 */
import ts from "typescript"
import { siteOf } from "./types.mjs"

/**
 * @param {ReadonlyArray<Rule>} rules
 * @returns {(path: string, source: string, values?: ReadonlyMap<string, string>) => string} `values`: see `types.mjs`.
 */
export const rewriter = (rules) => {
  const modules = Object.assign({}, ...rules.map((rule) => rule.modules ?? {}))
  const byMember = new Map()
  const byKind = new Map()
  const add = (map, key, rule) => map.set(key, [...map.get(key) ?? [], rule])
  for (const rule of rules.filter((rule) => rule.rewrite !== undefined)) {
    rule.members?.forEach((member) => add(byMember, member, rule))
    rule.kinds?.forEach((kind) => add(byKind, kind, rule))
    if (rule.values !== undefined) add(byKind, "value", rule)
  }
  return (path, source, values = new Map()) => rewrite({ byKind, byMember, modules, path, source, values })
}

const rewrite = ({ byKind, byMember, modules, path, source, values }) => {
  const file = ts.createSourceFile(path, source, ts.ScriptTarget.Latest, true, scriptKind(path))
  const imports = importsOf(file)
  const names = namesIn(file)
  const added = new Map()
  // what rules name, which may be needed where there was only a type
  const needed = new Set()
  const addedNames = new Map()

  const member = (node) => {
    if (ts.isPropertyAccessExpression(node) || ts.isQualifiedName(node)) {
      const [left, right] = ts.isQualifiedName(node) ? [node.left, node.right] : [node.expression, node.name]
      const found = ts.isIdentifier(left) ? imports.get(left.text) : undefined
      return found?.name === undefined && found !== undefined ? `${found.module}.${right.text}` : undefined
    }
    if (ts.isIdentifier(node) && isReference(node)) {
      const found = imports.get(node.text)
      return found?.name === undefined ? undefined : `${found.module}.${found.name}`
    }
    return undefined
  }

  /** The name under which a module of the target is imported. */
  const local = (module) => {
    for (const [name, found] of imports) {
      if (found.name !== undefined || targetOf(modules, found.module) !== module) continue
      needed.add(name)
      return renamedLocal(name, found)
    }
    const known = added.get(module)
    if (known !== undefined) return known
    const wanted = module.split("/").at(-1).replace(/(?:^|-)([a-z])/g, (_, letter) => letter.toUpperCase())
    const name = isTaken(wanted) ? `${wanted}s` : wanted
    added.set(module, name)
    return name
  }

  /** A namespace import that bears the name of its module goes on to do so. */
  const renamedLocal = (name, { module }) => {
    const target = targetOf(modules, module)
    const [old, next] = [module, target].map((path) => path.split("/").at(-1))
    return old !== next && name === old && /^[A-Z]\w*$/.test(next) && !isTaken(next) ? next : name
  }

  const isReplaced = (name) => {
    const found = imports.get(name)
    return found?.name !== undefined && byMember.has(`${found.module}.${found.name}`)
  }

  /** A name that a rule replaces wherever it stands is free. */
  const isTaken = (name) => {
    return names.has(name) && !isReplaced(name)
  }

  const running = []
  const skipped = new Map()

  const context = {
    path,
    file,
    member,
    text: (node) => print(node).slice(node.getStart(file) - node.pos),
    kept: (node) => {
      skipped.set(node, [...skipped.get(node) ?? [], running.at(-1)])
      return context.text(node)
    },
    value: (node) => values.get(siteOf(node, file)),
    use: (wanted) => {
      const index = wanted.lastIndexOf(".")
      return `${local(wanted.slice(0, index))}.${wanted.slice(index + 1)}`
    },
    named: (module, name) => {
      addedNames.set(module, new Set([...addedNames.get(module) ?? [], name]))
    }
  }

  const answer = (node) => {
    const found = member(node)
    // a rule about calls of a member looks at the call, one about the member itself at the member
    const called = ts.isCallExpression(node) ? member(calleeOf(node)) : undefined
    const candidates = [
      ...(values.size === 0 ? [] : byKind.get("value") ?? []),
      ...(called === undefined ? [] : byMember.get(called) ?? []),
      ...(found === undefined ? [] : byMember.get(found) ?? []),
      ...(byKind.get(node.kind) ?? [])
    ]
    for (const rule of candidates) {
      if (skipped.get(node)?.includes(rule)) continue
      running.push(rule)
      const text = rule.rewrite(node, context)
      running.pop()
      if (text !== undefined) return text
    }
    return undefined
  }

  const print = (node) => {
    const trivia = source.slice(node.pos, node.getStart(file))
    const text = answer(node)
    if (text !== undefined) return trivia + text
    if (ts.isIdentifier(node)) {
      const found = imports.get(node.text)
      if (found !== undefined && found.name === undefined && isReference(node)) {
        return trivia + renamedLocal(node.text, found)
      }
    }
    let out = ""
    let position = node.pos
    ts.forEachChild(node, (child) => {
      out += source.slice(position, child.pos) + print(child)
      position = child.end
    })
    return out + source.slice(position, node.end)
  }

  const rest = source.slice(file.statements.at(-1)?.end ?? 0)
  const bodies = new Map(
    file.statements.filter((statement) => !ts.isImportDeclaration(statement)).map((statement) => [
      statement,
      print(statement)
    ])
  )
  // of what is left, not of a comment
  const body = [...bodies.values(), rest].join("")
  const left = namesIn(ts.createSourceFile(path, body, ts.ScriptTarget.Latest, true, scriptKind(path)))
  const printed = file.statements.map((statement) =>
    bodies.get(statement) ?? source.slice(statement.pos, statement.getStart(file)) +
        importText(statement, { context, imports, isReplaced, modules, names: left, needed, renamedLocal })
  )
  const news = [
    ...[...added].map(([module, name]) => `import * as ${name} from "${module}"`),
    ...[...addedNames].map(([module, names]) => `import { ${[...names].sort().join(", ")} } from "${module}"`)
  ].filter((text) => !printed.some((line) => line.includes(text)))
  const heading = file.statements.findIndex((statement) => bodies.has(statement))
  const head = printed.slice(0, heading === -1 ? printed.length : heading)
  const before = head.join("")
  const opening = before === "" || news.length === 0 ?
    news.map((line) => `${line}\n`).join("") :
    news.map((line) => `\n${line}`).join("")
  return merged([before, opening, ...printed.slice(head.length), rest].join(""))
}

/** The callee, also where type arguments or a non-null assertion stand between. */
const calleeOf = (node) =>
  ts.isExpressionWithTypeArguments(node.expression) ? node.expression.expression : node.expression

const scriptKind = (path) => path.endsWith(".mjs") || path.endsWith(".js") ? ts.ScriptKind.JS : ts.ScriptKind.TS

/** What the imports of a module bind: namespaces without a `name`. */
const importsOf = (file) => {
  const found = new Map()
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement) || statement.importClause?.namedBindings === undefined) continue
    const module = statement.moduleSpecifier.text
    const bindings = statement.importClause.namedBindings
    if (ts.isNamespaceImport(bindings)) {
      found.set(bindings.name.text, { module })
      continue
    }
    for (const { name, propertyName } of bindings.elements) {
      const original = (propertyName ?? name).text
      // a barrel: each of its names is a module
      if (/^(effect|@effect\/(platform|platform-node|rpc))$/.test(module) && /^[A-Z]/.test(original)) {
        found.set(name.text, { module: `${module}/${original}`, barrel: module })
      } else {
        found.set(name.text, { module, name: original })
      }
    }
  }
  return found
}

const targetOf = (modules, module) => modules[module] ?? module

/** Every name that the module mentions other than as a member of something. */
const namesIn = (file) => {
  const names = new Set()
  const visit = (node) => {
    if (ts.isIdentifier(node) && isReference(node)) names.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(file)
  return names
}

/** Not the `b` of `a.b`, nor a key of an object, a type or a class. */
const isReference = (node) => {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isQualifiedName(parent)) return parent.left === node
  if (ts.isImportSpecifier(parent) || ts.isImportClause(parent)) return false
  if (ts.isExportSpecifier(parent)) return (parent.propertyName ?? parent.name) === node
  if (ts.isBindingElement(parent)) return parent.propertyName !== node
  return !((ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isPropertyDeclaration(parent) ||
    ts.isMethodDeclaration(parent) || ts.isMethodSignature(parent) || ts.isEnumMember(parent)) && parent.name === node)
}

const importText = (statement, { context, imports, isReplaced, modules, names, needed, renamedLocal }) => {
  const module = statement.moduleSpecifier.text
  const target = targetOf(modules, module)
  const clause = statement.importClause
  if (clause?.namedBindings === undefined || clause.name !== undefined) {
    return statement.getText(context.file).replace(/(["'])[^"']*\1$/, `"${target}"`)
  }
  const type = clause.isTypeOnly ? "import type" : "import"
  const mentioned = (name) => names.has(name)
  if (ts.isNamespaceImport(clause.namedBindings)) {
    const { text } = clause.namedBindings.name
    const name = renamedLocal(text, imports.get(text))
    return mentioned(name) ? `${needed.has(text) ? "import" : type} * as ${name} from "${target}"` : ""
  }
  const elements = clause.namedBindings.elements.filter((element) =>
    !isReplaced(element.name.text) && (mentioned(element.name.text) ||
      mentioned(renamedLocal(element.name.text, imports.get(element.name.text))))
  )
  if (elements.length === 0) return ""
  const barrel = imports.get(elements[0].name.text)?.barrel !== undefined
  if (!barrel) {
    return `${type} { ${elements.map((element) => element.getText(context.file)).join(", ")} } from "${target}"`
  }
  return elements.map((element) => {
    const found = imports.get(element.name.text)
    const name = renamedLocal(element.name.text, found)
    return `${type} * as ${name} from "${targetOf(modules, found.module)}"`
  }).join("\n")
}

/** Without the lines that nothing is left of, and without an import that is there twice. */
const merged = (text) => {
  const seen = new Set()
  return text.split("\n").filter((line) => {
    if (!/^import (type )?\* as /.test(line)) return true
    if (seen.has(line)) return false
    seen.add(line)
    return true
  }).join("\n").replace(/^\n+/, "").replace(/\n{3,}/g, "\n\n")
}
