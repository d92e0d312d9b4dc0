/** Effects, fibers, scopes, layers, services and what runs them. */
import ts from "typescript"
import { called, isDeclaredAs, mentioned, property, renamed, renamedIn, resultOf, texts, valueOf } from "./rule.mjs"

const about = (name, before, after, silent) => ({
  name,
  before: `import * as Effect from "effect/Effect"\n${before}`,
  after: `import * as Effect from "effect/Effect"\n${after}`,
  ...(silent === undefined ? {} : { silent })
})

const inherit = `{ uninterruptible: "inherit" }`

const forks = { fork: "forkChild", forkDaemon: "forkDetach", forkScoped: "forkScoped" }

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const effects = [
  renamedIn(
    about(
      "the members of Effect",
      "Effect.zipRight(first, Effect.catchAll(second, handle))",
      "Effect.andThen(first, Effect.catch(second, handle))"
    ),
    "effect/Effect",
    {
      async: "callback",
      catchAll: "catch",
      catchAllCause: "catchCause",
      catchAllDefect: "catchDefect",
      contextWithEffect: "contextWith",
      either: "result",
      mapInputContext: "updateContext",
      orElse: "catch",
      runtime: "context",
      tapErrorCause: "tapCause",
      withFiberRuntime: "withFiber",
      zipLeft: "tap",
      zipRight: "andThen"
    }
  ),
  renamed({
    name: "semaphores and latches are modules",
    before: `import * as Effect from "effect/Effect"\nconst lock = Effect.unsafeMakeSemaphore(1)`,
    after: `import * as Semaphore from "effect/Semaphore"\nconst lock = Semaphore.makeUnsafe(1)`
  }, {
    "effect/Effect.Latch": "effect/Latch.Latch",
    "effect/Effect.Semaphore": "effect/Semaphore.Semaphore",
    "effect/Effect.makeLatch": "effect/Latch.make",
    "effect/Effect.makeSemaphore": "effect/Semaphore.make",
    "effect/Effect.unsafeMakeLatch": "effect/Latch.makeUnsafe",
    "effect/Effect.unsafeMakeSemaphore": "effect/Semaphore.makeUnsafe"
  }),
  {
    ...about(
      "a forked effect is as interruptible as what forks it",
      "Effect.fork(task).pipe(Effect.forkDaemon)",
      `Effect.forkChild(task, ${inherit}).pipe(Effect.forkDetach(${inherit}))`,
      "a fiber that is forked where nothing may interrupt can be interrupted"
    ),
    members: Object.keys(forks).map((name) => `effect/Effect.${name}`),
    rewrite: (node, context) => {
      const callee = ts.isCallExpression(node) ? node.expression : node
      const name = `effect/Effect.${forks[context.member(callee).split(".").at(-1)]}`
      const args = ts.isCallExpression(node) ? texts(node.arguments, context) : []
      return `${context.use(name)}(${[...args, inherit].join(", ")})`
    }
  },
  {
    ...about(
      "so is one that is forked into a scope",
      "Effect.forkIn(task, scope)",
      `Effect.forkIn(task, scope, ${inherit})`,
      "a fiber that is forked where nothing may interrupt can be interrupted"
    ),
    members: ["effect/Effect.forkIn"],
    rewrite: (node, context) =>
      ts.isCallExpression(node)
        ? `${context.use("effect/Effect.forkIn")}(${[...texts(node.arguments, context), inherit].join(", ")})`
        : undefined
  },
  called(
    about(
      "several effects are forked one by one",
      "Effect.forkAll(calls)",
      `Effect.forEach(calls, (effect) => Effect.forkChild(effect, ${inherit}))`
    ),
    "effect/Effect.forkAll",
    ([effects], context) =>
      `${context.use("effect/Effect.forEach")}(${context.text(effects)}, (effect) => ${
        context.use("effect/Effect.forkChild")
      }(effect, ${inherit}))`
  ),
  called(
    about(
      "a reduction begins with a function",
      "Effect.reduce(list, 0, add)",
      "Effect.reduce(list, () => 0, add)"
    ),
    "effect/Effect.reduce",
    (args, context) => {
      const [f, initial, ...self] = texts(args, context).reverse()
      return `${context.use("effect/Effect.reduce")}(${
        [...self, `() => ${/^\{/.test(initial) ? `(${initial})` : initial}`, f].join(", ")
      })`
    }
  ),
  called(
    about(
      "a timeout that fails",
      `Effect.timeoutFail(task, { duration: "1 second", onTimeout: () => late })`,
      `Effect.timeoutOrElse(task, { duration: "1 second", orElse: () => Effect.fail(late) })`
    ),
    "effect/Effect.timeoutFail",
    (args, context) => {
      const options = args.at(-1)
      const [duration, onTimeout] = ["duration", "onTimeout"].map((name) => property(options, name))
      const failed = ts.isPropertyAssignment(onTimeout)
        ? resultOf(onTimeout.initializer, context)
        : `${onTimeout.name.text}()`
      const changed = `{ duration: ${valueOf(duration, context)}, orElse: () => ${
        context.use("effect/Effect.fail")
      }(${failed}) }`
      return `${context.use("effect/Effect.timeoutOrElse")}(${
        [...texts(args.slice(0, -1), context), changed].join(", ")
      })`
    }
  ),
  called(
    about(
      "a timeout with another value",
      `task.pipe(Effect.timeoutTo({ duration: "1 second", onSuccess: show, onTimeout: () => "late" }))`,
      `task.pipe((effect) => Effect.timeoutOrElse(Effect.map(effect, show), { duration: "1 second", orElse: () => Effect.succeed("late") }))`
    ),
    "effect/Effect.timeoutTo",
    (args, context) => {
      const options = args.at(-1)
      const [duration, onSuccess, onTimeout] = ["duration", "onSuccess", "onTimeout"].map((name) =>
        property(options, name)
      )
      const made = (effect) =>
        `${context.use("effect/Effect.timeoutOrElse")}(${context.use("effect/Effect.map")}(${effect}, ${
          valueOf(onSuccess, context)
        }), { duration: ${valueOf(duration, context)}, orElse: () => ${context.use("effect/Effect.succeed")}(${
          resultOf(onTimeout.initializer, context)
        }) })`
      return args.length === 1 ? `(effect) => ${made("effect")}` : made(context.text(args[0]))
    }
  ),
  called(
    about(
      "a defect with a message",
      `Effect.dieMessage("unreachable")`,
      `Effect.die(new Error("unreachable"))`
    ),
    "effect/Effect.dieMessage",
    ([message], context) => `${context.use("effect/Effect.die")}(new Error(${context.text(message)}))`
  ),
  called(
    about(
      "a filter that dies with a message",
      `Effect.filterOrDieMessage(task, isOk, "no")`,
      `Effect.filterOrElse(task, isOk, () => Effect.die(new Error("no")))`
    ),
    "effect/Effect.filterOrDieMessage",
    (args, context) =>
      `${context.use("effect/Effect.filterOrElse")}(${
        [
          ...texts(args.slice(0, -1), context),
          `() => ${context.use("effect/Effect.die")}(new Error(${context.text(args.at(-1))}))`
        ].join(", ")
      })`
  ),
  called(
    about(
      "an error that becomes another defect",
      "Effect.orDieWith(task, toDefect)",
      "Effect.orDie(Effect.mapError(task, toDefect))"
    ),
    "effect/Effect.orDieWith",
    (args, context) =>
      args.length === 2
        ? `${context.use("effect/Effect.orDie")}(${context.use("effect/Effect.mapError")}(${
          texts(args, context).join(", ")
        }))`
        : `(effect) => ${context.use("effect/Effect.orDie")}(${context.use("effect/Effect.mapError")}(effect, ${
          context.text(args[0])
        }))`
  ),
  called(
    about(
      "a number of repetitions",
      "Effect.repeatN(task, 3)",
      "Effect.repeat(task, { times: 3 })"
    ),
    "effect/Effect.repeatN",
    (args, context) =>
      `${context.use("effect/Effect.repeat")}(${
        [...texts(args.slice(0, -1), context), `{ times: ${context.text(args.at(-1))} }`].join(", ")
      })`
  ),
  called(
    about(
      "a comparison that chooses between two effects",
      `Effect.if(role === "worker", { onTrue: () => work, onFalse: () => lead })`,
      `Effect.gen(function*() { return yield* (role === "worker" ? work : lead) })`
    ),
    "effect/Effect.if",
    ([condition, options], context) => {
      if (!ts.isBinaryExpression(condition)) return undefined
      const [onTrue, onFalse] = ["onTrue", "onFalse"].map((name) => {
        const found = property(options, name)
        return ts.isPropertyAssignment(found) ? resultOf(found.initializer, context) : `${found.name.text}()`
      })
      return `${context.use("effect/Effect.gen")}(function*() { return yield* (${
        context.text(condition)
      } ? ${onTrue} : ${onFalse}) })`
    }
  ),
  called(
    about(
      "an effect that chooses between two",
      "Effect.if(isOver, { onTrue: () => end, onFalse: () => next })",
      "Effect.flatMap(isOver, (isTrue) => isTrue ? end : next)"
    ),
    "effect/Effect.if",
    ([condition, options], context) => {
      const [onTrue, onFalse] = ["onTrue", "onFalse"].map((name) => {
        const found = property(options, name)
        return ts.isPropertyAssignment(found) ? resultOf(found.initializer, context) : `${found.name.text}()`
      })
      return `${context.use("effect/Effect.flatMap")}(${
        context.text(condition)
      }, (isTrue) => isTrue ? ${onTrue} : ${onFalse})`
    }
  ),
  called(
    about(
      "an effect on both of its ends",
      "Effect.tapBoth(task, { onFailure: report, onSuccess: keep })",
      "Effect.tapError(Effect.tap(task, keep), report)"
    ),
    "effect/Effect.tapBoth",
    ([effect, options], context) => {
      const [onFailure, onSuccess] = ["onFailure", "onSuccess"].map((name) => valueOf(property(options, name), context))
      return `${context.use("effect/Effect.tapError")}(${context.use("effect/Effect.tap")}(${
        context.text(effect)
      }, ${onSuccess}), ${onFailure})`
    }
  ),
  {
    name: "an interruption that nobody waits for",
    before: `import * as Effect from "effect/Effect"\nEffect.disconnect(task)`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as Fiber from "effect/Fiber"\nEffect.uninterruptibleMask((restore) => Effect.flatMap(Effect.forkDetach(restore(task), ${inherit}), (fiber) => Effect.onInterrupt(restore(Fiber.join(fiber)), () => Effect.forkDetach(Fiber.interrupt(fiber)))))`,
    members: ["effect/Effect.disconnect"],
    rewrite: (node, context) => {
      const effect = (name) => context.use(`effect/Effect.${name}`)
      const fiber = (name) => context.use(`effect/Fiber.${name}`)
      const made = (task) =>
        `${effect("uninterruptibleMask")}((restore) => ${effect("flatMap")}(${
          effect("forkDetach")
        }(restore(${task}), ${inherit}), (fiber) => ${effect("onInterrupt")}(restore(${fiber("join")}(fiber)), () => ${
          effect("forkDetach")
        }(${fiber("interrupt")}(fiber)))))`
      return ts.isCallExpression(node)
        ? made(context.text(node.arguments[0]))
        : `(<A, E, R>(effect: ${context.use("effect/Effect.Effect")}<A, E, R>) => ${made("effect")})`
    }
  },
  called(
    about(
      "the configuration of an effect",
      "Effect.withConfigProvider(task, provider)",
      "Effect.provideService(task, ConfigProvider.ConfigProvider, provider)"
    ),
    "effect/Effect.withConfigProvider",
    (args, context) => provided(args, "effect/ConfigProvider.ConfigProvider", context)
  ),
  called(
    about(
      "the clock of an effect",
      "Effect.withClock(task, clock)",
      "Effect.provideService(task, Clock.Clock, clock)"
    ),
    "effect/Effect.withClock",
    (args, context) => provided(args, "effect/Clock.Clock", context)
  ),
  called(
    {
      name: "the console of an effect",
      before: `import * as Console from "effect/Console"\nConsole.withConsole(task, recording)`,
      after:
        `import * as Console from "effect/Console"\nimport * as Effect from "effect/Effect"\nEffect.provideService(task, Console.Console, recording)`
    },
    "effect/Console.withConsole",
    (args, context) => provided(args, "effect/Console.Console", context)
  ),
  called(
    {
      name: "seeded random numbers",
      before:
        `import * as Effect from "effect/Effect"\nimport * as Random from "effect/Random"\nEffect.withRandom(task, Random.make(seed))`,
      after: `import * as Random from "effect/Random"\nRandom.withSeed(task, seed)`
    },
    "effect/Effect.withRandom",
    (args, context) => {
      const random = args.at(-1)
      if (!ts.isCallExpression(random) || context.member(random.expression) !== "effect/Random.make") return undefined
      return `${context.use("effect/Random.withSeed")}(${
        [...texts(args.slice(0, -1), context), ...texts(random.arguments, context)].join(", ")
      })`
    }
  ),
  renamedIn(
    {
      name: "the members of Random",
      before: `import * as Random from "effect/Random"\nRandom.nextRange(0, 1)`,
      after: `import * as Random from "effect/Random"\nRandom.nextBetween(0, 1)`
    },
    "effect/Random",
    { nextRange: "nextBetween" }
  ),
  called(
    about(
      "the clock, configuration and context as effects",
      "Effect.configProviderWith(read)",
      "Effect.flatMap(ConfigProvider.ConfigProvider, read)"
    ),
    "effect/Effect.configProviderWith",
    ([read], context) =>
      `${context.use("effect/Effect.flatMap")}(${context.use("effect/ConfigProvider.ConfigProvider")}, ${
        context.text(read)
      })`
  ),
  mentioned(
    {
      name: "the clock",
      before: `import * as Effect from "effect/Effect"\nEffect.clock`,
      after: `import * as Clock from "effect/Clock"\nClock.Clock`
    },
    "effect/Effect.clock",
    (_, context) => context.use("effect/Clock.Clock")
  ),
  called(
    about("a yield is a value", "Effect.yieldNow()", "Effect.yieldNow"),
    "effect/Effect.yieldNow",
    (_, context) => context.use("effect/Effect.yieldNow")
  )
]

function provided(args, service, context) {
  const [self, value] = args.length === 2 ? texts(args, context) : [undefined, context.text(args[0])]
  return `${context.use("effect/Effect.provideService")}(${
    [...(self === undefined ? [] : [self]), context.use(service), value].join(", ")
  })`
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const runtimes = [
  renamed({
    name: "a runtime is a context",
    before: `import * as Runtime from "effect/Runtime"\ndeclare const runtime: Runtime.Runtime<never>`,
    after: `import * as Context from "effect/Context"\ndeclare const runtime: Context.Context<never>`
  }, {
    "effect/Runtime.Runtime": "effect/Context.Context"
  }),
  {
    name: "runs an effect with a context",
    before: `import * as Runtime from "effect/Runtime"\nRuntime.runFork(runtime, task)`,
    after: `import * as Effect from "effect/Effect"\nEffect.runForkWith(runtime)(task)`,
    members: ["runCallback", "runFork", "runPromise", "runPromiseExit", "runSync", "runSyncExit"].map((name) =>
      `effect/Runtime.${name}`
    ),
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const name = context.member(node.expression).split(".").at(-1)
      const run = `${context.use(`effect/Effect.${name}With`)}(${context.text(node.arguments[0])})`
      return node.arguments.length === 1 ? run : `${run}(${texts(node.arguments.slice(1), context).join(", ")})`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const tracing = [
  called(
    {
      name: "what is not traced sends no trace",
      before: `import * as Effect from "effect/Effect"\nEffect.withTracerEnabled(call, false)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as HttpClient from "effect/http/HttpClient"\nEffect.provideService(Effect.withTracerEnabled(call, false), HttpClient.TracerPropagationEnabled, false)`,
      silent: "a client sends `b3` and `traceparent` although the tracer is off"
    },
    "effect/Effect.withTracerEnabled",
    (args, context, node) =>
      args.length === 2 && args[1].kind === ts.SyntaxKind.FalseKeyword
        ? `${context.use("effect/Effect.provideService")}(${context.kept(node)}, ${
          context.use("effect/http/HttpClient.TracerPropagationEnabled")
        }, false)`
        : undefined
  ),
  {
    name: "whether a span keeps its stack is told apart",
    before:
      `import * as Effect from "effect/Effect"\nEffect.withSpan("login", { root: true, captureStackTrace: false })`,
    after:
      `import * as Effect from "effect/Effect"\nEffect.withSpan("login", { root: true }, { captureStackTrace: false })`,
    members: ["effect/Effect.withSpan"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const options = node.arguments.at(-1)
      const found = property(options, "captureStackTrace")
      if (found === undefined) return undefined
      const rest = options.properties.filter((other) => other !== found).map((other) => context.text(other)).join(", ")
      return `${context.text(node.expression)}(${
        [...texts(node.arguments.slice(0, -1), context), `{ ${rest} }`, `{ ${context.text(found)} }`].join(", ")
      })`
    }
  },
  {
    name: "the context of a runtime is itself",
    before: `Effect.provide(runtime.context)`,
    after: `Effect.provide(runtime)`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node) =>
      node.name.text === "context" && ts.isIdentifier(node.expression) && node.expression.text === "runtime"
        ? "runtime"
        : undefined
  },
  {
    name: "several fields of a struct",
    before: `import * as Struct from "effect/Struct"\nStruct.pick(token, "type", "scope")`,
    after: `import * as Struct from "effect/Struct"\nStruct.pick(token, ["type", "scope"])`,
    members: ["effect/Struct.omit", "effect/Struct.pick"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const [self, ...names] = texts(node.arguments, context)
      return `${context.text(node.expression)}(${self}, [${names.join(", ")}])`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const fibers = [
  renamedIn(
    {
      name: "the members of Fiber",
      before: `import * as Fiber from "effect/Fiber"\ndeclare const fiber: Fiber.RuntimeFiber<void>`,
      after: `import * as Fiber from "effect/Fiber"\ndeclare const fiber: Fiber.Fiber<void>`
    },
    "effect/Fiber",
    { RuntimeFiber: "Fiber", getCurrentFiber: "getCurrent" }
  ),
  {
    name: "an interruption in the background",
    before: `import * as Fiber from "effect/Fiber"\nFiber.interruptFork(fiber)`,
    after:
      `import * as Fiber from "effect/Fiber"\nimport * as Effect from "effect/Effect"\nEffect.forkDetach(Fiber.interrupt(fiber))`,
    members: ["effect/Fiber.interruptFork"],
    rewrite: (node, context) => {
      const made = (fiber) =>
        `${context.use("effect/Effect.forkDetach")}(${context.use("effect/Fiber.interrupt")}(${fiber}))`
      return ts.isCallExpression(node) ? made(context.text(node.arguments[0])) : `(fiber) => ${made("fiber")}`
    }
  },
  {
    name: "a fiber is interrupted by a function",
    before: `fiber.interruptAsFork(fiber.id())`,
    after: `import * as Fiber from "effect/Fiber"\nFiber.interrupt(fiber)`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) =>
      ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === "interruptAsFork"
        ? `${context.use("effect/Fiber.interrupt")}(${context.text(node.expression.expression)})`
        : undefined
  },
  {
    name: "a fiber is interrupted without waiting",
    before: `fiber.unsafeInterruptAsFork(fiber.id())`,
    after: `fiber.interruptUnsafe()`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) =>
      ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === "unsafeInterruptAsFork"
        ? `${context.text(node.expression.expression)}.interruptUnsafe()`
        : undefined
  },
  {
    name: "whether a fiber has ended",
    before: `import * as Fiber from "effect/Fiber"\nFiber.poll(fiber)`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as Option from "effect/Option"\nEffect.sync(() => Option.fromUndefinedOr((fiber).pollUnsafe()))`,
    silent: "`pollUnsafe` gives `undefined` for a fiber that goes on, no longer `null`",
    members: ["effect/Fiber.poll"],
    rewrite: (node, context) => {
      const made = (fiber) =>
        `${context.use("effect/Effect.sync")}(() => ${
          context.use("effect/Option.fromUndefinedOr")
        }((${fiber}).pollUnsafe()))`
      if (!ts.isCallExpression(node)) {
        context.use("effect/Fiber.Fiber")
        return `(fiber: ${context.use("effect/Fiber.Fiber")}<unknown, unknown>) => ${made("fiber")}`
      }
      return made(context.text(node.arguments[0]))
    }
  },
  {
    name: "waits for several fibers",
    before: `import * as Fiber from "effect/Fiber"\nFiber.join(Fiber.zip(first, second))`,
    after: `import * as Fiber from "effect/Fiber"\nFiber.joinAll([first, second])`,
    members: ["effect/Fiber.join"],
    rewrite: (node, context) => {
      if (!ts.isCallExpression(node)) return undefined
      const [fibers] = node.arguments
      if (!ts.isCallExpression(fibers)) return undefined
      const member = context.member(fibers.expression)
      if (member === "effect/Fiber.all") {
        return `${context.use("effect/Fiber.joinAll")}(${context.text(fibers.arguments[0])})`
      }
      if (member !== "effect/Fiber.zip") return undefined
      const lists = fibers.arguments.some((fiber) => isDeclaredAs(fiber, /Effect\.forkAll\(/, context)) ? ".flat()" : ""
      return `${context.use("effect/Fiber.joinAll")}([${texts(fibers.arguments, context).join(", ")}]${lists})`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const scopes = [
  renamedIn(
    {
      name: "the members of Scope",
      before: `import * as Scope from "effect/Scope"\nScope.extend(task, scope)`,
      after: `import * as Scope from "effect/Scope"\nScope.provide(task, scope)`
    },
    "effect/Scope",
    { CloseableScope: "Closeable", extend: "provide" }
  ),
  mentioned(
    {
      name: "how a scope ends its finalizers is a word",
      before:
        `import * as ExecutionStrategy from "effect/ExecutionStrategy"\nfork(scope, ExecutionStrategy.sequential)`,
      after: `fork(scope, "sequential")`
    },
    "effect/ExecutionStrategy.sequential",
    () => `"sequential"`
  ),
  renamedIn(
    {
      name: "the members of Deferred",
      before: `import * as Deferred from "effect/Deferred"\nDeferred.unsafeMake<void>(id)`,
      after: `import * as Deferred from "effect/Deferred"\nDeferred.makeUnsafe<void>()`
    },
    "effect/Deferred",
    { unsafeDone: "doneUnsafe" }
  ),
  called(
    {
      name: "a Deferred belongs to no fiber",
      before: `import * as Deferred from "effect/Deferred"\nDeferred.unsafeMake<void>(FiberId.none)`,
      after: `import * as Deferred from "effect/Deferred"\nDeferred.makeUnsafe<void>()`
    },
    "effect/Deferred.unsafeMake",
    (_, context, node) =>
      `${context.use("effect/Deferred.makeUnsafe")}${
        node.typeArguments === undefined ? "" : `<${node.typeArguments.map(context.text).join(", ")}>`
      }()`
  )
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const layers = [
  renamed({
    name: "the members of Layer",
    before: `import * as Layer from "effect/Layer"\nLayer.unwrapEffect(Effect.succeed(Layer.scoped(Tag, make)))`,
    after: `import * as Layer from "effect/Layer"\nLayer.unwrap(Effect.succeed(Layer.effect(Tag, make)))`
  }, {
    "effect/Layer.catchAll": "effect/Layer.catch",
    "effect/Layer.scoped": "effect/Layer.effect",
    "effect/Layer.scopedContext": "effect/Layer.effectContext",
    "effect/Layer.scopedDiscard": "effect/Layer.effectDiscard",
    "effect/Layer.setConfigProvider": "effect/ConfigProvider.layer",
    "effect/Layer.unwrapEffect": "effect/Layer.unwrap",
    "effect/Layer.unwrapScoped": "effect/Layer.unwrap"
  }),
  called(
    {
      name: "an error of a layer that becomes another one",
      before: `import * as Layer from "effect/Layer"\nLayer.mapError(layer, toError)`,
      after:
        `import * as Layer from "effect/Layer"\nimport * as Effect from "effect/Effect"\nLayer.catch(layer, (error) => Layer.effectContext(Effect.fail((toError)(error))))`
    },
    "effect/Layer.mapError",
    (args, context) => {
      const handled = `(error) => ${context.use("effect/Layer.effectContext")}(${context.use("effect/Effect.fail")}((${
        context.text(args.at(-1))
      })(error)))`
      return `${context.use("effect/Layer.catch")}(${[...texts(args.slice(0, -1), context), handled].join(", ")})`
    }
  ),
  called(
    {
      name: "a layer whose services become others",
      before: `import * as Layer from "effect/Layer"\nLayer.map(layer, Context.omit(Tag))`,
      after:
        `import * as Layer from "effect/Layer"\nimport * as Effect from "effect/Effect"\nLayer.effectContext(Effect.map(Layer.build(layer), Context.omit(Tag)))`
    },
    "effect/Layer.map",
    ([layer, f], context) =>
      `${context.use("effect/Layer.effectContext")}(${context.use("effect/Effect.map")}(${
        context.use("effect/Layer.build")
      }(${context.text(layer)}), ${context.text(f)}))`
  )
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const services = [
  {
    name: "a tag is a service",
    before: `import * as Context from "effect/Context"\nclass Lock extends Context.Tag("app/Lock")<Lock, Service>() {}`,
    after:
      `import * as Context from "effect/Context"\nclass Lock extends Context.Service<Lock, Service>()("app/Lock") {}`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const inner = node.expression
      if (!ts.isCallExpression(inner) || context.member(inner.expression) !== "effect/Context.Tag") return undefined
      return `${context.use("effect/Context.Service")}<${node.typeArguments.map(context.text).join(", ")}>()(${
        texts(inner.arguments, context).join(", ")
      })`
    }
  },
  renamedIn(
    {
      name: "the members of Context",
      before: `import * as Context from "effect/Context"\ndeclare const tag: Context.Tag<Lock, Service>`,
      after: `import * as Context from "effect/Context"\ndeclare const tag: Context.Key<Lock, Service>`
    },
    "effect/Context",
    {
      GenericTag: "Service",
      Tag: "Key",
      unsafeGet: "getUnsafe",
      unsafeMake: "makeUnsafe"
    }
  ),
  {
    name: "a service with a default value is no requirement",
    before:
      `import * as Context from "effect/Context"\nclass Limit extends Context.Reference<Limit>()("app/Limit", { defaultValue: () => 1 }) {}\ntype Needs = Layer.Layer<Limit>`,
    after:
      `import * as Context from "effect/Context"\nconst Limit = Context.Reference("app/Limit", { defaultValue: () => 1 })\ntype Needs = Layer.Layer<never>`,
    kinds: [ts.SyntaxKind.TypeReference],
    rewrite: (node, context) => {
      if (!ts.isIdentifier(node.typeName)) return undefined
      const declared = context.file.statements.find((statement) =>
        ts.isClassDeclaration(statement) && statement.name?.text === node.typeName.text
      )
      return declared?.heritageClauses?.[0]?.getText(context.file).startsWith("extends Context.Reference<") === true
        ? "never"
        : undefined
    }
  },
  {
    name: "a service with a default value is a constant",
    before:
      `import * as Context from "effect/Context"\nexport class Limit extends Context.Reference<Limit>()("app/Limit", { defaultValue: () => 1 }) {}`,
    after:
      `import * as Context from "effect/Context"\nexport const Limit = Context.Reference("app/Limit", { defaultValue: () => 1 })`,
    kinds: [ts.SyntaxKind.ClassDeclaration],
    rewrite: (node, context) => {
      const call = node.heritageClauses?.[0]?.types[0]?.expression
      if (call === undefined || !ts.isCallExpression(call) || !ts.isCallExpression(call.expression)) return undefined
      if (context.member(call.expression.expression) !== "effect/Context.Reference") return undefined
      const exported = node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
      return `${exported ? "export " : ""}const ${node.name.text} = ${context.use("effect/Context.Reference")}(${
        texts(call.arguments, context).join(", ")
      })`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const effect = [...effects, ...runtimes, ...tracing, ...fibers, ...scopes, ...layers, ...services]
