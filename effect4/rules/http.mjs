/** HTTP, files, processes and sockets. */
import ts from "typescript"
import { called, isDeclaredAs, property, renamed, texts, valueOf } from "./rule.mjs"

const reasons = {
  Decode: "DecodeError",
  EmptyBody: "EmptyBodyError",
  Encode: "EncodeError",
  InvalidUrl: "InvalidUrlError",
  StatusCode: "StatusCodeError",
  Transport: "TransportError"
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const errors = [
  {
    name: "an error of the HTTP client holds its reason",
    before:
      `import * as HttpClientError from "@effect/platform/HttpClientError"\nnew HttpClientError.RequestError({ request, reason: "Transport", cause })`,
    after:
      `import * as HttpClientError from "effect/http/HttpClientError"\nnew HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })`,
    kinds: [ts.SyntaxKind.NewExpression],
    rewrite: (node, context) => {
      const member = context.member(node.expression)
      if (!/^@effect\/platform\/HttpClientError\.(Request|Response)Error$/.test(member ?? "")) return undefined
      const [fields] = node.arguments
      const reason = property(fields, "reason")
      if (reason === undefined) return undefined
      const rest = fields.properties.filter((found) => found !== reason).map((found) => context.text(found)).join(", ")
      const made = (name) => `new ${context.use(`effect/http/HttpClientError.${name}`)}({ ${rest} })`
      const { initializer } = reason
      if (initializer !== undefined && ts.isConditionalExpression(initializer)) {
        const [one, other] = [initializer.whenTrue, initializer.whenFalse].map(({ text }) => made(reasons[text]))
        return `new ${context.use("effect/http/HttpClientError.HttpClientError")}({ reason: ${
          context.text(initializer.condition)
        } ? ${one} : ${other} })`
      }
      const literal = initializer !== undefined && ts.isStringLiteral(initializer)
        ? reasons[initializer.text]
        : undefined
      const names = member.endsWith("RequestError")
        ? ["Transport", "Encode", "InvalidUrl"]
        : ["StatusCode", "Decode", "EmptyBody"]
      const value = literal !== undefined ? made(literal) : [
        ...names.slice(1).map((name) => `${valueOf(reason, context)} === "${name}" ? ${made(reasons[name])} : `),
        made(reasons[names[0]])
      ].join("")
      return `new ${context.use("effect/http/HttpClientError.HttpClientError")}({ reason: ${value} })`
    }
  },
  {
    name: "an error of the HTTP client that holds one reason or another",
    before:
      `import * as HttpClientError from "@effect/platform/HttpClientError"\nnew HttpClientError.RequestError({ request, reason: isOver ? "InvalidUrl" : "Transport" })`,
    after:
      `import * as HttpClientError from "effect/http/HttpClientError"\nnew HttpClientError.HttpClientError({ reason: isOver ? new HttpClientError.InvalidUrlError({ request }) : new HttpClientError.TransportError({ request }) })`
  },
  {
    name: "which reason an error of the HTTP client holds",
    before:
      `import * as HttpClientError from "@effect/platform/HttpClientError"\nif (error.reason !== "Transport") skip()`,
    after: `if (error.reason._tag !== "TransportError") skip()`,
    kinds: [ts.SyntaxKind.BinaryExpression],
    rewrite: (node, context) => {
      const error = reasonOf(node.left)
      const reason = ts.isStringLiteral(node.right) ? reasons[node.right.text] : undefined
      return error !== undefined && reason !== undefined && isOf("@effect/platform/HttpClientError")(context)
        ? `${context.text(error)}.reason._tag ${node.operatorToken.getText(context.file)} "${reason}"`
        : undefined
    }
  },
  renamed({
    name: "the HTTP client has one error",
    before:
      `import * as HttpClientError from "@effect/platform/HttpClientError"\ndeclare const error: HttpClientError.ResponseError`,
    after:
      `import * as HttpClientError from "effect/http/HttpClientError"\ndeclare const error: HttpClientError.HttpClientError`
  }, {
    "@effect/platform/HttpClientError.RequestError": "effect/http/HttpClientError.HttpClientError",
    "@effect/platform/HttpClientError.ResponseError": "effect/http/HttpClientError.HttpClientError"
  }),
  renamed({
    name: "errors of files",
    before: `import type { PlatformError } from "@effect/platform/Error"\ndeclare const error: PlatformError`,
    after: `import * as PlatformError from "effect/PlatformError"\ndeclare const error: PlatformError.PlatformError`
  }, {
    "@effect/platform/Error.PlatformError": "effect/PlatformError.PlatformError",
    "@effect/platform/Error.SystemErrorReason": "effect/PlatformError.SystemErrorTag"
  })
]

const isOf = (module) => (context) => context.file.text.includes(module)

const aboutFiles = (context) => isOf("@effect/platform/Error")(context) && !aboutStores(context)

const aboutStores = isOf("@effect/platform/KeyValueStore")

/** `error._tag === "SystemError"`, and what it is compared with. */
const systemErrorOf = (node, context) =>
  ts.isBinaryExpression(node) && ts.isPropertyAccessExpression(node.left) && node.left.name.text === "_tag" &&
    node.right.getText(context.file) === "\"SystemError\""
    ? node.left.expression
    : undefined

const reasonOf = (node) =>
  ts.isPropertyAccessExpression(node) && node.name.text === "reason" ? node.expression : undefined

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const files = [
  {
    name: "an error of files holds its reason",
    before:
      `import type { PlatformError } from "@effect/platform/Error"\nconst words = error._tag === "SystemError" ? error.reason : "BadArgument"`,
    after: `const words = error.reason._tag`,
    kinds: [ts.SyntaxKind.ConditionalExpression],
    rewrite: (node, context) => {
      const error = aboutFiles(context) ? systemErrorOf(node.condition, context) : undefined
      return error !== undefined && reasonOf(node.whenTrue)?.getText(context.file) === error.getText(context.file)
        ? `${context.text(error)}.reason._tag`
        : undefined
    }
  },
  {
    name: "an error of a store of keys is its own",
    before:
      `import type { PlatformError } from "@effect/platform/Error"\nimport type * as KeyValueStore from "@effect/platform/KeyValueStore"\nconst failed = (error: PlatformError, store: KeyValueStore.KeyValueStore) => error.module + (error._tag === "SystemError" ? error.reason : error._tag)`,
    after:
      `import * as KeyValueStore from "effect/persistence/KeyValueStore"\nconst failed = (error: KeyValueStore.KeyValueStoreError, store: KeyValueStore.KeyValueStore) => "KeyValueStore" + (error._tag)`,
    kinds: [ts.SyntaxKind.ConditionalExpression, ts.SyntaxKind.PropertyAccessExpression, ts.SyntaxKind.TypeReference],
    rewrite: (node, context) => {
      if (!aboutStores(context) || !isOf("@effect/platform/Error")(context)) return undefined
      if (ts.isTypeReferenceNode(node)) {
        return context.member(node.typeName) === "@effect/platform/Error.PlatformError"
          ? context.use("effect/persistence/KeyValueStore.KeyValueStoreError")
          : undefined
      }
      if (ts.isConditionalExpression(node)) {
        const error = systemErrorOf(node.condition, context)
        return error === undefined ? undefined : `${context.text(error)}._tag`
      }
      return node.getText(context.file) === "error.module" ? "\"KeyValueStore\"" : undefined
    }
  },
  {
    name: "which error of files it is",
    before:
      `import type { PlatformError } from "@effect/platform/Error"\nerror._tag === "SystemError" && error.reason === "NotFound"`,
    after: `error.reason._tag === "NotFound"`,
    kinds: [ts.SyntaxKind.BinaryExpression],
    rewrite: (node, context) => {
      if (!aboutFiles(context)) return undefined
      const error = systemErrorOf(node.left, context)
      if (error !== undefined && ts.isBinaryExpression(node.right) && reasonOf(node.right.left) !== undefined) {
        return `${context.text(error)}.reason._tag === ${context.text(node.right.right)}`
      }
      const alone = systemErrorOf(node, context)
      if (alone === undefined || node.operatorToken.kind !== ts.SyntaxKind.ExclamationEqualsEqualsToken) {
        return undefined
      }
      return `${context.text(alone)}.reason._tag === "BadArgument"`
    }
  },
  {
    name: "what an error of files says",
    before:
      `import type { PlatformError } from "@effect/platform/Error"\nswitch (error.reason) { default: log(error.module, error.method) }`,
    after: `switch (error.reason._tag) { default: log(error.reason.module, error.reason.method) }`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) => {
      if (!aboutFiles(context) || !ts.isIdentifier(node.expression) || node.expression.text !== "error") {
        return undefined
      }
      if (node.name.text === "reason" && ts.isSwitchStatement(node.parent)) return "error.reason._tag"
      return /^(module|method)$/.test(node.name.text) ? `error.reason.${node.name.text}` : undefined
    }
  },
  called(
    {
      name: "a store of keys in files",
      before:
        `import * as NodeKeyValueStore from "@effect/platform-node/NodeKeyValueStore"\nNodeKeyValueStore.layerFileSystem(folder)`,
      after:
        `import * as NodeServices from "@effect/platform-node/NodeServices"\nimport * as KeyValueStore from "effect/persistence/KeyValueStore"\nimport * as Layer from "effect/Layer"\nLayer.provide(KeyValueStore.layerFileSystem(folder), NodeServices.layer)`
    },
    "@effect/platform-node/NodeKeyValueStore.layerFileSystem",
    ([folder], context) =>
      `${context.use("effect/Layer.provide")}(${context.use("effect/persistence/KeyValueStore.layerFileSystem")}(${
        context.text(folder)
      }), ${context.use("@effect/platform-node/NodeServices.layer")})`
  ),
  {
    name: "a store of keys gives undefined for what it has not",
    before:
      `import type * as KeyValueStore from "@effect/platform/KeyValueStore"\nconst read = (store: KeyValueStore.KeyValueStore) => store.get(key)`,
    after:
      `import type * as KeyValueStore from "effect/persistence/KeyValueStore"\nimport * as Effect from "effect/Effect"\nimport * as Option from "effect/Option"\nconst read = (store: KeyValueStore.KeyValueStore) => Effect.map(store.get(key), Option.fromUndefinedOr)`,
    silent: "`get` gives no Option",
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "get") return undefined
      return isDeclaredAs(expression.expression, /^(yield\* )?KeyValueStore\.KeyValueStore$/, context)
        ? `${context.use("effect/Effect.map")}(${context.kept(node)}, ${context.use("effect/Option.fromUndefinedOr")})`
        : undefined
    }
  }
]

const runsProcesses = isOf("@effect/platform/Command")

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const processes = [
  {
    name: "a program is run with options",
    before:
      `import * as Command from "@effect/platform/Command"\nCommand.make(program, ...args).pipe(Command.env(env), Command.stdin(Stream.empty), Command.start, Effect.scoped)`,
    after:
      `import * as ChildProcess from "effect/process/ChildProcess"\nChildProcess.make(program, args, { env, extendEnv: true, stdin: Stream.empty }).pipe(Effect.scoped)`,
    silent: "variables that are set take the place of those of this process",
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: steps, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "pipe") return undefined
      const command = expression.expression
      if (!ts.isCallExpression(command) || context.member(command.expression) !== "@effect/platform/Command.make") {
        return undefined
      }
      const memberOf = (step) => context.member(ts.isCallExpression(step) ? step.expression : step)
      const isOption = (step) => ts.isCallExpression(step) && /^@effect\/platform\/Command\./.test(memberOf(step) ?? "")
      const options = steps.filter(isOption).flatMap((step) => {
        const name = memberOf(step).split(".").at(-1)
        const value = context.text(step.arguments[0])
        return [value === name ? name : `${name}: ${value}`, ...(name === "env" ? ["extendEnv: true"] : [])]
      })
      const [program, ...args] = command.arguments
      const list = args.length === 1 && ts.isSpreadElement(args[0])
        ? context.text(args[0].expression)
        : `[${texts(args, context).join(", ")}]`
      return `${context.use("effect/process/ChildProcess.make")}(${context.text(program)}, ${list}, { ${
        options.join(", ")
      } }).pipe(${
        steps.filter((step) => !isOption(step)).flatMap((step) => {
          // a program is started by itself
          if (memberOf(step) === "@effect/platform/Command.start") return []
          return memberOf(step) === "@effect/platform/Command.exitCode"
            ? [
              `${context.use("effect/Effect.flatMap")}(({ exitCode }) => exitCode)`,
              context.use("effect/Effect.scoped")
            ]
            : [context.text(step)]
        }).join(", ")
      })`
    }
  },
  {
    name: "a program is run to its end",
    before:
      `import * as Command from "@effect/platform/Command"\nCommand.make("tsx", "a.ts").pipe(Command.stdout("inherit"), Command.exitCode)`,
    after:
      `import * as ChildProcess from "effect/process/ChildProcess"\nimport * as Effect from "effect/Effect"\nChildProcess.make("tsx", ["a.ts"], { stdout: "inherit" }).pipe(Effect.flatMap(({ exitCode }) => exitCode), Effect.scoped)`
  },
  {
    name: "a process is sent a signal by its options",
    before: `import * as Command from "@effect/platform/Command"\nprocess.kill("SIGKILL")`,
    after: `process.kill({ killSignal: "SIGKILL" })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: args, expression } = node
      if (!runsProcesses(context) || !ts.isPropertyAccessExpression(expression)) return undefined
      return expression.name.text === "kill" && args.length === 1 && ts.isStringLiteral(args[0])
        ? `${context.text(expression)}({ killSignal: ${context.text(args[0])} })`
        : undefined
    }
  },
  renamed({
    name: "what runs programs",
    before:
      `import * as CommandExecutor from "@effect/platform/CommandExecutor"\ndeclare const executor: CommandExecutor.CommandExecutor`,
    after:
      `import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"\ndeclare const executor: ChildProcessSpawner.ChildProcessSpawner`
  }, {
    "@effect/platform/CommandExecutor.CommandExecutor": "effect/process/ChildProcessSpawner.ChildProcessSpawner",
    "@effect/platform/CommandExecutor.makeExecutor": "effect/process/ChildProcessSpawner.make"
  })
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const infos = [
  called(
    {
      name: "the size of a file",
      before: `import * as FileSystem from "@effect/platform/FileSystem"\nFileSystem.Size(10)`,
      after: `import * as ByteSize from "effect/ByteSize"\nByteSize.bytes(10)`
    },
    "@effect/platform/FileSystem.Size",
    ([size], context) => `${context.use("effect/ByteSize.bytes")}(${context.text(size)})`
  ),
  {
    name: "the device of a file is a bigint",
    before:
      `import type * as FileSystem from "@effect/platform/FileSystem"\nconst info: FileSystem.File.Info = { type: "File", dev: 0 }`,
    after:
      `import type * as FileSystem from "effect/FileSystem"\nconst info: FileSystem.File.Info = { type: "File", dev: 0n }`,
    kinds: [ts.SyntaxKind.PropertyAssignment],
    rewrite: (node, context) =>
      node.name.getText(context.file) === "dev" && ts.isNumericLiteral(node.initializer) &&
        isOf("FileSystem.File.Info")(context)
        ? `dev: ${node.initializer.text}n`
        : undefined
  }
]

/** A client whose requests have the last argument for a reference. */
const transformed = (reference) => (args, context) => {
  const provide = context.use("effect/Effect.provideService")
  const provided = `${provide}(${context.use(reference)}, ${context.text(args.at(-1))})`
  return `${context.use("effect/http/HttpClient.transformResponse")}(${
    [...texts(args.slice(0, -1), context), provided].join(", ")
  })`
}

const clientReasons = (text) => reasons[text.replaceAll("\"", "")]

/** How tests and reports speak of the errors of the client. */
const recognised = [
  {
    name: "what a test says of an error of the HTTP client",
    before: `assert.deepInclude(error, { _tag: "RequestError", reason: "Transport", request })`,
    after: `assert.deepInclude(Reflect.get(error, "reason"), { _tag: "TransportError", request })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const [error, fields] = node.arguments
      const [tag, reason] = ["_tag", "reason"].map((name) => property(fields, name))
      if (tag === undefined || reason === undefined || !/"(Request|Response)Error"/.test(tag.getText(context.file))) {
        return undefined
      }
      const rest = fields.properties.filter((found) => found !== tag && found !== reason)
      return `${context.text(node.expression)}(Reflect.get(${context.text(error)}, "reason"), { ${
        [`_tag: "${clientReasons(valueOf(reason, context))}"`, ...rest.map((found) => context.text(found))].join(", ")
      } })`
    }
  },
  {
    name: "the reason of an error of the HTTP client",
    before: `error._tag === "RequestError" ? error.reason : ""`,
    after: `error._tag === "HttpClientError" ? error.reason._tag.replace(/Error$/, "") : ""`,
    kinds: [ts.SyntaxKind.ConditionalExpression],
    rewrite: (node, context) => {
      const { condition, whenFalse, whenTrue } = node
      if (
        !ts.isBinaryExpression(condition) || !/^"(Request|Response)Error"$/.test(condition.right.getText(context.file))
      ) {
        return undefined
      }
      const error = reasonOf(whenTrue)
      return error === undefined ?
        undefined :
        `${context.text(condition.left)} === "HttpClientError" ? ${
          context.text(error)
        }.reason._tag.replace(/Error$/, "") : ${context.text(whenFalse)}`
    }
  },
  {
    name: "the tag of an error of the HTTP client",
    before: `assert.strictEqual(error._tag, "ResponseError")`,
    after: `assert.strictEqual(error._tag, "HttpClientError")`,
    kinds: [ts.SyntaxKind.StringLiteral],
    rewrite: (node) =>
      /^(Request|Response)Error$/.test(node.text) && !ts.isCaseClause(node.parent)
        ? "\"HttpClientError\""
        : undefined
  }
]

const isList = (node, context) =>
  isDeclaredAs(node, /^\[/, context) || ts.isArrayLiteralExpression(node) ||
  (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) &&
    /^(filter|map|flatMap)$/.test(node.expression.name.text))

const retried = { both: "errors-and-responses", "errors-only": "errors-only", "response-only": "response-only" }

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const requests = [
  {
    name: "what a client tries again",
    before:
      `import * as HttpClient from "@effect/platform/HttpClient"\nHttpClient.retryTransient(client, { times: 5, mode: "both" })`,
    after:
      `import * as HttpClient from "effect/http/HttpClient"\nHttpClient.retryTransient(client, { times: 5, retryOn: "errors-and-responses" })`,
    kinds: [ts.SyntaxKind.PropertyAssignment],
    rewrite: (node, context) => {
      if (node.name.getText(context.file) !== "mode" || !ts.isStringLiteral(node.initializer)) return undefined
      const call = node.parent.parent
      return ts.isCallExpression(call) &&
          context.member(call.expression) === "@effect/platform/HttpClient.retryTransient"
        ? `retryOn: "${retried[node.initializer.text]}"`
        : undefined
    }
  },
  called(
    {
      name: "several headers are removed by another function",
      before: `import * as Headers from "@effect/platform/Headers"\nHeaders.remove(headers, ["cookie"])`,
      after: `import * as Headers from "effect/http/Headers"\nHeaders.removeMany(headers, ["cookie"])`
    },
    "@effect/platform/Headers.remove",
    (args, context) =>
      isList(args.at(-1), context)
        ? `${context.use("effect/http/Headers.removeMany")}(${texts(args, context).join(", ")})`
        : undefined
  ),
  {
    name: "the method of a request is any text",
    before: `import type { HttpMethod } from "@effect/platform/HttpMethod"\ndeclare const method: HttpMethod`,
    after: `declare const method: string`,
    members: ["@effect/platform/HttpMethod.HttpMethod"],
    rewrite: () => "string"
  },
  {
    name: "a request with the method of another",
    before:
      `import * as HttpClientRequest from "@effect/platform/HttpClientRequest"\nHttpClientRequest.make(method)(url)`,
    after:
      `import * as HttpClientRequest from "effect/http/HttpClientRequest"\nHttpClientRequest.setUrl(HttpClientRequest.makeWith(method, "", UrlParams.empty, Option.none(), Headers.empty, HttpBody.empty), url)`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const make = node.expression
      if (!ts.isCallExpression(make) || context.member(make.expression) !== "@effect/platform/HttpClientRequest.make") {
        return undefined
      }
      if (ts.isStringLiteral(make.arguments[0])) return undefined
      const request = (name) => context.use(`effect/http/HttpClientRequest.${name}`)
      const made = `${request("setUrl")}(${request("makeWith")}(${context.text(make.arguments[0])}, "", ${
        context.use("effect/http/UrlParams.empty")
      }, ${context.use("effect/Option.none")}(), ${context.use("effect/http/Headers.empty")}, ${
        context.use("effect/http/HttpBody.empty")
      }), ${context.text(node.arguments[0])})`
      return node.arguments.length === 1 ? made : `${request("modify")}(${made}, ${context.text(node.arguments[1])})`
    }
  },
  {
    name: "the parameters of a request, as texts",
    before: `request.urlParams.filter(isOther)`,
    after:
      `import * as Redacted from "effect/Redacted"\nrequest.urlParams.params.map(([name, value]) => [name, typeof value === "string" ? value : Redacted.value(value)] as const).filter(isOther)`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) => {
      const { parent } = node
      if (node.name.text !== "urlParams") return undefined
      const isRead =
        (ts.isPropertyAccessExpression(parent) && /^(filter|length|map|find|some)$/.test(parent.name.text)) ||
        (ts.isCallExpression(parent) && parent.expression.getText(context.file) === "Array.from")
      return isRead
        ? `${context.kept(node)}.params.map(([name, value]) => [name, typeof value === "string" ? value : ${
          context.use("effect/Redacted.value")
        }(value)] as const)`
        : undefined
    }
  }
]

const socketReasons = {
  Open: (fields) => `SocketOpenError({ kind: "Unknown", ${fields} })`,
  OpenTimeout: (fields) => `SocketOpenError({ kind: "Timeout", ${fields} })`,
  Read: (fields) => `SocketReadError({ ${fields} })`,
  Write: (fields) => `SocketWriteError({ ${fields} })`
}

const socketTags = {
  Close: `_tag: "SocketCloseError"`,
  Open: `_tag: "SocketOpenError"`,
  OpenTimeout: `_tag: "SocketOpenError", kind: "Timeout"`,
  Read: `_tag: "SocketReadError"`,
  Write: `_tag: "SocketWriteError"`
}

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const sockets = [
  {
    name: "an error of a socket holds its reason",
    before:
      `import * as Socket from "@effect/platform/Socket"\nnew Socket.SocketGenericError({ reason: "OpenTimeout", cause })`,
    after:
      `import * as Socket from "effect/socket/Socket"\nnew Socket.SocketError({ reason: new Socket.SocketOpenError({ kind: "Timeout", cause }) })`,
    kinds: [ts.SyntaxKind.NewExpression],
    rewrite: (node, context) => {
      if (context.member(node.expression) !== "@effect/platform/Socket.SocketGenericError") return undefined
      const [fields] = node.arguments
      const reason = property(fields, "reason")
      const rest = fields.properties.filter((found) => found !== reason).map((found) => context.text(found)).join(", ")
      const made = socketReasons[reason.initializer.text](rest)
      return `new ${context.use("effect/socket/Socket.SocketError")}({ reason: new ${
        context.use("effect/socket/Socket.SocketOpenError").replace("SocketOpenError", made)
      } })`
    }
  },
  {
    name: "what an error of a socket says is in its reason",
    before:
      `import type * as Socket from "@effect/platform/Socket"\nconst lossOf = (error: Socket.SocketError) => error.reason === "Close" ? error.code : error.cause`,
    after:
      `import type * as Socket from "effect/socket/Socket"\nconst lossOf = (error: Socket.SocketError) => error.reason._tag === "SocketCloseError" ? error.reason.code : error.reason.cause`,
    kinds: [ts.SyntaxKind.BinaryExpression, ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) => {
      const access = ts.isBinaryExpression(node) ? node.left : node
      if (
        !ts.isPropertyAccessExpression(access) || !isDeclaredAs(access.expression, /^Socket\.SocketError$/, context)
      ) {
        return undefined
      }
      const error = context.text(access.expression)
      if (ts.isBinaryExpression(node)) {
        return access.name.text === "reason" && node.right.getText(context.file) === "\"Close\""
          ? `${error}.reason._tag === "SocketCloseError"`
          : undefined
      }
      return /^(code|closeReason|cause)$/.test(node.name.text) ? `${error}.reason.${node.name.text}` : undefined
    }
  },
  {
    name: "what a test says of an error of a socket",
    before:
      `import type * as Socket from "@effect/platform/Socket"\nassert.deepInclude(error, { reason: "Close", code: 1006 })`,
    after: `assert.deepInclude((error).reason, { _tag: "SocketCloseError", code: 1006 })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const [error, fields] = node.arguments
      const reason = property(fields, "reason")
      if (reason === undefined || !isOf("@effect/platform/Socket")(context)) return undefined
      const said = socketTags[valueOf(reason, context).replaceAll("\"", "")]
      if (said === undefined || node.expression.getText(context.file) !== "assert.deepInclude") return undefined
      const rest = fields.properties.filter((found) => found !== reason && found.name.text !== "_tag")
      return `assert.deepInclude((${context.text(error)}).reason, { ${
        [said, ...rest.map((found) => context.text(found))].join(", ")
      } })`
    }
  },
  {
    name: "which reason a test says that an error of a socket has",
    before: `import type * as Socket from "@effect/platform/Socket"\nassert.strictEqual(error.reason, "Open")`,
    after: `assert.deepInclude(error.reason, { _tag: "SocketOpenError" })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const [error, reason] = node.arguments
      if (node.expression.getText(context.file) !== "assert.strictEqual" || reasonOf(error) === undefined) {
        return undefined
      }
      const said = ts.isStringLiteral(reason) && isOf("@effect/platform/Socket")(context)
        ? socketTags[reason.text]
        : undefined
      return said === undefined ? undefined : `assert.deepInclude(${context.text(error)}, { ${said} })`
    }
  },
  {
    name: "what caused an error of a socket, as a test asks for it",
    before: `import type * as Socket from "@effect/platform/Socket"\nString("cause" in error ? error.cause : "")`,
    after: `String("cause" in error.reason ? error.reason.cause : "")`,
    kinds: [ts.SyntaxKind.ConditionalExpression],
    rewrite: (node, context) => {
      const { condition, whenFalse, whenTrue } = node
      if (!isOf("@effect/platform/Socket")(context) || !ts.isBinaryExpression(condition)) return undefined
      const error = condition.right.getText(context.file)
      return condition.getText(context.file) === `"cause" in ${error}` &&
          whenTrue.getText(context.file) === `${error}.cause`
        ? `"cause" in ${error}.reason ? ${error}.reason.cause : ${context.text(whenFalse)}`
        : undefined
    }
  },
  {
    name: "which failures of the HTTP client pass",
    before: `switch (failure._tag) { case "RequestError": return failure.reason === "Transport" }`,
    after:
      `switch (failure._tag) { case "HttpClientError": return "response" in failure.reason || failure.reason._tag === "TransportError" }`,
    kinds: [ts.SyntaxKind.CaseClause],
    rewrite: (node, context) => {
      if (!ts.isStringLiteral(node.expression)) return undefined
      if (node.expression.text === "ResponseError" && node.statements.length > 0) return undefined
      if (node.expression.text === "ResponseError") return ""
      return node.expression.text === "RequestError" &&
          /^return failure\.reason === "Transport"$/.test(node.statements[0]?.getText(context.file) ?? "")
        ? `case "HttpClientError": return "response" in failure.reason || failure.reason._tag === "TransportError"`
        : undefined
    }
  },
  {
    name: "a socket is run by a function",
    before: `socket.runRaw(onMessage)`,
    after:
      `import * as SocketRunning from "@effect-auth/core/internal/socketRunning"\nSocketRunning.runRaw(socket, onMessage)`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "runRaw") return undefined
      return `${context.use("@effect-auth/core/internal/socketRunning.runRaw")}(${
        [context.text(expression.expression), ...texts(node.arguments, context)].join(", ")
      })`
    }
  },
  {
    name: "the writer of a socket has two functions",
    before: `const write = yield* socket.writer`,
    after: `const { write } = yield* socket.writer`,
    kinds: [ts.SyntaxKind.VariableDeclaration],
    rewrite: (node, context) => {
      if (!ts.isIdentifier(node.name) || node.initializer?.getText(context.file) !== "yield* socket.writer") {
        return undefined
      }
      const name = node.name.text === "write" ? "write" : `write: ${node.name.text}`
      return `{ ${name} } = ${context.text(node.initializer)}`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const servers = [
  {
    name: "the routes of a router are layers",
    before:
      `import * as HttpRouter from "@effect/platform/HttpRouter"\nHttpRouter.empty.pipe(HttpRouter.get("/things", things))`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as HttpRouter from "effect/http/HttpRouter"\nEffect.scoped(Effect.flatten(HttpRouter.toHttpEffect(HttpRouter.add("GET", "/things", things))))`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: steps, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "pipe") return undefined
      if (context.member(expression.expression) !== "@effect/platform/HttpRouter.empty") return undefined
      const routes = steps.map((step) => {
        const [, method] = ts.isCallExpression(step)
          ? /^@effect\/platform\/HttpRouter\.(get|post|put|patch|del)$/.exec(context.member(step.expression) ?? "") ??
            []
          : []
        return method === undefined ?
          undefined :
          `${context.use("effect/http/HttpRouter.add")}("${method === "del" ? "DELETE" : method.toUpperCase()}", ${
            texts(step.arguments, context).join(", ")
          })`
      })
      if (routes.includes(undefined)) return undefined
      const layers = routes.length === 1
        ? routes[0]
        : `${context.use("effect/Layer.mergeAll")}(${routes.join(", ")})`
      return `${context.use("effect/Effect.scoped")}(${context.use("effect/Effect.flatten")}(${
        context.use("effect/http/HttpRouter.toHttpEffect")
      }(${layers})))`
    }
  },
  {
    name: "what an endpoint answers is among its options",
    before:
      `import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint"\nHttpApiEndpoint.get("count", "/count").addSuccess(Schema.Number)`,
    after:
      `import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"\nHttpApiEndpoint.get("count", "/count", { success: Schema.Number })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      const { arguments: args, expression } = node
      if (!ts.isPropertyAccessExpression(expression) || expression.name.text !== "addSuccess") return undefined
      const endpoint = expression.expression
      return ts.isCallExpression(endpoint) && endpoint.arguments.length === 2 &&
          /^@effect\/platform\/HttpApiEndpoint\./.test(context.member(endpoint.expression) ?? "")
        ? `${context.text(endpoint.expression)}(${texts(endpoint.arguments, context).join(", ")}, { success: ${
          context.text(args[0])
        } })`
        : undefined
    }
  },
  {
    name: "whether something is a client",
    before: `import * as HttpClient from "@effect/platform/HttpClient"\nHttpClient.TypeId in made`,
    after: `import * as HttpClient from "effect/http/HttpClient"\nHttpClient.isHttpClient(made)`,
    kinds: [ts.SyntaxKind.BinaryExpression],
    rewrite: (node, context) =>
      node.operatorToken.kind === ts.SyntaxKind.InKeyword &&
        context.member(node.left) === "@effect/platform/HttpClient.TypeId"
        ? `${context.use("effect/http/HttpClient.isHttpClient")}(${context.text(node.right)})`
        : undefined
  },
  {
    name: "an answer for the web is made in a context",
    before:
      `import * as HttpServerResponse from "@effect/platform/HttpServerResponse"\nHttpServerResponse.toWeb(response, { runtime })`,
    after:
      `import * as HttpServerResponse from "effect/http/HttpServerResponse"\nHttpServerResponse.toWeb(response, { context: runtime })`,
    kinds: [ts.SyntaxKind.ShorthandPropertyAssignment],
    rewrite: (node, context) =>
      node.name.text === "runtime" && ts.isCallExpression(node.parent.parent) &&
        context.member(node.parent.parent.expression) === "@effect/platform/HttpServerResponse.toWeb"
        ? "context: runtime"
        : undefined
  },
  called(
    {
      name: "the address of a server",
      before: `import * as HttpServer from "@effect/platform/HttpServer"\nHttpServer.addressWith(f)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as HttpServer from "effect/http/HttpServer"\nEffect.flatMap(HttpServer.HttpServer, ({ address }) => (f)(address))`
    },
    "@effect/platform/HttpServer.addressWith",
    ([f], context) => {
      const typed = ts.isArrowFunction(f) && f.parameters.length === 1
        ? context.text(f).replace(
          /^\(?(\w+)\)?/,
          `($1: ${context.use("effect/http/HttpServer.HttpServer")}["Service"]["address"])`
        )
        : context.text(f)
      return `${context.use("effect/Effect.flatMap")}(${
        context.use("effect/http/HttpServer.HttpServer")
      }, ({ address }) => (${typed})(address))`
    }
  ),
  called(
    {
      name: "the URL of a request",
      before:
        `import * as UrlParams from "@effect/platform/UrlParams"\nUrlParams.makeUrl(request.url, request.urlParams, request.hash)`,
      after:
        `import * as Option from "effect/Option"\nimport * as Url from "effect/http/Url"\nUrl.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))`
    },
    "@effect/platform/UrlParams.makeUrl",
    ([url, params, hash], context) =>
      `${context.use("effect/http/Url.make")}(${context.text(url)}, ${context.text(params)}, ${
        context.use("effect/Option.getOrUndefined")
      }(${context.text(hash)}))`
  ),
  {
    name: "an error of a store of keys, made",
    before:
      `import * as PlatformError from "@effect/platform/Error"\nPlatformError.SystemError.make({ reason: "PermissionDenied", module: "KeyValueStore", method: "x" })`,
    after:
      `import * as KeyValueStore from "effect/persistence/KeyValueStore"\nnew KeyValueStore.KeyValueStoreError({ message: "PermissionDenied", method: "x" })`,
    kinds: [ts.SyntaxKind.CallExpression],
    rewrite: (node, context) => {
      if (node.expression.getText(context.file) !== "PlatformError.SystemError.make") return undefined
      const [fields] = node.arguments
      return `new ${context.use("effect/persistence/KeyValueStore.KeyValueStoreError")}({ message: ${
        valueOf(property(fields, "reason"), context)
      }, method: ${valueOf(property(fields, "method"), context)} })`
    }
  },
  {
    name: "an error of files, made",
    before:
      `import { SystemError } from "@effect/platform/Error"\nconst failed: SystemError = new SystemError({ module: "FileSystem", method: "stream", reason: "NotFound" })`,
    after:
      `import * as PlatformError from "effect/PlatformError"\nconst failed: PlatformError.PlatformError = PlatformError.systemError({ module: "FileSystem", method: "stream", _tag: "NotFound" })`,
    members: ["@effect/platform/Error.SystemError"],
    rewrite: (node, context) =>
      ts.isNewExpression(node.parent) && node.parent.expression === node
        ? undefined
        : context.use("effect/PlatformError.PlatformError")
  },
  {
    name: "a new error of files",
    before:
      `import { SystemError } from "@effect/platform/Error"\nnew SystemError({ module: "FileSystem", method: "stream", reason: "NotFound" })`,
    after:
      `import * as PlatformError from "effect/PlatformError"\nPlatformError.systemError({ module: "FileSystem", method: "stream", _tag: "NotFound" })`,
    kinds: [ts.SyntaxKind.NewExpression],
    rewrite: (node, context) => {
      if (context.member(node.expression) !== "@effect/platform/Error.SystemError") return undefined
      const fields = node.arguments[0].properties.map((found) =>
        found.name?.getText(context.file) === "reason" ? `_tag: ${valueOf(found, context)}` : context.text(found)
      )
      return `${context.use("effect/PlatformError.systemError")}({ ${fields.join(", ")} })`
    }
  },
  {
    name: "the address of who asks may be missing",
    before:
      `request.modify({ ...(Option.isSome(request.remoteAddress) ? { remoteAddress: request.remoteAddress.value } : undefined) })`,
    after: `request.modify({ ...({ remoteAddress: request.remoteAddress }) })`,
    kinds: [ts.SyntaxKind.ConditionalExpression],
    rewrite: (node, context) =>
      /^Option\.isSome\(\w+\.remoteAddress\)$/.test(node.condition.getText(context.file))
        ? `{ remoteAddress: ${context.text(node.condition.arguments[0])} }`
        : undefined
  },
  {
    name: "what a body says of itself",
    before: `HttpBody.stream(stream, response.body.contentType, response.body.contentLength)`,
    after:
      `HttpBody.stream(stream, "contentType" in response.body ? response.body.contentType : undefined, "contentLength" in response.body ? response.body.contentLength : undefined)`,
    kinds: [ts.SyntaxKind.PropertyAccessExpression],
    rewrite: (node, context) => {
      const { expression, name } = node
      if (!/^content(Type|Length)$/.test(name.text) || !ts.isPropertyAccessExpression(expression)) return undefined
      const body = context.text(expression)
      return body === "response.body" ? `"${name.text}" in ${body} ? ${body}.${name.text} : undefined` : undefined
    }
  },
  {
    name: "an address with a port",
    before: `address._tag === "TcpAddress"`,
    after: `"port" in address`,
    kinds: [ts.SyntaxKind.BinaryExpression],
    rewrite: (node, context) =>
      node.right.getText(context.file) === "\"TcpAddress\"" && ts.isPropertyAccessExpression(node.left)
        ? `"port" in ${context.text(node.left.expression)}`
        : undefined
  },
  {
    name: "the type of a service",
    before: `import * as RpcClient from "@effect/rpc/RpcClient"\ndeclare const protocol: RpcClient.Protocol["Type"]`,
    after: `import * as RpcClient from "effect/rpc/RpcClient"\ndeclare const protocol: RpcClient.Protocol["Service"]`,
    kinds: [ts.SyntaxKind.IndexedAccessType],
    rewrite: (node, context) =>
      node.indexType.getText(context.file) === "\"Type\"" && !ts.isTypeQueryNode(node.objectType)
        ? `${context.text(node.objectType)}["Service"]`
        : undefined
  },
  {
    name: "the upgrade of a request of a server",
    before: `import * as HttpServerRequest from "@effect/platform/HttpServerRequest"\nHttpServerRequest.upgrade`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as HttpServerRequest from "effect/http/HttpServerRequest"\nEffect.flatMap(HttpServerRequest.HttpServerRequest, (request) => request.upgrade)`,
    members: ["@effect/platform/HttpServerRequest.upgrade"],
    rewrite: (_, context) =>
      `${context.use("effect/Effect.flatMap")}(${
        context.use("effect/http/HttpServerRequest.HttpServerRequest")
      }, (request) => request.upgrade)`
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
const members = [
  renamed({
    name: "the members of the HTTP client and server",
    before: `import * as HttpBody from "@effect/platform/HttpBody"\nHttpBody.unsafeJson({})`,
    after: `import * as HttpBody from "effect/http/HttpBody"\nHttpBody.jsonUnsafe({})`
  }, {
    "@effect/platform/Headers.currentRedactedNames": "effect/http/Headers.CurrentRedactedNames",
    "@effect/platform/HttpBody.unsafeJson": "effect/http/HttpBody.jsonUnsafe",
    "@effect/platform/HttpClient.catchAll": "effect/http/HttpClient.catch",
    "@effect/platform/HttpClientRequest.del": "effect/http/HttpClientRequest.delete",
    "@effect/platform/HttpClientRequest.bodyUnsafeJson": "effect/http/HttpClientRequest.bodyJsonUnsafe",
    "@effect/platform/HttpServerResponse.unsafeJson": "effect/http/HttpServerResponse.jsonUnsafe",
    "@effect/platform/HttpServerResponse.unsafeSetCookie": "effect/http/HttpServerResponse.setCookieUnsafe",
    "@effect/platform-node/NodeContext.NodeContext": "@effect/platform-node/NodeServices.NodeServices",
    "@effect/platform-node/NodeContext.layer": "@effect/platform-node/NodeServices.layer",
    "@effect/platform-node/NodeHttpClient.layer": "@effect/platform-node/NodeHttpClient.layerNodeHttp",
    "@effect/platform-node/NodeHttpClient.make": "@effect/platform-node/NodeHttpClient.makeNodeHttp",
    "@effect/platform-node/NodeHttpClient.layerWithoutAgent":
      "@effect/platform-node/NodeHttpClient.layerNodeHttpNoAgent",
    "@effect/platform-node/NodeHttpClient.makeAgentLayer": "@effect/platform-node/NodeHttpClient.layerAgentOptions",
    "@effect/platform-node/NodeHttpClient.layerUndiciWithoutDispatcher":
      "@effect/platform-node/NodeHttpClient.layerUndiciNoDispatcher"
  }),
  called(
    {
      name: "undici's client takes its dispatcher from the context",
      before:
        `import * as Effect from "effect/Effect"\nimport * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"\nEffect.sync(() => NodeHttpClient.makeUndici(dispatcher))`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"\nEffect.suspend(() => Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, dispatcher))`
    },
    "effect/Effect.sync",
    ([made], context) => {
      const client = (name) => `@effect/platform-node/NodeHttpClient.${name}`
      const call = ts.isArrowFunction(made) && ts.isCallExpression(made.body) ? made.body : undefined
      if (call === undefined || context.member(call.expression) !== client("makeUndici")) return undefined
      const effect = (name) => context.use(`effect/Effect.${name}`)
      return `${effect("suspend")}(() => ${effect("provideService")}(${context.use(client("makeUndici"))}, ${
        context.use(client("Dispatcher"))
      }, ${context.text(call.arguments[0])}))`
    }
  ),
  {
    name: "the agents of Node's client are an object",
    before:
      `import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"\nconst agents = { [NodeHttpClient.HttpAgentTypeId]: NodeHttpClient.HttpAgentTypeId, http, https }`,
    after: `const agents = { http, https }`,
    kinds: [ts.SyntaxKind.ObjectLiteralExpression],
    rewrite: (node, context) => {
      const isId = ({ name }) =>
        name !== undefined && ts.isComputedPropertyName(name) &&
        context.member(name.expression) === "@effect/platform-node/NodeHttpClient.HttpAgentTypeId"
      return node.properties.some(isId)
        ? `{ ${node.properties.filter((found) => !isId(found)).map((found) => context.text(found)).join(", ")} }`
        : undefined
    }
  },
  called(
    {
      name: "whether a client sends traces",
      before:
        `import * as HttpClient from "@effect/platform/HttpClient"\nHttpClient.withTracerPropagation(client, false)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as HttpClient from "effect/http/HttpClient"\nHttpClient.transformResponse(client, Effect.provideService(HttpClient.TracerPropagationEnabled, false))`
    },
    "@effect/platform/HttpClient.withTracerPropagation",
    transformed("effect/http/HttpClient.TracerPropagationEnabled")
  ),
  called(
    {
      name: "which requests of a client have no span",
      before:
        `import * as HttpClient from "@effect/platform/HttpClient"\nHttpClient.withTracerDisabledWhen(isUntraced)`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as HttpClient from "effect/http/HttpClient"\nHttpClient.transformResponse(Effect.provideService(HttpClient.TracerDisabledWhen, isUntraced))`
    },
    "@effect/platform/HttpClient.withTracerDisabledWhen",
    transformed("effect/http/HttpClient.TracerDisabledWhen")
  ),
  called(
    {
      name: "which headers are secret is told as a service",
      before:
        `import * as Effect from "effect/Effect"\nimport * as Headers from "@effect/platform/Headers"\nEffect.locally(call, Headers.currentRedactedNames, ["x-key"])`,
      after:
        `import * as Effect from "effect/Effect"\nimport * as Headers from "effect/http/Headers"\nEffect.provideService(call, Headers.CurrentRedactedNames, ["x-key"])`
    },
    "effect/Effect.locally",
    (args, context) =>
      context.member(args.at(-2)) === "@effect/platform/Headers.currentRedactedNames"
        ? `${context.use("effect/Effect.provideService")}(${texts(args, context).join(", ")})`
        : undefined
  ),
  {
    name: "an HTTP app is an effect",
    before: `import * as HttpApp from "@effect/platform/HttpApp"\ndeclare const app: HttpApp.Default<never, Store>`,
    after:
      `import * as Effect from "effect/Effect"\nimport * as HttpServerRequest from "effect/http/HttpServerRequest"\nimport * as HttpServerResponse from "effect/http/HttpServerResponse"\ndeclare const app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest.HttpServerRequest | Store>`,
    kinds: [ts.SyntaxKind.TypeReference],
    rewrite: (node, context) => {
      if (context.member(node.typeName) !== "@effect/platform/HttpApp.Default") return undefined
      const [error = "never", services] = (node.typeArguments ?? []).map(context.text)
      const effect = context.use("effect/Effect.Effect")
      const request = context.use("effect/http/HttpServerRequest.HttpServerRequest")
      return `${effect}<${context.use("effect/http/HttpServerResponse.HttpServerResponse")}, ${error}, ${request}${
        services === undefined ? "" : ` | ${services}`
      }>`
    }
  }
]

/** @type {ReadonlyArray<import("../rewrite.mjs").Rule>} */
export const http = [
  ...errors,
  ...files,
  ...infos,
  ...processes,
  ...recognised,
  ...requests,
  ...sockets,
  ...servers,
  ...members
]
