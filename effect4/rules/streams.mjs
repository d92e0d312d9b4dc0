/** Streams, schedules, logs, metrics, clocks, and members that are methods. */
import ts from "typescript"
import { called, isDeclaredAs, property, renamedIn, texts } from "./rule.mjs"

/** A call in which the first argument may be left out for a pipe. */
const dataFirstOrLast = (args, context, make) =>
  args.length === 2 ? make(...texts(args, context)) : `(self) => ${make("self", context.text(args[0]))}`

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const schedules = [
  called(
    {
      name: "both schedules",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.intersect(first, second)`,
      after: `import * as Schedule from "effect/Schedule"\nSchedule.max([first, second])`
    },
    "effect/Schedule.intersect",
    (args, context) =>
      dataFirstOrLast(args, context, (self, that) => `${context.use("effect/Schedule.max")}([${self}, ${that}])`)
  ),
  {
    name: "a schedule may fail",
    before: `import type * as Schedule from "effect/Schedule"\ndeclare const some: Schedule.Schedule<Out, In, R>`,
    after: `import * as Schedule from "effect/Schedule"\ndeclare const some: Schedule.Schedule<Out, In, never, R>`,
    kinds: [ts.SyntaxKind.TypeReference],
    rewrite: (node, context) => {
      if (context.member(node.typeName) !== "effect/Schedule.Schedule" || node.typeArguments?.length !== 3) {
        return undefined
      }
      const [out, input, services] = node.typeArguments.map(context.text)
      return `${context.use("effect/Schedule.Schedule")}<${out}, ${input}, never, ${services}>`
    }
  },
  called(
    {
      name: "either of two schedules",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.union(first, second)`,
      after: `import * as Schedule from "effect/Schedule"\nSchedule.min([first, second])`
    },
    "effect/Schedule.union",
    (args, context) =>
      dataFirstOrLast(args, context, (self, that) => `${context.use("effect/Schedule.min")}([${self}, ${that}])`)
  ),
  {
    name: "a schedule that is over at once",
    before: `import * as Schedule from "effect/Schedule"\nrun(Schedule.stop)`,
    after: `import * as Schedule from "effect/Schedule"\nrun(Schedule.recurs(0))`,
    members: ["effect/Schedule.stop"],
    rewrite: (_, context) => `${context.use("effect/Schedule.recurs")}(0)`
  },
  called(
    {
      name: "a schedule that looks at its input",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.whileInput(self, (age: number) => age < 5)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Schedule from "effect/Schedule"\nSchedule.while(self, ({ input }) => Effect.succeed(((age: number) => age < 5)(input)))`
    },
    "effect/Schedule.whileInput",
    (args, context) => {
      const test = args.at(-1)
      const type = ts.isArrowFunction(test) ? test.parameters[0]?.type : undefined
      const made = `({ input }) => ${context.use("effect/Effect.succeed")}((${context.text(test)})(input))`
      const whiles = context.use("effect/Schedule.while")
      if (args.length === 2 && ts.isIdentifier(test)) {
        return `${whiles}(${context.use("effect/Schedule.setInputType")}<Parameters<typeof ${test.text}>[0]>()(${
          context.text(args[0])
        }), ${made})`
      }
      if (args.length === 2) return `${whiles}(${context.text(args[0])}, ${made})`
      return type === undefined
        ? `${whiles}(${made})`
        : `(self: ${context.use("effect/Schedule.Schedule")}<unknown, ${
          context.text(type)
        }>) => ${whiles}(self, ${made})`
    }
  ),
  called(
    {
      name: "a schedule that is over after some time",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.upTo("10 seconds")`,
      after: `import * as Schedule from "effect/Schedule"\nSchedule.upTo({ duration: "10 seconds" })`,
      silent: "a text has none of the options, and the schedule goes on"
    },
    "effect/Schedule.upTo",
    (args, context) =>
      `${context.use("effect/Schedule.upTo")}(${
        [...texts(args.slice(0, -1), context), `{ duration: ${context.text(args.at(-1))} }`].join(", ")
      })`
  ),
  {
    name: "a schedule with an effect for each input",
    before: `import * as Schedule from "effect/Schedule"\nSchedule.tapInput(self, record)`,
    after: `import * as Schedule from "effect/Schedule"\nSchedule.tap(self, ({ input }) => (record)(input))`,
    members: ["effect/Schedule.tapInput", "effect/Schedule.tapOutput"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const field = context.member(node.expression).endsWith("Input") ? "input" : "output"
      const args = node.arguments
      const f = args.at(-1)
      const tap = context.use("effect/Schedule.tap")
      const text = context.text(f)
      const made = ts.isArrowFunction(f) && f.parameters.length === 0 ? text : `({ ${field} }) => (${text})(${field})`
      const type = ts.isArrowFunction(f) ? f.parameters[0]?.type : undefined
      return args.length === 1 && field === "input" && type !== undefined
        ? `(self: ${context.use("effect/Schedule.Schedule")}<unknown, ${context.text(type)}>) => ${tap}(self, ${made})`
        : `${tap}(${[...texts(args.slice(0, -1), context), made].join(", ")})`
    }
  }
]

/** A function that is written out goes on to be one, so that the types of its parameters are known. */
const remembered = (args, context, member, made) => {
  const [f, initial, ...self] = [...args].reverse()
  if (!ts.isArrowFunction(f) || ts.isBlock(f.body)) return undefined
  const parameters = f.parameters.map((parameter) => context.text(parameter)).join(", ")
  return `${context.use(`effect/Stream.${member}`)}(${
    [...texts(self, context), `() => ${context.text(initial)}`, `(${parameters}) => ${made(context.text(f.body))}`]
      .join(", ")
  })`
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const streams = [
  renamedIn(
    {
      name: "the members of Stream",
      before: `import * as Stream from "effect/Stream"\nStream.repeatEffect(tick)`,
      after: `import * as Stream from "effect/Stream"\nStream.fromEffectRepeat(tick)`
    },
    "effect/Stream",
    {
      catchAll: "catch",
      catchAllCause: "catchCause",
      ensuringWith: "onExit",
      flattenIterables: "flattenIterable",
      repeatEffect: "fromEffectRepeat",
      unwrapScoped: "unwrap"
    }
  ),
  {
    name: "a stream that is pushed to has a queue",
    before:
      `import * as Stream from "effect/Stream"\nStream.asyncPush<Change, Lost>((emit) => watch((change) => change === undefined ? emit.end() : emit.single(change)), options)`,
    after:
      `import * as Queue from "effect/Queue"\nimport * as Stream from "effect/Stream"\nStream.callback<Change, Lost>((emit) => watch((change) => change === undefined ? Queue.endUnsafe(emit) : Queue.offerUnsafe(emit, change)), options)`,
    members: ["effect/Stream.asyncPush"],
    rewrite: (node, context) => ts.isCallExpression(node) ? undefined : context.use("effect/Stream.callback")
  },
  {
    name: "what is pushed to a stream",
    before: `import * as Stream from "effect/Stream"\nStream.asyncPush((emit) => Effect.sync(() => emit.single(1)))`,
    after:
      `import * as Queue from "effect/Queue"\nimport * as Stream from "effect/Stream"\nStream.callback((emit) => Effect.sync(() => Queue.offerUnsafe(emit, 1)))`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.expression.getText(context.file) !== "emit") {
        return undefined
      }
      const name = { single: "offerUnsafe", end: "endUnsafe" }[expression.name.text]
      return name === undefined || !context.file.text.includes("Stream.asyncPush")
        ? undefined
        : `${context.use(`effect/Queue.${name}`)}(${["emit", ...texts(node.arguments, context)].join(", ")})`
    }
  },
  called(
    {
      name: "a stream that is subscribed to at once",
      before: `import * as Stream from "effect/Stream"\nStream.fromPubSub(hub, { scoped: true })`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as PubSub from "effect/PubSub"\nimport * as Stream from "effect/Stream"\nEffect.map(PubSub.subscribe(hub), Stream.fromSubscription)`,
      silent: "options are ignored: the subscription begins when the stream is run"
    },
    "effect/Stream.fromPubSub",
    ([hub, options], context) =>
      property(options, "scoped") === undefined
        ? undefined
        : `${context.use("effect/Effect.map")}(${context.use("effect/PubSub.subscribe")}(${context.text(hub)}), ${
          context.use("effect/Stream.fromSubscription")
        })`
  ),
  called(
    {
      name: "a fold of a stream begins with a function",
      before: `import * as Stream from "effect/Stream"\nStream.runFold(stream, 0, add)`,
      after: `import * as Stream from "effect/Stream"\nStream.runFold(stream, () => 0, add)`
    },
    "effect/Stream.runFold",
    (args, context) => {
      const [f, initial, ...self] = texts(args, context).reverse()
      return `${context.use("effect/Stream.runFold")}(${[...self, `() => ${initial}`, f].join(", ")})`
    }
  ),
  called(
    {
      name: "a value again and again",
      before: `import * as Stream from "effect/Stream"\nStream.repeatValue(1)`,
      after: `import * as Stream from "effect/Stream"\nStream.forever(Stream.succeed(1))`
    },
    "effect/Stream.repeatValue",
    ([value], context) =>
      `${context.use("effect/Stream.forever")}(${context.use("effect/Stream.succeed")}(${context.text(value)}))`
  ),
  called(
    {
      name: "a stream that dies with a message",
      before: `import * as Stream from "effect/Stream"\nStream.dieMessage("no")`,
      after: `import * as Stream from "effect/Stream"\nStream.die(new Error("no"))`
    },
    "effect/Stream.dieMessage",
    ([message], context) => `${context.use("effect/Stream.die")}(new Error(${context.text(message)}))`
  ),
  called(
    {
      name: "a stream of the web, read with a context",
      before: `import * as Stream from "effect/Stream"\nStream.toReadableStreamRuntime(stream, runtime)`,
      after: `import * as Stream from "effect/Stream"\nStream.toReadableStreamWith(stream, runtime)`
    },
    "effect/Stream.toReadableStreamRuntime",
    (args, context) => `${context.use("effect/Stream.toReadableStreamWith")}(${texts(args, context).join(", ")})`
  ),
  called(
    {
      name: "a stream from one of the web",
      before: `import * as Stream from "effect/Stream"\nStream.fromReadableStream(() => body, (error) => error)`,
      after:
        `import * as Stream from "effect/Stream"\nStream.fromReadableStream({ evaluate: () => body, onError: (error) => error })`
    },
    "effect/Stream.fromReadableStream",
    (args, context) => {
      if (args.length !== 2) return undefined
      const [evaluate, onError] = texts(args, context)
      return `${context.use("effect/Stream.fromReadableStream")}({ evaluate: ${evaluate}, onError: ${onError} })`
    }
  ),
  called(
    {
      name: "a stream of what is taken",
      before: `import * as Stream from "effect/Stream"\nStream.repeatEffectChunkOption(inbox.take)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Stream from "effect/Stream"\nStream.fromPull(Effect.succeed(inbox.take))`
    },
    "effect/Stream.repeatEffectChunkOption",
    ([take], context) =>
      `${context.use("effect/Stream.fromPull")}(${context.use("effect/Effect.succeed")}(${context.text(take)}))`
  ),
  called(
    {
      name: "several elements for one",
      before: `import * as Stream from "effect/Stream"\nStream.mapConcat(split)`,
      after:
        `import * as Stream from "effect/Stream"\nStream.flatMap((element) => Stream.fromIterable((split)(element)))`
    },
    "effect/Stream.mapConcat",
    (args, context) =>
      `${context.use("effect/Stream.flatMap")}(${
        [
          ...texts(args.slice(0, -1), context),
          `(element) => ${context.use("effect/Stream.fromIterable")}((${context.text(args.at(-1))})(element))`
        ].join(", ")
      })`
  ),
  called(
    {
      name: "what a stream remembers begins with a function, and several elements come of one",
      before: `import * as Stream from "effect/Stream"\nStream.mapAccum(stream, 0, (sum, n) => [sum + n, sum])`,
      after:
        `import * as Stream from "effect/Stream"\nStream.mapAccum(stream, () => 0, (sum, n) => (([state, value]) => [state, [value]] as const)([sum + n, sum]))`
    },
    "effect/Stream.mapAccum",
    (args, context) =>
      remembered(args, context, "mapAccum", (result) => `(([state, value]) => [state, [value]] as const)(${result})`)
  ),
  called(
    {
      name: "so it is where it remembers by an effect",
      before:
        `import * as Stream from "effect/Stream"\nStream.mapAccumEffect(seed, (last, chunk) => sign(last, chunk))`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Stream from "effect/Stream"\nStream.mapAccumEffect(() => seed, (last, chunk) => Effect.map(sign(last, chunk), ([state, value]) => [state, [value]] as const))`
    },
    "effect/Stream.mapAccumEffect",
    (args, context) =>
      remembered(
        args,
        context,
        "mapAccumEffect",
        (result) => `${context.use("effect/Effect.map")}(${result}, ([state, value]) => [state, [value]] as const)`
      )
  ),
  {
    name: "what a stream collects is an array",
    before:
      `import * as Chunk from "effect/Chunk"\nimport * as Stream from "effect/Stream"\nEffect.map(Stream.runCollect(stream), Chunk.toReadonlyArray)`,
    after: `import * as Stream from "effect/Stream"\nEffect.map(Stream.runCollect(stream), (chunk) => chunk)`,
    members: ["effect/Chunk.toReadonlyArray", "effect/Chunk.toArray"],
    rewrite: (node, context) =>
      ts.isCallExpression(node)
        ? ts.isYieldExpression(node.arguments[0])
          ? `(${context.text(node.arguments[0])})`
          : context.text(node.arguments[0])
        : "(chunk) => chunk"
  },
  called(
    {
      name: "what a stream collects is mapped as an array",
      before: `import * as Chunk from "effect/Chunk"\nChunk.map(collected, line)`,
      after: `Array.from(collected).map((element) => (line)(element))`
    },
    "effect/Chunk.map",
    ([chunk, f], context) => `Array.from(${context.text(chunk)}).map((element) => (${context.text(f)})(element))`
  ),
  called(
    {
      name: "elements are prepended as an array",
      before: `import * as Chunk from "effect/Chunk"\nprepend(Chunk.of(first))`,
      after: `prepend([first])`
    },
    "effect/Chunk.of",
    ([element], context) => `[${context.text(element)}]`
  )
]

const levels = { Warning: "Warn" }

const heard = /AuthEvent\.subscribe|^Queue\.Dequeue</

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const queues = [
  {
    name: "an offer to a queue by a function",
    before: `import * as Queue from "effect/Queue"\nqueue.unsafeOffer(signal)`,
    after: `import * as Queue from "effect/Queue"\nQueue.offerUnsafe(queue, signal)`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: args, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "unsafeOffer") return undefined
      if (context.member(expression) !== undefined) return undefined
      return `${context.use("effect/Queue.offerUnsafe")}(${context.text(expression.expression)}, ${
        texts(args, context).join(", ")
      })`
    }
  },
  {
    name: "a subscription is no queue",
    before: `import * as Queue from "effect/Queue"\nconst events: Queue.Dequeue<Event> = heard\nQueue.takeAll(events)`,
    after:
      `import * as PubSub from "effect/PubSub"\nconst events: PubSub.Subscription<Event> = heard\nPubSub.takeUpTo(events, Infinity)`,
    silent: "`takeAll` waits until there is something",
    members: ["effect/Queue.Dequeue", "effect/Queue.take", "effect/Queue.takeAll"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) {
        return context.member(node) === "effect/Queue.Dequeue" ? context.use("effect/PubSub.Subscription") : undefined
      }
      const [queue] = node.arguments
      if (!isDeclaredAs(queue, heard, context)) return undefined
      return context.member(node.expression) === "effect/Queue.takeAll"
        ? `${context.use("effect/PubSub.takeUpTo")}(${context.text(queue)}, Infinity)`
        : `${context.use("effect/PubSub.take")}(${context.text(queue)})`
    }
  },
  renamedIn(
    {
      name: "the members of Queue",
      before: `import * as Queue from "effect/Queue"\nQueue.takeAll(queue)`,
      after: `import * as Queue from "effect/Queue"\nQueue.clear(queue)`,
      silent: "`takeAll` waits until there is something"
    },
    "effect/Queue",
    { takeAll: "clear", unsafeOffer: "offerUnsafe" }
  ),
  called(
    {
      name: "a stream of a subscription",
      before:
        `import * as Stream from "effect/Stream"\nconst events = yield* AuthEvent.subscribe\nStream.fromQueue(events)`,
      after:
        `import * as Stream from "effect/Stream"\nconst events = yield* AuthEvent.subscribe\nStream.fromSubscription(events)`
    },
    "effect/Stream.fromQueue",
    ([queue], context) =>
      isDeclaredAs(queue, heard, context)
        ? `${context.use("effect/Stream.fromSubscription")}(${context.text(queue)})`
        : undefined
  ),
  called(
    {
      name: "whether a subscription has nothing left",
      before: `import * as Queue from "effect/Queue"\nconst events = yield* AuthEvent.subscribe\nQueue.isEmpty(events)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as PubSub from "effect/PubSub"\nconst events = yield* AuthEvent.subscribe\nEffect.map(PubSub.remaining(events), (size) => size === 0)`
    },
    "effect/Queue.isEmpty",
    ([queue], context) =>
      isDeclaredAs(queue, heard, context)
        ? `${context.use("effect/Effect.map")}(${context.use("effect/PubSub.remaining")}(${
          context.text(queue)
        }), (size) => size === 0)`
        : undefined
  ),
  called(
    {
      name: "whether a queue is empty",
      before: `import * as Queue from "effect/Queue"\nQueue.isEmpty(queue)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Queue from "effect/Queue"\nEffect.map(Queue.size(queue), (size) => size === 0)`
    },
    "effect/Queue.isEmpty",
    ([queue], context) =>
      `${context.use("effect/Effect.map")}(${context.use("effect/Queue.size")}(${
        context.text(queue)
      }), (size) => size === 0)`
  ),
  called(
    {
      name: "a stream that is pulled has a scope",
      before: `import * as Stream from "effect/Stream"\nStream.fromPull(pull)`,
      after: `import * as Stream from "effect/Stream"\nStream.scoped(Stream.fromPull(pull))`
    },
    "effect/Stream.fromPull",
    (_, context, node) => `${context.use("effect/Stream.scoped")}(${context.kept(node)})`
  )
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const logs = [
  {
    name: "levels of the log are words",
    before: `import * as LogLevel from "effect/LogLevel"\nlog(LogLevel.Warning)`,
    after: `log("Warn")`,
    members: ["All", "Debug", "Error", "Fatal", "Info", "None", "Trace", "Warning"].map((name) =>
      `effect/LogLevel.${name}`
    ),
    rewrite: (node, context) => {
      const name = context.member(node).split(".").at(-1)
      return `"${levels[name] ?? name}"`
    }
  },
  {
    name: "the level of what is logged",
    before: `import type * as LogLevel from "effect/LogLevel"\ndeclare const level: LogLevel.LogLevel`,
    after: `import * as LogLevel from "effect/LogLevel"\ndeclare const level: LogLevel.Severity`,
    members: ["effect/LogLevel.LogLevel"],
    rewrite: (_, context) => context.use("effect/LogLevel.Severity")
  },
  called(
    {
      name: "logs at a level",
      before: `import * as Effect from "effect/Effect"\nEffect.logWithLevel(level, "text")`,
      after: `import * as Effect from "effect/Effect"\nEffect.logWithLevel(level)("text")`
    },
    "effect/Effect.logWithLevel",
    ([level, ...messages], context) =>
      `${context.use("effect/Effect.logWithLevel")}(${context.text(level)})(${texts(messages, context).join(", ")})`
  ),
  called(
    {
      name: "the least level that is logged",
      before:
        `import * as Logger from "effect/Logger"\nimport * as LogLevel from "effect/LogLevel"\nLogger.withMinimumLogLevel(LogLevel.None)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as References from "effect/References"\nEffect.provideService(References.MinimumLogLevel, "None")`
    },
    "effect/Logger.withMinimumLogLevel",
    (args, context) =>
      `${context.use("effect/Effect.provideService")}(${
        [
          ...texts(args.slice(0, -1), context),
          context.use("effect/References.MinimumLogLevel"),
          context.text(args.at(-1))
        ].join(", ")
      })`
  ),
  called(
    {
      name: "the least level of a layer",
      before:
        `import * as Logger from "effect/Logger"\nimport * as LogLevel from "effect/LogLevel"\nLogger.minimumLogLevel(LogLevel.All)`,
      after:
        `import * as Layer from "effect/Layer"\nimport * as References from "effect/References"\nLayer.succeed(References.MinimumLogLevel, "All")`
    },
    "effect/Logger.minimumLogLevel",
    ([level], context) =>
      `${context.use("effect/Layer.succeed")}(${context.use("effect/References.MinimumLogLevel")}, ${
        context.text(level)
      })`
  ),
  called(
    {
      name: "another logger in place of the default one",
      before: `import * as Logger from "effect/Logger"\nLogger.replace(Logger.defaultLogger, logger)`,
      after: `import * as Logger from "effect/Logger"\nLogger.layer([logger])`
    },
    "effect/Logger.replace",
    ([, logger], context) => `${context.use("effect/Logger.layer")}([${context.text(logger)}])`
  ),
  renamedIn(
    {
      name: "the members of Logger",
      before: `import * as Logger from "effect/Logger"\nLogger.jsonLogger`,
      after: `import * as Logger from "effect/Logger"\nLogger.formatJson`
    },
    "effect/Logger",
    {
      jsonLogger: "formatJson",
      logfmtLogger: "formatLogFmt",
      prettyLogger: "consolePretty",
      stringLogger: "formatSimple",
      structuredLogger: "formatStructured"
    }
  ),
  {
    name: "the name of a level is the level",
    before: `const line = logLevel.label`,
    after: `const line = logLevel.toUpperCase()`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) =>
      node.name.text === "label" && node.expression.getText(context.file) === "logLevel"
        ? "logLevel.toUpperCase()"
        : undefined
  },
  called(
    {
      name: "a chunk of texts in one",
      before: `import * as Chunk from "effect/Chunk"\nChunk.join(streamed, "")`,
      after: `Array.from(streamed).join("")`
    },
    "effect/Chunk.join",
    ([chunk, separator], context) => `Array.from(${context.text(chunk)}).join(${context.text(separator)})`
  ),
  {
    name: "whether a collected stream is empty",
    before: `import * as Chunk from "effect/Chunk"\nChunk.isEmpty(yield* events)`,
    after: `((yield* events).length === 0)`,
    members: ["effect/Chunk.isEmpty"],
    rewrite: (node, context) =>
      ts.isCallExpression(node) ? `((${context.text(node.arguments[0])}).length === 0)` : undefined
  },
  called(
    {
      name: "two loggers in one",
      before: `import * as Logger from "effect/Logger"\nLogger.zipLeft(one, other)`,
      after:
        `import * as Logger from "effect/Logger"\nLogger.make((options) => { const first = (one).log(options); (other).log(options); return first })`
    },
    "effect/Logger.zipLeft",
    (args, context) =>
      `${context.use("effect/Logger.make")}((options) => { const first = (${context.text(args[0])}).log(options); (${
        context.text(args[1])
      }).log(options); return first })`
  ),
  {
    name: "tags of a metric are attributes",
    before: `import * as Metric from "effect/Metric"\nMetric.tagged(waits, "reason", reason)`,
    after: `import * as Metric from "effect/Metric"\nMetric.withAttributes(waits, { "reason": reason })`,
    members: ["effect/Metric.tagged"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const args = texts(node.arguments, context)
      const [name, value] = args.slice(-2)
      return `${context.use("effect/Metric.withAttributes")}(${
        [...args.slice(0, -2), `{ ${/^"/.test(name) ? name : `[${name}]`}: ${value} }`].join(", ")
      })`
    }
  }
]

const spanOptions = ["name", "parent", "annotations", "links", "startTime", "kind"]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const tracers = [
  called(
    {
      name: "a tracer is given the options of a span in one",
      before:
        `import * as Tracer from "effect/Tracer"\nTracer.make({ context: (run) => run(), span: (name, parent, context) => started(name, context) })`,
      after:
        `import * as Tracer from "effect/Tracer"\nTracer.make({ span: ({ name, parent, annotations: context }) => started(name, context) })`
    },
    "effect/Tracer.make",
    ([options], context, node) => {
      const span = property(options, "span")
      if (span === undefined || !ts.isArrowFunction(span.initializer)) return undefined
      const { body, parameters } = span.initializer
      // a tracer around another one hands all on
      if (parameters[0]?.dotDotDotToken !== undefined) {
        return `${context.text(node.expression)}({ ${context.text(span)} })`
      }
      const fields = parameters.map(({ name }, index) => {
        const [field, own] = [spanOptions[index], name.getText(context.file)]
        return field === own ? own : `${field}: ${own}`
      })
      return `${context.text(node.expression)}({ span: ({ ${fields.join(", ")} }) => ${context.text(body)} })`
    }
  ),
  {
    name: "a span has annotations",
    before: `const span = { _tag: "Span", context, links }`,
    after: `const span = { _tag: "Span", annotations: context, links }`,
    kinds: [ts.SyntaxKind.ShorthandPropertyAssignment],
    rewrite: (node, context) =>
      node.name.text === "context" && /"Span"/.test(property(node.parent, "_tag")?.getText(context.file) ?? "")
        ? "annotations: context"
        : undefined
  }
]

const methods = {
  epochMillis: "epochMilliseconds",
  unsafeClose: "closeUnsafe",
  unsafeOpen: "openUnsafe",
  currentContext: "context",
  unsafeCurrentTimeMillis: "currentTimeMillisUnsafe",
  unsafeCurrentTimeNanos: "monotonicTimeNanosUnsafe",
  unsafeMap: "mapUnsafe"
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const others = [
  {
    name: "methods of clocks, contexts and fibers",
    before: `clock.unsafeCurrentTimeNanos()`,
    after: `clock.monotonicTimeNanosUnsafe()`,
    silent: "`currentTimeNanosUnsafe` is the wall clock, which can be set back; that of Effect 3 never is",
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) => {
      const name = Object.hasOwn(methods, node.name.text) ? methods[node.name.text] : undefined
      if (name === undefined || context.member(node) !== undefined) return undefined
      return `${context.text(node.expression)}${node.questionDotToken === undefined ? "." : "?."}${name}`
    }
  },
  called(
    {
      name: "the clock of the system",
      before: `import * as Clock from "effect/Clock"\nClock.make()`,
      after:
        `import * as Clock from "effect/Clock"\nimport * as Context from "effect/Context"\nContext.get(Context.empty(), Clock.Clock)`
    },
    "effect/Clock.make",
    (_, context) =>
      `${context.use("effect/Context.get")}(${context.use("effect/Context.empty")}(), ${
        context.use("effect/Clock.Clock")
      })`
  ),
  {
    name: "a clock of one's own tells two kinds of nanoseconds",
    before:
      `import * as Clock from "effect/Clock"\nconst clock = { [Clock.ClockTypeId]: Clock.ClockTypeId, unsafeCurrentTimeMillis: now, unsafeCurrentTimeNanos: nanos, currentTimeNanos: Effect.sync(nanos) }`,
    after:
      `const clock = { currentTimeMillisUnsafe: now, currentTimeNanosUnsafe: nanos, currentTimeNanos: Effect.sync(nanos), monotonicTimeNanosUnsafe: nanos, monotonicTimeNanos: Effect.sync(nanos) }`,
    silent: "what Effect 3 calls nanoseconds is monotonic, what Effect 4 calls so is the wall clock",
    kinds: [ts.SyntaxKind.ObjectLiteralExpression],
    rewrite: (node, context) => {
      const nameOf = ({ name }) => name?.getText(context.file)
      if (!node.properties.some((found) => /^unsafeCurrentTime(Millis|Nanos)$/.test(nameOf(found) ?? ""))) {
        return undefined
      }
      const parts = node.properties.flatMap((found) => {
        const name = nameOf(found)
        if (name === "[Clock.ClockTypeId]") return []
        const text = context.text(found)
        if (name === "unsafeCurrentTimeMillis") return [text.replace(name, "currentTimeMillisUnsafe")]
        return name === "unsafeCurrentTimeNanos" ? [text.replace(name, "currentTimeNanosUnsafe")] : [text]
      })
      const monotonic = parts.filter((text) => /^currentTimeNanos/.test(text)).map((text) =>
        text.replace("currentTimeNanosUnsafe", "monotonicTimeNanosUnsafe").replace(
          /^currentTimeNanos\b/,
          "monotonicTimeNanos"
        )
      )
      return `{ ${[...parts, ...monotonic].join(", ")} }`
    }
  },
  {
    name: "how a fiber ended, if it has",
    before: `fiber.unsafePoll() === null`,
    after: `(fiber.pollUnsafe() ?? null) === null`,
    silent: "`pollUnsafe` gives `undefined` for a fiber that goes on, no longer `null`",
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) =>
      ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === "unsafePoll"
        ? `(${context.text(node.expression.expression)}.pollUnsafe() ?? null)`
        : undefined
  },
  {
    name: "jitter within bounds",
    before: `import * as Schedule from "effect/Schedule"\nSchedule.jitteredWith(self, { min: 1, max: 1.5 })`,
    after:
      `import * as Schedule from "effect/Schedule"\nSchedule.modifyDelay(self, ({ duration }) => Effect.map(Random.nextBetween(1, 1.5), (factor) => Duration.times(duration, factor)))`,
    members: ["effect/Schedule.jitteredWith"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const options = node.arguments.at(-1)
      const [min, max] = ["min", "max"].map((name) => {
        const found = property(options, name)
        return found === undefined ? { min: "0.8", max: "1.2" }[name] : context.text(found.initializer)
      })
      const made = `({ duration }) => ${context.use("effect/Effect.map")}(${
        context.use("effect/Random.nextBetween")
      }(${min}, ${max}), (factor) => ${context.use("effect/Duration.times")}(duration, factor))`
      return `${context.use("effect/Schedule.modifyDelay")}(${
        [...texts(node.arguments.slice(0, -1), context), made].join(", ")
      })`
    }
  },
  called(
    {
      name: "delays that grow by themselves",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.linear("1 second")`,
      after:
        `import * as Schedule from "effect/Schedule"\nSchedule.modifyDelay(Schedule.spaced("1 second"), ({ attempt, duration }) => Effect.succeed(Duration.times(duration, attempt)))`
    },
    "effect/Schedule.linear",
    ([base], context) =>
      `${context.use("effect/Schedule.modifyDelay")}(${context.use("effect/Schedule.spaced")}(${
        context.text(base)
      }), ({ attempt, duration }) => ${context.use("effect/Effect.succeed")}(${
        context.use("effect/Duration.times")
      }(duration, attempt)))`
  ),
  called(
    {
      name: "a delay that is added",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.addDelay(self, () => 1000)`,
      after:
        `import * as Schedule from "effect/Schedule"\nSchedule.addDelay(self, ({ output }) => Effect.succeed((() => 1000)()))`
    },
    "effect/Schedule.addDelay",
    (args, context) => {
      const f = args.at(-1)
      const text = context.text(f)
      const called = ts.isArrowFunction(f) && f.parameters.length === 0 ? `(${text})()` : `(${text})(output)`
      return `${context.use("effect/Schedule.addDelay")}(${
        [...texts(args.slice(0, -1), context), `({ output }) => ${context.use("effect/Effect.succeed")}(${called})`]
          .join(", ")
      })`
    }
  ),
  called(
    {
      name: "a delay that becomes another one",
      before: `import * as Schedule from "effect/Schedule"\nSchedule.modifyDelay((_, delay) => half(delay))`,
      after:
        `import * as Schedule from "effect/Schedule"\nSchedule.modifyDelay(({ duration, output }) => Effect.succeed(((_: unknown, delay: Duration.Duration) => half(delay))(output, duration)))`
    },
    "effect/Schedule.modifyDelay",
    (args, context) => {
      const f = args.at(-1)
      const text = ts.isArrowFunction(f) && f.parameters.length === 2 && f.parameters[0].type === undefined
        ? context.text(f).replace(/^\((\w+), (\w+)\)/, `($1: unknown, $2: ${context.use("effect/Duration.Duration")})`)
        : context.text(f)
      return `${context.use("effect/Schedule.modifyDelay")}(${
        [
          ...texts(args.slice(0, -1), context),
          `({ duration, output }) => ${context.use("effect/Effect.succeed")}((${text})(output, duration))`
        ].join(", ")
      })`
    }
  ),
  {
    name: "the services that every fiber has",
    before: `import * as Context from "effect/Context"\nContext.get(fiber.currentDefaultServices, Clock.Clock)`,
    after: `fiber.getRef(Clock.Clock)`,
    members: ["effect/Context.get"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const [from, service] = node.arguments
      return ts.isPropertyAccessExpression(from) && from.name.text === "currentDefaultServices"
        ? `${context.text(from.expression)}.getRef(${context.text(service)})`
        : undefined
    }
  },
  {
    name: "the fiber that runs now, if there is one",
    before:
      `import * as Fiber from "effect/Fiber"\nimport * as Option from "effect/Option"\nOption.getOrUndefined(Fiber.getCurrentFiber())`,
    after: `import * as Fiber from "effect/Fiber"\nFiber.getCurrent()`,
    members: ["effect/Option.getOrUndefined"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node) || !ts.isCallExpression(node.arguments[0])) return undefined
      return context.member(node.arguments[0].expression) === "effect/Fiber.getCurrentFiber"
        ? context.text(node.arguments[0])
        : undefined
    }
  },
  {
    name: "types of what layers, effects and streams give, need and fail with",
    before:
      `import type * as Layer from "effect/Layer"\nimport type * as Effect from "effect/Effect"\ntype Needs = Layer.Layer.Context<Some> | Effect.Effect.Error<Other>`,
    after:
      `import * as Layer from "effect/Layer"\nimport * as Effect from "effect/Effect"\ntype Needs = Layer.Services<Some> | Effect.Error<Other>`,
    kinds: [ts.SyntaxKind.QualifiedName],
    rewrite: (node, context) => {
      if (!ts.isQualifiedName(node.left)) return undefined
      const [, module] = /^effect\/(Layer|Effect|Stream)\.\1$/.exec(context.member(node.left) ?? "") ?? []
      if (module === undefined || !/^(Success|Error|Context)$/.test(node.right.text)) return undefined
      return context.use(`effect/${module}.${node.right.text === "Context" ? "Services" : node.right.text}`)
    }
  },
  {
    name: "the type of a service, by its identifier",
    before:
      `import * as Context from "effect/Context"\nclass Lock extends Tag {}\ntype Made = Context.Tag.Service<Lock>`,
    after: `class Lock extends Tag {}\ntype Made = Context.Service.Shape<typeof Lock>`,
    kinds: [ts.SyntaxKind.TypeReference],
    rewrite: ({ typeArguments, typeName }, context) => {
      if (!ts.isQualifiedName(typeName) || !ts.isQualifiedName(typeName.left)) return undefined
      if (context.member(typeName.left) !== "effect/Context.Tag" || typeName.right.text !== "Service") return undefined
      const name = typeArguments?.[0]?.getText(context.file) ?? ""
      return context.file.text.includes(`class ${name} extends `)
        ? `${context.use("effect/Context.Service")}.Shape<typeof ${name}>`
        : undefined
    }
  },
  {
    name: "types of a service",
    before: `import type * as Context from "effect/Context"\ntype Made = Context.Tag.Service<typeof Lock>`,
    after: `import * as Context from "effect/Context"\ntype Made = Context.Service.Shape<typeof Lock>`,
    kinds: [ts.SyntaxKind.QualifiedName],
    rewrite: (node, context) => {
      if (!ts.isQualifiedName(node.left) || context.member(node.left) !== "effect/Context.Tag") return undefined
      const name = { Identifier: "Identifier", Service: "Shape" }[node.right.text]
      return name === undefined ? undefined : `${context.use("effect/Context.Service")}.${name}`
    }
  },
  {
    name: "the layer of a map of layers",
    before:
      `import * as LayerMap from "effect/LayerMap"\nclass Users extends LayerMap.Service<Users>()("Users", { lookup }) {}\nUsers.Default`,
    after: `class Users extends LayerMap.Service<Users>()("Users", { lookup }) {}\nUsers.layer`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: ({ expression, name }, { file }) =>
      name.text === "Default" && file.text.includes(`class ${expression.getText(file)} extends LayerMap.Service`)
        ? `${expression.getText(file)}.layer`
        : undefined
  },
  called(
    {
      name: "Durations are compared as such",
      before: `import * as Duration from "effect/Duration"\nDuration.lessThan(age, "5 seconds")`,
      after:
        `import * as Duration from "effect/Duration"\nDuration.isLessThan(age, Duration.fromInputUnsafe("5 seconds"))`
    },
    ["lessThan", "lessThanOrEqualTo", "greaterThan", "greaterThanOrEqualTo", "equals", "max", "min", "subtract", "sum"]
      .map((name) => `effect/Duration.${name}`),
    (args, context, node) =>
      args.some((arg) => ts.isStringLiteral(arg) || ts.isNumericLiteral(arg))
        ? `${context.text(node.expression)}(${
          args.map((arg) =>
            ts.isStringLiteral(arg) || ts.isNumericLiteral(arg)
              ? `${context.use("effect/Duration.fromInputUnsafe")}(${context.text(arg)})`
              : context.text(arg)
          ).join(", ")
        })`
        : undefined
  ),
  called(
    {
      name: "a Duration in words",
      before: `import * as Duration from "effect/Duration"\nDuration.toMillis("1 second")`,
      after: `import * as Duration from "effect/Duration"\nDuration.toMillis(Duration.fromInputUnsafe("1 second"))`
    },
    ["format", "toMillis", "toSeconds", "toNanos", "isZero"].map((name) => `effect/Duration.${name}`),
    (args, context, node) => {
      const [input] = args
      if (input === undefined || isDuration(input, context)) return undefined
      return `${context.text(node.expression)}(${context.use("effect/Duration.fromInputUnsafe")}(${
        context.text(input)
      }))`
    }
  )
]

/** A Duration for certain: made by that module. */
const isDuration = (node, context) =>
  ts.isCallExpression(node) && /^effect\/Duration\./.test(context.member(node.expression) ?? "")

/** Modules that Effect 4 has not, in place of which there is one of the line. */
const replaced = [
  {
    name: "sorted maps are a module of the line",
    before: `import * as RedBlackTree from "effect/RedBlackTree"\nRedBlackTree.size(tree)`,
    after: `import * as RedBlackTree from "./redBlackTree.ts"\nRedBlackTree.size(tree)`,
    modules: { "effect/RedBlackTree": "./redBlackTree.ts" }
  },
  {
    name: "subscribables are a module of the line",
    before: `import * as Subscribable from "effect/Subscribable"\nSubscribable.make(options)`,
    after: `import * as Subscribable from "@effect-auth/rate-limit/Subscribable"\nSubscribable.make(options)`,
    modules: { "effect/Subscribable": "@effect-auth/rate-limit/Subscribable" }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const streaming = [...schedules, ...streams, ...queues, ...tracers, ...logs, ...others, ...replaced]
