/** Schemas, configuration, durations and times. */
import ts from "typescript"
import { called, property, renamed, renamedIn, texts, valueOf } from "./rule.mjs"

const about = (name, before, after, silent) => ({
  name,
  before: `import * as Schema from "effect/Schema"\n${before}`,
  after: `import * as Schema from "effect/Schema"\n${after}`,
  ...(silent === undefined ? {} : { silent })
})

const listed = (member) => (args, context) =>
  `${context.use(`effect/Schema.${member}`)}(${
    args.length === 1 && ts.isSpreadElement(args[0])
      ? context.text(args[0].expression)
      : `[${texts(args, context).join(", ")}]`
  })`

/** Annotations, whose message is a text and no function. */
const messageOf = (annotations, context) => {
  const message = property(annotations, "message")
  if (message === undefined || !ts.isArrowFunction(message.initializer)) return context.text(annotations)
  const { body } = message.initializer
  const inner = ts.isParenthesizedExpression(body) ? body.expression : body
  const text = ts.isObjectLiteralExpression(inner) ? valueOf(property(inner, "message"), context) : context.text(inner)
  return `{ message: ${text} }`
}

/** The object literal that an expression is, or that the constant of its name is. */
const literalOf = (node, context) => {
  if (!ts.isIdentifier(node)) return node
  for (const statement of context.file.statements) {
    if (!ts.isVariableStatement(statement)) continue
    for (const { initializer, name } of statement.declarationList.declarations) {
      if (!ts.isIdentifier(name) || name.text !== node.text || initializer === undefined) continue
      return ts.isAsExpression(initializer) ? initializer.expression : initializer
    }
  }
  return node
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const schemas = [
  renamedIn(
    about(
      "the members of Schema",
      "Schema.decodeUnknownEither(Schema.Redacted(Schema.String))",
      "Schema.decodeUnknownResult(Schema.RedactedFromValue(Schema.String))",
      "the short names decode no more: `Redacted`, `DateTimeUtc` and `Date` take what they give"
    ),
    "effect/Schema",
    {
      Date: "DateFromString",
      DateTimeUtc: "DateTimeUtcFromString",
      DateTimeUtcFromNumber: "DateTimeUtcFromMillis",
      DateTimeUtcFromSelf: "DateTimeUtc",
      NonNegativeInt: "Natural",
      Redacted: "RedactedFromValue",
      RedactedFromSelf: "Redacted",
      typeSchema: "toType",
      decode: "decodeEffect",
      decodeEither: "decodeResult",
      decodeUnknown: "decodeUnknownEffect",
      decodeUnknownEither: "decodeUnknownResult",
      encode: "encodeEffect",
      encodeEither: "encodeResult",
      encodeUnknown: "encodeUnknownEffect"
    }
  ),
  {
    ...about(
      "a schema with both of its types is a codec",
      "declare const schema: Schema.Schema<number, string>",
      "declare const schema: Schema.Codec<number, string>"
    ),
    members: ["effect/Schema.Schema"],
    rewrite: (node, context) =>
      ts.isQualifiedName(node) && ts.isTypeReferenceNode(node.parent) ? context.use("effect/Schema.Codec") : undefined
  },
  called(
    about(
      "literals are a list",
      `Schema.Literal("a", "b")`,
      `Schema.Literals(["a", "b"])`
    ),
    "effect/Schema.Literal",
    (args, context) => args.length === 1 && !ts.isSpreadElement(args[0]) ? undefined : listed("Literals")(args, context)
  ),
  called(
    about("the members of a union are a list", "Schema.Union(One, Two)", "Schema.Union([One, Two])"),
    "effect/Schema.Union",
    listed("Union")
  ),
  called(
    about("the elements of a tuple are a list", "Schema.Tuple(One, Two)", "Schema.Tuple([One, Two])"),
    "effect/Schema.Tuple",
    listed("Tuple")
  ),
  called(
    about(
      "the key and value of a record",
      "Schema.Record({ key: Schema.String, value: Schema.Unknown })",
      "Schema.Record(Schema.String, Schema.Unknown)"
    ),
    "effect/Schema.Record",
    ([options], context) =>
      `${context.use("effect/Schema.Record")}(${
        ["key", "value"].map((name) => valueOf(property(options, name), context)).join(", ")
      })`
  ),
  called(
    about(
      "a struct with other members",
      "Schema.Struct({ iss: Schema.String }, { key: Schema.String, value: Schema.Unknown })",
      "Schema.StructWithRest(Schema.Struct({ iss: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])"
    ),
    "effect/Schema.Struct",
    ([fields, rest], context) =>
      rest === undefined
        ? undefined
        : `${context.use("effect/Schema.StructWithRest")}(${context.use("effect/Schema.Struct")}(${
          context.text(fields)
        }), [${context.use("effect/Schema.Record")}(${
          ["key", "value"].map((name) => valueOf(property(rest, name), context)).join(", ")
        })])`
  ),
  called(
    about(
      "a member that a document calls otherwise",
      `Schema.Struct({ issuer: Text, scopes: Schema.fromKey(Texts, "scopes_supported") })`,
      `Schema.Struct({ issuer: Text, scopes: Texts }).pipe(Schema.encodeKeys({ scopes: "scopes_supported" }))`
    ),
    "effect/Schema.Struct",
    ([fields], context) => {
      if (fields === undefined || !ts.isObjectLiteralExpression(fields)) return undefined
      const named = (found) =>
        ts.isPropertyAssignment(found) && ts.isCallExpression(found.initializer) &&
        context.member(found.initializer.expression) === "effect/Schema.fromKey"
      if (!fields.properties.some(named)) return undefined
      const members = fields.properties.map((found) =>
        named(found)
          ? `${context.text(found.name)}: ${context.text(found.initializer.arguments[0])}`
          : context.text(found)
      )
      const keys = fields.properties.filter(named).map((found) =>
        `${context.text(found.name)}: ${context.text(found.initializer.arguments[1])}`
      )
      return `${context.use("effect/Schema.Struct")}({ ${members.join(", ")} }).pipe(${
        context.use("effect/Schema.encodeKeys")
      }({ ${keys.join(", ")} }))`
    }
  ),
  called(
    about(
      "a member that has to be there",
      "Schema.Struct({ issuer: Schema.propertySignature(Text) })",
      "Schema.Struct({ issuer: Text })"
    ),
    "effect/Schema.propertySignature",
    ([schema], context) => context.text(schema)
  ),
  called(
    about(
      "JSON text",
      "Schema.parseJson({ reviver })",
      "Schema.fromJsonString(Schema.Unknown, { reviver })"
    ),
    "effect/Schema.parseJson",
    (args, context) => {
      const [first] = args
      const isSchema = first !== undefined && !ts.isObjectLiteralExpression(first)
      return `${context.use("effect/Schema.fromJsonString")}(${
        [...(isSchema ? [] : [context.use("effect/Schema.Unknown")]), ...texts(args, context)].join(", ")
      })`
    }
  ),
  called(
    about(
      "a filter is a check",
      `Schema.filter((n) => ({ path: ["n"], message: "must be even" }))`,
      `Schema.check(Schema.makeFilter((n) => ({ path: ["n"], issue: "must be even" })))`
    ),
    "effect/Schema.filter",
    (args, context) =>
      args.length === 2 && ts.isObjectLiteralExpression(args[1])
        ? `${context.use("effect/Schema.refine")}(${context.text(args[0])}, ${messageOf(args[1], context)})`
        : args.length === 2
        ? `${context.text(args[0])}.pipe(${context.use("effect/Schema.check")}(${
          context.use("effect/Schema.makeFilter")
        }(${context.text(args[1])})))`
        : `${context.use("effect/Schema.check")}(${context.use("effect/Schema.makeFilter")}(${context.text(args[0])}))`
  ),
  {
    ...about(
      "the message of a schema is a text",
      `Schema.String.annotations({ message: () => ({ message: "must be a string", override: true }) })`,
      `Schema.String.annotate({ message: "must be a string" })`
    ),
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: args, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "annotations") return undefined
      return `${context.text(expression.expression)}.annotate(${messageOf(args[0], context)})`
    }
  },
  {
    ...about(
      "what a filter reports that has a name",
      `const isEven = (n) => ({ path: ["n"], message })\nSchema.filter(isEven)`,
      `const isEven = (n) => ({ path: ["n"], issue: message })\nSchema.check(Schema.makeFilter(isEven))`
    )
  },
  {
    ...about(
      "what a filter reports",
      `Schema.filter((n) => ({ path: ["n"], message }))`,
      `Schema.check(Schema.makeFilter((n) => ({ path: ["n"], issue: message })))`
    ),
    kinds: [ts.SyntaxKind.PropertyAssignment, ts.SyntaxKind.ShorthandPropertyAssignment],
    rewrite: (node, context) => {
      if (node.name.text !== "message" || property(node.parent, "path") === undefined) return undefined
      if (!isWithin(node, "effect/Schema.filter", context)) return undefined
      return `issue: ${valueOf(node, context)}`
    }
  },
  called(
    about(
      "numbers between two",
      "Schema.Int.pipe(Schema.between(1, 9))",
      "Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 9 })))"
    ),
    "effect/Schema.between",
    ([minimum, maximum], context) =>
      `${context.use("effect/Schema.check")}(${context.use("effect/Schema.isBetween")}({ minimum: ${
        context.text(minimum)
      }, maximum: ${context.text(maximum)} }))`
  ),
  called(
    about(
      "texts of a pattern",
      "Schema.pattern(/x/)",
      "Schema.check(Schema.isPattern(/x/))"
    ),
    "effect/Schema.pattern",
    ([pattern], context) =>
      `${context.use("effect/Schema.check")}(${context.use("effect/Schema.isPattern")}(${context.text(pattern)}))`
  ),
  called(
    about(
      "one schema after another",
      "Schema.compose(Schema.NumberFromString, Natural)",
      "Schema.NumberFromString.pipe(Schema.decodeTo(Natural))"
    ),
    "effect/Schema.compose",
    ([from, to], context) =>
      to === undefined
        ? undefined
        : `${context.text(from)}.pipe(${context.use("effect/Schema.decodeTo")}(${context.text(to)}))`
  ),
  renamed({
    name: "the error of a schema",
    before: `import type * as ParseResult from "effect/ParseResult"\ndeclare const error: ParseResult.ParseError`,
    after: `import * as Schema from "effect/Schema"\ndeclare const error: Schema.SchemaError`
  }, { "effect/ParseResult.ParseError": "effect/Schema.SchemaError" }),
  called(
    about(
      "a field that may be absent",
      "Schema.optionalWith(Secret, { exact: true })",
      "Schema.optionalKey(Secret)"
    ),
    "effect/Schema.optionalWith",
    ([schema, options], context) =>
      property(literalOf(options, context), "exact") !== undefined
        ? `${context.use("effect/Schema.optionalKey")}(${context.text(schema)})`
        : undefined
  ),
  called(
    {
      ...about(
        "a field with a default value",
        "Schema.optionalWith(Names, { default: () => [] })",
        "Names.pipe(Schema.withConstructorDefault(Effect.sync(() => [])), Schema.withDecodingDefaultType(Effect.sync(() => [])))"
      ),
      after:
        `import * as Schema from "effect/Schema"\nimport * as Effect from "effect/Effect"\nNames.pipe(Schema.withConstructorDefault(Effect.sync(() => [])), Schema.withDecodingDefaultType(Effect.sync(() => [])))`
    },
    "effect/Schema.optionalWith",
    ([schema, options], context) => {
      const found = property(literalOf(options, context), "default")
      if (found === undefined) return undefined
      const value = `${context.use("effect/Effect.sync")}(${valueOf(found, context)})`
      return `${context.text(schema)}.pipe(${context.use("effect/Schema.withConstructorDefault")}(${value}), ${
        context.use("effect/Schema.withDecodingDefaultType")
      }(${value}))`
    }
  ),
  called(
    {
      name: "a field that may be null, which is then absent",
      before: `import * as Schema from "effect/Schema"\nSchema.optionalWith(Text, { nullable: true })`,
      after:
        `import * as Option from "effect/Option"\nimport * as Schema from "effect/Schema"\nimport * as SchemaGetter from "effect/SchemaGetter"\nSchema.optional(Schema.NullOr(Text)).pipe(Schema.decodeTo(Schema.optional(Schema.toType(Text)), { decode: SchemaGetter.transformOptional(Option.flatMap((value) => value === null ? Option.none() : Option.some(value))), encode: SchemaGetter.passthrough() }))`
    },
    "effect/Schema.optionalWith",
    ([schema, options], context) => {
      if (property(literalOf(options, context), "nullable") === undefined) return undefined
      const of = (name) => context.use(`effect/Schema.${name}`)
      const text = context.text(schema)
      const option = (name) => context.use(`effect/Option.${name}`)
      const getter = (name) => context.use(`effect/SchemaGetter.${name}`)
      return `${of("optional")}(${of("NullOr")}(${text})).pipe(${of("decodeTo")}(${of("optional")}(${
        of("toType")
      }(${text})), { decode: ${getter("transformOptional")}(${option("flatMap")}((value) => value === null ? ${
        option("none")
      }() : ${option("some")}(value))), encode: ${getter("passthrough")}() }))`
    }
  ),
  called(
    {
      ...about("", "", ""),
      name: "a transformation decodes to another schema",
      before:
        `import * as Schema from "effect/Schema"\nSchema.transform(From, To, { strict: true, decode: f, encode: g })`,
      after:
        `import * as Schema from "effect/Schema"\nimport * as SchemaGetter from "effect/SchemaGetter"\nFrom.pipe(Schema.decodeTo(To, { decode: SchemaGetter.transform(f), encode: SchemaGetter.transform(g) }))`
    },
    "effect/Schema.transform",
    ([from, to, options], context) => {
      const [decode, encode] = ["decode", "encode"].map((name) =>
        `${name}: ${context.use("effect/SchemaGetter.transform")}(${valueOf(property(options, name), context)})`
      )
      return `${context.text(from)}.pipe(${context.use("effect/Schema.decodeTo")}(${
        context.text(to)
      }, { ${decode}, ${encode} }))`
    }
  )
]

/** Whether the node lies within the arguments of a call of the member, or in a function that is one by its name. */
const isWithin = (node, member, context) => {
  const names = new Set()
  const visit = (at) => {
    if (ts.isCallExpression(at) && context.member(at.expression) === member) {
      at.arguments.filter(ts.isIdentifier).forEach(({ text }) => names.add(text))
    }
    ts.forEachChild(at, visit)
  }
  visit(context.file)
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (ts.isCallExpression(at) && context.member(at.expression) === member) return true
    if (ts.isVariableDeclaration(at) && ts.isIdentifier(at.name) && names.has(at.name.text)) return true
  }
  return false
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const times = [
  renamedIn(
    {
      name: "the members of Duration",
      before: `import * as Duration from "effect/Duration"\nDuration.lessThan(age, Duration.decode(input))`,
      after: `import * as Duration from "effect/Duration"\nDuration.isLessThan(age, Duration.fromInputUnsafe(input))`,
      silent: "durations can be negative; here they are not made so"
    },
    "effect/Duration",
    {
      DurationInput: "Input",
      decode: "fromInputUnsafe",
      greaterThan: "isGreaterThan",
      greaterThanOrEqualTo: "isGreaterThanOrEqualTo",
      lessThan: "isLessThan",
      lessThanOrEqualTo: "isLessThanOrEqualTo"
    }
  ),
  renamedIn(
    {
      name: "the members of DateTime",
      before: `import * as DateTime from "effect/DateTime"\nDateTime.lessThan(DateTime.unsafeMake(0), now)`,
      after: `import * as DateTime from "effect/DateTime"\nDateTime.isLessThan(DateTime.makeUnsafe(0), now)`
    },
    "effect/DateTime",
    {
      distanceDuration: "distance",
      greaterThan: "isGreaterThan",
      greaterThanOrEqualTo: "isGreaterThanOrEqualTo",
      lessThan: "isLessThan",
      lessThanOrEqualTo: "isLessThanOrEqualTo",
      unsafeMake: "makeUnsafe"
    }
  ),
  called(
    {
      name: "how long it is between two times, in milliseconds",
      before: `import * as DateTime from "effect/DateTime"\nDateTime.distance(start, end)`,
      after:
        `import * as Duration from "effect/Duration"\nimport * as DateTime from "effect/DateTime"\nDuration.toMillis(DateTime.distance(start, end))`
    },
    "effect/DateTime.distance",
    (args, context, node) =>
      args.length === 2 ? `${context.use("effect/Duration.toMillis")}(${context.kept(node)})` : undefined
  ),
  renamed({
    name: "the members of Order",
    before: `import * as Order from "effect/Order"\nOrder.number`,
    after: `import * as Order from "effect/Order"\nOrder.Number`
  }, { "effect/Order.number": "effect/Order.Number", "effect/Order.string": "effect/Order.String" }),
  renamedIn(
    {
      name: "the members of Predicate",
      before: `import * as Predicate from "effect/Predicate"\nPredicate.isRecord(json)`,
      after: `import * as Predicate from "effect/Predicate"\nPredicate.isObject(json)`
    },
    "effect/Predicate",
    {
      isNotNullable: "isNotNullish",
      isNullable: "isNullish",
      isReadonlyRecord: "isReadonlyObject",
      isRecord: "isObject"
    }
  )
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const configs = [
  renamedIn(
    {
      name: "the members of Config",
      before: `import * as Config from "effect/Config"\nConfig.redacted("PASSWORD")`,
      after: `import * as Config from "effect/Config"\nConfig.Redacted("PASSWORD")`
    },
    "effect/Config",
    {
      boolean: "Boolean",
      duration: "Duration",
      integer: "Int",
      nonEmptyString: "NonEmptyString",
      number: "Number",
      redacted: "Redacted",
      string: "String",
      url: "URL"
    }
  ),
  {
    name: "both and either of two configurations, with the errors of both",
    before:
      `import * as Config from "effect/Config"\nConfig.all([Config.option(url), Config.orElse(token, () => password)])`,
    after:
      `import * as Config from "effect/Config"\nimport * as ConfigReading from "@effect-auth/core/internal/configReading"\nConfigReading.all([Config.option(url), ConfigReading.orElse(token, () => password)])`,
    silent: "`Config.all` and `Config.orElse` keep one of the errors, so a person learns of one variable at a time",
    members: ["effect/Config.all", "effect/Config.orElse"],
    rewrite: (node, context) => {
      if (ts.isCallExpression(node) || !/^packages\/[a-z-]+\/src\//.test(context.path)) return undefined
      return context.use(`@effect-auth/core/internal/configReading.${context.member(node).split(".").at(-1)}`)
    }
  },
  called(
    {
      name: "a configuration that is made secret",
      before: `import * as Config from "effect/Config"\nConfig.redacted(text("PASSWORD"))`,
      after:
        `import * as Config from "effect/Config"\nimport * as Redacted from "effect/Redacted"\nConfig.map(text("PASSWORD"), (value) => Redacted.make(value))`
    },
    "effect/Config.redacted",
    ([config], context) =>
      config !== undefined && ts.isCallExpression(config)
        ? `${context.use("effect/Config.map")}(${context.text(config)}, (value) => ${
          context.use("effect/Redacted.make")
        }(value))`
        : undefined
  ),
  called(
    {
      name: "another configuration where nothing is set",
      before:
        `import * as Config from "effect/Config"\nimport * as ConfigError from "effect/ConfigError"\nConfig.orElseIf(self, { if: ConfigError.isMissingDataOnly, orElse: that })`,
      after:
        `import * as ConfigReading from "@effect-auth/core/internal/configReading"\nConfigReading.orElseWhenMissing(self, that)`
    },
    "effect/Config.orElseIf",
    ([self, options], context) =>
      `${context.use("@effect-auth/core/internal/configReading.orElseWhenMissing")}(${context.text(self)}, ${
        valueOf(property(options, "orElse"), context)
      })`
  ),
  called(
    {
      name: "a configuration that may be refused",
      before: `import * as Config from "effect/Config"\nConfig.mapOrFail(self, refuse)`,
      after:
        `import * as Config from "effect/Config"\nimport * as ConfigReading from "@effect-auth/core/internal/configReading"\nConfigReading.raise(Config.map(self, refuse))`
    },
    "effect/Config.mapOrFail",
    (args, context) =>
      `${context.use("@effect-auth/core/internal/configReading.raise")}(${context.use("effect/Config.map")}(${
        texts(args, context).join(", ")
      }))`
  ),
  called(
    {
      name: "the error of nothing in particular that is missing",
      before: `import * as ConfigError from "effect/ConfigError"\nConfigError.MissingData([], "")`,
      after: `import * as ConfigReading from "@effect-auth/core/internal/configReading"\nConfigReading.nothing`
    },
    "effect/ConfigError.MissingData",
    (_, context) => context.use("@effect-auth/core/internal/configReading.nothing")
  ),
  called(
    {
      name: "a list of texts in a variable",
      before: `import * as Config from "effect/Config"\nConfig.array(Config.string(), "LIST")`,
      after:
        `import * as Config from "effect/Config"\nimport * as Schema from "effect/Schema"\nConfig.Array(Schema.String, "LIST")`
    },
    "effect/Config.array",
    ([, name], context) =>
      `${context.use("effect/Config.Array")}(${context.use("effect/Schema.String")}, ${context.text(name)})`
  ),
  {
    name: "a configuration is read from a provider by itself",
    before: `provider.load(Config.string("NAME"))`,
    after: `(Config.string("NAME")).parse(provider)`,
    path: "packages/core/test/Some.test.ts",
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: args, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "load" || args.length !== 1) {
        return undefined
      }
      if (!/^packages\/[a-z-]+\/test\//.test(context.path) || context.member(expression) !== undefined) return undefined
      return ts.isIdentifier(expression.expression) && /^(provider|under)$/.test(expression.expression.text)
        ? `(${context.text(args[0])}).parse(${context.text(expression.expression)})`
        : undefined
    }
  },
  {
    name: "what takes configuration for a value",
    before: `import * as Config from "effect/Config"\ndeclare const wrapped: Config.Config.Wrap<Options>`,
    after: `import * as Config from "effect/Config"\ndeclare const wrapped: Config.Wrap<Options>`,
    kinds: [ts.SyntaxKind.QualifiedName],
    rewrite: (node, context) =>
      ts.isQualifiedName(node.left) && context.member(node.left) === "effect/Config.Config" &&
        node.right.text === "Wrap"
        ? context.use("effect/Config.Wrap")
        : undefined
  },
  renamed({
    name: "errors of configuration",
    before: `import type { ConfigError } from "effect/ConfigError"\ndeclare const error: ConfigError`,
    after: `import * as Config from "effect/Config"\ndeclare const error: Config.ConfigError`
  }, { "effect/ConfigError.ConfigError": "effect/Config.ConfigError" }),
  called(
    {
      name: "configuration from a map",
      before: `import * as ConfigProvider from "effect/ConfigProvider"\nConfigProvider.fromMap(new Map([["A", "1"]]))`,
      after:
        `import * as ConfigProvider from "effect/ConfigProvider"\nConfigProvider.fromEnvRecord(Object.fromEntries([["A", "1"]]))`,
      silent: "a variable that is empty is missing"
    },
    "effect/ConfigProvider.fromMap",
    ([map], context) => {
      const entries = ts.isNewExpression(map) && map.expression.getText(context.file) === "Map"
        ? map.arguments?.[0] === undefined ? "[]" : context.text(map.arguments[0])
        : context.text(map)
      return `${context.use("effect/ConfigProvider.fromEnvRecord")}(Object.fromEntries(${entries}))`
    }
  )
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const schema = [...schemas, ...times, ...configs]
