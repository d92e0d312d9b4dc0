/** Either is Result; Exit, Cause and Option have other names. */
import ts from "typescript"
import { called, renamed, renamedIn, texts } from "./rule.mjs"

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const result = [
  {
    name: "Either is Result",
    before: `import * as Either from "effect/Either"\ntype Parsed = Either.Either<number, string>`,
    after: `import * as Result from "effect/Result"\ntype Parsed = Result.Result<number, string>`,
    modules: { "effect/Either": "effect/Result" }
  },
  renamed({
    name: "the members of Result",
    before: `import * as Either from "effect/Either"\nEither.mapLeft(Either.right(1), String)`,
    after: `import * as Result from "effect/Result"\nResult.mapError(Result.succeed(1), String)`
  }, {
    "effect/Either.Either": "effect/Result.Result",
    "effect/Either.filterOrLeft": "effect/Result.filterOrFail",
    "effect/Either.fromNullable": "effect/Result.fromNullishOr",
    "effect/Either.getLeft": "effect/Result.getFailure",
    "effect/Either.getRight": "effect/Result.getSuccess",
    "effect/Either.isEither": "effect/Result.isResult",
    "effect/Either.isLeft": "effect/Result.isFailure",
    "effect/Either.isRight": "effect/Result.isSuccess",
    "effect/Either.left": "effect/Result.fail",
    "effect/Either.Left": "effect/Result.Failure",
    "effect/Either.mapLeft": "effect/Result.mapError",
    "effect/Either.right": "effect/Result.succeed",
    "effect/Either.Right": "effect/Result.Success"
  }),
  {
    name: "the cases of a match of a Result",
    before: `import * as Either from "effect/Either"\nEither.match(self, { onLeft: String, onRight: (n) => n })`,
    after: `import * as Result from "effect/Result"\nResult.match(self, { onFailure: String, onSuccess: (n) => n })`,
    kinds: [
      ts.SyntaxKind.PropertyAssignment,
      ts.SyntaxKind.ShorthandPropertyAssignment,
      ts.SyntaxKind.MethodDeclaration
    ],
    rewrite: (node, context) => {
      if (!ts.isPropertyAssignment(node) || !ts.isIdentifier(node.name)) return undefined
      const name = new Map([["onLeft", "onFailure"], ["onRight", "onSuccess"]]).get(node.name.text)
      return name === undefined ? undefined : `${name}: ${context.text(node.initializer)}`
    }
  },
  {
    name: "a fiber, a Deferred or an Option where an effect is expected",
    before: `import * as Effect from "effect/Effect"\nEffect.map(fiber, show)`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as Fiber from "effect/Fiber"\nEffect.map(Fiber.join(fiber), show)`,
    values: { fiber: "Fiber" },
    rewrite: (node, context) => {
      const by = {
        Deferred: "effect/Deferred.await",
        Fiber: "effect/Fiber.join",
        Option: "effect/Effect.fromOption",
        Ref: "effect/Ref.get"
      }[context.value(node)]
      return by === undefined ? undefined : `${context.use(by)}(${context.kept(node)})`
    }
  },
  {
    name: "what a Result holds",
    before: `import * as Either from "effect/Either"\nuse(read.right, tree.right)`,
    after: `use(read.success, tree.right)`,
    values: { "read.right": "member" },
    rewrite: (node, context) => {
      if (context.value(node) !== "member" || !ts.isPropertyAccessExpression(node)) return undefined
      const name = { left: "failure", right: "success" }[node.name.text]
      return `${context.text(node.expression)}${node.questionDotToken === undefined ? "." : "?."}${name}`
    }
  },
  called(
    {
      name: "what a function finds among the elements",
      before: `import * as Arr from "effect/Array"\nArr.filterMap(list, find)`,
      after: `import * as Arr from "effect/Array"\nArr.getSomes(Arr.map(list, find))`
    },
    "effect/Array.filterMap",
    (args, context) =>
      args.length === 2
        ? `${context.use("effect/Array.getSomes")}(${context.use("effect/Array.map")}(${
          texts(args, context).join(", ")
        }))`
        : `(list) => ${context.use("effect/Array.getSomes")}(${context.use("effect/Array.map")}(list, ${
          context.text(args[0])
        }))`
  ),
  renamedIn(
    {
      name: "the members of Array",
      before: `import * as Arr from "effect/Array"\nArr.isNonEmptyReadonlyArray(list)`,
      after: `import * as Arr from "effect/Array"\nArr.isReadonlyArrayNonEmpty(list)`
    },
    "effect/Array",
    { isNonEmptyReadonlyArray: "isReadonlyArrayNonEmpty", isNonEmptyArray: "isArrayNonEmpty" }
  ),
  called(
    {
      name: "a record with another value of a key, if it has it",
      before: `import * as Record from "effect/Record"\nRecord.modify(users, name, f)`,
      after:
        `import * as Option from "effect/Option"\nimport * as Record from "effect/Record"\nOption.getOrElse(Record.modify(users, name, f), () => users)`
    },
    "effect/Record.modify",
    (args, context, node) =>
      args.length === 3
        ? `${context.use("effect/Option.getOrElse")}(${context.kept(node)}, () => ${context.text(args[0])})`
        : undefined
  ),
  called(
    {
      name: "the values of a set",
      before: `import * as HashSet from "effect/HashSet"\nHashSet.toValues(set)`,
      after: `Array.from(set)`
    },
    "effect/HashSet.toValues",
    ([set], context) => `Array.from(${context.text(set)})`
  ),
  called(
    {
      name: "the text of a cause",
      before: `import * as Cause from "effect/Cause"\nCause.pretty(cause, { renderErrorCause: true })`,
      after: `import * as Cause from "effect/Cause"\nCause.pretty(cause)`
    },
    "effect/Cause.pretty",
    (args, context, node) =>
      args.length === 2 ? `${context.text(node.expression)}(${context.text(args[0])})` : undefined
  ),
  {
    name: "the errors and the defects of a cause",
    before: `import * as Cause from "effect/Cause"\nArray.from(Cause.failures(cause)).concat(Cause.defects(cause))`,
    after:
      `import * as Cause from "effect/Cause"\nArray.from(cause.reasons.filter(Cause.isFailReason).map(({ error }) => error)).concat(cause.reasons.filter(Cause.isDieReason).map(({ defect }) => defect))`,
    members: ["effect/Cause.defects", "effect/Cause.failures"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const [is, field] = context.member(node.expression) === "effect/Cause.failures"
        ? ["isFailReason", "error"]
        : ["isDieReason", "defect"]
      return `${context.text(node.arguments[0])}.reasons.filter(${
        context.use(`effect/Cause.${is}`)
      }).map(({ ${field} }) => ${field})`
    }
  },
  {
    name: "whether a cause is empty",
    before: `import * as Cause from "effect/Cause"\nCause.isEmpty(cause)`,
    after: `(cause.reasons.length === 0)`,
    members: ["effect/Cause.isEmpty"],
    rewrite: (node, context) =>
      ts.isCallExpression(node) ? `(${context.text(node.arguments[0])}.reasons.length === 0)` : undefined
  },
  called(
    {
      name: "two causes at once",
      before: `import * as Cause from "effect/Cause"\nCause.parallel(one, other)`,
      after: `import * as Cause from "effect/Cause"\nCause.combine(one, other)`
    },
    ["effect/Cause.parallel", "effect/Cause.sequential"],
    (args, context) => `${context.use("effect/Cause.combine")}(${texts(args, context).join(", ")})`
  ),
  called(
    {
      name: "a part of a URL is encoded by the platform",
      before: `import * as Encoding from "effect/Encoding"\nEncoding.encodeUriComponent(name)`,
      after: `import * as Result from "effect/Result"\nResult.try(() => encodeURIComponent(name))`
    },
    "effect/Encoding.encodeUriComponent",
    ([name], context) => `${context.use("effect/Result.try")}(() => encodeURIComponent(${context.text(name)}))`
  ),
  {
    name: "Encoding is a module for each encoding",
    before: `import * as Encoding from "effect/Encoding"\nEncoding.encodeBase64Url(bytes)`,
    after: `import * as Base64Url from "effect/encoding/Base64Url"\nBase64Url.encode(bytes)`,
    members: ["Base64", "Base64Url", "Hex"].flatMap((encoding) =>
      [`encode${encoding}`, `decode${encoding}`, `decode${encoding}String`].map((name) => `effect/Encoding.${name}`)
    ),
    rewrite: (node, context) => {
      if (ts.isCallExpression(node)) return undefined
      const [, verb, encoding, string = ""] = /\.(encode|decode)(Base64Url|Base64|Hex)(String)?$/.exec(
        context.member(node)
      )
      return context.use(`effect/encoding/${encoding}.${verb}${string}`)
    }
  },
  {
    name: "a Result where an effect is expected is made one",
    before: `import * as Effect from "effect/Effect"\nEffect.flatMap(task, () => parse(text))`,
    after: `import * as Effect from "effect/Effect"\nEffect.flatMap(task, () => Effect.fromResult(parse(text)))`,
    values: { "parse(text)": "Either" },
    rewrite: (node, context) =>
      context.value(node) === "Either" ? `${context.use("effect/Effect.fromResult")}(${context.kept(node)})` : undefined
  },
  renamedIn(
    {
      name: "the members of Option",
      before: `import * as Option from "effect/Option"\nOption.fromNullable(found)`,
      after: `import * as Option from "effect/Option"\nOption.fromNullishOr(found)`
    },
    "effect/Option",
    {
      flatMapNullable: "flatMapNullishOr",
      fromNullable: "fromNullishOr",
      getLeft: "getFailure",
      getRight: "getSuccess",
      liftNullable: "liftNullishOr"
    }
  ),
  renamedIn(
    {
      name: "the members of Exit",
      before: `import * as Exit from "effect/Exit"\nExit.isInterrupted(exit)`,
      after: `import * as Exit from "effect/Exit"\nExit.hasInterrupts(exit)`
    },
    "effect/Exit",
    { causeOption: "getCause", isInterrupted: "hasInterrupts" }
  ),
  called(
    {
      name: "an Exit from a Result",
      before: `import * as Exit from "effect/Exit"\nExit.fromEither(read)`,
      after:
        `import * as Exit from "effect/Exit"\nimport * as Result from "effect/Result"\nResult.match(read, { onFailure: Exit.fail, onSuccess: Exit.succeed })`
    },
    "effect/Exit.fromEither",
    ([read], context) => {
      const exit = (name) => context.use(`effect/Exit.${name}`)
      const onFailure = exit("fail")
      return `${context.use("effect/Result.match")}(${context.text(read)}, { onFailure: ${onFailure}, onSuccess: ${
        exit("succeed")
      } })`
    }
  ),
  called(
    {
      name: "Exit has no flatMap",
      before: `import * as Exit from "effect/Exit"\nExit.flatMap(exit, next)`,
      after: `import * as Exit from "effect/Exit"\n(Exit.isSuccess(exit) ? (next)(exit.value) : exit)`
    },
    "effect/Exit.flatMap",
    ([exit, next], context) =>
      `(${context.use("effect/Exit.isSuccess")}(${context.text(exit)}) ? (${context.text(next)})(${
        context.text(exit)
      }.value) : ${context.text(exit)})`
  ),
  called(
    {
      name: "Exit has no getOrElse",
      before: `import * as Exit from "effect/Exit"\nExit.getOrElse(exit, String)`,
      after: `import * as Exit from "effect/Exit"\nExit.match(exit, { onFailure: String, onSuccess: (value) => value })`
    },
    "effect/Exit.getOrElse",
    ([exit, orElse], context) =>
      `${context.use("effect/Exit.match")}(${context.text(exit)}, { onFailure: ${
        context.text(orElse)
      }, onSuccess: (value) => value })`
  ),
  renamedIn(
    {
      name: "the members of Cause",
      before: `import * as Cause from "effect/Cause"\nCause.isInterruptedOnly(cause)`,
      after: `import * as Cause from "effect/Cause"\nCause.hasInterruptsOnly(cause)`
    },
    "effect/Cause",
    {
      failureOption: "findErrorOption",
      isDie: "hasDies",
      isFailure: "hasFails",
      isInterrupted: "hasInterrupts",
      isInterruptedOnly: "hasInterruptsOnly",
      NoSuchElementException: "NoSuchElementError",
      TimeoutException: "TimeoutError"
    }
  ),
  called(
    {
      name: "the error of a cause, or what it is besides",
      before: `import * as Cause from "effect/Cause"\nCause.failureOrCause(cause)`,
      after:
        `import * as Cause from "effect/Cause"\nimport * as Result from "effect/Result"\nResult.flip(Cause.findError(cause))`
    },
    "effect/Cause.failureOrCause",
    ([cause], context) => {
      const flip = context.use("effect/Result.flip")
      return `${flip}(${context.use("effect/Cause.findError")}(${context.text(cause)}))`
    }
  ),
  {
    name: "the defects of a cause",
    before: `import * as Cause from "effect/Cause"\nOption.flatMap(cause, Cause.dieOption)`,
    after:
      `import * as Cause from "effect/Cause"\nimport * as Result from "effect/Result"\nOption.flatMap(cause, (cause) => Result.getSuccess(Cause.findDefect(cause)))`,
    members: ["effect/Cause.dieOption"],
    rewrite: (node, context) => {
      const found = (cause) =>
        `${context.use("effect/Result.getSuccess")}(${context.use("effect/Cause.findDefect")}(${cause}))`
      return ts.isCallExpression(node) ? found(context.text(node.arguments[0])) : `(cause) => ${found("cause")}`
    }
  }
]
