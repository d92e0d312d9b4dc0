/** Tests. */
import ts from "typescript"
import { called, isDeclaredAs, property, renamed, texts } from "./rule.mjs"

const path = "packages/core/test/Some.test.ts"

const isTest = (context) => /^packages\/[a-z-]+\/(test|integration|stress)\/|^examples\/test\//.test(context.path)

const its = { scoped: "effect", scopedLive: "live" }

const tags = {
  Left: "Failure",
  NoSuchElementException: "NoSuchElementError",
  ParseError: "SchemaError",
  Right: "Success",
  TimeoutException: "TimeoutError"
}

const isSchema = (node) => ts.isPropertyAccessExpression(node) && /^[A-Z]/.test(node.name.text)

/** A test of a property by fast-check itself: `run` is the call around it, of what is asserted. */
const propertyTest = (callee, kind, testOf, run) => (node, context) => {
  if (!callee.test(node.expression.getText(context.file))) return undefined
  const [name, arbitraries, test, options] = node.arguments
  if (!ts.isArrayLiteralExpression(arbitraries) || arbitraries.elements.some(isSchema)) return undefined
  const fastCheck = (member) => context.use(`fast-check.${member}`)
  const settings = property(options, "fastCheck")
  const values = `${fastCheck("tuple")}(${texts(arbitraries.elements, context).join(", ")})`
  const args = [
    `${fastCheck(kind)}(${values}, ${testOf(context.text(test), context)})`,
    ...(settings === undefined ? [] : [context.text(settings.initializer)])
  ]
  return run(context.text(name), `${fastCheck("assert")}(${args.join(", ")})`, context)
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const tests = [
  {
    name: "every test has a scope",
    before: `it.scopedLive("opens", test)`,
    after: `it.live("opens", test)`,
    path,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node) =>
      ts.isIdentifier(node.expression) && node.expression.text === "it" && Object.hasOwn(its, node.name.text)
        ? `it.${its[node.name.text]}`
        : undefined
  },
  {
    name: "tests need no services",
    before:
      `import type * as TestServices from "effect/TestServices"\ndeclare const test: Effect.Effect<void, never, TestServices.TestServices>`,
    after: `declare const test: Effect.Effect<void, never, never>`,
    path,
    members: ["effect/TestServices.TestServices"],
    rewrite: () => "never"
  },
  {
    name: "properties are those of fast-check",
    before:
      `import * as FastCheck from "effect/FastCheck"\nit.prop("holds", [FastCheck.string()], ([text]) => check(text), { fastCheck: { numRuns: 20 } })`,
    after:
      `import * as FastCheck from "fast-check"\nit("holds", () => FastCheck.assert(FastCheck.property(FastCheck.tuple(FastCheck.string()), ([text]) => check(text)), { numRuns: 20 }))`,
    path,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: propertyTest(
      /^it\.prop$/,
      "property",
      (test) => test,
      (name, checked) => `it(${name}, () => ${checked})`
    )
  },
  {
    name: "properties of effects are those of fast-check too",
    before:
      `import * as FastCheck from "effect/FastCheck"\nit.live.prop("holds", [FastCheck.string()], ([text]) => check(text))`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as FastCheck from "fast-check"\nit.live("holds", () => Effect.promise(() => Promise.resolve(FastCheck.assert(FastCheck.asyncProperty(FastCheck.tuple(FastCheck.string()), (values) => Effect.runPromise(Effect.scoped((([text]) => check(text))(values))))))))`,
    path,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: propertyTest(
      /^it\.(live|effect|scoped|scopedLive)\.prop$/,
      "asyncProperty",
      (test, { use }) =>
        `(values) => ${use("effect/Effect.runPromise")}(${use("effect/Effect.scoped")}((${test})(values)))`,
      (name, checked, { use }) =>
        `it.live(${name}, () => ${use("effect/Effect.promise")}(() => Promise.resolve(${checked})))`
    )
  },
  {
    name: "a subscription is taken from by a function",
    before: `yield* events.takeAll`,
    after: `import * as PubSub from "effect/PubSub"\nyield* PubSub.takeUpTo(events, Infinity)`,
    silent: "`takeAll` waits until there is something",
    path,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) =>
      isTest(context) && node.name.text === "takeAll" && context.member(node) === undefined &&
        !(ts.isCallExpression(node.parent) && node.parent.expression === node)
        ? `${context.use("effect/PubSub.takeUpTo")}(${context.text(node.expression)}, Infinity)`
        : undefined
  },
  {
    name: "tests one after another",
    before: `describe.sequential("in order", tests)`,
    after: `describe("in order", { concurrent: false }, tests)`,
    path,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const [, of] = /^(describe|it)\.sequential$/.exec(node.expression.getText(context.file)) ?? []
      if (of === undefined) return undefined
      const [name, ...rest] = texts(node.arguments, context)
      return `${of}(${[name, "{ concurrent: false }", ...rest].join(", ")})`
    }
  },
  {
    name: "several forked fibers are a list",
    before:
      `import * as Fiber from "effect/Fiber"\nconst fibers = yield* Effect.forkAll(calls)\nyield* Fiber.join(fibers)`,
    after:
      `import * as Fiber from "effect/Fiber"\nconst fibers = yield* Effect.forkAll(calls)\nyield* Fiber.joinAll(fibers)`,
    path,
    members: ["effect/Fiber.interrupt", "effect/Fiber.join"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node) || !isDeclaredAs(node.arguments[0], /Effect\.forkAll\(/, context)) return undefined
      return `${context.use(`${context.member(node.expression)}All`)}(${context.text(node.arguments[0])})`
    }
  },
  {
    name: "the tags of a Result, an error of time and one of a Schema",
    before: `assert.strictEqual(result._tag, "Left")`,
    after: `assert.strictEqual(result._tag, "Failure")`,
    kinds: [ts.SyntaxKind.StringLiteral],
    rewrite: (node, context) => {
      const tag = Object.hasOwn(tags, node.text) ? tags[node.text] : undefined
      return tag === undefined || !/^packages\/[a-z-]+\//.test(context.path) ? undefined : `"${tag}"`
    }
  },
  {
    name: "what a test says that a Result holds",
    before: `assert.deepInclude(result, { _tag: "Right", right: 200 })`,
    after: `assert.deepInclude(result, { _tag: "Success", success: 200 })`,
    kinds: [ts.SyntaxKind.PropertyAssignment],
    rewrite: (node, context) => {
      const tag = property(node.parent, "_tag")?.getText(context.file) ?? ""
      const name = { left: "failure", right: "success" }[node.name.getText(context.file)]
      return name !== undefined && /"(Left|Right)"/.test(tag) ? `${name}: ${context.text(node.initializer)}` : undefined
    }
  },
  called(
    {
      name: "time passes once every fiber waits for it",
      before: `import * as TestClock from "effect/TestClock"\nyield* TestClock.adjust("1 second")`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as VirtualClock from "@effect-auth/testing/VirtualClock"\nimport * as TestClock from "effect/testing/TestClock"\nyield* Effect.andThen(VirtualClock.settled, TestClock.adjust("1 second"))`,
      silent:
        "the test clock moves although fibers have something to do, and wakes none that begins to sleep afterwards",
      path
    },
    "effect/TestClock.adjust",
    (_, context, node) =>
      isTest(context)
        ? `${context.use("effect/Effect.andThen")}(${context.use("@effect-auth/testing/VirtualClock.settled")}, ${
          context.kept(node)
        })`
        : undefined
  ),
  renamed(
    {
      name: "what a test runs on the real clock",
      before: `import * as TestServices from "effect/TestServices"\nTestServices.provideLive(wait)`,
      after: `import * as TestClock from "effect/testing/TestClock"\nTestClock.withLive(wait)`,
      path
    },
    { "effect/TestServices.provideLive": "effect/testing/TestClock.withLive" }
  ),
  called(
    {
      name: "data compares by its fields",
      before: `import * as Data from "effect/Data"\nData.struct({ name })`,
      after: `({ name })`,
      path
    },
    "effect/Data.struct",
    ([fields], context) => `(${context.text(fields)})`
  ),
  called(
    {
      name: "what a promise is rejected with",
      before: `import * as Effect from "effect/Effect"\nEffect.tryPromise(() => fetch("/"))`,
      after:
        `import * as Effect from "effect/Effect"\nEffect.tryPromise({ try: () => fetch("/"), catch: (error) => ({ error }) })`,
      path
    },
    "effect/Effect.tryPromise",
    ([promise], context) =>
      isTest(context) && promise !== undefined && !ts.isObjectLiteralExpression(promise)
        ? `${context.use("effect/Effect.tryPromise")}({ try: ${context.text(promise)}, catch: (error) => ({ error }) })`
        : undefined
  ),
  {
    name: "what the platform calls the span of a request",
    before: `spans.find(({ name }) => name === "http.client GET")`,
    after: `spans.find(({ name }) => name === "GET")`,
    path,
    kinds: [ts.SyntaxKind.StringLiteral],
    rewrite: (node, context) => {
      const [, method] = /^http\.client ([A-Z]+)$/.exec(node.text) ?? []
      return method === undefined || !isTest(context) ? undefined : `"${method}"`
    }
  },
  {
    name: "what a cause is made of",
    before: `assert.strictEqual(cause._tag, "Fail")`,
    after: `assert.strictEqual(cause.reasons[0]?._tag, "Fail")`,
    path,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) =>
      isTest(context) && node.name.text === "_tag" && /(^|\.)cause$/.test(node.expression.getText(context.file)) &&
        /"(Fail|Die|Interrupt)"/.test(node.parent.getText(context.file))
        ? `${context.text(node.expression)}.reasons[0]?._tag`
        : undefined
  },
  {
    name: "the error of a cause",
    before: `use(exit.cause.error)`,
    after:
      `import * as Cause from "effect/Cause"\nimport * as Option from "effect/Option"\nuse(Option.getOrThrow(Cause.findErrorOption(exit.cause)))`,
    path,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) =>
      isTest(context) && node.name.text === "error" && /\.cause$/.test(node.expression.getText(context.file))
        ? `${context.use("effect/Option.getOrThrow")}(${context.use("effect/Cause.findErrorOption")}(${
          context.text(node.expression)
        }))`
        : undefined
  },
  called(
    {
      name: "how a fiber ends that is interrupted",
      before:
        `import * as Fiber from "effect/Fiber"\nconst test = function*() { check(yield* Fiber.interrupt(fiber)) }`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Fiber from "effect/Fiber"\nconst test = function*() { check(yield* Effect.andThen(Fiber.interrupt(fiber), Fiber.await(fiber))) }`,
      path
    },
    "effect/Fiber.interrupt",
    ([fiber], context, node) =>
      isTest(context) && fiber !== undefined && ts.isYieldExpression(node.parent) &&
        !ts.isExpressionStatement(node.parent.parent)
        ? `${context.use("effect/Effect.andThen")}(${context.kept(node)}, ${context.use("effect/Fiber.await")}(${
          context.text(fiber)
        }))`
        : undefined
  ),
  {
    name: "an object of a class that is not checked",
    before: `new Token(fields, { disableValidation: true })`,
    after: `new Token(fields, { disableChecks: true })`,
    kinds: [ts.SyntaxKind.PropertyAssignment],
    rewrite: (node, context) =>
      node.name.getText(context.file) === "disableValidation"
        ? `disableChecks: ${context.text(node.initializer)}`
        : undefined
  }
]
